"""Which incident an alert belongs to: the open one of its household or group, else a new one that it founds."""

from collections.abc import Iterable

from community.alert import Alert
from community.finding import Finding


def home_of(told: Finding | Alert) -> str:
    """What incidents are about: the household; for a rule over a group, which has none, the group itself."""
    return told.household or told.device


def incident_of(finding: Finding, open_alerts: Iterable[Alert]) -> str:
    """The incident that a new alert belongs to.

    Args:
        finding: what raises the alert.
        open_alerts: open alerts of any homes; those of the finding's own household or group count.

    Returns:
        The incident of the home's earliest open alert, else `<household or group>@<ts>`: derived from content, so that
        a replay names it alike.
    """
    ours = [a for a in open_alerts if home_of(a) == home_of(finding)]
    if not ours:
        return f"{home_of(finding)}@{finding.ts}"
    return min(ours, key=lambda a: (a.raised_at, a.id)).incident
