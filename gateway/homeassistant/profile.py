"""The profile `homeassistant`: reads discovery configs, and then the topics that these name."""

from collections.abc import Iterable
from typing import Any

from community.refusal import Reason
from gateway.decoding.codecs.json import JsonCodec
from gateway.decoding.numbers import read_number, word_of
from gateway.decoding.paths import MISSING
from gateway.decoding.profile import IGNORED, Decoded, Measurement, UnreadableError
from gateway.fault import Fault
from gateway.homeassistant.discovery import Availability, ConfigError, Entity, read_config
from gateway.homeassistant.meanings import Meaning
from gateway.homeassistant.parts import Given
from gateway.homeassistant.registry import Registry

_JSON = JsonCodec()
_NOT_MEASURED = frozenset(("", "none", "unknown", "unavailable", "null"))


class HomeAssistant:
    """Devices that announce themselves. What they announced lives in memory only.

    Configs are retained by the broker and come again at each subscription, so that all is known again soon after a
    start. A state that comes before its config is refused as `unknown_topic`, or left to another profile.

    Attributes:
        revision: changes whenever other topics are claimed than before: who remembers whose a topic is must forget.
    """

    name = "homeassistant"
    steady = False  # values are published one by one, or as last known

    def __init__(self, prefix: str = "homeassistant") -> None:
        """Begin with nothing announced; `prefix` is that of discovery topics."""
        self._prefix = prefix
        self._configs = f"{prefix}/".encode()
        self._registry = Registry()

    @property
    def revision(self) -> int:
        """See the class."""
        return self._registry.revision

    @property
    def subscribe(self) -> tuple[str, ...]:
        """The configs, and what has been announced so far."""
        return (f"{self._prefix}/#", *self._registry.filters())

    @property
    def full(self) -> int:
        """How many configs found no room."""
        return self._registry.refused

    def forget(self) -> None:
        """Begin anew."""
        self._registry = Registry(self._registry.revision + 1)

    def claims(self, topic: bytes) -> bool:
        """Configs, and the topics that they name."""
        return topic.startswith(self._configs) or topic in self._registry.devices_at

    def device_of(self, topic: bytes) -> str | None:
        """The device that announced this topic; None if several did."""
        devices = self._registry.devices_at.get(topic)
        return next(iter(devices)) if devices is not None and len(devices) == 1 else None

    def decode(self, topic: bytes, payload: bytes, received_at: int) -> Decoded:
        """Read a config or a state. Never raises."""
        devices = self._registry.devices_at.get(topic)
        if devices:
            return self._state(topic, list(devices), payload)
        text = topic.decode(errors="replace")
        if not text.endswith("/config"):
            return IGNORED  # Home Assistant's own birth and will
        return self._config(text, payload)

    def looking_back(self) -> "LookingBack":
        """A profile that reads states a second time, by what was announced to this one, and changes nothing."""
        return LookingBack(self)

    def read_again(self, topic: bytes, payload: bytes) -> Decoded:
        """What a state says, apart from what was said before it; nothing is remembered of it."""
        return self._state(topic, list(self._registry.devices_at.get(topic, ())), payload, again=True)

    def _config(self, topic: str, payload: bytes) -> Decoded:
        if not payload:
            return Decoded((), (), [d.announcement() for d in self._registry.remove(topic)])
        try:
            config = read_config(topic, topic[len(self._prefix) + 1 :], payload)
        except ConfigError as error:
            return Decoded((), (error.fault,))
        if config is None:
            return IGNORED
        device = self._registry.put(topic, config)
        if device is None:
            return Decoded((), (Fault(Reason.TOO_LARGE, "", "there is no room for more announced devices"),))
        return Decoded((), (), [device.announcement()])

    def _state(self, topic: bytes, addresses: Iterable[str], payload: bytes, *, again: bool = False) -> Decoded:
        text = payload.decode(errors="replace")
        given = Given(text, self._json(topic, payload))
        measurements: list[Measurement] = []
        faults: list[Fault] = []
        for address in addresses:
            device = self._registry.devices[address]
            values: dict[str, float | None] = {}
            for entity, meaning in device.at(topic):
                value = _read(entity, meaning, given)
                if isinstance(value, Fault):
                    if value not in faults:
                        faults.append(value)
                elif value is not None:
                    # Danger is not taken back by another entity of the same device; of quantities, the first counts.
                    before = values.get(meaning.signal)
                    if before is None or (meaning.flag and value > before):
                        values[meaning.signal] = value
            online = None if again else device.heard(topic, lambda a: _available(a, given))
            if online is not None:
                values.setdefault("online", float(online))
            if values:
                measurements.append(Measurement(values, device=address))
        return Decoded(measurements, faults)

    def _json(self, topic: bytes, payload: bytes) -> Any:
        if not payload:
            return MISSING
        try:
            documents = _JSON.read(topic.decode(errors="replace"), payload, 0)
        except UnreadableError:
            return MISSING
        return documents[0].body if documents else MISSING


class LookingBack:
    """The states of `HomeAssistant` once more; not whether a device was there, which several topics say together.

    Implements `gateway.decoding.profile.Profile`; configs say nothing here.
    """

    name = HomeAssistant.name
    steady = HomeAssistant.steady
    subscribe = ()

    def __init__(self, live: HomeAssistant) -> None:
        self._live = live

    def claims(self, topic: bytes) -> bool:
        """As the one at work."""
        return self._live.claims(topic)

    def device_of(self, topic: bytes) -> str | None:
        """As the one at work."""
        return self._live.device_of(topic)

    def decode(self, topic: bytes, payload: bytes, received_at: int) -> Decoded:
        """Read a state once more."""
        return self._live.read_again(topic, payload)


def _read(entity: Entity, meaning: Meaning, given: Given) -> float | Fault | None:
    """Value of an entity's signal; None if the payload says nothing of it."""
    place = entity.described.title
    raw: Any = given.value
    if entity.template is not None:
        if entity.template.needs_json and given.value_json is MISSING:
            return Fault(Reason.NOT_JSON, "", "expected JSON") if given.value else None
        raw = entity.template(given)
    if raw is MISSING or (isinstance(raw, str) and raw.strip().lower() in _NOT_MEASURED):
        return None
    if not meaning.flag:
        number = read_number(raw, place, flag=False)
        return number * meaning.scale + meaning.shift if isinstance(number, float) else number
    on = _is(raw, entity.on, entity.off)
    if on is None:
        return Fault(Reason.SCHEMA, place, f"expected {entity.on[:20]!r} or {entity.off[:20]!r}, got {str(raw)[:40]!r}")
    return float(on) * meaning.scale + meaning.shift


def _is(raw: Any, on: str, off: str) -> bool | None:
    """Which of two states a value is: as written, else whatever its case or the form of its number."""
    written = str(raw) if isinstance(raw, (str, bool, int, float)) else None
    if written in (on, off):
        return written == on
    word = word_of(raw)
    words = word_of(on), word_of(off)
    return word == words[0] if word is not None and word in words else None


def _available(availability: Availability, given: Given) -> bool | None:
    raw: Any = given.value if availability.template is None else availability.template(given)
    return None if raw is MISSING else _is(raw, availability.on, availability.off)
