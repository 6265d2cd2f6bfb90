"""Killed at any point, a store opens, goes on, and holds everything once."""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest

from community.clock import HOUR, MINUTE
from gateway.history.store import Resolution
from tests.gateway.history.duck.contents import contents, rolled_up, row
from tests.gateway.history.duck.victim import BATCHES, batch_at

ROOT = Path(__file__).parents[4]


def run(folder: Path, points: int) -> bool:
    """Whether the victim came to its end; else it was killed, and by nothing else."""
    command = [sys.executable, "-m", "tests.gateway.history.duck.victim", str(folder), str(points)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == 0


def require_everything_once(folder: Path) -> None:
    """What the victim had to write is there, each once, in files as in roll-ups."""
    batches = [batch_at(position) for position in range(1, BATCHES + 1)]
    rows = sorted(row(*each) for some, _ in batches for each in some)
    held = contents(folder)
    assert held.position == BATCHES
    assert held.rows == rows
    assert held.ticks == [ts for _, ticks in batches for ts in ticks]
    for kind, width in ((Resolution.MINUTE, MINUTE), (Resolution.HOUR, HOUR)):
        expected = {key: roll.values for key, roll in rolled_up(rows, width).items()}
        assert {key: found.values for key, found in held.rolled[kind].items()} == expected


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_again_and_again_a_store_goes_on(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    folder = tmp_path / "history"
    for _ in range(7):
        run(folder, random.randrange(3, 60))
    assert run(folder, 0)
    require_everything_once(folder)


@pytest.mark.long
def test_killed_at_every_point_of_a_round_of_tending_a_store_goes_on(tmp_path: Path) -> None:
    for point in range(1, 150):
        folder = tmp_path / str(point)
        run(folder, point)
        assert run(folder, 0)
        require_everything_once(folder)
