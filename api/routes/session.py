"""Signing in and out."""

from typing import Any

from fastapi import APIRouter, Request, Response

from api import models
from api.accounts import Person
from api.problems import problem_responses
from api.security import COOKIE, Ctx, SignedIn, address_of, refuse_foreign

router = APIRouter(prefix="/api/v1", tags=["session"], responses=problem_responses(401, 503))


@router.post("/session", response_model=models.Session, summary="Sign in", responses=problem_responses(403, 422, 429))
def sign_in(request: Request, response: Response, context: Ctx, body: models.Credentials) -> dict[str, Any]:
    """Sets the session cookie, and returns the token for scripts. Failed attempts are slowed down (429)."""
    refuse_foreign(request)
    signed_in = context.accounts.sign_in(body.name, body.password, address_of(request), context.clock())
    response.set_cookie(
        COOKIE,
        signed_in.token,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
        path="/",
    )
    response.headers["Cache-Control"] = "no-store"
    return {"token": signed_in.token, **_who(signed_in.person)}


@router.get("/session", response_model=models.WhoAmI, summary="Who am I")
def who_am_i(visitor: SignedIn) -> dict[str, Any]:
    """The account behind the cookie or token."""
    return _who(visitor.person)


@router.delete("/session", status_code=204, summary="Sign out", responses=problem_responses(403))
def sign_out(response: Response, context: Ctx, visitor: SignedIn) -> None:
    """Ends this session."""
    context.accounts.sign_out(visitor.token)
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")


@router.post(
    "/accounts/me/password",
    status_code=204,
    summary="Change my password",
    responses=problem_responses(403, 422, 429),
)
def change_password(request: Request, context: Ctx, visitor: SignedIn, body: models.PasswordChange) -> None:
    """Ends every other session of the account."""
    context.accounts.change_password(
        visitor.person.name, body.old, body.new, address_of(request), context.clock(), visitor.token
    )


def _who(person: Person) -> dict[str, Any]:
    return {"account": person.name, "role": person.role.value, "expires_at": person.expires_at}
