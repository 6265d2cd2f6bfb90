"""Batches hold what the records hold, and flags stand between the events that begin and end them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from community.frame import EstateChange, Frame, Reading, Record, RulebookChange, Tick
from gateway.history.batch import Batch, batch_of
from gateway.history.quality import LATE_MS, NOTED, Flag, Standing, names_of

SIGNALS = ("voltage", "current", "smoke_alarm", *NOTED)


def rows(batch: Batch) -> list[Reading]:
    """The batch's readings, one by one."""
    columns = zip(batch.device.tolist(), batch.ts.tolist(), batch.received_at.tolist(), batch.values, strict=True)
    return [
        Reading(
            batch.devices[device],
            ts,
            received,
            {s: float(v) for s, v in zip(batch.signals, values, strict=True) if not np.isnan(v)},
        )
        for device, ts, received, values in columns
    ]


def value_of(signal: str) -> st.SearchStrategy[float]:
    return st.sampled_from([0.0, 1.0]) if signal not in ("voltage", "current") else st.floats(0, 500)


readings = st.builds(
    Reading,
    st.sampled_from(["a", "b", "c"]),
    st.integers(0, 3 * LATE_MS),
    st.integers(0, 3 * LATE_MS),
    st.dictionaries(st.sampled_from(SIGNALS), st.just(0.0)).flatmap(
        lambda keys: st.fixed_dictionaries({s: value_of(s) for s in keys})
    ),
)
records = st.lists(
    st.one_of(
        st.lists(readings, max_size=6).map(Frame.from_readings),
        st.integers(1, 9).map(Tick),
        st.just(EstateChange(1)),
        st.just(RulebookChange(1)),
    ),
    min_size=1,
    max_size=8,
)


@given(records)
def test_a_batch_holds_what_the_records_hold(given_records: list[Record]) -> None:
    batch = batch_of(list(enumerate(given_records, 7)), Standing())
    expected = [r for record in given_records if isinstance(record, Frame) for r in record.readings()]
    assert rows(batch) == expected
    assert batch.position == 6 + len(given_records)
    assert batch.ticks.tolist() == [r.ts for r in given_records if isinstance(r, Tick)]
    assert batch.value_count == sum(len(r.values) for r in expected)
    assert set(batch.signals) == {s for r in expected for s in r.values}


@given(st.lists(records, min_size=1, max_size=4), st.dictionaries(st.sampled_from("abc"), st.sampled_from(Flag)))
def test_flags_stand_from_event_to_event_however_the_log_is_cut(
    cuts: list[list[Record]], stood: dict[str, Flag]
) -> None:
    standing = Standing(stood)
    found = [flags for part in cuts for flags in batch_of(list(enumerate(part, 1)), standing).flags.tolist()]

    now = {device: int(flag) for device, flag in stood.items()}
    expected = []
    for reading in (r for part in cuts for f in part if isinstance(f, Frame) for r in f.readings()):
        for event, flag in NOTED.items():
            if reading.values.get(event) == 1:
                now[reading.device] = now.get(reading.device, 0) | flag
            elif event in reading.values:
                now[reading.device] = now.get(reading.device, 0) & ~flag
        late = Flag.LATE if reading.received_at - reading.ts > LATE_MS else 0
        expected.append(now.get(reading.device, 0) | late)
    assert found == expected
    assert {d: int(standing.of(d)) for d in "abc"} == {d: now.get(d, 0) for d in "abc"}


def test_flags_have_names() -> None:
    assert names_of(0) == []
    assert names_of(Flag.LATE | Flag.SENSOR_FAULT) == ["late", "sensor_fault"]
