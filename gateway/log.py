"""The readings log: frames, ticks, changes and baselines in one order, in the JetStream stream `READINGS`.

When the log is full it takes no more (`LogUnavailable`, reason `full`) and pressure goes back to the devices: it never
drops what the engine has not seen. So that this does not happen, the owner of the readers calls `make_room` with the
positions that they have passed; what was read may go, the oldest first. Alerts come before history: what only the
historian has not read goes too, counted and told, when the log would else be full.
"""

from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import msgspec
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import api

from community.clock import DAY, MINUTE
from community.frame import Baseline, EstateChange, Frame, Record, RulebookChange, Tick, decode_record, encode_record
from community.vitals import State, Vitals
from gateway.publisher import Outgoing, Publisher, PublishRefusedError
from gateway.stream_reader import Stored, read_stream

STREAM = "READINGS"
TAIL_RECORDS = 20_000
"""`tail` keeps this many records, the newest."""
FULL_ABOVE, FULL_UNTIL = 0.8, 0.6
"""`make_room` acts when more than the first share of the room is used, and aims at the second."""
UNKEPT_ABOVE, UNKEPT_UNTIL = 0.95, 0.9
"""The same for records that are not in the history yet: only when the log would soon take no more."""
_ERROR_FULL = 10077
_FILLER = "readings.filler"
_FAULTS = (OSError, TimeoutError, nats.errors.Error, PublishRefusedError)


class Unavailable(StrEnum):
    """Why the log did not take or give something."""

    DISCONNECTED = "disconnected"
    NO_ANSWER = "no_answer"
    FULL = "full"
    REFUSED = "refused"


class LogUnavailable(Exception):
    """The log cannot do it now; trying again with the same message id is safe.

    Attributes:
        reason: the named reason.
    """

    def __init__(self, reason: Unavailable, detail: str = "") -> None:
        super().__init__(f"readings log: {reason}{f' ({detail})' if detail else ''}")
        self.reason = reason


class RecordTooLarge(ValueError):
    """A record that no broker of this configuration will ever take."""


@dataclass(frozen=True, slots=True)
class LogLimits:
    """Bounds of the log.

    Attributes:
        max_age_ms: records older than this leave, read or not; a reader that needs them is told loudly.
        max_bytes: size on disk at which the log takes no more.
        duplicate_window_ms: how long a message id is remembered, over restarts of the broker too.
    """

    max_age_ms: int = 30 * DAY
    max_bytes: int = 16 * 2**30
    duplicate_window_ms: int = 10 * MINUTE


class Entry(NamedTuple):
    """A record to append, with its partition (frames only) and message id."""

    record: Record
    partition: int | None = None
    message_id: str | None = None


def subject_of(record: Record, partition: int | None) -> str:
    """Where a record is published.

    Raises:
        ValueError: for a frame without a partition, or anything else with one.
    """
    if isinstance(record, Frame) != (partition is not None):
        raise ValueError("a frame needs a partition, and nothing else has one")
    match record:
        case Frame():
            return f"readings.{partition}"
        case Tick():
            return "readings.tick"
        case EstateChange():
            return "readings.estate"
        case RulebookChange():
            return "readings.rulebook"
        case Baseline():
            return "readings.baseline"


