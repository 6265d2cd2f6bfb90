"""What was measured, asked for again."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response, StreamingResponse

from api import history_models as models
from api.histories import FormatWord, NoHistory, Question, ResolutionWord, WrongQuestion
from api.problems import Fault, ProblemError, problem_responses
from api.routes.estate import DEVICE_ID
from api.security import Admin, Ctx, SignedIn
from community.clock import parse_time

router = APIRouter(prefix="/api/v1/history", tags=["history"], responses=problem_responses(401, 404, 503))

Id = Annotated[str, Query(pattern=DEVICE_ID)]
Moment = Annotated[str, Query(max_length=40, description="UTC milliseconds, or RFC 3339", examples=["1795341600000"])]
Points = Annotated[int, Query(ge=1, le=10_000, description="at most so many for each series")]
Form = Annotated[FormatWord, Query(alias="format", description="`jsonl` is what `mingluo replay` takes")]

_FILE = {"type": "string", "format": "binary"}
_MEDIA = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "parquet": ("application/vnd.apache.parquet", "parquet"),
    "arrow": ("application/vnd.apache.arrow.stream", "arrows"),
    "jsonl": ("application/jsonl", "jsonl"),
}


@router.get(
    "",
    response_model=models.HistoryAnswer,
    summary="Series of devices and signals over time",
    responses=problem_responses(422),
)
async def read_history(
    context: Ctx,
    _visitor: SignedIn,
    device: Annotated[list[Id], Query(min_length=1, max_length=1_000)],
    signal: Annotated[list[str], Query(min_length=1, max_length=1_000)],
    start: Moment,
    end: Moment,
    points: Points = 1_000,
    resolution: ResolutionWord | None = None,
) -> Response:
    """No series has more points than asked for; least and greatest value of a point's width are always kept.

    Without `resolution` the finest that fits is taken: single readings, roll-ups of a minute, or of an hour.
    """
    question = Question(_once(device), signal, _ms("start", start), _ms("end", end), points, resolution)
    with _told():
        return Response(await context.histories.series(question), media_type="application/json")


@router.get("/last", response_model=models.LastValues, summary="Latest values", responses=problem_responses(422))
async def last_values(
    context: Ctx,
    _visitor: SignedIn,
    device: Annotated[list[Id], Query(min_length=1, max_length=1_000)],
) -> dict[str, Any]:
    """Of each signal, by event time. What no device ever sent is absent."""
    with _told():
        found = await context.histories.last(_once(device))
    return {
        "devices": {
            name: {signal: {"ts": ts, "value": value} for signal, (ts, value) in values.items()}
            for name, values in found.items()
        }
    }


@router.get("/status", response_model=models.HistoryStatus, summary="What there is, and how far it has come")
async def history_status(context: Ctx, _visitor: SignedIn) -> Any:
    """Also while the store is away, as far as it is then known."""
    with _told():
        return await context.histories.status()


@router.get(
    "/export",
    summary="History as a file",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "the file",
            "content": {kind.partition(";")[0]: {"schema": _FILE} for kind, _ in _MEDIA.values()},
        },
        **problem_responses(422),
    },
)
async def export_history(
    context: Ctx,
    _visitor: SignedIn,
    start: Moment,
    end: Moment,
    form: Form,
    device: Annotated[list[Id] | None, Query(max_length=1_000, description="none: all")] = None,
    signal: Annotated[list[str] | None, Query(max_length=1_000, description="none: all")] = None,
    resolution: Annotated[ResolutionWord, Query(description="`raw`: whole readings; else roll-ups")] = "raw",
) -> StreamingResponse:
    """Whole readings in the order in which they came (`raw`), or one row for each device, signal and time."""
    question = Question(
        _once(device or []),
        signal or [],
        _ms("start", start),
        _ms("end", end),
        resolution=resolution,
    )
    with _told():
        pieces = await context.histories.export(question, form)
        first = await anext(pieces, b"")
    media, suffix = _MEDIA[form]
    name = f"mingluo-{question.start}-{question.end}.{suffix}"
    return StreamingResponse(
        _all(first, pieces), media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@router.post(
    "/rebuild",
    response_model=models.RebuildAnswer,
    status_code=HTTPStatus.ACCEPTED,
    summary="Rebuild baselines of devices from history",
    responses=problem_responses(403, 422),
)
async def rebuild_baselines(context: Ctx, _visitor: Admin, body: models.RebuildWish) -> dict[str, Any]:
    """What the engine knows of a device's own past (contact resistance, drift, its week) becomes what history says.

    It is done soon, one device after another; what the rules hold now stays.
    """
    with _told():
        return {"waiting": await context.histories.rebuild(_once(body.devices))}


async def _all(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in pieces:
        yield piece


def _once(devices: list[str]) -> list[str]:
    """The devices, each once; devices that have left the estate may still have a history."""
    return list(dict.fromkeys(devices))


def _ms(name: str, text: str) -> int:
    try:
        return parse_time(int(text) if text.lstrip("-").isdigit() else text)
    except ValueError as error:
        fault = Fault(place=f"query.{name}", message=str(error))
        detail = f"{fault.place}: {fault.message}"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail, errors=[fault]) from None


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except NoHistory:
        detail = "no history is kept here: the setting history is none"
        raise ProblemError(HTTPStatus.NOT_FOUND, "no_history", detail) from None
    except WrongQuestion as error:
        place, _, message = str(error).partition(": ")
        fault = Fault(place=f"query.{place}", message=message)
        detail = f"{fault.place}: {fault.message}"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail, errors=[fault]) from None
