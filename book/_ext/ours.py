"""Load every extension of this folder: a file beside this one is an extension of the book."""

from pathlib import Path


def setup(app):
    """Set up the others, in the order of their names."""
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem != "ours":
            app.setup_extension(path.stem)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
