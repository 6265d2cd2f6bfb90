"""SIGKILL in the middle of the desk's work: nothing lost, nothing doubled."""

import random
import subprocess
import sys
from pathlib import Path

from alerts.desk import Desk
from alerts.journal_memory import MemoryJournal
from alerts.promises import PromiseState
from community.vitals import Vitals
from tests.alerts.crashing import findings_at
from tests.alerts.makers import NOW, close, sql_journal

RECORDS = 400
KILLS = 6


def test_killed_at_any_point_the_journal_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    database = tmp_path / "mingluo.db"
    draw = random.Random(7)
    said = 0  # the last position that a killed process said it had committed
    for kill in range(KILLS + 1):
        command = [sys.executable, "-m", "tests.alerts.crashing", str(database), str(RECORDS)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
            assert process.stdout is not None
            # Killed while it works on the record behind one that it has not reached before.
            last = RECORDS if kill == KILLS else said + draw.randint(1, RECORDS // KILLS - 5)
            for line in process.stdout:
                said = int(line)
                if said >= last:
                    break
            if kill < KILLS:
                process.kill()
            assert process.wait(30) == (-9 if kill < KILLS else 0)
        journal = sql_journal(database)
        assert journal.positions().get(0, 0) >= said
        close(journal)

    undisturbed = MemoryJournal()
    desk = Desk(undisturbed, ("phone",), Vitals(), lambda: NOW)
    for position in range(1, RECORDS + 1):
        desk.handle(0, position, findings_at(position))
    journal = sql_journal(database)
    assert journal.events(limit=10**6) == undisturbed.events(limit=10**6)
    assert journal.open_alerts() == undisturbed.open_alerts()
    assert journal.positions() == undisturbed.positions() == {0: RECORDS}
    owed = PromiseState.PROMISED
    assert journal.promises_in(owed) == undisturbed.promises_in(owed)
    close(journal)
