"""A strict reader of InfluxDB's line protocol, written from its reference, not from our writer.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

import re
from typing import Any

_KEY = r"(?:[^,= \\\n]|\\[,= ]|\\(?![,= ]))+"
_LINE = re.compile(
    rf"(?P<measurement>(?:[^, \\\n]|\\[, ]|\\(?![, ]))+)(?P<tags>(?:,{_KEY}={_KEY})*)"
    rf' (?P<fields>{_KEY}=(?:"(?:[^"\\]|\\.)*"|[^, ]+)(?:,{_KEY}=(?:"(?:[^"\\]|\\.)*"|[^, ]+))*) (?P<time>-?\d+)'
)
_PAIR = re.compile(rf'(?P<key>{_KEY})=(?P<value>"(?:[^"\\]|\\.)*"|(?:[^,= \\\n]|\\.)+)')
_FLOAT = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


class BadLine(Exception):
    """Not line protocol."""


def parse(line: str) -> list[dict[str, Any]]:
    """The points of a line, one for each field; `_time` as written.

    Raises:
        BadLine: what is wrong.
    """
    match = _LINE.fullmatch(line)
    if match is None:
        raise BadLine(f"unable to parse '{line[:100]}'")
    tags = {_plain(m["key"]): _plain(m["value"]) for m in _PAIR.finditer(match["tags"])}
    return [
        {
            "_measurement": _plain(match["measurement"]),
            "_field": _plain(m["key"]),
            "_value": _value(m["value"]),
            "_time": int(match["time"]),
            **tags,
        }
        for m in _PAIR.finditer(match["fields"])
    ]


def _plain(text: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", text)


def _value(text: str) -> float | int:
    if text.endswith("i") and re.fullmatch(r"-?\d+", text[:-1]):
        return int(text[:-1])
    if _FLOAT.fullmatch(text):
        return float(text)
    raise BadLine(f"invalid field value '{text[:40]}'")
