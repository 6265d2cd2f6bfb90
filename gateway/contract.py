"""The native contract as an AsyncAPI 3.0 document, made from the code that reads and judges the messages.

`python -m gateway.contract > docs/asyncapi.json` renews the committed one, which a test compares. Each schema stands
by itself (JSON Schema, draft 2020-12), so that a vendor can take it out of the document and use it.
"""

import json
import sys
from typing import Any

from community.clock import EARLIEST, LATEST
from community.quantities import EVENTS, QUANTITIES
from community.refusal import Reason
from gateway.contract_texts import ABOUT, CHANNELS, EVENT_NOTES, MEANING, MESSAGES
from gateway.decoding.lenient import MAX_SEQ
from gateway.decoding.native import MAX_OBJECTS, PREFIX
from gateway.values import FLAGS

VERSION = "1.0.0"
"""Of the contract, not of the software: the major number is the `v1` of the topics."""

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FORMAT = "application/schema+json;version=2020-12"

ID = "^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"

# The offset is required; impossible days (30 February) are refused besides.
_RFC3339 = (
    r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
)

_AT = 1_795_334_400_000
_ON = "mingluo/v1/xijiang/h0001/d0001"

Schema = dict[str, Any]

EXAMPLES: dict[str, tuple[Any, ...]] = {
    "telemetry": (
        {"ts": _AT, "seq": 17, "values": {"voltage": 229.8, "residual_current": 11.2, "breaker_closed": 1}},
        {"ts": "2026-11-22T16:00:00+08:00", "values": {"voltage_l1": 229.8, "voltage_l2": 231.0, "voltage_l3": None}},
        [{"ts": _AT, "values": {"co": 0}}, {"ts": _AT + 60_000, "values": {"co": 35, "co_alarm": True}}],
    ),
    "event": (
        {"ts": _AT, "event": "smoke_alarm", "active": True},
        [{"ts": _AT, "seq": 18, "event": "trip"}, {"ts": _AT, "seq": 19, "event": "smoke_alarm", "active": False}],
    ),
    "status": ({"status": "online", "ts": _AT}, {"status": "offline"}),
    "error": (
        {
            "reason": Reason.OUT_OF_RANGE.value,
            "detail": "values.voltage: 1e+09 is outside 0..1000 V",
            "topic": f"{_ON}/telemetry",
            "at": _AT,
        },
    ),
    "command": ({"id": 7, "command": "report"},),
    "reply": ({"id": 7, "ok": True}, {"id": 8, "ok": False, "reason": "unknown_command"}),
}
"""Examples of each message, shown in the document."""


def schemas() -> dict[str, Schema]:
    """The JSON Schema of each message, by its name in `EXAMPLES`."""
    reading = _object(["values"], {**_MOMENT, "values": {"$ref": "#/$defs/values"}})
    event = _object(
        ["event"],
        {
            **_MOMENT,
            "event": {"oneOf": [_constant(name, EVENT_NOTES.get(name)) for name in EVENTS]},
            "active": {
                "enum": [True, False, 1, 0],
                "default": True,
                "description": "False when the condition is over.",
            },
        },
    )
    return {
        "telemetry": _named("telemetry", _one_or_many(reading), values=_values()),
        "event": _named("event", _one_or_many(event)),
        "status": _named("status", _object(["status"], {**_MOMENT, "status": {"enum": ["online", "offline"]}})),
        "error": _named("error", _error()),
        "command": _named("command", _object(["id", "command"], {"id": _CALL, "command": {"type": "string"}})),
        "reply": _named(
            "reply",
            _object(["id", "ok"], {"id": _CALL, "ok": {"type": "boolean"}, "reason": {"type": "string"}}),
        ),
    }


def document() -> dict[str, Any]:
    """The AsyncAPI document."""
    parts = schemas()
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Mingluo: the native contract of devices", "version": VERSION, "description": ABOUT},
        "defaultContentType": "application/json",
        "servers": {
            "plain": _server("mqtt", "{host}:1883", "Inside the building's own network."),
            "secure": _server("mqtts", "{host}:8883", "TLS 1.2 or newer; the operator chooses the port."),
        },
        "channels": {name: _channel(name, level) for name, (level, _) in CHANNELS.items()},
        "operations": {
            name: {
                "action": "send" if name in ("error", "command") else "receive",
                "channel": {"$ref": f"#/channels/{name}"},
                "summary": text,
                "bindings": {"mqtt": {"qos": 0 if name == "error" else 1, "retain": name == "status"}},
            }
            for name, (_, text) in CHANNELS.items()
        },
        "components": {
            "messages": {name: _message(name) for name in parts},
            "schemas": {name: {"schemaFormat": FORMAT, "schema": schema} for name, schema in parts.items()},
            "parameters": {
                "community": {"description": "Id of the community, as in the estate."},
                "household": {"description": "Id of the household."},
                "device": {"description": "Id of the device; the user name at the broker too."},
            },
            "securitySchemes": {
                "device": {"type": "userPassword", "description": "The device's id, and its secret in the estate."}
            },
        },
    }


