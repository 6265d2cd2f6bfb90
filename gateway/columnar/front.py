"""The quick way in: arrivals → rows of measurements, for whatever the compiled kernels are sure of."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from community.compiler import COMPILED
from community.quantities import EVENTS, SIGNALS
from gateway.collector import NO_SEQ, Rows
from gateway.columnar.packets import FLAGS, PAYLOAD_AT, PAYLOAD_END, TOPIC_AT, TOPIC_END, Packets
from gateway.columnar.plan import Kind, Plan, native_plan
from gateway.columnar.plans import Plans
from gateway.columnar.scan import EMPTY, FAST, MISSING, SLOW, Scanned, scan
from gateway.columnar.topics import TopicTable
from gateway.decoding.native import NATIVE
from gateway.decoding.planning import plan_of
from gateway.decoding.profile import Profile
from gateway.decoding.reader import DataProfile
from gateway.link.packets import DUP, RETAIN
from gateway.sources import Source, Sources

TOPICS_PER_DEVICE = 4
"""Topics of each device that are known to the kernels; beyond, its messages take the way through Python."""

_NATIVE = 0
_EVENTS = frozenset(EVENTS)
_VALUES = 16
"""Values of a message for which room is made at first."""


ELSEWHERE = -2
"""In place of a device's row: the topic names none, the payload does."""


class Resolved(NamedTuple):
    """Whose messages an arrival holds.

    Attributes:
        devices: int32[n], row of the device of each message; -1 if it is of none that is known, or `ELSEWHERE`.
        plans: int32[n], number of the plan by which the kernels may read it; -1: they may not.
        urgent: bool[n], whether it may carry an event.
    """

    devices: NDArray[np.int32]
    plans: NDArray[np.int32]
    urgent: NDArray[np.bool_]


class Read(NamedTuple):
    """What became of an arrival.

    Attributes:
        rows: of the measurements that could be read; None if there are none.
        slow: numbers of the messages that are left to Python, ascending.
        ignored: messages that are sound and have nothing for us.
    """

    rows: Rows | None
    slow: NDArray[np.intp]
    ignored: int


def _may_tell_events(plan: Plan) -> bool:
    return any(
        field.kind is Kind.SLOW or (field.column >= 0 and SIGNALS[field.column] in _EVENTS) for field in plan.fields
    )


