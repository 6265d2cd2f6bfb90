"""Running rule tests: readings and ticks through the engine in virtual time, then found against expected."""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from typing import NamedTuple

from community.estate import Estate
from community.finding import Finding
from community.frame import Frame, Reading, Record, Tick
from community.severity import Severity
from rules.explain import written
from rules.replay import Replayer
from rules.rulebook import Rulebook
from rules.ruletest.definition import Case, Expectation, RuleTests
from rules.ruletest.notation import spelled

TOLD = 20
"""Findings named in a failure; the number of the others is told."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one case.

    Attributes:
        name: of the case; line: where it begins in its file.
        failures: what was expected and is not so, in words; empty: it passed.
        findings: everything found, in words, in its order.
    """

    source: str
    line: int
    name: str
    failures: tuple[str, ...]
    findings: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.failures


class _Found(NamedTuple):
    """A finding and when the engine told it, ms after the case's beginning."""

    told: int
    finding: Finding


def run_tests(tests: RuleTests) -> Iterator[Outcome]:
    """Run the cases of a file, one after another."""
    for line, case in tests.cases:
        yield run_case(case, tests.rulebook, tests.estate, tests.source, line)


def run_case(case: Case, rulebook: Rulebook, estate: Estate, source: str = "", line: int = 0) -> Outcome:
    """Run one case from a fresh engine."""
    replayer = Replayer(rulebook, estate)
    found = [
        _Found(at - case.start, finding) for at, record in records_of(case, estate) for finding in replayer.take(record)
    ]
    failures = [text for expected in case.expect for text in _failures(expected, found, case)]
    return Outcome(source, line, case.name, tuple(failures), tuple(_told(f, case) for f in found))


def records_of(case: Case, estate: Estate) -> Iterator[tuple[int, Record]]:
    """The records of a case with the time at which the gateway writes each, UTC ms.

    What one device measured at one moment and what was received at one moment is one reading. Of one moment the
    readings come before the tick.
    """
    rows: dict[tuple[int, int, str], dict[str, float]] = {}

    def put(device: str, ts: int, delay: int, signal: str, value: float) -> None:
        for each in estate.devices:
            if fnmatchcase(each, device):
                rows.setdefault((case.start + ts + delay, case.start + ts, each), {})[signal] = value

    for series in case.series:
        for k, value in enumerate(series.values):
            if value is not None:
                at = series.begin + k * (series.interval or case.interval)
                put(series.device, at, series.delay, series.signal, value)
    for event in case.event:
        put(event.device, event.at, event.delay, event.event, float(event.active))
    last = case.start + case.end
    readings = [Reading(device, ts, received, rows[received, ts, device]) for received, ts, device in sorted(rows)]
    tick = case.start
    for received, group in groupby((r for r in readings if r.received_at <= last), key=lambda r: r.received_at):
        while tick < received:
            yield tick, Tick(tick, case.start)
            tick += case.tick
        yield received, Frame.from_readings(list(group))
    while tick <= last:
        yield tick, Tick(tick, case.start)
        tick += case.tick


def _failures(expected: Expectation, found: list[_Found], case: Case) -> Iterator[str]:
    mine = [f for f in found if expected.means(f.finding.rule, f.finding.device)]
    if expected.never:
        worst = expected.severity or Severity.WARNING
        wrong = [f for f in mine if f.finding.severity >= worst]
        if wrong:
            yield _failure(f"never {worst.word} or worse of {_whom(expected)}", wrong, case)
        return
    if expected.between is not None:
        begin, end = expected.between
        right = [f for f in mine if begin <= f.finding.ts - case.start <= end and _turned(f.finding, expected.severity)]
        what = f"{_word(expected)} of {_whom(expected)} between {spelled(begin)} and {spelled(end)}"
    else:
        at = expected.at or 0
        before = mine[: bisect_right(mine, at, key=lambda f: f.told)]
        last = {(f.finding.device, f.finding.rule): f for f in before}
        if expected.severity is Severity.NORMAL:
            wrong = [f for f in last.values() if f.finding.severity is not Severity.NORMAL]
            if wrong:
                yield _failure(f"at {spelled(at)} nothing of {_whom(expected)}", wrong, case)
            return
        right = [f for f in last.values() if _holds(f.finding, expected.severity)]
        what = f"at {spelled(at)} {_word(expected)} of {_whom(expected)}"
    if len(right) != expected.count if expected.count is not None else not right:
        number = "" if expected.count is None else f"{expected.count} x "
        got = f"{len(right)} found" if right else "none found"
        yield _failure(f"{number}{what}, {got}", mine or found, case)
    elif expected.value is not None and not any(_near(f.finding.value, expected) for f in right):
        by = f" ± {written(expected.tolerance)}" if expected.tolerance else ""
        yield _failure(f"{what} with the value {written(expected.value)}{by}", right, case)


def _failure(expected: str, instead: list[_Found], case: Case) -> str:
    lines = [f"expected {expected}"]
    lines += [f"  found {_told(f, case)}" for f in instead[:TOLD]] or ["  found nothing at all"]
    if len(instead) > TOLD:
        lines.append(f"  and {len(instead) - TOLD} more")
    return "\n".join(lines)


def _told(found: _Found, case: Case) -> str:
    f = found.finding
    words = f"at {spelled(f.ts - case.start) if f.ts >= case.start else 'an earlier time'} {f.device} {f.rule}: "
    words += f"{f.previous.word} to {f.severity.word}"
    if f.value is not None:
        words += f", {written(f.value)} {f.unit}".rstrip()
    if f.threshold is not None:
        words += f" (limit {written(f.threshold)})"
    if found.told != f.ts - case.start:
        words += f", told at {spelled(found.told)}"
    return words + (", late" if f.late else "") + (", in rehearsal" if f.shadow else "")


def _whom(expected: Expectation) -> str:
    return expected.rule if expected.device == "*" else f"{expected.rule} for {expected.device}"


def _word(expected: Expectation) -> str:
    return "any severity" if expected.severity is None else expected.severity.word


def _holds(finding: Finding, severity: Severity | None) -> bool:
    return finding.severity > Severity.NORMAL if severity is None else finding.severity is severity


def _turned(finding: Finding, severity: Severity | None) -> bool:
    return finding.severity > finding.previous if severity is None else finding.severity is severity


def _near(value: float | None, expected: Expectation) -> bool:
    wanted = expected.value or 0.0
    return value is not None and abs(value - wanted) <= expected.tolerance + 1e-9 * abs(wanted)
