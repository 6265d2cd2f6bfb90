"""Promises are kept: against a real HTTP server that hangs, drops and answers 500."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels import Channel, DeliveryError
from alerts.channels.webhook import Webhook, sign
from alerts.journal import Journal, JournalUnavailable
from alerts.outbox import COMPONENT, TOGETHER, DeliveryReport, Outbox
from alerts.promises import Patience, Promise, PromiseState
from community.alert import AlertEvent
from community.clock import DAY, HOUR, MINUTE, SECOND
from community.vitals import State, Vitals
from tests.alerts.makers import ALARM, CRITICAL, NORMAL, NOW, WARNING, desk, finding, life
from tests.alerts.receiver import Receiver, receiver

SECRET = b"between us"


class Clock:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


class Told:
    """A channel that remembers, and fails while `error` is set."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.heard: list[str] = []
        self.keys: list[str] = []

    async def send(self, event: AlertEvent, key: str, now: int) -> None:
        self.keys.append(key)
        if self.error is not None:
            raise self.error
        self.heard.append(f"{event.device} {event.event.value}")

    async def aclose(self) -> None:
        """Nothing is held."""


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as state:
        yield state


@pytest.fixture
async def webhook(server: Receiver) -> AsyncIterator[Webhook]:
    made = Webhook(server.url, SECRET, timeout=0.3)
    yield made
    await made.aclose()


def outbox(journal: Journal, channel: Channel, clock: Clock, vitals: Vitals | None = None) -> Outbox:
    return Outbox(journal, {"phone": channel}, vitals or Vitals(), clock, jitter=lambda: 0.5)


async def test_a_promise_is_kept_once(journal: Journal, server: Receiver, webhook: Webhook) -> None:
    (event,) = desk(journal, "phone").handle(0, 1, [life(CRITICAL)])
    box = outbox(journal, webhook, Clock())
    assert await box.deliver_due(NOW) == DeliveryReport(delivered=1)
    assert await box.deliver_due(NOW) == DeliveryReport()
    (request,) = server.received
    assert request.json == {"number": 1, **event.line()}
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Idempotency-Key"] == f"{event.alert}/1/phone"
    assert request.headers["Mingluo-Timestamp"] == str(NOW)
    assert request.headers["Mingluo-Signature"] == sign(SECRET, NOW, request.body)
    assert journal.promises_in(PromiseState.DELIVERED) == 1


def test_the_signature_covers_body_and_time() -> None:
    # Computed once with `openssl dgst -sha256 -hmac`.
    assert sign(b"key", 1, b"{}") == "v1=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224"
    assert len({sign(b"key", 1, b"{}"), sign(b"key", 2, b"{}"), sign(b"key", 1, b"[]"), sign(b"kez", 1, b"{}")}) == 4


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (500, "answered 500"),
        (404, "answered 404"),
        ("redirect", "answered 302"),
        ("drop", "RemoteProtocolError"),
        ("hang", "no answer within 0.3 s"),
        ("drip", "no answer within 0.3 s"),
    ],
)
async def test_a_failed_delivery_is_tried_again_with_the_same_key(
    journal: Journal, server: Receiver, webhook: Webhook, behaviour: int | str, said: str
) -> None:
    desk(journal, "phone").handle(0, 1, [life(CRITICAL)])
    clock, vitals = Clock(), Vitals()
    box = outbox(journal, webhook, clock, vitals)
    server.behaviour = behaviour
    assert await box.deliver_due(NOW) == DeliveryReport(retried=1)
    (component,) = vitals.components()
    assert (component.name, component.state) == (COMPONENT, State.DEGRADED)
    assert said in component.detail
    assert await box.deliver_due(NOW) == DeliveryReport()
    (waiting,) = journal.due_promises(NOW + 750, 9, True)
    assert said in (waiting.last_error or "")
    server.behaviour = 204
    server.release.set()
    clock.now = waiting.due_at
    assert await box.deliver_due(clock.now) == DeliveryReport(delivered=1)
    assert len({r.headers["Idempotency-Key"] for r in server.received}) == 1
    assert vitals.state() is State.OK


