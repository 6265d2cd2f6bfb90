"""The kernel of the scan: one pass over each payload; see `gateway.columnar.scan`.

What is to be done with each value it finds in the tables of `gateway.columnar.tables`.
"""

import numpy as np

from community.compiler import compiled, inner
from gateway.columnar.meant import ENUM, NODE, NUMBER, SEQ, SLOW_FIELD, TIME, UNSURE, meant, moment, word_meant
from gateway.columnar.packets import PAYLOAD_AT, PAYLOAD_END
from gateway.columnar.tables import (
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
    column,
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
    after_blanks,
    is_blank,
    literal,
    number,
    text_end,
)
from gateway.columnar.words import address_of, byte_at, inlined, int_at, mixed, word_at

FAST, SLOW, EMPTY = range(3)
"""What became of a message: its values are there; it is left to Python; it is sound and has nothing for us."""

MISSING = NO_TIME
"""Time of a message that has none of its own."""

MAX_DEPTH = 32
"""Objects and lists within one another; deeper ones go slow."""

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_TAILS = np.array([_ALL, *(np.uint64((1 << 8 * i) - 1) for i in range(1, 8))], np.uint64)
"""Which bytes of a text's last word are its own, by its length modulo 8."""


@inlined
def _is_key(data, at, keys, first, count, length):  # type: ignore[no-untyped-def]  # compiled
    """Whether a key and its closing quote stand at `at`."""
    for i in range(count - 1):
        if word_at(data, at + 8 * i) != word_at(keys, 8 * (first + i)):
            return False
    tail = _TAILS[(length + 1) & 7]
    return (word_at(data, at + 8 * (count - 1)) ^ word_at(keys, 8 * (first + count - 1))) & tail == 0


@inner
def _child(data, at, length, parent, entries, keys, slots, last):  # type: ignore[no-untyped-def]  # compiled
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
    place = np.int64(state) & last
    while True:
        entry = int_at(slots, place)
        if entry < 0:
            return entry
        if column(entries, entry, PARENT) == parent and column(entries, entry, KEY_LENGTH) == length:
            key_at = column(entries, entry, KEY_AT)
            if key_at == at if length == BY_INDEX else _is_key(data, at, keys, key_at, count, length):
                return entry
        place = (place + 1) & last


@inlined
def _key(data, at, end, node, guess, entries, keys, slots, last):  # type: ignore[no-untyped-def]  # compiled
    """Read a key and its colon.

    Args:
        data, end: the document.
        at: behind the opening quote.
        node: entry of the object; -1 if nothing in it is ours.
        guess: entry of the key that usually comes here, or -1.
        entries, keys, slots: addresses of the plans' tables; `last` is the number of the last slot.

    Returns:
        The key's entry, or -1; where the value begins, or -1 if Python must look.
    """
    child = np.int64(-1)
    guessed = False
    if guess >= 0 and column(entries, guess, PARENT) == node:
        length = column(entries, guess, KEY_LENGTH)
        if length >= 0:
            count = column(entries, guess, KEY_WORDS)
            guessed = _is_key(data, at, keys, column(entries, guess, KEY_AT), count, length)
    if guessed:
        child = guess
        at += length + 1
    else:
        close, plain = text_end(data, at, end)
        if close < 0 or not (plain or node < 0):
            return child, np.int64(-1)
        if node >= 0:
            child = _child(data, at, close - at, node, entries, keys, slots, last)
            if child < 0 and column(entries, node, BITS) & STRICT:
                return child, np.int64(-1)
        at = close + 1
    at = after_blanks(data, at)
    # A key may end beyond the document, in what stands behind it.
    if byte_at(data, at) != 0x3A or at >= end:
        return child, np.int64(-1)
    return child, after_blanks(data, at + 1)


@inlined
def _scalar(data, at, end, byte, quoted):  # type: ignore[no-untyped-def]  # compiled
    """Read what is neither an object nor a list.

    Args:
        data, at, end: the value and the document's end.
        byte: at `at`.
        quoted: a text here is read as a number.

    Returns:
        Its value and what it is (see `gateway.columnar.tokens`), where it begins and ends without quotes, and where
        what follows begins.
    """
    if quoted or byte == 0x2D or 0x30 <= byte <= 0x39:
        begin = at
        if quoted:
            begin += 2 if byte_at(data, at + 1) == 0x2B and byte_at(data, at + 2) != 0x2D else 1
        value, stop, what = number(data, begin)
        if not quoted:
            return value, what, begin, stop, stop
        return value, what if byte_at(data, stop) == 0x22 else BAD, begin, stop, stop + 1
    if byte == 0x22:
        stop, plain = text_end(data, at + 1, end)
        return np.nan, BAD if stop < 0 else TEXT if plain else ESCAPED, at + 1, stop, stop + 1
    value, stop, what = literal(data, at)
    return value, what, at, stop, stop


