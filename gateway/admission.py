"""Admission: which messages come in, and the named reason why the others do not."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from community.clock import DAY, MINUTE
from community.estate import Estate
from community.frame import Frame
from community.quantities import QUANTITIES, SIGNAL_INDEX, SIGNALS
from community.refusal import Reason
from gateway.admitted import Admitted
from gateway.collector import NO_SEQ, Collector, Rows
from gateway.columnar.front import ELSEWHERE, Front, Resolved
from gateway.columnar.packets import Packets
from gateway.decoding.native import NATIVE
from gateway.decoding.profile import Profile
from gateway.duplicates import DuplicateWindow
from gateway.fault import Fault
from gateway.framing import framed
from gateway.journal import Journal
from gateway.link.packets import Message
from gateway.noting import note_flush
from gateway.refusals import RefusalBook
from gateway.roster import Roster
from gateway.sources import Sources
from gateway.strangers import Strangers
from gateway.trust.judge import Trust
from gateway.trust.rates import BURST, SUSTAINED, Rates
from gateway.trust.tables import NOTES
from gateway.values import implausible, value_fault

_TOO_MANY = Fault(Reason.RATE_LIMITED, "", "more messages than a device may send; only the latest are read")
_ALARMING = re.compile(rb"alarm|trip|manual_call|tamper|fault|power_lost|test|offline")
"""What a message has in it that tells an event, in the names of the native profile."""

_GONE = {"online": 0.0}
# What the gateway notes of a device is no event of the device's own.
_IS_EVENT = np.array([s not in QUANTITIES and s not in NOTES for s in SIGNALS])

MAX_ROWS = 4_096
"""Rows judged at once, and the objects of one message more: bounds the memory of lists in many messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is let in.

    Attributes:
        max_payload: bytes; larger messages are refused.
        too_old: ms before receipt; an older time is not believed, and the receipt counts.
        future: ms after receipt; a later time is not believed either.
        rate: messages a second that a device may send for ever.
        burst: messages that it may send at once.
    """

    max_payload: int = 64 * 1_024
    too_old: int = 7 * DAY
    future: int = MINUTE
    rate: float = SUSTAINED
    burst: int = BURST


class Admission:
    """Turns messages into frames and refusals. No I/O, no clock; state is the roster and the duplicate window.

    Memory: about 514 bytes a device for duplicates, besides the roster's names and the topics seen.
    """

    def __init__(
        self,
        estate: Estate,
        limits: Limits | None = None,
        profiles: Mapping[str, Profile] | None = None,
        journal: Journal | None = None,
    ) -> None:
        """Begin with nothing remembered; `profiles` are the native one alone unless given."""
        self._journal = journal
        self._limits = limits if limits is not None else Limits()
        self._profiles = profiles if profiles is not None else {NATIVE.name: NATIVE}
        self._front = Front(self._profiles)
        self._rates = Rates(self._limits.rate, self._limits.burst)
        self._trust = Trust(self._limits.too_old, self._limits.future)
        self._window = DuplicateWindow()
        self._collector = Collector()
        self._strangers = Strangers()
        self.set_estate(estate)

    def set_estate(self, estate: Estate) -> None:
        """From the next flush on, these devices are known. What is remembered of those that stay is kept."""
        roster = Roster(estate, getattr(self, "roster", None))
        self._window.resize(len(roster), roster.fresh)
        self._rates.resize(len(roster), roster.fresh)
        self._trust.resize(roster, estate)
        if self._journal is not None:
            self._journal.resize(len(roster), roster.fresh)
        self._sources = Sources(roster, self._profiles)
        self._front.renew(len(roster))
        self.roster: Roster = roster

    @property
    def window_bytes(self) -> int:
        """Memory of the duplicate window, bytes."""
        return self._window.nbytes

    def lost(self) -> dict[str, int]:
        """What there was no room for, by the name of its counter, since the start."""
        return {
            "gateway_recent_lost": 0 if self._journal is None else self._journal.lost,
            "gateway_topics_unkept": self._front.topics_refused,
            "gateway_announcements_lost": self._strangers.untold,
        }

    def remember(self, frames: Iterable[Frame]) -> None:
        """Take readings already in the log for known, oldest first; at start, so that none is written twice."""
        for frame in frames:
            row = np.array([self.roster.row_of_id.get(d, -1) for d in frame.devices], np.int64)[frame.device]
            known = row >= 0
            columns = np.array([SIGNAL_INDEX.get(s, -1) for s in frame.signals], np.intp)
            order = np.argsort(columns[columns >= 0])
            values = frame.values[:, columns >= 0][:, order]
            n = len(row)
            yes, no = np.ones(n, np.bool_), np.zeros(n, np.bool_)
            rows = Rows(
                row, frame.ts, frame.received_at, np.arange(n), columns[columns >= 0][order], values,
                yes, np.full(n, NO_SEQ), no, yes,
            )  # fmt: skip
            self._window.recognise(rows, known)

    def take(self, batch: Sequence[Packets]) -> Admitted:
        """Judge the messages of one flush, in order of receipt."""
        book = RefusalBook(batch, self._sources)
        admitted = Admitted({}, [], Counter(), 0, 0, 0, 0)
        resolved = [self._front.resolve(packets, self._sources) for packets in batch]
        number = 0
        for packets, of, wanted in zip(batch, resolved, self._within_rates(batch, resolved, book), strict=True):
            read = self._front.read(packets, of, wanted, number, self._limits.max_payload)
            admitted.ignored += read.ignored
            if read.rows is not None:
                self._collector.add_rows(read.rows)
            for place in read.slow.tolist():
                of.devices[place] = self._decode(number + place, packets.message(place), book, admitted)
                if len(self._collector) >= MAX_ROWS:
                    self._admit(self._collector.take(), book, admitted)
            number += len(packets)
            if len(self._collector) >= MAX_ROWS:
                self._admit(self._collector.take(), book, admitted)
        if len(self._collector):
            self._admit(self._collector.take(), book, admitted)
        admitted.refusals = book.refusals()
        admitted.refused = book.counts()
        admitted.refused_messages = len(book)
        admitted.faults = book.faults()
        if self._journal is not None:
            note_flush(self._journal, batch, [of.devices for of in resolved], admitted)
        return admitted

    def _within_rates(
        self, batch: Sequence[Packets], resolved: Sequence[Resolved], book: RefusalBook
    ) -> list[NDArray[np.bool_]]:
        """Which messages of each arrival are read, and which are more than their device may send."""
        wanted = [np.ones(len(packets), np.bool_) for packets in batch]
        if not batch:
            return wanted
        devices = np.concatenate([of.devices for of in resolved])
        urgent = np.concatenate([of.urgent for of in resolved])
        # What a device in a flood says of danger stands out of it; nobody else's messages are looked into for that.
        ordinary = np.flatnonzero((devices >= 0) & ~urgent)
        for i in ordinary[self._rates.limited[devices[ordinary]]].tolist():
            urgent[i] = book.mentions(i, _ALARMING)
        counted = devices != ELSEWHERE
        allowed = np.ones(len(devices), np.bool_)
        allowed[counted] = self._rates.allow(devices[counted], urgent[counted], batch[-1].received_at)
        if allowed.all():
            return wanted
        held_off = np.flatnonzero(~allowed)
        # Told once a flush for each device; the others are counted.
        last = {int(devices[i]): i for i in held_off.tolist()}
        for i in last.values():
            book.add(i, _TOO_MANY)
        book.count(Reason.RATE_LIMITED, len(held_off) - len(last))
        return np.split(allowed, np.cumsum([len(packets) for packets in batch])[:-1])

    def _decode(self, number: int, message: Message, book: RefusalBook, admitted: Admitted) -> int:
        """Read one message in Python; its measurements go to the collector. Row of the topic's device, or -1."""
        source = self._sources[message.topic]
        profile = source.profile
        if source.fault is not None:
            book.add(number, source.fault)
            return source.row
        if profile is None:
            admitted.ignored += 1
            return source.row
        if message.size > self._limits.max_payload:
            book.add(number, Fault(Reason.TOO_LARGE, "", f"{message.size} bytes, at most {self._limits.max_payload}"))
            return source.row
        measurements, faults, announced = profile.decode(message.topic, message.payload, message.received_at)
        if announced:
            self._strangers.announced(profile, announced, admitted)
        if faults:
            book.extend(number, faults)
        elif not measurements:
            admitted.ignored += 1
        for values, ts, seq, address in measurements:
            row = self._sources.row_of(source, address)
            if isinstance(row, Fault):
                book.add(number, row)
                named = source.address if address is None else address
                self._strangers.heard(profile, named, values, message.received_at, admitted)
                continue
            if message.retained and (ts is None or "online" in values) and values != _GONE:
                # The broker's stored copy of something said nobody knows when: to judge it as if it were said
                # now would raise an old alarm at every start, and a stored birth is no sign of life. That a
                # device is gone does hold now.
                admitted.ignored += 1
                continue
            if values:
                place = "event" if message.topic.endswith(b"/event") else "values"
                unknown = self._collector.add(
                    row, ts, seq, message.received_at, message.dup, profile.steady, number, values, place
                )
                if unknown:
                    book.extend(number, unknown)
        return source.row

    def _admit(self, rows: Rows, book: RefusalBook, admitted: Admitted) -> None:
        keep = self._judge_values(rows, book)
        keep &= ~self._judge_repetition(rows, keep, book)
        judged = self._trust.judge(rows, keep, self._rates.limited)
        rows, keep = judged.rows, judged.keep
        for i, fault in judged.faults:
            book.add(int(rows.origin[i]), fault)
        for signal, count in judged.noted.items():
            admitted.noted[signal] += count
        admitted.readings += int(keep.sum())
        admitted.origins.append(rows.origin[keep])
        admitted.rows.append(rows.row[keep])
        events: NDArray[np.bool_] = np.logical_not(np.isnan(rows.values[keep][:, _IS_EVENT[rows.columns]]))
        admitted.with_events.append(np.logical_or.reduce(events, axis=1))
        admitted.events += int(events.sum())
        for partition, frames in framed(rows, keep, self.roster):
            admitted.frames.setdefault(partition, []).extend(frames)

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

    def _judge_repetition(self, rows: Rows, keep: NDArray[np.bool_], book: RefusalBook) -> NDArray[np.bool_]:
        """Which rows were there before; the others of `keep` are remembered. A refused one hides no sound twin."""
        again = self._window.recognise(rows, keep)
        for i in np.flatnonzero(again).tolist():
            book.add(int(rows.origin[i]), Fault(Reason.DUPLICATE, "", "the same reading came before"))
        return again
