"""Announced devices: what their entities are taken for, how their states are read, and what bounds them."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiomqtt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from community.estate import Device, DeviceKind, Estate, Household, Place, PlaceKind
from community.frame import Frame
from community.refusal import Reason
from community.vitals import Vitals
from gateway.admission import Admission
from gateway.admitted import Admitted
from gateway.columnar.packets import Packets
from gateway.decoding.profile import Announcement
from gateway.decoding.registry import Profiles
from gateway.homeassistant import registry
from gateway.homeassistant.profile import HomeAssistant
from gateway.ingest import Ingest
from gateway.link.filters import everything, widest
from gateway.link.link import Link
from gateway.link.options import link_options
from tests.gateway.link import brokers
from tests.gateway.link.fake_broker import until
from tests.gateway.test_ingest import FakeLog, FakeQuarantine
from tests.gateway.village import NOW, message

SMOKE = {
    "name": "Smoke",
    "uniq_id": "attic_smoke",
    "dev_cla": "smoke",
    "~": "house/attic",
    "stat_t": "~/state",
    "val_tpl": "{{ 'ON' if value_json.alarm else 'OFF' }}",
    "avty": [{"t": "~/up"}],
    "dev": {"ids": ["attic-7", "other"], "name": "Attic", "mf": "Sample", "mdl": "S1"},
}
CELL = {
    "name": "Voltage",
    "device_class": "voltage",
    "unit_of_measurement": "mV",
    "state_topic": "house/attic/state",
    "value_template": "{{ value_json.mv }}",
    "expire_after": 90000,
    "device": {"identifiers": "attic-7"},
}


class Heard:
    """A profile, and what it makes of what it hears."""

    def __init__(self) -> None:
        self.profile = HomeAssistant()

    def config(self, body: Any, at: str = "binary_sensor/attic/smoke") -> Announcement:
        """The announcement that a config gives."""
        topic = f"homeassistant/{at}/config".encode()
        assert self.profile.claims(topic)
        decoded = self.profile.decode(topic, json.dumps(body).encode(), NOW)
        assert (decoded.faults, decoded.measurements) == ((), ())
        (announced,) = decoded.announcements
        return announced

    def says(self, topic: str, payload: Any) -> dict[str | None, dict[str, float | None]]:
        """Address → values of a message."""
        raw = payload if isinstance(payload, str) else json.dumps(payload)
        decoded = self.profile.decode(topic.encode(), raw.encode(), NOW)
        assert decoded.faults == []
        return {m.device: dict(m.values) for m in decoded.measurements}


def entity(component: str, **more: Any) -> Announcement:
    """What is announced of a device that has this one entity."""
    return Heard().config({"stat_t": "x/state", "dev": {"ids": "x"}, **more}, f"{component}/x")


def test_a_detector_announces_itself_and_is_read() -> None:
    heard = Heard()
    heard.config(SMOKE)
    announced = heard.config(CELL, "sensor/attic_mv")
    assert announced == Announcement(
        "attic-7", "Attic", "smoke", "Sample S1", ("smoke_alarm", "battery_voltage", "online"),
        {"entities": 2, "expire_after_s": 90_000.0},
    )  # fmt: skip
    assert heard.says("house/attic/state", {"alarm": True, "mv": 2900}) == {
        "attic-7": {"smoke_alarm": 1, "battery_voltage": pytest.approx(2.9)}
    }
    assert heard.says("house/attic/state", {"mv": "2890"}) == {"attic-7": {"battery_voltage": pytest.approx(2.89)}}
    assert heard.says("house/attic/up", "offline") == {"attic-7": {"online": 0}}
    assert heard.profile.device_of(b"house/attic/state") == "attic-7"
    assert set(heard.profile.subscribe) == {"homeassistant/#", "house/attic/state", "house/attic/up"}


def test_a_whole_device_in_one_config_and_what_it_takes_back() -> None:
    heard = Heard()
    components: dict[str, Any] = {
        "v": {"p": "sensor", "dev_cla": "voltage", "unit_of_meas": "V", "val_tpl": "{{ value_json.v }}"},
        "i": {"p": "sensor", "dev_cla": "current", "unit_of_meas": "mA", "val_tpl": "{{ value_json.i }}"},
        "leak": {
            "p": "sensor", "name": "Leakage current", "dev_cla": "current", "unit_of_meas": "A",
            "val_tpl": "{{ value_json.leak }}",
        },
        "t": {"p": "sensor", "dev_cla": "temperature", "unit_of_meas": "°F", "val_tpl": "{{ value_json.t }}"},
        "relay": {"p": "switch", "name": None, "val_tpl": "{{ value_json.relay }}", "pl_on": 1, "pl_off": 0},
    }  # fmt: skip
    body = {"dev": {"ids": "br1"}, "o": {"name": "own"}, "stat_t": "br/1", "cmps": components}
    announced = heard.config(body, "device/br1")
    assert announced.kind == "electrical_protector"
    state = {"v": 229.5, "i": 1500, "leak": 0.0123, "t": 212, "relay": 1}
    assert heard.says("br/1", state)["br1"] == pytest.approx(
        {"voltage": 229.5, "current": 1.5, "residual_current": 12.3, "device_temperature": 100, "breaker_closed": 1}
    )
    heard.config({**body, "cmps": {**components, "v": {"p": "sensor"}, "relay": {"p": "switch"}}}, "device/br1")
    assert set(heard.says("br/1", state)["br1"]) == {"current", "residual_current", "device_temperature"}


@pytest.mark.parametrize(
    ("component", "more", "signals"),
    [
        ("binary_sensor", {"dev_cla": "moisture"}, ["water_alarm"]),
        ("binary_sensor", {"dev_cla": "carbon_monoxide", "name": "CO"}, ["co_alarm"]),
        ("binary_sensor", {"dev_cla": "opening"}, ["contact_open"]),
        ("binary_sensor", {"dev_cla": "power"}, ["power_lost"]),
        ("binary_sensor", {"dev_cla": "connectivity"}, ["online"]),
        ("binary_sensor", {"dev_cla": "problem", "name": "Over-current"}, ["overload_alarm"]),
        ("binary_sensor", {"dev_cla": "problem", "name": "Anything"}, ["fault"]),
        ("binary_sensor", {"dev_cla": "safety", "name": "Arc fault"}, ["arc_alarm"]),
        ("binary_sensor", {"name": "Smoke"}, ["smoke_alarm"]),
        ("binary_sensor", {"dev_cla": "problem", "name": "Over-powering"}, ["overload_alarm"]),
        # What a detector says of itself is not what it detects.
        ("binary_sensor", {"dev_cla": "problem", "name": "Smoke detector fault"}, ["fault"]),
        ("binary_sensor", {"dev_cla": "problem", "name": "Gas sensor failure"}, ["fault"]),
        ("binary_sensor", {"name": "Smoke chamber dirty"}, ["fault"]),
        ("binary_sensor", {"dev_cla": "problem", "name": "Smoke sensor battery problem"}, ["battery_low"]),
        ("binary_sensor", {"name": "Smoke alarm muted"}, ["mute"]),
        ("binary_sensor", {"name": "CO sensor end of life"}, ["end_of_life"]),
        # Named after a place, it still is an alarm.
        ("binary_sensor", {"name": "Boiler room smoke"}, ["smoke_alarm"]),
        ("binary_sensor", {"name": "Gas heater CO"}, ["co_alarm"]),
        ("binary_sensor", {"name": "Gas valve leak"}, ["gas_alarm"]),
        ("binary_sensor", {"dev_cla": "heat", "name": "Heat, boiler room"}, ["heat_alarm"]),
        ("binary_sensor", {"dev_cla": "smoke", "name": "Self-test"}, ["test"]),
        ("binary_sensor", {"name": "Test"}, ["test"]),
        # A device that somebody called "test" still has an alarm.
        ("binary_sensor", {"dev_cla": "smoke", "name": "test-room smoke", "uniq_id": "test_1"}, ["smoke_alarm"]),
        ("sensor", {"dev_cla": "voltage", "unit_of_meas": "V", "name": "Voltage L2"}, ["voltage_l2"]),
        ("sensor", {"dev_cla": "power", "unit_of_meas": "kW", "name": "Phase C power"}, ["active_power_l3"]),
        ("sensor", {"dev_cla": "temperature", "unit_of_meas": "°C"}, ["ambient_temperature"]),
        ("sensor", {"dev_cla": "temperature", "unit_of_meas": "°C", "name": "Chip"}, ["device_temperature"]),
        ("sensor", {"dev_cla": "temperature", "unit_of_meas": "K", "ent_cat": "diagnostic"}, ["device_temperature"]),
        ("sensor", {"dev_cla": "energy", "unit_of_meas": "kWh", "stat_cla": "total_increasing"}, ["energy"]),
        ("sensor", {"unit_of_meas": "ppm", "name": "CO"}, ["co"]),
        ("sensor", {"unit_of_meas": "%", "name": "Battery"}, ["battery"]),
        ("sensor", {"dev_cla": "power_factor"}, ["power_factor"]),
    ],
)
def test_what_an_entity_is(component: str, more: dict[str, Any], signals: list[str]) -> None:
    announced = entity(component, **more)
    assert (list(announced.signals), announced.details) == (signals, {"entities": 1})


@pytest.mark.parametrize(
    ("component", "more", "why"),
    [
        ("light", {}, "light is no measurement"),
        ("sensor", {"dev_cla": "duration", "unit_of_meas": "s"}, "'duration' has no signal"),
        ("sensor", {"dev_cla": "voltage", "unit_of_meas": "kg"}, "unit 'kg'"),
        ("sensor", {"dev_cla": "voltage"}, "no unit"),
        ("sensor", {"dev_cla": "energy", "unit_of_meas": "kWh", "name": "Energy today"}, "not of all time"),
        ("sensor", {"dev_cla": "gas", "unit_of_meas": "m³"}, "'gas' has no signal"),
        ("sensor", {}, "no device class"),
        ("binary_sensor", {"dev_cla": "motion"}, "'motion' has no signal"),
        ("switch", {"name": "Child lock"}, "something else"),
        ("binary_sensor", {"name": "Water heater", "uniq_id": "a1"}, "no name we know"),
        ("binary_sensor", {"name": "Gas valve", "uniq_id": "a1"}, "no name we know"),
        ("binary_sensor", {"name": "Smoke detection enabled"}, "how the device is set up"),
        ("binary_sensor", {"dev_cla": "heat", "name": "Heating"}, "something heats"),
        ("binary_sensor", {"dev_cla": "smoke", "val_tpl": "{{ states('x') }}"}, "template is not understood: 'states'"),
        ("binary_sensor", {"dev_cla": "smoke", "stat_t": "house/#"}, "state topic"),
        ("binary_sensor", {"dev_cla": "smoke", "stat_t": "$SYS/x"}, "state topic"),
        ("binary_sensor", {"dev_cla": "smoke", "stat_t": "mingluo/v1/a/b/c/telemetry"}, "state topic"),
    ],
)
def test_what_cannot_be_read_is_announced_with_the_reason(component: str, more: dict[str, Any], why: str) -> None:
    announced = entity(component, **more)
    assert announced.signals == ()
    (reason,) = announced.details["unread"].values()
    assert why in reason


@pytest.mark.parametrize(
    ("at", "payload", "reason"),
    [
        ("binary_sensor/a/config", b"{", Reason.NOT_JSON),
        ("binary_sensor/a/config", b"[]", Reason.SCHEMA),
        ("device/a/config", b'{"dev": {"ids": "a"}}', Reason.SCHEMA),
        ("device/a/config", b'{"dev": {"ids": "a"}, "cmps": {"x": 1}}', Reason.SCHEMA),
        ("a/b/c/d/config", b"{}", Reason.UNKNOWN_TOPIC),
    ],
)
def test_configs_that_are_refused(at: str, payload: bytes, reason: Reason) -> None:
    decoded = HomeAssistant().decode(f"homeassistant/{at}".encode(), payload, NOW)
    assert [f.reason for f in decoded.faults] == [reason]


def test_an_empty_config_takes_the_entity_back() -> None:
    heard = Heard()
    heard.config(SMOKE)
    heard.config(CELL, "sensor/attic_mv")
    (left,) = heard.profile.decode(b"homeassistant/binary_sensor/attic/smoke/config", b"", NOW).announcements
    assert left.signals == ("battery_voltage",)
    assert heard.profile.decode(b"homeassistant/sensor/attic_mv/config", b"", NOW).announcements == []
    assert not heard.profile.claims(b"house/attic/state")
    assert heard.profile.subscribe == ("homeassistant/#",)


def test_a_bad_state_is_named_and_its_neighbour_passes() -> None:
    heard = Heard()
    heard.config(SMOKE)
    heard.config(CELL, "sensor/attic_mv")
    decoded = heard.profile.decode(b"house/attic/state", b'{"alarm": 1, "mv": "much"}', NOW)
    assert [dict(m.values) for m in decoded.measurements] == [{"smoke_alarm": 1}]
    assert [(f.reason, f.place) for f in decoded.faults] == [(Reason.SCHEMA, "Voltage")]
    decoded = heard.profile.decode(b"house/attic/state", b"ON", NOW)
    assert [f.reason for f in decoded.faults] == [Reason.NOT_JSON]


@pytest.mark.parametrize("payload", ["", "unknown", "unavailable", "None"])
def test_what_is_not_known_is_no_value(payload: str) -> None:
    heard = Heard()
    heard.config({"dev_cla": "smoke", "stat_t": "x", "dev": {"ids": "x"}})
    assert heard.says("x", payload) == {}


@pytest.mark.parametrize(
    ("mode", "heard_so_far", "online"),
    [
        ("all", {"bridge": "online"}, None),
        ("all", {"bridge": "online", "own": "online"}, 1),
        ("all", {"own": "online", "bridge": "offline"}, 0),
        ("any", {"own": "offline"}, None),
        ("any", {"own": "offline", "bridge": "offline"}, 0),
        ("any", {"own": "offline", "bridge": "online"}, 1),
        ("latest", {"own": "online", "bridge": "offline"}, 0),
    ],
)
def test_availability_of_several_topics(mode: str, heard_so_far: dict[str, str], online: float | None) -> None:
    heard = Heard()
    availability = [{"topic": "bridge"}, {"topic": "own"}]
    heard.config({**SMOKE, "avty": availability, "avty_mode": mode})
    last: dict[str | None, dict[str, float | None]] = {}
    for topic, payload in heard_so_far.items():
        last = heard.says(topic, payload)
    assert last == ({} if online is None else {"attic-7": {"online": online}})


def test_one_topic_may_speak_for_several_devices() -> None:
    heard = Heard()
    heard.config(SMOKE)
    heard.config(
        {**SMOKE, "~": "house/cellar", "avty": [{"t": "house/attic/up"}], "dev": {"ids": "cellar"}}, "binary_sensor/c"
    )
    assert heard.profile.device_of(b"house/attic/up") is None
    assert heard.says("house/attic/up", "offline") == {"attic-7": {"online": 0}, "cellar": {"online": 0}}


def test_what_is_announced_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MAX_DEVICES", 2)
    heard = Heard()
    for name in ("a", "b"):
        heard.config({**SMOKE, "dev": {"ids": name}}, f"binary_sensor/{name}")
    decoded = heard.profile.decode(b"homeassistant/binary_sensor/c/config", json.dumps(SMOKE).encode(), NOW)
    assert ([f.reason for f in decoded.faults], heard.profile.full) == ([Reason.TOO_LARGE], 1)
    heard.config({**SMOKE, "dev": {"ids": "b"}, "name": "again"}, "binary_sensor/b")


def test_many_topics_are_listened_to_together() -> None:
    heard = Heard()
    for n in range(2 * registry.MAX_FILTERS):
        heard.config({**SMOKE, "~": f"house/{n}", "dev": {"ids": str(n)}}, f"binary_sensor/n{n}")
    assert heard.profile.subscribe == ("homeassistant/#", "house/#")


def estate() -> Estate:
    """The attic's detector, in a home."""
    return Estate(
        place=(Place(id="c", kind=PlaceKind.COMMUNITY),),
        household=(Household(id="h", place="c"),),
        device=(
            Device(id="attic", household="h", kind=DeviceKind.SMOKE, profile="homeassistant", address="attic-7"),
            Device(id="plug", household="h", kind=DeviceKind.METER, profile="tasmota"),
        ),
    )


