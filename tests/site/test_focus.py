"""What has the focus looks different, pixel by pixel: each kind of thing once."""

import io

import numpy as np
import pytest
from PIL import Image

from tests.site.conftest import closely
from tests.site.visits import DRAWN

KINDS = """async () => {
  DRAWN
  scrollTo(0, innerHeight);
  await drawn();  // scripts of the page show and hide a button by the place in it
  const kinds = new Map();
  document.querySelectorAll("[data-kind]").forEach(each => each.removeAttribute("data-kind"));
  for (const each of document.querySelectorAll("a[href], button, input, summary, [tabindex='0']")) {
    const label = each.labels?.[0], shown = each.type === "radio" && label || each;
    const kind = [each.tagName, each.className, each.type, each.parentElement.className].join(" ");
    const box = shown.getBoundingClientRect();
    if (!kinds.has(kind) && each.tabIndex >= 0 && box.width && box.height
        && shown.checkVisibility({ visibilityProperty: true })) {
      each.dataset.kind = kind;
      kinds.set(kind, each);
    }
  }
  // What is fixed comes first: it may vanish once the page is scrolled to the others.
  const stays = ([, each]) => getComputedStyle(each).position === "fixed";
  return [...kinds].sort((a, b) => stays(b) - stays(a)).map(([kind]) => kind);
}""".replace("DRAWN", DRAWN)
FOCUS = """async kind => {
  const each = document.querySelector(`[data-kind="${CSS.escape(kind)}"]`);
  const shown = each.type === "radio" && each.labels?.[0] || each;
  shown.scrollIntoView({ block: "center" });
  each.focus({ preventScroll: true, focusVisible: true });
  document.getAnimations().forEach(motion => { try { motion.finish(); } catch { } });
  const { x, y, width, height } = shown.getBoundingClientRect();
  const left = Math.max(x - 6, 0), top = Math.max(y - 6, 0);
  const inView = (from, to, end) => Math.max(Math.min(to, end) - Math.max(from, 0), 0);
  const outline = [...shown.getClientRects()].reduce((sum, b) => sum
    + 2 * inView(b.left, b.right, innerWidth) + 2 * inView(b.top, b.bottom, innerHeight), 0);
  return [{ x: left, y: top, width: Math.min(x + width + 6, innerWidth) - left,
    height: Math.min(y + height + 6, innerHeight) - top }, outline];
}"""
BLUR = "() => document.activeElement?.blur()"


def luminance(picture):
    """WCAG's relative luminance of each pixel."""
    colours = np.asarray(picture.convert("RGB")) / 255
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def shot(page, box):
    return luminance(Image.open(io.BytesIO(page.screenshot(clip=box, animations="disabled"))))


def changed(page, kind):
    """Return the pixels that the focus changes by 3 to 1, and those around the box, or boxes."""
    box, outline = page.evaluate(FOCUS, kind)
    focused = shot(page, box)
    page.evaluate(BLUR)
    blurred = shot(page, box)
    high, low = np.maximum(focused, blurred), np.minimum(focused, blurred)
    clear = ((high + 0.05) / (low + 0.05) >= 3).sum()
    return clear, outline


def unseen(page, known=()):
    """Return the kinds of things whose focus is not seen."""
    page.keyboard.press("Tab")  # from here on the browser shows what has the focus
    kinds = [kind for kind in page.evaluate(KINDS) if kind not in known]
    found = []
    for kind in kinds:
        clear, outline = changed(page, kind)
        if clear < outline / 2:  # of 2 px on each side; lines of a link may touch
            found.append(f"{clear} of {outline:.0f} pixels: {kind}")
    return kinds, found


@closely
@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_the_focus_is_seen(visit, width, theme, seen):
    state = f"{width} {theme} "
    known = {each.removeprefix(state) for each in seen if each.startswith(state)}
    kinds, found = unseen(visit.look(width, theme=theme), known)
    seen.update(state + kind for kind in kinds)
    assert found == []


# Planted faults -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("style", "seen"),
    [
        ("outline: 3px solid #a64200", True),
        ("outline: 3px solid #ddd", False),
        ("outline: none", False),
        ("outline: none; box-shadow: 0 0 2px #ccc", False),
        ("outline: 3px solid #a64200; clip-path: inset(0)", False),
    ],
)
def test_a_focus_that_is_not_seen_is_found(style, seen, plant):
    page = plant(f"<style>button:focus-visible {{ {style} }}</style><button>Button</button>").page
    kinds, found = unseen(page)
    assert [kind.split()[0] for kind in kinds] == ["A", "BUTTON"]
    assert [each.partition(": ")[2].split()[0] for each in found] == ([] if seen else ["BUTTON"])
