"""What is mutated: every profile's examples and native messages of all kinds; and an estate that knows the devices."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from gateway.decoding.profile import Profile
from gateway.decoding.reader import DataProfile
from gateway.decoding.registry import Profiles

NATIVE_ID = "d0"
ANNOUNCED_ADDRESS = "hall_7"
"""What the device of `tests.fuzz.announced` calls itself."""


class Seed(NamedTuple):
    """A message to begin with."""

    profile: str
    topic: bytes
    payload: bytes


_NATIVE = {
    "telemetry": [
        '{"ts": 1795334400000, "seq": 7, "values": {"voltage": 230.5, "current": 4.25, "co": 3, "smoke_alarm": 0}}',
        '{"values": {"residual_current": 12, "terminal_temperature_l1": 41.5, "breaker_closed": true}}',
        '[{"ts": "2026-11-22T08:00:00Z", "values": {"voltage": 229}}, {"values": {"humidity": null, "battery": 80}}]',
    ],
    "event": [
        '{"event": "smoke_alarm", "active": false, "ts": 1795334400000}',
        '{"event": "test"}',
        '[{"event": "fire_alarm", "active": 0}, {"event": "battery_low", "active": 1, "seq": 3}]',
    ],
    "status": ["online", '{"status": "offline"}'],
}


@cache
def seeds() -> tuple[Seed, ...]:
    """Every example of every shipped profile, and some of the native one."""
    found = [
        Seed("native", f"mingluo/v1/c0/h0/{NATIVE_ID}/{leaf}".encode(), text.encode())
        for leaf, texts in _NATIVE.items()
        for text in texts
    ]
    for profile in data_profiles(Profiles()):
        for example in profile.file.example:
            payload = (
                bytes.fromhex(example.payload_hex)
                if example.payload_hex is not None
                else (example.payload or "").encode()
            )
            found.append(Seed(profile.name, example.topic.encode(), payload))
    return tuple(found)


def data_profiles(profiles: Mapping[str, Profile]) -> list[DataProfile]:
    """Those that come from files."""
    return [p for p in profiles.values() if isinstance(p, DataProfile)]


@cache
def estate() -> Estate:
    """Every device of every example, and a native one, in one home."""
    devices = [Device(id=NATIVE_ID, household="h0", kind=DeviceKind.ELECTRICAL_PROTECTOR)]
    for profile in data_profiles(Profiles()):
        addresses: dict[str, None] = {}
        for example in profile.file.example:
            for address in (example.device, *(d.device for d in example.devices)):
                if address is not None:
                    addresses[address] = None
            own = profile.device_of(example.topic.encode())
            if own is not None:
                addresses[own] = None
        devices += [
            Device(
                id=f"{profile.name.replace('_', '-')}-{number}",
                household="h0",
                kind=DeviceKind.ELECTRICAL_PROTECTOR,
                profile=profile.name,
                address=address,
            )
            for number, address in enumerate(addresses)
        ]
    devices.append(
        Device(id="ha-hall", household="h0", kind=DeviceKind.SMOKE, profile="homeassistant", address=ANNOUNCED_ADDRESS)
    )
    return Estate(
        place=(Place(id="c0", kind=PlaceKind.COMMUNITY),),
        household=(Household(id="h0", place="c0"),),
        device=tuple(devices),
    )