async def test_nobody_listens(journal: Journal) -> None:
    with receiver() as gone:
        url = gone.url
    webhook = Webhook(url, SECRET)
    desk(journal, "phone").handle(0, 1, [life(CRITICAL)])
    assert await outbox(journal, webhook, Clock()).deliver_due(NOW) == DeliveryReport(retried=1)
    (waiting,) = journal.due_promises(NOW + MINUTE, 9, True)
    assert "ConnectError" in (waiting.last_error or "")
    await webhook.aclose()


async def test_life_goes_first(journal: Journal) -> None:
    d = desk(journal, "phone")
    d.handle(0, 1, [finding(WARNING, device=f"w{i}") for i in range(2 * TOGETHER)])
    d.handle(0, 2, [life(CRITICAL, device="d9")])
    channel = Told()
    report = await outbox(journal, channel, Clock()).deliver_due(NOW)
    assert report.delivered == 2 * TOGETHER + 1
    assert channel.heard[0] == "d9 raised"


async def test_life_that_comes_meanwhile_does_not_wait_for_all_the_others(journal: Journal) -> None:
    d = desk(journal, "phone")
    d.handle(0, 1, [finding(WARNING, device=f"w{i}") for i in range(3 * TOGETHER)])

    class Interrupted(Told):
        async def send(self, event: AlertEvent, key: str, now: int) -> None:
            await super().send(event, key, now)
            if len(self.heard) == 1:
                d.handle(0, 2, [life(CRITICAL, device="d9")])

    channel = Interrupted()
    await outbox(journal, channel, Clock()).deliver_due(NOW)
    assert channel.heard.index("d9 raised") <= TOGETHER


async def test_cleared_is_never_heard_before_raised(journal: Journal) -> None:
    d = desk(journal, "phone")
    d.handle(0, 1, [life(CRITICAL)])
    channel, clock = Told(), Clock()
    channel.error = DeliveryError("away")
    box = outbox(journal, channel, clock)
    await box.deliver_due(NOW)
    d.handle(0, 2, [life(NORMAL, NOW + 100)])
    channel.error = None
    assert await box.deliver_due(NOW + 100) == DeliveryReport()
    clock.now = NOW + HOUR
    assert await box.deliver_due(clock.now) == DeliveryReport(delivered=2)
    assert channel.heard == ["d1 raised", "d1 cleared"]


async def test_one_channel_that_fails_does_not_hold_up_another(journal: Journal) -> None:
    desk(journal, "phone", "mail", "gone").handle(0, 1, [life(CRITICAL)])
    phone, mail, vitals = Told(), Told(), Vitals()
    phone.error = ZeroDivisionError("a defect of the channel")
    box = Outbox(journal, {"phone": phone, "mail": mail}, vitals, Clock(), jitter=lambda: 0.0)
    assert await box.deliver_due(NOW) == DeliveryReport(delivered=1, retried=2)
    assert mail.heard == ["d1 raised"]
    assert vitals.counter("outbox_channel_defect") == 1
    (component,) = vitals.components()
    assert (
        component.detail == "gone: no channel 'gone' is configured; phone: ZeroDivisionError: a defect of the channel"
    )


async def test_life_is_not_given_up_within_a_day(journal: Journal) -> None:
    desk(journal, "phone").handle(0, 1, [life(CRITICAL), finding(ALARM, device="d2")])
    channel, clock, vitals = Told(), Clock(), Vitals()
    channel.error = DeliveryError("away")
    box = outbox(journal, channel, clock, vitals)
    reports = DeliveryReport()
    while clock.now < NOW + DAY - Patience().longest:
        reports += await box.deliver_due(clock.now)
        clock.now += 5 * MINUTE
    # The other one was given up after its four hours.
    assert (reports.given_up, journal.promises_in(PromiseState.FAILED)) == (1, 1)
    assert len(journal.due_promises(NOW + DAY, 9, True)) == 1
    clock.now = NOW + DAY
    assert (await box.deliver_due(clock.now)).given_up == 1
    assert vitals.counter("outbox_deliveries", outcome="given_up") == 2


