"""The estate in the database."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from community.database import metadata, open_database
from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.estate_store import EstateStore, UnknownVersionError
from community.estate_tables import device, household, place
from tests.community.estates import estates

# A child before its parent: the store must not depend on the file's order.
HOME = Estate(
    place=(
        Place(id="yangpai", kind=PlaceKind.BUILDING, parent="xijiang"),
        Place(id="xijiang", name="西江", kind=PlaceKind.COMMUNITY, timezone="Asia/Urumqi"),
    ),
    household=(Household(id="h1", place="yangpai", position=(26.49, 108.17), needs_help=True, may_wander=True),),
    device=(Device(id="d1", household="h1", kind=DeviceKind.SMOKE, secret="a good secret"),),
)


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = open_database(f"sqlite:///{tmp_path / 'estate.db'}")
    metadata.create_all(engine)
    return engine


@pytest.fixture
def store(engine: Engine) -> EstateStore:
    return EstateStore(engine)


def test_before_the_first_version_there_is_an_empty_estate(store: EstateStore) -> None:
    assert store.current() == (0, Estate())
    assert store.version(0) == Estate()
    assert store.versions() == []


def test_a_new_version_replaces_and_the_old_one_stays(store: EstateStore) -> None:
    first = store.replace(HOME, "anna", 1_000)
    second = store.replace(Estate(place=HOME.place), "ben", 2_000)
    assert second > first
    assert store.current() == (second, Estate(place=HOME.place))
    assert store.version(first) == HOME
    assert store.versions() == [(second, 2_000, "ben"), (first, 1_000, "anna")]
    with pytest.raises(UnknownVersionError, match=str(second + 1)):
        store.version(second + 1)


def test_rows_stand_for_the_present_version_without_secrets(store: EstateStore, engine: Engine) -> None:
    store.replace(HOME, "anna", 1_000)
    store.replace(HOME, "anna", 2_000)
    with engine.connect() as connection:
        zones = {row.id: row.timezone for row in connection.execute(select(place))}
        home = connection.execute(select(household)).one()
        protector = connection.execute(select(device)).one()
    assert zones == {"xijiang": "Asia/Urumqi", "yangpai": None}
    assert (home.latitude, home.longitude, home.needs_help) == (26.49, 108.17, True)
    assert (home.activity_consent, home.may_wander) == (False, True)
    assert (protector.kind, protector.nominal_voltage) == ("smoke", 230)
    assert "a good secret" not in map(str, protector)


def test_another_process_sees_the_change(store: EstateStore, engine: Engine) -> None:
    other = EstateStore(open_database(str(engine.url)))
    assert other.current() == (0, Estate())
    version = store.replace(HOME, "anna", 1_000)
    assert other.current() == (version, HOME)


def test_a_failed_replacement_changes_nothing(store: EstateStore) -> None:
    version = store.replace(HOME, "anna", 1_000)
    broken = HOME.model_copy(update={"place": ()})
    with pytest.raises(IntegrityError):
        store.replace(broken, "anna", 2_000)
    assert store.current() == (version, HOME)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(estate=estates())
def test_any_estate_comes_back_as_it_was(store: EstateStore, estate: Estate) -> None:
    version = store.replace(estate, "anna", 1_000)
    assert store.version(version) == estate
