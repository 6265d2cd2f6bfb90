"""The engine once more, slowly: one rule, one device, one reading at a time, in plain Python.

It is the oracle for the kernels: tests compare them on random streams. Nobody runs it in earnest. Relations are plain
Python anyway and need no twin.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from community.estate import Device, Estate
from community.frame import Reading, Tick
from community.severity import Category, Severity
from rules.kinds.definition import limit_of
from rules.kinds.kernel import Duty
from rules.kinds.ladder_twin import LadderTwin
from rules.kinds.registry import KINDS
from rules.kinds.silence import SilenceRule, allowed_ms
from rules.ledger import LATE_APART_MS
from rules.programs import resolve
from rules.roster import duties_of
from rules.rulebook import Rulebook


class Said(NamedTuple):
    """What a twin says: the part of a finding that the rule decides. `value` is the measure, in people's sign."""

    rule: str
    device: str
    severity: Severity
    previous: Severity
    ts: int
    since: int
    received_at: int
    value: float | None
    late: bool


class RuleTwin:
    """One measured rule over one device."""

    def __init__(self, rule: Any, device: Device, duty: Duty) -> None:
        kind = KINDS[rule.kind]
        self.rule, self.device, self.duty, self.kind = rule, device, duty, kind
        self.steps, self.sign = kind.steps(rule), kind.sign(rule)
        computed = getattr(rule, "value", None)
        channels = 1 if computed is not None else len(kind.inputs(rule))
        self.measures = [
            ComputedTwin(rule, duty) if computed is not None else kind.twin(rule, duty, c) for c in range(channels)
        ]
        self.ladders = [self._ladder() for _ in range(channels)]
        self.late_at: int | None = None

    def _ladder(self) -> LadderTwin:
        return LadderTwin(
            [self.sign * limit_of(s.limit, self.duty.ratings) for s in self.steps],
            [self.sign * limit_of(s.clear, self.duty.ratings) for s in self.steps],
            [round(s.hold * 1000) for s in self.steps],
            [round(s.clear_hold * 1000) for s in self.steps],
            self.duty.gap,
        )

    def severity(self, step: int) -> int:
        """Severity of a step; 0 for none."""
        return int(self.steps[step].severity) if step >= 0 else 0

    def level(self) -> int:
        """The worst channel's severity."""
        return max(self.severity(ladder.top()) for ladder in self.ladders)

    def reading(self, reading: Reading, *, late: bool) -> list[Said]:
        """Take a reading."""
        if late:
            return self._late(reading) if self.kind.late else []
        before = self.level()
        turns = []
        for measure, ladder in zip(self.measures, self.ladders, strict=True):
            x = measure.measure(reading.ts, reading.values)
            if x is not None:
                turns.append((*ladder.reading(reading.ts, reading.received_at, x), x))
        return self._turn(before, turns, reading.ts, reading.received_at)

    def tick(self, tick: Tick) -> list[Said]:
        """Let last readings stand, for `life` rules."""
        if self.rule.category is not Category.LIFE:
            return []
        before = self.level()
        turns = [(*ladder.tick(tick.ts, self.duty.interval), ladder.last) for ladder in self.ladders]
        return self._turn(before, turns, tick.ts, tick.ts)

    def _turn(self, before: int, turns: list[tuple[int, int, int | None, float]], ts: int, received: int) -> list[Said]:
        after = self.level()
        if after == before:
            return []
        if after > before:
            _, _, since, x = max((t for t in turns if t[1] > t[0]), key=lambda t: (self.severity(t[1]), t[3]))
        else:
            _, _, since, x = max((t for t in turns if t[1] < t[0]), key=lambda t: self.severity(t[0]))
        assert since is not None
        return [self._say(after, before, ts, since, received, x, late=False)]

    def _late(self, reading: Reading) -> list[Said]:
        proofs = []
        for measure in self.measures:
            x = measure.measure(reading.ts, reading.values)
            for k, step in enumerate(self.steps):
                limit = self.sign * limit_of(step.limit, self.duty.ratings)
                if x is not None and step.proven_by_one and x >= limit:
                    proofs.append((self.severity(k), x))
        worst = max(proofs, default=(0, 0.0))
        if worst[0] <= self.level() or (self.late_at is not None and abs(reading.ts - self.late_at) <= LATE_APART_MS):
            return []
        self.late_at = reading.ts
        at = reading.ts, reading.ts, reading.received_at, worst[1]
        return [self._say(worst[0], 0, *at, late=True), self._say(0, worst[0], *at, late=True)]

    def _say(self, severity: int, previous: int, ts: int, since: int, received: int, x: float, *, late: bool) -> Said:
        value = None if self.rule.kind == "flag" or abs(x) == float("inf") else self.sign * x
        return Said(self.rule.id, self.device.id, Severity(severity), Severity(previous), ts, since, received, value,
                    late)  # fmt: skip


