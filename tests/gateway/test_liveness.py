"""That a device is gone, and that it is there, come through whatever profile it speaks."""

import pytest

from community.clock import DAY
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.frame import Reading
from gateway.admission import Admission, Limits
from gateway.columnar.packets import Packets
from gateway.decoding.definition import Example
from gateway.decoding.reader import DataProfile
from gateway.decoding.registry import Profiles
from gateway.link.packets import Message
from tests.gateway.village import NOW, message

PROFILES = Profiles()
SHIPPED = [p for p in PROFILES.values() if isinstance(p, DataProfile)]

ANY_AGE = Limits(too_old=100 * 366 * DAY)
"""The examples are of various times, and it is not these that are judged here."""


def said(profile: DataProfile, active: bool) -> list[tuple[str, Example]]:
    """(address, example) of those in which a device says that it is there, or is said to be gone."""
    found = []
    for example in profile.file.example:
        for device, events in ((example.device, example.events), *((d.device, d.events) for d in example.devices)):
            if device is not None and any(e.name == "online" and e.active is active for e in events):
                found.append((device, example))
    return found


def cases(active: bool) -> list[object]:
    return [
        pytest.param(p.name, address, example, id=f"{p.name}-{i}")
        for p in SHIPPED
        for i, (address, example) in enumerate(said(p, active))
    ]


def admission(profile: str, address: str) -> Admission:
    """One device that speaks the profile under this address."""
    estate = Estate(
        place=(Place(id="c", kind=PlaceKind.COMMUNITY),),
        household=(Household(id="h", place="c"),),
        device=(Device(id="d", household="h", kind=DeviceKind.SMOKE, profile=profile, address=address),),
    )
    # Only Sparkplug remembers what came before.
    return Admission(estate, ANY_AGE, Profiles() if profile == "sparkplug" else PROFILES)


def sent(example: Example, *, retained: bool) -> Message:
    payload = (
        bytes.fromhex(example.payload_hex) if example.payload_hex is not None else (example.payload or "").encode()
    )
    return message(payload, example.topic, retained=retained)


def readings(admission: Admission, sent: Message) -> list[Reading]:
    return [
        r
        for frames in admission.take([Packets.of([sent])]).frames.values()
        for frame in frames
        for r in frame.readings()
    ]


@pytest.mark.parametrize(("profile", "address", "example"), cases(active=False))
@pytest.mark.parametrize("retained", [False, True])
def test_gone_is_gone_fresh_or_stored(profile: str, address: str, example: Example, retained: bool) -> None:
    (reading,) = readings(admission(profile, address), sent(example, retained=retained))
    # Nothing else in it: it is the word of the broker or of a cloud about a device that cannot speak.
    assert (reading.device, reading.values) == ("d", {"online": 0.0})
    assert reading.received_at == NOW


@pytest.mark.parametrize(("profile", "address", "example"), cases(active=True))
def test_a_birth_counts_when_it_is_fresh_and_not_when_it_is_stored(
    profile: str, address: str, example: Example
) -> None:
    (fresh,) = readings(admission(profile, address), sent(example, retained=False))
    assert fresh.values["online"] == 1
    stored = readings(admission(profile, address), sent(example, retained=True))
    assert not any("online" in r.values for r in stored)


def test_most_profiles_have_a_word_for_it() -> None:
    silent = {p.name for p in SHIPPED if not said(p, active=False)}
    assert silent <= {"gb45839", "modbus_dtu", "senml"}, "their devices go by their interval alone"
