"""What a notebook of the book has to obey, as functions of a notebook.

Each function in `GUARDS` takes a notebook as nbformat reads it and returns its complaints, each a
sentence that names the cell; no complaint means that all is well. `contents_complaints` guards the
table of contents. The numbers in the prose, the assertions, the length and the figures have files
of their own.
"""

import fnmatch
import itertools
import re
from decimal import Decimal

from tests.guards.asserts import assert_complaints
from tests.guards.length import length_of_a_chapter
from tests.guards.prose_numbers import number_complaints, text_outputs

# What the site hides, an error on purpose, and the tabs. The extension in book/_ext reads these.
TAGS = {
    *("hide-input", "remove-input", "remove-cell", "raises-exception"),
    *("tab-numpy", "tab-pytorch", "tab-sklearn", "tab-sympy"),
}
# The MyST directives that are still readable where they show as text.
DIRECTIVES = {
    *("admonition", "attention", "caution", "danger", "error", "exercise", "hint"),
    *("important", "margin", "note", "seealso", "tip", "warning"),
}
OPENERS = ("**The question.**", "**What you will be able to do.**", "**What you need.**")
ENDING = ["Exercises", "Further reading"]

CELL_METADATA = {"tags", "mystnb", "jp-MarkdownHeadingCollapsed"}

_PATHS = re.compile(
    r"(?<![\w.])/(?:home|root|tmp|work|Users|usr|opt|var|mnt|private|workspaces|content)/\S*"
    r"|\b[A-Z]:\\\S*|\S*(?:site|dist)-packages\S*|\S*ipykernel_\d+\S*|<ipython-input\S*"
    r"|\bat 0x[0-9a-fA-F]{6,}|\b0x[5-7][0-9a-f]{11}\b"
)
_ANSI = re.compile(r"\x1b\[[\d;]*m")
_FULL_DECIMAL = re.compile(r"(?<![\w.])(?:\d+\.\d*|\.\d+|\d+(?=[eE]))(?:[eE][-+]?\d+)?")


def cells(nb, *kinds):
    """Yield (name, cell) for the cells of these kinds, or all; the name says where to look."""
    for position, cell in enumerate(nb.cells, start=1):
        if not kinds or cell.cell_type in kinds:
            first = (cell.source.strip().splitlines() or [""])[0]
            yield f"cell {position} ({first[:40]})", cell


def execution_counts(nb):
    """Every code cell was executed, once and in order."""
    counts = [(name, cell.execution_count) for name, cell in cells(nb, "code")]
    return [
        f"{name}: execution count {count}, expected {expected}"
        for expected, (name, count) in enumerate(counts, start=1)
        if count != expected
    ]


def errors_and_warnings(nb):
    """Nothing on stderr; errors only where they are announced, and then without a stack."""
    complaints = []
    for name, cell in cells(nb, "code"):
        announced = "raises-exception" in cell.metadata.get("tags", [])
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if announced and not errors:
            complaints.append(f"{name}: tagged raises-exception, but nothing was raised")
        if errors and not announced:
            complaints.append(f"{name}: {errors[0].ename} in a cell not tagged raises-exception")
        for error in errors:
            shown = _ANSI.sub("", "\n".join(error.traceback)).strip()
            if shown != f"{error.ename}: {error.evalue}".strip():
                complaints.append(f"{name}: a traceback with its stack (use %xmode Minimal)")
        if any(output.get("name") == "stderr" for output in cell.outputs):
            complaints.append(f"{name}: output on stderr")
    return complaints


def known_tags(nb):
    """Only the tags that something reads, and none that takes a cell out of the comparison."""
    complaints = []
    for name, cell in cells(nb):
        unknown = set(cell.metadata.get("tags", [])) - TAGS
        complaints += [f"{name}: unknown tag {tag}" for tag in sorted(unknown)]
        if cell.cell_type == "code" and re.search(r"#\s*(?:NBVAL|PYTEST_VALIDATE)_", cell.source):
            complaints.append(f"{name}: a comment that takes the cell out of the comparison")
    return complaints


def alt_texts(nb):
    """Every figure says in words what it shows."""
    complaints = []
    for name, cell in cells(nb, "code"):
        kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
        if not any(kind.startswith("image/") for kind in kinds):
            continue
        alt = str(cell.metadata.get("mystnb", {}).get("image", {}).get("alt", ""))
        if len(alt.split()) < 5 or re.search(r"\.(?:png|svg|jpe?g)\b|[\\/]\w+[\\/]", alt):
            complaints.append(f"{name}: the alt text says too little: {alt!r}")
    return complaints


def machine_paths(nb):
    """No path of a machine and no address of an object, in what is shown or in what is written."""
    complaints = []
    for name, cell in cells(nb):
        texts = [cell.source, str(cell.metadata)]
        for output in cell.get("outputs", []):
            texts += [output.get("text", ""), *output.get("traceback", [])]
            texts += [str(data) for kind, data in output.get("data", {}).items()
                      if not kind.startswith("image/") or "svg" in kind]  # fmt: skip
        found = {match[0] for text in texts for match in _PATHS.finditer(text)}
        complaints += [f"{name}: {path}" for path in sorted(found)]
    return complaints


