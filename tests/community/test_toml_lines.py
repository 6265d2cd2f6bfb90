"""Lines of keys in a TOML text."""

import tomllib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from community.toml_lines import Path, TomlLines

TEXT = '''# a comment with = and [brackets]
title = "a # in a string, and \\" = [x]"

[server."odd.key"]          # 4
ports = [ 1,
    2,  # two ]
    3 ]
text = """
[[not.a.table]]
key = 1 \\"""
""""
raw = \'\'\'
also = "not" \'\'\'
after.dotted = true         # 14

[[device]]                  # 16
ratings = { rated = 32, deep = { x = "}" } }

[[device]]                  # 19
id = 'second'
[device.ratings]            # 21
rated = 40
[[device.part]]             # 23
[[device.part]]             # 24
name = 2026-11-22 10:00:00Z
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("server", "odd.key", "ports"), 5),
        (("server", "odd.key", "ports", 1), 6),
        (("server", "odd.key", "text"), 8),
        (("server", "odd.key", "raw"), 12),
        (("server", "odd.key", "after", "dotted"), 14),
        (("device", 0), 16),
        (("device", 0, "ratings", "deep", "x"), 17),
        (("device", 1), 19),
        (("device", 1, "ratings"), 21),
        (("device", 1, "ratings", "rated"), 22),
        (("device", 1, "part", 0), 23),
        (("device", 1, "part", 1, "name"), 25),
        (("device", 1, "part", 1, "missing", "further"), 24),
        (("nowhere",), 1),
    ],
)
def test_line_of_path(path: Path, line: int) -> None:
    tomllib.loads(TEXT)  # the example itself is right
    assert TomlLines(TEXT).line(path) == line


def test_windows_line_ends_count_once() -> None:
    assert TomlLines("a = 1\r\n\r\nb = 2\r\n").line(("b",)) == 3


@example('"\\1"', ("a",))  # an escape that TOML does not know
@given(st.text(alphabet="[]{}\"'=.,#a1\\\n ", max_size=60), st.sampled_from([("a",), ("a", 0), ()]))
def test_any_text_is_survived(text: str, path: Path) -> None:
    assert 1 <= TomlLines(text).line(path) <= text.count("\n") + 1


_scalar = st.one_of(
    st.integers(-5, 5).map(str), st.booleans().map(lambda b: str(b).lower()),
    st.sampled_from(['"a]b"', "'}{'", '"""x\n[[y]]"""', "'''\n= #'''", '"\\""']),
)  # fmt: skip
_value = st.recursive(
    _scalar,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda v: "[ # comment\n" + ",\n".join(v) + "\n]")
        | st.lists(inner, max_size=3).map(lambda v: "{" + ", ".join(f"k{i} = {x}" for i, x in enumerate(v)) + "}")
    ),
    max_leaves=6,
)


@given(st.lists(_value, min_size=1, max_size=5))
def test_every_key_is_found_where_it_was_written(values: list[str]) -> None:
    lines = [f"[[t]]\nkey{i} = {value}" for i, value in enumerate(values)]
    text = "\n".join(lines)
    parsed: dict[str, Any] = tomllib.loads(text)
    found = TomlLines(text)
    line = 1
    for i, written in enumerate(lines):
        assert f"key{i}" in parsed["t"][i]
        assert found.line(("t", i)) == line
        assert found.line(("t", i, f"key{i}")) == line + 1
        line += written.count("\n") + 1
