"""Findings fold into alerts, and two rulebooks' alerts are matched one to one."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.clock import HOUR, MINUTE
from community.finding import Finding
from community.severity import Category, Severity
from rules.backtest import alerts as folding
from rules.backtest.alerts import Alerts, Fired, matched, shift_of

NOON = 1_795_060_800_000
"""2026-11-19T04:00:00Z, noon in Shanghai."""

NORMAL, WARNING, ALARM, CRITICAL = Severity


def finding(
    severity: Severity,
    previous: Severity,
    minute: float,
    *,
    device: str = "d",
    rule: str = "voltage.high",
    category: Category = Category.DETERIORATION,
    shadow: bool = False,
    received: float | None = None,
) -> Finding:
    ts = NOON + round(minute * MINUTE)
    return Finding(
        rule=rule, rule_version="v", category=category, device=device, household="h", community="c",
        severity=severity, previous=previous, ts=ts, since=ts,
        received_at=ts if received is None else NOON + round(received * MINUTE),
        value=260.0, threshold=253.0, unit="V", shadow=shadow,
    )  # fmt: skip


def folded(*findings: Finding) -> list[Fired]:
    alerts = Alerts()
    for one in findings:
        alerts.take(one, "Asia/Shanghai")
    return alerts.all()


def test_a_raise_and_its_return_are_one_alert() -> None:
    [alert] = folded(
        finding(WARNING, NORMAL, 0, received=1), finding(ALARM, WARNING, 5, received=6), finding(NORMAL, ALARM, 9)
    )
    assert (alert.raised_at, alert.told_at, alert.cleared_at) == (NOON, NOON + MINUTE, NOON + 9 * MINUTE)
    assert (alert.called_at, alert.highest, alert.value) == (NOON + 6 * MINUTE, "alarm", 260.0)


def test_a_warning_calls_nobody_unless_life_is_in_danger() -> None:
    [mild] = folded(finding(WARNING, NORMAL, 0))
    assert (mild.called_at, mild.cleared_at) == (None, None)
    [life] = folded(finding(WARNING, NORMAL, 0, category=Category.LIFE))
    assert life.called_at == NOON


def test_what_eases_keeps_its_worst() -> None:
    [alert] = folded(finding(CRITICAL, NORMAL, 0), finding(WARNING, CRITICAL, 1))
    assert alert.highest == "critical"


def test_a_rehearsal_is_counted_and_no_alert() -> None:
    alerts = Alerts()
    alerts.take(finding(WARNING, NORMAL, 0, shadow=True), "UTC")
    alerts.take(finding(NORMAL, WARNING, 1, shadow=True), "UTC")
    assert (alerts.rehearsed, alerts.all()) == (1, [])


def test_a_return_of_what_nobody_raised_is_nothing() -> None:
    assert folded(finding(NORMAL, WARNING, 0)) == []


def test_what_finds_no_room_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "MOST", 2)
    alerts = Alerts()
    for minute in range(4):
        alerts.take(finding(WARNING, NORMAL, minute), "UTC")
        alerts.take(finding(NORMAL, WARNING, minute + 0.5), "UTC")
    assert (len(alerts.all()), alerts.left_out) == (2, 2)


def test_night_is_between_22_and_06_where_people_live() -> None:
    def at_night(hour: float, zone: str) -> bool:
        alerts = Alerts()
        alerts.take(finding(ALARM, NORMAL, 60 * hour), zone)
        return alerts.all()[0].called_at_night

    # Noon in Shanghai; so 22 is ten hours later, and there it is 14 UTC.
    assert [at_night(h, "Asia/Shanghai") for h in (9.9, 10, 17.9, 18)] == [False, True, True, False]
    assert not at_night(10, "UTC")
    assert at_night(0, "UTC")
    assert shift_of(NOON + 8 * HOUR, "UTC") == shift_of(NOON, "UTC") + 1


def test_alerts_are_the_same_where_they_overlap() -> None:
    old = folded(finding(WARNING, NORMAL, 0), finding(NORMAL, WARNING, 10), finding(WARNING, NORMAL, 60))
    new = folded(finding(WARNING, NORMAL, 8), finding(NORMAL, WARNING, 9))
    assert list(matched(old, new)) == [(old[0], new[0]), (old[1], None)]


def test_other_rules_and_devices_tell_of_other_things() -> None:
    old = folded(finding(WARNING, NORMAL, 0))
    new = folded(finding(WARNING, NORMAL, 0, device="e"), finding(WARNING, NORMAL, 0, rule="voltage.low"))
    assert Counter(map(type, (a for pair in matched(old, new) for a in pair))) == {Fired: 3, type(None): 3}


@st.composite
def histories(draw: st.DrawFn) -> list[Fired]:
    """Alerts of two devices that do not overlap on one device."""
    findings = []
    for device in "de":
        minutes = sorted(draw(st.sets(st.integers(0, 300), max_size=12)))
        for k, minute in enumerate(minutes):
            levels = (NORMAL, WARNING) if k % 2 else (WARNING, NORMAL)
            findings.append(finding(*levels, minute, device=device))
    return folded(*findings)


@given(histories(), histories())
def test_every_alert_is_in_one_pair(old: list[Fired], new: list[Fired]) -> None:
    pairs = list(matched(old, new))
    assert Counter(a for a, _ in pairs if a is not None) == Counter(old)
    assert Counter(b for _, b in pairs if b is not None) == Counter(new)
    assert all(a is not None or b is not None for a, b in pairs)
    assert all((a.device, a.rule) == (b.device, b.rule) for a, b in pairs if a is not None and b is not None)


@given(histories())
def test_a_rulebook_agrees_with_itself(alerts: list[Fired]) -> None:
    assert all(a == b for a, b in matched(alerts, alerts))
