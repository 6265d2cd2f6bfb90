"""The checks of trust over columns, compiled. `gateway.trust.scalar` says the same for one measurement."""

import numpy as np

from community.compiler import compiled, inner
from community.quantities import SIGNAL_INDEX
from gateway.trust import tables
from gateway.trust.scalar import LAG, LAG_APART, LAG_STEADY

# Places of the signals that the checks look for by name, in the array `at` of a call.
NAMED: tuple[str, ...] = (
    "breaker_closed", "power_lost", "restart", "online", "test", "battery_low", "battery", "frequency",
    "voltage", "voltage_l1", "voltage_l2", "voltage_l3", "current_l1",
    *(s for triple in tables.TRIPLES for s in triple),
    *(s for pair in tables.PAIRS for s in pair[:2]),
)  # fmt: skip
BREAKER_AT, POWER_LOST_AT, RESTART_AT, ONLINE_AT, TEST_AT, BATTERY_LOW_AT, BATTERY_AT, FREQUENCY_AT = range(8)
VOLTAGE_AT, L1_AT, L2_AT, L3_AT, CURRENT_L1_AT, TRIPLES_AT = range(8, 14)
PAIRS_AT = TRIPLES_AT + 3 * len(tables.TRIPLES)
N_PAIRS = len(tables.PAIRS)

# Columns of a device's memory, as `gateway.trust.scalar.Memory`.
BREAKER, LIVE, FRESH, SEEN_LAG, RECEIVED, SENSOR, CONTRADICTION, CLOCK, LIMITED = range(9)
NEW = np.array([-1, 0, 0, 0, -1, -1, -1, 0, 0], np.int64)
"""Memory of a device of which nothing is known."""

# Columns of the notes, in the order of `tables.NOTES`.
N_CLOCK, N_SENSOR, N_CONTRADICTION, N_LIMITED = range(4)

_VOLTAGE, _CURRENT, _POWER = (int(c) for c in (tables.Class.VOLTAGE, tables.Class.CURRENT, tables.Class.POWER))
_FREQUENCY, _FACTOR = int(tables.Class.FREQUENCY), int(tables.Class.POWER_FACTOR)
_RESIDUAL, _TEMPERATURE = int(tables.Class.RESIDUAL), int(tables.Class.TEMPERATURE)
_RATING, _MARKER, _WRAPPED = int(tables.Why.RATING), int(tables.Why.MARKER), int(tables.Why.WRAPPED)
_LOST, _SILENT = int(tables.Why.LOST), int(tables.Why.SILENT)
_MARKERS = tables.MARKERS
_N_MARKERS = _MARKERS.shape[1]
_LOWS = np.array([p[2] for p in tables.PAIRS])
_HIGHS = np.array([p[3] for p in tables.PAIRS])
_BATTERY = SIGNAL_INDEX["battery"]
_START = tables.START_TEMPERATURE
_LIVE_V, _WRAP, _TOLERANCE, _FLOOR = tables.LIVE, tables.WRAP, tables.TOLERANCE, tables.FLOOR
_EMPTY, _FULL = tables.BATTERY_EMPTY, tables.BATTERY_FULL


@inner
def _get(values, i, j):  # type: ignore[no-untyped-def]  # compiled
    """The value in column j, NaN where there is no such column."""
    return values[i, j] if j >= 0 else np.nan


@inner
def _single(values, why, i, columns, classes, most, memory):  # type: ignore[no-untyped-def]  # compiled
    """Values that are wrong by themselves; also whether a zero is to be looked at, and whether a voltage is live."""
    first = -1
    heat = zero = live = False
    for j in range(len(columns)):
        value = values[i, j]
        kind = classes[j]
        if kind == 0 or np.isnan(value):
            continue
        reason = 0
        if kind <= _POWER and abs(value) > most[kind - 1]:
            reason = _RATING
        else:
            for m in range(_N_MARKERS):
                if value == _MARKERS[kind, m]:
                    reason = _MARKER
        if kind == _TEMPERATURE:
            heat = True
            if memory[FRESH] == 1 and value == _START:
                reason = _MARKER
        if reason:
            why[i, j] = reason
            values[i, j] = np.nan
            if first < 0:
                first = columns[j]
        elif kind == _VOLTAGE:
            zero = zero or value == 0
            live = live or value > _LIVE_V
        elif kind in (_FREQUENCY, _FACTOR):
            zero = zero or value == 0
    if heat:
        memory[FRESH] = 0
    return first, zero, live


