"""Every rule kind against its own twin: the same readings through the kernel, in any cutting into frames.

Here a device's words are laid out as the engine does it, only smaller: some words of somebody else's, then those of
each channel of the rule, from the start on. A program that never has a column stands before the rule's own, so that
numbers of programs and rows of `x` differ.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from community.estate import DeviceKind, Ratings
from community.frame import Frame, Reading
from rules.kinds.definition import RuleBase, limit_of
from rules.kinds.kernel import EXTRAS, IN_ORDER, LATE, STATUS, UNKNOWN, Duty, Kind, Rows, Table
from rules.kinds.local_time import zone_table

T0 = 1_795_000_000_000
"""When tests begin, UTC ms: 2026-11-18, a Wednesday."""

MAINS = Duty(DeviceKind.ELECTRICAL_PROTECTOR, Ratings(), interval=60_000, mains=True)
"""A protector of 230 V, 32 A, 30 mA that reports each minute."""

OTHER = Duty(
    DeviceKind.ELECTRICAL_PROTECTOR,
    Ratings(nominal_voltage=120, rated_current=16, rated_residual=10),
    interval=10_000,
    mains=True,
    zone="Europe/Berlin",
)
"""A second set of ratings, interval and zone."""

DUTIES: dict[str, Duty] = {"a": MAINS, "b": OTHER, "c": MAINS}
"""Devices of the streams and what they are."""

STRANGER = "x"
"""A device that nobody knows."""

_SENTINEL = 12345.678
_PAD = 3  # words of a device before the programs' own
_GAP = 2  # words between those of two programs, which nobody may touch


class Example(NamedTuple):
    """What conformance needs of a kind.

    Attributes:
        rule: a rule of the kind.
        levels: values for each signal, of which streams are made.
        steps: s between a device's readings.
    """

    rule: Any
    levels: Mapping[str, Sequence[float]]
    steps: Sequence[float] = (0, 1, 10, 60, 200, 4000)


class Run(NamedTuple):
    """What a kernel made of n readings.

    Attributes:
        x: float64[channels, n]; NaN also where the frame had no column for the channel.
        extra: float64[channels, n, EXTRAS]; `_SENTINEL` where nothing was written.
        words: int64[pool], the final state.
        spoke: bool[channels, n], whether evidence is due by the contract.
    """

    x: NDArray[np.float64]
    extra: NDArray[np.float64]
    words: NDArray[np.int64]
    spoke: NDArray[np.bool_]


def rule_of(cls: type[RuleBase], limit: float = 1.0, clear: float | None = None, **given: object) -> Any:
    """A rule of this class with one step, and the texts that every rule must have."""
    kind = str(cls.model_fields["kind"].annotation.__args__[0])  # type: ignore[union-attr]  # Literal["name"]
    text = {"zh": "测试", "en": "test"}
    whole: dict[str, object] = {
        "id": f"test.{kind}",
        "kind": kind,
        "title": text,
        "category": "deterioration",
        "standard": "none",
        "guidance": {"staff": text},
        "steps": [{"severity": "warning", "limit": limit, "clear": limit if clear is None else clear}],
    }
    return cls.model_validate(whole | given)


def reading(seconds: float, device: str = "a", /, **values: float) -> Reading:
    """A reading so many seconds after `T0`."""
    ts = T0 + round(seconds * 1000)
    return Reading(device, ts, ts, values)


def series(signal: str, values: Sequence[float], *, every: float, start: float = 0) -> list[Reading]:
    """Values of one signal at even distance."""
    return [reading(start + k * every, **{signal: v}) for k, v in enumerate(values)]


def orders(readings: Sequence[Reading], duties: Mapping[str, Duty]) -> list[int]:
    """How each reading stands to its device's newest."""
    newest: dict[str, int] = {}
    found = []
    for r in readings:
        if r.device not in duties:
            found.append(UNKNOWN)
        elif r.values and set(r.values) <= {"online"}:
            found.append(STATUS)
        elif r.ts < newest.get(r.device, r.ts):
            found.append(LATE)
        else:
            newest[r.device] = r.ts
            found.append(IN_ORDER)
    return found


