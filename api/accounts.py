"""Who may look, and who may act: accounts with roles, and the sessions of those who signed in."""

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from api import passwords
from api.tables import account, session
from api.throttle import Throttle
from community.clock import HOUR, MINUTE

TOUCH_EVERY = 5 * MINUTE
"""How exactly the last use of a session is kept: a write to disk at every request would be a waste."""


class Role(StrEnum):
    """What an account may do: a viewer looks, an operator also answers alerts, an admin also changes the estate."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"

    def covers(self, other: "Role") -> bool:
        """Whether it may do all that `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


class AccountReason(StrEnum):
    """Why signing in, or a change of an account, was refused."""

    WRONG_CREDENTIALS = "wrong_credentials"
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    PASSWORD_TOO_SHORT = "password_too_short"
    PASSWORD_TOO_LONG = "password_too_long"
    NAME_TAKEN = "name_taken"


class AccountsUnavailable(Exception):
    """The database of accounts cannot be reached now."""


class AccountRefused(Exception):
    """Refused, with the named reason; `retry_after` in ms where waiting helps."""

    def __init__(self, reason: AccountReason, detail: str, retry_after: int = 0) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in, until `expires_at` (UTC ms) unless they go on."""

    name: str
    role: Role
    expires_at: int


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session; the token is shown once and not kept."""

    token: str
    person: Person


class Accounts:
    """The store of accounts and sessions. Safe to use from threads; every method may raise `AccountsUnavailable`."""

    def __init__(self, engine: Engine, *, idle_ms: int = 12 * HOUR, cost: passwords.Cost | None = None) -> None:
        self._engine = engine
        self._idle = idle_ms
        self._cost = cost or passwords.Cost()
        self._throttle = Throttle()
        self._throttle_lock = threading.Lock()
        # One at a time: a flood of sign-ins must not take the processor from the alerts.
        self._hashing = threading.Lock()
        # Hashed against when the account is unknown, so that the answer takes as long as for a known one.
        self._nobody = passwords.hash_password(secrets.token_hex(), self._cost)

    def ensure_admin(self, now: int) -> str | None:
        """Create the account `admin` if there is no account at all.

        Returns:
            Its generated password, to be shown once; None if there were accounts.
        """
        password = passwords.generate_password()
        hashed = passwords.hash_password(password, self._cost)
        with _available(), self._engine.begin() as connection:
            if connection.execute(select(account.c.name).limit(1)).first() is not None:
                return None
            _insert(connection, "admin", Role.ADMIN, hashed, now)
        return password

    def create(self, name: str, role: Role, password: str, now: int) -> None:
        """Add an account.

        Raises:
            AccountRefused: if the name is taken or the password too short or long.
        """
        hashed = self._hash_chosen(password)
        try:
            with _available(), self._engine.begin() as connection:
                _insert(connection, name, role, hashed, now)
        except IntegrityError:
            raise AccountRefused(AccountReason.NAME_TAKEN, f"there is an account {name!r} already") from None

    def sign_in(self, name: str, password: str, address: str, now: int) -> SignedIn:
        """Begin a session.

        Args:
            name, password: what was typed.
            address: where from, for the throttle.
            now: UTC ms.

        Raises:
            AccountRefused: wrong, or too many attempts; it does not tell whether the account exists.
        """
        role = self.check(name, password, address, now)
        token = secrets.token_urlsafe(32)
        with _available(), self._engine.begin() as connection:
            connection.execute(delete(session).where(session.c.used_at < now - self._idle))
            connection.execute(
                insert(session).values(token_hash=_hash_token(token), account=name, created_at=now, used_at=now)
            )
        return SignedIn(token, Person(name, role, now + self._idle))

    def check(self, name: str, password: str, address: str, now: int) -> Role:
        """The role of the account whose password this is.

        Raises:
            AccountRefused: as `sign_in`.
        """
        with self._throttle_lock:
            pause = self._throttle.pause(name, address, now)
        if pause:
            raise AccountRefused(AccountReason.TOO_MANY_ATTEMPTS, "too many failed attempts; wait a little", pause)
        with _available(), self._readonly() as connection:
            row = connection.execute(select(account.c.role, account.c.password).where(account.c.name == name)).first()
        with self._hashing:
            right = passwords.matches(password[: passwords.LONGEST], row.password if row else self._nobody)
        with self._throttle_lock:
            if row is None or not right:
                self._throttle.failed(name, address, now)
                raise AccountRefused(AccountReason.WRONG_CREDENTIALS, "name or password is wrong")
            self._throttle.succeeded(name, address)
        return Role(row.role)

    def person(self, token: str, now: int) -> Person | None:
        """Who has this session token; None if nobody, or no longer. Goes on with the session."""
        hashed = _hash_token(token)
        with _available(), self._readonly() as connection:
            row = connection.execute(
                select(account.c.name, account.c.role, session.c.used_at)
                .join(account, account.c.name == session.c.account)
                .where(session.c.token_hash == hashed)
            ).first()
        if row is None or now - row.used_at > self._idle:
            return None
        used_at = row.used_at
        if now - used_at > TOUCH_EVERY:
            try:
                with self._engine.begin() as connection:
                    connection.execute(update(session).where(session.c.token_hash == hashed).values(used_at=now))
                used_at = now
            except DatabaseError:
                # A full or locked database must not put out the person who is watching it.
                pass
        return Person(row.name, Role(row.role), used_at + self._idle)

    def sign_out(self, token: str) -> None:
        """End the session of this token."""
        with _available(), self._engine.begin() as connection:
            connection.execute(delete(session).where(session.c.token_hash == _hash_token(token)))

    def change_password(self, name: str, old: str, new: str, address: str, now: int, keep: str | None) -> None:
        """Give `name` the password `new` and end all its sessions but that of the token `keep`.

        Raises:
            AccountRefused: if `old` is wrong or `new` too short or long.
        """
        self.check(name, old, address, now)
        hashed = self._hash_chosen(new)
        with _available(), self._engine.begin() as connection:
            connection.execute(update(account).where(account.c.name == name).values(password=hashed, changed_at=now))
            others = session.c.token_hash != (_hash_token(keep) if keep else "")
            connection.execute(delete(session).where(session.c.account == name, others))

    def _hash_chosen(self, password: str) -> str:
        if len(password) < passwords.LEAST:
            detail = f"at least {passwords.LEAST} characters, please"
            raise AccountRefused(AccountReason.PASSWORD_TOO_SHORT, detail)
        if len(password) > passwords.LONGEST:
            raise AccountRefused(AccountReason.PASSWORD_TOO_LONG, f"at most {passwords.LONGEST} characters, please")
        with self._hashing:
            return passwords.hash_password(password, self._cost)

    def _readonly(self) -> Connection:
        return self._engine.connect().execution_options(readonly=True)


@contextmanager
def _available() -> Iterator[None]:
    """Names a database that cannot be reached or written."""
    try:
        yield
    except IntegrityError:
        raise  # the database works, and says no
    except DatabaseError as error:
        raise AccountsUnavailable(str(error.orig)) from error


def _insert(connection: Connection, name: str, role: Role, hashed: str, now: int) -> None:
    values = {"name": name, "role": role.value, "password": hashed, "created_at": now, "changed_at": now}
    connection.execute(insert(account).values(values))


def _hash_token(token: str) -> str:
    # A plain hash is enough: the token is 256 random bits, there is nothing to guess.
    return hashlib.sha256(token.encode()).hexdigest()
