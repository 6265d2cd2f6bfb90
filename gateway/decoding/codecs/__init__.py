"""Codecs: the bytes of one wire format → documents of plain Python values. A profile's fields are paths into them."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec

from gateway.decoding.profile import Codec

_CODECS = {
    "json": ("gateway.decoding.codecs.json", "JsonCodec"),
    "text": ("gateway.decoding.codecs.text", "TextCodec"),
    "senml": ("gateway.decoding.codecs.senml", "SenmlCodec"),
    "modbus": ("gateway.decoding.codecs.modbus", "ModbusCodec"),
    "sparkplug": ("gateway.sparkplug.session", "SparkplugCodec"),
    "gb26875": ("gateway.gb26875.codec", "Gb26875Codec"),
}


def new_codecs() -> Mapping[str, Codec]:
    """A codec of every format; those that keep sessions begin without any."""
    # TODO lead: plain imports as soon as all are there
    return {name: getattr(import_module(m), c)() for name, (m, c) in _CODECS.items() if find_spec(m)}
