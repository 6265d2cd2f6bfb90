"""Silence rules: a device that should have reported and has not. What never comes must be looked for.

Not a measure over readings but over their absence, so it has kernels of its own: `listen` takes signs of life from
rows, `watch` looks at ticks. A silence that stands is an episode as any other; EDGES holds since when.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from community.compiler import compiled, inner
from rules.kinds.definition import Model, RuleBase, Seconds, SeverityWord
from rules.kinds.kernel import IN_ORDER, LATE, NONE, STATUS, UNKNOWN, Duty
from rules.kinds.ladder import (
    ACTIVE,
    BASE,
    BY_READING,
    BY_SILENCE,
    BY_WILL,
    DONE,
    DUTY,
    EDGES,
    ENTERED,
    EPISODES,
    HEARD,
    META,
    NEVER,
    NEWEST,
    NEXT,
    OFFLINE,
    PROGRAM,
    ROOM,
    SHAPE,
    begin_episode,
    end_episode,
    find_episode,
    say,
    stand,
    top_step,
)


class Allowance(Model):
    """How long a device may be silent: reporting interval x `factor` + `plus`, and not less than `at_least`, s."""

    factor: float = Field(ge=1, le=100)
    plus: Seconds = 0
    at_least: Seconds = 0


class SilenceStep(Model):
    """A step of silence; a kind of supply without allowance does not know the step."""

    severity: SeverityWord
    mains: Allowance | None = None
    battery: Allowance | None = None


class SilenceRule(RuleBase):
    """No sign of life.

    Attributes:
        after_last_will: s after the broker published the device's last will at which the last step is reached.
    """

    kind: Literal["silence"]
    steps: Annotated[tuple[SilenceStep, ...], Field(min_length=1, max_length=8)]
    after_last_will: Seconds = 60


def allowed_ms(allowance: Allowance, interval: int) -> int:
    """ms of silence allowed to a device with this reporting interval, ms."""
    return max(round(allowance.at_least * 1000), int(allowance.factor * interval) + round(allowance.plus * 1000))


class Silences(NamedTuple):
    """The silence rules as data; r rules, s steps, q duties.

    Attributes:
        program: int64[r], number among all programs; these come last of all.
        steps: int64[r+1], bounds of each rule's steps.
        allowed: int64[q, s], ms; -1 where the device does not know the step, or the rule does not apply.
        will: int64[q, r], ms.
    """

    program: NDArray[np.int64]
    steps: NDArray[np.int64]
    allowed: NDArray[np.int64]
    will: NDArray[np.int64]


def silences_of(rules: Sequence[Sequence[SilenceRule | None]], duties: Sequence[Duty], first: int) -> Silences:
    """The table of silence rules.

    Args:
        rules: for each duty the rules as they hold for it; None where one does not apply.
        first: number of the first silence program.
    """
    count = len(rules[0]) if rules else 0
    lengths = [max((len(row[k].steps) for row in rules if row[k] is not None), default=0) for k in range(count)]  # type: ignore[union-attr]  # asked just before
    bounds = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.array(lengths, np.int64))])
    allowed = np.full((len(duties), int(bounds[-1])), -1, np.int64)
    will = np.zeros((len(duties), count), np.int64)
    for q, (duty, row) in enumerate(zip(duties, rules, strict=True)):
        for k, rule in enumerate(row):
            if rule is None:
                continue
            will[q, k] = round(rule.after_last_will * 1000)
            for s, step in enumerate(rule.steps):
                allowance = step.mains if duty.mains else step.battery
                if allowance is not None:
                    allowed[q, bounds[k] + s] = allowed_ms(allowance, duty.interval)
    return Silences(np.arange(first, first + count), bounds, allowed, will)


_SOON_MS = 40_000
"""What is due sooner than this is looked at when it is due; the rest at some time in the later half before it."""


@inner
def _last_wills(numbers, of_device, rows, received, online, devices):  # type: ignore[no-untyped-def]  # compiled
    """Mark the rows that carry the broker's word alone, and take last wills. Whether there are any."""
    values, order, header, due = rows.values, rows.order, devices.header, devices.due
    any_will = False
    for b in range(len(of_device)):
        if np.isnan(values[b, online]):
            continue
        order[b] = STATUS
        for j in range(values.shape[1]):
            if j != online and not np.isnan(values[b, j]):
                order[b] = IN_ORDER
        any_will |= values[b, online] < 0.5
    if any_will:
        for b in range(len(of_device)):
            d = numbers[of_device[b]]
            if d < 0:
                continue
            if not values[b, online] < 0.5:
                header[d, OFFLINE] = NONE
            elif header[d, OFFLINE] == NONE:
                # The broker speaks here, for a device that cannot.
                header[d, OFFLINE] = received[b]
                due[d] = min(due[d], received[b])
    return any_will


