"""From an MQTT publish to a person's answer: the whole system behind a real Chromium."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.acceptance.beside import Beside, started
from tests.acceptance.dangers import prepared, sound
from tests.acceptance.harness import Node

pytestmark = pytest.mark.server


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Node, Beside]]:
    """200 homes, watched."""
    node = Node(prepared(tmp_path))
    with started(node) as beside:
        yield node, beside


def sign_in(page: Page, node: Node) -> None:
    """As admin, by keyboard alone."""
    page.goto(node.url)
    expect(page).to_have_url(re.compile("/sign-in$"))
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type(node.password)
    page.keyboard.press("Enter")
    expect(page.locator("#line")).to_have_attribute("data-state", "live")


def test_an_alert_appears_and_is_acknowledged_by_keyboard(running: tuple[Node, Beside], visit: BrowserContext) -> None:
    node, beside = running
    page = visit.new_page()
    sign_in(page, node)
    expect(page.get_by_role("option")).to_have_count(0)
    beside.run(sound([7], node.mqtt_port))
    row = page.get_by_role("option")
    expect(row).to_contain_text("Smoke alarm")
    expect(row).to_contain_text("h0007")
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.get_by_role("dialog")).to_contain_text("Acknowledge this alert?")
    page.keyboard.type("called them")
    page.keyboard.press("Enter")
    expect(row).to_contain_text("Acknowledged")
    page.reload()
    expect(page.get_by_role("option")).to_have_count(1)
    expect(page.get_by_role("option")).to_contain_text("Acknowledged")
    page.keyboard.press("j")
    expect(page.get_by_label("Details")).to_contain_text("called them")
    [event] = [e for e in beside.run(node.events()) if e["event"] == "acknowledged"]
    assert (event["device"], event["actor"], event["note"]) == ("d0007", "admin", "called them")


def test_a_broker_that_does_not_come_back_is_shown_and_its_return_too(
    running: tuple[Node, Beside], visit: BrowserContext
) -> None:
    node, beside = running
    page = visit.new_page()
    sign_in(page, node)
    banner = page.locator("#health")
    expect(banner).to_be_hidden()
    for _ in range(300):  # it is back within seconds, and the console looks every ten
        if broker := node.broker_pid():
            os.kill(broker, signal.SIGKILL)
        if banner.is_visible():
            break
        page.wait_for_timeout(100)
    expect(banner).to_contain_text("broker")
    expect(banner).to_be_hidden(timeout=60_000)
    beside.run(sound([8], node.mqtt_port))
    expect(page.get_by_role("option")).to_contain_text("Smoke alarm")
