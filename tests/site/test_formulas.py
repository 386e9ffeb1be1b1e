"""No formula is shown as its source."""

import pytest

from tests.guards.site import TEX, TEX_IS_MEANT

TEXTS = """meant => {
  const found = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.data.trim();
    if (text && !walker.currentNode.parentElement.closest(meant)) found.push(text);
  }
  return found;
}"""


def sources(visit):
    """Return the texts of a page in which TeX is left, and KaTeX's own complaints."""
    meant = ", ".join([*TEX_IS_MEANT, ".sig"])
    left = [text for text in visit.page.evaluate(TEXTS, meant) if TEX.search(text)]
    return left + visit.page.locator(".katex-error").all_inner_texts()


def test_no_formula_is_left_as_its_source(visit):
    assert sources(visit) == []


# Planted faults -----------------------------------------------------------------------------------


def test_prices_and_code_are_no_formulas(plant):
    assert sources(plant("<p>It costs $5, not $6: <code>$z$ \\sigma</code></p>")) == []


@pytest.mark.parametrize(
    "planted",
    [
        "<p>Let $p = 1/2$ be</p>",
        "<p>\\frac{1}{2}</p>",
        "<p id='a'></p><script>document.querySelector('#a').append('\\\\sigma(z)')</script>",
        '<span class="katex-error">p = {</span>',
    ],
)
def test_a_formula_left_as_its_source_is_found(planted, plant):
    assert len(sources(plant(planted))) == 1
