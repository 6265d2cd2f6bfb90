"""An invented village in the spirit of Xijiang: wooden houses on a hillside, three hamlets, two transformers."""

from collections.abc import Callable
from math import cos, radians

import numpy as np

from community.estate import Device, DeviceKind, Estate, Household, Material, Place, PlaceKind, Ratings

METRES_PER_DEGREE = 111_320  # of latitude; of longitude, times cos(latitude)

# Hamlet: id, name, centre (latitude, longitude), feeders that reach it. The slope rises to the north.
_HAMLETS = (
    ("yangpai", "羊排", (26.4932, 108.1712), ("T1-F1", "T1-F2")),
    ("dongyin", "东引", (26.4921, 108.1748), ("T1-F3", "T2-F1")),
    ("pingzhai", "平寨", (26.4904, 108.1694), ("T2-F2", "T2-F3")),
)
_FAMILIES = "侯蒋宋杨李毛唐陆龙吴"
_PHASES = ("l1", "l2", "l3")
_RATED_CURRENTS = (32.0, 40.0, 63.0)
_HOUSES_PER_TERRACE = 12
_BATTERY_INTERVALS = 6
"""Detectors report this many times less often than the electrical protectors, until they see something."""


def xijiang(secrets: Callable[[], str], households: int = 200, seed: int = 1, interval_s: float = 5) -> Estate:
    """Build the demo village: in each house an electrical protector, and a smoke, heat or CO detector.

    Args:
        secrets: gives a new MQTT password at each call. Everything else follows from `seed`; passwords must not, or
            every installation of the demo would share them.
        households: number of houses, spread evenly over three hamlets.
        interval_s: reporting interval of the electrical protectors, s.
    """
    rng = np.random.default_rng(seed)
    homes: list[Household] = []
    devices: list[Device] = []
    for i in range(households):
        hamlet, hamlet_name, centre, feeders = _HAMLETS[i * len(_HAMLETS) // households]
        nth = i - -(-(_index_of(hamlet) * households) // len(_HAMLETS))
        home = _house(i, nth, hamlet, hamlet_name, centre, rng)
        homes.append(home)
        devices.append(
            Device(
                id=f"e{i + 1:04d}",
                household=home.id,
                kind=DeviceKind.ELECTRICAL_PROTECTOR,
                name="电气保护器",
                interval_s=interval_s,
                feeder=feeders[nth % len(feeders)],
                phase=_PHASES[nth // len(feeders) % 3],
                ratings=Ratings(
                    nominal_voltage=220,
                    rated_current=_RATED_CURRENTS[rng.choice(3, p=(0.5, 0.35, 0.15))],
                    rated_residual=30,
                ),
                secret=secrets(),
            )
        )
        devices.append(_detector(i, home.id, interval_s * _BATTERY_INTERVALS, secrets()))
    return Estate(place=_places(), household=tuple(homes), device=tuple(devices))


def _places() -> tuple[Place, ...]:
    # A hamlet is a cluster of houses within the community: the level below it, as a building is in a city.
    return (
        Place(id="leishan", name="雷山县", kind=PlaceKind.DISTRICT),
        Place(id="xijiang-town", name="西江镇", kind=PlaceKind.STREET, parent="leishan"),
        Place(id="xijiang", name="西江千户苗寨", kind=PlaceKind.COMMUNITY, parent="xijiang-town"),
        *(Place(id=h, name=name, kind=PlaceKind.BUILDING, parent="xijiang") for h, name, _, _ in _HAMLETS),
    )


def _index_of(hamlet: str) -> int:
    return next(i for i, h in enumerate(_HAMLETS) if h[0] == hamlet)


def _house(
    i: int, nth: int, hamlet: str, hamlet_name: str, centre: tuple[float, float], rng: np.random.Generator
) -> Household:
    terrace, along = divmod(nth, _HOUSES_PER_TERRACE)
    # Terraces are 14 m apart up the slope; along them houses stand close: that is why a fire spreads.
    north = terrace * 14 + rng.normal(0, 1.5)
    east = (along - _HOUSES_PER_TERRACE / 2) * 11 + rng.normal(0, 1.5)
    latitude = centre[0] + north / METRES_PER_DEGREE
    longitude = centre[1] + east / (METRES_PER_DEGREE * cos(radians(latitude)))
    alone = bool(rng.random() < 0.08)
    return Household(
        id=f"h{i + 1:04d}",
        place=hamlet,
        name=f"{_FAMILIES[rng.integers(len(_FAMILIES))]}家",
        address=f"{hamlet_name}寨 {terrace + 1} 台 {along + 1} 号",
        position=(round(latitude, 6), round(longitude, 6)),
        material=Material.BRICK if rng.random() < 0.04 else Material.WOOD,
        lives_alone=alone,
        needs_help=bool(rng.random() < (0.4 if alone else 0.05)),
    )


def _detector(i: int, household: str, interval_s: float, secret: str) -> Device:
    # One house in ten heats with charcoal: there a CO detector. One in five has a heat detector by the hearth.
    kind, letter, name = (
        (DeviceKind.CO, "c", "一氧化碳探测器") if i % 10 == 9
        else (DeviceKind.HEAT, "t", "感温探测器") if i % 5 == 2
        else (DeviceKind.SMOKE, "s", "感烟探测器")
    )  # fmt: skip
    return Device(
        id=f"{letter}{i + 1:04d}", household=household, kind=kind, name=name, interval_s=interval_s, secret=secret
    )
