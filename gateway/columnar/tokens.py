"""JSON's texts, numbers and times, read in place by compiled code (RFC 8259)."""

import numpy as np

from community.compiler import inner
from gateway.columnar.words import byte_at, inlined, lowest, word_at


def _repeated(byte: int) -> np.uint64:
    return np.uint64(int.from_bytes(bytes([byte]) * 8, "little"))


_ONES, _HIGHS, _SEVENS, _LIMIT = _repeated(0x01), _repeated(0x80), _repeated(0x7F), _repeated(0x76)
_QUOTES, _BACKSLASHES, _SPACES, _ZEROS = _repeated(ord('"')), _repeated(ord("\\")), _repeated(ord(" ")), _repeated(0x30)
_ONE, _8, _16, _32 = np.uint64(1), np.uint64(8), np.uint64(16), np.uint64(32)
_PAIRS, _FOURS, _EIGHT = np.uint64(0x00FF00FF00FF00FF), np.uint64(0x0000FFFF0000FFFF), np.uint64(0xFFFFFFFF)
_TEN, _HUNDRED, _MYRIAD = np.uint64(10), np.uint64(100), np.uint64(10_000)
_TRUE, _NULL, _ALSE = (np.uint64(int.from_bytes(word, "little")) for word in (b"true", b"null", b"alse"))
_BYTE = np.uint64(0xFF)

BAD, WHOLE, REAL, INEXACT, TEXT, ESCAPED, BOOLEAN, NULL = range(8)
"""What a scalar is. `BAD`: no JSON, or too long; a number without fraction and exponent, with one, or not converted
exactly here; a text without escapes, with some."""

_LONGEST = 64
_MOST_EXACT = 1 << 53
_POWERS = np.array([10.0**i for i in range(23)])
"""The powers of ten that a float64 holds exactly: a product or quotient with one is rounded once, thus correctly
(W. Clinger, How to read floating point numbers accurately, 1990)."""

NO_TIME = -(1 << 63)
UNREADABLE = NO_TIME + 1
"""What `time_of` gives for a text without a zone, and for one that is left to Python."""


@inner
def is_blank(byte):  # type: ignore[no-untyped-def]  # compiled
    """Whether a byte may stand between tokens."""
    return byte == 0x20 or byte == 0x0A or byte == 0x0D or byte == 0x09


@inner
def after_blanks(data, at):  # type: ignore[no-untyped-def]  # compiled
    """Where the blanks from `at` end."""
    while is_blank(byte_at(data, at)):
        at += 1
    return at


@inner
def _is_continuation(byte):  # type: ignore[no-untyped-def]  # compiled
    return byte & 0xC0 == 0x80


@inner
def _after_character(data, at):  # type: ignore[no-untyped-def]  # compiled
    """Where the UTF-8 character of several bytes at `at` ends; -1 if it is none (RFC 3629)."""
    head, second = byte_at(data, at), byte_at(data, at + 1)
    if not _is_continuation(second):
        return -1
    if 0xC2 <= head <= 0xDF:
        return at + 2
    third = byte_at(data, at + 2)
    if not _is_continuation(third):
        return -1
    if 0xE0 <= head <= 0xEF:
        overlong, surrogate = head == 0xE0 and second < 0xA0, head == 0xED and second > 0x9F
        return -1 if overlong or surrogate else at + 3
    overlong, beyond = head == 0xF0 and second < 0x90, head == 0xF4 and second > 0x8F
    if not 0xF0 <= head <= 0xF4 or overlong or beyond or not _is_continuation(byte_at(data, at + 3)):
        return -1
    return at + 4


@inner
def _after_escape(data, at):  # type: ignore[no-untyped-def]  # compiled
    """Where the escape whose letter is at `at` ends; -1 if it is none, or half of a surrogate pair."""
    letter = byte_at(data, at)
    if letter != ord("u"):
        # " \ / b f n r t
        known = letter == 0x22 or letter == 0x5C or letter == 0x2F or letter == 0x62 or letter == 0x66
        return at + 1 if known or letter == 0x6E or letter == 0x72 or letter == 0x74 else -1
    for i in range(at + 1, at + 5):
        digit = byte_at(data, i)
        low = digit | 0x20
        if not (0x30 <= digit <= 0x39 or 0x61 <= low <= 0x66):
            return -1
    return -1 if byte_at(data, at + 1) | 0x20 == 0x64 else at + 5


