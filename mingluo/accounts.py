"""Which topics the gateway listens to, and what each account may do on the embedded broker, by estate and profiles."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from community.estate import Estate
from gateway.broker.auth import Credential
from gateway.decoding.native import NATIVE
from gateway.decoding.profile import Profile
from gateway.decoding.reader import DataProfile
from gateway.link.filters import covers, everything, widest

_PLAIN = re.compile(r"[^\s#+*>/\x00]+(?:/[^\s#+*>/\x00]+)*")
"""Addresses that are topic levels and nothing more: an account for `#` would be one for everybody's topics."""


def topic_filters(
    estate: Estate, profiles: Mapping[str, Profile], besides: Sequence[str] = (), *, embedded: bool
) -> tuple[str, ...]:
    """The MQTT filters to subscribe to, so that all that this estate's devices publish is heard.

    Args:
        besides: profiles to listen to though no device speaks them yet.
        embedded: whether it is our own broker, on which nobody else publishes: then all of it is listened to. With
            another one it is only what the profiles need, the native ones first.
    """
    speaking = speaking_profiles(estate, besides)
    wanted = [NATIVE, *(p for name, p in profiles.items() if name in speaking and name != NATIVE.name)]
    return (everything if embedded else widest)(f for profile in wanted for f in profile.subscribe)


def whose_filter(topic_filter: str, speaking: Iterable[str], profiles: Mapping[str, Profile]) -> str:
    """The profiles of those `speaking` that would be heard through a filter, in words: `profile shelly1, shelly2`."""
    wanted = (p for name, p in profiles.items() if name in {NATIVE.name, *speaking})
    names = [p.name for p in wanted if any(covers(topic_filter, f) for f in p.subscribe)]
    return f"profile {', '.join(names)}" if names else ""


def speaking_profiles(estate: Estate, besides: Sequence[str] = ()) -> set[str]:
    """Names of the profiles that anybody of the estate speaks."""
    return {d.profile for d in estate.device} | {b.profile for b in estate.bridge} | set(besides)


def credentials(estate: Callable[[], Estate], profiles: Mapping[str, Profile]) -> Callable[[str], Credential | None]:
    """Looks up the account of a device or bridge by its id, from memory."""

    def credential(user: str) -> Credential | None:
        homes = estate()
        device = homes.devices.get(user)
        if device is not None:
            profile = profiles.get(device.profile)
            publish, subscribe = _granted(profile, device.own_address)
            return Credential(device.secret, homes.topic_of(device), publish, subscribe)
        bridge = homes.bridges.get(user)
        if bridge is None:
            return None
        profile = profiles.get(bridge.profile)
        if profile is None or profile.name == NATIVE.name:
            return Credential(bridge.secret, None)
        _, subscribe = _granted(profile, "+")
        return Credential(bridge.secret, None, (*profile.subscribe,), (*profile.subscribe, *subscribe))

    return credential


def strange_profiles(estate: Estate, profiles: Mapping[str, Profile]) -> list[str]:
    """Devices and bridges whose profile nobody has, in words."""
    named = [(f"device {d.id}", d.profile) for d in estate.device]
    named += [(f"bridge {b.id}", b.profile) for b in estate.bridge]
    return [f"{who}: there is no profile {profile!r}" for who, profile in named if profile not in profiles]


def _granted(profile: Profile | None, address: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not isinstance(profile, DataProfile) or (address != "+" and not _PLAIN.fullmatch(address)):
        return (), ()
    grant = profile.file.grant
    publish, subscribe = (
        tuple(text.replace("{device}", address) for text in texts) for texts in (grant.publish, grant.subscribe)
    )
    return publish, subscribe
