"""What a profile file may say. The language is described in `docs/profiles.md`."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Format = Literal["json", "text", "senml", "sparkplug", "gb26875", "modbus", "none"]
ByteOrder = Literal["big", "little"]
Raw = float | str
"""A value as a device sends it. A number compares with numbers and with texts that are numbers."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class When(_Model):
    """Conditions of a meaning; all must hold. Paths are relative to where the field's own path starts.

    Attributes:
        has, lacks: paths that must be there, or not (null is there).
        equals: path → value, or values one of which it must be; text in any case.
        differs: path → value, or values none of which it must be; what is not there differs.
        above, below: bounds of the field's own raw value, both outside.
    """

    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    equals: dict[str, Raw | bool | tuple[Raw | bool, ...]] = {}
    differs: dict[str, Raw | bool | tuple[Raw | bool, ...]] = {}
    above: float | None = None
    below: float | None = None


class Bit(_Model):
    """The signal of one bit; `inverted`: 0 means active."""

    signal: str
    inverted: bool = False


class Value(_Model):
    """How a raw value becomes a signal's: `(raw * scale + offset)` in `unit`, converted to the signal's own unit.

    Attributes:
        signal: canonical name; or several for the elements of an array.
        alone: the signal of a single value where `signal` is several.
        invalid: raw values that mean "not measured".
        values: raw value, as text in any case → number, or `"ignore"`; `"*"` stands for all others. Without `"*"`
            a value that is not listed is a fault. Of a list, each element is looked up.
        inverted: for flags: 1 - value.
        bits: number of a bit, from the least significant → signal; all listed bits are reported.
        width: bits of the word.
        msb_first: bit 0 is the most significant one of `width`.
    """

    signal: str | tuple[str, ...] | None = None
    alone: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    unit: str | None = None
    invalid: tuple[Raw, ...] = ()
    values: dict[str, float | bool | Literal["ignore"]] | None = None
    inverted: bool = False
    bits: dict[str, Bit] | None = None
    width: int = Field(default=64, ge=1, le=64)
    msb_first: bool = False

    @field_validator("bits", mode="before")
    @classmethod
    def _short_bits(cls, value: Any) -> Any:
        """A bare name stands for a table with nothing else."""
        if isinstance(value, dict):
            return {k: {"signal": v} if isinstance(v, str) else v for k, v in value.items()}
        return value

    @field_validator("bits")
    @classmethod
    def _numbered_bits(cls, value: dict[str, Bit] | None) -> dict[str, Bit] | None:
        for key in value or {}:
            if not key.isascii() or not key.isdigit() or int(key) > 63:
                raise ValueError(f"bits are numbered from 0 to 63, got {key!r}")
        return value


class SignBit(_Model):
    """A bit of a byte, from the least significant, that is 1 where a number is negative."""

    at: int = Field(ge=0, le=4_096)
    bit: int = Field(ge=0, le=7)


class Part(Value):
    """Bytes within a packed value.

    Attributes:
        at: first byte, from 0.
        size: bytes, 1 to 8.
        signed: two's complement.
        order: byte order; None means the packed value's.
        words: order of 16-bit words where it differs from that of bytes, as Modbus devices do.
        sign: a bit elsewhere that makes the number negative.
    """

    at: int = Field(ge=0, le=4_096)
    size: int = Field(default=2, ge=1, le=8)
    signed: bool = False
    order: ByteOrder | None = None
    words: ByteOrder | None = None
    sign: SignBit | None = None


class RecordKey(_Model):
    """Where a record says what it is."""

    at: int = Field(default=0, ge=0, le=255)
    size: int = Field(default=1, ge=1, le=4)


class Records(_Model):
    """A packed value that repeats records of one size, each named by a number in it.

    Attributes:
        size: bytes of a record.
        by: that number, as text → what the record holds; others are passed over.
    """

    size: int = Field(ge=1, le=256)
    key: RecordKey = RecordKey()
    by: dict[str, Part]


class Packed(_Model):
    """A text that stands for bytes with several values.

    Attributes:
        length: bytes that it must have; otherwise the meaning does not apply. None: any that hold all parts.
        head: bytes with which it must begin, as hex; otherwise the meaning does not apply.
    """

    encoding: Literal["base64", "hex"]
    length: int | tuple[int, ...] | None = None
    head: str = Field(default="", pattern=r"^([0-9A-Fa-f]{2})*$")
    order: ByteOrder = "big"
    parts: tuple[Part, ...] = ()
    records: Records | None = None


class Meaning(Value):
    """What the value at a path means."""

    packed: Packed | None = None
    when: When | None = None


class Time(_Model):
    """Where the device's time stands. A text without a zone is not used: the receipt counts."""

    path: str
    unit: Literal["auto", "s", "ms", "iso"] = "auto"


class SubDevice(_Model):
    """Devices within a payload: each match of `each` is a measurement of its own.

    Attributes:
        when: the condition that a match has to meet; its paths start at the match.
    """

    each: str
    device: str
    when: When | None = None
    main: dict[str, str] = {}
    time: Time | None = None
    seq: str | None = None
    fields: tuple[str, ...]


class Topic(_Model):
    """Topics of one pattern, and how their payloads are read.

    Attributes:
        gives: event or flag → 1 or 0, said by the topic itself, whatever the payload; or the path of a flag, 1 unless
            there is a 0. `{name}` stands for what the topic captures (`fireAlarm` for `fire_alarm` too); if that is no
            event, nothing is given.
        when: name of a set of fields or of a part, or `gives` → the condition under which it is read, paths relative
            to `base`.
    """

    match: str
    format: Format = "json"
    ignore: bool = False
    device: str = "{device}"
    time: Time | None = None
    seq: str | None = None
    base: str = ""
    fields: tuple[str, ...] = ()
    gives: dict[str, Literal[0, 1] | str] = {}
    when: dict[str, When] = {}
    parts: tuple[str, ...] = ()


class Grant(_Model):
    """What the account of one device may do on the embedded broker; filters with `{device}`."""

    publish: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()


class Happening(_Model):
    """An event as examples write it."""

    name: str
    active: bool = True


class ExampleDevice(_Model):
    """What one of several devices says in an example."""

    device: str
    values: dict[str, float] = {}
    events: tuple[Happening, ...] = ()


class Example(_Model):
    """A message and what becomes of it; run by the tests, shown on the profile's page."""

    note: str
    topic: str
    payload: str | None = None
    payload_hex: str | None = None
    outcome: Literal["accepted", "event", "quarantined", "ignored"]
    device: str | None = None
    values: dict[str, float] = {}
    events: tuple[Happening, ...] = ()
    reason: str | None = None
    devices: tuple[ExampleDevice, ...] = ()


class ProfileFile(_Model):
    """A profile file as written."""

    title: str = Field(min_length=1, max_length=120)
    about: str = Field(min_length=1)
    subscribe: tuple[str, ...] = ()
    address: str = ""
    grant: Grant = Grant()
    steady: bool = True
    topic: tuple[Topic, ...] = Field(min_length=1)
    fields: dict[str, dict[str, tuple[Meaning, ...]]] = {}
    parts: dict[str, SubDevice] = {}
    example: tuple[Example, ...] = ()

    @field_validator("fields", mode="before")
    @classmethod
    def _single_meanings(cls, value: Any) -> Any:
        """A path with one meaning needs no list."""
        if not isinstance(value, dict):
            return value
        return {
            name: {path: [m] if isinstance(m, dict) else m for path, m in paths.items()}
            if isinstance(paths, dict)
            else paths
            for name, paths in value.items()
        }
