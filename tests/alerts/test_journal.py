"""Conformance: what every journal must do (`journal` is each of them in turn)."""

from contextlib import suppress

import pytest
from msgspec.structs import replace

from alerts.decisions import on_acknowledge, on_finding
from alerts.journal import AlertFilter, Condition, Entry, Journal, JournalConflict, Origin
from alerts.promises import Promise, PromiseState
from community.alert import Alert
from community.severity import Category
from tests.alerts.makers import ALARM, CRITICAL, NORMAL, NOW, WARNING, agreed, finding, life


class Cut(Exception):
    """What ends a transaction in these tests."""


def opened(journal: Journal, *devices: str, position: int = 1) -> list[Alert]:
    """Open an alert for each device, promised to the channel `w`."""
    decisions = [on_finding(None, finding(WARNING, NOW + i, device=d), "i") for i, d in enumerate(devices)]
    alerts = [d.alert for d in decisions if d.alert is not None]
    entries = [Entry(d.events[0], Origin(3, position, i)) for i, d in enumerate(decisions)]
    with journal.transaction() as work:
        events = work.store(alerts, [], entries)
        work.promise([(e.number, "w") for e in events], NOW)
        work.advance(3, position)
    return alerts


def test_an_empty_journal(journal: Journal) -> None:
    assert journal.open_alerts() == []
    assert journal.alerts(AlertFilter()) == []
    assert journal.alert("d1:x:1") is None
    assert journal.events() == []
    assert journal.events_of("d1:x:1") == []
    assert journal.last_number() == 0
    assert journal.positions() == {}
    assert journal.due_promises(NOW, 10, True) == []
    with journal.transaction() as work:
        assert work.position(3) == 0
        assert work.open_near(["d1"], ["h1"]) == []
        assert work.told(["d1:x:1"]) == {}
        assert work.taken(["d1:x:1"]) == set()


def test_a_probe_changes_nothing(journal: Journal) -> None:
    journal.probe()
    opened(journal, "d1")
    journal.probe()
    assert (journal.last_number(), len(journal.open_alerts())) == (1, 1)


def test_what_is_stored_is_read_again_in_full(journal: Journal) -> None:
    decision = on_finding(None, life(CRITICAL, late=True), "h1@5")
    assert decision.alert is not None
    with journal.transaction() as work:
        events = work.store([decision.alert], [], [Entry(e, Origin(0, 9, i)) for i, e in enumerate(decision.events)])
    assert [e.number for e in events] == [1, 2]
    assert journal.alert(decision.alert.id) == decision.alert
    assert journal.events() == events
    assert journal.events_of(decision.alert.id) == events
    assert events[0].evidence["samples"] == [[NOW, 18.5]]
    done = agreed(on_acknowledge(decision.alert, "杨", NOW + 9, "看过了"))
    assert done.alert is not None
    with journal.transaction() as work:
        (event,) = work.store([], [done.alert], [Entry(done.events[0], None)])
    assert journal.alert(done.alert.id) == done.alert
    assert journal.events(after=2) == [event]
    assert (event.number, event.actor, event.note) == (3, "杨", "看过了")
    assert journal.last_number() == 3


def test_missing_values_stay_missing(journal: Journal) -> None:
    decision = on_finding(None, finding(WARNING, value=None), "i")
    assert decision.alert is not None
    with journal.transaction() as work:
        work.store([decision.alert], [], [Entry(decision.events[0], None)])
    stored = journal.alert(decision.alert.id)
    assert stored is not None
    assert stored.value is None
    assert journal.events()[0].value is None


def test_a_block_that_raises_leaves_nothing(journal: Journal) -> None:
    opened(journal, "d1")
    before = (journal.events(), journal.open_alerts(), journal.positions())
    decision = on_finding(None, finding(WARNING, device="d2"), "i")
    assert decision.alert is not None
    with suppress(Cut), journal.transaction() as work:
        (event,) = work.store([decision.alert], [], [Entry(decision.events[0], Origin(3, 2, 0))])
        work.promise([(event.number, "w")], NOW)
        work.advance(3, 2)
        raise Cut
    assert (journal.events(), journal.open_alerts(), journal.positions()) == before
    assert journal.promises_in(PromiseState.PROMISED) == 1
    assert [a.device for a in opened(journal, "d3", position=2)] == ["d3"]
    assert [e.number for e in journal.events()] == [1, 2]


