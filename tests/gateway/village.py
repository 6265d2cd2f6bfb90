"""A small estate and messages from it, for the gateway's tests."""

import json

from community.clock import parse_time
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from gateway.link.packets import Message

NOW = parse_time("2026-11-22T08:00:00Z")


def estate(homes: int = 4, communities: int = 2) -> Estate:
    """Devices d0..., each in its own home h0..., in communities c0..., in turn."""
    return Estate(
        place=tuple(Place(id=f"c{i}", kind=PlaceKind.COMMUNITY) for i in range(communities)),
        household=tuple(Household(id=f"h{i}", place=f"c{i % communities}") for i in range(homes)),
        device=tuple(Device(id=f"d{i}", household=f"h{i}", kind=DeviceKind.ELECTRICAL_PROTECTOR) for i in range(homes)),
    )


def topic(number: int = 0, leaf: str = "telemetry", communities: int = 2) -> str:
    """Topic of device d<number> of `estate()`."""
    return f"mingluo/v1/c{number % communities}/h{number}/d{number}/{leaf}"


def dated(ts: int, **values: float) -> str:
    """A reading with its time, as JSON."""
    return json.dumps({"ts": ts, "values": values})


def message(
    payload: bytes | str,
    on: str | bytes | None = None,
    *,
    at: int = NOW,
    dup: bool = False,
    retained: bool = False,
    packet_id: bytes = b"",
) -> Message:
    """A message as the link hands it out."""
    data = payload.encode() if isinstance(payload, str) else payload
    where = topic() if on is None else on
    name = where.encode() if isinstance(where, str) else where
    return Message(name, data, (8 if dup else 0) | (1 if retained else 0), packet_id, len(data), at)
