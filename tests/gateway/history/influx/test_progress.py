"""The position and the windows to roll up survive; a lost file costs nothing but work."""

from pathlib import Path

import numpy as np
import pytest

from community.vitals import Vitals
from gateway.history.influx import progress as module
from gateway.history.influx.progress import WINDOW, Progress


def _touch(progress: Progress, *windows: int) -> None:
    progress.touch(np.array([w * WINDOW + 5 for w in windows], np.int64))


def test_it_survives(tmp_path: Path) -> None:
    first = Progress(tmp_path / "new", "here", Vitals())
    assert first.position == 0
    _touch(first, 7, 3, 7)
    first.save(42)
    again = Progress(tmp_path / "new", "here", Vitals())
    assert again.position == 42
    assert list(again.touched()) == [3 * WINDOW, 7 * WINDOW]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"server": "here", "position": 5}', '{"position": "x", "touched": []}']
)
def test_a_damaged_file_is_a_lost_one(tmp_path: Path, text: str) -> None:
    (tmp_path / "progress.json").write_text(text)
    vitals = Vitals()
    progress = Progress(tmp_path, "here", vitals)
    assert (progress.position, progress.touched()) == (0, {})
    assert vitals.counter("history_progress_lost") == 1


def test_a_window_written_to_while_it_is_rolled_up_stays(tmp_path: Path) -> None:
    progress = Progress(tmp_path, "here", Vitals())
    _touch(progress, 1, 2)
    given = progress.touched()
    _touch(progress, 2)
    progress.rolled_up(given)
    assert list(progress.touched()) == [2 * WINDOW]


def test_windows_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WINDOWS", 3)
    vitals = Vitals()
    progress = Progress(tmp_path, "here", vitals)
    _touch(progress, 1, 2, 3, 4, 5)
    assert list(progress.touched()) == [3 * WINDOW, 4 * WINDOW, 5 * WINDOW]
    assert vitals.counter("history_forgotten_windows") == 2


def test_a_disk_that_takes_nothing_leaves_the_position(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "there", "here", Vitals())
    progress.save(5)
    (tmp_path / "there").rename(tmp_path / "gone")
    with pytest.raises(OSError, match="No such file"):
        progress.save(6)
    assert progress.position == 5


def test_another_server_begins_anew(tmp_path: Path) -> None:
    first = Progress(tmp_path, "here", Vitals())
    _touch(first, 1)
    first.save(42)
    there = Progress(tmp_path, "there", Vitals())
    assert (there.position, there.touched()) == (0, {})
    assert Progress(tmp_path, "here", Vitals()).position == 42
