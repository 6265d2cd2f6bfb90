"""How devices reach the system: profiles, the link, the gateway, and our presence as a Sparkplug host."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

from community.clock import MINUTE
from community.estate import Estate
from community.frame import Frame
from community.vitals import State, Vitals
from gateway.admission import Admission
from gateway.broker.redelivery import Redelivery
from gateway.decoding.loader import ProfileErrors
from gateway.decoding.profile import Announcement
from gateway.decoding.registry import Profiles
from gateway.ingest import Ingest
from gateway.inlet import Inlet
from gateway.journal import Journal
from gateway.link.link import Link
from gateway.losses import lost_by
from gateway.recent import Recent, explaining
from gateway.sparkplug.host import HostApplication, HostOptions
from mingluo import options
from mingluo.accounts import speaking_profiles, strange_profiles, topic_filters, whose_filter
from mingluo.estate_watch import EstateWatch
from mingluo.patience import patiently
from mingluo.roles.gateway import Gateway
from mingluo.settings import Settings, SettingsError
from mingluo.wires import Wires

REMEMBER_MS = 10 * MINUTE
"""How much of the log's end the gateway reads at start, to recognise what the broker delivers again."""


def open_profiles(settings: Settings) -> Profiles:
    """The profiles that are shipped, and the community's own.

    Raises:
        SettingsError: there is no such folder, or one of them is wrong; the text has every fault.
    """
    if settings.profiles_dir is not None and not settings.profiles_dir.is_dir():
        raise SettingsError(f"profiles_dir: {settings.profiles_dir}: no such folder")
    try:
        return Profiles(settings.profiles_dir)
    except ProfileErrors as refused:
        raise SettingsError(str(refused)) from None


def tell_strange(profiles: Profiles, vitals: Vitals, clock: Callable[[], int]) -> Callable[[Estate], None]:
    """Reports devices that nobody can understand, at each change of the estate."""

    def tell(estate: Estate) -> None:
        strange = strange_profiles(estate, profiles)
        detail = "; ".join(strange[:5]) + (f"; and {len(strange) - 5} more" if len(strange) > 5 else "")
        vitals.report("profiles", State.DEGRADED if strange else State.OK, detail or "all are known", clock())

    return tell


def sparkplug_host(
    settings: Settings, wires: Wires, link: Link, vitals: Vitals, clock: Callable[[], int]
) -> HostApplication:
    """Our presence as a Sparkplug host, where the link is."""
    chosen = options.link(settings, wires.broker.endpoints)
    here = HostOptions(
        host=chosen.host, port=chosen.port, username=chosen.username, password=chosen.password, tls=chosen.tls
    )
    return HostApplication(here, clock, vitals, before_birth=link.subscribed)


def wanted_filters(settings: Settings, watch: EstateWatch, profiles: Profiles) -> tuple[str, ...]:
    """The topics that the link should be subscribed to now."""
    return topic_filters(watch.estate, profiles, settings.listen_profiles, embedded=settings.mqtt_url is None)


def make_link(
    settings: Settings,
    wires: Wires,
    redelivery: Redelivery | None,
    watch: EstateWatch,
    profiles: Profiles,
    vitals: Vitals,
    clock: Callable[[], int],
) -> Link:
    """The link to the broker that devices publish on."""
    settle = None if redelivery is None else redelivery.settle
    chosen = replace(
        options.link(settings, wires.broker.endpoints),
        topic_filters=wanted_filters(settings, watch, profiles),
        former_filters=tuple(f for profile in profiles.values() for f in profile.subscribe),
    )

    def whose(topic_filter: str) -> str:
        return whose_filter(topic_filter, speaking_profiles(watch.estate, settings.listen_profiles), profiles)

    return Link(chosen, clock, vitals, before_connect=settle, whose=whose)


async def make_gateway(
    settings: Settings,
    link: Link,
    inlet: Inlet,
    wires: Wires,
    watch: EstateWatch,
    profiles: Profiles,
    announced: Callable[[Sequence[tuple[str, Announcement]]], None],
    vitals: Vitals,
    clock: Callable[[], int],
) -> Gateway:
    """The gateway, which follows the estate and answers what a device sent last."""
    journal = Journal()
    admission = Admission(watch.estate, options.admission(settings), profiles, journal)
    ingest = Ingest(
        link,
        admission,
        wires.log,
        wires.quarantine,
        vitals,
        clock,
        run_id=secrets.token_hex(8),
        inlet=inlet,
        announced=announced,
        outgoing=profiles.outgoing,
        lost=lambda: lost_by(profiles),
    )
    # What the broker delivers again after a crash is recognised by what the log holds already.
    ingest.remember(r for r in await patiently(lambda: wires.log.tail(clock() - REMEMBER_MS)) if isinstance(r, Frame))
    watch.tell(ingest.set_estate)
    recent = Recent(
        journal,
        lambda: admission.roster,
        lambda: watch.estate,
        lambda: explaining(profiles, settings.profiles_dir),
    )
    await recent.start(wires.client)
    return Gateway(
        link,
        ingest,
        wires.log,
        vitals,
        clock,
        filters=lambda: wanted_filters(settings, watch, profiles),
    )
