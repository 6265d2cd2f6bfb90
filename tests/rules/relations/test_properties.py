"""Whatever is found, in whatever order, with whatever between: nothing is lost, doubled or forgotten."""

from collections.abc import Iterable
from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from community.finding import Finding
from community.severity import Category, Severity
from rules.relations.definition import GroupRule
from rules.relations.judge import begins
from rules.relations.relations import Relations
from rules.relations.scope import AGAINST, MEMBERS, Scope
from tests.rules.relations.makers import (
    ALARM,
    NORMAL,
    T0,
    WARNING,
    at,
    combination,
    group,
    plain,
    relations,
    says,
    street,
)

HOMES = street(6, detectors=1)
DEVICES = [d.id for d in HOMES.device]
CATEGORIES = {
    "smoke.alarm": Category.LIFE,
    "co.dose": Category.LIFE,
    "device.silent": Category.SUPERVISORY,
    "voltage.under": Category.DETERIORATION,
    "voltage.over": Category.DETERIORATION,
}
BOOK = (
    plain("smoke.alarm", Category.LIFE),
    plain("co.dose", Category.LIFE),
    plain("device.silent"),
    plain("voltage.under", Category.DETERIORATION),
    plain("voltage.over", Category.DETERIORATION, mode="probe"),
    combination(parts={"smoke": {"rules": ["smoke.*"]}, "co": {"rules": ["co.*"]}}, condition="smoke and co",
                within=20),
    combination("fire.two", scope="building", parts={"smoke": {"rules": ["smoke.*"]}}, condition="smoke", within=15,
                distinct_devices=2),
    group(rules=["device.silent"], absorbs=["device.*"], least=3, within=20, wait=10),
    group("supply.dark", over="community", rules=["device.silent"], absorbs=["supply.*", "device.*"], least=4,
          within=20, wait=5),
    group("supply.sag", over="feeder", rules=["voltage.under"], absorbs=["voltage.*", "smoke.*"], least=2, within=10),
    group("neutral.broken", category="life", rules=["voltage.over"], least=2, within=10,
          against={"rules": ["voltage.under"]}),
)  # fmt: skip

Step = Finding | int
"""A finding, or the time of a tick."""


@st.composite
def histories(
    draw: st.DrawFn, devices: tuple[str, ...] = tuple(DEVICES), rules: tuple[str, ...] = tuple(CATEGORIES)
) -> list[Step]:
    """Findings as an engine makes them: each follows from the former of its device and rule; times of one device do not
    go backwards, those of different devices may. Ticks rise.
    """
    steps: list[Step] = []
    levels: dict[tuple[str, str], Severity] = {}
    now = 0
    behind = {d: draw(st.integers(0, 12)) for d in devices}
    for _ in range(draw(st.integers(1, 40))):
        now += draw(st.integers(0, 8))
        what = draw(st.integers(0, 9))
        if what == 0:
            steps.append(at(now))
            continue
        device, rule = draw(st.sampled_from(devices)), draw(st.sampled_from(rules))
        seconds = now - behind[device]
        before = levels.get((device, rule), NORMAL)
        if what == 1:
            for level, previous in ((ALARM, NORMAL), (NORMAL, ALARM)):
                steps.append(
                    says(device, rule, seconds - 5, level, previous=previous, late=True, received=now,
                         category=CATEGORIES[rule], estate=HOMES)
                )  # fmt: skip
            continue
        level = draw(st.sampled_from([s for s in (NORMAL, WARNING, ALARM) if s is not before]))
        levels[device, rule] = level
        steps.append(
            says(device, rule, seconds, level, previous=before, received=now, category=CATEGORIES[rule], estate=HOMES)
        )
    return steps


def fresh() -> Relations:
    return relations(*BOOK, estate=HOMES)


def step(r: Relations, what: Step) -> list[Finding]:
    if isinstance(what, Finding):
        return r.take(what)
    due = r.next_deadline
    found = r.tick(what)
    assert found == [] or (due is not None and due <= what), "a tick before the deadline brings nothing"
    assert r.next_deadline is None or r.next_deadline > what
    return found


def run(r: Relations, steps: Iterable[Step]) -> list[Finding]:
    return [f for what in steps for f in step(r, what)]


def restarted(r: Relations) -> Relations:
    again = fresh()
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(r.state())))
    return again


def levels_of(told: Iterable[Finding]) -> dict[tuple[str, str], Severity]:
    """What people believe who heard all this; each finding must follow from the former ones."""
    levels: dict[tuple[str, str], Severity] = {}
    for f in told:
        if f.late:
            continue
        key = f.device, f.rule
        assert f.previous == levels.get(key, NORMAL), f
        assert f.severity != f.previous, f
        levels[key] = f.severity
    return {key: level for key, level in levels.items() if level is not NORMAL}


def plain_levels(steps: Iterable[Step]) -> dict[tuple[str, str], Severity]:
    found = {(f.device, f.rule): f.severity for f in steps if isinstance(f, Finding) and not f.late}
    return {key: level for key, level in found.items() if level is not NORMAL}


def all_over(steps: list[Step]) -> list[Step]:
    """The end of everything that still holds, and a tick long after."""
    return [
        *(says(d, r, 500, NORMAL, previous=level, category=CATEGORIES[r], estate=HOMES)
          for (d, r), level in sorted(plain_levels(steps).items())),
        at(2_000),
    ]  # fmt: skip


@given(histories())
def test_what_is_told_is_a_story_and_levels_are_its_last_word(steps: list[Step]) -> None:
    r = fresh()
    told = run(r, steps)
    assert levels_of(told) == r.told(plain_levels(steps))


