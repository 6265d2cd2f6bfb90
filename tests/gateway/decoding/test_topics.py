"""Patterns of topics, and templates of addresses."""

import pytest

from gateway.decoding.topics import PatternSyntaxError, Template, TopicPattern


@pytest.mark.parametrize(
    ("pattern", "topic", "captures"),
    [
        ("tele/{device}/SENSOR", "tele/cellar/SENSOR", {"device": "cellar"}),
        ("tele/{device}/SENSOR", "tele/a/b/SENSOR", None),
        ("zigbee2mqtt/{device*}", "zigbee2mqtt/upper floor/烟感", {"device": "upper floor/烟感"}),
        ("zigbee2mqtt/{device*}/availability", "zigbee2mqtt/a/b/availability", {"device": "a/b"}),
        ("{device}/status/switch:{n}", "shelly-1/status/switch:2", {"device": "shelly-1", "n": "2"}),
        ("+/{x}/#", "a/b", {"x": "b"}),
        ("+/{x}/#", "a/b/c/d", {"x": "b"}),
        ("a.b/{x}", "aXb/c", None),
        ("/{product}/{device}/online", "/p/d/online", {"product": "p", "device": "d"}),
    ],
)
def test_levels_are_captured(pattern: str, topic: str, captures: dict[str, str] | None) -> None:
    assert TopicPattern(pattern).match(topic) == captures


@pytest.mark.parametrize("pattern", ["a/#/b", "{a}/{a}", "{A B}/x", "x/{a"])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(PatternSyntaxError):
        TopicPattern(pattern)


@pytest.mark.parametrize(
    ("template", "captures", "document", "address"),
    [
        ("{device}", {"device": "a"}, {}, "a"),
        ("{device}/{n}", {"device": "a", "n": "1"}, {}, "a/1"),
        ("{device}/{n}", {"device": "a"}, {}, None),
        ("{.id}", {}, {"id": "x"}, "x"),
        ("{.id}", {}, {"id": 7}, "7"),
        ("{.header.src}", {}, {"header": {"src": "s"}}, "s"),
        ("{.id}", {}, {"id": ""}, None),
        ("{.id}", {}, {"id": True}, None),
        ("{.id}", {}, {"id": ["x"]}, None),
        ("{.id}", {}, {}, None),
        ("fixed", {}, {}, "fixed"),
    ],
)
def test_templates_are_filled_from_captures_and_document(
    template: str, captures: dict[str, str], document: object, address: str | None
) -> None:
    assert Template(template).fill(captures, document) == address


def test_a_template_says_what_it_needs() -> None:
    assert Template("{device}/{.id}").names == ("device",)
    assert Template("{device}/{.id}").needs_document
    assert not Template("{device}").needs_document
