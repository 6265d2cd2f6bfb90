"""Devices that announced themselves: who waits, and taking them into the estate or turning them away."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from api import announcement_models as models
from api.models import Imported
from api.problems import ProblemError, problem_responses
from api.security import Admin, Ctx, SignedIn
from community.announcements import Announced, Decision, PlaceInList
from community.approval import ApprovalError, Hindrance, Installation
from community.estate import Estate

router = APIRouter(prefix="/api/v1/announcements", tags=["estate"], responses=problem_responses(401, 503))

# Addresses are what devices please, "..", slashes and all: no part of a path could carry them as they are.
_ID = r"^[A-Za-z0-9_-]{2,1800}$"
AnnouncementId = Annotated[str, Path(pattern=_ID, description="`id` of the announcement")]

_NUL = "\0"
"""Between profile and address in an id: neither contains it."""

_STATUS = {
    Hindrance.UNKNOWN_ANNOUNCEMENT: HTTPStatus.NOT_FOUND,
    Hindrance.UNKNOWN_HOUSEHOLD: HTTPStatus.UNPROCESSABLE_ENTITY,
    Hindrance.KIND_NEEDED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Hindrance.UNUSABLE_ID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Hindrance.ALREADY_INSTALLED: HTTPStatus.CONFLICT,
    Hindrance.ID_TAKEN: HTTPStatus.CONFLICT,
}


@router.get(
    "",
    response_model=models.AnnouncementPage,
    summary="Devices that announced themselves",
    responses=problem_responses(422),
)
async def list_announcements(
    context: Ctx,
    _visitor: SignedIn,
    state: Annotated[models.StateWord, Query(description="of these only")] = "waiting",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[
        str | None, Query(pattern=r"^\d{1,15}\.[A-Za-z0-9_-]{2,1800}$", description="`next` of the page before")
    ] = None,
) -> dict[str, Any]:
    """Devices that nobody has entered and that speak a profile which is listened to; the latest come first."""
    wanted = None if state == "all" else Decision(state)
    found = await context.announcements.page(wanted, limit + 1, None if before is None else _place(before))
    shown = found[:limit]
    estate = context.estate()
    return {
        "announcements": [_view(one, estate) for one in shown],
        "next": f"{shown[-1].first_seen}.{_id(shown[-1])}" if len(found) > limit else None,
        "waiting": await context.announcements.waiting(),
    }


@router.post(
    "/{announcement}/approve",
    response_model=Imported,
    summary="Take an announced device into the estate",
    responses=problem_responses(403, 404, 409, 422),
)
async def approve_announcement(
    context: Ctx, visitor: Admin, announcement: AnnouncementId, body: models.Approval
) -> dict[str, Any]:
    """It is listened to from now on; what it sent before is not kept. One that was turned away may be taken in too.

    404 `unknown_announcement`; 409 `already_installed`, `id_taken`; 422 `unknown_household`, `kind_needed`,
    `unusable_id`: nothing was changed.
    """
    profile, address = _who(announcement)
    wanted = Installation(
        household=body.household, device_id=body.id, kind=body.kind, name=body.name, ratings=body.ratings
    )
    with _told():
        version = await context.announcements.approve(profile, address, wanted, visitor.person.name)
    context.vitals.count("announcements_answered", answer="approved")
    return {"version": version}


@router.post(
    "/{announcement}/reject",
    status_code=204,
    summary="Turn an announced device away",
    responses=problem_responses(403, 404, 409, 422),
)
async def reject_announcement(
    context: Ctx, visitor: Admin, announcement: AnnouncementId, body: models.Rejection
) -> None:
    """It does not wait any more, however often it announces itself. 409 `already_installed`: it was taken in."""
    profile, address = _who(announcement)
    with _told():
        await context.announcements.reject(profile, address, body.reason, visitor.person.name)
    context.vitals.count("announcements_answered", answer="rejected")


def _view(found: Announced, estate: Estate) -> dict[str, Any]:
    device = estate.by_address.get((found.profile, found.address))
    same = ("profile", "address", "name", "kind", "model", "first_seen", "last_seen", "state", "decided_at", "reason")
    return {
        **{name: getattr(found, name) for name in same},
        "id": _id(found),
        "signals": list(found.signals),
        "decided_by": found.actor,
        "device": device.id if device is not None else None,
    }


def _id(found: Announced) -> str:
    return urlsafe_b64encode(f"{found.profile}{_NUL}{found.address}".encode()).decode().rstrip("=")


def _who(announcement: str) -> tuple[str, str]:
    """Profile and address of an id."""
    try:
        text = urlsafe_b64decode(announcement + "=" * (-len(announcement) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    profile, _, address = text.partition(_NUL)
    if text.count(_NUL) != 1:
        detail = f"{announcement[:100]!r} is the id of no announcement"
        raise ProblemError(HTTPStatus.NOT_FOUND, Hindrance.UNKNOWN_ANNOUNCEMENT.value, detail)
    return profile, address


def _place(before: str) -> PlaceInList:
    first_seen, _, announcement = before.partition(".")
    return PlaceInList(int(first_seen), *_who(announcement))


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ApprovalError as error:
        raise ProblemError(_STATUS[error.hindrance], error.hindrance.value, str(error)) from None
