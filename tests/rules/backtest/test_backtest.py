"""Two rulebooks over the same readings: what each would have told, and how early."""

import json
from pathlib import Path

import pytest

from community.clock import DAY, HOUR, MINUTE, SECOND
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.frame import EstateChange, Frame, Reading, Record, RulebookChange, Tick
from rules.backtest import Report, backtest
from rules.backtest.incidents import Incident, Incidents, read_incidents
from rules.rulebook import Rulebook, load_rulebook

NOON = 1_795_060_800_000
"""2026-11-19T04:00:00Z, noon in Shanghai."""


def village(homes: int = 2) -> Estate:
    return Estate(
        place=(Place(id="village", kind=PlaceKind.COMMUNITY),),
        household=tuple(Household(id=f"h{n}", place="village") for n in range(homes)),
        device=tuple(Device(id=f"d{n}", household=f"h{n}", kind=DeviceKind.ELECTRICAL_PROTECTOR) for n in range(homes)),
    )


def book(limit: float, *, severity: str = "alarm", more: str = "") -> Rulebook:
    return load_rulebook(
        f"""
        [[rule]]
        id = "voltage.high"
        title = {{ zh = "过电压", en = "Over-voltage" }}
        category = "deterioration"
        kind = "threshold"
        signals = ["voltage"]
        standard = "GB/T 12325-2008"
        guidance.staff = {{ zh = "检查零线。", en = "Check the neutral." }}
        {more}
        [[rule.steps]]
        severity = "{severity}"
        limit = {limit}
        clear = {limit - 2}
        """,
        "test",
    )


def frame(minute: float, device: str = "d0", **values: float) -> Frame:
    ts = NOON + round(minute * MINUTE)
    return Frame.from_readings([Reading(device, ts, ts, values)])


def day() -> list[Record]:
    """d0 goes over 250 V at noon and over 260 V an hour later; d1 over 270 V at 23 h local; then a short circuit."""
    records: list[Record] = [frame(m, voltage=v) for m, v in ((0, 230), (10, 255), (70, 265), (130, 230))]
    records += [frame(m, "d1", voltage=v) for m, v in ((140, 230), (660, 275), (670, 230))]
    records.append(frame(680, "d0", short_circuit_alarm=1))
    records.append(Tick(NOON + 12 * HOUR))
    return records


def compare(old: Rulebook, new: Rulebook, records: list[Record], **given: object) -> Report:
    report = backtest(records, old, new, village(), **given)  # type: ignore[arg-type]  # keywords of each test
    assert report is not None
    return report


def test_a_lower_limit_tells_of_more_and_earlier() -> None:
    report = compare(book(260), book(250), day())
    [rule] = report.rules
    assert (rule.name, rule.old, rule.new, rule.both, rule.only_old, rule.only_new) == ("voltage.high", 2, 2, 2, 0, 0)
    assert rule.first_old == NOON + 70 * MINUTE
    assert rule.first_new == NOON + 10 * MINUTE
    assert rule.earlier_s == 1800  # an hour for one of them, nothing for the other
    homes = {line.name: line.earlier_s for line in report.households}
    assert homes == {"h0": 3600, "h1": 0}
    assert (report.gone, report.added) == ([], [])


def test_a_higher_limit_leaves_alerts_out_and_names_them() -> None:
    report = compare(book(250), book(270), day())
    [rule] = report.rules
    assert (rule.old, rule.new, rule.both, rule.only_old) == (2, 1, 1, 1)
    assert [(a.household, a.raised_at) for a in report.gone] == [("h0", NOON + 10 * MINUTE)]
    back = compare(book(270), book(250), day())
    assert [(a.household, a.raised_at) for a in back.added] == [("h0", NOON + 10 * MINUTE)]
    assert back.rules[0].only_new == 1


def test_a_rulebook_against_itself_differs_in_nothing() -> None:
    report = compare(book(250), book(250), day())
    assert (report.gone, report.added) == ([], [])
    assert report.load_old == report.load_new
    assert report.warned_old == report.warned_new
    assert report.old == report.new


def test_in_the_words_of_those_on_duty() -> None:
    report = compare(book(300), book(250), day())
    load = report.load_new
    assert (load.alerts, load.calls, load.calls_at_night) == (2, 2, 1)
    assert load.calls_a_night == 1
    # Noon to midnight touches three shifts: the day's, the evening's and the night's.
    assert (load.per_shift_mean, load.per_shift_median, load.per_shift_most) == (2 / 3, 1, 1)
    assert load.per_household_year == pytest.approx(2 / (2 * 0.5 / 365.25))
    assert (report.load_old.alerts, report.load_old.per_shift_most, report.load_old.calls_a_night) == (0, 0, 0)


