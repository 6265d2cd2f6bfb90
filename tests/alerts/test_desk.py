"""The desk: one transaction for all, known records skipped, actions refused by name."""

from collections.abc import Sequence

import pytest

from alerts.decisions import Decision, Reason, Refused
from alerts.desk import COMPONENT, Desk
from alerts.incidents import incident_of
from alerts.journal import Journal, JournalUnavailable
from alerts.promises import PromiseState
from community.alert import AlertEvent
from community.finding import Finding
from community.severity import Category
from community.vitals import State, Vitals
from tests.alerts.makers import ALARM, CRITICAL, NORMAL, NOW, WARNING, Failing, agreed, desk, finding, life, of_group


def told(events: Sequence[AlertEvent]) -> list[str]:
    return [f"{e.device} {e.event.value}" for e in events]


def test_findings_become_events_promises_and_a_position(journal: Journal) -> None:
    events = desk(journal, "phone", "mail").handle(4, 10, [life(CRITICAL), finding(WARNING, device="d2")])
    assert told(events) == ["d1 raised", "d2 raised"]
    assert [e.number for e in events] == [1, 2]
    assert journal.events() == events
    assert journal.positions() == {4: 10}
    assert journal.promises_in(PromiseState.PROMISED) == 4


@pytest.mark.parametrize("position", [10, 9, 1])
def test_a_record_that_is_journalled_is_skipped(journal: Journal, position: int) -> None:
    vitals = Vitals()
    d = desk(journal, "phone", vitals=vitals)
    d.handle(4, 10, [life(CRITICAL)])
    assert d.handle(4, position, [life(ALARM), finding(WARNING, device="d2")]) == []
    assert (journal.last_number(), journal.positions()) == (1, {4: 10})
    assert vitals.counter("desk_findings_known") == 2
    assert told(d.handle(5, position, [finding(WARNING, device="d2")])) == ["d2 raised"]


def test_no_findings_write_nothing(journal: Journal) -> None:
    d = desk(journal)
    assert d.handle(4, 10, []) == []
    assert journal.positions() == {}
    d.checkpoint(4, 10)
    d.checkpoint(4, 7)
    assert journal.positions() == {4: 10}
    assert d.handle(4, 9, [life(CRITICAL)]) == []


def test_findings_without_events_still_move_the_position(journal: Journal) -> None:
    d = desk(journal)
    d.handle(4, 10, [life(CRITICAL)])
    assert d.handle(4, 11, [life(CRITICAL, NOW + 5)]) == []
    assert journal.positions() == {4: 11}


def test_several_findings_of_one_alert_in_one_record(journal: Journal) -> None:
    burst = [finding(WARNING), finding(CRITICAL, NOW + 1), finding(ALARM, NOW + 2), finding(NORMAL, NOW + 3)]
    events = desk(journal).handle(0, 1, burst)
    assert [e.event.value for e in events] == ["raised", "escalated", "de-escalated", "cleared"]
    (alert,) = journal.open_alerts()
    assert (alert.severity, alert.highest, alert.returned_at) == (NORMAL, CRITICAL, NOW + 3)


def test_an_acknowledged_alert_closes_and_its_successor_opens_in_one_record(journal: Journal) -> None:
    d = desk(journal)
    (raised,) = d.handle(0, 1, [finding(WARNING)])
    agreed(d.acknowledge(raised.alert, "yang", NOW + 1))
    events = d.handle(0, 2, [finding(NORMAL, NOW + 5), finding(ALARM, NOW + 6), finding(CRITICAL, NOW + 7)])
    assert [e.event.value for e in events] == ["cleared", "raised", "escalated"]
    assert events[0].alert == raised.alert != events[1].alert == events[2].alert
    (alert,) = journal.open_alerts()
    assert alert.highest is CRITICAL
    # Nothing was open in the household any more: a new incident.
    assert (raised.incident, events[1].incident) == (f"h1@{NOW}", f"h1@{NOW + 6}")


