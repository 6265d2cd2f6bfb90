"""The engine once more, slowly: one rule, one device, one reading at a time, in plain Python.

It is the oracle for the kernels: tests compare them on random streams. Nobody runs it in earnest.
"""

from dataclasses import dataclass
from typing import NamedTuple

from community.estate import Device
from community.frame import Reading, Tick
from community.severity import Category, Severity
from rules.kinds.batch import LATE_APART_MS, gap_limit
from rules.kinds.definition import LadderRule, limit_of
from rules.kinds.flag import FlagRule
from rules.kinds.ladder import LadderTwin
from rules.kinds.rise import LoadTwin, RingTwin, RiseRule
from rules.kinds.silence import Allowance, SilenceRule
from rules.kinds.thermal import LONGEST_STEP_MS, ThermalRule, warmed_twin
from rules.kinds.threshold import ThresholdRule
from rules.rulebook import Rule, Rulebook


class Said(NamedTuple):
    """What a twin says: the part of a finding that the rule decides."""

    rule: str
    device: str
    severity: Severity
    previous: Severity
    ts: int
    since: int
    received_at: int
    value: float | None
    late: bool


class _Watch:
    """One rule over one device."""

    def __init__(self, rule: Rule, device: Device) -> None:
        self.id, self.device = rule.id, device
        self.gap_limit = gap_limit(round(device.reporting_interval * 1000), device.mains_powered)
        self.late_at: int | None = None

    def say(
        self, severity: int, previous: int, reading: Reading, since: int, value: float | None, *, late: bool = False
    ) -> Said:
        """A transition at a reading."""
        return Said(self.id, self.device.id, Severity(severity), Severity(previous), reading.ts, since,
                    reading.received_at, value, late)  # fmt: skip

    def late_pair(self, severity: int, reading: Reading, value: float | None) -> list[Said]:
        """A danger proven by a late reading, unless one was just told."""
        if self.late_at is not None and abs(reading.ts - self.late_at) <= LATE_APART_MS:
            return []
        self.late_at = reading.ts
        return [self.say(*pair, reading, reading.ts, value, late=True) for pair in ((severity, 0), (0, severity))]


class _Ladders(_Watch):
    """A ladder for each channel, made at the channel's first reading."""

    def __init__(self, rule: LadderRule, signals: tuple[str, ...], device: Device) -> None:
        super().__init__(rule, device)  # type: ignore[arg-type]  # every ladder rule is a rule
        self.ladder_rule, self.signals = rule, signals
        self.ladders: dict[str, LadderTwin] = {}

    def ladder(self, signal: str) -> LadderTwin:
        """The channel's ladder."""
        if signal not in self.ladders:
            steps, sign, ratings = self.ladder_rule.steps, self.ladder_rule.sign, self.device.ratings
            self.ladders[signal] = LadderTwin(
                [sign * limit_of(s.limit, ratings) for s in steps],
                [sign * limit_of(s.clear, ratings) for s in steps],
                [round(s.hold * 1000) for s in steps],
                [round(s.clear_hold * 1000) for s in steps],
                sign,
                self.gap_limit,
            )
        return self.ladders[signal]

    def severity(self, step: int) -> int:
        """Severity of a step; 0 for none."""
        return int(self.ladder_rule.steps[step].severity) if step >= 0 else 0

    def level(self) -> int:
        """The worst channel's severity."""
        return max((self.severity(ladder.top()) for ladder in self.ladders.values()), default=0)


