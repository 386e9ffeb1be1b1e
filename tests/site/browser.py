"""Find the browser that these tests drive: Chromium or Chrome, wherever it is on this machine.

`python -m tests.site.browser` prints its path, or says how to get one.
"""

import os
import shutil
import sys
from pathlib import Path

VARIABLE = "BOOK_BROWSER"
# The first draws no window of its own and takes half the time.
NAMES = [
    *("chromium-headless-shell", "chromium", "google-chrome", "google-chrome-stable", "chrome"),
    "chromium-browser",
]
MAC = ["Google Chrome", "Chromium"]
WINDOWS = [r"Google\Chrome\Application\chrome.exe", r"Chromium\Application\chrome.exe"]
ADVICE = f"""No Chromium or Chrome was found, and the site is tested in one. Install it:
  Debian           apt-get install chromium-headless-shell
  Ubuntu           snap install chromium
  Fedora           dnf install chromium
  macOS            brew install --cask google-chrome
  Windows          winget install Google.Chrome
or name the one that you have: {VARIABLE}=/path/to/chrome make test-site"""


def find_browser(platform=sys.platform, environment=os.environ):
    """Return the path of a browser, or raise FileNotFoundError with what to do."""
    named = environment.get(VARIABLE)
    if named:
        found = shutil.which(named, path=environment.get("PATH", ""))
        if not found:
            raise FileNotFoundError(f"{VARIABLE}={named} is not a program that can be started.")
        return found
    for path in _candidates(platform, environment):
        if path and Path(path).is_file():
            return str(path)
    raise FileNotFoundError(ADVICE)


def _candidates(platform, environment):
    for name in NAMES:
        yield shutil.which(name, path=environment.get("PATH", ""))
    if platform == "darwin":
        for folder in (Path("/Applications"), Path(environment.get("HOME", "/"), "Applications")):
            yield from (folder / f"{name}.app/Contents/MacOS/{name}" for name in MAC)
    if platform == "win32":
        for variable in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
            if variable in environment:
                yield from (Path(environment[variable], *name.split("\\")) for name in WINDOWS)


if __name__ == "__main__":
    try:
        print(find_browser())
    except FileNotFoundError as error:
        sys.exit(str(error))
