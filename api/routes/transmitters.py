"""Transmission units of GB/T 26875.3: who is there, and orders to them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from api import transmitter_models as models
from api.problems import ProblemError, Unavailable, problem_responses
from api.security import Ctx, Operator, SignedIn
from api.transmitters import NobodyListens, UnknownTransmitter

router = APIRouter(prefix="/api/v1/transmitters", tags=["transmitters"], responses=problem_responses(401, 503))

Address = Annotated[int, Path(ge=0, lt=2**48, description="the unit's own address")]


@router.get("", response_model=models.TransmitterList, summary="Transmission units")
def list_transmitters(context: Ctx, _visitor: SignedIn) -> dict[str, Any]:
    """Those of the estate, whether they were heard or not, and those of which only what is behind them is in it."""
    units = context.transmitters
    return {"listening": units.listening, "transmitters": [unit._asdict() for unit in units.all()]}


@router.post(
    "/{address}/orders",
    response_model=models.OrderView,
    summary="Give an order to a transmission unit",
    responses=problem_responses(403, 404, 409, 422),
)
async def order_transmitter(context: Ctx, visitor: Operator, address: Address, body: models.AnyOrder) -> dict[str, Any]:
    """Answers when the unit has, or has not after three repetitions: up to 40 s.

    The order is noted with the account's name before it is sent. 409 `not_connected`, 503 `unavailable` (too many
    orders on their way): it was not sent.
    """
    with _told(address):
        given = await context.transmitters.order(address, body.model_dump(), visitor.person.name)
    if given.answer == "absent":
        raise ProblemError(HTTPStatus.CONFLICT, "not_connected", f"transmitter {address} is not connected now")
    if given.answer == "busy":
        raise Unavailable("too many orders are on their way; it was not sent")
    return asdict(given)


@router.get(
    "/{address}/orders",
    response_model=models.OrderPage,
    summary="Orders given to a transmission unit",
    responses=problem_responses(422),
)
async def list_orders(
    context: Ctx,
    _visitor: SignedIn,
    address: Address,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[int | None, Query(ge=0, lt=2**31, description="`next` of the page before")] = None,
) -> dict[str, Any]:
    """Who gave it, when, and what became of it; newest first. The last 20,000 of all units are kept."""
    found = await context.transmitters.orders(address, limit + 1, before)
    shown = found[:limit]
    return {
        "orders": [asdict(order) for order in shown],
        "next": shown[-1].number if len(found) > limit else None,
    }


@contextmanager
def _told(address: int) -> Iterator[None]:
    try:
        yield
    except UnknownTransmitter:
        detail = f"no transmitter {address} is registered, nor was one heard of"
        raise ProblemError(HTTPStatus.NOT_FOUND, "unknown_transmitter", detail) from None
    except NobodyListens:
        detail = "transmitters cannot connect: the setting gb26875_listen is not set"
        raise ProblemError(HTTPStatus.CONFLICT, "not_listening", detail) from None