def test_numbers_rise_without_gaps(journal: Journal) -> None:
    opened(journal, "d1", "d2", position=1)
    opened(journal, "d3", position=2)
    assert [e.number for e in journal.events()] == [1, 2, 3]
    assert [e.number for e in journal.events(after=1, limit=1)] == [2]
    assert journal.events(after=3) == []


def test_one_open_alert_for_a_device_and_rule(journal: Journal) -> None:
    opened(journal, "d1")
    other = on_finding(None, finding(ALARM, NOW + 77), "i").alert
    assert other is not None
    with pytest.raises(JournalConflict), journal.transaction() as work:
        work.store([other], [], [])
    assert [a.severity for a in journal.open_alerts()] == [WARNING]


def test_a_successor_may_open_in_the_transaction_that_closes(journal: Journal) -> None:
    (alert,) = opened(journal, "d1")
    acknowledged = agreed(on_acknowledge(alert, "yang", NOW)).alert
    closed = on_finding(acknowledged, finding(NORMAL, NOW + 5), "i").alert
    successor = on_finding(None, finding(WARNING, NOW + 6), "i").alert
    assert closed is not None
    assert successor is not None
    with journal.transaction() as work:
        work.store([successor], [closed], [])
    assert [a.id for a in journal.open_alerts()] == [successor.id]
    with journal.transaction() as work:
        assert work.taken([alert.id, successor.id, "d9:x:1"]) == {alert.id, successor.id}


def test_an_id_is_never_given_twice(journal: Journal) -> None:
    (alert,) = opened(journal, "d1")
    done = agreed(on_acknowledge(alert, "yang", NOW)).alert
    closed = on_finding(done, finding(NORMAL, NOW + 5), "i").alert
    assert closed is not None
    with journal.transaction() as work:
        work.store([], [closed], [])
    with pytest.raises(JournalConflict), journal.transaction() as work:
        work.store([alert], [], [])


def test_a_log_record_cannot_be_journalled_twice(journal: Journal) -> None:
    opened(journal, "d1", position=5)
    with pytest.raises(JournalConflict):
        opened(journal, "d2", position=5)
    assert journal.last_number() == 1


def test_positions_are_kept_for_each_partition(journal: Journal) -> None:
    with journal.transaction() as work:
        work.advance(0, 7)
        work.advance(1, 9)
    with journal.transaction() as work:
        assert (work.position(0), work.position(1), work.position(2)) == (7, 9, 0)
        work.advance(0, 8)
    assert journal.positions() == {0: 8, 1: 9}


def test_open_alerts_are_found_by_device_and_by_household(journal: Journal) -> None:
    many = [f"d{i}" for i in range(1000)]
    opened(journal, *many)
    with journal.transaction() as work:
        assert [a.device for a in work.open_near(["d7", "absent"], [])] == ["d7"]
        assert len(work.open_near([], ["h1"])) == 1000
        assert len(work.open_near(many, ["h1"])) == 1000
        assert work.open_near([], []) == []


def test_listing(journal: Journal) -> None:
    alerts = opened(journal, *(f"d{i}" for i in range(5)))
    newest_first = [a.id for a in reversed(alerts)]
    assert [a.id for a in journal.alerts(AlertFilter())] == newest_first
    first = journal.alerts(AlertFilter(), limit=2)
    rest = journal.alerts(AlertFilter(), limit=9, before=first[-1])
    assert [a.id for a in (*first, *rest)] == newest_first
    assert [a.device for a in journal.open_alerts()] == ["d0", "d1", "d2", "d3", "d4"]


def test_listing_pages_through_alerts_of_one_moment(journal: Journal) -> None:
    # A feeder fails: many alerts carry the same time.
    decisions = [on_finding(None, finding(WARNING, device=f"d{i}"), "i") for i in range(7)]
    with journal.transaction() as work:
        work.store([d.alert for d in decisions if d.alert is not None], [], [])
    seen: list[str] = []
    page = journal.alerts(AlertFilter(), limit=3)
    while page:
        seen += [a.id for a in page]
        page = journal.alerts(AlertFilter(), limit=3, before=page[-1])
    assert len(seen) == len(set(seen)) == 7


