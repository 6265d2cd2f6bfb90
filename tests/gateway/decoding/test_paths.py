"""Paths: what they find, and what is no path."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoding.paths import MISSING, MOST_MATCHES, Path, PathSyntaxError

DOCUMENT: dict[str, Any] = {
    "ENERGY": {"Voltage": 230, "Phases": [1, 2, 3]},
    "SHT3X-0x44": {"Temperature": 21.5},
    "em:0": {"a.voltage": 229},
    "switch:0": {"on": True},
    "switch:12": {"on": False},
    "null": None,
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ENERGY.Voltage", 230),
        ("ENERGY.Phases.1", 2),
        ("ENERGY.Phases.9", MISSING),
        ("ENERGY.Voltage.deeper", MISSING),
        ("'em:0'.'a.voltage'", 229),
        ("em:0.'a.voltage'", 229),
        ("*.Temperature", 21.5),
        ("SHT*.Temperature", 21.5),
        ("BME*.Temperature", MISSING),
        ("null", None),
        ("", DOCUMENT),
        ("absent", MISSING),
    ],
)
def test_the_first_match_is_found(text: str, value: Any) -> None:
    assert Path(text).first(DOCUMENT) is value or Path(text).first(DOCUMENT) == value


def test_a_part_of_a_key_is_captured() -> None:
    path = Path("switch:{channel}.on")
    assert path.names == ("channel",)
    assert list(path.all(DOCUMENT)) == [(True, {"channel": "0"}), (False, {"channel": "12"})]


def test_elements_of_a_list_are_captured_by_their_index() -> None:
    assert list(Path("{n}").all(["a", "b"])) == [("a", {"n": "0"}), ("b", {"n": "1"})]


@pytest.mark.parametrize("text", [".a", "a.", "a..b", "'open", "a'b'", "{n}.{n}"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(PathSyntaxError):
        Path(text)


def test_of_a_giant_document_not_all_is_followed() -> None:
    assert len(list(Path("*").all([0] * (MOST_MATCHES + 1)))) == MOST_MATCHES


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
)


@given(json_values, st.lists(st.sampled_from(["a", "b", "0", "*", "a*"]), max_size=4))
def test_the_first_of_all_is_the_first(document: Any, steps: list[str]) -> None:
    path = Path(".".join(steps))
    found = [value for value, _ in path.all(document)]
    assert path.first(document) is (found[0] if found else MISSING)
