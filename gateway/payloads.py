"""What the gateway would make of recorded messages, offline, one verdict a line (`mingluo payloads check`)."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from community.clock import parse_time
from community.quantities import EVENTS, SIGNAL_INDEX
from community.refusal import Reason
from gateway.admission import Limits, time_fault
from gateway.decoding.profile import Measurement, Profile
from gateway.decoding.registry import Profiles
from gateway.fault import Fault
from gateway.values import did_you_mean, unknown_signal, value_fault

REMEMBERED = 1_000_000
"""Readings of a file remembered for telling repetitions; of a longer file only the last ones."""

_EVENTS = frozenset(EVENTS)


class _Line(msgspec.Struct):
    # Raw keeps the payload byte for byte, so that a fault in it is found where the gateway would find it.
    topic: str
    payload: msgspec.Raw = msgspec.Raw()
    payload_hex: str | None = None
    received_at: int | str | None = None


_decode_line = msgspec.json.Decoder(_Line).decode


class UnknownProfileError(ValueError):
    """No profile has this name; the message lists those that there are."""


def check_lines(
    lines: Iterable[bytes], profile: str | None = None, limits: Limits | None = None
) -> Iterator[dict[str, Any]]:
    """Judge recorded messages as the gateway would; every device counts as registered.

    Args:
        lines: JSON objects `{"topic", "payload"}`. The payload is JSON of any kind, or a text with the bytes; or
            `payload_hex` is there instead. With `"received_at"` (ms or RFC 3339) the time of the readings is
            judged too.
        profile: name of the profile to decode everything with; by default the one that claims the topic.
        limits: what is let in.

    Yields:
        For each line `{"line", "outcome", "profile", "device", "values", "events", "reason", "detail"}`. `reason`
        names every fault as `reason: place`; `detail` explains it.

    Raises:
        UnknownProfileError: before the first line. No line raises anything.
    """
    profiles = Profiles()
    if profile is not None and profile not in profiles:
        raise UnknownProfileError(f"no profile {profile!r}; there are {', '.join(sorted(profiles))}")
    check = _Check(profiles, None if profile is None else profiles[profile], limits if limits is not None else Limits())
    return (check.line(number, line) for number, line in enumerate(lines, 1))


class _Check:
    def __init__(self, profiles: Profiles, profile: Profile | None, limits: Limits) -> None:
        self._profiles = profiles
        self._profile = profile
        self._limits = limits
        self._seen: dict[int, None] = {}

    def line(self, number: int, line: bytes) -> dict[str, Any]:
        result: dict[str, Any] = {
            "line": number, "outcome": "quarantined", "profile": None, "device": None,
            "values": {}, "events": [], "reason": None, "detail": None,
        }  # fmt: skip
        faults: list[Fault] = []
        try:
            topic, payload, received_at = _read(line)
        except ValueError as error:
            faults.append(Fault(Reason.NOT_JSON, "", f"line {number}: {str(error)[:200]}"))
        except RecursionError:
            faults.append(Fault(Reason.SCHEMA, "", f"line {number}: nested too deeply"))
        else:
            self._message(result, topic, payload, received_at, faults)
        if faults:
            named = (f"{f.reason}: {f.place}" if f.place else str(f.reason) for f in faults)
            result["reason"] = "; ".join(dict.fromkeys(named))
            result["detail"] = "; ".join(str(f) + _hint(f) for f in faults)[:2_000]
        return result

    def _message(
        self, result: dict[str, Any], topic: bytes, payload: bytes, received_at: int | None, faults: list[Fault]
    ) -> None:
        profile = self._profile or self._profiles.claiming(topic)
        if profile is None or not profile.claims(topic):
            result["outcome"] = "ignored"
            return
        result["profile"] = profile.name
        result["device"] = device = profile.device_of(topic)
        if device is None:
            faults.append(Fault(Reason.UNKNOWN_TOPIC, "", f"{topic[:200].decode(errors='replace')} names no device"))
            return
        if len(payload) > self._limits.max_payload:
            faults.append(Fault(Reason.TOO_LARGE, "", f"{len(payload)} bytes, at most {self._limits.max_payload}"))
            return
        decoded = profile.decode(topic, payload, received_at or 0)
        faults.extend(decoded.faults)
        if not decoded.faults and not decoded.measurements:
            result["outcome"] = "ignored"
            return
        place = "event" if topic.endswith(b"/event") else "values"
        for measurement in decoded.measurements:
            values = self._admit(measurement, device, received_at, place, faults)
            for signal, value in values.items():
                if signal in _EVENTS:
                    result["events"].append({"name": signal, "active": value == 1})
                else:
                    result["values"][signal] = value  # of several readings in one message: the last
        if result["events"] or result["values"]:
            result["outcome"] = "event" if result["events"] else "accepted"

    def _admit(
        self, measurement: Measurement, device: str, received_at: int | None, place: str, faults: list[Fault]
    ) -> Mapping[str, float]:
        """The values that come in; the scalar twin of `gateway.admission`."""
        before = len(faults)
        good: dict[str, float] = {}
        for name, value in measurement.values.items():
            fault = None
            if name not in SIGNAL_INDEX:
                fault = unknown_signal(name, place)
            elif value is not None:
                fault = value_fault(name, value, f"values.{name}")
            if fault is not None:
                faults.append(fault)
            elif value is not None:
                good[name] = value
        if not good:
            if len(faults) == before:
                faults.append(Fault(Reason.SCHEMA, "", "nothing measured"))
            return {}
        ts = measurement.ts
        if ts is not None and received_at is not None:
            age = received_at - ts
            if age > self._limits.too_old or age < -self._limits.future:
                reason = Reason.TOO_OLD if age > 0 else Reason.FROM_THE_FUTURE
                faults.append(time_fault(reason, ts, received_at))
                return {}
        if ts is not None or measurement.seq is not None:
            moment = ("ts", ts) if ts is not None else ("seq", measurement.seq)
            key = hash((device, moment, frozenset(good.items())))
            if key in self._seen:
                faults.append(Fault(Reason.DUPLICATE, "", "the same reading came before"))
                return {}
            self._seen[key] = None
            if len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]
        return good


def _hint(fault: Fault) -> str:
    return did_you_mean(fault.place.rpartition(".")[2]) if fault.reason is Reason.UNKNOWN_SIGNAL else ""


def _read(line: bytes) -> tuple[bytes, bytes, int | None]:
    """Topic, payload and receipt time of a line.

    Raises:
        ValueError: if it is not such a line (msgspec's and json's errors are ValueErrors).
    """
    try:
        item = _decode_line(line)
        payload = bytes(item.payload)
    except msgspec.ValidationError:
        raise
    except msgspec.DecodeError:
        # NaN in the payload makes the line itself no JSON, though it is the payload that should be refused.
        data = json.loads(line)
        if not isinstance(data, dict) or not isinstance(data.get("topic"), str):
            raise ValueError('expected {"topic": ..., "payload": ...}') from None
        payload = json.dumps(data.get("payload")).encode()
        item = _Line(data["topic"], payload_hex=data.get("payload_hex"), received_at=data.get("received_at"))
    if payload.startswith(b'"'):
        payload = json.loads(payload).encode(errors="surrogatepass")
    if item.payload_hex is not None:
        if not isinstance(item.payload_hex, str):
            raise ValueError("payload_hex: expected hex digits in a text")
        payload = bytes.fromhex(item.payload_hex)
    received_at = None if item.received_at is None else parse_time(item.received_at)
    return item.topic.encode(errors="surrogatepass"), payload, received_at
