"""How much a device may send."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.trust.rates import BURST, REST, SUSTAINED, URGENT, Rates
from tests.gateway.village import NOW


def rates(devices: int = 3) -> Rates:
    """Fresh buckets."""
    fresh = Rates()
    fresh.resize(devices, np.arange(devices))
    return fresh


def send(to: Rates, count: int, now: int = NOW, row: int = 0, urgent: bool = False) -> int:
    """How many of `count` messages of one device pass."""
    return int(to.allow(np.full(count, row, np.int32), np.full(count, urgent), now).sum())


def test_a_backlog_passes_and_a_flood_is_cut_to_its_last() -> None:
    bucket = rates()
    assert send(bucket, BURST) == BURST
    assert send(bucket, 5_000) == 1
    assert bucket.limited.tolist() == [True, False, False]
    assert send(bucket, 100, row=1) == 100


def test_the_last_message_of_a_limited_device_is_the_one_that_passes() -> None:
    bucket = rates()
    send(bucket, BURST)
    allowed = bucket.allow(np.array([0, 1, 0, 1, 0, 1], np.int32), np.zeros(6, np.bool_), NOW)
    assert allowed.tolist() == [False, True, False, True, True, True]


def test_what_may_carry_an_event_has_bounds_of_its_own() -> None:
    bucket = rates()
    send(bucket, BURST + 100)
    assert send(bucket, URGENT * BURST, urgent=True) == URGENT * BURST
    assert send(bucket, 100, urgent=True) == 1


def test_all_that_is_unknown_has_one_bucket_and_no_last() -> None:
    bucket = rates()
    assert send(bucket, BURST + 10, row=-1) == BURST
    assert send(bucket, 10, row=-1) == 0
    assert not bucket.limited.any()


def test_an_episode_ends_with_rest_and_not_before() -> None:
    bucket = rates()
    send(bucket, BURST + 100)
    now = NOW
    for _ in range(100):
        now += 1_000
        send(bucket, SUSTAINED + 5, now)
        assert bucket.limited[0]
    send(bucket, 1, now + 1_000 * REST // SUSTAINED + 1_000)
    assert not bucket.limited.any()


def test_devices_that_stay_keep_their_bucket_and_new_ones_get_a_full_one() -> None:
    bucket = rates(2)
    send(bucket, BURST + 1, row=0)
    send(bucket, BURST + 1, row=1)
    send(bucket, BURST, row=-1)
    bucket.resize(5, np.array([1, 2, 3, 4]))
    assert [send(bucket, 50, row=r) for r in range(5)] == [1, 50, 50, 50, 50]
    assert send(bucket, 50, row=-1) == 0


def test_a_clock_that_steps_back_gives_nothing() -> None:
    bucket = rates()
    send(bucket, BURST)
    assert send(bucket, 5, NOW - 60_000) == 1
    assert send(bucket, 5, NOW) == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.lists(st.tuples(st.integers(-1, 2), st.booleans()), max_size=300), st.integers(0, 400_000)),
        max_size=8,
    ),
    st.integers(0, BURST - 1),
)
def test_it_decides_as_buckets_do(flushes: list[tuple[list[tuple[int, bool]], int]], spent: int) -> None:
    bucket = rates()
    full = {False: float(BURST), True: float(BURST * URGENT)}
    tokens = {(row, kind): full[kind] for row in range(-1, 3) for kind in (False, True)}
    now = NOW
    send(bucket, spent, now)
    tokens[0, False] -= spent
    for messages, apart in flushes:
        now += apart
        for row, kind in tokens:
            gain = apart * SUSTAINED / 1_000 * (URGENT if kind else 1)
            tokens[row, kind] = min(tokens[row, kind] + gain, full[kind])
        expected = []
        for row, kind in messages:
            passes = tokens[row, kind] >= 1
            tokens[row, kind] -= passes
            expected.append(passes)
        for row in {r for r, _ in messages if r >= 0}:
            expected[max(i for i, (r, _) in enumerate(messages) if r == row)] = True
        rows = np.array([r for r, _ in messages], np.int32)
        assert bucket.allow(rows, np.array([k for _, k in messages], np.bool_), now).tolist() == expected
