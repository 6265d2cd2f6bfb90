"""What a file of rule tests says: an estate, a rulebook, and cases with series, events and expectations."""

import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated, Any, Self

import tomli_w
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from community.clock import parse_time
from community.estate import Estate
from community.estate_file import EstateErrors, load_estate
from community.file_faults import BYTE_ORDER_MARK, FileError, Spot, explained, line_in, nearest
from community.quantities import EVENTS, SIGNALS
from community.severity import Severity
from community.toml_lines import TomlLines
from rules.errors import RulebookErrors
from rules.kinds.definition import Model
from rules.overrides import matches
from rules.rulebook import Rulebook, load_rulebook, standard_rulebook
from rules.ruletest.notation import duration, expanded, series

MOST_CASES = 1_000
MOST_TICKS = 1_000_000
_TABLES = ("place", "household", "device")
_KEYS = ("rulebook", "estate", *_TABLES, "test")
_VILLAGE = {
    "place": [{"id": "village", "kind": "community"}],
    "household": [{"id": "h", "place": "village"}],
    "device": [{"id": "d", "household": "h", "kind": "electrical_protector"}],
}
"""What stands where a file says nothing of it."""


def _signal(value: object) -> object:
    if value not in SIGNALS:
        raise ValueError(f"expected a signal{nearest(str(value), SIGNALS)}")
    return value


def _event(value: object) -> object:
    if value not in EVENTS:
        raise ValueError(f"expected an event{nearest(str(value), EVENTS)}")
    return value


def _level(value: object) -> object:
    words = [s.word for s in Severity]
    if value not in words:
        raise ValueError(f"expected one of {', '.join(words)}{nearest(str(value), words)}")
    return Severity.from_word(str(value))


Duration = Annotated[int, BeforeValidator(duration)]
"""ms; written as `90s`, `5m`, `1h30m`."""

Moment = Annotated[int, BeforeValidator(parse_time)]
"""UTC ms; written as `2026-06-03T04:00:00Z`."""

Level = Annotated[Severity, BeforeValidator(_level)]


class Series(Model):
    """Readings of one signal at even distance.

    Attributes:
        device: id or pattern (`d*`); all devices that it means send the same.
        signal: a quantity, or an event as values of 0 and 1.
        begin: `from`: of the first value after the case's beginning, ms.
        interval: between values, ms; None: the case's.
        delay: how much later than measured the gateway had them, ms.
        values: None is missing; see `rules.ruletest.notation`.
    """

    device: str = "*"
    signal: Annotated[str, BeforeValidator(_signal)]
    begin: Duration = Field(default=0, alias="from")
    interval: Duration | None = None
    delay: Duration = 0
    values: Annotated[tuple[float | None, ...], BeforeValidator(lambda v: series(v) if isinstance(v, str) else v)]


class Event(Model):
    """What a device itself reports at one moment."""

    device: str = "*"
    at: Duration
    event: Annotated[str, BeforeValidator(_event)]
    active: bool = True
    delay: Duration = 0


class Expectation(Model):
    """What must have been found.

    Attributes:
        rule: id or pattern.
        device: id or pattern; for a rule over a group its name, such as `feeder:f1`.
        at: the level after everything up to this moment, the moment included.
        between: a turn to the severity was found with its event time in this span, both ends included.
        never: that severity, or a worse one, was not found in the whole case.
        severity: None: any above normal.
        count: devices (or turns, with `between`) that must be found; None: at least one.
        value, tolerance: of the deciding value.
    """

    rule: str
    device: str = "*"
    at: Duration | None = None
    between: tuple[Duration, Duration] | None = None
    never: bool = False
    severity: Level | None = None
    count: int | None = Field(default=None, ge=0)
    value: float | None = None
    tolerance: float = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _one_question(self) -> Self:
        if (self.at is not None) + (self.between is not None) + self.never != 1:
            raise ValueError("expected exactly one of at, between and never")
        if self.never and (self.severity is Severity.NORMAL or self.count is not None or self.value is not None):
            raise ValueError("with never stand only rule, device and a severity above normal")
        if self.at is not None and self.severity is Severity.NORMAL and (self.count, self.value) != (None, None):
            raise ValueError("a normal level has no count and no value")
        return self

    @property
    def end(self) -> int:
        """Until when the case must run for it, ms."""
        return self.at or (self.between[1] if self.between else 0)

    def means(self, rule: str, device: str) -> bool:
        """Whether a rule and device are meant."""
        return matches(self.rule, rule) and fnmatchcase(device, self.device)


class Case(Model):
    """One test.

    Attributes:
        start: event time of its beginning; noon in Shanghai, so that no rule of the night is concerned.
        interval: between values of series that do not say their own, ms.
        tick: between ticks of the gateway's clock, ms.
        until: when it ends, ms; None: with its last reading or expectation.
    """

    name: str = Field(min_length=1)
    start: Moment = 1_780_459_200_000
    interval: Duration = 60_000
    tick: Duration = 1_000
    until: Duration | None = None
    series: tuple[Series, ...] = ()
    event: tuple[Event, ...] = ()
    expect: tuple[Expectation, ...] = Field(min_length=1)

    @property
    def end(self) -> int:
        """When it ends, ms after its beginning."""
        if self.until is not None:
            return self.until
        sent = [s.begin + (s.interval or self.interval) * (len(s.values) - 1) + s.delay for s in self.series]
        return max([*sent, *(e.at + e.delay for e in self.event), *(e.end for e in self.expect)], default=0)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.tick == 0 or 0 in (self.interval, *(s.interval for s in self.series)):
            raise ValueError("tick and interval must be above 0")
        if self.end // self.tick > MOST_TICKS:
            raise ValueError(f"more than {MOST_TICKS:,} ticks; set a longer tick")
        if any(e.end > self.end for e in self.expect):
            raise ValueError("an expectation lies behind the end (until)")
        return self


