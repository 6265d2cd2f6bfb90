"""What the window is told when something behind it is away."""

from collections.abc import Sequence

import nats.errors
import pytest
from sqlalchemy.exc import OperationalError

from api.problems import Unavailable
from community.estate import Estate
from community.estate_errors import EstateErrors
from community.refusal import Refusal
from gateway.log import LogUnavailable
from gateway.log import Unavailable as Why
from mingluo.behind import Behind

TEXT = '[[place]]\nid = "village"\nkind = "community"\n'


class Store:
    def __init__(self) -> None:
        self.away = False
        self.kept: list[tuple[Estate, str, int]] = []

    def replace(self, estate: Estate, actor: str, now: int) -> int:
        if self.away:
            raise OperationalError("insert", {}, Exception("database is locked"))
        self.kept.append((estate, actor, now))
        return len(self.kept)


class Watch:
    version = 0
    fault: Exception | None = None

    async def look(self) -> None:
        if self.fault is not None:
            raise self.fault
        self.version += 1


class Quarantine:
    fault: Exception | None = None

    async def last(self, device: str | None, limit: int) -> Sequence[Refusal]:
        if self.fault is not None:
            raise self.fault
        return []


class Nats:
    async def request(self, subject: str, **_options: float) -> None:
        raise nats.errors.NoRespondersError


@pytest.fixture
def parts() -> tuple[Behind, Store, Watch, Quarantine]:
    store, watch, quarantine = Store(), Watch(), Quarantine()
    behind = Behind(store, watch, quarantine, Nats(), lambda: 7)  # type: ignore[arg-type]  # the parts that are used
    return behind, store, watch, quarantine


Parts = tuple[Behind, Store, Watch, Quarantine]


async def test_an_import_is_stored_and_taken_over(parts: Parts) -> None:
    behind, store, _, _ = parts
    assert await behind.import_estate(TEXT, "admin") == 1
    ((estate, actor, now),) = store.kept
    assert ([p.id for p in estate.place], actor, now) == (["village"], "admin", 7)


async def test_a_wrong_estate_changes_nothing(parts: Parts) -> None:
    behind, store, watch, _ = parts
    with pytest.raises(EstateErrors):
        await behind.import_estate(TEXT.replace("community", "comunity"), "admin")
    assert (store.kept, watch.version) == ([], 0)


async def test_without_the_database_nothing_was_changed_and_that_is_said(parts: Parts) -> None:
    behind, store, watch, _ = parts
    store.away = True
    with pytest.raises(Unavailable, match="nothing was changed"):
        await behind.import_estate(TEXT, "admin")
    assert watch.version == 0


async def test_without_the_log_it_is_stored_and_that_is_said(parts: Parts) -> None:
    behind, store, watch, _ = parts
    watch.fault = LogUnavailable(Why.DISCONNECTED)
    with pytest.raises(Unavailable, match="stored"):
        await behind.import_estate(TEXT, "admin")
    assert len(store.kept) == 1


@pytest.mark.parametrize("fault", [OSError(), nats.errors.TimeoutError(), TimeoutError()])
async def test_without_the_broker_refusals_are_not_to_be_had(parts: Parts, fault: Exception) -> None:
    behind, _, _, quarantine = parts
    assert await behind.refusals(None, 10) == []
    quarantine.fault = fault
    with pytest.raises(Unavailable, match="broker"):
        await behind.refusals("d1", 10)


async def test_without_the_gateway_last_messages_are_not_to_be_had(parts: Parts) -> None:
    with pytest.raises(Unavailable, match="gateway"):
        await parts[0].messages("d1")
