"""Vitals: counters by label, components with their since, and who is told of a change."""

from community.vitals import Component, State, Vitals


def test_counters_add_up_by_label_and_in_all() -> None:
    vitals = Vitals()
    vitals.count("refused", reason="nan")
    vitals.count("refused", 2, reason="schema")
    assert (vitals.counter("refused", reason="schema"), vitals.counter("refused"), vitals.counter("other")) == (2, 3, 0)
    assert list(vitals.counters()) == [
        ("refused", (("reason", "nan"),), 1),
        ("refused", (("reason", "schema"),), 2),
    ]


def test_since_is_kept_while_the_state_stays() -> None:
    vitals = Vitals()
    vitals.report("log", State.DOWN, "away", 10)
    vitals.report("log", State.DOWN, "still away", 20)
    assert vitals.components() == [Component("log", State.DOWN, "still away", 10)]
    vitals.report("log", State.OK, "", 30)
    assert vitals.components() == [Component("log", State.OK, "", 30)]


def test_the_whole_is_as_ill_as_its_worst_part() -> None:
    vitals = Vitals()
    assert vitals.state() is State.OK
    vitals.report("a", State.DEGRADED, "", 0)
    vitals.report("b", State.DOWN, "", 0)
    vitals.report("c", State.OK, "", 0)
    assert vitals.state() is State.DOWN


def test_a_change_is_told_once_and_a_sound_start_is_no_news() -> None:
    told: list[tuple[str, State]] = []
    vitals = Vitals(lambda component: told.append((component.name, component.state)))
    for state in (State.OK, State.OK, State.DOWN, State.DOWN, State.OK):
        vitals.report("journal", state, "", 0)
    vitals.report("link", State.DOWN, "", 0)
    assert told == [("journal", State.DOWN), ("journal", State.OK), ("link", State.DOWN)]