def readings(admitted: Admitted) -> list[tuple[str, dict[str, float]]]:
    """(device, values) of what came in."""
    return [(r.device, r.values) for fs in admitted.frames.values() for f in fs for r in f.readings()]


CONFIG = "homeassistant/binary_sensor/attic/smoke/config"


def test_topics_are_known_from_their_announcement_on() -> None:
    admission = Admission(estate(), profiles=Profiles())
    state = message('{"alarm": true}', "house/attic/state")
    assert [r.reason for r in admission.take(Packets.runs([state])).refusals] == [Reason.UNKNOWN_TOPIC]
    config = message(json.dumps(SMOKE), CONFIG, retained=True)
    admitted = admission.take(Packets.runs([config, state]))  # both in one flush
    assert readings(admitted) == [("attic", {"smoke_alarm": 1})]
    assert [(profile, a.address) for profile, a in admitted.announced] == [("homeassistant", "attic-7")]


def test_devices_that_nobody_has_approved_are_refused_by_name() -> None:
    admission = Admission(estate(), profiles=Profiles())
    other = {**SMOKE, "dev": {"ids": "stranger"}}
    sent = [message(json.dumps(other), CONFIG), message('{"alarm": 1}', "house/attic/state")]
    admitted = admission.take(Packets.runs(sent))
    assert [r.reason for r in admitted.refusals] == [Reason.UNKNOWN_DEVICE]
    announced = [(a.address, a.kind is not None) for _, a in admitted.announced]
    assert announced == [("stranger", True), ("stranger", False)], "once by itself, once by being heard"


