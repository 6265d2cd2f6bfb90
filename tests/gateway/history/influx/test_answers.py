"""Annotated CSV as InfluxDB 2 writes it, and answers that break off."""

import pytest

from gateway.history.influx.answers import Key, parse
from gateway.history.influx.influxdb import InfluxSource
from gateway.history.influx.server_store import client_of
from gateway.history.influx.store import InfluxOptions
from gateway.history.store import HistoryUnavailable
from tests.gateway.history.influx.influx_server import Fault, InfluxServer

TWO_RESULTS = """\
#datatype,string,long,string,string,string,dateTime:RFC3339,double\r
#group,false,false,true,true,true,false,false\r
#default,minimum,,,,,,\r
,result,table,_field,device,flags,_time,_value\r
,,0,voltage,d1,0,2026-11-22T08:00:00Z,229.5\r
,,0,voltage,d1,0,2026-11-22T08:00:00.25Z,1e-07\r
,,1,voltage,"a ""b"", c",4,2026-11-22T08:00:00.123456789Z,-1\r
\r
#datatype,string,long,string,string,string,dateTime:RFC3339,long\r
#group,false,false,true,true,true,false,false\r
#default,last_ts,,,,,,\r
,result,table,_field,device,flags,_time,_value\r
,,2,voltage,d1,0,2026-11-22T08:00:00Z,1795334400123456789\r
\r
"""
ERROR = """\
#datatype,string,string\r
#group,true,true\r
#default,,\r
,error,reference\r
,failed to read: engine is closed,897\r
"""


def test_results_and_series_are_told_apart() -> None:
    found = parse(TWO_RESULTS.splitlines(keepends=True))
    d1 = Key("d1", 0, "voltage", 0)
    assert list(found) == ["minimum", "last_ts"]
    assert found["minimum"][d1].ts.tolist() == [1795334400000, 1795334400250]
    assert found["minimum"][d1].values.tolist() == [229.5, 1e-7]
    assert found["minimum"][Key('a "b", c', 4, "voltage", 0)].ts.tolist() == [1795334400123]
    assert found["last_ts"][d1].values.tolist() == [1795334400123456789]  # not by way of a float


def test_nothing_is_nothing() -> None:
    assert parse([]) == {}
    assert parse(["\r\n"]) == {}


def test_an_error_inside_an_answer_is_told() -> None:
    with pytest.raises(HistoryUnavailable, match="engine is closed"):
        parse((TWO_RESULTS + ERROR).splitlines(keepends=True))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault(200, ERROR), "engine is closed"),
        (Fault(200, TWO_RESULTS.replace("229.5", "much")), "no annotated CSV"),
        (Fault(200, TWO_RESULTS, {"Content-Length": "5000", "Connection": "close"}), "IncompleteRead"),
        (Fault(400, '{"code": "invalid", "message": "compilation failed"}'), "400: compilation failed"),
        (Fault(503, ""), "503"),
        (Fault(), "aborted|reset|disconnected"),
    ],
    ids=["error", "no number", "cut", "400", "503", "dropped"],
)
def test_a_bad_answer_is_told(server: InfluxServer, options: InfluxOptions, fault: Fault, told: str) -> None:
    server.faults.append(fault)
    with client_of(options) as client, pytest.raises(HistoryUnavailable, match=told):
        InfluxSource(client, options).ticks(0, 1)
