"""Baselines rebuilt from history: what an engine would know if it had been there."""

from collections.abc import Iterator
from functools import cache
from math import sin

import msgspec
import numpy as np
import pytest

from community.clock import DAY, HOUR, MINUTE
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.finding import Finding
from community.frame import Baseline, Frame, Reading, Record
from community.recording import read_recording, write_recording
from rules.engine import Engine
from rules.kinds.registry import KINDS
from rules.rebuild import rebuild
from rules.replay import Replayer
from rules.rulebook import Rulebook, standard_rulebook
from tests.rules.makers import PARTITION

START = 1_795_046_400_000  # a midnight of UTC
STEP = 10 * MINUTE
WEEKS_3 = 21 * DAY
BOOK = Rulebook(tuple(r for r in standard_rulebook().rules if getattr(r, "kind", "") in KINDS))


def estate(*names: str) -> Estate:
    """Protectors and a meter, in a home whose person lives alone."""
    return Estate(
        place=(Place(id="village", kind=PlaceKind.COMMUNITY),),
        household=(Household(id="h", place="village", lives_alone=True, activity_consent=True),),
        device=tuple(
            Device(
                id=name,
                household="h",
                kind=DeviceKind.METER if name.startswith("m") else DeviceKind.ELECTRICAL_PROTECTOR,
                interval_s=STEP / 1000,
            )
            for name in names
        ),
    )


