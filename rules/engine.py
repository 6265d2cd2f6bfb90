"""The rule engine of one partition: a pure function of the log.

The same records give the same findings, in any cutting into frames, after any restart. No clock is read here.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from community.estate import Estate
from community.finding import Finding
from community.frame import Frame, Tick
from community.severity import Severity
from rules import snapshot as snapshots
from rules.cached import drop_stale_kernels
from rules.evidence import Proof, ended, finding_of
from rules.intake import claim, order_rows
from rules.kinds.batch import FLOATS, INTS, NONE, Out, Rows, Transition
from rules.kinds.flag import flags
from rules.kinds.ladder import STANDING_MS, standing, top_step
from rules.kinds.rise import rises
from rules.kinds.silence import next_silence, silences, speech
from rules.kinds.thermal import overloads
from rules.kinds.threshold import thresholds
from rules.roster import Roster, devices_of, duties_of
from rules.rulebook import Rulebook
from rules.snapshot import SnapshotRefused
from rules.tables import Tables, build_tables

ROOM = 4_096
"""Transitions a kernel may write before it is emptied and called again where it stopped; never lost."""

LAYOUTS_KEPT = 64
"""Frames' column layouts remembered. A gateway uses a handful; when full, all are forgotten and made again."""


class _Layout(NamedTuple):
    """Where a frame's columns are wanted; -1 is absent."""

    watch_column: NDArray[np.int64]
    watch_slot: NDArray[np.int64]
    watch_least: NDArray[np.float64]
    threshold: NDArray[np.int64]
    gate: NDArray[np.int64]
    rise: NDArray[np.int64]
    load: NDArray[np.int64]
    thermal: NDArray[np.int64]
    flag: NDArray[np.int64]
    reset: int
    online: int
    wanted: tuple[bool, bool, bool, bool]


class _Quiet(NamedTuple):
    """A stretch of ticks without readings in which none can lead to anything, so that replays pass it quickly.

    It holds as long as the gateway has been listening since this time or a later one, which only defers silence.
    """

    listening: int
    unheard: bool
    until: int

    def covers(self, ts: int, listening: int, unheard: bool) -> bool:
        """Whether a tick at `ts` can be passed over."""
        return ts < self.until and listening >= self.listening and unheard == self.unheard


