"""The command line as its users type it: JSON lines out, errors with their place, exit codes."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ESTATE = """
[[place]]
id = "xijiang"
kind = "community"
[[household]]
id = "h0001"
place = "xijiang"
[[device]]
id = "d0001"
household = "h0001"
kind = "electrical_protector"
ratings = { nominal_voltage = 230, rated_current = 32, rated_residual = 30 }
"""
T = 1_795_000_000_000


def mingluo(*arguments: str | Path, stdin: str | None = None, code: int = 0) -> tuple[list[Any], str]:
    """Run the command; its JSON lines, and what it said to people."""
    done = subprocess.run(
        [sys.executable, "-m", "mingluo", *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == code, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")], done.stderr


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    file = tmp_path / "estate.toml"
    file.write_text(ESTATE)
    return file


def lines(*objects: dict[str, Any]) -> str:
    return "".join(json.dumps(o) + "\n" for o in objects)


def test_replay_prints_the_contract(estate: Path, tmp_path: Path) -> None:
    readings = tmp_path / "readings.jsonl"
    readings.write_text(
        lines(
            {"device": "d0001", "ts": T, "values": {"residual_current": 45}},
            {"device": "d0001", "ts": "2026-11-18T11:06:45Z", "values": {"residual_current": 3}},
        )
    )
    events, _ = mingluo("replay", readings, "--estate", estate)
    assert [(e["event"], e["ts"], e["severity"]) for e in events] == [
        ("raised", T, "critical"),
        ("cleared", T + 5000, "normal"),
    ]
    raised = events[0]
    assert (raised["rule"], raised["category"], raised["value"], raised["threshold"]) == (
        "residual.shock", "life", 45, 30,
    )  # fmt: skip
    assert (raised["device"], raised["household"], raised["community"]) == ("d0001", "h0001", "xijiang")
    assert raised["incident"]
    assert raised["evidence"]["standard"]


def test_replay_is_the_same_each_time_and_from_stdin(estate: Path) -> None:
    text = lines(*({"device": "d0001", "ts": T + i * 1000, "values": {"voltage": 270}} for i in range(20)))
    first, _ = mingluo("replay", "-", "--estate", estate, stdin=text)
    second, _ = mingluo("replay", "-", "--estate", estate, stdin=text)
    assert first == second != []


def test_replay_leaves_out_a_wrong_line_and_says_so(estate: Path) -> None:
    text = "nonsense\n" + lines({"device": "d0001", "ts": T, "values": {"residual_current": 45}})
    events, said = mingluo("replay", "-", "--estate", estate, stdin=text, code=1)
    assert [e["event"] for e in events] == ["raised"]
    assert "line 1" in said


def test_silence_is_found_in_a_recording_without_ticks(estate: Path) -> None:
    text = lines(
        {"device": "d0001", "ts": T, "values": {"voltage": 230}},
        {"device": "d0001", "ts": T + 400_000, "values": {"voltage": 230}},
    )
    events, _ = mingluo("replay", "-", "--estate", estate, stdin=text)
    assert [(e["rule"], e["event"]) for e in events] == [
        ("device.silent", "raised"),
        ("device.silent", "escalated"),
        ("device.silent", "cleared"),
    ]


def test_estate_check_names_every_error_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text(ESTATE.replace('place = "xijiang"', 'place = "xijang"').replace("= 32", '= "much"'))
    _, said = mingluo("estate", "check", file, code=1)
    assert f"{file}:7: " in said
    assert f"{file}:12: " in said
    assert "xijiang" in said


def test_an_imported_estate_is_exported_again(estate: Path, tmp_path: Path) -> None:
    mingluo("estate", "import", estate, "--data-dir", tmp_path / "data")
    out = subprocess.run(
        [sys.executable, "-m", "mingluo", "estate", "export", "--data-dir", str(tmp_path / "data")],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    again = tmp_path / "again.toml"
    again.write_text(out)
    mingluo("estate", "check", again)
    assert 'id = "d0001"' in out


def test_an_invented_village_is_a_right_estate(tmp_path: Path) -> None:
    out = subprocess.run(
        [sys.executable, "-m", "mingluo", "estate", "village", "--households", "12"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    _, said = mingluo("estate", "check", "-", stdin=out)
    assert "12 households" in said


def test_payloads_check_answers_every_line(tmp_path: Path) -> None:
    topic = "mingluo/v1/c/h/d0001/telemetry"
    text = (
        lines({"topic": topic, "payload": {"ts": T, "values": {"voltage": 230}}})
        + "nonsense\n"
        + lines(
            {"topic": topic, "payload": '{"values": {"voltage": NaN}}'},
            {"topic": "mingluo/v1/c/h/d0001/event", "payload": {"event": "smoke_alarm"}},
            {"topic": "tele/x/SENSOR", "payload": {}},
        )
    )
    found, _ = mingluo("payloads", "check", "-", stdin=text)
    assert [f["line"] for f in found] == [1, 2, 3, 4, 5]
    assert [f["outcome"] for f in found] == ["accepted", "quarantined", "quarantined", "event", "ignored"]
    assert found[0]["values"] == {"voltage": 230.0}
    assert found[2]["reason"].startswith("nan")
    assert found[3]["events"] == [{"name": "smoke_alarm", "active": True}]


def test_rules_are_listed_and_a_wrong_rulebook_is_refused_whole(tmp_path: Path) -> None:
    listed, _ = mingluo("rules", "list", "--json")
    assert {"residual.shock", "smoke.alarm", "device.silent"} <= {r["id"] for r in listed}
    file = tmp_path / "rules.toml"
    file.write_text('[[rule]]\nid = "x"\nkind = "treshold"\n\n[[rule]]\nkind = "flag"\n')
    _, said = mingluo("rules", "check", file, code=1)
    assert "did you mean threshold" in said
    assert len(said.splitlines()) > 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("replay", "absent.jsonl", "--estate", "absent.toml"),
        ("estate", "check", "absent.toml"),
        ("payloads", "check", "absent.jsonl"),
        ("rules", "check", "absent.toml"),
        ("up", "--config", "absent.toml"),
        ("log", "export", "--data-dir", "absent"),
    ],
)
def test_a_file_that_is_not_there_is_named(arguments: tuple[str, ...]) -> None:
    _, said = mingluo(*arguments, code=1)
    assert "absent" in said
    assert "Traceback" not in said


def test_a_misused_command_is_told_so() -> None:
    _, said = mingluo("replay", code=2)
    assert "READINGS.jsonl" in said
