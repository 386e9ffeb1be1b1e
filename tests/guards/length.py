"""How long a chapter is before its exercises: what its reader pays."""

CELLS, WORDS = 50, 2000


def cells_and_words(notebook):
    """Return the number of cells before the exercises, and of the words of their Markdown."""
    cells = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and "## Exercises" in cell.source.splitlines():
            break
        cells.append(cell)
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    return len(cells), sum(len(text.split()) for text in texts)
