"""MQTT topic filters (MQTT 3.1.1, 4.7): which of them are needed to hear all that some profiles listen to."""

from collections.abc import Iterable

EVERYTHING = "#"


def everything(topic_filters: Iterable[str]) -> tuple[str, ...]:
    """Filters for a broker that only our devices reach: all topics at once.

    With nats-server messages keep their order only within one subscription (docs/decisions/0002). `#` leaves out
    topics that begin with `$`, so each first level of that kind gets a filter of its own.
    """
    apart = (f.split("/")[0] for f in topic_filters if f.startswith("$"))
    return EVERYTHING, *(f"{level}/#" for level in dict.fromkeys(apart))


def widest(topic_filters: Iterable[str]) -> tuple[str, ...]:
    """The same topics with as few of these filters as possible, in the same order.

    A broker may send a message once for each subscription that it matches.
    """
    # Every topic has a first level: the only two that cover one another.
    unique = tuple(dict.fromkeys(EVERYTHING if f == "+/#" else f for f in topic_filters))
    return tuple(f for f in unique if not any(covers(other, f) for other in unique if other != f))


def covers(wide: str, narrow: str) -> bool:
    """Whether every topic that `narrow` matches is matched by `wide`."""
    if narrow.startswith("$") and wide[:1] in ("#", "+"):
        return False  # 4.7.2: a wildcard in front does not match what begins with $
    levels, against = wide.split("/"), ("+/#" if narrow == EVERYTHING else narrow).split("/")
    for place, level in enumerate(levels):
        if level == "#":
            return True
        # "a/#" matches "a" itself as well, which no other filter of two levels does.
        if place >= len(against) or against[place] == "#" or level not in ("+", against[place]):
            return False
    return len(levels) == len(against)
