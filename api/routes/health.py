"""How this process is doing: for load balancers, for Prometheus, for people."""

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from api import models
from api.accounts import AccountsUnavailable
from api.context import Context
from api.problems import problem_responses
from api.security import Bearer, Cookie, Ctx, scraper, visitor_or_none
from community.vitals import Component, State, Vitals

router = APIRouter(tags=["health"])


@router.get(
    "/api/v1/health",
    response_model=models.Health,
    summary="State of this process",
    responses={503: {"model": models.Health, "description": "something does not do its task"}},
)
def health(request: Request, response: Response, context: Ctx, cookie: Cookie, bearer: Bearer) -> dict[str, Any]:
    """Open to everyone, with states only; people who are signed in also see the reasons. 200 unless `down`."""
    try:
        visitor = visitor_or_none(request, context, cookie, bearer)
    except AccountsUnavailable:
        visitor = None  # of all pages, this one has to answer now
    status = context.vitals.state()
    response.status_code = 503 if status is State.DOWN else 200
    response.headers["Cache-Control"] = "no-store"
    return {
        "status": status.value,
        "version": context.version if visitor else None,
        "components": [_component(c, visitor is not None) for c in context.vitals.components()],
    }


def _component(component: Component, detailed: bool) -> dict[str, Any]:
    detail = component.detail if detailed else None
    return {"name": component.name, "state": component.state.value, "since": component.since, "detail": detail}


@router.get("/metrics", include_in_schema=False, dependencies=[Depends(scraper)])
@router.get(
    "/api/v1/metrics",
    summary="Counters and gauges (Prometheus)",
    dependencies=[Depends(scraper)],
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus text",
            "content": {"text/plain": {"schema": {"type": "string"}, "example": "mingluo_gateway_accepted_total 42.0"}},
        },
        **problem_responses(401, 429, 503),
    },
)
def metrics(context: Ctx) -> Response:
    """With a bearer token or HTTP Basic. Also under `/metrics`."""
    return Response(render_metrics(context), media_type=CONTENT_TYPE_LATEST)


def render_metrics(context: Context) -> bytes:
    """Everything in the vitals as Prometheus text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_VitalsCollector(context.vitals))
    return generate_latest(registry)


class _VitalsCollector(Collector):
    def __init__(self, vitals: Vitals) -> None:
        self._vitals = vitals

    def collect(self) -> Iterator[Metric]:
        yield from _families(CounterMetricFamily, list(self._vitals.counters()))
        yield from _families(GaugeMetricFamily, list(self._vitals.gauges()))
        states = GaugeMetricFamily(
            "mingluo_component_state", "1 for the state a component is in", labels=("component", "state")
        )
        for component in self._vitals.components():
            for state in State:
                states.add_metric((component.name, state.value), float(component.state is state))
        yield states


def _families(
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily],
    series: list[tuple[str, tuple[tuple[str, str], ...], float]],
) -> Iterator[Metric]:
    # A family has one set of label names: series of one name that lack a label carry it empty.
    names: dict[str, dict[str, None]] = {}
    for name, labels, _ in series:
        names.setdefault(name, {}).update((label, None) for label, _ in labels)
    families = {
        name: kind(f"mingluo_{name}", name.replace("_", " "), labels=list(labels)) for name, labels in names.items()
    }
    for name, labels, value in series:
        given = dict(labels)
        families[name].add_metric([given.get(label, "") for label in names[name]], value)
    yield from families.values()
