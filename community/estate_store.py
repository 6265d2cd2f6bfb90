"""The estate in the database: a new version at each change, and every earlier one to be asked for again."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, text

from community.estate import Device, Estate, Household, Place
from community.estate_tables import bridge, device, estate_version, household, place


class UnknownVersionError(LookupError):
    """No estate of this version was ever stored."""


class Version(NamedTuple):
    """When and by whom an estate was stored. `created_at` is UTC ms."""

    version: int
    created_at: int
    actor: str


class EstateStore:
    """Reads and replaces the estate. Safe to use from several threads: every call is one transaction.

    Database errors (SQLAlchemy's) pass through; a failed `replace` leaves the former estate in force.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        # The store is asked every few seconds, and seldom has anything new; one estate is all that is kept.
        self._last: tuple[int, Estate] = (0, Estate())

    def replace(self, estate: Estate, actor: str, now: int) -> int:
        """Put `estate` in place of the present one, whole.

        Args:
            estate: as checked by `community.estate_file`.
            actor: account name, or `command line`.
            now: UTC ms.

        Returns:
            The new version, greater than every one before.
        """
        with self._engine.begin() as connection:
            _wait_for_others(connection)
            return _put(connection, estate, actor, now)

    def change(self, made: Callable[[Connection, Estate], Estate], actor: str, now: int) -> int:
        """Put in force what `made` makes of the present estate, so that no other change in between is lost.

        Args:
            made: is called within the transaction, which it may use: what it writes there stands if and only if the
                new estate does. What it raises passes through, and nothing has changed.
            actor: account name, or `command line`.
            now: UTC ms.

        Returns:
            The new version.
        """
        with self._engine.begin() as connection:
            _wait_for_others(connection)
            return _put(connection, made(connection, self._present(connection)), actor, now)

    def current_version(self) -> int:
        """Number of the version in force; 0 if no estate was ever stored."""
        with self._reading() as connection:
            return _newest(connection)

    def current(self) -> tuple[int, Estate]:
        """The version in force and its number; 0 and an empty estate if none was ever stored."""
        version = self.current_version()
        last = self._last
        if version != last[0]:
            self._last = last = (version, self.version(version))
        return last

    def version(self, number: int) -> Estate:
        """The estate as of version `number`; 0 is the empty one before the first.

        Raises:
            UnknownVersionError: if it was never stored.
        """
        last = self._last
        if number == last[0]:  # 0 and the empty estate at first; one copy in memory serves all who ask
            return last[1]
        with self._reading() as connection:
            return _stored(connection, number)

    def versions(self) -> list[Version]:
        """Every version, newest first."""
        columns = estate_version.c.version, estate_version.c.created_at, estate_version.c.actor
        with self._reading() as connection:
            rows = connection.execute(select(*columns).order_by(estate_version.c.version.desc()))
            return [Version(*row) for row in rows]

    def _present(self, connection: Connection) -> Estate:
        number, last = _newest(connection), self._last
        return last[1] if number == last[0] else _stored(connection, number)

    def _reading(self) -> Connection:
        return self._engine.connect().execution_options(readonly=True)


def _wait_for_others(connection: Connection) -> None:
    """Let one writer at a time in. SQLite does so by itself (`open_database`)."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE estate_version IN EXCLUSIVE MODE"))  # readers are let in


def _put(connection: Connection, estate: Estate, actor: str, now: int) -> int:
    for table in (bridge, device, household, place):
        connection.execute(delete(table))
    _insert(connection, place, map(_place_row, _parents_first(estate)))
    _insert(connection, household, map(_household_row, estate.household))
    _insert(connection, device, map(_device_row, estate.device))
    _insert(connection, bridge, (b.model_dump(mode="json", exclude={"secret"}) for b in estate.bridge))
    # Whole, defaults included: a version must mean the same after the defaults have changed.
    document = estate.model_dump_json()
    result = connection.execute(insert(estate_version).values(created_at=now, actor=actor, document=document))
    (version,) = result.inserted_primary_key or (0,)
    return int(version)


def _newest(connection: Connection) -> int:
    return connection.scalar(select(func.max(estate_version.c.version))) or 0


def _stored(connection: Connection, number: int) -> Estate:
    if number == 0:
        return Estate()
    document = connection.scalar(select(estate_version.c.document).where(estate_version.c.version == number))
    if document is None:
        raise UnknownVersionError(f"estate version {number} was never stored")
    return Estate.model_validate_json(document)


def _insert(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    batch = list(rows)
    if batch:
        connection.execute(insert(table), batch)


def _parents_first(estate: Estate) -> list[Place]:
    """The places in an order in which each one's parent is already there when it is inserted."""
    return sorted(estate.place, key=lambda p: sum(1 for _ in estate.ancestors(p.id)))


def _place_row(row: Place) -> dict[str, Any]:
    return row.model_dump(mode="json")


def _household_row(row: Household) -> dict[str, Any]:
    latitude, longitude = row.position or (None, None)
    fields = row.model_dump(mode="json", exclude={"position"})
    return {**fields, "latitude": latitude, "longitude": longitude}


def _device_row(row: Device) -> dict[str, Any]:
    return {**row.model_dump(mode="json", exclude={"ratings", "secret"}), **row.ratings.model_dump()}
