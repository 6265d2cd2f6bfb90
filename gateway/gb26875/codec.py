"""The codec of GB/T 26875.3: a frame → a document for each information object, with the device that it is about."""

import re
from collections.abc import Sequence
from typing import Any

from community.clock import DAY, MINUTE
from community.refusal import Reason
from gateway.decoding.profile import Document, UnreadableError
from gateway.fault import Fault
from gateway.gb26875.dialects import Dialects, shipped_dialects
from gateway.gb26875.frame import Command, Frame, Splitter
from gateway.gb26875.moments import read_moment
from gateway.gb26875.objects import Thing, read_unit

CLOCK_TOLERANCE = 10 * MINUTE
"""How far the transmitter's clock may be from ours before its times are no longer used."""

_OLDEST = DAY
"""Age up to which an object's time is used. It often comes from a panel behind the transmitter, whose clock nobody
set; and an alarm dated wrongly would be refused as too old, where one dated at its receipt is seen."""

_AHEAD = MINUTE

MOST_BYTES = 16 * 1_024
"""Bytes of one message: seven of the largest frames in hex. What is larger costs more to search than it can hold."""

_HEX = re.compile(rb"\s*(?:[0-9A-Fa-f]{2}\s*)+")


class Gb26875Codec:
    """Frames → documents. A function of the bytes; sessions are the server's.

    A body has `kind`, what `gateway.gb26875.objects` reads, and for profiles, whose conditions ask for paths:

    * `component`, `system`, `transmitter` or `operation`: the word of bits, and with `_set` behind the name the bits
      that are set, each as a key with 1: an operation is a moment, whose other bits withdraw nothing;
    * `is`: the component's type as a key with 1;
    * `analogue`: the analogue's type as a key with the value, in the units of table 6.

    The serial number does not become the documents' own: units exist that send 0 for ever, and a second fire would pass
    for a repetition of the first. The server knows repetitions by more than that.

    The device of a document is `<transmitter>`, `<transmitter>/<system type>-<system address>` or
    `<transmitter>/<system type>-<system address>/<zone>.<point>`, all decimal.
    """

    def __init__(self, dialects: Dialects | None = None) -> None:
        """`dialects`: as the server's; by default those shipped. May be replaced before the first message."""
        self.dialects = dialects if dialects is not None else shipped_dialects()

    def read(self, topic: str, payload: bytes, received_at: int) -> Sequence[Document]:
        """The documents of one or more whole frames; none for confirmations and the like.

        Frames may also be written as hex digits, as a radio modem that forwards them over MQTT does.

        Raises:
            UnreadableError: there is no whole frame.
        """
        if len(payload) > MOST_BYTES:
            raise UnreadableError(Fault(Reason.TOO_LARGE, "", f"{len(payload)} bytes, at most {MOST_BYTES}"))
        splitter = Splitter(self.dialects.framings, self.dialects.tolerated)
        found = [*splitter.feed(payload), *splitter.give_up()]
        if not found and _HEX.fullmatch(payload) is not None:
            payload = bytes.fromhex(b"".join(payload.split()).decode())
            found = [*splitter.feed(payload), *splitter.give_up()]
        frames = [frame for frame in found if splitter.acceptable(frame)]
        if not frames:
            raise UnreadableError(Fault(Reason.SCHEMA, "", _why(payload, found)))
        return [document for frame in frames for document in self._documents(frame, received_at)]

    def _documents(self, frame: Frame, received_at: int) -> list[Document]:
        dialect = self.dialects.of(frame.transmitter)
        if dialect.commands.get(frame.command, frame.command) not in (Command.DATA, Command.ANSWER):
            return []
        sent = read_moment(frame.time, dialect.utc_offset)
        credible = sent is not None and abs(sent - received_at) <= CLOCK_TOLERANCE
        clock: dict[str, Any] = {"clock_fault": int(not credible)} if received_at > 0 else {}
        own = str(frame.transmitter)
        if not frame.unit:
            return [Document({"kind": "heartbeat", "online": 1, **clock}, device=own)]
        things, fault = read_unit(frame.unit, dialect.layout)
        documents: list[Document] = []
        for thing in things:
            ts = read_moment(thing.moment, dialect.utc_offset) if credible else None
            if ts is not None and not -_AHEAD <= received_at - ts <= _OLDEST:
                ts = None
            body = _body(thing)
            if thing.kind == "transmitter_time":
                body |= clock
            documents.append(Document(body, ts, device=_address(own, thing)))
        if fault is not None:
            documents.append(Document({"kind": "unreadable"}, device=own, faults=(Fault(Reason.SCHEMA, "", fault),)))
        return documents


_WORDS = {
    "system_state": ("state", "system"),
    "component_state": ("state", "component"),
    "transmitter_state": ("state", "transmitter"),
    "system_operation": ("operation", "operation"),
    "transmitter_operation": ("operation", "operation"),
}
"""Kind → which of its fields has bits, and what the document calls it."""


def _body(thing: Thing) -> dict[str, Any]:
    body: dict[str, Any] = {"kind": thing.kind, **thing.body}
    if thing.kind in _WORDS:
        field, name = _WORDS[thing.kind]
        word = body.pop(field)
        body[name] = word
        body[f"{name}_set"] = {str(bit): 1 for bit in range(16) if word >> bit & 1}
    if "component_type" in body:
        body["is"] = {str(body["component_type"]): 1}
    if "analogue_type" in body:
        body["analogue"] = {str(body["analogue_type"]): body.pop("value")}
    return body


def _address(transmitter: str, thing: Thing) -> str:
    return "/".join(part for part in (transmitter, thing.system, thing.component) if part is not None)


def _why(payload: bytes, found: Sequence[Frame]) -> str:
    if found:
        frame = found[0]
        body = frame.raw[len(frame.framing.start) : -len(frame.framing.end) - 1]
        return f"checksum is {frame.raw[-len(frame.framing.end) - 1]:02X}, expected {sum(body) & 0xFF:02X}"
    if b"@@" not in payload:
        return "no frame begins in it: expected @@ (40 40)"
    return "no whole frame is in it: the length does not lead to ## (23 23), or bytes are missing"
