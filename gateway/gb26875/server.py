"""The centre of GB/T 26875.3: a TCP server that user information transmission units connect to."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from community.clock import MINUTE, SECOND
from community.vitals import State, Vitals
from gateway.gb26875.dialects import Dialects, shipped_dialects
from gateway.gb26875.frame import Command, Frame, Splitter
from gateway.gb26875.intake import Intake, Put
from gateway.gb26875.moments import read_moment, write_moment
from gateway.gb26875.ordering import Ordering
from gateway.gb26875.orders import Answer, Order, Outcome, attends, said, set_clock
from gateway.gb26875.session import Patience, Session
from gateway.gb26875.transmitters import Seen, Transmitters

_CLOCK_OFF = MINUTE
"""How far a transmitter's clock may be from ours before it is set."""

_LOOK_EVERY_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gb26875Options:
    """Where the centre listens, and its bounds.

    Attributes:
        host, port: address; port 0 takes a free one.
        address: our own address on the wire (the destination of the units' frames).
        max_sessions: connections at once. Beyond, one of which no frame was taken yet makes room, the oldest first;
            if there is none, the new one is closed.
        silence_s: s without a frame after which a transmitter is offline; its heartbeat comes every 20 to 30 s.
        reply_s: s that we wait for the answer to an order (6.5.4: at most 10).
        retries: how often an order is repeated (6.5.5: 3).
        set_clocks: whether the clock of a transmitter that is more than a minute off is set.
        patience: with a single connection.
    """

    host: str = "127.0.0.1"
    port: int = 0
    address: int = 1
    max_sessions: int = 512
    silence_s: float = 90.0
    reply_s: float = 10.0
    retries: int = 3
    set_clocks: bool = True
    patience: Patience = field(default_factory=Patience)


