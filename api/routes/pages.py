"""The console's pages. They hold no data: what they show they ask of the API, with the visitor's own session."""

from pathlib import Path as FilePath
from typing import Annotated

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.responses import Response

from api.routes.estate import DEVICE_ID
from api.security import Ctx, MaybeVisitor
from community.estate import DeviceKind

CONSOLE = FilePath(__file__).parent.parent / "console"
LANGUAGES = ("en", "zh")

router = APIRouter(include_in_schema=False)
_templates = Environment(loader=FileSystemLoader(CONSOLE / "templates"), autoescape=select_autoescape())


@router.get("/")
def console(request: Request, context: Ctx, visitor: MaybeVisitor) -> Response:
    """The live list, or the way to the sign-in page."""
    if visitor is None:
        return RedirectResponse("/sign-in", 303)
    person = visitor.person
    return _page("console.html", request, version=context.version, account=person.name, role=person.role.value)


@router.get("/rulebook")
def rulebook(request: Request, visitor: MaybeVisitor) -> Response:
    """What is in force, what was, and what is rehearsed; or the way to the sign-in page."""
    return RedirectResponse("/sign-in", 303) if visitor is None else _page("rulebook.html", request)


@router.get("/announcements")
def announcements(request: Request, visitor: MaybeVisitor) -> Response:
    """Devices that announced themselves, and a person's answer; or the way to the sign-in page."""
    if visitor is None:
        return RedirectResponse("/sign-in", 303)
    return _page("announcements.html", request, role=visitor.person.role.value, kinds=[k.value for k in DeviceKind])


@router.get("/devices/{device}")
def device_history(
    request: Request, visitor: MaybeVisitor, device: Annotated[str, Path(pattern=DEVICE_ID)]
) -> Response:
    """What a device measured and reported over time; or the way to the sign-in page."""
    return RedirectResponse("/sign-in", 303) if visitor is None else _page("device.html", request, device=device)


@router.get("/sign-in")
def sign_in(request: Request, context: Ctx) -> Response:
    """The sign-in page."""
    return _page("sign_in.html", request, version=context.version)


def _page(name: str, request: Request, **values: str | list[str]) -> HTMLResponse:
    language = preferred_language(request.headers.get("accept-language", ""))
    return HTMLResponse(_templates.get_template(name).render(language=language, **values))


def preferred_language(accepted: str) -> str:
    """The first of our languages in an Accept-Language header, by weight; English if it names none.

    >>> preferred_language("fr, zh-CN;q=0.8, en;q=0.7")
    'zh'
    """
    weighed = []
    for position, part in enumerate(accepted.split(",")[:20]):
        tag, _, parameters = part.strip().partition(";")
        try:
            weight = float(parameters.strip().removeprefix("q=")) if parameters else 1.0
        except ValueError:
            weight = 0.0
        weighed.append((-weight, position, tag.split("-")[0].lower()))
    return next((language for _, _, language in sorted(weighed) if language in LANGUAGES), "en")
