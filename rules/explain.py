"""Why an alert was raised: rule and version, values, window, limit, by how much, for how long, by which standard.

All of it is read from the evidence that was kept with the finding, so it can be told of a rule that has changed since.
The rule, where it is still known, adds its title, its guidance and where it stands today.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec

from community.alert import Alert
from community.estate import Estate
from community.severity import Severity
from rules.explain_words import DECIDING, MEASURES, NAMES, PHRASES, SENTENCES, WORDS, Language, say
from rules.kinds.definition import RuleBase
from rules.rulebook import Rulebook

ROLES = ("staff", "responder", "resident")
"""In the order in which guidance is told: first to who asks."""

NEAR = 1e-6
"""Of the limit: nearer to it than this, a value is told to have just reached it."""

_TOLD = frozenset({
    "proof", "reason", "since", "received_at", "standard", "clause", "signal", "step", "value", "threshold", "clear",
    "hold_s", "clear_hold_s", "first_value", "peak", "gap_s", "limit", "ratings", "silent_s", "allowed_s", "active",
})  # fmt: skip
"""Keys of the evidence that have a place of their own in an explanation."""


class Explainable(Protocol):
    """What a finding, an alert and an alert's event have in common."""

    @property
    def rule(self) -> str: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def device(self) -> str: ...
    @property
    def value(self) -> float | None: ...
    @property
    def threshold(self) -> float | None: ...
    @property
    def unit(self) -> str: ...
    @property
    def late(self) -> bool: ...
    @property
    def evidence(self) -> dict[str, Any]: ...


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """An explanation as data, and in words.

    Attributes:
        rule, version: what judged; version is empty where the evidence does not tell.
        in_force: whether that version of the rule is the one in force; None if it cannot be told.
        title: of the rule, in the language; empty if it is gone.
        severity: as a word.
        at: when it was proven, UTC ms; since: when it began.
        held_s, hold_s: for how long it had been so, and how long it must; None where time plays no part.
        signal: what was judged.
        value, threshold, unit: the deciding ones; limit: the formula of the threshold, if it is one.
        beyond, beyond_percent: how far beyond the threshold the value was, negative on its safe side.
        clear, clear_hold_s: when it clears.
        first_value, peak, gap_s: of the time since it began.
        proof: what proved it.
        also: what else the kind of rule found, by name.
        standard, clause: where the numbers come from.
        guidance: what to do, by role.
        sentences: all of it in words.
    """

    rule: str
    version: str
    in_force: bool | None
    title: str
    severity: str
    at: int | None
    since: int | None
    held_s: float | None
    hold_s: float | None
    signal: str
    value: float | None
    threshold: float | None
    unit: str
    limit: str
    beyond: float | None
    beyond_percent: float | None
    clear: float | None
    clear_hold_s: float | None
    first_value: float | None
    peak: float | None
    gap_s: float | None
    proof: str
    also: dict[str, Any]
    standard: str
    clause: str
    guidance: dict[str, str]
    sentences: tuple[str, ...]

    @property
    def text(self) -> str:
        """The sentences, a line each."""
        return "\n".join(self.sentences)


def explain(
    finding: Explainable, rule: RuleBase | None, language: Language = "en", *, zone: str = "UTC"
) -> Explanation:
    """Explain a finding, an alert or an alert's event from its evidence.

    Args:
        rule: the rule of that id as it holds now for the device (see `rule_of`); None if it is gone.
        zone: IANA name of the time zone in which times are told.
    """
    evidence = finding.evidence
    version = str(getattr(finding, "rule_version", ""))
    at = _time_of(finding)
    since = _whole(evidence.get("since", getattr(finding, "since", None)))
    beyond, percent = _beyond(finding, rule)
    told = Explanation(
        rule=finding.rule,
        version=version,
        in_force=False if rule is None else version == rule.version if version else None,
        title="" if rule is None else getattr(rule.title, language),
        severity=finding.severity.word,
        at=at,
        since=since,
        held_s=(at - since) / 1000 if at is not None and since is not None and at > since else None,
        hold_s=_number(evidence.get("hold_s")),
        signal=str(evidence.get("signal", "")),
        value=finding.value,
        threshold=finding.threshold,
        unit=finding.unit,
        limit=_formula(evidence),
        beyond=beyond,
        beyond_percent=percent,
        clear=_number(evidence.get("clear")),
        clear_hold_s=_number(evidence.get("clear_hold_s")),
        first_value=_number(evidence.get("first_value")),
        peak=_number(evidence.get("peak")),
        gap_s=_number(evidence.get("gap_s")),
        proof=str(evidence.get("proof", "")),
        also={k: v for k, v in evidence.items() if k not in _TOLD and v is not None},
        standard=str(evidence.get("standard", "" if rule is None else rule.standard)),
        clause=str(evidence.get("clause", "" if rule is None else rule.clause)),
        guidance=_guidance(rule, language),
        sentences=(),
    )
    sentences = _Words(told, finding, rule, language, zone).sentences()
    return msgspec.structs.replace(told, sentences=tuple(sentences))


