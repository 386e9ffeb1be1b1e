"""The built site is whole and needs nobody else; every guard has been seen to fail."""

import importlib
import json
import re
from pathlib import Path

import nbformat
import pytest
import yaml

from tests.guards.layout import modules
from tests.guards.site import (
    GUARDS,
    Page,
    anchors,
    dead_ends,
    foreign_addresses,
    foreign_styles,
    missing_alt,
    missing_title,
    pages,
    raw_tex,
)

ROOT = Path(__file__).parents[1]
SITE = ROOT / "_build/html"
PAGES = pages(SITE)


# The site -----------------------------------------------------------------------------------------


def test_every_chapter_was_built():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    modules = [f"book/api/{path.stem}" for path in (ROOT / "book/api").glob("*.md")]
    names = [toc["root"], *chapters, *modules]
    missing = [name for name in names if not (SITE / f"{name}.html").exists()]
    assert not missing, f"{', '.join(missing)} not in {SITE}: run `make book` first"


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_site_obeys(guard):
    assert PAGES, f"there is no site in {SITE}: run `make book` first"
    complaints = [f"{page}: {complaint}" for page in PAGES for complaint in guard(read(page))]
    assert not complaints, "\n".join(complaints)


PARSED = {}


def read(page):
    """Return a page of the site, parsed once for all guards."""
    return PARSED.setdefault(page, Page(SITE / page, SITE))


def test_every_page_says_what_it_is_to_those_that_show_links():
    for page in PAGES:
        # The source of a module is written anew only when it has changed.
        if read(page).redirect or page.startswith("_modules"):
            continue
        head = read(page).soup.head
        said = {tag.get("property") or tag.get("name"): tag.get("content") for tag in head("meta")}
        for name in ("og:title", "og:type", "og:description", "twitter:card"):
            assert said.get(name), (page, name)
            assert len(head.select(f'[property="{name}"], [name="{name}"]')) == 1, (page, name)
        assert "<" not in said["og:title"], page
        if "og:image" in said:
            assert said["og:image"].startswith("https://"), page
    assert (SITE / "_static/social-card.png").exists()


def test_the_page_for_lost_addresses_searches_and_names_pages_that_are_there():
    page = read("404.html")
    assert page.soup.select_one(".not-found form[action='search.html'] input[name=q]")
    first = page.soup.head.find(["base", "link", "script"])
    assert first.name == "base" or "searchindex.js" in first.get_text()  # before any address
    listed = json.loads(re.search(r"\}\)\((\[\[.*\]\])\)</script>", page.text)[1])
    assert len(listed) > 30
    assert [address for address, _, _ in listed if not (SITE / address).exists()] == []


def test_stylesheets_load_nothing_foreign():
    sheets = sorted(SITE.rglob("*.css"))
    assert sheets, f"there is no site in {SITE}: run `make book` first"
    complaints = [f"{s.name}: {a}" for s in sheets for a in foreign_styles(s.read_text("utf-8"))]
    assert not complaints, "\n".join(complaints)


def test_links_into_a_moved_section_are_led_to_where_it_is():
    moved = yaml.safe_load((ROOT / "book/moved.yml").read_text(encoding="utf-8")) or {}
    for page, sections in moved.items():
        here = anchors(SITE / f"book/{page}.html")
        for old, new in sections.items():
            if "$" in new:  # a pattern
                continue
            target, _, section = new.partition("#")
            assert old not in here, f"{page}#{old} is still there"
            assert section in anchors(SITE / f"book/{target}.html"), new
            text = (SITE / f"book/{page}.html").read_text(encoding="utf-8")
            assert f'"{old}": "{target}.html#{section}"' in text


def test_the_list_of_calls_has_every_line_in_the_tab_of_its_library():
    page = read("book/which_call.html")
    shown = [
        (label.get_text().strip(), label.find_next_sibling("div").get_text().strip())
        for label in page.soup.select(".calls label")
    ]
    source = (ROOT / "book/which_call.md").read_text(encoding="utf-8")
    assert shown == re.findall(r"(NumPy|PyTorch|scikit-learn) `([^`]+)`", source)


def test_the_asserts_of_a_page_that_have_a_tick_are_those_that_were_seen_failing():
    records = yaml.safe_load((ROOT / "book/_data/seen_failing.yml").read_text(encoding="utf-8"))
    for name, kept in records.items():
        cells = nbformat.read(ROOT / f"book/{name}.ipynb", as_version=4).cells
        hidden = {
            c.id for c in cells if {"remove-cell", "remove-input"} & {*c.metadata.get("tags", [])}
        }
        lines = read(f"book/{name}.html").soup.select(".seen-failing .hll")
        shown = sorted(line.get_text().strip() for line in lines)
        assert shown == sorted(each["assert"] for each in kept if each["cell"] not in hidden), name


def names_on(page):
    """Return the names of the package that a page of the reference describes."""
    return {tag["id"] for tag in read(f"book/api/{page}.html").soup.find_all(id=True)}


