"""Orders that people gave to transmitters of GB/T 26875.3: who, when, what, and what became of each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Column, Engine, Integer, String, Table, Text, delete, insert, select, update

from community.database import metadata

MOST = 20_000
"""Orders kept; beyond, the oldest go."""

transmitter_order = Table(
    "transmitter_order",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("transmitter", BigInteger, nullable=False, index=True),
    Column("wish", Text, nullable=False),  # JSON object
    Column("actor", String(64), nullable=False),
    Column("given_at", BigInteger, nullable=False),  # UTC ms
    Column("answer", String(16)),
    Column("answered_at", BigInteger),  # UTC ms
    Column("said", Text),  # JSON list
    # A number is never used twice, or an audit could not tell a deleted order from another one.
    sqlite_autoincrement=True,
)


@dataclass(frozen=True, slots=True)
class GivenOrder:
    """An order that somebody gave.

    Attributes:
        number: of the order, rising.
        transmitter: its address.
        wish: the order as it was asked for, e.g. `{"order": "guard_check", "minutes": 10}`.
        actor: who gave it.
        given_at: UTC ms.
        answer: what became of it; None while it is on its way, and for ever if the system ended meanwhile.
        answered_at: when that was known, UTC ms.
        said: what was said in answer to it, plain JSON values.
    """

    number: int
    transmitter: int
    wish: Mapping[str, Any]
    actor: str
    given_at: int
    answer: str | None = None
    answered_at: int | None = None
    said: Sequence[Mapping[str, Any]] = ()


class TransmitterOrders:
    """Keeps the orders. Safe to use from several threads: every call is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def give(self, transmitter: int, wish: Mapping[str, Any], actor: str, now: int) -> int:
        """Note an order before it is sent; its number."""
        row = {"transmitter": transmitter, "wish": json.dumps(dict(wish)), "actor": actor, "given_at": now}
        with self._engine.begin() as connection:
            key = connection.execute(insert(transmitter_order).values(row)).inserted_primary_key
            assert key is not None, "the table has a key"
            number = int(key[0])
            connection.execute(delete(transmitter_order).where(transmitter_order.c.number <= number - MOST))
        return number

    def answered(self, number: int, answer: str, said: Sequence[Mapping[str, Any]], now: int) -> None:
        """Note what became of it."""
        known = {"answer": answer, "said": json.dumps(list(said)), "answered_at": now}
        with self._engine.begin() as connection:
            connection.execute(update(transmitter_order).where(transmitter_order.c.number == number).values(known))

    def last(self, transmitter: int, limit: int, before: int | None = None) -> list[GivenOrder]:
        """The newest orders to a transmitter, newest first; `before`: those with a lower number."""
        query = select(transmitter_order).where(transmitter_order.c.transmitter == transmitter)
        if before is not None:
            query = query.where(transmitter_order.c.number < before)
        query = query.order_by(transmitter_order.c.number.desc()).limit(limit)
        with self._engine.connect().execution_options(readonly=True) as connection:
            return [_read(row) for row in connection.execute(query).mappings()]


def _read(row: Mapping[Any, Any]) -> GivenOrder:
    said = tuple(json.loads(row["said"])) if row["said"] is not None else ()
    return GivenOrder(**{**row, "wish": json.loads(row["wish"]), "said": said})
