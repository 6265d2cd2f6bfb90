"""The system that runs over a data directory, as commands ask it: its API, with what only the run file tells."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

from mingluo.cli.io import refuse
from mingluo.run_file import RunFile, read_run_file
from mingluo.settings import Settings

PATIENCE_S = 20.0
Params = Mapping[str, str | int | Sequence[str]]
"""Of a query; several values make a name that is repeated."""


def running_system(settings: Settings) -> RunFile:
    """How to reach the system that runs over the data directory; ends the command if none does."""
    running = read_run_file(settings.data_dir)
    if running is None:
        refuse(f"no system runs over {settings.data_dir}; start it with `mingluo up`")
    return running


def ask(
    running: RunFile,
    method: str,
    path: str,
    *,
    body: Mapping[str, Any] | None = None,
    params: Params | None = None,
    patience_s: float = PATIENCE_S,
) -> Any:
    """Ask the system's API; its JSON answer. Ends the command if it refuses or does not answer.

    Args:
        running: where it is.
        method, path: e.g. `GET`, `/api/v1/alerts`.
        body: sent as JSON.
        params: of the query.
        patience_s: how long an answer is waited for, s.
    """
    with _client(running, patience_s) as client:
        answer = client.request(method, path, json=body, params=_plain(params))
    if answer.is_success:
        return answer.json()
    refuse(*_complaints(answer))


def streamed(
    running: RunFile, path: str, *, params: Params | None = None, patience_s: float = PATIENCE_S
) -> Iterator[bytes]:
    """The body of a long answer to GET, piece by piece; arguments, and what ends the command, as in `ask`."""
    with _client(running, patience_s) as client, client.stream("GET", path, params=_plain(params)) as answer:
        if not answer.is_success:
            answer.read()
            refuse(*_complaints(answer))
        yield from answer.iter_bytes()


@contextmanager
def _client(running: RunFile, patience_s: float) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {running.password}"}
    try:
        # The system is on this machine: a proxy of the environment knows no way to it.
        with httpx.Client(base_url=running.http, headers=headers, timeout=patience_s, trust_env=False) as client:
            yield client
    except httpx.TransportError as error:
        refuse(f"the system at {running.http} does not answer: {error or type(error).__name__}")


def _plain(params: Params | None) -> dict[str, str | int | list[str]]:
    return {name: value if isinstance(value, str | int) else list(value) for name, value in (params or {}).items()}


def _complaints(answer: httpx.Response) -> list[str]:
    try:
        problem = answer.json()
        faults = [f"{fault['place']}: {fault['message']}" for fault in problem["errors"]]
        return faults or [problem["detail"]]
    except (ValueError, LookupError, TypeError):
        return [f"the system answered {answer.status_code} {answer.reason_phrase}"]
