"""The centre of GB/T 26875.3 within the system: listens if it is wanted, with the operator's dialects."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from community.vitals import Vitals
from gateway.decoding.registry import Profiles
from gateway.gb26875.codec import Gb26875Codec
from gateway.gb26875.dialects import DialectErrors, Dialects
from gateway.gb26875.intake import Put
from gateway.gb26875.server import Gb26875Options, Gb26875Server
from mingluo.settings import Settings, SettingsError, host_port


@asynccontextmanager
async def centre(
    settings: Settings, put: Put, profiles: Profiles, vitals: Vitals, clock: Callable[[], int]
) -> AsyncIterator[Gb26875Server | None]:
    """Listen while the block lasts; None if nobody wants it.

    Args:
        settings: `gb26875_listen`, `gb26875_dialects`.
        put: that of the inlet, which is read already.
        profiles: whose codec gets the same dialects.
        vitals: where it counts and reports.
        clock: UTC ms.

    Raises:
        SettingsError: the dialects cannot be read, or are wrong.
        OSError: the port is taken.
    """
    if settings.gb26875_listen is None:
        yield None
        return
    codec = profiles.codecs["gb26875"]
    assert isinstance(codec, Gb26875Codec), "the formats' names are fixed"
    if settings.gb26875_dialects is not None:
        path = settings.gb26875_dialects
        try:
            text = await asyncio.to_thread(path.read_text, encoding="utf-8")
            codec.dialects = Dialects(text, str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"gb26875_dialects: {error}") from None
        except DialectErrors as errors:
            raise SettingsError(str(errors)) from None
    host, port = host_port(settings.gb26875_listen)
    options = Gb26875Options(host=host, port=port)
    async with Gb26875Server(put, clock, vitals, options, dialects=codec.dialects) as server:
        yield server
