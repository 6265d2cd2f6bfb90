"""The native profile: `mingluo/v1/<community>/<household>/<device>/telemetry`, `/event`, `/status`.

Well-formed messages take the fast path, a typed decode in one call. Only what fails there is read leniently
(`gateway.decoding.lenient`), so that the good values of a partly bad message pass and each bad one is named.
"""

from difflib import get_close_matches

import msgspec

from community.clock import EARLIEST, LATEST
from community.refusal import Reason
from gateway.decoding import lenient
from gateway.decoding.profile import IGNORED, Decoded, Measurement
from gateway.fault import Fault

PREFIX = b"mingluo/v1/"
LEVELS = 6
MAX_OBJECTS = 1_000
"""Objects in one list: an hour of readings at 4 s; more is a mistake or an attack."""

LEAVES = ("telemetry", "event", "status")
"""The last topic levels on which a device speaks."""

DOWNWARD = (b"/error", b"/command", b"/command/reply")
"""Topics below a device's own that carry no readings; ours come back to us through the `#` subscription."""


class _Telemetry(msgspec.Struct, gc=False):
    values: dict[str, float | None]
    ts: int | None = None
    seq: int | None = None


# Typed on purpose for the commonest form only: one object, times in milliseconds, plain numbers. A union of forms
# would make every message pay for the rare ones.
_decode_telemetry = msgspec.json.Decoder(_Telemetry).decode
_new = tuple.__new__


class Native:
    """The project's own topics and JSON."""

    name = "native"
    steady = True
    subscribe = ("mingluo/v1/#",)

    def claims(self, topic: bytes) -> bool:
        """Everything below `mingluo/v1/`."""
        return topic.startswith(PREFIX)

    def device_of(self, topic: bytes) -> str | None:
        """The fifth level: `mingluo/v1/<community>/<household>/<device>/...`."""
        levels = topic.split(b"/", LEVELS - 1)
        if len(levels) < LEVELS:
            return None
        try:
            return levels[4].decode()
        except UnicodeDecodeError:
            return None

    def decode(self, topic: bytes, payload: bytes, received_at: int) -> Decoded:
        """Read telemetry, event or status. Never raises."""
        if topic.endswith(b"/telemetry"):
            try:
                m = _decode_telemetry(payload)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                pass
            else:
                ts, seq, values = m.ts, m.seq, m.values
                # The decoder does not look into members that it skips; a damaged `ts` must not pass for an unknown one.
                if (
                    values
                    and None not in values.values()  # a message of nothing but null is told so
                    and payload.isascii()
                    and (ts is None or EARLIEST <= ts <= LATEST)
                    and (seq is None or 0 <= seq <= lenient.MAX_SEQ)
                ):
                    # Past NamedTuple's own constructors: this is run for every message.
                    return _new(Decoded, ((_new(Measurement, (values, ts, seq, None)),), (), ()))
            return lenient.telemetry(payload, MAX_OBJECTS)
        if topic.endswith(DOWNWARD):
            return IGNORED
        leaf = topic.rpartition(b"/")[2]
        if leaf == b"event":
            return lenient.events(payload, MAX_OBJECTS)
        if leaf == b"status":
            return lenient.status(payload) if payload else IGNORED  # empty: a retained status was cleared
        word = leaf.decode(errors="replace")
        near = get_close_matches(word[:64], LEAVES, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(LEAVES)}"
        return Decoded((), (Fault(Reason.UNKNOWN_TOPIC, "", f"no topic {word[:64]!r} below a device{hint}"),))


NATIVE = Native()
