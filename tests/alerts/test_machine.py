"""Any series of findings, actions, crashes and restarts: both journals agree, and the rules of the house hold."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alerts.decisions import Decision, Refused
from alerts.desk import Desk
from alerts.journal import AlertFilter, Journal, JournalUnavailable
from alerts.journal_memory import MemoryJournal
from alerts.promises import PromiseState
from community.alert import Alert, AlertEvent, EventKind
from community.finding import Finding
from community.severity import Category, Severity
from community.vitals import Vitals
from tests.alerts.makers import NORMAL, NOW, Failing, close, finding, sql_journal

RULES = {"residual.shock": Category.LIFE, "residual.early": Category.DETERIORATION}

findings = st.lists(
    st.builds(
        lambda severity, ts, device, rule, late, household, taken: finding(
            severity,
            NOW + ts,
            device=device,
            rule=rule,
            category=RULES[rule],
            late=late,
            household="" if device.startswith("feeder") else household,
            taken_into="feeder:f1" if taken and severity is NORMAL else "",
        ),
        st.sampled_from(list(Severity)),
        st.integers(0, 5),  # few moments, so that ids collide
        st.sampled_from(["d1", "d2", "feeder:f1"]),
        st.sampled_from(sorted(RULES)),
        st.sampled_from([False, False, True]),
        st.sampled_from(["h1", "h1", "h2"]),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


class DeskMachine(RuleBasedStateMachine):
    """The same is done to a desk over memory and to one over SQLite; crashes happen to the latter only."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.path = Path(self.directory.name) / "mingluo.db"
        self.memory = MemoryJournal()
        self.sql = Failing(sql_journal(self.path))
        self.desks = [self.make_desk(self.memory), self.make_desk(self.sql)]  # type: ignore[arg-type] # __getattr__
        self.log: list[list[Finding]] = []
        self.time = NOW

    def make_desk(self, journal: Journal) -> Desk:
        return Desk(journal, ("phone",), Vitals(), lambda: NOW)

    def teardown(self) -> None:
        close(self.sql.inner)
        self.directory.cleanup()

    @rule(burst=findings)
    def the_engine_finds(self, burst: list[Finding]) -> None:
        self.log.append(burst)
        expected, got = (d.handle(0, len(self.log), burst) for d in self.desks)
        assert got == expected

    @rule(burst=findings, verb=st.sampled_from(["store", "promise", "advance", "commit"]))
    def the_database_is_cut(self, burst: list[Finding], verb: str) -> None:
        self.log.append(burst)
        self.sql.fail_at = verb
        memory, sql = self.desks
        try:
            got = sql.handle(0, len(self.log), burst)
        except JournalUnavailable:
            assert self.sql.last_number() == self.memory.last_number()  # type: ignore[operator] # by __getattr__
            self.sql.fail_at = None
            got = sql.handle(0, len(self.log), burst)
        self.sql.fail_at = None
        assert got == memory.handle(0, len(self.log), burst)

    @rule(data=st.data())
    def the_process_dies_and_replays(self, data: st.DataObject) -> None:
        start = data.draw(st.integers(0, len(self.log)), "snapshot taken after")
        close(self.sql.inner)
        self.sql.inner = sql_journal(self.path)
        self.desks[1] = self.make_desk(self.sql)  # type: ignore[arg-type] # reads are passed on by __getattr__
        for position, burst in enumerate(self.log[start:], start + 1):
            assert self.desks[1].handle(0, position, burst) == []

    @precondition(lambda self: self.memory.last_number() > 0)
    @rule(data=st.data(), seen=st.none() | st.sampled_from(list(Severity)), resets=st.booleans())
    def a_person_acts(self, data: st.DataObject, seen: Severity | None, resets: bool) -> None:
        known = sorted(a.id for a in self.memory.alerts(AlertFilter()))
        alert_id = data.draw(st.sampled_from(known), "alert")
        self.time += 1
        outcomes: list[Decision | Refused] = [
            d.reset(alert_id, "yang", self.time) if resets else d.acknowledge(alert_id, "yang", self.time, seen=seen)
            for d in self.desks
        ]
        assert outcomes[0] == outcomes[1]

    @invariant()
    def both_journals_agree(self) -> None:
        sql = self.sql.inner
        assert sql.open_alerts() == self.memory.open_alerts()
        assert sql.events() == self.memory.events()
        assert sql.positions() == self.memory.positions()
        for state in PromiseState:
            assert sql.promises_in(state) == self.memory.promises_in(state)

    @invariant()
    def one_alert_is_open_for_a_device_and_rule(self) -> None:
        keys = [(a.device, a.rule) for a in self.memory.open_alerts()]
        assert len(keys) == len(set(keys))

    @invariant()
    def events_tell_the_whole_story(self) -> None:
        events = self.memory.events()
        assert [e.number for e in events] == list(range(1, len(events) + 1))
        for alert in self.memory.alerts(AlertFilter(), limit=10**6):
            told = [e for e in events if e.alert == alert.id]
            assert told == self.memory.events_of(alert.id)
            assert_told(alert, told)


def assert_told(alert: Alert, told: list[AlertEvent]) -> None:
    """What an alert is can be known from its events alone."""
    assert told[0].event is EventKind.RAISED
    assert alert.severity == told[-1].severity
    assert alert.highest == max(e.severity for e in told)
    needing = (EventKind.RAISED, EventKind.ESCALATED, EventKind.ACKNOWLEDGED)
    decisive = [e.event for e in told if e.event in needing][-1]
    assert alert.acknowledged == (decisive is EventKind.ACKNOWLEDGED)
    over = alert.severity is NORMAL and (alert.acknowledged or told[-1].reason == "taken_into_group")
    if alert.latched:
        over = told[-1].event is EventKind.RESET
    assert (alert.closed_at is not None) == over


TestDesk = DeskMachine.TestCase
TestDesk.settings = settings(
    max_examples=30,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # a database file for each example
)