def test_a_stored_state_is_not_taken_for_a_new_one_and_a_stored_absence_is() -> None:
    admission = Admission(estate(), profiles=Profiles())
    admission.take(Packets.runs([message(json.dumps(SMOKE), CONFIG, retained=True)]))
    sent = [
        message('{"alarm": true}', "house/attic/state", retained=True),
        message("offline", "house/attic/up", retained=True),
    ]
    assert readings(admission.take(Packets.runs(sent))) == [("attic", {"online": 0})]


def test_a_device_of_another_profile_keeps_its_topics() -> None:
    admission = Admission(estate(), profiles=Profiles())
    body = {"dev_cla": "smoke", "stat_t": "tele/plug/SENSOR", "dev": {"ids": "attic-7"}}
    payload = '{"Time":"2026-11-22T08:00:00","ENERGY":{"Voltage":231}}'
    sent = [message(json.dumps(body), CONFIG), message(payload, "tele/plug/SENSOR")]
    assert readings(admission.take(Packets.runs(sent))) == [("plug", {"voltage": 231})]


JSON = st.recursive(
    st.sampled_from([None, True, 1, 10**400, 0.5, float("nan"), "~/s", "{{ value }}"]) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["dev", "ids", "cns", "name", "stat_t", "val_tpl", "dev_cla", "unit_of_meas", "avty", "avty_t", "t", "~",
             "pl_on", "pl_off", "cmps", "p", "exp_aft", "uniq_id", "stat_cla", "ent_cat", "avty_mode", "mf"]
        ),
        inner,
        max_size=6,
    ),
    max_leaves=20,
)  # fmt: skip


