"""How this process is doing: counters of what passed and what was lost, and the state of each component.

Every room counts into the one `Vitals` that the roof hands it; the API shows it as `/health` and `/metrics`.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """State of a component: `ok`; `degraded` (works, but someone should look); `down` (does not do its task)."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Component:
    """A component's state with the reason, and since when (UTC ms)."""

    name: str
    state: State
    detail: str
    since: int


Labels = tuple[tuple[str, str], ...]


class Vitals:
    """Counters, gauges and component states. Safe to use from several threads.

    Label values must come from closed sets (reasons, kinds, partitions), never from the wire: the number of series
    is what bounds its memory.
    """

    def __init__(self, on_change: Callable[[Component], None] | None = None) -> None:
        """`on_change` is told, in the reporting thread, when a component's state changes (or is first not `ok`)."""
        self._on_change = on_change
        self._lock = threading.Lock()
        self._counters: dict[tuple[str, Labels], float] = {}
        self._gauges: dict[tuple[str, Labels], float] = {}
        self._components: dict[str, Component] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add `amount` to the counter `name`, e.g. `count("gateway_refused", reason="not_json")`."""
        key = (name, tuple(sorted(labels.items())))
        with self._lock:
            self._counters[key] = self._counters.get(key, 0) + amount

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set the gauge `name` to `value`."""
        with self._lock:
            self._gauges[name, tuple(sorted(labels.items()))] = value

    def report(self, component: str, state: State, detail: str, now: int) -> None:
        """Set a component's state; `since` is kept while the state stays the same."""
        with self._lock:
            before = self._components.get(component)
            same = before is not None and before.state == state
            since = before.since if before is not None and same else now
            present = self._components[component] = Component(component, state, detail, since)
        if self._on_change is not None and not same and (before is not None or state is not State.OK):
            self._on_change(present)

    def counter(self, name: str, **labels: str) -> float:
        """The counter's present value; 0 if nothing was counted. Without labels: the sum over all labels."""
        with self._lock:
            if labels:
                return self._counters.get((name, tuple(sorted(labels.items()))), 0)
            return sum(v for (n, _), v in self._counters.items() if n == name)

    def counters(self) -> Iterator[tuple[str, Labels, float]]:
        """Every counter as (name, labels, value), sorted."""
        with self._lock:
            items = sorted(self._counters.items())
        return ((name, labels, value) for (name, labels), value in items)

    def gauges(self) -> Iterator[tuple[str, Labels, float]]:
        """Every gauge as (name, labels, value), sorted."""
        with self._lock:
            items = sorted(self._gauges.items())
        return ((name, labels, value) for (name, labels), value in items)

    def components(self) -> list[Component]:
        """Every component, by name."""
        with self._lock:
            return [self._components[name] for name in sorted(self._components)]

    def state(self) -> State:
        """The worst state of any component."""
        order = list(State)
        return max((c.state for c in self.components()), key=order.index, default=State.OK)
