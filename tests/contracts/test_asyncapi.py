"""The AsyncAPI document says what the gateway does: its examples, whatever its schemas allow, and what they refuse."""

import json
import re
from datetime import UTC, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types

from community.quantities import EVENTS, QUANTITIES, SIGNAL_INDEX
from community.refusal import Reason
from gateway.contract import EXAMPLES, VERSION, document, schemas
from gateway.decoding.native import DOWNWARD, LEAVES, MAX_OBJECTS, NATIVE
from gateway.fault import Fault
from gateway.values import unknown_signal, value_fault

DOCUMENT = document()
SCHEMAS = schemas()
UP = ("telemetry", "event", "status")
VALIDATORS = {name: Draft202012Validator(schema) for name, schema in SCHEMAS.items()}


def faults(leaf: str, payload: bytes) -> list[Fault]:
    """What the gateway finds wrong with a message: decoding, then names and limits, without clock and history."""
    decoded = NATIVE.decode(f"mingluo/v1/c/h/d/{leaf}".encode(), payload, 0)
    found = list(decoded.faults)
    for measurement in decoded.measurements:
        for name, value in measurement.values.items():
            fault = unknown_signal(name, "values") if name not in SIGNAL_INDEX else None
            if fault is None and value is not None:
                fault = value_fault(name, value, name)
            found += [fault] if fault is not None else []
    if not found and not decoded.measurements:
        raise AssertionError("ignored without a word")
    return found


def encoded(message: Any) -> bytes:
    return json.dumps(message).encode()


def test_the_committed_document_is_current() -> None:
    file = Path(__file__).parents[2] / "docs" / "asyncapi.json"
    assert json.loads(file.read_text(encoding="utf-8")) == DOCUMENT, "python -m gateway.contract > docs/asyncapi.json"


def test_the_document_holds_together() -> None:
    text = json.dumps({**DOCUMENT, "components": {**DOCUMENT["components"], "schemas": {}}})
    for reference in set(re.findall(r'"\$ref": "#/([^"]+)"', text)):
        place: Any = DOCUMENT
        for step in reference.split("/"):
            place = place[step]
    for schema in SCHEMAS.values():
        Draft202012Validator.check_schema(schema)
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert DOCUMENT["info"]["version"] == VERSION
    levels = [channel["address"].partition("{device}")[2] for channel in DOCUMENT["channels"].values()]
    assert set(levels) == {f"/{leaf}" for leaf in LEAVES} | {leaf.decode() for leaf in DOWNWARD}
    assert all(
        set(channel["parameters"]) == {"community", "household", "device"} for channel in DOCUMENT["channels"].values()
    )


def test_every_signal_and_every_reason_is_named() -> None:
    known = SCHEMAS["telemetry"]["$defs"]["values"]["properties"]
    assert set(known) == set(SIGNAL_INDEX)
    assert all(known[name].get("x-unit", "") == QUANTITIES[name].unit for name in QUANTITIES)
    assert {e["const"] for e in SCHEMAS["event"]["anyOf"][0]["properties"]["event"]["oneOf"]} == set(EVENTS)
    reasons = SCHEMAS["error"]["properties"]["reason"]["oneOf"]
    assert {r["const"] for r in reasons} == set(Reason)
    assert all(r["description"] for r in reasons)


@pytest.mark.parametrize(("name", "example"), [(n, e) for n, es in EXAMPLES.items() for e in es])
def test_examples_fit_their_schema_and_come_in(name: str, example: Any) -> None:
    VALIDATORS[name].validate(example)
    if name in UP:
        assert faults(name, encoded(example)) == []


def instances(schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema of this contract allows: only the keywords that occur in it."""
    if "$ref" in schema:
        return instances(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    for choice in ("anyOf", "oneOf"):
        if choice in schema:
            return st.one_of([instances(s, root) for s in schema[choice]])
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([_of_kind(kind, schema, root) for kind in kinds])


def _of_kind(kind: str, schema: dict[str, Any], root: dict[str, Any]) -> st.SearchStrategy[Any]:
    match kind:
        case "null":
            return st.none()
        case "integer":
            return st.integers(schema["minimum"], schema["maximum"])
        case "number":
            low, high = schema["minimum"], schema["maximum"]
            whole = st.integers(-int(-low), int(high))
            return st.one_of(whole, st.floats(low, high, allow_nan=False))
        case "string":
            assert schema["format"] == "date-time"
            return _times().filter(lambda text: re.search(schema["pattern"], text) is not None)
        case "array":
            return st.lists(instances(schema["items"], root), min_size=schema["minItems"], max_size=4)
    optional = {
        name: instances(s, root) for name, s in schema["properties"].items() if name not in schema.get("required", ())
    }
    required = {name: instances(schema["properties"][name], root) for name in schema.get("required", ())}
    if "not" in schema:  # of many signals a few, or each message would hold a hundred
        few = st.lists(st.sampled_from(sorted(optional)), min_size=1, max_size=6, unique=True)
        chosen = few.flatmap(lambda names: st.fixed_dictionaries({name: optional[name] for name in names}))
        return chosen.filter(lambda values: any(v is not None for v in values.values()))
    return st.fixed_dictionaries(required, optional=optional)


def _times() -> st.SearchStrategy[str]:
    offsets = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
    moments = st.datetimes(timezones=st.one_of(st.just(UTC), offsets))
    return st.one_of(moments.map(lambda m: m.isoformat()), moments.map(lambda m: m.isoformat().replace("+00:00", "Z")))


ALLOWED = {name: instances(SCHEMAS[name], SCHEMAS[name]) for name in UP}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(UP).flatmap(lambda name: st.tuples(st.just(name), ALLOWED[name])))
def test_whatever_the_schema_allows_comes_in(made: tuple[str, Any]) -> None:
    name, message = made
    VALIDATORS[name].validate(message)
    assert faults(name, encoded(message)) == []


WRONG = st.one_of(st.text(max_size=5), st.just([]), st.just({"a": 1}), st.booleans(), st.floats(1e16, 1e300), st.none())


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_what_the_schema_refuses_is_refused_by_name(data: st.DataObject) -> None:
    """One place of an allowed message is replaced; if the schema then refuses it, so does the gateway."""
    name = data.draw(st.sampled_from(UP))
    message = data.draw(ALLOWED[name])
    # Through JSON, so that no two places are the same object.
    message = json.loads(encoded(message))
    places = list(_places(message))
    holder, key = data.draw(st.sampled_from(places))
    if data.draw(st.booleans()) and isinstance(holder, dict):
        holder[f"{key}_x"] = holder.pop(key)
    else:
        holder[key] = data.draw(WRONG)
    assume(not VALIDATORS[name].is_valid(message))
    found = faults(name, encoded(message))
    assert found
    assert all(f.reason in set(Reason) and f.detail for f in found)


def _places(value: Any) -> Any:
    """(container, key) of everything in a message."""
    for key in range(len(value)) if isinstance(value, list) else list(value):
        yield value, key
        if isinstance(value[key], (dict, list)):
            yield from _places(value[key])


def test_long_lists_are_refused_as_the_schema_says() -> None:
    many = [{"seq": i, "values": {"co": 1}} for i in range(MAX_OBJECTS + 1)]
    assert not VALIDATORS["telemetry"].is_valid(many)
    assert [f.reason for f in faults("telemetry", encoded(many))] == [Reason.SCHEMA]
    assert VALIDATORS["telemetry"].is_valid(many[1:])
    assert faults("telemetry", encoded(many[1:])) == []
