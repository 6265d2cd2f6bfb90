"""The ladder once more, slowly: the oracle of `rules.kinds.ladder`."""

from dataclasses import dataclass, field

from rules.kinds.ladder import PROMPT_MS, STANDING_MS


@dataclass(slots=True)
class LadderTwin:
    """The ladder of one channel of one device; limits, clear levels and measures are times sign.

    It keeps every measure since the last gap and asks anew, at each reading, what they prove.
    """

    limits: list[float]
    clears: list[float]
    holds: list[int]
    clear_holds: list[int]
    gap_limit: int
    held: list[bool] = field(default_factory=list)
    past: list[tuple[int, list[bool], list[bool]]] = field(default_factory=list)
    changed: dict[int, int] = field(default_factory=dict)  # step → only measures from this one on count for it
    prompt: bool = False
    last: float = 0.0

    def __post_init__(self) -> None:
        self.held = [False] * len(self.limits)

    def top(self) -> int:
        """Highest held step, or -1."""
        return max((k for k, held in enumerate(self.held) if held), default=-1)

    def _run(self, k: int, *, clearing: bool) -> int | None:
        """Since when, without interruption, step k has been true (or clearing)."""
        since = None
        for ts, true, clear in reversed(self.past[self.changed.get(k, 0) :]):
            if not (clear if clearing else true)[k]:
                break
            since = ts
        return since

    def reading(self, ts: int, received: int, value: float) -> tuple[int, int, int | None]:
        """Take a measure: (top step before, after, since when what decided has been so)."""
        before = self.top()
        if self.past and ts - self.past[-1][0] > self.gap_limit:
            self.past, self.changed = [], {}
        true = [value >= limit for limit in self.limits]
        clear = [value < level and not t for level, t in zip(self.clears, true, strict=True)]
        self.past.append((ts, true, clear))
        up = down = None
        for k in range(len(self.limits)):
            since = self._run(k, clearing=self.held[k])
            if since is not None and ts - since >= (self.clear_holds if self.held[k] else self.holds)[k]:
                if self.held[k]:
                    down = since
                else:
                    up = since
                self.held[k] = not self.held[k]
                self.changed[k] = len(self.past)
        self.last = value
        self.prompt = received - ts <= PROMPT_MS
        return before, self.top(), up if self.top() > before else down

    def tick(self, now: int, interval: int) -> tuple[int, int, int | None]:
        """Let the last measure stand: (top step before, after, since when)."""
        before, since_top = self.top(), None
        if self.past and self.prompt and now - self.past[-1][0] <= min(interval, STANDING_MS):
            for k in range(len(self.limits)):
                since = None if self.held[k] else self._run(k, clearing=False)
                if since is not None and now - since >= self.holds[k]:
                    self.held[k] = True
                    self.changed[k] = len(self.past)
                    since_top = since
        return before, self.top(), since_top
