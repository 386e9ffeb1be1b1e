"""The built site, served, and a browser that walks through it; every page is a row of most tests.

`make test-site` runs these; nothing else collects them.
"""

import re
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from xdist.scheduler import LoadScopeScheduling

from tests.guards.site import Page, pages
from tests.site.browser import find_browser
from tests.site.server import serving
from tests.site.visits import ALONE, FAST, SLOW_4G, visiting

SITE = Path(__file__).parents[2] / "_build/html"
ADDRESSES = [address for address in pages(SITE) if not Page(SITE / address, SITE).redirect]

# Pages that come from one template: of each kind the longest and the shortest are looked at as
# closely as the others, and opened on a slow network.
ALIKE = ("_modules/companion/", "book/api/", "book/mistakes/")


def between(addresses):
    """Return the pages that have a longer and a shorter one of their kind."""
    found = set()
    for kind in ALIKE:
        own = [address for address in addresses if address.startswith(kind)]
        found.update(sorted(own, key=lambda address: (SITE / address).stat().st_size)[1:-1])
    return found


CLOSELY = sorted(set(ADDRESSES) - between(ADDRESSES))
closely = pytest.mark.parametrize("visit", CLOSELY, indirect=True)
# A few of different kinds.
A_FEW = [
    f"book/{name}.html" for name in ("index", "logits", "which_call", "mistakes", "api/binary")
]
a_few = pytest.mark.parametrize("visit", A_FEW, indirect=True)

# A page in which nothing is wrong; the planted faults go into its three gaps.
SOUND = """<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">
<title>A page</title><meta name="viewport" content="width=device-width, initial-scale=1">
<style>html {{ background: #fff; color: #111; font: 16px/1.5 sans-serif }}
header {{ position: sticky; top: 0; background: #fff }} main {{ max-width: 40em }}
:focus-visible {{ outline: 3px solid #a64200 }}
@media screen {{
  html[data-theme=dark], [data-theme=dark] header {{ background: #111; color: #eee }}
}}
a {{ color: inherit }}</style>
<link rel="icon" href="data:,">{head}</head>
<body><header><a href="#text">Skip to the text</a></header>
<main id="text"><h1>A heading</h1><p>A paragraph of <a href="#text">text</a>.</p>{main}</main>
<footer><p>The end</p></footer>{end}</body></html>"""


@pytest.fixture(scope="session")
def browser():
    """A browser that reaches this machine alone."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=find_browser(), args=[ALONE])
        yield running
        running.close()


@pytest.fixture(scope="session")
def base():
    """The address of the built site."""
    with serving(SITE) as address:
        yield address


@pytest.fixture(scope="session", params=ADDRESSES)
def visit(request, browser, base):
    """A page, opened on a phone and read to its end; then all is unfolded."""
    network = SLOW_4G if request.param in CLOSELY else FAST
    phone = {"width": 390, "height": 844, "network": network}
    with visiting(browser, base, request.param, **phone) as opened:
        opened.unfold()
        yield opened


class Seen:
    """The words for what was judged, by this process or by another of the same run."""

    def __init__(self, folder, process):
        self.folder, self.own = folder, folder / f"{process}.seen"

    def __iter__(self):
        for path in self.folder.glob("*.seen"):
            for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
                if line.endswith("\n"):  # else the other process is still writing
                    yield line[:-1]

    def update(self, words):
        with self.own.open("a", encoding="utf-8") as file:
            file.writelines(f"{each}\n" for each in words)


@pytest.fixture(scope="session")
def seen(tmp_path_factory, worker_id):
    """What need not be judged again."""
    folder = tmp_path_factory.getbasetemp()
    return Seen(folder if worker_id == "master" else folder.parent, worker_id)


@pytest.fixture
def plant(tmp_path, browser):
    """Return a function that opens a sound page with a fault in it."""
    with ExitStack() as stack:
        base = stack.enter_context(serving(tmp_path))

        def show(main="", head="", end="", **settings):
            text = SOUND.format(main=main, head=head, end=end)
            (tmp_path / "page.html").write_text(text, encoding="utf-8")
            return stack.enter_context(visiting(browser, base, "page.html", **settings))

        yield show


class PageByPage(LoadScopeScheduling):
    """Keep a page with one process, which opens it once."""

    def _split_scope(self, nodeid):
        page = re.search(r"[\w/]+\.html(?=[-\]])", nodeid)
        return page[0] if page else nodeid


def pytest_xdist_make_scheduler(config, log):
    return PageByPage(config, log)


def pytest_collection_modifyitems(items):
    """Test a page from narrow to wide in the light, then back in the dark: a change takes time."""
    items.sort(key=_page_theme_width)


def _page_theme_width(item):
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    dark = parameters.get("theme") == "dark"
    width = parameters.get("width", 0)
    return parameters.get("visit", ""), dark, -width if dark else width
