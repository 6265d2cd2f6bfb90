"""The last messages of every device: the right ten, with what became of them, in bounded memory."""

import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from community.clock import SECOND
from community.refusal import Reason
from gateway import journal as journal_module
from gateway.admission import Admission
from gateway.columnar.packets import Packets
from gateway.decoding.native import NATIVE
from gateway.decoding.registry import Profiles
from gateway.fault import Fault
from gateway.journal import Journal, Outcome
from gateway.recent import Recent
from gateway.roster import Roster
from gateway.slots import KEPT, PAYLOAD_KEPT, TOPIC_KEPT
from tests.gateway.village import NOW, dated, estate, message, topic

NOBODY = np.zeros(0, np.int64)


def journal(rows: int = 4, **bounds: int) -> Journal:
    made = Journal(**bounds)
    made.resize(rows, NOBODY)
    return made


def note(
    into: Journal,
    rows: list[int],
    payloads: list[bytes],
    outcome: Outcome = Outcome.ACCEPTED,
    faults: dict[int, list[Fault]] | None = None,
    at: int = NOW,
) -> None:
    """One flush; each message's topic names its row."""
    packets = Packets.of([message(p, f"t/{row}", at=at) for row, p in zip(rows, payloads, strict=True)])
    into.note(packets, np.array(rows, np.int32), np.full(len(rows), outcome, np.uint8), faults)


def test_a_message_is_kept_as_it_came() -> None:
    it = journal()
    packets = Packets.of([message(b"hello", b"x/y", retained=True)])
    it.note(packets, np.array([2], np.int32), np.array([Outcome.IGNORED], np.uint8))
    (noted,) = it.recent(2)
    assert noted == (1, NOW, b"x/y", b"hello", 5, True, Outcome.IGNORED, ())
    assert it.recent(1) == it.recent(-1) == it.recent(99) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(-1, 3), st.binary(max_size=40)), min_size=1, max_size=30), max_size=12),
    st.integers(0, 3_000),
)
def test_whatever_comes_the_last_ten_of_each_are_there(
    flushes: list[list[tuple[int, bytes]]], young_bytes: int
) -> None:
    it, sent = journal(young_bytes=young_bytes), defaultdict[int, list[tuple[int, bytes]]](list)
    for at, flush in enumerate(flushes):
        note(it, [row for row, _ in flush], [payload for _, payload in flush], at=at)
        for row, payload in flush:
            sent[row].append((at, payload))
    for row in range(4):
        told = it.recent(row)
        assert [(n.at, n.payload) for n in told] == sent[row][-KEPT:]
        assert all(n.topic == b"t/%d" % row for n in told)
        assert [n.nth for n in told] == list(range(len(sent[row]) + 1))[-len(told) :] if told else not sent[row]
    assert it.lost == 0


@pytest.mark.parametrize("young_bytes", [0, 2**20])
def test_long_ones_are_cut_and_say_how_long_they_were(young_bytes: int) -> None:
    it = journal(young_bytes=young_bytes)
    packets = Packets.of([message(b"p" * 2_000, b"t" * 300)])
    it.note(packets, np.array([0], np.int32), np.array([Outcome.ACCEPTED], np.uint8))
    (noted,) = it.recent(0)
    assert (noted.topic, noted.payload, noted.size) == (b"t" * TOPIC_KEPT, b"p" * PAYLOAD_KEPT, 2_000)


@pytest.mark.parametrize("young_bytes", [0, 2**20])
def test_reasons_stay_with_their_message_and_go_with_it(young_bytes: int) -> None:
    it = journal(young_bytes=young_bytes)
    bad = {0: [Fault(Reason.NAN, "values.co", "NaN is not a number"), Fault(Reason.SCHEMA, "", "x" * 9_999)]}
    note(it, [1], [b"bad"], Outcome.QUARANTINED, bad)
    note(it, [1, 1], [b"good", b"bad too"], Outcome.ACCEPTED, {1: [Fault(Reason.DUPLICATE, "", "again")]})
    first, good, second = it.recent(1)
    assert first.faults[0] == ("nan", "values.co: NaN is not a number")
    assert len(first.faults[1][1]) == journal_module.DETAIL_KEPT
    assert (good.faults, second.faults) == ((), (("duplicate", "again"),))
    note(it, [1] * KEPT, [b"later"] * KEPT)
    assert all(n.faults == () for n in it.recent(1))


def test_a_message_for_several_devices_is_noted_at_each() -> None:
    it = journal()
    packets = Packets.of([message(b"both", b"bridge"), message(b"none", b"bridge")])
    outcomes = np.array([Outcome.ACCEPTED, Outcome.EVENT], np.uint8)
    it.note(packets, np.array([0, 3], np.int32), outcomes, None, np.array([0, 0], np.int32))
    assert [it.recent(0)[0].payload, it.recent(3)[0].payload] == [b"both", b"both"]
    assert it.recent(3)[0].outcome is Outcome.EVENT


