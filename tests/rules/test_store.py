"""Versions of the rulebook: added whole, never changed, and moved by a start only where nobody had said otherwise."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from community.database import metadata, open_database
from rules import store as stores
from rules.rulebook import RulebookErrors, load_rulebook, standard_rulebook, standard_text
from rules.store import Origin, RulebookStore, UnknownRulebookError
from rules.store_table import rulebook_table

NOW = 1_795_000_000_000


def book(limit: float, name: str = "voltage.high") -> str:
    """A rulebook of one rule."""
    return f"""
    [[rule]]
    id = "{name}"
    title = {{ zh = "过电压", en = "Over-voltage" }}
    category = "deterioration"
    kind = "threshold"
    signals = ["voltage"]
    standard = "GB/T 12325-2008"
    [rule.guidance.resident]
    zh = "检查零线。"
    en = "Check the neutral."
    [[rule.steps]]
    severity = "warning"
    limit = {limit}
    clear = {limit - 5}
    """


@pytest.fixture(autouse=True)
def small_pack(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release whose standard pack is one rule."""
    ship(monkeypatch, 250)


def ship(monkeypatch: pytest.MonkeyPatch, limit: float) -> None:
    """From now on the release is one with another pack."""
    pack = book(limit, "voltage.standard")
    monkeypatch.setattr(stores, "standard_text", lambda: pack)
    monkeypatch.setattr(stores, "standard_rulebook", lambda: load_rulebook(pack, "standard"))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'mingluo.db'}")
    metadata.create_all(engine, tables=[rulebook_table])
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> RulebookStore:
    return RulebookStore(engine)


def test_before_any_version_the_standard_pack_holds(store: RulebookStore) -> None:
    version, current = store.current()
    assert (version, current.version) == (0, vars(stores)["standard_rulebook"]().version)
    assert store.text(0) == vars(stores)["standard_text"]()
    assert store.versions() == []


def test_the_shipped_text_is_the_shipped_pack() -> None:
    assert load_rulebook(standard_text(), "standard").version == standard_rulebook().version


def test_every_version_stays_and_tells_who_made_it(store: RulebookStore, engine: Engine) -> None:
    first = store.add(book(253), "admin", "after the meeting", NOW)
    second = store.add(book(260), "command line", "", NOW + 1)
    again = RulebookStore(engine)  # as after a restart
    assert again.current()[0] == second > first
    assert again.version(first).version == store.version(first).version != again.version(second).version
    assert again.text(first) == book(253)
    newest, oldest = again.versions()
    assert (newest.version, newest.made_by, newest.made_at) == (second, "command line", NOW + 1)
    assert (oldest.version, oldest.note, oldest.origin) == (first, "after the meeting", Origin.APPLIED)
    assert oldest.content == store.version(first).version
    assert again.versions(limit=1) == [newest]
    assert again.versions(before=second) == [oldest]


def test_a_wrong_rulebook_is_refused_whole_and_changes_nothing(store: RulebookStore) -> None:
    store.add(book(253), "admin", "", NOW)
    with pytest.raises(RulebookErrors) as refused:
        store.add(book(253).replace("threshold", "treshold").replace('"warning"', '"loud"'), "admin", "", NOW)
    assert refused.value.errors
    assert len(store.versions()) == 1


def test_a_text_beyond_the_bound_is_refused(store: RulebookStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MOST_BYTES", 10)
    with pytest.raises(RulebookErrors, match="at most 10 bytes"):
        store.check(book(253))


def test_a_version_that_was_never_stored_is_named(store: RulebookStore) -> None:
    for ask in (store.version, store.text):
        with pytest.raises(UnknownRulebookError, match="version 7"):
            ask(7)


def test_only_the_last_rulebooks_are_kept_in_memory(store: RulebookStore) -> None:
    made = [store.add(book(250 + n), "admin", "", NOW) for n in range(2 * stores.KEPT)]
    assert [store.version(n).version for n in made] == [store.version(n).version for n in made]
    assert len(store._read) <= stores.KEPT


def test_a_start_stores_the_pack_once(store: RulebookStore) -> None:
    first = store.begin(None, NOW, "0.1")
    assert store.begin(None, NOW, "0.1") == first == 1
    assert store.versions()[0].origin is Origin.STANDARD


def test_a_new_release_brings_its_pack_to_who_never_had_another(
    store: RulebookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.begin(None, NOW, "0.1")
    ship(monkeypatch, 253)
    assert store.begin(None, NOW, "0.2") == 2
    assert store.versions()[0].note == "release 0.2"
    assert store.current()[1].version == vars(stores)["standard_rulebook"]().version


def test_what_a_person_applied_stays_over_starts_and_releases(
    store: RulebookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.begin(None, NOW, "0.1")
    applied = store.add(book(260), "admin", "", NOW)
    assert store.begin(None, NOW, "0.1") == applied
    ship(monkeypatch, 253)
    assert store.begin(None, NOW, "0.2") == applied == store.current_version()


def test_a_file_at_the_start_holds_until_someone_applies_another_or_it_changes(store: RulebookStore) -> None:
    first = store.begin(book(253), NOW, "0.1")
    assert store.begin(book(253), NOW, "0.1") == first
    applied = store.add(book(260), "admin", "", NOW)
    assert store.begin(book(253), NOW, "0.1") == applied  # the file said so before
    edited = store.begin(book(254), NOW, "0.1")
    assert (edited, store.versions()[0].origin) == (applied + 1, Origin.FILE)
    assert store.begin(None, NOW, "0.1") == edited + 1  # started without the file: the pack again
    assert store.begin(book(254), NOW, "0.1") == edited + 2


def test_a_start_with_a_wrong_file_changes_nothing(store: RulebookStore) -> None:
    store.begin(None, NOW, "0.1")
    with pytest.raises(RulebookErrors):
        store.begin("[[rule]]", NOW, "0.1")
    assert store.current_version() == 1


def test_what_extends_the_pack_is_stored_again_when_a_release_changes_the_pack(
    store: RulebookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = 'extends = "standard"\n' + book(260)
    first = store.add(mine, "admin", "", NOW)
    content = store.versions()[0].content
    ship(monkeypatch, 253)
    assert store.begin(None, NOW, "0.2") == first + 1
    newest = store.versions()[0]
    assert (newest.origin, store.text(newest.version)) == (Origin.APPLIED, mine)
    assert newest.content != content
    again = RulebookStore(store._engine)
    assert again.version(first).version == content  # read with the pack of its own time


def test_the_way_back_is_a_new_version_with_the_old_text_and_pack(
    store: RulebookStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = 'extends = "standard"\n' + book(260)
    first = store.add(mine, "admin", "", NOW)
    store.add(book(270), "admin", "", NOW)
    ship(monkeypatch, 253)
    third = store.roll_back(first, "admin", "", NOW + 5)
    assert store.versions()[0].origin is Origin.ROLLBACK
    assert store.versions()[0].note == f"version {first} again"
    assert store.version(third).version == store.version(first).version
    assert store.begin(None, NOW, "0.2") == third  # and no start takes it away
    with pytest.raises(UnknownRulebookError):
        store.roll_back(99, "admin", "", NOW)
