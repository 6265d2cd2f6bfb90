"""Dialects of GB/T 26875.3 as data: how makers depart from the standard, read from `dialects.toml`."""

import tomllib
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from community.clock import MINUTE
from gateway.gb26875.frame import ADDRESS_MASK, STANDARD, Framing
from gateway.gb26875.moments import BEIJING
from gateway.gb26875.objects import Layout


class DialectErrors(ValueError):
    """A file of dialects is wrong; the message names every fault, a line each."""


def _mark(value: str) -> str:
    if not 1 <= len(bytes.fromhex(value)) <= 4:
        raise ValueError("expected 1 to 4 bytes, hex")
    return value


def _range(value: str) -> str:
    first, _, last = value.partition("-")
    if not (first.isdecimal() and (last or first).isdecimal() and int(first) <= int(last or first) <= ADDRESS_MASK):
        raise ValueError("expected an address like 889, or a range like 1000-1999")
    return value


_Mark = Annotated[str, AfterValidator(_mark)]
_Range = Annotated[str, AfterValidator(_range)]
_Byte = Annotated[int, Field(ge=0, le=255)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Framing(_Model):
    name: str = ""
    start: _Mark = "4040"
    end: _Mark = "2323"
    counts: int = Field(default=0, ge=0, le=64)


class Dialect(_Model):
    """What certain transmitters do; the default is the standard.

    Attributes:
        transmitters: addresses and ranges, e.g. `889`, `1000-1999`.
        checksum: `any` lets wrong ones pass.
        utc_offset_min: how far their local time is ahead of UTC, minutes.
        same_as: their own unit types → the standard type laid out like it.
        commands: their own command bytes → the standard's.
        text: bytes of a component's description.
        timed: whether a time follows each object.
    """

    name: str = ""
    transmitters: tuple[_Range, ...] = ()
    checksum: Literal["right", "any"] = "right"
    utc_offset_min: int = Field(default=BEIJING // MINUTE, ge=-14 * 60, le=14 * 60)
    same_as: dict[_Byte, _Byte] = {}
    commands: dict[_Byte, _Byte] = {}
    text: int = Field(default=31, ge=0, le=255)
    timed: bool = True

    @property
    def layout(self) -> Layout:
        """How their units are to be read."""
        return Layout(self.same_as, self.text, self.timed)

    @property
    def utc_offset(self) -> int:
        """The offset of their local time from UTC, ms."""
        return self.utc_offset_min * MINUTE

    def speaks(self, transmitter: int) -> bool:
        """Whether the transmitter is one of those."""
        for text in self.transmitters:
            first, _, last = text.partition("-")
            if int(first) <= transmitter <= int(last or first):
                return True
        return False


_STANDARD = Dialect(name="GB/T 26875.3-2011")


class _File(_Model):
    framing: tuple[_Framing, ...] = ()
    dialect: tuple[Dialect, ...] = ()


class Dialects:
    """All dialects that a listener understands."""

    def __init__(self, text: str = "", source: str = "dialects") -> None:
        """Read a file's text; an empty one is the standard alone.

        Raises:
            DialectErrors: with every fault.
        """
        try:
            file = _File.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise DialectErrors(f"{source}: {error}") from None
        except ValidationError as errors:
            lines = [f"{source}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in errors.errors()]
            raise DialectErrors("\n".join(lines)) from None
        others = (Framing(bytes.fromhex(f.start), bytes.fromhex(f.end), f.counts) for f in file.framing)
        self.framings: tuple[Framing, ...] = tuple(dict.fromkeys((STANDARD, *others)))
        self._dialects = file.dialect

    def of(self, transmitter: int) -> Dialect:
        """The first dialect that names the transmitter, else the standard."""
        return next((d for d in self._dialects if d.speaks(transmitter)), _STANDARD)

    def tolerated(self, transmitter: int) -> bool:
        """Whether a wrong checksum of this transmitter is let pass."""
        return self.of(transmitter).checksum == "any"


def shipped_dialects() -> Dialects:
    """Those of `dialects.toml`."""
    return Dialects(files("gateway.gb26875").joinpath("dialects.toml").read_text(encoding="utf-8"), "dialects.toml")
