"""Modbus responses as DTUs forward them: bytes, hex text, or either within JSON → registers as hex."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from community.refusal import Reason
from gateway.decoding.codecs.json import parse, stripped
from gateway.decoding.numbers import integer_of, shown
from gateway.decoding.profile import Document, UnreadableError
from gateway.fault import Fault

MAX_FRAMES = 100
"""Frames or objects of one message; of a larger one the rest is refused."""

_READS = (1, 2, 3, 4)
_REGISTERS = (3, 4)
_WRITES = (5, 6, 15, 16)
_EXCEPTIONS = {
    1: "illegal function", 2: "illegal data address", 3: "illegal data value", 4: "device failure", 5: "acknowledge",
    6: "device busy", 8: "memory parity error", 10: "gateway path unavailable", 11: "gateway target does not respond",
}  # fmt: skip
_HEX = re.compile(rb"(?:0[xX])?[0-9A-Fa-f]{2}(?:[\s,:-]*(?:0[xX])?[0-9A-Fa-f]{2})*")
_UNIT = ("unit", "slave", "slaveId", "slave_id", "addr", "address", "devAddr", "id")
_FUNCTION = ("function", "func", "fc", "funcode", "functionCode", "cmd")
_START = ("start", "register", "reg", "regAddr", "startAddr", "start_addr", "offset")
_DATA = ("data", "hex", "frame", "payload", "raw", "rtu", "values", "value", "registers")


class ModbusCodec:
    """One document a response. Implements `gateway.decoding.profile.Codec`.

    The body is `{"unit", "function", "start", "data", "message"}`: the register contents as hex, high byte first as
    on the wire; `start` is the first register's number, which a response does not carry and only JSON may tell, else
    0; `message` is the JSON object around it, for its time and the like. Requests that are heard along, and echoes
    of written values, give nothing. `{unit}` is captured.
    """

    def read(self, topic: str, payload: bytes, received_at: int) -> Sequence[Document]:
        """The responses, in order; what cannot be read goes along as faults.

        Raises:
            UnreadableError: no frame at all, or none with a right checksum.
        """
        frames = _frames(payload)
        if frames is not None:
            return [_document(frame, None, None) for frame in frames]
        text = stripped(payload)
        if not text:
            return ()
        if text[:1] in (b"{", b"["):
            data = parse(text)
            items = data if isinstance(data, list) else [data]
            documents = [d for item in items[:MAX_FRAMES] for d in _of_object(item)]
            if len(items) > MAX_FRAMES:
                documents.append(_faulty(f"{len(items)} objects, at most {MAX_FRAMES}"))
            return documents
        return [_document(frame, None, None) for frame in _frames_of_hex(text)]


_Frame = tuple[int, int, bytes]
"""Unit, function (with 0x80 for an exception), and data or the exception's code."""


def _of_object(item: Any) -> list[Document]:
    if not isinstance(item, dict):
        return [_faulty(f"expected an object with a frame, got {shown(item)}")]
    unit, function, start = (integer_of(_member(item, names)) for names in (_UNIT, _FUNCTION, _START))
    raw = _member(item, _DATA)
    if isinstance(raw, list):
        if function is not None and function not in _REGISTERS:
            return []  # numbers that are no registers
        data = _of_numbers(raw)
        if data is None:
            return [_faulty("expected registers from 0 to 65535")]
        return [_document((unit or 0, 3 if function is None else function, data), start, item)]
    if not isinstance(raw, str):
        return []  # a DTU's own report, with nothing of the bus in it
    text = raw.strip().encode(errors="replace")
    if unit is not None and function in _REGISTERS and _HEX.fullmatch(text):
        data = _bytes_of(text)
        if data[:2] != bytes((unit & 0xFF, function)) and len(data) % 2 == 0:
            return [_document((unit, function, data), start, item)]  # the contents alone: the DTU took the frame off
    try:
        return [_document(frame, start, item) for frame in _frames_of_hex(text)]
    except UnreadableError as unreadable:
        return [Document(None, faults=(unreadable.fault,))]


