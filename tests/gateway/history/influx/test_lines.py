"""What is written is what the batch says: read back by a reader that knows only the protocol."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from community.clock import MINUTE
from community.frame import Reading
from gateway.history.influx.lines import age_class, ages_of, lines_of, not_finite, tag
from tests.gateway.history.influx.line_protocol import parse
from tests.gateway.history.influx.makers import batch

_T0 = 1_795_334_400_000
_READINGS = st.lists(
    st.builds(
        Reading,
        st.sampled_from(["d1", "d-2", "a b,c=d"]),
        st.integers(_T0 - 10**9, _T0 + 10**9),
        st.integers(_T0, _T0 + 10**6),
        st.dictionaries(
            st.sampled_from(["voltage", "current", "smoke_alarm"]), st.floats(allow_nan=False, allow_infinity=False)
        ),
    ),
    max_size=20,
)


@given(_READINGS, st.lists(st.integers(0, 2**41), max_size=3))
def test_lines_say_what_the_batch_says(readings: list[Reading], ticks: list[int]) -> None:
    expected = [
        {"device": r.device, "flags": str(int(r.received_at - r.ts > MINUTE)), "_time": r.ts, "_field": f, "_value": v}
        for r in readings
        for f, v in [*sorted(r.values.items(), key=lambda i: ORDER.index(i[0])), ("received_at", r.received_at)]
    ]
    found = [row for line in lines_of(batch(1, readings, ticks)) for row in parse(line.decode())]
    assert [{k: v for k, v in r.items() if k != "_measurement"} for r in found if r["_measurement"] == "readings"] == (
        expected
    )
    assert [r["_time"] for r in found if r["_measurement"] == "tick"] == ticks


ORDER = ["voltage", "current", "smoke_alarm"]


@given(_READINGS)
def test_receipts_lead_to_every_reading(readings: list[Reading]) -> None:
    rows = [row for line in lines_of(batch(1, readings)) for row in parse(line.decode())]
    receipts = {(int(r["age"]), r["_time"]) for r in rows if r["_measurement"] == "receipt"}
    for r in readings:
        ages = [age for age, minute in receipts if minute == r.received_at // MINUTE * MINUTE]
        assert any(low <= r.received_at - r.ts <= high for low, high in map(ages_of, ages))


@given(st.integers(-(10**12), 10**12))
def test_an_age_lies_in_its_class(age: int) -> None:
    low, high = ages_of(int(age_class(np.array([age]))[0]))
    assert low <= age <= high


def test_what_is_not_finite_is_left_out_and_counted() -> None:
    made = batch(1, [Reading("d1", _T0, _T0, {"voltage": float("inf"), "current": 1.5})])
    assert lines_of(made)[0] == b"readings,device=d1,flags=0 current=1.5,received_at=%di %d" % (_T0, _T0)
    assert not_finite(made) == 1


def test_a_reading_without_values_is_kept() -> None:
    assert lines_of(batch(1, [Reading("d1", _T0, _T0 + 5, {})]))[0].startswith(
        b"readings,device=d1,flags=0 received_at"
    )


@given(st.text(st.characters(codec="utf-8", exclude_characters="\\"), min_size=1))
def test_tags_are_escaped(text: str) -> None:
    (row,) = parse(f"m,device={tag(text)} v=1 5")
    assert row["device"] == text.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
