"""What every page of the built site obeys; each guard returns its complaints about one page."""

import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bs4 import BeautifulSoup

# A link of these kinds is fetched with the page; the others are there to be followed.
FETCHED = {"stylesheet", "icon", "preload", "prefetch", "modulepreload", "preconnect", "manifest"}
FOREIGN = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.I)
CSS_ADDRESS = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])\s*([^"')]+)""")
SCRIPT_ADDRESS = re.compile(r"""["'`]((?:https?:|wss?:)?//[^"'`\s]+)""")
TEX = re.compile(r"\\[A-Za-z]{2,}|\\[()\[\]]|\$[^$\s](?:[^$]*[^$\s])?\$")
TEX_IS_MEANT = ["code", "pre", "script", "style", "annotation", "textarea"]
# Files of the theme that end like pages.
NOT_PAGES = {"_static/webpack-macros.html", "_static/sbt-webpack-macros.html"}


def pages(site):
    """Return the addresses of all pages of a site, in order."""
    found = (path.relative_to(site).as_posix() for path in site.rglob("*.html"))
    return sorted(set(found) - NOT_PAGES)


@dataclass(frozen=True)
class Page:
    """A page of a site, read once."""

    path: Path
    root: Path

    @cached_property
    def text(self):
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def soup(self):
        return BeautifulSoup(self.text, "html.parser")

    @property
    def redirect(self):
        """The address that a page without content leads to, or None."""
        if "http-equiv" not in self.text.lower():
            return None
        tag = self.soup.find("meta", attrs={"http-equiv": re.compile("refresh", re.I)})
        return tag["content"].partition("url=")[2] if tag else None


@cache
def anchors(path):
    """Return the names that a link into this page may end in."""
    return set(re.findall(r"""\s(?:id|name)="([^"]*)\"""", path.read_text(encoding="utf-8")))


def loaded(page):
    """Yield (what loads, address) for everything a browser fetches in order to show the page."""
    for tag in page.soup.find_all(True):
        if tag.name == "link" and FETCHED & set(tag.get("rel", [])):
            yield tag.name, tag.get("href", "")
        elif tag.name not in {"link", "a"}:
            for key in ("src", "poster", "data"):
                if tag.get(key):
                    yield tag.name, tag[key]
            for candidate in tag.get("srcset", "").split(","):
                if candidate.strip():
                    yield tag.name, candidate.split()[0]
        if tag.name == "style" or tag.get("style"):
            for address in CSS_ADDRESS.findall(tag.get("style") or tag.get_text()):
                yield f"the style of {tag.name}", address


def foreign_addresses(page):
    """Nothing is fetched from anywhere else, whether by a tag, a style or an inline script."""
    complaints = [
        f"<{name}> loads {address}" for name, address in loaded(page) if FOREIGN.match(address)
    ]
    for script in page.soup.find_all("script", src=False):
        complaints += [
            f"an inline script names {address}"
            for address in SCRIPT_ADDRESS.findall(script.get_text())
        ]
    return complaints


def raw_tex(page):
    """No formula was left as its source."""
    return [
        f"TeX is left in: {' '.join(text.split())[:80]}"
        for text in page.soup.find_all(string=TEX)
        if not text.find_parent(TEX_IS_MEANT) and not text.find_parent(class_="sig")
    ]


def missing_title(page):
    """Every page has a title."""
    titled = page.redirect or (page.soup.title and page.soup.title.get_text(strip=True))
    return [] if titled else ["no title"]


def missing_alt(page):
    """Every picture says in words what it shows; the name of its file says nothing."""
    complaints = []
    for picture in page.soup.find_all("img"):
        alt = picture.get("alt", "").strip()
        if not alt:
            complaints.append(f"no alt text: {picture.get('src')}")
        elif re.search(r"\.(?:png|svg|jpe?g|gif)$|^[\w./\\-]*[/\\][\w./\\-]*$", alt):
            complaints.append(f"the alt text is a path: {alt}")
    return complaints


def dead_ends(page):
    """Every local file that the page loads and every local place that it leads to exists."""
    complaints = []
    addresses = [address for _, address in loaded(page)]
    addresses += [link["href"] for link in page.soup.find_all("a", href=True)]
    for address in {*addresses, page.redirect or ""} - {"", "#"}:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            continue
        path = unquote(parts.path)
        target = (page.path.parent / path).resolve() if path else page.path
        if target.is_dir():
            target /= "index.html"
        if not target.is_relative_to(page.root.resolve()):
            complaints.append(f"{address} leads out of the site")
        elif not target.exists():
            complaints.append(f"{address} does not exist")
        elif target.suffix == ".html" and unquote(parts.fragment) not in {"", *anchors(target)}:
            complaints.append(f"{address} has no such anchor")
    return sorted(complaints)


def foreign_styles(stylesheet):
    """Return the foreign addresses that a stylesheet loads."""
    text = re.sub(r"/\*.*?\*/", "", stylesheet, flags=re.S)
    return [address for address in CSS_ADDRESS.findall(text) if FOREIGN.match(address)]


GUARDS = [foreign_addresses, raw_tex, missing_title, missing_alt, dead_ends]
