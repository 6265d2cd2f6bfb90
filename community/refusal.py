"""A message that was not let in, with the bytes and the named reason."""

from enum import StrEnum

import msgspec


class Reason(StrEnum):
    """Why a message, or one value of it, was refused. Part of the contract with vendors."""

    UNKNOWN_TOPIC = "unknown_topic"
    UNKNOWN_DEVICE = "unknown_device"
    WRONG_TOPIC = "wrong_topic"
    NOT_JSON = "not_json"
    SCHEMA = "schema"
    OUT_OF_RANGE = "out_of_range"
    NAN = "nan"
    UNKNOWN_SIGNAL = "unknown_signal"
    DUPLICATE = "duplicate"
    TOO_LARGE = "too_large"
    RATE_LIMITED = "rate_limited"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One refused message (or the refused part of one), as quarantine keeps it.

    Attributes:
        at: receipt time, UTC ms.
        device: device id if the topic named a known one, else None.
        topic: MQTT topic as received.
        reason: the named reason.
        detail: what was wrong and where, for the vendor: `values.voltage: 1e9 is outside 0..1000 V`.
        payload: the bytes, cut to `PAYLOAD_KEPT`.
        size: length of the whole payload, bytes.
    """

    at: int
    device: str | None
    topic: str
    reason: Reason
    detail: str
    payload: bytes
    size: int


PAYLOAD_KEPT = 4096
"""Bytes of a refused payload that quarantine keeps: enough to see the fault, bounded for 1 MB floods."""
