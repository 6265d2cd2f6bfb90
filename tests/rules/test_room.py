"""Kernels that run out of room stop, are emptied, and go on: nothing is lost, said twice or said in another order."""

import pytest

from community.finding import Finding
from community.frame import Frame, Record
from community.severity import Severity
from rules import engine as engine_module
from rules.engine import Engine
from rules.rulebook import Rulebook
from tests.rules.makers import PARTITION, PLAIN, device, engine, estate, feed, reading, tick

BOOK = Rulebook(tuple(r for r in PLAIN.rules if r.id in ("residual.shock", "residual.early", "device.silent")))
NAMES = [f"d{k:02}" for k in range(70)]


def whole_village() -> Engine:
    return Engine(BOOK, estate(*(device(name) for name in NAMES)), PARTITION)


def everything_happens() -> list[Finding]:
    """All devices alarm in one frame, recover in one, alarm once more by standing, fall silent, and speak again."""

    def frame(seconds: float, value: float) -> Frame:
        return Frame.from_readings([reading(seconds, name, residual_current=value) for name in NAMES])

    records: list[Record] = [
        tick(0),
        frame(1, 31),
        frame(2, 3),
        frame(3, 25),
        frame(4, 3),
        frame(5, 25),
        tick(15),
        tick(400),
    ]
    return feed(whole_village(), [*records, frame(401, 25), frame(402, 3)])


@pytest.mark.parametrize("spare", [1, 2, 3, 30])
def test_any_room_gives_the_same_findings(monkeypatch: pytest.MonkeyPatch, spare: int) -> None:
    plenty = everything_happens()
    # The engine adds two transitions for each program, so that standing readings and silences have room.
    programs = len(whole_village()._roster.programs.all)
    monkeypatch.setattr(engine_module, "ROOM", spare - programs)
    assert everything_happens() == plenty
    rules = [f.rule for f in plenty]
    assert rules.count("residual.shock") % len(NAMES) == 0
    assert rules.count("device.silent") == 2 * len(NAMES)


def test_a_row_that_waited_for_an_episode_is_not_counted_twice() -> None:
    e = engine(*(device(name) for name in NAMES), book=BOOK)
    found = feed(e, [Frame.from_readings([reading(1, name, residual_current=31) for name in NAMES])])
    assert [f.device for f in found] == NAMES
    assert e.levels() == {(name, "residual.shock"): Severity.CRITICAL for name in NAMES}
