"""Times as the house keeps them: int64 UTC milliseconds since 1970.

No function here reads a clock: below the roof, time is an argument.
"""

from datetime import UTC, datetime

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

#: Times outside these (years 1 and 9999) cannot be written as RFC 3339.
EARLIEST = -62_135_596_800_000
LATEST = 253_402_300_799_999


def parse_time(value: object) -> int:
    """Read a time: whole or fractional Unix milliseconds, or an RFC 3339 text with an offset.

    Args:
        value: `1795000000000`, `"2026-11-22T08:00:00.250Z"`, `"2026-11-22T16:00:00+08:00"`.

    Returns:
        UTC milliseconds.

    Raises:
        ValueError: what was expected, when `value` is neither.
    """
    if isinstance(value, bool) or value is None:
        raise ValueError(f"expected Unix milliseconds or RFC 3339 text, got {value!r}")
    if isinstance(value, (int, float)):
        if not EARLIEST <= value <= LATEST:  # also refuses NaN and the infinities
            raise ValueError(f"time {value!r} is outside the years 1 to 9999")
        return int(value)
    if not isinstance(value, str):
        raise ValueError(f"expected Unix milliseconds or RFC 3339 text, got {type(value).__name__}")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"not an RFC 3339 time: {value[:40]!r}") from None
    if moment.tzinfo is None:
        raise ValueError(f"time {value!r} has no offset; write Z or +08:00 behind it")
    return round(moment.timestamp() * 1000)


def format_time(ms: int) -> str:
    """Write UTC milliseconds as RFC 3339, for people and logs."""
    moment = datetime.fromtimestamp(ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