def rule_of(finding: Explainable, rulebook: Rulebook, estate: Estate) -> RuleBase | None:
    """The rule of a finding as it holds now for its device; None if it is gone, or disabled for the device."""
    number = rulebook.numbers.get(finding.rule)
    if number is None:
        return None
    device = estate.devices.get(finding.device)
    overrides = () if device is None else rulebook.overrides_for(estate, device)
    return rulebook.resolved(number, overrides)


class _Words:
    """Sentences of one explanation."""

    def __init__(
        self, told: Explanation, finding: Explainable, rule: RuleBase | None, language: Language, zone: str
    ) -> None:
        self._told, self._finding, self._rule = told, finding, rule
        self._language = language
        self._zone = UTC if zone == "UTC" else ZoneInfo(zone)
        limit = _number(finding.evidence.get("threshold"))
        self._measured = limit is None or limit == finding.threshold

    def sentences(self) -> list[str]:
        """In the order in which people ask."""
        told = self._told
        found = [*self._judgement(), *self._value(), *self._window(), *self._proof()]
        if told.also:
            found.append(self._say("also", also=self._also(told.also)))
        source = ", ".join(filter(None, (told.standard, told.clause)))
        if source:
            found.append(self._say("source", standard=source))
        for role, text in told.guidance.items():
            found.append(self._say("guidance", role=say(WORDS, role, self._language), text=text))
        return found

    def _judgement(self) -> list[str]:
        told, rule = self._told, self._rule
        names = {"rule": told.rule, "title": told.title, "version": told.version}
        if rule is None:
            found = [self._say("rule.gone", **names)]
        elif not told.version:
            found = [self._say("rule.unknown", **names)]
        else:
            found = [self._say("rule", **names)]
            if not told.in_force:
                found.append(self._say("rule.other", now=rule.version))
        if getattr(self._finding, "shadow", False):
            found.append(self._say("shadow"))
        if told.at is not None:
            key = "severity.over" if told.severity == "normal" else "severity"
            word = say(WORDS, told.severity, self._language)
            found.append(self._say(key, severity=word, time=self._time(told.at)))
        return found

    def _value(self) -> list[str]:
        told, evidence = self._told, self._finding.evidence
        if "silent_s" in evidence:
            allowed = self._phrase("allowed", allowed=_span(evidence.get("allowed_s")))
            return [self._say("silent", silent=_span(evidence["silent_s"]), allowed=allowed)]
        if "active" in evidence:
            return [self._say("flag" if evidence["active"] else "flag.off", signal=told.signal)]
        if told.value is None:
            return []
        signal, value = self._measure(), self._quantity(told.value)
        if told.threshold is None or told.beyond is None:
            return [self._say("value.plain", signal=signal, value=value)]
        key = "value" if told.beyond > 0 else "value.inside"
        if abs(told.beyond) <= NEAR * abs(told.threshold):
            key = "value.reached"
        if told.severity == "normal" and told.beyond >= 0:
            return []  # it ended for another reason than its value, which is told as the proof
        percent = "" if told.beyond_percent is None else written(abs(told.beyond_percent), 3)
        blanks = {
            "signal": signal,
            "value": value,
            "threshold": self._quantity(told.threshold),
            "formula": self._phrase("formula", formula=told.limit),
        }
        if key != "value.reached":
            beyond = self._quantity(abs(told.beyond))
            blanks |= {"beyond": beyond, "percent": self._phrase("percent", percent=percent)}
        return [self._say(key, **blanks)]

    def _measure(self) -> str:
        """What the value is: the signal itself, or what the kind of rule made of it."""
        table = MEASURES if self._measured else DECIDING
        kind = "" if self._rule is None else self._rule.kind
        signal = self._told.signal
        if kind in table:
            return say(table, kind, self._language, signal=signal)
        return signal or say(PHRASES, "the value", self._language)

    def _window(self) -> list[str]:
        told = self._told
        found = []
        held = told.severity != "normal" and told.proof != "silence"
        if held and told.held_s is not None and told.since is not None:
            hold = self._phrase("hold", hold=_span(told.hold_s))
            found.append(self._say("held", since=self._time(told.since), held=_span(told.held_s), hold=hold))
        if held and told.first_value is not None and told.peak is not None and told.held_s is not None:
            first, peak = self._measured_quantity(told.first_value), self._measured_quantity(told.peak)
            found.append(self._say("range", first=first, peak=peak))
        if told.gap_s:
            found.append(self._say("gap", gap=_span(told.gap_s)))
        if told.clear is not None and told.severity != "normal":
            hold = self._phrase("clear_hold", hold=_span(told.clear_hold_s))
            found.append(self._say("clear", clear=self._measured_quantity(told.clear), hold=hold))
        return found

    def _proof(self) -> list[str]:
        found = [self._say("late")] if self._finding.late else []
        if self._told.proof not in ("", "reading", "silence"):
            found.append(self._say("proof", proof=say(WORDS, self._told.proof, self._language)))
        return found

    def _also(self, values: dict[str, Any]) -> str:
        return "; ".join(f"{say(NAMES, name, self._language)}: {self._plain(value)}" for name, value in values.items())

    def _plain(self, value: object) -> str:
        if isinstance(value, bool) or value is None:
            return str(value).lower()
        if isinstance(value, int) and value > 10**12:
            return self._time(value)
        if isinstance(value, int | float):
            return written(value)
        if isinstance(value, dict):
            return "(" + self._also(value) + ")"
        if isinstance(value, list | tuple):
            return ", ".join(self._plain(v) for v in value)
        return str(value)

    def _quantity(self, value: float) -> str:
        return f"{written(value)} {self._told.unit}".rstrip()

    def _measured_quantity(self, value: float) -> str:
        """A quantity of the measure, whose unit is not that of the value where something else decided."""
        return self._quantity(value) if self._measured else written(value)

    def _time(self, ts: int) -> str:
        local = datetime.fromtimestamp(ts / 1000, self._zone)
        return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"

    def _phrase(self, key: str, **blanks: str) -> str:
        """The phrase, or nothing where one of its blanks is empty."""
        return say(PHRASES, key, self._language, **blanks) if all(blanks.values()) else ""

    def _say(self, key: str, **blanks: object) -> str:
        text = say(SENTENCES, key, self._language, **blanks)
        return text[0].upper() + text[1:] if text.startswith("the ") else text


