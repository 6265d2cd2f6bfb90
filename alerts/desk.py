"""The desk: findings and people's actions become alert events, in one transaction with all that they entail."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from alerts.decisions import Decision, Reason, Refused, on_acknowledge, on_reset
from alerts.journal import Entry, Journal, JournalUnavailable, Origin, Transaction
from alerts.outcome import Outcome
from alerts.promises import promise_all
from community.alert import Alert, AlertEvent
from community.finding import Finding
from community.severity import Severity
from community.vitals import State, Vitals

COMPONENT = "journal"
"""The component whose state the desk reports: `down` while the database cannot be written."""


class Desk:
    """Decides purely (`alerts.decisions`) and writes the outcome down.

    Safe to use from several threads and processes: the journal serialises transactions, and each decision is taken
    on what its own transaction has read. There is no queue here; a caller who meets `JournalUnavailable` keeps its
    findings and calls again.
    """

    def __init__(
        self,
        journal: Journal,
        channels: Sequence[str],
        vitals: Vitals,
        clock: Callable[[], int],
        on_committed: Callable[[Sequence[AlertEvent]], None] | None = None,
    ) -> None:
        """Set up a desk.

        Args:
            journal: where alerts are kept.
            channels: names of the configured notification channels.
            vitals: where it counts and reports.
            clock: UTC ms; stamps promises and the journal's state, decides nothing.
            on_committed: told of events after their commit, in the thread that committed. What it raises is counted
                (`desk_listener_failed`), because the events are stored and cannot be taken back.
        """
        self._journal = journal
        self._channels = tuple(channels)
        self._vitals = vitals
        self._clock = clock
        self._on_committed = on_committed

    def handle(self, partition: int, position: int, findings: Sequence[Finding]) -> list[AlertEvent]:
        """Journal the findings of one log record.

        Args:
            partition: partition of the readings log.
            position: the record's position in it.
            findings: what the engine found in it, in its order. Those of rules in rehearsal are recorded, and nobody
                is told.

        Returns:
            The events, with their numbers. Empty if there is nothing to tell, or if the record is journalled
            already: after a restart the same findings come again.

        Raises:
            JournalUnavailable: nothing was stored; call again with the same findings.
        """
        if not findings:
            return []
        with self._transaction() as work:
            if position <= work.position(partition):
                self._vitals.count("desk_findings_known", len(findings))
                return []
            told = [f for f in findings if not f.shadow]
            work.rehearse(partition, position, [f for f in findings if f.shadow])
            outcome = Outcome(work, told)
            origins = (Origin(partition, position, i) for i in range(len(outcome.events)))
            entries = [Entry(event, origin) for event, origin in zip(outcome.events, origins, strict=True)]
            events = work.store(outcome.opened, outcome.changed, entries)
            self._promise(work, events)
            work.advance(partition, position)
        self._vitals.count("desk_findings", len(told))
        self._vitals.count("desk_findings_rehearsed", len(findings) - len(told))
        self._tell(events)
        return events

    def checkpoint(self, partition: int, position: int) -> None:
        """Journal that everything up to `position` is done, though it gave no findings (with a snapshot).

        Raises:
            JournalUnavailable: it was not stored.
        """
        with self._transaction() as work:
            if position > work.position(partition):
                work.advance(partition, position)

    def forget_rehearsed(self, older_than: int) -> None:
        """Let go of what rules in rehearsal found before `older_than` (UTC ms), and of what is too much.

        Raises:
            JournalUnavailable: nothing was removed.
        """
        with self._reported():
            self._vitals.count("desk_rehearsed_forgotten", self._journal.forget_rehearsed(older_than))

    def probe(self) -> bool:
        """Whether an alert could be journalled now; reports it as the component's state.

        To be called every few seconds: a full disk is to be seen before the next fire, and its end without one.
        """
        with suppress(JournalUnavailable), self._reported():
            self._journal.probe()
            return True
        return False

    def acknowledge(
        self, alert_id: str, actor: str, now: int, note: str | None = None, seen: Severity | None = None
    ) -> Decision | Refused:
        """A person takes note of an alert; see `decisions.on_acknowledge`.

        Raises:
            JournalUnavailable: it was not stored.
        """
        return self._act(alert_id, lambda alert: on_acknowledge(alert, actor, now, note, seen))

    def reset(self, alert_id: str, actor: str, now: int, note: str | None = None) -> Decision | Refused:
        """A person ends a latched alert; see `decisions.on_reset`.

        Raises:
            JournalUnavailable: it was not stored.
        """
        return self._act(alert_id, lambda alert: on_reset(alert, actor, now, note))

    def _act(self, alert_id: str, decide: Callable[[Alert], Decision | Refused]) -> Decision | Refused:
        with self._transaction() as work:
            alert = work.alert(alert_id)
            if alert is None:
                return Refused(Reason.UNKNOWN_ALERT, f"there is no alert {alert_id!r}")
            decision = decide(alert)
            if isinstance(decision, Refused):
                return decision
            assert decision.alert is not None, "an action never makes an alert vanish"
            events = work.store([], [decision.alert], [Entry(event, None) for event in decision.events])
        self._tell(events)
        return Decision(decision.reason, decision.alert, tuple(events))

    def _promise(self, work: Transaction, events: Sequence[AlertEvent]) -> None:
        if self._channels and events:
            told = work.told({event.alert for event in events})
            work.promise(promise_all(events, self._channels, told), self._clock())

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        with self._reported(), self._journal.transaction() as work:
            yield work

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except JournalUnavailable as error:
            self._vitals.count("desk_journal_unavailable")
            self._vitals.report(COMPONENT, State.DOWN, str(error), self._clock())
            raise
        self._vitals.report(COMPONENT, State.OK, "", self._clock())

    def _tell(self, events: Sequence[AlertEvent]) -> None:
        for event in events:
            self._vitals.count("desk_events", kind=event.event.value)
        if events and self._on_committed is not None:
            try:
                self._on_committed(events)
            except Exception:  # the listener's fault must not look like a failed commit
                self._vitals.count("desk_listener_failed")