@inner
def text_end(data, at, end):  # type: ignore[no-untyped-def]  # compiled
    """Find the end of a text.

    Args:
        data: padded.
        at: behind the opening quote.
        end: of the document.

    Returns:
        Where the closing quote is, or -1 if the text is none; and whether it has no escapes.
    """
    plain = True
    while at < end:
        word = word_at(data, at)
        quotes, backslashes = word ^ _QUOTES, word ^ _BACKSLASHES
        # Bytes that are zero, and bytes below a space: the lowest flag of each is true, those above it may be false.
        found = ((quotes - _ONES) & ~quotes) | ((backslashes - _ONES) & ~backslashes) | ((word - _SPACES) & ~word)
        found = (found | word) & _HIGHS
        if found == 0:
            at += 8
            continue
        at += lowest(found)
        if at >= end:
            break
        byte = byte_at(data, at)
        if byte == 0x22:
            return at, plain
        if byte == 0x5C:
            plain = False
            at = _after_escape(data, at + 1)
        elif byte >= 0x80:
            at = _after_character(data, at)
        else:
            break
        if at < 0:
            break
    return -1, plain


@inner
def _digits(word):  # type: ignore[no-untyped-def]  # compiled
    """Eight digits, the first in the lowest byte, each from 0 to 9: their number. Pairs, fours, then all at once."""
    word = (word * _TEN + (word >> _8)) & _PAIRS
    word = (word * _HUNDRED + (word >> _16)) & _FOURS
    return np.int64((word * _MYRIAD + (word >> _32)) & _EIGHT)


@inlined
def number(data, at):  # type: ignore[no-untyped-def]  # compiled
    """Read a number.

    Args:
        data: padded.
        at: of its first character.

    Returns:
        Its value, where it ends, and `BAD`, `WHOLE`, `REAL` or `INEXACT`.
    """
    negative = byte_at(data, at) == 0x2D
    if negative:
        at += 1
    word = word_at(data, at)
    digits = word ^ _ZEROS
    others = (((digits & _SEVENS) + _LIMIT) | digits) & _HIGHS
    # Numbers that end within eight bytes, nearly all, are read without a loop: its end would be guessed wrong.
    if others != 0:
        whole = lowest(others)
        last = whole
        kind = WHOLE
        if byte_at(data, at + whole) == 0x2E:
            others &= others - _ONE
            kind = REAL
            if others != 0:
                last = lowest(others)
                low = (_ONE << np.uint64(8 * whole)) - _ONE
                digits = (digits & low) | ((digits >> _8) & ~low)
        closing = byte_at(data, at + last)
        count = last - (1 if kind == REAL else 0)
        sound = whole > 0 and (kind == WHOLE or count > whole) and (whole == 1 or (word & _BYTE) != 0x30)
        if sound and others != 0 and closing | 0x20 != 0x65:
            mantissa = _digits(digits << np.uint64(64 - 8 * count))
            value = np.float64(mantissa) / _POWERS[count - whole]
            if negative:
                value = -value
                if kind == WHOLE and mantissa == 0:  # the integer 0 has no sign in Python
                    kind = INEXACT
            return value, at + last, kind
    return _long_number(data, at, negative)


@inner
def _run(data, at, total, count):  # type: ignore[no-untyped-def]  # compiled
    """Go on with a whole number over a run of digits: its value (of 18 digits at most), their count, and the end."""
    digit = byte_at(data, at) - 0x30
    while 0 <= digit <= 9:
        if count < 18:
            total = total * 10 + digit
        count += 1 if total > 0 else 0
        at += 1
        digit = byte_at(data, at) - 0x30
    return total, count, at


