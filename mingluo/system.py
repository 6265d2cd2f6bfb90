"""Everything on one machine: the roles wired together, started in order and stopped in reverse."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from alerts.channels.webhook import Webhook
from alerts.desk import Desk
from alerts.journal_sql import SqlJournal
from alerts.outbox import Outbox
from api.accounts import Accounts
from api.app import create_app
from api.context import Context
from api.feed import Feed
from community.alert import AlertEvent
from community.announcements import AnnouncementStore
from community.approval import Approvals
from community.clock import DAY, HOUR, SECOND
from community.database import open_database
from community.estate import Estate
from community.estate_store import EstateStore
from community.transmitter_orders import TransmitterOrders
from community.vitals import Component, Vitals
from gateway.broker.callout import AuthCallout
from gateway.inlet import Inlet
from gateway.kernels import prepare
from mingluo import migrations, options
from mingluo.accounts import credentials, speaking_profiles
from mingluo.announcements import Announcements
from mingluo.backtest_worker import BacktestWorker
from mingluo.behind import Behind
from mingluo.behind_announcements import BehindAnnouncements
from mingluo.behind_inlet import BehindInlet
from mingluo.behind_rules import BehindRules
from mingluo.behind_transmitters import BehindTransmitters
from mingluo.centre import centre
from mingluo.estate_watch import EstateWatch
from mingluo.historic import Historic
from mingluo.ingress import make_gateway, make_link, open_profiles, sparkplug_host, tell_strange
from mingluo.patience import patiently
from mingluo.roles.monitor import Monitor
from mingluo.roles.sparkplug import run_when_wanted
from mingluo.roles.watch import JournalWatch
from mingluo.roles.window import Window, listen
from mingluo.rulebook_watch import RulebookWatch
from mingluo.run_file import written_run_file
from mingluo.settings import Settings, host_port, url_host
from mingluo.snapshots import Snapshots
from mingluo.tasks import Tasks
from mingluo.wires import open_wires, redelivery_of
from rules.store import RulebookStore


def wall_clock() -> int:
    """UTC milliseconds now. The only clock of the house."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Running:
    """A system that runs, as the person who started it sees it.

    Attributes:
        http: URL of the console.
        mqtt: address and port for devices; None if they use an external broker.
        estate: the estate in force at the start.
        admin_password: the generated password, at the first start only.
        notes: what is otherwise than usual, e.g. another port.
        failed: gets the exception of a role that has ended by a fault.
    """

    http: str
    mqtt: tuple[str, int] | None
    estate: Estate
    admin_password: str | None
    notes: tuple[str, ...]
    failed: asyncio.Future[None]


