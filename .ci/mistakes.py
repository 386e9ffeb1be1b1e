"""Write the pages of the book on the mistakes that the clinic names, from its catalogue.

    python .ci/mistakes.py [FOLDER]

Each entry is made of a finding: its words, its sick example and the mended one, and the call that
`diagnose` shows for the sick example when it is run here. FOLDER is `book` unless given.
"""

import re
import sys
from pathlib import Path

import yaml

from companion.clinic import diagnose
from companion.clinic.catalogue import catalogue

PAGES = {
    "value": (
        "Mistakes in the formula",
        "What is the loss charging you?",
        "The value is wrong on ordinary input: another function, a lost minus, a sigmoid too many.",
    ),
    "counts": (
        "Mistakes in sums and weights",
        "What is the sum divided by?",
        "Each element may be right, and the number that comes back is not: sums, means, weights, "
        "masks, shapes.",
    ),
    "labels": (
        "Mistakes with labels",
        "What becomes of the labels?",
        "Labels that are changed, shifted, rounded, or none at all.",
    ),
    "ends": (
        "Mistakes at the ends",
        "What happens at 0, at 1 and far out?",
        "Certain predictions, far logits, guards and lost digits: right in the middle, wrong at "
        "the ends.",
    ),
    "derivatives": (
        "Mistakes in derivatives",
        "Is it the derivative of this loss?",
        "The value may be right while the gradient beside it is that of something else.",
    ),
    "behaviour": (
        "Mistakes of behaviour",
        "What does a call leave behind?",
        "Calls that raise, hang, print, change your arrays or give another answer the second time.",
    ),
}
LINKS = yaml.safe_load(
    (Path(__file__).parents[1] / "book/_data/mistakes.yml").read_text(encoding="utf-8")
)
IN_PYTORCH = ["clipped", "tail-digits-lost"]  # what its own functions have
UNASKED = {"hangs", "kills-the-process"}  # their examples would take this process with them


def witness(finding):
    """Return the call that shows a finding in its sick example, and what came, as code."""
    names = {}
    exec(finding.sick, names)
    parts = {key: names.get(key) for key in ("loss", "gradient", "hessian")}
    report = diagnose(**parts, **finding.declared, budget=60)
    found = (*report.findings, *report.withheld, *report.limits)
    own = next(each for each in found if each.name == finding.name)
    call = re.sub(rf"\b{report.name}\(", "loss(", own.call)
    needed = "" if "np" in names or "np." not in call else "import numpy as np\n\n"
    return f"{needed}{call}\n# got {own.got}, exact {own.exact}", own.sentence


def prose(text):
    """Return words of a finding as Markdown: what a program prints is code."""
    printed = r"(?<![\w.`-])(-?(?:\d+\.\d+|\d{3,}))(?![\w`])"
    return re.sub(printed, r"`\1`", text.replace("*", "\\*"))


def more(name):
    """Return the last line of an entry: the section on it, the five texts, the misconceptions."""
    links = LINKS["findings"][name]
    parts = [f"{{ref}}`{links['section']}`"]
    if texts := links.get("texts"):
        which = ", ".join(f"{{ref}}`{label[5:]} <{label}>`" for label in texts)
        parts.append(f"in the {{doc}}`five texts </book/five_texts>`: {which}")
    parts += [
        f'{{ref}}`"{words}" <{each["section"]}>`'
        for words, each in LINKS["misconceptions"].items()
        if each.get("finding") == name
    ]
    return f"More: {'; '.join(parts)}."


def mend(finding):
    """Return the lines of the fix: two tabs, which follow the reader's library, or one block."""
    if not finding.in_torch:
        return ["```python", finding.mended.strip(), "```"]
    code = {"NumPy": finding.mended, "PyTorch": finding.in_torch}
    lines = ["::::{tab-set}", ":sync-group: library"]
    for library, source in code.items():
        lines += ["", f":::{{tab-item}} {library}", f":sync: {library.lower()}", ""]
        lines += ["```python", source.strip(), "```", ":::"]
    return [*lines, "::::"]


def entry(finding):
    """Return the section of one finding."""
    lines = [f"(mistake-{finding.name})=", f"## {finding.title}", ""]
    lines += [f"`{finding.name}`, {finding.severity}. **You see:** {prose(finding.symptom)}.", ""]
    code = finding.sick.strip()
    if finding.name not in UNASKED:
        call, sentence = witness(finding)
        code, says = (
            f"{code}\n\n{call}",
            f"The clinic says: *{prose(sentence)}*",
        )
    else:
        says = (
            "On the command line, or with `isolate=True`, the clinic asks in a process of its own "
            "and names the call that did not come back."
        )
    lines += ["```python", code, "```", "", f"{says} {prose(finding.why)}", ""]
    lines += [f"**Instead:** {prose(finding.fix)}", "", *mend(finding), "", more(finding.name), ""]
    return "\n".join(lines)


def link(name):
    """Return the name of a finding, leading to its section."""
    return f"{{ref}}`{name} <mistake-{name}>`"


def met():
    """Return the table of how often each kind was met."""
    lines = ["## How often were they met?", ""]
    lines += [
        "Among the losses written by hand of {ref}`sec-how-often`, where it is said what such",
        "counts are worth. A loss may stand in several rows.",
        "",
        "| losses | what was met | its names here |",
        "|---|---|---|",
    ]
    for words, each in LINKS["met"].items():
        names = ", ".join(map(link, each["findings"]))
        lines.append(f"| {each['losses']} | {words} | {names} |")
    return [*lines, ""]


def pages():
    """Return the text of each page by its path in the book."""
    texts = {}
    index = ["# Which mistakes does the clinic know?", ""]
    index += [
        "A list by name, as {func}`companion.clinic.diagnose` reports them. How it finds them:",
        "{doc}`clinic`.",
        "",
        "Most fixes stand in two tabs, NumPy and PyTorch. In the latter stand PyTorch's own",
        "functions, in which the clinic finds no more than",
        f"{', '.join(map(link, IN_PYTORCH[:-1]))} and {link(IN_PYTORCH[-1])},",
        "apart from limits; or the twins of `companion.torch_losses`, in which it finds limits",
        "alone.",
        "",
    ]
    for page, (heading, question, lead) in PAGES.items():
        own = [finding for finding in catalogue() if finding.page == page]
        text = [f"# {heading}: {question[0].lower()}{question[1:]}", "", lead, ""]
        texts[f"mistakes/{page}.md"] = "\n".join([*text, *map(entry, own)]).rstrip() + "\n"
        index += [f"## {heading}", "", "| name | mistake | what you see |", "|---|---|---|"]
        for each in own:
            symptom = prose(each.symptom).replace("|", "\\|")
            index.append(f"| {link(each.name)} | {each.title} | {symptom} |")
        index.append("")
    index += met()
    index += ["## Usual misconceptions", "", "| what is believed | the answer | in the clinic |"]
    index.append("|---|---|---|")
    for words, each in LINKS["misconceptions"].items():
        name = each.get("finding")
        index.append(
            f"| {prose(words)} | {{ref}}`here <{each['section']}>` | {link(name) if name else ''} |"
        )
    index.append("")
    texts["mistakes.md"] = "\n".join(index).rstrip() + "\n"
    return texts


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "book")
    for path, text in pages().items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
