"""Config payloads of Home Assistant's MQTT discovery → what each entity of a device publishes, and where.

Source: the integration's documentation (home-assistant.io, MQTT, "MQTT discovery" and "Supported abbreviations").
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from community.refusal import Reason
from gateway.decoding.codecs.json import JsonCodec
from gateway.decoding.numbers import number_of
from gateway.decoding.profile import UnreadableError
from gateway.fault import Fault
from gateway.homeassistant.meanings import Described, Meaning, meaning_of
from gateway.homeassistant.templates import TemplateUnreadableError, ValueTemplate

MAX_COMPONENTS = 200
"""Entities of one device; those after are not taken, and counted."""

MAX_TOPIC = 512
"""Bytes of a state or availability topic."""

MAX_AVAILABILITY = 8
"""Availability topics of one entity."""

_LONG = {
    "avty": "availability", "avty_mode": "availability_mode", "avty_t": "availability_topic",
    "avty_tpl": "availability_template", "cmps": "components", "dev": "device", "dev_cla": "device_class",
    "ent_cat": "entity_category", "exp_aft": "expire_after", "o": "origin", "obj_id": "object_id", "p": "platform",
    "pl_avail": "payload_available", "pl_not_avail": "payload_not_available", "pl_off": "payload_off",
    "pl_on": "payload_on", "stat_cla": "state_class", "stat_off": "state_off", "stat_on": "state_on",
    "stat_t": "state_topic", "stat_val_tpl": "state_value_template", "t": "topic", "uniq_id": "unique_id",
    "unit_of_meas": "unit_of_measurement", "val_tpl": "value_template",
}  # fmt: skip
_LONG_DEVICE = {
    "ids": "identifiers", "cns": "connections", "mf": "manufacturer", "mdl": "model", "sw": "sw_version",
    "hw": "hw_version", "sn": "serial_number",
}  # fmt: skip
_SHARED = (
    "state_topic", "availability", "availability_mode", "availability_topic", "availability_template",
    "payload_available", "payload_not_available", "encoding",
)  # fmt: skip
_CONFIG = re.compile(r"([a-z_]+)/(?:([A-Za-z0-9_-]+)/)?([A-Za-z0-9_-]+)/config")
_JSON = JsonCodec()


class ConfigError(ValueError):
    """A config payload of which nothing can be used; carries the fault."""

    def __init__(self, reason: Reason, place: str, detail: str) -> None:
        super().__init__(detail)
        self.fault = Fault(reason, place, detail)


@dataclass(frozen=True, slots=True)
class Availability:
    """Where an entity says that it is there.

    Attributes:
        topic: of it.
        on, off: what it says then; anything else says nothing.
        template: how the payload is read; None: as it is.
    """

    topic: str
    on: str = "online"
    off: str = "offline"
    template: ValueTemplate | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity that can be read, or that says why not.

    Attributes:
        key: the discovery topic, and the component's name in a device's config.
        described: what it says of itself.
        topic: where its state comes; empty if it has none.
        template: how a state is read from the payload; None: the payload is the state.
        meaning: what its state says; None if it cannot be read.
        unread: why it cannot be read; empty if it can.
        on, off: its two states, if it has two.
        availability: where it says that it is there.
        mode: `all`, `any` or `latest`.
        expire_after: seconds after which the device means its state to be stale; None if it does not tell.
    """

    key: str
    described: Described
    topic: str = ""
    template: ValueTemplate | None = None
    meaning: Meaning | None = None
    unread: str = ""
    on: str = "ON"
    off: str = "OFF"
    availability: tuple[Availability, ...] = ()
    mode: str = "latest"
    expire_after: float | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """One config payload.

    Attributes:
        address: the device's first identifier.
        name: of the device, for people.
        model: maker and model.
        entities: in the order of the payload; none if all were removed.
        removed: keys of components that the payload takes back.
        left_out: how many entities were more than `MAX_COMPONENTS`.
    """

    address: str
    name: str = ""
    model: str = ""
    entities: tuple[Entity, ...] = ()
    removed: tuple[str, ...] = field(default=())
    left_out: int = 0


def read_config(topic: str, below: str, payload: bytes) -> Config | None:
    """Read a config payload; None if the entity is of a component that never measures.

    Args:
        topic: of the config; the key of what it announces.
        below: the topic without the discovery prefix.
        payload: not empty.

    Raises:
        ConfigError: nothing of it can be used.
    """
    place = _CONFIG.fullmatch(below)
    if place is None:
        raise ConfigError(Reason.UNKNOWN_TOPIC, "", "expected <prefix>/<component>/[<node>/]<object>/config")
    component, _, object_id = place.groups()
    if component in ("device_automation", "tag", "scene"):
        return None
    try:
        (document,) = _JSON.read(topic, payload, 0)
    except UnreadableError as error:
        raise ConfigError(*error.fault) from None
    body = _long(document.body, _LONG)
    if body is None:
        raise ConfigError(Reason.SCHEMA, "", "expected a JSON object")
    base = body.get("~")
    base = base if isinstance(base, str) else ""
    device = _long(body.get("device"), _LONG_DEVICE) or {}
    # A device without identifiers is not one to Home Assistant; its entity then stands for it.
    address = _identifier(device) or _text(body.get("unique_id")) or object_id
    if len(address) > 256:
        raise ConfigError(Reason.SCHEMA, "device.identifiers", "longer than 256 characters")
    name = _text((device or body).get("name"))
    model = " ".join(filter(None, (_text(device.get("manufacturer")), _text(device.get("model")))))
    if component != "device":
        return Config(address, name[:200], model[:200], (_entity(topic, component, object_id, body, base),))
    components = body.get("components")
    if not isinstance(components, dict):
        raise ConfigError(Reason.SCHEMA, "components", "expected an object")
    shared = {key: body[key] for key in _SHARED if key in body}
    entities, removed = [], []
    for key, raw in list(components.items())[:MAX_COMPONENTS]:
        own = _long(raw, _LONG)
        if own is None:
            raise ConfigError(Reason.SCHEMA, f"components.{key[:64]}", "expected an object")
        if set(own) <= {"platform"}:  # nothing but its kind: the component is taken back
            removed.append(f"{topic}#{key}")
            continue
        entities.append(_entity(f"{topic}#{key}", _text(own.get("platform")), key, {**shared, **own}, base))
    left_out = max(0, len(components) - MAX_COMPONENTS)
    return Config(address, name[:200], model[:200], tuple(entities), tuple(removed), left_out)