class Front:
    """Kernels over one set of profiles; topics are learned as they come."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        plans: list[Plan] = [native_plan()]
        steady = [True]
        self._numbers: dict[tuple[str, int], int] = {}
        for profile in profiles.values():
            if isinstance(profile, DataProfile):
                for number, topic in enumerate(profile.file.topic):
                    plan = plan_of(profile.file, topic)
                    if plan is not None:
                        self._numbers[profile.name, number] = len(plans)
                        plans.append(plan)
                        steady.append(profile.steady)
        self._plans = Plans.compile(plans)
        self._steady = np.array(steady, np.bool_)
        # By plan; the last one is that of number -1, which Python reads: it may say anything.
        self._urgent = np.array([*(_may_tell_events(plan) for plan in plans), True], np.bool_)
        self._urgent[_NATIVE] = False
        self._table = TopicTable(1)
        self._topics_refused = 0
        self._out = Scanned(0, 0)
        self._positions = np.full(len(SIGNALS), -1, np.intp)

    def renew(self, devices: int) -> None:
        """Forget the topics: another estate is in force."""
        self._topics_refused += self._table.refused
        self._table = TopicTable(TOPICS_PER_DEVICE * devices + 1)

    @property
    def topics_refused(self) -> int:
        """Topics that there was no room for since the start; each is resolved again whenever it comes."""
        return self._topics_refused + self._table.refused

    def resolve(self, packets: Packets, sources: Sources) -> Resolved:
        """Look up the topics of an arrival; `sources` resolves those that are new."""
        n = len(packets)
        devices, plans = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
        if COMPILED:
            self._table.lookup(packets.data, packets.index, devices, plans)
        unknown = np.flatnonzero(devices < 0)
        if len(unknown):
            self._learn(packets, unknown, sources, devices, plans)
        return Resolved(devices, plans, self._urgent[plans])

    def read(self, packets: Packets, resolved: Resolved, wanted: NDArray[np.bool_], first: int, largest: int) -> Read:
        """Read an arrival.

        Args:
            packets: the messages.
            resolved: whose they are.
            wanted: bool[n], the others are passed over.
            first: number of the first message in its flush.
            largest: bytes of a payload; larger ones are left to Python, to be refused.
        """
        if not COMPILED:  # then the scan would take longer than the decoders written in C
            return Read(None, np.flatnonzero(wanted), 0)
        index = packets.index
        # What the broker kept, and what is too large, is a matter for Python: it is rare, and has its own rules.
        odd = (index[:, FLAGS] & RETAIN).astype(np.bool_) | (packets.size > largest) | ~wanted
        odd |= packets.size != index[:, PAYLOAD_END] - index[:, PAYLOAD_AT]
        plans = np.where(odd, np.int32(-1), resolved.plans)
        return self._scan(packets, resolved.devices, plans, wanted, first)

    def _learn(
        self,
        packets: Packets,
        unknown: NDArray[np.intp],
        sources: Sources,
        devices: NDArray[np.int32],
        plans: NDArray[np.int32],
    ) -> None:
        met: dict[bytes, tuple[int, int]] = {}
        for i in unknown.tolist():
            topic = packets.data[packets.index[i, TOPIC_AT] : packets.index[i, TOPIC_END]]
            if topic not in met:
                source = sources[topic]
                plan = self._plan(topic, source)
                elsewhere = source.row < 0 and source.profile is not None and source.address is None
                met[topic] = (ELSEWHERE if elsewhere and source.fault is None else source.row), plan
                if plan >= 0:
                    self._table.add(topic, source.row, plan)
            devices[i], plans[i] = met[topic]

    def _plan(self, topic: bytes, source: Source) -> int:
        """Number of the plan by which the kernels may read a topic's messages; -1: they may not."""
        if source.row < 0 or source.fault is not None:
            return -1
        if source.profile is NATIVE:
            return _NATIVE if topic.endswith(b"/telemetry") else -1
        if not isinstance(source.profile, DataProfile):
            return -1
        number = source.profile.topic_number(topic)
        return -1 if number is None else self._numbers.get((source.profile.name, number), -1)

    def _scan(
        self,
        packets: Packets,
        devices: NDArray[np.int32],
        plans: NDArray[np.int32],
        wanted: NDArray[np.bool_],
        first: int,
    ) -> Read:
        n = len(packets)
        out = self._room(n)
        found: list[tuple[NDArray[np.int32], NDArray[np.int16], NDArray[np.float64]]] = []
        out.count = at = 0
        while at < n or not found:
            at = scan(packets.data, packets.index, plans, self._plans, out, at)
            found.append((out.message[: out.count], out.column[: out.count], out.value[: out.count]))
            if at < n:
                found[-1] = tuple(a.copy() for a in found[-1])  # type: ignore[assignment]  # three arrays again
                out.count = 0
        message, column, value = found[0] if len(found) == 1 else map(np.concatenate, zip(*found, strict=True))
        status = out.status[:n]
        said = np.zeros(n, np.bool_)
        said[message] = True
        silent = (status == FAST) & ~said
        # Nothing measured is a fault of a native message, and nothing to us in another profile's.
        left = wanted & ((status == SLOW) | (silent & (plans == _NATIVE)))
        ignored = int(((status == EMPTY) | (silent & (plans != _NATIVE))).sum())
        rows = None if not len(message) else self._rows(packets, devices, plans, first, said, message, column, value)
        return Read(rows, np.flatnonzero(left), ignored)

    def _rows(
        self,
        packets: Packets,
        devices: NDArray[np.int32],
        plans: NDArray[np.int32],
        first: int,
        said: NDArray[np.bool_],
        message: NDArray[np.int32],
        column: NDArray[np.int16],
        value: NDArray[np.float64],
    ) -> Rows:
        chosen = np.flatnonzero(said)
        m = len(chosen)
        place = np.cumsum(said) - 1
        present = np.zeros(len(SIGNALS), np.bool_)
        present[column] = True
        columns = np.flatnonzero(present)
        self._positions[columns] = np.arange(len(columns))
        values = np.full((m, len(columns)), np.nan)
        values[place[message], self._positions[column]] = value
        ts, seq = self._out.ts[chosen], self._out.seq[chosen]
        dated = ts != MISSING
        received_at = np.full(m, packets.received_at, np.int64)
        seq[seq < 0] = NO_SEQ
        return Rows(
            devices[chosen].astype(np.int64),
            np.where(dated, ts, received_at),
            received_at,
            first + chosen,
            columns,
            values,
            dated,
            seq,
            (packets.index[chosen, FLAGS] & DUP).astype(np.bool_),
            self._steady[plans[chosen]],
        )

    def _room(self, messages: int) -> Scanned:
        """Arrays for an arrival; those of the largest one so far are kept."""
        if messages > len(self._out.status):
            self._out = Scanned(messages, max(self._plans.most, _VALUES * messages))
        return self._out
