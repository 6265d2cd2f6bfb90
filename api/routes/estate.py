"""The estate, the rules, and what was refused at the gate."""

from base64 import b64encode
from http import HTTPStatus
from typing import Annotated, Any

import anyio.to_thread
from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse

from api import models
from api.context import Context
from api.present import device_view
from api.problems import Fault, ProblemError, problem_responses
from api.security import Admin, Ctx, SignedIn
from community.estate import Estate
from community.estate_file import EstateErrors, dump_estate, load_estate
from community.refusal import Refusal

router = APIRouter(prefix="/api/v1", responses=problem_responses(401, 503))

DEVICE_ID = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"

_TOML = "application/toml"
_TOML_SCHEMA = {"schema": {"type": "string"}, "example": '[[place]]\nid = "xijiang"\nkind = "community"\n'}


@router.get("/estate", tags=["estate"], response_model=models.EstateView, summary="Places, households, devices")
def get_estate(context: Ctx, _visitor: SignedIn) -> dict[str, Any]:
    """The estate in force. Secrets are never shown."""
    estate = context.estate()
    return {
        "places": [place.model_dump() for place in estate.place],
        "households": [household.model_dump() for household in estate.household],
        "devices": [device_view(device) for device in estate.device],
    }


@router.get(
    "/estate/toml",
    tags=["estate"],
    response_class=PlainTextResponse,
    summary="Export the estate",
    responses={200: {"description": "the estate as a TOML file, without secrets", "content": {_TOML: _TOML_SCHEMA}}},
)
def export_estate(context: Ctx, _visitor: SignedIn) -> PlainTextResponse:
    """What `POST /estate` takes. Secrets are left out."""
    estate = context.estate()
    shown = Estate(
        place=estate.place,
        household=estate.household,
        device=tuple(device.model_copy(update={"secret": None}) for device in estate.device),
        bridge=tuple(bridge.model_copy(update={"secret": None}) for bridge in estate.bridge),
    )
    headers = {"Content-Disposition": 'attachment; filename="estate.toml"'}
    return PlainTextResponse(dump_estate(shown), headers=headers, media_type=_TOML)


@router.post(
    "/estate",
    tags=["estate"],
    response_model=models.Imported,
    summary="Put another estate in force",
    responses=problem_responses(403, 413, 422),
    openapi_extra={"requestBody": {"required": True, "content": {_TOML: _TOML_SCHEMA}}},
)
async def import_estate(request: Request, context: Ctx, visitor: Admin) -> dict[str, Any]:
    """Takes a whole estate as TOML; refuses it whole, with every fault, if anything is wrong.

    A device without `secret` keeps the one that it has, so that an export can be edited and sent back.
    """
    body = await request.body()
    try:
        text = await anyio.to_thread.run_sync(_with_known_secrets, body.decode(), context)
        version = await context.import_estate(text, visitor.person.name)
    except UnicodeDecodeError as error:
        fault = Fault(place=f"byte {error.start}", message="not UTF-8")
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_estate", "not UTF-8", errors=[fault]) from None
    except EstateErrors as errors:
        faults = [Fault(place=f"line {e.line}: {e.field}", message=f"{e.message} {e.expected}") for e in errors.errors]
        detail = f"{len(faults)} faults; nothing was changed"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_estate", detail, errors=faults) from None
    return {"version": version}


@router.get("/rules", tags=["estate"], response_model=models.Rules, summary="Rules in force")
def list_rules(context: Ctx, _visitor: SignedIn) -> dict[str, Any]:
    """What each rule is called, what to do when it speaks, and its standard."""
    return {"rules": list(context.rules())}


@router.get(
    "/quarantine",
    tags=["estate"],
    response_model=models.Quarantine,
    summary="Refused messages",
    responses=problem_responses(422),
)
async def quarantine(
    context: Ctx,
    _visitor: SignedIn,
    device: Annotated[str | None, Query(pattern=DEVICE_ID, description="of this device only")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> dict[str, Any]:
    """The latest messages that were not let in, newest first, with the reason and the bytes."""
    return {"refusals": [_refusal(refusal) for refusal in await context.refusals(device, limit)]}


def _with_known_secrets(text: str, context: Context) -> str:
    known = context.estate()
    estate = load_estate(text, "estate", context.profiles)
    devices = (
        device.model_copy(update={"secret": known.devices[device.id].secret})
        if device.secret is None and device.id in known.devices
        else device
        for device in estate.device
    )
    bridges = (
        bridge.model_copy(update={"secret": known.bridges[bridge.id].secret})
        if bridge.secret is None and bridge.id in known.bridges
        else bridge
        for bridge in estate.bridge
    )
    return dump_estate(
        Estate(place=estate.place, household=estate.household, device=tuple(devices), bridge=tuple(bridges))
    )


def _refusal(refusal: Refusal) -> dict[str, Any]:
    try:
        text = refusal.payload.decode()
    except UnicodeDecodeError:
        text = None
    return {
        "at": refusal.at,
        "device": refusal.device,
        "topic": refusal.topic,
        "reason": refusal.reason.value,
        "detail": refusal.detail,
        "size": refusal.size,
        "payload": text,
        "payload_base64": b64encode(refusal.payload).decode(),
    }