@compiled
def listen(numbers, of_device, rows, device, received, online, whole, devices):  # type: ignore[no-untyped-def]  # compiled
    """The first pass over a frame: who speaks, and in which order.

    A row that carries nothing but `online` is the broker's statement at the broker's time: it neither is late nor
    makes a device's own readings late.

    Args:
        numbers: int32[devices of the frame], rows of the state; -1 unknown.
        of_device: int32[n], the frame's device column.
        rows: `order`, `base`, `shape`, `duty`, `active` and `device` (int64[n]) are written.
        received: int64[n], UTC ms.
        online: the frame's column of `online`; -1 if it has none.
        whole: uint8[shapes], whether a device of this shape has all the state that the frame's columns may need.

    Returns:
        (rows of unknown devices, rows whose device may need more state, rows whose device has episodes). If a device
        number points beyond `numbers`: -1 unknown ones, and nothing is taken.
    """
    unknown, wanting, busy = 0, 0, 0
    n = len(of_device)
    # Taken out of the tuples once: within the loop each would cost a count of references.
    ts, order, values = rows.ts, rows.order, rows.values
    base, shape, duty, active = rows.base, rows.shape, rows.duty, rows.active
    header, due = devices.header, devices.due
    for b in range(n):
        if of_device[b] < 0 or of_device[b] >= len(numbers):
            return -1, 0, 0
        order[b] = IN_ORDER
    # In loops of their own: branches for what is rare would make the next one four times as slow.
    by_broker = _last_wills(numbers, of_device, rows, received, online, devices) if online >= 0 else False
    for b in range(n):
        d = numbers[of_device[b]]
        device[b] = d
        if d < 0:
            order[b] = UNKNOWN
            base[b] = 0
            shape[b] = 0
            duty[b] = 0
            active[b] = 0
            unknown += 1
            continue
        line = header[d]
        base[b] = line[BASE]
        shape[b] = line[SHAPE]
        duty[b] = line[DUTY]
        active[b] = line[ACTIVE] >= 0
        busy += active[b]
        stands = order[b]
        if stands != STATUS:
            if line[NEWEST] != NONE and ts[b] < line[NEWEST]:
                stands = LATE
            else:
                line[NEWEST] = ts[b]
                wanting += whole[line[SHAPE]] == 0
        order[b] = stands
        if by_broker and values[b, online] < 0.5:
            continue
        if line[HEARD] == NONE:
            due[d] = min(due[d], received[b])  # from now on it can fall silent
        line[HEARD] = max(line[HEARD], received[b])
        line[OFFLINE] = NONE if not by_broker else line[OFFLINE]
    return unknown, wanting, busy


@compiled
def fetch(base, words, size):  # type: ignore[no-untyped-def]  # compiled
    """Read a word of every cache line of the rows' state, so that kernels find it in the cache.

    Devices in random order stand anywhere in memory. Kernels wait for each of them in turn; here nothing depends on
    what is read, so the processor fetches a dozen lines at once.

    Args:
        base: int64[n]. size: words of the largest block.

    Returns:
        A number of no meaning, or the compiler would leave the reading out.
    """
    last = len(words) - 1
    seen = np.int64(0)
    descends = False
    for b in range(1, len(base)):
        if base[b] < base[b - 1]:
            descends = True
            break
    if not descends:
        return seen  # in their order the processor fetches them ahead by itself
    for line in range(0, size, 8):
        for b in range(len(base)):
            seen ^= words[min(base[b] + line, last)]
    return seen


