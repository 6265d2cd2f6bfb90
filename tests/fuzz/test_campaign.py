"""A short campaign in every run of the tests; and that the harness would notice what it looks for."""

from functools import partial

import pytest

from gateway.decoding.profile import Decoded, Measurement
from gateway.decoding.reader import DataProfile
from gateway.decoding.registry import Profiles
from gateway.homeassistant.profile import HomeAssistant
from tests.fuzz import announced
from tests.fuzz.announced_oracle import Announcements
from tests.fuzz.campaign import Campaign
from tests.fuzz.oracle import ALARMS, says
from tests.fuzz.seeds import data_profiles, seeds

PROFILES = data_profiles(Profiles())
NAMED_WEAK = {"gb26875", "gb45839", "jetlinks", "modbus_dtu", "senml", "sparkplug", "tasmota", "tuya"}
"""Profiles of conditions, aliases or component types, in which the oracle may call one alarm another."""


def test_mutated_messages_raise_nothing_and_no_false_alarm() -> None:
    outcome = Campaign(seed=20_261_122).run(30_000)
    assert (outcome.exceptions, outcome.false_life) == (0, 0), outcome
    assert outcome.messages == 30_000
    # That so much comes in, and is refused for so many reasons, says that the mutations reach all of admission.
    assert outcome.readings > 3_000
    assert len(outcome.alarms) >= 8
    assert set(outcome.refused) >= {
        "schema", "not_json", "duplicate", "unknown_topic", "out_of_range", "wrong_topic", "unknown_device",
    }  # fmt: skip


def test_the_same_seed_gives_the_same_campaign() -> None:
    assert str(Campaign(seed=1).run(1_500)) == str(Campaign(seed=1).run(1_500))


def test_an_alarm_that_nobody_said_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = DataProfile.decode

    def lying(self: DataProfile, topic: bytes, payload: bytes, received_at: int) -> Decoded:
        decoded = real(self, topic, payload, received_at)
        told = [Measurement({**m.values, "heat_alarm": 1.0}, m.ts, m.seq, m.device) for m in decoded.measurements]
        return Decoded(told, decoded.faults, decoded.announcements)

    monkeypatch.setattr(DataProfile, "decode", lying)
    outcome = Campaign(seed=1).run(1_000)
    assert outcome.false_life > 50
    assert any("false heat_alarm by tasmota" in finding for finding in outcome.findings)


def test_an_exception_is_found_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    real = DataProfile.decode

    def failing(self: DataProfile, topic: bytes, payload: bytes, received_at: int) -> Decoded:
        if self.name == "shelly1":
            raise KeyError(payload[:10])
        return real(self, topic, payload, received_at)

    monkeypatch.setattr(DataProfile, "decode", failing)
    outcome = Campaign(seed=1).run(500)
    assert 0 < outcome.exceptions < 250
    assert outcome.messages == 500
    assert outcome.readings > 50
    assert "KeyError" in outcome.findings[0]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.name)
def test_the_oracle_tells_what_examples_say(profile: DataProfile) -> None:
    payloads = iter([seed for seed in seeds() if seed.profile == profile.name])
    for example, seed in zip(profile.file.example, payloads, strict=True):
        happenings = [*example.events, *(e for d in example.devices for e in d.events)]
        active = {e.name for e in happenings if e.active} & ALARMS
        said = {alarm for alarm in ALARMS if says(profile, seed.topic, seed.payload, alarm)}
        assert active <= said, example.note
        if profile.name not in NAMED_WEAK:
            assert said == active, example.note


@pytest.mark.parametrize("name", sorted(NAMED_WEAK))
def test_the_oracle_hears_no_alarm_in_most_quiet_examples(name: str) -> None:
    (profile,) = (p for p in PROFILES if p.name == name)
    quiet = [
        seed
        for seed, example in zip([s for s in seeds() if s.profile == name], profile.file.example, strict=True)
        if not any(
            e.active and e.name in ALARMS for e in [*example.events, *(e for d in example.devices for e in d.events)]
        )
    ]
    silent = [seed for seed in quiet if not any(says(profile, seed.topic, seed.payload, alarm) for alarm in ALARMS)]
    assert 2 * len(silent) > len(quiet) > 0


def test_the_oracle_knows_every_packed_alarm() -> None:
    packed = {
        profile.name
        for profile in PROFILES
        for paths in profile.file.fields.values()
        for meanings in paths.values()
        for meaning in meanings
        for part in (meaning.packed.parts if meaning.packed is not None else ())
        if {part.signal, *(bit.signal for bit in (part.bits or {}).values())} & ALARMS
    }
    assert packed == {"modbus_dtu"}, "teach tests.fuzz.oracle to read the others"


def test_a_flipped_bit_in_a_frame_with_a_checksum_never_comes_in_as_an_alarm() -> None:
    """Every single bit of every quiet frame of GB/T 26875.3 and Modbus RTU."""
    profiles = Profiles()
    tried = 0
    for seed in seeds():
        framed = seed.payload.startswith(b"@@") or (seed.profile == "modbus_dtu" and seed.payload[:1] < b" ")
        if not framed or _alarms(profiles, seed.topic, seed.payload):
            continue
        for bit in range(8 * len(seed.payload)):
            data = bytearray(seed.payload)
            data[bit // 8] ^= 1 << bit % 8
            tried += 1
            assert not _alarms(profiles, seed.topic, bytes(data)), (seed, bit)
    assert tried > 2_000


def _alarms(profiles: Profiles, topic: bytes, payload: bytes) -> set[str]:
    profile = profiles.claiming(topic)
    assert profile is not None
    said = profile.decode(topic, payload, 0).measurements
    return {name for m in said for name, value in m.values.items() if value == 1 and name in ALARMS}


def test_an_alarm_that_no_config_speaks_of_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = HomeAssistant.decode

    def lying(self: HomeAssistant, topic: bytes, payload: bytes, received_at: int) -> Decoded:
        decoded = real(self, topic, payload, received_at)
        told = [Measurement({**m.values, "heat_alarm": 1.0}, m.ts, m.seq, m.device) for m in decoded.measurements]
        return Decoded(told, decoded.faults, decoded.announcements)

    monkeypatch.setattr(HomeAssistant, "decode", lying)
    outcome = Campaign(seed=1).run(5_000)
    assert any("false heat_alarm by homeassistant" in finding for finding in outcome.findings)


def test_the_oracle_reads_configs_by_itself() -> None:
    announcements = Announcements()
    announcements.hear((s.topic, s.payload) for s in announced.SEEDS)
    said = partial(announcements.say, b"hall/7/state")
    assert said(b'{"smoke": "YES"}', "smoke_alarm")
    assert not said(b'{"smoke": "NO", "x": "YES"}', "smoke_alarm")
    assert not said(b'{"smoke": "YES"}', "heat_alarm")
    assert not announcements.say(b"hall/8/state", b'{"smoke": "YES"}', "smoke_alarm")
