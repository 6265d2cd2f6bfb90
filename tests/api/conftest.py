"""The house behind the window, ways to ask it, and a real browser."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.api.house import PASSWORD, House, Window

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """A small house with accounts `viewer`, `operator` and `admin`, all with the same password."""
    house = House(tmp_path / "accounts.db")
    yield house
    house.close()


@pytest.fixture
async def stranger(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """Somebody who is not signed in."""
    transport = httpx.ASGITransport(house.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://house") as client:
        yield client


def _bearer(house: House, name: str) -> httpx.AsyncClient:
    token = house.accounts.sign_in(name, PASSWORD, "test", house.clock.now).token
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(transport=httpx.ASGITransport(house.app), base_url="http://house", headers=headers)


@pytest.fixture
async def viewer(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as somebody who may look."""
    async with _bearer(house, "viewer") as client:
        yield client


@pytest.fixture
async def operator(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as somebody who may act."""
    async with _bearer(house, "operator") as client:
        yield client


@pytest.fixture
async def admin(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as somebody who may change the estate."""
    async with _bearer(house, "admin") as client:
        yield client


@pytest.fixture
def window(house: House) -> Iterator[Window]:
    """The house's window on a real socket."""
    with Window(house) as window:
        yield window


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium. For a module and no longer: while it is there, its loop keeps async tests from running."""
    executable = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if executable is None:
        pytest.skip("needs the Debian package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh visit: no cookies, nothing kept; English, on a control room's screen."""
    context = browser.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB")
    context.set_default_timeout(15_000)
    yield context
    context.close()