class Unwritable:
    """A journal that can be read but not written, while `away`."""

    def __init__(self, journal: Journal) -> None:
        self.inner = journal
        self.away = True
        self.refused = threading.Event()
        self.settled = threading.Event()

    def settle(self, promise: Promise) -> None:
        """See `Journal.settle`."""
        if self.away:
            self.refused.set()
            raise JournalUnavailable("attempt to write a readonly database")
        self.inner.settle(promise)
        self.settled.set()

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


async def test_people_are_not_told_again_and_again_while_it_cannot_be_recorded(journal: Journal) -> None:
    desk(journal, "phone").handle(0, 1, [life(CRITICAL)])
    unwritable, channel = Unwritable(journal), Told()
    box = outbox(unwritable, channel, Clock())  # type: ignore[arg-type] # reads are passed on by __getattr__
    for _ in range(5):
        with pytest.raises(JournalUnavailable):
            await box.deliver_due(NOW)
    assert channel.heard == ["d1 raised"]
    unwritable.away = False
    assert await box.deliver_due(NOW) == DeliveryReport()
    assert journal.promises_in(PromiseState.DELIVERED) == 1


async def test_a_crash_between_delivery_and_record_repeats_with_the_same_key(journal: Journal) -> None:
    desk(journal, "phone").handle(0, 1, [life(CRITICAL)])
    channel = Told()
    crashing = outbox(Unwritable(journal), channel, Clock())  # type: ignore[arg-type] # as above
    with pytest.raises(JournalUnavailable):
        await crashing.deliver_due(NOW)
    assert await outbox(journal, channel, Clock()).deliver_due(NOW) == DeliveryReport(delivered=1)
    assert channel.heard == ["d1 raised"] * 2
    assert len(set(channel.keys)) == 1


async def test_it_runs_until_it_is_stopped(journal: Journal) -> None:
    stop, wake = asyncio.Event(), asyncio.Event()
    done = asyncio.Event()

    class Waking(Told):
        async def send(self, event: AlertEvent, key: str, now: int) -> None:
            await super().send(event, key, now)
            done.set()

    channel = Waking()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(outbox(journal, channel, Clock()).run(stop, wake, interval=60))
        for position in (1, 2):
            desk(journal, "phone").handle(0, position, [life(CRITICAL, device=f"d{position}")])
            wake.set()
            await done.wait()
            done.clear()
        stop.set()
        wake.set()
    assert channel.heard == ["d1 raised", "d2 raised"]


async def test_it_runs_on_when_the_journal_comes_back(journal: Journal) -> None:
    desk(journal, "phone").handle(0, 1, [life(CRITICAL)])
    stop, wake, vitals, unwritable = asyncio.Event(), asyncio.Event(), Vitals(), Unwritable(journal)
    box = outbox(unwritable, Told(), Clock(), vitals)  # type: ignore[arg-type] # as above
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(box.run(stop, wake, interval=0.01))
        assert await asyncio.to_thread(unwritable.refused.wait, 10)
        unwritable.away = False
        assert await asyncio.to_thread(unwritable.settled.wait, 10)
        stop.set()
    assert vitals.counter("outbox_journal_unavailable") >= 1
    assert vitals.state() is State.OK


@given(st.integers(1, 200), st.floats(0, 1, exclude_max=True))
def test_waits_grow_and_stay_bounded(attempts: int, draw: float) -> None:
    patience = Patience()
    wait = patience.wait(attempts, draw)
    full = min(patience.longest, patience.first * 2 ** (attempts - 1))
    assert full / 2 <= wait <= full


def test_the_first_waits_fit_into_the_time_a_life_has() -> None:
    # GB/T 45839-2025, 5.10.4: told within 15 s; so a second and a third try must fit into it.
    assert sum(Patience().wait(n, 0.999) for n in (1, 2, 3)) < 15 * SECOND
