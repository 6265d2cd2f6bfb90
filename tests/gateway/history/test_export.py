"""Exports: what comes out is what went in, in every form; and nothing is left behind."""

import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import nanoarrow
import pytest

from community.clock import HOUR, MINUTE
from community.frame import Frame, Reading, Tick
from community.recording import read_recording
from community.vitals import Vitals
from gateway.history.duck.store import DuckStore
from gateway.history.export import PIECE, Form, Selection, pieces
from gateway.history.store import HistoryUnavailable, QueryError, Resolution, Retention
from tests.gateway.history.influx.makers import batch

START = 1_795_341_600_000
READINGS = [
    Reading(
        d,
        START + k * 10_000 + n,
        START + k * 10_000 + 70 * n + (5 * MINUTE if k % 50 == 7 else 20),
        {"voltage": 220 + k / 10}
        | ({"residual_current": k / 7} if k % 3 else {})
        | ({"smoke_alarm": 1.0} if k == 99 else {}),
    )
    for k in range(720)
    for n, d in enumerate(("p1", "p2", '德"江'))
]
TICKS = list(range(START, START + 3 * HOUR, 1_000))
IN_ORDER = sorted(READINGS, key=lambda r: (r.received_at, r.ts, r.device))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckStore]:
    store = DuckStore(tmp_path_factory.mktemp("history"), Retention(min_free_bytes=0), Vitals())
    store.write(batch(1, IN_ORDER[:1_500], TICKS))
    store.tend(START + 9 * HOUR)
    store.write(batch(2, IN_ORDER[1_500:]))
    yield store
    store.close()


def selected(*devices: str, signals: tuple[str, ...] = (), resolution: Resolution = Resolution.RAW) -> Selection:
    return Selection(devices, signals, START, START + 3 * HOUR, resolution)


def content(store: DuckStore, form: Form, selection: Selection, spool: Path) -> bytes:
    made = list(pieces(store, form, selection, spool))
    assert all(len(p) <= 2 * PIECE for p in made)
    assert not spool.exists() or list(spool.iterdir()) == []
    return b"".join(made)


def test_a_recording_holds_readings_and_ticks_as_they_came(store: DuckStore, tmp_path: Path) -> None:
    found = list(read_recording(content(store, Form.JSONL, selected(), tmp_path).splitlines()))
    assert [r for f in found if isinstance(f, Frame) for r in f.readings()] == IN_ORDER
    assert [t.ts for t in found if isinstance(t, Tick)] == TICKS
    moments: list[int] = []
    for record in found:
        moments += [record.ts] if isinstance(record, Tick) else [r.received_at for r in record.readings()]  # type: ignore[union-attr]
    assert moments == sorted(moments)

    narrowed = content(store, Form.JSONL, selected("p1", signals=("residual_current",)), tmp_path)
    some = [r for f in read_recording(narrowed.splitlines()) if isinstance(f, Frame) for r in f.readings()]
    expected = [r for r in IN_ORDER if r.device == "p1" and "residual_current" in r.values]
    assert [(r.ts, r.values) for r in some] == [
        (r.ts, {"residual_current": r.values["residual_current"]}) for r in expected
    ]


def test_nobody_is_called_silent_for_a_time_without_a_gateway(tmp_path: Path) -> None:
    store = DuckStore(tmp_path / "history", Retention(min_free_bytes=0), Vitals())
    again = START + 20 * MINUTE
    moments = [START, START + 1_000, START + 11_000, again, again + 1_000]
    store.write(batch(1, READINGS[:1], moments))
    made = content(store, Form.JSONL, selected(), tmp_path / "spool")
    ticks = [(t.ts, t.listening_since) for t in read_recording(made.splitlines()) if isinstance(t, Tick)]
    store.close()
    assert ticks == [*((t, None) for t in moments[:3]), *((t, again) for t in moments[3:])]


def rows_of(form: Form, data: bytes, folder: Path) -> list[tuple[object, ...]]:
    """What is in a file, read by somebody else's program."""
    if form is Form.ARROW:
        array = nanoarrow.ArrayStream.from_readable(io.BytesIO(data)).read_all()
        names = [f.name for f in array.schema.fields]
        columns = [array.child(k).to_pylist() for k in range(len(names))]
        return [tuple(names), *zip(*columns, strict=True)]
    path = folder / f"read.{form.value}"
    path.write_bytes(data)
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    names = [name for name, *_ in connection.execute(f"DESCRIBE FROM '{path}'").fetchall()]
    times = ", ".join(f"epoch_ms({n}::TIMESTAMPTZ) AS {n}" for n in names if n in ("ts", "received_at"))
    found = [tuple(names), *connection.execute(f"SELECT * REPLACE ({times}) FROM '{path}'").fetchall()]
    connection.close()
    return found


