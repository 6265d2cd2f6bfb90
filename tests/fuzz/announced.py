"""Home Assistant's discovery for mutation: configurations, templates of every kind, and states that they speak of."""

import json

from tests.fuzz.seeds import Seed

_DEVICE = {"identifiers": ["hall_7"], "name": "Hall", "manufacturer": "M", "model": "X"}
_CONFIGS: dict[str, dict[str, object]] = {
    "binary_sensor/hall_7/smoke": {
        "name": "Smoke", "device_class": "smoke", "state_topic": "hall/7/state",
        "payload_on": "YES", "payload_off": "NO",
        "value_template": "{{ value_json.smoke }}", "unique_id": "hall_7_smoke", "device": _DEVICE,
        "availability": [{"topic": "hall/7/lwt"}],
    },
    "binary_sensor/hall_7/gas": {
        "device_class": "gas", "~": "hall/7", "stat_t": "~/state",
        "val_tpl": "{{ 'ON' if value_json.gas > 5 else 'OFF' }}",
        "uniq_id": "hall_7_gas", "dev": {"ids": "hall_7"},
    },
    "sensor/hall_7/power": {
        "device_class": "power", "unit_of_measurement": "kW", "state_topic": "hall/7/state", "device": _DEVICE,
        "value_template": "{{ value_json['meter'].power | float(0) | round(2) }}", "unique_id": "hall_7_power",
    },
    "sensor/hall_7/temperature": {
        "device_class": "temperature", "unit_of_measurement": "°F", "state_topic": "hall/7/t", "unique_id": "hall_7_t",
        "value_template": "{{ (value | int - 32) * 5 / 9 }}", "device": _DEVICE,
    },
}  # fmt: skip

CONFIGS = len(_CONFIGS)
"""How many of the seeds are configurations; they come first."""

SEEDS = (
    *(
        Seed("homeassistant", f"homeassistant/{at}/config".encode(), json.dumps(c).encode())
        for at, c in _CONFIGS.items()
    ),
    Seed("homeassistant", b"hall/7/state", b'{"smoke": "NO", "gas": 3, "meter": {"power": 1.25}}'),
    Seed("homeassistant", b"hall/7/t", b"68"),
    Seed("homeassistant", b"hall/7/lwt", b"online"),
)
