"""Where the server is, and how patient we are with it."""

from dataclasses import dataclass, field
from pathlib import Path

from gateway.history.store import Retention


@dataclass(frozen=True, slots=True)
class InfluxOptions:
    """A time series server that takes InfluxDB's line protocol at `/api/v2/write`.

    Attributes:
        url: e.g. `http://127.0.0.1:8086`.
        folder: ours, for what the server cannot keep: how far the log is in, and lines that it refused.
        token: InfluxDB's API token; VictoriaMetrics takes none, but a proxy before it may.
        org: InfluxDB's organisation.
        bucket: first part of the names of our buckets; VictoriaMetrics has none.
        retention: what `initialise` sets up. VictoriaMetrics has one retention, set where it is started.
        rollup_timeout_ms: for making the roll-ups of one stretch on the server.
        timeout_ms: for each request to connect and, again, to be answered.
        attempts: of each request to write, with back-off between; then `HistoryUnavailable`.
        back_off_ms: before the second attempt at most so long, then twice as long, and so on.
        most_back_off_ms: before no attempt longer, whatever the server asks for.
    """

    url: str
    folder: Path
    token: str = field(default="", repr=False)
    org: str = "mingluo"
    bucket: str = "mingluo"
    retention: Retention = field(default_factory=Retention)
    rollup_timeout_ms: int = 300_000
    timeout_ms: int = 10_000
    attempts: int = 4
    back_off_ms: int = 500
    most_back_off_ms: int = 15_000
