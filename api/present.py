"""How an alert and its events look from outside: words for severities, and the place beside the ids."""

from enum import StrEnum
from typing import Any

from community.alert import Alert, AlertEvent
from community.estate import Device, Estate, Household
from community.severity import Severity


class AlertState(StrEnum):
    """Where an alert stands in its life, in one word (states B to F of ISA-18.2)."""

    UNACKNOWLEDGED = "unacknowledged"
    ACKNOWLEDGED = "acknowledged"
    RETURNED = "returned"
    LATCHED = "latched"
    CLOSED = "closed"


def state_of(alert: Alert) -> AlertState:
    """The state of `alert`: `returned` waits to be acknowledged, `latched` was acknowledged and waits for a reset."""
    if alert.closed_at is not None:
        return AlertState.CLOSED
    if alert.severity is Severity.NORMAL:
        return AlertState.LATCHED if alert.acknowledged else AlertState.RETURNED
    return AlertState.ACKNOWLEDGED if alert.acknowledged else AlertState.UNACKNOWLEDGED


def alert_view(alert: Alert, estate: Estate) -> dict[str, Any]:
    """`alert` as the API shows it (`api.models.AlertView`)."""
    return {
        "id": alert.id,
        "state": state_of(alert).value,
        "rule": alert.rule,
        "rule_version": alert.rule_version,
        "category": alert.category.value,
        "severity": alert.severity.word,
        "highest": alert.highest.word,
        "acknowledged": alert.acknowledged,
        "latched": alert.latched,
        "device": alert.device,
        "household": alert.household,
        "community": alert.community,
        "incident": alert.incident,
        "raised_at": alert.raised_at,
        "returned_at": alert.returned_at,
        "acknowledged_at": alert.acknowledged_at,
        "acknowledged_by": alert.acknowledged_by,
        "closed_at": alert.closed_at,
        "value": alert.value,
        "threshold": alert.threshold,
        "unit": alert.unit,
        "late": alert.late,
        "evidence": alert.evidence,
        "where": _where(alert, estate),
    }


def event_view(event: AlertEvent) -> dict[str, Any]:
    """`event` as the API shows it (`api.models.EventView`): its line, and its number."""
    return {"number": event.number, **event.line()}


def device_view(device: Device) -> dict[str, Any]:
    """`device` as the API shows it (`api.models.DeviceView`)."""
    shown = device.model_dump(exclude={"secret"})
    return {**shown, "interval_s": device.reporting_interval, "has_secret": device.secret is not None}


def where_device(device: Device, estate: Estate) -> dict[str, Any]:
    """Where a device of the estate is (`api.models.Where`)."""
    household = estate.households[device.household]
    return _told(household, device, household.place, None, estate)


def _where(alert: Alert, estate: Estate) -> dict[str, Any]:
    """The place by names, and what responders must know about it. Unknown where the estate has moved on."""
    household = estate.households.get(alert.household)
    group = None if alert.household else _group(alert.device, estate)
    place = household.place if household else alert.community
    if group is not None and group["place"] is not None:
        place = group["place"]
    return _told(household, estate.devices.get(alert.device), place, group, estate)


def _told(
    household: Household | None, device: Device | None, place: str, group: dict[str, Any] | None, estate: Estate
) -> dict[str, Any]:
    line = [{"id": p.id, "name": p.name or p.id, "kind": p.kind.value} for p in estate.ancestors(place)]
    return {
        "place": line[::-1],
        "group": None if group is None else {"level": group["level"], "name": group["name"]},
        "household_name": household.name if household else "",
        "address": household.address if household else "",
        "position": household.position if household else None,
        "material": household.material.value if household and household.material else None,
        "lives_alone": household.lives_alone if household else False,
        "needs_help": household.needs_help if household else False,
        "notes": household.notes if household else "",
        "device_name": device.name if device else "",
        "device_kind": device.kind.value if device else None,
    }


def _group(subject: str, estate: Estate) -> dict[str, Any] | None:
    """What an alert about a whole group is about, from its name such as `feeder:f1`; None if it is no such."""
    level, colon, name = subject.partition(":")
    if not colon:
        return None
    place = estate.places.get(name) if level in ("building", "community") else None
    return {"level": level, "name": (place.name if place else "") or name, "place": place.id if place else None}
