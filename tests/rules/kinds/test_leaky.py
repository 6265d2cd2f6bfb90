"""Leaky accumulation by examples: decay, restarts, wraps, gaps."""

from math import exp

import pytest

from rules.kinds.leaky import KIND, LeakyRule
from tests.rules.kinds.harness import measures, reading, rule_of

RULE = rule_of(LeakyRule, 14.0, 7.0)


def levels(*counters: tuple[float, float]) -> list[float]:
    return measures(KIND, RULE, [reading(seconds, arc_count=n) for seconds, n in counters])


def test_the_first_reading_is_no_increment() -> None:
    assert levels((0, 1e9)) == [0]


def test_a_level_decays_by_e_in_its_time_constant() -> None:
    assert levels((0, 100), (1, 110), (61, 110), (121, 110)) == pytest.approx([0, 10, 10 / exp(1), 10 / exp(2)])


def test_a_burst_counts_and_the_same_number_spread_out_does_not() -> None:
    assert max(levels((0, 0), (1, 14))) == 14
    assert max(levels(*((60.0 * k, float(k)) for k in range(60)))) == pytest.approx(1 / (1 - exp(-1)))


@pytest.mark.parametrize(("shows", "adds"), [(0, 0), (3, 3), (16, 16), (17, 0), (65_000, 0)])
def test_a_restart_adds_what_it_shows_if_that_is_small(shows: float, adds: float) -> None:
    assert levels((0, 65_535), (1, shows)) == [0, adds]


def test_what_happened_in_a_gap_is_spread_over_it() -> None:
    assert levels((0, 0), (180, 60))[1] == 60
    assert levels((0, 0), (3600, 60))[1] == pytest.approx(1, rel=1e-9)
