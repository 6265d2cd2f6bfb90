"""The kernel and its scalar twin say the same of any sequence of measurements."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from community.estate import Estate
from community.quantities import SIGNAL_INDEX, SIGNALS
from gateway.collector import NO_SEQ, Rows
from gateway.roster import Roster
from gateway.trust.judge import Trust, prepare
from gateway.trust.scalar import Memory, judge
from gateway.trust.tables import NOTES, Why
from tests.gateway.village import NOW, estate

TOO_OLD, FUTURE = 7 * 86_400_000, 60_000

NUMBERS = {
    "voltage": [0.0, 230.0, 655.35, 600.0], "voltage_l1": [0.0, 231.0], "voltage_l2": [0.0, 400.0],
    "voltage_l3": [0.0, 229.0], "current": [0.0, 3.247, 700.0, 65.535], "current_l1": [0.0, 1.0],
    "current_l2": [2.0], "current_l3": [0.0, 5.0],
    "active_power": [0.0, -800.0, 15_820.0, 230.0, 5e5], "active_power_l1": [0.0, 9_000.0], "frequency": [0.0, 50.0],
    "power_factor": [0.0, 0.9], "residual_current": [0.0, 6_553.5, 12.0], "terminal_temperature": [85.0, 20.0, 127.99],
    "breaker_closed": [0.0, 1.0], "power_lost": [0.0, 1.0], "restart": [0.0, 1.0], "online": [0.0, 1.0],
    "smoke_alarm": [0.0, 1.0], "smoke_obscuration": [0.0, 0.2, 2.0], "test": [0.0, 1.0], "co": [0.0, 600.0, 65_535.0],
    "co_alarm": [0.0, 1.0], "battery": [2.0, 50.0, 100.0], "battery_low": [0.0, 1.0], "humidity": [40.0],
}  # fmt: skip


@st.composite
def measurements(draw: st.DrawFn) -> dict[str, float]:
    """Some signals, often the same ones, with numbers at which something happens."""
    phases = [f"{quantity}_{phase}" for quantity in ("voltage", "current") for phase in ("l1", "l2", "l3")]
    names = draw(
        st.sampled_from(
            [["voltage", "current", "active_power"], [*phases, "active_power"], ["battery", "battery_low"], []]
        )
    )
    chosen = {*names, *draw(st.lists(st.sampled_from(sorted(NUMBERS)), max_size=6))} or {"voltage"}
    return {name: draw(st.sampled_from(NUMBERS[name])) for name in sorted(chosen, key=SIGNAL_INDEX.__getitem__)}


SEQUENCES = st.lists(
    st.tuples(
        st.integers(0, 1),  # device
        measurements(),
        st.sampled_from([None, 0, 500, 3_600_000, 3_602_000, 8 * 86_400_000, -30_000, -7_200_000]),  # lag of its clock
        st.sampled_from([0, 1, 1_000, 10_000]),  # ms since the one before
        st.booleans(),  # steady
        st.booleans(),  # limited
    ),
    min_size=1,
    max_size=12,
)


def columns_of(items: list[tuple[int, dict[str, float], int | None, int, bool, bool]]) -> Rows:
    """The sequence as columns."""
    names = sorted({SIGNAL_INDEX[s] for item in items for s in item[1]})
    values = np.full((len(items), len(names)), np.nan)
    received = NOW + np.cumsum([item[3] for item in items])
    ts = received.copy()
    for i, (_, said, lag, *_) in enumerate(items):
        for name, value in said.items():
            values[i, names.index(SIGNAL_INDEX[name])] = value
        ts[i] -= lag or 0
    n = len(items)
    return Rows(
        np.array([item[0] for item in items], np.int64), ts.astype(np.int64), received.astype(np.int64), np.arange(n),
        np.array(names, np.intp), values, np.array([item[2] is not None for item in items]), np.full(n, NO_SEQ),
        np.zeros(n, np.bool_), np.array([item[4] for item in items]),
    )  # fmt: skip


def trusted(village: Estate | None = None) -> Trust:
    """A front that knows the devices of the village."""
    village = village or estate()
    trust = Trust(TOO_OLD, FUTURE)
    trust.resize(Roster(village), village)
    return trust


@settings(max_examples=300, deadline=None)
@given(SEQUENCES)
def test_columns_and_single_measurements_are_judged_alike(
    items: list[tuple[int, dict[str, float], int | None, int, bool, bool]],
) -> None:
    village = estate()
    trust = trusted(village)
    memories = [Memory(), Memory()]
    given_rows = columns_of(items)
    for i, (device, said, lag, _, steady, limited) in enumerate(items):  # one call each: `limited` is of the moment
        alone = columns_of(items)
        keep = np.zeros(len(items), np.bool_)
        keep[i] = True
        flags = np.zeros(len(village.device), np.bool_)
        flags[device] = limited
        judgement = trust.judge(alone, keep, flags)
        received = int(given_rows.received_at[i])
        verdict = judge(
            said, None if lag is None else received - lag, received, memories[device], steady=steady,
            ratings=village.device[device].ratings, limited=limited, too_old=TOO_OLD, future=FUTURE,
        )  # fmt: skip
        row = judgement.rows.values[i].tolist()
        left = {SIGNALS[c]: v for c, v in zip(judgement.rows.columns.tolist(), row, strict=True) if not math.isnan(v)}
        assert left == verdict.values | verdict.notes
        assert int(judgement.rows.ts[i]) == verdict.ts
        assert len(judgement.faults) == sum(why is not Why.SILENT for why in verdict.blanked.values())
        assert bool(judgement.keep[i]) == bool(left)
        assert set(verdict.notes) <= set(NOTES)


@settings(max_examples=100, deadline=None)
@given(SEQUENCES)
def test_a_flush_is_judged_as_its_rows_one_by_one(
    items: list[tuple[int, dict[str, float], int | None, int, bool, bool]],
) -> None:
    rows = columns_of(items)
    whole = trusted().judge(rows, np.ones(len(items), np.bool_))
    apart = trusted()
    for i in range(len(items)):
        keep = np.zeros(len(items), np.bool_)
        keep[i] = True
        one = apart.judge(columns_of(items), keep)
        places = np.searchsorted(whole.rows.columns, one.rows.columns)
        np.testing.assert_array_equal(whole.rows.values[i, places], one.rows.values[i])
        assert whole.rows.ts[i] == one.rows.ts[i]


@settings(max_examples=100, deadline=None)
@given(SEQUENCES)
def test_no_flag_is_ever_lost(items: list[tuple[int, dict[str, float], int | None, int, bool, bool]]) -> None:
    rows = columns_of(items)
    before = rows.values.copy()
    judged = trusted().judge(rows, np.ones(len(items), np.bool_)).rows
    for j, column in enumerate(rows.columns.tolist()):
        if SIGNALS[column].endswith(("_alarm", "breaker_closed", "test", "restart", "online", "power_lost")):
            np.testing.assert_array_equal(judged.values[:, judged.columns == column][:, 0], before[:, j])


def test_kernels_can_be_prepared_before_there_is_anything_to_judge() -> None:
    prepare()
    village = estate(1)
    rows = columns_of([(0, {"voltage": 230.0}, None, 0, True, False)])
    assert trusted(village).judge(rows, np.ones(1, np.bool_)).keep.tolist() == [True]
