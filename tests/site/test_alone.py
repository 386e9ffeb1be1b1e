"""A page asks nobody else for anything, and the browser has nothing to complain of."""

import pytest


def strangers(visit):
    """Return what the page asked others for."""
    return [address for address in visit.asked if not address.startswith(visit.base)]


def test_a_page_asks_nobody_else(visit):
    assert strangers(visit) == []


def test_a_page_loads_without_a_complaint(visit):
    assert visit.troubles == []


# Planted faults -----------------------------------------------------------------------------------


def test_a_sound_page_is_alone_and_without_a_complaint(plant):
    visit = plant()
    assert (strangers(visit), visit.troubles) == ([], [])
    assert visit.asked == [f"{visit.base}page.html"]


@pytest.mark.parametrize(
    "planted",
    [
        '<img src="http://example.org/a.png" alt="A">',
        '<div style="background: url(//example.org/a.png)">a</div>',
        "<script>fetch('http://' + ['example', 'org'].join('.')).catch(() => 0)</script>",
    ],
)
def test_a_request_to_others_is_noticed(planted, plant):
    assert len(strangers(plant(planted))) == 1


@pytest.mark.parametrize(
    ("planted", "said"),
    [
        ("<script>console.error('no data')</script>", "on the console: no data"),
        ("<script>throw Error('no script')</script>", "in a script: no script"),
        ("<script>Promise.reject(Error('late'))</script>", "in a script: late"),
        ('<img src="lost.png" alt="A">', "404: "),
        ('<script src="lost.js"></script>', "404: "),
        ("<style>@font-face { font-family: a; src: url(a.woff2) } p { font-family: a }</style>",
         "404: "),
    ],
)  # fmt: skip
def test_a_complaint_of_the_browser_is_noticed(planted, said, plant):
    assert [each for each in plant(planted).troubles if each.startswith(said)]
