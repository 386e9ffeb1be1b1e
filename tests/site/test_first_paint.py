"""On a slow network and a slow processor a page is seen twice as soon as Jupyter Book's default.

Both are measured in turn, in one run, by the same browser: the ratio holds where seconds do not.
"""

import subprocess
import sys
from random import Random

import pytest

from tests.site.server import serving
from tests.site.visits import SLOW_4G, visiting

PHONE = {"width": 390, "height": 844, "network": SLOW_4G, "processor": 4, "read": False}
ROUNDS = 2
PAGES = ["book/index.html", "book/logits.html"]
PAINT = """async () => {
  const painted = () => performance.getEntriesByName("first-contentful-paint")[0];
  while (!painted()) await new Promise(done => setTimeout(done, 50));
  return painted().startTime / 1000;
}"""
DEFAULT = {
    "_config.yml": "title: A book\n",
    "_toc.yml": "format: jb-book\nroot: page\n",
    "page.md": "# A page\n\nA paragraph of text.\n\n$$p = \\sigma(z)$$\n",
}
BUILD = "import sys; from jupyter_book.cli.main import main; sys.exit(main())"


@pytest.fixture(scope="module")
def default(tmp_path_factory):
    """The address of a small book with nothing of ours, by the same Jupyter Book and theme."""
    folder = tmp_path_factory.mktemp("default")
    for name, text in DEFAULT.items():
        (folder / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-c", BUILD, "build", str(folder)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    with serving(folder / "_build/html") as address:
        yield address


def first_paint(browser, base, address):
    """Return the seconds until something of the page is seen."""
    with visiting(browser, base, address, **PHONE) as visit:
        return visit.page.evaluate(PAINT)


def test_a_page_is_seen_twice_as_soon_as_the_default(browser, base, default):
    seconds = {address: [] for address in [None, *PAGES]}
    for _ in range(ROUNDS):
        for address, found in seconds.items():
            ours = (base, address) if address else (default, "page.html")
            found.append(first_paint(browser, *ours))
    print(seconds)
    usual, *ours = seconds.values()
    assert max(max(found) for found in ours) <= min(usual) / 2, seconds


def test_what_blocks_the_first_paint_is_noticed(plant, tmp_path):
    comment = f"/* {Random(0).randbytes(200_000).hex()} */"  # gzip halves it: a second on the way
    (tmp_path / "a.css").write_text(comment, encoding="utf-8")
    quick = plant(**PHONE).page.evaluate(PAINT)
    slow = plant(head='<link rel="stylesheet" href="a.css">', **PHONE).page.evaluate(PAINT)
    assert slow - quick > 0.8
