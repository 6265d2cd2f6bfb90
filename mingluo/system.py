"""Everything on one machine: the roles wired together, started in order and stopped in reverse."""

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from nats.aio.client import Client

from alerts.channels.webhook import Webhook
from alerts.desk import Desk
from alerts.journal_sql import SqlJournal
from alerts.outbox import Outbox
from api.accounts import Accounts
from api.app import create_app
from api.context import Context
from api.feed import Feed
from community.alert import AlertEvent
from community.clock import DAY, HOUR, MINUTE, SECOND
from community.database import open_database
from community.estate import Estate
from community.estate_store import EstateStore
from community.frame import Frame
from community.vitals import Component, Vitals
from gateway.admission import Admission
from gateway.broker.callout import AuthCallout
from gateway.broker.connection import connect, disconnect
from gateway.broker.redelivery import Redelivery
from gateway.broker.server import BrokerServer
from gateway.decoding.registry import Profiles
from gateway.ingest import Ingest
from gateway.inlet import Inlet
from gateway.journal import Journal
from gateway.link.link import Link
from gateway.log import ReadingsLog
from gateway.recent import Recent
from gateway.refusal_log import RefusalLog
from mingluo import migrations, options
from mingluo.accounts import credentials, topic_filters
from mingluo.backtest_worker import BacktestWorker
from mingluo.behind import Behind
from mingluo.behind_inlet import BehindInlet
from mingluo.behind_rules import BehindRules
from mingluo.centre import centre
from mingluo.estate_watch import EstateWatch
from mingluo.patience import patiently
from mingluo.roles.gateway import Gateway
from mingluo.roles.monitor import Monitor
from mingluo.roles.watch import JournalWatch
from mingluo.roles.window import Window, listen
from mingluo.rulebook_watch import RulebookWatch
from mingluo.run_file import written_run_file
from mingluo.settings import Settings, host_port, url_host
from mingluo.snapshots import Snapshots
from mingluo.tasks import Tasks
from rules.store import RulebookStore

REMEMBER_MS = 10 * MINUTE
"""How much of the log's end the gateway reads at start, to recognise what the broker delivers again."""


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
        wires = await _open_wires(stack, settings, stores, vitals, clock)

        # The rules first: a device that the estate brings is judged from its first reading on.
        rulebook_watch = RulebookWatch(stores.rulebooks, wires.log, vitals, clock)
        await patiently(rulebook_watch.look)
        watch = EstateWatch(stores.estates, wires.log, vitals, clock)
        await patiently(watch.look)
        redelivery = None if settings.mqtt_url else await _redelivery(stack, wires, vitals)
        profiles = await asyncio.to_thread(Profiles, settings.profiles_dir)
        link = _link(settings, wires, redelivery, watch, profiles, vitals, clock)
        inlet = Inlet(clock, vitals)
        gateway = await _gateway(settings, link, inlet, wires, watch, profiles, vitals, clock)

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
        )
        account = credentials(lambda: watch.estate, profiles)
        behind_inlet = BehindInlet(inlet.put, account)
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
        )
        window = Window(create_app(context), listener)

        tasks = Tasks()
        stack.push_async_callback(monitor.save)
        stack.push_async_callback(tasks.stop)
        tasks.start("outbox", outbox.run(asyncio.Event(), promised))
        tasks.start("journal watch", JournalWatch(desk.probe).run())
        tasks.start("monitor", monitor.run())
        tasks.start("gateway", gateway.run())
        if redelivery is not None:
            if not await patiently(redelivery.session_kept):
                # Nobody may publish before the broker keeps messages for us, or the first ones would be lost.
                await _first(link.subscribed(), tasks)
            callout = AuthCallout(wires.client, wires.broker.issuer, account, vitals, clock)
            await patiently(callout.start)
        units = await stack.enter_async_context(centre(settings, inlet.put, profiles, vitals, clock))
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
    rulebooks: RulebookStore
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
        return _Stores(estates, rulebooks, accounts, SqlJournal(database), accounts.ensure_admin(clock()))

    return await asyncio.to_thread(open_in_thread)


