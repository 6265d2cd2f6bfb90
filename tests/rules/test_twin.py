"""The kernels against their slow twin, on random streams cut anyhow and restored anywhere."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from community.estate import Estate
from community.finding import Finding
from community.frame import Frame, Reading, Tick
from rules.engine import Engine
from rules.rulebook import Rulebook
from rules.twin import Said, TwinEngine
from tests.rules.makers import ALL_TOLD, PARTITION, T0, device, estate

DEVICES = (
    device("a"),
    device("b", interval_s=10, ratings={"rated_residual": 300, "rated_current": 63, "nominal_voltage": 220}),
    device("c", kind="smoke", household="h2"),
    device("m", kind="meter"),
    device("g", kind="co", household="h2"),
)
HOMES = estate(*DEVICES)
BOOK = ALL_TOLD

LEVELS: dict[str, list[float]] = {
    "residual_current": [3, 12.1, 15, 21, 24, 27, 30, 45, 150, 240, 300, 500],
    "voltage": [0, 20, 150, 172, 195, 198, 207, 220, 230, 253, 264.5, 276, 290],
    "voltage_l2": [150, 207, 230, 253, 276, 290],
    "breaker_closed": [0, 1],
    "current": [0, 5, 20, 33, 41, 45, 60, 90, 200],
    "current_l1": [0, 40, 90],
    "terminal_temperature": [20, 35, 58, 60, 66, 70, 81, 85, 96, 100],
    "terminal_temperature_n": [20, 60, 90],
    "active_power": [-50, 0, 90, 250, 1_500, 6_000],
    "power_factor": [0.3, 0.62, 0.98],
    "arc_count": [0, 1, 9, 14, 40],
    "ambient_temperature": [-5, 22, 46, 58],
    "co": [0, 35, 60, 120, 350],
    "gas": [0, 6, 11, 26],
    "contact_open": [0, 1],
    "smoke_obscuration": [0, 0.05, 0.12, 0.15, 0.3, 0.73, 1.2, 2],
    "smoke_alarm": [0, 1],
    "fault": [0, 1],
    "reset": [0, 1],
    "online": [0, 1],
}


@st.composite
def values(draw: st.DrawFn) -> dict[str, float]:
    signals = draw(st.lists(st.sampled_from(sorted(LEVELS)), max_size=4, unique=True))
    return {s: float(draw(st.sampled_from(LEVELS[s]))) for s in signals}


@st.composite
def streams(draw: st.DrawFn) -> list[Reading | Tick]:
    """Clocks that mostly go on, sometimes repeat, jump back, or leave a gap."""
    now, items = 0, list[Reading | Tick]()
    sticky: dict[str, float] = {}
    for _ in range(draw(st.integers(1, 60))):
        now += draw(
            st.sampled_from([0, 0, 500, 1_000, 5_000, 8_000, 10_000, 30_000, 60_000, 200_000, 3_600_000, 90_000_000])
        )
        if draw(st.integers(0, 4)) == 0:
            listening = draw(st.sampled_from([None, None, 0, max(0, now - 50_000)]))
            since = None if listening is None else T0 + listening
            items.append(Tick(T0 + now, since, unheard=draw(st.integers(0, 3)) > 0))
            continue
        lag = draw(st.sampled_from([0, 0, 0, 100, 9_000, 70_000, 130_000, 400_000]))
        # Values that stay make holds come true.
        fresh = draw(values())
        sticky = fresh if draw(st.integers(0, 2)) == 0 else sticky | fresh
        sticky = {k: v for k, v in sticky.items() if k not in ("online", "reset")} | {
            k: v for k, v in fresh.items() if k in ("online", "reset")
        }
        name = draw(st.sampled_from(["a", "a", "a", "b", "c", "m", "g"]))
        items.append(Reading(name, T0 + now - lag, T0 + now, dict(sticky)))
    return items


def records(items: list[Reading | Tick], cuts: set[int]) -> list[Frame | Tick]:
    """Pack runs of readings into frames, beginning a new one at each cut."""
    packed, batch = list[Frame | Tick](), list[Reading]()
    for n, item in enumerate(items):
        if batch and (n in cuts or isinstance(item, Tick)):
            packed.append(Frame.from_readings(batch))
            batch = []
        if isinstance(item, Tick):
            packed.append(item)
        else:
            batch.append(item)
    return [*packed, Frame.from_readings(batch)] if batch else packed


def evaluate(
    packed: list[Frame | Tick],
    restore_at: int = -1,
    *,
    reload_at: int = -1,
    reload: Rulebook = BOOK,
    homes_at: int = -1,
    homes: Estate = HOMES,
) -> tuple[list[Finding], Engine]:
    """Through an engine that is restored, or given another rulebook or estate, before the records of these numbers."""
    engine = Engine(BOOK, HOMES, PARTITION)
    found = list[Finding]()
    for n, record in enumerate(packed):
        if n == restore_at:
            engine = Engine.restore(engine.snapshot(), BOOK, HOMES, PARTITION)
        if n == reload_at:
            found += engine.change_rules(reload)
        if n == homes_at:
            found += engine.change_estate(homes)
        found += engine.apply(record) if isinstance(record, Frame) else engine.tick(record)
    return found, engine


def about(said: Said) -> Said:
    """Kernel and twin may add up in another order: nine digits of the value count."""
    return said if said.value is None else said._replace(value=float(f"{said.value:.9g}"))


def said(finding: Finding) -> Said:
    f = finding
    return about(Said(
        f.rule, f.device, f.severity, f.previous, f.ts, f.since, f.received_at, f.evidence.get("value"), f.late
    ))  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(streams())
def test_kernels_say_what_the_twin_says(items: list[Reading | Tick]) -> None:
    twin = TwinEngine(BOOK, HOMES, DEVICES)
    expected = [about(s) for item in items for s in (twin.tick(item) if isinstance(item, Tick) else twin.reading(item))]
    found, _ = evaluate(records(items, set(range(len(items)))))
    assert [said(f) for f in found] == expected


@settings(max_examples=60, deadline=None)
@given(streams(), st.sets(st.integers(0, 60)), st.integers(0, 60))
def test_neither_cutting_nor_restoring_changes_anything(
    items: list[Reading | Tick], cuts: set[int], restore_at: int
) -> None:
    single, one = evaluate(records(items, set(range(len(items)))))
    whole, other = evaluate(records(items, cuts), restore_at)
    assert whole == single
    assert other.levels() == one.levels()
    assert Engine.restore(other.snapshot(), BOOK, HOMES, PARTITION).levels() == one.levels()


@settings(max_examples=20, deadline=None)
@given(streams())
def test_the_state_is_the_same_in_any_cutting(items: list[Reading | Tick]) -> None:
    _, one = evaluate(records(items, set(range(len(items)))))
    _, other = evaluate(records(items, set()))
    assert one.snapshot() == other.snapshot()


@settings(max_examples=40, deadline=None)
@given(streams(), st.integers(0, 60), st.integers(0, 60), st.randoms(use_true_random=False))
def test_rules_that_stay_say_the_same_over_reloads(
    items: list[Reading | Tick], away: int, back: int, random: Random
) -> None:
    """Half of the rules go at one record and come back at another; the twin knows nothing of it."""
    packed = records(items, set())
    kept = Rulebook(tuple(r for r in BOOK.rules if random.random() < 0.5))
    names = {r.id for r in kept.rules}
    twin = TwinEngine(kept, HOMES, DEVICES)
    expected = [about(s) for item in items for s in (twin.tick(item) if isinstance(item, Tick) else twin.reading(item))]
    engine, found = Engine(BOOK, HOMES, PARTITION), list[Finding]()
    for n, record in enumerate(packed):
        if n == away:
            found += engine.change_rules(kept)
        if n == back:
            found += engine.change_rules(BOOK)
        found += engine.apply(record) if isinstance(record, Frame) else engine.tick(record)
    assert [said(f) for f in found if f.rule in names] == expected


@settings(max_examples=40, deadline=None)
@given(streams(), st.integers(0, 60))
def test_a_device_put_in_place_of_another_begins_anew_and_disturbs_nobody(items: list[Reading | Tick], at: int) -> None:
    packed = records(items, set(range(len(items))))
    later = estate(device("new", interval_s=10), *(d for d in DEVICES if d.id != "a"))
    plain, _ = evaluate(packed)
    replaced, engine = evaluate(packed, homes_at=at, homes=later)
    others = [f for f in plain if f.device != "a"]
    assert [f for f in replaced if f.device not in ("a", "new")] == others
    gone = [f for f in replaced if f.device == "a"]
    told = {f.rule: f.severity for f in gone}
    assert at >= len(packed) or not any(told.values()), "whoever leaves is returned to normal"
    assert all(key[0] != "a" for key in engine.levels()) or at >= len(packed)
