"""A parser for the part of Flux that the history sends; anything else is an error.

https://docs.influxdata.com/flux/v0/spec/ is the language; what a script may contain is narrowed to imports, one
`option task`, and pipelines of calls with named arguments.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)|
    (?P<duration>-?\d+(?:ms|ns|us|s|m|h|d|w)\b)|
    (?P<int>-?\d+)|
    (?P<string>"(?:[^"\\]|\\.)*")|
    (?P<word>[A-Za-z_]\w*)|
    (?P<sign>\|>|=>|==|!=|<-|[(){}\[\],:.=<>])
    )""",
    re.VERBOSE,
)
_UNIT = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}


class FluxError(Exception):
    """The script is not of the part that is known here."""


class Time(int):
    """ns since 1970; a type of its own, since Flux tells times from integers."""


class Duration(int):
    """ns."""


@dataclass(frozen=True)
class Name:
    """An identifier."""

    name: str


@dataclass(frozen=True)
class Member:
    """`of.name`."""

    of: Any
    name: str


@dataclass(frozen=True)
class Call:
    """A function called with named arguments; `piped` is what stands before `|>`."""

    function: Any
    arguments: dict[str, Any]
    piped: Any = None


@dataclass(frozen=True)
class Function:
    """`(r) => body` or `(column, tables=<-) => body`; the parameter `pipe` takes what is piped."""

    parameters: tuple[str, ...]
    pipe: str | None
    body: Any


@dataclass(frozen=True)
class Binary:
    """`left sign right`."""

    sign: str
    left: Any
    right: Any


@dataclass(frozen=True)
class Script:
    """Statements, and what the script says of itself as a task."""

    statements: list[Any]
    task: dict[str, Any] | None


def parse(text: str) -> Script:
    """Read a script.

    Raises:
        FluxError: where it is not understood.
    """
    return _Parser(text).script()


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None or match.lastgroup is None:
                raise FluxError(f"cannot read {text[at : at + 40]!r}")
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self._at = 0

    def script(self) -> Script:
        statements, task = [], None
        while self._at < len(self._tokens):
            if self._take("word", "import"):
                self._expect("string", '"date"')
            elif self._take("word", "option"):
                self._expect("word", "task")
                self._expect("sign", "=")
                task = self._record()
            else:
                statements.append(self._pipeline())
        return Script(statements, task)

    def _peek(self, ahead: int = 0) -> tuple[str, str]:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else ("end", "")

    def _take(self, kind: str, text: str | None = None) -> str | None:
        found, value = self._peek()
        if found != kind or (text is not None and value != text):
            return None
        self._at += 1
        return value

    def _expect(self, kind: str, text: str | None = None) -> str:
        value = self._take(kind, text)
        if value is None:
            raise FluxError(f"expected {text or kind}, got {self._peek()[1]!r}")
        return value

    def _pipeline(self) -> Any:
        found = self._primary()
        while self._take("sign", "|>"):
            call = self._primary()
            if not isinstance(call, Call):
                raise FluxError("expected a call behind |>")
            found = Call(call.function, call.arguments, found)
        return found

    def _condition(self) -> Any:
        left = self._comparison()
        while self._peek() in (("word", "or"), ("word", "and")):
            left = Binary(self._expect("word"), left, self._comparison())
        return left

    def _comparison(self) -> Any:
        left = self._pipeline()
        for sign in ("==", "!="):
            if self._take("sign", sign):
                return Binary(sign, left, self._pipeline())
        return left

    def _primary(self) -> Any:
        kind, text = self._peek()
        if kind == "sign" and text == "(":
            return self._function()
        if kind == "sign" and text == "[":
            return self._array()
        if kind == "sign" and text == "{":
            return self._record()
        self._at += 1
        match kind:
            case "string":
                return re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), text[1:-1])
            case "int":
                return int(text)
            case "duration":
                number, unit = re.fullmatch(r"(-?\d+)(\w+)", text).groups()  # type: ignore[union-attr]  # by the token
                return Duration(int(number) * _UNIT[unit])
            case "time":
                return _time(text)
            case "word":
                return self._reference(text)
        raise FluxError(f"unexpected {text!r}")

    def _reference(self, text: str) -> Any:
        if text in ("true", "false"):
            return text == "true"
        found: Any = Name(text)
        while True:
            if self._take("sign", "."):
                found = Member(found, self._expect("word"))
            elif self._take("sign", "("):
                found = Call(found, self._named(")"))
            else:
                return found

    def _named(self, closing: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self._take("sign", closing):
            name = self._expect("word")
            self._expect("sign", ":")
            if name in found:
                raise FluxError(f"{name} is given twice")
            found[name] = self._condition()
            if self._peek() != ("sign", closing):
                self._expect("sign", ",")
        return found

    def _record(self) -> dict[str, Any]:
        self._expect("sign", "{")
        return self._named("}")

    def _array(self) -> list[Any]:
        self._expect("sign", "[")
        found = []
        while not self._take("sign", "]"):
            found.append(self._condition())
            if self._peek() != ("sign", "]"):
                self._expect("sign", ",")
        return found

    def _function(self) -> Function:
        self._expect("sign", "(")
        parameters, pipe = [], None
        while not self._take("sign", ")"):
            name = self._expect("word")
            if self._take("sign", "="):
                self._expect("sign", "<-")
                pipe = name
            else:
                parameters.append(name)
            if self._peek() != ("sign", ")"):
                self._expect("sign", ",")
        self._expect("sign", "=>")
        return Function(tuple(parameters), pipe, self._condition())


def _time(text: str) -> Time:
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    return Time(seconds * 10**9 + int(fraction.ljust(9, "0")[:9] or 0))