@inner
def _long_number(data, at, negative):  # type: ignore[no-untyped-def]  # compiled
    """Any number, digit by digit; `at` is behind the sign."""
    start, kind, scale = at, WHOLE, 0
    mantissa, count, at = _run(data, at, 0, 0)
    sound = at == start + 1 or (at > start and byte_at(data, start) != 0x30)
    if byte_at(data, at) == 0x2E:
        kind, dot = REAL, at + 1
        mantissa, count, at = _run(data, dot, mantissa, count)
        sound = sound and at > dot
        scale = dot - at
    if byte_at(data, at) | 0x20 == 0x65:
        kind = REAL
        at += 1
        sign = byte_at(data, at)
        if sign == 0x2B or sign == 0x2D:
            at += 1
        exponent, _, after = _run(data, at, 0, 0)
        sound = sound and after > at
        at = after
        scale += -exponent if sign == 0x2D else exponent
    if not sound or at - start > _LONGEST:
        return np.nan, at, BAD
    inexact = count > 18 or mantissa > _MOST_EXACT or scale > 22 or scale < -22
    if inexact or (negative and kind == WHOLE and mantissa == 0):
        return np.nan, at, INEXACT
    value = np.float64(mantissa) * _POWERS[scale] if scale >= 0 else np.float64(mantissa) / _POWERS[-scale]
    return -value if negative else value, at, kind


@inner
def literal(data, at):  # type: ignore[no-untyped-def]  # compiled
    """Read `true`, `false` or `null`; returned as by `number`."""
    word = word_at(data, at) & _EIGHT
    if word == _NULL:
        return np.nan, at + 4, NULL
    if word == _TRUE:
        return 1.0, at + 4, BOOLEAN
    if byte_at(data, at) == 0x66 and word_at(data, at + 1) & _EIGHT == _ALSE:
        return 0.0, at + 5, BOOLEAN
    return np.nan, at, BAD


@inner
def _two(data, at):  # type: ignore[no-untyped-def]  # compiled
    """Two digits as a number; far below zero if they are none."""
    high, low = byte_at(data, at) - 0x30, byte_at(data, at + 1) - 0x30
    return high * 10 + low if 0 <= high <= 9 and 0 <= low <= 9 else -1_000_000


@inner
def time_of(data, at, end):  # type: ignore[no-untyped-def]  # compiled
    """Read `2026-11-22T08:00:00.250+08:00`, between the quotes: with three digits of a second or none, and a zone.

    Returns:
        UTC ms; `NO_TIME` if all is there but the zone; `UNREADABLE` for anything else.
    """
    if end - at < 19:
        return UNREADABLE
    year = _two(data, at) * 100 + _two(data, at + 2)
    month, day = _two(data, at + 5), _two(data, at + 8)
    hour, minute, second = _two(data, at + 11), _two(data, at + 14), _two(data, at + 17)
    dashes = byte_at(data, at + 4) == 0x2D and byte_at(data, at + 7) == 0x2D and byte_at(data, at + 10) == 0x54
    if not dashes or byte_at(data, at + 13) != 0x3A or byte_at(data, at + 16) != 0x3A:
        return UNREADABLE
    # From 1970, so that nothing here is negative, and no further than times are surely exact in Python too.
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = 30 + ((month + month // 8) & 1) if month != 2 else 28 + leap
    if not (1970 <= year <= 2999 and 1 <= month <= 12 and 1 <= day <= days):
        return UNREADABLE
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second <= 59):
        return UNREADABLE
    at += 19
    if at == end:
        return NO_TIME
    fraction = 0
    if byte_at(data, at) == 0x2E:
        tenths = byte_at(data, at + 1) - 0x30
        fraction = tenths * 100 + _two(data, at + 2)
        if not 0 <= tenths <= 9 or fraction < 0:
            return UNREADABLE
        at += 4
    zone = 0
    sign = byte_at(data, at)
    if sign == 0x5A:
        at += 1
    elif sign == 0x2B or sign == 0x2D:
        hours, minutes = _two(data, at + 1), _two(data, at + 4)
        if byte_at(data, at + 3) != 0x3A or not (0 <= hours <= 23 and 0 <= minutes <= 59):
            return UNREADABLE
        zone = (hours * 60 + minutes) * (1 if sign == 0x2B else -1)
        at += 6
    else:
        return UNREADABLE
    if at != end:
        return UNREADABLE
    # Days since 1970-03-01 of a year that begins in March, so that the leap day is its last.
    y, m = (year, month - 3) if month > 2 else (year - 1, month + 9)
    date = 365 * y + y // 4 - y // 100 + y // 400 + (153 * m + 2) // 5 + day - 719_469
    return (((date * 24 + hour) * 60 + minute - zone) * 60 + second) * 1_000 + fraction
