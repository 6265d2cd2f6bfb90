"""The estate of the benchmark: communities of a thousand homes with one electrical protector each."""

from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind

COMMUNITY = 1_000
"""Homes of a community, as in a large village. Each community is in one partition of the log."""


def bench_estate(devices: int) -> Estate:
    """`devices` single-phase protectors; their reporting interval is long, so that no silence is judged."""
    numbers = range(devices)
    return Estate(
        place=tuple(Place(id=f"c{c:03}", kind=PlaceKind.COMMUNITY) for c in range(-(-devices // COMMUNITY))),
        household=tuple(Household(id=f"h{n:06}", place=f"c{n // COMMUNITY:03}") for n in numbers),
        device=tuple(
            Device(id=f"d{n:06}", household=f"h{n:06}", kind=DeviceKind.ELECTRICAL_PROTECTOR, interval_s=3_600)
            for n in numbers
        ),
    )
