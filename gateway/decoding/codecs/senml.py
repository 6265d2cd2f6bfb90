"""SenML packs (RFC 8428, secondary units RFC 8798) in JSON and CBOR → one document for each device and moment."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cbor2

from community.quantities import SIGNALS
from community.refusal import Reason
from gateway.decoding.codecs.json import parse
from gateway.decoding.numbers import number_of, shown
from gateway.decoding.profile import Document, UnreadableError
from gateway.fault import Fault

MAX_RECORDS = 1_000
"""Records of one pack; a larger one is refused."""

VERSION = 10
"""The version of RFC 8428; a pack of a later one may mean something else and is refused."""

MAX_DEPTH = 4
"""Nesting of CBOR: a pack is a list of flat records."""

_RELATIVE_BELOW = 2**28
_NO_UNIT = "/"
_SEPARATORS = (":", "/", "_", ";")
_LEAF = re.compile(r"[A-Za-z][A-Za-z-]*[0-9]{0,2}")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SIGNAL = re.compile(
    r"(?:^|[:/_;])(" + "|".join(sorted((s for s in SIGNALS if "_" in s), key=len, reverse=True)) + ")$"
)
_HEX = re.compile(r"[0-9A-Fa-f]+")
_UNITS = frozenset(("V", "A", "W", "J", "K", "Hz", "Cel", "VA", "VAs", "Wh", "Pa"))
_SELF_DESCRIBED = b"\xd9\xd9\xf7"
_CBOR_FIRST = frozenset((*range(0x80, 0xC0), _SELF_DESCRIBED[0]))  # lists, maps, and the mark of CBOR
_LABELS = {
    -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs",
    0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb", 5: "s", 6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
_VALUES = ("v", "vb", "vs", "vd")


class SenmlCodec:
    """A pack's documents: `{leaf: {unit: value}}`. Implements `gateway.decoding.profile.Codec`.

    A record's name is the device and, after its last `:`, `/`, `;` or `_`, the leaf: `urn:dev:mac:0a…01:temp`; a leaf
    is in small letters with hyphens (`smoke-alarm` for `smoke_alarm` and `SmokeAlarm`). Where the last piece is no word
    (an identifier, part of an IPv6 address), the whole name is the device and the unit stands for the leaf. A number
    without a unit has the unit `/`, which RFC 8428 gives to what has none; a sum (`s`) has its unit with `*s` behind.
    Truth values, texts and bytes have their labels instead: `vb`, `vs`, `vd`.

    A pack that names its devices overrides the topic's `{device}`.
    """

    def read(self, topic: str, payload: bytes, received_at: int) -> Sequence[Document]:
        """The documents, oldest first; what has no time is of now.

        Raises:
            UnreadableError: no pack, of a later version, too many records, or a label that must be understood.
        """
        if not payload:
            return ()
        data = _cbor(payload) if payload[0] in _CBOR_FIRST else parse(payload)
        records = [data] if isinstance(data, Mapping) else data
        if not isinstance(records, list):
            raise _unreadable(f"expected a list of records, got {shown(data)}")
        if len(records) > MAX_RECORDS:
            raise _unreadable(f"{len(records)} records, at most {MAX_RECORDS}")
        pack = _Pack(received_at)
        for number, record in enumerate(records):
            if isinstance(record, Mapping):
                pack.add(_labelled(record, number), number)
            else:
                pack.faults.append(Fault(Reason.SCHEMA, f"[{number}]", f"expected a record, got {shown(record)}"))
        return pack.documents()


class _Moment(NamedTuple):
    device: str | None
    ts: int | None


class _Pack:
    def __init__(self, received_at: int) -> None:
        self._received_at = received_at
        self._base: dict[str, Any] = {}
        self._bodies: dict[_Moment, list[dict[str, dict[str, Any]]]] = {}
        self.faults: list[Fault] = []

    def add(self, record: Mapping[str, Any], number: int) -> None:
        """Take a record; its base fields hold from here on."""
        for label in ("bver", "bn", "bt", "bu", "bv", "bs"):
            if label in record:
                self._base[label] = record[label]
        version = self._base.get("bver", VERSION)
        if number_of(version) is None or number_of(version) > VERSION:  # type: ignore[operator]  # None was told apart
            raise _unreadable(f"version {shown(version)}, at most {VERSION} is understood")
        kinds = [label for label in (*_VALUES, "s") if label in record]
        if not kinds:
            return  # base fields only
        try:
            device, leaf = self._name(record)
        except _BadRecord as bad:
            self._refuse(bad, number)
            return
        moment = _Moment(device, self._believed_ts(record, number))
        # A record has one value. Of more each is read by itself: none of them may hide another, which may be an alarm.
        for kind in kinds:
            try:
                by_itself, key, value = self._found(record, kind)
            except _BadRecord as bad:
                self._refuse(bad, number)
            else:
                self._put(moment, leaf or by_itself, key, value)

    def _found(self, record: Mapping[str, Any], kind: str) -> tuple[str, str, Any]:
        """What a value is called where it has no name, the key of its form, and the value."""
        if kind not in ("v", "s"):
            return kind, kind, self._value(record, kind)
        unit = record.get("u", self._base.get("bu", _NO_UNIT))
        if not isinstance(unit, str):
            raise _BadRecord("u", f"expected a unit, got {shown(unit)}")
        unit = unit or _NO_UNIT
        return (
            (unit, f"{unit}*s", self._sum(record, "s", "bs"))
            if kind == "s"
            else (unit, unit, self._value(record, kind))
        )

    def documents(self) -> Sequence[Document]:
        """What was taken; the faults go with the first, or alone."""
        documents = [
            Document(body, moment.ts, captures={} if moment.device is None else {"device": moment.device})
            for moment, bodies in sorted(self._bodies.items(), key=lambda item: _order(item[0]))
            for body in bodies
        ]
        if self.faults:
            documents.append(Document(None, faults=self.faults))
        return documents

    def _put(self, moment: _Moment, leaf: str, unit: str, value: Any) -> None:
        bodies = self._bodies.setdefault(moment, [{}])
        # The same name twice at one moment: neither may hide the other, one of them may be an alarm.
        body = next((b for b in bodies if unit not in b.get(leaf, ())), None)
        if body is None:
            bodies.append(body := {})
        body.setdefault(leaf, {})[unit] = value

    def _name(self, record: Mapping[str, Any]) -> tuple[str | None, str | None]:
        base, name = self._base.get("bn", ""), record.get("n", "")
        if not isinstance(base, str) or not isinstance(name, str):
            raise _BadRecord("n", f"expected a name, got {shown(name if isinstance(base, str) else base)}")
        return split_name(base + name)

    def _refuse(self, bad: "_BadRecord", number: int) -> None:
        self.faults.append(Fault(Reason.SCHEMA, f"[{number}].{bad.label}", bad.detail))

    def _believed_ts(self, record: Mapping[str, Any], number: int) -> int | None:
        try:
            return self._ts(record)
        except _BadRecord as bad:
            # The receipt counts, as for a clock that cannot be believed: an alarm must not be lost for want of a time.
            self._refuse(bad, number)
            return None

    def _ts(self, record: Mapping[str, Any]) -> int | None:
        seconds = self._sum(record, "t", "bt")
        if not math.isfinite(seconds):
            raise _BadRecord("t", "not a time")
        if seconds == 0:
            return None  # "roughly now"
        if seconds < _RELATIVE_BELOW:
            return self._received_at + round(max(seconds, -_RELATIVE_BELOW) * 1000)
        # Beyond what any clock says: the receipt counts, as for other times that cannot be told.
        return round(seconds * 1000) if seconds < 1e11 else None

    def _sum(self, record: Mapping[str, Any], label: str, base: str) -> float:
        total = 0.0
        for raw, where in ((self._base.get(base, 0), base), (record.get(label, 0), label)):
            number = None if isinstance(raw, bool) else number_of(raw)
            if number is None:
                raise _BadRecord(where, f"expected a number, got {shown(raw)}")
            total += number
        return total

    def _value(self, record: Mapping[str, Any], kind: str) -> Any:
        if kind != "v":
            value = record[kind]
            return value if isinstance(value, (str, bool, int, float)) else shown(value)
        # Not a sum yet: what is no number, is for the field to tell by its own place.
        raw = record["v"]
        return raw if raw is None or number_of(raw) is None else self._sum(record, "v", "bv")


def _order(moment: _Moment) -> float:
    return math.inf if moment.ts is None else moment.ts


class _BadRecord(Exception):
    def __init__(self, label: str, detail: str) -> None:
        super().__init__(detail)
        self.label = label
        self.detail = detail


def split_name(name: str) -> tuple[str | None, str | None]:
    """(device, leaf) of a resolved name; either may be missing.

    A word is letters with at most two digits behind; what could be a hexadecimal number is an identifier. A name of
    ours (`smoke_alarm`) is one word. Words come in small letters with hyphens, however they are written: `SmokeAlarm`.
    """
    if ours := _SIGNAL.search(name.lower()):
        return name[: ours.start(1)].rstrip(":/_;") or None, ours[1].replace("_", "-")
    at = max(name.rfind(separator) for separator in _SEPARATORS)
    last = name[at + 1 :]
    if not _LEAF.fullmatch(last) or _HEX.fullmatch(last):
        return name.rstrip(":/_;") or None, None
    # A unit in place of a word stays as it is.
    return name[: max(at, 0)].rstrip(":/_;") or None, last if last in _UNITS else _HUMP.sub("-", last).lower()


def _labelled(record: Mapping[Any, Any], number: int) -> Mapping[str, Any]:
    """A record with text labels, as JSON has them.

    Raises:
        UnreadableError: a label ends in an underscore: whoever does not understand it must not use the pack.
    """
    labelled = {_LABELS.get(k, str(k)) if isinstance(k, int) else str(k): v for k, v in record.items()}
    for label in labelled:
        if label.endswith("_"):
            raise _unreadable(f"[{number}]: {shown(label)} must be understood, and is not")
    return labelled


def _cbor(payload: bytes) -> Any:
    try:
        return cbor2.loads(
            payload.removeprefix(_SELF_DESCRIBED), max_depth=MAX_DEPTH, tag_hook=_no_tag, semantic_decoders=_TAGS
        )
    except (cbor2.CBORError, ValueError, OverflowError, RecursionError, MemoryError, TypeError) as error:
        # TypeError: keys that are lists; the others: sizes that no payload has.
        reason = str(error.__cause__ or error)[:120]
        raise UnreadableError(Fault(Reason.NOT_JSON, "", f"neither JSON nor CBOR: {reason}")) from None


def _no_tag(tag: Any, _immutable: bool) -> Any:
    raise cbor2.CBORDecodeError("a tag that SenML has not")


def _fraction(parts: Any, _immutable: bool) -> float:
    """A decimal fraction: [exponent, digits]. As a Decimal, an exponent of nine digits would be computed for hours."""
    exponent, digits = parts
    if type(exponent) is not int or type(digits) is not int or abs(digits) >= 2**64:
        raise cbor2.CBORDecodeError("expected [exponent, digits] in a decimal fraction")
    return float(f"{digits}e{max(-400, min(exponent, 400))}")


# What else cbor2 understands (dates, patterns, references to parts of itself, huge numbers) has no place in a pack,
# and some of it costs more than its bytes.
_NO_TAGS = (0, 1, 2, 3, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43_000, 55_799)
_TAGS = {**dict.fromkeys(_NO_TAGS, _no_tag), 4: _fraction}


def _unreadable(detail: str) -> UnreadableError:
    return UnreadableError(Fault(Reason.SCHEMA, "", detail))
