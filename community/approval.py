"""What a person answers to a device that announced itself: into the estate with it, or away."""

from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import ValidationError
from sqlalchemy import Connection, Engine

from community.announcements import Announced, Decision, mark, read_locked
from community.estate import Device, DeviceKind, Estate, Ratings
from community.estate_store import EstateStore


class Hindrance(StrEnum):
    """Why an announced device is not taken in or turned away."""

    UNKNOWN_ANNOUNCEMENT = "unknown_announcement"
    UNKNOWN_HOUSEHOLD = "unknown_household"
    ALREADY_INSTALLED = "already_installed"
    ID_TAKEN = "id_taken"
    UNUSABLE_ID = "unusable_id"
    KIND_NEEDED = "kind_needed"


class ApprovalError(ValueError):
    """It cannot be done, and nothing has changed; the message says why.

    Attributes:
        hindrance: the same by name.
    """

    def __init__(self, hindrance: Hindrance, message: str) -> None:
        super().__init__(message)
        self.hindrance = hindrance


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where and as what an announced device is installed.

    Attributes:
        household: id of the home it is in.
        device_id: its id; None: its address, if that can be one.
        kind, name: None: as announced.
        ratings: what it and its circuit are built for.
    """

    household: str
    device_id: str | None = None
    kind: str | None = None
    name: str | None = None
    ratings: Ratings = field(default_factory=Ratings)


def with_device(estate: Estate, found: Announced, wanted: Installation) -> Estate:
    """The estate with an announced device in it.

    Raises:
        ApprovalError: it cannot be.
    """
    if wanted.household not in estate.households:
        raise ApprovalError(Hindrance.UNKNOWN_HOUSEHOLD, f"no household has the id {wanted.household!r}")
    known = estate.by_address.get((found.profile, found.address))
    if known is not None:
        raise ApprovalError(Hindrance.ALREADY_INSTALLED, f"{found.address!r} is in the estate already, as {known.id}")
    chosen = wanted.device_id or found.address
    if chosen in estate.devices or chosen in estate.bridges:
        raise ApprovalError(Hindrance.ID_TAKEN, f"{chosen!r} is already an id; choose another")
    kind = wanted.kind or found.kind
    if kind not in set(DeviceKind):
        raise ApprovalError(Hindrance.KIND_NEEDED, f"say what kind of device it is: {', '.join(DeviceKind)}")
    try:
        device = Device(
            id=chosen,
            household=wanted.household,
            kind=DeviceKind(str(kind)),
            name=found.name if wanted.name is None else wanted.name,
            profile=found.profile,
            address=None if chosen == found.address else found.address,
            ratings=wanted.ratings,
        )
    except ValidationError as error:
        message = f"{chosen!r} cannot be an id: {error.errors()[0]['msg']}; choose one"
        raise ApprovalError(Hindrance.UNUSABLE_ID, message) from None
    return Estate(place=estate.place, household=estate.household, device=(*estate.device, device), bridge=estate.bridge)


class Approvals:
    """Answers to announcements. Safe to use from several threads: every call is one transaction.

    Database errors (SQLAlchemy's) pass through, and then nothing has changed.
    """

    def __init__(self, engine: Engine, estates: EstateStore) -> None:
        self._engine = engine
        self._estates = estates

    def approve(self, profile: str, address: str, wanted: Installation, actor: str, now: int) -> int:
        """Take an announced device into the estate; the estate's new version.

        One that was turned away before may be taken in, and one that was taken in and has left the estate since.

        Args:
            profile, address: what it speaks, and what it calls itself there.
            wanted: where it is, and as what.
            actor: account name, or `command line`.
            now: UTC ms.

        Raises:
            ApprovalError: it cannot be.
        """

        def made(connection: Connection, estate: Estate) -> Estate:
            found = _known(connection, profile, address)
            homes = with_device(estate, found, wanted)
            mark(connection, found, Decision.APPROVED, actor=actor, now=now, reason=None)
            return homes

        return self._estates.change(made, actor, now)

    def reject(self, profile: str, address: str, reason: str | None, actor: str, now: int) -> None:
        """Turn an announced device away.

        Raises:
            ApprovalError: it was never announced, or was taken in and is in the estate.
        """
        with self._engine.begin() as connection:
            found = _known(connection, profile, address)
            if found.state is Decision.APPROVED:
                known = self._estates.current()[1].by_address.get((profile, address))
                if known is not None:
                    message = f"{address!r} was taken into the estate as {known.id}; take it out there"
                    raise ApprovalError(Hindrance.ALREADY_INSTALLED, message)
            mark(connection, found, Decision.REJECTED, actor=actor, now=now, reason=reason)


def _known(connection: Connection, profile: str, address: str) -> Announced:
    found = read_locked(connection, profile, address)
    if found is None:
        message = f"no {profile} device {address!r} was announced"
        raise ApprovalError(Hindrance.UNKNOWN_ANNOUNCEMENT, message)
    return found
