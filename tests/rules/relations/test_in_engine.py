"""Rules over rules behind the real engine: from readings to what is told, however frames are cut."""

import pytest

from community.estate import partition_of
from community.finding import Finding
from community.frame import Frame, Reading, Tick
from rules.engine import Engine
from rules.rulebook import Rulebook, load_rulebook
from tests.rules.relations.makers import T0, at, brief, street

TEXT = """
title = { zh = "文", en = "text" }
standard = "GB/T 12325"
guidance = { staff = { zh = "查", en = "look" } }
"""
BOOK = f"""
[[rule]]
id = "voltage.under"
kind = "threshold"
category = "deterioration"
signals = ["voltage"]
side = "below"
steps = [{{ severity = "warning", limit = 198, clear = 205 }}]
{TEXT}
[[rule]]
id = "smoke.alarm"
kind = "flag"
category = "life"
event = "smoke_alarm"
severity = "critical"
{TEXT}
[[rule]]
id = "supply.sag"
kind = "group"
category = "deterioration"
severity = "alarm"
over = "feeder"
rules = ["voltage.*"]
absorbs = ["voltage.under"]
least = 5
share = 0.25
within = 60
wait = 60
{TEXT}
[[rule]]
id = "fire.confirmed"
kind = "combination"
category = "life"
severity = "critical"
parts.smoke.rules = ["smoke.*"]
condition = "smoke"
distinct_devices = 2
within = 180
{TEXT}
"""
"""Two plain rules, a group and a combination."""

STREET = street()
PARTITION = partition_of("village")


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load_rulebook(BOOK, "book.toml")


def readings() -> list[Reading]:
    """A feeder's sag that every home tells of at its own second; a fire in one home; one home that stays low."""
    found = []
    for minute, volts in enumerate((231, 190, 189, 230, 231, 231, 231)):
        for n in range(40):
            ts = at(60 * minute + 1.4 * n)
            low = n == 7 and minute >= 1
            found.append(Reading(f"p{n}", ts, ts, {"voltage": 188.0 if low else float(volts)}))
    for device, seconds in (("s3a", 100), ("s3b", 130)):
        found.append(Reading(device, at(seconds), at(seconds), {"smoke_alarm": 1.0}))
    return sorted(found, key=lambda r: (r.received_at, r.device))


def run(engine: Engine, cut: int, restart: int | None = None) -> list[Finding]:
    """Frames of at most `cut` readings between the ticks of each ten seconds; a restart after so many ticks."""
    told: list[Finding] = []
    for ticks, end in enumerate(range(T0 + 10_000, T0 + 500_000, 10_000)):
        due = [r for r in readings() if end - 10_000 <= r.received_at < end]
        for begin in range(0, len(due), cut):
            told += engine.apply(Frame.from_readings(due[begin : begin + cut]))
        told += engine.tick(Tick(end, None))
        if ticks == restart:
            engine = Engine.restore(engine.snapshot(), engine._rulebook, STREET, PARTITION)
    return told


def test_a_sag_of_forty_homes_and_a_fire_in_one_of_them(book: Rulebook) -> None:
    told = run(Engine(book, STREET, PARTITION), 1_000)
    assert [b for b in brief(told) if b[1] not in ("voltage.under", "smoke.alarm")] == [
        ("feeder:f1", "supply.sag", "alarm"),
        ("s3b", "fire.confirmed", "critical"),
        ("feeder:f1", "supply.sag", "normal"),
    ]
    left = [b for b in brief(told) if b[1] == "voltage.under"]
    assert ("p7", "voltage.under", "warning") in left
    assert left.count(("p7", "voltage.under", "normal")) == 0


@pytest.mark.parametrize(("cut", "restart"), [(1, None), (7, 12), (1_000, 15), (3, 25)])
def test_cuts_and_restarts_change_nothing(book: Rulebook, cut: int, restart: int | None) -> None:
    whole, other = Engine(book, STREET, PARTITION), Engine(book, STREET, PARTITION)
    assert run(other, cut, restart) == run(whole, 1_000)
    if restart is None:
        assert other.snapshot() == whole.snapshot()
        assert other.levels() == whole.levels()


def test_levels_follow_a_change_of_rules(book: Rulebook) -> None:
    engine = Engine(book, STREET, PARTITION)
    run(engine, 1_000)
    assert set(engine.levels()) >= {("s3b", "fire.confirmed"), ("p7", "voltage.under")}
    without = Rulebook(tuple(r for r in book.rules if r.id != "fire.confirmed"))
    (ended,) = engine.change_rules(without)
    assert (ended.device, ended.rule, ended.evidence["proof"]) == ("s3b", "fire.confirmed", "rule removed")
    assert ("s3b", "fire.confirmed") not in engine.levels()
