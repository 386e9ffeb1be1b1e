"""Execute notebooks in place and write their outputs: all of the book, or those that are named.

Each notebook runs from its first cell to its last in a fresh kernel, in its own folder. What is
written does not depend on the day, the machine's name or the patch version of Python, so a second
run changes nothing. A cell that raises ends the run in one sentence; its notebook stays as it was.
The kernel is the one that nbval compares with. PYTHONHASHSEED stays unset on purpose: an output
that depends on the order of a set then differs from run to run, and nbval finds it.
"""

import re
import subprocess
import sys
import time
from copy import deepcopy
from pathlib import Path

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

ROOT = Path(__file__).parents[1]
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
NOISE = ("ExecuteTime", "collapsed", "execution", "jupyter", "scrolled", "trusted")
TIMEOUT = 600  # seconds for one cell


def main(names):
    """Refresh the notebooks of these names and return the exit status."""
    paths = [Path(name) for name in names] or sorted((ROOT / "book").glob("*.ipynb"))
    for path in paths:
        print(f"{_shown(path)} ", end="", flush=True)
        start = time.perf_counter()
        try:
            old = path.read_text(encoding="utf-8")
            nb = nbformat.reads(old, as_version=4)
            execute(nb, path.parent)
        except (OSError, nbformat.reader.NotJSONError) as error:
            print(f"\nCannot read {_shown(path)}: {error}", file=sys.stderr)
            return 1
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            print(f"\n{_shown(path)}, {where(nb)}: {reason(error)}", file=sys.stderr)
            return 1
        new = as_written(nb)
        if new != old:
            path.write_text(new, encoding="utf-8", newline="\n")
        number = sum(cell.cell_type == "code" for cell in nb.cells)
        seconds = time.perf_counter() - start
        print(f"{number} cells, {seconds:.1f} s, {'written' if new != old else 'unchanged'}")
    return 0


def execute(nb, folder):
    """Run all cells of a notebook in a fresh kernel in this folder, replacing the outputs."""
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    manager = AsyncKernelManager(
        kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=NbvalKernelspecManager()
    )
    client = NotebookClient(
        nb,
        km=manager,
        timeout=TIMEOUT,
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
    )
    # What the kernel itself says is dropped; what a cell writes to stderr is an output.
    client.execute(stderr=subprocess.DEVNULL, cleanup_kc=True)


def as_written(nb):
    """Return the text of the file: normal metadata, streams in one piece, keys in order."""
    nb = deepcopy(nb)
    nb.metadata = nbformat.from_dict(METADATA)
    nb.nbformat, nb.nbformat_minor = 4, 5
    for cell in nb.cells:
        for key in NOISE:
            cell.metadata.pop(key, None)
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
    return nbformat.writes(nb) + "\n"


def _joined(outputs):
    """Join what is printed in one go: into how many messages it falls is chance."""
    joined = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output.output_type == "stream" and last.get("name") == output.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def where(nb):
    """Name the cell at which the execution ended: the last that has begun."""
    begun = [
        (position, cell)
        for position, cell in enumerate(nb.cells, start=1)
        if cell.cell_type == "code" and (cell.execution_count or cell.outputs)
    ]
    position, cell = begun[-1] if begun else (1, nb.cells[0])
    return f"cell {position} ({cell.source.strip().splitlines()[0][:60]})"


def reason(error):
    """Say in one line why the execution ended."""
    if isinstance(error, CellExecutionError):
        return re.sub(r"\x1b\[[\d;]*m", "", f"{error.ename}: {error.evalue}")
    if isinstance(error, CellTimeoutError):
        return f"took more than {TIMEOUT} seconds"
    return "the kernel died"


def _shown(path):
    path = path.resolve()
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
