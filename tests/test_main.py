"""The command line: what it prints, and the exit status, from a fresh interpreter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from companion.__main__ import main

ROOT = Path(__file__).parents[1]
RIGHT = "np.mean(np.logaddexp(0, (1.0 - 2 * y) * z))"
NAIVE = "-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))"


@pytest.fixture
def write(tmp_path):
    def written(body, name="loss.py"):
        path = tmp_path / name
        path.write_text(f"import numpy as np\n{body}\n", encoding="utf-8")
        return str(path)

    return written


def run(*arguments, cwd=ROOT):
    """Run the command in a process of its own, as people do."""
    command = [sys.executable, "-m", "companion", "diagnose", *arguments]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )


def loss(expression, arguments="p, y"):
    return f"def loss({arguments}):\n    return {expression}"


def test_a_healthy_loss_exits_with_0(write):
    done = run(f"{write(loss(RIGHT, 'z, y'))}:loss", "--inputs", "logits", "--labels", "hard")
    assert done.returncode == 0, done.stderr
    assert "nothing found" in done.stdout


def test_a_mistake_exits_with_1_and_is_told(write):
    path = write(loss(NAIVE))
    done = run(f"{path}:loss", "--inputs", "probabilities", "--reduction", "mean")
    assert done.returncode == 1
    assert "nan-at-certainty" in done.stdout
    assert f"runpy.run_path({path!r})" in done.stdout


# These run in this process, which starts the child: one interpreter less for each.

STATUS = {
    "major and major": ("major", 1),
    "major and critical": ("critical", 0),
    "major and minor": ("minor", 1),
}


@pytest.mark.parametrize(("fail_on", "status"), STATUS.values(), ids=STATUS)
def test_fail_on_says_what_is_bad_enough(write, capsys, fail_on, status):
    where = f"{write(loss(NAIVE))}:loss"
    arguments = ["diagnose", where, "--inputs", "probabilities", "--fail-on", fail_on]
    assert main(arguments) == status
    assert "nan-at-certainty" in capsys.readouterr().out


def test_json_alone_is_printed(write, capsys):
    main(["diagnose", f"{write(loss(NAIVE))}:loss", "--inputs", "probabilities", "--json"])
    content = json.loads(capsys.readouterr().out)
    assert content["findings"][0]["name"] == "nan-at-certainty"
    assert content["ok"] is False
    assert content["name"] == "loss"


def test_what_is_expected_does_not_fail(write, capsys):
    where = f"{write(loss(NAIVE))}:loss"
    options = ["--inputs", "probabilities", "--expect", "nan-at-certainty"]
    assert main(["diagnose", where, *options]) == 0
    capsys.readouterr()


FAILURES = {
    "a missing function": ("def other(p, y): ...", "has no attribute 'loss'; it has: other"),
    "a class that needs arguments": (
        "class loss:\n    def __init__(self, k): ...",
        "give an instance, as in loss = loss(...)",
    ),
    "a file that raises": ("raise ValueError('out of luck')", "ValueError: out of luck"),
    "a file that exits": ("import os; os._exit(0)", "kills the process"),
}


@pytest.mark.parametrize(("body", "words"), FAILURES.values(), ids=FAILURES)
def test_what_cannot_be_examined_exits_with_2(write, capsys, body, words):
    assert main(["diagnose", f"{write(body)}:loss"]) == 2
    captured = capsys.readouterr()
    assert words in captured.err
    assert captured.out == ""


WRONG = {
    "no function": ["loss.py"],
    "an unknown option": ["loss.py:loss", "--colour"],
    "unknown inputs": ["loss.py:loss", "--inputs", "scores"],
    "an unknown name": ["loss.py:loss", "--expect", "cliped"],
}


@pytest.mark.parametrize("arguments", WRONG.values(), ids=WRONG)
def test_a_wrong_command_exits_with_2(capsys, arguments):
    try:
        status = main(["diagnose", *arguments])
    except SystemExit as error:
        status = error.code
    assert status == 2
    assert capsys.readouterr().err


FAR = "def loss(z, y):\n    if np.abs(z).max() > 300:\n        {}\n    return " + RIGHT
BAD = {
    "a hang": ("while True: pass", "hangs"),
    "os._exit": ("import os; os._exit(0)", "kills-the-process"),
    "a segmentation fault": ("import ctypes; ctypes.string_at(0)", "kills-the-process"),
    "input": ("input()", "EOFError"),
}


@pytest.mark.parametrize(("statement", "words"), BAD.values(), ids=BAD)
def test_what_ends_other_tools_is_a_finding(write, capsys, statement, words):
    where = f"{write(FAR.format(statement))}:loss"
    assert main(["diagnose", where, "--inputs", "logits", "--labels", "hard"]) == 1
    assert words in capsys.readouterr().out


def test_floods_of_output_do_not_reach_ours(write):
    path = write(
        "import os\ndef loss(z, y):\n    os.write(1, b'flood' * 20000)\n    print('flood')\n"
        f"    return {RIGHT}"
    )
    done = run(f"{path}:loss", "--inputs", "logits", "--labels", "hard", "--json")
    assert [each["name"] for each in json.loads(done.stdout)["findings"]] == ["prints"]
    assert "floodflood" not in done.stdout + done.stderr


def test_a_module_is_found_from_the_folder_of_the_command(write, tmp_path, monkeypatch, capsys):
    write(loss(RIGHT, "z, y"), "my_losses.py")
    monkeypatch.chdir(tmp_path)
    assert main(["diagnose", "my_losses:loss", "--inputs", "logits", "--labels", "hard"]) == 0
    capsys.readouterr()


def test_a_gradient_beside_the_loss_is_judged(write, capsys):
    body = loss(RIGHT, "z, y") + "\ndef slope(z, y):\n    return y - 1 / (1 + np.exp(-z))"
    options = ["--inputs", "logits", "--labels", "hard", "--gradient", "slope", "--json"]
    assert main(["diagnose", f"{write(body)}:loss", *options]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    assert "gradient-sign" in [each["name"] for each in found]


def test_a_weight_for_each_class_is_declared(write, capsys):
    body = loss("np.mean((1 + 2 * y) * np.logaddexp(0, (1.0 - 2 * y) * z))", "z, y")
    where = ["diagnose", f"{write(body)}:loss", "--inputs", "logits", "--labels", "hard"]
    assert main([*where, "--weight", "1,3"]) == 0
    assert main([*where, "--weight", "1,1"]) == 1
    capsys.readouterr()


def test_a_loss_of_more_arguments_is_told_how_they_are_given(write, capsys):
    assert main(["diagnose", f"{write(loss('w', 'p, y, w'))}:loss"]) == 1
    assert "functools.partial" in capsys.readouterr().out


@pytest.mark.parametrize("as_data", [[], ["--json"]], ids=["text", "json"])
def test_a_terminal_without_greek_letters_prints_a_report(write, monkeypatch, as_data):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = run(f"{write(loss(NAIVE))}:loss", "--inputs", "probabilities", *as_data)
    assert done.returncode == 1, done.stderr
    assert "0 \\" in done.stdout  # 0 · log 0
    assert not as_data or json.loads(done.stdout)["ok"] is False


def test_without_mpmath_it_says_which_extra_brings_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mpmath", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["diagnose", "loss.py:loss"]) == 2
    assert "pip install 'bce-companion[clinic]'" in capsys.readouterr().err


def test_help_says_that_the_file_is_run(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["diagnose", "--help"])
    assert caught.value.code == 0
    assert "imported and run" in " ".join(capsys.readouterr().out.split())


def test_progress_is_shown_to_a_person_and_wiped_out(write, capsys, monkeypatch):
    path = write(f"import time\ndef loss(z, y):\n    time.sleep(0.02)\n    return {RIGHT}")
    arguments = ["diagnose", f"{path}:loss", "--inputs", "logits", "--labels", "hard"]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    main([*arguments, "--budget", "2"])
    shown = capsys.readouterr().err
    assert "\rasked 60 times" in shown
    assert shown.endswith("\r")
