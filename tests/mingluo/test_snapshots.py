"""Snapshots are replaced whole, and what cannot be read counts as absent."""

from pathlib import Path

import msgspec
import pytest

from mingluo.lock import DataDirInUse, lock_data_dir
from mingluo.snapshots import Snapshot, Snapshots


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path / "snapshots")
    assert snapshots.load(3) is None
    snapshots.save(3, Snapshot(10, 1, b"old"))
    snapshots.save(3, Snapshot(11, 2, b"new"))
    assert snapshots.load(3) == Snapshot(11, 2, b"new")


def test_a_broken_file_counts_as_absent(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path)
    snapshots.save(0, Snapshot(10, 1, b"state"))
    (path,) = tmp_path.glob("*.snapshot")
    path.write_bytes(path.read_bytes()[:-1])
    assert snapshots.load(0) is None


def test_a_file_without_a_rulebook_is_of_the_shipped_pack(tmp_path: Path) -> None:
    old = {"position": 10, "estate_version": 1, "state": b"state"}
    (tmp_path / "engine-0.snapshot").write_bytes(msgspec.msgpack.encode(old))
    assert Snapshots(tmp_path).load(0) == Snapshot(10, 1, b"state", 0)


def test_a_save_that_fails_leaves_the_former_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshots = Snapshots(tmp_path)
    snapshots.save(0, Snapshot(10, 1, b"old"))

    def full(_file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        snapshots.save(0, Snapshot(11, 1, b"new"))
    assert snapshots.load(0) == Snapshot(10, 1, b"old")


def test_a_data_directory_has_one_owner(tmp_path: Path) -> None:
    with (
        lock_data_dir(tmp_path / "data"),
        pytest.raises(DataDirInUse, match="in use by process"),
        lock_data_dir(tmp_path / "data"),
    ):
        pass
    with lock_data_dir(tmp_path / "data"):
        pass  # and it is free again afterwards
