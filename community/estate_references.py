"""Whether the parts of an estate fit together: ids, references, the tree of places, positions, time zones.

Works on the raw document, so that these faults are told together with those of the single fields.
"""

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from community.estate import PlaceKind
from community.estate_errors import Fault

_LEVELS = list(PlaceKind)
_NEAREST_LOOKUPS = 50
"""Looking for the nearest of many ids takes time; the first faults show the pattern."""


def broken_references(document: dict[str, Any], profiles: Collection[str] | None = None) -> list[Fault]:
    """Every duplicate id, dangling reference, cycle, misplaced kind, impossible position and unknown time zone.

    With `profiles`, the names of all that there are, also every device and bridge that has another one.
    """
    tables = {name: _rows(document, name) for name in ("place", "household", "device", "bridge")}
    ids = {name: {row["id"] for _, row in rows if isinstance(row.get("id"), str)} for name, rows in tables.items()}
    faults = [fault for name, rows in tables.items() for fault in _duplicates(name, rows)]
    faults += _taken_addresses(tables["device"])
    faults += [
        Fault(("bridge", i, "id"), f"{row['id']!r} is already the id of a device", "an id of its own")
        for i, row in tables["bridge"]
        if isinstance(row.get("id"), str) and row["id"] in ids["device"]
    ]
    nearest = _Nearest()
    for name, field, target in (("place", "parent", "place"), ("household", "place", "place"),
                                ("device", "household", "household")):  # fmt: skip
        for i, row in tables[name]:
            wanted = row.get(field)
            if isinstance(wanted, str) and wanted not in ids[target]:
                expected = f"the id of a [[{target}]]{nearest.hint(wanted, ids[target])}"
                faults.append(Fault((name, i, field), f"no {target} has the id {wanted!r}", expected))
    if profiles is not None:
        faults += _profiles(tables, set(profiles), nearest)
    faults += _tree(tables["place"])
    faults += _timezones(tables["place"])
    faults += _positions(tables["household"])
    return faults


_Rows = list[tuple[int, dict[str, Any]]]


def _rows(document: dict[str, Any], name: str) -> _Rows:
    rows = document.get(name)
    return [(i, row) for i, row in enumerate(rows) if isinstance(row, dict)] if isinstance(rows, list) else []


def _duplicates(name: str, rows: _Rows) -> Iterator[Fault]:
    first: dict[str, int] = {}
    for i, row in rows:
        known = row.get("id")
        if isinstance(known, str) and first.setdefault(known, i) != i:
            taken = f"{known!r} is already the id of [[{name}]] number {first[known] + 1}"
            yield Fault((name, i, "id"), taken, "an id of its own")


def _taken_addresses(rows: _Rows) -> Iterator[Fault]:
    first: dict[tuple[str, str], int] = {}
    for i, row in rows:
        profile, address = row.get("profile", "native"), row.get("address", row.get("id"))
        if not (isinstance(profile, str) and isinstance(address, str)):
            continue
        if profile == "native" and row.get("address") not in (None, row.get("id")):
            yield Fault(("device", i, "address"), "a device of the native profile is addressed by its id", "no address")
        # Two devices without an address of their own have one id, which is told already.
        elif first.setdefault((profile, address), i) != i and "address" in row:
            taken = f"{address!r} is the {profile} address of [[device]] number {first[profile, address] + 1} too"
            yield Fault(("device", i, "address"), taken, "an address of its own")


def _profiles(tables: dict[str, _Rows], known: set[str], nearest: "_Nearest") -> Iterator[Fault]:
    for name in ("device", "bridge"):
        for i, row in tables[name]:
            wanted = row.get("profile")
            if isinstance(wanted, str) and wanted not in known:
                expected = f"a name of `mingluo profiles list`{nearest.hint(wanted, known)}"
                yield Fault((name, i, "profile"), f"there is no profile {wanted!r}", expected)


def _tree(rows: _Rows) -> Iterator[Fault]:
    numbers = {row["id"]: i for i, row in reversed(rows) if isinstance(row.get("id"), str)}
    by_number = dict(rows)
    above = {i: numbers.get(p) for i, row in rows if isinstance(p := row.get("parent"), str)}
    settled: set[int] = set()
    for start, row in rows:
        parent = above.get(start)
        if parent is not None and parent != start:
            yield from _order(start, row, by_number[parent])
        trail: list[int] = []
        here: int | None = start
        while here is not None and here not in settled and here not in trail:
            trail.append(here)
            here = above.get(here)
        if here is not None and here in trail:
            ring = [*trail[trail.index(here) :], here]
            names = " in ".join(str(by_number[i]["id"]) for i in ring)
            yield Fault(("place", here, "parent"), f"a circle of places: {names}", "a tree")
        settled.update(trail)


def _order(i: int, child: dict[str, Any], parent: dict[str, Any]) -> Iterator[Fault]:
    inner, outer = child.get("kind"), parent.get("kind")
    if inner in _LEVELS and outer in _LEVELS and _LEVELS.index(inner) <= _LEVELS.index(outer):
        message = f"a {inner} cannot stand in a {outer}"
        yield Fault(("place", i, "parent"), message, f"a place above {inner}: {' > '.join(_LEVELS)}")


def _positions(rows: _Rows) -> Iterator[Fault]:
    for i, row in rows:
        match row.get("position"):
            case [int() | float() as latitude, int() | float() as longitude] if not (
                abs(latitude) <= 90 and abs(longitude) <= 180
            ):
                swapped = abs(longitude) <= 90 and abs(latitude) <= 180
                hint = " (are the two swapped?)" if swapped else ""
                message = f"[{latitude}, {longitude}] is nowhere on earth{hint}"
                yield Fault(("household", i, "position"), message, "[latitude -90..90, longitude -180..180]")


def _timezones(rows: _Rows) -> Iterator[Fault]:
    nearest = _Nearest()
    for i, row in rows:
        name = row.get("timezone")
        if isinstance(name, str) and not _is_timezone(name):
            expected = f"an IANA time zone such as 'Asia/Shanghai'{nearest.hint(name, available_timezones())}"
            yield Fault(("place", i, "timezone"), f"no time zone has the name {name!r}", expected)


def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # unknown; not a name at all; a folder of zones
        return False
    return True


class _Nearest:
    """Remembers what it looked up, and stops looking after a while."""

    def __init__(self) -> None:
        self._hints: dict[str, str] = {}

    def hint(self, wanted: str, known: set[str]) -> str:
        if wanted not in self._hints:
            if len(self._hints) >= _NEAREST_LOOKUPS:
                return ""
            near = get_close_matches(wanted, sorted(known), n=1, cutoff=0.6)
            self._hints[wanted] = f"; the nearest is {near[0]!r}" if near else ""
        return self._hints[wanted]