def written(value: float, digits: int = 5) -> str:
    """A number for people: five significant digits and thousands in groups."""
    return f"{float(f'{value:.{digits}g}') + 0.0:,.10g}"  # no minus before a zero


def _span(seconds: Any) -> str:
    """A time for people; empty for none."""
    if not isinstance(seconds, int | float) or not seconds:
        return ""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{written(seconds / size, 3)} {unit}"
    return f"{written(seconds, 4)} s"


def _beyond(finding: Explainable, rule: RuleBase | None) -> tuple[float | None, float | None]:
    """How far beyond the threshold the value lies, absolute and in percent of the threshold."""
    value, threshold = finding.value, finding.threshold
    if value is None or threshold is None:
        return None, None
    beyond = _sign(finding, rule) * (value - threshold)
    return beyond, (100 * beyond / abs(threshold) if threshold else None)


def _formula(evidence: Mapping[str, Any]) -> str:
    """The formula of the limit with the ratings that it refers to: `0.5 * device.rated_residual [30]`."""
    formula = str(evidence.get("limit", ""))
    for name, value in dict(evidence.get("ratings") or {}).items():
        formula = formula.replace(f"device.{name}", f"device.{name} [{value:g}]")
    return formula


def _sign(finding: Explainable, rule: RuleBase | None) -> int:
    """+1 where greater is worse. The clear level tells: it lies on the safe side of the limit."""
    evidence = finding.evidence
    clear, limit = _number(evidence.get("clear")), _number(evidence.get("threshold"))
    value, threshold = finding.value or 0.0, finding.threshold or 0.0
    if limit is not None and limit != finding.threshold:
        # Something else than the limit decided, such as the time to a trip: it was proven, so it is beyond.
        return 1 if value >= threshold else -1
    if clear is None or limit is None or clear == limit:
        return int(getattr(rule, "sign", 1))
    return 1 if clear < limit else -1


def _time_of(finding: Explainable) -> int | None:
    """When it was proven. The evidence of an alert is that of its worst turn, later than it was raised."""
    if isinstance(finding, Alert):
        since, received = (_whole(finding.evidence.get(k)) for k in ("since", "received_at"))
        if since is not None and since > finding.raised_at and received is not None:
            return received
        return finding.raised_at
    return _whole(getattr(finding, "ts", None))


def _guidance(rule: RuleBase | None, language: Language) -> dict[str, str]:
    if rule is None:
        return {}
    texts = {role: getattr(rule.guidance, role) for role in ROLES}
    return {role: getattr(text, language) for role, text in texts.items() if text is not None}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
