"""A plan with everything that plans may say, and documents for it: sound, odd, and damaged."""

import json
from typing import Any

from hypothesis import strategies as st

from gateway.columnar.plan import Kind, Plan, PlanField, Unit


def number(*path: str | int, column: int, **more: Any) -> PlanField:
    return PlanField(path=path, kind=Kind.NUMBER, column=column, **more)


VARIED = Plan(
    (
        PlanField(path=("Time",), kind=Kind.TIME),
        PlanField(path=("E", "ts"), kind=Kind.TIME, unit=Unit.S),
        PlanField(path=("n",), kind=Kind.SEQ),
        number("E", "Voltage", column=0, texts=True),
        number("E", "Voltage", 0, column=1),
        number("E", "Voltage", 1, column=2, scale=0.1, offset=-40.0, invalid=(-32768.0, 65535.0)),
        number("E", "a_key_of_more_than_eight_bytes", column=3, factor=1000.0, shift=0.5),
        number("E", "温度", column=4),
        number("list", 0, "v", column=5),
        number("list", 1, "v", column=5),
        PlanField(path=("on",), kind=Kind.FLAG, column=6),
        PlanField(path=("off",), kind=Kind.FLAG, column=7, inverted=True),
        PlanField(path=("state",), kind=Kind.ENUM, column=8, words={"alarm": 1, "normal": 0, "true": 1, "2": None}),
        PlanField(path=("mode",), kind=Kind.ENUM, column=9, words={"on": 1}, has_other=True, inverted=True),
        PlanField(path=("raw",), kind=Kind.SLOW),
        PlanField(path=("raw_too", 'quo"te'), kind=Kind.SLOW),
    )
)
ODD_NUMBERS = """
0 -0 -0.0 0.0 00 01 - +1 1. .5 1e3 1E+3 1e-3 1e 1e400 NaN Infinity -Infinity 9007199254740993 123456789012345678 1234567
12345678 123456789 0.1234567 1.2345678 12345.678 1e22 1e23 123e-22 5e-324 1795000000000 1795000000000.0 1795000000.5
1795000000 -32768 65535 1e11 99999999999 0.30000000000000004 0e5 -1e-5 253402300800000 0x10 1_0 1e5.5 1.e5 --1 1-1
11111111111111111111111111111111111111111111111111111111111111111111111 0.0000000000000000000001 1e+
1.7976931348623157e308
"""
NUMBERS = st.one_of(
    st.integers(-10, 400).map(str),
    st.floats(-1e6, 1e6).map(repr),
    st.decimals(-1000, 1000, places=2).map(str),
    st.sampled_from(ODD_NUMBERS.split()),
)
ODD_TEXTS = (
    r"""
"ON"|"on"|"Alarm"|"normal"|"true"|"2"|"2.0"|" on "|""
"+25"|"-+5"|"on|"\"|"\u12"|"\ud800"|"\ud83d\ude00"|"\x"|"	"|"	"|"a\nb"
"2026-11-22T08:00:00"|"2026-11-22T08:00:00Z"|"2026-11-22T08:00:00.250+08:00"|"2024-02-29T23:59:59-03:30"
"2026-02-29T08:00:00Z"|"2026-11-22 08:00:00Z"|"2026-11-31T08:00:00Z"|"1969-12-31T23:59:59Z"|"2026-11-22T08:00:00.1Z"
"2026-11-22T08:00:00.1234Z"|"2026-11-22T24:00:00Z"|"20261122T080000Z"|"1970-01-01T00:00:00+08:00"|"2026-11-22T08:00:00+24:00"
"2026-13-22T08:00:00Z"|"2026-00-22T08:00:00Z"|"2026-11-00T08:00:00Z"|"2026-11-22T08:60:00Z"|"2026-11-22T08:00:60"|"2026-11-22"
""".strip()
    .replace("\n", "|")
    .split("|")
)
TEXTS = st.one_of(
    st.text(max_size=12).map(json.dumps),
    st.text(max_size=12).map(lambda t: json.dumps(t, ensure_ascii=False)),
    NUMBERS.map(lambda n: f'"{n}"'),
    st.sampled_from(ODD_TEXTS),
)
SCALARS = st.one_of(NUMBERS, TEXTS, st.sampled_from(["true", "false", "null", "True", "nul", "falsE"]))
WORDS = r"""
Time E ts n seq values Voltage Volt a_key_of_more_than_eight_bytes a_key_of_more_than_eight_bites 温度 list v on off
state mode voltage current smoke_alarm x E\u0000 \u0045
"""
KEYS = st.one_of(
    st.sampled_from([*WORDS.split(), ""]).map(lambda w: f'"{w}"'), st.sampled_from(['"raw"', '"raw_too"', "E", "'E'"])
)
BLANKS = st.sampled_from(["", "", "", " ", "\n", "\t \r\n", "\f"])


@st.composite
def members(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    inside = draw(st.lists(st.tuples(KEYS, BLANKS, values, BLANKS), max_size=5))
    return "{" + ",".join(f"{k}{b}:{b}{v}{c}" for k, b, v, c in inside) + "}"


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")


VALUES = st.recursive(SCALARS, lambda inner: members(inner) | lists(inner), max_leaves=8)


@st.composite
def shaped(draw: st.DrawFn) -> str:
    """Documents in which most of what a plan reads is where the plan expects it."""
    inside = {"Voltage": SCALARS | lists(NUMBERS)} | dict.fromkeys(
        ("ts", "a_key_of_more_than_eight_bytes", "温度"), NUMBERS
    )
    e = [f'"{key}": {draw(values)}' for key, values in inside.items() if draw(st.booleans())]
    outside = {
        **dict.fromkeys(("Time", "on", "state"), SCALARS),
        **dict.fromkeys(("n", "off", "ts", "seq"), NUMBERS),
        "E": st.just("{" + ",".join(e) + "}"),
        "mode": TEXTS,
        "list": lists(members(NUMBERS)),
        "x": VALUES,
        "values": members(SCALARS),
    }
    top = [f'"{key}":{draw(values)}' for key, values in outside.items() if draw(st.integers(0, 3)) == 0]
    return "{" + ",".join(draw(st.permutations(top))) + "}"


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    text = draw(members(VALUES) | shaped()).encode()
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        end = draw(st.integers(at, min(len(text), at + 3)))
        text = (
            text[:at]
            + draw(st.binary(max_size=2) | st.sampled_from([b",", b"}", b"]", b'"', b"\\", b"\xff"]))
            + text[end:]
        )
    return draw(BLANKS).encode() + text + draw(BLANKS).encode()
