"""Questions for a device's last messages, over a real broker."""

import nats.errors
import numpy as np
import pytest
from nats.aio.client import Client

from gateway.columnar.packets import Packets
from gateway.decoding.native import NATIVE, Native
from gateway.journal import Journal, Outcome
from gateway.recent import Recent, ask
from gateway.roster import Roster
from tests.gateway.village import NOW, dated, estate, message


async def test_a_question_is_answered_and_without_a_gateway_it_says_so(client: Client) -> None:
    with pytest.raises(nats.errors.NoRespondersError):
        await ask(client, "d0", 5)
    village, journal = estate(), Journal()
    roster = Roster(village)
    journal.resize(len(roster), np.zeros(0, np.int64))
    row = roster.row_of_id["d0"]
    packets = Packets.of([message(dated(NOW, co=3)), message("nonsense")])
    journal.note(packets, np.full(2, row, np.int32), np.array([Outcome.ACCEPTED, Outcome.QUARANTINED], np.uint8))
    made = []

    def profiles() -> dict[str, Native]:
        made.append(1)
        return {"native": NATIVE}

    await Recent(journal, lambda: roster, lambda: village, profiles).start(client)
    first, second = await ask(client, "d0", 5)
    assert (first.number, first.at, first.values, first.profile) == (1, NOW, {"co": 3.0}, "native")
    assert (second.outcome, second.payload, second.size) == ("quarantined", b"nonsense", 8)
    assert await ask(client, "d1", 5) == await ask(client, "stranger", 5) == []
    assert made == [1]  # read once, however often somebody asks
