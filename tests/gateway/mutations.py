"""Good messages broken in every way that wires, vendors and attackers break them."""

import json
import random
from collections.abc import Iterator

from tests.gateway.village import NOW, topic

ODD = ["+", "#", "\x00", "\ud800", " ", "/", "$SYS", "…", "a" * 3_000, "..", "%s", "d0x"]
HUGE = ["1e999", "-1e400", "9" * 400, "1" * 5_000, "1e308", "-1", "NaN", "Infinity", "-Infinity"]
WRONG = ['"230"', "true", "null", "[]", "{}", '{"a": 1}', '[230, "V"]', '"' + "x" * 500 + '"', '"\\ud800"']


def mutated(count: int, seed: int) -> Iterator[tuple[bytes, bytes]]:
    """`count` pairs of topic and payload for device d0, each of which has something to be refused."""
    rng = random.Random(seed)
    for _ in range(count):
        good = json.dumps({"ts": NOW, "values": {"voltage": 230.5, "current": 4.25, "co": 3}})
        name, payload = topic(), good.encode()
        match rng.randrange(9):
            case 0:
                payload = rng.randbytes(rng.randrange(1, 300))
            case 1:
                payload = payload[: rng.randrange(len(payload))]
            case 2:
                depth = rng.choice([10, 1_000, 30_000])
                payload = (rng.choice(["[", '{"values":', '{"a":']) * depth).encode()
            case 3:
                payload = f'{{"values": {{"voltage": {rng.choice(HUGE)}}}}}'.encode()
            case 4:
                payload = f'{{"values": {{"voltage": {rng.choice(WRONG)}}}}}'.encode()
            case 5:
                # Nothing but the size may be looked at; every thousandth is as large as the broker lets through.
                size = 1_000_000 if rng.randrange(1_000) == 0 else 70_000
                payload = b'{"values": {"voltage": 1' + b"0" * size
            case 6:
                levels = name.split("/")
                levels[rng.randrange(2, 6)] = rng.choice(ODD) + rng.choice(["", "x"])
                name = "/".join(levels)
            case 7:
                body = json.loads(good)
                body[rng.choice(["ts", "values"])] = rng.choice([None, 1e300, "x", [], {}, {"x": {}}, -5e18, True])
                body["values"] = body["values"] or rng.choice([{}, 7, "x", [1]])
                payload = json.dumps(body).replace('"voltage": 230.5', '"voltage": 5e9').encode()
            case _:
                at = rng.randrange(len(payload))
                payload = payload[:at] + rng.randbytes(rng.randrange(4)) + b"\xff" + payload[at + 1 :]
        yield name.encode(errors="surrogatepass"), payload