class Bench:
    """A kernel with a rule and devices, and the words of these devices."""

    def __init__(self, kind: Kind[Any], rule: Any, duties: Mapping[str, Duty] = DUTIES) -> None:
        self.kind, self.rule, self.duties = kind, rule, dict(duties)
        self.inputs = kind.inputs(rule)
        self.size = kind.words(rule)
        apart = self.size + _GAP
        self.stride = _PAD + apart * len(self.inputs)
        self.words = np.zeros(self.stride * len(self.duties), np.int64)
        self.own = np.zeros(len(self.words), np.bool_)
        for d in range(len(self.duties)):
            for c in range(len(self.inputs)):
                begin = d * self.stride + _PAD + c * apart
                self.own[begin : begin + self.size] = True
        self.words[~self.own] = 0x5A5A_5A5A
        zones = tuple(sorted({d.zone for d in self.duties.values()}))
        programs = 1 + len(self.inputs)
        offset = [-1] + [_PAD + c * apart if self.size else -1 for c in range(len(self.inputs))]
        quiet = [
            min(kind.sign(rule) * limit_of(step.limit, d.ratings) for step in kind.steps(rule))
            for d in self.duties.values()
        ]
        of_duty = list(self.duties.values())
        self.table = Table(
            present=np.zeros(0, np.int64),
            columns=np.zeros((0, 0), np.int64),
            offset=np.array([offset], np.int32),
            ints=np.array([[kind.ints(rule, d)] * programs for d in of_duty], np.int64).reshape(
                len(of_duty), programs, -1
            ),
            reals=np.array([[kind.reals(rule, d)] * programs for d in of_duty], np.float64).reshape(
                len(of_duty), programs, -1
            ),
            quiet=np.array([[np.nan] + [q] * len(self.inputs) for q in quiet], np.float64),
            gap=np.array([d.gap for d in of_duty], np.int64),
            interval=np.array([d.interval for d in of_duty], np.int64),
            zone=np.array([zones.index(d.zone) for d in of_duty], np.int64),
            zones=zone_table(zones),
        )

    def run(self, readings: Sequence[Reading], cuts: Sequence[int] = (), *, active: bool = False) -> Run:
        """Feed the readings, cut before those of these numbers."""
        n = len(readings)
        order = orders(readings, self.duties)
        whole = Run(
            np.full((len(self.inputs), n), np.nan),
            np.full((len(self.inputs), n, EXTRAS), _SENTINEL),
            self.words,
            np.zeros((len(self.inputs), n), np.bool_),
        )
        for begin, end in pairwise(sorted({0, n, *(c for c in cuts if 0 < c < n)})):
            self._feed(readings[begin:end], order[begin:end], whole, begin, active)
        assert (self.words[~self.own] == 0x5A5A_5A5A).all(), "words of somebody else were written"
        return whole

    def arguments(self, frame: Frame, order: Sequence[int], active: bool = False) -> tuple[Rows, Table]:
        """Rows and table for one frame, as the engine makes them."""
        number = {name: i for i, name in enumerate(self.duties)}
        device = np.array([number.get(frame.devices[d], 0) for d in frame.device], np.int64)
        rows = Rows(
            ts=frame.ts,
            order=np.array(order, np.uint8),
            values=frame.values,
            base=device * self.stride,
            shape=np.zeros(len(frame), np.int32),
            duty=device.astype(np.int32),
            active=np.full(len(frame), active, np.uint8),
        )
        column = {s: j for j, s in enumerate(frame.signals)}
        width = max(2, *(len(i) for i in self.inputs))
        columns = np.full((1 + len(self.inputs), width), -1, np.int64)
        for p, names in enumerate(self.inputs, 1):
            columns[p, : len(names)] = [column.get(s, -1) for s in names]
        present = (columns >= 0).any(axis=1) if self.kind.any_input else columns[:, 0] >= 0
        return rows, self.table._replace(present=np.flatnonzero(present).astype(np.int64), columns=columns)

    def _feed(self, readings: Sequence[Reading], order: list[int], whole: Run, begin: int, active: bool) -> None:
        rows, table = self.arguments(Frame.from_readings(readings), order, active)
        if not len(table.present):
            return
        before = [array.tobytes() for array in (*rows, *table)]
        x = np.full((len(table.present), len(readings)), _SENTINEL)
        extra = np.full((len(table.present), len(readings), EXTRAS), _SENTINEL)
        with np.errstate(all="ignore"):  # as the engine does where nothing compiles
            self.kind.kernel(rows, self.words, table, x, extra)
        assert before == [array.tobytes() for array in (*rows, *table)], "an argument was modified"
        assert not (x == _SENTINEL).any(), "x was not filled completely"
        for i, p in enumerate(table.present - 1):
            part = slice(begin, begin + len(readings))
            whole.x[p, part], whole.extra[p, part] = x[i], extra[i]
            quiet = table.quiet[rows.duty, p + 1]
            whole.spoke[p, part] = (np.logical_or.accumulate(x[i] >= quiet) | active) & ~np.isnan(x[i])


