"""Frames of GB/T 26875.3-2011, 6.6: bytes of a stream → frames, in any chunking and after any garbage; and back."""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import NamedTuple

MAX_UNIT = 1_024
"""Bytes of an application unit (6.6, table 1)."""

_CONTROL = 25
"""Bytes of the control unit: serial number 2, version 2, time 6, source 6, destination 6, length 2, command 1."""

ADDRESS_MASK = (1 << 48) - 1


class Command(IntEnum):
    """Command bytes (table 2); 128 to 255 are private."""

    CONTROL = 1
    DATA = 2
    CONFIRM = 3
    REQUEST = 4
    ANSWER = 5
    DENY = 6


class Framing(NamedTuple):
    """What stands around the control unit. Makers differ (`dialects.toml`); the default is the standard's own.

    Attributes:
        start, end: the marks.
        counts: bytes that the length field counts besides the application unit.
    """

    start: bytes = b"@@"
    end: bytes = b"##"
    counts: int = 0


STANDARD = Framing()


class Frame(NamedTuple):
    """A whole frame.

    Attributes:
        serial: running number, 0 to 65535; an answer repeats it.
        version: main version (1) and the user's own.
        time: when it was sent, six bytes as on the wire; see `gateway.gb26875.moments`.
        source, destination: addresses of six bytes as numbers.
        command: see `Command`.
        unit: the application unit.
        sound: whether the checksum is right. A wrong one is let pass only for transmitters named in a dialect.
        framing: how it was framed, so that an answer can be framed alike.
        raw: all of its bytes.
    """

    serial: int
    version: bytes
    time: bytes
    source: int
    destination: int
    command: int
    unit: bytes
    sound: bool = True
    framing: Framing = STANDARD
    raw: bytes = b""

    @property
    def transmitter(self) -> int:
        """Address of the transmitter that sent it.

        Some leave the source empty and put their own number where the centre's should be.
        """
        return self.source or self.destination


class Splitter:
    """Splits the stream of one peer into frames. Raises nothing, whatever the bytes.

    Holds at most one incomplete frame. A length that was damaged may make it wait for bytes that never come, with
    whole frames in what it holds: `give_up` after a pause brings them out.

    Attributes:
        skipped: bytes that belong to no frame.
        broken: frames that were whole but for their checksum.
        waiting: bytes of an incomplete frame.
    """

    def __init__(
        self, framings: Sequence[Framing] = (STANDARD,), tolerated: Callable[[int], bool] = lambda source: False
    ) -> None:
        """Set up for one peer.

        Args:
            framings: those that a peer may use; the one that it was understood by last is tried first.
            tolerated: whether a wrong checksum of this source address is let pass.
        """
        self._framings = list(framings)
        self._tolerated = tolerated
        self._rest = b""
        self.skipped = 0
        self.broken = 0

    @property
    def waiting(self) -> int:
        """Bytes held of an incomplete frame."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes; the frames that became whole, in order. Those with `sound` false are to be denied,
        unless their checksum is tolerated: see `acceptable`.
        """
        return self._split(self._rest + data if self._rest else data, last=False)

    def give_up(self) -> list[Frame]:
        """No more bytes will come for what is held: the frames that are in it."""
        return self._split(self._rest, last=True)

    def acceptable(self, frame: Frame) -> bool:
        """Whether the frame is sound, or its source is known for wrong checksums."""
        return frame.sound or self._tolerated(frame.transmitter)

    def _split(self, data: bytes, *, last: bool) -> list[Frame]:
        frames: list[Frame] = []
        at = 0
        while True:
            start = self._next_start(data, at)
            if start is None:
                kept = 0 if last else self._partial_start(data, at)
                self.skipped += len(data) - at - kept
                self._rest = data[len(data) - kept :]
                return frames
            self.skipped += start - at
            at = start
            frame, wait = self._frame_at(data, at, last=last)
            if wait:
                self._rest = data[at:]
                return frames
            if frame is None:
                self.skipped += 1
                at += 1
                continue
            frames.append(frame)
            if self.acceptable(frame):
                at += len(frame.raw)
            else:
                # It may be no frame at all but the end of one and the beginning of another: look inside.
                self.broken += 1
                self.skipped += 1
                at += 1

    def _frame_at(self, data: bytes, at: int, *, last: bool) -> tuple[Frame | None, bool]:
        """The frame that begins at `at`, and whether more bytes are needed to tell."""
        broken = None
        for i, framing in enumerate(self._framings):
            if not data.startswith(framing.start, at):
                continue
            head = at + len(framing.start)
            if len(data) < head + _CONTROL:
                if last:
                    continue
                return None, True
            size = int.from_bytes(data[head + 22 : head + 24], "little") - framing.counts
            if not 0 <= size <= MAX_UNIT:
                continue
            tail = head + _CONTROL + size
            stop = tail + 1 + len(framing.end)
            if stop > len(data):
                if last:
                    continue
                return None, True
            if data[tail + 1 : stop] != framing.end:
                continue
            frame = _frame(data[at:stop], len(framing.start), size, framing)
            if self.acceptable(frame):
                # The same peer will go on like this.
                self._framings.insert(0, self._framings.pop(i))
                return frame, False
            broken = broken or frame
        return broken, False

    def _next_start(self, data: bytes, at: int) -> int | None:
        found = [place for f in self._framings if (place := data.find(f.start, at)) >= 0]
        return min(found, default=None)

    def _partial_start(self, data: bytes, at: int) -> int:
        """How many of the last bytes may be the beginning of a start mark."""
        longest = max(len(f.start) for f in self._framings) - 1
        for kept in range(min(longest, len(data) - at), 0, -1):
            if any(f.start.startswith(data[-kept:]) for f in self._framings):
                return kept
        return 0


def _frame(raw: bytes, start: int, size: int, framing: Framing) -> Frame:
    head = raw[start : start + _CONTROL]
    body = raw[start : start + _CONTROL + size]
    return Frame(
        serial=int.from_bytes(head[:2], "little"),
        version=head[2:4],
        time=head[4:10],
        source=int.from_bytes(head[10:16], "little"),
        destination=int.from_bytes(head[16:22], "little"),
        command=head[24],
        unit=body[_CONTROL:],
        sound=sum(body) & 0xFF == raw[start + _CONTROL + size],
        framing=framing,
        raw=raw,
    )


def encode(frame: Frame) -> bytes:
    """The bytes of a frame; `sound` and `raw` are not looked at.

    Raises:
        ValueError: a unit of more than `MAX_UNIT` bytes, or a version or time of another length than 2 and 6.
    """
    if len(frame.unit) > MAX_UNIT or len(frame.version) != 2 or len(frame.time) != 6:
        raise ValueError("a frame has a version of 2 bytes, a time of 6 and a unit of at most 1024")
    body = b"".join(
        (
            (frame.serial & 0xFFFF).to_bytes(2, "little"),
            frame.version,
            frame.time,
            (frame.source & ADDRESS_MASK).to_bytes(6, "little"),
            (frame.destination & ADDRESS_MASK).to_bytes(6, "little"),
            (len(frame.unit) + frame.framing.counts).to_bytes(2, "little"),
            bytes((frame.command & 0xFF,)),
            frame.unit,
        )
    )
    return frame.framing.start + body + bytes((sum(body) & 0xFF,)) + frame.framing.end


def reply(frame: Frame, command: Command, time: bytes) -> bytes:
    """An answer without content: the same serial number and version, the addresses exchanged (6.5)."""
    return encode(
        frame._replace(
            source=frame.destination, destination=frame.source, command=command, time=time, unit=b"", raw=b""
        )
    )
