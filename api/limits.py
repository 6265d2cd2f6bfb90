"""What every request meets first: a limit on its body, and headers that tell browsers to be strict."""

from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import ProblemError

BODY_LIMIT = 64 * 1024
IMPORT_LIMIT = 32 * 1024 * 1024
"""Bytes of an estate file: some 100,000 devices."""
RULEBOOK_LIMIT = 4 * 2**20
"""Bytes of a rulebook, which JSON may make longer."""
_LIMITS = {
    "/api/v1/estate": IMPORT_LIMIT,
    "/api/v1/rulebook": RULEBOOK_LIMIT,
    "/api/v1/rulebook/check": RULEBOOK_LIMIT,
    "/api/v1/rulebook/backtest": RULEBOOK_LIMIT,
}

# Scripts and styles come from files of this server only, nothing from anywhere else, and nobody may frame the page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class SecurityHeaders:
    """Adds `HEADERS` to every answer; and unless the route says otherwise, answers are not stored."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with headers added to the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                # Files are checked for changes at each load (they have an ETag), answers are not kept at all.
                headers.setdefault("Cache-Control", "no-cache" if "etag" in headers else "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


class BodyLimit:
    """Refuses a body larger than is any use here, whether or not it says its length beforehand."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, counting bytes."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = _LIMITS.get(scope["path"], BODY_LIMIT)
        said = Headers(scope=scope).get("content-length", "0")
        taken = limit + 1 if not said.isdigit() or int(said) > limit else 0

        async def counted() -> Message:
            nonlocal taken
            # Raised here rather than at once, so that the application's own handler makes the answer.
            if taken <= limit:
                message = await receive()
                taken += len(message.get("body", b""))
            if taken > limit:
                raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", f"at most {limit} bytes")
            return message

        await self._app(scope, counted, send)
