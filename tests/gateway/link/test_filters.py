"""Topic filters: what covers what, held against a plain matcher of topics."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.link.filters import covers, everything, widest

LEVELS = ("a", "b", "$c", "")
TOPICS = ["/".join(levels) for n in (1, 2, 3, 4) for levels in product(LEVELS, repeat=n) if levels != ("",)]


def matches(topic_filter: str, topic: str) -> bool:
    """As the standard says it."""
    if topic[0:1] == "$" and topic_filter[0] in "#+":
        return False
    levels, on = topic_filter.split("/"), topic.split("/")
    for place, level in enumerate(levels):
        if level == "#":
            return True
        if place == len(on) or level not in ("+", on[place]):
            return False
    return len(levels) == len(on)


levels = st.lists(st.sampled_from((*LEVELS, "+", "+")), min_size=1, max_size=3)
filters = st.builds(lambda levels, rest: "/".join([*levels, "#"] if rest else levels), levels, st.booleans()) | st.just(
    "#"
)
filters = filters.filter(bool)


@given(filters, filters)
def test_what_covers_matches_all_that_is_covered(wide: str, narrow: str) -> None:
    heard = {t for t in TOPICS if matches(narrow, t)}
    if covers(wide, narrow):
        assert all(matches(wide, t) for t in heard)
    else:
        # A "+" or "#" can also stand for a level that is not among ours: it is looked at as a literal one.
        others = {t.replace("a", "other") for t in TOPICS if matches(narrow, t.replace("a", "other"))}
        assert not all(matches(wide, t) for t in heard | others)


@given(st.lists(filters, max_size=6))
def test_the_widest_hear_the_same(wanted: list[str]) -> None:
    chosen = widest(wanted)
    assert {t for t in TOPICS if any(matches(f, t) for f in wanted)} == {
        t for t in TOPICS if any(matches(f, t) for f in chosen)
    }
    assert not any(covers(a, b) for a in chosen for b in chosen if a != b)


@given(st.lists(filters, max_size=6))
def test_everything_hears_all_and_needs_little(wanted: list[str]) -> None:
    chosen = everything(wanted)
    assert all(any(matches(c, t) for c in chosen) for t in TOPICS if any(matches(f, t) for f in wanted))
    assert chosen[0] == "#"
    assert all(f.startswith("$") for f in chosen[1:])


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("tele/#", "tele/+/SENSOR", True),
        ("tele/#", "tele", True),
        ("tele/+", "tele/#", False),
        ("+/#", "#", True),
        ("a/+/#", "a/#", False),
        ("#", "$oc/devices/#", False),
        ("+/devices/#", "$oc/devices/x", False),
        ("$oc/#", "$oc/devices/+/sys/#", True),
        ("+/+", "/+", True),
        ("a/b", "a/b", True),
    ],
)
def test_some_that_occur(wide: str, narrow: str, expected: bool) -> None:
    assert covers(wide, narrow) is expected


def test_order_and_first_ones_stay() -> None:
    assert widest(["tele/+/SENSOR", "stat/#", "tele/#", "stat/#"]) == ("stat/#", "tele/#")
    assert widest(["+/#", "#", "a"]) == ("#",)
    assert everything(["tele/#", "$oc/a", "$oc/+/b", "$x"]) == ("#", "$oc/#", "$x/#")
