"""Takes the pictures that README and docs show, of the running demo: the console, and beside it the page of a device.

`python -m tests.acceptance.picture docs/images/console.png` (and `device.png` beside it). Needs Chromium and a Chinese
font (Debian: `fonts-wqy-microhei`).
"""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

from tests.acceptance.beside import started
from tests.acceptance.harness import Node
from tests.acceptance.test_console import sign_in

MOMENT_S = 105
"""Several severities are open by then, some of them over already, and leakage has been held long enough to be told."""


def main(file: Path) -> None:
    """Run the demo, sign in, open an alert whose evidence is a measurement, and press the shutter."""
    file.parent.mkdir(parents=True, exist_ok=True)
    node = Node(Path(tempfile.mkdtemp()) / "data", "--demo")
    with started(node), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--headless=new", "--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
        sign_in(page, node)
        page.wait_for_timeout(MOMENT_S * 1_000)
        page.get_by_role("option").filter(has_text="Residual current").first.click()
        expect(page.get_by_label("Details")).to_be_visible()
        page.get_by_text("All evidence").click()
        page.wait_for_timeout(1_000)
        page.screenshot(path=file)
        page.keyboard.press("d")
        expect(page.locator("#charts canvas").first).to_be_visible()
        address, now = page.url.partition("?")[0], page.evaluate("Date.now()")
        page.goto(f"{address}?start={now - MOMENT_S * 1_000}&end={now}")
        expect(page.locator(".chart[data-points]").first).to_be_visible()
        page.wait_for_timeout(1_000)
        page.screenshot(path=file.with_name("device.png"))
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
