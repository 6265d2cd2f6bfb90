"""Baselines rebuilt from history: an engine made for the purpose reads a device's past and hands out what it learnt."""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from community.estate import Estate
from community.frame import Baseline, Frame
from rules.replay import Replayer
from rules.rulebook import Rulebook


def rebuild(
    frames: Iterable[Frame], rulebook: Rulebook, estate: Estate, devices: Collection[str]
) -> Iterator[Baseline]:
    """The baselines of devices, from what they reported.

    What the rules find in the past is dropped: it was found then, or nobody was there to be told.

    Args:
        frames: past readings, in the order in which they came.
        rulebook, estate: those in force, under which the devices will be judged.
        devices: ids; other devices' readings are passed over.

    Yields:
        A baseline for each device that has one, with the times of its first and last reading.
    """
    replayer = Replayer(rulebook, estate)
    spans: dict[str, tuple[int, int]] = {}
    for frame in frames:
        of_device, ts = frame.device, frame.ts
        for number, name in enumerate(frame.devices):
            own = ts[of_device == number]
            if name in devices and len(own):
                first, last = spans.get(name, (int(own.min()), int(own.max())))
                spans[name] = min(first, int(own.min())), max(last, int(own.max()))
        replayer.take(frame)
    for device, (first, last) in spans.items():
        baseline = replayer.baseline(device)
        if baseline is not None:
            yield msgspec.structs.replace(baseline, begin=first, end=last)
