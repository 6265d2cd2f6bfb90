"""Which incident an alert belongs to: the household's open one, else a new one that it founds."""

from collections.abc import Iterable

from community.alert import Alert
from community.finding import Finding


def incident_of(finding: Finding, open_alerts: Iterable[Alert]) -> str:
    """The incident that a new alert belongs to.

    Args:
        finding: what raises the alert.
        open_alerts: open alerts of any households; those of the finding's own count.

    Returns:
        The incident of the household's earliest open alert, else `<household>@<ts>`: derived from content, so that a
        replay names it alike.
    """
    ours = [a for a in open_alerts if a.household == finding.household]
    if not ours:
        return f"{finding.household}@{finding.ts}"
    return min(ours, key=lambda a: (a.raised_at, a.id)).incident