@dataclass(frozen=True, slots=True)
class RuleTests:
    """A file of tests, checked.

    Attributes:
        cases: with the line in the file where each begins.
    """

    source: str
    estate: Estate
    rulebook: Rulebook
    cases: tuple[tuple[int, Case], ...]


def load_tests(text: str, source: str, read: Callable[[str], str], rulebook: Rulebook | None = None) -> RuleTests:
    """Read a file of tests.

    Args:
        source: its name, for messages.
        read: gives the text of a file that it names (`rulebook`, `estate`), or raises OSError.
        rulebook: the rules to test instead of those that the file names.

    Raises:
        RulebookErrors: with every fault of the file, and of the files that it names.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RulebookErrors([FileError(source, line_in(str(error)), "", f"not TOML: {error}")]) from None
    top = Spot(source, TomlLines(text), ())
    errors = [
        top.error([key], f"unknown key; expected one of {', '.join(_KEYS)}{nearest(key, _KEYS)}")
        for key in document
        if key not in _KEYS
    ]
    estate, book = Estate(), rulebook
    try:
        estate = _estate(document, source, read)
    except EstateErrors as faults:
        errors += [FileError(source, None, "estate", str(e)) for e in faults.errors]
    except (OSError, ValueError, TypeError) as error:
        errors.append(top.error(["estate"], str(error)))
    try:
        book = book or _rulebook(document, source, read)
    except RulebookErrors as refused:
        errors += refused.errors
    except (OSError, ValueError) as error:
        errors.append(top.error(["rulebook"], str(error)))
    cases = list(_cases(document, top, errors))
    if book is not None and not errors:
        errors += [fault for spot, case in cases for fault in _strangers(case, spot, book, estate)]
    if errors or book is None:
        raise RulebookErrors(errors)
    return RuleTests(source, estate, book, tuple((spot.lines.line(spot.path), case) for spot, case in cases))


def _cases(document: dict[str, Any], top: Spot, errors: list[FileError]) -> Iterator[tuple[Spot, Case]]:
    tables = document.get("test", [])
    if not isinstance(tables, list) or not 0 < len(tables) <= MOST_CASES:
        errors.append(top.error(["test"], f"expected 1 to {MOST_CASES:,} [[test]] tables"))
        return
    for n, table in enumerate(tables):
        name = table.get("name") if isinstance(table, dict) else None
        spot = top._replace(path=("test", n), label=f"test {name if isinstance(name, str) else n + 1}")
        try:
            yield spot, Case.model_validate(table)
        except ValidationError as error:
            errors += [spot.error(path, message) for path, message in explained(Case, error)]


def _strangers(case: Case, spot: Spot, rulebook: Rulebook, estate: Estate) -> Iterator[FileError]:
    """What a case names and neither rulebook nor estate knows."""
    devices, rules = list(estate.devices), list(rulebook.numbers)
    named: dict[str, Sequence[Series | Event | Expectation]]
    named = {"series": case.series, "event": case.event, "expect": case.expect}
    for what, rows in named.items():
        for n, row in enumerate(rows):
            name = row.device
            if ":" not in name and not any(fnmatchcase(d, name) for d in devices):
                yield spot.error([what, n, "device"], f"no device is named {name!r}{nearest(name, devices)}")
            if isinstance(row, Expectation) and not any(matches(row.rule, r) for r in rules):
                yield spot.error([what, n, "rule"], f"no rule is named {row.rule!r}{nearest(row.rule, rules)}")


def _estate(document: dict[str, Any], source: str, read: Callable[[str], str]) -> Estate:
    given = document.get("estate")
    if given is not None:
        if any(name in document for name in _TABLES):
            raise ValueError("expected either estate or tables of places, households and devices")
        if not isinstance(given, str):
            raise ValueError("expected the name of a file")
        return load_estate(read(given), given)
    tables = {name: expanded(document.get(name, _VILLAGE[name])) for name in _TABLES}
    for row in tables["household"]:
        row.setdefault("place", tables["place"][-1].get("id"))
    for row in tables["device"]:
        row.setdefault("household", tables["household"][0].get("id"))
        row.setdefault("kind", "electrical_protector")
    return load_estate(tomli_w.dumps(tables), source)


def _rulebook(document: dict[str, Any], source: str, read: Callable[[str], str]) -> Rulebook:
    given = document.get("rulebook", "standard")
    if given == "standard":
        return standard_rulebook()
    if not isinstance(given, str):
        raise ValueError('expected "standard", the name of a file, or the text of a rulebook')
    if "\n" in given:
        return load_rulebook(given, f"{source}, rulebook")
    return load_rulebook(read(given), given)
