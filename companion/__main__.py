"""The command line: `python -m companion diagnose file.py:function`.

It imports and runs the file that it is given, in a fresh interpreter that is watched.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import sys
import time

__all__ = ["main"]

_NUMBERS = {
    "base": "of the logarithm; 2 for bits",
    "pos_weight": "what positives are multiplied by",
    "label_smoothing": "ε of the labels",
    "gamma": "γ of a focal loss",
    "alpha": "α of a focal loss: what positives are multiplied by, negatives by 1 - α",
    "ignore_index": "the label that marks an element to leave out",
}


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal or pipe that has no ε or √
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(prog="python -m companion", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    ask = commands.add_parser(
        "diagnose",
        help="say what is wrong with a loss",
        description="Say what is wrong with a loss. The file is imported and run. "
        "Exit status: 0 nothing as bad as --fail-on, 1 something, 2 it could not be examined.",
        epilog="A loss of more arguments than predictions and labels, or a class that needs some, "
        "is given them in the file: loss = functools.partial(f, w=2), loss = MyLoss(2).",
    )
    ask.add_argument("loss", help="path/to/file.py:function or module:function")
    ask.add_argument("--inputs", choices=["logits", "probabilities"], help="what predictions are")
    ask.add_argument(
        "--labels",
        choices=["soft", "hard", "signs", "index", "one-hot"],
        help="in [0, 1]; 0 or 1; -1 or 1; numbers of classes; rows of probabilities",
    )
    ask.add_argument("--reduction", choices=["mean", "sum", "none"], help="what it returns")
    ask.add_argument(
        "--task", choices=["binary", "categorical"], help="a prediction is a number, or a row"
    )
    ask.add_argument(
        "--dtype", choices=["float64", "float32", "float16"], help="one that it is used with"
    )
    ask.add_argument("--gradient", metavar="NAME", help='a function beside the loss, or "returned"')
    ask.add_argument("--hessian", metavar="NAME", help="a function beside the loss")
    ask.add_argument(
        "--weight", type=_numbers, metavar="W,W", help="what each class is multiplied by: 1,3"
    )
    for name, words in _NUMBERS.items():
        ask.add_argument(f"--{name.replace('_', '-')}", type=float, metavar="NUMBER", help=words)
    ask.add_argument(
        "--expect", action="append", default=[], metavar="NAME", help="a finding that is meant"
    )
    ask.add_argument("--fail-on", choices=["minor", "major", "critical"], default="major",
                     help="what is bad enough for exit status 1; major if not said")  # fmt: skip
    ask.add_argument("--budget", type=float, default=5.0, metavar="SECONDS",
                     help="what it may take; 5 if not said")  # fmt: skip
    ask.add_argument("--json", action="store_true", help="print the report as JSON")
    return _diagnose(parser.parse_args(arguments))


def _numbers(text: str) -> tuple[float, ...]:
    """Read "1,3"."""
    return tuple(map(float, text.split(",")))


def _diagnose(options: argparse.Namespace) -> int:
    if importlib.util.find_spec("mpmath") is None:
        print("This needs mpmath: pip install 'bce-companion[clinic]'", file=sys.stderr)
        return 2
    from companion.clinic.declared import declare
    from companion.clinic.isolate import Place, in_a_child

    began = time.perf_counter()

    def progress(calls: int) -> None:
        if sys.stderr.isatty() and time.perf_counter() - began > 1:
            print(f"\rasked {calls} times ", end="", file=sys.stderr, flush=True)

    try:
        place = Place.of(options.loss)
        beside = lambda name: Place(place.where, name) if name else None  # noqa: E731
        gradient = options.gradient if options.gradient == "returned" else beside(options.gradient)
        declared = declare(
            inputs=options.inputs, labels=options.labels, reduction=options.reduction,
            task=options.task, dtype=options.dtype, weight=options.weight,
            **{name: getattr(options, name) for name in _NUMBERS},
        )  # fmt: skip
        report = in_a_child(
            place, declared, dict.fromkeys(options.expect, "by --expect"), options.budget,
            gradient=gradient, hessian=beside(options.hessian), progress=progress,
        )  # fmt: skip
    except (RuntimeError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if sys.stderr.isatty():
        print("\r" + " " * 24, end="\r", file=sys.stderr, flush=True)
    print(report.to_json() if options.json else report)
    return report.exit_status(options.fail_on)


if __name__ == "__main__":
    sys.exit(main())
