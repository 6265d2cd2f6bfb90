"""Modbus responses as DTUs forward them: bytes, hex text, or either within JSON → registers as hex."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from typing import Any

from community.refusal import Reason
from gateway.decoding.codecs.json import parse, stripped
from gateway.decoding.codecs.modbus_frames import MAX_FRAMES, Frame, Heard, heard, heard_tcp
from gateway.decoding.numbers import integer_of, shown
from gateway.decoding.profile import Document, UnreadableError
from gateway.fault import Fault

_REGISTERS = (3, 4)
_MOST_REGISTERS = 125
"""What one response can hold."""
_EXCEPTIONS = {
    1: "illegal function", 2: "illegal data address", 3: "illegal data value", 4: "device failure", 5: "acknowledge",
    6: "device busy", 8: "memory parity error", 10: "gateway path unavailable", 11: "gateway target does not respond",
}  # fmt: skip
_HEX = re.compile(rb"(?:0[xX])?[0-9A-Fa-f]{2}(?:[\s,:-]*(?:0[xX])?[0-9A-Fa-f]{2})*")

# Names of members as makers write them, in small letters and without separators: `slave_id` and `SlaveId` are one.
_UNIT = (
    "unit", "unitid", "slave", "slaveid", "slaveaddr", "slaveaddress", "addr", "address", "devaddr", "deviceaddress",
    "id",
)  # fmt: skip
_FUNCTION = ("function", "func", "fc", "funcode", "funccode", "functioncode", "cmd")
_START = (
    "start", "register", "reg", "regaddr", "registeraddress", "startaddr", "startaddress", "startreg", "startregister",
    "offset",
)  # fmt: skip
_DATA = (
    "data", "hex", "frame", "payload", "raw", "rawdata", "rtu", "values", "value", "registers", "regs", "content",
    "msg",
)  # fmt: skip


class ModbusCodec:
    """One document a response. Implements `gateway.decoding.profile.Codec`.

    The body is `{"unit", "function", "start", "data", "message"}`: the register contents as hex, high byte first as
    on the wire; `start` is the first register's number, which only JSON or a request heard before can tell, else 0;
    `message` is the JSON object around it, for its time and the like. Requests that are heard along, and echoes
    of written values, give nothing. `{unit}` is captured.
    """

    def read(self, topic: str, payload: bytes, received_at: int) -> Sequence[Document]:
        """The responses, in order; what cannot be read goes along as faults.

        Raises:
            UnreadableError: no frame at all, or none with a right checksum.
        """
        found = heard(payload) or heard_tcp(payload)
        if found is not None:
            return _documents(found, None, None)
        text = stripped(payload)
        if not text:
            return ()
        if text[:1] in (b"{", b"[", b'"'):
            data = parse(text)
            items = data if isinstance(data, list) else [data]
            documents = [d for item in items[:MAX_FRAMES] for d in _of_item(item)]
            if len(items) > MAX_FRAMES:
                documents.append(_faulty(f"{len(items)} objects, at most {MAX_FRAMES}"))
            return documents
        return _documents(_of_text(text), None, None)


def _of_item(item: Any) -> Sequence[Document]:
    if isinstance(item, str):
        return _of_object({"data": item})
    if not isinstance(item, dict):
        return [_faulty(f"expected an object with a frame, got {shown(item)}")]
    members = _folded(item)
    inner = _member(members, _DATA)
    # Some wrap once more: what the outer object says holds for all within.
    within = [inner] if isinstance(inner, dict) else inner if isinstance(inner, list) else []
    if not any(isinstance(i, (dict, str)) and not _is_number(i) for i in within):
        return _of_object(item)
    around = {k: v for k, v in item.items() if v is not inner}
    return [
        d for i in within[:MAX_FRAMES] for d in _of_object({**around, **(i if isinstance(i, dict) else {"data": i})})
    ]


def _of_object(item: Mapping[str, Any]) -> Sequence[Document]:
    members = _folded(item)
    unit, function, start = (integer_of(_member(members, names)) for names in (_UNIT, _FUNCTION, _START))
    raw = _member(members, _DATA)
    if isinstance(raw, list):
        return _of_list(raw, unit, function, start, item)
    if not isinstance(raw, str):
        return []  # a DTU's own report, with nothing of the bus in it
    text = raw.strip().encode(errors="replace")
    if unit is not None and function in _REGISTERS and _HEX.fullmatch(text):
        data = _bytes_of(text)
        if data[:2] != bytes((unit & 0xFF, function)) and len(data) % 2 == 0:
            # The contents alone: the DTU took the frame off.
            return _documents(Heard([Frame(unit, function, data)]), start, item)
    try:
        return _documents(_of_text(text), start, item)
    except UnreadableError as unreadable:
        return [Document(None, faults=(unreadable.fault,))]


def _of_list(
    values: Sequence[Any], unit: int | None, function: int | None, start: int | None, item: Mapping[str, Any]
) -> Sequence[Document]:
    numbers = [integer_of(v) for v in values[: _MOST_REGISTERS * 2 + 10]]
    octets = [n for n in numbers if n is not None and 0 <= n <= 255]
    if len(octets) == len(values) and (frames := heard(bytes(octets))) is not None:
        return _documents(frames, start, item)  # the bytes of a frame, whose checksum is no chance
    if function is not None and function not in _REGISTERS:
        return []  # numbers that are no registers
    right = next((i for i, n in enumerate(numbers) if n is None or not -32768 <= n <= 65535), len(values))
    right = min(right, _MOST_REGISTERS)
    data = b"".join((n & 0xFFFF).to_bytes(2, "big") for n in numbers[:right] if n is not None)
    documents = []
    if right or not values:
        documents += _documents(Heard([Frame(unit or 0, 3 if function is None else function, data)]), start, item)
    if right < len(values):
        # The places of those before it are known, and one of them may be an alarm.
        documents.append(
            _faulty(f"expected at most {_MOST_REGISTERS} registers from 0 to 65535, the first {right} are")
        )
    return documents


def _documents(found: Heard, start: int | None, message: Mapping[str, Any] | None) -> list[Document]:
    documents = [_document(frame, start, message) for frame in found.frames]
    if found.lost:
        documents.append(_faulty(f"{found.lost} bytes that are no frame, or behind {MAX_FRAMES} frames"))
    return documents


def _document(frame: Frame, start: int | None, message: Mapping[str, Any] | None) -> Document:
    unit, function, data, asked = frame
    if function & 0x80:
        code = data[0]
        what = _EXCEPTIONS.get(code, "an unknown exception")
        return _faulty(f"unit {unit} answers function {function & 0x7F} with {what} ({code})")
    if function in _REGISTERS and len(data) % 2:
        return _faulty(f"unit {unit}: {len(data)} bytes are no registers")
    first = start if start is not None else asked or 0
    body: dict[str, Any] = {"unit": unit, "function": function, "start": first, "data": data.hex()}
    if message is not None:
        body["message"] = message
    return Document(body, captures={"unit": str(unit)})


def _of_text(text: bytes) -> Heard:
    if not _HEX.fullmatch(text):
        found = _of_base64(text)
        if found is None:
            raise _unreadable("neither a Modbus frame nor hex text nor JSON")
        return found
    data = _bytes_of(text)
    found = heard(data) or heard_tcp(data)
    if found is None:
        raise _unreadable(f"no Modbus frame with a right checksum in {len(data)} bytes")
    return found


def _of_base64(text: bytes) -> Heard | None:
    """Frames as the platforms of mobile networks hand them on; only whole ones, which chance does not make."""
    try:
        found = heard(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error):
        return None
    return found if found is not None and not found.lost else None


def _folded(item: Mapping[str, Any]) -> Mapping[str, Any]:
    folded: dict[str, Any] = {}
    for key, value in item.items():
        folded.setdefault(re.sub(r"[\s_-]", "", key).lower(), value)
    return folded


def _member(item: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((item[name] for name in names if name in item), None)


def _is_number(value: Any) -> bool:
    return integer_of(value) is not None


def _bytes_of(text: bytes) -> bytes:
    return bytes.fromhex(re.sub(rb"0[xX]|[\s,:-]", b"", text).decode())


def _faulty(detail: str) -> Document:
    return Document(None, faults=(Fault(Reason.SCHEMA, "", detail),))


def _unreadable(detail: str) -> UnreadableError:
    return UnreadableError(Fault(Reason.SCHEMA, "", detail))
