"""The page of the rulebook in a real browser: versions, rehearsal and rules, in both languages."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from community.finding import Finding
from community.severity import Category, Severity
from tests.api.house import PASSWORD, START, Window
from tests.api.rulebooks import BOOK


@pytest.fixture
def page(visit: BrowserContext, window: Window) -> Page:
    """The page, signed in as somebody who may look."""
    store = window.house.rulebooks.store
    store.add(BOOK, "admin", "<b>after</b> the storm", START)
    shadow = Finding(
        rule="voltage.high", rule_version="v", category=Category.DETERIORATION, device="e0001", household="h0001",
        community="xijiang", severity=Severity.WARNING, previous=Severity.NORMAL, ts=START, since=START,
        received_at=START, value=260.0, threshold=253.0, unit="V", shadow=True,
    )  # fmt: skip
    window.house.desk.handle(1, 1, [shadow])
    page = visit.new_page()
    page.goto(window.url)
    page.get_by_label("Name").fill("viewer")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{window.url}/")
    page.goto(f"{window.url}/rulebook")
    return page


def test_it_shows_what_is_in_force_what_was_and_what_is_rehearsed(page: Page) -> None:
    expect(page.locator("#in-force")).to_have_text("Version 1 is in force: 1 rules.")
    expect(page.locator("#versions")).to_contain_text("<b>after</b> the storm")
    expect(page.locator("#versions")).to_contain_text("applied")
    expect(page.locator("#rehearsal")).to_contain_text("Normal → Warning")
    expect(page.locator("#rehearsal")).to_contain_text("260 V")
    expect(page.locator("#rules")).to_contain_text("GB/T 12325-2008")


def test_it_speaks_chinese_too(page: Page) -> None:
    page.locator("#language").click()
    expect(page.locator("h1")).to_have_text("规则手册")
    expect(page.locator("#rules")).to_contain_text("过电压")
