"""Quarantine: the last refused messages of each device with their bytes, for the vendor who asks why."""

import re
from collections import deque
from collections.abc import Sequence
from contextlib import aclosing
from zlib import crc32

import msgspec
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js import api

from community.refusal import PAYLOAD_KEPT, Refusal
from community.vitals import Vitals
from gateway.stream_reader import StreamMissing, read_stream

STREAM = "QUARANTINE"
KEPT_PER_DEVICE = 10
MAX_BYTES = 256 * 2**20
UNKNOWN_BINS = 64
"""Refusals that name no known device are spread by topic over this many bins of `KEPT_PER_DEVICE`."""

_TOKEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Refusal)


def subject_of(refusal: Refusal) -> str:
    """Where a refusal is kept: by device, or by topic if it names none."""
    if refusal.device is not None and _TOKEN.fullmatch(refusal.device):
        return f"quarantine.{refusal.device}"
    return f"quarantine._unknown.{crc32(refusal.topic.encode(errors='replace')) % UNKNOWN_BINS}"


class RefusalLog:
    """Quarantine in the JetStream stream `QUARANTINE`: bounded per device and in all, the oldest go first."""

    def __init__(self, client: Client, vitals: Vitals) -> None:
        self._client = client
        self._vitals = vitals

    async def open(self) -> None:
        """Make the stream, or bring its limits up to date.

        Raises:
            OSError, nats.errors.Error: the broker is not there.
        """
        config = api.StreamConfig(
            name=STREAM,
            subjects=["quarantine.>"],
            storage=api.StorageType.FILE,
            discard=api.DiscardPolicy.OLD,
            max_msgs_per_subject=KEPT_PER_DEVICE,
            max_bytes=MAX_BYTES,
            num_replicas=1,
        )
        jetstream = self._client.jetstream()
        try:
            await jetstream.add_stream(config)
        except nats.js.errors.BadRequestError:
            await jetstream.update_stream(config)

    async def put(self, refusals: Sequence[Refusal]) -> None:
        """Keep refusals, without waiting for the broker's receipt.

        What cannot be handed over because the broker is away is counted (`quarantine_lost`): quarantine explains, it
        is no record, and must never hold up readings.
        """
        for i, refusal in enumerate(refusals):
            if not self._client.is_connected:
                self._vitals.count("quarantine_lost", len(refusals) - i)
                return
            if len(refusal.payload) > PAYLOAD_KEPT:
                refusal = msgspec.structs.replace(refusal, payload=refusal.payload[:PAYLOAD_KEPT])
            try:
                await self._client.publish(subject_of(refusal), _encoder.encode(refusal))
            except (OSError, nats.errors.Error):
                self._vitals.count("quarantine_lost")

    async def last(self, device: str | None, limit: int = KEPT_PER_DEVICE) -> list[Refusal]:
        """The newest refusals of a device, newest first; with None, of all topics, known or not.

        Raises:
            ValueError: for a device id that cannot be one.
            OSError, nats.errors.Error: the broker is not there.
        """
        if device is not None:
            if not _TOKEN.fullmatch(device):
                raise ValueError(f"not a device id: {device[:80]!r}")
            return await self._newest(1, [f"quarantine.{device}"], limit)
        state = (await self._client.jetstream().stream_info(STREAM)).state
        # Old messages leave holes, so that the last `limit` positions may hold fewer; look back further then.
        reach = limit
        while True:
            start = max(state.first_seq, state.last_seq - reach + 1, 1)
            found = await self._newest(start, [], limit)
            if len(found) >= limit or start <= max(state.first_seq, 1):
                return found
            reach *= 4

    async def _newest(self, start: int, subjects: list[str], limit: int) -> list[Refusal]:
        kept: deque[Refusal] = deque(maxlen=limit)
        try:
            async with aclosing(read_stream(self._client, STREAM, start, subjects, follow=False)) as stored:
                async for message in stored:
                    try:
                        kept.append(_decoder.decode(message.data))
                    except msgspec.MsgspecError:  # written by another version
                        self._vitals.count("quarantine_unreadable")
        except StreamMissing:
            return []
        return list(reversed(kept))
