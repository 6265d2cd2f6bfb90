"""Texts that stand for bytes with several values in them: base64 or hex, fields at places, or records with numbers."""

import base64
import binascii
from typing import TYPE_CHECKING, Any

from community.refusal import Reason
from gateway.decoding.definition import ByteOrder, Packed, Part
from gateway.decoding.numbers import shown
from gateway.fault import Fault

if TYPE_CHECKING:
    from gateway.decoding.meaning import Reading

MOST_BYTES = 8_192
"""Bytes of a packed value that are read at most."""


class PackedReader:
    """Reads one packed value."""

    def __init__(self, packed: Packed) -> None:
        # Here, since a packed value is made of values, and a value may be packed.
        from gateway.decoding.meaning import reader_of

        self._packed = packed
        lengths = packed.length
        self._head = bytes.fromhex(packed.head)
        self._lengths = None if lengths is None else frozenset((lengths,) if isinstance(lengths, int) else lengths)
        self._parts = [(part, reader_of(part)) for part in packed.parts]
        records = packed.records
        self._records = {} if records is None else {int(k): (p, reader_of(p)) for k, p in records.by.items()}

    def apply(self, raw: Any, place: str, reading: "Reading") -> None:
        """Add what the bytes say; an empty text says nothing, one of another length has another meaning.

        So has an object: products of one kind send the same values packed or with names, which have paths of their own.
        """
        if raw is None or raw == "" or isinstance(raw, dict):
            return
        data = unpack(raw, self._packed.encoding)
        if data is None:
            reading.faults.append(
                Fault(Reason.SCHEMA, place, f"expected {self._packed.encoding} text, got {shown(raw)}")
            )
            return
        if (self._lengths is not None and len(data) not in self._lengths) or not data.startswith(self._head):
            return
        for part, apply in self._parts:
            # A part behind the end belongs to the longer form; the shorter one does not have it.
            if part.at + part.size <= len(data):
                apply(integer_at(data, part, self._packed.order), f"{place}[{part.at}]", reading)
        self._apply_records(data, place, reading)

    def _apply_records(self, data: bytes, place: str, reading: "Reading") -> None:
        records = self._packed.records
        if records is None:
            return
        if len(data) % records.size:
            detail = f"expected records of {records.size} bytes, got {len(data)} bytes"
            reading.faults.append(Fault(Reason.SCHEMA, place, detail))
        for start in range(0, len(data) - records.size + 1, records.size):
            record = data[start : start + records.size]
            key = int.from_bytes(record[records.key.at : records.key.at + records.key.size], self._packed.order)
            if key in self._records:
                part, apply = self._records[key]
                apply(integer_at(record, part, self._packed.order), f"{place}[{start + part.at}]", reading)


def unpack(raw: Any, encoding: str) -> bytes | None:
    """The bytes of a text; None if it is no such text."""
    if not isinstance(raw, str) or len(raw) > 2 * MOST_BYTES:
        return None
    try:
        if encoding == "hex":
            return bytes.fromhex(raw.strip().removeprefix("0x"))
        return base64.b64decode(raw.strip(), validate=True)
    except (ValueError, binascii.Error):
        return None


def integer_at(data: bytes, part: Part, order: ByteOrder) -> int:
    """The number at a part's place."""
    piece = data[part.at : part.at + part.size]
    order = part.order or order
    if part.words is not None and part.words != order:
        # Words in one order and the bytes within each in the other, as 32-bit values in Modbus registers.
        piece = b"".join(piece[i : i + 2] for i in range(len(piece) - 2, -1, -2))
    number = int.from_bytes(piece, order, signed=part.signed)
    sign = part.sign
    return -number if sign is not None and data[sign.at : sign.at + 1] and data[sign.at] >> sign.bit & 1 else number
