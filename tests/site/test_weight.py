"""A page weighs little, and stays where it is while it arrives."""

import pytest

from tests.site.server import SLOW

FIRST_PAGE = "book/index.html"
KILO = 1000
LIMITS = {FIRST_PAGE: 250}  # kilobytes over the wire, with all that the page loads
LIMIT = 450
SHIFT = 0.05


def test_a_page_is_light(visit):
    address = visit.page.url.removeprefix(visit.base).partition("#")[0]
    assert visit.weight / KILO <= LIMITS.get(address, LIMIT)


def test_a_page_stays_where_it_is_while_it_arrives(visit):
    assert visit.shift <= SHIFT


# Planted faults -----------------------------------------------------------------------------------


def test_all_that_comes_over_the_wire_is_weighed(plant, tmp_path):
    alone = plant().weight
    (tmp_path / "a.bin").write_bytes(bytes(300_000))
    (tmp_path / "a.js").write_text(f"// {'a' * 300_000}", encoding="utf-8")
    loading = "<script src='a.js'></script><script>fetch('a.bin')</script>"
    both = plant(loading).weight
    assert 300_000 < both - alone < 305_000  # the script comes packed


@pytest.mark.parametrize(
    ("planted", "moves"),
    [
        ("<script>setTimeout(() => text.prepend('late'), 0)</script>", False),
        ("<img src='a.svg' alt='A figure'>" + "<p>below</p>" * 40, True),
        ("<img src='a.svg' alt='A figure' width='300' height='300'>" + "<p>below</p>" * 40, False),
    ],
)
def test_a_shift_is_noticed(planted, moves, plant, tmp_path):
    figure = "<svg xmlns='http://www.w3.org/2000/svg' width='300' height='300'/>"
    (tmp_path / "a.svg").write_text(figure, encoding="utf-8")
    assert (plant(planted, network={SLOW: "200 1e6"}).shift > SHIFT) == moves
