"""Value templates: the common forms are read as Home Assistant means them, the others refused, and none does harm."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.decoding.paths import MISSING
from gateway.homeassistant.parts import Given
from gateway.homeassistant.templates import MAX_TEMPLATE, TemplateUnreadableError, ValueTemplate


def result(template: str, payload: str) -> Any:
    """What a template makes of a payload."""
    try:
        body = json.loads(payload)
    except ValueError:
        body = MISSING
    return ValueTemplate(template)(Given(payload, body))


@pytest.mark.parametrize(
    ("template", "payload", "expected"),
    [
        ("{{ value }}", "21.5", "21.5"),
        ("{{ value | int }}", "12.7", 12),
        ("{{value_json.temperature}}", '{"temperature": 21.5}', 21.5),
        ("{{ value_json.a.b }}", '{"a": {"b": 3}}', 3),
        ("{{ value_json['two words']['b'] }}", '{"two words": {"b": 3}}', 3),
        ("{{ value_json[1].v }}", '[{"v": 1}, {"v": 2}]', 2),
        ("{{- value_json.t | float * 0.1 | round(1) -}}", '{"t": "215"}', 21.5),
        ("{{ (value_json.t / 10) | round(0) }}", '{"t": 214}', 21),
        ("{{ -value_json.t + 2 - 1 }}", '{"t": 4}', -3),
        ("{{ value_json.state | upper | trim }}", '{"state": " on "}', "ON"),
        ("{{ 'ON' if value_json.smoke else 'OFF' }}", '{"smoke": true}', "ON"),
        ("{{ 'ON' if value_json.smoke else 'OFF' }}", '{"smoke": false}', "OFF"),
        ("{{ 'ON' if value_json.ppm | float > 50 and not value_json.ok else 'OFF' }}", '{"ppm": 60, "ok": 0}', "ON"),
        ("{{ 'a' if value_json.x == 1 else 'b' if value_json.x == '2' else 'c' }}", '{"x": 2}', "b"),
        ("{{ value_json.code is defined }}", "{}", False),
        ("{{ value_json.code is not defined }}", "{}", True),
        ("{% if value_json.x >= 3 %}ON{% else %}OFF{% endif %}", '{"x": 3}', "ON"),
        ("{%- if value == 'wet' -%} {{ 'ON' }} {%- else -%} OFF {%- endif -%}", "wet", "ON"),
        ("{{ value_json.x | is_defined }}", '{"x": 0}', 0),
        ("{{ true }}", "", True),
        ("{{ 'ON' if value in ['mild', 'heavy'] else 'OFF' }}", "heavy", "ON"),
        ("{{ 'ON' if value in ['mild', 'heavy'] else 'OFF' }}", "none", "OFF"),
        ("{% if value_json.s not in ('idle', 'test') %}ON{% else %}OFF{% endif %}", '{"s": "fire"}', "ON"),
        ("{{ value_json.code in [1, 2] }}", '{"code": "2"}', True),
        ("{{ 'smoke' in value_json.active }}", '{"active": ["heat", "smoke"]}', True),
        ("{{ 'smoke' in value }}", "no smoke", True),
        ("{% if value == '2' %}ON{% elif value == '1' %}TEST{% else %}OFF{% endif %}", "2", "ON"),
        ("{% if value == '2' %}ON{% elif value == '1' %}TEST{% else %}OFF{% endif %}", "1", "TEST"),
        ("{% if value == '2' %}ON{% elif value == '1' %}TEST{% else %}OFF{% endif %}", "0", "OFF"),
        ("{% if value == 'fire' %}ON{% endif %}", "fire", "ON"),
        ("{% if value == 'fire' %}ON{% endif %}", "calm", MISSING),
        ("{{ 'ON' if value_json.a == 1 }}", '{"a": 2}', MISSING),
        ("{{ value_json.get('smoke', false) }}", '{"smoke": true}', True),
        ("{{ value_json.get('smoke', false) }}", "{}", MISSING),
        ("{{ value_json.co | iif('ON', 'OFF') }}", '{"co": true}', "ON"),
        ("{{ iif(value_json.co > 50, 'ON', 'OFF') }}", '{"co": 20}', "OFF"),
        ("{{ value_json.co | iif }}", '{"co": 0}', False),
        ("{{ value_json.state | bitwise_and(4) > 0 }}", '{"state": 6}', True),
        ("{{ float(value) * 99 + 1 }}", "1", 100),
        ("{{ int(value_json.p, 0) }}", "{}", MISSING),
    ],
)
def test_common_forms(template: str, payload: str, expected: Any) -> None:
    assert result(template, payload) == expected


@pytest.mark.parametrize(
    "template",
    [
        "{{ value_json.smoke }}",
        "{{ value_json.smoke | default('OFF') }}",
        "{{ value_json.smoke | float(0) }}",
        "{{ 'ON' if value_json.smoke else 'OFF' }}",
        "{{ 'ON' if value_json.smoke | default(0) | int > 0 else 'OFF' }}",
        "{% if value_json.smoke == 'x' %}ON{% else %}OFF{% endif %}",
        "{{ value_json.smoke / value_json.zero }}",
        "{{ value_json.zero / value_json.zero }}",
        "{{ value_json.nothing }}",
        "{{ value_json.zero.deeper }}",
        "{{ not value_json.smoke }}",
    ],
)
def test_what_was_not_measured_is_missing_whatever_the_default(template: str) -> None:
    assert result(template, '{"zero": 0, "nothing": null}') is MISSING


def test_what_is_known_of_a_condition_suffices() -> None:
    assert result("{{ value_json.smoke or value_json.heat }}", '{"smoke": true}') is True
    assert result("{{ value_json.smoke or value_json.heat }}", '{"smoke": false}') is MISSING
    assert result("{{ value_json.smoke and value_json.heat }}", '{"smoke": false}') is False


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("", "always the same"),
        ("ON", "always the same"),
        ("{{ ''.__class__.__mro__ }}", "'.' is not understood"),
        ("{{ value.__class__ }}", "'.' is not understood"),
        ("{{ value_json.items() }}", "method 'items'"),
        ("{{ states('sensor.a') }}", "'states'"),
        ("{{ value_json.x | tojson }}", "filter 'tojson'"),
        ("{{ 'a' ~ value }}", "'~"),
        ("{{ 9 ** 9 }}", "'*'"),
        ("{{ value_json.x", "not a single"),
        ("{{ value_json.x }} V", "not a single"),
        ("{% for i in value_json %}{{ i }}{% endfor %}", "not a single"),
        ("{% set x = 1 %}{{ x }}", "not a single"),
        ("{% if value %}ON{% else %}OFF{% elif value %}ON{% endif %}", "not a single"),
        ("{% if value %}{% if value %}ON{% endif %}{% endif %}", "not a single"),
        ("{% else %}ON{% endif %}", "not a single"),
        ("{{ value_json.get(value) }}", "get(value)"),
        ("{{ float value }}", "'float'"),
        ("{{ (value }}", "')' is missing"),
        ("{{ value_json[value] }}", "[value]"),
        ("{{ value_json[1e999] }}", "[1e999]"),
        ("{{ value | }}", "too early"),
        ("{{" + "(" * 100 + "value" + ")" * 100 + "}}", "deeper"),
        ("{{ value" + " + 1" * MAX_TEMPLATE + "}}", "longer"),
    ],
)
def test_other_forms_are_refused_with_the_reason(template: str, why: str) -> None:
    with pytest.raises(TemplateUnreadableError) as refused:
        ValueTemplate(template)
    assert why in str(refused.value)


WORDS = st.sampled_from(
    [*"()[].|,+-*/<>", "==", "is", "not", "defined", "if", "else", "and", "or", "value", "value_json", "a", "'a'", "0",
     "1.5", "float", "int", "round", "default", "in", "iif", "get", "bitwise_and", "{%", "%}", "{{", "}}",
     "1e308", "None"]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    max_leaves=6,
)


@given(words=st.lists(WORDS, max_size=20), value=st.text(max_size=20), body=JSON)
def test_whatever_a_template_says_it_gives_a_plain_value_or_is_refused(words: list[str], value: str, body: Any) -> None:
    try:
        template = ValueTemplate("{{ " + " ".join(words) + " }}")
    except TemplateUnreadableError:
        return
    found = template(Given(value, body))
    assert found is MISSING or isinstance(found, (str, bool, int, float, dict, list))


@pytest.mark.parametrize("piece", [" + 1", "|d", ".a", " and 1", " or 0", "[0]"])
def test_the_longest_template_is_not_too_deep_to_apply(piece: str) -> None:
    text = "{{ value_json"
    while len(text) + len(piece) + 3 <= MAX_TEMPLATE:
        text += piece
    assert ValueTemplate(text + " }}")(Given("1", 1)) in (MISSING, 1, True) or piece == " + 1"
