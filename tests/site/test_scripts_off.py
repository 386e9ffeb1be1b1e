"""Without JavaScript, on a system that is dark, a page can be read and has no dead controls."""

import pytest

from tests.site.conftest import closely
from tests.site.test_axe import COLOURS, violations
from tests.site.visits import visiting

DEAD = """() => [...document.querySelectorAll("button, [role=button], [onclick]")]
  .filter(each => each.checkVisibility({ visibilityProperty: true })
    && !each.closest("form, summary"))
  .map(each => each.outerHTML.slice(0, 160))"""
GROUND = """() =>
  getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).map(Number)"""


def unreadable(page, seen=None):
    """Return the texts that hardly stand out from their ground, and the buttons without use."""
    dead = [f"does nothing: {each}" for each in page.evaluate(DEAD)]
    return violations(page, COLOURS, seen) + dead


@closely
def test_a_page_is_dark_and_can_be_read_without_scripts(visit, browser, seen):
    bare = {"scripts": False, "color_scheme": "dark", "width": 390}
    with visiting(browser, visit.base, visit.address, **bare) as plain:
        assert max(plain.page.evaluate(GROUND)) < 60
        assert unreadable(plain.page, seen) == []
        plain.page.set_viewport_size({"width": 1280, "height": 900})
        assert plain.page.evaluate(DEAD) == []


# Planted faults -----------------------------------------------------------------------------------


def test_a_sound_page_can_be_read_without_scripts(plant):
    assert unreadable(plant(scripts=False).page) == []


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [
        ('<p style="color: #ccc">pale</p>', "color-contrast"),
        ("<button onclick='go()'>Go</button>", "does nothing"),
    ],
)
def test_what_only_scripts_make_good_is_found(planted, complaint, plant):
    found = unreadable(plant(planted, scripts=False).page)
    assert [each.partition(":")[0] for each in found] == [complaint]