def test_a_warning_is_no_call() -> None:
    load = compare(book(250), book(250, severity="warning"), day()).load_new
    assert (load.alerts, load.calls, load.calls_at_night) == (2, 0, 0)


def test_what_is_rehearsed_loads_nobody() -> None:
    load = compare(book(250), book(250, more='mode = "shadow"'), day()).load_new
    assert (load.alerts, load.rehearsed) == (0, 2)


def test_first_warning_before_the_real_incident() -> None:
    report = compare(book(300), book(250), day())
    [incident] = report.incidents
    assert (incident.household, incident.what, incident.at) == ("h0", "short_circuit_alarm", NOON + 680 * MINUTE)
    assert (incident.old_rule, incident.old_lead_s) == (None, None)
    assert (incident.new_rule, incident.new_lead_s) == ("voltage.high", 670 * 60)
    assert (report.warned_old.before, report.warned_old.missed) == (0, 1)
    assert (report.warned_new.before, report.warned_new.missed, report.warned_new.median_lead_s) == (1, 0, 40_200)


def test_people_say_what_really_happened() -> None:
    given = [Incident("h1", NOON + 660 * MINUTE + 30_000, "socket burnt"), Incident("h1", NOON - DAY, "before")]
    report = compare(book(300), book(270), day(), incidents=given)
    assert [(i.what, i.new_lead_s) for i in report.incidents] == [("socket burnt", 30)]
    assert (report.warned_new.before, report.warned_new.at_once) == (0, 1)


def test_what_warms_up_is_not_counted() -> None:
    begin = NOON + 600 * MINUTE
    report = compare(book(300), book(250), day(), begin=begin)
    assert [a.household for a in report.added] == ["h1"]
    assert (report.span.asked, report.span.warm_up_from, report.span.begin) == (begin, NOON, begin)
    # What began in warming up and held on is a warning all the same.
    assert report.incidents[0].new_lead_s == 670 * 60


def test_the_span_says_what_was_really_covered() -> None:
    report = compare(book(300), book(250), day(), begin=NOON - 30 * DAY)
    span = report.span
    assert (span.asked, span.begin, span.end) == (NOON - 30 * DAY, NOON, NOON + 12 * HOUR)
    assert (span.records, span.readings, span.households) == (9, 8, 2)


def test_without_any_reading_there_is_nothing_to_tell() -> None:
    assert backtest([], book(250), book(260), village()) is None


def test_estates_change_and_rulebooks_do_not() -> None:
    records: list[Record] = [EstateChange(1), RulebookChange(7), *day()]
    report = backtest(records, book(250), book(250), Estate(), estate_of=lambda _: village(1))
    assert report is not None
    assert [line.name for line in report.households] == ["h0"]
    assert report.span.households == 1


def test_a_report_is_plain_json() -> None:
    import msgspec

    report = compare(book(260), book(250), day())
    assert json.loads(msgspec.json.encode(report))["rules"][0]["name"] == "voltage.high"


def seen(*frames: Frame) -> list[tuple[str, str, int]]:
    incidents = Incidents()
    for one in frames:
        incidents.take(one, village())
    return [(i.household, i.what, (i.at - NOON) // SECOND) for i in incidents.found]


def test_what_a_home_reports_within_ten_minutes_is_one_incident() -> None:
    assert seen(
        frame(0, trip=1), frame(5, fire_alarm=1), frame(14, trip=1), frame(30, trip=1), frame(31, "d1", trip=1)
    ) == [("h0", "trip", 0), ("h0", "trip", 1800), ("h1", "trip", 1860)]


def test_a_test_a_return_and_a_stranger_are_no_incidents() -> None:
    assert seen(frame(0, smoke_alarm=1, test=1), frame(1, smoke_alarm=0), frame(2, "stranger", trip=1)) == []


def test_incidents_are_read_with_the_line_of_what_is_wrong(tmp_path: Path) -> None:
    lines = [
        '{"household": "h1", "at": "2026-11-19T12:00:00+08:00", "what": "fire"}',
        "",
        '{"household": "h0", "at": 5}',
    ]
    assert read_incidents(lines) == [Incident("h0", 5, "incident"), Incident("h1", NOON, "fire")]
    for wrong in ("[]", '{"household": 3, "at": 5}', '{"household": "h", "at": "noon"}', "{"):
        with pytest.raises(ValueError, match="line 2"):
            read_incidents([lines[0], wrong])
