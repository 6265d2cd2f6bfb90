"""The rule engine of one partition: a pure function of the log.

The same records give the same findings, in any cutting into frames, after any restart. No clock is read here.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from community.compiler import warn_if_slow
from community.estate import Estate, Ratings
from community.finding import Finding
from community.frame import Baseline, Frame, Tick
from community.severity import Severity
from rules import baselines
from rules import snapshot as snapshots
from rules.carry import carry_over
from rules.direct import direct
from rules.evidence import Proof, changed
from rules.kinds.kernel import EXTRAS, IN_ORDER, LATE, NONE, UNKNOWN, Duty, Rows
from rules.kinds.ladder import BASE, DONE, EPISODES, SHAPE, T_FLOATS, T_INTS, Out
from rules.layout import Layout, lay_out
from rules.ledger import Ledger, Transition, transitions_of
from rules.programs import build_programs
from rules.relations.relations import Relations
from rules.roster import Roster, devices_of, duties_of
from rules.rulebook import Rulebook
from rules.snapshot import SnapshotRefused

ROOM = 4_096
"""Transitions a kernel may write before it is emptied and called again where it stopped; never lost."""

CHUNK = 2_048
"""Rows that go through the kernels together: their measures and their devices' state stay in the cache."""

LAYOUTS_KEPT = 64
"""Frames' column layouts remembered. A gateway uses a handful; when full, all are forgotten and made again."""

RECENT = 8
"""Tuples of device names whose rows are remembered; frames of one replay or recording share theirs."""