class Engine:
    """Evaluates a rulebook over the devices of one partition.

    Attributes:
        partition: the partition of the log whose devices it keeps.
        unknown_readings: readings of devices that are not in the estate; skipped and counted.
        now: latest time of a tick or receipt, UTC ms; None before the first.
    """

    def __init__(self, rulebook: Rulebook, estate: Estate, partition: int) -> None:
        drop_stale_kernels()
        self.partition = partition
        self.unknown_readings = 0
        self.now: int | None = None
        self._idle = False
        self._quiet: _Quiet | None = None
        self._rulebook = rulebook
        self._out = Out(np.empty((max(ROOM, 2 * len(rulebook.rules)), INTS), np.int64),
                        np.empty((max(ROOM, 2 * len(rulebook.rules)), FLOATS), np.float64))  # fmt: skip
        self._estate, self._tables, self._roster = self._settle(estate)
        self._layouts: dict[tuple[str, ...], _Layout] = {}

    def apply(self, frame: Frame) -> list[Finding]:
        """Take a frame's readings, in their order.

        Returns:
            Findings in the order of rows, then of rules.

        Raises:
            ValueError: a device number of the frame has no device.
        """
        n = len(frame)
        if n == 0:
            return []
        of_device = frame.device
        if of_device.min() < 0 or of_device.max() >= len(frame.devices):
            raise ValueError("frame: a device number points beyond its devices")
        self._quiet, self._idle = None, False
        layout = self._layout(frame.signals)
        roster, tables = self._roster, self._tables
        numbers = roster.numbers(frame.devices)
        values, received = frame.values, frame.received_at
        rows = Rows(np.empty(n, np.int32), frame.ts, received, np.empty(n, np.uint8), values)
        self.unknown_readings += order_rows(
            numbers, of_device, rows.ts, values, layout.online, roster.state.newest, rows.device, rows.order
        )
        latest = int(received.max())
        self.now = latest if self.now is None else max(self.now, latest)
        state = roster.state
        roster.make_room(
            claim(rows.device, values, layout.watch_column, layout.watch_slot, layout.watch_least,
                  self._words, tables.enabled, state.duty, state.slot, roster.used)
        )  # fmt: skip
        state, out = roster.state, self._out
        found: list[Transition] = []
        with_thresholds, with_rises, with_loads, with_flags = layout.wanted
        if with_thresholds:
            gates = tables.gates._replace(column=layout.gate)
            found += self._run(
                n, lambda at: thresholds(at, rows, layout.threshold, state, tables.threshold, gates, out)
            )
        if with_rises:
            found += self._run(
                n, lambda at: rises(at, rows, layout.rise, layout.load, state, tables.rise, tables.loads, out)
            )
        if with_loads:
            found += self._run(
                n, lambda at: overloads(at, rows, layout.thermal, state, tables.thermal, tables.images, out)
            )
        if with_flags:
            found += self._run(n, lambda at: flags(at, rows, layout.flag, layout.reset, state, tables.flag, out))
        found += self._run(n, lambda at: speech(at, rows, layout.online, state, tables.silence, out))
        return self._findings(found)

    def tick(self, tick: Tick) -> list[Finding]:
        """Judge absence and standing readings at the gateway's time.

        Returns:
            Findings in the order of devices, then of rules.
        """
        self.now = tick.ts if self.now is None else max(self.now, tick.ts)
        state, tables, out = self._roster.state, self._tables, self._out
        m = len(self._roster.devices)
        listening = NONE if tick.listening_since is None else tick.listening_since
        if self._quiet is not None and self._quiet.covers(tick.ts, listening, tick.unheard):
            return []
        found = self._run(m, lambda at: standing(state, tables.threshold, at, tick.ts, out))
        found += self._run(m, lambda at: silences(tick.ts, listening, tick.unheard, at, state, tables.silence, out))
        idle, self._idle = self._idle, True
        self._quiet = None
        if idle and m and tick.ts > int(state.newest.max()) + STANDING_MS:
            self._quiet = _Quiet(listening, tick.unheard, next_silence(listening, tick.unheard, state, tables.silence))
        return self._findings(found)

    def change_estate(self, estate: Estate) -> list[Finding]:
        """Go on with another estate: rows of devices that stay are kept, limits follow the new ratings.

        Returns:
            The return to normal of every level of a device that left, or whose rule no longer applies to it.
        """
        self._quiet, self._idle = None, False
        old_levels = self.levels()
        old_estate, old_roster = self._estate, self._roster
        self._estate, self._tables, self._roster = self._settle(estate)
        self._layouts.clear()
        self._roster.adopt(old_roster, self._tables)
        self._roster.claim_standing(self._tables)
        new_levels = self.levels()
        numbers = {r.id: n for n, r in enumerate(self._rulebook.rules)}
        now = self.now or 0
        findings = []
        for (device, rule_id), level in old_levels.items():
            if (device, rule_id) in new_levels:
                continue
            stays = device in self._roster.row
            number = numbers[rule_id]
            findings.append(
                ended(
                    self._rulebook.rules[number],
                    self._rulebook.versions[number],
                    level,
                    estate if stays else old_estate,
                    self._roster.devices[self._roster.row[device]] if stays else old_estate.devices[device],
                    Proof.RULE_NO_LONGER_APPLIES if stays else Proof.DEVICE_REMOVED,
                    now,
                )
            )
        return findings

    def levels(self) -> dict[tuple[str, str], Severity]:
        """Every level above normal by (device id, rule id), in the order of devices, then of rules."""
        state, tables = self._roster.state, self._tables
        found: dict[tuple[int, int], int] = {}

        def note(device: int, rule: int, severity: int) -> None:
            if severity:
                found[device, rule] = max(found.get((device, rule), 0), severity)

        for ladder in (tables.threshold, tables.rise, tables.thermal):
            for r, number in enumerate(ladder.rule.tolist()):
                for slot in ladder.slot[ladder.channels[r] : ladder.channels[r + 1]]:
                    at = state.slot[:, slot]
                    for d in np.flatnonzero(at >= 0).tolist():
                        top = top_step(int(state.ints[at[d] + 1]))
                        if top >= 0:
                            note(d, number, int(ladder.severity[ladder.steps[r] + top]))
        for r, number in enumerate(tables.flag.rule.tolist()):
            at = state.slot[:, tables.flag.slot[r]]
            for d in np.flatnonzero(at >= 0).tolist():
                note(d, number, int(tables.flag.severity[r]) if state.ints[at[d]] != NONE else 0)
        for r, number in enumerate(tables.silence.rule.tolist()):
            at = state.slot[:, tables.silence.slot[r]]
            for d in np.flatnonzero(at >= 0).tolist():
                step = int(state.ints[at[d]])
                note(d, number, 0 if step == NONE else int(tables.silence.severity[tables.silence.steps[r] + step]))
        devices, rules = self._roster.devices, self._rulebook.rules
        return {(devices[d].id, rules[n].id): Severity(s) for (d, n), s in sorted(found.items())}

    def snapshot(self) -> bytes:
        """The whole state, to go on from after a restart."""
        return snapshots.pack(
            self._roster, self._rulebook, self._tables, self.partition, self.now, self.unknown_readings
        )

    @classmethod
    def restore(cls, data: bytes, rulebook: Rulebook, estate: Estate, partition: int) -> "Engine":
        """An engine that goes on where the snapshot was taken; `estate` must be the one of that moment.

        Raises:
            SnapshotRefused: the state has another shape; replay the log from its beginning instead.
        """
        engine = cls(rulebook, estate, partition)
        engine.now, engine.unknown_readings = snapshots.unpack(
            data, engine._roster, rulebook, engine._tables, partition
        )
        return engine

    @property
    def state_bytes(self) -> int:
        """Bytes of state in use for all devices together."""
        return self._roster.bytes_in_use

    @property
    def state_bytes_per_device(self) -> float:
        """Bytes of state in use for each device; 0 without devices."""
        m = len(self._roster.devices)
        return self.state_bytes / m if m else 0.0

    def _settle(self, estate: Estate) -> tuple[Estate, Tables, Roster]:
        devices = devices_of(estate, self.partition)
        duties = duties_of(devices)
        tables = build_tables(self._rulebook, duties)
        self._words = np.array([s.words for s in tables.slots], np.int64)
        roster = Roster(devices, duties, len(tables.slots))
        if not hasattr(self, "_roster"):
            roster.claim_standing(tables)
        return estate, tables, roster

    def _run(self, end: int, kernel: Callable[[int], tuple[int, int]]) -> list[Transition]:
        """Call a kernel until it has seen everything; empty its room each time."""
        found: list[Transition] = []
        at = 0
        while True:
            count, at = kernel(at)
            ints, floats = self._out.ints[:count].tolist(), self._out.floats[:count].tolist()
            found += [Transition(*a, *b) for a, b in zip(ints, floats, strict=True)]
            if at >= end:
                return found

    def _findings(self, found: list[Transition]) -> list[Finding]:
        found.sort(key=lambda t: (t.row, t.rule))
        devices = self._roster.devices
        return [finding_of(t, self._rulebook, self._estate, devices[t.device]) for t in found]

    def _layout(self, signals: tuple[str, ...]) -> _Layout:
        layout = self._layouts.get(signals)
        if layout is None:
            if len(self._layouts) >= LAYOUTS_KEPT:
                self._layouts.clear()
            layout = self._layouts[signals] = self._lay_out(signals)
        return layout

    def _lay_out(self, signals: tuple[str, ...]) -> _Layout:
        column = {s: j for j, s in enumerate(signals)}
        tables = self._tables
        watch = [
            (column[signal], c, slot.least)
            for c, slot in enumerate(tables.slots)
            for signal in slot.signals
            if signal in column
        ]

        def where(names: Sequence[str]) -> NDArray[Any]:
            return np.array([column.get(s, -1) for s in names], np.int64)

        threshold, rise = where(tables.threshold_signals), where(tables.rise_signals)
        load, thermal, flag = where(tables.load_signals), where(tables.thermal_signals), where(tables.flag_signals)
        reset = column.get("reset", -1)
        return _Layout(
            np.array([w[0] for w in watch], np.int64),
            np.array([w[1] for w in watch], np.int64),
            np.array([w[2] for w in watch], np.float64),
            threshold,
            where(tables.gate_signals),
            rise,
            load,
            thermal,
            flag,
            reset,
            column.get("online", -1),
            (bool((threshold >= 0).any()), bool((rise >= 0).any() or (load >= 0).any()),
             bool((thermal >= 0).any()), bool((flag >= 0).any()) or reset >= 0),
        )  # fmt: skip


__all__ = ["Engine", "SnapshotRefused"]
