"""Recordings: log records as JSON lines, for replay, tests and people.

One object a line: `{"device", "ts", "received_at"?, "values": {...}}`, `{"device", "ts", "event", "active"?,
"received_at"?}`, `{"tick": ts, "listening_since"?}`, `{"estate": version}`, `{"rulebook": version}` or
`{"baseline": {...}}`. Times as `community.clock.parse_time` reads them; `received_at` is `ts` where it is absent.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import msgspec

from community.clock import DAY, SECOND, parse_time
from community.frame import Baseline, EstateChange, Frame, Reading, Record, RulebookChange, Tick
from community.quantities import EVENTS, QUANTITIES, SIGNAL_INDEX, nearest_signal

LONGEST_FRAME = 1_000
"""Readings in a frame that `read_recording` makes; a recording of any length needs memory for so many."""

EVERY_SECOND_MS = 8 * DAY
"""In a longer gap of a recording without ticks, one more tick ends it. By then every device that reports at least once
a week is known to be silent, so no tick in between could tell anything; and a stray time costs no million ticks."""

Change = Tick | EstateChange | RulebookChange | Baseline

_decoder = msgspec.json.Decoder()
_encoder = msgspec.json.Encoder()


class RecordingError(ValueError):
    """A line of a recording is wrong.

    Attributes:
        line: its number, from 1.
        expected: what was wrong and what was expected.
    """

    def __init__(self, line: int, expected: str) -> None:
        super().__init__(f"line {line}: {expected}")
        self.line = line
        self.expected = expected


def read_recording(
    lines: Iterable[bytes | str],
    *,
    errors: list[RecordingError] | None = None,
) -> Iterator[Record]:
    """Read records; consecutive readings become frames, in their order.

    A recording without any tick is given one for each second of receipt, so that silence and standing readings are
    judged; in one that has a tick, no other is made. To know this, lines before the first tick are read ahead and kept.

    Args:
        errors: bad lines are put here and skipped; without it the first one is raised.

    Raises:
        RecordingError: which line, and what was expected.
    """
    ahead: list[bytes | str] = []
    rest = iter(lines)
    for line in rest:
        ahead.append(line)
        if _is_tick(line):
            yield from _framed(_parsed(chain(ahead, rest), errors))
            return
    yield from _framed(_ticked(_parsed(ahead, errors)))


def write_recording(records: Iterable[Record]) -> Iterator[bytes]:
    """The lines of a recording, each with its line feed; reads back to the same readings and ticks."""
    for record in records:
        if isinstance(record, Tick):
            tick: dict[str, Any] = {"tick": record.ts}
            if record.listening_since is not None:
                tick["listening_since"] = record.listening_since
            yield _encoder.encode(tick) + b"\n"
        elif isinstance(record, EstateChange):
            yield _encoder.encode({"estate": record.version}) + b"\n"
        elif isinstance(record, RulebookChange):
            yield _encoder.encode({"rulebook": record.version}) + b"\n"
        elif isinstance(record, Baseline):
            content = {name: getattr(record, name) for name in record.__struct_fields__}
            yield _encoder.encode({"baseline": content}) + b"\n"
        else:
            for device, ts, received, values in record.readings():
                line: dict[str, Any] = {"device": device, "ts": ts}
                if received != ts:
                    line["received_at"] = received
                yield _encoder.encode({**line, "values": values}) + b"\n"


def _parsed(lines: Iterable[bytes | str], errors: list[RecordingError] | None) -> Iterator[Reading | Change]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _item(line)
        except ValueError as error:
            wrong = RecordingError(number, str(error))
            if errors is None:
                raise wrong from None
            errors.append(wrong)


def _item(line: bytes | str) -> Reading | Change:
    try:
        item = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"expected one JSON object: {error}") from None
    if not isinstance(item, dict):
        raise ValueError(f"expected a JSON object, got {type(item).__name__}")
    if "tick" in item:
        _only(item, "tick", "listening_since")
        since = item.get("listening_since")
        return Tick(_time(item, "tick"), None if since is None else _time(item, "listening_since"))
    if "estate" in item:
        return EstateChange(_version(item, "estate"))
    if "rulebook" in item:
        return RulebookChange(_version(item, "rulebook"))
    if "baseline" in item:
        _only(item, "baseline")
        try:
            return msgspec.convert(item["baseline"], Baseline)
        except msgspec.ValidationError as error:
            raise ValueError(f"baseline: {error}") from None
    if "device" not in item:
        raise ValueError('expected a key "device", "tick", "estate", "rulebook" or "baseline"')
    _only(item, "device", "ts", "received_at", "values", "event", "active")
    device = item["device"]
    if not isinstance(device, str) or not device:
        raise ValueError("device: expected a device id")
    if "ts" not in item:
        raise ValueError('expected "ts", when it was measured')
    if ("values" in item) == ("event" in item):
        raise ValueError('expected either "values" or "event"')
    ts = _time(item, "ts")
    received = ts if item.get("received_at") is None else _time(item, "received_at")
    return Reading(device, ts, received, _event(item) if "event" in item else _values(item))


def _version(item: dict[str, Any], key: str) -> int:
    _only(item, key)
    version = item[key]
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise ValueError(f"{key}: expected a version, a whole number")
    return version


def _values(item: dict[str, Any]) -> dict[str, float]:
    values = item["values"]
    if not isinstance(values, dict):
        raise ValueError("values: expected an object of signals and numbers")
    if "active" in item:
        raise ValueError('active: belongs to an "event"')
    found = {}
    for signal, value in values.items():
        if signal not in SIGNAL_INDEX:
            raise ValueError(f"values.{signal}: no such signal{_near(signal)}")
        if value is None:
            continue  # missing, written out
        if isinstance(value, bool) and (signal in EVENTS or QUANTITIES[signal].unit == ""):
            value = float(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"values.{signal}: expected a number, got {value!r}")
        found[signal] = float(value)
    return found


def _event(item: dict[str, Any]) -> dict[str, float]:
    event, active = item["event"], item.get("active", True)
    if event not in EVENTS:
        raise ValueError(f"event: no such event {event!r}{_near(event)}")
    if not isinstance(active, bool):
        raise ValueError("active: expected true or false")
    return {event: float(active)}


def _time(item: dict[str, Any], key: str) -> int:
    try:
        return parse_time(item[key])
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None


def _only(item: dict[str, Any], *keys: str) -> None:
    unknown = [k for k in item if k not in keys]
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}; expected {', '.join(keys)}")


def _near(name: object) -> str:
    near = nearest_signal(name) if isinstance(name, str) else None
    return f"; did you mean {near}?" if near is not None else ""


def _is_tick(line: bytes | str) -> bool:
    if (b'"tick"' if isinstance(line, bytes) else '"tick"') not in line:  # type: ignore[operator]  # told apart before
        return False
    try:
        return isinstance(_item(line), Tick)
    except ValueError:
        return False


def _ticked(items: Iterable[Reading | Change]) -> Iterator[Reading | Change]:
    """Put a tick at each whole second of receipt: one before the first reading, one behind the last."""
    due: int | None = None
    for item in items:
        if isinstance(item, Reading):
            second = -(-item.received_at // SECOND) * SECOND  # the first whole second not before it
            if due is None:
                due = second - SECOND
            dense = min(second, due + EVERY_SECOND_MS)
            for ts in range(due, dense, SECOND):
                yield Tick(ts, unheard=False)
            if dense < second:
                yield Tick(second - SECOND, unheard=False)
            due = max(due, second)
        yield item
    if due is not None:
        yield Tick(due, unheard=False)


def _framed(items: Iterable[Reading | Change]) -> Iterator[Record]:
    readings: list[Reading] = []
    for item in items:
        if isinstance(item, Reading):
            readings.append(item)
            if len(readings) < LONGEST_FRAME:
                continue
        if readings:
            yield Frame.from_readings(readings)
            readings = []
        if not isinstance(item, Reading):
            yield item
    if readings:
        yield Frame.from_readings(readings)
