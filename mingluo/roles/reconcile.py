"""Brings the desk's open alerts and the engine's levels together where the two may have parted.

That is so after a rule went into rehearsal or came out of it (its level stays, but now nobody, or somebody, is to be
told), and for an engine that had lost its former state and read the log anew: a condition that began before the log's
present beginning is unknown to it. In ordinary running the two agree and nothing comes of it.
"""

from collections.abc import Iterable, Mapping

from community.alert import Alert
from community.estate import Estate
from community.finding import Finding
from community.severity import Category, Severity
from rules.evidence import Proof
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
        levels: the engine's levels above normal, by (device or group, rule).
        rulebook: the rules in force. Levels of rules that are not told (`mode`) count as normal.
        estate: the estate in force; alerts of devices that it does not have are returned too.
        now: the engine's latest time, UTC ms.
    """
    standing = {(a.device, a.rule): a for a in alerts if a.severity is not Severity.NORMAL}
    told = {key: level for key, level in levels.items() if _is_told(*key, rulebook, estate)}
    findings = []
    for key, alert in standing.items():
        level = told.get(key, Severity.NORMAL)
        if level is not alert.severity:
            whose = (alert.rule, alert.rule_version, alert.category, alert.device, alert.household, alert.community)
            findings.append(_finding(whose, alert.severity, level, now))
    for (subject, rule_id), level in told.items():
        if (subject, rule_id) not in standing:
            rule, home = rulebook.rules[rulebook.numbers[rule_id]], _home(subject, estate)
            if home is not None:
                whose = (rule_id, rule.version, rule.category, subject, *home)
                findings.append(_finding(whose, Severity.NORMAL, level, now))
    return findings


def _is_told(subject: str, rule_id: str, rulebook: Rulebook, estate: Estate) -> bool:
    """Whether people are told what this rule finds of this device or group."""
    number, device = rulebook.numbers.get(rule_id), estate.devices.get(subject)
    if number is None:
        return False
    rule = rulebook.resolved(number, () if device is None else rulebook.overrides_for(estate, device))
    return rule is not None and rule.mode == "live"


def _home(subject: str, estate: Estate) -> tuple[str, str] | None:
    """Household (none for a group) and community of a device or group; None if the estate has no such."""
    device = estate.devices.get(subject)
    if device is not None:
        return device.household, estate.community_of(device)
    kind, _, name = subject.partition(":")
    member = next((d for d in estate.device if estate.groups_of(d).get(kind) == name), None)
    return None if member is None else ("", estate.community_of(member))


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
        evidence={"proof": Proof.RULE_CHANGED.value},
    )
