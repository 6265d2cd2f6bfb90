"""Telling a device why its message was refused, on its own `/error` topic, without flooding it."""

from collections.abc import Callable, Sequence

import msgspec

from community.clock import SECOND
from community.refusal import Refusal
from community.vitals import Vitals
from gateway.roster import Roster

EVERY = 1 * SECOND
"""Least time between two complaints to one device, ms. Suppressed ones are counted; quarantine has them."""


class Complaints:
    """Publishes `{"reason", "detail", "topic", "at"}`. Counters: `gateway_errors_told`, `gateway_errors_suppressed`."""

    def __init__(self, publish: Callable[[str, bytes], bool], vitals: Vitals) -> None:
        self._publish = publish
        self._vitals = vitals
        self._last: dict[str, int] = {}

    def tell(self, refusals: Sequence[Refusal], roster: Roster) -> None:
        """Tell each known device its newest refusal, at most one in `EVERY` ms."""
        told = suppressed = 0
        newest = {r.device: r for r in refusals if r.device is not None}
        for device, refusal in newest.items():
            row = roster.row_of_id.get(device)
            last = self._last.get(device)
            if row is None or (last is not None and 0 <= refusal.at - last < EVERY):
                suppressed += 1
                continue
            body = {"reason": refusal.reason, "detail": refusal.detail, "topic": refusal.topic, "at": refusal.at}
            if self._publish(f"{roster.topics[row]}/error", msgspec.json.encode(body)):
                self._last[device] = refusal.at
                told += 1
        if told:
            self._vitals.count("gateway_errors_told", told)
        if suppressed:
            self._vitals.count("gateway_errors_suppressed", suppressed)

    def forget(self, roster: Roster) -> None:
        """Drop what belongs to devices that are gone, so that memory is bounded by the estate."""
        self._last = {device: at for device, at in self._last.items() if device in roster.row_of_id}
