"""After years of alerts every question is still answered through an index: no table is read from end to end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from alerts.desk import Desk
from alerts.journal import AlertFilter, Condition
from alerts.journal_sql import SqlJournal
from community.database import metadata, open_database
from community.severity import Category
from community.vitals import Vitals
from tests.alerts.makers import CRITICAL, JOURNAL_TABLES, NORMAL, NOW, WARNING, finding, life

Statement = tuple[str, Any]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database with the journal's tables."""
    engine = open_database(f"sqlite:///{tmp_path / 'mingluo.db'}")
    metadata.create_all(engine, tables=JOURNAL_TABLES)
    yield engine
    engine.dispose()


def test_every_statement_goes_through_an_index(engine: Engine) -> None:
    statements: list[Statement] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, _context: object, many: bool) -> None:
        statements.append((statement, parameters[0] if many else parameters))

    event.listen(engine, "before_cursor_execute", note)
    journal = SqlJournal(engine)
    desk = Desk(journal, ("phone",), Vitals(), lambda: NOW)
    desk.handle(0, 1, [life(CRITICAL), finding(WARNING, device="d2")])
    (shock, _) = journal.open_alerts()
    desk.acknowledge(shock.id, "yang", NOW)
    desk.handle(0, 2, [life(NORMAL, NOW + 1), finding(NORMAL, NOW + 1, device="d2")])
    desk.reset(shock.id, "yang", NOW)
    journal.alerts(AlertFilter())
    journal.alerts(AlertFilter(), before=shock)
    journal.alerts(AlertFilter(device="d1"))
    journal.alerts(AlertFilter(household="h1"))
    journal.alerts(AlertFilter(state=Condition.UNACKNOWLEDGED, category=Category.LIFE))
    journal.events(after=1)
    journal.events_of(shock.id)
    journal.last_number()
    journal.positions()
    (promise, *_) = journal.due_promises(NOW, 10, True)
    journal.settle(promise)

    assert len(statements) > 25
    for statement, parameters in statements:
        if not statement.startswith(("SELECT", "UPDATE")) or "journal_number" in statement:
            continue  # the one row of the last number is read as it stands
        with engine.connect() as connection:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        bare = [step for step in plan if step.startswith("SCAN") and "INDEX" not in step and "log_position" not in step]
        assert not bare, (statement, plan)
