"""The look: colours that can be read, a drawing for each chapter, numbers that are counted."""

import re
import sys
import xml.etree.ElementTree as ElementTree
from base64 import b64encode
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import SimpleNamespace

import mpmath
import nbformat
import numpy as np
import pytest
import yaml
from matplotlib.image import imsave
from PIL import Image

from companion import palette, symbolic
from tests.test_planted_faults import FAULTS

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "book/_ext"))

import chapters  # noqa: E402
import drawings  # noqa: E402
import landing  # noqa: E402
import light_figures  # noqa: E402
import lighter_pages  # noqa: E402
import phone_figures  # noqa: E402
import ticks  # noqa: E402

STYLE = (ROOT / "book/_static/book.css").read_text(encoding="utf-8")
PAIRS = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", STYLE)
COLOURS = {
    "light": {name: light for name, light, _ in PAIRS},
    "dark": {name: dark for name, _, dark in PAIRS},
}
SYMBOLIC = [module.name for module in iter_modules(symbolic.__path__)]
TEXT = ["ink", "ink-2", "one", "zero", "slope", "exact", "wrong"]
CODE = ["ink", "ink-2", "code-word", "code-text", "code-number", "code-comment"]


def luminance(colour):
    """WCAG's relative luminance."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_no_theme_inverts_a_figure_whose_text_names_light_and_dark():
    rules = re.findall(r"^ *(html[^{}]*div\.cell_output img[^{}]*) \{([^}]*)\}", STYLE, re.M)
    themes = {theme: [] for theme in ("dark", "auto")}
    for selector, body in rules:
        themes["auto" if "auto" in selector else "dark"].append((selector, body))
    for theme in themes.values():
        [kept] = [body for selector, body in theme if "img.no-invert" in selector]
        assert "invert" not in kept
        [other] = [(s, body) for s, body in theme if "img.no-invert" not in s]
        assert "invert(1)" in other[1]
    assert "img:not(.no-invert)" in themes["auto"][-1][0]


# Colours ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_stands_out_from_its_ground(theme):
    found = COLOURS[theme]
    for ground, names in (("paper", TEXT), ("raised", CODE), ("wrong-ground", ["wrong", *CODE])):
        for name in names:
            assert contrast(found[name], found[ground]) >= 4.5, (name, ground)
    for name in ("line-strong", "one-graphic", "zero-graphic"):
        assert contrast(found[name], found["paper"]) >= 3, name


def test_a_colour_of_the_pages_is_set_once_for_light_and_dark():
    assert len(PAIRS) == len(COLOURS["light"]) == STYLE.count("light-dark(") > 15
    assert not re.search(r"--[\w-]+: #", STYLE.partition("@media print")[0])
    for theme in ("dark", "auto"):  # with a script and without
        rule = f'{{ html[data-theme="{theme}"] {{ color-scheme: dark; }} }}'
        assert re.findall(rf"@media screen[^{{]*{re.escape(rule)}", STYLE)
    assert STYLE.count("color-scheme: light;") == 1  # for paper, too: the theme says dark there


def test_the_labels_have_the_hues_of_the_figures():
    light = COLOURS["light"]
    assert light["one-graphic"].upper() == palette.LABEL_ONE
    assert light["zero-graphic"].upper() == palette.LABEL_ZERO
    assert light["slope"].upper() == palette.GRADIENT


def test_every_variable_that_is_used_is_set():
    used = set(re.findall(r"var\(--([\w-]+)", STYLE))
    assert used <= {*re.findall(r"--([\w-]+):", STYLE), "label"}


# Chapters -----------------------------------------------------------------------------------------


def test_every_page_has_a_keyword_and_every_chapter_a_question_and_a_drawing():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    pages = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    found = {page: c for page, c in chapters.chapters().items() if not c.above}
    assert list(found) == pages
    for page, chapter in found.items():
        assert chapter.keyword != page, page
        assert len(chapter.keyword) <= 18, page
        if (ROOT / f"{page}.ipynb").exists():
            assert chapter.question, page
            assert chapter.minutes >= 5
            assert chapter.drawing, page
    drawn = {page.rpartition("/")[2] for page in pages}
    assert drawings.DRAWINGS.keys() <= drawn


@pytest.mark.parametrize("name", drawings.DRAWINGS)
def test_a_drawing_is_small_and_drawn_in_classes_of_the_stylesheet(name):
    svg = drawings.drawing(name)
    root = ElementTree.fromstring(svg)
    assert len(svg) < 2500
    classes = {each.get("class") for each in root.iter() if each is not root}
    assert all(f".{each}" in STYLE for each in classes)


def test_the_logistic_and_softplus_of_the_drawings_are_right():
    for z in (-3.0, 0.0, 4.5):
        assert drawings.softplus(z) == pytest.approx(float(mpmath.log1p(mpmath.exp(z))))
        assert drawings.sigmoid(z) == pytest.approx(float(1 / (1 + mpmath.exp(-z))))
    assert drawings.entropy(0.5) == pytest.approx(float(mpmath.log(2)))


def test_sections_are_those_of_the_page_without_what_stands_deeper():
    toc = (
        '<ul><li><a href="#">T</a><ul><li><a href="#a">A <i>b</i></a><ul><li><a href="#c">C</a>'
        '</li></ul></li><li><a href="#d">D</a></li></ul></li></ul>'
    )
    assert chapters._sections(toc) == [("#a", "A <i>b</i>"), ("#d", "D")]
    assert chapters._sections("") == []


def test_a_chapter_tells_part_place_and_what_was_checked():
    page = next(page for page, c in chapters.chapters().items() if c.keyword == "Logits")
    context = {"body": "<section><h1>Why?</h1><p>…</p><h1>no</h1>", "toc": "", "metatags": ""}
    chapters.describe(None, page, "", context, None)
    code = [c for c in nbformat.read(ROOT / f"{page}.ipynb", 4).cells if c.cell_type == "code"]
    assert f"{len(code)} cells compared" in context["body"]
    assert f"{len(ticks.seen_failing()['logits'])} asserts seen failing" in context["body"]
    place = list(chapters.chapters()).index(page) + 1
    kicker = f'<section><p class="kicker">Derive · {place} of '
    assert context["body"].startswith(kicker)
    assert context["body"].count("chapter-facts") == 1
    assert context["title"].startswith("Logits: ")
    assert context["title"] in context["metatags"]
    assert (context["before"].part, context["after"].part) == ("Derive", "Derive")


def test_modules_unfold_below_the_api_alone_and_are_turned_among_themselves():
    known = chapters.chapters().items()
    modules = [page for page, c in known if c.above == "book/api"]
    assert modules == sorted(f"book/api/{p.stem}" for p in (ROOT / "book/api").glob("*.md"))

    def shown(page):
        context = {"body": "<h1>Why?</h1>", "toc": "", "metatags": ""}
        chapters.describe(None, page, "", context, None)
        names = [each.page for part in context["parts"].values() for each in part]
        assert not set(modules) & set(names)
        return context

    for page in ("book/api", modules[0], modules[1]):
        assert [each.page for each in shown(page)["below"]] == modules
    assert shown("book/logits")["below"] == []
    first, second, api = shown(modules[0]), shown(modules[1]), shown("book/api")
    assert first["title"].startswith("companion.binary: ")
    assert first["before"].page == "book/api"
    assert (first["after"].page, second["before"].page) == (modules[1], modules[0])
    assert shown(modules[-1])["after"] is None
    assert not {api["before"].page, api["after"].page} & set(modules)


# The first page -----------------------------------------------------------------------------------


def test_counts_are_those_of_the_tables():
    counts = landing.counts()
    assert counts["faults"] == len(FAULTS)
    notebooks = [nbformat.read(path, 4) for path in (ROOT / "book").glob("*.ipynb")]
    assert counts["number"] == len(notebooks)
    rooms = [symbolic, *(import_module(f"companion.symbolic.{name}") for name in SYMBOLIC)]
    assert counts["proofs"] == sum(len(room.proofs()) for room in rooms)
    assert counts["cells"] == sum(c.cell_type == "code" for nb in notebooks for c in nb.cells)


def test_the_picture_shows_the_loss_and_its_slope():
    shown = {name: text.replace("−", "-") for name, text in landing.picture()["shown"].items()}
    p = 1 / (1 + mpmath.exp(mpmath.mpf("0.9")))
    assert shown["p"] == f"{float(p):.3f}"
    assert shown["loss"] == f"{float(-mpmath.log(p)):.3f}"
    assert shown["slope"] == f"{float(p - 1):.3f}"
    first = landing.graph(1).removeprefix("M").split("L")[0].split()
    assert [float(x) for x in first] == [landing.LEFT, pytest.approx(landing.up(6.0025), abs=0.06)]


def test_an_empty_head_of_a_table_becomes_a_cell(tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<tr><th scope="row" class="a"></th><th><p></p></th><th>b</th></tr>')
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=tmp_path)
    lighter_pages.lighten(app, None)
    assert page.read_text() == '<tr><td class="a"></td><td><p></p></td><th>b</th></tr>'


def test_code_keeps_the_marks_that_have_a_colour(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '<pre><span class="k">if</span><span class="w"> </span><span class="n">z</span>'
    )
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=tmp_path)
    lighter_pages.lighten(app, None)
    assert page.read_text() == '<pre><span class="k">if</span> z'
    rules = re.findall(r"^html\[data-theme\] \.highlight ([^{]*)\{", STYLE, re.MULTILINE)
    coloured = set(re.findall(r"\.(\w+)", " ".join(rules)))
    assert {"k", "nf", "gt", "mi", "c1", "hll"} <= coloured
    assert coloured.isdisjoint(lighter_pages.PLAIN.split("|"))


def test_pages_lose_the_icons_of_the_theme_and_keep_the_rest(tmp_path):
    styles, scripts = tmp_path / "_static/styles", tmp_path / "_static/scripts"
    for folder in (styles, scripts):
        folder.mkdir(parents=True)
    script = '<script src="_static/scripts/fontawesome.js?d=1"></script>'
    rest = '<link href="s.css"/>{}<p>fa-bars</p><summary{}>Show</summary>'
    label = ' aria-label="Toggle hidden content"'
    (tmp_path / "page.html").write_text(rest.format(f"\n{script}", label), encoding="utf-8")
    face = '@font-face{font-family:"Font Awesome 6 Free";src:url(x)}'
    icons = '.fa-bars:before{content:"x"}.fa-ul>li,.far{d:e}@media print{.fa-x,.fab{f:g}p{h:i}}'
    shared = ".fa-sr-only,.sr-only:is(.fa-a,b),.fas{j:k}ul i.fa-solid,.bd .fa-bars{l:m}"
    (styles / "theme.css").write_text(face + ".a{b:c}" + icons + shared + ".fact{n:o}")
    (scripts / "fontawesome.js").write_text("…", encoding="utf-8")
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=tmp_path)
    lighter_pages.lighten(app, None)
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == rest.format("", "")
    kept = ".a{b:c}@media print{p{h:i}}.sr-only:is(.fa-a,b){j:k}ul i.fa-solid,.bd .fa-bars{l:m}"
    assert (styles / "theme.css").read_text() == kept + ".fact{n:o}"
    assert not list(scripts.iterdir())


# Figures on a phone -------------------------------------------------------------------------------


def stored(first, second=None):
    """A figure as a notebook stores it, with its second drawing or without."""
    pictures = [b64encode(picture).decode() for picture in (first, second) if picture]
    metadata = {"image/png": {"narrow": pictures[1]}} if second else {}
    data = {"image/png": pictures[0]}
    return nbformat.v4.new_output("display_data", data, metadata=metadata)


def test_pages_offer_the_second_drawing_to_narrow_screens(tmp_path):
    for folder in ("out/_images", "out/book", "book"):
        (tmp_path / folder).mkdir(parents=True)
    cells = [nbformat.v4.new_code_cell(outputs=[stored(b"two", b"narrow"), stored(b"one")])]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "book/page.ipynb")
    names = [sha256(picture).hexdigest() for picture in (b"two", b"one")]
    for name in names:
        (tmp_path / f"out/_images/{name}.png").write_bytes(b"")
    images = [f'<img alt="a" src="../_images/{name}.png" />' for name in names]
    (tmp_path / "out/book/page.html").write_text("".join(images), encoding="utf-8")
    builder = SimpleNamespace(format="html")
    app = SimpleNamespace(builder=builder, outdir=tmp_path / "out", srcdir=tmp_path)
    for _ in range(2):  # a page that was not written anew is left as it is
        phone_figures.offer(app, None)
    text = (tmp_path / "out/book/page.html").read_text(encoding="utf-8")
    source = f'<source media="(max-width: 640px)" srcset="../_images/{names[0]}_narrow.png"/>'
    assert text == f"<picture>{source}{images[0]}</picture>{images[1]}"
    assert (tmp_path / f"out/_images/{names[0]}_narrow.png").read_bytes() == b"narrow"
    assert not (tmp_path / f"out/_images/{names[1]}_narrow.png").exists()


# Weight -------------------------------------------------------------------------------------------


def test_a_figure_gets_light_and_stays_what_it_was_to_the_eye(tmp_path):
    shade = np.random.default_rng(0).uniform(size=(100, 400, 1))
    picture = np.ones((300, 400, 4))
    picture[100:200, :, :3] -= shade * [0.9, 0.5, 0.3]
    picture[200:, :, :3] -= shade * [0.1, 0.6, 0.8]  # more shades than a byte tells apart
    path = tmp_path / "a.png"
    imsave(path, picture)
    before = np.asarray(Image.open(path).convert("RGB")).astype(int)
    weight = path.stat().st_size
    assert light_figures.lighten_picture(path) == (400, 300)
    after = np.asarray(Image.open(path).convert("RGB")).astype(int)
    assert path.stat().st_size < weight
    assert np.abs(after - before).max() <= 8  # of 255
    assert (after[0, 0] == 255).all()  # white stays white, and blends into the paper
    light = path.read_bytes()
    light_figures.lighten_picture(path)
    assert path.read_bytes() == light


def test_pages_keep_the_room_of_a_figure_and_fetch_it_when_it_comes_near(tmp_path):
    for folder in ("_images", "book"):
        (tmp_path / folder).mkdir()
    for name, width, height in (("a", 300, 200), ("a_narrow", 150, 400)):
        picture = np.ones((height, width, 4))
        imsave(tmp_path / f"_images/{name}.png", picture)
    source = '<source media="m" srcset="../_images/a_narrow.png"{}/>'
    image = '<img alt="a" src="../_images/a.png"{}/><img alt="b" src="b.png" />'
    page = tmp_path / "book/page.html"
    page.write_text((source + image).format("", " "), encoding="utf-8")
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=tmp_path)
    for _ in range(2):  # a page that was not written anew is left as it is
        light_figures.lighten(app, None)
    sizes = ' width="150" height="400"', ' width="300" height="200" loading="lazy"'
    assert page.read_text(encoding="utf-8") == (source + image).format(*sizes)


# Fonts --------------------------------------------------------------------------------------------


def test_every_font_is_used_and_its_notice_kept_under_a_name_that_is_not_reserved():
    fonts = ROOT / "book/_static/fonts"
    named = set(re.findall(r'url\("fonts/([^"]+)"\)', STYLE))
    assert named == {path.name for path in fonts.glob("*.woff2")}
    licence = (fonts / "OFL.txt").read_text(encoding="utf-8")
    notices = licence.partition("This Font Software")[0]
    assert notices.count("Adobe") >= 2
    assert notices.count("with Reserved Font Name ‘Source’") == 2
    assert "Source" not in " ".join(re.findall(r'font-family: "([^"]+)"', STYLE))
