"""The application: routes, errors, headers and the OpenAPI document around one context."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from fastapi.staticfiles import StaticFiles

from api.context import Context
from api.device_accounts import DeviceAccounts
from api.limits import BodyLimit, SecurityHeaders
from api.models import Feed
from api.problems import Problem, install_problem_handlers
from api.routes import (
    alerts,
    announcements,
    devices,
    estate,
    health,
    history,
    inlet,
    pages,
    rulebook,
    session,
    transmitters,
)
from api.security import SignedIn

_DESCRIPTION = """Alerts of a community: what is open, what happened, and a person's answer to it.

Times are UTC milliseconds. Errors are problem details (RFC 9457) with a stable `reason`. Sign in with
`POST /api/v1/session`, then send the token as `Authorization: Bearer ...` or let the browser send the cookie; with the
cookie, requests that change something also need the header `X-Mingluo: 1`."""

_TAGS = [
    {"name": "alerts", "description": "List, follow, acknowledge, reset."},
    {"name": "estate", "description": "Places, households, devices, rules; who announced itself; what was refused."},
    {"name": "history", "description": "What was measured: series, latest values, files; and baselines made of it."},
    {"name": "rulebook", "description": "What is in force, what was, what another would do, what is rehearsed."},
    {"name": "transmitters", "description": "Transmission units of GB/T 26875.3: who is there, and orders to them."},
    {"name": "session", "description": "Sign in and out."},
    {"name": "devices", "description": "What devices send that speak HTTPS and not MQTT."},
    {"name": "health", "description": "State and metrics of the process."},
]


def create_app(context: Context) -> FastAPI:
    """The application over `context`. The roof runs `context.feed` beside it, in the same event loop.

    For a quick stop, call `context.feed.close()` before the server is told to exit: open streams then end at once.
    """
    app = FastAPI(
        title="Mingluo",
        version=context.version,
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        # The document is served below, to people who are signed in; no documentation page that loads from elsewhere.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
    )
    app.state.context = context
    app.state.device_accounts = DeviceAccounts(context.estate)
    app.add_middleware(BodyLimit)
    app.add_middleware(SecurityHeaders)
    install_problem_handlers(app)
    rooms = (alerts, estate, announcements, devices, history, inlet, transmitters, rulebook, session, health, pages)
    for router in (*(room.router for room in rooms), _document(app)):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=pages.CONSOLE / "static"), name="static")
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return app


def _document(app: FastAPI) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/api/v1/openapi.json")
    def openapi(_visitor: SignedIn) -> dict[str, Any]:
        return app.openapi()

    return router


def _operation_id(route: APIRoute) -> str:
    return route.name


def _describe(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            tags=app.openapi_tags,
            routes=app.routes,
        )
        # Shapes that no route returns as its own: problems, and what travels on the stream.
        for model in (Problem, Feed):
            shape = model.model_json_schema(ref_template="#/components/schemas/{model}")
            for name, part in shape.pop("$defs", {}).items():
                document["components"]["schemas"].setdefault(name, part)
            document["components"]["schemas"][model.__name__] = shape
        app.openapi_schema = document
    return app.openapi_schema
