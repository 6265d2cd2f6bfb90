"""Runs the part of Flux that the history sends, on points in memory; slow and literal.

A stream is a list of tables; a table has a group key and rows. Semantics are those of
https://docs.influxdata.com/flux/v0/stdlib/universe/, named function by function. What is not known is an error, never
a guess.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tests.gateway.history.influx.flux_language import (
    Binary,
    Call,
    Duration,
    FluxError,
    Function,
    Member,
    Name,
    Time,
    parse,
)

Row = dict[str, Any]


@dataclass
class Table:
    """Rows that agree in the columns of their group key."""

    key: dict[str, Any]
    rows: list[Row]


Stream = list[Table]


class Storage(Protocol):
    """Where points are read and written."""

    def select(self, bucket: str) -> list[Row]:
        """All points, as rows with `_time`, `_measurement`, `_field`, `_value` and tags."""

    def insert(self, bucket: str, org: str, row: Row) -> None:
        """Write one."""


def run(script: str, storage: Storage, now: int) -> dict[str, Stream]:
    """Run a script at a time (ns); result name → stream.

    Raises:
        FluxError: something in it is not known, or wrong.
    """
    return _Engine(storage, now).run(script)


class _Engine:
    def __init__(self, storage: Storage, now: int) -> None:
        self._storage = storage
        self._now = Time(now)
        self._results: dict[str, Stream] = {}
        self._sources: dict[str, Callable[..., Any]] = {"from": self._from, "now": lambda: self._now}
        self._pipes: dict[str, Callable[..., Stream]] = {
            "range": self._range,
            "filter": self._filter,
            "aggregateWindow": self._aggregate_window,
            "keep": _keep,
            "group": _group,
            "set": _set,
            "duplicate": _duplicate,
            "sort": _sort,
            "limit": _limit,
            "toInt": _to_int,
            "to": self._to,
            "yield": self._yield,
            **{name: _selector(name) for name in ("min", "max", "first", "last")},
            **{name: _aggregate(name) for name in ("sum", "count")},
        }

    def run(self, script: str) -> dict[str, Stream]:
        for statement in parse(script).statements:
            stream = self._value(statement, {})
            yielded = isinstance(statement, Call) and statement.function == Name("yield")
            if not yielded:
                self._yield(stream, name="_result")
        return self._results

    def _value(self, node: Any, scope: dict[str, Any]) -> Any:
        match node:
            case Call(Member(Name("date"), "truncate"), arguments):
                given = {k: self._value(v, scope) for k, v in arguments.items()}
                return self._truncate(**given)
            case Call(Name(name), arguments, piped):
                given = {k: self._value(v, scope) for k, v in arguments.items()}
                if piped is None and name in self._sources:
                    return self._sources[name](**given)
                if piped is not None and name in self._pipes:
                    return self._pipes[name](self._value(piped, scope), **given)
                raise FluxError(f"unknown function {name}")
            case Name(name):
                if name in scope:
                    return scope[name]
                if name in self._pipes:
                    return name
                raise FluxError(f"unknown name {name}")
            case Member(of, name):
                return self._value(of, scope).get(name)
            case Binary(sign, left, right):
                a = self._value(left, scope)
                if sign in ("or", "and"):
                    b = self._value(right, scope)
                    return (a or b) if sign == "or" else (a and b)
                b = self._value(right, scope)
                return a == b if sign == "==" else a != b
            case list():
                return [self._value(item, scope) for item in node]
            case Function() | str() | int():
                return node
        raise FluxError(f"unknown {node!r}")

    def _truncate(self, t: Time | Duration, unit: Duration) -> Time:
        at = self._now + t if isinstance(t, Duration) else t
        return Time(at // unit * unit)

    def _from(self, bucket: str) -> Stream:
        tables: dict[tuple[tuple[str, Any], ...], Table] = {}
        for row in self._storage.select(bucket):
            key = {k: v for k, v in row.items() if k not in ("_time", "_value")}
            tables.setdefault(tuple(sorted(key.items())), Table(key, [])).rows.append(dict(row))
        return [tables[key] for key in sorted(tables)]

    def _range(self, stream: Stream, start: Any, stop: Any = None) -> Stream:
        """Adds `_start` and `_stop` to the key; integers are seconds, durations are relative to now."""
        begin, end = self._moment(start), self._now if stop is None else self._moment(stop)
        if begin >= end:
            raise FluxError("cannot query an empty range")
        bounds = {"_start": begin, "_stop": end}
        return [
            Table({**t.key, **bounds}, rows)
            for t in stream
            if (rows := [{**r, **bounds} for r in t.rows if begin <= r["_time"] < end])
        ]

    def _moment(self, at: Any) -> Time:
        if isinstance(at, Duration):
            return Time(self._now + at)
        return at if isinstance(at, Time) else Time(at * 10**9)

    def _filter(self, stream: Stream, fn: Function) -> Stream:
        """Keeps rows of which `fn` is true."""
        (name,) = fn.parameters
        kept = [Table(t.key, [r for r in t.rows if self._value(fn.body, {name: r})]) for t in stream]
        return [t for t in kept if t.rows]

    def _aggregate_window(
        self,
        stream: Stream,
        *,
        every: Duration,
        fn: Any,
        timeSrc: str,  # noqa: N803  # Flux's names
        createEmpty: bool,  # noqa: N803  # Flux's names
    ) -> Stream:
        """`window`, `fn`, `duplicate` of `timeSrc` to `_time`, and `window(every: inf)` again. Windows at the ends of
        the range are clipped to it."""
        if createEmpty:
            raise FluxError("createEmpty: true is not known here")
        result = []
        for table in stream:
            windows: dict[int, list[Row]] = {}
            for row in table.rows:
                windows.setdefault(row["_time"] // every * every, []).append(row)
            rows = []
            for begin, inside in sorted(windows.items()):
                bounds = {
                    "_start": Time(max(begin, table.key["_start"])),
                    "_stop": Time(min(begin + every, table.key["_stop"])),
                }
                window = Table({**table.key, **bounds}, [{**r, **bounds} for r in inside])
                for found in self._applied(fn, [window]):
                    rows += [{**r, "_time": r[timeSrc]} for r in found.rows]
            unbound = {k: table.key[k] for k in ("_start", "_stop")}
            result.append(Table(table.key, [{**r, **unbound} for r in rows]))
        return result

    def _applied(self, fn: Any, stream: Stream) -> Stream:
        if isinstance(fn, Function):
            if fn.pipe is None or fn.parameters != ("column",):
                raise FluxError("aggregateWindow: fn takes column and tables=<-")
            found: Stream = self._value(fn.body, {"column": "_value", fn.pipe: stream})
            return found
        return self._pipes[fn](stream, column="_value")

    def _to(self, stream: Stream, bucket: str, org: str) -> Stream:
        """Writes every row; tags are the columns of the group key that do not begin with `_`."""
        for table in stream:
            tags = {k: v for k, v in table.key.items() if not k.startswith("_")}
            for row in table.rows:
                if isinstance(row["_value"], Time):
                    raise FluxError("to: unsupported column type time")
                names = ("_time", "_measurement", "_field", "_value")
                self._storage.insert(bucket, org, {**tags, **{n: row[n] for n in names}})
        return stream

    def _yield(self, stream: Stream, name: str) -> Stream:
        if name in self._results:
            raise FluxError(f"tried to produce more than one result with the name {name!r}")
        self._results[name] = stream
        return stream


def _grouped(rows_by_key: list[tuple[dict[str, Any], list[Row]]]) -> Stream:
    """Tables with the same key become one; their columns must have the same types."""
    tables: dict[tuple[tuple[str, Any], ...], Table] = {}
    for key, rows in rows_by_key:
        tables.setdefault(tuple(sorted(key.items())), Table(key, [])).rows.extend(rows)
    for table in tables.values():
        for column in {c for r in table.rows for c in r}:
            if len({type(r[column]) for r in table.rows if column in r}) > 1:
                raise FluxError(f"schema collision: cannot group types together in column {column}")
    return list(tables.values())


def _keep(stream: Stream, columns: list[str]) -> Stream:
    return _grouped(
        [
            ({k: v for k, v in t.key.items() if k in columns}, [{k: r[k] for k in columns if k in r} for r in t.rows])
            for t in stream
        ]
    )


def _group(stream: Stream) -> Stream:
    return _grouped([({}, t.rows) for t in stream])


def _set(stream: Stream, key: str, value: str) -> Stream:
    return _grouped(
        [({**t.key, key: value} if key in t.key else t.key, [{**r, key: value} for r in t.rows]) for t in stream]
    )


def _duplicate(stream: Stream, column: str, **into: str) -> Stream:
    (target,) = into.values()
    if list(into) != ["as"] or any(target in t.key for t in stream):
        raise FluxError("duplicate: onto a column of the group key is not known here")
    return [Table(t.key, [{**r, target: r[column]} for r in t.rows]) for t in stream]


def _sort(stream: Stream, columns: list[str]) -> Stream:
    return [Table(t.key, sorted(t.rows, key=lambda r: [r[c] for c in columns])) for t in stream]


def _limit(stream: Stream, n: int) -> Stream:
    return [Table(t.key, t.rows[:n]) for t in stream]


def _to_int(stream: Stream) -> Stream:
    return [Table(t.key, [{**r, "_value": int(r["_value"])} for r in t.rows]) for t in stream]


def _selector(name: str) -> Callable[..., Stream]:
    """A selector keeps one whole row of each table."""

    def select(stream: Stream, column: str = "_value") -> Stream:
        match name:
            case "first":
                pick: Callable[[list[Row]], Row] = lambda rows: rows[0]  # noqa: E731  # one of four
            case "last":
                pick = lambda rows: rows[-1]  # noqa: E731  # one of four
            case "min":
                pick = lambda rows: min(rows, key=lambda r: r[column])  # noqa: E731  # one of four
            case _:
                pick = lambda rows: max(rows, key=lambda r: r[column])  # noqa: E731  # one of four
        return [Table(t.key, [pick(t.rows)]) for t in stream if t.rows]

    return select


def _aggregate(name: str) -> Callable[..., Stream]:
    """An aggregate leaves the group key and the value."""

    def aggregate(stream: Stream, column: str = "_value") -> Stream:
        of = len if name == "count" else sum
        return [Table(t.key, [{**t.key, column: of([r[column] for r in t.rows])}]) for t in stream]

    return aggregate
