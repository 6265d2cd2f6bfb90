"""Turns the debugging output of `mosquitto_sub` into the lines that the other clients print."""

import json
import sys


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


for line in sys.stdin:
    words = line.split()
    if "SUBACK" in words:
        say("ready")
    if words[:1] == ["heard"]:
        payload = bytes.fromhex(words[3]).decode() if len(words) > 3 else ""
        say(json.dumps({"topic": words[2], "payload": payload, "retained": words[1] == "1"}))
say("done")