@asynccontextmanager
async def system(
    settings: Settings,
    rules: str | None = None,
    *,
    first_estate: Callable[[], Estate] | None = None,
    on_change: Callable[[Component], None] | None = None,
    clock: Callable[[], int] = wall_clock,
) -> AsyncIterator[Running]:
    """Run everything while the block lasts.

    Args:
        settings: what the operator decided. The data directory must be owned by the caller (`mingluo.lock`).
        rules: text of the rulebook to start with; None: the standard pack. What a person applied since stays in force
            (`RulebookStore.begin`).
        first_estate: the estate of a database that has none yet.
        on_change: told when the state of a component changes, in whichever thread reports it.
        clock: UTC ms.

    Raises:
        RulebookErrors: `rules` is wrong.
        BrokerError, LogUnavailable, JournalUnavailable, DatabaseNewer, SettingsError, OSError: why it cannot start.
    """
    async with AsyncExitStack() as stack:
        vitals = Vitals(on_change)
        listener, note = listen(*host_port(settings.http))
        stack.callback(listener.close)
        stores = await _open_stores(stack, settings, rules, first_estate, clock)
        journalled = await asyncio.to_thread(stores.journal.positions)
        historic = Historic(settings, vitals, clock)
        remembered = max(journalled.values(), default=0), await historic.remembered()
        wires = await open_wires(stack, settings, max(remembered), vitals, clock)

        # The rules first: a device that the estate brings is judged from its first reading on.
        rulebook_watch = RulebookWatch(stores.rulebooks, wires.log, vitals, clock)
        await patiently(rulebook_watch.look)
        watch = EstateWatch(stores.estates, wires.log, vitals, clock)
        await patiently(watch.look)
        redelivery = None if settings.mqtt_url else await redelivery_of(stack, wires, vitals)
        profiles = await asyncio.to_thread(open_profiles, settings)
        await asyncio.to_thread(prepare)
        link = make_link(settings, wires, redelivery, watch, profiles, vitals, clock)
        inlet = Inlet(clock, vitals)
        announcements = Announcements(stores.announcements, vitals, clock)
        gateway = await make_gateway(settings, link, inlet, wires, watch, profiles, announcements.take, vitals, clock)

        watch.tell(tell_strange(profiles, vitals, clock))
        historic.join(stack, wires.log, watch, rulebook_watch, stores.estates)

        feed = Feed(stores.journal, lambda: watch.estate, vitals, clock)
        promised = asyncio.Event()
        loop = asyncio.get_running_loop()

        def committed(_events: Sequence[AlertEvent]) -> None:  # in whichever thread committed
            feed.wake()
            loop.call_soon_threadsafe(promised.set)

        channels = {w.name: Webhook(str(w.url), w.secret.encode()) for w in settings.webhook}
        desk = Desk(stores.journal, list(channels), vitals, clock, committed)
        outbox = Outbox(stores.journal, channels, vitals, clock, random.random)
        monitor = Monitor(
            wires.log,
            desk,
            stores.journal,
            stores.rulebooks,
            stores.estates,
            Snapshots(settings.data_dir / "snapshots"),
            vitals,
            clock,
            snapshot_every_ms=round(settings.snapshot_every_s * SECOND),
            rehearsal_age_ms=round(settings.rehearsal_max_age_d * DAY),
            kept=historic.kept,
            anew=historic.rebuild,
        )
        account = credentials(lambda: watch.estate, profiles)
        behind_inlet = BehindInlet(inlet.put, account)
        transmitters = BehindTransmitters(stores.transmitter_orders, lambda: watch.estate, clock)
        behind = Behind(stores.estates, watch, wires.quarantine, wires.client, clock)
        context = Context(
            journal=stores.journal,
            desk=desk,
            accounts=stores.accounts,
            feed=feed,
            vitals=vitals,
            clock=clock,
            estate=lambda: watch.estate,
            import_estate=behind.import_estate,
            refusals=behind.refusals,
            messages=behind.messages,
            rules=lambda: rulebook_watch.rulebook.describe(),
            rulebooks=BehindRules(
                stores.rulebooks,
                rulebook_watch,
                BacktestWorker(settings.data_dir, settings.database),
                lambda: watch.estate,
                clock,
            ),
            version=version("mingluo"),
            deliver=behind_inlet.deliver,
            may_publish=behind_inlet.may_publish,
            local_token=wires.broker.endpoints.password,
            profiles=profiles,
            transmitters=transmitters,
            announcements=BehindAnnouncements(stores.announcements, stores.approvals, watch, clock),
            histories=historic.histories,
        )
        window = Window(create_app(context), listener)

        tasks = Tasks()
        stack.push_async_callback(monitor.save)
        stack.push_async_callback(tasks.stop)
        tasks.start("outbox", outbox.run(asyncio.Event(), promised))
        tasks.start("journal watch", JournalWatch(desk.probe).run())
        tasks.start("monitor", monitor.run())
        tasks.start("gateway", gateway.run())
        historic.start(tasks)
        tasks.start("announcements", announcements.run())
        if redelivery is not None:
            if not await patiently(redelivery.session_kept):
                # Nobody may publish before the broker keeps messages for us, or the first ones would be lost.
                await _first(link.subscribed(), tasks)
            callout = AuthCallout(wires.client, wires.broker.issuer, account, vitals, clock)
            await patiently(callout.start)
        host = sparkplug_host(settings, wires, link, vitals, clock)
        tasks.start(
            "sparkplug", run_when_wanted(host, lambda: speaking_profiles(watch.estate, settings.listen_profiles))
        )
        units = await stack.enter_async_context(centre(settings, inlet.put, profiles, vitals, clock))
        transmitters.server = units
        tasks.start("estate", watch.run())
        tasks.start("rulebook", rulebook_watch.run())
        tasks.start("feed", feed.run())
        serving = tasks.start("api", window.run())
        stack.push_async_callback(_close_window, window, feed, serving)
        stack.callback(tasks.close)

        http = f"http://{url_host(settings.http)}:{listener.getsockname()[1]}"
        endpoints = wires.broker.endpoints
        stack.enter_context(written_run_file(settings.data_dir, options.run_file(http, endpoints)))
        notes = (
            *wires.broker.notes,
            *([note] if note else ()),
            *([f"GB/T 26875.3: port {units.port}"] if units else ()),
        )
        yield Running(http, endpoints.mqtt, watch.estate, stores.admin_password, notes, tasks.failed)


@dataclass(frozen=True, slots=True)
class _Stores:
    """What the database keeps."""

    estates: EstateStore
    announcements: AnnouncementStore
    approvals: Approvals
    rulebooks: RulebookStore
    transmitter_orders: TransmitterOrders
    accounts: Accounts
    journal: SqlJournal
    admin_password: str | None


async def _open_stores(
    stack: AsyncExitStack,
    settings: Settings,
    rules: str | None,
    first_estate: Callable[[], Estate] | None,
    clock: Callable[[], int],
) -> _Stores:
    def open_in_thread() -> _Stores:
        database = open_database(settings.database)
        stack.callback(database.dispose)
        migrations.upgrade(database)
        estates = EstateStore(database)
        if first_estate is not None and estates.current_version() == 0:
            estates.replace(first_estate(), "first start", clock())
        rulebooks = RulebookStore(database)
        rulebooks.begin(rules, clock(), version("mingluo"))
        accounts = Accounts(database, idle_ms=round(settings.session_idle_h * HOUR))
        journal = SqlJournal(database)
        admin = accounts.ensure_admin(clock())
        return _Stores(
            estates,
            AnnouncementStore(database),
            Approvals(database, estates),
            rulebooks,
            TransmitterOrders(database),
            accounts,
            journal,
            admin,
        )

    return await asyncio.to_thread(open_in_thread)


async def _first(event: Coroutine[Any, Any, None], tasks: Tasks) -> None:
    """Wait for an event that a role brings about; raises the role's fault if that comes first."""
    waiting: asyncio.Future[None] = asyncio.ensure_future(event)
    await asyncio.wait({waiting, tasks.failed}, return_when=asyncio.FIRST_COMPLETED)
    if tasks.failed.done():
        waiting.cancel()
        tasks.failed.result()


async def _close_window(window: Window, feed: Feed, serving: asyncio.Task[None]) -> None:
    # The feed first: uvicorn waits for open streams, and they end when the feed does.
    feed.close()
    window.stop()
    await asyncio.wait({serving})
