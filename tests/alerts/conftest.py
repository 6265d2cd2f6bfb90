"""The two journals, under one name."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from alerts.journal import Journal
from alerts.journal_memory import MemoryJournal
from tests.alerts.makers import close, sql_journal


@pytest.fixture(params=["memory", "sql"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    """Each journal there is: what uses it is the list of conformance checks."""
    made: Journal = MemoryJournal() if request.param == "memory" else sql_journal(tmp_path / "mingluo.db")
    yield made
    close(made)
