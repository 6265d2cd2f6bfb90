"""Patterns of topics and templates of addresses: `tele/{device}/SENSOR` → `{device}`."""

import re
from collections.abc import Mapping
from typing import Any

from gateway.decoding.paths import MISSING, Path

_PLACEHOLDER = re.compile(r"\{(\.?[^{}]*)\}")
_LEVEL = re.compile(r"\{([a-z_]\w*)(\*?)\}")


class PatternSyntaxError(ValueError):
    """A pattern that cannot be read; the message says why."""


class TopicPattern:
    """`{name}` is one level or a part of one, `{name*}` one or more levels, `+` any level, `#` any rest.

    Attributes:
        names: what it captures.
    """

    def __init__(self, text: str) -> None:
        """Read a pattern.

        Raises:
            PatternSyntaxError: braces that are no capture, a name twice, `#` before the end.
        """
        self.text = text
        parts = []
        names: list[str] = []
        levels = text.split("/")
        for i, level in enumerate(levels):
            if level == "#":
                if i != len(levels) - 1:
                    raise PatternSyntaxError(f"{text!r}: # is for the end")
                parts.append(".*")
            elif level == "+":
                parts.append("[^/]*")
            else:
                pieces = _LEVEL.split(level)
                names += pieces[1::3]
                if any("{" in p or "}" in p for p in pieces[::3]):
                    raise PatternSyntaxError(f"{text!r}: {level!r} is not text with {{name}} in it")
                parts.append(
                    "".join(
                        re.escape(pieces[j]) if j % 3 == 0 else f"(?P<{pieces[j]}>{'.+' if pieces[j + 1] else '[^/]+'})"
                        for j in range(len(pieces))
                        if j % 3 != 2
                    )
                )
        if len(set(names)) < len(names):
            raise PatternSyntaxError(f"{text!r}: one name captures twice")
        self.names = tuple(names)
        pattern = "/".join(parts)
        if parts[-1] == ".*" and len(parts) > 1:
            pattern = "/".join(parts[:-1]) + "(?:/.*)?"  # as in MQTT, `a/#` is also `a`
        self._match = re.compile(pattern, re.DOTALL).fullmatch

    def match(self, topic: str) -> dict[str, str] | None:
        """What the topic's levels are, or None."""
        found = self._match(topic)
        return None if found is None else found.groupdict()


class Template:
    """An address made of captures and of texts in the document: `{device}/{channel}`, `{.deviceId}`.

    Attributes:
        names: captures that it needs.
        needs_document: whether a text of the document is in it.
    """

    def __init__(self, text: str) -> None:
        """Read a template.

        Raises:
            PathSyntaxError: of a path in it.
        """
        self.text = text
        pieces = _PLACEHOLDER.split(text)
        self._pieces: list[str | Path] = list(pieces)
        for i in range(1, len(pieces), 2):
            if pieces[i].startswith("."):
                self._pieces[i] = Path(pieces[i][1:])
        self.names = tuple(p for p in pieces[1::2] if not p.startswith("."))
        self.needs_document = any(isinstance(p, Path) for p in self._pieces)

    def fill(self, captures: Mapping[str, str], document: Any = MISSING) -> str | None:
        """The address; None if a part of it is missing."""
        words = []
        for i, piece in enumerate(self._pieces):
            if isinstance(piece, Path):
                value = piece.first(document)
                if isinstance(value, bool) or not isinstance(value, (str, int)) or value == "":
                    return None
                words.append(str(value))
            elif i % 2:
                if piece not in captures:
                    return None
                words.append(captures[piece])
            else:
                words.append(piece)
        return "".join(words)
