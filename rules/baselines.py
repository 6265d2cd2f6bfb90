"""Baselines: the slow memory of a device (its usual contact resistance, leakage, hour of the week), out and in.

A device that is new to an engine would have to be watched for days or weeks before it can be compared with its own
past. Where that past is in the history, an engine made for the purpose reads it, and what it has learnt travels
through the log as a `Baseline`; so the findings stay a pure function of the log.

Only programs of kinds that say so (`Kind.slow`) take part, and only under the key that two rulebooks share if a
program means the same in both: a baseline of other rules is passed over, program by program.
"""

import numpy as np
from numpy.typing import NDArray

from community.frame import Baseline
from rules.kinds.ladder import BASE, NEWEST, SHAPE
from rules.kinds.registry import KINDS
from rules.roster import Roster
from rules.rulebook import Rulebook
from rules.snapshot import FORMAT


def slow_programs(roster: Roster, rulebook: Rulebook) -> set[int]:
    """Programs (by number) whose state is a baseline."""
    kinds = {n: KINDS.get(rule.kind) for n, rule in enumerate(rulebook.rules)}
    return {
        g
        for g, program in enumerate(roster.programs.all)
        if program.words and (kind := kinds[program.rule]) is not None and kind.slow
    }


def taken_out(roster: Roster, rulebook: Rulebook, device: str) -> Baseline | None:
    """The slow memory of a device; its `begin` and `end` are both that of the newest reading.

    Returns:
        None for a device that is not here, or has shown nothing that any slow program reads.
    """
    row = roster.row.get(device)
    if row is None:
        return None
    wanted = slow_programs(roster, rulebook)
    programs = {
        roster.programs.all[g].key: roster.words[span].astype("<i8").tobytes()
        for g in roster.shapes[int(roster.memory.header[row, SHAPE])][1]
        if g in wanted
        for span in [_span(roster, row, g)]
    }
    newest = int(roster.memory.header[row, NEWEST])
    return Baseline(device, newest, newest, FORMAT, programs) if programs else None


def put_in(roster: Roster, baseline: Baseline) -> int:
    """Put a slow memory in place of the device's own.

    Returns:
        Programs whose state was taken.
    """
    row = roster.row.get(baseline.device)
    if row is None or baseline.form != FORMAT:
        return 0
    programs = roster.programs.all
    fitting = {g: baseline.programs[p.key] for g, p in enumerate(programs) if _fits(p.words, baseline.programs, p.key)}
    wanted = np.zeros((1, len(programs)), np.bool_)
    wanted[0, list(fitting)] = True
    roster.need(np.array([row]), wanted)
    there = set(roster.shapes[int(roster.memory.header[row, SHAPE])][1]) & fitting.keys()
    for g in there:
        roster.words[_span(roster, row, g)] = np.frombuffer(fitting[g], "<i8")
    return len(there)


def _fits(words: int, given: dict[str, bytes], key: str) -> bool:
    return words > 0 and len(given.get(key, b"")) == 8 * words


def _span(roster: Roster, row: int, program: int) -> NDArray[np.int64]:
    """Index of the words of a program of a device that has them."""
    header = roster.memory.header
    begin = int(header[row, BASE]) + int(roster.offsets[int(header[row, SHAPE]), program])
    return begin + np.arange(roster.programs.all[program].words)
