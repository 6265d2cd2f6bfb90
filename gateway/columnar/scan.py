"""JSON straight into columns: one pass over each payload, compiled.

The kernel takes what it is sure of and leaves the rest, whole messages at a time, to `gateway.decoding`. What it takes,
`json.loads` and the plan would have read the same, to the last bit; what is no JSON it never takes.
"""

import numpy as np
from numpy.typing import NDArray

from community.compiler import compiled, inner
from gateway.columnar.meant import ENUM, NODE, NUMBER, SEQ, SLOW_FIELD, TIME, UNSURE, meant, moment, word_meant
from gateway.columnar.packets import PAYLOAD_AT, PAYLOAD_END
from gateway.columnar.plan import (
    BITS,
    BY_INDEX,
    COLUMN,
    INDEXED,
    KEY_AT,
    KEY_LENGTH,
    KEY_WORDS,
    KIND,
    PARENT,
    PLAIN,
    SHARED,
    STRICT,
    TEXTS,
    UNIT,
    Plans,
    native_plan,
    seed_of,
)
from gateway.columnar.tokens import (
    BAD,
    ESCAPED,
    NO_TIME,
    NULL,
    REAL,
    TEXT,
    UNREADABLE,
    WHOLE,
    literal,
    number,
    text_end,
)
from gateway.columnar.words import address_of, byte_at, mixed, padded, view, word_at

FAST, SLOW, EMPTY = range(3)
"""What became of a message: its values are there; it is left to Python; it is sound and has nothing for us."""

MISSING = NO_TIME
"""`Scanned.ts` of a message without a time of its own."""

MAX_DEPTH = 32
"""Objects and lists within one another; deeper ones go slow."""

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_TAILS = np.array([_ALL, *(np.uint64((1 << 8 * i) - 1) for i in range(1, 8))], np.uint64)
"""Which bytes of a text's last word are its own, by its length modulo 8."""


@inner
def _blank(byte):  # type: ignore[no-untyped-def]  # compiled
    return byte == 0x20 or byte == 0x0A or byte == 0x0D or byte == 0x09


@inner
def _is_key(data, at, keys, first, count, length):  # type: ignore[no-untyped-def]  # compiled
    """Whether a key and its closing quote stand at `at`."""
    for i in range(count - 1):
        if word_at(data, at + 8 * i) != word_at(keys, 8 * (first + i)):
            return False
    tail = _TAILS[(length + 1) & 7]
    return (word_at(data, at + 8 * (count - 1)) ^ word_at(keys, 8 * (first + count - 1))) & tail == 0


@inner
def _child(data, at, length, parent, entries, keys, slots):  # type: ignore[no-untyped-def]  # compiled
    """The entry of a key (`at`: its bytes) or, with the length `BY_INDEX`, of an element (`at`: its index); or -1."""
    state = seed_of(parent, length)
    count = 0
    if length == BY_INDEX:
        state = mixed(state, np.uint64(at))
    else:
        count = (length + 8) >> 3
        for i in range(count - 1):
            state = mixed(state, word_at(data, at + 8 * i))
        state = mixed(state, word_at(data, at + 8 * (count - 1)) & _TAILS[(length + 1) & 7])
    last = len(slots) - 1
    place = np.int64(state) & last
    while slots[place] >= 0:
        entry = np.int64(slots[place])
        if entries[entry, PARENT] == parent and entries[entry, KEY_LENGTH] == length:
            if length == BY_INDEX:
                if entries[entry, KEY_AT] == at:
                    return entry
            elif _is_key(data, at, keys, np.int64(entries[entry, KEY_AT]), count, length):
                return entry
        place = (place + 1) & last
    return np.int64(-1)


