"""Door rules: a door that is open at an hour when somebody who may wander should be at home.

The measure is 1 while the contact is open and the local time lies in the watched span, 0 when it is closed or outside
the span. A contact reports when it changes, so a door that is opened before the span and closed in it says nothing;
one that reports itself open again in the span does. No state.
"""

# mypy: allow-untyped-calls
# Compiled functions carry no annotations where numba finds the types.

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from community.compiler import compiled
from rules.kinds.clock_time import ClockTime, in_span, ms_of_day
from rules.kinds.definition import LadderRule, QuantityName
from rules.kinds.kernel import LATE, Duty, Kind
from rules.kinds.local_time import DAY, local_ms, local_time


class DoorRule(LadderRule):
    """A contact that is open in a span of the local day.

    Attributes:
        signals: contacts, 1 open and 0 closed; each is a channel.
        begin, end: the span, local time; it may pass midnight. Equal: the whole day.
    """

    kind: Literal["door"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)] = ("contact_open",)
    begin: ClockTime = "22:00"
    end: ClockTime = "06:00"


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extra: local time of the day, h; looked up from the first open door on, as they are rare."""
    values, order = rows.values, rows.order
    for i in range(len(table.present)):
        p = table.present[i]
        column = table.columns[p, 0]
        spoke = False
        for b in range(len(rows.ts)):
            value = values[b, column]
            if order[b] > LATE or np.isnan(value):
                x[i, b] = np.nan
                continue
            x[i, b] = 0.0
            spoke |= value >= 0.5
            if not spoke and not rows.active[b]:
                continue
            q = rows.duty[b]
            local = local_ms(rows.ts[b], table.zone[q], table.zones)
            extra[i, b, 0] = (local % DAY) / 3_600_000.0
            if value >= 0.5 and in_span(local, table.ints[q, p, 0], table.ints[q, p, 1]):
                x[i, b] = 1.0


class DoorTwin:
    """The measure, slowly."""

    def __init__(self, rule: DoorRule, duty: Duty, channel: int) -> None:
        self.signal, self.zone = rule.signals[channel], duty.zone
        self.span = ms_of_day(rule.begin), ms_of_day(rule.end)

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`; the past does not matter."""
        if self.signal not in values:
            return None
        begin, end = self.span
        moment = local_time(ts, self.zone) % DAY
        inside = begin <= moment < end if begin < end else not end <= moment < begin
        return 1.0 if values[self.signal] >= 0.5 and inside else 0.0


def _evidence(rule: DoorRule, extras: tuple[float, ...]) -> dict[str, Any]:
    minutes = -1 if np.isnan(extras[0]) else int(extras[0] * 60)
    return {
        "local_time": None if minutes < 0 else f"{minutes // 60:02d}:{minutes % 60:02d}",
        "watched": f"{rule.begin}-{rule.end}",
    }


KIND: Kind[DoorRule] = Kind(
    rule=DoorRule,
    inputs=lambda r: tuple((s,) for s in r.signals),
    words=lambda _: 0,
    ints=lambda r, _: (ms_of_day(r.begin), ms_of_day(r.end)),
    reals=lambda _, __: (),
    kernel=kernel,
    twin=DoorTwin,
    unit=lambda _: "",
    evidence=_evidence,
    steps=lambda r: r.steps,
    late=True,
)
