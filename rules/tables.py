"""The rulebook as arrays: what the kernels read instead of rules, made anew when rules or ratings change.

Devices of like kind and ratings share a *duty*: one row of limits. So a limit may follow ratings by any formula
without the kernels knowing it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from community.estate import DeviceKind, Ratings
from community.severity import Category
from rules.kinds.definition import LadderRule, limit_of
from rules.kinds.flag import FlagRule, Flags
from rules.kinds.ladder import EDGES, Ladder
from rules.kinds.rise import RING_WORDS, Loads, RiseRule
from rules.kinds.silence import Allowance, SilenceRule, Silences
from rules.kinds.thermal import Images, ThermalRule
from rules.kinds.threshold import Gates, ThresholdRule
from rules.rulebook import Rulebook

Duty = tuple[DeviceKind, Ratings]
R = TypeVar("R", bound=LadderRule)


@dataclass(frozen=True, slots=True)
class Slot:
    """A column of the slot table.

    Attributes:
        rule: number in the rulebook.
        signals: the first reading of any of them makes the slot; none: it exists from the start.
        least: values below it do not make the slot (a flag that is not up needs no memory).
        words: 64-bit words of state.
    """

    rule: int
    signals: tuple[str, ...]
    words: int
    least: float = -np.inf


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything the kernels read of the rulebook.

    Attributes:
        enabled: uint8[q, slots], whether a duty needs the slot.
    """

    slots: tuple[Slot, ...]
    enabled: NDArray[np.uint8]
    threshold: Ladder
    gates: Gates
    gate_signals: tuple[str, ...]
    threshold_signals: tuple[str, ...]
    rise: Ladder
    loads: Loads
    rise_signals: tuple[str, ...]
    load_signals: tuple[str, ...]
    thermal: Ladder
    images: Images
    thermal_signals: tuple[str, ...]
    flag: Flags
    flag_signals: tuple[str, ...]
    silence: Silences


def build_tables(rulebook: Rulebook, duties: Sequence[Duty]) -> Tables:
    """Lay the rulebook out for devices with these duties."""
    slots: list[Slot] = []
    numbered = list(enumerate(rulebook.rules))
    threshold_rules = [(n, r) for n, r in numbered if isinstance(r, ThresholdRule)]
    rise_rules = [(n, r) for n, r in numbered if isinstance(r, RiseRule)]
    thermal_rules = [(n, r) for n, r in numbered if isinstance(r, ThermalRule)]
    flag_rules = [(n, r) for n, r in numbered if isinstance(r, FlagRule)]
    silence_rules = [(n, r) for n, r in numbered if isinstance(r, SilenceRule)]
    threshold = _ladder(threshold_rules, duties, slots, 0)
    rise = _ladder(rise_rules, duties, slots, RING_WORDS)
    load_slots = []
    for number, rise_rule in rise_rules:
        load_slots.append(-1 if rise_rule.inhibit is None else len(slots))
        if rise_rule.inhibit is not None:
            slots.append(Slot(number, rise_rule.inhibit.signals, 2))
    thermal = _ladder(thermal_rules, duties, slots, 1)
    flag = Flags(
        _ints([n for n, _ in flag_rules]),
        _ints([len(slots) + k for k in range(len(flag_rules))]),
        _ints([r.severity for _, r in flag_rules]),
    )
    slots += [Slot(n, (r.event,), 2, least=0.5) for n, r in flag_rules]
    silence = _silences(silence_rules, len(slots))
    slots += [Slot(n, (), 2) for n, _ in silence_rules]
    return Tables(
        slots=tuple(slots),
        enabled=np.array(
            [[rulebook.rules[s.rule].applies.to(*duty) for s in slots] for duty in duties], np.uint8
        ).reshape(len(duties), len(slots)),
        threshold=threshold,
        gates=Gates(
            _grid(duties, threshold_rules, _beyond),
            _ints([k if r.unless else -1 for k, (_, r) in enumerate(threshold_rules)]),
            np.array([r.unless.equals if r.unless else 0.0 for _, r in threshold_rules], np.float64),
        ),
        gate_signals=tuple(r.unless.signal if r.unless else "" for _, r in threshold_rules),
        threshold_signals=tuple(s for _, r in threshold_rules for s in r.signals),
        rise=rise,
        loads=Loads(
            _ints(load_slots),
            _grid(duties, rise_rules, lambda r, ratings: limit_of(r.inhibit.by, ratings) if r.inhibit else np.inf),
            _ints([_ms(r.inhibit.hold) if r.inhibit else 0 for _, r in rise_rules]),
            _bounds([len(r.inhibit.signals) if r.inhibit else 0 for _, r in rise_rules]),
        ),
        rise_signals=tuple(s for _, r in rise_rules for s in r.signals),
        load_signals=tuple(s for _, r in rise_rules if r.inhibit for s in r.inhibit.signals),
        thermal=thermal,
        images=Images(
            _grid(duties, thermal_rules, lambda r, ratings: r.k * ratings.rated_current),
            _grid(duties, thermal_rules, lambda r, ratings: 1000 * r.tau_of(ratings.rated_current)),
            _grid(duties, thermal_rules, lambda r, ratings: r.trips_above * ratings.rated_current),
            np.array([1000.0 * (s.time_to_trip or 0) for _, r in thermal_rules for s in r.steps], np.float64),
        ),
        thermal_signals=tuple(s for _, r in thermal_rules for s in r.signals),
        flag=flag,
        flag_signals=tuple(r.event for _, r in flag_rules),
        silence=silence,
    )


