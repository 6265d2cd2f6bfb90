"""What a state can be held to say by the discovery configs before it; shares nothing with the gateway's reader.

A state says an alarm if a config names its topic, speaks of the alarm by some word, and the state is the config's word
for "on": the whole payload, or the member at which a template points. What a template with operators makes of a payload
is believed. So it may miss a false alarm, and never calls a true one false.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from tests.fuzz.oracle import Members, plain_word, read_document

_WORDS = {
    "smoke_alarm": "smoke", "gas_alarm": "gas", "co_alarm": "co|carbon", "water_alarm": "moisture|water|leak|flood",
    "heat_alarm": "heat", "fire_alarm": "fire", "trip": "trip", "arc_alarm": "arc",
}  # fmt: skip
_ON = ("payload_on", "pl_on", "state_on", "stat_on")
_TEMPLATES = ("value_template", "val_tpl", "state_value_template", "stat_val_tpl")
_MEMBER = re.compile(r"\{\{\s*value_json((?:\.\w+|\['\w+'\]|\[\"\w+\"\])+)\s*\}\}")


class Announcements:
    """The last config on each topic, and those that came in the same flush."""

    def __init__(self) -> None:
        self._configs: dict[bytes, list[bytes]] = {}

    def hear(self, messages: Iterable[tuple[bytes, bytes]]) -> None:
        """Note the configs among the messages of a flush."""
        for heard in self._configs.values():
            del heard[:-1]
        for topic, payload in messages:
            if topic.startswith(b"homeassistant/"):
                self._configs.setdefault(topic, []).append(payload)

    def say(self, topic: bytes, payload: bytes, alarm: str) -> bool:
        """Whether a state can be held to say that `alarm` is active."""
        return any(_says(c, topic, payload, alarm) for several in self._configs.values() for c in several)


def _says(config: bytes, topic: bytes, payload: bytes, alarm: str) -> bool:
    where = topic.decode(errors="replace")
    try:
        members = list(_members(read_document(config, is_text=False)))
    except (ValueError, RecursionError):
        return False
    texts = [value for _, value in members if isinstance(value, str)]
    bases = [value for key, value in members if key == "~" and isinstance(value, str)] or ["~"]
    if not any(text.replace("~", base) == where for text in texts for base in bases):
        return False
    if re.search(_WORDS.get(alarm, ""), config.decode(errors="replace"), re.IGNORECASE) is None:
        return False
    words = {plain_word(value) for key, value in members if key in _ON} or {"on"}
    templates = [value.strip() for key, value in members if key in _TEMPLATES and isinstance(value, str)]
    if not any(templates):
        return plain_word(payload.decode(errors="replace")) in words
    return any(_points(template, payload, words) for template in templates)


def _points(template: str, payload: bytes, words: set[str]) -> bool:
    pointing = _MEMBER.fullmatch(template)
    if pointing is None:
        return True
    try:
        found = [read_document(payload, is_text=False)]
    except (ValueError, RecursionError):
        return False
    for step in re.findall(r"\w+", pointing[1]):
        found = [v for value in found if isinstance(value, Members) for k, v in value if k == step]
    return any(plain_word(value) in words for value in found)


def _members(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Members):
        for k, v in value:
            yield from _members(v, k)
    elif isinstance(value, list):
        for item in value:
            yield from _members(item, key)
    else:
        yield key, value
