"""The rulebook: what is in force, what was, what another one would do; and what rules in rehearsal found."""

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from api import rulebook_models as models
from api.problems import Fault, ProblemError, problem_responses
from api.rulebooks import BacktestFailed, BacktestRunning
from api.security import Admin, Ctx, Operator, SignedIn
from rules.rulebook import RulebookErrors
from rules.store import UnknownRulebookError, Version

router = APIRouter(prefix="/api/v1/rulebook", tags=["rulebook"], responses=problem_responses(401, 503))

_TOML = "application/toml"
_BODY = {
    "requestBody": {
        "required": True,
        "content": {_TOML: {"schema": {"type": "string"}, "example": 'extends = "standard"\n'}},
    }
}
Before = Annotated[int | None, Query(ge=0, description="`next` of the page before")]


@router.get("", response_model=models.CurrentRulebook, summary="The rulebook in force")
async def get_rulebook(context: Ctx, _visitor: SignedIn) -> dict[str, Any]:
    """Its text, and its rules as they were read."""
    version, book = context.rulebooks.in_force()
    newest = await context.rulebooks.versions(1, None)
    made = await context.rulebooks.versions(1, version + 1) if version else []
    return {
        **(_version(made[0]) if made else {}),
        "version": version,
        "content": book.version,
        "newest": newest[0].version if newest else 0,
        "text": await context.rulebooks.text(version),
        "rules": book.describe(),
        "overrides": [override.describe() for override in book.overrides],
    }


@router.get("/versions", response_model=models.VersionPage, summary="Versions", responses=problem_responses(422))
async def list_versions(
    context: Ctx,
    _visitor: SignedIn,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Before = None,
) -> dict[str, Any]:
    """Who put what in force, when and why; newest first."""
    found = await context.rulebooks.versions(limit + 1, before)
    shown = found[:limit]
    return {
        "versions": [_version(v) for v in shown],
        "next": shown[-1].version if len(found) > limit else None,
    }


@router.get(
    "/versions/{version}",
    response_model=models.RulebookText,
    summary="The text of a version",
    responses=problem_responses(404, 422),
)
async def get_version(
    context: Ctx, _visitor: SignedIn, version: Annotated[int, Path(ge=0, le=2**31 - 1)]
) -> dict[str, Any]:
    """As it was given; version 0 is the standard pack of this release."""
    with _told():
        return {"version": version, "text": await context.rulebooks.text(version)}


@router.post(
    "/check",
    response_model=models.CheckedView,
    summary="Check a rulebook",
    responses=problem_responses(403, 413, 422),
    openapi_extra=_BODY,
)
async def check_rulebook(request: Request, context: Ctx, _visitor: Operator) -> dict[str, Any]:
    """Refused (422 `invalid_rulebook`) with every fault: its line, its field and what was expected."""
    with _told():
        return (await context.rulebooks.check(await _text(request)))._asdict()


@router.put(
    "",
    response_model=models.Applied,
    summary="Put another rulebook in force",
    responses=problem_responses(403, 413, 422),
    openapi_extra=_BODY,
)
async def apply_rulebook(
    request: Request,
    context: Ctx,
    visitor: Admin,
    note: Annotated[str, Query(max_length=1000, description="why; kept with the version")] = "",
) -> dict[str, Any]:
    """Taken or refused whole. It holds from one position of the log on; what unchanged rules have seen is kept."""
    with _told():
        version = await context.rulebooks.apply(await _text(request), visitor.person.name, note)
    context.vitals.count("rulebooks_applied", way="api")
    return {"version": version}


@router.post(
    "/rollback",
    response_model=models.Applied,
    summary="Go back to an earlier version",
    responses=problem_responses(403, 404, 422),
)
async def roll_back(context: Ctx, visitor: Admin, body: models.RollbackOrder) -> dict[str, Any]:
    """The earlier version becomes a new one, with the standard pack of its time."""
    with _told():
        version = await context.rulebooks.roll_back(body.version, visitor.person.name, body.note)
    context.vitals.count("rulebooks_applied", way="api")
    return {"version": version}


@router.post(
    "/backtest",
    response_model=models.BacktestReport,
    summary="Try a rulebook over the log",
    responses=problem_responses(403, 409, 413, 422),
)
async def backtest(context: Ctx, _visitor: Operator, body: models.BacktestOrder) -> dict[str, Any]:
    """Takes from seconds to minutes. One at a time (409 `backtest_running`); nothing is stored, nobody is told."""
    with _told():
        return await context.rulebooks.backtest(body.text, body.since_days, body.warm_up_days)


@router.get(
    "/rehearsal",
    response_model=models.RehearsalPage,
    summary="What rules in rehearsal found",
    responses=problem_responses(422),
)
def rehearsal(
    context: Ctx,
    _visitor: SignedIn,
    rule: Annotated[str | None, Query(max_length=128, description="of this rule only")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Before = None,
) -> dict[str, Any]:
    """Newest first. Nobody was told of any of it."""
    found = context.journal.rehearsed(rule, limit + 1, before)
    shown = found[:limit]
    return {
        "findings": [
            {
                **{name: getattr(f, name) for name in f.__struct_fields__},
                "number": number,
                "severity": f.severity.word,
                "previous": f.previous.word,
            }
            for number, f in shown
        ],
        "next": shown[-1].number if len(found) > limit else None,
    }


def faults_of(errors: RulebookErrors) -> list[Fault]:
    """Each fault of a rulebook with its place."""
    return [
        Fault(place=": ".join(filter(None, (f"line {e.line}" if e.line else e.file, e.field))), message=e.message)
        for e in errors.errors
    ]


@contextmanager
def _told() -> Iterator[None]:
    """What may go wrong with a rulebook, as problems."""
    try:
        yield
    except RulebookErrors as errors:
        faults = faults_of(errors)
        detail = f"{len(faults)} faults; nothing was changed"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_rulebook", detail, errors=faults) from None
    except UnknownRulebookError as error:
        raise ProblemError(HTTPStatus.NOT_FOUND, "unknown_version", str(error)) from None
    except BacktestRunning:
        detail = "another backtest is under way; try again when it is done"
        raise ProblemError(HTTPStatus.CONFLICT, "backtest_running", detail) from None
    except BacktestFailed as error:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "backtest_failed", str(error)) from None


async def _text(request: Request) -> str:
    body = await request.body()
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        fault = Fault(place=f"byte {error.start}", message="not UTF-8")
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_rulebook", "not UTF-8", errors=[fault]) from None


def _version(version: Version) -> dict[str, Any]:
    return version._asdict()