@given(configs=st.lists(st.tuples(st.sampled_from(["sensor", "binary_sensor", "device", "switch"]), JSON), max_size=4))
def test_whatever_is_announced_does_no_harm(configs: list[tuple[str, Any]]) -> None:
    profile = HomeAssistant()
    for number, (component, body) in enumerate(configs):
        payload = json.dumps(body).encode(errors="surrogatepass")
        profile.decode(f"homeassistant/{component}/x{number % 2}/config".encode(), payload, NOW)
        for topic in [*profile._registry.devices_at]:
            decoded = profile.decode(topic, payload, NOW)
            assert {m.device for m in decoded.measurements} <= set(profile._registry.devices)
    for number in range(2):
        for component in ("sensor", "binary_sensor", "device", "switch"):
            profile.decode(f"homeassistant/{component}/x{number}/config".encode(), b"", NOW)
    assert (profile._registry.devices, profile._registry.devices_at, profile._registry._entities) == ({}, {}, 0)


@given(st.binary(max_size=60))
def test_whatever_a_state_is_it_does_no_harm(payload: bytes) -> None:
    heard = Heard()
    heard.config(SMOKE)
    heard.config(CELL, "sensor/attic_mv")
    for topic in (b"house/attic/state", b"house/attic/up", b"homeassistant/sensor/y/config", b"homeassistant/status"):
        heard.profile.decode(topic, payload, NOW)


