"""A real HTTP server on loopback that takes webhooks, and misbehaves when told to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request that arrived whole."""

    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body, decoded."""
        decoded: dict[str, Any] = json.loads(self.body)
        return decoded


@dataclass
class Receiver:
    """What arrived, and what to do with what comes next.

    Attributes:
        behaviour: an HTTP status to answer; `drop` (take it and close without an answer); `hang` (answer when
            `release` is set); `drip` (a status line, then a byte now and then until `release`); `redirect`.
    """

    port: int = 0
    behaviour: int | str = 200
    received: list[Received] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    def events(self) -> list[str]:
        """`<device> <event>` of all that arrived, in order."""
        return [f"{r.json['device']} {r.json['event']}" for r in self.received]


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Serve until the block ends."""
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.received.append(Received(dict(self.headers), body))
            behaviour = state.behaviour
            if behaviour == "drop":
                return
            if behaviour == "hang":
                state.release.wait(10)
                return
            if behaviour == "drip":
                self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Slow: ")
                while not state.release.wait(0.02):
                    self.wfile.write(b"a")
                return
            self.send_response(302 if behaviour == "redirect" else int(behaviour))
            self.send_header("Content-Length", "0")
            self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    class Server(ThreadingHTTPServer):
        daemon_threads = False

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that gave up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield state
    finally:
        state.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