def moment(value: object) -> int:
    assert isinstance(value, datetime | int)
    return value if isinstance(value, int) else round(value.timestamp() * 1000)


@pytest.mark.parametrize("form", [Form.CSV, Form.PARQUET, Form.ARROW])
def test_readings_in_a_table(store: DuckStore, tmp_path: Path, form: Form) -> None:
    header, *rows = rows_of(form, content(store, form, selected(), tmp_path / "spool"), tmp_path)
    assert header == ("device", "ts", "received_at", "voltage", "residual_current", "smoke_alarm")
    found = [
        Reading(
            str(device),
            moment(ts),
            moment(received),
            {s: v for s, v in zip(header[3:], values, strict=True) if v is not None},  # type: ignore[misc]
        )
        for device, ts, received, *values in rows
    ]
    assert found == IN_ORDER


@pytest.mark.parametrize("form", [Form.CSV, Form.PARQUET, Form.ARROW])
@pytest.mark.parametrize("resolution", [Resolution.MINUTE, Resolution.HOUR])
def test_roll_ups_in_a_table(store: DuckStore, tmp_path: Path, form: Form, resolution: Resolution) -> None:
    selection = selected("p1", '德"江', resolution=resolution)
    header, *rows = rows_of(form, content(store, form, selection, tmp_path / "spool"), tmp_path)
    assert header == (
        "device", "signal", "ts", "width_ms", "min", "mean", "max", "last", "count", "quality", "flags",
    )  # fmt: skip
    wanted = [r for r in READINGS if r.device != "p2"]
    counted = {}
    for device, signal, ts, width, low, _mean, high, *rest in rows:
        assert isinstance(width, int)
        inside = [r.values[str(signal)] for r in wanted if r.device == device and signal in r.values
                  and moment(ts) <= r.ts < moment(ts) + width]  # fmt: skip
        assert (low, high, rest[1]) == (min(inside), max(inside), len(inside))
        counted[device, signal, ts] = len(inside)
    assert len(counted) == len(rows)
    assert sum(counted.values()) == sum(len(r.values) for r in wanted)


def test_roll_ups_as_lines(store: DuckStore, tmp_path: Path) -> None:
    lines = content(store, Form.JSONL, selected("p2", resolution=Resolution.HOUR), tmp_path).splitlines()
    assert len(lines) == 5  # two hours of two signals, and an alarm
    assert b'"flags":["late"]' in lines[0]


def test_an_empty_stretch_is_an_empty_file(store: DuckStore, tmp_path: Path) -> None:
    empty = Selection((), (), 5, 6, Resolution.RAW)
    assert content(store, Form.JSONL, empty, tmp_path) == b""
    assert content(store, Form.CSV, empty, tmp_path).splitlines() == [b"device,ts,received_at"]
    assert rows_of(Form.ARROW, content(store, Form.ARROW, empty, tmp_path), tmp_path)[1:] == []


def test_a_consumer_that_goes_leaves_nothing_behind(store: DuckStore, tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    made = pieces(store, Form.PARQUET, selected(), spool)
    next(made)
    assert len(list(spool.iterdir())) == 1
    made.close()  # type: ignore[attr-defined]  # it is a generator
    assert list(spool.iterdir()) == []


def test_a_spool_that_cannot_be_made_is_told(store: DuckStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryUnavailable, match="the export cannot be collected"):
        list(pieces(store, Form.CSV, selected(), tmp_path / "file"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((("p",), (), 6, 6, Resolution.RAW), "end: expected a time after start"),
        (((), (), 5, 6, Resolution.HOUR), "device: expected at least one, for roll-ups"),
        (((), tuple(map(str, range(1_001))), 5, 6, Resolution.RAW), "signal: expected at most 1000"),
    ],
)
def test_a_wrong_selection_is_named(given: tuple[object, ...], said: str) -> None:
    with pytest.raises(QueryError, match=said):
        Selection(*given)  # type: ignore[arg-type]  # wrong on purpose
