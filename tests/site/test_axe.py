"""axe finds no violation: WCAG 2.2 at the levels A and AA, and its best practices."""

from importlib.resources import files

import pytest

from tests.site.conftest import closely

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
COLOURS = ["color-contrast", "link-in-text-block"]  # the rules that a theme can break
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# A formula in the colour of its text is judged as the text of its MathML: axe passes over single
# letters, and small ones must be as clear as the largest.
FORMULA = ".katex:not(:has([style*=color]))"
# The contrast of a text follows from its colours and its size, that of a link with its paragraph
# from both colours: each look is judged on the first page that has it, not each of some thousand
# pieces of code on each page.
LOOKS = """known => {
  const looks = new Map(), grounds = new Map([[document.documentElement, ""]]);
  for (const mark of ["look", "ground"])
    document.querySelectorAll(`[data-${mark}]`).forEach(each => { delete each.dataset[mark]; });
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_ELEMENT,
    each => each.matches("FORMULA *") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  while (walker.nextNode()) {
    const each = walker.currentNode, style = getComputedStyle(each);
    const ground = [grounds.get(each.parentElement), style.backgroundColor, style.backgroundImage,
      style.opacity, style.mixBlendMode, style.filter].join(" ")
      .replaceAll(" rgba(0, 0, 0, 0) none 1 normal none", "");
    grounds.set(each, ground);
    if (ground !== grounds.get(each.parentElement)) each.dataset.ground = "";
    if (!each.matches("FORMULA")
        && ![...each.childNodes].some(child => child.nodeType === 3 && child.data.trim())) continue;
    if (!each.checkVisibility({ visibilityProperty: true })) continue;
    const text = [style.color, style.fontSize, style.fontWeight, style.textShadow,
      each.matches("a") && getComputedStyle(each.parentElement).color];
    const look = [ground, ...text].join(" ");
    looks.set(look, [...(looks.get(look) ?? []), each]);
  }
  known.forEach(look => looks.delete(look));
  for (const alike of looks.values())
    alike.slice(0, 2).forEach(each => { each.dataset.look = ""; });
  return [...looks.keys()];
}""".replace("FORMULA", FORMULA)
# Axe's time grows with all that it sees. So what is drawn alike in code and formulas, half of a
# chapter, stands aside meanwhile; where colours alone are judged, so does all that has no look and
# paints no ground.
THIN = """colours => {
  const kept = colours ? "[data-look], [data-ground]" : "[data-look], a, button";
  window.aside = [];
  const replace = pairs => {
    for (const [each, other] of pairs) each.replaceWith(other);
    aside.push(...pairs);
  };
  const box = each => {
    const span = document.createElement("span"), { width, height } = each.getBoundingClientRect();
    const size = `width: ${width}px; height: ${height}px`;
    span.style.cssText = `display: inline-block; overflow: hidden; ${size}`;
    span.textContent = each.querySelector("math, title")?.textContent;
    if ("look" in each.dataset) span.dataset.look = "";
    return [each, span];
  };
  replace([...document.querySelectorAll("FORMULA, button > svg")].map(box));
  const pairs = [], thin = (each, other) => {
    if (each.matches(kept) || each.querySelector(kept))
      [...each.children].forEach(child => thin(child, other));
    else pairs.push([each, other(each)]);
  };
  if (colours) thin(document.body, () => document.createComment(""));
  else document.querySelectorAll("pre > *").forEach(
    each => thin(each, each => document.createTextNode(each.textContent)));
  replace(pairs);
}""".replace("FORMULA", FORMULA)
RESTORE = "() => { for (const [each, other] of aside) other.replaceWith(each); }"
START = """() => axe.configure({ rules: [{ id: "color-contrast", selector: "[data-look]" }] })"""
RUN = """async tags => {
  const rules = { "label-content-name-mismatch": { enabled: true } };  // in axe it is on trial
  const type = axe.getRules(tags).length ? "tag" : "rule";
  const runOnly = { type, values: tags };
  const options = { runOnly, rules, resultTypes: ["violations"], preload: false };
  return (await axe.run(document, options)).violations.flatMap(rule =>
    rule.nodes.slice(0, 5).map(each => `${rule.id}: ${each.target}: ${each.failureSummary}`));
}"""


def violations(page, tags=TAGS, seen=None):
    """Return what axe complains of; looks that were seen are not judged again."""
    seen = set() if seen is None else seen
    new = page.evaluate(LOOKS, list(seen))
    seen.update(new)
    colours = set(tags) <= set(COLOURS)
    if colours and not new:
        return []
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE)
        page.evaluate(START)
    page.evaluate(THIN, colours)
    try:
        return page.evaluate(RUN, tags)
    finally:
        page.evaluate(RESTORE)


@closely
@pytest.mark.parametrize(("theme", "tags"), [("light", TAGS), ("dark", COLOURS)], ids=["", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_no_violation(visit, width, theme, tags, seen):
    assert violations(visit.look(width, theme=theme), tags, seen) == []


# Planted faults -----------------------------------------------------------------------------------


MATH = '<span class="katex"><math><mi>log</mi></math><i>log</i></span>'


def test_axe_knows_wcag_2_2(plant):
    page = plant().page
    page.evaluate(AXE)
    assert "target-size" in page.evaluate("axe.getRules(['wcag22aa']).map(rule => rule.ruleId)")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_leaves_a_sound_page_alone(theme, plant):
    assert violations(plant().look(390, theme=theme)) == []


@pytest.mark.parametrize(
    ("theme", "planted", "rule"),
    [
        ("light", '<p style="color: #999">pale</p>', "color-contrast"),
        ("dark", '<p style="color: #555">dark</p>', "color-contrast"),
        ("light", '<pre><i>for</i> <span style="color: #bbb">each</span></pre>', "color-contrast"),
        ("light", f'<p style="color: #999">{MATH}</p>', "color-contrast"),
        ("light", f'{MATH}<span class="katex"><i style="color: #bbb">log</i></span>',
         "color-contrast"),
        ("light", '<button aria-label="Find">Search</button>', "label-content-name-mismatch"),
        ("light", '<a href="#text"></a>', "link-name"),
        ("light", '<button style="padding: 0; border: 0; width: 9px; height: 9px">i</button>' * 2,
         "target-size"),
        ("light", "<h4>Too deep</h4>", "heading-order"),
    ],
)  # fmt: skip
def test_a_violation_is_found(theme, planted, rule, plant):
    found = violations(plant(planted).look(390, theme=theme))
    assert {each.partition(":")[0] for each in found} == {rule}
