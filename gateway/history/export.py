"""History as a file: whole readings in the order in which they came, or roll-ups, piece by piece.

A recording (`jsonl` of single readings) is written as it is read. The other forms are collected in a database of their
own in the spool folder first: which signals occur is known at the end only, and a month need not fit into memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from community.clock import SECOND
from community.frame import Frame, Reading, Record, Tick
from community.recording import write_recording
from gateway.history.quality import names_of
from gateway.history.spool import Spool
from gateway.history.store import (
    MOST_ANSWER,
    MOST_POINTS,
    MOST_SERIES,
    WIDTH,
    HistoryReader,
    Query,
    QueryError,
    Resolution,
    Series,
)

PIECE = 2**18
"""Bytes of a piece, about."""

DEAF_MS = 10 * SECOND
"""Ticks come each second. After a longer gap in them nobody had listened, and silence counts from then on only."""

_encode = msgspec.json.Encoder().encode


class Form(StrEnum):
    """What the file is."""

    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"
    """A stream of Arrow's interprocess format."""
    JSONL = "jsonl"
    """Of single readings: a recording, with the ticks of the time, as `community.recording` reads it. Of roll-ups: a
    row for each line, which is no recording."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is wanted.

    Attributes:
        devices: ids; none: all, which only single readings can be asked for.
        signals: names; none: all.
        start: UTC ms, included: of receipt for single readings, of event time for roll-ups.
        end: UTC ms, excluded.
        resolution: single readings, or which roll-ups.

    Raises:
        QueryError: which field is wrong.
    """

    devices: tuple[str, ...]
    signals: tuple[str, ...]
    start: int
    end: int
    resolution: Resolution

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise QueryError(f"end: expected a time after start ({self.start}), got {self.end}")
        if not self.devices and self.resolution is not Resolution.RAW:
            raise QueryError("device: expected at least one, for roll-ups")
        if len(self.signals) > MOST_SERIES:
            raise QueryError(f"signal: expected at most {MOST_SERIES}")


def pieces(reader: HistoryReader, form: Form, selection: Selection, spool: Path) -> Iterator[bytes]:
    """The file's content.

    Args:
        reader: what is asked.
        form: what the file is.
        selection: what is wanted.
        spool: a folder, made if need be, for what is collected; emptied again however this ends.

    Raises:
        HistoryUnavailable: in the middle too; the file is then worth nothing.
    """
    single = selection.resolution is Resolution.RAW
    if form is Form.JSONL:
        yield from _joined(_recording(reader, selection) if single else _lines(reader, selection))
        return
    with Spool(spool) as collected:
        if single:
            for frame in reader.readings(selection.devices or None, selection.start, selection.end):
                collected.add_readings(_narrowed(frame, selection.signals))
        else:
            for series in _series(reader, selection):
                collected.add_series(series, WIDTH[selection.resolution])
        yield from collected.content(form.value, readings=single)


def _recording(reader: HistoryReader, selection: Selection) -> Iterator[bytes]:
    """Readings and ticks in the order of receipt; a tick stands before what was received at its time or later."""
    ticks = _listening(reader.ticks(selection.start, selection.end).tolist())
    tick = next(ticks, None)

    def records() -> Iterator[Record]:
        nonlocal tick
        for frame in reader.readings(selection.devices or None, selection.start, selection.end):
            waiting: list[Reading] = []
            for reading in _narrowed(frame, selection.signals).readings():
                if tick is not None and tick.ts <= reading.received_at:
                    if waiting:
                        yield Frame.from_readings(waiting)
                        waiting = []
                    while tick is not None and tick.ts <= reading.received_at:
                        yield tick
                        tick = next(ticks, None)
                waiting.append(reading)
            if waiting:
                yield Frame.from_readings(waiting)
        if tick is not None:
            yield tick
        yield from ticks

    return write_recording(records())


def _listening(moments: Iterable[int]) -> Iterator[Tick]:
    """Ticks at these times, with what their gaps say of when the gateway was not there to hear anybody."""
    before: int | None = None
    since: int | None = None
    for ts in moments:
        if before is not None and ts - before > DEAF_MS:
            since = ts
        yield Tick(ts, since)
        before = ts


def _narrowed(frame: Frame, signals: Sequence[str]) -> Frame:
    """A frame with these signals only, and the readings that have any of them; with all, if none are named."""
    if not signals or set(frame.signals) <= set(signals):
        return frame
    wanted = set(signals)
    readings = [
        reading._replace(values=kept)
        for reading in frame.readings()
        if (kept := {s: v for s, v in reading.values.items() if s in wanted})
    ]
    return Frame.from_readings(readings)


def _series(reader: HistoryReader, selection: Selection) -> Iterator[Series]:
    """Roll-ups in parts that a question may ask for: by devices, then by time."""
    signals = selection.signals
    if not signals:
        found = reader.last(selection.devices).values()
        signals = tuple(sorted({name for values in found for name in values}))
    if not signals:
        return
    width = WIDTH[selection.resolution]
    at_once = max(1, min(MOST_SERIES, MOST_ANSWER // MOST_POINTS) // len(signals))
    for i in range(0, len(selection.devices), at_once):
        devices = selection.devices[i : i + at_once]
        points = min(MOST_POINTS, MOST_ANSWER // (len(devices) * len(signals)))
        # One less: a stretch that begins within a window has a part of one more.
        for begin in range(selection.start // width * width, selection.end, (points - 1) * width):
            end = min(selection.end, begin + (points - 1) * width)
            query = Query(devices, signals, begin, end, points, selection.resolution)
            yield from reader.read(query)


def _lines(reader: HistoryReader, selection: Selection) -> Iterator[bytes]:
    width = WIDTH[selection.resolution]
    for s in _series(reader, selection):
        columns = (s.ts, s.minimum, s.mean, s.maximum, s.last, s.count, s.quality, s.flags)
        for ts, low, mean, high, last, count, quality, flags in zip(*(c.tolist() for c in columns), strict=True):
            row = {"device": s.device, "signal": s.signal, "ts": ts, "width_ms": width, "min": low, "mean": mean}
            row |= {"max": high, "last": last, "count": count, "quality": quality, "flags": names_of(flags)}
            yield _encode(row) + b"\n"


def _joined(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Lines in pieces of some size."""
    piece = bytearray()
    for line in lines:
        piece += line
        if len(piece) >= PIECE:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)
