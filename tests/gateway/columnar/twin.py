"""The obvious twin of the compiled scan: `json.loads`, then the plan, field by field."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from community.clock import EARLIEST, LATEST
from gateway.columnar.packets import Packets
from gateway.columnar.plan import Kind, Path, Plan, PlanField, Unit
from gateway.columnar.plans import Plans
from gateway.columnar.scan import EMPTY, FAST, MISSING, SLOW, Scanned, scan
from gateway.decoding.numbers import number_of, word_of
from gateway.decoding.reader import time_of
from gateway.link.packets import Message

_NOWHERE = object()


@dataclass
class Read:
    """What is read of one document: (column, value) pairs in any order, as bytes so that -0.0 is not 0.0."""

    values: list[tuple[int, bytes]]
    ts: int | None
    seq: int | None


class Unsure(Exception):
    """The kernel may not take this document."""


def scan_all(payloads: list[bytes], plans: list[Plan], number: int = 0) -> list[Read | int]:
    """What the kernel reads of each payload; or `SLOW` or `EMPTY`."""
    packets = Packets.of([Message(b"t", p, 0, b"", len(p), 7) for p in payloads])
    return scan_packets(packets, Plans.compile(plans), number)


def scan_packets(packets: Packets, plans: Plans, number: int = 0) -> list[Read | int]:
    """As `scan_all`."""
    out = Scanned(len(packets), plans.most * len(packets) + plans.most)
    assert scan(packets.data, packets.index, np.full(len(packets), number, np.int32), plans, out) == len(packets)
    found: list[Read | int] = []
    for i, status in enumerate(out.status.tolist()):
        of_it = [k for k in range(out.count) if out.message[k] == i]
        ts, seq = int(out.ts[i]), int(out.seq[i])
        if status == SLOW:
            assert not of_it
            assert (ts, seq) == (MISSING, -1)
            found.append(SLOW)
            continue
        assert bool(of_it) == (status == FAST)
        values = [(int(out.column[k]), np.float64(out.value[k]).tobytes()) for k in of_it]
        read = Read(values, None if ts == MISSING else ts, None if seq < 0 else seq)
        found.append(read if status == FAST else EMPTY)
    return found


def scan_slowly(payload: bytes, plan: Plan) -> Read:
    """What the plan reads of a payload.

    Raises:
        Unsure: it is no JSON, or has what the plan leaves to Python.
    """
    try:
        body = json.loads(payload.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Unsure from None
    if not isinstance(body, dict):
        raise Unsure
    read = Read([], None, None)
    for path in plan.strict:
        _check_strict(body, path, plan)
    there = [(f, raw) for f in plan.fields if (raw := _at(body, f.path)) is not _NOWHERE]
    if sum(f.kind is Kind.TIME for f, _ in there) > 1:
        raise Unsure
    for f, raw in there:
        _apply(f, raw, read, plan)
    if (plan.strict and not read.values) or len({c for c, _ in read.values}) < len(read.values):
        raise Unsure
    return read


def _refuse(literal: str) -> Any:
    raise ValueError(literal)


def _at(body: Any, path: Path) -> Any:
    for step in path:
        in_object = isinstance(step, str) and isinstance(body, dict) and step in body
        if not in_object and not (isinstance(step, int) and isinstance(body, list) and step < len(body)):
            return _NOWHERE
        body = body[step]
    return body


def _check_strict(body: Any, path: Path, plan: Plan) -> None:
    raw = _at(body, path)
    if raw is _NOWHERE:
        return
    known = {f.path[len(path)] for f in plan.fields if f.path[: len(path)] == path and len(f.path) > len(path)}
    if not isinstance(raw, dict) or any(key not in known for key in raw):
        raise Unsure


def _apply(f: PlanField, raw: Any, read: Read, plan: Plan) -> None:
    elements = any(g.path[:-1] == f.path and isinstance(g.path[-1], int) for g in plan.fields)
    if isinstance(raw, list) and elements and len(raw) != 1:
        return
    if isinstance(raw, (list, dict)) or f.kind is Kind.SLOW:
        raise Unsure
    if raw is None:
        if f.kind is Kind.ENUM:
            raise Unsure
    elif f.kind is Kind.TIME:
        read.ts = _time(f, raw)
    elif f.kind is Kind.SEQ:
        if type(raw) is not int or raw < 0:
            raise Unsure
        read.seq = raw
    else:
        value = _value(f, raw)
        if value is not None:
            read.values.append((f.column, np.float64(value).tobytes()))


def _time(f: PlanField, raw: Any) -> int | None:
    if isinstance(raw, bool):
        raise Unsure
    unit = Unit(f.unit).name.lower()
    ts = time_of(raw, unit)
    if isinstance(raw, str):
        if ts is None and not f.zoneless:
            raise Unsure
    elif ts is None or not EARLIEST <= ts <= LATEST:
        raise Unsure
    return ts


def _value(f: PlanField, raw: Any) -> float | None:
    if f.kind is Kind.ENUM:
        word = word_of(raw)
        value = f.words.get(word, f.other if f.has_other else _NOWHERE) if word is not None else _NOWHERE
        if value is _NOWHERE:
            raise Unsure
        assert value is None or isinstance(value, (int, float))
        return None if value is None else 1.0 - value if f.inverted else float(value)
    if f.kind is Kind.FLAG:
        if isinstance(raw, str) or raw not in (0, 1):
            raise Unsure
        return 1.0 - raw if f.inverted else float(raw)
    number = None if isinstance(raw, bool) or (isinstance(raw, str) and not f.texts) else number_of(raw)
    if number is None or abs(number) == float("inf"):
        raise Unsure
    if number in f.invalid:
        return None
    if (f.scale, f.offset, f.factor, f.shift) != (1.0, 0.0, 1.0, 0.0):
        number = (number * f.scale + f.offset) * f.factor + f.shift
    return number
