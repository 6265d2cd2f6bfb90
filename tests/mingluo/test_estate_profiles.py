"""`mingluo estate check|import` and `profiles list`: which ways of speaking there are is known to the roof."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mingluo.cli import app
from tests.mingluo.test_cli import ESTATE

OWN = """
title = "Bells of our own"
about = "Bells that measure."
address = "a number"

[[topic]]
match = "bells/{device}"
fields = ["all"]

[fields.all]
co = { signal = "co", unit = "ppm" }
"""


def run(*arguments: str | Path, code: int = 0) -> Result:
    """Run the command in this process."""
    done = CliRunner().invoke(app, list(map(str, arguments)))
    assert done.exit_code == code, done.output
    return done


@pytest.mark.parametrize("command", ["check", "import"])
def test_a_profile_that_nobody_has_is_refused_with_its_place(tmp_path: Path, command: str) -> None:
    file = tmp_path / "estate.toml"
    file.write_text(ESTATE + 'profile = "tasmotta"\n')
    where = ["--data-dir", str(tmp_path / "data")] if command == "import" else []
    said = run("estate", command, file, *where, code=1).stderr
    assert f"{file}:13: device[d0001].profile: there is no profile 'tasmotta'" in said
    assert "the nearest is 'tasmota'" in said
    assert not (tmp_path / "data").exists(), "nothing was touched"


def test_a_community_s_own_profiles_are_known_by_the_settings(tmp_path: Path) -> None:
    own = tmp_path / "ours"
    own.mkdir()
    (own / "bells.toml").write_text(OWN)
    settings = tmp_path / "settings.toml"
    settings.write_text(f'profiles_dir = "{own}"\n')
    file = tmp_path / "estate.toml"
    file.write_text(ESTATE + 'profile = "bells"\n')
    assert "no profile 'bells'" in run("estate", "check", file, code=1).stderr
    run("estate", "check", file, "--config", settings)
    run("estate", "import", file, "--config", settings, "--data-dir", tmp_path / "data")
    (own / "bells.toml").write_text(OWN.replace("match", "mach"))
    assert "bells.toml" in run("estate", "check", file, "--config", settings, code=1).stderr
    settings.write_text(f'profiles_dir = "{tmp_path / "absent"}"\n')
    assert "no such folder" in run("estate", "check", file, "--config", settings, code=1).stderr


def test_what_is_built_in_is_listed_by_its_own_title() -> None:
    listed = [json.loads(line) for line in run("profiles", "list", "--json").stdout.splitlines()]
    titles = {one["profile"]: one["title"] for one in listed}
    assert titles["native"] == "Mingluo's own topics and JSON"
    assert titles["homeassistant"].startswith("Home Assistant discovery")
    assert len(set(titles.values())) == len(titles)
