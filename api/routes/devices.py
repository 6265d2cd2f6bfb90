"""One device: what it is, and what it sent last."""

from base64 import b64encode
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path

from api import models
from api.present import device_view, where_device
from api.problems import ProblemError, problem_responses
from api.routes.estate import DEVICE_ID
from api.security import Ctx, SignedIn
from community.recent import RecentMessage

router = APIRouter(prefix="/api/v1/devices", tags=["estate"], responses=problem_responses(401, 503))


@router.get(
    "/{device}",
    response_model=models.DeviceDetails,
    summary="One device, and where it is",
    responses=problem_responses(404, 422),
)
def one_device(context: Ctx, _visitor: SignedIn, device: Annotated[str, Path(pattern=DEVICE_ID)]) -> dict[str, Any]:
    """As the estate in force has it."""
    estate = context.estate()
    if (found := estate.devices.get(device)) is None:
        raise _unknown(device)
    return {**device_view(found), "where": where_device(found, estate)}


@router.get(
    "/{device}/messages",
    response_model=models.Messages,
    summary="A device's last messages, and what became of each",
    responses=problem_responses(404, 422),
)
async def recent_messages(
    context: Ctx, _visitor: SignedIn, device: Annotated[str, Path(pattern=DEVICE_ID)]
) -> dict[str, Any]:
    """The last ten since the gateway's start, newest first. With very many devices it may be fewer."""
    if device not in context.estate().devices:
        raise _unknown(device)
    return {"device": device, "messages": [_message(m) for m in reversed(await context.messages(device))]}


def _unknown(device: str) -> ProblemError:
    return ProblemError(HTTPStatus.NOT_FOUND, "unknown_device", f"no device {device} is registered")


def _message(message: RecentMessage) -> dict[str, Any]:
    return {
        "number": message.number,
        "at": message.at,
        "topic": message.topic,
        "outcome": message.outcome,
        "profile": message.profile,
        "values": message.values,
        "events": [{"name": event.name, "active": event.active} for event in message.events],
        "faults": [{"reason": fault.reason, "detail": fault.detail} for fault in message.faults],
        "retained": message.retained,
        "size": message.size,
        "payload": message.text,
        "payload_base64": b64encode(message.payload).decode(),
    }