def _document(frame: _Frame, start: int | None, message: Mapping[str, Any] | None) -> Document:
    unit, function, data = frame
    if function & 0x80:
        code = data[0]
        what = _EXCEPTIONS.get(code, "an unknown exception")
        return _faulty(f"unit {unit} answers function {function & 0x7F} with {what} ({code})")
    if function in _REGISTERS and len(data) % 2:
        return _faulty(f"unit {unit}: {len(data)} bytes are no registers")
    body: dict[str, Any] = {"unit": unit, "function": function, "start": start or 0, "data": data.hex()}
    if message is not None:
        body["message"] = message
    return Document(body, captures={"unit": str(unit)})


def _frames_of_hex(text: bytes) -> list[_Frame]:
    if not _HEX.fullmatch(text):
        raise _unreadable("neither a Modbus frame nor hex text nor JSON")
    data = _bytes_of(text)
    frames = _frames(data)
    if frames is None:
        frames = _tcp_frames(data)
    if frames is None:
        raise _unreadable(f"no Modbus frame with a right checksum in {len(data)} bytes")
    return frames


def _frames(data: bytes) -> list[_Frame] | None:
    """RTU frames one after the other, requests left out; None if these are not what the bytes are."""
    frames: list[_Frame] = []
    at = 0
    while at < len(data):
        if len(frames) >= MAX_FRAMES or len(data) - at < 5:
            return None
        unit, function, count = data[at], data[at + 1], data[at + 2]
        # What is heard on a bus: a response, or a request or an echo of eight bytes; the checksum decides.
        sizes = [5] if function & 0x80 else [5 + count] if function in _READS else []
        if function in _READS or function in _WRITES:
            sizes.append(8)
        size = next((s for s in sizes if at + s <= len(data) and crc16(data[at : at + s]) == 0), None)
        if size is None:
            return None
        # A request of eight bytes that could be a response of three: registers come in twos, so it is none.
        request = size == 8 and (function in _WRITES or function in _REGISTERS or count != 3)
        if not request:
            frames.append((unit, function, data[at + 2 : at + 3] if function & 0x80 else data[at + 3 : at + size - 2]))
        at += size
    return frames if data else None


def _tcp_frames(data: bytes) -> list[_Frame] | None:
    """A Modbus/TCP response, which has a length and no checksum; None if it is none."""
    if len(data) < 9 or data[2:4] != b"\0\0" or int.from_bytes(data[4:6], "big") != len(data) - 6:
        return None
    unit, function = data[6], data[7]
    if function & 0x80:
        return [(unit, function, data[8:9])]
    return [(unit, function, data[9:])] if function in _READS and data[8] == len(data) - 9 else None


def _table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC = _table()


def crc16(data: bytes) -> int:
    """CRC-16 of Modbus (polynomial 0xA001 reflected, start 0xFFFF); 0 over a frame with its own checksum."""
    crc = 0xFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    return crc


def _member(item: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((item[name] for name in names if name in item), None)


def _of_numbers(values: Sequence[Any]) -> bytes | None:
    if len(values) > 125:
        return None  # more than one response can hold
    numbers = [integer_of(v) for v in values]
    if any(n is None or not -32768 <= n <= 65535 for n in numbers):
        return None
    return b"".join((n & 0xFFFF).to_bytes(2, "big") for n in numbers if n is not None)


def _bytes_of(text: bytes) -> bytes:
    return bytes.fromhex(re.sub(rb"0[xX]|[\s,:-]", b"", text).decode())


def _faulty(detail: str) -> Document:
    return Document(None, faults=(Fault(Reason.SCHEMA, "", detail),))


def _unreadable(detail: str) -> UnreadableError:
    return UnreadableError(Fault(Reason.SCHEMA, "", detail))
