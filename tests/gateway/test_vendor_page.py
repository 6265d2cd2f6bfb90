"""The page for vendors says what the code does."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from community.clock import DAY, SECOND
from community.refusal import Reason
from gateway.admission import Limits
from gateway.decoding.definition import Example
from gateway.decoding.loader import read_profile
from gateway.decoding.native import LEAVES, MAX_OBJECTS
from gateway.decoding.reader import DataProfile
from gateway.decoding.registry import Profiles
from gateway.payloads import Check, check_lines
from gateway.trust import rates

PAGE = (Path(__file__).parents[2] / "docs" / "vendors.md").read_text(encoding="utf-8")


def test_every_reason_has_its_row_and_there_are_no_others() -> None:
    table = PAGE[PAGE.index("| reason |") :]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [reason.value for reason in Reason]


def test_limits_are_those_of_the_code() -> None:
    limits = Limits()
    assert f"older than {limits.too_old // DAY} days" in PAGE
    assert f"more than {limits.future // SECOND} s ahead" in PAGE
    assert f"more than {limits.max_payload // 1_024} KiB" in PAGE
    assert f"at most {MAX_OBJECTS:,} such objects" in PAGE
    for leaf in LEAVES:
        assert f"<device>/{leaf}`" in PAGE


def test_the_examples_are_accepted() -> None:
    examples = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    sent = re.findall(r"-t (\S+) \\\n +-m '(.*?)'", PAGE)
    lines = [
        json.dumps({"topic": f"mingluo/v1/a/b/c/{'event' if 'event' in e else 'telemetry'}", "payload": e})
        for e in examples
    ] + [json.dumps({"topic": on, "payload": payload}) for on, payload in sent]
    assert [line["outcome"] for line in check_lines(x.encode() for x in lines)] == [
        "accepted",
        "event",
        "accepted",
        "quarantined",  # the mistake
    ]


def test_the_profile_on_the_page_does_what_its_example_says(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    file = read_profile(text, "mybrand.toml")
    (tmp_path / "mybrand.toml").write_text(text, encoding="utf-8")
    check = Check(Profiles(tmp_path))
    (example,) = file.example
    verdict = check.message(example.topic.encode(), (example.payload or "").encode())
    assert (verdict["profile"], verdict["device"], verdict["outcome"]) == ("mybrand", example.device, example.outcome)
    assert verdict["values"] == example.values
    assert {(e["name"], e["active"]) for e in verdict["events"]} == {(e.name, e.active) for e in example.events}
    gone = check.message(b"mybrand/MB00017/lwt", b"down")
    assert gone["events"] == [{"name": "online", "active": False}]


def test_every_profile_has_its_row_of_liveness_and_keeps_what_it_says() -> None:
    table = PAGE[PAGE.index("| profile | its word for gone") :].split("\n\n")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, re.MULTILINE))
    for profile in Profiles().values():
        assert profile.name in rows
        if isinstance(profile, DataProfile):
            # A profile with a word for it shows it in an example, and another one has none.
            gone = [e for e in profile.file.example if ("online", False) in _told(e)]
            assert (rows[profile.name] == "none") == (gone == []), profile.name


def _told(said: Example) -> list[tuple[str, bool]]:
    return [
        (event.name, event.active) for events in (said.events, *(d.events for d in said.devices)) for event in events
    ]


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_the_sketches_compile(language: str, tmp_path: Path) -> None:
    """Against the declarations of what they use, as its documentation gives them."""
    compiler = shutil.which("gcc" if language == "c" else "g++")
    if compiler is None:
        pytest.skip("needs the Debian package g++")
    (sketch,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    declared = (Path(__file__).parent / "sketches" / f"declared.{language}").read_text(encoding="utf-8")
    for header in re.findall(r'#include [<"]((?:esp_|freertos/|mqtt_|nvs_|protocol_|WiFi|PubSub)[\w/.]+)[>"]', sketch):
        (tmp_path / header).parent.mkdir(exist_ok=True)
        (tmp_path / header).write_text(f"#pragma once\n#include <declared.{language}>\n")
    (tmp_path / f"declared.{language}").write_text(f"#pragma once\n{declared}")
    (tmp_path / f"sketch.{language}").write_text(sketch)
    strict = ("-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", "-fsyntax-only", f"-I{tmp_path}")
    done = subprocess.run([compiler, *strict, f"sketch.{language}"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_bounds_of_rate_are_those_of_the_code() -> None:
    assert f"more than {rates.SUSTAINED} messages a second for long, or {rates.BURST:,} at once" in PAGE
    assert (rates.URGENT, "(ten times that on" in PAGE) == (10, True)
