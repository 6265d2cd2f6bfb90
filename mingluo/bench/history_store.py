"""Large stores of the history, made in the store's own format without going through its writer."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from community.clock import DAY, HOUR, MINUTE, SECOND
from community.vitals import Vitals
from gateway.history.duck.catalogue import Catalogue
from gateway.history.duck.guard import Guard
from gateway.history.duck.merging import MOST_ROWS
from gateway.history.duck.schema import MERGED, PARTIALS, PERIOD
from gateway.history.duck.sealing import STORED
from gateway.history.duck.segments import insert, segment_of, source, write_file
from gateway.history.duck.shelf import Shelf
from gateway.history.duck.snapshot import Segment, Snapshot
from gateway.history.duck.sql import row_of
from gateway.history.store import Resolution

END = 1_795_392_000_000
"""A midnight, UTC ms: the stores end there."""
SIGNALS = ("voltage", "current", "residual_current", "temperature")
VALUES_PER_READING = 3.3
"""Of the last two signals, four fifths of the readings and half of the devices have a value."""
_PER_DAY = DAY // MINUTE
_COLUMNS = """
    round(225 + hash(k * 7) % 100 / 10.0, 1)::DOUBLE AS s0,
    round(hash(k * 13) % 1000 / 100.0, 2)::DOUBLE AS s1,
    CASE WHEN hash(k * 3) % 5 > 0 THEN round(hash(k * 5) % 300 / 10.0, 1)::DOUBLE END AS s2,
    CASE WHEN device % 2 = 0 THEN round(20 + hash(k * 11) % 300 / 10.0, 1)::DOUBLE END AS s3
"""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a store holds: each device reports once a minute, in days that end with `END`."""

    devices: int
    days: int = 30

    @classmethod
    def of_values(cls, values: int, days: int = 30) -> "Shape":
        """About so many values in so many days."""
        return cls(max(1, round(values / (days * _PER_DAY * VALUES_PER_READING))), days)

    @property
    def begin(self) -> int:
        """UTC ms."""
        return END - self.days * DAY


def device_name(number: int) -> str:
    """The id of a device in a made store."""
    return f"d{number:06d}"


