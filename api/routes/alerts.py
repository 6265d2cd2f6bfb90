"""Alerts: what is open, what happened, and a person's answer."""

from collections.abc import AsyncGenerator
from http import HTTPStatus
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response

from alerts.decisions import Decision, Reason, Refused
from alerts.journal import AlertFilter, Condition
from api import models, rulebook_models
from api.accounts import AccountsUnavailable
from api.context import Context
from api.feed import VIEWERS
from api.present import alert_view, event_view
from api.problems import Fault, ProblemError, problem_responses
from api.security import Ctx, Operator, SignedIn, Visitor
from api.stream import EventStream
from community.alert import Alert
from community.clock import SECOND
from community.severity import Category, Severity
from rules.explain import explain, rule_of
from rules.explain_words import Language

router = APIRouter(prefix="/api/v1", tags=["alerts"], responses=problem_responses(401, 422, 503))

LOOK_AGAIN = 30 * SECOND
"""How often an open stream asks whether its session still holds."""

AlertId = Annotated[
    str,
    Path(description="`<device>:<rule>:<raised_at>`", max_length=300, examples=["d0012:residual.shock:1795341600000"]),
]


@router.get("/alerts", response_model=models.AlertPage, summary="List alerts, newest first")
def list_alerts(
    context: Ctx,
    _visitor: SignedIn,
    state: Annotated[Condition | None, Query(description="all but `closed` are open ones")] = None,
    category: Category | None = None,
    severity: Annotated[models.SeverityWord | None, Query(description="alerts that have reached at least this")] = None,
    household: Annotated[str | None, Query(max_length=64)] = None,
    device: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[str | None, Query(max_length=300, description="`next` of the page before")] = None,
) -> dict[str, Any]:
    """Every filter that is given must hold. `next` leads to the following page."""
    # The number first: what happens between the two reads is then sent again by the stream, rather than missed.
    last_number = context.journal.last_number()
    wanted = AlertFilter(
        state=state,
        category=category,
        severity=Severity.from_word(severity) if severity else None,
        household=household,
        device=device,
    )
    behind = None
    if before is not None and (behind := context.journal.alert(before)) is None:
        fault = Fault(place="query.before", message="no alert has this id")
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", fault.message, errors=[fault])
    found = context.journal.alerts(wanted, limit + 1, behind)
    shown, estate = found[:limit], context.estate()
    return {
        "alerts": [alert_view(alert, estate) for alert in shown],
        "next": shown[-1].id if len(found) > limit else None,
        "last_number": last_number,
    }


@router.get(
    "/alerts/stream",
    summary="Follow alert events live (server-sent events)",
    response_class=EventStream,
    responses={
        200: {
            "description": "`hello` with the number from which it goes on; `alert` with an event and the alert as it "
            "is now; `resync` when the viewer has to list anew; a comment at least every 5 s",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'id: 41\nevent: hello\ndata: {"last": 41, "now": 1795341600000}\n\n',
                }
            },
        }
    },
)
def stream(
    context: Ctx,
    visitor: SignedIn,
    after: Annotated[int | None, Query(ge=0, description="number of the last event seen")] = None,
    last_event_id: Annotated[int | None, Header(ge=0, description="the same, as browsers send it; it wins")] = None,
) -> Response:
    """Goes on behind the last event seen, without gap or double; without one, begins with the present."""
    if context.feed.viewers >= VIEWERS:
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, "too_many_viewers", f"{VIEWERS} are watching already")
    return EventStream(_while_signed_in(context, visitor, last_event_id if last_event_id is not None else after))


async def _while_signed_in(context: Context, visitor: Visitor, after: int | None) -> AsyncGenerator[bytes]:
    look = context.clock() + LOOK_AGAIN
    async for chunk in context.feed.follow(after):
        if (now := context.clock()) >= look:
            look = now + LOOK_AGAIN
            try:
                if await anyio.to_thread.run_sync(context.accounts.person, visitor.token, now) is None:
                    return
            except AccountsUnavailable:
                # Rather show alerts to somebody who was signed in than to nobody.
                context.vitals.count("feed_session_unchecked")
        yield chunk


