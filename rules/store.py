"""The rulebook in the database: a new version at each change, and every earlier one to be asked for again.

Version 0 is the standard pack as it is shipped: what held before any version was stored. A version that is put in
force is never changed; the way back to an earlier one is a new version with its text.
"""

from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, Engine, func, insert, select

from community.file_faults import FileError
from rules.errors import RulebookErrors
from rules.rulebook import Rulebook, load_rulebook, standard_rulebook, standard_text
from rules.store_table import rulebook_table

MOST_BYTES = 2 * 2**20
"""Length of a rulebook's text, UTF-8: some thirty times the standard pack."""

KEPT = 4
"""Rulebooks kept in memory: the one in force, and those that a restart asks for."""


class Origin(StrEnum):
    """Where a version comes from; decides what a start may put in its place.

    STANDARD: the pack of the release. FILE: the file that `mingluo up` was started with. APPLIED: a person's order.
    ROLLBACK: a person's order to go back to an earlier version, with the standard pack of that time.
    """

    STANDARD = "standard"
    FILE = "file"
    APPLIED = "applied"
    ROLLBACK = "rollback"


_BY_PEOPLE = (Origin.APPLIED, Origin.ROLLBACK)


class UnknownRulebookError(LookupError):
    """No rulebook of this version was ever stored."""


class Version(NamedTuple):
    """When, by whom and why a version was stored; `made_at` is UTC ms, `content` the hash of its rules."""

    version: int
    made_at: int
    made_by: str
    origin: Origin
    note: str
    content: str


