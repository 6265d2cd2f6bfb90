"""A store that cannot be written, or has given up, is seen from outside; the broker is then started again."""

from pathlib import Path

import pytest

from community.vitals import State
from gateway.broker import server
from gateway.broker.config import BrokerOptions
from gateway.broker.server import BrokerServer
from gateway.broker.store import GivenUp, write_fault
from tests.gateway.conftest import WatchedVitals

LINE = b"[1] 2026/11/22 [ERR] JetStream stream 'APP > READINGS' critical write error: no space left on device\n"


def test_a_directory_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    assert write_fault(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_one_that_cannot_be_written_is_told_with_the_reason(tmp_path: Path) -> None:
    assert write_fault(tmp_path / "absent") == "No such file or directory"


def test_only_what_was_logged_since_counts_and_only_once(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(LINE)
    given_up = GivenUp(file)
    assert not given_up.look()
    with file.open("ab") as log:
        log.write(b"[1] something else\n" + LINE)
    assert given_up.look()
    assert not given_up.look()
    file.write_bytes(LINE)  # the log was rotated
    assert given_up.look()


def test_a_log_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    assert not GivenUp(tmp_path / "absent").look()


async def test_a_broker_that_gave_up_storing_is_started_again(
    broker: BrokerServer, options: BrokerOptions, vitals: WatchedVitals
) -> None:
    before = broker.pid
    with options.log_file.open("ab") as log:
        log.write(LINE)
    await vitals.until(lambda: vitals.counter("broker_restarts") == 1)
    assert broker.pid != before
    assert any("given up storing" in detail for _, state, detail in vitals.reports if state is State.DOWN)


async def test_with_a_full_disk_it_is_started_again_only_when_there_is_room(
    broker: BrokerServer, vitals: WatchedVitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, faults = broker.pid, ["No space left on device", "No space left on device", None, None]
    monkeypatch.setattr(server, "write_fault", lambda _directory: faults.pop(0) if len(faults) > 1 else None)
    await vitals.until(lambda: vitals.counter("broker_restarts") == 1)
    told = [detail for name, state, detail in vitals.reports if name == "broker" and state is State.DOWN]
    assert told[:2] == ["its disk cannot be written: No space left on device"] * 2
    assert len(told) == 3
    assert broker.pid != before
