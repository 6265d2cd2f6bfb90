"""What rules in rehearsal find is recorded once, in its record's transaction, and told to nobody."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from alerts import rehearsal
from alerts.journal import Journal, JournalUnavailable
from alerts.journal_memory import MemoryJournal
from community.finding import Finding
from community.vitals import Vitals
from tests.alerts.makers import ALARM, NOW, WARNING, Failing, close, desk, finding, sql_journal


def rehearsed(rule: str = "residual.trial", ts: int = NOW, device: str = "d1") -> Finding:
    return replace(finding(WARNING, ts, rule=rule, device=device), shadow=True)


def test_a_rehearsed_finding_opens_no_alert_and_owes_nothing(journal: Journal) -> None:
    vitals = Vitals()
    events = desk(journal, "phone", vitals=vitals).handle(3, 7, [rehearsed(), finding(ALARM)])
    assert [e.rule for e in events] == ["residual.early"]
    assert [a.rule for a in journal.open_alerts()] == ["residual.early"]
    assert [p.event.rule for p in journal.due_promises(NOW, 10, False)] == ["residual.early"]
    assert [r.finding for r in journal.rehearsed()] == [rehearsed()]
    assert vitals.counter("desk_findings") == vitals.counter("desk_findings_rehearsed") == 1


def test_a_record_read_again_is_not_recorded_again(journal: Journal) -> None:
    it = desk(journal)
    for _ in range(2):
        assert it.handle(3, 7, [rehearsed()]) == []
    assert journal.positions() == {3: 7}
    assert len(journal.rehearsed()) == 1


@pytest.mark.parametrize("verb", ["rehearse", "store", "advance", "commit"])
def test_cut_anywhere_all_of_a_record_is_stored_or_nothing(tmp_path: Path, verb: str) -> None:
    journal = sql_journal(tmp_path / "mingluo.db")
    failing = Failing(journal)
    failing.fail_at = verb
    with pytest.raises(JournalUnavailable):
        desk(failing).handle(3, 7, [rehearsed(), finding(ALARM)])  # type: ignore[arg-type]  # a fake
    assert (journal.rehearsed(), journal.open_alerts(), journal.positions()) == ([], [], {})
    close(journal)


def test_pages_go_back_in_time_and_can_be_of_one_rule(journal: Journal) -> None:
    it = desk(journal)
    for n in range(5):
        it.handle(0, n + 1, [rehearsed(ts=NOW + n), rehearsed("voltage.trial", NOW + n)])
    first = journal.rehearsed("voltage.trial", 2)
    assert [r.finding.ts for r in first] == [NOW + 4, NOW + 3]
    rest = journal.rehearsed("voltage.trial", 10, first[-1].number)
    assert [r.finding.ts for r in rest] == [NOW + 2, NOW + 1, NOW]
    assert len(journal.rehearsed(limit=100)) == 10


def test_what_is_old_or_too_much_goes(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "MOST", 3)
    monkeypatch.setattr("alerts.journal_memory.MOST", 3)
    it = desk(journal)
    for n in range(6):
        it.handle(0, n + 1, [rehearsed(ts=NOW + n)])
    it.forget_rehearsed(NOW + 1)
    assert [r.finding.ts for r in journal.rehearsed()] == [NOW + 5, NOW + 4, NOW + 3]
    it.forget_rehearsed(NOW + 5)
    assert [r.finding.ts for r in journal.rehearsed()] == [NOW + 5]


def test_nothing_was_rehearsed_at_first() -> None:
    assert MemoryJournal().rehearsed() == []
