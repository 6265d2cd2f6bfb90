"""Admission: which messages come in, and the named reason why the others do not."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from community.clock import DAY, MINUTE, format_time
from community.estate import Estate
from community.frame import Frame
from community.quantities import QUANTITIES, SIGNAL_INDEX, SIGNALS
from community.refusal import Reason, Refusal
from gateway.collector import Collector, Rows
from gateway.decoding.native import DOWNWARD
from gateway.duplicates import BUCKET, DuplicateWindow, content_hash, fingerprint, repeated
from gateway.fault import Fault
from gateway.link.packets import Message
from gateway.refusals import RefusalBook
from gateway.roster import PROFILES, Roster
from gateway.values import implausible, value_fault

_GONE = {"online": 0.0}
_IS_EVENT = np.array([s not in QUANTITIES for s in SIGNALS])

MAX_ROWS = 4_096
"""Rows judged at once, and the objects of one message more: bounds the memory of lists in many messages."""

MAX_FRAME_BYTES = 768 * 1_024
"""Largest frame, so that every record fits into a broker with the usual limit of 1 MiB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is let in.

    Attributes:
        max_payload: bytes; larger messages are refused.
        too_old: ms before receipt; older readings are refused.
        future: ms after receipt; readings further ahead are refused.
    """

    max_payload: int = 64 * 1_024
    too_old: int = 7 * DAY
    future: int = MINUTE


@dataclass(slots=True)
class Admitted:
    """What became of one flush.

    Attributes:
        frames: for each partition that got readings, frames in order of receipt, each of at most `MAX_FRAME_BYTES`.
        refusals: the last `KEPT` of each device (and of unknown ones together), in order.
        refused: how many messages were refused, in whole or in part, by reason (a message may have several).
        refused_messages: how many messages these are.
        readings, events: rows in the frames; and how many values in them are events.
        ignored: messages of ours that carry nothing for the log.
    """

    frames: dict[int, list[Frame]]
    refusals: list[Refusal]
    refused: Counter[Reason]
    refused_messages: int
    readings: int
    events: int
    ignored: int


class Admission:
    """Turns messages into frames and refusals. No I/O, no clock; state is the roster and the duplicate window.

    Memory: about 514 bytes a device for duplicates, besides the roster's names.
    """

    def __init__(self, estate: Estate, limits: Limits | None = None) -> None:
        self._limits = limits if limits is not None else Limits()
        self._window = DuplicateWindow()
        self._collector = Collector()
        self.set_estate(estate)

    def set_estate(self, estate: Estate) -> None:
        """From the next flush on, these devices are known. What is remembered of those that stay is kept."""
        roster = Roster(estate, getattr(self, "roster", None))
        self._window.resize(len(roster), roster.fresh)
        self._decoders = [PROFILES["native"].decode] * len(roster)
        for device in estate.device:
            self._decoders[roster.row_of_id[device.id]] = PROFILES.get(device.profile, PROFILES["native"]).decode
        self.roster: Roster = roster

    @property
    def window_bytes(self) -> int:
        """Memory of the duplicate window, bytes."""
        return self._window.nbytes

    def remember(self, frames: Iterable[Frame]) -> None:
        """Take readings already in the log for known, oldest first; at start, so that none is written twice."""
        for frame in frames:
            rows = np.array([self.roster.row_of_id.get(d, -1) for d in frame.devices], np.int64)[frame.device]
            known = rows >= 0
            columns = np.array([SIGNAL_INDEX.get(s, -1) for s in frame.signals], np.intp)
            content = content_hash(frame.values[:, columns >= 0], columns[columns >= 0])
            self._window.add(rows[known], fingerprint(rows, frame.ts, content)[known])

    def take(self, messages: Sequence[Message]) -> Admitted:
        """Judge the messages of one flush, in order of receipt."""
        book = RefusalBook(messages, self.roster)
        rows_of_topic, decoders, collector = self.roster.row_of_topic.get, self._decoders, self._collector
        add = collector.add
        max_payload = self._limits.max_payload
        admitted = Admitted({}, [], Counter(), 0, 0, 0, 0)
        ignored = gathered = 0
        for number, (topic, payload, flags, _, size, received_at) in enumerate(messages):
            row = rows_of_topic(topic.rpartition(b"/")[0])
            if row is None:
                fault = self._stranger(topic)
                if fault is None:
                    ignored += 1
                else:
                    book.add(number, fault)
                continue
            if size > max_payload:
                book.add(number, Fault(Reason.TOO_LARGE, "", f"{size} bytes, at most {max_payload}"))
                continue
            measurements, faults, _ = decoders[row](topic, payload, received_at)
            if faults:
                book.extend(number, faults)
            elif not measurements:
                ignored += 1
            for values, ts, seq, _ in measurements:
                if flags & 1 and (ts is None or "online" in values) and values != _GONE:
                    # The broker's stored copy of something said nobody knows when: to judge it as if it were said
                    # now would raise an old alarm at every start, and a stored birth is no sign of life. That a
                    # device is gone does hold now.
                    ignored += 1
                    continue
                if values:
                    place = "event" if topic.endswith(b"/event") else "values"
                    unknown = add(row, ts, seq, received_at, bool(flags & 8), number, values, place)
                    if unknown:
                        book.extend(number, unknown)
                    gathered += 1
            if gathered >= MAX_ROWS:
                gathered = 0
                if len(collector):
                    self._admit(collector.take(), book, admitted)
        if len(collector):
            self._admit(collector.take(), book, admitted)
        admitted.ignored = ignored
        admitted.refusals = book.refusals()
        admitted.refused = book.counts()
        admitted.refused_messages = len(book)
        return admitted

    def _admit(self, rows: Rows, book: RefusalBook, admitted: Admitted) -> None:
        keep: NDArray[np.bool_] = self._judge_values(rows, book) & self._judge_times(rows, book)
        keep &= ~self._judge_repetition(rows, keep, book)
        admitted.readings += int(keep.sum())
        admitted.events += int((~np.isnan(rows.values[keep][:, _IS_EVENT[rows.columns]])).sum())
        for partition, frames in self._frames(rows, keep):
            admitted.frames.setdefault(partition, []).extend(frames)

    def _stranger(self, topic: bytes) -> Fault | None:
        """Why a topic that is no device's own is refused; None if it is on its way down, or not for us."""
        if topic.endswith(DOWNWARD):
            return None
        profile = next((p for p in PROFILES.values() if p.claims(topic)), None)
        if profile is None:
            return Fault(Reason.UNKNOWN_TOPIC, "", "no profile claims this topic")
        device = profile.device_of(topic)
        if device is None:
            expected = "mingluo/v1/<community>/<household>/<device>/telemetry"
            return Fault(Reason.UNKNOWN_TOPIC, "", f"expected {expected}")
        row = self.roster.row_of_id.get(device)
        if row is None:
            return Fault(Reason.UNKNOWN_DEVICE, "", f"no device {device[:64]!r} is registered")
        own = self.roster.topics[row]
        if topic.startswith(own.encode() + b"/"):
            return Fault(Reason.UNKNOWN_TOPIC, "", f"no such topic below {own}")
        return Fault(Reason.WRONG_TOPIC, "", f"the device's own topic is {own}/...")

    def _judge_values(self, rows: Rows, book: RefusalBook) -> NDArray[np.bool_]:
        """Blank implausible values; returns which rows have anything left."""
        bad = implausible(rows.values, rows.columns)
        for i, j in np.argwhere(bad).tolist():
            signal = SIGNALS[rows.columns[j]]
            fault = value_fault(signal, float(rows.values[i, j]), f"values.{signal}")
            assert fault is not None, "implausible() and value_fault() agree"
            book.add(int(rows.origin[i]), fault)
        rows.values[bad] = np.nan
        keep: NDArray[np.bool_] = np.logical_not(np.isnan(rows.values).all(axis=1))
        for i in np.flatnonzero(~keep).tolist():
            book.add_if_none(int(rows.origin[i]), Fault(Reason.SCHEMA, "", "nothing measured"))
        return keep

    def _judge_times(self, rows: Rows, book: RefusalBook) -> NDArray[np.bool_]:
        age = rows.received_at - rows.ts
        old, future = age > self._limits.too_old, age < -self._limits.future
        for judged, reason in ((old, Reason.TOO_OLD), (future, Reason.FROM_THE_FUTURE)):
            for i in np.flatnonzero(judged).tolist():
                book.add(int(rows.origin[i]), time_fault(reason, int(rows.ts[i]), int(rows.received_at[i])))
        return ~(old | future)

    def _judge_repetition(self, rows: Rows, keep: NDArray[np.bool_], book: RefusalBook) -> NDArray[np.bool_]:
        """Which rows were there before; the others of `keep` are remembered."""
        moments, earlier = rows.ts.copy(), rows.ts.copy()
        judged = np.ones(len(moments), bool)
        for i, (seq, dup) in rows.undated.items():
            bucket = int(rows.received_at[i]) // BUCKET
            moments[i], earlier[i] = _undated(bucket, seq), _undated(bucket - 1, seq)
            judged[i] = dup or seq is not None
        content = content_hash(rows.values, rows.columns)
        prints = fingerprint(rows.row, moments, content)
        again = self._window.seen(rows.row, prints)
        if rows.undated:
            again |= self._window.seen(rows.row, fingerprint(rows.row, earlier, content))
        # Only among the rows that come in: a refused one must not hide its sound twin.
        inside = np.flatnonzero(keep)
        again[inside] |= repeated(prints[inside])
        again &= keep & judged
        self._window.add(rows.row[keep & ~again], prints[keep & ~again])
        for i in np.flatnonzero(again).tolist():
            book.add(int(rows.origin[i]), Fault(Reason.DUPLICATE, "", "the same reading came before"))
        return again

    def _frames(self, rows: Rows, keep: NDArray[np.bool_]) -> Iterator[tuple[int, list[Frame]]]:
        partitions = self.roster.partition[rows.row]
        # 20 bytes of device number and times, at most 66 of a device's name, 8 a value.
        most = MAX_FRAME_BYTES // (20 + 66 + 8 * len(rows.columns))
        for partition in np.unique(partitions[keep]).tolist():
            chosen = np.flatnonzero(keep & (partitions == partition))
            yield partition, [self._frame(rows, chosen[at : at + most]) for at in range(0, len(chosen), most)]

    def _frame(self, rows: Rows, chosen: NDArray[np.intp]) -> Frame:
        values = rows.values[chosen]
        present = np.flatnonzero(~np.isnan(values).all(axis=0))
        devices, numbers = np.unique(rows.row[chosen], return_inverse=True)
        return Frame.from_columns(
            [self.roster.ids[row] or "" for row in devices.tolist()],
            [SIGNALS[j] for j in rows.columns[present].tolist()],
            numbers.astype(np.int32),
            rows.ts[chosen],
            rows.received_at[chosen],
            values[:, present],
        )


def time_fault(reason: Reason, ts: int, received_at: int) -> Fault:
    """The fault of a reading whose time is not credible."""
    return Fault(
        reason, "ts", f"{format_time(ts)} is {abs(received_at - ts) // 1000} s from {format_time(received_at)}"
    )


def _undated(bucket: int, seq: int | None) -> int:
    """Stands for the time of a message that has none; negative, so that it meets no real one of our age."""
    return -1 - (bucket * 1_000_003 + (0 if seq is None else (seq + 1) * 7_919)) % 2**62