class Engine:
    """Evaluates a rulebook over the devices of one partition.

    Attributes:
        partition: the partition of the log whose devices it keeps.
        unknown_readings: readings of devices that are not in the estate; skipped and counted.
        now: latest time of a tick or receipt, UTC ms; None before the first.
    """

    def __init__(self, rulebook: Rulebook, estate: Estate, partition: int) -> None:
        warn_if_slow()
        self._listen, self._hear, self._fetch = map(direct, ("listen", "hear", "fetch"))
        self._climb, self._look = map(direct, ("climb", "watch"))
        self.partition = partition
        self.unknown_readings = 0
        self.now: int | None = None
        self._rulebook, self._estate = rulebook, estate
        self._roster, self._duties = self._settle(rulebook, estate)
        self._ledger = Ledger()
        self._listening, self._unheard, self._earliest = NONE, False, NONE
        self._relations = Relations(rulebook, estate, self._roster.devices)
        self._refresh()

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
        of_device, ts, received, values = frame.device, frame.ts, frame.received_at, frame.values
        latest = int(received.max())
        self.now = latest if self.now is None else max(self.now, latest)
        if not self._roster.devices:
            self.unknown_readings += n  # without any device there are no tables that kernels could read
            return []
        numbers = self._numbers(frame.devices)
        found: list[Finding] = []
        if n <= CHUNK:
            return self._take(numbers, frame.signals, of_device, ts, received, values)
        for begin in range(0, n, CHUNK):
            part = slice(begin, begin + CHUNK)
            found += self._take(numbers, frame.signals, of_device[part], ts[part], received[part], values[part])
        return found

    def tick(self, tick: Tick) -> list[Finding]:
        """Judge absence and standing readings at the gateway's time.

        Returns:
            Findings in the order of devices, then of rules.
        """
        self.now = tick.ts if self.now is None else max(self.now, tick.ts)
        listening = NONE if tick.listening_since is None else tick.listening_since
        roster = self._roster
        if listening < self._listening or (tick.unheard and not self._unheard):
            roster.memory.due[:] = NONE  # silences may be due earlier than was thought
            self._earliest = NONE
        self._listening, self._unheard = listening, tick.unheard
        found: list[Finding] = []
        if tick.ts >= self._earliest:
            found = self._told(self._watch(tick.ts, listening, tick.unheard))
        deadline = self._relations.next_deadline
        if deadline is not None and tick.ts >= deadline:
            found += self._relations.tick(tick.ts)
        return found

    def change_estate(self, estate: Estate) -> list[Finding]:
        """Go on with another estate: state of devices that stay is kept, limits follow the new ratings.

        Returns:
            Changes of level: devices that left, rules that no longer apply or judge otherwise.
        """
        return self._change(self._rulebook, estate)

    def change_rules(self, rulebook: Rulebook) -> list[Finding]:
        """Go on with another rulebook: a rule that measures as before keeps its state, whatever its limits are now.

        Returns:
            Changes of level: rules that are gone, or have other steps.
        """
        return self._change(rulebook, self._estate)

    def baseline(self, device: str) -> Baseline | None:
        """The slow memory of a device; None for one that is not here or has none."""
        return baselines.taken_out(self._roster, self._rulebook, device)

    def take_baseline(self, baseline: Baseline) -> int:
        """Put another slow memory in place of a device's own. What holds, holds on; nothing is found by it.

        Returns:
            Programs whose state was taken; the others are of another release or rulebook.
        """
        shapes = len(self._roster.shapes)
        taken = baselines.put_in(self._roster, baseline)
        if len(self._roster.shapes) != shapes:
            self._layouts.clear()
        return taken

    def levels(self) -> dict[tuple[str, str], Severity]:
        """Every level above normal that was told, by (device id or group, rule id)."""
        return self._relations.told(self._plain_levels())

    def snapshot(self) -> bytes:
        """The whole state, to go on from after a restart. Equal histories give equal bytes."""
        return snapshots.pack(self._roster, self._rulebook, self._ledger, self._relations.state(), self.partition,
                              self.now, self.unknown_readings)  # fmt: skip

    @classmethod
    def restore(cls, data: bytes, rulebook: Rulebook, estate: Estate, partition: int) -> "Engine":
        """An engine that goes on where the snapshot was taken; rulebook and estate must be those of that moment.

        Raises:
            SnapshotRefused: the state has another shape; replay the log from its beginning instead.
        """
        engine = cls(rulebook, estate, partition)
        image = snapshots.unpack(data, engine._roster, rulebook, partition)
        engine.now, engine.unknown_readings = image.now, image.unknown_readings
        engine._ledger.late = {(device, rule): ts for device, rule, ts in image.late}
        engine._ledger.rebuild(engine._roster)
        engine._relations.restore(image.relations)
        engine._refresh()
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

    def _settle(self, rulebook: Rulebook, estate: Estate) -> tuple[Roster, list[Duty]]:
        devices = devices_of(estate, self.partition)
        duties, of_device = duties_of(devices, estate, rulebook)
        return Roster(devices, of_device, build_programs(rulebook, duties)), duties

    def _refresh(self) -> None:
        """Forget what follows from roster and rulebook."""
        self._layouts: dict[tuple[str, ...], Layout] = {}
        self._room: tuple[NDArray[Any], ...] = (np.empty(0),)
        self._known: dict[int, tuple[tuple[str, ...], NDArray[np.int32]]] = {}
        self._earliest, self._listening, self._unheard = NONE, NONE, False
        self._roster.memory.due[:] = NONE
        room = ROOM + 2 * len(self._roster.programs.all)
        self._out = Out(np.empty((room, T_INTS), np.int64), np.empty((room, T_FLOATS), np.float64))
        self._ratings = {
            name: np.array([getattr(d.ratings, name) for d in self._duties], np.float64)
            for name in Ratings.model_fields
        }
        programs = len(self._roster.programs.all)
        self._scratch = np.empty(programs * CHUNK), np.empty(programs * CHUNK * EXTRAS)

    def _numbers(self, devices: tuple[str, ...]) -> NDArray[np.int32]:
        known = self._known.get(id(devices))
        if known is None:
            if len(self._known) >= RECENT:
                self._known.clear()
            known = self._known[id(devices)] = devices, self._roster.numbers(devices)
        return known[1]

    def _take(
        self,
        numbers: NDArray[np.int32],
        signals: tuple[str, ...],
        of_device: NDArray[np.int32],
        ts: NDArray[np.int64],
        received: NDArray[np.int64],
        values: NDArray[np.float64],
    ) -> list[Finding]:
        n = len(ts)
        roster = self._roster
        layout = self._layouts.get(signals) or self._layout(signals)
        order, base, shape, duty, active, device = self._columns(n)
        rows = Rows(ts, order, values, base, shape, duty, active)
        self._earliest = NONE
        found: list[Transition] = []
        unknown, wanting, busy = self._listen(numbers, of_device, rows, device, received, layout.online, layout.whole,
                                        roster.memory)  # fmt: skip
        if unknown < 0:
            raise ValueError("frame: a device number points beyond its devices")
        self.unknown_readings += unknown
        at = 0 if busy else n
        while at < n:
            count, at = self._hear(at, rows, device, received, layout.online, roster.memory,
                                   roster.programs.first_silence, self._out)  # fmt: skip
            self._empty(count, found)
        if wanting:
            layout = self._give_state(layout, signals, rows, device)
        k = len(layout.programs)
        x = self._scratch[0][: k * n].reshape(k, n)
        extra = self._scratch[1][: k * n * EXTRAS].reshape(k, n, EXTRAS)
        self._fetch(base, roster.words, roster.largest)
        for kernel, table, begin, end in layout.stages:
            kernel(rows, roster.words, table, x[begin:end], extra[begin:end])
        if layout.computed:
            self._compute(layout, signals, rows, x)
        i, b, why = 0, 0, -1
        while why != DONE:
            count, i, b, why = self._climb(i, b, why >= 0, rows, device, received, roster.memory,
                                           roster.programs.ladders, layout.programs, x, extra, self._out)  # fmt: skip
            if why == EPISODES:
                roster.more_episodes()
            self._empty(count, found)
        return self._told(found) if found else []

    def _columns(self, n: int) -> tuple[NDArray[Any], ...]:
        """Room for what `listen` tells of n rows; frames of one length share it."""
        if len(self._room[0]) != n:
            types = (np.uint8, np.int64, np.int32, np.int32, np.uint8, np.int64)
            self._room = tuple(np.empty(n, t) for t in types)
        return self._room

    def _give_state(self, layout: Layout, signals: tuple[str, ...], rows: Rows, device: NDArray[np.int64]) -> Layout:
        """Give devices the state that this frame's columns need; the layout may change with the shapes."""
        roster = self._roster
        picked = np.flatnonzero((rows.order == IN_ORDER) & (layout.whole[rows.shape] == 0))
        shows = np.zeros((len(picked), len(roster.programs.all)), bool)
        for g, column in layout.stateful:
            shows[:, g] = ~np.isnan(rows.values[picked, column])
        devices, which = np.unique(device[picked], return_inverse=True)
        wanted = np.zeros((len(devices), shows.shape[1]), bool)
        np.logical_or.at(wanted, which, shows)
        shapes = len(roster.shapes)
        roster.need(devices, wanted)
        known = rows.order != UNKNOWN
        header = roster.memory.header[device[known]]
        rows.base[known], rows.shape[known] = header[:, BASE], header[:, SHAPE]
        if len(roster.shapes) != shapes:
            self._layouts.clear()
            return self._layout(signals)
        return layout

    def _compute(self, layout: Layout, signals: tuple[str, ...], rows: Rows, x: NDArray[np.float64]) -> None:
        """Fill the measures of programs whose value is an expression."""
        programs = self._roster.programs
        missing = np.full(len(rows.ts), np.nan)
        unknown = np.flatnonzero(rows.order > LATE)
        columns: dict[str, NDArray[np.float64]] = {}
        ratings: dict[str, NDArray[np.float64]] = {}
        for g, row in layout.computed:
            rule: Any = self._rulebook.rules[programs.all[g].rule]
            for name in rule.value.signals:
                if name not in columns:
                    # Copied once into one piece: every operation on it is then several times as fast.
                    columns[name] = rows.values[:, signals.index(name)].copy() if name in signals else missing
            for name in rule.value.ratings:
                if name not in ratings:
                    ratings[name] = self._ratings[name][rows.duty]
            np.multiply(rule.value.columns(columns, ratings), rule.sign, out=x[row])
            x[row, unknown] = np.nan

    def _watch(self, now: int, listening: int, unheard: bool) -> list[Transition]:
        roster = self._roster
        found: list[Transition] = []
        d, why, earliest = 0, -1, NONE
        soonest = int(np.iinfo(np.int64).max)
        while why != DONE:
            count, d, why, earliest = self._look(d, now, listening, unheard, roster.memory, roster.programs.ladders,
                                                 roster.programs.silences, self._out)  # fmt: skip
            soonest = min(soonest, earliest)
            if why == EPISODES:
                roster.more_episodes()
            self._empty(count, found)
        self._earliest = soonest
        return found

    def _empty(self, count: int, found: list[Transition]) -> None:
        if count:
            found += transitions_of(self._out.ints[:count].tolist(), self._out.floats[:count].tolist())

    def _told(self, transitions: list[Transition]) -> list[Finding]:
        findings = self._ledger.findings(transitions, self._roster, self._estate)
        return [told for f in findings for told in self._relations.take(f)]

    def _plain_levels(self) -> dict[tuple[str, str], Severity]:
        devices, rules = self._roster.devices, self._rulebook.rules
        return {(devices[d].id, rules[n].id): Severity(s) for (d, n), s in self._ledger.levels(self._roster).items()}

    def _change(self, rulebook: Rulebook, estate: Estate) -> list[Finding]:
        before = self._plain_levels()
        old_estate, old_rules = self._estate, {r.id: r for r in self._rulebook.rules}
        new, duties = self._settle(rulebook, estate)
        carry_over(self._roster, new)
        old_devices = {d.id: d for d in self._roster.devices}
        self._rulebook, self._estate, self._roster, self._duties = rulebook, estate, new, duties
        self._ledger.rebuild(new)
        self._refresh()
        after = self._plain_levels()
        rules = {r.id: r for r in rulebook.rules}
        now = self.now or 0
        found = []
        for device_id, rule_id in [*before, *(k for k in after if k not in before)]:
            was = before.get((device_id, rule_id), Severity.NORMAL)
            level = after.get((device_id, rule_id), Severity.NORMAL)
            if level is was:
                continue
            stays = device_id in new.row
            proof = Proof.RULE_CHANGED
            if not stays:
                proof = Proof.DEVICE_REMOVED
            elif rule_id not in rules:
                proof = Proof.RULE_REMOVED
            elif estate is not old_estate:
                proof = Proof.RULE_NO_LONGER_APPLIES
            device = new.devices[new.row[device_id]] if stays else old_devices[device_id]
            rule = rules.get(rule_id) or old_rules[rule_id]
            found.append(changed(rule, device, estate if stays else old_estate, level, was, proof, now))
        told = [f for plain in found for f in self._relations.take(plain)]
        return told + self._relations.change(rulebook, estate, new.devices, now)

    def _layout(self, signals: tuple[str, ...]) -> Layout:
        layout = self._layouts.get(signals)
        if layout is None:
            if len(self._layouts) >= LAYOUTS_KEPT:
                self._layouts.clear()
            layout = self._layouts[signals] = lay_out(signals, self._roster)
        return layout


__all__ = ["Engine", "SnapshotRefused"]