def test_an_id_that_is_taken_gets_a_number(journal: Journal) -> None:
    d = desk(journal)
    ids = []
    for position in (1, 3, 5):
        (raised,) = d.handle(0, position, [finding(WARNING)])
        agreed(d.acknowledge(raised.alert, "yang", NOW))
        d.handle(0, position + 1, [finding(NORMAL)])
        ids.append(raised.alert)
    base = f"d1:residual.early:{NOW}"
    assert ids == [base, f"{base}-2", f"{base}-3"]
    (raised,) = d.handle(0, 7, [finding(WARNING)])
    agreed(d.acknowledge(raised.alert, "yang", NOW))
    # Closing and two openings of the same moment within one record.
    events = d.handle(0, 8, [finding(NORMAL), finding(WARNING)])
    assert events[1].alert == f"{base}-5"


def test_alerts_of_a_household_share_its_open_incident(journal: Journal) -> None:
    d = desk(journal)
    first, other = d.handle(0, 1, [finding(WARNING), finding(WARNING, device="d9", household="h9")])
    assert (first.incident, other.incident) == (f"h1@{NOW}", f"h9@{NOW}")
    events = d.handle(0, 2, [finding(WARNING, NOW + 9, device="d2"), finding(WARNING, NOW + 9, device="d3")])
    assert {e.incident for e in events} == {f"h1@{NOW}"}
    for alert in journal.open_alerts():
        d.acknowledge(alert.id, "yang", NOW + 10)
    ends = [finding(NORMAL, NOW + 11, device=x) for x in ("d1", "d2", "d3")]
    d.handle(0, 3, ends)
    (raised,) = d.handle(0, 4, [finding(WARNING, NOW + 20)])
    assert raised.incident == f"h1@{NOW + 20}"


def test_an_alert_about_a_group_has_an_incident_of_its_own(journal: Journal) -> None:
    d = desk(journal)
    first, other = d.handle(0, 1, [of_group(ALARM), of_group(ALARM, group="feeder:f2")])
    assert (first.incident, other.incident) == (f"feeder:f1@{NOW}", f"feeder:f2@{NOW}")
    (same,) = d.handle(0, 2, [of_group(ALARM, NOW + 5, rule="neutral.broken")])
    assert same.incident == first.incident
    (home,) = d.handle(0, 3, [finding(WARNING, NOW + 6)])
    assert home.incident == f"h1@{NOW + 6}"
    assert d.handle(0, 4, [of_group(ALARM, NOW + 7)]) == [], "one open alert for a group and rule"
    assert told(d.handle(0, 5, [of_group(NORMAL, NOW + 8)])) == ["feeder:f1 cleared"]


def test_members_are_taken_into_their_group_s_alert_and_raised_anew_when_it_has_ended(journal: Journal) -> None:
    d = desk(journal)
    d.handle(0, 1, [finding(WARNING, device=name, household=name) for name in ("d1", "d2")])
    taken = [finding(NORMAL, NOW + 5, device=n, household=n, taken_into="feeder:f1") for n in ("d1", "d2")]
    assert told(d.handle(0, 2, [of_group(ALARM, NOW + 5), *taken])) == ["feeder:f1 raised", "d1 cleared", "d2 cleared"]
    assert [a.device for a in journal.open_alerts()] == ["feeder:f1"]
    back = d.handle(0, 3, [of_group(NORMAL, NOW + 9), finding(WARNING, device="d1", household="d1")])
    assert told(back) == ["feeder:f1 cleared", "d1 raised"]
    assert back[1].alert == f"d1:residual.early:{NOW}-2", "the first bears this moment's name"


def test_an_incident_of_its_own_where_nothing_is_open() -> None:
    assert incident_of(finding(WARNING), []) == f"h1@{NOW}"


def test_the_same_records_give_the_same_events(journal: Journal) -> None:
    records = [[life(CRITICAL), finding(WARNING, device="d2")], [finding(NORMAL, NOW + 2, device="d2")]]
    lines = [e.line() for i, fs in enumerate(records, 1) for e in desk(journal).handle(0, i, fs)]
    again = desk(journal, "phone")
    assert [again.handle(0, i, fs) for i, fs in enumerate(records, 1)] == [[], []]
    assert [e.line() for e in journal.events()] == lines


def test_promises_follow_category_and_who_was_told(journal: Journal) -> None:
    desk(journal).handle(0, 1, [finding(WARNING), life(CRITICAL, device="d2")])
    # Configured since: the channel has not heard of either.
    d = desk(journal, "phone")
    d.handle(0, 2, [finding(NORMAL, NOW + 1), life(NORMAL, NOW + 1, device="d2")])
    assert [p.event.device for p in journal.due_promises(NOW, 9, True)] == ["d2"]
    assert journal.due_promises(NOW, 9, False) == []
    d.handle(0, 3, [finding(ALARM, NOW + 2), finding(NORMAL, NOW + 3)])
    assert journal.promises_in(PromiseState.PROMISED) == 3
    (raised,) = journal.due_promises(NOW, 9, False)
    assert raised.event.event.value == "raised"