@compiled
def scan_messages(array, index, plan_of_message, tables, first, count, out):  # type: ignore[no-untyped-def]  # compiled
    """Read the payloads of some messages.

    Args:
        array: the bytes in which they lie, padded.
        index, plan_of_message, first: as `gateway.columnar.scan.scan` takes them.
        tables: of the plans.
        count: values that `out` holds already.
        out: the arrays of `gateway.columnar.scan.Scanned`: message, column, value, ts, seq, status.

    Returns:
        The message to go on with, and how many values `out` holds now.
    """
    # Addresses: functions that take arrays would count references to them, which costs more than most of the work.
    data, keys, entries, slots = (
        address_of(array), address_of(tables.keys), address_of(tables.entries), address_of(tables.slots)
    )  # fmt: skip
    reals, invalid, words = address_of(tables.reals), address_of(tables.invalid), address_of(tables.words)
    places, meanings = address_of(tables.word_places), address_of(tables.word_values)
    follow, last_slot = tables.follow, len(tables.slots) - 1
    message_of, column_of, value_of, ts_of, seq_of, status_of = out
    # The message in which an entry, or a column of several entries, was last seen.
    seen = np.full(len(tables.entries), -1, np.int32)
    filled = np.full(tables.columns, -1, np.int32)
    # What is open: its entry (-1: nothing in it is ours), and the index of the element in a list (-1: an object).
    nodes = np.zeros(MAX_DEPTH + 1, np.int64)
    elements = np.zeros(MAX_DEPTH + 1, np.int64)
    capacity = len(value_of)
    for n in range(first, len(index)):
        status_of[n], ts_of[n], seq_of[n] = SLOW, MISSING, -1
        plan = np.int64(plan_of_message[n])
        if plan < 0:
            continue
        if count + tables.most[plan] > capacity:
            return n, count
        at, end = after_blanks(data, np.int64(index[n, PAYLOAD_AT])), np.int64(index[n, PAYLOAD_END])
        while at < end and is_blank(byte_at(data, end - 1)):
            end -= 1
        # From here on the last byte closes the document: no run of digits or blanks leaves it.
        if end - at < 2 or byte_at(data, at) != 0x7B or byte_at(data, end - 1) != 0x7D:
            continue
        at += 1
        node, element = np.int64(tables.roots[plan]), np.int64(-1)
        last, depth = node, 0
        ts, seq = np.int64(MISSING), np.int64(-1)
        start = count
        sound, empty, dated = False, True, False
        while True:
            at = after_blanks(data, at)
            byte = byte_at(data, at)
            if not (empty and byte == (0x7D if element < 0 else 0x5D)):
                child = np.int64(-1)
                if element >= 0:
                    if node >= 0:
                        child = _child(data, element, np.int64(BY_INDEX), node, entries, keys, slots, last_slot)
                elif byte != 0x22:
                    break
                else:
                    child, at = _key(
                        data, at + 1, end, node, np.int64(follow[last]), entries, keys, slots, last_slot
                    )  # fmt: skip
                    if at < 0:
                        break
                    byte = byte_at(data, at)
                kind, bits = np.int64(NODE), np.int64(0)
                if child >= 0:
                    kind, bits = column(entries, child, KIND), column(entries, child, BITS)
                    if seen[child] == n or kind == SLOW_FIELD:
                        break
                    seen[child] = n
                    follow[last] = child
                    last = child
                if byte == 0x7B or byte == 0x5B:
                    depth += 1
                    if depth > MAX_DEPTH:
                        break
                    if child >= 0:
                        if byte == 0x5B and not bits & (INDEXED | STRICT) and kind == NODE:
                            child = np.int64(-1)  # a list where an object is expected: nothing in it is ours
                        elif kind != NODE if byte == 0x7B else not bits & INDEXED:
                            break
                    nodes[depth], elements[depth] = node, element
                    node, element = child, np.int64(-1 if byte == 0x7B else 0)
                    empty = True
                    at += 1
                    continue
                quoted = byte == 0x22 and kind == NUMBER and bits & TEXTS != 0
                value, what, begin, stop, at = _scalar(data, at, end, byte, quoted)
                empty = False
                if what == BAD:
                    break
                if kind == TIME:
                    if dated:
                        break
                    dated = True
                    ts = moment(data, begin, stop, value, what, column(entries, child, UNIT), bits)
                    if ts == UNREADABLE:
                        break
                elif kind == SEQ:
                    if what != NULL:
                        if what != WHOLE or value < 0 or seq >= 0:
                            break
                        seq = np.int64(value)
                elif child >= 0:
                    if kind == ENUM:
                        value = word_meant(
                            data, begin, stop, what, child, bits, entries, reals, words, places, meanings
                        )
                    elif kind != NUMBER or not bits & PLAIN or what not in (WHOLE, REAL):
                        value = meant(value, what, child, kind, bits, entries, reals, invalid)
                    if value == UNSURE:
                        break
                    if not np.isnan(value):
                        signal = column(entries, child, COLUMN)
                        if bits & SHARED:
                            if filled[signal] == n:
                                break
                            filled[signal] = n
                        message_of[count], column_of[count], value_of[count] = n, signal, value
                        count += 1
            # Behind a value, or in an empty container: a comma, or the end of one container or several.
            while True:
                at = after_blanks(data, at)
                byte = byte_at(data, at)
                if byte != (0x7D if element < 0 else 0x5D):
                    break
                at += 1
                if depth == 0:
                    sound = at == end
                    break
                # A list of one is a single value to a field that is both; Python tells.
                if element == 0 and not empty and node >= 0 and column(entries, node, KIND) != NODE:
                    break
                node, element = nodes[depth], elements[depth]
                depth -= 1
                empty = False
            if byte != 0x2C or at >= end:
                break
            at += 1
            element += 1 if element >= 0 else 0
        if not sound or (count == start and tables.strict[plan]):
            count = start
            continue
        status_of[n], ts_of[n], seq_of[n] = FAST if count > start else EMPTY, ts, seq
    return len(index), count
