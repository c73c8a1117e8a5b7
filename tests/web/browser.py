"""Chromium on the page: what it says, what it asks for, what it looks like."""

import contextlib
import pathlib
import re
import shutil
import time
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

AXE = pathlib.Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--font-render-hinting=none"]
WAIT_MS = 15_000


def chromium():
    """Debian's browser."""
    found = shutil.which("chromium")
    assert found, "chromium is missing; run: ./dev deps"
    return found


@contextlib.contextmanager
def launched():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGS)
        yield browser
        browser.close()


def until(page, expression, arg=None):
    """Waits for a condition in the page. Playwright's own way would evaluate text inside the page, which its policy forbids."""
    deadline = time.monotonic() + WAIT_MS / 1000
    while not page.evaluate(expression, arg):
        assert time.monotonic() < deadline, f"in vain: {expression}"
        page.wait_for_timeout(50)


class Tab:
    """A page with its own cookies and storage. Remembers what a good page has none of: console errors, failed scripts, requests
    that leave the machine."""

    def __init__(self, browser, url, *, width=1440, height=900, theme="light", language="en-GB", zone="Asia/Shanghai"):
        self.url = url.rstrip("/") + "/"
        self.errors = []
        self.outside = []
        self.context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme, locale=language,
                                           timezone_id=zone)
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.errors.append(f"{error} at {self.page.url}\n{error.stack}"))
        self.page.on("request", self._note_request)

    def _note(self, message):
        if message.type == "error":
            self.errors.append(f"{message.text} {message.location.get('url', '')}".rstrip())

    def _note_request(self, request):
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and parts.hostname != "127.0.0.1":
            self.outside.append(request.url)

    def open(self, hash_="#/"):
        self.page.goto(self.url + hash_)
        return self.page

    def axe(self):
        """Serious and critical findings of axe, one line each. The script is injected by the debugger, past the page's policy."""
        self.page.evaluate(AXE.read_text() + "; undefined")
        result = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [f"{violation['id']}: {node['target']} {node.get('failureSummary', '')}"
                for violation in result["violations"] if violation["impact"] in ("serious", "critical")
                for node in violation["nodes"]]

    def assert_clean(self):
        assert not self.errors, self.errors
        assert not self.outside, self.outside

    def close(self):
        self.page.remove_listener("console", self._note)  # what is asked from here on is no longer routed
        self.page.unroute_all(behavior="ignoreErrors")  # an answer that was under way has no page left to go to
        self.context.close()


def number(text):
    """The first number of a text, as a person writes it."""
    return int(re.sub(r"\D", "", re.search(r"[\d,]+", text).group()))