def rounded_outputs(nb):
    """No decimal of 13 or more significant digits: another processor has another last digit."""
    complaints = []
    for name, cell in cells(nb, "code"):
        excuse = re.search(r"#\s*digits-ok:(.*)", cell.source)
        found = {
            match[0]
            for text in text_outputs(cell)
            for match in _FULL_DECIMAL.finditer(text)
            if len(Decimal(match[0]).as_tuple().digits) >= 13
        }
        if excuse and not (found and len(excuse[1].split()) >= 2):
            complaints.append(f"{name}: digits-ok without a reason, or without need")
        elif not excuse:
            complaints += [f"{name}: {number} is not rounded" for number in sorted(found)]
    return complaints


def normal_metadata(nb):
    """Each cell has an id of its own, and only metadata that something reads."""
    complaints = []
    seen = set()
    for name, cell in cells(nb):
        if cell.get("id") is None or cell.id in seen:
            complaints.append(f"{name}: no cell id of its own")
        seen.add(cell.get("id"))
        unknown = sorted(set(cell.metadata) - CELL_METADATA)
        complaints += [f"{name}: unknown cell metadata {key}" for key in unknown]
    return complaints


class _Section:
    """A heading of level 1 to 3, how many exercises stand below it and how many code cells."""

    def __init__(self, level, title, name, cell):
        self.level, self.title, self.name, self.cell = level, title, name, cell
        self.exercises = self.code = 0
        self.is_solution = level == 3 and title.startswith("Solution")


def _sections(nb):
    sections = [_Section(0, "", "the start", None)]
    for name, cell in cells(nb, "markdown", "code"):
        if cell.cell_type == "code":
            sections[-1].code += 1
            continue
        text = re.sub(r"(?ms)^(`{3,}).*?^\1`*\s*$", "", cell.source)
        for match in re.finditer(r"(?m)^(?:(#{1,3})\s+(.*?)\s*$|:{3,}\s*\{exercise\})", text):
            if match[1]:
                sections.append(_Section(len(match[1]), match[2], name, cell))
            else:
                sections[-1].exercises += 1
    return sections


def shape_of_a_chapter(nb):
    """A chapter opens with its question, aims and needs; it ends in exercises and reading."""
    complaints = []
    sections = _sections(nb)
    if not nb.cells or not nb.cells[0].source.startswith("# "):
        complaints.append("the first cell does not start with the title")
    titles = sum(section.level == 1 for section in sections)
    if titles != 1:
        complaints.append(f"{titles} headings of level 1, expected one")
    before_code = itertools.takewhile(lambda cell: cell.cell_type != "code", nb.cells)
    opening = "\n".join(cell.source for cell in before_code).partition("\n## ")[0]
    complaints += [f"the opening lacks {words}" for words in OPENERS if words not in opening]
    if [section.title for section in sections if section.level == 2][-2:] != ENDING:
        complaints.append(f"the last headings of level 2 are not {' and '.join(ENDING)}")
    return complaints


def exercises_have_solutions(nb):
    """Each exercise is followed by its solution: a folded section with executed code."""
    complaints = []
    sections = _sections(nb)
    if not any(section.exercises for section in sections):
        complaints.append("the chapter has no exercise")
    for section, following in itertools.zip_longest(sections, sections[1:]):
        if section.is_solution:
            if section.exercises:
                complaints.append(f"{section.name}: an exercise inside it, which needs a heading")
            if not section.cell.source.startswith("### "):
                complaints.append(f"{section.name}: the solution needs a cell of its own")
            if section.cell.metadata.get("jp-MarkdownHeadingCollapsed") is not True:
                complaints.append(f"{section.name}: the solution is not marked as folded")
        elif section.exercises > 1:
            complaints.append(f"{section.name}: several exercises below one heading")
        elif section.exercises and not (following and following.is_solution and following.code):
            complaints.append(f"{section.name}: no solution with executed code follows")
    return complaints


def readable_directives(nb):
    """Markdown reads well where MyST is unknown: few directives, and colons for their fences."""
    complaints = []
    for name, cell in cells(nb, "markdown"):
        for fence, directive in re.findall(r"(?m)^\s*([`~:]{3,})\s*\{([\w:-]+)\}", cell.source):
            if fence[0] != ":" or directive not in DIRECTIVES:
                complaints.append(f"{name}: {fence}{{{directive}}} shows as raw text in Jupyter")
        if "{glue" in cell.source:
            complaints.append(f"{name}: glue shows as raw text in Jupyter")
    return complaints


GUARDS = [
    execution_counts,
    errors_and_warnings,
    known_tags,
    alt_texts,
    machine_paths,
    rounded_outputs,
    normal_metadata,
    shape_of_a_chapter,
    exercises_have_solutions,
    readable_directives,
    number_complaints,
    assert_complaints,
    length_of_a_chapter,
]


def contents_complaints(toc, pages):
    """Every page is in the table of contents once, and every entry is a page.

    `toc` is _toc.yml as YAML reads it, `pages` the paths of the pages beside it, without suffix.
    """
    entries = []

    def collect(node):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(value, dict | list):
                collect(value)
            elif key in {"root", "file"}:
                entries.append(re.sub(r"\.(?:ipynb|md)$", "", value))
            elif key == "glob":
                entries.extend(fnmatch.filter(pages, value) or [value])

    collect(toc)
    return (
        [f"{page} is not in _toc.yml" for page in sorted(set(pages) - set(entries))]
        + [f"_toc.yml names {entry}, which is not there" for entry in entries if entry not in pages]
        + [f"_toc.yml names {e} twice" for e in sorted(set(entries)) if entries.count(e) > 1]
    )
