"""Show library code on a page, so that what you read is what runs.

`show_source` is all there is: a cell that ends in ``show_source(sigmoid)`` displays the source of
`sigmoid` as it is installed, without docstrings, and a stored output that no longer matches the
library is found by comparing outputs.
"""

import ast
import inspect
import re
from typing import Any

__all__ = ["show_source"]


class _Source:
    """Python source that prints as itself and displays as a fenced Markdown block."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text

    def _repr_markdown_(self) -> str:
        # A fence ends at the first run of backticks at least as long as its own.
        longest = max(map(len, re.findall("`+", self.text)), default=0)
        fence = "`" * max(3, longest + 1)
        return f"{fence}python\n{self.text}\n{fence}"


def show_source(*objects: Any, docstring: bool = False) -> _Source:
    """Return an object that displays the source of functions, classes or modules.

    Parameters
    ----------
    *objects : function, class, method or module
        What to show, in this order, two blank lines apart. Comments are kept.
    docstring : bool, default False
        Whether docstrings are shown: the objects' own and those of what they contain.

    Returns
    -------
    object
        Its ``repr`` is the source; Jupyter and the site display it as highlighted Python.

    Raises
    ------
    TypeError
        If nothing is given, or an object has no Python source (a ufunc, a number, …).

    Examples
    --------
    >>> import textwrap
    >>> show_source(textwrap.dedent, docstring=True)._repr_markdown_().splitlines()[:2]
    ['```python', 'def dedent(text):']
    """
    if not objects:
        raise TypeError("show_source expected at least one function or class, got none")
    return _Source("\n\n\n".join(_source_of(shown, docstring) for shown in objects))


def _source_of(shown: Any, docstring: bool) -> str:
    try:
        lines = inspect.getsource(shown).strip("\n").split("\n")
    except (TypeError, OSError) as error:
        raise TypeError(
            "show_source expected functions, classes or modules written in Python, "
            f"got {type(shown).__name__}, which has no source to show"
        ) from error
    # Not textwrap.dedent: a line of a multi-line string may stand further left than the code.
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    lines = [line.removeprefix(indent) for line in lines]
    return "\n".join(lines if docstring else _without_docstrings(lines)).strip("\n")


def _without_docstrings(lines: list[str]) -> list[str]:
    kept: list[str | None] = list(lines)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse("\n".join(lines))):
        if not isinstance(node, documented) or ast.get_docstring(node) is None:
            continue
        doc, *rest = node.body
        first, last = doc.lineno - 1, doc.end_lineno or doc.lineno
        if not rest:
            # The body has to hold something: what is shown stays valid Python.
            before = lines[first].encode()[: doc.col_offset].decode()
            kept[first:last] = [before + "...", *[None] * (last - first - 1)]
        elif rest[0].lineno > last:  # not on one line with what follows, as in `"Doc."; x = 1`
            while not lines[last].strip():
                last += 1
            kept[first:last] = [None] * (last - first)
    return [line for line in kept if line is not None]
