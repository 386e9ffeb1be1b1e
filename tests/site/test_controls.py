"""The controls of a page do what they say, by keyboard: theme, menu, search, tabs, explorer."""

import re

import pytest

from companion import binary_cross_entropy_with_logits as loss
from companion import sigmoid
from tests.site.conftest import ADDRESSES, SITE
from tests.site.visits import SETTLED, visiting

FIRST, CHAPTER = "book/index.html", "book/logits.html"


@pytest.fixture
def show(browser, base):
    """Return a function that opens a page."""
    opened = []

    def start(address, **settings):
        opened.append(visiting(browser, base, address, **settings))
        return opened[-1].__enter__().page

    yield start
    for each in opened:
        each.__exit__(None, None, None)


def press(page, selector, key="Enter"):
    page.locator(selector).filter(visible=True).first.focus()
    page.keyboard.press(key)


def ground(page):
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return max(map(int, re.findall(r"\d+", colour)))


def test_the_theme_is_switched_and_remembered(show):
    page = show(FIRST, color_scheme="light")
    assert ground(page) > 200
    for _ in range(3):
        if page.evaluate("document.documentElement.dataset.mode") == "dark":
            break
        press(page, ".theme-switch-button")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert ground(page) < 60
    page.goto(page.url.replace(FIRST, CHAPTER))
    assert ground(page) < 60


@pytest.mark.parametrize(("wish", "moves"), [("no-preference", True), ("reduce", False)])
def test_nothing_moves_for_those_who_do_not_wish_it(wish, moves, show):
    page = show(CHAPTER, width=768, reduced_motion=wish)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="dark")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert page.evaluate("document.getAnimations().length > 0") == moves


def test_without_a_choice_the_theme_is_that_of_the_system(show):
    assert ground(show(FIRST, color_scheme="dark")) < 60


def test_the_menu_of_a_phone_opens_and_closes(show):
    page = show(CHAPTER, width=390)
    chapters = page.locator("nav[aria-label=Chapters]")
    assert not chapters.is_visible()
    press(page, ".primary-toggle")
    chapters.wait_for(state="visible")
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    chapters.wait_for(state="hidden")
    page.wait_for_function("document.activeElement.matches('.primary-toggle')", timeout=5000)


def test_the_search_finds_without_a_network(show):
    page = show(FIRST)
    press(page, ".search-button-field")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.press("Escape")
    page.locator("#pst-search-dialog").wait_for(state="hidden")
    page.keyboard.press("Control+k")
    page.keyboard.type("logits")
    page.keyboard.press("Enter")
    page.locator("#search-results li a").first.wait_for()
    assert "q=logits" in page.url


def test_the_link_to_the_text_is_first_and_leads_there(show):
    page = show(CHAPTER)
    page.keyboard.press("Tab")
    page.evaluate(SETTLED)
    assert page.locator(".skip-link a").bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")


def test_a_solution_opens(show):
    page = show(CHAPTER)
    solution = page.locator("details.solution").first
    press(page, "details.solution > summary")
    assert solution.get_attribute("open") is not None


def test_a_tab_is_chosen_and_the_library_remembered(show):
    with_tabs = [a for a in ADDRESSES if "sd-tab-set" in (SITE / a).read_text(encoding="utf-8")]
    page = show(with_tabs[0])
    page.locator(".sd-tab-set > input:checked").first.focus()
    before = page.evaluate("document.activeElement.id")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") != before
    library = page.evaluate("document.activeElement.labels[0].dataset.syncId")
    page.reload()
    tabs = page.locator(f"[data-sync-id={library}]").count()
    assert page.locator(f":checked + [data-sync-id={library}]").count() == tabs > 0


def test_wide_code_in_a_tab_that_is_chosen_later_is_reached(show):
    page = show("book/mistakes/counts.html", width=390)
    page.locator(".sd-tab-set > input:checked").first.focus()
    page.keyboard.press("ArrowRight")
    wide = "[...document.querySelectorAll('.sd-tab-content pre')].filter(e => e.offsetParent" \
        " && e.scrollWidth > e.clientWidth)"  # fmt: skip
    assert page.evaluate(f"{wide}.length") > 5
    page.wait_for_function(f"{wide}.every(e => e.tabIndex == 0)", timeout=5000)


@pytest.mark.parametrize(("key", "logit"), [("ArrowRight", -0.8), ("Home", -6.0), ("End", 6.0)])
def test_the_explorer_follows_the_keyboard_and_shows_the_companions_numbers(show, key, logit):
    page = show(FIRST)
    press(page, ".bce input >> nth=0", key)
    shown = {
        name: float(page.locator(f"[data-shows={name}]").inner_text().replace("−", "-"))
        for name in ("z", "p", "y", "loss", "slope")
    }
    p, y = float(sigmoid(logit)), shown["y"]
    assert shown["z"] == logit
    assert shown["p"] == pytest.approx(p, abs=5.01e-4)
    assert shown["loss"] == pytest.approx(float(loss(logit, y)), abs=5.01e-4)
    assert shown["slope"] == pytest.approx(p - y, abs=5.01e-4)
    point = page.locator("[data-part=point]").get_attribute("cx")
    assert float(point) == pytest.approx(32 + 43 * (logit + 6), abs=0.1)
