"""A test server that speaks InfluxDB 2's HTTP API: write, query, organisations, buckets, tasks.

It keeps points in memory, enforces the retention of buckets and the types of fields, and answers Flux by
`tests.gateway.history.influx.flux_engine`. Faults are queued: each takes the place of one answer.
"""

import csv
import gzip
import io
import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.gateway.history.influx import flux_engine, line_protocol
from tests.gateway.history.influx.flux_language import FluxError, Time, parse

ORG, TOKEN = "mingluo", "a token"
_PRECISION = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}


@dataclass
class Fault:
    """What is answered instead. Without a status the connection is dropped.

    Attributes:
        after: whether the request is carried out before.
        hang: waited for before; set it to go on.
    """

    status: int | None = None
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False
    hang: threading.Event | None = None


class Refusal(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = json.dumps({"code": code, "message": message})


Series = tuple[tuple[str, str], ...]


class InfluxServer(ThreadingHTTPServer):
    """`with InfluxServer(now=...) as server:` serves at `server.url`; `now` (ns) is its clock.

    `on_write` is called when a write is in, before it is answered.
    """

    daemon_threads = True

    def __init__(self, now: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.now = now
        self.lock = threading.RLock()
        self.buckets: dict[str, dict[str, Any]] = {}
        self.tasks: dict[str, dict[str, Any]] = {}
        self.points: dict[str, dict[Series, dict[int, Any]]] = {}
        self.faults: deque[Fault] = deque()
        self.requests: list[tuple[str, str]] = []
        self.written = 0
        self.writes = 0
        self.on_write: Callable[[], None] | None = None
        self.scripts: list[str] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> "InfluxServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours."""

    def select(self, bucket: str) -> list[flux_engine.Row]:
        """See `flux_engine.Storage`."""
        if bucket not in self.buckets:
            raise FluxError(f"could not find bucket {bucket!r}")
        return [
            {**dict(series), "_time": Time(ts), "_value": value}
            for series, points in self.points[bucket].items()
            for ts, value in sorted(points.items())
        ]

    def insert(self, bucket: str, org: str, row: flux_engine.Row) -> None:
        """See `flux_engine.Storage`; `_time` in ns. A point that is there is replaced."""
        if org != ORG or bucket not in self.buckets:
            raise Refusal(404, "not found", f'bucket "{bucket}" not found')
        kept = self.points[bucket]
        seconds = sum(r["everySeconds"] for r in self.buckets[bucket]["retentionRules"])
        if seconds and row["_time"] < self.now - seconds * 10**9:
            raise Refusal(422, "unprocessable entity", "partial write: points beyond retention policy dropped=1")
        series = tuple(sorted((k, v) for k, v in row.items() if k not in ("_time", "_value")))
        name = {k: v for k, v in series if k in ("_measurement", "_field")}
        for other, points in kept.items():
            if {k: v for k, v in other if k in name} == name and type(next(iter(points.values()))) is not type(
                row["_value"]
            ):
                raise Refusal(422, "unprocessable entity", f"partial write: field type conflict: {name} dropped=1")
        kept.setdefault(series, {})[int(row["_time"])] = row["_value"]

    def run_task(self, name: str) -> None:
        """Run a task now."""
        flux_engine.run(self.tasks[name]["flux"], self, self.now)


class _Handler(BaseHTTPRequestHandler):
    server: InfluxServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body go out apart; the client would wait 40 ms for the second

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:  # http.server's name
        self._serve()

    def do_POST(self) -> None:  # http.server's name
        self._serve()

    def do_PATCH(self) -> None:  # http.server's name
        self._serve()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        url = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(url.query).items()}
        self.server.requests.append((self.command, url.path))
        fault = self.server.faults.popleft() if self.server.faults else None
        if fault is not None:
            if fault.hang is not None:
                fault.hang.wait(20)
            if fault.after:
                self._answer(url.path, query, body)
            if fault.status is None:
                self.close_connection = True
            else:
                self._send(fault.status, fault.body, fault.headers)
            return
        try:
            status, text = self._answer(url.path, query, body)
        except Refusal as e:
            status, text = e.status, e.body
        except FluxError as e:
            status, text = 400, json.dumps({"code": "invalid", "message": f"compilation failed: {e}"})
        self._send(status, text, {})

    def _send(self, status: int, text: str, headers: dict[str, str]) -> None:
        data = text.encode()
        self.send_response(status)
        kind = "text/csv; charset=utf-8" if text.startswith("#") else "application/json"
        for name, value in {"Content-Type": kind, "Content-Length": str(len(data)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _answer(self, path: str, query: dict[str, str], body: bytes) -> tuple[int, str]:
        if self.headers.get("Authorization") != f"Token {TOKEN}":
            raise Refusal(401, "unauthorized", "unauthorized access")
        with self.server.lock:
            match self.command, path.removeprefix("/api/v2/").split("/"):
                case "POST", ["write"]:
                    return self._write(query, body)
                case "POST", ["query"]:
                    script = json.loads(body)["query"]
                    self.server.scripts.append(script)
                    return 200, annotated(flux_engine.run(script, self.server, self.server.now))
                case "GET", ["orgs"]:
                    found = [{"id": "0" * 15 + "1", "name": ORG}] if query.get("org") == ORG else []
                    return 200, json.dumps({"orgs": found})
                case _, ["buckets", *_]:
                    return self._resource("buckets", self.server.buckets, path, query, body)
                case _, ["tasks", *_]:
                    return self._resource("tasks", self.server.tasks, path, query, body)
        raise Refusal(404, "not found", path)

    def _resource(
        self, kind: str, known: dict[str, dict[str, Any]], path: str, query: dict[str, str], body: bytes
    ) -> tuple[int, str]:
        if self.command == "GET":
            found = [item for name, item in known.items() if query.get("name") in (None, name)]
            return 200, json.dumps({kind: found})
        given = json.loads(body)
        if kind == "tasks" and "flux" in given:
            task = parse(given["flux"]).task
            if task is None:
                raise Refusal(400, "invalid", "no task option")
            given["name"] = task["name"]
        if self.command == "PATCH":
            (item,) = [i for i in known.values() if i["id"] == path.rsplit("/", 1)[1]]
            item.update({k: v for k, v in given.items() if v is not None})
            return 200, json.dumps(item)
        item = {**given, "id": f"{len(known) + 1:016x}"}
        if kind == "tasks":
            item = {"orgID": "0" * 15 + "1", "status": "active", **item}
        else:
            item.setdefault("retentionRules", [])
            self.server.points[item["name"]] = {}
        known[item["name"]] = item
        return 201, json.dumps(item)

    def _write(self, query: dict[str, str], body: bytes) -> tuple[int, str]:
        """All lines are read before any is written; then what is refused does not keep the rest out."""
        if query["org"] != ORG or query["bucket"] not in self.server.buckets:
            raise Refusal(404, "not found", f'bucket "{query["bucket"]}" not found')
        scale = _PRECISION[query["precision"]]
        try:
            rows = [row for line in body.decode().split("\n") for row in line_protocol.parse(line)]
        except line_protocol.BadLine as e:
            raise Refusal(400, "invalid", str(e)) from e
        refusal = None
        for row in rows:
            try:
                self.server.insert(query["bucket"], query["org"], {**row, "_time": row["_time"] * scale})
                self.server.written += 1
            except Refusal as e:
                refusal = e
        if refusal is not None:
            raise refusal
        self.server.writes += 1
        if self.server.on_write is not None:
            self.server.on_write()
        return 204, ""


def annotated(results: dict[str, flux_engine.Stream]) -> str:
    """Streams as annotated CSV: https://docs.influxdata.com/influxdb/v2/reference/syntax/annotated-csv/."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    number = 0
    for name, stream in results.items():
        before: list[list[str]] | None = None
        for table in stream:
            columns = sorted({c for row in table.rows for c in row})
            types = [_kind(next(r[c] for r in table.rows if c in r)) for c in columns]
            head = [
                ["#datatype", "string", "long", *types],
                ["#group", "false", "false", *("true" if c in table.key else "false" for c in columns)],
                ["#default", name, "", *("" for _ in columns)],
                ["", "result", "table", *columns],
            ]
            if head != before:
                writer.writerows(head if before is None and number == 0 else [[], *head])
                before = head
            for row in table.rows:
                writer.writerow(["", "", number, *(_text(row.get(c)) for c in columns)])
            number += 1
    return out.getvalue()


def _kind(value: Any) -> str:
    if isinstance(value, Time):
        return "dateTime:RFC3339"
    return {float: "double", int: "long", str: "string"}[type(value)]


def _text(value: Any) -> str:
    """A cell; times with as many decimals as they need, as the server writes them."""
    if isinstance(value, Time):
        seconds, rest = divmod(value, 10**9)
        fraction = f".{rest:09d}".rstrip("0").rstrip(".")
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f"{fraction}Z"
    return "" if value is None else str(value)
