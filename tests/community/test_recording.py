"""Recordings: lines to records and back, ticks where there are none, faults by line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.frame import EstateChange, Frame, Reading, Record, RulebookChange, Tick
from community.quantities import EVENTS, QUANTITIES
from community.recording import LONGEST_FRAME, Change, RecordingError, read_recording, write_recording

times = st.integers(-(10**13), 10**13)
readings = st.builds(
    Reading,
    st.text("abc-_0", min_size=1, max_size=5),
    times,
    times,
    st.dictionaries(
        st.sampled_from([*QUANTITIES, *EVENTS]), st.floats(allow_nan=False, allow_infinity=False), max_size=4
    ),
)


def items(records: list[Record]) -> list[Reading | Change]:
    return [x for r in records for x in (r.readings() if isinstance(r, Frame) else [r])]


def read(*lines: str) -> list[Reading | Change]:
    return items(list(read_recording(lines)))


@given(
    st.lists(
        st.one_of(
            readings,
            st.builds(Tick, times, st.none() | times),
            st.builds(EstateChange, st.just(3)),
            st.builds(RulebookChange, st.just(5)),
        )
    )
)
def test_what_is_written_is_read(given: list[Reading | Change]) -> None:
    marked = [*given, Tick(0)]  # with a tick in it, none is made
    records = [Frame.from_readings([x]) if isinstance(x, Reading) else x for x in marked]
    assert items(list(read_recording(write_recording(records)))) == marked


def test_lines_may_be_bytes_or_text_and_blank() -> None:
    expected = [Reading("d", 5, 5, {"smoke_alarm": 1.0}), Tick(9)]
    lines = ['{"device": "d", "ts": 5, "event": "smoke_alarm"}', "", '{"tick": 9}']
    assert read(*lines) == expected
    assert items(list(read_recording(line.encode() for line in lines))) == expected


def test_consecutive_readings_share_frames_of_bounded_length() -> None:
    lines = [f'{{"device": "d{k}", "ts": {k}, "values": {{"voltage": 230}}}}' for k in range(LONGEST_FRAME + 5)]
    lines = [*lines[:3], '{"tick": 3}', *lines[3:]]
    assert [len(r) if isinstance(r, Frame) else r for r in read_recording(lines)] == [3, Tick(3), LONGEST_FRAME, 2]


def test_values_may_be_missing_and_flags_true() -> None:
    found = read('{"device": "d", "ts": 0, "values": {"voltage": null, "breaker_closed": true}}', '{"tick": 1}')
    assert found[0] == Reading("d", 0, 0, {"breaker_closed": 1.0})


def made(ts: int) -> Tick:
    """A tick that nobody recorded: it does not judge devices that the recording may not be about."""
    return Tick(ts, unheard=False)


def test_a_recording_without_ticks_is_given_one_each_second_of_receipt() -> None:
    found = read(
        '{"device": "d", "ts": 1000, "values": {}}',
        '{"device": "d", "ts": 1200, "values": {}}',
        '{"device": "d", "ts": 1300, "received_at": 4000, "values": {}}',
        '{"device": "d", "ts": 1900, "received_at": 3500, "values": {}}',
    )
    ticks = [x.ts for x in found if isinstance(x, Tick)]
    assert [x.ts if isinstance(x, Reading) else x for x in found] == [
        made(0), 1000, made(1000), 1200, made(2000), made(3000), 1300, 1900, made(4000),
    ]  # fmt: skip
    assert ticks == sorted(ticks)


def test_a_stray_time_does_not_cost_millions_of_ticks() -> None:
    year = 365 * 86_400_000
    found = read('{"device": "d", "ts": 0, "values": {}}', f'{{"device": "d", "ts": {50 * year}, "values": {{}}}}')
    assert len(found) < 8 * 86_400 + 10
    assert found[-3:-1] == [made(50 * year - 1000), Reading("d", 50 * year, 50 * year, {})]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("{", "one JSON object"),
        ("[]", "expected a JSON object, got list"),
        ('{"ts": 1, "values": {}}', '"device", "tick", "estate", "rulebook" or "baseline"'),
        ('{"device": 7, "ts": 1, "values": {}}', "a device id"),
        ('{"device": "d", "values": {}}', 'expected "ts"'),
        ('{"device": "d", "ts": "today", "values": {}}', "ts: not an RFC 3339 time"),
        ('{"device": "d", "ts": 1}', 'either "values" or "event"'),
        ('{"device": "d", "ts": 1, "values": {}, "event": "trip"}', 'either "values" or "event"'),
        ('{"device": "d", "ts": 1, "values": {"voltag": 1}}', "did you mean voltage?"),
        ('{"device": "d", "ts": 1, "values": {"voltage": "1"}}', "expected a number"),
        ('{"device": "d", "ts": 1, "values": {"voltage": true}}', "expected a number"),
        ('{"device": "d", "ts": 1, "values": []}', "an object of signals"),
        ('{"device": "d", "ts": 1, "values": {}, "active": true}', 'belongs to an "event"'),
        ('{"device": "d", "ts": 1, "event": "smoke"}', "no such event"),
        ('{"device": "d", "ts": 1, "event": "trip", "active": 1}', "true or false"),
        ('{"device": "d", "ts": 1, "event": "trip", "valu": 1}', "unknown key 'valu'"),
        ('{"tick": null}', "tick: expected Unix milliseconds"),
        ('{"estate": "2"}', "a whole number"),
        ('{"rulebook": true}', "a whole number"),
        ('{"rulebook": 2, "ts": 2}', "unknown key"),
    ],
)
def test_a_bad_line_is_named(line: str, expected: str) -> None:
    good = '{"device": "d", "ts": 1, "values": {}}'
    with pytest.raises(RecordingError, match="line 2: ") as caught:
        read(good, line, good)
    assert caught.value.line == 2
    assert expected in caught.value.expected


def test_errors_may_be_collected() -> None:
    errors: list[RecordingError] = []
    lines = ["nonsense", '{"tick": 1}', b"\xff\xfe".decode("latin-1"), '{"tick": 2}']
    assert list(read_recording(lines, errors=errors)) == [Tick(1), Tick(2)]
    assert [e.line for e in errors] == [1, 3]