@compiled
def hear(begin, rows, device, received, online, devices, first_silence, out):  # type: ignore[no-untyped-def]  # compiled
    """End the silences of devices that speak in a frame; called where any device has episodes, after `listen`.

    Args:
        begin: row to begin at. The others: as for `listen`.

    Returns:
        (transitions written, row at which room ran out or n).
    """
    count = 0
    n = len(device)
    for b in range(begin, n):
        if not rows.active[b] or (online >= 0 and rows.values[b, online] < 0.5):
            continue
        d = device[b]
        e = devices.header[d, ACTIVE]
        while e >= 0:
            words = devices.episodes[e]
            following = words[NEXT]
            if words[PROGRAM] >= first_silence:
                if count == out.ints.shape[0]:
                    return count, b
                since = words[EDGES]
                say(out, count, b, d, words[PROGRAM], top_step(words[META]), -1, 0, BY_READING, received[b], since,
                    received[b], received[b] - since)  # fmt: skip
                count += 1
                end_episode(devices, d, e)
                devices.due[d] = min(devices.due[d], received[b])  # it can fall silent once more
            e = following
    return count, n


@compiled
def watch(begin, now, listening, unheard, devices, ladders, silences, out):  # type: ignore[no-untyped-def]  # compiled
    """Look at the devices that are due at a tick: standing readings, and silence, which only rises here.

    Args:
        begin: device to begin at.
        listening: since when the gateway hears, or NONE.
        unheard: whether devices that were never heard are judged.

    Returns:
        (transitions written, device at which it stopped or m, why, earliest time at which any device is due).
    """
    count = np.int64(0)
    m = devices.header.shape[0]
    room = out.ints.shape[0] - ladders.quiet.shape[1] - len(silences.program)
    earliest = NEVER
    for d in range(begin, m):
        if devices.due[d] > now:
            earliest = min(earliest, devices.due[d])
            continue
        if count >= room:
            return count, d, ROOM, NONE
        line = devices.header[d]
        q = line[DUTY]
        count, due = stand(devices, ladders, d, now, out, count)
        if line[ENTERED] == NONE:
            line[ENTERED] = now
        if line[HEARD] != NONE or unheard:
            base = max(line[ENTERED], line[HEARD], listening)
            for r in range(len(silences.program)):
                first, beyond = silences.steps[r], silences.steps[r + 1]
                step, since, limit, reason, last = -1, base, 0, BY_SILENCE, -1
                for s in range(first, beyond):
                    allowed = silences.allowed[q, s]
                    if allowed < 0:
                        continue
                    last = s - first  # the last step that this device knows
                    if now - base >= allowed:
                        step, limit = s - first, allowed
                    else:
                        due = min(due, base + allowed)
                offline = line[OFFLINE]
                if offline != NONE and step < last:
                    if now - offline >= silences.will[q, r]:
                        step, since, limit, reason = last, offline, silences.will[q, r], BY_WILL
                    else:
                        due = min(due, offline + silences.will[q, r])
                if step < 0:
                    continue
                e = find_episode(devices, d, silences.program[r])
                before = -1 if e < 0 else top_step(devices.episodes[e, META])
                if step <= before:
                    continue
                if e < 0:
                    if devices.free[0] < 0:
                        return count, d, EPISODES, NONE
                    e = begin_episode(devices, d, silences.program[r])
                    devices.episodes[e, EDGES] = since
                devices.episodes[e, META] = 1 << step
                say(out, count, d, d, silences.program[r], before, step, 0, reason, now, devices.episodes[e, EDGES],
                    now, now - since)  # fmt: skip
                out.floats[count, 3] = limit / 1000
                count += 1
        if due != NEVER and due - now > _SOON_MS:
            # Early is allowed: devices that began together are not all looked at in one tick ever after.
            half = (due - now) // 2
            due = now + half + d * 7_919 % half
        devices.due[d] = due
        earliest = min(earliest, due)
    return count, m, DONE, earliest
