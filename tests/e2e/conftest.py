"""A served page and a real Chromium. Skipped without Chromium, unless MM_REQUIRE_BROWSER is set."""

from __future__ import annotations

import os
import shutil

import pytest

from demo import layout
from mmcore import Settings, Studio

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
FLAGS += ["--autoplay-policy=no-user-gesture-required"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WAIT_MS = 15_000


def pytest_collection_modifyitems(items):
    here = os.path.dirname(__file__)
    missing = not CHROMIUM and not os.environ.get("MM_REQUIRE_BROWSER")
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.e2e)
            if missing:
                item.add_marker(pytest.mark.skip(reason="no Chromium on this machine"))


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The page on the fake backend; (address, studio)."""
    folder = tmp_path_factory.mktemp("e2e")
    patch = pytest.MonkeyPatch()
    patch.setenv("GRADIO_TEMP_DIR", str(folder / "uploads"))
    studio = Studio(Settings(profile="fake", cache_dir=folder / "cache"))
    blocks = layout.build(studio)
    _, address, _ = layout.launch(blocks, max_file_bytes=10**8, prevent_thread_lock=True, quiet=True)
    yield address, studio
    blocks.close()
    studio.close()
    patch.undo()


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Visit:
    """A visitor's page, and everything that went wrong or went elsewhere in it."""

    def __init__(self, chromium, address: str, **context):
        self.address = address
        self.context = chromium.new_context(**{"viewport": {"width": 1280, "height": 900}, "locale": "en-US"} | context)
        self.errors: list[str] = []
        self.elsewhere: list[str] = []
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._note)
        self.open()

    def _note(self, request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.elsewhere.append(request.url)

    def open(self) -> None:
        self.page.goto(self.address)
        self.page.wait_for_selector("#classify-run")
        self.page.wait_for_selector(".mm-strip")

    def leave(self) -> None:
        """Go away. What the browser logs about the requests that this cuts off is no fault of the page."""
        before = list(self.errors)
        self.page.goto("about:blank")
        self.page.wait_for_timeout(200)
        self.errors[:] = before

    def tab(self, name: str) -> None:
        self.page.locator("#tabs").get_by_role("tab", name=name, exact=True).click()


@pytest.fixture
def visit(server, chromium):
    """``visit(**context)`` opens the page as a new visitor; nothing may fail or leave the machine."""
    visits: list[Visit] = []

    def opened(**context) -> Visit:
        visits.append(Visit(chromium, server[0], **context))
        return visits[-1]

    yield opened
    for each in visits:
        each.context.close()
        assert each.errors == [], each.errors
        assert each.elsewhere == []
