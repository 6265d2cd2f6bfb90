"""Paths into a document: `ENERGY.Voltage`, `params.'em:0'.a_voltage`, `*.Temperature`, `switch:{channel}`, `data.0`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

MISSING: Any = object()
"""What `Path.first` gives where nothing is."""

MOST_MATCHES = 1_000
"""Matches followed in one document; of a larger one the rest is not read."""

_STEP = re.compile(r"'([^']*)'|([^.']+)")
_CAPTURE = re.compile(r"\{([a-z_]\w*)\}")

Captures = Mapping[str, str]


class PathSyntaxError(ValueError):
    """A path that cannot be read; the message says why."""


class Path:
    """A path: keys, indices, `*` for any one of them or for any part of a key, `{name}` for a part that is remembered.

    Attributes:
        text: as written.
        steps: a key, a pattern of keys, or None for any key or index.
        simple: the keys, if the path has neither wildcards nor captures; else None.
        names: the captures.
    """

    def __init__(self, text: str) -> None:
        """Read a path.

        Raises:
            PathSyntaxError: an empty step, an open quote, a capture twice.
        """
        self.text = text
        self.steps: list[str | re.Pattern[str] | None] = []
        at = 0
        names: list[str] = []
        while at < len(text):
            match = _STEP.match(text, at)
            if match is None:
                raise PathSyntaxError(f"{text!r}: nothing between two dots, or an open quote, at character {at + 1}")
            quoted, word = match.groups()
            at = match.end()
            if at < len(text):
                if text[at] != "." or at + 1 == len(text):
                    raise PathSyntaxError(f"{text!r}: expected a dot and a key at character {at + 1}")
                at += 1
            if quoted is None and word == "*":
                self.steps.append(None)
            elif quoted is None and ("*" in word or _CAPTURE.search(word)):
                pattern = "".join(
                    f"(?P<{part}>.+)" if i % 2 else re.escape(part).replace(r"\*", ".*")
                    for i, part in enumerate(_CAPTURE.split(word))
                )
                names += _CAPTURE.findall(word)
                if len(set(names)) < len(names):
                    raise PathSyntaxError(f"{text!r}: one name captures twice")
                self.steps.append(re.compile(pattern, re.DOTALL))
            else:
                self.steps.append(word if quoted is None else quoted)
        self.names = tuple(names)
        keys = [step for step in self.steps if isinstance(step, str)]
        self.simple: tuple[str, ...] | None = tuple(keys) if len(keys) == len(self.steps) else None

    def first(self, body: Any) -> Any:
        """The value at the first match, or `MISSING`."""
        if self.simple is not None:
            for key in self.simple:
                if isinstance(body, dict):
                    body = body.get(key, MISSING)
                elif isinstance(body, list) and key.isdecimal() and int(key[:9]) < len(body):
                    body = body[int(key[:9])]
                else:
                    return MISSING
            return body
        return next((value for value, _ in self.all(body)), MISSING)

    def all(self, body: Any) -> Iterator[tuple[Any, Captures]]:
        """Every match with its captures, in the order of the document; at most `MOST_MATCHES`."""
        for count, found in enumerate(self._walk(body, 0, {})):
            if count >= MOST_MATCHES:
                return
            yield found

    def _walk(self, body: Any, depth: int, captures: dict[str, str]) -> Iterator[tuple[Any, Captures]]:
        if depth == len(self.steps):
            yield body, captures
            return
        step = self.steps[depth]
        if isinstance(body, dict):
            if isinstance(step, str):
                if step in body:
                    yield from self._walk(body[step], depth + 1, captures)
                return
            members: Iterator[tuple[str, Any]] = iter(body.items())
        elif isinstance(body, list):
            if isinstance(step, str):
                if step.isdecimal() and int(step[:9]) < len(body):
                    yield from self._walk(body[int(step[:9])], depth + 1, captures)
                return
            members = ((str(i), value) for i, value in enumerate(body))
        else:
            return
        for key, value in members:
            if step is None:
                yield from self._walk(value, depth + 1, captures)
            elif match := step.fullmatch(key):
                yield from self._walk(value, depth + 1, captures | match.groupdict())
