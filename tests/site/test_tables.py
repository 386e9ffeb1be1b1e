"""No line of a table stands between its columns."""

import pytest

UPRIGHT = """() => [...document.querySelectorAll("main table, main td, main th")].filter(each => {
  const style = getComputedStyle(each);
  return parseFloat(style.borderLeftWidth) || parseFloat(style.borderRightWidth);
}).map(each => each.outerHTML.slice(0, 120))"""


def test_no_line_of_a_table_stands_upright(visit):
    assert visit.page.evaluate(UPRIGHT) == []


# Planted faults -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "planted", ["<table border>", "<table><td style='border-left: 1px solid'>"]
)
def test_a_line_between_columns_is_found(planted, plant):
    assert plant(planted).page.evaluate(UPRIGHT)
