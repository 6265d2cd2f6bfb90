"""JSON as devices send it: the standard's first, then what small firmware makes of it."""

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from community.refusal import Reason
from gateway.decoding.profile import Document, UnreadableError
from gateway.fault import Fault

BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_BLANK = b" \t\r\n\0"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_FINITE = re.compile(
    r'"(?:[^"\\]|\\.)*+"?'  # texts are passed over whole; an open one to the end, so that no place is read twice
    r"|(?P<sign>[-+]?)\b(?:(?P<nan>nan)(?:\(\w*\)|\b)|inf(?:inity)?\b)",
    re.IGNORECASE | re.DOTALL,
)


class JsonCodec:
    """One document a message. Implements `gateway.decoding.profile.Codec`."""

    def read(self, topic: str, payload: bytes, received_at: int) -> Sequence[Document]:
        """The document; none of an empty payload, which only clears a retained message.

        Raises:
            UnreadableError: no JSON.
        """
        if not payload:
            return ()
        body, fault = parse_told(payload)
        return (Document(body, faults=() if fault is None else (fault,)),)


def parse(payload: bytes) -> Any:
    """JSON as plain Python values; of a key given twice the last counts.

    What goes beyond RFC 8259: NaN and the infinities in any spelling that C, Java or Python writes (a float here: the
    field in which it stands refuses it, and its neighbours pass); numbers too large for a float (infinite); raw
    control characters in texts; a byte order mark, and blanks and NULs around; GBK or GB 18030 instead of UTF-8; and
    bytes that are none of these, U+FFFD in their place.

    Raises:
        UnreadableError: `not_json` with the place, or `schema` if it is nested too deeply.
    """
    return parse_told(payload)[0]


def parse_told(payload: bytes) -> tuple[Any, Fault | None]:
    """As `parse`, and what is to be told though it was read: the first byte of a text that is none.

    Raises:
        UnreadableError: as `parse`.
    """
    payload = stripped(payload)
    try:
        return msgspec.json.decode(payload), None
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass  # the slow way tells what and where, or reads it
    text, fault = _text_told(payload)
    try:
        return _lenient(text), fault
    except UnreadableError:
        if fault is None:
            raise
        raise UnreadableError(fault) from None


def _text_told(payload: bytes) -> tuple[str, Fault | None]:
    """The bytes as text, and what is to be told of it.

    A text of another code, or one cut within a character, must not take the alarm beside it away: where others are
    UTF-8 beyond doubt, each is read by itself.
    """
    try:
        return payload.decode(), None
    except UnicodeDecodeError as error:
        fault = Fault(Reason.NOT_JSON, "", f"not UTF-8 at byte {error.start}")
    # A quotation mark is no part of a character in any of these codes.
    pieces = payload.split(b'"')
    if not any(map(_is_utf_8, pieces)):
        try:
            return payload.decode("gb18030"), None
        except UnicodeDecodeError:
            pass
    return '"'.join(map(_read_piece, pieces)), fault


def _is_utf_8(piece: bytes) -> bool:
    """Whether there are characters of three bytes in it: those of two may be GBK by chance."""
    try:
        return not piece.isascii() and max(piece.decode()) > "\u07ff"
    except UnicodeDecodeError:
        return False


def _read_piece(piece: bytes) -> str:
    for code in ("utf-8", "gb18030"):
        try:
            return piece.decode(code)
        except UnicodeDecodeError:
            pass
    return piece.decode(errors="replace")


def _lenient(text: str) -> Any:
    try:
        try:
            return _loads(text)
        except ValueError as error:
            finite = _NOT_FINITE.sub(_standard, text)
            if finite == text:
                raise UnreadableError(Fault(Reason.NOT_JSON, "", str(error)[:120])) from None
            try:
                return _loads(finite)
            except ValueError:
                # Told of the text as it came: places in the repaired one would be others.
                raise UnreadableError(Fault(Reason.NOT_JSON, "", str(error)[:120])) from None
    except RecursionError:
        raise UnreadableError(Fault(Reason.SCHEMA, "", "nested too deeply")) from None


def stripped(payload: bytes) -> bytes:
    """Without a byte order mark, and without blanks and NULs around: C sends its strings with the closing NUL."""
    return payload.strip(_BLANK).removeprefix(BYTE_ORDER_MARK).strip(_BLANK)


def text_of(payload: bytes) -> str:
    """The bytes as text: UTF-8, or else GB 18030, of which GBK and GB 2312 are parts.

    Raises:
        UnreadableError: neither; `not_json` with the first byte that is not UTF-8.
    """
    try:
        return payload.decode()
    except UnicodeDecodeError as error:
        try:
            return payload.decode("gb18030")
        except UnicodeDecodeError:
            raise UnreadableError(Fault(Reason.NOT_JSON, "", f"not UTF-8 at byte {error.start}")) from None


def _loads(text: str) -> Any:
    value = json.loads(text, parse_int=_whole, strict=False)
    # A surrogate without its other half cannot be written anywhere later: neither to a topic nor to a log.
    return _paired(value) if "\\u" in text else value


def _whole(digits: str) -> int | float:
    # int() refuses more than 4,300 digits, and its cost grows with their square; float() does neither.
    return int(digits) if len(digits) <= 20 else float(digits)


def _paired(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_paired(item) for item in value]
    if isinstance(value, dict):
        return {_paired(key): _paired(item) for key, item in value.items()}
    return value


def _standard(found: re.Match[str]) -> str:
    """The spelling that Python's reader knows; texts stay."""
    sign = found["sign"]
    if sign is None:
        return found[0]
    return "NaN" if found["nan"] else f"{sign.replace('+', '')}Infinity"
