"""`mingluo rules check|explain|test` as people type them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from alerts.desk import Desk
from alerts.journal_sql import SqlJournal
from community.database import open_database
from community.finding import Finding
from community.severity import Category, Severity
from community.vitals import Vitals
from mingluo import migrations
from mingluo.cli import app
from mingluo.settings import load_settings

T = 1_795_000_000_000
RULES = """
[[rule]]
id = "volts.over"
title = { zh = "过电压", en = "Over-voltage" }
category = "deterioration"
kind = "threshold"
standard = "EN 50160"
guidance.staff = { zh = "报修。", en = "Report it." }
signals = ["voltage"]
steps = [{ severity = "warning", limit = 250, hold = 10, clear = 245 }]
"""
TEST = """
rulebook = "rules.toml"
[[test]]
name = "over-voltage"
interval = "5s"
series = [{ signal = "voltage", values = "230x2 252x4 230" }]
expect = [{ rule = "volts.over", at = "20s", severity = "warning" }]
"""

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    def run(*arguments: str | Path, code: int = 0) -> Result:
        done = CliRunner().invoke(app, ["rules", *map(str, arguments)])
        assert done.exit_code == code, done.output
        return done

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.toml").write_text(RULES)
    (tmp_path / "right.toml").write_text(TEST)
    (tmp_path / "wrong.toml").write_text(TEST.replace('"20s", severity = "warning"', '"15s"'))
    return tmp_path


def test_tests_that_pass(run: Run, folder: Path) -> None:
    done = run("test", folder / "right.toml")
    assert f"{folder / 'right.toml'}:3: over-voltage: passed" in done.stderr
    assert "1 of 1 tests passed" in done.stderr
    assert done.stdout == ""


def test_a_test_that_fails_says_what_happened_instead(run: Run, folder: Path) -> None:
    done = run("test", folder / "wrong.toml", folder / "right.toml", code=1)
    assert "over-voltage: FAILED\n    expected at 15s any severity of volts.over, none found\n" in done.stderr
    assert "      found at 20s d volts.over: normal to warning, 252 V (limit 250)" in done.stderr
    assert "1 of 2 tests passed" in done.stderr


def test_tests_as_json_and_with_another_rulebook(run: Run, folder: Path) -> None:
    (folder / "other.toml").write_text(RULES.replace("250", "260"))
    done = run("test", "--json", "--rules", folder / "other.toml", folder / "right.toml", code=1)
    (line,) = map(json.loads, done.stdout.splitlines())
    assert line == {
        "file": str(folder / "right.toml"),
        "line": 3,
        "test": "over-voltage",
        "passed": False,
        "failures": ["expected at 20s warning of volts.over, none found\n  found nothing at all"],
        "findings": [],
    }


def test_a_wrong_file_of_tests_runs_none(run: Run, folder: Path) -> None:
    (folder / "bad.toml").write_text(TEST.replace("volts.over", "volts.ovr"))
    done = run("test", folder / "right.toml", folder / "bad.toml", code=1)
    assert "bad.toml:7: test over-voltage.expect.1.rule: no rule is named 'volts.ovr'; did you mean volts.over?" in (
        done.stderr
    )
    assert "passed" not in done.stderr


def test_check_looks_at_the_estate(run: Run, folder: Path) -> None:
    estate = folder / "estate.toml"
    estate.write_text('[[place]]\nid = "p"\nkind = "community"\n')
    book = folder / "rules.toml"
    book.write_text(RULES + '\n[[override]]\nrule = "volts.over"\nplace = "q"\nmode = "shadow"\n')
    assert "1 rules, 1 overrides, all right" in run("check", book).stderr
    assert "an override names place q" in run("check", book, "--estate", estate, code=1).stderr


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with two alerts of a rule that no rulebook knows."""
    settings = load_settings(None, data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    database = open_database(settings.database)
    migrations.upgrade(database)
    desk = Desk(SqlJournal(database), channels=(), vitals=Vitals(), clock=lambda: T)
    desk.handle(0, 1, [found("d1"), found("d2")])
    database.dispose()
    return settings.data_dir


def found(device: str) -> Finding:
    return Finding(
        rule="volts.gone",
        rule_version="0123456789ab",
        category=Category.DETERIORATION,
        device=device,
        household="h1",
        community="village",
        severity=Severity.WARNING,
        previous=Severity.NORMAL,
        ts=T + 10_000,
        since=T,
        received_at=T + 10_100,
        value=252.0,
        threshold=250.0,
        unit="V",
        evidence={"proof": "reading", "signal": "voltage", "threshold": 250.0, "clear": 245.0, "standard": "EN 50160"},
    )


def test_an_alert_is_explained_from_its_beginning(run: Run, data: Path) -> None:
    said = run("explain", "d1:volts", "--data-dir", data).stdout
    assert "Rule volts.gone, version 0123456789ab, is no longer in the rulebook" in said
    assert "voltage was 252 V, the limit is 250 V: beyond it by 2 V (0.8 %)." in said
    assert "Source: EN 50160." in said
    told = json.loads(run("explain", "d1:", "--lang", "zh", "--json", "--data-dir", data).stdout)
    assert told["beyond"] == 2.0
    assert any("超出 2 V" in sentence for sentence in told["sentences"])


@pytest.mark.parametrize(
    ("alert", "message"),
    [("d", "several alerts have an id that begins with 'd': d1:volts.gone:"), ("d3", "no alert"), ("d_", "no alert")],
)
def test_which_alert_must_be_clear(run: Run, data: Path, alert: str, message: str) -> None:
    assert message in run("explain", alert, "--data-dir", data, code=1).stderr
