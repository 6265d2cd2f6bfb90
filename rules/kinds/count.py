"""Count in a window: five excursions in 10 s, or three in 24 h.

An excursion is a crossing of the limit to the worse side; the next one counts only after the value was beyond the
`rearm` level on the safe side. A reading beyond the limit that is the first of all counts as a crossing. With
`each = "increment"` the signal is a running counter, and every whole unit by which it goes up is an excursion at that
reading; a counter that falls back was restarted and counts from there. The measure is the number of excursions in the
last `within` seconds, that moment included, at most `of`.

After a gap (`Table.gap`, or `within` if that is longer) a level that was beyond the limit and still is, is the same
excursion; what a counter went up by is not counted, since nobody knows when it did.

Words of a program (1 + ceil(of / 2), and one more for a counter):
    0: int64, time of the last excursion (of the last reading, for a counter) times 64; plus 32 if anything was seen,
        plus 16 if the value is beyond the limit, plus the number of excursions kept;
    then uint32 each, times of the excursions kept mod 2^32 ms, the oldest first;
    last, for a counter: float64, its newest value.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from community.compiler import compiled
from rules.kinds.definition import LadderRule, Limit, QuantityName, Seconds, limit_of
from rules.kinds.kernel import IN_ORDER, Duty, Kind

MOST = 8
_SEEN, _BEYOND, _KEPT = 32, 16, 15
_LOW = 0xFFFF_FFFF


class CountRule(LadderRule):
    """So many excursions within a time; a step's limit is their number.

    Attributes:
        signals: what is watched; each is counted for itself.
        each: whether an excursion is a crossing of `limit` or a unit of a running counter.
        limit: an excursion begins at this value and beyond it; not for counters.
        rearm: beyond this level, on the safe side, it is over; the limit itself if not given.
        side: whether greater (`above`) or smaller (`below`) values are worse.
        within: s.
        of: excursions that are kept, and the most that are counted.
    """

    kind: Literal["count"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)]
    each: Literal["crossing", "increment"] = "crossing"
    limit: Limit | None = None
    rearm: Limit | None = None
    side: Literal["above", "below"] = "above"
    within: Annotated[Seconds, Field(gt=0)]
    of: Annotated[int, Field(ge=1, le=MOST)] = 5

    @property
    def counter(self) -> bool:
        """Whether the signal is a running counter."""
        return self.each == "increment"

    @model_validator(mode="after")
    def _countable(self) -> Self:
        if self.counter == (self.limit is not None):
            raise ValueError("a crossing needs a limit, and a running counter has none")
        if any(not isinstance(s.limit, float) or not 1 <= s.limit <= self.of for s in self.steps):
            raise ValueError("the limits of the steps are numbers of excursions, from 1 to `of`")
        return self


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extras: excursions, seconds since the oldest of them, the reading."""
    values, order, ts = rows.values, rows.order, rows.ts
    floats, times = words.view(np.float64), words.view(np.uint32)
    for i in range(len(table.present)):
        p = table.present[i]
        speaks = False  # whether any row so far may have begun something
        column = table.columns[p, 0]
        for b in range(len(ts)):
            value = values[b, column]
            offset = table.offset[rows.shape[b], p]
            if np.isnan(value) or order[b] != IN_ORDER or offset < 0:
                x[i, b] = np.nan
                continue
            at = rows.base[b] + offset
            q = rows.duty[b]
            within, most = table.ints[q, p, 0], table.ints[q, p, 1]
            counter, sign = table.ints[q, p, 2], table.ints[q, p, 3]
            mark = words[at]
            beyond = mark & _BEYOND
            fresh = np.int64(0)
            now = ts[b]
            last = mark >> 6
            if counter != 0:
                newest = at + 1 + (most + 1) // 2
                more = value - floats[newest]
                if mark & _SEEN and more >= 1 and now - last <= max(within, table.gap[q]):
                    fresh = np.int64(min(more, np.float64(most)))
                floats[newest] = value
            elif sign * value >= table.reals[q, p, 0]:
                fresh = np.int64(beyond == 0)
                beyond = np.int64(_BEYOND)
            elif beyond != 0 and sign * value < table.reals[q, p, 1]:
                beyond = np.int64(0)
            kept = mark & _KEPT
            if kept > 0:
                expired = kept  # 2^32 ms may have passed since the last excursion
                if now - last <= within:
                    expired = np.int64(0)
                    while expired < kept and ((now - np.int64(times[2 * at + 2 + expired])) & _LOW) > within:
                        expired += 1
                expired = max(expired, kept + fresh - most)
                if expired > 0:
                    kept -= expired
                    for k in range(kept):
                        times[2 * at + 2 + k] = times[2 * at + 2 + k + expired]
            for k in range(kept, kept + fresh):
                times[2 * at + 2 + k] = now & _LOW
            kept += fresh
            if counter != 0 or fresh > 0:
                last = now
            words[at] = last * 64 + (_SEEN | beyond | kept)
            x[i, b] = kept
            if kept >= table.quiet[q, p] or speaks or rows.active[b]:
                speaks |= rows.active[b] == 0
                extra[i, b, 0] = kept
                extra[i, b, 1] = ((now - np.int64(times[2 * at + 2])) & _LOW) / 1000.0 if kept > 0 else np.nan
                extra[i, b, 2] = value


class CountTwin:
    """The measure of one channel, with every excursion that ever was."""

    def __init__(self, rule: CountRule, duty: Duty, channel: int) -> None:
        self.rule, self.duty, self.signal = rule, duty, rule.signals[channel]
        self.within = round(rule.within * 1000)
        self.excursions: list[int] = []
        self.beyond = False
        self.newest: tuple[int, float] | None = None

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`."""
        if self.signal not in values:
            return None
        value = values[self.signal]
        if self.rule.limit is None:
            if self.newest is not None and ts - self.newest[0] <= max(self.within, self.duty.gap):
                self.excursions += [ts] * int(max(value - self.newest[1], 0))
        else:
            sign = 1 if self.rule.side == "above" else -1
            limit = limit_of(self.rule.limit, self.duty.ratings)
            rearm = limit if self.rule.rearm is None else limit_of(self.rule.rearm, self.duty.ratings)
            if sign * value >= sign * limit:
                if not self.beyond:
                    self.excursions.append(ts)
                self.beyond = True
            elif sign * value < sign * rearm:
                self.beyond = False
        self.newest = ts, value
        return float(min(sum(ts - t <= self.within for t in self.excursions), self.rule.of))


def _reals(rule: CountRule, duty: Duty) -> tuple[float, float]:
    sign = 1 if rule.side == "above" else -1
    limit = 0.0 if rule.limit is None else sign * limit_of(rule.limit, duty.ratings)
    return limit, limit if rule.rearm is None else min(limit, sign * limit_of(rule.rearm, duty.ratings))


KIND = Kind(
    rule=CountRule,
    inputs=lambda r: tuple((s,) for s in r.signals),
    words=lambda r: 1 + (r.of + 1) // 2 + r.counter,
    ints=lambda r, _: (round(r.within * 1000), r.of, int(r.counter), 1 if r.side == "above" else -1),
    reals=_reals,
    kernel=kernel,
    twin=CountTwin,
    unit=lambda _: "",
    evidence=lambda _, extras: {
        "excursions": None if extras[0] != extras[0] else int(extras[0]),
        "within_s": None if extras[1] != extras[1] else extras[1],
        "reading": extras[2],
    },
    steps=lambda r: r.steps,
)
