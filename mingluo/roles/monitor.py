"""The monitor: reads the log in order, evaluates the rules, and hands what they find to the desk.

It owns partitions. Its state is the engines'; after a crash it is the last snapshot plus the log since. Findings that
the journal already holds are skipped by position, so a replay after a crash neither loses nor repeats an event.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from alerts.desk import Desk
from alerts.journal import Journal, JournalUnavailable
from community.clock import DAY, SECOND
from community.estate import PARTITIONS, Estate, partition_of
from community.estate_store import EstateStore
from community.finding import Finding
from community.frame import Baseline, EstateChange, Frame, Record, RulebookChange, Tick
from community.vitals import State, Vitals
from gateway.log import LogUnavailable, ReadingsLog
from mingluo.roles.reconcile import differences
from mingluo.snapshots import Snapshot, Snapshots
from rules.engine import Engine, SnapshotRefused
from rules.rulebook import Rulebook, RulebookErrors, standard_rulebook
from rules.store import RulebookStore, UnknownRulebookError

T = TypeVar("T")

RETRY_S = 0.5
"""Pause before the database is tried again. The log keeps what waits, so nothing is pressed for room."""


class Monitor:
    """Engines of the owned partitions over the log, and the desk behind them.

    Attributes:
        position: the last record that is evaluated, with its findings journalled.
    """

    def __init__(
        self,
        log: ReadingsLog,
        desk: Desk,
        journal: Journal,
        rulebooks: RulebookStore,
        estates: EstateStore,
        snapshots: Snapshots,
        vitals: Vitals,
        clock: Callable[[], int],
        *,
        partitions: Collection[int] = range(PARTITIONS),
        snapshot_every_ms: int = 30 * SECOND,
        rehearsal_age_ms: int = 90 * DAY,
        kept: Callable[[], int | None] = lambda: None,
        anew: Callable[[Collection[str]], object] = len,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Begin at `run`.

        Args:
            kept: gives the position that the history has reached; None: there is none.
            anew: told the devices of engines that had to begin without their memory, in a log without its beginning.
        """
        self._log = log
        self._desk = desk
        self._journal = journal
        self._rulebooks = rulebooks
        self._estates = estates
        self._snapshots = snapshots
        self._vitals = vitals
        self._clock = clock
        self._partitions = frozenset(partitions)
        self._snapshot_every_ms = snapshot_every_ms
        self._rehearsal_age_ms = rehearsal_age_ms
        self._kept = kept
        self._tell_anew = anew
        self._sleep = sleep
        self._engines: dict[int, Engine] = {}
        self._restored_at: dict[int, int] = {}
        self._estate = Estate()
        self._estate_version = 0
        self._rulebook = Rulebook(())
        self._rulebook_version = 0
        self._rules_of: dict[int, int] = {}
        self._anew: set[int] = set()
        self._saved_at: int | None = None
        self._whole = False
        self._saving: asyncio.Task[None] | None = None
        self.position = 0

    async def run(self) -> None:
        """Evaluate the log for as long as it goes on."""
        await self._restore()
        self._vitals.report("monitor", State.OK, f"began behind position {self.position}", self._clock())
        self._whole = True
        async for position, subject, record in self._log.read(self.position, self._partitions):
            # Between these two lines engines and position disagree, and no snapshot may be taken.
            self._whole = False
            await self._evaluate(position, subject, record)
            self.position, self._whole = position, True
            self._vitals.gauge("monitor_position", position)
            if isinstance(record, Tick):
                self._vitals.gauge("monitor_lag_seconds", max(0, self._clock() - record.ts) / SECOND)
                self._vitals.gauge("monitor_state_bytes", sum(e.state_bytes for e in self._engines.values()))
                self._save_if_due(record.ts)
        if self._saving is not None:
            await self._saving

    async def save(self) -> None:
        """Keep a snapshot of every engine, if they stand at a record's end (the log then tells the rest again)."""
        if self._saving is not None:
            await asyncio.wait({self._saving})  # or the older one could come to lie above the newer
        kept = self._snapshot_all()
        if kept is not None:
            await self._keep(self.position, kept)

    def _snapshot_all(self) -> list[tuple[int, Snapshot]] | None:
        if not self._whole or self.position < max(self._restored_at.values(), default=0):
            return None  # an engine that began anew is still catching up with the others
        return [
            (p, Snapshot(self.position, self._estate_version, e.snapshot(), self._rules_of[p]))
            for p, e in self._engines.items()
        ]

    async def _keep(self, position: int, kept: Sequence[tuple[int, Snapshot]]) -> bool:
        try:
            for partition, snapshot in kept:
                await asyncio.to_thread(self._snapshots.save, partition, snapshot)
        except OSError as error:
            # The former snapshot still stands; a restart will only have more of the log to read.
            self._vitals.count("monitor_snapshots_failed")
            self._vitals.report("snapshots", State.DEGRADED, f"not saved: {error}", self._clock())
            return False
        self._vitals.report("snapshots", State.OK, f"at position {position}", self._clock())
        return True

    async def _keep_and_make_room(self, position: int, kept: Sequence[tuple[int, Snapshot]]) -> None:
        if not await self._keep(position, kept):
            return  # the records are still needed behind the former snapshot
        try:
            await self._log.make_room(position, self._kept())
        except LogUnavailable:
            self._vitals.count("monitor_make_room_failed")  # tried again at the next snapshot
        with suppress(JournalUnavailable):  # as above
            await asyncio.to_thread(self._desk.forget_rehearsed, self._clock() - self._rehearsal_age_ms)

    def _save_if_due(self, ts: int) -> None:
        if self._saved_at is None:
            self._saved_at = ts
        if ts - self._saved_at < self._snapshot_every_ms:
            return
        if self._saving is not None:
            if not self._saving.done():
                return  # the disk is slow; at the next tick perhaps
            self._saving.result()  # raises what it had not foreseen
        kept = self._snapshot_all()
        if kept is not None:
            self._saved_at = ts
            # Beside the evaluation: the fsyncs of sixteen partitions may take longer than an alert may wait.
            self._saving = asyncio.create_task(self._keep_and_make_room(self.position, kept), name="snapshots")

    async def _restore(self) -> None:
        first = await self._patiently(self._log.first_position)
        snapshots = {p: s for p in self._partitions if (s := self._snapshots.load(p)) is not None}
        usable = {p: s for p, s in snapshots.items() if s.position + 1 >= first}
        newest = max(usable.values(), key=lambda s: s.estate_version, default=None)
        if newest is not None:
            self._estate_version = newest.estate_version
            self._estate = await self._estate_of(newest.estate_version)
        elif first > 1:
            # The log has forgotten its beginning, and with it the records of estate and rulebook that stood there.
            self._estate_version, self._estate = await self._patiently(lambda: asyncio.to_thread(self._estates.current))
        occupied = self._occupied(self._estate)
        for partition in occupied:
            snapshot = usable.get(partition)
            engine = await self._engine_of(partition, snapshot)
            if engine is not None and snapshot is not None:
                self._engines[partition], self._restored_at[partition] = engine, snapshot.position
                self._rules_of[partition] = snapshot.rulebook_version
        fresh = [p for p in occupied if p not in self._engines]
        await self._begin_rules(fresh, first)
        if fresh:
            # One engine must begin anew, so all read the log from its start; the others skip what they know.
            self._vitals.count("monitor_snapshots_refused", len(fresh))
            journalled = await self._patiently(lambda: asyncio.to_thread(self._journal.positions))
            self._anew = {p for p in fresh if journalled.get(p, 0)}
        for partition in fresh:
            # From the log's very start the estate comes as a record of it.
            self._begin_engine(partition, Estate() if first == 1 else self._estate)
        if fresh and first > 1:
            # What these devices were used to stood in the part of the log that is gone; the history may have it.
            estate = self._estate
            self._tell_anew([d.id for d in estate.device if partition_of(estate.community_of(d)) in fresh])
        self.position = min(self._restored_at.values(), default=0)

    async def _begin_rules(self, fresh: Collection[int], first: int) -> None:
        """Take the rulebook that held where reading begins, so that the log's records lead on from it."""
        version = 0  # from the log's very start it comes as a record of it
        if not fresh and self._engines:
            version = self._rules_of[min(self._engines, key=lambda p: self._restored_at[p])]
        elif first > 1:
            version = await self._patiently(lambda: asyncio.to_thread(self._rulebooks.current_version))
        rulebook = await self._rulebook_of(version)
        # One that this release cannot read is reported; rather the standard pack than none.
        begun = (standard_rulebook(), 0) if rulebook is None else (rulebook, version)
        self._rulebook, self._rulebook_version = begun

    def _begin_engine(self, partition: int, estate: Estate) -> None:
        self._engines[partition] = Engine(self._rulebook, estate, partition)
        self._restored_at[partition] = 0
        self._rules_of[partition] = self._rulebook_version

    async def _engine_of(self, partition: int, snapshot: Snapshot | None) -> Engine | None:
        if snapshot is None:
            return None
        estate = await self._estate_of(snapshot.estate_version)
        rulebook = await self._rulebook_of(snapshot.rulebook_version)
        if rulebook is None:
            return None
        try:
            return Engine.restore(snapshot.state, rulebook, estate, partition)
        except SnapshotRefused:
            return None

    async def _evaluate(self, position: int, subject: str, record: Record) -> None:
        match record:
            case Frame():
                partition = int(subject.rpartition(".")[2])
                engine = self._engines.get(partition)
                if engine is not None and position > self._restored_at[partition]:
                    await self._hand_over(partition, position, engine.apply(record))
                    self._vitals.count("monitor_readings", len(record))
            case Tick():
                for partition, engine in sorted(self._engines.items()):
                    if position > self._restored_at[partition]:
                        findings = engine.tick(record)
                        if partition in self._anew:
                            findings += await self._caught_up(partition, position, findings)
                        await self._hand_over(partition, position, findings)
            case EstateChange():
                await self._change_estate(position, record.version)
            case RulebookChange():
                await self._change_rules(position, record.version)
            case Baseline():
                self._take_baseline(position, record)

    async def _change_estate(self, position: int, version: int) -> None:
        estate = await self._estate_of(version)
        for partition in sorted({*self._occupied(estate), *self._engines}):
            if partition not in self._engines:
                self._begin_engine(partition, Estate())
            if position > self._restored_at[partition]:
                engine = self._engines[partition]
                findings = engine.change_estate(estate)
                findings += await self._differences(partition, position, estate, findings) or []
                await self._hand_over(partition, position, findings)
        self._estate, self._estate_version = estate, version

    async def _change_rules(self, position: int, version: int) -> None:
        rulebook = await self._rulebook_of(version)
        if rulebook is None:
            return  # the running one stays in force
        for partition, engine in sorted(self._engines.items()):
            if position > self._restored_at[partition] and self._rules_of[partition] != version:
                findings = engine.change_rules(rulebook)
                self._rules_of[partition] = version
                # A rule that goes into rehearsal, or comes out of it, keeps its level: nobody else tells of it.
                findings += await self._differences(partition, position, self._estate, findings, rulebook) or []
                await self._hand_over(partition, position, findings)
        self._rulebook, self._rulebook_version = rulebook, version
        self._vitals.gauge("monitor_rulebook_version", version)
        self._vitals.report("rules", State.OK, f"version {version}", self._clock())

    def _take_baseline(self, position: int, baseline: Baseline) -> None:
        device = self._estate.devices.get(baseline.device)
        partition = None if device is None else partition_of(self._estate.community_of(device))
        engine = None if partition is None else self._engines.get(partition)
        if engine is not None and partition is not None and position > self._restored_at[partition]:
            taken = engine.take_baseline(baseline)
            self._vitals.count("monitor_baselines")
            self._vitals.count("monitor_baseline_programs_passed_over", len(baseline.programs) - taken)

    async def _caught_up(self, partition: int, position: int, told: Sequence[Finding]) -> list[Finding]:
        """What an engine that began without its former state holds otherwise than the journal, once it is level."""
        found = await self._differences(partition, position, self._estate, told)
        if found is None:
            return []
        self._anew.discard(partition)
        return found

    async def _differences(
        self,
        partition: int,
        position: int,
        estate: Estate,
        told: Sequence[Finding],
        rulebook: Rulebook | None = None,
    ) -> list[Finding] | None:
        """What makes the open alerts agree with the engine; None while the journal is ahead of it."""
        positions = await self._patiently(lambda: asyncio.to_thread(self._journal.positions))
        if position <= positions.get(partition, 0):
            return None  # the engine reads again what it told before
        alerts = await self._patiently(lambda: asyncio.to_thread(self._journal.open_alerts))
        engine = self._engines[partition]
        ended = {(f.device, f.rule) for f in told if not f.shadow}
        mine = [a for a in alerts if partition_of(a.community) == partition and (a.device, a.rule) not in ended]
        levels = {key: level for key, level in engine.levels().items() if key not in ended}
        return differences(mine, levels, rulebook or self._rulebook, estate, engine.now or 0)

    async def _hand_over(self, partition: int, position: int, findings: Sequence[Finding]) -> None:
        if findings:
            await self._patiently(lambda: asyncio.to_thread(self._desk.handle, partition, position, findings))

    async def _estate_of(self, version: int) -> Estate:
        return await self._patiently(lambda: asyncio.to_thread(self._estates.version, version))

    async def _rulebook_of(self, version: int) -> Rulebook | None:
        """The rulebook of a version; None, told and counted, if this release cannot read it."""
        try:
            return await self._patiently(lambda: asyncio.to_thread(self._rulebooks.version, version))
        except (RulebookErrors, UnknownRulebookError) as error:
            first = str(error).splitlines()[0]
            self._vitals.count("monitor_rulebooks_refused")
            self._vitals.report("rules", State.DEGRADED, f"version {version} is passed over: {first}", self._clock())
            return None

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask until the database or the broker answers: findings wait, and the log keeps what comes behind them."""
        while True:
            try:
                answer = await ask()
            except (JournalUnavailable, LogUnavailable, SQLAlchemyError) as error:
                self._vitals.count("monitor_waits")
                self._vitals.report("monitor", State.DOWN, f"waiting: {error}", self._clock())
                await self._sleep(RETRY_S)
                continue
            self._vitals.report("monitor", State.OK, "evaluates the log", self._clock())
            return answer

    def _occupied(self, estate: Estate) -> list[int]:
        return sorted({partition_of(estate.community_of(d)) for d in estate.device} & self._partitions)
