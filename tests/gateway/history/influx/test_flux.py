"""Our Flux is Flux: InfluxData's own front end parses and type-checks all of it; our test server guesses nothing."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from community.clock import HOUR
from community.frame import Reading
from community.vitals import Vitals
from gateway.history.influx import flux
from gateway.history.influx.setup import TASKS, initialise
from gateway.history.influx.store import InfluxOptions, InfluxStore
from gateway.history.store import Query, Resolution
from tests.gateway.clients.clients import needs
from tests.gateway.history.influx import flux_engine
from tests.gateway.history.influx.conftest import NOW
from tests.gateway.history.influx.flux_language import FluxError, parse
from tests.gateway.history.influx.influx_server import ORG, InfluxServer
from tests.gateway.history.influx.makers import batch

FRONT_END = "@influxdata/flux-lsp-browser@0.8.40"
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def front_end(tmp_path_factory: pytest.TempPathFactory) -> Callable[[dict[str, str]], dict[str, bool]]:
    """Which of the scripts InfluxData's front end takes."""
    npm, node = needs("npm", "npm"), needs("node", "nodejs")
    folder = tmp_path_factory.mktemp("flux")
    options = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(folder)]
    try:
        done = subprocess.run([npm, "install", *options, FRONT_END], capture_output=True, timeout=90)
    except subprocess.TimeoutExpired:
        pytest.skip(f"needs {FRONT_END}, and npm's registry does not answer")
    if done.returncode:
        pytest.skip(f"needs {FRONT_END}, which npm could not install: {done.stderr.decode()[-200:]}")
    script = shutil.copy(HERE / "check_flux.cjs", folder)  # Node looks for packages beside the script

    def check(scripts: dict[str, str]) -> dict[str, bool]:
        done = subprocess.run([node, script], input=json.dumps(scripts), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        verdict: dict[str, bool] = json.loads(done.stdout)
        return verdict

    return check


def _ours(server: InfluxServer, options: InfluxOptions) -> dict[str, str]:
    """Every kind of script, with awkward names; and what a store really sends."""
    name = 'a "b" \\ ${c}'
    scripts = {
        "points": flux.points(name, [name, "d"], [name, "voltage"], 1_795_334_400_123, NOW),
        "points of all": flux.points("b", None, None, 0, NOW),
        "receipts": flux.receipts("b", 5, NOW),
        "ticks": flux.ticks("b", 5, NOW),
        "last": flux.last("b", ["d1", "d2"]),
        "first": flux.first("b", None),
        "first of some": flux.first("b", [name]),
        **{f"windows of {r}": flux.windows("b", r, ["d"], ["voltage"], 0, NOW, HOUR) for r in Resolution},
        **{f"roll-up into {r}": flux.rollup("b", ORG, r, 0, HOUR) for r in TASKS},
        **{f"task {r}": flux.task(f"t {r}", "b", ORG, r, *of) for r, of in TASKS.items()},
    }
    initialise(options)
    store = InfluxStore(options, Vitals())
    store.write(batch(1, [Reading("d1", NOW - 2 * HOUR, NOW, {"voltage": 1.0})], [NOW - HOUR]))
    store.read(Query(("d1",), ("voltage",), NOW - 3 * HOUR, NOW, 10))
    store.tend(NOW)
    store.read(Query(("d1",), ("voltage",), NOW - 3 * HOUR, NOW, 1))
    list(store.readings(None, NOW - HOUR, NOW + 1))
    store.close()
    return scripts | {f"sent {i}": script for i, script in enumerate(server.scripts)}


@pytest.mark.server
def test_the_front_end_takes_all_we_send(
    front_end: Callable[[dict[str, str]], dict[str, bool]], server: InfluxServer, options: InfluxOptions
) -> None:
    scripts = _ours(server, options)
    assert len(scripts) > 18
    assert [name for name, valid in front_end(scripts).items() if not valid] == []


@pytest.mark.server
def test_the_front_end_refuses_what_is_wrong(front_end: Callable[[dict[str, str]], dict[str, bool]]) -> None:
    wrong = {
        "syntax": 'from(bucket: "b" |> range(start: 0)',
        "a function that is none": 'from(bucket: "b") |> rang(start: 0)',
        "a type": "from(bucket: 1) |> range(start: 0)",
        "an argument": 'from(bucket: "b") |> range(start: 0) |> aggregateWindow(every: 1m, fun: min)',
    }
    assert not any(front_end(wrong).values())


@pytest.mark.parametrize(
    "script",
    [
        'from(bucket: "b_raw") |> range(start: 0) |> derivative()',
        'from(bucket: "nowhere") |> range(start: 0)',
        'from(bucket: "b_raw") |> range(start: 5, stop: 5)',
        'from(bucket: "b_raw") |> range(start: 0) |> limit(n: 1) |> yield(name: "a")\nfrom(bucket: "b_raw") '
        '|> range(start: 0) |> yield(name: "a")',
        'from(bucket: "b_raw") |> range(start: 0) |> group()',
        'from(bucket: "b_raw") |> range(start: 0) |> duplicate(column: "_time", as: "_value") '
        '|> to(bucket: "b_raw", org: "mingluo")',
        'import "strings"',
        "from(bucket: 'b')",
    ],
)
def test_our_server_guesses_nothing(server: InfluxServer, script: str) -> None:
    server.buckets["b_raw"] = {"retentionRules": []}
    server.points["b_raw"] = {}
    for field, value in (("a", 1), ("b", 1.5)):
        server.insert("b_raw", ORG, {"_measurement": "m", "_field": field, "_time": 5, "_value": value})
    with pytest.raises(FluxError):
        flux_engine.run(script, server, server.now)


def test_a_task_says_its_name() -> None:
    assert parse(flux.task("a task", "b", ORG, Resolution.HOUR, "6h", "20m", "1d")).task == {
        "name": "a task",
        "every": 6 * 3600 * 10**9,
        "offset": 20 * 60 * 10**9,
    }
