"""The page for vendors says what the code does."""

import json
import re
from pathlib import Path

from community.clock import DAY, SECOND
from community.refusal import Reason
from gateway.admission import Limits
from gateway.decoding.native import LEAVES, MAX_OBJECTS
from gateway.payloads import check_lines

PAGE = (Path(__file__).parents[2] / "docs" / "vendors.md").read_text(encoding="utf-8")


def test_every_reason_has_its_row_and_there_are_no_others() -> None:
    table = PAGE[PAGE.index("| reason |") :]
    assert re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE) == [reason.value for reason in Reason]


def test_limits_are_those_of_the_code() -> None:
    limits = Limits()
    assert f"older than {limits.too_old // DAY} days" in PAGE
    assert f"more than {limits.future // SECOND} s ahead" in PAGE
    assert f"more than {limits.max_payload // 1_024} KiB" in PAGE
    assert f"at most {MAX_OBJECTS:,} such objects" in PAGE
    for leaf in LEAVES:
        assert f"<device>/{leaf}`" in PAGE


def test_the_examples_are_accepted() -> None:
    examples = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    sent = re.findall(r"-t (\S+) \\\n +-m '(.*?)'", PAGE)
    lines = [
        json.dumps({"topic": f"mingluo/v1/a/b/c/{'event' if 'event' in e else 'telemetry'}", "payload": e})
        for e in examples
    ] + [json.dumps({"topic": on, "payload": payload}) for on, payload in sent]
    assert [line["outcome"] for line in check_lines(x.encode() for x in lines)] == ["accepted", "event", "accepted"]