def make_store(folder: Path, shape: Shape, say: Callable[[str], None]) -> None:
    """Make the store that a gateway would have after `shape.days`, merged as it would be.

    Args:
        folder: of the store; must not hold one yet.
        shape: what it holds.
        say: told how far it is.

    Raises:
        HistoryUnavailable
    """
    shelf = Shelf(folder, Vitals())
    catalogue = Catalogue(folder, Guard(shelf.unlink))
    try:
        with catalogue.change() as cursor:
            cursor.execute("INSERT INTO device SELECT i, printf('d%06d', i) FROM range(?) t(i)", [shape.devices])
            for number, name in enumerate(SIGNALS):
                cursor.execute("INSERT INTO signal VALUES (?, ?)", [number, name])
            # A second at a time, as the gateway's clock is written down.
            cursor.execute(f"INSERT INTO tick SELECT * FROM range({shape.begin}, {END}, {SECOND})")
        segments = []
        begun = time.monotonic()
        with catalogue.snapshot() as view:
            for day in range(shape.begin // DAY, END // DAY):
                raw = list(_readings(view, shelf, shape, day))
                segments += [*raw, *_minutes(view, shelf, raw, day)]
                say(f"{day - shape.begin // DAY + 1} of {shape.days} days, {time.monotonic() - begun:.0f} s")
            segments += _hours(view, shelf, [s for s in segments if s.kind is Resolution.MINUTE])
        with catalogue.change() as cursor:
            insert(cursor, folder, segments)
            hours = source([s.path for s in segments if s.kind is Resolution.HOUR])
            cursor.execute(
                "INSERT INTO latest SELECT device, signal, max(last_ts), arg_max(last, last_ts) "
                f"FROM (SELECT {PARTIALS} FROM {hours} WHERE ts >= {END - DAY}) GROUP BY device, signal"
            )
        shelf.kept()
    finally:
        catalogue.close()


def shape_of(folder: Path) -> tuple[Shape, int]:
    """The shape of a store that was made here, and how many values are in it."""
    catalogue = Catalogue(folder, Guard(lambda _: None))
    try:
        with catalogue.snapshot() as view:
            hours = view.segments(Resolution.HOUR)
            (devices,) = row_of(view.cursor, "SELECT count(*) FROM device")
            (values,) = row_of(view.cursor, f"SELECT sum(count) FROM {source([s.path for s in hours])}")
            return Shape(devices, (END - min(s.first_ts for s in hours)) // DAY), int(values)
    finally:
        catalogue.close()


def scan_seconds(folder: Path) -> float:
    """How long it takes to look at every single value of one signal: the yardstick of a store's answers."""
    catalogue = Catalogue(folder, Guard(lambda _: None))
    try:
        with catalogue.snapshot() as view:
            files = source([s.path for s in view.segments(Resolution.RAW)])
            begun = time.perf_counter()
            row_of(view.cursor, f"SELECT min(s0), max(s0), avg(s0) FROM {files}")
            return time.perf_counter() - begun
    finally:
        catalogue.close()


def _readings(view: Snapshot, shelf: Shelf, shape: Shape, day: int) -> Iterator[Segment]:
    """A day's readings, in the order of device and time."""
    for begin, end in _parts(shape.devices * _PER_DAY):
        file = shelf.fresh(Resolution.RAW, day)
        n = end - begin
        write_file(
            view.cursor,
            f"SELECT device, ts, ts + 300 + (hash(k) % 200)::BIGINT AS received_at, 0::UTINYINT AS flags, {_COLUMNS} "
            f"FROM (SELECT (i // {n})::INTEGER AS device, {day * _PER_DAY + begin} + i % {n} AS minute, "
            f"minute * {MINUTE} + (hash(device) % {MINUTE})::BIGINT AS ts, minute * {shape.devices} + device AS k "
            f"FROM range({shape.devices * n}) t(i))",
            file,
            Resolution.RAW,
        )
        yield segment_of(view.cursor, file, Resolution.RAW, day, frozenset(range(len(SIGNALS))))


def _minutes(view: Snapshot, shelf: Shelf, raw: list[Segment], day: int) -> Iterator[Segment]:
    """The minutes of a day's readings, of which each stands alone in its own."""
    files = source([s.path for s in raw])
    for begin, end in _parts(round(sum(s.rows for s in raw) * VALUES_PER_READING)):
        start = day * DAY
        terms = f"ts >= {start + begin * MINUTE} AND ts < {start + end * MINUTE}"
        signals = [
            f"SELECT {number}::SMALLINT AS signal, device, ts // {MINUTE} * {MINUTE} AS ts, NULL::DOUBLE AS minimum, "
            f"NULL::DOUBLE AS maximum, NULL::DOUBLE AS sum, 1::INTEGER AS count, s{number} AS last, "
            f"(ts % {MINUTE})::INTEGER AS after, 1::INTEGER AS good, flags FROM {files} "
            f"WHERE s{number} IS NOT NULL AND {terms}"
            for number in range(len(SIGNALS))
        ]
        file = shelf.fresh(Resolution.MINUTE, day)
        write_file(view.cursor, " UNION ALL ".join(signals), file, Resolution.MINUTE)
        yield segment_of(view.cursor, file, Resolution.MINUTE, day, frozenset(range(len(SIGNALS))))


def _hours(view: Snapshot, shelf: Shelf, minutes: list[Segment]) -> Iterator[Segment]:
    width = PERIOD[Resolution.HOUR]
    for period in sorted({s.first_ts // width for s in minutes}):
        files = source([s.path for s in minutes if s.first_ts // width == period])
        merged = (
            f"SELECT {MERGED} FROM (SELECT * REPLACE (ts // {HOUR} * {HOUR} AS ts) FROM "
            f"(SELECT {PARTIALS} FROM {files})) GROUP BY signal, device, ts"
        )
        file = shelf.fresh(Resolution.HOUR, period)
        write_file(view.cursor, f"SELECT {STORED} FROM ({merged}) ORDER BY signal, device, ts", file, Resolution.HOUR)
        yield segment_of(view.cursor, file, Resolution.HOUR, period, frozenset(range(len(SIGNALS))))


def _parts(rows: int) -> Iterator[tuple[int, int]]:
    """Minutes of the day, from and to, so that no part of a day's rows is larger than a merged file may be."""
    parts = -(-rows // MOST_ROWS)
    for k in range(parts):
        yield k * _PER_DAY // parts, (k + 1) * _PER_DAY // parts
