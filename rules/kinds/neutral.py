"""Broken neutral of a three-phase supply, seen in its three phase voltages: the line voltages stay, the neutral moves.

The phasors of the lines are the corners of a triangle, equilateral with side s; the neutral is a point P of its plane
and the phase voltages a, b, c are its distances to the corners. For every point of the plane

    3 (a⁴ + b⁴ + c⁴ + s⁴) = (a² + b² + c² + s²)²

(the Cayley-Menger determinant of four points of a plane), which is quadratic in s²:

    s² = (a² + b² + c²) / 2 ± 2√3 K,  K the area of a triangle with sides a, b, c (Heron; Pompeiu 1936).

The sum holds for P within the triangle's circumcircle, the difference outside. A neutral between passive loads of
like power factor lies within the triangle, so the sum is taken; the *domain* is a displacement of up to the phase
voltage. On the circle K = 0 (a neutral that touches a line: 0, √3, √3), and a > b + c exists for no P: by less than
the tolerance that is a meter's error, by more something else is wrong.

By Leibniz's theorem a² + b² + c² = 3 d² + s², with d the distance of P from the centre: the displacement of the
neutral, and the measure, in per unit of the nominal phase voltage. Without the difference of nearly equal numbers:

    d² = ((a² - b²)² + (b² - c²)² + (c² - a²)²) / (3 (a² + b² + c² + 4√3 K)).

Where s is not √3 times the nominal voltage within a tolerance, something else is wrong (a lost phase, a sagging
supply: other rules see that), and the measure is 0.

No state. A row must hold all three voltages.
"""

from collections.abc import Mapping
from decimal import Context, Decimal, localcontext
from math import sqrt
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from community.compiler import compiled
from rules.kinds.definition import LadderRule, QuantityName
from rules.kinds.kernel import LATE, Duty, Kind

ROOT3 = sqrt(3.0)


class NeutralRule(LadderRule):
    """The neutral's displacement while the line voltages stay; limits in per unit of the nominal phase voltage.

    Attributes:
        signals: the three phase voltages.
        tolerance: by how much of √3 times the nominal voltage the line voltage may differ and yet have stayed.
    """

    kind: Literal["neutral"]
    signals: tuple[QuantityName, QuantityName, QuantityName] = ("voltage_l1", "voltage_l2", "voltage_l3")
    tolerance: Annotated[float, Field(gt=0, lt=0.5)] = 0.07


@compiled
def kernel(rows, words, table, x, extra):  # type: ignore[no-untyped-def]  # compiled
    """See `Kernel`. Extras: line voltage s, greatest and least phase voltage, displacement, all in V."""
    values, order = rows.values, rows.order
    for i in range(len(table.present)):
        p = table.present[i]
        speaks = False  # whether any row so far may have begun something
        first, second, third = table.columns[p, 0], table.columns[p, 1], table.columns[p, 2]
        whole = first >= 0 and second >= 0 and third >= 0
        for b in range(len(order)):
            x[i, b] = np.nan
            if not whole or order[b] > LATE:
                continue
            u, v, w = values[b, first], values[b, second], values[b, third]
            if np.isnan(u) or np.isnan(v) or np.isnan(w):
                continue
            a, c = max(u, v, w), min(u, v, w)
            m = max(min(u, v), min(max(u, v), w))
            squares = a * a + m * m + c * c
            heron = (a + (m + c)) * (c - (a - m)) * (c + (a - m)) * (a + (m - c))  # 16 K², in Kahan's order
            area = np.sqrt(heron) if heron > 0 else 0.0  # 4 K
            line = np.sqrt((squares + ROOT3 * area) / 2.0)
            q = rows.duty[b]
            nominal = table.reals[q, p, 0]
            shift = 0.0
            tolerance = table.reals[q, p, 1]
            if abs(line / (ROOT3 * nominal) - 1.0) <= tolerance and a - m - c <= tolerance * nominal:
                e, f, g = (a - m) * (a + m), (m - c) * (m + c), (a - c) * (a + c)
                shift = np.sqrt((e * e + f * f + g * g) / (3.0 * (squares + ROOT3 * area)))
                if heron <= 0:
                    shift = np.sqrt(squares / 6.0)
            measure = shift / nominal
            x[i, b] = measure
            if measure >= table.quiet[q, p] or speaks or rows.active[b]:
                speaks |= rows.active[b] == 0
                extra[i, b, 0] = line
                extra[i, b, 1] = a
                extra[i, b, 2] = c
                extra[i, b, 3] = shift


class NeutralTwin:
    """The measure, straight from the three formulas, with 60 digits."""

    def __init__(self, rule: NeutralRule, duty: Duty, channel: int) -> None:
        del channel
        self.rule, self.nominal = rule, Decimal(duty.ratings.nominal_voltage)

    def measure(self, ts: int, values: Mapping[str, float]) -> float | None:
        """See `Twin`; the past does not matter."""
        del ts
        if any(s not in values for s in self.rule.signals):
            return None
        with localcontext(Context(prec=60)):
            a, b, c = (Decimal(values[s]) for s in self.rule.signals)
            sixteen = (a + b + c) * (b + c - a) * (a + c - b) * (a + b - c)  # 16 K²
            area = max(sixteen, Decimal(0)).sqrt() / 4
            squares = a * a + b * b + c * c
            line = squares / 2 + 2 * Decimal(3).sqrt() * area
            tolerance = Decimal(self.rule.tolerance)
            stays = abs(line.sqrt() / (Decimal(3).sqrt() * self.nominal) - 1) <= tolerance
            stays = stays and 2 * max(a, b, c) - (a + b + c) <= tolerance * self.nominal
            return float(max((squares - line) / 3, Decimal(0)).sqrt() / self.nominal) if stays else 0.0


KIND = Kind(
    rule=NeutralRule,
    inputs=lambda r: (r.signals,),
    words=lambda _: 0,
    ints=lambda _, __: (),
    reals=lambda r, duty: (duty.ratings.nominal_voltage, r.tolerance),
    kernel=kernel,
    twin=NeutralTwin,
    unit=lambda _: "",
    evidence=lambda _, extras: dict(
        zip(("line_voltage", "highest_voltage", "lowest_voltage", "displacement"), extras, strict=True)
    ),
    steps=lambda r: r.steps,
    late=True,
)