def twin_values(
    kind: Kind[Any], rule: Any, duties: Mapping[str, Duty], readings: Sequence[Reading]
) -> Iterator[tuple[int, int, float | None, tuple[float, ...]]]:
    """(number of the reading, channel, measure, extras if the twin has them) of all readings that a twin takes."""
    twins: dict[tuple[str, int], Any] = {}
    for b, (r, order) in enumerate(zip(readings, orders(readings, duties), strict=True)):
        if order != IN_ORDER and not (order == LATE and kind.late and not kind.words(rule)):
            continue
        for c in range(len(kind.inputs(rule))):
            if (r.device, c) not in twins:
                twins[r.device, c] = kind.twin(rule, duties[r.device], c)
            twin = twins[r.device, c]
            x = twin.measure(r.ts, dict(r.values))
            yield b, c, x, tuple(getattr(twin, "extras", ()))


def measures(
    kind: Kind[Any], rule: Any, readings: Sequence[Reading], duties: Mapping[str, Duty] = DUTIES, channel: int = 0
) -> list[float]:
    """The kernel's x of one channel for each reading, after everything has been checked; NaN: nothing to say."""
    return [float(v) for v in check_kind(kind, rule, duties, readings, (len(readings) // 2,)).x[channel]]


def check_kind(
    kind: Kind[Any],
    rule: Any,
    duties: Mapping[str, Duty],
    readings: Sequence[Reading],
    cuts: Sequence[int] = (),
    tolerance: float = 1e-9,
) -> Run:
    """Check all that the contract asks of a kernel.

    x equals the twin's, and is NaN where the device has no state; x and the final words do not depend on the cutting
    nor on `active`; arguments stay as they are; x is complete; evidence is there where it is due, and equals the
    twin's `extras`, if it keeps them.

    Args:
        tolerance: relative, and absolute for numbers below 1.

    Returns:
        the run in one frame, with all extras.

    Raises:
        AssertionError: naming the reading and what is wrong with it.
    """
    readings = list(readings)
    run = Bench(kind, rule, duties).run(readings, active=True)
    expected = np.full(run.x.shape, np.nan)
    for b, c, x, extras in twin_values(kind, rule, duties, readings):
        where = f"reading {b} {readings[b]}, channel {c}"
        if x is not None:
            assert not np.isnan(x), f"{where}: a twin says None, never NaN"
            expected[c, b] = x
        assert _same(run.x[c, b], expected[c, b], tolerance), f"{where}: kernel {run.x[c, b]}, twin {expected[c, b]}"
        if x is not None:
            for k, extra in enumerate(extras):
                assert _same(run.extra[c, b, k], extra, tolerance), (
                    f"{where}: extra {k} of the kernel {run.extra[c, b, k]}, of the twin {extra}"
                )
    strange = np.array(orders(readings, duties)) > LATE
    assert np.isnan(run.x[:, strange]).all(), "a row of no known device, or of the broker, was measured"
    if not (kind.late and not kind.words(rule)):
        passed_over = np.array(orders(readings, duties)) != IN_ORDER
        assert np.isnan(run.x[:, passed_over]).all() or kind.late, "a row that is not in order was measured"
    if kind.words(rule):
        nowhere = Bench(kind, rule, duties)
        nowhere.table = nowhere.table._replace(offset=np.full_like(nowhere.table.offset, -1))
        fresh = nowhere.words.copy()
        assert np.isnan(nowhere.run(readings, active=True).x).all(), "a device without state was measured"
        np.testing.assert_array_equal(nowhere.words, fresh, "words were written for a device without state")
    for some in ((), cuts, range(len(readings))):
        other = Bench(kind, rule, duties).run(readings, some)
        np.testing.assert_array_equal(other.x, run.x, "x depends on the cutting, or on `active`")
        np.testing.assert_array_equal(other.words, run.words, "the state depends on the cutting, or on `active`")
        np.testing.assert_array_equal(other.extra[other.spoke], run.extra[other.spoke], "evidence is missing")
    return run


def _same(a: float, b: float, tolerance: float) -> bool:
    if np.isnan(a) or np.isnan(b):
        return bool(np.isnan(a) and np.isnan(b))
    # An infinite one is equal to nothing but itself: its tolerance would be infinite too.
    return bool(a == b or (isfinite(a - b) and abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))))


@st.composite
def streams(
    draw: st.DrawFn,
    levels: Mapping[str, Sequence[float]],
    steps: Sequence[float] = (0, 1, 10, 60, 200, 4000),
    most: int = 80,
    missing: bool = True,
) -> list[Reading]:
    """Readings of the devices of `DUTIES`, with repeats, gaps, late rows, status rows, strangers, missing values.

    Args:
        levels: for each signal the values that occur; sometimes one between the least and the greatest occurs too.
        steps: s between the readings of a device.
        most: readings at most.
        missing: whether signals may be missing.
    """
    one = {
        s: st.one_of(st.sampled_from(list(v)), st.floats(min(v), max(v), allow_subnormal=False))
        for s, v in levels.items()
    }
    values = st.fixed_dictionaries({}, optional=one) if missing else st.fixed_dictionaries(one)
    # A device mostly goes on as it did, so that windows fill; the rest of the kinds of rows is rare.
    device = st.sampled_from("aaaabbc")
    oddity = st.sampled_from("." * 12 + "lrso")
    # Left to itself, Hypothesis would make streams too short to fill any window.
    least = draw(st.sampled_from((0, most // 4, most // 2)))
    row = st.tuples(device, st.sampled_from(list(steps)), oddity, values)
    rows = draw(st.lists(row, min_size=least, max_size=max(least, min(most, 2 * least + 3))))
    clock = dict.fromkeys(DUTIES, T0)
    found: list[Reading] = []
    for name, step, odd, given_values in rows:
        ts = clock[name] + round(step * 1000)
        if odd == "l":
            found.append(Reading(name, clock[name] - round(step * 1000) - 1, ts, given_values))
        elif odd == "r" and found:
            found.append(found[-1])  # delivered twice; the device's clock does not move
        elif odd == "s":
            found.append(Reading(name, ts, ts, {"online": 1.0}))
        elif odd == "o":
            found.append(Reading(STRANGER, ts, ts, given_values))
        else:
            clock[name] = ts
            found.append(Reading(name, ts, ts, given_values))
    return found


def cuttings() -> st.SearchStrategy[list[int]]:
    """Where to cut a stream into frames."""
    return st.lists(st.integers(1, 79), max_size=6)