@compiled
def _scan(array, index, plan_of_message, tables, first, count, out):  # type: ignore[no-untyped-def]  # compiled
    data, keys = address_of(array), address_of(tables.keys)
    entries, slots, follow = tables.entries, tables.slots, tables.follow
    reals, invalid, words = tables.reals, tables.invalid, tables.words
    word_places, word_values, roots, most = tables.word_places, tables.word_values, tables.roots, tables.most
    strict = tables.strict
    message_of, column_of, value_of, ts_of, seq_of, status_of = out
    # The message in which an entry, or a column of several entries, was last seen.
    seen = np.full(len(entries), -1, np.int32)
    filled = np.full(tables.columns, -1, np.int32)
    nodes = np.zeros(MAX_DEPTH + 1, np.int64)
    places = np.zeros(MAX_DEPTH + 1, np.int64)  # index of the element in each list; -1: an object
    capacity = len(value_of)
    for n in range(first, len(index)):
        status_of[n] = SLOW
        ts_of[n] = MISSING
        seq_of[n] = -1
        plan = np.int64(plan_of_message[n])
        if plan < 0:
            continue
        if count + most[plan] > capacity:
            return n, count
        at, end = np.int64(index[n, PAYLOAD_AT]), np.int64(index[n, PAYLOAD_END])
        while at < end and _blank(byte_at(data, at)):
            at += 1
        while at < end and _blank(byte_at(data, end - 1)):
            end -= 1
        # From here on the last byte closes the document: no run of digits or blanks leaves it.
        if end - at < 2 or byte_at(data, at) != 0x7B or byte_at(data, end - 1) != 0x7D:
            continue
        at += 1
        node = np.int64(roots[plan])
        last, depth, place = node, 0, np.int64(-1)
        ts, seq = np.int64(MISSING), np.int64(-1)
        start, opened = count, True
        sound = False
        while True:
            while _blank(byte_at(data, at)):
                at += 1
            byte = byte_at(data, at)
            child = np.int64(-1)
            if opened and byte == (0x7D if place < 0 else 0x5D):
                pass  # an empty object or list: closed below
            else:
                # The key, or the element's index.
                if place < 0:
                    if byte != 0x22:
                        break
                    at += 1
                    guess = np.int64(follow[last])
                    if (
                        guess >= 0
                        and entries[guess, PARENT] == node
                        and entries[guess, KEY_LENGTH] >= 0
                        and _is_key(
                            data, at, keys, np.int64(entries[guess, KEY_AT]),
                            np.int64(entries[guess, KEY_WORDS]), np.int64(entries[guess, KEY_LENGTH]),
                        )
                    ):  # fmt: skip
                        child = guess
                        at += entries[guess, KEY_LENGTH] + 1
                    else:
                        close, plain = text_end(data, at, end)
                        if close < 0 or not (plain or node < 0):
                            break
                        if node >= 0:
                            child = _child(data, at, close - at, node, entries, keys, slots)
                            if child >= 0:
                                follow[last] = child
                            elif entries[node, BITS] & STRICT:
                                break
                        at = close + 1
                    if at >= end:
                        break
                    while _blank(byte_at(data, at)):
                        at += 1
                    if byte_at(data, at) != 0x3A:
                        break
                    at += 1
                    while _blank(byte_at(data, at)):
                        at += 1
                    byte = byte_at(data, at)
                elif node >= 0:
                    child = _child(data, place, np.int64(BY_INDEX), node, entries, keys, slots)
                kind, bits = np.int64(0), np.int64(0)
                if child >= 0:
                    if seen[child] == n:
                        break
                    seen[child] = n
                    last = child
                    kind, bits = np.int64(entries[child, KIND]), np.int64(entries[child, BITS])
                    if kind == SLOW_FIELD:
                        break
                if byte == 0x7B or byte == 0x5B:
                    depth += 1
                    if depth > MAX_DEPTH:
                        break
                    if child >= 0:
                        if byte == 0x5B and not bits & (INDEXED | STRICT) and kind == NODE:
                            child = np.int64(-1)  # a list where an object is expected: nothing in it is ours
                        elif kind != NODE if byte == 0x7B else not bits & INDEXED:
                            break
                    nodes[depth], places[depth] = node, place
                    node, place = child, np.int64(-1 if byte == 0x7B else 0)
                    opened = True
                    at += 1
                    continue
                begin, stop = at, at
                value, what = np.nan, BAD
                quoted = byte == 0x22 and kind == NUMBER and bits & TEXTS != 0
                if quoted:
                    begin += 2 if byte_at(data, at + 1) == 0x2B and byte_at(data, at + 2) != 0x2D else 1
                if quoted or byte == 0x2D or 0x30 <= byte <= 0x39:
                    value, stop, what = number(data, begin)
                    at = stop
                    if quoted:
                        if byte_at(data, at) != 0x22:
                            break
                        at += 1
                elif byte == 0x22:
                    begin = at + 1
                    stop, plain = text_end(data, begin, end)
                    if stop < 0:
                        break
                    at = stop + 1
                    what = TEXT if plain else ESCAPED
                else:
                    value, stop, what = literal(data, at)
                    at = stop
                if what == BAD:
                    break
                if child >= 0:
                    if kind == TIME:
                        ts = moment(data, begin, stop, value, what, np.int64(entries[child, UNIT]), bits)
                        if ts == UNREADABLE:
                            break
                    elif kind == SEQ:
                        if what != NULL:
                            if what != WHOLE or value < 0:
                                break
                            seq = np.int64(value)
                    else:
                        if kind == NUMBER and bits & PLAIN and what in (WHOLE, REAL):
                            pass
                        elif kind == ENUM:
                            value = word_meant(
                                data, begin, stop, what, child, bits, entries, reals, words, word_places, word_values
                            )
                        else:
                            value = meant(value, what, child, kind, bits, entries, reals, invalid)
                        if value == UNSURE:
                            break
                        if not np.isnan(value):
                            column = entries[child, COLUMN]
                            if bits & SHARED:
                                if filled[column] == n:
                                    break
                                filled[column] = n
                            message_of[count] = n
                            column_of[count] = column
                            value_of[count] = value
                            count += 1
                opened = False
            # Behind a value, or in an empty container: a comma, or the end of one or more containers.
            while True:
                while _blank(byte_at(data, at)):
                    at += 1
                byte = byte_at(data, at)
                if byte != (0x7D if place < 0 else 0x5D):
                    break
                at += 1
                if depth == 0:
                    sound = at == end
                    break
                # A list of one is a single value to a field that is both; Python tells.
                if place == 0 and not opened and node >= 0 and entries[node, KIND] != NODE:
                    break
                node, place = nodes[depth], places[depth]
                depth -= 1
                opened = False
            if byte != 0x2C or at >= end:
                break
            at += 1
            if place >= 0:
                place += 1
        if not sound:
            count = start
            continue
        if count == start and strict[plan]:
            continue
        status_of[n] = FAST if count > start else EMPTY
        ts_of[n] = ts
        seq_of[n] = seq
    return len(index), count


