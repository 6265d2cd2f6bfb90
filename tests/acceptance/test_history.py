"""An hour of a village is asked for, taken out of the history, and replays as it was lived."""

import json
from pathlib import Path
from typing import Any

from tests.acceptance.dangers import prepared
from tests.acceptance.harness import eventually, node
from tests.acceptance.kept import all_kept, kept_within, now, recordings
from tests.acceptance.publishers import Progress, publish_village
from tests.acceptance.scenario import INCIDENTS, estate, messages, start_time
from tests.acceptance.test_replay import mingluo, told

HOMES = estate()
SOME = HOMES.device[4::5]
"""A part of the village, with all its incidents."""


async def test_a_past_hour_is_asked_for_taken_out_and_replayed(tmp_path: Path) -> None:
    begun = now()
    start = start_time(begun)
    village = [(d, messages(HOMES, d, start)) for d in SOME]
    ill = HOMES.devices["d0050"]  # 45 mA for two minutes
    total = sum(len(told_by) for _, told_by in village)
    question = {"device": ill.id, "signal": "residual_current", "start": str(start), "end": str(begun)}
    async with node(prepared(tmp_path)) as running:
        await running.start()
        await publish_village(village, running.mqtt_port, Progress())

        async def all_over() -> list[dict[str, Any]] | None:
            events = await running.events()
            return events if sum(e["event"] == "cleared" for e in events) >= INCIDENTS else None

        live = await eventually(all_over, within=30, every=0.2)
        end = await all_kept(running, total)
        async with running.client() as client:
            fine = (await client.get("/api/v1/history", params={**question, "points": 100})).json()
            coarse = (await client.get("/api/v1/history", params={**question, "points": 2})).json()
            span = {"format": "jsonl", "start": str(begun), "end": str(end)}
            while_running = (await client.get("/api/v1/history/export", params=span)).content
        await running.stop()
        log, after = await recordings(running, begun, end)

    expected = [(m.ts, m.values["residual_current"]) for m in dict(village)[ill]]
    (series,) = fine["series"]
    assert series["width"] == 0
    assert list(zip(series["ts"], series["last"], strict=True)) == expected
    (series,) = coarse["series"]
    assert len(series["ts"]) <= 2
    assert (min(series["min"]), max(series["max"])) == (min(v for _, v in expected), 45)
    assert sum(series["count"]) == len(expected)
    assert set(series["flags"]) == {1}  # ten minutes old when they came

    assert after == while_running
    assert kept_within(after, begun, end) == kept_within(log, begun, end)
    file = tmp_path / "hour.jsonl"
    file.write_bytes(after)
    out = await mingluo("replay", file, "--estate", tmp_path / "estate.toml")
    assert told(json.loads(line) for line in out.splitlines()) == told(live)
