"""The life of an alert, decision by decision."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.decisions import Decision, Reason, Refused, on_acknowledge, on_finding, on_reset
from community.alert import Alert, EventKind
from community.finding import Finding
from community.severity import Category, Severity
from tests.alerts.makers import ALARM, CRITICAL, NORMAL, NOW, WARNING, agreed, finding, life

INCIDENT = f"h1@{NOW}"


def after(*steps: Finding | str) -> Alert:
    """The alert after findings and actions (`"acknowledge"`, `"reset"`)."""
    alert: Alert | None = None
    for step in steps:
        if isinstance(step, Finding):
            alert = on_finding(alert, step, INCIDENT).alert
        else:
            assert alert is not None
            action = on_acknowledge if step == "acknowledge" else on_reset
            alert = agreed(action(alert, "yang", NOW + 500)).alert
    assert alert is not None
    return alert


def kinds(decision: Decision) -> list[EventKind]:
    return [event.event for event in decision.events]


def test_a_condition_that_begins_raises_an_alert() -> None:
    decision = on_finding(None, finding(WARNING), INCIDENT)
    assert (decision.reason, kinds(decision)) == (Reason.BEGAN, [EventKind.RAISED])
    alert = decision.alert
    assert alert is not None
    assert alert.id == f"d1:residual.early:{NOW}"
    assert (alert.severity, alert.highest, alert.acknowledged, alert.latched) == (WARNING, WARNING, False, False)
    assert alert.evidence["since"] == NOW - 60_000
    event = decision.events[0]
    assert (event.reason, event.value, event.threshold, event.unit, event.incident) == (
        "began", 18.5, 15.0, "mA", INCIDENT,
    )  # fmt: skip


def test_only_life_is_latched() -> None:
    assert after(life(ALARM)).latched
    others = [c for c in Category if c is not Category.LIFE]
    assert not any(after(finding(ALARM, category=c)).latched for c in others)


def test_a_worse_turn_withdraws_the_acknowledgement() -> None:
    alert = after(finding(WARNING), "acknowledge")
    decision = on_finding(alert, finding(CRITICAL, NOW + 9, value=31.0), INCIDENT)
    assert (decision.reason, kinds(decision)) == (Reason.WORSE_TURN, [EventKind.ESCALATED])
    worse = decision.alert
    assert worse is not None
    assert (worse.severity, worse.highest, worse.value) == (CRITICAL, CRITICAL, 31.0)
    assert (worse.acknowledged, worse.acknowledged_at, worse.acknowledged_by) == (False, None, None)
    assert worse.raised_at == NOW


def test_easing_keeps_the_highest_severity_and_the_acknowledgement() -> None:
    alert = after(finding(CRITICAL), "acknowledge")
    decision = on_finding(alert, finding(WARNING, NOW + 9), INCIDENT)
    assert kinds(decision) == [EventKind.DE_ESCALATED]
    assert decision.alert is not None
    assert (decision.alert.severity, decision.alert.highest, decision.alert.acknowledged) == (WARNING, CRITICAL, True)


def test_return_then_acknowledgement_closes() -> None:
    returned = after(finding(WARNING), finding(NORMAL, NOW + 10))
    assert (returned.severity, returned.returned_at, returned.closed_at) == (NORMAL, NOW + 10, None)
    done = agreed(on_acknowledge(returned, "yang", NOW + 20, "looked")).alert
    assert done is not None
    assert (done.closed_at, done.acknowledged_by) == (NOW + 20, "yang")


def test_acknowledgement_then_return_closes() -> None:
    alert = after(finding(WARNING), "acknowledge")
    assert alert.closed_at is None
    decision = on_finding(alert, finding(NORMAL, NOW + 10), INCIDENT)
    assert kinds(decision) == [EventKind.CLEARED]
    assert decision.alert is not None
    assert decision.alert.closed_at == NOW + 10
    assert decision.events[0].severity is NORMAL


def test_the_same_alert_is_raised_again_while_it_waits_for_someone() -> None:
    alert = after(finding(ALARM), finding(NORMAL, NOW + 10))
    decision = on_finding(alert, finding(WARNING, NOW + 20), INCIDENT)
    assert (decision.reason, kinds(decision)) == (Reason.BEGAN_AGAIN, [EventKind.RAISED])
    again = decision.alert
    assert again is not None
    assert (again.id, again.severity, again.highest, again.returned_at) == (alert.id, WARNING, ALARM, None)


def test_a_latched_alert_needs_return_acknowledgement_and_reset() -> None:
    alert = after(life(CRITICAL))
    assert on_reset(alert, "yang", NOW) == Refused(Reason.STILL_HOLDS, "the condition still holds (critical)")
    alert = after(life(CRITICAL), life(NORMAL, NOW + 10))
    refused = on_reset(alert, "yang", NOW)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.NOT_ACKNOWLEDGED
    alert = after(life(CRITICAL), life(NORMAL, NOW + 10), "acknowledge")
    assert alert.closed_at is None
    decision = agreed(on_reset(alert, "yang", NOW + 30, "meter replaced"))
    assert kinds(decision) == [EventKind.RESET]
    assert decision.alert is not None
    assert decision.alert.closed_at == NOW + 30
    assert (decision.events[0].actor, decision.events[0].note) == ("yang", "meter replaced")
    again = on_reset(decision.alert, "yang", NOW + 31)
    assert isinstance(again, Refused)
    assert again.reason is Reason.ALREADY_CLOSED


def test_a_latched_alert_raised_again_needs_a_person_again() -> None:
    alert = after(life(CRITICAL), life(NORMAL, NOW + 10), "acknowledge", life(ALARM, NOW + 20), life(NORMAL, NOW + 30))
    refused = on_reset(alert, "yang", NOW + 40)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.NOT_ACKNOWLEDGED


def test_what_is_not_latched_cannot_be_reset() -> None:
    refused = on_reset(after(finding(WARNING), finding(NORMAL, NOW + 1)), "yang", NOW)
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.NOT_LATCHED


def test_the_second_acknowledgement_is_refused_by_name() -> None:
    refused = on_acknowledge(after(finding(WARNING), "acknowledge"), "li", NOW)
    assert refused == Refused(Reason.ALREADY_ACKNOWLEDGED, "acknowledged by yang before")


@pytest.mark.parametrize(("seen", "agreed_to"), [(WARNING, False), (ALARM, False), (CRITICAL, True), (None, True)])
def test_acknowledging_one_thing_never_acknowledges_a_worse_one(seen: Severity | None, agreed_to: bool) -> None:
    # It was critical for a moment and returned while the person still looked at a warning.
    alert = after(finding(WARNING), finding(CRITICAL, NOW + 1), finding(NORMAL, NOW + 2))
    outcome = on_acknowledge(alert, "yang", NOW + 3, seen=seen)
    assert isinstance(outcome, Decision) == agreed_to
    assert outcome.reason is (Reason.ACKNOWLEDGED if agreed_to else Reason.WORSE_MEANWHILE)


def test_what_is_known_gives_no_event() -> None:
    alert = after(finding(ALARM))
    # An engine rebuilt from scratch says it again, from NORMAL.
    assert on_finding(alert, finding(ALARM, NOW + 5), INCIDENT) == Decision(Reason.UNCHANGED, alert)
    assert on_finding(None, finding(NORMAL), INCIDENT) == Decision(Reason.NOTHING_OPEN, None)
    returned = after(finding(ALARM), finding(NORMAL, NOW + 5))
    assert on_finding(returned, finding(NORMAL, NOW + 6), INCIDENT) == Decision(Reason.UNCHANGED, returned)


def test_the_present_severity_decides_not_what_the_engine_thought() -> None:
    alert = after(finding(CRITICAL))
    decision = on_finding(alert, finding(WARNING, NOW + 5, previous=NORMAL), INCIDENT)
    assert decision.reason is Reason.EASED


@pytest.mark.parametrize("acknowledged", [False, True])
def test_what_a_group_stands_for_is_closed_whether_anybody_has_seen_it_or_not(acknowledged: bool) -> None:
    alert = after(finding(ALARM), *(["acknowledge"] if acknowledged else []))
    decision = on_finding(alert, finding(NORMAL, NOW + 5, taken_into="building:b1"), "i")
    assert decision.alert is not None
    assert (decision.reason, decision.events[0].reason) == (Reason.TAKEN_INTO_GROUP, "taken_into_group")
    assert kinds(decision) == [EventKind.CLEARED]
    assert (decision.alert.closed_at, decision.alert.acknowledged) == (NOW + 5, acknowledged)
    refused = on_acknowledge(decision.alert, "yang", NOW + 9)
    assert isinstance(refused, Refused)
    assert refused.reason is (Reason.ALREADY_ACKNOWLEDGED if acknowledged else Reason.ALREADY_CLOSED)


def test_a_latched_alert_is_never_taken() -> None:
    decision = on_finding(after(life(ALARM)), finding(NORMAL, NOW + 5, taken_into="building:b1"), "i")
    assert decision.alert is not None
    assert (decision.reason, decision.alert.closed_at) == (Reason.RETURNED, None)


def test_a_late_proof_is_raised_and_cleared_at_once() -> None:
    decision = on_finding(None, life(CRITICAL, late=True), INCIDENT)
    assert decision.reason is Reason.LATE_PROOF
    assert kinds(decision) == [EventKind.RAISED, EventKind.CLEARED]
    assert [e.severity for e in decision.events] == [CRITICAL, NORMAL]
    assert all(e.late for e in decision.events)
    alert = decision.alert
    assert alert is not None
    assert (alert.severity, alert.highest, alert.late, alert.returned_at, alert.closed_at) == (
        NORMAL, CRITICAL, True, NOW, None,
    )  # fmt: skip
    assert on_finding(alert, life(NORMAL, late=True), INCIDENT) == Decision(Reason.LATE_RETURN, alert)


def test_a_late_proof_of_something_worse_escalates_and_goes_back_to_the_present() -> None:
    alert = after(finding(WARNING), "acknowledge")
    decision = on_finding(alert, finding(CRITICAL, NOW - 5, late=True), INCIDENT)
    assert kinds(decision) == [EventKind.ESCALATED, EventKind.DE_ESCALATED]
    assert [e.severity for e in decision.events] == [CRITICAL, WARNING]
    assert decision.alert is not None
    assert (decision.alert.severity, decision.alert.highest, decision.alert.acknowledged) == (WARNING, CRITICAL, False)
    returned = after(finding(WARNING), finding(NORMAL, NOW + 1))
    decision = on_finding(returned, finding(ALARM, NOW - 5, late=True), INCIDENT)
    assert kinds(decision) == [EventKind.ESCALATED, EventKind.CLEARED]
    assert decision.alert is not None
    assert (decision.alert.severity, decision.alert.returned_at) == (NORMAL, NOW + 1)


def test_a_late_proof_of_what_is_known_says_nothing() -> None:
    alert = after(finding(ALARM))
    assert on_finding(alert, finding(ALARM, NOW - 5, late=True), INCIDENT) == Decision(Reason.ALREADY_KNOWN, alert)


steps = st.lists(
    st.one_of(st.tuples(st.sampled_from(list(Severity)), st.booleans()), st.sampled_from(["acknowledge", "reset"])),
    max_size=20,
)


@given(steps, st.sampled_from([Category.LIFE, Category.SUPERVISORY]))
def test_whatever_happens_an_alert_stays_consistent(
    path: list[tuple[Severity, bool] | str], category: Category
) -> None:
    alert: Alert | None = None
    for i, step in enumerate(path):
        if isinstance(step, str):
            if alert is None:
                continue
            outcome = (on_acknowledge if step == "acknowledge" else on_reset)(alert, "yang", NOW + i)
            if isinstance(outcome, Refused):
                continue
        else:
            outcome = on_finding(alert, finding(step[0], NOW + i, category=category, late=step[1]), INCIDENT)
        assert bool(outcome.events) == (outcome.alert != alert)
        alert = outcome.alert
        if alert is None:
            continue
        assert alert.highest >= alert.severity
        assert alert.highest > NORMAL
        assert (alert.severity is NORMAL) == (alert.returned_at is not None)
        assert alert.acknowledged == (alert.acknowledged_at is not None)
        if outcome.events:
            last = outcome.events[-1]
            assert (last.severity, last.alert) == (alert.severity, alert.id)
        if alert.closed_at is not None:
            assert alert.acknowledged
            assert alert.severity is NORMAL
            assert not alert.latched or outcome.events[-1].event is EventKind.RESET
            alert = None  # a new one may arise
        elif alert.severity is NORMAL:
            assert alert.latched or not alert.acknowledged
