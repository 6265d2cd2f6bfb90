"""Going on with another rulebook or estate: what of the state still means the same is carried over."""

import numpy as np

from rules.kinds.ladder import BASE, DEVICE, DUTY, ENTERED, HEARD, NEWEST, NEXT, OFFLINE, PROGRAM, SHAPE
from rules.programs import Programs
from rules.roster import Roster

_TIMES = [NEWEST, HEARD, OFFLINE, ENTERED]


def carry_over(old: Roster, new: Roster) -> None:
    """Give a fresh roster the state of the devices that are in both.

    A program goes on with its state if its rule measures in the same way (`Program.key`), whatever the limits; what
    it holds and what is pending goes on too, if its ladder has as many steps as before.
    """
    pairs = np.array([(k, old.row[d.id]) for k, d in enumerate(new.devices) if d.id in old.row], np.int64)
    if not len(pairs):
        return
    here, there = pairs.T
    for name in _TIMES:
        new.memory.header[here, name] = old.memory.header[there, name]
    number = _numbers(old.programs, new.programs)
    _carry_blocks(old, new, here, there, number)
    row = dict(zip(there.tolist(), here.tolist(), strict=True))
    for e in old.active_episodes().tolist():
        words = old.memory.episodes[e].copy()
        program = number.get(int(words[PROGRAM]), -1)
        device = row.get(int(words[DEVICE]), -1)
        if program < 0 or device < 0 or not new.programs.enabled[new.memory.header[device, DUTY], program]:
            continue
        if _steps(old.programs, int(words[PROGRAM])) == _steps(new.programs, program):
            words[PROGRAM] = program
            words[NEXT] = -1
            new.put_episode(device, words)


def _numbers(old: Programs, new: Programs) -> dict[int, int]:
    """Old program → the new one that goes on with its state."""
    by_key = {p.key: g for g, p in enumerate(new.all)}
    return {g: by_key[p.key] for g, p in enumerate(old.all) if p.key in by_key}


def _steps(programs: Programs, g: int) -> int:
    """How many steps a program has."""
    silence = g - programs.first_silence
    bounds, at = (programs.ladders.steps, g) if silence < 0 else (programs.silences.steps, silence)
    return int(bounds[at + 1] - bounds[at])


def _carry_blocks(
    old: Roster,
    new: Roster,
    here: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    there: "np.ndarray[tuple[int], np.dtype[np.int64]]",
    number: dict[int, int],
) -> None:
    kinds = np.column_stack([old.memory.header[there, SHAPE], new.memory.header[here, DUTY]])
    distinct, group = np.unique(kinds, axis=0, return_inverse=True)
    for k, (shape, duty) in enumerate(distinct.tolist()):
        kept = [g for g in old.shapes[shape][1] if g in number and new.programs.enabled[duty, number[g]]]
        mine = group.ravel() == k
        rows, sources = here[mine], old.memory.header[there[mine], BASE]
        into = new.shape(duty, (number[g] for g in kept))
        new.move(rows, int(new.memory.header[rows[0], SHAPE]), into)
        targets = new.memory.header[rows, BASE]
        for g in kept:
            span = np.arange(old.programs.all[g].words)
            at, to = old.offsets[shape, g], new.offsets[into, number[g]]
            new.words[targets[:, None] + to + span] = old.words[sources[:, None] + at + span]