@given(histories())
def test_every_raise_is_followed_by_its_end_and_then_nothing_is_remembered(steps: list[Step]) -> None:
    r = fresh()
    told = run(r, [*steps, *all_over(steps)])
    assert levels_of(told) == {}
    empty = fresh()
    empty.withheld = r.withheld
    assert r.state() == empty.state()
    assert r.next_deadline is None


@given(histories())
def test_what_holds_is_told_at_last_or_stands_in_a_group(steps: list[Step]) -> None:
    r = fresh()
    told = levels_of(run(r, [*steps, at(2_000), at(2_100), at(2_200)]))  # what outlives a group waits once more
    live = {k: level for k, level in plain_levels(steps).items() if k[1] != "voltage.over"}
    groups = {rule for _, rule in told if rule.startswith("supply")}
    absorbed = {"device.silent": {"supply.outage", "supply.dark"}, "voltage.under": {"supply.sag", "supply.dark"}}
    for key, level in live.items():
        assert told.get(key) == level or groups & absorbed.get(key[1], set())


@given(histories(), st.integers(0, 40))
def test_a_restart_anywhere_changes_nothing(steps: list[Step], cut: int) -> None:
    r = fresh()
    run(r, steps[:cut])
    again = restarted(r)
    assert again.state() == r.state()
    rest = [*steps[cut:], *all_over(steps)]
    for what in rest:
        assert step(again, what) == step(r, what)
        assert again.state() == r.state()


@given(histories(), st.integers(0, 40))
def test_the_same_rulebook_and_estate_once_more_change_nothing(steps: list[Step], cut: int) -> None:
    r = fresh()
    told = run(r, steps[:cut])
    now = max([f for f in steps[:cut] if isinstance(f, int)], default=T0)
    before = r.state()
    again = restarted(r)
    assert again.change(r.book._rulebook, HOMES, HOMES.device, now) == []
    assert again.state() == before
    assert told + run(again, steps[cut:]) == told + run(r, steps[cut:])


@given(histories(), st.integers(0, 40), st.sets(st.integers(0, len(BOOK) - 1), min_size=1), st.data())
def test_another_rulebook_leaves_a_story_too(steps: list[Step], cut: int, kept: set[int], data: st.DataObject) -> None:
    r = fresh()
    told = run(r, steps[:cut])
    modes = st.sampled_from(["live", "shadow", "probe"])
    book = [
        rule.model_copy(update={"mode": data.draw(modes)}) if n < 5 else rule
        for n, rule in enumerate(BOOK) if n < 5 or n in kept
    ]  # fmt: skip
    told += r.change(relations(*book, estate=HOMES).book._rulebook, HOMES, HOMES.device, at(300))
    live = [f for f in told if not f.shadow]
    assert levels_of(live) == r.told(plain_levels(steps[:cut]))
    late = [
        msgspec.structs.replace(f, ts=f.ts + 400_000) if isinstance(f, Finding) else f + 400_000 for f in steps[cut:]
    ]
    told += run(r, late)
    told += run(r, [f if isinstance(f, int) else msgspec.structs.replace(f, ts=at(1_500)) for f in all_over(steps)])
    assert levels_of(f for f in told if not f.shadow) == {}
    levels_of(f for f in told if f.shadow)


@given(histories())
def test_life_is_told_at_once_and_as_it_is(steps: list[Step]) -> None:
    r = fresh()
    for what in steps:
        found = step(r, what)
        if isinstance(what, Finding) and what.category is Category.LIFE:
            assert found[0] == what


HOME_RULES = ("smoke.alarm", "co.dose")


@given(histories(("p0", "s0a"), HOME_RULES), histories(("p1", "s1a"), HOME_RULES), st.randoms(use_true_random=False))
def test_homes_do_not_know_of_each_other(one: list[Step], other: list[Step], random: Random) -> None:
    def of_home(steps: Iterable[Step], home: str) -> list[Finding]:
        r = relations(*BOOK[:6], estate=HOMES)
        return [f for f in run(r, [s for s in steps if isinstance(s, Finding)]) if f.household == home]

    mixed: list[Step] = []
    left, right = list(one), list(other)
    while left or right:
        side = left if not right or (left and random.random() < 0.5) else right
        mixed.append(side.pop(0))
    assert of_home(mixed, "h0") == of_home(one, "h0")
    assert of_home(mixed, "h1") == of_home(other, "h1")


times = st.lists(st.tuples(st.sampled_from(DEVICES), st.integers(0, 40)), max_size=10, unique_by=lambda t: t[0])


@given(times, times, st.integers(0, 3))
@settings(max_examples=200)
def test_a_group_begins_exactly_when_some_window_holds_enough(
    members: list[tuple[str, int]], others: list[tuple[str, int]], least_against: int
) -> None:
    against: dict[str, Any] = {"against": {"rules": ["voltage.under"], "least": least_against}} if least_against else {}
    rule: GroupRule = group(rules=["voltage.over"], least=3, within=10, **against)
    scope = Scope(rule, T0)
    said = [(MEMBERS, "voltage.over", *m) for m in members] + [(AGAINST, "voltage.under", *o) for o in others]
    begun = False
    for n, (role, id_, device, seconds) in enumerate(said):
        finding = says(device, id_, seconds, estate=HOMES)
        scope.note(role, WARNING, finding)
        found = begins(rule, scope, len(DEVICES), finding.ts)
        seen = said[: n + 1]
        expected = any(
            sum(r == MEMBERS and s <= t <= s + 10 for r, _, _, t in seen) >= 3
            and sum(r == AGAINST and s <= t <= s + 10 for r, _, _, t in seen) >= least_against
            and s <= seconds <= s + 10
            for s in range(-10, 41)
        )
        assert (found is not None) == expected
        begun |= expected
        assert (begins(rule, scope, len(DEVICES)) is not None) == begun
