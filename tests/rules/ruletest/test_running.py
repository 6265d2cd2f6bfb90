"""Rule tests as data: each expectation is met or told to fail with what happened instead; wrong files are refused."""

import pytest

from community.frame import Frame, Tick
from rules.errors import RulebookErrors
from rules.rulebook import load_rulebook
from rules.ruletest import Outcome, load_tests, run_tests
from rules.ruletest.running import records_of

BOOK = """
[[rule]]
id = "volts.over"
title = { zh = "测试", en = "Test" }
category = "deterioration"
kind = "threshold"
standard = "none"
guidance.staff = { zh = "看", en = "Look" }
signals = ["voltage"]
steps = [
  { severity = "warning", limit = 250, hold = 10, clear = 245 },
  { severity = "alarm", limit = 260, hold = 0, clear = 255 },
]

[[rule]]
id = "smoke.alarm"
title = { zh = "测试", en = "Test" }
category = "life"
kind = "flag"
standard = "none"
guidance.staff = { zh = "看", en = "Look" }
event = "smoke_alarm"
severity = "critical"
"""

CASE = """
rulebook = '''{book}'''
[[test]]
name = "a case"
interval = "5s"
[[test.series]]
device = "d"
signal = "voltage"
values = "230x2 252x4 265 230x3"
[[test.event]]
at = "42s"
event = "smoke_alarm"
"""


def no_file(name: str) -> str:
    raise FileNotFoundError(f"no file {name}")


def text_of(*expectations: str, extra: str = "") -> str:
    return CASE.format(book=BOOK) + "".join(f"\n[[test.expect]]\n{e}\n" for e in expectations) + extra


def outcome(*expectations: str) -> Outcome:
    (only,) = run_tests(load_tests(text_of(*expectations), "case.toml", no_file))
    return only


def faults(text: str) -> list[str]:
    with pytest.raises(RulebookErrors) as caught:
        load_tests(text, "case.toml", no_file)
    return [str(e) for e in caught.value.errors]


@pytest.mark.parametrize(
    "expectation",
    [
        'rule = "volts.over"\nat = "19s"\nseverity = "normal"',
        'rule = "volts.over"\nat = "20s"\nseverity = "warning"\nvalue = 252',
        'rule = "volts.over"\nat = "30s"\nseverity = "alarm"\nvalue = 266\ntolerance = 1',
        'rule = "volts.over"\nat = "30s"\ncount = 1',
        'rule = "volts.over"\nat = "19s"\ncount = 0',
        'rule = "volts.over"\nat = "35s"\nseverity = "normal"',
        'rule = "volts.*"\ndevice = "d*"\nbetween = ["20s", "20s"]\nseverity = "warning"',
        'rule = "volts.over"\nbetween = ["0s", "40s"]\ncount = 2',
        'rule = "volts.over"\nbetween = ["30s", "40s"]\nseverity = "normal"',
        'rule = "volts.over"\nnever = true\nseverity = "critical"',
        'rule = "smoke.alarm"\nat = "42s"\nseverity = "critical"',
    ],
)
def test_what_is_so_passes(expectation: str) -> None:
    told = outcome(expectation)
    assert told.passed, told.failures
    assert len(told.findings) == 4


@pytest.mark.parametrize(
    ("expectation", "message"),
    [
        ('rule = "volts.over"\nat = "19s"', "expected at 19s any severity of volts.over, none found"),
        ('rule = "volts.over"\nat = "20s"\nseverity = "alarm"', "expected at 20s alarm of volts.over, none found"),
        ('rule = "volts.over"\nat = "20s"\nseverity = "normal"', "expected at 20s nothing of volts.over"),
        ('rule = "volts.over"\nat = "20s"\nvalue = 251', "with the value 251\n  found at 20s d volts.over"),
        ('rule = "volts.over"\nat = "20s"\nvalue = 251\ntolerance = 0.5', "with the value 251 ± 0.5"),
        ('rule = "volts.over"\nat = "20s"\ncount = 2', "expected 2 x at 20s any severity of volts.over, 1 found"),
        ('rule = "volts.over"\nbetween = ["21s", "29s"]', "any severity of volts.over between 21s and 29s, none found"),
        ('rule = "volts.over"\nnever = true', "expected never warning or worse of volts.over"),
        ('rule = "*"\ndevice = "d"\nnever = true\nseverity = "critical"', "critical or worse of * for d"),
    ],
)
def test_what_is_not_so_fails_with_what_happened(expectation: str, message: str) -> None:
    told = outcome(expectation)
    assert len(told.failures) == 1
    assert message in told.failures[0]
    assert "\n  found " in told.failures[0]


def test_a_failure_names_value_and_limit() -> None:
    (failure,) = outcome('rule = "volts.over"\nat = "10s"').failures
    assert failure.splitlines()[1:] == [
        "  found at 20s d volts.over: normal to warning, 252 V (limit 250)",
        "  found at 30s d volts.over: warning to alarm, 265 V (limit 260)",
        "  found at 35s d volts.over: alarm to normal, 230 V (limit 260)",
    ]


