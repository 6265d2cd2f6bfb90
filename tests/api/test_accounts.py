"""Accounts, sessions, passwords, and the throttle."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text

from api import passwords
from api.accounts import AccountReason, AccountRefused, Accounts, AccountsUnavailable, Role
from api.tables import account, session
from api.throttle import ACCOUNT, ADDRESS, CAPACITY, PAIR, Throttle
from community.clock import HOUR, MINUTE
from community.database import metadata, open_database
from tests.api.house import CHEAP, PASSWORD, START, House


@pytest.fixture
def empty(tmp_path: Path) -> Accounts:
    engine = open_database(f"sqlite:///{tmp_path / 'accounts.db'}")
    metadata.create_all(engine, tables=[account, session])
    return Accounts(engine, cost=CHEAP)


def test_first_start_makes_one_admin_whose_password_is_told_once(empty: Accounts) -> None:
    password = empty.ensure_admin(START)
    assert password is not None
    assert len(password) >= passwords.LEAST
    assert empty.sign_in("admin", password, "here", START).person.role is Role.ADMIN
    assert empty.ensure_admin(START + 1) is None


def test_session_lasts_while_it_is_used_and_ends_when_idle(empty: Accounts) -> None:
    empty.create("ana", Role.OPERATOR, PASSWORD, START)
    token = empty.sign_in("ana", PASSWORD, "here", START).token
    now = START
    for _ in range(5):
        now += 11 * HOUR
        person = empty.person(token, now)
        assert person is not None
        assert person.expires_at == now + 12 * HOUR
    assert empty.person(token, now + 12 * HOUR + 1) is None


def test_signing_out_ends_the_session(empty: Accounts) -> None:
    empty.create("ana", Role.OPERATOR, PASSWORD, START)
    token = empty.sign_in("ana", PASSWORD, "here", START).token
    empty.sign_out(token)
    assert empty.person(token, START) is None


def test_neither_password_nor_token_stands_in_the_database(house: House, tmp_path: Path) -> None:
    token = house.accounts.sign_in("admin", PASSWORD, "here", START).token
    engine = open_database(f"sqlite:///{tmp_path / 'accounts.db'}")
    with engine.connect() as connection:
        kept = repr(connection.execute(select(account)).all()) + repr(connection.execute(select(session)).all())
    engine.dispose()
    assert "scrypt$" in kept
    assert token not in kept
    assert PASSWORD not in kept


@pytest.mark.parametrize("name", ["ana", "nobody"])
def test_wrong_and_unknown_are_told_alike(empty: Accounts, name: str) -> None:
    empty.create("ana", Role.OPERATOR, PASSWORD, START)
    with pytest.raises(AccountRefused, match="name or password is wrong") as refused:
        empty.sign_in(name, "not this one", "here", START)
    assert refused.value.reason is AccountReason.WRONG_CREDENTIALS


def test_password_change_ends_other_sessions(empty: Accounts) -> None:
    empty.create("ana", Role.OPERATOR, PASSWORD, START)
    mine = empty.sign_in("ana", PASSWORD, "here", START).token
    other = empty.sign_in("ana", PASSWORD, "there", START).token
    empty.change_password("ana", PASSWORD, "another long password", "here", START, mine)
    assert empty.person(mine, START) is not None
    assert empty.person(other, START) is None
    with pytest.raises(AccountRefused):
        empty.sign_in("ana", PASSWORD, "here", START)
    empty.sign_in("ana", "another long password", "here", START)


@pytest.mark.parametrize(
    ("new", "reason"),
    [("short", AccountReason.PASSWORD_TOO_SHORT), ("x" * 300, AccountReason.PASSWORD_TOO_LONG)],
)
def test_unfit_passwords_are_refused_by_name(empty: Accounts, new: str, reason: AccountReason) -> None:
    with pytest.raises(AccountRefused) as refused:
        empty.create("ana", Role.OPERATOR, new, START)
    assert refused.value.reason is reason


def test_name_is_taken_once(empty: Accounts) -> None:
    empty.create("ana", Role.OPERATOR, PASSWORD, START)
    with pytest.raises(AccountRefused) as refused:
        empty.create("ana", Role.ADMIN, PASSWORD, START)
    assert refused.value.reason is AccountReason.NAME_TAKEN


def test_repeated_failures_must_wait_and_the_right_password_too(empty: Accounts) -> None:
    empty.create("ana", Role.OPERATOR, PASSWORD, START)
    for _ in range(PAIR.free):
        with pytest.raises(AccountRefused):
            empty.sign_in("ana", "wrong", "here", START)
    with pytest.raises(AccountRefused) as refused:
        empty.sign_in("ana", PASSWORD, "here", START)
    assert refused.value.reason is AccountReason.TOO_MANY_ATTEMPTS
    assert refused.value.retry_after > 0
    # Elsewhere, its owner still gets in; and here too after the pause.
    empty.sign_in("ana", PASSWORD, "there", START)
    empty.sign_in("ana", PASSWORD, "here", START + refused.value.retry_after)


def test_missing_tables_are_named_unavailable(tmp_path: Path) -> None:
    accounts = Accounts(open_database(f"sqlite:///{tmp_path / 'empty.db'}"), cost=CHEAP)
    with pytest.raises(AccountsUnavailable):
        accounts.person("token", START)


def test_session_goes_on_when_its_use_cannot_be_written(house: House, tmp_path: Path) -> None:
    token = house.accounts.sign_in("viewer", PASSWORD, "here", START).token
    other = open_database(f"sqlite:///{tmp_path / 'accounts.db'}")
    raw = house.accounts._engine.raw_connection()  # goes back to the pool of one, with its patience taken away
    raw.cursor().execute("PRAGMA busy_timeout=0")
    raw.close()
    with other.begin() as writer:
        writer.execute(text("UPDATE account SET changed_at = 0"))
        assert house.accounts.person(token, START + HOUR) is not None
    other.dispose()


@given(st.text(min_size=1, max_size=30), st.text(max_size=30))
def test_only_the_same_password_matches(password: str, other: str) -> None:
    stored = passwords.hash_password(password, CHEAP)
    assert passwords.matches(password, stored)
    assert passwords.matches(other, stored) == (other == password)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.integers(0, 60_000)), max_size=80))
def test_throttle_never_pauses_longer_than_it_says(failures: list[tuple[str, str, int]]) -> None:
    throttle = Throttle()
    now = START
    for name, address, step in failures:
        now += step
        throttle.failed(name, address, now)
    # From a new place an account waits seconds at most, whatever has happened elsewhere.
    assert all(throttle.pause(name, "new place", now) <= ACCOUNT.longest for name in "ab")
    assert all(throttle.pause(name, a, now) <= max(PAIR.longest, ADDRESS.longest) for name in "ab" for a in "xyz")
    assert all(throttle.pause(name, a, now + 31 * MINUTE) == 0 for name in "ab" for a in "xyz")


def test_throttle_is_bounded() -> None:
    throttle = Throttle()
    for i in range(CAPACITY):
        throttle.failed(f"name{i}", f"address{i}", START)
    assert len(throttle) == CAPACITY