def reading(device: str, ts: int, loose: float = 1.0, leak: float = 0.0) -> Reading:
    """An ordinary day: load by the hour, a terminal that follows it, leakage with the damp of the night."""
    hour = (ts // HOUR + 8) % 24
    current = 24.0 if 18 <= hour < 22 else 14.0 if 6 <= hour < 9 else 12.0
    unrest = sin(ts / 7e6) * 0.2
    ambient = 20 + 4 * sin((ts % DAY) / DAY * 6.28)
    return Reading(
        device,
        ts,
        ts + 40,
        {
            "current": current,
            "active_power": 220 * (current + unrest),
            "ambient_temperature": ambient,
            "terminal_temperature": ambient + loose * 0.03 * current**2 + unrest,
            "residual_current": 4 + unrest + leak,
        },
    )


def days(*names: str, begin: int = 0, end: int = WEEKS_3, loose: float = 1.0, leak: float = 0.0) -> Iterator[Frame]:
    """What these devices report, a frame every six hours."""
    for at in range(START + begin, START + end, 6 * HOUR):
        moments = range(at, at + 6 * HOUR, STEP)
        yield Frame.from_readings([reading(name, ts, loose, leak) for ts in moments for name in names])


def fed(engine: Engine, frames: Iterator[Frame]) -> list[Finding]:
    return [finding for frame in frames for finding in engine.apply(frame)]


@cache
def lived() -> bytes:
    """An engine that was there for three weeks, as a snapshot."""
    engine = Engine(BOOK, estate("p", "m"), PARTITION)
    fed(engine, days("p", "m"))
    return engine.snapshot()


@cache
def rebuilt() -> tuple[Baseline, ...]:
    return tuple(rebuild(days("p", "m", "q"), BOOK, estate("p", "m"), ["p", "m"]))


def test_a_rebuilt_baseline_is_what_the_engine_that_was_there_knows() -> None:
    veteran = Engine.restore(lived(), BOOK, estate("p", "m"), PARTITION)
    assert [b.device for b in rebuilt()] == ["p", "m"]
    for baseline in rebuilt():
        own = veteran.baseline(baseline.device)
        assert own is not None
        assert baseline.programs == own.programs
        assert (baseline.begin, baseline.end) == (START, START + WEEKS_3 - STEP)
    slow = {KINDS[name].rule for name in KINDS if KINDS[name].slow}
    assert {r.__name__ for r in slow} == {"ContactRule", "DriftRule", "ChangeRule", "DeviationRule", "InactivityRule"}


def test_a_newcomer_with_it_finds_what_the_other_finds_and_one_without_does_not() -> None:
    veteran = Engine.restore(lived(), BOOK, estate("p", "m"), PARTITION)
    newcomer, stranger = (Engine(BOOK, estate("p", "m"), PARTITION) for _ in range(2))
    for baseline in rebuilt():
        assert newcomer.take_baseline(baseline) == len(baseline.programs)
    assert newcomer.levels() == {}
    ahead = {"begin": WEEKS_3, "end": WEEKS_3 + 2 * DAY, "loose": 2.4, "leak": 9.0}
    found, same, none = (fed(e, days("p", "m", **ahead)) for e in (veteran, newcomer, stranger))  # type: ignore[arg-type]  # names as they are
    slow = {"terminal.contact", "residual.drift"}
    told = [(f.device, f.rule, f.ts, f.severity) for f in found if f.rule in slow]
    assert {rule for _, rule, _, _ in told} == slow
    assert [(f.device, f.rule, f.ts, f.severity) for f in same if f.rule in slow] == told
    assert not [f for f in none if f.rule in slow]


def test_from_means_of_a_minute_the_measures_are_nearly_the_same() -> None:
    """Readings every 15 s against their means over a minute: what is left of a history beyond its single readings."""
    dense = [reading("p", ts) for ts in range(START, START + 16 * DAY, 5 * MINUTE)]
    fine, coarse = [], []
    for r in dense:
        parts = [Reading("p", r.ts + k * 15_000, r.ts + k * 15_000, {s: v * w for s, v in r.values.items()})
                 for k, w in enumerate((0.996, 1.004, 0.998, 1.002))]  # fmt: skip
        fine += parts
        mean = {s: float(np.mean([p.values[s] for p in parts])) for s in r.values}
        coarse.append(Reading("p", r.ts + 30_000, r.ts + 30_000, mean))
    (exact,), (near,) = (list(rebuild([Frame.from_readings(rs)], BOOK, estate("p"), ["p"])) for rs in (fine, coarse))
    finds = []
    for baseline in (exact, near):
        engine = Engine(BOOK, estate("p"), PARTITION)
        engine.take_baseline(baseline)
        found = fed(engine, days("p", begin=16 * DAY, end=18 * DAY, loose=2.4, leak=9.0))
        finds.append({(f.rule, f.severity): f for f in found if f.rule in {"terminal.contact", "residual.drift"}})
    assert finds[0].keys() == finds[1].keys() != set()
    for key, finding in finds[0].items():
        other = finds[1][key]
        assert abs(finding.ts - other.ts) <= 2 * HOUR  # a bin of the drift; the contact's own days agree
        assert finding.value is not None
        assert other.value == pytest.approx(finding.value, rel=0.05)


def test_it_goes_through_log_recording_replay_and_snapshot() -> None:
    baseline = rebuilt()[0]
    records: list[Record] = [baseline, *days("p", begin=WEEKS_3, end=WEEKS_3 + DAY, loose=2.4)]
    read = list(read_recording(write_recording(records)))
    assert read[0] == baseline
    outcomes = []
    for course in (records, records, read):
        replayer = Replayer(BOOK, estate("p"))
        found = [f for record in course for f in replayer.take(record)]
        assert any(f.rule == "terminal.contact" for f in found)
        outcomes.append([(f.device, f.rule, f.ts, f.severity) for f in found])
    assert outcomes[0] == outcomes[1] == outcomes[2]

    newcomer = Engine(BOOK, estate("p"), PARTITION)
    newcomer.take_baseline(baseline)
    again = Engine.restore(newcomer.snapshot(), BOOK, estate("p"), PARTITION)
    assert again.baseline("p") == newcomer.baseline("p")


def test_what_stands_stays_when_a_baseline_comes() -> None:
    engine = Engine(BOOK, estate("p"), PARTITION)
    fed(engine, days("p", end=16 * DAY))
    fed(engine, days("p", begin=16 * DAY, end=17 * DAY, loose=2.4))
    before = engine.levels()
    assert ("p", "terminal.contact") in before
    engine.take_baseline(rebuilt()[0])
    assert engine.levels() == before


def test_what_does_not_fit_is_passed_over() -> None:
    baseline = rebuilt()[0]
    engine = Engine(BOOK, estate("p"), PARTITION)
    before = engine.snapshot()
    other = msgspec.structs.replace(baseline, form=baseline.form + 1)
    unknown = msgspec.structs.replace(baseline, device="nobody")
    short = msgspec.structs.replace(baseline, programs={key: words[:-1] for key, words in baseline.programs.items()})
    foreign = msgspec.structs.replace(baseline, programs={"another rule": b"12345678"})
    for unfit in (other, unknown, short, foreign):
        assert engine.take_baseline(unfit) == 0
    assert engine.snapshot() == before

    # A rule that measures otherwise has another key; the others are taken.
    rules = tuple(r.model_copy(update={"least_days": 5}) if r.id == "residual.drift" else r for r in BOOK.rules)
    changed = Engine(Rulebook(rules), estate("p"), PARTITION)
    assert 0 < changed.take_baseline(baseline) < len(baseline.programs)


def test_a_device_without_a_past_has_no_baseline() -> None:
    engine = Engine(BOOK, estate("p"), PARTITION)
    assert engine.baseline("p") is None
    assert engine.baseline("nobody") is None
    assert list(rebuild([], BOOK, estate("p"), ["p"])) == []


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"baseline": {"device": "p"}}', "baseline: Object missing required field"),
        (b'{"baseline": 5}', "baseline: Expected"),
        (b'{"baseline": {}, "tick": 5}', "tick"),
    ],
)
def test_a_wrong_line_is_told(line: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        list(read_recording([line]))
