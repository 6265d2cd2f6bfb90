"""One connection: reads frames, answers each when it is known what became of it. A bad peer costs itself only."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from community.vitals import Vitals
from gateway.gb26875.frame import Command, Frame, Splitter, reply

_CHUNK = 4_096
_UNWRITTEN = 64 * 1_024
"""Bytes of answers that a peer may leave unread before it is cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a connection is waited for, and how much it may send.

    Attributes:
        half_frame_s: s for the rest of a frame; then what came is searched for whole ones.
        idle_s: s without a frame after which the connection is closed.
        frames_per_s: frames read in the long run; beyond, the connection is read more slowly.
        burst: frames read at once.
        at_once: frames of one connection on their way into the log.
    """

    half_frame_s: float = 5.0
    idle_s: float = 180.0
    frames_per_s: float = 20.0
    burst: float = 200.0
    at_once: int = 64


class Allowance:
    """A bucket of tokens, one for each frame. No clock."""

    def __init__(self, per_s: float, burst: float, now: int) -> None:
        self._per_ms = per_s / 1_000
        self._burst = burst
        self._left = burst
        self._at = now

    def take(self, frames: int, now: int) -> float:
        """Take tokens; seconds to wait before the next are read, 0 if there are some left."""
        self._left = min(self._burst, self._left + max(0, now - self._at) * self._per_ms) - frames
        self._at = max(self._at, now)
        return max(0.0, -self._left / self._per_ms / 1_000)


class Session:
    """A connection.

    Attributes:
        proven: whether it brought a frame that was taken; set by the server.

    Counters: `gb26875_frames`, `gb26875_broken` (wrong checksum, denied), `gb26875_skipped_bytes`,
    `gb26875_half_frames` (given up), `gb26875_slowed`, `gb26875_deaf` (cut off: answers were not read).
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        splitter: Splitter,
        handle: Callable[["Session", Frame], Awaitable[Command | None]],
        stamp: Callable[[Frame], bytes],
        patience: Patience,
        clock: Callable[[], int],
        vitals: Vitals,
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        """Set up for one connection.

        Args:
            reader, writer: the streams.
            splitter: as its dialects want it.
            handle: says how a frame is to be answered, when that is known; None: not at all.
            stamp: our time, as the sender of this frame writes times.
            patience: bounds.
            clock: UTC ms.
            vitals: where it counts.
            sleep: waits so many seconds.
        """
        self._reader = reader
        self._writer = writer
        self._splitter = splitter
        self._handle = handle
        self._stamp = stamp
        self._patience = patience
        self._clock = clock
        self._vitals = vitals
        self._sleep = sleep
        self._skipped = 0
        self.proven = False

    async def run(self) -> None:
        """Until the peer goes, falls silent, or does not listen. Raises nothing but `OSError`."""
        answers: set[asyncio.Task[None]] = set()
        try:
            await self._read(answers)
            if answers:  # whoever has sent its last word may still be listening
                await asyncio.wait(answers, timeout=self._patience.half_frame_s)
        finally:
            for task in answers:
                task.cancel()
            if answers:
                await asyncio.wait(answers)

    async def _read(self, answers: set[asyncio.Task[None]]) -> None:
        patience = self._patience
        allowance = Allowance(patience.frames_per_s, patience.burst, self._clock())
        places = asyncio.Semaphore(patience.at_once)
        loop = asyncio.get_running_loop()
        last_frame = half_since = loop.time()

        def done(task: asyncio.Task[None]) -> None:
            answers.discard(task)
            places.release()

        while not self._writer.is_closing():
            idle_at = last_frame + patience.idle_s
            half_at = half_since + patience.half_frame_s if self._splitter.waiting else idle_at
            try:
                async with asyncio.timeout_at(min(idle_at, half_at)):
                    data = await self._reader.read(_CHUNK)
            except TimeoutError:
                if loop.time() >= idle_at:
                    return
                self._vitals.count("gb26875_half_frames")
                frames = self._splitter.give_up()
            else:
                held = self._splitter.waiting
                frames = self._splitter.feed(data) if data else self._splitter.give_up()
                if frames or not held:
                    half_since = loop.time()
                if not data and not frames:
                    return
            self._count(frames)
            for frame in frames:
                if self._splitter.acceptable(frame):
                    last_frame = loop.time()
                try:
                    async with asyncio.timeout_at(last_frame + patience.idle_s):
                        await places.acquire()
                except TimeoutError:
                    return
                task = asyncio.create_task(self._answer(frame), name="gb26875 answer")
                answers.add(task)
                task.add_done_callback(done)
            pause = allowance.take(len(frames), self._clock())
            if pause:
                self._vitals.count("gb26875_slowed")
                await self._sleep(pause)

    def write(self, data: bytes) -> bool:
        """Send; False if the connection is no longer there, or the peer does not read."""
        if self._writer.is_closing():
            return False
        if self._writer.transport.get_write_buffer_size() > _UNWRITTEN:
            self._vitals.count("gb26875_deaf")
            self.close()
            return False
        self._writer.write(data)
        return True

    def close(self) -> None:
        """End it at once."""
        self._writer.transport.abort()

    async def _answer(self, frame: Frame) -> None:
        if self._splitter.acceptable(frame):
            command = await self._handle(self, frame)
        else:
            # Sent by whoever it may be: the answer goes to this connection, and the sender need not wait for 10 s.
            command = Command.DENY
        if command is not None:
            self.write(reply(frame, command, self._stamp(frame)))

    def _count(self, frames: list[Frame]) -> None:
        sound = sum(map(self._splitter.acceptable, frames))
        for name, amount in (
            ("gb26875_frames", sound),
            ("gb26875_broken", len(frames) - sound),
            ("gb26875_skipped_bytes", self._splitter.skipped - self._skipped),
        ):
            if amount:
                self._vitals.count(name, amount)
        self._skipped = self._splitter.skipped
