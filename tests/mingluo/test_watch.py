"""The watch over the journal."""

import asyncio

from mingluo.roles.watch import PROBE_EVERY_S, JournalWatch


async def test_it_probes_again_and_again_beside_the_event_loop() -> None:
    answers = iter([True, False, True])
    asked: list[object] = []
    pauses: list[float] = []
    done = asyncio.Event()

    def probe() -> bool:
        asked.append(answer := next(answers))
        return answer

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(asked) == 3:
            done.set()
            await asyncio.Event().wait()

    watch = asyncio.create_task(JournalWatch(probe, sleep=sleep).run())
    async with asyncio.timeout(10):
        await done.wait()
    watch.cancel()
    assert asked == [True, False, True]
    assert pauses == [PROBE_EVERY_S] * 3
