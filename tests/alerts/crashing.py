"""A process to be killed: journals the findings of positions 1, 2, 3 ..., starting over as after a crash.

Usage: `python -m tests.alerts.crashing DATABASE RECORDS`. Every committed position is written to stdout.
"""

import sys
from pathlib import Path

from alerts.desk import Desk
from community.finding import Finding
from community.severity import Category, Severity
from community.vitals import Vitals
from tests.alerts.makers import NOW, finding, sql_journal


def findings_at(position: int) -> list[Finding]:
    """What the engine finds in the record at `position`: always the same, as a replay does."""
    level = Severity(position % 4)
    return [
        finding(
            level,
            NOW + position,
            device=f"d{i}",
            household=f"h{i % 3}",
            category=Category.LIFE if i % 2 else Category.SUPERVISORY,
        )
        for i in range(8)
    ]


def main() -> None:
    """Replay from the beginning: what is journalled is skipped."""
    path, records = Path(sys.argv[1]), int(sys.argv[2])
    desk = Desk(sql_journal(path), ("phone",), Vitals(), lambda: NOW)
    for position in range(1, records + 1):
        desk.handle(0, position, findings_at(position))
        sys.stdout.write(f"{position}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
