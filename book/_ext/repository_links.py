"""Point the launch and repository buttons at the repository the book is really built from.

Jupyter Book links to its own repository unless told otherwise, and an address typed into a
configuration is wrong in every fork. Here the address comes from, in this order: the variable
``BOOK_REPOSITORY_URL``, a forge's own variables, and the git remote ``origin``. Without a public
address there are no such buttons.
"""

from __future__ import annotations

import os
import re
import subprocess

from sphinx.application import Sphinx
from sphinx.config import Config

ADDRESS = re.compile(
    r"(?:https?://|ssh://git@|git@)(?:[^@/]*@)?(?P<host>github\.com|gitlab\.com)[/:]"
    r"(?P<path>[\w.-]+/[\w.-]+?)(?:\.git)?/?"
)


def public_address(url: str) -> str:
    """Return ``https://host/owner/name`` for a public forge's address, "" for anything else."""
    match = ADDRESS.fullmatch(url.strip())
    return f"https://{match['host']}/{match['path']}" if match else ""


def find_repository(directory: str) -> str:
    """Return the public address of the repository, or "" when there is none."""
    if "BOOK_REPOSITORY_URL" in os.environ:
        return public_address(os.environ["BOOK_REPOSITORY_URL"])
    if "GITHUB_REPOSITORY" in os.environ:
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        return public_address(f"{server}/{os.environ['GITHUB_REPOSITORY']}")
    command = ["git", "remote", "get-url", "origin"]
    try:
        answer = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    except OSError:  # a machine without git
        return ""
    return public_address(answer.stdout)


def add_links(app: Sphinx, config: Config) -> None:
    """Fill in the theme's options, or remove the ones that would lead nowhere."""
    url = find_repository(app.confdir)
    launch = {"notebook_interface": "jupyterlab", "binderhub_url": "https://mybinder.org"}
    if "github.com" in url:
        launch["colab_url"] = "https://colab.research.google.com"
    config.html_theme_options |= {
        "repository_url": url,
        "repository_branch": os.environ.get("BOOK_REPOSITORY_BRANCH", "main"),
        "path_to_docs": "",
        "use_repository_button": bool(url),
        "launch_buttons": launch if url else {},
    }


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect to the moment when the configuration is complete."""
    app.connect("config-inited", add_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
