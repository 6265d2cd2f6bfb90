"""Who lives where, and what is installed: places, households, devices with their ratings, and the whole estate."""

from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from zlib import crc32

from pydantic import BaseModel, ConfigDict, Field

PARTITIONS = 16
"""Partitions of the readings log. Changing it moves communities between partitions: drain the log first."""

DEFAULT_TIMEZONE = "Asia/Shanghai"
"""Local time where no place says otherwise."""

_MOST_GROUP_NAME = 64
"""Characters of a group's name: it stands where a device id stands, also in the database."""

# Ids become MQTT topic levels and NATS subject tokens, so neither may contain separators, wildcards or spaces.
Id = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$", description="letters, digits, _ and -, at most 64")


class PlaceKind(StrEnum):
    """Levels of the tree of places, from the top down."""

    DISTRICT = "district"
    STREET = "street"
    COMMUNITY = "community"
    BUILDING = "building"


class Material(StrEnum):
    """What a house's walls are made of: how fast a fire spreads."""

    WOOD = "wood"
    BRICK = "brick"
    CONCRETE = "concrete"


class DeviceKind(StrEnum):
    """What a device is; decides its default reporting interval and which rules apply."""

    ELECTRICAL_PROTECTOR = "electrical_protector"
    SMOKE = "smoke"
    HEAT = "heat"
    CO = "co"
    GAS = "gas"
    WATER = "water"
    DOOR = "door"
    METER = "meter"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Place(_Model):
    """A node of the tree district / street / community / building.

    Attributes:
        timezone: IANA name, e.g. `Asia/Shanghai`; None means that of the place above, and at the root
            `DEFAULT_TIMEZONE`.
    """

    id: str = Id
    name: str = ""
    kind: PlaceKind
    parent: str | None = None
    timezone: str | None = Field(default=None, max_length=64)


class Household(_Model):
    """A home, or any premises with one responsible party.

    Attributes:
        place: id of the place (community or building) it stands in.
        position: latitude and longitude, degrees.
        lives_alone, needs_help: residents' flags that responders must know.
        activity_consent: the residents agreed that somebody is told when there is no sign of life.
        may_wander: a resident may leave the home in the night unaware; the door is watched.
    """

    id: str = Id
    place: str
    name: str = ""
    address: str = ""
    position: tuple[float, float] | None = None
    material: Material | None = None
    lives_alone: bool = False
    needs_help: bool = False
    activity_consent: bool = False
    may_wander: bool = False
    notes: str = ""


class Ratings(_Model):
    """What a device and its circuit are built for.

    Attributes:
        nominal_voltage: V; 220, 230 or 120.
        rated_current: A (In).
        rated_residual: mA (IΔn); 30 protects persons, 100-500 protects against fire.
    """

    nominal_voltage: float = Field(default=230.0, ge=100, le=400)
    rated_current: float = Field(default=32.0, gt=0, le=6_300)
    rated_residual: float = Field(default=30.0, gt=0, le=30_000)


class Device(_Model):
    """An installed device.

    Attributes:
        profile: how it speaks: the name of a device profile (`mingluo profiles list`).
        address: what it calls itself in that profile, e.g. `tasmota_4B3316`; None means its id.
        interval_s: reporting interval, s; None means the usual one of its kind (`reporting_interval`).
        feeder: id of the feeder (transformer outgoing line) that supplies it.
        phase: `l1`, `l2`, `l3`, or `3` for three-phase.
        secret: MQTT password; None means that the device may not connect to the embedded broker.
    """

    id: str = Id
    household: str
    kind: DeviceKind
    name: str = ""
    profile: str = Field(default="native", min_length=1, max_length=64)
    address: str | None = Field(default=None, min_length=1, max_length=256)
    interval_s: float | None = Field(default=None, gt=0, le=7 * 86_400)
    feeder: str | None = None
    phase: str | None = Field(default=None, pattern="^(l1|l2|l3|3)$")
    ratings: Ratings = Ratings()
    secret: str | None = Field(default=None, min_length=8, max_length=256, repr=False)

    @property
    def own_address(self) -> str:
        """What it calls itself in its profile."""
        return self.id if self.address is None else self.address

    @property
    def mains_powered(self) -> bool:
        """Whether it reports every minute or so; battery devices report about once a day."""
        return self.reporting_interval <= 600

    @property
    def reporting_interval(self) -> float:
        """Seconds between reports: its own, or 60 s for mains kinds and 24 h for battery kinds."""
        if self.interval_s is not None:
            return self.interval_s
        return 60 if self.kind in (DeviceKind.ELECTRICAL_PROTECTOR, DeviceKind.METER) else 86_400


class Bridge(_Model):
    """What publishes for many devices, such as zigbee2mqtt or a vendor's cloud: an account on the broker, no device.

    Attributes:
        profile: the profile whose topics it may publish and read.
        secret: password; None means that it may not connect to the embedded broker.
    """

    id: str = Id
    profile: str = Field(min_length=1, max_length=64)
    name: str = ""
    secret: str | None = Field(default=None, min_length=8, max_length=256, repr=False)