class ReadingsLog:
    """The log over one connection, which reconnects by itself (`gateway.broker.connection.connect`)."""

    def __init__(self, client: Client, limits: LogLimits, vitals: Vitals, clock: Callable[[], int]) -> None:
        self._client = client
        self._limits = limits
        self._vitals = vitals
        self._clock = clock
        self._jetstream = client.jetstream()
        self._publisher = Publisher(client)

    async def open(self, beyond: int = 0) -> None:
        """Make the stream, or bring its limits up to date.

        Args:
            beyond: the highest position that anyone remembers (the journal's). New records get higher ones even if
                the log was lost, or lost its last second in a power cut; otherwise the journal would take them for
                records it has seen.

        Raises:
            LogUnavailable: the broker is not there, or has not the room.
        """
        config = api.StreamConfig(
            name=STREAM,
            subjects=["readings.>"],
            retention=api.RetentionPolicy.LIMITS,
            storage=api.StorageType.FILE,
            discard=api.DiscardPolicy.NEW,
            max_age=self._limits.max_age_ms / 1000,
            max_bytes=self._limits.max_bytes,
            duplicate_window=min(self._limits.duplicate_window_ms, self._limits.max_age_ms) / 1000,
            num_replicas=1,
            first_seq=beyond + 1 if beyond else None,
        )
        try:
            state = (await self._make(config)).state
            missing = beyond - state.last_seq if state.last_seq else 0
            if missing > 0:
                self._vitals.count("log_records_lost", missing)
                self._report(f"the log ends at {state.last_seq}, but {beyond} was journalled: its end is lost")
                await self._publish([Outgoing(_FILLER, b"")] * missing)
        except _FAULTS as error:
            raise _unavailable(error) from error

    async def _make(self, config: api.StreamConfig) -> api.StreamInfo:
        # Updating comes first: asked to add what it has, the broker sets the room aside a second time before it
        # looks, and refuses for want of room.
        try:
            return await self._jetstream.update_stream(config.evolve(first_seq=None))
        except nats.js.errors.NotFoundError:
            return await self._jetstream.add_stream(config)

    async def append(self, record: Record, partition: int | None = None, message_id: str | None = None) -> int:
        """Store a record; its position, once it is safe against the end of any process.

        Args:
            record: what to store.
            partition: of a frame; None for everything else.
            message_id: makes repetition harmless: a known id stores nothing and returns the first position.

        Raises:
            LogUnavailable: not known to be stored.
            RecordTooLarge: never will be.
        """
        return (await self.append_many([Entry(record, partition, message_id)]))[0]

    async def append_many(self, entries: Sequence[Entry]) -> list[int]:
        """Store records in order, all under way at once; their positions.

        Raises:
            LogUnavailable: at least one is not known to be stored. Repeat all of them, with their message ids.
            RecordTooLarge: one never will be; nothing was stored.
        """
        ready = [Outgoing(subject_of(e.record, e.partition), encode_record(e.record), e.message_id) for e in entries]
        largest = max((len(message.data) for message in ready), default=0)
        if largest + 1024 > self._client.max_payload:  # the message id and other headers count too
            raise RecordTooLarge(f"{largest} bytes; the broker takes {self._client.max_payload}")
        return await self._publish(ready)

    async def _publish(self, ready: Sequence[Outgoing]) -> list[int]:
        try:
            return await self._publisher.publish(ready)
        except _FAULTS as error:
            raise _unavailable(error) from error

    async def read(
        self,
        after: int,
        partitions: Collection[int] | None = None,
        *,
        follow: bool = True,
        since_ms: int | None = None,
    ) -> AsyncIterator[tuple[int, str, Record]]:
        """Position, subject and record of everything behind `after`, in order, each once, as it is stored.

        Goes on over restarts of the broker. A record that cannot be decoded is counted (`log_unreadable`) and
        skipped. If records behind `after` have left the log, that is counted (`log_records_lost`) and reported.

        Args:
            after: the last position seen; 0: from the first record kept.
            partitions: frames of these only; None: all. Everything else always comes.
            follow: wait for more at the end; else end there.
            since_ms: with `after` 0, begin with the first record stored at this time or later, UTC ms; a position wins.
        """
        if after:
            await self._check_start(after)
        subjects: list[str] = []
        if partitions is not None:
            subjects = [
                *(f"readings.{s}" for s in ("tick", "estate", "rulebook", "baseline")),
                *(f"readings.{p}" for p in sorted(set(partitions))),
            ]
        start = None if since_ms is not None and not after else after + 1
        since = since_ms if start is None else None
        stream = read_stream(self._client, STREAM, start, subjects, since=since, follow=follow)
        async with aclosing(stream) as stored:
            async for message in stored:
                record = self._decode(message)
                if record is not None:
                    yield message.sequence, message.subject, record

    async def tail(self, since_ms: int) -> list[Record]:
        """The records stored since then, oldest first; at most `TAIL_RECORDS`, the newest.

        Older ones are counted as `log_tail_cut`.
        """
        kept: deque[Record] = deque(maxlen=TAIL_RECORDS)
        seen = 0
        async with aclosing(read_stream(self._client, STREAM, None, [], since=since_ms, follow=False)) as stored:
            async for message in stored:
                record = self._decode(message)
                if record is not None:
                    kept.append(record)
                    seen += 1
        if seen > len(kept):
            self._vitals.count("log_tail_cut", seen - len(kept))
        return list(kept)

    async def first_position(self) -> int:
        """Position of the oldest record kept; of the next one, if there is none.

        Raises:
            LogUnavailable: the broker does not say.
        """
        state = (await self._info()).state
        return max(state.first_seq, 1)

    async def last_position(self) -> int:
        """Position of the newest record; 0 if there never was one.

        Raises:
            LogUnavailable: the broker does not say.
        """
        return (await self._info()).state.last_seq

    async def make_room(self, passed: int, kept: int | None = None) -> int:
        """If the log is nearly full, remove the oldest of what its readers have passed.

        Args:
            passed: the engines have evaluated all up to this position; nothing behind it goes.
            kept: the history has all up to this position; None: there is no history. What is not in it goes last, is
                counted (`log_records_unkept`) and told.

        Returns:
            How many records were removed.

        Raises:
            LogUnavailable: the broker is not there.
        """
        state = (await self._info()).state
        kept = passed if kept is None else kept
        most = self._limits.max_bytes
        if state.bytes <= FULL_ABOVE * most or not state.messages:
            return 0
        target = min(_oldest(state, FULL_UNTIL * most), kept + 1)
        if state.bytes > UNKEPT_ABOVE * most:
            target = max(target, _oldest(state, UNKEPT_UNTIL * most))
        if target > passed + 1:
            self._report(f"nearly full ({state.bytes} bytes), and the engine has only passed {passed}")
            target = passed + 1
        if target <= state.first_seq:
            return 0
        try:
            await self._jetstream.purge_stream(STREAM, seq=target)
        except _FAULTS as error:
            raise _unavailable(error) from error
        self._vitals.count("log_records_removed", target - state.first_seq)
        unkept = target - max(state.first_seq, kept + 1)
        if unkept > 0:
            self._vitals.count("log_records_unkept", unkept)
            self._report(f"nearly full ({state.bytes} bytes): {unkept} records went that the history had not read")
        return target - state.first_seq

    async def _info(self) -> api.StreamInfo:
        if not self._client.is_connected:
            raise LogUnavailable(Unavailable.DISCONNECTED)
        try:
            return await self._jetstream.stream_info(STREAM)
        except _FAULTS as error:
            raise _unavailable(error) from error

    async def _check_start(self, after: int) -> None:
        try:
            state = (await self._info()).state
        except LogUnavailable:
            return  # read_stream waits for the broker; that the log lost its beginning meanwhile is not to be expected
        first = max(state.first_seq, 1)
        if first > after + 1:
            self._vitals.count("log_records_lost", first - after - 1)
            self._report(f"records {after + 1} to {first - 1} left the log before they were read")
        elif after > state.last_seq:
            self._vitals.count("log_positions_ahead")
            self._report(f"a reader has seen {after}, but the log ends at {state.last_seq}")

    def _decode(self, message: Stored) -> Record | None:
        if message.subject == _FILLER:
            return None
        try:
            return decode_record(message.data)
        except (msgspec.MsgspecError, ValueError) as error:
            self._vitals.count("log_unreadable")
            self._report(f"record {message.sequence} cannot be read: {error}")
            return None

    def _report(self, detail: str) -> None:
        self._vitals.report("log_reader", State.DEGRADED, detail, self._clock())


def _oldest(state: api.StreamState, wanted: float) -> int:
    """The position at which the log would begin if it held `wanted` bytes.

    Records are taken to be alike in size; the next call corrects what this one misjudged.
    """
    share = max(0.0, 1 - wanted / state.bytes)
    return state.first_seq + int((state.last_seq + 1 - state.first_seq) * share)


def _unavailable(error: Exception) -> LogUnavailable:
    """The named reason behind what the client library raised."""
    match error:
        case PublishRefusedError(code=code):
            return LogUnavailable(Unavailable.FULL if code == _ERROR_FULL else Unavailable.REFUSED, str(error))
        case nats.js.errors.APIError():
            return LogUnavailable(Unavailable.REFUSED, error.description or "")
        case TimeoutError():
            return LogUnavailable(Unavailable.NO_ANSWER)
        case nats.errors.NoRespondersError():
            return LogUnavailable(Unavailable.NO_ANSWER, "the broker has no such stream yet")
        case _:
            return LogUnavailable(Unavailable.DISCONNECTED, str(error))