def _ladder(
    rules: Sequence[tuple[int, ThresholdRule | RiseRule | ThermalRule]],
    duties: Sequence[Duty],
    slots: list[Slot],
    extra_words: int,
) -> Ladder:
    channel_slots = []
    for number, rule in rules:
        for signal in rule.signals:
            channel_slots.append(len(slots))
            slots.append(Slot(number, (signal,), EDGES + len(rule.steps) + extra_words))
    steps = [(r, s) for _, r in rules for s in r.steps]

    def limits(which: str) -> NDArray[np.float64]:
        return np.array(
            [
                [r.sign * limit_of(getattr(s, which), duty[1]) if r.applies.to(*duty) else np.nan for r, s in steps]
                for duty in duties
            ],
            np.float64,
        ).reshape(len(duties), len(steps))

    return Ladder(
        rule=_ints([n for n, _ in rules]),
        channels=_bounds([len(r.signals) for _, r in rules]),
        slot=_ints(channel_slots),
        steps=_bounds([len(r.steps) for _, r in rules]),
        severity=_ints([s.severity for _, s in steps]),
        hold=_ints([_ms(s.hold) for _, s in steps]),
        clear_hold=_ints([_ms(s.clear_hold) for _, s in steps]),
        alone=np.array([s.proven_by_one for _, s in steps], np.uint8),
        sign=np.array([r.sign for _, r in rules], np.float64),
        limit=limits("limit"),
        clear=limits("clear"),
        life=np.array([r.category is Category.LIFE for _, r in rules], np.uint8),
    )


def _silences(rules: Sequence[tuple[int, SilenceRule]], first_slot: int) -> Silences:
    steps = [s for _, r in rules for s in r.steps]
    none = Allowance.model_construct(factor=0.0, plus=0.0, at_least=0.0)
    allowances = [(s.battery or none, s.mains or none) for s in steps]
    shape = (len(steps), 2)
    return Silences(
        rule=_ints([n for n, _ in rules]),
        slot=_ints([first_slot + k for k in range(len(rules))]),
        steps=_bounds([len(r.steps) for _, r in rules]),
        severity=_ints([s.severity for s in steps]),
        factor=np.array([[a.factor for a in pair] for pair in allowances], np.float64).reshape(shape),
        plus=np.array([[_ms(a.plus) for a in pair] for pair in allowances], np.int64).reshape(shape),
        at_least=np.array([[_ms(a.at_least) for a in pair] for pair in allowances], np.int64).reshape(shape),
        will=_ints([_ms(r.after_last_will) for _, r in rules]),
    )


def _beyond(rule: ThresholdRule, ratings: Ratings) -> float:
    return np.inf if rule.beyond is None else rule.sign * limit_of(rule.beyond, ratings)


def _grid(
    duties: Sequence[Duty], rules: Sequence[tuple[int, R]], value: Callable[[R, Ratings], float]
) -> NDArray[np.float64]:
    grid = [[value(rule, ratings) for _, rule in rules] for _, ratings in duties]
    return np.array(grid, np.float64).reshape(len(duties), len(rules))


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _ints(values: Sequence[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def _bounds(lengths: Sequence[int]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(np.array(lengths, np.int64))])