@inner
def _shadows(values, why, i, classes):  # type: ignore[no-untyped-def]  # compiled
    for j in range(len(classes)):
        if values[i, j] == 0 and (classes[j] == _VOLTAGE or classes[j] == _FREQUENCY or classes[j] == _FACTOR):
            why[i, j] = _SILENT
            values[i, j] = np.nan


@inner
def _zeros(values, why, i, columns, classes, at, live, memory):  # type: ignore[no-untyped-def]  # compiled
    """Zeros that mean nothing."""
    powered = _get(values, i, at[POWER_LOST_AT]) != 1
    first = -1  # column of the first voltage
    zero = True
    for j in range(len(classes)):
        value = values[i, j]
        if classes[j] == 0 or classes[j] > _RESIDUAL or np.isnan(value):
            continue
        zero = zero and value == 0
        if classes[j] == _VOLTAGE and first < 0:
            first = columns[j]
    lost = -1
    breaker = memory[BREAKER]
    if powered and zero and first >= 0:
        whole = not np.isnan(_get(values, i, at[VOLTAGE_AT])) or not np.isnan(
            _get(values, i, at[L1_AT]) + _get(values, i, at[L2_AT]) + _get(values, i, at[L3_AT])
        )
        if whole and (breaker == 1 or (breaker < 0 and memory[LIVE] == 1)):
            lost = first
            for j in range(len(classes)):
                if 0 < classes[j] <= _RESIDUAL and not np.isnan(values[i, j]):
                    why[i, j] = _LOST
                    values[i, j] = np.nan
        elif whole and breaker < 0:
            _shadows(values, why, i, classes)
    if breaker == 0 and powered:
        _shadows(values, why, i, classes)
    if _get(values, i, at[FREQUENCY_AT]) == 0:
        why[i, at[FREQUENCY_AT]] = _RATING if live else _SILENT
        values[i, at[FREQUENCY_AT]] = np.nan
    return lost


@inner
def _powers(values, why, i, columns, at, most):  # type: ignore[no-untyped-def]  # compiled
    """Power against voltage and current."""
    first = -1
    three = not (np.isnan(_get(values, i, at[L1_AT])) and np.isnan(_get(values, i, at[CURRENT_L1_AT])))
    for t in range(4):
        volts = _get(values, i, at[TRIPLES_AT + 3 * t])
        j = at[TRIPLES_AT + 3 * t + 1]
        amperes = _get(values, i, j)
        watts = abs(_get(values, i, at[TRIPLES_AT + 3 * t + 2]))
        if np.isnan(amperes) or np.isnan(watts) or not volts > _LIVE_V:
            continue
        share = 3.0 if three and t == 0 else 1.0
        apparent = share * volts * amperes
        found = False
        if watts > apparent * _TOLERANCE + _FLOOR:
            found = True
            if amperes < _WRAP and share == 1.0:
                for turns in range(1, 11):
                    true = amperes + turns * _WRAP
                    if true <= most and 0.5 * volts * true <= watts and watts <= 1.05 * volts * true:
                        why[i, j] = _WRAPPED
                        values[i, j] = np.nan
                        break
        elif watts == 0 and apparent >= _FLOOR:
            found = True
        if found and first < 0:
            first = columns[at[TRIPLES_AT + 3 * t + 2]]
    total = abs(_get(values, i, at[TRIPLES_AT + 2]))
    if first < 0 and not np.isnan(total):
        apparent, live = 0.0, False
        for t in range(1, 4):
            volts = _get(values, i, at[TRIPLES_AT + 3 * t])
            apparent += volts * _get(values, i, at[TRIPLES_AT + 3 * t + 1])
            live = live or volts > _LIVE_V
        # NaN, for a phase that is not there, is not less than anything.
        if live and total > apparent * _TOLERANCE + _FLOOR:
            first = columns[at[TRIPLES_AT + 2]]
    return first


@inner
def _flags(values, i, columns, at):  # type: ignore[no-untyped-def]  # compiled
    """Flags against levels."""
    if _get(values, i, at[TEST_AT]) == 1:
        return -1
    for p in range(N_PAIRS):
        flag = _get(values, i, at[PAIRS_AT + 2 * p])
        level = _get(values, i, at[PAIRS_AT + 2 * p + 1])
        if (flag == 1 and level <= _LOWS[p]) or (flag == 0 and level >= _HIGHS[p]):
            return columns[at[PAIRS_AT + 2 * p + 1]]
    flag = _get(values, i, at[BATTERY_LOW_AT])
    level = _get(values, i, at[BATTERY_AT])
    if (flag == 1 and level >= _FULL) or (flag == 0 and level <= _EMPTY):
        return _BATTERY
    return -1


