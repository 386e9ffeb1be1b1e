"""A browser is found on each system; without one the tests say how to get it."""

import pytest

from tests.site.browser import ADVICE, find_browser
from tests.site.conftest import ADDRESSES, SITE


def program(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_the_site_was_built():
    assert ADDRESSES, f"there is no site in {SITE}: run `make book` first"


@pytest.mark.parametrize("name", ["chromium-headless-shell", "chromium", "google-chrome"])
def test_a_browser_on_the_path_is_found(name, tmp_path):
    path = program(tmp_path / name)
    assert find_browser("linux", {"PATH": str(tmp_path)}) == path


@pytest.mark.parametrize("folder", ["Applications/Chromium.app/Contents/MacOS/Chromium"])
def test_a_browser_of_the_mac_is_found_in_its_folder(folder, tmp_path):
    path = program(tmp_path / folder)
    assert find_browser("darwin", {"PATH": "", "HOME": str(tmp_path)}) == path


def test_a_browser_of_windows_is_found_in_its_folder(tmp_path):
    path = program(tmp_path / "Google/Chrome/Application/chrome.exe")
    assert find_browser("win32", {"PATH": "", "LOCALAPPDATA": str(tmp_path)}) == path


def test_a_browser_that_is_named_goes_before_one_on_the_path(tmp_path):
    program(tmp_path / "chromium")
    mine = program(tmp_path / "elsewhere/mine")
    assert find_browser("linux", {"PATH": str(tmp_path), "BOOK_BROWSER": mine}) == mine


def test_a_named_browser_that_cannot_be_started_is_refused(tmp_path):
    program(tmp_path / "chromium")
    with pytest.raises(FileNotFoundError, match="BOOK_BROWSER=lynx is not a program"):
        find_browser("linux", {"PATH": str(tmp_path), "BOOK_BROWSER": "lynx"})


def test_without_a_browser_the_advice_says_how_to_get_one(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        find_browser("linux", {"PATH": str(tmp_path)})
    assert str(caught.value) == ADVICE
    for words in (
        "apt-get install chromium-headless-shell",
        "brew install",
        "winget install",
        "BOOK_BROWSER=",
    ):
        assert words in ADVICE


def test_a_page_that_draws_no_more_is_looked_at_all_the_same(plant):
    still = "<script>window.requestAnimationFrame = () => 0</script>"
    moves = (
        "<style>@keyframes turn { to { rotate: 1turn } } h1 { animation: turn 1s infinite }</style>"
    )
    visit = plant(head=still + moves)
    assert visit.look(390).evaluate("innerWidth") == 390
