"""`mingluo estate announced|approve|reject`: as they are typed, and with everything that may be wrong."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from typer.testing import CliRunner

from community.announcements import Announced, AnnouncementStore
from community.database import open_database
from community.estate import Bridge, Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.estate_store import EstateStore
from mingluo.cli import app
from mingluo.migrations import upgrade

T = 1_795_341_600_000
PLUG = Announced(profile="shelly2", address="shellyplug-1", name="Cellar", kind="meter", signals=("voltage",))
ODD = Announced(profile="zigbee2mqtt", address="厨房/烟感", signals=("smoke",))
HOMES = Estate(
    place=(Place(id="c", kind=PlaceKind.COMMUNITY),),
    household=(Household(id="h0001", place="c"),),
    device=(Device(id="d0001", household="h0001", kind=DeviceKind.SMOKE),),
    bridge=(Bridge(id="b1", profile="zigbee2mqtt"),),
)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Engine]:
    """The database of the data directory `tmp_path`: one household, and two devices that announced themselves."""
    engine = open_database(f"sqlite:///{tmp_path / 'mingluo.db'}")
    upgrade(engine)
    EstateStore(engine).replace(HOMES, "first start", T)
    store = AnnouncementStore(engine)
    store.note([PLUG], T)
    store.note([ODD], T + 1_000)
    yield engine
    engine.dispose()


def estate(data_dir: Path, *arguments: str) -> tuple[int, list[dict[str, Any]], str]:
    """Run `mingluo estate ...`; exit code, JSON lines, and what it said to people."""
    done = CliRunner().invoke(app, ["estate", *arguments, "--data-dir", str(data_dir)])
    return done.exit_code, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.usefixtures("database")
def test_who_waits_is_listed_the_latest_first(tmp_path: Path) -> None:
    code, (odd, plug), said = estate(tmp_path, "announced")
    assert (code, said, odd["address"], odd["kind"]) == (0, "", "厨房/烟感", None)
    assert plug == {
        "profile": "shelly2", "address": "shellyplug-1", "name": "Cellar", "kind": "meter", "model": "",
        "signals": ["voltage"], "first_seen": "2026-11-22T10:00:00.000Z", "last_seen": "2026-11-22T10:00:00.000Z",
        "state": "waiting", "actor": None, "decided_at": None, "reason": None,
    }  # fmt: skip


def test_one_is_taken_in_as_told(database: Engine, tmp_path: Path) -> None:
    wanted = ["--household", "h0001", "--id", "s2", "--kind", "smoke", "--name", "厨房"]
    code, lines, said = estate(tmp_path, "approve", "zigbee2mqtt", "厨房/烟感", *wanted)
    assert (code, lines, said) == (0, [], "version 2: s2 is in the estate\n")
    device = EstateStore(database).current()[1].devices["s2"]
    assert (device.profile, device.address, device.kind, device.name) == ("zigbee2mqtt", "厨房/烟感", "smoke", "厨房")
    assert [a["address"] for a in estate(tmp_path, "announced")[1]] == ["shellyplug-1"]
    found = {a["address"]: a for a in estate(tmp_path, "announced", "--all")[1]}
    assert (found["厨房/烟感"]["state"], found["厨房/烟感"]["actor"]) == ("approved", "command line")
    assert found["厨房/烟感"]["decided_at"] is not None


def test_what_it_says_of_itself_stands_where_nothing_is_told(database: Engine, tmp_path: Path) -> None:
    given = ["--household", "h0001", "--rated-current", "16", "--rated-residual", "10", "--nominal-voltage", "220"]
    assert estate(tmp_path, "approve", "shelly2", "shellyplug-1", *given)[0] == 0
    device = EstateStore(database).current()[1].devices["shellyplug-1"]
    assert (device.name, device.kind) == ("Cellar", "meter")
    assert device.ratings.model_dump() == {"nominal_voltage": 220, "rated_current": 16, "rated_residual": 10}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (
            ["shelly2", "nobody", "--household", "h0001"],
            "no shelly2 device 'nobody' was announced; see `mingluo estate",
        ),
        (["tuya", "shellyplug-1", "--household", "h0001"], "no tuya device 'shellyplug-1' was announced"),
        (["shelly2", "shellyplug-1", "--household", "h9"], "no household has the id 'h9'"),
        (["shelly2", "shellyplug-1", "--household", "h0001", "--id", "d0001"], "'d0001' is already an id"),
        (["shelly2", "shellyplug-1", "--household", "h0001", "--id", "b1"], "'b1' is already an id"),
        (["shelly2", "shellyplug-1", "--household", "h0001", "--id", "a b"], "'a b' cannot be an id"),
        (["shelly2", "shellyplug-1", "--household", "h0001", "--kind", "toaster"], "say what kind of device it is"),
        (["zigbee2mqtt", "厨房/烟感", "--household", "h0001", "--kind", "smoke"], "cannot be an id"),
        (["zigbee2mqtt", "厨房/烟感", "--household", "h0001", "--id", "s2"], "say what kind of device it is"),
        (
            ["shelly2", "shellyplug-1", "--household", "h0001", "--rated-current", "-1"],
            "rated_current: Input should",
        ),
        (
            ["shelly2", "shellyplug-1", "--household", "h0001", "--rated-current", "nan"],
            "rated_current: Input should",
        ),
    ],
)
def test_what_hinders_is_told_and_nothing_is_changed(
    database: Engine, tmp_path: Path, arguments: list[str], why: str
) -> None:
    code, lines, said = estate(tmp_path, "approve", *arguments)
    assert (code, lines) == (1, [])
    assert why in said
    assert EstateStore(database).current() == (1, HOMES)
    assert AnnouncementStore(database).waiting() == 2


@pytest.mark.usefixtures("database")
def test_one_that_is_in_the_estate_is_not_taken_in_again_nor_turned_away(tmp_path: Path) -> None:
    assert estate(tmp_path, "approve", "shelly2", "shellyplug-1", "--household", "h0001")[0] == 0
    code, _, said = estate(tmp_path, "approve", "shelly2", "shellyplug-1", "--household", "h0001", "--id", "other")
    assert (code, said) == (1, "'shellyplug-1' is in the estate already, as shellyplug-1\n")
    code, _, said = estate(tmp_path, "reject", "shelly2", "shellyplug-1")
    assert (code, said) == (1, "'shellyplug-1' was taken into the estate as shellyplug-1; take it out there\n")


def test_of_two_at_once_one_is_told_so(database: Engine, tmp_path: Path) -> None:
    # Two processes: they share nothing but the database.
    def approve(chosen: str) -> int:
        given = ["approve", "shelly2", "shellyplug-1", "--household", "h0001", "--id", chosen]
        command = [sys.executable, "-m", "mingluo", "estate", *given, "--data-dir", str(tmp_path)]
        return subprocess.run(command, capture_output=True, timeout=60).returncode

    with ThreadPoolExecutor(2) as pool:
        codes = list(pool.map(approve, ("p1", "p2")))
    assert sorted(codes) == [0, 1]
    assert set(EstateStore(database).current()[1].devices) == {"d0001", ("p1", "p2")[codes.index(0)]}


@pytest.mark.usefixtures("database")
def test_one_is_turned_away_for_good_with_a_reason(tmp_path: Path) -> None:
    assert estate(tmp_path, "reject", "shelly2", "shellyplug-1", "--reason", "the neighbour's") == (0, [], "")
    assert [a["address"] for a in estate(tmp_path, "announced")[1]] == ["厨房/烟感"]
    found = {a["address"]: a for a in estate(tmp_path, "announced", "--all")[1]}
    assert (found["shellyplug-1"]["state"], found["shellyplug-1"]["reason"]) == ("rejected", "the neighbour's")


@pytest.mark.usefixtures("database")
def test_nobody_turns_away_who_never_came(tmp_path: Path) -> None:
    code, _, said = estate(tmp_path, "reject", "shelly2", "nobody")
    assert (code, said) == (1, "no shelly2 device 'nobody' was announced; see `mingluo estate announced`\n")


@pytest.mark.parametrize("command", [["announced"], ["approve", "a", "b", "--household", "h"], ["reject", "a", "b"]])
def test_a_database_that_cannot_be_used_is_named(tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "mingluo.db").mkdir()
    code, lines, said = estate(tmp_path, *command)
    assert (code, lines) == (1, [])
    assert "cannot be used" in said