HOUSEHOLD_FLAGS = ("lives_alone", "needs_help", "activity_consent", "may_wander")
"""Flags of a household that rules may ask for."""


class Estate(_Model):
    """Everything known about places, homes and devices. Immutable; a change is a new estate.

    Built by `community.estate_file` (which checks every reference) or read from the store.
    """

    place: tuple[Place, ...] = ()
    household: tuple[Household, ...] = ()
    device: tuple[Device, ...] = ()
    bridge: tuple[Bridge, ...] = ()

    @cached_property
    def places(self) -> dict[str, Place]:
        """Places by id."""
        return {p.id: p for p in self.place}

    @cached_property
    def households(self) -> dict[str, Household]:
        """Households by id."""
        return {h.id: h for h in self.household}

    @cached_property
    def devices(self) -> dict[str, Device]:
        """Devices by id."""
        return {d.id: d for d in self.device}

    @cached_property
    def by_address(self) -> dict[tuple[str, str], Device]:
        """Devices by what they speak and what they call themselves there: profile and own address."""
        return {(d.profile, d.own_address): d for d in self.device}

    @cached_property
    def bridges(self) -> dict[str, Bridge]:
        """Bridges by id."""
        return {b.id: b for b in self.bridge}

    def ancestors(self, place: str | None) -> Iterator[Place]:
        """The place itself, its parent, and so on up to the root."""
        while place is not None and place in self.places:
            yield self.places[place]
            place = self.places[place].parent

    @cached_property
    def _community_of_place(self) -> dict[str, str]:
        """For each place: the nearest community at or above it, else the root (a village may have no community)."""
        found = {}
        for place in self.place:
            line = list(self.ancestors(place.id))
            found[place.id] = next((p.id for p in line if p.kind is PlaceKind.COMMUNITY), line[-1].id)
        return found

    def community_of(self, device: Device) -> str:
        """Id of the community in which `device` is installed; the second level of its topic after the version."""
        return self._community_of_place[self.households[device.household].place]

    def zone_of(self, device: Device) -> str:
        """IANA name of the time zone in which `device` is installed."""
        return self._zone_of_place[self.households[device.household].place]

    @staticmethod
    def flags_of(household: Household) -> frozenset[str]:
        """Names of the household's flags that are true."""
        return frozenset(name for name in HOUSEHOLD_FLAGS if getattr(household, name))

    def groups_of(self, device: Device) -> dict[str, str]:
        """The groups that `device` belongs to: level → id.

        Always `household` and `community`; `building` (the nearest one at or above the household's place), `feeder`
        and `phase` (`<feeder>/<phase>`, for a device on one phase) where they are known. Feeders are told apart by
        community: where two communities use one name, it is followed by `@<community>`.
        """
        place = self.households[device.household].place
        groups = {"household": device.household, "community": self._community_of_place[place]}
        building = self._building_of_place[place]
        if building is not None:
            groups["building"] = building
        if device.feeder is not None:
            feeder = device.feeder
            if self._communities_of_feeder[feeder] > {groups["community"]}:
                feeder += f"@{groups['community']}"
            groups["feeder"] = feeder
            if device.phase in ("l1", "l2", "l3"):
                groups["phase"] = f"{feeder}/{device.phase}"
        return groups

    @cached_property
    def _zone_of_place(self) -> dict[str, str]:
        return {
            place.id: next((p.timezone for p in self.ancestors(place.id) if p.timezone is not None), DEFAULT_TIMEZONE)
            for place in self.place
        }

    @cached_property
    def _building_of_place(self) -> dict[str, str | None]:
        return {
            place.id: next((p.id for p in self.ancestors(place.id) if p.kind is PlaceKind.BUILDING), None)
            for place in self.place
        }

    @cached_property
    def _communities_of_feeder(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for device in self.device:
            if device.feeder is not None:
                found.setdefault(device.feeder, set()).add(self.community_of(device))
        return found

    def topic_of(self, device: Device) -> str:
        """The device's own MQTT topic, without its last level (`telemetry`, `event`, `command` ...)."""
        return f"mingluo/v1/{self.community_of(device)}/{device.household}/{device.id}"


def group_name(level: str, group: str) -> str:
    """What a finding about a whole group bears in place of a device id: `feeder:f1`, `building:b3`.

    No device id contains a colon. At most 64 characters: a longer name is cut and told apart by a checksum.
    """
    name = f"{level}:{group}"
    if len(name) <= _MOST_GROUP_NAME:
        return name
    return f"{name[: _MOST_GROUP_NAME - 9]}~{crc32(name.encode()):08x}"


def partition_of(community: str) -> int:
    """The partition of the readings log that carries this community."""
    return crc32(community.encode()) % PARTITIONS
