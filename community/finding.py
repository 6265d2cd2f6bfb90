"""What the rule engine says: a rule began to hold, changed its level, or ceased to hold."""

from typing import Any

import msgspec

from community.severity import Category, Severity


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One transition of one rule for one device. The engine's only output, and the desk's only input from it.

    Attributes:
        rule: rule id, e.g. `residual.shock`.
        rule_version: content hash of the rule's definition, so that any finding can be explained later.
        category: what kind of response the rule asks for.
        device: device id; for a rule over a group the group's own name, such as `feeder:f1` or `building:b3`, which
            no device can have.
        household: household id of the device; empty for a rule over a group.
        community: id of the place of kind `community` above the household.
        severity: the level that holds from now on; `NORMAL` if the condition has ceased.
        previous: the level that held before. `severity != previous`, except for a late finding (see `late`).
        ts: event time at which the condition was proven, UTC ms.
        since: event time at which the condition began to be true, UTC ms.
        received_at: receipt time of the reading (or tick) that proved it, UTC ms.
        value: the deciding value, in `unit`; None where absence decides.
        threshold: the limit that was crossed, in `unit`; None where absence or a flag decides.
        unit: unit of `value` and `threshold`.
        late: the proof came in a reading that is older than its device's newest. A late finding raises
            (`previous` NORMAL) and is followed at once by its own return to NORMAL with the same mark, because
            newer readings already told that the condition does not hold now.
        shadow: the rule is being rehearsed: the finding is recorded, and nobody is told.
        taken_into: the group whose finding stands for this one from now on, such as `building:b3`, if that is why it
            ended; else empty.
        evidence: JSON-ready detail: values, times, hold, clear level, standard and clause.
    """

    rule: str
    rule_version: str
    category: Category
    device: str
    household: str
    community: str
    severity: Severity
    previous: Severity
    ts: int
    since: int
    received_at: int
    value: float | None
    threshold: float | None
    unit: str
    late: bool = False
    shadow: bool = False
    taken_into: str = ""
    evidence: dict[str, Any] = msgspec.field(default_factory=dict)