class Gb26875Server:
    """Listens while the block lasts: `async with Gb26875Server(...) as server`.

    Besides those of `Session`, `Intake` and `Ordering`: counters `gb26875_sessions`, `gb26875_sessions_refused`,
    `gb26875_forgotten` (no longer watched for want of a place); gauges `gb26875_connected`, `gb26875_transmitters`.
    Component: `gb26875`.
    """

    def __init__(
        self,
        put: Put,
        clock: Callable[[], int],
        vitals: Vitals,
        options: Gb26875Options | None = None,
        *,
        dialects: Dialects | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Set up.

        Args:
            put: `Inlet.put`.
            clock: UTC ms.
            vitals: where it counts and reports.
            options: where it listens; by default a free port of this machine.
            dialects: by default those shipped. The codec must have the same.
            sleep: waits so many seconds.
        """
        self._clock = clock
        self._vitals = vitals
        self._options = options if options is not None else Gb26875Options()
        self._dialects = dialects if dialects is not None else shipped_dialects()
        self._sleep = sleep
        self._intake = Intake(put, clock, vitals)
        self._transmitters = Transmitters(round(self._options.silence_s * SECOND))
        self._sessions: dict[Session, asyncio.Task[None]] = {}
        self._of: dict[int, tuple[Session, Frame]] = {}
        self._ordering = Ordering(
            self._of.get, self._transmitters.next_serial, self._stamp, vitals,
            address=self._options.address, reply_s=self._options.reply_s, retries=self._options.retries,
        )  # fmt: skip
        self._setting: set[asyncio.Task[Outcome]] = set()
        self._server: asyncio.Server | None = None
        self._watching: asyncio.Task[None] | None = None
        self.port = 0
        """The port in use, while it listens."""

    async def __aenter__(self) -> "Gb26875Server":
        """Listen.

        Raises:
            OSError: the address cannot be had.
        """
        o = self._options
        try:
            self._server = await asyncio.start_server(self._connected, o.host, o.port, backlog=128)
        except OSError as error:
            self._vitals.report("gb26875", State.DOWN, f"cannot listen on {o.host}:{o.port}: {error}", self._clock())
            raise
        self.port = self._server.sockets[0].getsockname()[1]
        self._vitals.report("gb26875", State.OK, f"listens on {o.host}:{self.port}", self._clock())
        self._watching = asyncio.create_task(self._watch(), name="gb26875 watch")
        return self

    async def __aexit__(self, *_: object) -> None:
        """End every connection. Frames on their way are given up unconfirmed, and so will be sent again."""
        assert self._server is not None, "entered before"
        assert self._watching is not None, "entered before"
        self._server.close()
        tasks = [self._watching, *self._sessions.values(), *self._setting]
        for session in list(self._sessions):
            session.close()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await self._intake.close()

    async def order(self, transmitter: int, order: Order) -> Outcome:
        """Send an order, and repeat it while it is denied or not answered; what came of it."""
        return await self._ordering.order(transmitter, order)

    async def set_clock(self, transmitter: int) -> Outcome:
        """Set a transmitter's clock to our time, in its own time zone."""
        return await self.order(transmitter, set_clock(self._clock(), self._dialects.of(transmitter).utc_offset))

    def transmitters(self) -> list[Seen]:
        """Every transmitter that was heard of and is still watched, by address."""
        return self._transmitters.seen(self._of)

    def look(self) -> None:
        """Report the transmitters offline that have fallen silent. Done every few seconds while it listens."""
        for transmitter in self._transmitters.gone(self._clock()):
            self._of.pop(transmitter, None)
            self._intake.tell(transmitter, online=False)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self.look()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "a callback of the server is a task"
        splitter = Splitter(self._dialects.framings, self._dialects.tolerated)
        session = Session(
            reader, writer, splitter, self._handle, self._stamp, self._options.patience,
            self._clock, self._vitals, self._sleep,
        )  # fmt: skip
        if len(self._sessions) >= self._options.max_sessions and not self._make_room():
            self._vitals.count("gb26875_sessions_refused")
            session.close()
            return
        self._vitals.count("gb26875_sessions")
        self._sessions[session] = task
        self._vitals.gauge("gb26875_connected", len(self._sessions))
        try:
            await session.run()
        except OSError:
            pass  # the connection broke; the transmitter connects again
        except asyncio.CancelledError:
            # The server stops, or the place is needed. asyncio would report a cancelled callback as an error.
            pass
        finally:
            session.close()
            self._sessions.pop(session, None)
            self._vitals.gauge("gb26875_connected", len(self._sessions))
            for transmitter in [t for t, (of, _) in self._of.items() if of is session]:
                del self._of[transmitter]

    def _make_room(self) -> bool:
        unproven = next((s for s in self._sessions if not s.proven), None)
        if unproven is None:
            return False
        task = self._sessions.pop(unproven)
        unproven.close()
        task.cancel()
        self._vitals.count("gb26875_sessions_refused")
        return True

    def _stamp(self, frame: Frame) -> bytes:
        return write_moment(self._clock(), self._dialects.of(frame.transmitter).utc_offset)

    async def _handle(self, session: Session, frame: Frame) -> Command | None:
        """How the frame is to be answered."""
        command = self._dialects.of(frame.transmitter).commands.get(frame.command, frame.command)
        if command in (Command.CONFIRM, Command.DENY):
            answer = Answer.CONFIRMED if command == Command.CONFIRM else Answer.DENIED
            self._ordering.answered(session, frame, answer)
            return None
        if command != Command.ANSWER and command != Command.DATA and command < 128:
            return Command.DENY  # orders are ours to give; the rest is reserved
        good, known = await self._intake.take(frame)
        # What has nothing for the log, as the answer to a guard check, still comes from one known on this connection.
        there = self._of.get(frame.transmitter)
        if known or (good and there is not None and there[0] is session):
            self._know(session, frame)
        if command == Command.ANSWER:
            dialect = self._dialects.of(frame.transmitter)
            things = said(frame.unit, dialect.layout, dialect.utc_offset)
            self._ordering.answered(session, frame, Answer.ANSWERED, things)
            return None
        return Command.CONFIRM if good else Command.DENY

    def _know(self, session: Session, frame: Frame) -> None:
        """Note that a transmitter of the estate is there, and on which connection."""
        transmitter, now = frame.transmitter, self._clock()
        dialect = self._dialects.of(transmitter)
        forgotten = self._transmitters.forgotten
        if self._transmitters.heard(transmitter, now, attended=attends(frame.unit, dialect.layout)):
            if self._transmitters.forgotten > forgotten:
                self._vitals.count("gb26875_forgotten", self._transmitters.forgotten - forgotten)
            self._vitals.gauge("gb26875_transmitters", len(self._transmitters))
            if frame.unit:  # a heartbeat says so itself
                self._intake.tell(transmitter, online=True)
        session.proven = True
        if session in self._sessions:
            self._of[transmitter] = session, frame
        sent = read_moment(frame.time, dialect.utc_offset)
        off = sent is None or abs(sent - now) > _CLOCK_OFF
        if off and self._options.set_clocks and self._transmitters.may_set_clock(transmitter, now):
            task = asyncio.create_task(self.set_clock(transmitter), name="gb26875 clock")
            self._setting.add(task)
            task.add_done_callback(self._setting.discard)
