"""Devices that said they exist, until a person has taken them into the estate or turned them away."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pydantic import ValidationError
from sqlalchemy import BigInteger, Column, Engine, String, Table, Text, delete, insert, select, update

from community.database import metadata
from community.estate import Device, DeviceKind, Estate

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
        actor: who decided.
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


class ApprovalError(ValueError):
    """A device cannot be taken into the estate; the message says why."""


def with_device(
    estate: Estate, found: Announced, *, household: str, device_id: str | None, kind: str | None, name: str | None
) -> Estate:
    """The estate with an announced device in it.

    Args:
        household: where it is installed.
        device_id: its id; None: its address, if that can be one.
        kind, name: None: as announced.

    Raises:
        ApprovalError: it cannot be.
    """
    if household not in estate.households:
        raise ApprovalError(f"no household has the id {household!r}")
    if any((d.profile, d.own_address) == (found.profile, found.address) for d in estate.device):
        raise ApprovalError(f"{found.address!r} is in the estate already")
    chosen = device_id or found.address
    if chosen in estate.devices or chosen in estate.bridges:
        raise ApprovalError(f"{chosen!r} is already an id; choose another")
    if (kind or found.kind) not in set(DeviceKind):
        raise ApprovalError(f"say what kind of device it is: {', '.join(DeviceKind)}")
    try:
        device = Device(
            id=chosen,
            household=household,
            kind=DeviceKind(str(kind or found.kind)),
            name=found.name if name is None else name,
            profile=found.profile,
            address=None if chosen == found.address else found.address,
        )
    except ValidationError as error:
        raise ApprovalError(f"{chosen!r} cannot be an id: {error.errors()[0]['msg']}; choose one") from None
    return Estate(place=estate.place, household=estate.household, device=(*estate.device, device), bridge=estate.bridge)


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
    def _make_room(connection: Any) -> int:
        columns = announcement.c.profile, announcement.c.address
        query = select(*columns).where(announcement.c.state == Decision.WAITING)
        over = connection.execute(query.order_by(announcement.c.last_seen.desc()).offset(MOST).limit(MOST)).all()
        for profile, address in over:
            connection.execute(delete(announcement).where(*_key(profile, address)))
        return len(over)

    def all(self, state: Decision | None = Decision.WAITING) -> list[Announced]:
        """Those of a state (None: of every), the latest heard of first."""
        query = select(announcement).order_by(announcement.c.last_seen.desc())
        if state is not None:
            query = query.where(announcement.c.state == state)
        with self._engine.connect().execution_options(readonly=True) as connection:
            return [_read(row) for row in connection.execute(query).mappings()]

    def get(self, profile: str, address: str) -> Announced | None:
        """One of them; None if it was never announced."""
        with self._engine.connect().execution_options(readonly=True) as connection:
            row = connection.execute(select(announcement).where(*_key(profile, address))).mappings().first()
        return None if row is None else _read(row)

    def decide(self, profile: str, address: str, state: Decision, actor: str) -> bool:
        """Note what a person decided; False if it was never announced."""
        with self._engine.begin() as connection:
            decided = update(announcement).where(*_key(profile, address)).values(state=state, actor=actor)
            return bool(connection.execute(decided).rowcount)


def _key(profile: str, address: str) -> tuple[Any, Any]:
    return announcement.c.profile == profile, announcement.c.address == address


def _read(row: Any) -> Announced:
    fields = dict(row)
    return Announced(**{**fields, "signals": tuple(json.loads(fields["signals"])), "state": Decision(fields["state"])})