@inner
def _note(notes, i, which, memory, slot, found, values, position):  # type: ignore[no-untyped-def]  # compiled
    """One event at the beginning, one when the same signal is good again."""
    before = memory[slot]
    if found >= 0:
        if before < 0:
            notes[i, which] = 1
        memory[slot] = found
    elif before >= 0 and not np.isnan(_get(values, i, position[before])):
        notes[i, which] = 0
        memory[slot] = -1


@compiled
def judge(  # type: ignore[no-untyped-def]  # compiled
    row, ts, received_at, dated, steady, keep, values, columns, classes, position, at, any_pair,
    most, limited, memory, too_old, future, why, notes, times, left,
):  # fmt: skip
    """Judge the rows of `keep`, in order.

    Args:
        row, ts, received_at, dated, steady: as `gateway.collector.Rows`.
        keep: bool[n].
        values: float64[n, k]; what is not credible becomes NaN.
        columns, classes: int64[k], signal of each column and its `Class`.
        position: int64[signals], column of each signal, -1 where there is none.
        at: int64[NAMED], columns of the signals that are looked for by name, -1 where there is none.
        any_pair: whether a flag and its level are both among the columns.
        most: float64[devices, 3], greatest voltage, current and power.
        limited: bool[devices], whether its rate is being limited.
        memory: int64[devices, 9].
        too_old, future: ms.
        why: uint8[n, k], `Why` of each blanked value.
        notes: float64[n, 4], event noted: 1, 0, or NaN.
        times: int64[n], the time that counts.
        left: bool[n], whether the row has anything left or noted.

    Returns:
        How many values were blanked, and how many events noted.
    """
    blanked = noted = 0
    for i in range(len(row)):
        if not keep[i]:
            continue
        device = row[i]
        own = memory[device]
        if _get(values, i, at[RESTART_AT]) == 1 or _get(values, i, at[ONLINE_AT]) == 1:
            own[FRESH] = 1
        sensor, zero, live = _single(values, why, i, columns, classes, most[device], own)
        breaker = _get(values, i, at[BREAKER_AT])
        if not np.isnan(breaker):
            own[BREAKER] = np.int64(breaker)
        if zero:
            lost = _zeros(values, why, i, columns, classes, at, live, own)
            if sensor < 0:
                sensor = lost
        if live:
            own[LIVE] = 1
        contradiction = _powers(values, why, i, columns, at, most[device, 1]) if steady[i] and live else -1
        if contradiction < 0 and any_pair:
            contradiction = _flags(values, i, columns, at)
        if dated[i]:
            lag = received_at[i] - ts[i]
            bad = lag > too_old or lag < -future
            if not bad:
                if own[RECEIVED] < 0 or abs(lag - own[SEEN_LAG]) > LAG_STEADY:
                    own[SEEN_LAG] = lag
                    own[RECEIVED] = received_at[i]
                bad = lag > LAG and received_at[i] - own[RECEIVED] >= LAG_APART
            times[i] = received_at[i] if bad else ts[i]
            if bad != (own[CLOCK] == 1):
                own[CLOCK] = 1 if bad else 0
                notes[i, N_CLOCK] = 1.0 if bad else 0.0
        if sensor >= 0 or own[SENSOR] >= 0:
            _note(notes, i, N_SENSOR, own, SENSOR, sensor, values, position)
        if contradiction >= 0 or own[CONTRADICTION] >= 0:
            _note(notes, i, N_CONTRADICTION, own, CONTRADICTION, contradiction, values, position)
        if limited[device] != (own[LIMITED] == 1):
            own[LIMITED] = 1 if limited[device] else 0
            notes[i, N_LIMITED] = 1.0 if limited[device] else 0.0
        for k in range(notes.shape[1]):
            if not np.isnan(notes[i, k]):
                noted += 1
                left[i] = True
        for j in range(len(columns)):
            if why[i, j]:
                blanked += 1
            elif not np.isnan(values[i, j]):
                left[i] = True
    return blanked, noted