class Scanned:
    """What a scan found: arrays that are used again for the next one.

    Attributes:
        message, column, value: int32, int16 and float64[values]: number of the message, index in `SIGNALS`, value; in
            the order of the messages. The first `count` are filled.
        count: values found.
        ts, seq: int64[messages]: the device's time in UTC ms, or `MISSING`; its running number, or -1.
        status: uint8[messages]: `FAST`, `SLOW` or `EMPTY`.
    """

    def __init__(self, messages: int, values: int) -> None:
        """Make room for so many messages and values at once."""
        self.message = np.zeros(values, np.int32)
        self.column = np.zeros(values, np.int16)
        self.value = np.zeros(values, np.float64)
        self.count = 0
        self.ts = np.zeros(messages, np.int64)
        self.seq = np.zeros(messages, np.int64)
        self.status = np.zeros(messages, np.uint8)


def scan(
    data: bytes,
    index: NDArray[np.int32],
    plan_of_message: NDArray[np.int32],
    plans: Plans,
    out: Scanned,
    first: int = 0,
) -> int:
    """Read the payloads of some messages.

    Args:
        data: the bytes in which they lie.
        index: int32[n, 6]; see `gateway.columnar.packets`.
        plan_of_message: int32[n]: number in `plans`; -1 leaves the message to Python.
        plans: what is read.
        out: written; values come behind the `count` that are there.
        first: message to begin with.

    Returns:
        The message to go on with: n, or the first one for whose values there is no room. Then take what is there, set
        `out.count` to 0 and call again.

    Raises:
        ValueError: `out` has no room for so many messages, or not for the values of a single one.
    """
    if len(index) > len(out.status) or plans.most > len(out.value):
        raise ValueError(f"no room for {len(index)} messages, or for the {plans.most} values of one")
    if not len(index):
        return 0
    buffer = padded(data, int(index[-1, PAYLOAD_END]))
    columns = (out.message, out.column, out.value, out.ts, out.seq, out.status)
    done, out.count = _scan(view(buffer), index, plan_of_message, plans.tables, first, out.count, columns)
    return int(done)


def prepare() -> None:
    """Compile the kernels, or load them from disk."""
    plans = Plans.compile([native_plan()])
    scan(b"{}", np.array([[0, 0, 0, 2, 0, 0]], np.int32), np.zeros(1, np.int32), plans, Scanned(1, plans.most))
