"""The page of the profile: its worked example does what it says."""

import re
from pathlib import Path

from gateway.homeassistant.profile import HomeAssistant
from gateway.homeassistant.registry import MAX_DEVICES, MAX_ENTITIES, MAX_FILTERS, MAX_PER_DEVICE
from gateway.homeassistant.templates import MAX_TEMPLATE

PAGE = (Path(__file__).parents[3] / "docs" / "profiles" / "homeassistant.md").read_text(encoding="utf-8")


def test_the_worked_example_does_what_it_says() -> None:
    profile = HomeAssistant()
    ((topic, config),) = re.findall(r"-r -t (homeassistant/\S+) -m '(.*?)'$", PAGE, re.MULTILINE | re.DOTALL)
    (announced,) = profile.decode(topic.encode(), config.encode(), 0).announcements
    assert f'address = "{announced.address}"' in PAGE
    assert f'kind = "{announced.kind}"' in PAGE
    said = re.findall(r"-t (house/\S+) -m (\S+|'[^']*') +# (\w+) ([01])$", PAGE, re.MULTILINE)
    assert len(said) == 3
    for where, payload, signal, value in said:
        (measured,) = profile.decode(where.encode(), payload.strip("'").encode(), 0).measurements
        assert measured.values == {signal: float(value)}
    assert profile.decode(topic.encode(), b"", 0).announcements == []
    assert profile.subscribe == ("homeassistant/#",)


def test_the_bounds_are_those_of_the_code() -> None:
    for bound in (MAX_DEVICES, MAX_ENTITIES):
        assert f"{bound:,} " in PAGE
    for bound in (MAX_PER_DEVICE, MAX_FILTERS, MAX_TEMPLATE):
        assert f" {bound} " in PAGE
