"""100,000 broken messages: each refused by name, the neighbours untouched, memory bounded."""

from collections import Counter
from itertools import islice

import psutil  # type: ignore[import-untyped] # it comes without types

from community.refusal import Reason
from gateway.admission import Admission
from gateway.columnar.packets import Packets
from gateway.refusals import KEPT
from tests.gateway.mutations import mutated
from tests.gateway.village import NOW, dated, estate, message, topic

COUNT = 100_000
FLUSH = 500
EXPECTED = {
    Reason.NOT_JSON,
    Reason.SCHEMA,
    Reason.OUT_OF_RANGE,
    Reason.NAN,
    Reason.TOO_LARGE,
    Reason.UNKNOWN_TOPIC,
    Reason.UNKNOWN_DEVICE,
    Reason.WRONG_TOPIC,
}


def test_a_hundred_thousand_broken_messages_leave_the_others_untouched() -> None:
    admission = Admission(estate())
    broken = mutated(COUNT, seed=20_261_122)
    process = psutil.Process()
    reasons: Counter[Reason] = Counter()
    total = good = before = 0
    for flush in range(COUNT // FLUSH):
        bad = [message(payload, on) for on, payload in islice(broken, FLUSH)]
        # One honest reading of another device behind every ten broken ones, of the same second.
        times = (NOW + flush * 50 + i for i in range(50))
        sound = [message(dated(ts, voltage=230), topic(1)) for ts in times]
        admitted = admission.take(Packets.runs([m for i in range(50) for m in (*bad[10 * i : 10 * i + 10], sound[i])]))
        rows = (r for frames in admitted.frames.values() for frame in frames for r in frame.readings())
        good += sum(r.device == "d1" and r.values == {"voltage": 230} for r in rows)
        assert admitted.refused_messages == len(bad), "each of them, and no other, is refused"
        assert len(admitted.refusals) <= 2 * KEPT * len(Reason)
        assert all(r.detail for r in admitted.refusals)
        reasons += admitted.refused
        total += len(bad)
        if flush == 40:
            before = process.memory_info().rss
    grown = process.memory_info().rss - before
    assert (total, good) == (COUNT, COUNT // 10)
    assert set(reasons) >= EXPECTED
    # They are 1.3 GB in all; what is left over is the allocator's.
    assert grown < 64 * 2**20
