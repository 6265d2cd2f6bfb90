"""The history in VictoriaMetrics: the writes of InfluxDB, answers by its own query API."""

from community.vitals import Vitals
from gateway.history.influx.options import InfluxOptions
from gateway.history.influx.server_store import ServerStore
from gateway.history.influx.victoriametrics import VictoriaSource
from gateway.history.store import Tended

__all__ = ["InfluxOptions", "VictoriaStore", "inspect"]


class VictoriaStore(ServerStore):
    """Implements `gateway.history.store.HistoryStore`.

    The server has one retention for all, set where it is started (`-retentionPeriod`), and makes roll-ups as it is
    asked: there is nothing to tend. What was written is seen after its flush, about a second later.
    """

    def __init__(self, options: InfluxOptions, vitals: Vitals) -> None:
        """See `ServerStore`."""
        self._asking = VictoriaSource(options)
        super().__init__(options, vitals, self._asking, options.bucket)

    def tend(self, now: int) -> Tended:
        """See `HistoryStore`; does nothing."""
        self._open()
        self._progress.rolled_up(self._progress.touched())
        return Tended()

    def close(self) -> None:
        """See `HistoryStore`."""
        super().close()
        self._asking.close()


def inspect(options: InfluxOptions) -> list[str]:
    """Whether the server is started as the history needs it; a sentence for each flag that matters.

    Raises:
        HistoryUnavailable: it does not answer.
    """
    source = VictoriaSource(options)
    try:
        flags = source.flags()
    finally:
        source.close()
    dedup = flags.get("dedup.minScrapeInterval")
    kept = flags.get("retentionPeriod")
    return [
        f"-retentionPeriod={kept}: so long it keeps readings"
        if kept
        else "-retentionPeriod is not set: it keeps readings for one month",
        "-dedup.minScrapeInterval=1ms: as it should be"
        if dedup == "1ms"
        else f"-dedup.minScrapeInterval is {dedup or 'not set'}: start it with 1ms, "
        "else readings that had to be sent twice count twice",
    ]
