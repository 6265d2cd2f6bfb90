"""The ten rules of `ten.toml` as one would write them first: a loop over readings, a dictionary for each device.

The yardstick of the benchmark, and nothing else. It is kinder to itself than the engine may be: no late rows, no gaps,
no evidence, no levels, and a slope between two points instead of a robust one.
"""

from collections import deque
from collections.abc import Iterable
from math import exp, sqrt

Row = tuple[str, int, float, float, float, float, float, float]
"""device, ts (ms), voltage, current, active power, residual current, terminal temperature, arc count."""


def naive(rows: Iterable[Row], devices: dict[str, dict[str, object]]) -> list[tuple[int, str, str, bool]]:
    """Evaluate the ten rules.

    Args:
        devices: state of each device; made as needed.

    Returns:
        (ts, device, rule, whether it began or ended to hold).
    """
    found: list[tuple[int, str, str, bool]] = []
    for device, ts, voltage, current, power, residual, temperature, arcs in rows:
        state = devices.get(device)
        if state is None:
            state = devices[device] = {
                "since": {}, "held": set(), "past": deque(), "heat": 0.0, "ts": ts, "arcs": arcs, "level": 0.0,
                "mean": power, "variance": 0.0, "seen": 0,
            }  # fmt: skip
        since: dict[str, int] = state["since"]  # type: ignore[assignment]  # a bag of anything, as naive code has it
        held: set[str] = state["held"]  # type: ignore[assignment]
        past: deque[tuple[int, float]] = state["past"]  # type: ignore[assignment]
        dt = (ts - state["ts"]) / 1000  # type: ignore[operator]
        state["ts"] = ts

        end = (current / (1.3 * 32)) ** 2
        state["heat"] = end + (state["heat"] - end) * exp(-dt / 199)  # type: ignore[operator]
        state["level"] = state["level"] * exp(-dt / 60) + max(0.0, arcs - state["arcs"])  # type: ignore[operator]
        state["arcs"] = arcs
        difference = power - state["mean"]  # type: ignore[operator]
        z = abs(difference) / sqrt(state["variance"]) if state["seen"] > 30 and state["variance"] > 0 else 0.0  # type: ignore[operator, arg-type]
        state["mean"] += 0.01 * difference  # type: ignore[operator]
        state["variance"] = 0.99 * (state["variance"] + 0.01 * difference * difference)  # type: ignore[operator]
        state["seen"] += 1  # type: ignore[operator]
        past.append((ts, temperature))
        while ts - past[0][0] > 120_000:
            past.popleft()
        oldest = past[0]
        slope = (temperature - oldest[1]) / (ts - oldest[0]) * 60_000 if ts > oldest[0] else 0.0

        for rule, value, limit, hold, clear in (
            ("residual", residual, 15, 60_000, 12),
            ("residual_fast", residual, 24, 10_000, 20),
            ("temperature", temperature, 60, 300_000, 57),
            ("over_voltage", voltage, 253, 0, 248),
            ("under_voltage", -voltage, -187, 0, -192),
            ("rise", slope, 5, 0, 3),
            ("thermal", state["heat"], 0.9, 0, 0.8),
            ("arcs", state["level"], 14, 0, 7),
            ("deviation", z, 6, 0, 4),
        ):
            if rule in held:
                if value < clear:  # type: ignore[operator]
                    held.discard(rule)
                    found.append((ts, device, rule, False))
            elif value >= limit:  # type: ignore[operator]
                if ts - since.setdefault(rule, ts) >= hold:
                    held.add(rule)
                    since.pop(rule, None)
                    found.append((ts, device, rule, True))
            else:
                since.pop(rule, None)
    return found


def naive_silence(now: int, devices: dict[str, dict[str, object]]) -> list[str]:
    """The tenth rule, at a tick: the devices not heard for 90 s."""
    return [name for name, state in devices.items() if now - state["ts"] >= 90_000]  # type: ignore[operator]
