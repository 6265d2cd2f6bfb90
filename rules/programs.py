"""The rulebook as arrays: what kernels read instead of rules, made anew when rules, ratings or overrides change.

A *program* is one channel of one rule. Devices with equal duties share one row of numbers, so a limit may follow
ratings by any formula, and an override may change any number, without a kernel knowing it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from community.severity import Category
from rules.kinds.definition import content_hash, limit_of
from rules.kinds.kernel import Duty, Kind
from rules.kinds.ladder import Ladders
from rules.kinds.local_time import zone_table
from rules.kinds.registry import KINDS
from rules.kinds.silence import SilenceRule, Silences, silences_of
from rules.rulebook import Rule, Rulebook

_NOT_THE_MEASURE = {"title", "category", "standard", "clause", "guidance", "applies", "mode", "steps", "severity"}
"""Fields of a rule that do not touch what the words of its state mean."""


@dataclass(frozen=True, slots=True)
class Program:
    """One channel of one rule.

    Attributes:
        rule: number in the rulebook.
        channel: number among the rule's channels.
        inputs: signals that it reads.
        words: 64-bit words of state.
        key: tells whether a program of another rulebook goes on with the same state.
    """

    rule: int
    channel: int
    inputs: tuple[str, ...]
    words: int
    key: str


@dataclass(frozen=True, slots=True)
class KindPrograms:
    """The programs of one kind: numbers `first` to `first + count` among all.

    Attributes:
        ints, reals: see `Table`.
    """

    name: str
    kind: Kind[Any]
    first: int
    count: int
    ints: NDArray[np.int64]
    reals: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Programs:
    """Everything the kernels read of a rulebook for some duties; g programs, the silence rules' last; q duties.

    Attributes:
        resolved: for each duty each rule as it holds for it; None where it does not apply.
        kinds: in the order in which their kernels run.
        computed: for each program whose measure is an expression: its number; it has no kernel.
        needs_all: for each of these whether it is missing as soon as any signal is.
        enabled: uint8[q, g], whether the rule applies.
        severity: int64[q, s], of each step; 0 where the rule does not apply.
        zone: int64[q]; zones: see `Table`.
    """

    all: tuple[Program, ...]
    resolved: tuple[tuple[Rule | None, ...], ...]
    kinds: tuple[KindPrograms, ...]
    computed: tuple[int, ...]
    needs_all: dict[int, bool]
    enabled: NDArray[np.uint8]
    severity: NDArray[np.int64]
    ladders: Ladders
    silences: Silences
    zone: NDArray[np.int64]
    zones: NDArray[np.int64]

    @property
    def first_silence(self) -> int:
        """Number of the first silence program."""
        return int(len(self.all) - len(self.silences.program))

    def severity_of(self, duty: int, program: int, step: int) -> int:
        """Severity of a step for a duty; 0 for no step."""
        if step < 0:
            return 0
        silence = program - self.first_silence
        if silence < 0:
            return int(self.severity[duty, self.ladders.steps[program] + step])
        rule = self.resolved[duty][self.all[program].rule]
        return int(rule.steps[step].severity) if isinstance(rule, SilenceRule) and step < len(rule.steps) else 0


def resolve(rulebook: Rulebook, number: int, duty: Duty) -> Rule | None:
    """A rule as it holds for a duty; None if it does not apply."""
    rule = rulebook.resolved(number, duty.overrides)
    if rule is None or not rule.applies.to(duty.kind, duty.ratings, duty.flags):
        return None
    return rule


def build_programs(rulebook: Rulebook, duties: Sequence[Duty]) -> Programs:
    """Lay the rulebook out for devices with these duties."""
    resolved = tuple(tuple(resolve(rulebook, n, d) for n in range(len(rulebook.rules))) for d in duties)
    programs: list[Program] = []
    kinds: list[KindPrograms] = []
    needs_all: dict[int, bool] = {}
    for name, kind in KINDS.items():
        first = len(programs)
        rules = [(n, r) for n, r in enumerate(rulebook.rules) if type(r) is kind.rule]
        plain = [(n, r) for n, r in rules if getattr(r, "value", None) is None]
        programs += [p for n, r in plain for p in _programs(n, r, kind, rulebook)]
        mine = programs[first:]
        if mine:
            kinds.append(
                KindPrograms(
                    name,
                    kind,
                    first,
                    len(mine),
                    _numbers(kind.ints, np.int64, mine, rulebook, resolved, duties),
                    _numbers(kind.reals, np.float64, mine, rulebook, resolved, duties),
                )
            )
        for n, r in rules:
            if getattr(r, "value", None) is not None:
                needs_all[len(programs)] = r.value.needs_all  # type: ignore[attr-defined]  # asked just before
                programs.append(Program(n, 0, r.value.signals, 0, _key(n, (), rulebook)))  # type: ignore[attr-defined]  # asked just before
    silent = [n for n, r in enumerate(rulebook.rules) if isinstance(r, SilenceRule)]
    first_silence = len(programs)
    programs += [Program(n, 0, (), 0, rulebook.rules[n].id) for n in silent]
    names = tuple(sorted({d.zone for d in duties})) or ("UTC",)
    ladders, severity = _ladders(programs[:first_silence], rulebook, resolved, duties)
    return Programs(
        all=tuple(programs),
        resolved=resolved,
        kinds=tuple(kinds),
        computed=tuple(needs_all),
        needs_all=needs_all,
        enabled=np.array([[row[p.rule] is not None for p in programs] for row in resolved], np.uint8).reshape(
            len(duties), len(programs)
        ),
        severity=severity,
        ladders=ladders,
        silences=silences_of([[row[n] for n in silent] for row in resolved], duties, first_silence),  # type: ignore[misc]  # silence rules all
        zone=np.array([names.index(d.zone) for d in duties], np.int64),
        zones=zone_table(names),
    )


def _programs(number: int, rule: Any, kind: Kind[Any], rulebook: Rulebook) -> list[Program]:
    return [
        Program(number, channel, inputs, kind.words(rule), _key(number, inputs, rulebook))
        for channel, inputs in enumerate(kind.inputs(rule))
    ]


def _key(number: int, inputs: tuple[str, ...], rulebook: Rulebook) -> str:
    rule = rulebook.rules[number]
    overridden = [
        [o.place, o.feeder, o.device, o.enabled, measured]
        for o in rulebook.overrides_of(number)
        if (measured := {k: v for k, v in o.fields.items() if k not in _NOT_THE_MEASURE})
    ]
    return content_hash([rule.model_dump(mode="json", exclude=_NOT_THE_MEASURE), list(inputs), overridden])


def _numbers(
    ask: Callable[[Any, Duty], tuple[Any, ...]],
    dtype: type,
    programs: Sequence[Program],
    rulebook: Rulebook,
    resolved: Sequence[Sequence[Rule | None]],
    duties: Sequence[Duty],
) -> NDArray[Any]:
    """[q, p, ...]; where a rule does not apply, its numbers as they would be."""
    rows = [
        [ask(row[p.rule] if row[p.rule] is not None else rulebook.rules[p.rule], duty) for p in programs]
        for duty, row in zip(duties, resolved, strict=True)
    ]
    width = len(rows[0][0]) if rows else 0
    return np.array(rows, dtype).reshape(len(duties), len(programs), width)


def _ladders(
    programs: Sequence[Program],
    rulebook: Rulebook,
    resolved: Sequence[Sequence[Rule | None]],
    duties: Sequence[Duty],
) -> tuple[Ladders, NDArray[np.int64]]:
    kind_of = {k.rule: k for k in KINDS.values()}
    lengths = [len(kind_of[type(rulebook.rules[p.rule])].steps(rulebook.rules[p.rule])) for p in programs]
    bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.array(lengths, np.int64))])
    q, s = len(duties), int(bounds[-1])
    limit, clear = np.full((q, s), np.nan), np.full((q, s), np.nan)
    hold, clear_hold, severity = (np.zeros((q, s), np.int64) for _ in range(3))
    alone = np.zeros((q, s), np.uint8)
    quiet = np.full((q, len(programs)), np.nan)
    for row, (duty, rules) in enumerate(zip(duties, resolved, strict=True)):
        for g, program in enumerate(programs):
            rule = rules[program.rule]
            if rule is None:
                continue
            kind = kind_of[type(rule)]
            sign = kind.sign(rule)
            for at, step in enumerate(kind.steps(rule), int(bounds[g])):
                limit[row, at] = sign * limit_of(step.limit, duty.ratings)
                clear[row, at] = sign * limit_of(step.clear, duty.ratings)
                hold[row, at], clear_hold[row, at] = round(step.hold * 1000), round(step.clear_hold * 1000)
                alone[row, at] = kind.late and step.proven_by_one
                severity[row, at] = int(step.severity)
            quiet[row, g] = limit[row, bounds[g] : bounds[g + 1]].min()
    return Ladders(
        steps=bounds,
        limit=limit,
        clear=clear,
        hold=hold,
        clear_hold=clear_hold,
        alone=alone,
        quiet=quiet,
        lowest=np.nanmin(np.vstack([quiet, np.full((1, len(programs)), np.inf)]), axis=0),
        life=np.array([rulebook.rules[p.rule].category is Category.LIFE for p in programs], np.uint8),
        gap=np.array([d.gap for d in duties], np.int64),
        interval=np.array([d.interval for d in duties], np.int64),
    ), severity
