"""Every picture has arrived, and says in words what it shows or that it is decoration."""

import pytest

SILENT = """() => [
  ...[...document.images].filter(each => !each.alt.trim())
    .map(each => `no alt text: ${each.outerHTML}`),
  ...[...document.images].filter(each => each.checkVisibility() && !each.naturalWidth)
    .map(each => `never shown: ${each.outerHTML}`),
  ...[...document.querySelectorAll("svg")].filter(each => !each.closest("[aria-hidden=true]")
    && !(each.getAttribute("role") === "img" && each.getAttribute("aria-label"))
    && !each.querySelector(":scope > title"))
    .map(each => `a drawing without words: ${each.outerHTML.slice(0, 200)}`),
]"""


def silent_pictures(visit):
    """Return the pictures that a reader may miss."""
    return visit.page.evaluate(SILENT)


def test_every_picture_says_what_it_shows(visit):
    assert silent_pictures(visit) == []


# Planted faults -----------------------------------------------------------------------------------

DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


def test_a_picture_with_words_and_a_decoration_are_left_alone(plant):
    visit = plant(f'<img src="{DOT}" alt="A dot"><svg aria-hidden="true"></svg>')
    assert silent_pictures(visit) == []


@pytest.mark.parametrize(
    "planted",
    [
        f'<img src="{DOT}">',
        f'<img src="{DOT}" alt=" ">',
        '<img src="lost.png" alt="A figure that is lost">',
        "<svg><path d='M0 0'/></svg>",
        '<svg role="img"></svg>',
    ],
)
def test_a_picture_that_says_nothing_is_found(planted, plant):
    assert len(silent_pictures(plant(planted))) == 1
