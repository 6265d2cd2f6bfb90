"""Where a frame's columns are wanted: for each set of columns, which kernels run over which programs."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from rules.direct import direct
from rules.kinds.kernel import Kernel, Table
from rules.programs import KindPrograms
from rules.roster import Roster


class Stage(NamedTuple):
    """One kernel's part of a frame: it fills rows `begin` to `end` of x."""

    kernel: Kernel
    table: Table
    begin: int
    end: int


class Layout(NamedTuple):
    """What to do with frames that have certain columns.

    Attributes:
        stages: kernels in their order.
        programs: int64[k], program of each row of x: those of the stages, then the computed ones.
        computed: programs whose measure is an expression, with their row of x.
        online: column of `online`; -1 if there is none.
        whole: uint8[shapes], whether the shape has all the state that these columns may need.
        stateful: programs with state among `programs`, and the column of the first input of each.
    """

    stages: tuple[Stage, ...]
    programs: NDArray[np.int64]
    computed: tuple[tuple[int, int], ...]
    online: int
    whole: NDArray[np.uint8]
    stateful: tuple[tuple[int, int], ...]


def lay_out(signals: tuple[str, ...], roster: Roster) -> Layout:
    """The layout of frames with these columns. It holds until the roster has another shape."""
    programs = roster.programs
    column = {s: j for j, s in enumerate(signals)}
    stages: list[Stage] = []
    order: list[int] = []
    for part in programs.kinds:
        table = _table(part, column, roster)
        if len(table.present):
            begin = len(order)
            order += (part.first + table.present).tolist()
            stages.append(Stage(direct(part.name), table, begin, len(order)))
    computed = []
    for g in programs.computed:
        there = [s in column for s in programs.all[g].inputs]
        if all(there) or (any(there) and not programs.needs_all[g]):
            computed.append((g, len(order)))
            order.append(g)
    stateful = tuple((g, column[programs.all[g].inputs[0]]) for g in order if programs.all[g].words)
    return Layout(
        tuple(stages),
        np.array(order, np.int64),
        tuple(computed),
        column.get("online", -1),
        _whole([g for g, _ in stateful], roster),
        stateful,
    )


def _table(part: KindPrograms, column: dict[str, int], roster: Roster) -> Table:
    programs = roster.programs
    mine = slice(part.first, part.first + part.count)
    inputs = [p.inputs for p in programs.all[mine]]
    width = max(2, *(len(i) for i in inputs))  # kernels may look at a second input that no rule names
    columns = np.full((part.count, width), -1, np.int64)
    for p, names in enumerate(inputs):
        columns[p, : len(names)] = [column.get(s, -1) for s in names]
    present = (columns >= 0).any(axis=1) if part.kind.any_input else columns[:, 0] >= 0
    return Table(
        present=np.flatnonzero(present).astype(np.int64),
        columns=columns,
        offset=np.ascontiguousarray(roster.offsets[:, mine]),
        ints=part.ints,
        reals=part.reals,
        quiet=np.ascontiguousarray(programs.ladders.quiet[:, mine]),
        gap=programs.ladders.gap,
        interval=programs.ladders.interval,
        zone=programs.zone,
        zones=programs.zones,
    )


def _whole(stateful: list[int], roster: Roster) -> NDArray[np.uint8]:
    whole = np.ones(len(roster.offsets), np.uint8)
    for number, (duty, _) in enumerate(roster.shapes):
        missing = (roster.offsets[number, stateful] < 0) & (roster.programs.enabled[duty, stateful] != 0)
        whole[number] = not missing.any()
    return whole
