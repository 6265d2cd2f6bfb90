"""The page of a device, in a real browser: its charts, its zoom, and what it says when there is nothing to show."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from api.routes.pages import CONSOLE
from community.quantities import EVENTS
from tests.api.house import PASSWORD, START, House, Window
from tests.api.past import DAY, MINUTE, Histories
from tests.api.test_console import Troubles

pytestmark = pytest.mark.server

STATIC = CONSOLE / "static"
DECISION = Path(__file__).parents[2] / "docs" / "decisions" / "0010-charts.md"
RANGE = f"?start={START - DAY}&end={START}"


def test_charts_are_drawn_by_the_files_that_were_chosen() -> None:
    named = dict(re.findall(r"^\| `([\w.]+)` \| `([0-9a-f]{64})` \|$", DECISION.read_text(), re.MULTILINE))
    found = {p.name: sha256(p.read_bytes()).hexdigest() for p in (STATIC / "vendor" / "uplot-1.6.32").iterdir()}
    assert found == named


def test_the_console_knows_which_signals_are_events() -> None:
    [listed] = re.findall(r"EVENTS = new Set\(\s*`([^`]*)`", (STATIC / "signals.js").read_text())
    assert tuple(listed.split()) == EVENTS


@pytest.fixture
def past(house: House) -> Histories:
    """A history, to be asked for before the window is opened; and two alerts."""
    house.histories = past = Histories()
    house.open_window()
    house.find(ts=START - 4 * 60 * MINUTE, value=300.0)
    house.find("voltage.over", ts=START - 3 * DAY)
    return past


@pytest.fixture
def signed_in(past: Histories, window: Window, visit: BrowserContext) -> Iterator[Page]:
    """The console; what a page's scripts cannot do is an error of the test."""
    page = visit.new_page()
    troubles = Troubles()  # the content security policy's too
    troubles.watch(page, window.url)
    page.clock.set_fixed_time(datetime.fromtimestamp(START / 1000, UTC))
    page.goto(window.url)
    page.get_by_label("Name").fill("viewer")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{window.url}/")
    yield page
    page.close()
    assert troubles == []


@pytest.fixture
def page(signed_in: Page, window: Window) -> Page:
    """The day that there is, of the device that has one."""
    signed_in.goto(f"{window.url}/devices/e0000{RANGE}")
    expect(signed_in.locator('[data-group="residual_current"] canvas')).to_be_visible()
    return signed_in


def chart(page: Page, group: str) -> Any:
    """One chart."""
    return page.locator(f'[data-group="{group}"]')


def test_a_chart_for_each_quantity_and_one_for_events(page: Page, past: Histories) -> None:
    assert [c.get_attribute("data-group") for c in page.locator(".chart").all()] == [
        "voltage",
        "residual_current",
        "events",
    ]
    expect(page.get_by_role("heading", level=1)).to_contain_text("Electrical protector e0000")
    expect(page.locator("#where")).to_have_text("雷山 › 西江 › 羊排 › 1 号 · 杨家")
    expect(chart(page, "voltage")).to_contain_text("L2 229 V")
    expect(chart(page, "residual_current")).to_contain_text("4.25 mA, 1 min ago")
    expect(chart(page, "residual_current")).to_contain_text("device's limit 30 mA · limit 24 mA")
    [question] = past.asked
    assert (question.start, question.end) == (START - DAY, START)
    assert 60 <= question.points <= 1_000


def test_the_cursor_tells_in_words_what_it_stands_on_in_every_chart(page: Page) -> None:
    over = chart(page, "residual_current").locator(".u-over")
    box = over.bounding_box()
    assert box is not None
    over.hover(position={"x": box["width"] * 20.1 / 24, "y": 20})
    expect(chart(page, "residual_current").locator(".chart-at")).to_contain_text("(4.25 to 300 mA)")
    expect(chart(page, "voltage").locator(".chart-at")).to_contain_text("L2 229 V")
    expect(chart(page, "events").locator(".chart-at")).to_contain_text("Test off")
    hour = chart(page, "voltage").locator(".chart-at").inner_text().partition(":")[0]
    expect(chart(page, "events").locator(".chart-at")).to_have_text(re.compile(rf"^{hour}:0\d:\d\d: "))
    over.hover(position={"x": box["width"] * 22.1 / 24, "y": 20})
    expect(chart(page, "voltage").locator(".chart-at")).to_contain_text("▮ late")


def test_dragging_asks_for_more_detail_and_a_double_click_goes_back(page: Page, past: Histories) -> None:
    over = chart(page, "voltage").locator(".u-over")
    box = over.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 4, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, y, steps=4)
    page.mouse.up()
    expect(page).to_have_url(re.compile(rf"start=(?!{START - DAY})"))
    expect(page.get_by_role("button", name="Back")).to_be_enabled()
    expect(page.locator("#span")).to_contain_text("A point stands for 1 min")  # now the answer is there
    _, zoomed = past.asked
    assert abs(zoomed.start - (START - DAY * 3 / 4)) < DAY / 50
    assert abs(zoomed.end - (START - DAY / 2)) < DAY / 50
    over.dblclick()
    expect(page).to_have_url(re.compile(re.escape(RANGE)))