@pytest.fixture(params=["nats", pytest.param("mosquitto", marks=pytest.mark.server)])
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[int, bool]]:
    """Port of a running broker of each kind, and whether it is the kind that we bring with us."""
    number = brokers.free_port()
    make = brokers.nats_server if request.param == "nats" else brokers.mosquitto
    with brokers.running(make(tmp_path, number), tmp_path, number):
        yield number, request.param == "nats"


@asynccontextmanager
async def gateway(port: int, embedded: bool, log: FakeLog, announced: list[Any]) -> Any:
    """A running gateway whose subscription follows what is announced."""
    profiles, vitals = Profiles(), Vitals()
    speaking = profiles["homeassistant"]

    def wanted() -> tuple[str, ...]:  # of nats-server all, as the roof does: it bounds how many filters there are
        return everything(speaking.subscribe) if embedded else widest(speaking.subscribe)

    options = replace(link_options(f"mqtt://127.0.0.1:{port}"), topic_filters=wanted())
    link = Link(options, lambda: NOW, vitals)
    ingest = Ingest(
        link, Admission(estate(), profiles=profiles), log, FakeQuarantine(), vitals, lambda: NOW,
        run_id="r", announced=announced.extend,
    )  # fmt: skip
    tasks = [asyncio.create_task(link.run()), asyncio.create_task(ingest.run())]
    try:
        await until(lambda: link.connected_since is not None)
        await until(lambda: len(speaking.subscribe) > 1)
        await link.resubscribe(wanted())
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def test_a_device_announced_while_nobody_listened_is_read(broker: tuple[int, bool]) -> None:
    log, announced = FakeLog(), []  # type: ignore[var-annotated]  # pairs of profile and announcement
    async with aiomqtt.Client("127.0.0.1", broker[0], identifier="device") as client:
        await client.publish(CONFIG, json.dumps(SMOKE), qos=1, retain=True)
        async with gateway(*broker, log, announced):
            assert [a.address for _, a in announced] == ["attic-7"]

            def values() -> list[dict[str, float]]:
                return [r.values for _, f in log.records.values() if isinstance(f, Frame) for r in f.readings()]

            while {"smoke_alarm": 1} not in values():  # until the wider subscription is in force
                await client.publish("house/attic/state", '{"alarm": true}', qos=1)
                await asyncio.sleep(0)
