"""The history in InfluxDB 2."""

from collections.abc import Iterator

from community.clock import HOUR, MINUTE
from community.vitals import Vitals
from gateway.history.influx import flux
from gateway.history.influx.influxdb import InfluxSource
from gateway.history.influx.options import InfluxOptions
from gateway.history.influx.progress import WINDOW
from gateway.history.influx.server_store import ServerStore, client_of
from gateway.history.store import HistoryUnavailable, Resolution, Tended

__all__ = ["InfluxOptions", "InfluxStore"]

SETTLE = 2 * MINUTE
"""A window is rolled up when it has been over for this long, so that nearly all that belongs to it is there."""
LONGEST = 6 * WINDOW
"""Event time that is rolled up in one request."""


class InfluxStore(ServerStore):
    """Implements `gateway.history.store.HistoryStore`.

    `tend` has the server roll up every window that was written to, however late its data came; retention is the
    buckets' own (`gateway.history.influx.setup`).
    """

    def __init__(self, options: InfluxOptions, vitals: Vitals) -> None:
        """See `ServerStore`."""
        self._clients = (client_of(options), client_of(options, options.rollup_timeout_ms))
        self._asking, self._rolling = (InfluxSource(client, options) for client in self._clients)
        super().__init__(options, vitals, self._asking, flux.bucket_of(options.bucket, Resolution.RAW))

    def tend(self, now: int) -> Tended:
        """See `HistoryStore`."""
        self._open()
        touched = self._progress.touched()
        # Beyond retention there is nothing left that a roll-up could be made of: making it would empty a good one.
        forgotten = {w: n for w, n in touched.items() if w < now - self._options.retention.raw_ms}
        self._progress.rolled_up(forgotten)
        ready = {w: n for w, n in touched.items() if w not in forgotten and w + WINDOW + SETTLE <= now}
        count, failed = 0, None
        for start, end in stretches(list(ready), WINDOW, LONGEST):
            try:
                count += self._roll_up(start, end)
            except HistoryUnavailable as e:
                if failed is not None:
                    raise
                failed = e  # one stretch that cannot be made must not keep all behind it waiting
                continue
            self._progress.rolled_up({w: n for w, n in ready.items() if start <= w < end})
            self._save()
        if failed is not None:
            raise failed
        return Tended(rolled_up=count)

    def close(self) -> None:
        """See `HistoryStore`."""
        super().close()
        self._asking.close()
        self._rolling.close()
        for client in self._clients:
            client.close()

    def _roll_up(self, start: int, end: int) -> int:
        """Minutes of a stretch, then the hours that it touches; how many single values the minutes were made of."""
        bucket, org = self._options.bucket, self._options.org
        made = self._rolling.ask(flux.rollup(bucket, org, Resolution.MINUTE, start, end))
        begin, stop = start // HOUR * HOUR, -(-end // HOUR) * HOUR
        self._rolling.ask(flux.rollup(bucket, org, Resolution.HOUR, begin, stop))
        return sum(int(column.values.sum()) for column in made.get("count", {}).values())

    def _lagging(self) -> list[tuple[int, int]]:
        return list(stretches(list(self._progress.touched()), WINDOW))


def stretches(starts: list[int], length: int, longest: int | None = None) -> Iterator[tuple[int, int]]:
    """Join windows of `length`, in order, that follow on one another, up to `longest`: [start, end) of each."""
    begin = end = None
    for start in starts:
        if begin is None or end is None or start != end or (longest is not None and end - begin >= longest):
            if begin is not None and end is not None:
                yield begin, end
            begin = start
        end = start + length
    if begin is not None and end is not None:
        yield begin, end
