"""Let a docstring write ``|z|`` for an absolute value.

reStructuredText takes the bars for a substitution, so the API page would not build. Escaping them
in the docstring would spoil what ``help`` shows, so it is done on the way to the page; examples and
literals are left as they are.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx

LITERAL_OR_BAR = re.compile(r"``.*?``|\|")


def escape_bars(
    app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]
) -> None:
    """Escape every bar outside literals and examples, in place."""
    example = False
    for index, line in enumerate(lines):
        example = bool(line.strip()) and (example or line.lstrip().startswith(">>>"))
        if not example:
            lines[index] = LITERAL_OR_BAR.sub(
                lambda match: r"\|" if match[0] == "|" else match[0], line
            )


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to autodoc."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", escape_bars)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