class ThresholdWatch(_Ladders):
    """Twin of `thresholds` and `standing`."""

    def __init__(self, rule: ThresholdRule, device: Device) -> None:
        super().__init__(rule, rule.signals, device)
        self.rule = rule

    def safe(self, value: float, values: dict[str, float]) -> bool:
        """Whether the reading is excused."""
        rule = self.rule
        if rule.beyond is not None and rule.sign * value > rule.sign * limit_of(rule.beyond, self.device.ratings):
            return True
        return rule.unless is not None and values.get(rule.unless.signal) == rule.unless.equals

    def reading(self, reading: Reading, *, late: bool) -> list[Said]:
        """Take a reading."""
        sign, before = self.rule.sign, self.level()
        present = {s: reading.values[s] for s in self.rule.signals if s in reading.values}
        if late:
            proofs = [
                (self.severity(k), k, sign * value)
                for signal, value in present.items()
                for k, step in enumerate(self.rule.steps)
                if step.proven_by_one and not self.safe(value, reading.values)
                and sign * value >= self.ladder(signal).limits[k]
            ]  # fmt: skip
            worst = max(proofs, default=(0, 0, 0.0))
            return [] if worst[0] <= before else self.late_pair(worst[0], reading, sign * worst[2])
        ups: list[tuple[int, float, int, float]] = []
        downs: list[tuple[int, float, int]] = []
        for signal, value in present.items():
            counted = -sign * float("inf") if self.safe(value, reading.values) else value
            was, now, since, _gap = self.ladder(signal).reading(reading.ts, reading.received_at, counted)
            if now > was and since is not None:
                ups.append((self.severity(now), sign * counted, since, value))
            elif now < was and since is not None:
                downs.append((self.severity(was), value, since))
        after = self.level()
        if after > before:
            up = max(ups, key=lambda u: u[:2])
            return [self.say(after, before, reading, up[2], up[3])]
        if after < before:
            down = max(downs, key=lambda d: d[0])
            return [self.say(after, before, reading, down[2], down[1])]
        return []

    def tick(self, tick: Tick) -> list[Said]:
        """Let last readings stand, for `life` rules."""
        if self.rule.category is not Category.LIFE:
            return []
        before, best = self.level(), None
        interval = round(self.device.reporting_interval * 1000)
        for signal in self.rule.signals:
            if signal not in self.ladders:
                continue
            ladder = self.ladders[signal]
            for k, since in ladder.tick(tick.ts, interval).items():
                if best is None or self.severity(k) > best[0]:
                    best = (self.severity(k), since, self.rule.sign * ladder.last)
        if best is None or best[0] <= before:
            return []
        return [Said(self.id, self.device.id, Severity(best[0]), Severity(before), tick.ts, best[1], tick.ts, best[2],
                     False)]  # fmt: skip


class RiseWatch(_Ladders):
    """Twin of `rises`."""

    def __init__(self, rule: RiseRule, device: Device) -> None:
        super().__init__(rule, rule.signals, device)
        self.rule = rule
        self.rings: dict[str, RingTwin] = {}
        inhibit = rule.inhibit
        self.load = LoadTwin(limit_of(inhibit.by, device.ratings), round(inhibit.hold * 1000)) if inhibit else None

    def reading(self, reading: Reading, *, late: bool) -> list[Said]:
        """Take a reading; late ones are passed over."""
        if late:
            return []
        before, changes = self.level(), []
        if self.load is not None and self.rule.inhibit is not None:
            currents = [reading.values[s] for s in self.rule.inhibit.signals if s in reading.values]
            if currents:
                self.load.reading(reading.ts, max(currents))
        for signal in self.rule.signals:
            if signal not in reading.values:
                continue
            ring = self.rings.setdefault(signal, RingTwin(self.gap_limit))
            if not ring.keep(reading.ts, reading.values[signal]):
                continue
            rate = ring.slope()
            if rate is None or (self.load is not None and self.load.inhibits(reading.ts)):
                continue
            was, now, since, _gap = self.ladder(signal).reading(reading.ts, reading.received_at, rate)
            if now != was and since is not None:
                changes.append((8 + now if now > was else was, since, rate))
        return _changed(self, before, changes, reading)

    def tick(self, _tick: Tick) -> list[Said]:
        """Nothing: a rise needs readings."""
        return []


class ThermalWatch(_Ladders):
    """Twin of `overloads`."""

    def __init__(self, rule: ThermalRule, device: Device) -> None:
        super().__init__(rule, rule.signals, device)
        self.rule = rule
        self.heat: dict[str, tuple[int, float]] = {}

    def reading(self, reading: Reading, *, late: bool) -> list[Said]:
        """Take a reading; late ones are passed over."""
        if late:
            return []
        before, changes, rated = self.level(), [], self.device.ratings.rated_current
        for signal in self.rule.signals:
            if signal not in reading.values:
                continue
            current = reading.values[signal]
            last, heat = self.heat.get(signal, (reading.ts, -0.0))
            dt = min(reading.ts - last, LONGEST_STEP_MS)
            heat, left = warmed_twin(heat, current, self.rule.k * rated, 1000 * self.rule.tau_of(rated), dt)
            self.heat[signal] = (reading.ts, heat)
            forced = 0
            if current > self.rule.trips_above * rated:
                for k, step in enumerate(self.rule.steps):
                    if step.time_to_trip is not None and left < 1000 * step.time_to_trip:
                        forced |= 1 << k
            was, now, since, _gap = self.ladder(signal).reading(reading.ts, reading.received_at, heat, forced)
            if now != was and since is not None:
                decided = self.rule.steps[max(was, now)]
                near = (
                    round(left / 1000, 1)
                    if decided.time_to_trip and heat < limit_of(decided.limit, self.device.ratings)
                    else heat
                )
                changes.append((8 + now if now > was else was, since, heat, near))
        worse = self.level() > before
        return _changed(
            self, before, [(w, since, near if worse else heat) for w, since, heat, near in changes], reading
        )

    def tick(self, _tick: Tick) -> list[Said]:
        """Nothing: what flows now is not known."""
        return []