def _long(raw: Any, names: Mapping[str, str]) -> dict[str, Any] | None:
    return {names.get(key, key): value for key, value in raw.items()} if isinstance(raw, dict) else None


def _text(raw: Any) -> str:
    """A text, or a number or truth value as Home Assistant would write it."""
    if isinstance(raw, bool):
        return "True" if raw else "False"
    return raw if isinstance(raw, str) else str(raw)[:64] if isinstance(raw, float) or _short(raw) else ""


def _short(raw: Any) -> bool:
    return isinstance(raw, int) and abs(raw) < 1 << 64


def _identifier(device: Mapping[str, Any]) -> str:
    identifiers = device.get("identifiers")
    for raw in identifiers if isinstance(identifiers, list) else [identifiers]:
        if _text(raw):
            return _text(raw)
    connections = device.get("connections")
    for pair in connections if isinstance(connections, list) else []:
        if isinstance(pair, list) and len(pair) == 2 and _text(pair[1]):
            return _text(pair[1])
    return ""


def _entity(key: str, component: str, object_id: str, body: Mapping[str, Any], base: str) -> Entity:
    title = _text(body.get("name"))
    described = Described(
        component[:64],
        _text(body.get("device_class")),
        _text(body.get("unit_of_measurement")),
        " ".join((title, object_id, _text(body.get("unique_id"))))[:300],
        (title or object_id)[:100],
        _text(body.get("state_class")).startswith("total"),
        _text(body.get("entity_category")) == "diagnostic",
    )
    availability, mode = _availability(body, base)
    meaning = meaning_of(described)
    if isinstance(meaning, str):
        return Entity(key, described, unread=meaning, availability=availability, mode=mode)
    topic = _topic(body.get("state_topic"), base)
    if topic is None:
        unread = "no state topic, or not one that a single device may have"
        return Entity(key, described, unread=unread, availability=availability, mode=mode)
    text = body.get("value_template", body.get("state_value_template"))
    try:
        template = ValueTemplate(text) if isinstance(text, str) and text.strip() else None
    except TemplateUnreadableError as error:
        unread = f"its template is not understood: {error}"
        return Entity(key, described, unread=unread, availability=availability, mode=mode)
    on, off = _text(body.get("payload_on", "ON")), _text(body.get("payload_off", "OFF"))
    if component == "switch":
        on, off = _text(body.get("state_on", on)), _text(body.get("state_off", off))
    return Entity(
        key,
        described,
        topic,
        template,
        meaning,
        on=on,
        off=off,
        availability=availability,
        mode=mode,
        expire_after=_seconds(body.get("expire_after")),
    )


def _seconds(raw: Any) -> float | None:
    number = number_of(raw)
    return number if number is not None and 0 < number < 1e9 else None


def _topic(raw: Any, base: str) -> str | None:
    """A topic with its base filled in; None for what is no topic of a device: wildcards, the broker's own, ours."""
    if not isinstance(raw, str):
        return None
    topic = f"{base}{raw[1:]}" if raw.startswith("~") else f"{raw[:-1]}{base}" if raw.endswith("~") else raw
    if not topic or len(topic.encode(errors="replace")) > MAX_TOPIC or re.search(r"[+#\x00]", topic):
        return None
    try:
        topic.encode()
    except UnicodeEncodeError:
        return None
    return None if topic.startswith(("$", "mingluo/v1/")) else topic


def _availability(body: Mapping[str, Any], base: str) -> tuple[tuple[Availability, ...], str]:
    mode = _text(body.get("availability_mode"))
    return tuple(_availabilities(body, base)), mode if mode in ("all", "any", "latest") else "latest"


def _availabilities(body: Mapping[str, Any], base: str) -> Iterator[Availability]:
    listed = body.get("availability")
    several = listed if isinstance(listed, list) else [listed] if isinstance(listed, dict) else []
    if not several and "availability_topic" in body:
        several = [{**body, "topic": body["availability_topic"], "value_template": body.get("availability_template")}]
    for raw in several[:MAX_AVAILABILITY]:
        one = _long(raw, _LONG)
        topic = _topic(one.get("topic"), base) if one is not None else None
        if one is None or topic is None:
            continue
        text = one.get("value_template")
        try:
            template = ValueTemplate(text) if isinstance(text, str) and text.strip() else None
        except TemplateUnreadableError:
            continue  # that it is there or not cannot be read; the silence rules hold for it as for any other
        on, off = one.get("payload_available", "online"), one.get("payload_not_available", "offline")
        yield Availability(topic, _text(on), _text(off), template)