_CALL: Schema = {"type": ["integer", "string"], "description": "Chosen by the system; the reply repeats it."}

_MOMENT: Schema = {
    "ts": {
        "description": "When it was measured. Without it the time of receipt counts.",
        "anyOf": [
            {"type": "number", "minimum": EARLIEST, "maximum": LATEST, "description": "Unix milliseconds"},
            {"type": "string", "format": "date-time", "pattern": _RFC3339, "description": "RFC 3339, with its offset"},
            {"type": "null"},
        ],
    },
    "seq": {
        "description": "Running number of the message, for devices without a clock.",
        "type": ["integer", "null"],
        "minimum": 0,
        "maximum": MAX_SEQ,
    },
}


def _named(name: str, schema: Schema, **definitions: Schema) -> Schema:
    head: Schema = {"$schema": DIALECT, "$id": f"urn:mingluo:v1:{name}", "title": MESSAGES[name][0]}
    return {**head, **schema, **({"$defs": definitions} if definitions else {})}


def _object(required: list[str], properties: Schema) -> Schema:
    return {"type": "object", "required": required, "properties": properties}


def _one_or_many(item: Schema) -> Schema:
    many = {"type": "array", "items": item, "minItems": 1, "maxItems": MAX_OBJECTS}
    return {"anyOf": [item, many]}


def _constant(value: str, description: str | None) -> Schema:
    return {"const": value} if description is None else {"const": value, "description": description}


def _values() -> Schema:
    signals: Schema = {}
    for name, quantity in QUANTITIES.items():
        if name in FLAGS:
            signals[name] = {"enum": [0, 1, True, False, None]}
        else:
            signals[name] = {"type": ["number", "null"], "minimum": quantity.low, "maximum": quantity.high}
            if quantity.unit:
                signals[name]["x-unit"] = quantity.unit
    signals |= {name: {"enum": [0, 1, True, False, None]} for name in EVENTS}
    return {
        "type": "object",
        "description": "Canonical names in canonical units (`x-unit`). null is as good as absence: not measured.",
        "properties": signals,
        "additionalProperties": False,
        "not": {"description": "Nothing measured at all.", "additionalProperties": {"type": "null"}},
    }


def _error() -> Schema:
    properties: Schema = {
        "reason": {"oneOf": [_constant(reason.value, MEANING[reason]) for reason in Reason]},
        "detail": {"type": "string", "description": "What was wrong and where, for people."},
        "topic": {"type": "string", "description": "Topic of the refused message."},
        "at": {"type": "integer", "description": "When it was received, Unix milliseconds."},
    }
    return {**_object(list(properties), properties), "additionalProperties": False}


def _server(protocol: str, host: str, description: str) -> dict[str, Any]:
    return {
        "host": host,
        "protocol": protocol,
        "protocolVersion": "3.1.1",
        "description": description,
        "variables": {"host": {"default": "127.0.0.1", "description": "Where Mingluo, or the MQTT broker, runs."}},
        "security": [{"$ref": "#/components/securitySchemes/device"}],
    }


def _channel(name: str, level: str) -> dict[str, Any]:
    return {
        "address": f"{PREFIX.decode()}{{community}}/{{household}}/{{device}}/{level}",
        "parameters": {key: {"$ref": f"#/components/parameters/{key}"} for key in ("community", "household", "device")},
        "messages": {name: {"$ref": f"#/components/messages/{name}"}},
    }


def _message(name: str) -> dict[str, Any]:
    title, summary = MESSAGES[name]
    return {
        "name": name,
        "title": title,
        "summary": summary,
        "contentType": "application/json",
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "examples": [{"payload": example} for example in EXAMPLES[name]],
    }


def main() -> None:
    """Write the document to stdout."""
    sys.stdout.write(json.dumps(document(), indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
