"""Brings the desk's open alerts and the engine's levels together after the rules have changed.

A monitor that starts with another rulebook reads the log again under the new rules, but what the log said up to the
journalled position is not told twice. So a new rule may find something to hold that nobody was told of, and an old
alert may wait for a return that no rule will ever find. In ordinary running the two agree and nothing comes of it.
"""

from collections.abc import Iterable, Mapping

from community.alert import Alert
from community.estate import Estate
from community.finding import Finding
from community.severity import Category, Severity
from rules.rulebook import Rulebook


def differences(
    alerts: Iterable[Alert],
    levels: Mapping[tuple[str, str], Severity],
    rulebook: Rulebook,
    estate: Estate,
    now: int,
) -> list[Finding]:
    """The findings that make `alerts` agree with `levels`.

    Args:
        alerts: open alerts of one partition, as of the same log position as `levels`.
        levels: the engine's levels above normal, by (device, rule).
        rulebook: the rules in force.
        estate: the estate in force; alerts of devices that it does not have are returned too.
        now: the engine's latest time, UTC ms.
    """
    standing = {(a.device, a.rule): a for a in alerts if a.severity is not Severity.NORMAL}
    rules = {rule.id: (rule, version) for rule, version in zip(rulebook.rules, rulebook.versions, strict=True)}
    findings = []
    for (device_id, rule_id), alert in standing.items():
        level = levels.get((device_id, rule_id), Severity.NORMAL)
        if level is not alert.severity:
            whose = (alert.rule, alert.rule_version, alert.category, alert.device, alert.household, alert.community)
            findings.append(_finding(whose, alert.severity, level, now))
    for (device_id, rule_id), level in levels.items():
        if (device_id, rule_id) not in standing:
            rule, version = rules[rule_id]
            device = estate.devices[device_id]
            community = estate.community_of(device)
            whose = (rule_id, version, rule.category, device_id, device.household, community)
            findings.append(_finding(whose, Severity.NORMAL, level, now))
    return findings


_Whose = tuple[str, str, Category, str, str, str]


def _finding(whose: _Whose, previous: Severity, severity: Severity, now: int) -> Finding:
    rule, version, category, device, household, community = whose
    return Finding(
        rule=rule,
        rule_version=version,
        category=category,
        device=device,
        household=household,
        community=community,
        severity=severity,
        previous=previous,
        ts=now,
        since=now,
        received_at=now,
        value=None,
        threshold=None,
        unit="",
        evidence={"proof": "rules_changed"},
    )
