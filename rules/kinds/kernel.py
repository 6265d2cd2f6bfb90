"""The contract of a rule kind: what its kernel reads and writes, and what the engine asks of it.

A kind is a *measure*: from the readings of a device it makes a number of which greater is worse, or NaN when it has
nothing to say. What a measure means (limits, holds, clear levels, severities) is the ladder's business
(`rules.kinds.ladder`), the same for all kinds. A rule watches one or more *channels* (phases, terminals), each with
its own measure and its own ladder; a rule and one of its channels are a *program*.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from community.estate import DeviceKind, Ratings
from rules.kinds.definition import RuleBase, Step

NONE = int(np.iinfo(np.int64).min)
"""No time."""

IN_ORDER, LATE, STATUS, UNKNOWN = 0, 1, 2, 3
"""How a row stands to its device's newest reading; STATUS carries the broker's word only, UNKNOWN no known device."""

EXTRAS = 4
"""Numbers that a measure may leave beside its value, for the evidence."""


class Rows(NamedTuple):
    """The rows of a frame, in their order. Kernels write into none of these.

    Attributes:
        ts: int64[n], event time, UTC ms. Never decreases from row to row of a device where `order` is IN_ORDER.
        order: uint8[n].
        values: float64[n, columns]; NaN is missing.
        base: int64[n], first word of the device's state.
        shape: int32[n], row of `Table.offset`.
        duty: int32[n], row of everything that follows ratings, intervals or overrides.
        active: uint8[n], whether anything was held or pending for the device when the frame began.
    """

    ts: NDArray[np.int64]
    order: NDArray[np.uint8]
    values: NDArray[np.float64]
    base: NDArray[np.int64]
    shape: NDArray[np.int32]
    duty: NDArray[np.int32]
    active: NDArray[np.uint8]


class Table(NamedTuple):
    """One kind's programs as data. `p` counts the kind's programs, `q` the duties.

    Attributes:
        present: int64[k], the programs whose first input has a column in this frame (see `Kind.any_input`),
            ascending.
        columns: int64[p, inputs], the frame's column of each input; -1 if the frame has none.
        offset: int32[shapes, p], words from a device's base to the program's state; -1 if it has none (yet, or
            because the rule does not apply to the device).
        ints: int64[q, p, i], the kind's own whole numbers, as `Kind.ints` gives them.
        reals: float64[q, p, f], the kind's own numbers, as `Kind.reals` gives them.
        quiet: float64[q, p], the lowest limit: a measure below it starts nothing. NaN where the rule does not apply.
        gap: int64[q], ms. A longer silence breaks what was pending: nothing is known of the time between.
        interval: int64[q], reporting interval, ms.
        zone: int64[q], row of `zones`.
        zones: int64[z, t, 2], for each time zone: since when (UTC ms), and the local time less UTC (ms), ascending;
            padded by repeating the last.
    """

    present: NDArray[np.int64]
    columns: NDArray[np.int64]
    offset: NDArray[np.int32]
    ints: NDArray[np.int64]
    reals: NDArray[np.float64]
    quiet: NDArray[np.float64]
    gap: NDArray[np.int64]
    interval: NDArray[np.int64]
    zone: NDArray[np.int64]
    zones: NDArray[np.int64]


Kernel = Callable[[Rows, NDArray[np.int64], Table, NDArray[np.float64], NDArray[np.float64]], None]
"""`kernel(rows, words, table, x, extra)`.

words: int64[pool], the state of all devices, to be read and written. Program p of row b has its words at
    `rows.base[b] + table.offset[rows.shape[b], p]`, if that offset is not -1. Take other types of the same memory as
    views inside the kernel: `floats = words.view(np.float64)` (same index), `singles = words.view(np.float32)` and
    `halves = words.view(np.int32)` (index times 2), `shorts = words.view(np.uint16)` (times 4),
    `octets = words.view(np.uint8)` (times 8). Fresh words are zero, so a kind keeps a count or a mark of its own
    that tells whether it has seen anything; times are never used as such a mark.
x: float64[k, n], to be filled completely: the measure of program `table.present[i]` at row b in `x[i, b]`; NaN where
    it has nothing to say (input missing, row not IN_ORDER, no state, too early to tell).
extra: float64[k, n, EXTRAS], for the evidence. Need be written only where something may come of the row: from the
    first row of the call on where the program's x >= quiet, and on rows with `active`.

Rows of one device may repeat within a frame and must be taken in their order. The result must not depend on how rows
are cut into frames.
"""


@dataclass(frozen=True, slots=True)
class Duty:
    """What a device is for the rules; devices with equal duties share their numbers.

    Attributes:
        kind, ratings: of the device.
        interval: reporting interval, ms.
        mains: whether it is mains powered.
        flags: what its household's residents agreed to or need, e.g. `lives_alone`.
        zone: IANA name of the local time zone.
        overrides: numbers of the rulebook's overrides that apply to the device, ascending.
    """

    kind: DeviceKind
    ratings: Ratings
    interval: int
    mains: bool
    flags: frozenset[str] = frozenset()
    zone: str = "Asia/Shanghai"
    overrides: tuple[int, ...] = ()

    @property
    def gap(self) -> int:
        """Longest gap, ms, over which a condition is taken to have gone on; beyond it the device counted as silent.

        Mains: three reports and at least 180 s. Battery: one report and an hour.
        """
        return max(3 * self.interval, 180_000) if self.mains else self.interval + 3_600_000


class Twin(Protocol):
    """The same measure for one channel of one device, slowly and obviously: the oracle of the kernel."""

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """Take one reading that is not late, with all its values; None where the kernel says NaN."""
        ...


R = TypeVar("R", bound=RuleBase)


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """Everything the engine knows of a rule kind.

    Attributes:
        rule: the definition, a frozen pydantic model whose `kind` is a literal.
        inputs: for each channel of a rule, the signals it reads; the first is the one that makes the program.
        words: 64-bit words of state of one program; 0 for none.
        ints, reals: a rule's own numbers for devices of a duty; always as many for one kind.
        kernel: see `Kernel`.
        twin: the oracle for a channel (by number) of a device of this duty.
        unit: unit of the measure, for people; empty for ratios and scores.
        evidence: names for the extras (of a finding's row), JSON-ready; NaN becomes None.
        steps: the ladder.
        late: whether the measure of a single late row means something (then the kernel fills x for LATE rows too).
        any_input: whether any input makes the program, and not only the first; its column may then be -1.
        deciding: from (rule, step, value, threshold, extras) the (value, threshold, unit) that people should read as
            the deciding ones, where these are not the measure and its limit (a trip that is near, not the heat).
        slow: whether the state is a memory of the device's own past over days or weeks, which can be rebuilt from
            history (`rules.baselines`).
        sign: the kernel's x is the value people know times this (+1, or -1 where smaller is worse).
    """

    rule: type[R]
    inputs: Callable[[R], tuple[tuple[str, ...], ...]]
    words: Callable[[R], int]
    ints: Callable[[R, Duty], tuple[int, ...]]
    reals: Callable[[R, Duty], tuple[float, ...]]
    kernel: Kernel
    twin: Callable[[R, Duty, int], Twin]
    unit: Callable[[R], str]
    evidence: Callable[[R, tuple[float, ...]], dict[str, Any]]
    steps: Callable[[R], tuple[Step, ...]]
    late: bool = False
    any_input: bool = False
    deciding: (
        Callable[[R, int, float | None, float | None, tuple[float, ...]], tuple[float | None, float | None, str]] | None
    ) = None
    slow: bool = False
    sign: Callable[[R], int] = lambda _rule: 1
