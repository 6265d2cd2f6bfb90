"""The load generator: its packets, and its counts against a real broker."""

import asyncio
import json
import sys
import time
from pathlib import Path

import aiomqtt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from community.estate_file import dump_estate
from community.quantities import QUANTITIES
from simulators.load import DANGEROUS_MA, HARMLESS_MA, Load, Marker, generate, load_of, main
from simulators.packets import PacketFactory, publish, remaining_length
from tests.simulators.conftest import PATIENCE_S, village


def parse(packet: bytes, qos: int) -> tuple[str, int, bytes, bytes]:
    """Topic, packet id, payload, and what follows the packet. Slow and obvious."""
    assert packet[0] == 0x30 | qos << 1
    at, shift, length = 1, 0, 0
    while True:
        length |= (packet[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if packet[at - 1] < 0x80:
            break
    body, rest = packet[at : at + length], packet[at + length :]
    name = int.from_bytes(body[:2], "big")
    topic, body = body[2 : 2 + name].decode(), body[2 + name :]
    return topic, int.from_bytes(body[:2], "big") if qos else 0, body[2:] if qos else body, rest


topics = st.lists(st.from_regex(r"\A[a-z0-9/é]{1,90}\Z"), min_size=1, max_size=4, unique=True)


@settings(deadline=None, max_examples=40)
@given(topics, st.sampled_from([0, 1]), st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(1, 65_535))
def test_packets_are_what_a_slow_parser_reads(names: list[str], qos: int, rows: list[int], first: int) -> None:
    factory = PacketFactory(names, qos)
    rows = [row % len(names) for row in rows]
    seen: dict[int, int] = {}
    for turn in range(2):
        rest = factory.build(np.array(rows), 1_795_341_600_000 + turn, first)
        assert len(rest) == factory.size * len(rows)
        for k, row in enumerate(rows):
            topic, packet_id, payload, rest = parse(rest, qos)
            message = json.loads(payload)
            assert topic == names[row]
            assert packet_id == ((first - 1 + k) % 65_535 + 1 if qos else 0)
            assert message["ts"] == 1_795_341_600_000 + turn
            assert message["seq"] == seen.get(row, 1_000_000_000) + 1
            seen[row] = message["seq"]
            for name, value in message["values"].items():
                assert QUANTITIES[name].low <= value <= QUANTITIES[name].high
            assert message["values"]["residual_current"] < 10
        assert rest == b""


@pytest.mark.parametrize(
    ("length", "encoded"), [(0, b"\x00"), (127, b"\x7f"), (128, b"\x80\x01"), (16_384, b"\x80\x80\x01")]
)
def test_remaining_length_as_in_the_standard(length: int, encoded: bytes) -> None:
    assert remaining_length(length) == encoded


def test_a_single_packet() -> None:
    assert parse(publish("a/b", b"{}", 1, 513), 1) == ("a/b", 513, b"{}", b"")


def test_a_load_without_topics_is_refused() -> None:
    with pytest.raises(ValueError, match="topics"):
        Load(host="x", port=1, user=None, password=None, topics=())


def test_a_closed_port_is_an_error_not_a_silence() -> None:
    load = Load(host="127.0.0.1", port=1, user=None, password=None, topics=("a",))
    with pytest.raises(ConnectionError):
        generate(load, time.time_ns, lambda _: None)


@pytest.mark.parametrize("qos", [0, 1])
async def test_all_of_it_arrives_in_order_for_each_device(broker: int, qos: int) -> None:
    topics, markers = load_of(village(), 2)
    load = Load(
        host="127.0.0.1", port=broker, user=None, password=None, topics=topics, markers=markers, rate=2_000,
        seconds=0.5, connections=3, qos=qos, marker_every_s=0.05,
    )  # fmt: skip
    gone: list[Marker] = []
    async with aiomqtt.Client("127.0.0.1", broker, identifier="listener") as client:
        await client.subscribe("mingluo/v1/#", qos=qos)
        totals = await asyncio.to_thread(generate, load, time.time_ns, gone.append)
        assert totals.sent == 1_000
        assert totals.markers == len(gone) >= 5
        assert totals.acknowledged == (totals.sent + totals.markers if qos else 0)
        newest: dict[str, int] = {}
        residuals: dict[str, list[float]] = {}
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(totals.sent + totals.markers):
                message = await anext(client.messages)
                assert isinstance(message.payload, bytes)
                item, topic = json.loads(message.payload), str(message.topic)
                assert item["seq"] > newest.get(topic, 0)
                newest[topic] = item["seq"]
                residuals.setdefault(topic, []).append(item["values"]["residual_current"])
    assert len(newest) == len(topics) + len(markers)
    for device, topic in markers:
        told = [m.level for m in gone if m.marker == device]
        assert residuals[topic] == told
        assert told[:2] == [DANGEROUS_MA, HARMLESS_MA]
    assert all(m.written_at >= m.ts for m in gone)


async def test_the_command_line_prints_markers_and_totals(broker: int, tmp_path: Path) -> None:
    estate = tmp_path / "estate.toml"
    estate.write_text(dump_estate(village()), "utf-8")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators.load", "--port", str(broker), "--estate", str(estate)),
        *("--rate", "500", "--seconds", "0.4", "--markers", "1", "--user", "bench", "--password-stdin"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_S):
        out, _ = await process.communicate(b"not asked for here\n")
    *markers, totals = map(json.loads, out.splitlines())
    assert process.returncode == 0
    assert totals["sent"] == 200
    assert totals["markers"] == len(markers)
    assert {m["marker"] for m in markers} == {"e0001"}


def test_help_names_the_options(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "--marker-every" in capsys.readouterr().out