def test_ranges_by_button_and_by_key(page: Page) -> None:
    page.get_by_role("button", name="7 d").click()
    expect(page.get_by_role("button", name="7 d")).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#alerts tr")).to_have_count(2)
    page.keyboard.press("2")
    expect(page).to_have_url(re.compile(r"range=24h"))
    page.keyboard.press("-")
    expect(page).to_have_url(re.compile(r"start="))
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"range=7d"))


def test_alerts_in_the_range_are_also_a_table(page: Page) -> None:
    expect(page.locator("#alerts tr")).to_have_count(1)
    expect(page.locator("#alerts")).to_contain_text("Shock hazard")
    expect(page.locator("#alerts")).to_contain_text("300 mA")


def test_it_says_why_there_is_nothing(page: Page, past: Histories, window: Window) -> None:
    state = page.locator("#state")
    page.goto(f"{window.url}/devices/e0000?start={START - 9 * DAY}&end={START - 8 * DAY}")
    expect(state).to_have_text("Nothing in this range.")
    page.goto(f"{window.url}/devices/gone")
    expect(state).to_have_text("This device has no history yet.")
    expect(page.locator("#where")).to_have_text("This device is not, or no longer, in the estate.")
    past.away = True
    page.reload()
    expect(state).to_contain_text("alerts are not affected")
    past.kept = False
    page.reload()
    expect(state).to_contain_text("No history is kept here")


def test_chinese_light_and_narrow(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.keyboard.press("l")
    page.keyboard.press("t")
    expect(chart(page, "residual_current")).to_contain_text("剩余电流")
    expect(chart(page, "residual_current")).to_contain_text("设备限值")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.evaluate("document.documentElement.dataset.theme") == "light"
    for canvas in page.locator("canvas").all():
        box = canvas.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 360


COLUMNS = """async ([lines, until]) => {
  const { columns, lanes } = await import("/static/columns.js");
  const table = until === null ? columns(lines) : lanes(lines, until);
  return table.map((row) => row.map((value) => (value === undefined ? "-" : value)));
}"""


def test_lines_break_at_gaps_and_spikes_stay(page: Page) -> None:
    one = {"width": 10, "ts": [0, 10, 40], "mean": [1, 2, 3], "min": [0, 1, 2], "max": [5, 6, 7], "gaps": [[20, 40]]}
    other = {"width": 0, "ts": [7, 7], "mean": [4, 8], "min": [4, 8], "max": [4, 8], "gaps": []}
    assert page.evaluate(COLUMNS, [[one, other, None], None]) == [
        [5, 7, 15, 30, 45],
        [1, "-", 2, None, 3],
        [0, "-", 1, None, 2],
        [5, "-", 6, None, 7],
        ["-", 8, "-", "-", "-"],
        ["-", 4, "-", "-", "-"],
        ["-", 8, "-", "-", "-"],
        *[["-"] * 5] * 3,
    ]


def test_a_moment_of_an_event_is_seen_and_lasts_as_long_as_its_point(page: Page) -> None:
    trip = {"signal": "trip", "width": 60, "ts": [60, 600], "min": [0, 0], "max": [1, 0], "last": [0, 0]}
    line = {"signal": "online", "width": 60, "ts": [60], "min": [0], "max": [1], "last": [1]}
    assert page.evaluate(COLUMNS, [[trip, line], 900]) == [
        [60, 120, 600, 900],
        [1.6, 1, 1, 1],
        [0, 0.6, "-", 0.6],
    ]


def test_the_panel_shows_the_day_around_an_alert_and_leads_to_the_page(signed_in: Page) -> None:
    signed_in.get_by_role("option").filter(has_text="Shock hazard").click()
    panel = signed_in.get_by_label("Details")
    expect(panel.locator(".chart canvas")).to_be_visible()
    expect(panel.locator(".chart")).to_contain_text("4.25 mA, 1 min ago")
    signed_in.keyboard.press("d")
    expect(signed_in).to_have_url(re.compile(rf"/devices/e0000\?start={START - DAY}&end={START}$"))


def test_the_panel_explains_an_alert_in_the_language_of_the_reader(signed_in: Page) -> None:
    signed_in.get_by_role("option").filter(has_text="Shock hazard").click()
    why = signed_in.locator("[data-why]")
    why.get_by_text("Why this alert").click()
    expect(why).to_contain_text("Rule residual.shock")
    signed_in.locator("#language").click()
    expect(why).to_contain_text("规则 residual.shock")
    expect(why).to_have_attribute("open", "")


def test_the_panel_does_without_a_history(past: Histories, signed_in: Page) -> None:
    past.away = True
    signed_in.get_by_role("option").filter(has_text="Shock hazard").click()
    panel = signed_in.get_by_label("Details")
    expect(panel).to_contain_text("alerts are not affected")
    expect(panel.get_by_role("link", name="History of this device")).to_be_visible()
    expect(panel.locator("canvas")).to_have_count(0)
