"""Times of GB/T 26875.3-2011, 8.2.2: second, minute, hour, day, month, year since 2000, a binary byte each, no zone."""

from datetime import UTC, datetime, timedelta

from community.clock import HOUR

BEIJING = 8 * HOUR
"""The standard's time is that of China; a dialect may name another offset, ms."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_moment(six: bytes, offset: int = BEIJING) -> int | None:
    """UTC ms; None if it is no time: zeros of a clock never set, 255s, the 31st of February.

    Args:
        six: the bytes.
        offset: of the transmitter's local time from UTC, ms.
    """
    if len(six) != 6:
        return None
    second, minute, hour, day, month, year = six
    try:
        local = datetime(2000 + year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return (local - _EPOCH) // timedelta(milliseconds=1) - offset


def write_moment(ts: int, offset: int = BEIJING) -> bytes:
    """The six bytes for a time in UTC ms; years after 2255 or before 2000 do not exist on the wire and are cut."""
    local = _EPOCH + timedelta(milliseconds=ts + offset)
    return bytes((local.second, local.minute, local.hour, local.day, local.month, min(max(local.year - 2000, 0), 255)))
