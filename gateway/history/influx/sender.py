"""Lines to a server: in requests of bounded size, gzipped, tried again, and what it refuses set aside by name."""

import json
import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.write_precision import WritePrecision
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from community.vitals import Vitals
from gateway.history.influx.options import InfluxOptions
from gateway.history.store import HistoryUnavailable

LINES = 10_000
"""Lines in a request at most, about 1.5 MB; twice InfluxDB's advice, ours being wide."""
REQUESTS = 64
"""Requests at most to find the refused lines of one request; the rest of what is refused is then set aside unsplit."""
MOST_SET_ASIDE = 16 * 2**20
"""Bytes of refused lines that are kept for people to look at; of more only the number."""

_MS = cast(WritePrecision, WritePrecision.MS)  # the class lists texts, and is asked for where one of them is meant
_POINTS_REFUSED = (400, 413, 422)
_TRY_AGAIN = (429, 500, 502, 503, 504)


class Sender:
    """Writes lines to a bucket. For one thread; `close` may come from any."""

    def __init__(self, client: InfluxDBClient, options: InfluxOptions, bucket: str, vitals: Vitals) -> None:
        self._api = client.write_api(write_options=SYNCHRONOUS)
        self._options = options
        self._bucket = bucket
        self._vitals = vitals
        self._refused = options.folder / "refused.txt"
        self._closed = threading.Event()

    def send(self, lines: Sequence[bytes]) -> None:
        """Write all lines, except such as the server refuses for what they say: those are counted and set aside.

        Raises:
            HistoryUnavailable: it did not take them. Some of the lines may be in; sending all again is safe.
        """
        for begin in range(0, len(lines), LINES):
            self._send(lines[begin : begin + LINES])

    def close(self) -> None:
        """Wake up a `send` that waits, which gives up, and take no more."""
        self._closed.set()

    def _send(self, lines: Sequence[bytes]) -> None:
        """Send; if refused, halve, until what is wrong stands alone (one bad line must not block all behind it)."""
        pending, requests = [lines], 0
        while pending:
            part = pending.pop()
            requests += 1
            refusal = self._attempt(part)
            if refusal is None:
                continue
            if len(part) > 1 and requests < REQUESTS:
                middle = len(part) // 2
                pending += [part[middle:], part[:middle]]
            else:
                self._set_aside(part, refusal)

    def _attempt(self, lines: Sequence[bytes]) -> str | None:
        """Send one request, again if need be. Returns why the server refuses what is in it; None: it has it."""
        body = b"\n".join(lines)
        options = self._options
        for attempt in range(1, options.attempts + 1):
            if self._closed.is_set():
                raise HistoryUnavailable("the history is closed")
            try:
                self._api.write(self._bucket, options.org, body, _MS)
            except ApiException as e:
                if e.status in _POINTS_REFUSED and (e.status == 413 or _code(e) in ("invalid", "unprocessable entity")):
                    return _said(e)
                if e.status not in _TRY_AGAIN or attempt == options.attempts:
                    raise unavailable(e, options.url) from e
                wait_ms = _retry_after_ms(e)
            except (HTTPError, OSError) as e:
                if attempt == options.attempts:
                    raise unavailable(e, options.url) from e
                wait_ms = None
            else:
                return None
            self._vitals.count("history_retries")
            self._wait(attempt, wait_ms)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _wait(self, attempt: int, asked_ms: float | None) -> None:
        """Back off: as the server asks, else exponentially with jitter, so that not all come back at once."""
        options = self._options
        own = options.back_off_ms * 2 ** (attempt - 1) * random.uniform(0.5, 1)
        self._closed.wait(min(own if asked_ms is None else asked_ms, options.most_back_off_ms) / 1000)

    def _set_aside(self, lines: Sequence[bytes], refusal: str) -> None:
        """Count refused lines and keep them, with the server's word, as far as there is room."""
        self._vitals.count("history_refused_lines", len(lines), reason="refused_by_server")
        text = b"# " + refusal.replace("\n", " ").encode() + b"\n" + b"\n".join(lines) + b"\n"
        try:
            if _size(self._refused) + len(text) <= MOST_SET_ASIDE:
                with self._refused.open("ab") as out:
                    out.write(text)
        except OSError:
            self._vitals.count("history_set_aside_failed")


def unavailable(error: ApiException | HTTPError | OSError, url: str) -> HistoryUnavailable:
    """What happened, where, and what to do, as the exception that the interface knows."""
    if not isinstance(error, ApiException):
        return HistoryUnavailable(f"{url}: {str(error)[:300]}")
    hint = {
        401: "; is the token right?",
        403: "; may the token read and write these buckets?",
        404: "; create what is missing with `mingluo history init`",
        429: "; it asks for patience",
        503: "; it asks for patience",
    }.get(error.status or 0, "")
    return HistoryUnavailable(f"{url} answers {error.status}: {_said(error)}{hint}")


def _answer(error: ApiException) -> dict[str, Any]:
    try:
        found = json.loads(error.body or "")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _code(error: ApiException) -> str:
    return str(_answer(error).get("code", ""))


def _said(error: ApiException) -> str:
    return str(_answer(error).get("message") or error.body or error.reason)[:300]


def _retry_after_ms(error: ApiException) -> float | None:
    """The server's wish, if it is a number of seconds (the form with a date needs a clock; we then use our own)."""
    text = str(error.headers.get("Retry-After", "")) if error.headers else ""
    return float(text) * 1000 if text.isdecimal() else None


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
