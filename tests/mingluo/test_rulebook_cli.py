"""`mingluo rules apply|versions|rollback|rehearsal|backtest` as they are typed."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from community.clock import DAY, HOUR, MINUTE
from mingluo.cli import app
from mingluo.cli.backtest import _duration
from tests.api.rulebooks import BOOK
from tests.mingluo.test_cli import ESTATE, T, lines


class Typed:
    """The command line over one data directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def file(self, name: str, text: str) -> str:
        """Path of a new file."""
        path = self.directory / name
        path.write_text(text)
        return str(path)

    def rules(self, *arguments: str, code: int = 0) -> Result:
        """Run `mingluo rules ...` over the data directory."""
        done = CliRunner().invoke(app, ["rules", *arguments, "--data-dir", str(self.directory / "data")])
        assert done.exit_code == code, done.output
        return done

    def versions(self) -> list[dict[str, Any]]:
        """What `versions --json` prints."""
        return [json.loads(line) for line in self.rules("versions", "--json").stdout.splitlines()]


@pytest.fixture
def typed(tmp_path: Path) -> Typed:
    return Typed(tmp_path)


def test_what_is_applied_is_a_version_and_the_way_back_another(typed: Typed) -> None:
    typed.rules("apply", typed.file("a.toml", BOOK), "--note", "after the storm")
    said = typed.rules("apply", typed.file("b.toml", BOOK.replace("253", "260")))
    assert "version 2: 1 rules, 0 overrides" in said.stderr
    typed.rules("rollback", "1")
    newest, middle, oldest = typed.versions()
    assert [newest["version"], middle["version"], oldest["version"]] == [3, 2, 1]
    assert (oldest["note"], oldest["origin"]) == ("after the storm", "applied")
    assert oldest["made_by"].startswith("command line")
    assert (newest["origin"], newest["content"]) == ("rollback", oldest["content"])
    assert "storm" in typed.rules("versions").stdout


def test_a_wrong_rulebook_is_refused_whole_with_its_place(typed: Typed) -> None:
    path = typed.file("wrong.toml", BOOK.replace("threshold", "treshold"))
    said = typed.rules("apply", path, code=1)
    assert f"{path}:7: rule voltage.high.kind" in said.stderr
    assert "did you mean threshold?" in said.stderr
    assert typed.versions() == []


def test_a_stranger_in_an_override_is_noted(typed: Typed) -> None:
    override = '[[override]]\nrule = "voltage.high"\ndevice = "d0042"\nenabled = false\n'
    said = typed.rules("apply", typed.file("a.toml", BOOK + override))
    assert "device d0042, which the estate does not know" in said.stderr


def test_a_version_that_is_not_there_is_named(typed: Typed) -> None:
    assert "version 7" in typed.rules("rollback", "7", code=1).stderr


@pytest.mark.parametrize("arguments", [["apply"], ["apply", "--standard", "rules.toml"]])
def test_a_rulebook_or_the_pack_but_not_both(typed: Typed, arguments: list[str]) -> None:
    assert "--standard" in typed.rules(*arguments, code=2).stderr


def test_nothing_was_rehearsed(typed: Typed) -> None:
    assert typed.rules("rehearsal", "--json").stdout == ""
    assert "rule" in typed.rules("rehearsal").stdout


def over_recording(typed: Typed, *more: str, code: int = 0) -> Result:
    readings = lines(
        {"device": "d0001", "ts": T, "values": {"voltage": 230}},
        {"device": "d0001", "ts": T + 60_000, "values": {"voltage": 256}},
        {"device": "d0001", "ts": T + 120_000, "values": {"voltage": 230}},
        {"device": "d0001", "ts": T + 180_000, "event": "trip"},
    )
    paths = typed.file("readings.jsonl", readings), typed.file("estate.toml", ESTATE)
    books = typed.file("new.toml", BOOK), typed.file("old.toml", BOOK.replace("253", "260"))
    given = ["backtest", books[0], "--against", books[1], "--from", paths[0], "--estate", paths[1], *more]
    return typed.rules(*given, code=code)


def test_a_backtest_over_a_recording(typed: Typed) -> None:
    report = json.loads(over_recording(typed, "--json").stdout)
    [rule] = report["rules"]
    assert (rule["name"], rule["old"], rule["new"], rule["only_new"]) == ("voltage.high", 0, 1, 1)
    assert [a["device"] for a in report["added"]] == ["d0001"]
    assert report["incidents"][0]["new_lead_s"] == 120
    tables = over_recording(typed).stdout
    assert "voltage.high" in tables
    assert "calls at night" in tables


def test_incidents_may_be_given_and_a_wrong_line_is_named(typed: Typed) -> None:
    right = typed.file("right.jsonl", lines({"household": "h0001", "at": T + 90_000, "what": "burnt"}))
    report = json.loads(over_recording(typed, "--json", "--incidents", right).stdout)
    assert [(i["what"], i["new_lead_s"]) for i in report["incidents"]] == [("burnt", 30)]
    wrong = typed.file("wrong.jsonl", '{"household": 3}\n')
    assert f"{wrong}: line 1" in over_recording(typed, "--incidents", wrong, code=1).stderr


def test_a_backtest_needs_something_to_go_over(typed: Typed) -> None:
    book = typed.file("new.toml", BOOK)
    assert "--since" in typed.rules("backtest", book, code=2).stderr
    assert "--since" in typed.rules("backtest", book, "--since", "1d", "--from", book, code=2).stderr
    assert "no such directory" in typed.rules("backtest", book, "--since", "1d", code=1).stderr


@pytest.mark.parametrize(
    ("text", "ms"), [("90m", 90 * MINUTE), ("12h", 12 * HOUR), ("30d", 30 * DAY), ("2w", 14 * DAY), ("0.5d", 12 * HOUR)]
)
def test_durations(text: str, ms: int) -> None:
    assert _duration(text) == ms


@pytest.mark.parametrize("text", ["", "30", "d", "-1d", "1 month", "1d2h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="expected a duration"):
        _duration(text)
