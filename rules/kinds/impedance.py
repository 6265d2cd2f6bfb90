"""Loop impedance from steps of the load: a loose neutral or supply terminal lets the voltage sag under load.

z = -(V2 - V1) / (I2 - I1)   ohm, of two successive readings at most `within` s apart with |I2 - I1| >= `least_step`

The measure is the median of the latest five (from the third on), at the reading that made the step; between steps
there is nothing new to say. One step may coincide with a change of the grid's own voltage; the median does not follow
it. Steps do not age: the impedance of a wire is not a matter of minutes. A gap only parts two readings.

A reading counts if it has both voltage and current. Words of a program (4):
    0: time of the last reading times 16, plus 8 if there was one, plus the number of steps kept.
    1: float32 voltage, float32 current of the last reading.
    2, 3: 5 of 8 uint16: codes (`rules.kinds.codes`) of the latest impedances, the oldest first.
"""

from collections.abc import Mapping
from statistics import median
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from community.compiler import compiled
from rules.kinds.codes import decode, encode, rounded, sorted_median
from rules.kinds.definition import LadderRule, Limit, QuantityName, Seconds, limit_of
from rules.kinds.kernel import IN_ORDER, Duty, Kind

STEPS, LEAST_STEPS = 5, 3


class ImpedanceRule(LadderRule):
    """The impedance of the supply, seen at the load; a step's limit is in ohm.

    Attributes:
        signals: voltages; each is a channel.
        currents: the current of each voltage.
        least_step: A; smaller changes of the current say too little.
        within: s between the two readings, at most.
    """

    kind: Literal["impedance"]
    signals: Annotated[tuple[QuantityName, ...], Field(min_length=1)] = ("voltage",)
    currents: tuple[QuantityName, ...] = ("current",)
    least_step: Limit = 5.0
    within: Annotated[Seconds, Field(gt=0)] = 60

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        if len(self.signals) != len(self.currents):
            raise ValueError("expected one current for each voltage")
        return self


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extras: impedance of this step, voltage step, current step, steps in the median."""
    values, order, ts = rows.values, rows.order, rows.ts
    singles, shorts = words.view(np.float32), words.view(np.uint16)
    single = np.empty(1, np.float32)
    bits = single.view(np.uint32)
    room = np.empty(5)
    for i in range(len(table.present)):
        p = table.present[i]
        column, other = table.columns[p, 0], table.columns[p, 1]
        for b in range(len(ts)):
            x[i, b] = np.nan
            offset = table.offset[rows.shape[b], p]
            if other < 0 or order[b] != IN_ORDER or offset < 0:
                continue
            voltage, current = values[b, column], values[b, other]
            if np.isnan(voltage) or np.isnan(current):
                continue
            at = rows.base[b] + offset
            q = rows.duty[b]
            mark = words[at]
            count = mark & 7
            up = current - np.float64(singles[2 * at + 3])
            if mark & 8 and abs(up) >= table.reals[q, p, 0] and ts[b] - (mark >> 4) <= table.ints[q, p, 0]:
                sag = voltage - np.float64(singles[2 * at + 2])
                ring = 4 * at + 8
                if count == 5:
                    count = np.int64(4)
                    for k in range(4):
                        shorts[ring + k] = shorts[ring + k + 1]
                shorts[ring + count] = encode(-sag / up, single, bits)
                count += 1
                if count >= 3:
                    for k in range(count):
                        room[k] = decode(shorts[ring + k], single, bits)
                    x[i, b] = sorted_median(room, count)
                    extra[i, b, 0] = -sag / up
                    extra[i, b, 1] = sag
                    extra[i, b, 2] = up
                    extra[i, b, 3] = count
            singles[2 * at + 2] = voltage
            singles[2 * at + 3] = current
            words[at] = ts[b] * 16 + 8 + count


class ImpedanceTwin:
    """The measure of one channel, with every step that ever was."""

    def __init__(self, rule: ImpedanceRule, duty: Duty, channel: int) -> None:
        self.voltage, self.current = rule.signals[channel], rule.currents[channel]
        self.least, self.within = limit_of(rule.least_step, duty.ratings), round(rule.within * 1000)
        self.newest: tuple[int, float, float] | None = None
        self.found: list[float] = []
        self.extras: tuple[float, ...] = ()

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`."""
        if self.voltage not in values or self.current not in values:
            return None
        before = self.newest
        voltage, current = values[self.voltage], values[self.current]
        self.newest = ts, float(np.float32(voltage)), float(np.float32(current))
        if before is None or ts - before[0] > self.within:
            return None
        sag, up = voltage - before[1], current - before[2]
        if abs(up) < self.least:
            return None
        self.found.append(rounded(-sag / up))
        latest = self.found[-STEPS:]
        self.extras = -sag / up, sag, up, len(latest)
        return median(latest) if len(latest) >= LEAST_STEPS else None


def _evidence(rule: ImpedanceRule, extras: tuple[float, ...]) -> dict[str, Any]:
    names = ("step_ohm", "voltage_step", "current_step", "steps")
    return {n: None if np.isnan(e) else e for n, e in zip(names, extras, strict=True)}


KIND: Kind[ImpedanceRule] = Kind(
    rule=ImpedanceRule,
    inputs=lambda r: tuple(zip(r.signals, r.currents, strict=True)),
    words=lambda _: 4,
    ints=lambda r, _: (round(r.within * 1000),),
    reals=lambda r, duty: (limit_of(r.least_step, duty.ratings),),
    kernel=kernel,
    twin=ImpedanceTwin,
    unit=lambda _: "Ω",
    evidence=_evidence,
    steps=lambda r: r.steps,
)
