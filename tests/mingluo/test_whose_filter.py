"""Who is no longer heard when a broker refuses a filter."""

import pytest

from gateway.decoding.registry import Profiles
from mingluo.accounts import whose_filter


@pytest.mark.parametrize(
    ("topic_filter", "speaking", "whose"),
    [
        ("shellies/#", {"shelly1", "tasmota"}, "profile shelly1"),
        ("mingluo/v1/#", set(), "profile native"),  # it is always listened to
        ("#", {"shelly1"}, "profile native, shelly1"),
        ("shellies/#", {"tasmota"}, ""),
    ],
)
def test_the_profiles_of_a_filter_are_named(topic_filter: str, speaking: set[str], whose: str) -> None:
    assert whose_filter(topic_filter, speaking, Profiles()) == whose
