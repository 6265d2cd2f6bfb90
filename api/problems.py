"""Errors as problem details (RFC 9457): one shape for everything that goes wrong."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from alerts.journal import JournalUnavailable
from api.accounts import AccountReason, AccountRefused, AccountsUnavailable

MEDIA_TYPE = "application/problem+json"


class Fault(BaseModel):
    """One thing that is wrong with what was sent."""

    place: str = Field(description="where: `body.note`, `query.limit`, or a place in a file", examples=["query.limit"])
    message: str = Field(examples=["Input should be less than or equal to 500"])


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str = Field(examples=["urn:mingluo:problem:worse_meanwhile"])
    title: str = Field(examples=["Conflict"])
    status: int = Field(examples=[409])
    reason: str = Field(description="the named reason; stable, for programs", examples=["worse_meanwhile"])
    detail: str = Field(description="a sentence for people", examples=["seen as warning, but it has reached alarm"])
    instance: str = Field(description="the path that was asked for", examples=["/api/v1/alerts/d1:smoke.alarm:1"])
    errors: list[Fault] = Field(default=[], description="every single fault, where there are several")


class Unavailable(Exception):
    """Raised by what the roof hands in when that which stands behind it does not answer; the text is for people."""


class ProblemError(HTTPException):
    """Raised by a route to answer with a problem. An `HTTPException`, so that FastAPI passes it on from anywhere."""

    def __init__(
        self,
        status: HTTPStatus,
        reason: str,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.status = status
        self.reason = reason
        self.errors = list(errors)


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer besides success, for its OpenAPI description."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }


def install_problem_handlers(app: FastAPI) -> None:
    """Answer every error of `app` with a problem."""

    @app.exception_handler(ProblemError)
    async def told(request: Request, error: ProblemError) -> JSONResponse:
        return _answer(request, error)

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> JSONResponse:
        status = HTTPStatus(error.status_code)
        headers = dict(error.headers) if error.headers else None
        return _answer(request, ProblemError(status, status.name.lower(), str(error.detail), headers=headers))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [Fault(place=".".join(map(str, e["loc"])), message=e["msg"]) for e in error.errors()]
        detail = "; ".join(f"{fault.place}: {fault.message}" for fault in faults)
        return _answer(request, ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", detail, errors=faults))

    @app.exception_handler(JournalUnavailable)
    async def no_journal(request: Request, _error: JournalUnavailable) -> JSONResponse:
        # The cause may name files and hosts: it is for the health page and the log, not for everybody.
        detail = "the alert journal cannot be read or written now; nothing was changed"
        return _answer(
            request,
            ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "journal_unavailable", detail, headers={"Retry-After": "2"}),
        )

    @app.exception_handler(AccountsUnavailable)
    async def no_accounts(request: Request, _error: AccountsUnavailable) -> JSONResponse:
        detail = "the database of accounts cannot be reached now"
        return _answer(
            request,
            ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "accounts_unavailable", detail, headers={"Retry-After": "2"}),
        )

    @app.exception_handler(Unavailable)
    async def unavailable(request: Request, error: Unavailable) -> JSONResponse:
        return _answer(
            request,
            ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", str(error), headers={"Retry-After": "2"}),
        )

    @app.exception_handler(AccountRefused)
    async def refused(request: Request, error: AccountRefused) -> JSONResponse:
        status, headers = HTTPStatus.UNPROCESSABLE_ENTITY, None
        if error.reason is AccountReason.WRONG_CREDENTIALS:
            status = HTTPStatus.UNAUTHORIZED
        elif error.reason is AccountReason.TOO_MANY_ATTEMPTS:
            status = HTTPStatus.TOO_MANY_REQUESTS
            headers = {"Retry-After": str(-(-error.retry_after // 1000))}
        return _answer(request, ProblemError(status, error.reason.value, error.detail, headers=headers))

    @app.exception_handler(Exception)
    async def broken(request: Request, _error: Exception) -> JSONResponse:
        detail = "something is broken here; the log of the server tells what"
        return _answer(request, ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", detail))


def _answer(request: Request, error: ProblemError) -> JSONResponse:
    problem = Problem(
        type=f"urn:mingluo:problem:{error.reason}",
        title=error.status.phrase,
        status=error.status,
        reason=error.reason,
        detail=error.detail,
        instance=request.url.path,
        errors=error.errors,
    )
    return JSONResponse(problem.model_dump(), error.status, error.headers, MEDIA_TYPE)
