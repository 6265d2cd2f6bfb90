"""`mingluo payloads tail` against a gateway's answers over a real broker."""

import asyncio
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from nats.aio.client import Client

from community.refusal import Reason
from gateway.broker.connection import connect, disconnect
from gateway.broker.server import BrokerOptions, BrokerServer
from gateway.columnar.packets import Packets
from gateway.decoding.native import NATIVE
from gateway.fault import Fault
from gateway.journal import Journal, Outcome
from gateway.recent import Recent
from gateway.roster import Roster
from mingluo import options
from mingluo.cli.tail import tail
from mingluo.run_file import written_run_file
from tests.gateway.conftest import WatchedVitals, clock
from tests.gateway.village import NOW, dated, estate, message


class Gateway:
    """What the command needs of a system: a broker, a run file, and somebody who answers."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.journal = Journal()
        self.village = estate()
        self.roster = Roster(self.village)
        self.journal.resize(len(self.roster), np.zeros(0, np.int64))

    async def answer(self, client: Client) -> None:
        await Recent(self.journal, lambda: self.roster, lambda: self.village, lambda: {"native": NATIVE}).start(client)

    def note(self, payload: str, outcome: Outcome, at: int, *faults: Fault) -> None:
        packets = Packets.of([message(payload, at=at)])
        row = np.array([self.roster.row_of_id["d0"]], np.int32)
        self.journal.note(packets, row, np.array([outcome], np.uint8), {0: list(faults)})

    async def tail(self, *arguments: str) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "mingluo", "payloads", "tail", *arguments, "--data-dir", str(self.directory)]
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)


async def test_the_last_messages_are_printed_and_followed(tmp_path: Path) -> None:
    broker = BrokerOptions(tmp_path, mqtt=None, client=("127.0.0.1", 0), store_max_bytes=2**30)
    async with BrokerServer(broker, vitals := WatchedVitals(), clock) as server, asyncio.timeout(60):
        client = await connect(server.endpoints, "test", vitals)
        gateway = Gateway(tmp_path)
        with written_run_file(tmp_path, options.run_file("http://127.0.0.1:1", server.endpoints)):
            nobody = await gateway.tail("d0")
            _, told = await nobody.communicate()
            assert nobody.returncode == 1
            assert b"the gateway does not answer" in told

            await gateway.answer(client)
            gateway.note(dated(NOW, co=3, smoke_alarm=1), Outcome.EVENT, NOW)
            gateway.note("nönsense", Outcome.QUARANTINED, NOW, Fault(Reason.NOT_JSON, "", "no JSON"))
            out, told = await (await gateway.tail("d0")).communicate()
            first, second = map(json.loads, out.splitlines())
            assert (first["outcome"], first["values"]) == ("event", {"co": 3.0})
            assert first["events"] == [{"name": "smoke_alarm", "active": True}]
            assert second["faults"] == [{"reason": "not_json", "detail": "no JSON"}]
            assert second["payload"] == "nönsense"

            silent = await gateway.tail("d1")
            assert await silent.communicate() == (
                b"",
                b"nothing from d1 since the start of the system, or no such device\n",
            )
            assert silent.returncode == 0

            following = await gateway.tail("d0", "--follow")
            assert following.stdout is not None
            assert following.stderr is not None
            for number in (1, 2):
                assert json.loads(await following.stdout.readline())["number"] == number
            for i in range(12):
                gateway.note(dated(NOW + i, co=i), Outcome.ACCEPTED, NOW + 1)
            assert json.loads(await following.stdout.readline())["number"] == 5
            assert await following.stderr.readline() == b"2 messages between were not kept\n"
            following.terminate()
            await following.communicate()
        await disconnect(client)


@pytest.mark.parametrize("device", ["d0.*", ">", "", "d\u00e9"])
def test_what_is_no_device_is_not_asked_for(tmp_path: Path, device: str, capsys: pytest.CaptureFixture[str]) -> None:
    running = {"pid": os.getpid(), "http": "", "mqtt": None, "nats": "nats://127.0.0.1:1", "user": "", "password": ""}
    (tmp_path / "run.json").write_text(json.dumps(running))
    with pytest.raises(SystemExit):
        tail(device, data_dir=tmp_path)
    assert "no device id" in capsys.readouterr().err


def test_without_a_running_system_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        tail("d0", data_dir=tmp_path)
    assert "no system runs over" in capsys.readouterr().err
