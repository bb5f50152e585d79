"""The picture of the README, made from a real answer.

    python tests/bench/screenshot.py [--profile embedded] [--output docs/screenshot.png]

Serves the page, clicks the first example, and keeps what Chromium shows. Needs Chromium and playwright.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from io import BytesIO
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from PIL import Image
from playwright.sync_api import sync_playwright

from demo import layout
from mmcore import Settings, Studio

WIDTH, HEIGHT = 1280, 1080  # pixels
PATIENCE_MS = 600_000  # the first use downloads
COLOURS = 224  # a page has few: a palette keeps the file small


def shot(address: str) -> bytes:
    """The page after its first example has been classified, as PNG."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, locale="en-US")
        page.set_default_timeout(PATIENCE_MS)
        page.goto(address)
        for _ in range(2):  # the second time is warm: the time it shows is what a visitor meets
            page.locator("#classify-examples button").first.click()
            page.locator("#classify-stop").wait_for(state="visible")
            page.locator("#classify-run").wait_for(state="visible")
        page.mouse.move(0, 0)
        page.wait_for_timeout(500)
        picture = page.screenshot()
        browser.close()
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="embedded")
    parser.add_argument("--output", type=Path, default=Path("docs/screenshot.png"))
    flags = parser.parse_args()
    settings = Settings.from_env(profile=flags.profile)
    studio = Studio(settings)
    blocks = layout.build(studio)
    limit = settings.limits.file_bytes
    _, address, _ = layout.launch(blocks, max_file_bytes=limit, prevent_thread_lock=True, quiet=True)
    picture = Image.open(BytesIO(shot(address))).convert("RGB").quantize(COLOURS)
    flags.output.parent.mkdir(parents=True, exist_ok=True)
    picture.save(flags.output, optimize=True)
    print(f"{flags.output}: {flags.output.stat().st_size / 1000:.0f} kB")
    blocks.close()
    studio.close()


if __name__ == "__main__":
    main()