def test_the_page_of_a_module_has_its_public_names():
    pages = {path.stem: names_on(path.stem) for path in (ROOT / "book/api").glob("*.md")}
    shown = set().union(*pages.values())
    for room in modules(ROOT / "companion"):
        # Of the clinic what it brings itself is public, not how it goes about it.
        within = any(part.startswith("_") for part in room.split(".")) or room.startswith("clinic.")
        if room != "__init__" and not within:
            module = importlib.import_module(f"companion.{room}")
            assert f"module-{module.__name__}" in pages[room.partition(".")[0]]
            # A function that two modules bring stands with the one that defines it.
            lacking = {
                f"{module.__name__}.{name}"
                for name in module.__all__
                if f"{getattr(getattr(module, name), '__module__', '')}.{name}" not in shown
            } - pages[room.partition(".")[0]]
            assert not lacking, f"book/api/{room.partition('.')[0]}.md lacks {sorted(lacking)}"


def test_a_link_to_a_name_on_the_page_that_had_all_is_led_to_the_page_of_its_module():
    text = (SITE / "book/api.html").read_text(encoding="utf-8")
    table = json.loads(re.search(r"\}\)\((\{.*\})\)</script>", text)[1])
    [(old, new)] = [(old, new) for old, new in table.items() if "$" in new]
    new = new.replace("$1", r"\1").replace("$&", r"\g<0>")  # as Python writes it
    for page in (ROOT / "book/api").glob("*.md"):
        names = [name for name in names_on(page.stem) if re.match(r"(?:module-)?companion\.", name)]
        assert names
        for name in names:
            assert re.sub(rf"^(?:{old})$", new, name) == f"api/{page.stem}.html#{name}"


# Planted faults -----------------------------------------------------------------------------------

PAGE = """<!DOCTYPE html><html><head><title>Logits</title>
<link rel="stylesheet" href="style.css"><link rel="canonical" href="https://example.org/logits">
<script>document.body.dataset.mode = "auto"; // https is not fetched in a comment</script></head>
<body><h1 id="top">Logits</h1><p>It costs $5, not $6. <code>$z$ \\sigma</code></p>
<a href="https://example.org">elsewhere</a> <a href="other.html#there">there</a>
<a href="#top">top</a> <a href="other.html">other</a>
<img src="figure.png" alt="The loss falls as the probability rises"/>%s</body></html>"""


def page_with(folder, planted):
    """Return a page of a small sound site, with a fault in it."""
    (folder / "style.css").write_text("body { margin: 0 }", encoding="utf-8")
    (folder / "figure.png").write_bytes(b"")
    (folder / "other.html").write_text('<h1 id="there">Other</h1>', encoding="utf-8")
    page = folder / "logits.html"
    page.write_text(PAGE % planted, encoding="utf-8")
    return Page(page, folder)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
def test_a_page_without_a_fault_obeys(guard, tmp_path):
    assert guard(page_with(tmp_path, "")) == []


@pytest.mark.parametrize(
    ("guard", "planted"),
    [
        (foreign_addresses, '<script src="https://cdn.example.org/a.js"></script>'),
        (foreign_addresses, '<script src="//cdn.example.org/a.js"></script>'),
        (foreign_addresses, '<link rel="stylesheet" href="https://fonts.example.org/css">'),
        (foreign_addresses, '<link rel="preconnect" href="https://fonts.example.org">'),
        (foreign_addresses, '<link rel="shortcut icon" href="https://example.org/i.ico">'),
        (foreign_addresses, '<img src="http://example.org/i.png" alt="A badge">'),
        (foreign_addresses, '<img srcset="a.png, https://example.org/b.png 2x" alt="A">'),
        (foreign_addresses, '<iframe src="https://example.org"></iframe>'),
        (foreign_addresses, "<style>@import 'https://example.org/a.css';</style>"),
        (foreign_addresses, '<p style="background: url(https://example.org/a.png)">a</p>'),
        (foreign_addresses, "<script>fetch('https://example.org/count')</script>"),
        (foreign_addresses, '<script>const URL = "//example.org/thebe.js"</script>'),
        (raw_tex, "<p>Let $p = 1/2$ be</p>"),
        (raw_tex, "<p>\\(p\\)</p>"),
        (raw_tex, "<p>\\frac{1}{2}</p>"),
        (raw_tex, "<div>\\begin{aligned}</div>"),
        (missing_alt, '<img src="figure.png">'),
        (missing_alt, '<img src="figure.png" alt=" ">'),
        (missing_alt, '<img src="figure.png" alt="../_images/3f2a.png">'),
        (missing_alt, '<img src="figure.png" alt="book/_images/figure">'),
        (dead_ends, '<a href="third.html">gone</a>'),
        (dead_ends, '<a href="other.html#here">gone</a>'),
        (dead_ends, '<a href="#bottom">gone</a>'),
        (dead_ends, '<a href="../elsewhere.html">out</a>'),
        (dead_ends, '<img src="lost.png" alt="A lost figure">'),
        (dead_ends, '<script src="lost.js"></script>'),
        (dead_ends, '<meta http-equiv="Refresh" content="0; url=book/index.html">'),
    ],
)
def test_a_planted_fault_is_found(guard, planted, tmp_path):
    assert len(guard(page_with(tmp_path, planted))) == 1


def test_a_page_without_a_title_is_found(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<title> </title><h1>A heading</h1>", encoding="utf-8")
    assert missing_title(Page(page, tmp_path)) == ["no title"]


@pytest.mark.parametrize(
    "rule", ["@import '//example.org/a.css';", "p { background: url(https://example.org/a.png) }"]
)
def test_a_foreign_address_in_a_stylesheet_is_found(rule):
    assert len(foreign_styles(f"/* url(https://example.org/comment) */ {rule}")) == 1
    assert foreign_styles("p { background: url(data:image/png;base64,AA) }") == []
