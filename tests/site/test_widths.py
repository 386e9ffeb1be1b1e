"""A page fits each width: it never scrolls sideways, and nothing is cut off at its edge."""

import pytest

WIDTHS = [1280, 1024, 768, 390, 320]
# What scrolls in itself, and what is drawn for screen readers, may be wider; the letters of a
# formula lie in its base.
CUT = """() => {
  const edge = document.documentElement.clientWidth, found = [];
  const root = document.scrollingElement;
  const too_much = root.scrollWidth - root.clientWidth;
  if (too_much > 0) found.push(`the page scrolls by ${too_much} px`);
  const inside = new Map([[document.body, false]]);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT,
    each => each.matches(".katex .base > *, .katex-mathml > *") ? NodeFilter.FILTER_REJECT
      : NodeFilter.FILTER_ACCEPT);
  while (walker.nextNode()) {
    const each = walker.currentNode, parent = inside.get(each.parentElement);
    const style = parent || getComputedStyle(each);
    const scrolls = parent || /auto|scroll|hidden/.test(style.overflowX)
      || style.position === "fixed";
    inside.set(each, scrolls);
    if (parent || !each.checkVisibility({ visibilityProperty: true })) continue;
    const box = each.getBoundingClientRect();
    if (box.width && box.left < edge && box.right > edge + 1 && box.bottom + scrollY > 0)
      found.push(`${Math.round(box.right - edge)} px cut off: ${each.outerHTML.slice(0, 120)}`);
  }
  return found.slice(0, 5);
}"""
# The tabs that are not chosen, one after the other.
CHOOSE = """turn => [...document.querySelectorAll(".sd-tab-set")].filter(set => {
  const tabs = set.querySelectorAll(":scope > input");
  if (tabs[turn]) tabs[turn].checked = true;
  return tabs[turn];
}).length"""


def too_wide(visit, width):
    """Return what does not fit into a window of this width, whichever tabs are chosen."""
    page, found = visit.look(width), []
    turn = 0
    while page.evaluate(CHOOSE, turn) or not turn:
        found += page.evaluate(CUT)
        turn += 1
    page.evaluate(CHOOSE, 0)
    return found


@pytest.mark.parametrize("width", WIDTHS)
def test_a_page_fits(visit, width):
    assert too_wide(visit, width) == []


# Planted faults -----------------------------------------------------------------------------------

TAB = '<input type="radio" name="t" aria-label="t"{}><div class="tab">{}</div>'
TABS = "<style>.tab { display: none } input:checked + .tab { display: block }</style>"


def test_what_scrolls_in_itself_fits(plant):
    visit = plant('<div style="overflow-x: auto"><p style="width: 3000px">a</p></div>')
    assert [too_wide(visit, width) for width in WIDTHS] == [[]] * len(WIDTHS)


@pytest.mark.parametrize(
    "planted",
    [
        '<p style="width: 340px">a</p>',
        '<div style="overflow-x: clip"><p style="width: 340px">a</p></div>',
        f"<p>{'a' * 200}</p>",
        '<span class="katex"><span class="base" style="display: inline-block; width: min-content">'
        f"<i>{'a' * 200}</i></span></span>",
        f'{TABS}<div class="sd-tab-set">{TAB.format(" checked", "")}'
        f"{TAB.format('', '<p style=width:340px>b</p>')}</div>",
    ],
    ids=["wide", "clipped", "unbroken", "formula", "in another tab"],
)
def test_what_does_not_fit_is_found(planted, plant):
    visit = plant(planted)
    assert too_wide(visit, 320)
    assert "a" * 9 in planted or too_wide(visit, 768) == []
