"""What frames of GB/T 26875.3 say, read by the standard's own table and nothing of ours."""

import re

_COUNTED = (0, 1, 25, 30)
"""What the length counts besides the unit: nothing, and as makers do (`gateway/gb26875/dialects.toml`)."""


def frame_says(payload: bytes) -> bool:
    """Whether a whole frame says fire or a manual alarm, wherever it begins: a receiver looks for the next `@@`."""
    if re.fullmatch(rb"\s*([0-9A-Fa-f]{2}\s*)+", payload):
        payload = bytes.fromhex(payload.decode())
    for start in range(len(payload) - 29):
        if payload[start : start + 2] != b"@@":
            continue
        size = payload[start + 24] | payload[start + 25] << 8
        for more in _COUNTED:
            end = start + 27 + size - more
            whole = end >= start + 27 and payload[end + 1 : end + 3] == b"##"
            if whole and sum(payload[start + 2 : end]) & 0xFF == payload[end] and _unit_says(payload[start + 27 : end]):
                return True
    return False


def _unit_says(unit: bytes) -> bool:
    """Type, count, objects (8.1): of each the state's bit 1 is fire; of operations bit 2 is a manual alarm."""
    # type → bytes of an object, the byte of its state, the bits that are alarms.
    shapes = {1: (10, 2, 2), 2: (46, 7, 2), 4: (10, 2, 4), 21: (7, 0, 2), 24: (8, 0, 5)}
    if not unit or unit[0] not in shapes:
        return False
    size, at, bits = shapes[unit[0]]
    # Of an operation bit 0 (reset) says that the manual alarm is over; it is no alarm.
    bits = 4 if unit[0] == 24 else bits
    return any(unit[2 + n + at] & bits for n in range(0, len(unit) - 2 - at, size))
