"""A question to the database in behalf of a request: its outage is told as `api.problems.Unavailable`."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import SQLAlchemyError

from api.problems import Unavailable

T = TypeVar("T")


async def asked(question: Callable[[], T]) -> T:
    """The answer to a question that waits for the database; asked in a thread.

    Raises:
        Unavailable: the database is away; nothing was changed.
    """
    try:
        return await asyncio.to_thread(question)
    except SQLAlchemyError as error:
        raise Unavailable("the database does not answer now; nothing was changed") from error
