"""On paper a page is dark on white, whatever the theme was, and nothing is folded away."""

import pytest

from tests.site.conftest import closely
from tests.site.test_axe import violations
from tests.site.visits import SETTLED

# Grounds that are not nearly white, figures that are not as they were drawn, what is left out.
UNFIT = """() => {
  const found = [];
  const grey = colour => {
    const [r, g, b, a = 1] = colour.match(/[\\d.]+/g)?.map(Number) ?? [255, 255, 255, 0];
    return a < 0.1 ? 255 : (r + g + b) / 3;
  };
  for (const each of document.querySelectorAll("html, body, body :not(.katex .base *)")) {
    if (!each.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(each), box = each.getBoundingClientRect();
    if (grey(style.backgroundColor) < 200 && box.width * box.height > 1e4)
      found.push(`a dark ground: ${each.outerHTML.slice(0, 120)}`);
    if (style.filter !== "none") found.push(`not as drawn: ${each.outerHTML.slice(0, 120)}`);
  }
  // A mark of wide pages alone is on others at its cell.
  const folded = "details:not(.imports) > :not(summary, .margin-note.wrong), .sd-tab-content";
  for (const each of document.querySelectorAll(folded))
    if (!each.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }))
      found.push(`left out: ${each.outerHTML.slice(0, 120)}`);
  return found;
}"""


A4 = 794  # at 96 dots an inch


def unfit_for_paper(visit, width=A4, theme="dark", seen=None):
    """Return what goes wrong when a page is printed from a theme, with all folds closed."""
    page = visit.look(width, theme=theme)
    page.evaluate("() => document.querySelectorAll('details').forEach(e => { e.open = false })")
    page.emulate_media(media="print")
    page.evaluate(SETTLED)
    try:
        return page.evaluate(UNFIT) + violations(page, ["color-contrast"], seen)
    finally:
        visit.unfold()
        page.emulate_media(media="screen")


@closely
@pytest.mark.parametrize(("width", "theme"), [(A4, "dark")])
def test_a_page_printed_from_the_dark_is_dark_on_white(visit, width, theme, seen):
    assert unfit_for_paper(visit, width, theme, seen) == []


# Planted faults -----------------------------------------------------------------------------------

WHITE = """<style>@media print {
  html, header { background: #fff !important; color: #111 !important }
}</style>"""


def test_a_sound_page_can_be_printed(plant):
    assert unfit_for_paper(plant(head=WHITE)) == []


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [
        ('<p style="background: #222; color: #eee; height: 300px">a</p>', "a dark ground"),
        ('<p style="color: #ccc">pale</p>', "color-contrast"),
        ('<p style="filter: invert(1)">a</p>', "not as drawn"),
        ("<details><summary>Solution</summary><p>It is 1.</p></details>", "left out"),
        ('<div class="sd-tab-content" style="display: none">a</div>', "left out"),
    ],
)
def test_what_paper_would_spoil_is_found(planted, complaint, plant):
    found = unfit_for_paper(plant(planted, head=WHITE))
    assert found
    assert all(each.startswith(complaint) for each in found)
