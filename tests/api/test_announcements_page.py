"""The page of devices that announced themselves, in a real browser: seen, taken in and turned away by keyboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from community.announcements import Announced, Decision
from tests.api.announced import Announcements
from tests.api.house import PASSWORD, START, House, Window

SIGNALS = ("voltage", "current", "active_power", "energy", "frequency", "power_factor", "residual_current", "leakage")
PLUG = Announced(profile="shelly2", address="plug-1", name="<b>Cellar</b>", kind="meter", model="S1", signals=SIGNALS)
ODD = Announced(profile="zigbee2mqtt", address="厨房/烟感", signals=("smoke",))


@pytest.fixture
def announced(house: House) -> Iterator[Announcements]:
    """Two devices that wait; to be asked for before the window is opened."""
    house.announcements = announced = Announcements(house)
    house.open_window()
    announced.store.note([PLUG], START)
    announced.store.note([ODD], START + 1)
    yield announced
    announced.close()


def sign_in(visit: BrowserContext, window: Window, name: str) -> Page:
    """The console's first page."""
    page = visit.new_page()
    page.goto(window.url)
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{window.url}/")
    return page


@pytest.fixture
def page(announced: Announcements, window: Window, visit: BrowserContext) -> Page:
    """The page, reached as a person does: by the sign on the console that tells how many wait."""
    page = sign_in(visit, window, "admin")
    page.get_by_role("link", name="2 new devices").click()
    expect(page.locator("#list tr")).to_have_count(2, timeout=15_000)  # the page is loaded first
    return page


def test_it_shows_who_waits_and_what_they_say_of_themselves(page: Page) -> None:
    odd, plug = page.locator("#list tr").all()
    expect(odd).to_contain_text("厨房/烟感")
    expect(odd).to_contain_text("zigbee2mqtt")
    expect(odd).to_contain_text("does not say")
    for text in ("<b>Cellar</b>", "plug-1", "S1", "shelly2", "Meter", "voltage, current", "and 2 more"):
        expect(plug).to_contain_text(text)


def test_one_is_taken_in_by_keyboard_alone(page: Page, house: House) -> None:
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(":focus")).to_have_accessible_name("Take in … <b>Cellar</b>")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("shelly2 · plug-1")
    expect(page.locator("#household option")).to_have_count(12)
    page.keyboard.type("李家 东引")
    expect(page.locator("#household option")).to_have_count(1)
    expect(page.locator("#household")).to_have_value("h0001")
    page.locator("#rated_current").fill("16")
    page.locator("#device-name").fill("冰箱")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("Taken in: <b>Cellar</b>")
    device = house.estate.devices["plug-1"]
    assert (device.household, device.kind, device.name, device.ratings.rated_current) == ("h0001", "meter", "冰箱", 16)
    expect(page.locator("#list tr")).to_have_count(1)
    expect(page.locator(":focus")).to_have_accessible_name("Take in … 厨房/烟感")
    page.locator("#state").select_option("taken in")
    expect(page.locator("#list")).to_contain_text("in the estate as plug-1")
    expect(page.locator("#list")).to_contain_text("by admin")
    expect(page.get_by_role("button", name="Take in …")).to_have_count(0)


def test_what_hinders_is_said_and_can_be_mended(page: Page, house: House) -> None:
    page.get_by_role("button", name="Take in … 厨房/烟感").click()
    page.locator("#household").select_option("h0002")
    expect(page.locator("#ratings")).to_be_hidden()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert page.locator("#kind").evaluate("node => node.validity.valueMissing")
    assert page.locator("#device-id").evaluate("node => node.validity.valueMissing"), "its address cannot be an id"
    page.locator("#kind").select_option("Smoke detector")
    page.locator("#device-id").fill("no good")
    assert page.locator("#device-id").evaluate("node => node.validity.patternMismatch")
    page.locator("#device-id").fill("s0001")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog").get_by_role("alert")).to_have_text("This id is taken. Choose another.")
    page.locator("#device-id").fill("s9-k_1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert house.estate.devices["s9-k_1"].kind == "smoke"


def test_one_is_turned_away_with_a_reason(page: Page, announced: Announcements) -> None:
    page.get_by_role("button", name="Turn away … 厨房/烟感").press("Enter")
    page.keyboard.type("the neighbour's")
    page.keyboard.press("Enter")
    expect(page.locator("#list tr")).to_have_count(1)
    found = announced.store.get(ODD.profile, ODD.address)
    assert found is not None
    assert (found.state, found.reason, found.actor) == (Decision.REJECTED, "the neighbour's", "admin")
    page.locator("#state").select_option("all")
    expect(page.locator("#list")).to_contain_text("the neighbour's")
    page.get_by_role("button", name="Take in … 厨房/烟感").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.locator(":focus")).to_have_accessible_name("Take in … 厨房/烟感")


def test_it_speaks_chinese_too(page: Page) -> None:
    page.keyboard.press("l")
    expect(page.locator("h1")).to_have_text("新设备")
    expect(page.get_by_role("button", name="登记…… 厨房/烟感")).to_be_visible()
    expect(page.locator("#list")).to_contain_text("电表")
    page.goto(page.url.replace("announcements", ""))
    expect(page.get_by_role("link", name="新设备 2")).to_be_visible()


@pytest.mark.usefixtures("announced")
def test_who_may_not_answer_sees_them_without_buttons(window: Window, visit: BrowserContext) -> None:
    page = sign_in(visit, window, "operator")
    page.goto(f"{window.url}/announcements")
    expect(page.locator("#list tr")).to_have_count(2)
    expect(page.locator("#list button")).to_have_count(0)
    expect(page.get_by_text("An administrator answers them.")).to_be_visible()


def test_without_any_there_is_no_sign_and_the_page_is_empty(window: Window, visit: BrowserContext) -> None:
    page = sign_in(visit, window, "admin")
    expect(page.get_by_text("All quiet")).to_be_visible()
    expect(page.locator("#newcomers")).to_be_hidden()
    page.goto(f"{window.url}/announcements")
    expect(page.locator("#list")).to_have_text("None.")
