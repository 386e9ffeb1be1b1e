"""How long a chapter is before its exercises: what its reader pays."""

from itertools import takewhile

CELLS, WORDS = 50, 2000


def cells_and_words(nb):
    """Return the number of cells before the exercises, and of the words of their Markdown."""
    cells = list(takewhile(lambda c: "## Exercises" not in c.source.splitlines(), nb.cells))
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    return len(cells), sum(len(text.split()) for text in texts)


def length_of_a_chapter(nb):
    """A chapter is short: one idea, and each fact in one place."""
    cells, words = cells_and_words(nb)
    long = f"{cells} cells and {words} words before the exercises"
    return [f"{long}, at most {CELLS} and {WORDS}"] if cells > CELLS or words > WORDS else []