@pytest.mark.parametrize("young_bytes", [0, 2**20])
def test_devices_keep_their_past_and_new_ones_have_none(young_bytes: int) -> None:
    it = journal(2, young_bytes=young_bytes)
    fault = {1: [Fault(Reason.SCHEMA, "", "wrong")]}
    note(it, [0, 1], [b"stays", b"goes"], Outcome.QUARANTINED, fault)
    it.resize(5, np.array([1, 4]))
    assert [n.payload for n in it.recent(0)] == [b"stays"]
    assert it.recent(1) == it.recent(4) == []
    note(it, [1], [b"mine"])
    assert [(n.nth, n.payload, n.faults) for n in it.recent(1)] == [(1, b"mine", ())]


def test_very_many_devices_get_less_each_and_memory_stays_within_its_budget() -> None:
    budget = 2**20
    few, many, most = (journal(rows, budget=budget, young_bytes=0) for rows in (100, 300, 2_000))
    for it in (few, many, most):
        note(it, [7] * 12, [bytes([i]) * 600 for i in range(12)])
    assert [len(n.payload) for n in few.recent(7)] == [PAYLOAD_KEPT] * KEPT
    assert [n.payload[0] for n in many.recent(7)] == list(range(2, 12))
    assert 0 < len(many.recent(7)[0].payload) < PAYLOAD_KEPT
    assert most.kept == len(most.recent(7)) == 2
    for it, rows in ((few, 100), (many, 300), (most, 2_000)):
        assert it.nbytes <= budget + 650 * rows


def test_a_change_of_shape_forgets_and_goes_on() -> None:
    it = journal(100, budget=2**20)
    note(it, [7], [b"before"])
    it.resize(5_000, NOBODY)
    assert it.recent(7) == []
    note(it, [7], [b"after"])
    assert [n.payload for n in it.recent(7)] == [b"after"]


def test_a_long_flood_over_many_devices_shortens_the_view_and_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "SAVINGS", 10)
    it = journal(1_000, young_bytes=0)
    for _ in range(3):
        note(it, list(range(1_000)), [b"x"] * 1_000)
    kept = sum(len(it.recent(row)) for row in range(1_000))
    assert kept == 30
    assert it.lost == 3_000 - kept


def test_the_vendor_is_told_what_came_in_and_what_did_not() -> None:
    village = estate()
    roster, it = Roster(village), journal()
    whole = dated(NOW - SECOND, co=3, smoke_alarm=1, voltage=1e9)
    half = json.dumps({"values": {"co": 1}, "note": "x" * 600})
    packets = Packets.of([message(whole), message(half), message("nonsense"), message(b"\xff", topic(leaf="\ufffd"))])
    outcomes = np.array([Outcome.EVENT, Outcome.ACCEPTED, Outcome.QUARANTINED, Outcome.QUARANTINED], np.uint8)
    faults = {0: [Fault(Reason.OUT_OF_RANGE, "values.voltage", "1e+09 is outside 0..1000 V")]}
    it.note(packets, np.full(4, roster.row_of_id["d0"], np.int32), outcomes, faults)
    recent = Recent(it, lambda: roster, lambda: village, lambda: {"native": NATIVE})
    first, cut, *_ = told = recent.of("d0")
    assert (first.values, [(e.name, e.active) for e in first.events]) == ({"co": 3.0}, [("smoke_alarm", True)])
    assert [(f.reason, f.detail) for f in first.faults] == [
        ("out_of_range", "values.voltage: 1e+09 is outside 0..1000 V")
    ]
    assert (cut.values, cut.outcome, cut.size > len(cut.payload)) == ({}, "accepted", True)
    assert [m.outcome for m in told] == ["event", "accepted", "quarantined", "quarantined"]
    assert recent.of("nobody") == recent.of("d1") == []


PARTS = """
title = "parts"
about = "Devices behind a bridge."
[[topic]]
match = "bridge/{name}"
device = "{name}"
fields = ["own"]
parts = ["child"]
[fields.own]
"t" = { signal = "ambient_temperature" }
[fields.child]
"smoke" = { signal = "smoke_alarm" }
[parts.child]
each = "c:{child}"
device = "{name}/{child}"
fields = ["child"]
"""


def test_devices_behind_a_bridge_are_told_of_their_messages(tmp_path: Path) -> None:
    (tmp_path / "parts.toml").write_text(PARTS)
    profiles, homes = Profiles(tmp_path), estate()
    devices = [
        d.model_copy(update={"profile": "parts", "address": address})
        for d, address in zip(homes.device, ("x", "x/1", "y/1", "y/2"), strict=True)
    ]
    homes = homes.model_copy(update={"device": tuple(devices)})
    it = Journal()
    admission = Admission(homes, profiles=profiles, journal=it)
    both = json.dumps({"t": 20, "c:1": {"smoke": 1}})
    strangers = json.dumps({"t": 20, "c:1": {"smoke": 0}, "c:2": {"smoke": 1}})
    admission.take([Packets.of([message(both, "bridge/x"), message(strangers, "bridge/y")])])
    recent = Recent(it, lambda: admission.roster, lambda: homes, lambda: profiles)
    told = {
        d.id: [(m.outcome, m.values, [(e.name, e.active) for e in m.events]) for m in recent.of(d.id)] for d in devices
    }
    assert told == {
        "d0": [("event", {"ambient_temperature": 20.0}, [])],
        "d1": [("event", {}, [("smoke_alarm", True)])],
        "d2": [("event", {}, [("smoke_alarm", False)])],
        "d3": [("event", {}, [("smoke_alarm", True)])],
    }
    assert recent.of("d2")[0].topic == "bridge/y"
