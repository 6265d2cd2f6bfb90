"""Messages from devices that speak HTTPS. They go the way of all messages, and are answered when they are safe."""

import json
import re
from enum import StrEnum
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from api.context import Context, Delivered
from api.device_accounts import Speaker, Speaking
from api.problems import Fault, ProblemError, problem_responses
from api.security import Ctx
from community.estate import Bridge

router = APIRouter(prefix="/device", tags=["devices"], responses=problem_responses(401, 403, 413, 422, 429, 503))

_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}")
"""Serial numbers that may stand in a topic. Those of GB/T 45839-2025, annex B, have 27 letters and digits."""

_PLAIN = re.compile(r"[^\x00-\x1f#+]{1,512}")


class Kind(StrEnum):
    """The messages of GB/T 45839-2025, annex D."""

    INSTALL = "Install_info"
    STATUS = "status_info"


_LEVEL = {Kind.INSTALL: "install", Kind.STATUS: "status"}

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {"type": "object", "properties": {"serial": {"type": "string"}}},
                "example": {"serial": "MLXX0326110100000004240B7C1", "status": 1, "datetime": "2026-11-22 16:00:00"},
            }
        },
    }
}


class Gb45839Answer(BaseModel):
    """The standard's answer; with the reason besides where something was refused."""

    success: int = Field(description="1: it is in the log; 0: it was refused", examples=[1])
    reason: str | None = Field(default=None, description="the named reason of the refusal", examples=["out_of_range"])
    detail: str | None = Field(default=None, description="a sentence for people")


class DeviceMessage(BaseModel):
    """A message as it would be published over MQTT."""

    model_config = ConfigDict(extra="forbid")

    topic: str = Field(min_length=1, max_length=512, examples=["mingluo/v1/xijiang/h0001/d0001/telemetry"])
    payload: Any = Field(description="JSON, or a text that is sent as it is", examples=[{"values": {"co": 4.0}}])


class Refused(BaseModel):
    """A part of a message that was refused."""

    reason: str = Field(examples=["out_of_range"])
    detail: str = Field(examples=["values.co: -1 is outside 0..100000 ppm"])


class Received(BaseModel):
    """What became of a message."""

    admitted: int = Field(description="readings of it that are in the log", examples=[1])
    refusals: list[Refused] = Field(description="what of it was refused, where the rest came in; or a repetition")


@router.post(
    "/gb45839/v1/{kind}",
    response_model=Gb45839Answer,
    response_model_exclude_none=True,
    summary="Installation or status by GB/T 45839-2025",
    openapi_extra=_BODY,
)
async def gb45839(kind: Kind, request: Request, context: Ctx, speaker: Speaking) -> Gb45839Answer:
    """What annex D of the standard lets devices and their clouds send.

    A device may send with its own serial number only (its `address`, or its id), the bridge of a cloud with any. The
    answer comes when the message is in the log; without one, or with a 503, send it again: a repetition does no harm.
    """
    body = await request.body()
    if speaker.profile != "gb45839":
        raise _forbidden(f"{speaker.id} speaks {speaker.profile}, not gb45839")
    serial = _serial(body)
    if isinstance(speaker, Bridge):
        if serial is None:
            return Gb45839Answer(success=0, reason="schema", detail="serial: expected letters and digits, at most 64")
    elif serial is None:
        serial = speaker.own_address  # the gateway says what is wrong with it, and quarantine shows it
    elif serial != speaker.own_address:
        raise _forbidden(f"{speaker.id} may send as {speaker.own_address} only")
    delivered = await context.deliver(f"gb45839/{serial}/{_LEVEL[kind]}", body)
    if delivered.lost:
        reason, detail = _worst(delivered)
        return Gb45839Answer(success=0, reason=reason, detail=detail)
    return Gb45839Answer(success=1)


@router.post("/v1/messages", response_model=Received, summary="A message of any profile")
async def device_message(context: Ctx, speaker: Speaking, body: DeviceMessage) -> Received:
    """For devices that cannot speak MQTT: the same topics and payloads, the same rights.

    The answer comes when the message is in the log. A message of which nothing came in is answered with 422 and its
    reasons.
    """
    return await _deliver(context, speaker, body)


async def _deliver(context: Context, speaker: Speaker, body: DeviceMessage) -> Received:
    if _PLAIN.fullmatch(body.topic) is None or not context.may_publish(speaker.id, body.topic):
        raise _forbidden(f"{speaker.id} may not publish on {body.topic[:200]!r}")
    text = body.payload if isinstance(body.payload, str) else json.dumps(body.payload, ensure_ascii=False)
    delivered = await context.deliver(body.topic, text.encode(errors="surrogatepass"))
    if delivered.lost:
        reason, detail = _worst(delivered)
        faults = [Fault(place="body.payload", message=f"{name}: {why}") for name, why in delivered.refusals]
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, reason, detail, errors=faults)
    refusals = [Refused(reason=reason, detail=detail) for reason, detail in delivered.refusals]
    return Received(admitted=delivered.admitted, refusals=refusals)


def _serial(body: bytes) -> str | None:
    """The serial number in a body; None if there is none that can stand in a topic."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return None
    serial = content.get("serial") if isinstance(content, dict) else None
    if isinstance(serial, int) and not isinstance(serial, bool):
        serial = str(serial)
    return serial if isinstance(serial, str) and _SERIAL.fullmatch(serial) else None


def _worst(delivered: Delivered) -> tuple[str, str]:
    """The first refusal that is not a repetition."""
    return next((r for r in delivered.refusals if r[0] != "duplicate"), ("refused", "nothing of it came in"))


def _forbidden(detail: str) -> ProblemError:
    return ProblemError(HTTPStatus.FORBIDDEN, "not_its_topic", detail)
