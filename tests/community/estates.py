"""Strategies of estates that are right, for property tests."""

from hypothesis import strategies as st

from community.estate import Bridge, Device, DeviceKind, Estate, Household, Material, Place, PlaceKind, Ratings

ids = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_-]{0,8}\Z")
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@st.composite
def estates(draw: st.DrawFn) -> Estate:
    """Places in a tree with the levels in order, households in places, devices in households; any text in names."""
    levels = list(PlaceKind)
    places: list[Place] = []
    for place_id in draw(st.lists(ids, unique=True, min_size=1, max_size=5)):
        kind = draw(st.sampled_from(levels))
        above = [p.id for p in places if levels.index(p.kind) < levels.index(kind)]
        parent = draw(st.sampled_from([None, *above]))
        zone = draw(st.sampled_from([None, "Asia/Urumqi", "Europe/Berlin"]))
        place = Place(id=place_id, name=draw(words), kind=kind, parent=parent, timezone=zone)
        places.insert(draw(st.integers(0, len(places))), place)
    households = [
        Household(
            id=household_id,
            place=draw(st.sampled_from(places)).id,
            address=draw(words),
            position=draw(st.none() | st.tuples(st.floats(-90, 90), st.floats(-180, 180))),
            material=draw(st.none() | st.sampled_from(Material)),
            lives_alone=draw(st.booleans()),
            activity_consent=draw(st.booleans()),
            may_wander=draw(st.booleans()),
            notes=draw(words),
        )
        for household_id in draw(st.lists(ids, unique=True, max_size=4))
    ]
    devices = [
        Device(
            id=device_id,
            household=draw(st.sampled_from(households)).id,
            kind=draw(st.sampled_from(DeviceKind)),
            interval_s=draw(st.none() | st.floats(0, 604_800, exclude_min=True)),
            feeder=draw(st.sampled_from([None, "f1", "东线"])),
            phase=draw(st.none() | st.sampled_from(["l1", "3"])),
            ratings=Ratings(rated_current=draw(st.sampled_from([32, 40.5, 63]))),
            secret=draw(st.none() | st.text(min_size=8, max_size=12)),
            profile="shelly2" if number % 2 else "native",
            address=f"{draw(words)}/{number}" if number % 2 else None,
        )
        for number, device_id in enumerate(draw(st.lists(ids, unique=True, max_size=4)) if households else [])
    ]
    taken = {d.id for d in devices}
    bridges = [
        Bridge(
            id=bridge_id, profile="tuya", name=draw(words), secret=draw(st.none() | st.text(min_size=8, max_size=12))
        )
        for bridge_id in draw(st.lists(ids.filter(lambda i: i not in taken), unique=True, max_size=2))
    ]
    return Estate(place=tuple(places), household=tuple(households), device=tuple(devices), bridge=tuple(bridges))
