"""The compact notation of rule tests: series of values, times, and tables that stand for many.

Series are words with spaces between them: `230` one value, `230x12` twelve, `20..80/30` thirty values evenly from 20
to 80 with both ends, `_` a missing one (`_x3` three), `(230 231)x5` a group repeated.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

MOST_VALUES = 500_000
"""Values of one series: six days of one each second."""

MOST_ROWS = 10_000
"""Tables for which one with `{1..n}` may stand."""

_WORD = re.compile(
    r"\s*(?:(?P<open>\()|(?:"
    r"(?P<close>\))(?:x(?P<times>\d+))?"
    r"|(?P<begin>-?\d+(?:\.\d+)?)\.\.(?P<end>-?\d+(?:\.\d+)?)/(?P<steps>\d+)"
    r"|(?P<value>-?\d+(?:\.\d+)?|_)(?:x(?P<count>\d+))?"
    r")(?=[\s()]|$))"
)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")


def series(text: str) -> tuple[float | None, ...]:
    """The values of a series; None where one is missing.

    Raises:
        ValueError: what was expected, and at which column.
    """
    groups: list[list[float | None]] = [[]]
    at = 0
    text = text.rstrip()
    while at < len(text):
        match = _WORD.match(text, at)
        if match is None:
            rest = text[at:].lstrip()
            word = rest.split()[0]
            raise ValueError(
                f"column {len(text) - len(rest) + 1}: expected 230, 230x12, 20..80/30, _ or (...)x5, got {word!r}"
            )
        at = match.end()
        if match["open"]:
            groups.append([])
            continue
        if match["close"]:
            if len(groups) == 1:
                raise ValueError(f"column {at}: a bracket too many")
            values, times = groups.pop(), int(match["times"] or 1)
        elif match["value"]:
            values, times = [None if match["value"] == "_" else float(match["value"])], int(match["count"] or 1)
        else:
            values, times = _ramp(float(match["begin"]), float(match["end"]), int(match["steps"])), 1
        if len(values) * times + sum(map(len, groups)) > MOST_VALUES:
            raise ValueError(f"more than {MOST_VALUES:,} values")
        groups[-1] += values * times
    if len(groups) > 1:
        raise ValueError("a bracket is not closed")
    if not groups[0]:
        raise ValueError("expected values such as 230x12 258x6")
    return tuple(groups[0])


def duration(given: object) -> int:
    """A time span in ms: `90s`, `5m`, `2h`, `3d`, `1h30m`, `250ms`, or a number of seconds.

    Raises:
        ValueError: what was expected.
    """
    if isinstance(given, int | float) and not isinstance(given, bool) and given >= 0:
        return round(given * 1000)
    parts = _DURATION.findall(given) if isinstance(given, str) else []
    if not parts or "".join(n + u for n, u in parts) != given:
        raise ValueError(f"expected a time such as 90s, 5m, 2h, 3d or 1h30m, got {given!r}")
    return round(sum(float(n) * _UNITS[u] for n, u in parts))


def spelled(ms: int) -> str:
    """A time span as `duration` reads it."""
    words = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, ms = divmod(ms, _UNITS[unit])
        if count:
            words.append(f"{count}{unit}")
    return "".join(words) or "0s"


def expanded(tables: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Tables in which `{1..12}` in texts stands for twelve tables; all ranges of one table count together.

    Raises:
        ValueError: ranges of one table differ in length, or stand for too many.
    """
    found: list[dict[str, Any]] = []
    for table in tables:
        ranges = [range(int(a), int(b) + 1) for v in table.values() if isinstance(v, str) for a, b in _RANGE.findall(v)]
        lengths = {len(r) for r in ranges}
        if len(lengths) > 1:
            raise ValueError("ranges of one table must have one length")
        count = lengths.pop() if lengths else 1
        if len(found) + count > MOST_ROWS:
            raise ValueError(f"ranges stand for more than {MOST_ROWS:,} tables")
        found += [{k: _numbered(v, n) for k, v in table.items()} for n in range(count)]
    return found


def _ramp(begin: float, end: float, steps: int) -> list[float | None]:
    if not 2 <= steps <= MOST_VALUES:
        raise ValueError(f"a ramp has 2 to {MOST_VALUES:,} values, got {steps}")
    return [begin + (end - begin) * k / (steps - 1) for k in range(steps)]


def _numbered(value: Any, n: int) -> Any:
    return _RANGE.sub(lambda m: str(int(m[1]) + n), value) if isinstance(value, str) else value
