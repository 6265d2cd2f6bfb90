"""Where in a TOML text each key stands, so that an error found after parsing can name its line.

`tomllib` gives values without places. This reads the same text again for places without values.
"""

import re
import tomllib
from bisect import bisect_right
from contextlib import suppress

Path = tuple[str | int, ...]
"""Keys and indices from the root, e.g. `("device", 3, "ratings", "rated_current")`."""

_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\\n]|\\.)*"|'[^'\n]*\'''',
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}\n#]+")


class TomlLines:
    """Lines of a TOML text, counted from 1.

    Args:
        text: TOML that `tomllib` has accepted. On any other text the lines are those found up to the fault.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0, *(m.end() for m in re.finditer("\n", text))]
        self._lines: dict[Path, int] = {(): 1}
        self._tables: dict[Path, int] = {}  # arrays of tables: how many so far
        # What was found so far is right, and a line is only a help.
        with suppress(_LostError, tomllib.TOMLDecodeError, RecursionError):
            self._document()

    def line(self, path: Path) -> int:
        """The line of `path`; of its nearest known ancestor where it is absent (a missing key has no line)."""
        while path not in self._lines:
            path = path[:-1]
        return self._lines[path]

    def _document(self) -> None:
        table: Path = ()
        while True:
            self._skip(_BLANK)
            if self._at == len(self._text):
                return
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        start = self._at
        double = self._text.startswith("[[", start)
        self._at += 2 if double else 1
        keys = self._dotted_key()
        self._expect("]]" if double else "]")
        path: Path = ()
        for i, key in enumerate(keys):
            path = (*path, key)
            if double and i == len(keys) - 1:
                self._note(path, start)
                self._tables[path] = self._tables.get(path, 0) + 1
            if path in self._tables:  # below an array of tables: its last one is meant
                path = (*path, self._tables[path] - 1)
        self._note(path, start)
        return path

    def _pair(self, table: Path) -> None:
        start = self._at
        path = table
        for key in self._dotted_key():
            path = (*path, key)
            self._note(path, start)
        self._expect("=")
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        opening = self._text[self._at : self._at + 1]
        if opening == "[":
            self._at += 1
            self._members("]", path)
        elif opening == "{":
            self._at += 1
            self._members("}", path)
        else:
            self._take(_STRING if opening in ('"', "'") else _SCALAR)

    def _members(self, closing: str, path: Path) -> None:
        count = 0
        while True:
            self._skip(_BLANK)
            if self._text.startswith(closing, self._at):
                self._at += 1
                return
            if closing == "}":
                self._pair(path)
            else:
                self._note((*path, count), self._at)
                self._value((*path, count))
                count += 1
            self._skip(_BLANK)
            if self._text.startswith(",", self._at):
                self._at += 1

    def _dotted_key(self) -> list[str]:
        keys = []
        while True:
            self._skip(_SPACE)
            word = self._take(_KEY)
            # A quoted key has the escapes of a string: let tomllib read them.
            keys.append(tomllib.loads(f"k = {word}")["k"] if word[0] in "\"'" else word)
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                return keys
            self._at += 1

    def _note(self, path: Path, at: int) -> None:
        self._lines.setdefault(path, bisect_right(self._starts, at))

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            raise _LostError
        self._at = match.end()
        return match[0]

    def _expect(self, token: str) -> None:
        if not self._text.startswith(token, self._at):
            raise _LostError
        self._at += len(token)


class _LostError(Exception):
    """The text is not the TOML that was promised."""
