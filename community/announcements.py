"""Devices that said they exist, until a person has taken them into the estate or turned them away."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from community.database import metadata

MOST = 10_000
"""Announcements kept; beyond, the waiting ones not heard of for longest go. A device announces itself again."""

announcement = Table(
    "announcement",
    metadata,
    Column("profile", String(64), primary_key=True),
    Column("address", String(256), primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", String(32)),
    Column("model", Text, nullable=False),
    Column("signals", Text, nullable=False),  # JSON list
    Column("first_seen", BigInteger, nullable=False),  # UTC ms
    Column("last_seen", BigInteger, nullable=False),  # UTC ms
    Column("state", String(16), nullable=False),
    Column("actor", String(64)),
    Column("decided_at", BigInteger),  # UTC ms
    Column("reason", Text),
)


class Decision(StrEnum):
    """What became of an announcement."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A device that said it exists.

    Attributes:
        profile, address: what it speaks, and what it calls itself there.
        kind: what it seems to be; None if it does not tell.
        signals: canonical names of what it reports.
        first_seen, last_seen: UTC ms.
        actor, decided_at, reason: who decided, when (UTC ms) and why; None while it waits, or if that was never told.
    """

    profile: str
    address: str
    name: str = ""
    kind: str | None = None
    model: str = ""
    signals: Sequence[str] = field(default_factory=tuple)
    first_seen: int = 0
    last_seen: int = 0
    state: Decision = Decision.WAITING
    actor: str | None = None
    decided_at: int | None = None
    reason: str | None = None

    @property
    def place(self) -> "PlaceInList":
        """Where it stands in a list."""
        return PlaceInList(self.first_seen, self.profile, self.address)


class PlaceInList(NamedTuple):
    """Where an announcement stands in a list: that does not change when it is heard again."""

    first_seen: int
    profile: str
    address: str


class AnnouncementStore:
    """Keeps announcements. Safe to use from several threads: every call is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def note(self, found: Iterable[Announced], now: int) -> int:
        """Note devices that said they exist at `now`, UTC ms; what was decided of them stays.

        Returns:
            Waiting ones that had to go for want of room.
        """
        with self._engine.begin() as connection:
            for one in found:
                fields = {"last_seen": now, "model": one.model, "signals": json.dumps(list(one.signals))}
                # A device that was merely heard says less of itself than one that announced itself.
                told = fields if one.model or one.kind or one.name else {"last_seen": now}
                known = update(announcement).where(*_key(one.profile, one.address)).values(told)
                if not connection.execute(known).rowcount:
                    row = {"profile": one.profile, "address": one.address, "name": one.name, "kind": one.kind}
                    new = {**fields, **row, "first_seen": now, "state": Decision.WAITING}
                    connection.execute(insert(announcement).values(new))
            return self._make_room(connection)

    @staticmethod
    def _make_room(connection: Connection) -> int:
        columns = announcement.c.profile, announcement.c.address
        query = select(*columns).where(announcement.c.state == Decision.WAITING)
        over = connection.execute(query.order_by(announcement.c.last_seen.desc()).offset(MOST).limit(MOST)).all()
        for profile, address in over:
            connection.execute(delete(announcement).where(*_key(profile, address)))
        return len(over)

    def page(
        self, state: Decision | None = Decision.WAITING, limit: int = MOST, before: PlaceInList | None = None
    ) -> list[Announced]:
        """Those of a state (None: of every), the latest come first; `before`: go on behind this place."""
        order = announcement.c.first_seen, announcement.c.profile, announcement.c.address
        query = select(announcement).order_by(*(column.desc() for column in order)).limit(limit)
        if state is not None:
            query = query.where(announcement.c.state == state)
        if before is not None:
            query = query.where(tuple_(*order) < tuple_(*before))
        with self._reading() as connection:
            return [_read(row) for row in connection.execute(query).mappings()]

    def waiting(self) -> int:
        """How many wait for an answer."""
        query = select(func.count()).where(announcement.c.state == Decision.WAITING)
        with self._reading() as connection:
            return connection.scalar(query) or 0

    def get(self, profile: str, address: str) -> Announced | None:
        """One of them; None if it was never announced."""
        with self._reading() as connection:
            row = connection.execute(select(announcement).where(*_key(profile, address))).mappings().first()
        return None if row is None else _read(row)

    def _reading(self) -> Connection:
        return self._engine.connect().execution_options(readonly=True)


def read_locked(connection: Connection, profile: str, address: str) -> Announced | None:
    """One of them, as nobody else changes it until the transaction ends; None if it was never announced."""
    query = select(announcement).where(*_key(profile, address)).with_for_update()
    row = connection.execute(query).mappings().first()
    return None if row is None else _read(row)


def mark(
    connection: Connection, found: Announced, state: Decision, *, actor: str, now: int, reason: str | None
) -> None:
    """Note what a person decided, in the transaction of `connection`. `now` is UTC ms."""
    decided = {"state": state, "actor": actor, "decided_at": now, "reason": reason}
    connection.execute(update(announcement).where(*_key(found.profile, found.address)).values(decided))


def _key(profile: str, address: str) -> tuple[Any, Any]:
    return announcement.c.profile == profile, announcement.c.address == address


def _read(row: Any) -> Announced:
    fields = dict(row)
    return Announced(**{**fields, "signals": tuple(json.loads(fields["signals"])), "state": Decision(fields["state"])})
