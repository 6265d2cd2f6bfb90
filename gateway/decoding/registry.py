"""Every profile by name: those shipped in `gateway/profiles`, and those of a community's own folder."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path

from community.file_faults import FileError
from gateway.decoding.codecs.json import JsonCodec
from gateway.decoding.codecs.modbus import ModbusCodec
from gateway.decoding.codecs.senml import SenmlCodec
from gateway.decoding.codecs.text import TextCodec
from gateway.decoding.loader import ProfileErrors, read_profile
from gateway.decoding.native import NATIVE
from gateway.decoding.profile import Codec, Profile
from gateway.decoding.reader import DataProfile
from gateway.gb26875.codec import Gb26875Codec
from gateway.homeassistant.profile import HomeAssistant
from gateway.sparkplug.session import SparkplugCodec

BUILT_IN: Mapping[str, tuple[str, str]] = {
    NATIVE.name: ("Mingluo's own topics and JSON", "its id"),
    HomeAssistant.name: (
        "Home Assistant discovery: devices that announce themselves",
        "the first of its identifiers",
    ),
}
"""Profiles that are no data files: what each is for, and what a device's address in it is."""


class Profiles(Mapping[str, Profile]):
    """The profiles of one gateway, in the order in which they are asked whether a topic is theirs.

    The native one comes first, a community's own before those shipped: theirs may be narrower. Codecs that keep
    state (Sparkplug's sessions) belong to this object.
    """

    def __init__(self, own: Path | None = None) -> None:
        """Read the profiles.

        Args:
            own: folder with a community's own profile files; one with a shipped name takes its place.

        Raises:
            ProfileErrors: with the faults of all files.
            OSError: a file cannot be read.
        """
        self.codecs: dict[str, Codec] = dict(new_codecs())
        texts = dict(_own(own)) if own is not None else {}
        for name, text in shipped():
            texts.setdefault(name, (f"{name}.toml", text))
        self._profiles: dict[str, Profile] = {NATIVE.name: NATIVE}
        errors: list[FileError] = []
        for name, (source, text) in texts.items():
            if name in BUILT_IN:
                errors.append(FileError(source, None, "", f"the profile {name} is built in"))
                continue
            try:
                self._profiles[name] = DataProfile(name, read_profile(text, source), self.codecs)
            except ProfileErrors as refused:
                errors += refused.errors
        if errors:
            raise ProfileErrors(errors)
        # The last one: what it claims is announced by others, and may be another profile's.
        self._announced = self._profiles[HomeAssistant.name] = HomeAssistant()

    def __getitem__(self, name: str) -> Profile:
        return self._profiles[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._profiles)

    def __len__(self) -> int:
        return len(self._profiles)

    def forget(self) -> None:
        """Begin anew: what codecs remember of former messages is gone, and what was announced."""
        self.codecs.update(new_codecs())
        self._announced.forget()

    def outgoing(self) -> list[tuple[str, bytes]]:
        """What codecs have to say to devices: topics and payloads, each given once."""
        return [message for codec in self.codecs.values() if hasattr(codec, "outgoing") for message in codec.outgoing()]

    def claiming(self, topic: bytes) -> Profile | None:
        """The first profile that claims a topic."""
        return next((p for p in self._profiles.values() if p.claims(topic)), None)


def new_codecs() -> Mapping[str, Codec]:
    """A codec of every format; those that keep sessions begin without any."""
    return {
        "json": JsonCodec(),
        "text": TextCodec(),
        "senml": SenmlCodec(),
        "modbus": ModbusCodec(),
        "sparkplug": SparkplugCodec(),
        "gb26875": Gb26875Codec(),
    }


def shipped() -> list[tuple[str, str]]:
    """(name, text) of the profile files that come with Mingluo, by name."""
    folder = files("gateway.profiles")
    found = [(f.name.removesuffix(".toml"), f) for f in folder.iterdir() if f.name.endswith(".toml")]
    return [(name, file.read_text(encoding="utf-8")) for name, file in sorted(found, key=lambda item: item[0])]


def _own(folder: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    for file in sorted(folder.glob("*.toml")):
        yield file.stem, (str(file), file.read_text(encoding="utf-8"))
