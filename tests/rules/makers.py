"""Small estates, readings and runs that the tests of this room share."""

from collections.abc import Iterable, Sequence

from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind, Ratings, partition_of
from community.finding import Finding
from community.frame import Frame, Reading, Record, Tick
from rules.engine import Engine
from rules.relations import CombinationRule, GroupRule
from rules.rulebook import Rulebook, standard_rulebook

T0 = 1_795_000_000_000
PARTITION = partition_of("village")


_WITH_KERNELS = tuple(r for r in standard_rulebook().rules if not isinstance(r, CombinationRule | GroupRule))

PLAIN = Rulebook(tuple(r for r in _WITH_KERNELS if r.mode == "live"))
"""The standard pack as people are told of it, without rules over rules."""

ALL_TOLD = Rulebook(tuple(r.model_copy(update={"mode": "live"}) for r in _WITH_KERNELS))
"""All of the standard pack that has kernels, with what it rehearses and probes told too."""


def device(name: str = "d", **given: object) -> Device:
    """A protector, unless told otherwise."""
    return Device.model_validate({"id": name, "household": "h", "kind": DeviceKind.ELECTRICAL_PROTECTOR, **given})


def estate(*devices: Device) -> Estate:
    """One community with two households."""
    return Estate(
        place=(Place(id="village", kind=PlaceKind.COMMUNITY),),
        household=(Household(id="h", place="village"), Household(id="h2", place="village")),
        device=devices or (device(),),
    )


def engine(*devices: Device, book: Rulebook | None = None) -> Engine:
    """An engine over these devices."""
    return Engine(book or PLAIN, estate(*devices), PARTITION)


def reading(seconds: float, name: str = "d", /, *, received: float | None = None, **values: float) -> Reading:
    """A reading so many seconds after T0."""
    ts = T0 + round(seconds * 1000)
    return Reading(name, ts, ts if received is None else T0 + round(received * 1000), values)


def tick(seconds: float, listening: float | None = None) -> Tick:
    """A tick so many seconds after T0."""
    since = None if listening is None else T0 + round(listening * 1000)
    return Tick(T0 + round(seconds * 1000), since)


def run(engine: Engine, items: Iterable[Reading | Tick]) -> list[Finding]:
    """Feed readings (each a frame of its own) and ticks."""
    found: list[Finding] = []
    for item in items:
        found += engine.tick(item) if isinstance(item, Tick) else engine.apply(Frame.from_readings([item]))
    return found


def feed(engine: Engine, records: Iterable[Record]) -> list[Finding]:
    """Feed frames and ticks."""
    found: list[Finding] = []
    for record in records:
        if isinstance(record, Frame):
            found += engine.apply(record)
        elif isinstance(record, Tick):
            found += engine.tick(record)
    return found


def series(signal: str, values: Sequence[float], *, every: float, start: float = 0, name: str = "d") -> list[Reading]:
    """Values of one signal at even distance."""
    return [reading(start + k * every, name, **{signal: v}) for k, v in enumerate(values)]


def told(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    """(rule, previous, severity) of each finding."""
    return [(f.rule, f.previous.word, f.severity.word) for f in findings]


def ratings(**given: float) -> Ratings:
    """Ratings with defaults."""
    return Ratings.model_validate(given)
