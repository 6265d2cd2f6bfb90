"""Profile files: every fault is told, with its line."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoding.loader import MOST_CHARACTERS, ProfileErrors, read_profile

GOOD = """\
title = "Cellar meter"
about = "What it is."
subscribe = ["meter/+/state"]
grant = { publish = ["meter/{device}/#"] }
[[topic]]
match = "meter/{device}/state"
time = { path = "t" }
fields = ["all"]
parts = ["socket"]
[fields.all]
"u" = { signal = "voltage", scale = 0.1 }
"state" = [ { signal = "breaker_closed", values = { on = 1 } }, { bits = { 0 = "trip" }, when = { has = ["x"] } } ]
"phase" = { packed = { encoding = "hex", length = 4, parts = [{ at = 0, signal = "current", unit = "mA" }] } }
[fields.sub]
"i" = { signal = "current" }
[parts.socket]
each = "socket:{n}"
device = "{device}/{n}"
main = { n = "0" }
fields = ["sub"]
"""


def faults(text: str) -> list[str]:
    """What is told of a file."""
    with pytest.raises(ProfileErrors) as refused:
        read_profile(text, "meter.toml")
    return [str(e) for e in refused.value.errors]


def test_a_good_file_is_read() -> None:
    profile = read_profile(GOOD, "meter.toml")
    assert profile.title == "Cellar meter"
    assert profile.fields["all"]["u"][0].scale == 0.1
    assert [m.signal for m in profile.fields["all"]["state"]] == ["breaker_closed", None]


@pytest.mark.parametrize(
    ("right", "wrong", "line", "message"),
    [
        ('title = "Cellar meter"', "", 1, "title: Field required"),
        ('"voltage"', '"voltge"', 11, "no signal 'voltge'; did you mean voltage?"),
        ('unit = "mA"', 'unit = "ma"', 13, "'ma' cannot be converted for current; units: A, mA, kA"),
        ('fields = ["all"]', 'fields = ["al"]', 8, "there is no [fields.al]; did you mean all?"),
        ('parts = ["socket"]', 'parts = ["socke"]', 9, "there is no [parts.socke]; did you mean socket?"),
        ('"meter/{device}/state"', '"meter/{device}/#/state"', 6, "# is for the end"),
        ('device = "{device}/{n}"', 'device = "{device}/{m}"', 18, "nothing captures {m}"),
        ("main = { n", 'when = { above = 1 }\nmain = { n', 19, "above and below are for a single field"),
        ("main = { n", 'when = { has = ["a..b"] }\nmain = { n', 19, "nothing between two dots"),
        ("main = { n", "main = { m", 19, "does not capture {m}"),
        ("scale = 0.1", 'scale = "x"', 11, "scale"),
        ("scale = 0.1", "scal = 0.1", 11, "unknown key; did you mean scale?"),
        ("{ 0 = ", "{ 64 = ", 12, "numbered from 0 to 63"),
        ('0 = "trip"', '0 = "voltage"', 12, "a bit is a flag or an event, voltage is neither"),
        ("length = 4", "length = 1", 13, "ends behind the last of 1 bytes"),
        ('"u" = { signal = "voltage", scale = 0.1 }', '"u" = { scale = 0.1 }', 11, "one of signal, bits and packed"),
        ('"u" =', '"u..v" =', 11, "nothing between two dots"),
        ('["meter/{device}/#"]', '["meter/#"]', 4, "expected {device} in it"),
        ('encoding = "hex"', 'encoding = "hx"', 13, "encoding"),
        ('[fields.sub]', '[fields.unused]\n"a" = { signal = "co" }\n[fields.sub]', 14, "uses this set"),
        ('title = "Cellar meter"', 'title = "Cellar meter', 1, ""),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line(right: str, wrong: str, line: int, message: str) -> None:
    assert right in GOOD
    told = faults(GOOD.replace(right, wrong, 1))
    assert len(told) == 1, told
    assert told[0].startswith(f"meter.toml:{line}: ")
    assert message in told[0]


def test_all_faults_are_told_at_once() -> None:
    told = faults(GOOD.replace('"voltage"', '"voltge"').replace("{m}", "").replace('unit = "mA"', 'unit = "V"'))
    assert len(told) == 2


def test_a_giant_is_not_read() -> None:
    assert "characters" in faults("#" * (MOST_CHARACTERS + 1))[0]


@given(st.integers(0, len(GOOD) - 1), st.text(max_size=4), st.integers(0, 6))
def test_a_damaged_file_is_read_or_refused(at: int, put: str, cut: int) -> None:
    damaged = GOOD[:at] + put + GOOD[at + cut :]
    with suppress(ProfileErrors):
        assert read_profile(damaged, "meter.toml").topic