def test_each_case_begins_anew_and_knows_its_line() -> None:
    second = '\n[[test]]\nname = "quiet"\nexpect = [{ rule = "*", never = true }]\nuntil = "5m"\n'
    outcomes = [*run_tests(load_tests(text_of('rule = "volts.over"\nat = "30s"', extra=second), "case.toml", no_file))]
    assert [(o.name, o.passed) for o in outcomes] == [("a case", True), ("quiet", True)]
    assert [o.line for o in outcomes] == [26, 41]


def test_records_come_in_the_order_of_receipt_with_a_tick_each_second() -> None:
    text = """
[[device]]
id = "d{1..2}"
[[test]]
name = "records"
start = "2026-01-01T00:00:00Z"
interval = "1s"
expect = [{ rule = "*", never = true }]
series = [
  { device = "d1", signal = "voltage", values = "230 _ 231", delay = "2500ms" },
  { device = "d*", signal = "current", values = "1" },
]
"""
    event = "[[test.event]]\nat = 0\ndevice = 'd2'\nevent = 'trip'\n"
    tests = load_tests(text + event, "case.toml", no_file, load_rulebook(BOOK, "rules.toml"))
    ((_, case),) = tests.cases
    told: list[object] = []
    for at, record in records_of(case, tests.estate):
        if isinstance(record, Tick):
            told.append(("tick", (record.ts - case.start) / 1000))
        elif isinstance(record, Frame):
            told.append([(at - case.start, r.device, r.ts - case.start, r.values) for r in record.readings()])
    assert told == [
        [(0, "d1", 0, {"current": 1.0}), (0, "d2", 0, {"current": 1.0, "trip": 1.0})],
        ("tick", 0.0),
        ("tick", 1.0),
        ("tick", 2.0),
        [(2500, "d1", 0, {"voltage": 230.0})],
        ("tick", 3.0),
        ("tick", 4.0),
        [(4500, "d1", 2000, {"voltage": 231.0})],
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'signal = "voltage"',
            'signal = "voltag"',
            "series.1.signal: expected a signal; did you mean voltage?",
        ),
        (
            'at = "42s"\nevent = "smoke_alarm"',
            'at = "42s"\nevent = "voltage"',
            "test a case.event.1.event: expected an event",
        ),
        ("230x2 252x4", "230x2 252y4", "test a case.series.1.values: column 7"),
        ('at = "42s"', 'at = "42"', "expected a time such as 90s"),
        ('device = "d"', 'device = "e"', "test a case.series.1.device: no device is named 'e'"),
        ('rule = "volts.over"', 'rule = "volts.ovr"', "no rule is named 'volts.ovr'; did you mean volts.over?"),
        ('at = "20s"', 'at = "20s"\nnever = true', "exactly one of at, between and never"),
        ('at = "20s"', "never = true\ncount = 1", "with never stand only"),
        ('at = "20s"', 'at = "20s"\nseverity = "normal"\ncount = 1', "a normal level has no count"),
        ('at = "20s"', 'at = "20s"\nseverity = "alarmed"', "did you mean alarm?"),
        ('interval = "5s"', 'interval = "0s"', "must be above 0"),
        ('interval = "5s"', 'tick = "1ms"\nuntil = "1d"', "set a longer tick"),
        ('interval = "5s"', 'until = "1s"', "lies behind the end"),
        ('name = "a case"', 'nam = "a case"', "test 1.nam: unknown key; did you mean name?"),
        ("[[test]]", "[[tests]]", "unknown key; expected one of rulebook"),
        ("rulebook = '''", "rulebook = '''\nx = 3", "case.toml, rulebook:"),
        ("[[test]]", 'estate = "none.toml"\n[[test]]', "case.toml:26: estate: no file none.toml"),
        ("[[test]]", '[[device]]\nid = "d"\nkind = "toaster"\n[[test]]', "estate: "),
        ("[[test]]", "[[test]", "not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_its_faults(old: str, new: str, message: str) -> None:
    text = text_of('rule = "volts.over"\nat = "20s"').replace(old, new, 1)
    assert message in "\n".join(faults(text))


def test_a_rulebook_and_an_estate_in_files() -> None:
    estate = '[[place]]\nid = "p"\nkind = "community"\n[[household]]\nid = "h"\nplace = "p"\n'
    estate += '[[device]]\nid = "d"\nhousehold = "h"\nkind = "meter"\n'
    given = {"rules.toml": BOOK, "estate.toml": estate}
    text = (
        '\nrulebook = "rules.toml"\nestate = "estate.toml"\n'
        + text_of('rule = "volts.over"\nat = "20s"').split("'''")[2]
    )
    tests = load_tests(text, "case.toml", given.__getitem__)
    assert [d.id for d in tests.estate.device] == ["d"]
    assert [o.passed for o in run_tests(tests)] == [True]