class RulebookStore:
    """Reads and adds rulebooks. Safe to use from several threads: every call is one transaction.

    Database errors (SQLAlchemy's) pass through; a failed `add` leaves the former version in force.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read: dict[int, Rulebook] = {}

    def add(self, text: str, by: str, note: str, now: int, origin: Origin = Origin.APPLIED) -> int:
        """Put a rulebook in force from now on.

        Args:
            text: TOML, as `rules.rulebook.load_rulebook` takes it.
            by: account name, or `command line`.
            note: why, in a few words.
            now: UTC ms.

        Returns:
            The new version, greater than every one before.

        Raises:
            RulebookErrors: it is refused whole, with every error; nothing has changed.
        """
        return self._add(text, standard_text(), by, note, now, origin, self.check(text))

    def roll_back(self, to: int, by: str, note: str, now: int) -> int:
        """Put an earlier version in force again, as it was then; the new version that says so.

        Raises:
            UnknownRulebookError: it was never stored.
            RulebookErrors: this release cannot read it; nothing has changed.
        """
        text, standard = self._stored(to)
        book = _load(text, f"rulebook version {to}", standard)
        return self._add(text, standard, by, note or f"version {to} again", now, Origin.ROLLBACK, book)

    def check(self, text: str, source: str = "rulebook") -> Rulebook:
        """The rulebook in `text`; stores nothing.

        Raises:
            RulebookErrors: with every error; also for a text of more than `MOST_BYTES`.
        """
        if len(text.encode(errors="replace")) > MOST_BYTES:
            raise RulebookErrors([FileError(source, None, "", f"expected at most {MOST_BYTES} bytes")])
        return _load(text, source, standard_text())

    def begin(self, file_text: str | None, now: int, release: str) -> int:
        """Put in force what a start asks for, if that is something new; the version in force then.

        A rulebook that a person applied stays, whatever pack the release brings; if it extends the standard pack, and
        the pack means something else now, it is stored again, so that the log tells from when on. Only another
        file given at the start takes its place.

        Args:
            file_text: the rulebook that the system is started with; None: the standard pack.
            release: version of the software, for the note.

        Raises:
            RulebookErrors: `file_text` is wrong.
        """
        newest, started = self._newest(), self._newest(Origin.STANDARD, Origin.FILE)
        origin = Origin.STANDARD if file_text is None else Origin.FILE
        text = standard_text() if file_text is None else file_text
        book = self.check(text)
        same = started is not None and (started.origin, started.content) == (origin, book.version)
        if newest is not None and newest.origin in _BY_PEOPLE and (same or origin is Origin.STANDARD):
            return self._renewed(newest, now, release) if newest.origin is Origin.APPLIED else newest.version
        if same and started is not None:
            return started.version
        note = f"release {release}" if origin is Origin.STANDARD else "the file given at the start"
        return self._add(text, standard_text(), "start", note, now, origin, book)

    def current_version(self) -> int:
        """Number of the version in force; 0 if none was ever stored."""
        with self._reading() as connection:
            return connection.scalar(select(func.max(rulebook_table.c.version))) or 0

    def current(self) -> tuple[int, Rulebook]:
        """The version in force and its number; 0 and the standard pack if none was ever stored.

        Raises:
            RulebookErrors: this release cannot read it.
        """
        version = self.current_version()
        return version, self.version(version)

    def version(self, number: int) -> Rulebook:
        """The rulebook as of version `number`; 0 is the standard pack.

        Raises:
            UnknownRulebookError: it was never stored.
            RulebookErrors: this release cannot read it.
        """
        if number == 0:
            return standard_rulebook()
        found = self._read.get(number)
        if found is None:
            text, standard = self._stored(number)
            found = _load(text, f"rulebook version {number}", standard)
            kept = dict(list(self._read.items())[1 - KEPT :])
            self._read = {**kept, number: found}
        return found

    def text(self, number: int) -> str:
        """The text of a version, as it was given.

        Raises:
            UnknownRulebookError: it was never stored.
        """
        return self._stored(number)[0]

    def versions(self, limit: int = 1000, before: int | None = None) -> list[Version]:
        """The versions, newest first; `before`: those with a lower number."""
        query = select(*_VERSION).order_by(rulebook_table.c.version.desc()).limit(limit)
        if before is not None:
            query = query.where(rulebook_table.c.version < before)
        with self._reading() as connection:
            return [_version(*row) for row in connection.execute(query)]

    def _newest(self, *origins: Origin) -> Version | None:
        query = select(*_VERSION).order_by(rulebook_table.c.version.desc()).limit(1)
        if origins:
            query = query.where(rulebook_table.c.origin.in_([o.value for o in origins]))
        with self._reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else _version(*row)

    def _stored(self, number: int) -> tuple[str, str | None]:
        """Text of a version, and the standard pack of its time; None: this release's."""
        if number == 0:
            return standard_text(), None
        table = rulebook_table.c
        with self._reading() as connection:
            row = connection.execute(select(table.text, table.standard).where(table.version == number)).first()
        if row is None:
            raise UnknownRulebookError(f"rulebook version {number} was never stored")
        return row.text, row.standard

    def _renewed(self, newest: Version, now: int, release: str) -> int:
        """The applied version, stored again if the standard pack that it extends has changed its meaning."""
        text = self.text(newest.version)
        try:
            book = self.check(text, f"rulebook version {newest.version}")
        except RulebookErrors:
            return newest.version  # it goes on with the pack that it was written for
        if book.version == newest.content:
            return newest.version
        note = f"version {newest.version} with the standard pack of release {release}"
        return self._add(text, standard_text(), "start", note, now, Origin.APPLIED, book)

    def _add(
        self, text: str, standard: str | None, by: str, note: str, now: int, origin: Origin, book: Rulebook
    ) -> int:
        row = {
            "made_at": now,
            "made_by": by[:64],
            "origin": origin.value,
            "note": note,
            "content": book.version,
            "text": text,
            # The pack itself extends nothing.
            "standard": None if standard == text else standard,
        }
        with self._engine.begin() as connection:
            result = connection.execute(insert(rulebook_table).values(row))
            (version,) = result.inserted_primary_key or (0,)
        return int(version)

    def _reading(self) -> Connection:
        return self._engine.connect().execution_options(readonly=True)


def _load(text: str, source: str, standard: str | None) -> Rulebook:
    # The pack takes half a second to read, and a start needs it several times.
    return standard_rulebook() if text == standard_text() else load_rulebook(text, source, standard)


_VERSION = [rulebook_table.c[name] for name in Version._fields]


def _version(version: int, made_at: int, made_by: str, origin: str, note: str, content: str) -> Version:
    return Version(version, made_at, made_by, Origin(origin), note, content)
