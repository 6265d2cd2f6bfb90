"""What profiles had no room for, to be counted where everything is counted."""

from collections.abc import Mapping

from gateway.decoding.registry import Profiles
from gateway.homeassistant.profile import HomeAssistant
from gateway.sparkplug.session import SparkplugCodec


def lost_by(profiles: Profiles) -> Mapping[str, int]:
    """By the name of its counter, since the start.

    `homeassistant_refused`: discovery configs, and topics of announced devices, that found no room.
    `sparkplug_forgotten`: born nodes that were forgotten for others; they are asked for their birth when they speak.
    """
    announcing = profiles[HomeAssistant.name]
    codecs = profiles.codecs.values()
    return {
        "homeassistant_refused": announcing.full if isinstance(announcing, HomeAssistant) else 0,
        "sparkplug_forgotten": sum(codec.forgotten for codec in codecs if isinstance(codec, SparkplugCodec)),
    }
