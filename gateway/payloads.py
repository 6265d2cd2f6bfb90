"""What the gateway would make of recorded messages, offline, one verdict a line (`mingluo payloads check`)."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from community.clock import parse_time
from community.quantities import EVENTS, SIGNAL_INDEX
from community.refusal import Reason
from gateway.admission import Limits
from gateway.decoding.native import NATIVE
from gateway.decoding.profile import Measurement, Profile
from gateway.decoding.registry import Profiles
from gateway.fault import Fault
from gateway.recorded import OVER_TCP, TCP, as_received
from gateway.trust.judge import fault_of
from gateway.trust.scalar import Memory, judge
from gateway.trust.tables import NOTES
from gateway.values import did_you_mean, unknown_signal, value_fault

REMEMBERED = 1_000_000
"""Readings of a file remembered for telling repetitions; of a longer file only the last ones."""

DEVICES_REMEMBERED = 100_000
"""Devices of a file of which a state is remembered; beyond, the one heard longest ago is forgotten."""

_NOTES = frozenset(NOTES)
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
    lines: Iterable[bytes],
    profile: str | None = None,
    limits: Limits | None = None,
    profiles: Profiles | None = None,
) -> Iterator[dict[str, Any]]:
    """Judge recorded messages as the gateway would; every device counts as registered.

    Args:
        lines: JSON objects `{"topic", "payload"}`. The payload is JSON of any kind, or a text with the bytes; or
            `payload_hex` is there instead. With `"received_at"` (ms or RFC 3339) the time of the readings is
            judged too.
        profile: name of the profile to decode everything with; by default the one that claims the topic. With one of
            another transport than MQTT, `gateway.recorded` says what a payload may be, and the topic does not matter;
            without one, the topic `tcp` stands for GB/T 26875.3.
        limits: what is let in.
        profiles: by default those shipped.

    Yields:
        For each line `{"line", "outcome", "profile", "device", "values", "events", "reason", "detail"}`. `reason`
        names every fault as `reason: place`; `detail` explains it. Where a message is of several devices, `devices`
        has `{"device", "values", "events"}` of each, and `values` and `events` beside it are empty. What the gateway
        itself notes of a device (`clock_fault`, `sensor_fault`, `contradiction`) stands among the events, and does not
        make an `event` of the outcome.

    Raises:
        UnknownProfileError: before the first line. No line raises anything.
    """
    check = Check(profiles if profiles is not None else Profiles(), profile, limits)
    return (check.line(number, line) for number, line in enumerate(lines, 1))


def check_message(
    profiles: Profiles,
    topic: bytes,
    payload: bytes,
    *,
    profile: str | None = None,
    received_at: int | None = None,
) -> dict[str, Any]:
    """The verdict on one message by itself, as `check_lines` gives it, without `line`.

    Raises:
        UnknownProfileError: there is no such profile.
    """
    return Check(profiles, profile).message(topic, payload, received_at)


class Check:
    """Judges messages one after another, as one gateway would that knows every device."""

    def __init__(self, profiles: Profiles, profile: str | None = None, limits: Limits | None = None) -> None:
        """Begin with nothing remembered.

        Raises:
            UnknownProfileError: there is no such profile.
        """
        if profile is not None and profile not in profiles:
            raise UnknownProfileError(f"no profile {profile!r}; there are {', '.join(sorted(profiles))}")
        self._profiles = profiles
        self._profile = None if profile is None else profiles[profile]
        self._limits = limits if limits is not None else Limits()
        self._seen: dict[int, None] = {}
        self._memories: dict[str, Memory] = {}

    def line(self, number: int, line: bytes) -> dict[str, Any]:
        """The verdict on a line of a file."""
        faults: list[Fault] = []
        try:
            topic, payload, received_at = _read(line)
        except ValueError as error:
            faults.append(Fault(Reason.NOT_JSON, "", f"line {number}: {str(error)[:200]}"))
        except RecursionError:
            faults.append(Fault(Reason.SCHEMA, "", f"line {number}: nested too deeply"))
        else:
            return {"line": number, **self.message(topic, payload, received_at)}
        return {"line": number, **_verdict(None, None, [], faults, silent="quarantined")}

    def message(self, topic: bytes, payload: bytes, received_at: int | None = None) -> dict[str, Any]:
        """The verdict on a message; without a time of receipt (UTC ms), clocks are not judged."""
        profile = self._profile or self._profiles.claiming(topic)
        if profile is None and topic == TCP:
            profile = self._profiles.get(OVER_TCP)
        if profile is not None:
            topic, payload = as_received(profile, topic, payload)
        if profile is None or not profile.claims(topic):
            return _verdict(None, None, [], [], silent="ignored")
        device = profile.device_of(topic)
        if device is None and profile is NATIVE:
            fault = Fault(Reason.UNKNOWN_TOPIC, "", f"{topic[:200].decode(errors='replace')} names no device")
            return _verdict(profile, device, [], [fault])
        if len(payload) > self._limits.max_payload:
            fault = Fault(Reason.TOO_LARGE, "", f"{len(payload)} bytes, at most {self._limits.max_payload}")
            return _verdict(profile, device, [], [fault])
        decoded = profile.decode(topic, payload, received_at or 0)
        faults = list(decoded.faults)
        place = "event" if topic.endswith(b"/event") else "values"
        said: list[tuple[str | None, Mapping[str, float]]] = []
        for measurement in decoded.measurements:
            address = device if measurement.device is None else measurement.device
            if address is None:
                faults.append(Fault(Reason.UNKNOWN_DEVICE, "", "neither topic nor payload names a device"))
            else:
                said.append((address, self._admit(measurement, address, received_at, place, profile.steady, faults)))
        return _verdict(profile, device, said, faults)

    def _admit(
        self,
        measurement: Measurement,
        device: str,
        received_at: int | None,
        place: str,
        steady: bool,
        faults: list[Fault],
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
        if ts is not None or measurement.seq is not None:
            moment = ("ts", ts) if ts is not None else ("seq", measurement.seq)
            key = hash((device, moment, frozenset(good.items())))
            if key in self._seen:
                faults.append(Fault(Reason.DUPLICATE, "", "the same reading came before"))
                return {}
            self._seen[key] = None
            if len(self._seen) > REMEMBERED:
                del self._seen[next(iter(self._seen))]
        return self._trusted(good, ts, device, received_at, steady, faults)

    def _trusted(
        self,
        values: Mapping[str, float],
        ts: int | None,
        device: str,
        received_at: int | None,
        steady: bool,
        faults: list[Fault],
    ) -> Mapping[str, float]:
        """What is credible of the values, and the events that the gateway notes; ratings are not known here."""
        memory = self._memories.pop(device, None) or Memory()
        self._memories[device] = memory
        if len(self._memories) > DEVICES_REMEMBERED:
            del self._memories[next(iter(self._memories))]
        verdict = judge(
            values, None if received_at is None else ts, received_at or 0, memory, steady=steady,
            too_old=self._limits.too_old, future=self._limits.future,
        )  # fmt: skip
        found = (fault_of(signal, values[signal], why) for signal, why in verdict.blanked.items())
        faults.extend(fault for fault in found if fault is not None)
        return verdict.values | verdict.notes


def _verdict(
    profile: Profile | None,
    device: str | None,
    said: Iterable[tuple[str | None, Mapping[str, float]]],
    faults: Sequence[Fault],
    silent: str | None = None,
) -> dict[str, Any]:
    """The result; `silent` is the outcome if nothing was said, by default as the faults tell."""
    devices: dict[str | None, dict[str, Any]] = {}
    for address, values in said:
        if not values:
            continue
        one = devices.setdefault(address, {"device": address, "values": {}, "events": []})
        for signal, value in values.items():
            if signal in _EVENTS:
                one["events"].append({"name": signal, "active": value == 1})
            else:
                one["values"][signal] = value  # of several readings in one message: the last
    outcome = silent or ("quarantined" if faults else "ignored")
    if any(event["name"] not in _NOTES for one in devices.values() for event in one["events"]):
        outcome = "event"
    elif any(one["values"] for one in devices.values()):
        outcome = "accepted"
    result: dict[str, Any] = {
        "outcome": outcome, "profile": None if profile is None else profile.name, "device": device,
        "values": {}, "events": [], "reason": None, "detail": None,
    }  # fmt: skip
    if len(devices) == 1:
        result |= next(iter(devices.values()))
    elif devices:
        result["devices"] = list(devices.values())
    if faults:
        named = (f"{f.reason}: {f.place}" if f.place else str(f.reason) for f in faults)
        result["reason"] = "; ".join(dict.fromkeys(named))
        result["detail"] = "; ".join(str(f) + _hint(f) for f in faults)[:2_000]
    return result


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