def test_easing_and_actions_promise_nothing(journal: Journal) -> None:
    d = desk(journal, "phone")
    (raised,) = d.handle(0, 1, [finding(CRITICAL)])
    d.handle(0, 2, [finding(WARNING, NOW + 1)])
    d.acknowledge(raised.alert, "yang", NOW)
    assert journal.promises_in(PromiseState.PROMISED) == 1


def test_actions(journal: Journal) -> None:
    heard: list[AlertEvent] = []
    d = Desk(journal, (), Vitals(), lambda: NOW, heard.extend)
    (raised,) = d.handle(0, 1, [life(CRITICAL)])
    worse = d.acknowledge(raised.alert, "yang", NOW + 1, "seen", seen=WARNING)
    assert isinstance(worse, Refused)
    assert worse.reason is Reason.WORSE_MEANWHILE
    outcome = d.acknowledge(raised.alert, "yang", NOW + 1, "seen", seen=CRITICAL)
    assert isinstance(outcome, Decision)
    assert outcome.alert == journal.alert(raised.alert)
    assert [e.number for e in outcome.events] == [2]
    refused = d.acknowledge(raised.alert, "li", NOW + 2)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.ALREADY_ACKNOWLEDGED
    assert isinstance(d.reset(raised.alert, "yang", NOW + 3), Refused)
    d.handle(0, 2, [life(NORMAL, NOW + 4)])
    assert isinstance(d.reset(raised.alert, "yang", NOW + 5), Decision)
    assert journal.open_alerts() == []
    assert [e.event.value for e in heard] == ["raised", "acknowledged", "cleared", "reset"]
    assert heard == journal.events() == journal.events_of(raised.alert)


@pytest.mark.parametrize("action", ["acknowledge", "reset"])
def test_an_unknown_alert(journal: Journal, action: str) -> None:
    outcome = getattr(desk(journal), action)("nobody", "yang", NOW)
    assert isinstance(outcome, Refused)
    assert outcome.reason is Reason.UNKNOWN_ALERT


def test_a_listener_that_fails_is_counted(journal: Journal) -> None:
    def fail(_: Sequence[AlertEvent]) -> None:
        raise RuntimeError("feed is gone")

    vitals = Vitals()
    events = Desk(journal, (), vitals, lambda: NOW, fail).handle(0, 1, [life(CRITICAL)])
    assert journal.events() == events
    assert vitals.counter("desk_listener_failed") == 1


@pytest.mark.parametrize("verb", ["store", "promise", "advance", "commit"])
def test_cut_anywhere_nothing_is_lost_and_nothing_doubled(journal: Journal, verb: str) -> None:
    failing = Failing(journal)
    vitals = Vitals()
    d = Desk(failing, ("phone",), vitals, lambda: NOW)  # type: ignore[arg-type] # reads are passed on by __getattr__
    burst = [life(CRITICAL), finding(WARNING, device="d2")]
    failing.fail_at = verb
    with pytest.raises(JournalUnavailable):
        d.handle(0, 1, burst)
    assert (journal.events(), journal.positions(), journal.promises_in(PromiseState.PROMISED)) == ([], {}, 0)
    (component,) = vitals.components()
    assert (component.name, component.state) == (COMPONENT, State.DOWN)
    failing.fail_at = None
    assert [e.number for e in d.handle(0, 1, burst)] == [1, 2]
    assert journal.promises_in(PromiseState.PROMISED) == 2
    assert vitals.state() is State.OK


def test_a_thousand_findings_in_one_record(journal: Journal) -> None:
    many: list[Finding] = [
        finding(ALARM, device=f"d{i}", household=f"h{i % 200}", category=list(Category)[i % 4]) for i in range(1000)
    ]
    d = desk(journal, "phone", "mail")
    events = d.handle(0, 1, many)
    assert len(events) == len(journal.open_alerts()) == 1000
    assert journal.promises_in(PromiseState.PROMISED) == 2000
    assert len({e.incident for e in events}) == 200
