"""The harness finds what it is there to find: a kind that passes, and kernels with one fault each that do not."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rules.kinds.kernel import IN_ORDER
from rules.kinds.threshold import KIND, ThresholdRule
from tests.rules.kinds.harness import DUTIES, check_kind, measures, orders, reading, rule_of, series

RULE = rule_of(ThresholdRule, 10.0, signals=["current", "current_l1"])
READINGS = [
    reading(0, current=5),
    reading(1, current=12, current_l1=3),
    reading(0.5, current=20),
    reading(2, "b", current_l1=7),
    reading(3, "x", current=50),
    reading(4, online=1),
    reading(5, current=9),
]


def plain(rows: Any, words: Any, table: Any, x: Any, extra: Any) -> None:
    for i, p in enumerate(table.present):
        x[i] = np.where(rows.order == IN_ORDER, rows.values[:, table.columns[p, 0]], np.nan)
        x[i][rows.order == 1] = rows.values[rows.order == 1, table.columns[p, 0]]


def test_a_faultless_kernel_passes() -> None:
    check_kind(replace(KIND, kernel=plain), RULE, DUTIES, READINGS, (2, 4))
    check_kind(KIND, RULE, DUTIES, READINGS, (2, 4))


def test_orders() -> None:
    assert orders(READINGS, DUTIES) == [0, 0, 1, 0, 3, 2, 0]
    assert orders([reading(1), reading(1)], DUTIES) == [IN_ORDER, IN_ORDER]


def test_measures_are_by_reading() -> None:
    assert measures(KIND, RULE, series("current", [1, 2, 30], every=1)) == [1, 2, 30]


def numbered_by_program(rows: Any, words: Any, table: Any, x: Any, extra: Any) -> None:
    plain(rows, words, table, x, extra)
    for i, p in enumerate(table.present):
        x[i] = x[min(p, len(x) - 1)]


def incomplete(rows: Any, words: Any, table: Any, x: Any, extra: Any) -> None:
    for i, p in enumerate(table.present):
        x[i, rows.order != 3] = rows.values[rows.order != 3, table.columns[p, 0]]


def forgetful_of_frames(rows: Any, words: Any, table: Any, x: Any, extra: Any) -> None:
    plain(rows, words, table, x, extra)
    x[:, 1:] += len(x[0]) == 2


def writes_into_rows(rows: Any, words: Any, table: Any, x: Any, extra: Any) -> None:
    plain(rows, words, table, x, extra)
    rows.duty[0] += 1


def writes_beside(rows: Any, words: Any, table: Any, x: Any, extra: Any) -> None:
    plain(rows, words, table, x, extra)
    words[0] += 1


def minds_active(rows: Any, words: Any, table: Any, x: Any, extra: Any) -> None:
    plain(rows, words, table, x, extra)
    x[:, rows.active == 0] += 1


def excuses_all(rows: Any, words: Any, table: Any, x: Any, extra: Any) -> None:
    plain(rows, words, table, x, extra)
    x[~np.isnan(x)] = -np.inf


def measures_strangers(rows: Any, words: Any, table: Any, x: Any, extra: Any) -> None:
    plain(rows, words, table, x, extra)
    x[0, rows.order == 3] = 1.0


def gives_late_evidence(rows: Any, words: Any, table: Any, x: Any, extra: Any) -> None:
    plain(rows, words, table, x, extra)
    extra[:, rows.active != 0] = 1.0


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (numbered_by_program, "kernel"),
        (excuses_all, "twin"),
        (measures_strangers, "no known device"),
        (incomplete, "completely"),
        (forgetful_of_frames, "cutting"),
        (writes_into_rows, "argument"),
        (writes_beside, "somebody"),
        (minds_active, "active"),
        (gives_late_evidence, "evidence"),
    ],
)
def test_each_fault_is_found(fault: Any, message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_kind(replace(KIND, kernel=fault), RULE, DUTIES, READINGS, (2, 4))
