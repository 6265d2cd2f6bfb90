"""A door at night: open in the span, local time, over midnight."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from community.frame import Reading
from rules.kinds.door import KIND, DoorRule
from tests.rules.kinds.examples import EXAMPLES
from tests.rules.kinds.harness import DUTIES, MAINS, OTHER, check_kind, cuttings, measures, rule_of, streams

NIGHT = rule_of(DoorRule)


def at(moment: str, zone: str, opened: float, device: str = "a") -> Reading:
    ts = round(datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)
    return Reading(device, ts, ts, {"contact_open": opened})


@settings(max_examples=40, deadline=None)
@given(streams(EXAMPLES["door"].levels, EXAMPLES["door"].steps), cuttings())
def test_the_kernel_is_its_twin(readings: list[Reading], cuts: list[int]) -> None:
    check_kind(KIND, EXAMPLES["door"].rule, DUTIES, readings, cuts)


@pytest.mark.parametrize(
    ("time", "opened", "x"),
    [
        ("21:59:59", 1, 0), ("22:00:00", 1, 1), ("23:30:00", 0, 0), ("23:59:59", 1, 1),
        ("00:00:00", 1, 1), ("05:59:59", 1, 1), ("06:00:00", 1, 0), ("12:00:00", 1, 0),
    ],
)  # fmt: skip
def test_the_night_is_local(time: str, opened: float, x: float) -> None:
    assert measures(KIND, NIGHT, [at(f"2026-03-01T{time}", "Asia/Shanghai", opened)], {"a": MAINS}) == [x]
    for day in ("2026-03-01", "2026-07-01"):  # winter and summer time
        assert measures(KIND, NIGHT, [at(f"{day}T{time}", "Europe/Berlin", opened)], {"a": OTHER}) == [x]


def test_a_span_within_a_day_and_one_of_a_whole_day() -> None:
    noon, night = at("2026-03-01T12:30", "Asia/Shanghai", 1), at("2026-03-01T23:00", "Asia/Shanghai", 1)
    lunch = rule_of(DoorRule, begin="12:00", end="13:00")
    always = rule_of(DoorRule, begin="08:00", end="08:00")
    assert measures(KIND, lunch, [noon, night], {"a": MAINS}) == [1, 0]
    assert measures(KIND, always, [noon, night], {"a": MAINS}) == [1, 1]


@pytest.mark.parametrize("wrong", ["25:00", "9:00", "24:01", "08:60", "22", 22])
def test_a_time_of_the_day_is_two_numbers(wrong: object) -> None:
    with pytest.raises(ValidationError, match="22:00"):
        rule_of(DoorRule, begin=wrong)


def test_evidence_names_the_hour() -> None:
    assert KIND.evidence(NIGHT, (23.5, 0, 0, 0)) == {"local_time": "23:30", "watched": "22:00-06:00"}
    assert KIND.evidence(NIGHT, (float("nan"), 0, 0, 0))["local_time"] is None


def test_evidence_tells_the_local_time() -> None:
    run = check_kind(KIND, NIGHT, {"a": OTHER}, [at("2026-07-01T22:05:30", "Europe/Berlin", 1)])
    assert KIND.evidence(NIGHT, tuple(run.extra[0, 0]))["local_time"] == "22:05"
