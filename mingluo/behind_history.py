"""The history as a request meets it: asked in threads of its own, a bounded number at once, with bounded patience.

Whatever the store does, it takes no thread from the journal and no time from the event loop; a question that the
store does not answer in time is told so, and its thread comes back when the store lets it go.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from api.histories import FormatWord, Question, WrongQuestion
from api.problems import Unavailable
from community.estate import Estate
from community.quantities import EVENTS, QUANTITIES, SIGNAL_INDEX, nearest_signal
from community.vitals import State, Vitals
from gateway.history.export import Form, Selection, pieces
from gateway.history.gaps import gaps
from gateway.history.quality import Flag, names_of
from gateway.history.store import (
    HistoryReader,
    HistoryUnavailable,
    Query,
    QueryError,
    Resolution,
    Retention,
    Series,
)

T = TypeVar("T")

ASKED = 4
"""Threads that ask, one of them for files."""
WAITING = 32
"""Questions under way or waiting; more are refused (503)."""
PATIENCE_S = 15.0

_encode = msgspec.json.Encoder().encode


class BehindHistory:
    """See `api.histories.Histories`."""

    def __init__(
        self,
        kind: str,
        store: HistoryReader,
        retention: Retention,
        estate: Callable[[], Estate],
        vitals: Vitals,
        position: Callable[[], int],
        rebuild: Callable[[Collection[str]], int],
        spool: Path,
    ) -> None:
        """Stand before a store.

        Args:
            kind: its name in the settings.
            store: what is asked.
            retention: how long what is kept.
            estate: the estate in force: how often devices report, and whom an export of all is about.
            vitals: has the historian's state and lag.
            position: the log position that the historian has reached.
            rebuild: lets devices wait for their baselines; how many wait then.
            spool: folder for exports that are being made.
        """
        self._kind = kind
        self._store = store
        self._retention = retention
        self._estate = estate
        self._vitals = vitals
        self._position = position
        self._rebuild = rebuild
        self._spool = spool
        self._asking = ThreadPoolExecutor(ASKED - 1, "history-ask")
        self._exporting = ThreadPoolExecutor(1, "history-export")
        self._under_way = 0

    def close(self) -> None:
        """Answer nothing more."""
        for pool in (self._asking, self._exporting):
            pool.shutdown(wait=False, cancel_futures=True)

    async def series(self, question: Question) -> bytes:
        """See `Histories`."""
        query = _query(question)
        devices = self._estate().devices
        intervals = {d: round(devices[d].reporting_interval * 1000) if d in devices else 0 for d in query.devices}

        def answer() -> bytes:
            # All of it in the thread: a million numbers would hold the event loop, and the alerts in it, for a second.
            return _encode(
                {
                    "start": query.start,
                    "end": query.end,
                    "series": [_view(s, query, intervals[s.device]) for s in self._store.read(query)],
                    "flags": {str(int(flag)): names_of(flag)[0] for flag in Flag},
                    "kept": self._kept(),
                }
            )

        return await self._ask(answer)

    async def last(self, devices: Sequence[str]) -> Mapping[str, Mapping[str, tuple[int, float]]]:
        """See `Histories`."""
        return await self._ask(lambda: self._store.last(devices))

    async def status(self) -> Mapping[str, Any]:
        """See `Histories`."""
        gauges = {name: value for name, labels, value in self._vitals.gauges() if not labels}
        component = next((c for c in self._vitals.components() if c.name == "history"), None)
        state, detail = (component.state, component.detail) if component else (State.DEGRADED, "not begun")
        found: dict[str, Any] = {"bytes": None, "rows": None, "oldest": {}}
        try:
            found = asdict(await self._ask(self._store.usage))
        except Unavailable as error:
            state, detail = State.DEGRADED, str(error)
        return {
            "store": self._kind,
            "state": state.value,
            "detail": detail,
            "position": self._position(),
            "lag_seconds": gauges.get("historian_lag_seconds"),
            "max_bytes": self._retention.max_bytes if self._kind == "duckdb" else None,
            "kept": self._kept(),
            **found,
        }

    async def export(self, question: Question, form: FormatWord) -> AsyncIterator[bytes]:
        """See `Histories`."""
        _require_known(question.signals)
        if not question.start < question.end:
            raise WrongQuestion(f"end: expected a time after start ({question.start}), got {question.end}")
        resolution = Resolution(question.resolution or Resolution.RAW)
        devices = tuple(question.devices)
        if not devices and resolution is not Resolution.RAW:
            devices = tuple(self._estate().devices)
        selection = Selection(devices, tuple(question.signals), question.start, question.end, resolution)
        return self._pieces(pieces(self._store, Form(form), selection, self._spool))

    async def rebuild(self, devices: Collection[str]) -> int:
        """See `Histories`."""
        return self._rebuild(devices)

    async def _pieces(self, made: Iterator[bytes]) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        try:
            while (piece := await self._taken(loop.run_in_executor(self._exporting, next, made, None))) is not None:
                yield piece
        finally:
            # In the same thread: behind whatever still runs there for a client that has gone.
            close = getattr(made, "close", None)
            if close is not None:
                self._exporting.submit(close)

    async def _taken(self, answer: "asyncio.Future[bytes | None]") -> bytes | None:
        try:
            return await answer
        except QueryError as error:
            raise WrongQuestion(str(error)) from None
        except HistoryUnavailable as error:
            raise Unavailable(f"the history cannot be asked now: {error}") from error

    async def _ask(self, question: Callable[[], T]) -> T:
        if self._under_way >= WAITING:
            self._vitals.count("history_questions_refused")
            raise Unavailable("the history is being asked too much at once; try again")
        self._under_way += 1
        answer = asyncio.get_running_loop().run_in_executor(self._asking, question)
        answer.add_done_callback(self._done)
        # Not `wait_for`: that would wait for a thread that cannot be stopped.
        await asyncio.wait({answer}, timeout=PATIENCE_S)
        if not answer.done():
            self._vitals.count("history_questions_unanswered")
            raise Unavailable(f"the history has not answered within {PATIENCE_S:.0f} s")
        try:
            return answer.result()
        except HistoryUnavailable as error:
            raise Unavailable(f"the history cannot be asked now: {error}") from error
        except QueryError as error:
            raise WrongQuestion(str(error)) from None

    def _done(self, answer: "asyncio.Future[Any]") -> None:
        self._under_way -= 1
        if not answer.cancelled():
            answer.exception()  # nobody may be left to ask for it

    def _kept(self) -> dict[str, int | None]:
        return {"raw": self._retention.raw_ms, "minutes": self._retention.minute_ms, "hours": None}


def _query(question: Question) -> Query:
    _require_known(question.signals)
    resolution = None if question.resolution is None else Resolution(question.resolution)
    signals = tuple(dict.fromkeys(question.signals))
    try:
        return Query(tuple(question.devices), signals, question.start, question.end, question.points, resolution)
    except QueryError as error:
        raise WrongQuestion(str(error)) from None


def _require_known(signals: Sequence[str]) -> None:
    for signal in signals:
        if signal not in SIGNAL_INDEX:
            near = nearest_signal(signal)
            raise WrongQuestion(f"signal: no such signal {signal[:40]!r}{f'; did you mean {near}?' if near else ''}")


def _view(series: Series, query: Query, interval: int) -> dict[str, Any]:
    quantity = QUANTITIES.get(series.signal)
    silent = interval > 0 and series.signal not in EVENTS
    return {
        "device": series.device,
        "signal": series.signal,
        "unit": quantity.unit if quantity else "",
        "width": series.width,
        "ts": series.ts.tolist(),
        "min": series.minimum.tolist(),
        "mean": series.mean.tolist(),
        "max": series.maximum.tolist(),
        "last": series.last.tolist(),
        "count": series.count.tolist(),
        "quality": series.quality.tolist(),
        "flags": series.flags.tolist(),
        "interval": interval,
        "gaps": gaps(series, query.start, query.end, interval) if silent else [],
    }