@router.get(
    "/alerts/{alert_id}", response_model=models.AlertView, summary="One alert", responses=problem_responses(404)
)
def get_alert(context: Ctx, _visitor: SignedIn, alert_id: AlertId) -> dict[str, Any]:
    """The alert as it is now."""
    return alert_view(_existing(context, alert_id), context.estate())


@router.get(
    "/alerts/{alert_id}/events",
    response_model=models.EventPage,
    summary="What happened to an alert",
    responses=problem_responses(404),
)
def alert_events(context: Ctx, _visitor: SignedIn, alert_id: AlertId) -> dict[str, Any]:
    """Every event of its life, in order."""
    last_number = context.journal.last_number()
    _existing(context, alert_id)
    return {"events": [event_view(e) for e in context.journal.events_of(alert_id)], "last_number": last_number}


@router.get(
    "/alerts/{alert_id}/explanation",
    response_model=rulebook_models.ExplanationView,
    summary="Why an alert was raised",
    responses=problem_responses(404),
)
def explanation(
    context: Ctx, _visitor: SignedIn, alert_id: AlertId, language: Annotated[Language, Query()] = "en"
) -> dict[str, Any]:
    """From the evidence that was kept with it, whatever has become of the rule since."""
    alert, estate = _existing(context, alert_id), context.estate()
    device = estate.devices.get(alert.device)
    zone = "UTC" if device is None else estate.zone_of(device)
    told = explain(alert, rule_of(alert, context.rulebooks.in_force()[1], estate), language, zone=zone)
    shown: dict[str, Any] = msgspec.to_builtins(told)
    return shown


@router.post(
    "/alerts/{alert_id}/acknowledge",
    response_model=models.AlertView,
    summary="Take note of an alert",
    responses=problem_responses(403, 404, 409),
)
def acknowledge(
    context: Ctx, visitor: Operator, alert_id: AlertId, body: models.Acknowledgement | None = None
) -> dict[str, Any]:
    """Refused (409) with `already_acknowledged`, `worse_meanwhile` (than what was seen), or `already_closed`."""
    body = body or models.Acknowledgement()
    seen = Severity.from_word(body.seen) if body.seen else None
    outcome = context.desk.acknowledge(alert_id, visitor.person.name, context.clock(), body.note, seen)
    return _acted(context, outcome)


@router.post(
    "/alerts/{alert_id}/reset",
    response_model=models.AlertView,
    summary="End a latched alert",
    responses=problem_responses(403, 404, 409),
)
def reset(context: Ctx, visitor: Operator, alert_id: AlertId, body: models.ResetOrder | None = None) -> dict[str, Any]:
    """Refused (409) with `still_holds`, `not_acknowledged`, `not_latched` or `already_closed`."""
    note = body.note if body else None
    return _acted(context, context.desk.reset(alert_id, visitor.person.name, context.clock(), note))


@router.get("/events", response_model=models.EventPage, summary="Alert events in order")
def list_events(
    context: Ctx,
    _visitor: SignedIn,
    after: Annotated[int, Query(ge=0, description="events with a greater number")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 500,
) -> dict[str, Any]:
    """What the stream sends, for those who would rather ask. Go on with `after` = number of the last one."""
    last_number = context.journal.last_number()
    return {"events": [event_view(e) for e in context.journal.events(after, limit)], "last_number": last_number}


def _existing(context: Context, alert_id: str) -> Alert:
    alert = context.journal.alert(alert_id)
    if alert is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, Reason.UNKNOWN_ALERT.value, f"there is no alert {alert_id!r}")
    return alert


def _acted(context: Context, outcome: Decision | Refused) -> dict[str, Any]:
    if isinstance(outcome, Refused):
        unknown = outcome.reason is Reason.UNKNOWN_ALERT
        status = HTTPStatus.NOT_FOUND if unknown else HTTPStatus.CONFLICT
        raise ProblemError(status, outcome.reason.value, outcome.detail)
    assert outcome.alert is not None, "an action leaves an alert behind"
    return alert_view(outcome.alert, context.estate())
