"""With the keyboard alone a reader gets everywhere, sees where, and is never stuck."""

import pytest

from tests.site.conftest import a_few, closely
from tests.site.visits import DRAWN

# What can be used now, one of each group of radio buttons; a name for each.
SETUP = """async () => {
  DRAWN
  document.activeElement?.blur();
  scrollTo(0, 0);
  await drawn();
  const usable = `a[href], button:enabled, input:enabled:not([type=hidden]), select, textarea,
    summary, [tabindex]:not([tabindex^="-"]), iframe, video[controls]`;
  const visible = { visibilityProperty: true, contentVisibilityAuto: true };
  const seen = each => each.checkVisibility(visible)
    && each.tabIndex >= 0 && !each.closest("[inert]");
  window.name_of = each => each.outerHTML
    .replace(each.innerHTML, each.textContent.trim().slice(0, 40)).slice(0, 160);
  const group = each => each.type === "radio" ? `${each.name} ${each.form?.id}` : each;
  window.group = group;
  window.usable = new Map(
    [...document.querySelectorAll(usable)].filter(seen).map(each => [group(each), each]));
  window.stops = new Map();
  window.complaints = [];
  // How the element that has the focus looks, once the browser has brought it into view.
  window.look = () => {
    const each = document.activeElement;
    document.getAnimations().forEach(motion => { try { motion.finish(); } catch { } });
    if (!each || each === document.body || stops.has(group(each))) return;
    stops.set(group(each), each);
    const shown = each.matches("[type=radio], [type=checkbox]") && each.labels?.[0] || each;
    const boxes = [...shown.getClientRects()].filter(box => box.width && box.height);
    if (!boxes.length) return complaints.push(`has the focus and no place: ${name_of(each)}`);
    let opacity = 1;
    for (let e = shown; e; e = e.parentElement) opacity *= getComputedStyle(e).opacity;
    const style = getComputedStyle(shown);
    if (opacity < 0.5 || style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2)
      complaints.push(`shows no focus: ${name_of(each)}`);
    const inside = boxes.map(box => ({
      left: Math.max(box.left, 0), right: Math.min(box.right, innerWidth),
      top: Math.max(box.top, 0), bottom: Math.min(box.bottom, innerHeight) }))
      .filter(box => box.left < box.right && box.top < box.bottom);
    const places = [[.5, .5], [.1, .1], [.9, .1], [.1, .9], [.9, .9]];
    const free = inside.some(box => places.some(([x, y]) => {
      const hit = document.elementFromPoint(
        box.left + x * (box.right - box.left), box.top + y * (box.bottom - box.top));
      return hit && (shown.contains(hit) || hit.contains(shown) || each.contains(hit));
    }));
    if (!free) complaints.push(`has the focus where nobody sees it: ${name_of(each)}`);
  };
  document.addEventListener("keydown", look, true);
  const body = document.body;
  body.tabIndex = -1;
  body.focus({ preventScroll: true });
  body.removeAttribute("tabindex");
  return window.usable.size;
}""".replace("DRAWN", DRAWN)
STATE = """() => {
  look();
  return [[...usable.keys()].filter(group => !stops.has(group)).length, stops.size];
}"""
RESULT = """() => {
  document.removeEventListener("keydown", look, true);
  document.activeElement?.blur();
  const missed = [...usable].filter(([group]) => !stops.has(group));
  return [...complaints, ...missed.map(([, each]) => `is not reached: ${name_of(each)}`)];
}"""
# What shows a hand to the mouse, and is neither used by keyboard nor says what such a thing does.
MOUSE_ONLY = """() => {
  const usable = `a[href], button, input, select, textarea, summary, label,
    [tabindex]:not([tabindex^="-"])`;
  return [...document.querySelectorAll("body :not(.katex .base *)")].filter(each =>
    getComputedStyle(each).cursor === "pointer"
    && each.checkVisibility({ visibilityProperty: true })
    && !each.closest(usable) && !each.querySelector(usable))
    .map(each => each.outerHTML.slice(0, 160));
}"""


TAB = {"type": "rawKeyDown", "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
SHIFT = 8


def walk(visit, modifiers=0):
    """Press Tab until everything has had its turn; return what went wrong."""
    page, seen, before = visit.page, 0, -1
    missed = page.evaluate(SETUP)
    while missed and seen > before:  # else it is all around, or stuck
        before = seen
        for _ in range(20):  # no key up: page.keyboard.press takes a quarter longer
            visit.client.send("Input.dispatchKeyEvent", TAB | {"modifiers": modifiers})
        missed, seen = page.evaluate(STATE)
    return page.evaluate(RESULT)


# Widths are parameters here, too, so that a page is tested width by width.
@closely
@pytest.mark.parametrize("width", [390])
def test_everything_is_reached_by_keyboard_and_seen(visit, width):
    visit.look(width)
    visit.page.wait_for_timeout(400)  # the theme looks again at what axe put aside
    assert walk(visit) == []


@a_few
@pytest.mark.parametrize("width", [1280])
def test_everything_is_reached_backwards_and_seen(visit, width):
    visit.look(width)
    assert walk(visit, SHIFT) == []


@pytest.mark.parametrize("width", [1280])
def test_what_answers_the_mouse_answers_the_keyboard(visit, width):
    assert visit.look(width).evaluate(MOUSE_ONLY) == []


# Planted faults -----------------------------------------------------------------------------------


def test_a_sound_page_is_walked_through(plant):
    visit = plant('<button>B</button><input aria-label="i">' * 30)
    assert (walk(visit), walk(visit, SHIFT), visit.page.evaluate(MOUSE_ONLY)) == ([], [], [])
    assert visit.page.evaluate("stops.size") == 62


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [
        ('<button onkeydown="event.preventDefault()">Trap</button><button>B</button>',
         "is not reached: <button>B"),
        ('<button style="outline: none">B</button>', "shows no focus"),
        ('<button style="outline-width: 1px">B</button>', "shows no focus"),
        ('<button style="opacity: 0">B</button>', "shows no focus"),
        ('<button style="position: fixed; bottom: 0; left: 0">B</button>'
         '<div style="position: fixed; bottom: 0; left: 0; width: 9em; height: 9em"></div>',
         "has the focus where nobody sees it"),
        ('<div style="position: absolute; left: -999px"><button>B</button></div>',
         "has the focus where nobody sees it"),
    ],
)  # fmt: skip
def test_what_the_keyboard_cannot_use_is_found(planted, complaint, plant):
    found = walk(plant(planted))
    assert len(found) == 1
    assert found[0].startswith(complaint)


def test_what_a_sticky_head_hides_is_found(plant):
    style = "<style>header { height: 200px }</style>"
    links = "".join(f'<p style="height: 60px"><a href="#{i}">b</a></p>' for i in range(99))
    visit = plant(links, head=style)
    assert walk(visit) == []
    assert "where nobody sees it" in walk(visit, SHIFT)[0]
    visit = plant(links, head=f"{style}<style>html {{ scroll-padding-top: 200px }}</style>")
    assert walk(visit, SHIFT) == []


def test_what_answers_the_mouse_alone_is_found(plant):
    page = plant('<div style="cursor: pointer" onclick="go()">Go</div>').page
    assert len(page.evaluate(MOUSE_ONLY)) == 1
