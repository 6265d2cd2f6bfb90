"""Snapshots that are refused, replay over partitions, the compiled cache, and the figures people ask for."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from community.compiler import COMPILED, types_of
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind, partition_of
from community.frame import EstateChange, Frame, Record, decode_record, encode_record
from community.kernel_cache import drop_unless
from community.quantities import SIGNALS
from rules.bench.engine import bench_engine
from rules.bench.village import ALL_SIGNALS, Readings, village
from rules.cached import KERNELS
from rules.direct import arguments
from rules.engine import Engine, SnapshotRefused
from rules.replay import replay
from rules.rulebook import Rulebook
from rules.snapshot import RefusalReason
from rules.warm import compile_kernel, compile_kernels
from tests.rules.makers import ALL_TOLD, PARTITION, PLAIN, device, engine, estate, feed, reading, run, tick, told

BOOK = PLAIN


def refused(data: bytes, book: Rulebook = BOOK, partition: int = PARTITION) -> RefusalReason:
    with pytest.raises(SnapshotRefused) as caught:
        Engine.restore(data, book, estate(), partition)
    return caught.value.reason


def test_wrong_snapshots_are_refused_by_name() -> None:
    data = engine().snapshot()
    image = msgspec.msgpack.decode(data)
    assert refused(b"\x00" + data) is RefusalReason.UNREADABLE
    assert refused(data[:-3]) is RefusalReason.UNREADABLE
    assert refused(msgspec.msgpack.encode({**image, "format": 1})) is RefusalReason.FORMAT
    assert refused(msgspec.msgpack.encode({**image, "words": b"1"})) is RefusalReason.UNREADABLE
    assert refused(data, Rulebook(BOOK.rules[1:])) is RefusalReason.SHAPE
    assert refused(data, partition=PARTITION + 1) is RefusalReason.PARTITION


def test_a_snapshot_outlives_a_change_of_limits_but_not_of_shape() -> None:
    e = engine()
    run(e, [reading(0, residual_current=31)])
    first = BOOK.rules[0]
    milder = Rulebook((first.model_copy(update={"clause": "another"}), *BOOK.rules[1:]))
    restored = Engine.restore(e.snapshot(), milder, estate(), PARTITION)
    assert restored.levels() == e.levels()


def test_devices_are_found_by_id() -> None:
    e = engine(device("a"), device("b"))
    run(e, [reading(0, "b", residual_current=31), tick(1)])
    back = Engine.restore(e.snapshot(), BOOK, estate(device("new"), device("b")), PARTITION)
    assert back.levels() == e.levels()
    assert told(run(back, [reading(2, "b", residual_current=3)])) == [("residual.shock", "critical", "normal")]


def test_an_empty_partition_is_well() -> None:
    e = Engine(BOOK, estate(), PARTITION + 1)
    assert run(e, [reading(0, residual_current=31), tick(500)]) == []
    assert e.state_bytes_per_device == 0
    assert e.unknown_readings == 1
    assert Engine.restore(e.snapshot(), BOOK, estate(), PARTITION + 1).unknown_readings == 1


def two_communities() -> Estate:
    names = ["village", next(n for n in ("east", "west", "north") if partition_of(n) != PARTITION)]
    return Estate(
        place=tuple(Place(id=n, kind=PlaceKind.COMMUNITY) for n in names),
        household=tuple(Household(id=f"h-{n}", place=n) for n in names),
        device=tuple(Device(id=f"d{k}", household=f"h-{n}", kind=DeviceKind.SMOKE) for k, n in enumerate(names)),
    )


def test_replay_sends_each_row_to_its_partition_and_ticks_to_all() -> None:
    homes = two_communities()
    rows = [reading(0, "d0", smoke_alarm=1), reading(0, "nobody", smoke_alarm=1), reading(0, "d1", smoke_alarm=1)]
    records: list[Record] = [tick(0), Frame.from_readings(rows), EstateChange(2), tick(26 * 3_600)]
    found = list(replay(records, BOOK, homes))
    assert [position for position, _ in found] == [1, 2, 3, 4]
    assert [(f.device, f.community) for f in found[1][1]] == [("d0", "village"), ("d1", homes.place[1].id)]
    assert sorted(f.device for f in found[3][1]) == ["d0", "d1"]


def test_replay_follows_estate_changes() -> None:
    homes, fewer = two_communities(), estate(device("d9"))

    def records() -> Iterable[Record]:
        yield Frame.from_readings([reading(0, "d0", smoke_alarm=1)])
        yield EstateChange(2)
        yield Frame.from_readings([reading(1, "d0", fault=1), reading(1, "d9", fault=1)])

    found = [f for _, findings in replay(records(), BOOK, homes, {2: fewer}.__getitem__) for f in findings]
    assert [(f.device, f.severity.word) for f in found] == [("d0", "critical"), ("d0", "normal"), ("d9", "warning")]


def test_the_bench_says_what_it_promises() -> None:
    report = bench_engine(devices=200, rows=100, quick=True)
    names = ("engine", "scalar", "naive", "standard", "random_order")
    assert all(report[f"{name}_rows_per_s"] > 0 for name in names)
    assert (report["devices"], report["batch_rows"]) == (200, 100)


def test_the_state_of_a_protector_that_sends_everything_is_at_most_512_bytes() -> None:
    e = Engine(BOOK, village(50), PARTITION)
    for frame in Readings(50, 50, ALL_SIGNALS).frames(20):
        e.apply(frame)
    assert 0 < e.state_bytes_per_device <= 512


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled here")
def test_kernels_are_called_with_the_types_that_they_were_compiled_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else looks: `rules.direct` calls machine code."""
    called: set[str] = set()

    def checked(name: str) -> Callable[..., Any]:
        expected = types_of(arguments(name))

        def call(*given: Any) -> Any:
            called.add(name)
            assert types_of(given) == expected, name
            return KERNELS[name](*given)

        return call

    monkeypatch.setattr("rules.engine.direct", checked)
    monkeypatch.setattr("rules.layout.direct", checked)
    e = Engine(ALL_TOLD, estate(device(), device("m", kind="meter"), device("g", kind="co")), PARTITION)
    values = {s: 500.0 for s in SIGNALS if s not in ("online", "reset")}
    found = run(e, [tick(0), *(reading(t, d, **values) for t in range(0, 4_000, 400) for d in "dmg"), tick(9_000)])
    many = [reading(10_000 + k, "d", voltage=230 + 60 * (k % 2), online=1) for k in range(5_000)]
    found += feed(e, [Frame.from_readings(many), decode_record(encode_record(Frame.from_readings(many[:3])))])
    kinds = {r.kind for r in ALL_TOLD.rules} - {"silence"}
    assert called == {"listen", "hear", "fetch", "climb", "watch", *kinds}
    assert found


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled here")
def test_nothing_is_compiled_twice() -> None:
    compile_kernels()
    assert compile_kernels() == 0
    assert [compile_kernel(name) for name in KERNELS] == [0] * len(KERNELS)


def test_kernels_of_other_sources_are_dropped(tmp_path: Path) -> None:
    for name in ("ladder.nbi", "ladder.nbc", "module.pyc"):
        (tmp_path / name).touch()
    assert drop_unless(tmp_path, "one") == 2
    (tmp_path / "ladder.nbi").touch()
    assert drop_unless(tmp_path, "one") == 0
    assert drop_unless(tmp_path, "two") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mingluo-kernels.stamp", "module.pyc"]
