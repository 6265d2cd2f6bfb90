"""Records of all partitions through engines, without log or clock."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from community.estate import Estate, partition_of
from community.finding import Finding
from community.frame import Baseline, EstateChange, Frame, Record, RulebookChange, Tick
from rules.engine import Engine
from rules.rulebook import Rulebook


class Replayer:
    """The engines of all partitions, fed one record after another.

    Attributes:
        estate, rulebook: what holds at this point of the records.
    """

    def __init__(
        self,
        rulebook: Rulebook,
        estate: Estate,
        estate_of: Callable[[int], Estate] | None = None,
        rulebook_of: Callable[[int], Rulebook] | None = None,
    ) -> None:
        """Begin before the first record.

        Args:
            estate_of, rulebook_of: give the estate and rulebook of a version, for recordings that contain changes of
                them; without the one or the other such records change nothing.
        """
        self.rulebook, self.estate = rulebook, estate
        self._estate_of, self._rulebook_of = estate_of, rulebook_of
        self._engines: dict[int, Engine] = {}
        self._settle()

    def take(self, record: Record) -> list[Finding]:
        """Evaluate one record; what it led to (often nothing)."""
        findings: list[Finding] = []
        match record:
            case Frame():
                for part in _by_partition(record, self._partition):
                    findings += self._engines[self._partition[part.devices[0]]].apply(part)
            case Tick():
                for _, engine in sorted(self._engines.items()):
                    findings += engine.tick(record)
            case EstateChange() if self._estate_of is not None:
                self.estate = self._estate_of(record.version)
                for _, engine in sorted(self._engines.items()):
                    findings += engine.change_estate(self.estate)
                self._settle()
            case RulebookChange() if self._rulebook_of is not None:
                self.rulebook = self._rulebook_of(record.version)
                for _, engine in sorted(self._engines.items()):
                    findings += engine.change_rules(self.rulebook)
            case Baseline() if record.device in self._partition:
                self._engines[self._partition[record.device]].take_baseline(record)
        return findings

    def baseline(self, device: str) -> Baseline | None:
        """The slow memory of a device at this point of the records; None if it has none."""
        partition = self._partition.get(device)
        return None if partition is None else self._engines[partition].baseline(device)

    def _settle(self) -> None:
        """Begin an engine for each partition that now has devices."""
        self._partition = {d.id: partition_of(self.estate.community_of(d)) for d in self.estate.device}
        for number in sorted(set(self._partition.values())):
            if number not in self._engines:
                self._engines[number] = Engine(self.rulebook, self.estate, number)


def replay(
    records: Iterable[Record],
    rulebook: Rulebook,
    estate: Estate,
    estate_of: Callable[[int], Estate] | None = None,
    rulebook_of: Callable[[int], Rulebook] | None = None,
) -> Iterator[tuple[int, list[Finding]]]:
    """Evaluate records in order; arguments as `Replayer` takes them.

    Yields:
        For each record: its number, from 1, and what it led to (often nothing).
    """
    replayer = Replayer(rulebook, estate, estate_of, rulebook_of)
    for position, record in enumerate(records, 1):
        yield position, replayer.take(record)


def _by_partition(frame: Frame, partition: dict[str, int]) -> Iterator[Frame]:
    """Runs of rows of one partition, order kept; rows of unknown devices are left out."""
    known = [partition.get(d, -1) for d in frame.devices]
    if len(set(known)) == 1 and known[0] >= 0:
        yield frame
        return
    column, ts, received, values = frame.device, frame.ts, frame.received_at, frame.values
    rows = [known[d] for d in column.tolist()]
    begin = 0
    for end in range(1, len(rows) + 1):
        if end == len(rows) or rows[end] != rows[begin]:
            if rows[begin] >= 0:
                # Only the devices of the run may be named, the first of them decides the engine.
                numbers = dict.fromkeys(column[begin:end].tolist())
                of = {d: k for k, d in enumerate(numbers)}
                yield Frame.from_columns(
                    [frame.devices[d] for d in numbers],
                    frame.signals,
                    np.array([of[d] for d in column[begin:end].tolist()], np.int32),
                    ts[begin:end],
                    received[begin:end],
                    values[begin:end],
                )
            begin = end
