"""The page of the language of profiles: its example is one, and its words are those of the definition."""

import re
from pathlib import Path

import pytest

from gateway.decoding.definition import Meaning, Packed, Part, ProfileFile, Topic, Value, When
from gateway.decoding.loader import ProfileErrors, read_profile
from gateway.decoding.registry import Profiles
from gateway.payloads import Check

PAGE = (Path(__file__).parents[2] / "docs" / "profiles.md").read_text(encoding="utf-8")
(TEXT,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def test_the_example_does_what_it_says(tmp_path: Path) -> None:
    (tmp_path / "mybrand.toml").write_text(TEXT, encoding="utf-8")
    examples = read_profile(TEXT, "mybrand.toml").example
    assert [e.outcome for e in examples] == ["event", "event", "quarantined"]
    for example in examples:
        verdict = Check(Profiles(tmp_path)).message(example.topic.encode(), (example.payload or "").encode())
        assert verdict["outcome"] == example.outcome, verdict
        assert (example.reason or "") in (verdict["reason"] or "")
        found = {d["device"]: d for d in verdict.get("devices", ())}
        for said in example.devices:
            assert found[said.device]["values"] == pytest.approx(dict(said.values))
            assert _events(found[said.device]) == {(e.name, e.active) for e in said.events}
        if example.device is not None:
            assert verdict["device"] == example.device
            assert _events(verdict) == {(e.name, e.active) for e in example.events}


def _events(verdict: dict[str, list[dict[str, object]]]) -> set[tuple[object, object]]:
    return {(e["name"], e["active"]) for e in verdict["events"]}


@pytest.mark.parametrize(
    ("heading", "model"),
    [("At the top:", ProfileFile), ("## Topics", Topic), ("## Meanings", Meaning)],
)
def test_the_tables_name_every_key(heading: str, model: type[ProfileFile | Topic | Value]) -> None:
    section = PAGE[PAGE.index(heading) :]
    table = section[section.index("|---|") :].split("\n\n")[0]
    named = {key for row in re.findall(r"^\| ([^|]+) \|", table, re.MULTILINE) for key in re.findall(r"`(\w+)`", row)}
    assert named == set(model.model_fields)


def test_the_words_of_conditions_and_packed_values_are_named() -> None:
    wanted = {**When.model_fields, **Packed.model_fields, **Part.model_fields}
    assert [key for key in wanted if f"`{key}`" not in PAGE and f"`{key} =" not in PAGE] == []


def test_a_mistake_in_it_is_told_with_its_line() -> None:
    wrong = TEXT.replace('unit = "kWh"', 'unit = "kg"')
    line = next(i for i, text in enumerate(wrong.splitlines(), 1) if '"kg"' in text)
    with pytest.raises(ProfileErrors) as refused:
        read_profile(wrong, "mybrand.toml")
    assert [e.line for e in refused.value.errors] == [line]