def test_filters(journal: Journal) -> None:
    warning = on_finding(None, finding(WARNING, device="d1", household="h1"), "i").alert
    shock = on_finding(None, life(CRITICAL, device="d2"), "i").alert
    gone = on_finding(None, finding(ALARM, device="d3", household="h3"), "i").alert
    assert warning is not None
    assert shock is not None
    assert gone is not None
    eased = on_finding(shock, life(NORMAL, NOW + 1, device="d2"), "i").alert
    acknowledged = agreed(on_acknowledge(gone, "yang", NOW)).alert
    assert eased is not None
    assert acknowledged is not None
    with journal.transaction() as work:
        work.store([warning, eased, acknowledged], [], [])

    def devices(wanted: AlertFilter) -> set[str]:
        return {a.device for a in journal.alerts(wanted)}

    assert devices(AlertFilter(state=Condition.OPEN)) == {"d1", "d2", "d3"}
    assert devices(AlertFilter(state=Condition.UNACKNOWLEDGED)) == {"d1", "d2"}
    assert devices(AlertFilter(state=Condition.ACKNOWLEDGED)) == {"d3"}
    assert devices(AlertFilter(state=Condition.RETURNED)) == {"d2"}
    assert devices(AlertFilter(category=Category.LIFE)) == {"d2"}
    assert devices(AlertFilter(severity=ALARM)) == {"d2", "d3"}
    assert devices(AlertFilter(household="h3")) == {"d3"}
    assert devices(AlertFilter(device="d1", severity=ALARM)) == set()
    closed = on_finding(acknowledged, finding(NORMAL, NOW + 9, device="d3", household="h3"), "i").alert
    assert closed is not None
    with journal.transaction() as work:
        work.store([], [closed], [])
    assert devices(AlertFilter(state=Condition.CLOSED)) == {"d3"}
    assert devices(AlertFilter(state=Condition.ACKNOWLEDGED)) == set()
    assert devices(AlertFilter(state=Condition.OPEN)) == {"d1", "d2"}


def test_promises_are_due_in_order_and_settled(journal: Journal) -> None:
    opened(journal, "d1", "d2")
    first, second = journal.due_promises(NOW, 10, False)
    assert [p.event.device for p in (first, second)] == ["d1", "d2"]
    assert (first.channel, first.attempts, first.made_at, first.state) == ("w", 0, NOW, PromiseState.PROMISED)
    assert journal.due_promises(NOW, 1, False) == [first]
    assert journal.due_promises(NOW - 1, 10, False) == []
    assert journal.due_promises(NOW, 10, True) == []
    journal.settle(_tried(first, state=PromiseState.DELIVERED, settled_at=NOW))
    journal.settle(_tried(second, due_at=NOW + 50, last_error="answered 500"))
    assert journal.due_promises(NOW, 10, False) == []
    (again,) = journal.due_promises(NOW + 50, 10, False)
    assert (again.attempts, again.last_error) == (1, "answered 500")
    assert (journal.promises_in(PromiseState.DELIVERED), journal.promises_in(PromiseState.PROMISED)) == (1, 1)


def test_cleared_waits_behind_raised(journal: Journal) -> None:
    (alert,) = opened(journal, "d1")
    decision = on_finding(alert, finding(NORMAL, NOW + 5), "i")
    assert decision.alert is not None
    with journal.transaction() as work:
        (event,) = work.store([], [decision.alert], [Entry(decision.events[0], Origin(3, 2, 0))])
        assert work.told([alert.id]) == {alert.id: {"w"}}
        work.promise([(event.number, "w"), (event.number, "v")], NOW)
    raised, other = journal.due_promises(NOW, 10, False)
    assert (raised.channel, raised.event.event.value) == ("w", "raised")
    assert (other.channel, other.event.event.value) == ("v", "cleared")
    journal.settle(_tried(raised, due_at=NOW + 50))
    assert journal.due_promises(NOW, 10, False) == [other]
    journal.settle(_tried(raised, state=PromiseState.DELIVERED, settled_at=NOW))
    assert [p.channel for p in journal.due_promises(NOW, 10, False)] == ["w", "v"]


def _tried(promise: Promise, **changes: object) -> Promise:
    return replace(promise, attempts=promise.attempts + 1, **changes)