@dataclass(frozen=True, slots=True)
class _Wires:
    """What goes over the embedded broker."""

    broker: BrokerServer
    client: Client
    log: ReadingsLog
    quarantine: RefusalLog


async def _open_wires(
    stack: AsyncExitStack, settings: Settings, stores: _Stores, vitals: Vitals, clock: Callable[[], int]
) -> _Wires:
    broker = BrokerServer(options.broker(settings), vitals, clock)
    endpoints = await broker.start()
    stack.push_async_callback(broker.stop)
    client = await patiently(lambda: connect(endpoints, "log", vitals))
    stack.push_async_callback(disconnect, client)
    log = ReadingsLog(client, options.log(settings), vitals, clock)
    journalled = await asyncio.to_thread(stores.journal.positions)
    await patiently(lambda: log.open(beyond=max(journalled.values(), default=0)))
    quarantine = RefusalLog(client, vitals)
    await patiently(quarantine.open)
    return _Wires(broker, client, log, quarantine)


async def _redelivery(stack: AsyncExitStack, wires: _Wires, vitals: Vitals) -> Redelivery:
    endpoints = wires.broker.endpoints
    client = await patiently(lambda: connect(endpoints, "sessions", vitals, among_devices=True))
    stack.push_async_callback(disconnect, client)
    return Redelivery(client)


def _filters(settings: Settings, watch: EstateWatch, profiles: Profiles) -> tuple[str, ...]:
    return topic_filters(watch.estate, profiles, settings.listen_profiles, embedded=settings.mqtt_url is None)


def _link(
    settings: Settings,
    wires: _Wires,
    redelivery: Redelivery | None,
    watch: EstateWatch,
    profiles: Profiles,
    vitals: Vitals,
    clock: Callable[[], int],
) -> Link:
    settle = None if redelivery is None else redelivery.settle
    chosen = replace(
        options.link(settings, wires.broker.endpoints),
        topic_filters=_filters(settings, watch, profiles),
        former_filters=tuple(f for profile in profiles.values() for f in profile.subscribe),
    )
    return Link(chosen, clock, vitals, before_connect=settle)


async def _first(event: Coroutine[Any, Any, None], tasks: Tasks) -> None:
    """Wait for an event that a role brings about; raises the role's fault if that comes first."""
    waiting: asyncio.Future[None] = asyncio.ensure_future(event)
    await asyncio.wait({waiting, tasks.failed}, return_when=asyncio.FIRST_COMPLETED)
    if tasks.failed.done():
        waiting.cancel()
        tasks.failed.result()


async def _gateway(
    settings: Settings,
    link: Link,
    inlet: Inlet,
    wires: _Wires,
    watch: EstateWatch,
    profiles: Profiles,
    vitals: Vitals,
    clock: Callable[[], int],
) -> Gateway:
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
        outgoing=profiles.outgoing,
    )
    # What the broker delivers again after a crash is recognised by what the log holds already.
    ingest.remember(r for r in await patiently(lambda: wires.log.tail(clock() - REMEMBER_MS)) if isinstance(r, Frame))
    watch.tell(ingest.set_estate)
    # Profiles of its own: reading a message a second time must not disturb the sessions of those at work.
    recent = Recent(journal, lambda: admission.roster, lambda: watch.estate, lambda: Profiles(settings.profiles_dir))
    await recent.start(wires.client)
    return Gateway(
        link,
        ingest,
        wires.log,
        vitals,
        clock,
        filters=lambda: _filters(settings, watch, profiles),
    )


async def _close_window(window: Window, feed: Feed, serving: asyncio.Task[None]) -> None:
    # The feed first: uvicorn waits for open streams, and they end when the feed does.
    feed.close()
    window.stop()
    await asyncio.wait({serving})
