"""Who is asking, and whether they may: cookie or bearer token, roles, and protection against forged requests."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBasic, HTTPBasicCredentials, HTTPBearer

from api.accounts import Person, Role
from api.context import Context
from api.problems import ProblemError

COOKIE = "mingluo_session"
OWN_HEADER = "X-Mingluo"
"""A page of another site cannot send it without asking us first (CORS), and we never allow it."""

_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="set by signing in; pages of this server use it")
_bearer = HTTPBearer(auto_error=False, description="a session token, for scripts")
_basic = HTTPBasic(auto_error=False, description="name and password; for Prometheus")


COMMAND_LINE = "command line"
"""Under this name stands what was done with the token of the data directory (`Context.local_token`)."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who is signed in, and the token by which they are known."""

    person: Person
    token: str


def get_context(request: Request) -> Context:
    """What the roof handed to this application."""
    context: Context = request.app.state.context
    return context


Ctx = Annotated[Context, Depends(get_context)]
Cookie = Annotated[str | None, Security(_cookie)]
Bearer = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]
Basic = Annotated[HTTPBasicCredentials | None, Security(_basic)]


def address_of(request: Request) -> str:
    """Where the request came from, for the throttle."""
    return request.client.host if request.client else "unknown"


def refuse_foreign(request: Request) -> None:
    """Refuse a request that a page of another site may have made in the name of its visitor.

    Raises:
        ProblemError: 403 `foreign_origin`.
    """
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise ProblemError(HTTPStatus.FORBIDDEN, "foreign_origin", f"requests from {origin[:100]!r} are not taken")


def visitor_or_none(request: Request, context: Ctx, cookie: Cookie, bearer: Bearer) -> Visitor | None:
    """Who asks; None if nobody who is signed in."""
    token = bearer.credentials if bearer else cookie
    if not token:
        return None
    if bearer is None and request.method not in ("GET", "HEAD"):
        refuse_foreign(request)
        if OWN_HEADER not in request.headers:
            detail = f"a request with the session cookie needs the header {OWN_HEADER}"
            raise ProblemError(HTTPStatus.FORBIDDEN, "foreign_origin", detail)
    if bearer is not None and _is_local(token, context.local_token):
        return Visitor(Person(COMMAND_LINE, Role.ADMIN, context.clock()), token)
    person = context.accounts.person(token, context.clock())
    return Visitor(person, token) if person else None


def _is_local(token: str, local: str | None) -> bool:
    return local is not None and hmac.compare_digest(token.encode(), local.encode())


MaybeVisitor = Annotated[Visitor | None, Depends(visitor_or_none)]


def _somebody(visitor: MaybeVisitor) -> Visitor:
    if visitor is None:
        raise _unauthorized()
    return visitor


SignedIn = Annotated[Visitor, Depends(_somebody)]


def _at_least(role: Role) -> Callable[[Visitor], Visitor]:
    def check(visitor: SignedIn) -> Visitor:
        if not visitor.person.role.covers(role):
            detail = f"this needs the role {role.value}; {visitor.person.name} is {visitor.person.role.value}"
            raise ProblemError(HTTPStatus.FORBIDDEN, "role_too_low", detail)
        return visitor

    return check


Operator = Annotated[Visitor, Depends(_at_least(Role.OPERATOR))]
Admin = Annotated[Visitor, Depends(_at_least(Role.ADMIN))]


def scraper(request: Request, context: Ctx, visitor: MaybeVisitor, basic: Basic) -> None:
    """Let in anybody with an account, also by HTTP Basic: what Prometheus can send.

    Raises:
        ProblemError: 401.
    """
    if visitor is not None:
        return
    if basic is None:
        raise _unauthorized("Basic")
    context.accounts.check(basic.username, basic.password, address_of(request), context.clock())


def _unauthorized(scheme: str = "Bearer") -> ProblemError:
    detail = "sign in first: POST /api/v1/session, or the sign-in page"
    headers = {"WWW-Authenticate": f'{scheme} realm="mingluo"'}
    return ProblemError(HTTPStatus.UNAUTHORIZED, "not_signed_in", detail, headers=headers)
