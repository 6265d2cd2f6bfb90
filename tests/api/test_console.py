"""The console in a real Chromium: what a person on night duty does with it."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from community.clock import MINUTE
from community.severity import Severity
from tests.api.house import PASSWORD, House, Window, component_down

pytestmark = pytest.mark.server


class Troubles(list[str]):
    """What the browser complained about, and requests that went elsewhere. Must stay empty."""

    def watch(self, page: Page, origin: str) -> None:
        """Note everything from now on."""
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self.append(f"error: {error}"))
        page.on("request", lambda request: self._see(request.url, origin))

    def _hear(self, kind: str, text: str) -> None:
        # A refused connection, or an answer with an error status, is also reported; tests cause those on purpose.
        if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
            self.append(f"{kind}: {text}")

    def _see(self, url: str, origin: str) -> None:
        if not url.startswith((origin, "data:", "blob:")):
            self.append(f"request to {url}")


@pytest.fixture
def page(visit: BrowserContext, window: Window) -> Iterator[Page]:
    """The console, with an operator signed in, live."""
    page = visit.new_page()
    troubles = Troubles()
    troubles.watch(page, window.url)
    sign_in(page, window)
    yield page
    page.close()
    assert troubles == []


def sign_in(page: Page, window: Window, name: str = "operator") -> None:
    """From the first visit to the live list, by keyboard alone."""
    page.goto(window.url)
    expect(page).to_have_url(re.compile("/sign-in$"))
    page.keyboard.type(name)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#line")).to_have_attribute("data-state", "live")


def rows(page: Page) -> list[str]:
    """The titles in the list, in order."""
    return page.locator(".row .row-title").all_text_contents()


def test_wrong_password_is_said(visit: BrowserContext, window: Window) -> None:
    page = visit.new_page()
    page.goto(f"{window.url}/sign-in")
    page.get_by_label("Name").fill("operator")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")


def test_quiet_night(page: Page) -> None:
    expect(page.get_by_text("All quiet")).to_be_visible()
    expect(page.locator("#count-open")).to_have_text("0 open")


def test_alert_appears_is_acknowledged_by_keyboard_and_stays_so(house: House, page: Page) -> None:
    [event] = house.find(house=1, severity=Severity.CRITICAL)
    row = page.get_by_role("option")
    expect(row).to_contain_text("Shock hazard")
    expect(row).to_contain_text("Critical")
    expect(row).to_contain_text("Needs help")
    expect(page.locator("#announce")).to_contain_text("Shock hazard")
    page.keyboard.press("j")
    expect(page.get_by_label("Details")).to_contain_text("Measured 41.2 mA; the limit is 24 mA.")
    page.keyboard.press("a")
    expect(page.get_by_role("dialog")).to_contain_text("Acknowledge this alert?")
    page.keyboard.type("called them")
    page.keyboard.press("Enter")
    expect(row).to_contain_text("Acknowledged")
    alert = house.journal.alert(event.alert)
    assert alert is not None
    assert (alert.acknowledged, alert.acknowledged_by) == (True, "operator")
    page.reload()
    expect(page.get_by_role("group", name="Acknowledged, still active").get_by_role("option")).to_have_count(1)
    page.keyboard.press("j")
    expect(page.get_by_label("Details")).to_contain_text("called them")
    house.find(house=1, severity=Severity.NORMAL)
    expect(row).to_contain_text("Over, to be reset")
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    expect(page.get_by_text("All quiet")).to_be_visible()


def test_most_urgent_first(house: House, page: Page) -> None:
    house.find("device.silent", 1, Severity.ALARM)
    house.clock.now += MINUTE
    house.find("terminal.temperature", 2, Severity.WARNING)
    house.find("residual.shock", 3, Severity.ALARM)
    house.find("smoke.alarm", 4, Severity.CRITICAL)
    expect(page.get_by_role("option")).to_have_count(4)
    assert rows(page) == ["Smoke alarm", "Shock hazard: residual current", "Device silent", "Terminal too warm"]
    expect(page.locator("#count-life")).to_have_text("2 life")


def test_what_got_worse_meanwhile_is_shown_before_it_can_be_acknowledged(house: House, page: Page) -> None:
    [event] = house.find(severity=Severity.WARNING)
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("a")
    house.find(severity=Severity.CRITICAL)
    expect(page.get_by_role("option")).to_contain_text("Critical")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("It has become worse than what you saw.")
    expect(dialog).to_contain_text("Critical")
    alert = house.journal.alert(event.alert)
    assert alert is not None
    assert not alert.acknowledged
    page.keyboard.press("Enter")
    expect(page.get_by_role("option")).to_contain_text("Acknowledged")


def test_keyboard_stays_with_its_row_when_others_arrive(house: House, page: Page) -> None:
    house.find("terminal.temperature", 1)
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("j")
    house.find("smoke.alarm", 2, Severity.CRITICAL)
    expect(page.get_by_role("option")).to_have_count(2)
    expect(page.locator(":focus")).to_contain_text("Terminal too warm")
    expect(page.get_by_role("option", selected=True)).to_contain_text("Terminal too warm")
    page.keyboard.press("k")
    expect(page.locator(":focus")).to_contain_text("Smoke alarm")


def test_cut_line_is_said_and_nothing_is_missed(house: House, visit: BrowserContext) -> None:
    page = visit.new_page()
    with Window(house) as first:
        sign_in(page, first)
        house.find(house=1)
        expect(page.get_by_role("option")).to_have_count(1)
        port = first.port
    expect(page.get_by_role("alert")).to_contain_text("Not live")
    expect(page.locator("#line")).to_have_text("Cut off")
    house.find(house=2)
    house.open_window()
    with Window(house, port):
        expect(page.get_by_role("option")).to_have_count(2)
        expect(page.locator("#line")).to_have_text("Live")
        expect(page.locator("#cut")).to_be_hidden()
        house.find(house=3)
        expect(page.get_by_role("option")).to_have_count(3)


def test_two_languages(page: Page, house: House) -> None:
    house.find(house=1)
    expect(page.get_by_role("option")).to_contain_text("Shock hazard")
    page.keyboard.press("l")
    expect(page.get_by_role("option")).to_contain_text("触电危险")
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    page.reload()
    expect(page.get_by_role("option")).to_contain_text("需要帮助")
    page.keyboard.press("l")
    expect(page.locator("#line")).to_have_text("Live")


def test_language_of_the_browser_comes_first(window: Window, browser: Browser) -> None:
    context = browser.new_context(locale="zh-CN")
    page = context.new_page()
    page.goto(window.url)
    expect(page.get_by_role("button", name="登录")).to_be_visible()
    context.close()


def test_dark_unless_somebody_wants_light(page: Page) -> None:
    html = page.locator("html")
    expect(html).to_have_attribute("data-theme", "dark")
    page.keyboard.press("t")
    page.reload()
    expect(html).to_have_attribute("data-theme", "light")


def test_filter(page: Page, house: House) -> None:
    house.find(house=1)
    house.find("smoke.alarm", 3)
    expect(page.get_by_role("option")).to_have_count(2)
    page.keyboard.press("/")
    page.keyboard.type("smoke 羊排")
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.type(" nowhere")
    expect(page.get_by_text("Nothing matches the filter.")).to_be_visible()


def test_a_flood_is_bounded_and_says_so(house: House, window: Window, visit: BrowserContext) -> None:
    for i in range(520):
        house.find("device.silent", i, Severity.WARNING, ts=house.clock.now + i)
    house.find("smoke.alarm", 3, Severity.CRITICAL, ts=house.clock.now - MINUTE)  # the oldest, and the most urgent
    page = visit.new_page()
    sign_in(page, window)
    expect(page.get_by_role("option")).to_have_count(500)
    expect(page.locator("#more")).to_contain_text("The 500 most urgent alerts are shown")
    expect(page.get_by_role("option").first).to_contain_text("Smoke alarm")


def test_viewer_is_told_why_not(window: Window, house: House, visit: BrowserContext) -> None:
    house.find(house=1)
    page = visit.new_page()
    sign_in(page, window, "viewer")
    page.keyboard.press("j")
    expect(page.get_by_role("button", name="Acknowledge")).to_be_disabled()
    page.keyboard.press("a")
    expect(page.locator("#said")).to_have_text("Your account may look, not act.")


def test_trouble_inside_is_shown(house: House, window: Window, visit: BrowserContext) -> None:
    component_down(house)
    page = visit.new_page()
    sign_in(page, window)
    expect(page.locator("#health")).to_have_text("Not working: journal (database is locked)")


def test_names_are_never_taken_for_markup(house: House, page: Page) -> None:
    [event] = house.find(house=1)
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("a")
    page.keyboard.type("<img src=x onerror=alert(1)>")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Details")).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("#panel img").count() == 0
    assert house.journal.events_of(event.alert)[-1].note == "<img src=x onerror=alert(1)>"


def test_help_and_sign_out(page: Page) -> None:
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Next, previous alert")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/sign-in$"))


def test_phone(page: Page, house: House) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    house.find(house=1)
    page.get_by_role("option").click()
    expect(page.get_by_label("Details")).to_be_visible()
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
    page.get_by_role("button", name="Back to the list").click()
    expect(page.get_by_role("option")).to_contain_text("Acknowledged")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("language", ["en", "zh"])
def test_everything_that_acts_has_a_name(page: Page, house: House, language: str) -> None:
    house.find(house=1)
    expect(page.get_by_role("option")).to_have_count(1)
    page.keyboard.press("j")
    if language == "zh":
        page.keyboard.press("l")
    page.keyboard.press("a")
    expect(page.get_by_role("dialog")).to_be_visible()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, [role=listbox], aside, dialog")]
            .filter((node) => node.checkVisibility())
            .filter((node) => !(node.getAttribute("aria-label") || node.textContent.trim() || node.labels?.length
                || node.getAttribute("aria-labelledby") || node.getAttribute("aria-hidden")))
            .map((node) => node.outerHTML)"""
    )
    assert nameless == []
    assert page.locator("[role=option][tabindex='0']").count() == 1
    assert page.locator("h1").count() == 1


def test_a_row_has_the_colour_of_its_severity(page: Page, house: House) -> None:
    house.find(severity=Severity.ALARM)
    badge = page.get_by_role("option").locator(".badge")
    expect(badge).to_have_css("color", "rgb(255, 162, 77)")
    expect(badge.locator(".shape-body")).to_have_css("fill", "rgb(255, 162, 77)")
