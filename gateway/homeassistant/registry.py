"""What was announced: devices, their entities, and who says something on which topic. Bounded."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from gateway.decoding.profile import Announcement
from gateway.homeassistant.discovery import Availability, Config, Entity
from gateway.homeassistant.meanings import Meaning, kind_of, settled

MAX_DEVICES = 10_000
MAX_ENTITIES = 50_000
"""Of all devices together, some 50 MB. Beyond either, what is new is refused and counted; what is known stays."""

MAX_PER_DEVICE = 400

MAX_PER_TOPIC = 1_000
"""Devices that one topic may speak for (a bridge's own availability does for all of its devices)."""

MAX_FILTERS = 64
"""MQTT filters asked of a broker. Beyond, topics that begin alike are listened to together."""

_UNREAD = 20
"""Entities that cannot be read, of which an announcement tells why."""


class Announced:
    """One announced device."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.name = ""
        self.model = ""
        self.entities: dict[str, Entity] = {}
        self._at: dict[bytes, list[tuple[Entity, Meaning]]] = {}
        self._availability: dict[bytes, list[Availability]] = {}
        self._there: dict[Availability, bool] = {}

    def settle(self) -> None:
        """Work out anew what its entities mean together and where they speak; after any change."""
        readable = [(e, e.meaning) for e in self.entities.values() if e.meaning is not None]
        meanings = settled((e.described, meaning) for e, meaning in readable)
        self._at = {}
        for (entity, _), meaning in zip(readable, meanings, strict=True):
            self._at.setdefault(entity.topic.encode(), []).append((entity, meaning))
        self._availability = {}
        for entity in self.entities.values():
            for a in entity.availability:
                known = self._availability.setdefault(a.topic.encode(), [])
                if a not in known:
                    known.append(a)
        kept = {a for several in self._availability.values() for a in several}
        self._there = {a: there for a, there in self._there.items() if a in kept}

    def topics(self) -> set[bytes]:
        """Where it says something."""
        return self._at.keys() | self._availability.keys()

    def at(self, topic: bytes) -> list[tuple[Entity, Meaning]]:
        """What it says on a topic."""
        return self._at.get(topic, [])

    def heard(self, topic: bytes, read: Callable[[Availability], bool | None]) -> bool | None:
        """Whether it is there, after a payload on `topic`; None if that says nothing about it.

        It is there as long as any of its entities is. An availability topic not heard yet is not known.
        """
        changed: list[Availability] = []
        for a in self._availability.get(topic, []):
            there = read(a)
            if there is not None:
                self._there[a] = there
                changed.append(a)
        if not changed:
            return None
        states = [self._state(e, changed) for e in self.entities.values() if e.availability]
        if True in states:
            return True
        return False if states and None not in states else None

    def _state(self, entity: Entity, changed: list[Availability]) -> bool | None:
        if entity.mode == "latest":
            latest = [a for a in entity.availability if a in changed]
            return self._there[latest[-1]] if latest else self._any(entity)
        known = [self._there.get(a) for a in entity.availability]
        if entity.mode == "all":
            return False if False in known else None if None in known else True
        return self._any(entity)

    def _any(self, entity: Entity) -> bool | None:
        known = [self._there.get(a) for a in entity.availability]
        return True if True in known else None if None in known else False

    def announcement(self) -> Announcement:
        """It, for the estate to approve."""
        signals = dict.fromkeys(meaning.signal for several in self._at.values() for _, meaning in several)
        if self._availability:
            signals["online"] = None
        kind = kind_of(signals)
        return Announcement(
            self.address, self.name, None if kind is None else str(kind), self.model, tuple(signals), self._details()
        )

    def _details(self) -> dict[str, Any]:
        details: dict[str, Any] = {"entities": len(self.entities)}
        unread = {e.described.title: e.unread for e in self.entities.values() if e.unread}
        if unread:
            details["unread"] = dict(list(unread.items())[:_UNREAD])
        expiries = [e.expire_after for e in self.entities.values() if e.expire_after is not None]
        if expiries:
            details["expire_after_s"] = min(expiries)
        return details


class Registry:
    """All announced devices.

    Attributes:
        devices: by address.
        devices_at: topic → addresses of the devices that say something on it (a dict for its order).
        revision: grows whenever `devices_at` changes.
        refused: configs that found no room.
    """

    def __init__(self, revision: int = 0) -> None:
        self.devices: dict[str, Announced] = {}
        self.devices_at: dict[bytes, dict[str, None]] = {}
        self.revision = revision
        self.refused = 0
        self._address_of: dict[str, str] = {}  # config topic → the device that it announced
        self._entities = 0
        self._filters: tuple[int, tuple[str, ...]] = (-1, ())

    def put(self, topic: str, config: Config) -> Announced | None:
        """Take in a config; None if there is no room. A config that now names another device leaves the former."""
        former = self._address_of.get(topic)
        if former is not None and former != config.address:
            self.remove(topic)
        device = self.devices.get(config.address)
        before = {} if device is None else device.entities
        kept = {key: e for key, e in before.items() if key != topic and not key.startswith(f"{topic}#")}
        after = {**kept, **{e.key: e for e in config.entities}}
        grown = len(after) - len(before)
        if (
            (device is None and len(self.devices) >= MAX_DEVICES)
            or len(after) > MAX_PER_DEVICE
            or self._entities + grown > MAX_ENTITIES
        ):
            self.refused += 1
            return None
        if device is None:
            device = self.devices[config.address] = Announced(config.address)
        device.name, device.model = config.name or device.name, config.model or device.model
        self._address_of[topic] = config.address
        self._change(device, after)
        return device

    def remove(self, topic: str) -> list[Announced]:
        """Forget what a config topic announced; the device that still has other entities."""
        address = self._address_of.pop(topic, None)
        if address is None:
            return []
        device = self.devices[address]
        self._change(device, {k: e for k, e in device.entities.items() if k != topic and not k.startswith(f"{topic}#")})
        if device.entities:
            return [device]
        if address not in self._address_of.values():
            del self.devices[address]
        return []

    def _change(self, device: Announced, entities: dict[str, Entity]) -> None:
        self._entities += len(entities) - len(device.entities)
        before = device.topics()
        if list(entities.items()) == list(device.entities.items()):
            return
        device.entities = entities
        device.settle()
        after = device.topics()
        for topic in before - after:
            there = self.devices_at.get(topic, {})
            there.pop(device.address, None)
            if not there:
                self.devices_at.pop(topic, None)
        for topic in after - before:
            there = self.devices_at.setdefault(topic, {})
            if len(there) < MAX_PER_TOPIC:
                there[device.address] = None
            else:
                self.refused += 1
        if before != after:
            self.revision += 1

    def filters(self) -> tuple[str, ...]:
        """MQTT filters that cover all topics, at most `MAX_FILTERS`; the same tuple while nothing changed."""
        if self._filters[0] != self.revision:
            self._filters = self.revision, tuple(sorted(self._covering()))
        return self._filters[1]

    def _covering(self) -> set[str]:
        topics = [topic.decode() for topic in self.devices_at]
        deepest = max((t.count("/") for t in topics), default=0)
        for levels in range(deepest + 1, 0, -1):
            found = Counter(_cut(topic, levels) for topic in topics)
            if len(found) <= MAX_FILTERS:
                return set(found)
        # Too many that have nothing in common: those that most topics begin with.
        return {text for text, _ in found.most_common(MAX_FILTERS)}


def _cut(topic: str, levels: int) -> str:
    parts = topic.split("/")
    return topic if len(parts) <= levels else "/".join((*parts[:levels], "#"))