class FlagWatch(_Watch):
    """Twin of `flags`."""

    def __init__(self, rule: FlagRule, device: Device) -> None:
        super().__init__(rule, device)
        self.rule, self.active = rule, False

    def reading(self, reading: Reading, *, late: bool) -> list[Said]:
        """Take a reading."""
        value, severity = reading.values.get(self.rule.event), int(self.rule.severity)
        if late:
            return self.late_pair(severity, reading, None) if value == 1 and not self.active else []
        was = self.active
        if value is not None:
            self.active = value == 1
        elif reading.values.get("reset") == 1:
            self.active = False
        if value == 0 and reading.values.get("reset") == 1:
            self.active = False
        if self.active == was:
            return []
        return [self.say(severity * self.active, severity * was, reading, reading.ts, None)]

    def tick(self, _tick: Tick) -> list[Said]:
        """Nothing: a flag stands until it is withdrawn."""
        return []


@dataclass
class SilenceWatch:
    """Twin of `silences` and `speech`."""

    rule: SilenceRule
    device: Device
    entered: int | None = None
    heard: int | None = None
    will: int | None = None
    step: int = -1
    since: int = 0

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

    def allowed(self, allowance: Allowance) -> int:
        """ms of silence allowed."""
        interval = round(self.device.reporting_interval * 1000)
        return max(round(allowance.at_least * 1000), int(allowance.factor * interval) + round(allowance.plus * 1000))

    def tick(self, tick: Tick) -> list[Said]:
        """Look for what has not come."""
        self.entered = tick.ts if self.entered is None else self.entered
        if self.heard is None and not tick.unheard:
            return []
        base = max(t for t in (self.entered, self.heard, tick.listening_since) if t is not None)
        step, since = -1, base
        for k, s in enumerate(self.rule.steps):
            allowance = s.mains if self.device.mains_powered else s.battery
            if allowance is not None and tick.ts - base >= self.allowed(allowance):
                step = k
        last = len(self.rule.steps) - 1
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


Watch = ThresholdWatch | RiseWatch | ThermalWatch | FlagWatch | SilenceWatch


def watch(rule: Rule, device: Device) -> Watch:
    """The twin of a rule for a device."""
    match rule:
        case ThresholdRule():
            return ThresholdWatch(rule, device)
        case RiseRule():
            return RiseWatch(rule, device)
        case ThermalRule():
            return ThermalWatch(rule, device)
        case FlagRule():
            return FlagWatch(rule, device)
        case SilenceRule():
            return SilenceWatch(rule, device)


class TwinEngine:
    """All rules over all devices given, slowly."""

    def __init__(self, rulebook: Rulebook, devices: tuple[Device, ...]) -> None:
        self._watches = {
            d.id: [watch(r, d) for r in rulebook.rules if r.applies.to(d.kind, d.ratings)] for d in devices
        }
        self._newest: dict[str, int] = {}

    def reading(self, reading: Reading) -> list[Said]:
        """Take one reading."""
        if set(reading.values) == {"online"}:
            return [s for w in self._watches[reading.device] if isinstance(w, SilenceWatch)
                    for s in w.reading(reading, late=False)]  # fmt: skip
        late = reading.ts < self._newest.get(reading.device, reading.ts)
        self._newest[reading.device] = max(reading.ts, self._newest.get(reading.device, reading.ts))
        return [said for w in self._watches[reading.device] for said in w.reading(reading, late=late)]

    def tick(self, tick: Tick) -> list[Said]:
        """Take one tick."""
        return [said for watches in self._watches.values() for w in watches for said in w.tick(tick)]


def _changed(watch: _Ladders, before: int, changes: list[tuple[int, int, float]], reading: Reading) -> list[Said]:
    after = watch.level()
    if after == before:
        return []
    weight = max(c[0] for c in changes)
    _, since, value = next(c for c in changes if c[0] == weight)
    return [watch.say(after, before, reading, since, value)]
