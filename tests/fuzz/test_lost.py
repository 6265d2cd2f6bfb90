"""No alarm is lost, for a while in every run of the tests; and that the harness would notice one."""

import pytest

from gateway.decoding.profile import Decoded
from gateway.decoding.reader import DataProfile
from tests.fuzz.lost import LostCampaign


def test_no_alarm_is_lost() -> None:
    outcome = LostCampaign(seed=20_261_123).run(4_000)
    assert (outcome.exceptions, outcome.lost.total()) == (0, 0), outcome
    # That it comes from everywhere, and mostly not as a repetition, says that the seeds are what they should be.
    assert len(outcome.alarms) >= 14
    assert outcome.alarms.total() > 4 * outcome.repeated


def test_the_same_seed_gives_the_same_campaign() -> None:
    assert str(LostCampaign(seed=1).run(500)) == str(LostCampaign(seed=1).run(500))


def test_a_lost_alarm_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = DataProfile.decode

    def deaf(self: DataProfile, topic: bytes, payload: bytes, received_at: int) -> Decoded:
        return Decoded(()) if b"0x10" in payload else real(self, topic, payload, received_at)

    monkeypatch.setattr(DataProfile, "decode", deaf)
    outcome = LostCampaign(seed=1).run(1_000)
    assert outcome.lost.total() > 50
    assert any("lost smoke_alarm of" in finding for finding in outcome.findings)
