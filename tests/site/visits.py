"""Open a page as a reader does, and keep what the browser saw meanwhile."""

from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import CDPSession, Page

from tests.site.server import SLOW

SLOW_4G = {SLOW: "150 200_000"}  # as Lighthouse has it
FAST = {}
# No name is looked up, so that nothing of others is loaded even where a page asks for it.
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"

WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) shifts.push(entry.value);
}).observe({ type: "layout-shift", buffered: true });
"""
# A browser without a window may stop drawing: nothing waits for a frame, or a motion, for ever.
DRAWN = """const within = (time, promise) =>
    Promise.race([promise, new Promise(done => setTimeout(done, time))]);
  const drawn = () => within(3000,
    new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));"""
# A reader's way down: what comes into view has arrived before the next step.
SCROLL = """async () => {
  DRAWN
  const inView = each => {
    const box = each.getBoundingClientRect();
    // What is folded away has a box, too, and is not fetched.
    return each.checkVisibility() && box.bottom > 0 && box.top < innerHeight;
  };
  const arrived = image => image.complete
    || within(9000, new Promise(done => { image.onload = image.onerror = done; }));
  await within(9000, document.fonts.ready);
  for (let y = 0; y < document.documentElement.scrollHeight; y += 0.8 * innerHeight) {
    scrollTo(0, y);
    await within(3000, new Promise(requestAnimationFrame));
    await Promise.all([...document.images].filter(inView).map(arrived));
  }
  await drawn();
  scrollTo(0, 0);
  await drawn();
}""".replace("DRAWN", DRAWN)
SETTLED = """async () => {
  DRAWN
  const motions = document.getAnimations().map(each => each.finished.catch(() => 0));
  await within(3000, Promise.all(motions));
  await drawn();
}""".replace("DRAWN", DRAWN)


@dataclass
class Visit:
    """An open page, and what was noticed until it had been read to its end."""

    page: Page
    client: CDPSession
    base: str  # the site's address
    address: str  # the page's in it
    asked: list[str] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    received: int = 0  # bytes that came over the wire until now
    weight: int = 0  # those that came until the page had been read
    shift: float = 0.0
    theme: str = ""  # that was last chosen

    def look(self, width=1280, height=900, theme="light"):
        """Resize the window and change the colours, without loading the page again."""
        size = {"width": width, "height": height}
        if size != self.page.viewport_size:
            self.page.set_viewport_size(size)
            self.page.wait_for_timeout(400)  # which scripts of the page let pass
        if theme != self.theme:  # else the browser styles each element anew
            self.page.emulate_media(media="screen", color_scheme=theme)
            self.page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
            self.theme = theme
        self.page.evaluate(SETTLED)
        return self.page

    def unfold(self):
        """Open what is folded, so that checks see it."""
        self.page.evaluate(
            "() => document.querySelectorAll('details').forEach(each => { each.open = true })"
        )


@contextmanager
def visiting(
    browser,
    base,
    address,
    *,
    width=1280,
    height=900,
    network=FAST,
    processor=1,
    scripts=True,
    read=True,
    reduced_motion="reduce",
    **more,
):
    """Yield a visit to a page, read to its end or not, in a browser that has nothing of it yet."""
    size = {"width": width, "height": height}
    context = browser.new_context(viewport=size, reduced_motion=reduced_motion, **more)
    page = context.new_page()
    client = context.new_cdp_session(page)
    visit = Visit(page, client, base, address)
    _listen(visit)
    page.set_extra_http_headers(network)
    client.send("Emulation.setCPUThrottlingRate", {"rate": processor})
    client.send("Emulation.setScriptExecutionDisabled", {"value": not scripts})
    page.add_init_script(WATCH_SHIFTS)
    try:
        page.goto(base + address, wait_until="load" if read else "commit")
        if scripts and read:
            page.evaluate(SCROLL)
            visit.shift = page.evaluate("shifts.reduce((sum, each) => sum + each, 0)")
        if not scripts:  # the page's own had their chance; those of the checks want to run
            client.send("Emulation.setScriptExecutionDisabled", {"value": False})
        page.set_extra_http_headers(FAST)
        visit.weight = visit.received
        yield visit
    finally:
        context.close()


def _listen(visit):
    local = {}

    def began(event):
        local[event["requestId"]] = event["request"]["url"]

    def finished(event):
        if not local.get(event["requestId"], "").startswith("data:"):
            visit.received += int(event["encodedDataLength"])

    def asked(request):
        if not request.url.startswith(("data:", "blob:")):
            visit.asked.append(request.url)

    def answered(response):
        if response.status >= 400:
            visit.troubles.append(f"{response.status}: {response.url}")

    def said(message):
        if message.type == "error":
            visit.troubles.append(f"on the console: {message.text}")

    visit.client.on("Network.requestWillBeSent", began)
    visit.client.on("Network.loadingFinished", finished)
    visit.client.send("Network.enable")
    visit.page.on("request", asked)
    visit.page.on("response", answered)
    visit.page.on("console", said)
    visit.page.on("requestfailed", lambda r: visit.troubles.append(f"never came: {r.url}"))
    visit.page.on("pageerror", lambda error: visit.troubles.append(f"in a script: {error}"))
