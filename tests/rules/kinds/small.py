"""Small rules, duties and series for the tests of single kinds."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from hypothesis import settings

from community.estate import DeviceKind, Ratings
from community.frame import Reading
from rules.kinds.definition import LadderRule
from rules.kinds.kernel import Duty, Kind
from tests.rules.kinds.harness import Bench, Run

T0 = 1_767_225_600_000  # 2026-01-01T00:00Z, a Thursday
MINUTE, HOUR, DAY, WEEK = 60_000, 3_600_000, 86_400_000, 604_800_000  # ms

CALM = settings(deadline=None, max_examples=60)
"""The first example compiles, which takes its time."""

R = TypeVar("R", bound=LadderRule)


def a_rule(model: type[R], *limits: float, clear: float = 0.0, **parameters: Any) -> R:
    """A rule of this model, with a step for each limit and otherwise its defaults."""
    return model.model_validate(
        {
            "id": "test.rule",
            "kind": model.model_fields["kind"].annotation.__args__[0],  # type: ignore[union-attr]  # a Literal
            "title": {"zh": "测试", "en": "Test"},
            "category": "deterioration",
            "standard": "none",
            "guidance": {"staff": {"zh": "看", "en": "Look"}},
            "steps": [
                {"severity": "warning", "limit": limit, "clear": clear, "hold": k} for k, limit in enumerate(limits)
            ],
            **parameters,
        }
    )


def a_duty(interval: float = 60, *, mains: bool = True, zone: str = "Asia/Shanghai", volts: float = 230) -> Duty:
    """A device with a reporting interval, s."""
    return Duty(
        DeviceKind.ELECTRICAL_PROTECTOR, Ratings(nominal_voltage=volts), round(interval * 1000), mains, zone=zone
    )


def at(ts: int, values: Mapping[str, float]) -> Reading:
    """A reading of the only device at a time in ms."""
    return Reading("a", ts, ts, dict(values))


def every(step: float, values: Sequence[float], signal: str, *, begin: int = T0) -> list[Reading]:
    """Readings of one signal, `step` seconds apart."""
    return [at(begin + round(k * step * 1000), {signal: v}) for k, v in enumerate(values)]


def play(kind: Kind[Any], rule: Any, duty: Duty, readings: Sequence[Reading]) -> Run:
    """What the kernel makes of one device's readings, all evidence included; without the twin, which is slow."""
    return Bench(kind, rule, {"a": duty}).run(readings, active=True)
