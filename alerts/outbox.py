"""The outbox: promised notifications are sent, tried again, and recorded."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from msgspec.structs import replace

from alerts.channels import Channel, DeliveryError
from alerts.journal import Journal, JournalUnavailable
from alerts.promises import Patience, Promise, PromiseState
from community.vitals import State, Vitals

COMPONENT = "notifier"
"""The component whose state the outbox reports: `degraded` while a delivery fails."""

TOGETHER = 16
"""Deliveries under way at once. What is due beyond stays in the journal, which is the queue."""


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What one call of `Outbox.deliver_due` did: promises kept, to be tried again, given up."""

    delivered: int = 0
    retried: int = 0
    given_up: int = 0

    def __add__(self, other: "DeliveryReport") -> "DeliveryReport":
        return DeliveryReport(
            self.delivered + other.delivered, self.retried + other.retried, self.given_up + other.given_up
        )


class Outbox:
    """Keeps promises. One notifier at a time: a second one would only tell people twice.

    A crash between a delivery and its record repeats the delivery, with the same key; it never misses one.
    """

    def __init__(
        self,
        journal: Journal,
        channels: Mapping[str, Channel],
        vitals: Vitals,
        clock: Callable[[], int],
        jitter: Callable[[], float],
        patience: Patience | None = None,
    ) -> None:
        """Set up an outbox.

        Args:
            journal: where the promises are.
            channels: channels by name.
            vitals: where it counts and reports.
            clock: UTC ms; stamps deliveries.
            jitter: a draw in [0, 1), e.g. `random.random`.
            patience: how long to wait and when to give up.
        """
        self._journal = journal
        self._channels = dict(channels)
        self._vitals = vitals
        self._clock = clock
        self._jitter = jitter
        self._patience = patience or Patience()
        self._failing: dict[str, str] = {}
        # Tried, but not recorded, since the journal could not be written: recorded before anything is sent again,
        # or else people would be told the same thing every second. At most TOGETHER, because a failure ends the call.
        self._unrecorded: dict[int, Promise] = {}

    async def deliver_due(self, now: int) -> DeliveryReport:
        """Try everything that is due at `now`, `life` first.

        Others go in batches of `TOGETHER`, and whatever is due for a life goes between two batches: it waits at
        most for one channel's timeout.

        Raises:
            JournalUnavailable: promises cannot be read or recorded. Call again; what was delivered meanwhile is
                remembered, and sent again only if this process ends first.
        """
        report = DeliveryReport()
        for tried in list(self._unrecorded.values()):
            await self._record(tried)
        while True:
            for life in (True, False):
                batch = await asyncio.to_thread(self._journal.due_promises, now, TOGETHER, life)
                if batch:
                    break
            if not batch:
                self._report()
                return report
            # Every try moves its promise out of what is due at `now`, so this ends.
            results = await asyncio.gather(*(self._try(promise, now) for promise in batch), return_exceptions=True)
            for result in results:
                if isinstance(result, BaseException):
                    raise result
                report += result

    async def run(self, stop: asyncio.Event, wake: asyncio.Event, interval: float = 1.0) -> None:
        """Deliver until `stop` is set: at once when `wake` is set (it is cleared), else every `interval` seconds.

        `stop` is looked at between two rounds; to stop a hung delivery at once, cancel the task.
        """
        while not stop.is_set():
            wake.clear()
            try:
                await self.deliver_due(self._clock())
            except JournalUnavailable as error:
                # The journal itself is reported by the desk; here it only delays.
                self._vitals.count("outbox_journal_unavailable")
                self._vitals.report(COMPONENT, State.DEGRADED, str(error), self._clock())
            with suppress(TimeoutError):
                async with asyncio.timeout(interval):
                    await wake.wait()

    async def _try(self, promise: Promise, due: int) -> DeliveryReport:
        error = await self._send(promise)
        now = max(self._clock(), due)
        attempts = promise.attempts + 1
        if error is None:
            self._failing.pop(promise.channel, None)
            report = DeliveryReport(delivered=1)
            settled = replace(promise, attempts=attempts, state=PromiseState.DELIVERED, settled_at=now, last_error=None)
        else:
            self._failing[promise.channel] = error
            if self._patience.exhausted(promise, now):
                report = DeliveryReport(given_up=1)
                settled = replace(
                    promise, attempts=attempts, state=PromiseState.FAILED, settled_at=now, last_error=error
                )
            else:
                report = DeliveryReport(retried=1)
                later = now + max(1, self._patience.wait(attempts, self._jitter()))
                settled = replace(promise, attempts=attempts, due_at=later, last_error=error)
        self._unrecorded[promise.id] = settled
        outcome = "delivered" if report.delivered else "given_up" if report.given_up else "retried"
        self._vitals.count("outbox_deliveries", outcome=outcome)
        await self._record(settled)
        return report

    async def _record(self, tried: Promise) -> None:
        await asyncio.to_thread(self._journal.settle, tried)
        self._unrecorded.pop(tried.id, None)

    async def _send(self, promise: Promise) -> str | None:
        """Send it; the error in words, or None when it was taken."""
        channel = self._channels.get(promise.channel)
        if channel is None:
            return f"no channel {promise.channel!r} is configured"
        key = f"{promise.event.alert}/{promise.event.number}/{promise.channel}"
        try:
            await channel.send(promise.event, key, self._clock())
        except DeliveryError as error:
            return str(error)[:500]
        except Exception as error:  # one channel's defect must not keep the others from telling people
            self._vitals.count("outbox_channel_defect")
            return f"{type(error).__name__}: {error}"[:500]
        return None

    def _report(self) -> None:
        if self._failing:
            detail = "; ".join(f"{name}: {error}" for name, error in sorted(self._failing.items()))
            self._vitals.report(COMPONENT, State.DEGRADED, detail, self._clock())
        else:
            self._vitals.report(COMPONENT, State.OK, "", self._clock())
