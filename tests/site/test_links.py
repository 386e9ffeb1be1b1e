"""Every link of a page, as the browser has it, leads to something that is there."""

from urllib.parse import unquote, urlsplit

import pytest

from tests.guards.site import anchors
from tests.site.conftest import SITE

LINKS = "() => [...document.querySelectorAll('a[href], area[href]')].map(each => each.href)"
PLACES = "() => [...document.querySelectorAll('[id], a[name]')].flatMap(e => [e.id, e.name])"


def dead_links(visit, site):
    """Return the links to pages and anchors of the site that do not exist."""
    here = urlsplit(visit.page.url).path
    places = {"", "top", *visit.page.evaluate(PLACES)}
    dead = []
    for address in sorted(set(visit.page.evaluate(LINKS))):
        if not address.startswith(visit.base):
            continue
        parts = urlsplit(address)
        target = site / unquote(parts.path).lstrip("/")
        if target.is_dir():
            target /= "index.html"
        if not target.is_file():
            dead.append(f"{address} is not there")
        elif parts.fragment and target.suffix == ".html":
            known = places if parts.path == here else anchors(target)
            if unquote(parts.fragment) not in known:
                dead.append(f"{address} has no such place")
    return dead


def test_every_link_leads_somewhere(visit):
    assert dead_links(visit, SITE) == []


# Planted faults -----------------------------------------------------------------------------------


def test_links_that_lead_somewhere_are_left_alone(plant, tmp_path):
    (tmp_path / "other.html").write_text('<h1 id="there">Other</h1>', encoding="utf-8")
    visit = plant('<a href="other.html#there">b</a><a href="https://example.org/#x">c</a>')
    assert dead_links(visit, tmp_path) == []


@pytest.mark.parametrize(
    "planted",
    [
        '<a href="third.html">gone</a>',
        '<a href="#bottom">gone</a>',
        '<a href="other.html#here">gone</a>',
        "<script>document.write('<a href=\"third' + '.html\">gone</a>')</script>",
    ],
)
def test_a_link_to_nowhere_is_found(planted, plant, tmp_path):
    (tmp_path / "other.html").write_text('<h1 id="there">Other</h1>', encoding="utf-8")
    assert len(dead_links(plant(planted), tmp_path)) == 1
