"""The api role: the FastAPI application on uvicorn, within the roof's own event loop."""

import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the roof decides when to stop, and stops everything in order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Window:
    """An application behind a listening socket."""

    def __init__(self, app: FastAPI, listener: socket.socket) -> None:
        self._listener = listener
        config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=1, lifespan="off")
        self._server = _Server(config)

    @property
    def started(self) -> bool:
        """Whether requests are answered."""
        return self._server.started

    async def run(self) -> None:
        """Answer until `stop`."""
        await self._server.serve(sockets=[self._listener])

    def stop(self) -> None:
        """End open streams and return from `run` within about a second."""
        self._server.should_exit = True


def listen(host: str, port: int) -> tuple[socket.socket, str | None]:
    """A listening socket on the wished port, or on a free one if that is taken.

    Returns:
        The socket, and a note for the person who started us when the port is another than wished.
    """
    note = None
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.bind((host, 0))
        note = f"port {port} is taken ({error.strerror}); the console is on port {listener.getsockname()[1]} instead"
    listener.listen(1024)
    listener.setblocking(False)
    return listener, note