class ComputedTwin:
    """A measure that is an expression over the reading's values."""

    def __init__(self, rule: Any, duty: Duty) -> None:
        self.rule, self.duty = rule, duty

    def measure(self, ts: int, values: dict[str, float]) -> float | None:
        """See `Twin`; the past does not matter."""
        del ts
        value = self.rule.value.evaluate(values, self.duty.ratings)
        return None if value is None else self.rule.sign * value


class SilenceTwin:
    """One silence rule over one device."""

    def __init__(self, rule: SilenceRule, device: Device, duty: Duty) -> None:
        self.rule, self.device, self.duty = rule, device, duty
        self.entered: int | None = None
        self.heard: int | None = None
        self.will: int | None = None
        self.step, self.since = -1, 0

    def reading(self, reading: Reading, *, late: bool) -> list[Said]:
        """Take any reading, late or not: it is a sign of life, unless it is a last will."""
        del late
        if reading.values.get("online") == 0:
            self.will = reading.received_at if self.will is None else self.will
            return []
        self.will = None
        self.heard = max(reading.received_at, self.heard or reading.received_at)
        if self.step < 0:
            return []
        severity, self.step = self.rule.steps[self.step].severity, -1
        return [Said(self.rule.id, self.device.id, Severity.NORMAL, severity, reading.received_at, self.since,
                     reading.received_at, None, False)]  # fmt: skip

    def tick(self, tick: Tick) -> list[Said]:
        """Look for what has not come."""
        self.entered = tick.ts if self.entered is None else self.entered
        if self.heard is None and not tick.unheard:
            return []
        base = max(t for t in (self.entered, self.heard, tick.listening_since) if t is not None)
        known = {
            k: allowed_ms(allowance, self.duty.interval)
            for k, s in enumerate(self.rule.steps)
            if (allowance := s.mains if self.duty.mains else s.battery) is not None
        }
        step, since = max((k for k, allowed in known.items() if tick.ts - base >= allowed), default=-1), base
        last = max(known, default=-1)
        if self.will is not None and step < last and tick.ts - self.will >= self.rule.after_last_will * 1000:
            step, since = last, self.will
        if step <= self.step:
            return []
        before = self.rule.steps[self.step].severity if self.step >= 0 else Severity.NORMAL
        if self.step < 0:
            self.since = since
        self.step = step
        severity = self.rule.steps[step].severity
        return [Said(self.rule.id, self.device.id, severity, before, tick.ts, self.since, tick.ts, None, False)]


class TwinEngine:
    """All rules but relations over all devices given, slowly."""

    def __init__(self, rulebook: Rulebook, estate: Estate, devices: Sequence[Device]) -> None:
        duties, of_device = duties_of(devices, estate, rulebook)
        self._twins = {d.id: _twins(rulebook, d, duties[q]) for d, q in zip(devices, of_device, strict=True)}
        self._newest: dict[str, int] = {}

    def reading(self, reading: Reading) -> list[Said]:
        """Take one reading."""
        if set(reading.values) == {"online"}:
            return [s for w in self._twins[reading.device] if isinstance(w, SilenceTwin)
                    for s in w.reading(reading, late=False)]  # fmt: skip
        late = reading.ts < self._newest.get(reading.device, reading.ts)
        self._newest[reading.device] = max(reading.ts, self._newest.get(reading.device, reading.ts))
        return [said for w in self._twins[reading.device] for said in w.reading(reading, late=late)]

    def tick(self, tick: Tick) -> list[Said]:
        """Take one tick."""
        return [said for twins in self._twins.values() for w in twins for said in w.tick(tick)]


def _twins(rulebook: Rulebook, device: Device, duty: Duty) -> list[RuleTwin | SilenceTwin]:
    found: list[RuleTwin | SilenceTwin] = []
    for number in range(len(rulebook.rules)):
        rule = resolve(rulebook, number, duty)
        if isinstance(rule, SilenceRule):
            found.append(SilenceTwin(rule, device, duty))
        elif rule is not None and rule.kind in KINDS:
            found.append(RuleTwin(rule, device, duty))
    return found
