"""One batch through one view: given rows and changes, then what is read, written, refused, and where it stops."""

import keyword
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from domain.errors import Conflict, Invalid, NotFound, Unavailable
from domain.events import Event, fact
from domain.governance.events import PartyEnrolled, PartyKind
from infra.views.memory import MemoryViewStore
from projections.catalogue import VIEWS, find_view
from projections.runner import Batch, Poison, Standing, run_batch
from projections.tables import SHOWN_NUL, Change, Column, Drop, Key, Kind, New, Put, Rows, Table, Written, storable
from projections.view import Keys, On, Read, View
from tests.view_kit import Told, envelope, some

STREAM = some(1)
WORDS = Table("words", key=(Column("word", Kind.TEXT),), columns=(Column("meaning", Kind.TEXT),))
NUMBERS = Table("numbers", key=(Column("number", Kind.BIGINT),), columns=(Column("square", Kind.BIGINT),))
A, B = ("a",), ("b",)


@fact("edgeprint.testing.Said", stream="H")
class Said(Event):
    """What a view is to make of it, the rows that it names beforehand, and what is done before."""

    changes: tuple[Change, ...] = ()
    names: Keys = ()
    first: Callable[[Read, Rows], object] = lambda read, rows: None


def _handle(read: Read, rows: Rows) -> tuple[Change, ...]:
    read.event.first(read, rows)
    changes: tuple[Change, ...] = read.event.changes
    return changes


VIEW = View("said", 1, "what is said", (WORDS, NUMBERS), on=(On(Said, _handle, lambda read: read.event.names),))


@dataclass(frozen=True, slots=True)
class Broken:
    """An entry whose bytes are none."""

    index: int
    type: str = Said.TYPE

    def read(self) -> Read:
        raise Invalid("expected an entry, found nothing")


class Watched(MemoryViewStore):
    """A store that keeps what it was asked for and what it was given; it may fail when it is asked."""

    def __init__(self, view: View = VIEW, fail: Exception | None = None) -> None:
        super().__init__(view)
        self.asked: list[list[tuple[str, Key]]] = []
        self.batches: list[Batch] = []
        self.fail = fail

    def standing(self, places: Sequence[tuple[Table, Key]]) -> Standing:
        self.asked.append([(table.name, key) for table, key in places])
        if self.fail is not None and places:
            raise self.fail
        return super().standing(places)

    def write(self, before: int, batch: Batch) -> None:
        super().write(before, batch)
        self.batches.append(batch)


@dataclass
class Speaker:
    """Says what a view is to do, batch by batch."""

    store: Watched = field(default_factory=Watched)
    next: int = 0

    def say(self, *said: Said | tuple[Change, ...] | str) -> Batch:
        """Take one batch in: a tuple of changes stands for an entry that makes them, a text for a broken one."""
        entries: list[Any] = []
        for one in said:
            event = Said(changes=one) if isinstance(one, tuple) else one
            entry = Broken(self.next) if isinstance(event, str) else Told(self.next, envelope(STREAM), event)
            entries.append(entry)
            self.next += 1
        return run_batch(self.store.view, self.store, entries)

    def words(self, as_of: int | None = None) -> dict[Key, Any]:
        return {key: values[0] for key, values in self.store.rows(WORDS, as_of).items()}


@pytest.fixture
def speaker() -> Speaker:
    return Speaker()


def new(key: Key, meaning: str) -> New:
    return New(WORDS, key, (meaning,))


def put(key: Key, meaning: str) -> Put:
    return Put(WORDS, key, (meaning,))


def drop(key: Key) -> Drop:
    return Drop(WORDS, key)


def look(key: Key, seen: list[Any]) -> Callable[[Read, Rows], object]:
    """Return what a handler does first: look at a row and note it."""
    return lambda read, rows: seen.append(rows.get(WORDS, key))


# -- what changes make ------------------------------------------------------------------------------------------------


def test_a_batch_says_what_begins_and_what_ends_and_leaves_other_tables_out(speaker: Speaker) -> None:
    assert speaker.say((new(A, "one"), put(B, "two"))).written == {
        "words": Written([(A, ("one",), 0, None), (B, ("two",), 0, None)], [])
    }
    assert speaker.say((put(A, "other"),), (drop(B),)) == Batch(
        3, {"words": Written([(A, ("other",), 1, None)], [(A, 0, 1), (B, 0, 2)])}
    )
    assert speaker.words() == {A: "other"} and speaker.words(1) == {A: "other", B: "two"}


@pytest.mark.parametrize("again", [(put(A, "one"),), (put(A, "one"), put(A, "one")), (drop(B),), ()], ids=str)
def test_what_changes_nothing_writes_nothing(speaker: Speaker, again: tuple[Change, ...]) -> None:
    speaker.say((new(A, "one"),))
    before = speaker.store.digest()
    assert speaker.say(again) == Batch(2, {})
    assert speaker.store.digest() == before and speaker.store.position() == 2


def test_equal_values_within_a_batch_write_once(speaker: Speaker) -> None:
    assert speaker.say((put(A, "one"),), (put(A, "one"),)).written == {"words": Written([(A, ("one",), 0, None)], [])}


def test_a_row_begun_and_replaced_in_one_batch_is_written_with_its_end(speaker: Speaker) -> None:
    batch = speaker.say((new(A, "one"),), (put(A, "two"),), (drop(A),))
    assert batch.written == {"words": Written([(A, ("one",), 0, 1), (A, ("two",), 1, 2)], [])}
    assert [speaker.words(index) for index in range(3)] == [{A: "one"}, {A: "two"}, {}]


def test_what_one_entry_makes_and_unmakes_never_stood(speaker: Speaker) -> None:
    assert speaker.say((put(A, "one"), drop(A))).written == {}
    assert speaker.say((put(A, "one"), put(A, "two"))).written == {"words": Written([(A, ("two",), 1, None)], [])}


def test_one_entry_may_replace_a_standing_row_twice(speaker: Speaker) -> None:
    speaker.say((new(A, "one"),))
    batch = speaker.say((put(A, "two"), put(A, "three")))
    assert batch.written == {"words": Written([(A, ("three",), 1, None)], [(A, 0, 1)])}
    assert speaker.say((put(A, "four"), drop(A))).written == {"words": Written([], [(A, 1, 2)])}
    assert speaker.words() == {}


def test_a_key_may_stand_again_after_it_was_dropped(speaker: Speaker) -> None:
    speaker.say((new(A, "one"),), (drop(A),), (put(A, "two"),), (drop(A),), (new(A, "three"),))
    assert [speaker.words(index).get(A) for index in range(5)] == ["one", None, "two", None, "three"]


@pytest.mark.parametrize("at_once", [True, False])
def test_a_new_row_over_a_standing_one_is_refused_and_nothing_is_written(speaker: Speaker, at_once: bool) -> None:
    speaker.say((new(B, "before"),))
    said = ((new(A, "one"),), (put(B, "after"), new(A, "two")))
    if not at_once:
        speaker.say(said[0])
    before, position = speaker.store.digest(), speaker.store.position()
    with pytest.raises(Invalid, match=r"said\.words: a second row stands for \('a',\)"):
        speaker.say(*said) if at_once else speaker.say(said[1])
    assert (speaker.store.digest(), speaker.store.position()) == (before, position)


def test_a_new_row_that_ends_in_its_batch_does_not_hide_the_one_that_stands(speaker: Speaker) -> None:
    speaker.say((new(A, "one"),))
    with pytest.raises(Invalid, match="a second row stands"):
        speaker.say((new(A, "two"),), (drop(A),))


# -- what is read -----------------------------------------------------------------------------------------------------


def test_named_rows_are_read_once_for_the_whole_batch(speaker: Speaker) -> None:
    speaker.say((new(A, "one"),))
    seen: list[Any] = []
    names: Keys = ((WORDS, A), (NUMBERS, (7,)), (WORDS, B))
    speaker.store.asked.clear()
    speaker.say(*(Said(names=names, first=look(key, seen), changes=(put(A, "two"),)) for key in (A, B, A)))
    assert [sorted(asked) for asked in speaker.store.asked] == [[("numbers", (7,)), ("words", A), ("words", B)]]
    assert seen == [("one",), None, ("two",)]


def test_other_rows_are_read_one_by_one_and_no_more_than_once(speaker: Speaker) -> None:
    speaker.say((new(A, "one"),))
    seen: list[Any] = []
    speaker.store.asked.clear()
    speaker.say(*(Said(first=look(key, seen)) for key in (A, B, A, B)))
    assert speaker.store.asked == [[], [("words", A)], [("words", B)]]
    assert seen == [("one",), None, ("one",), None]


def test_a_new_row_is_seen_without_being_read(speaker: Speaker) -> None:
    seen: list[Any] = []
    speaker.say((new(A, "one"),), Said(first=look(A, seen)), (drop(A),), Said(first=look(A, seen)))
    assert seen == [("one",), None] and speaker.store.asked == [[]]


def test_a_handler_sees_the_rows_before_its_entry(speaker: Speaker) -> None:
    seen: list[Any] = []
    speaker.say(*(Said(first=look(A, seen), changes=(put(A, text),)) for text in ("one", "two", "three")))
    assert seen == [None, ("one",), ("two",)]


# -- where it stops ---------------------------------------------------------------------------------------------------


def stumble(read: Read, rows: Rows) -> object:
    raise LookupError("no such word")


def names_that_stumble() -> View:
    def names(read: Read) -> Keys:
        if read.index == 2:
            raise KeyError("parents")
        return ()

    return View("said", 1, "what is said", (WORDS, NUMBERS), on=(On(Said, _handle, names),))


@pytest.mark.parametrize("place", [0, 2, 4])
@pytest.mark.parametrize("where", ["decode", "handle"])
def test_poison_stops_at_its_entry_with_those_before_it_written(speaker: Speaker, place: int, where: str) -> None:
    words: list[Said | tuple[Change, ...] | str] = [(put((str(one),), "said"),) for one in range(5)]
    words[place] = "broken" if where == "decode" else Said(first=stumble, changes=(put(B, "half"),))
    reason = {"decode": "Invalid: expected an entry, found nothing", "handle": "LookupError: no such word"}[where]
    batch = speaker.say(*words)
    assert (batch.position, batch.poison) == (place, Poison(place, reason))
    assert (speaker.store.position(), speaker.store.poison) == (place, batch.poison)
    assert set(speaker.words()) == {(str(one),) for one in range(place)}


def test_what_stumbles_over_its_names_stops_there_too() -> None:
    speaker = Speaker(Watched(names_that_stumble()))
    batch = speaker.say(*((put((str(one),), "said"),) for one in range(4)))
    assert batch.poison == Poison(2, "KeyError: 'parents'") and set(speaker.words()) == {("0",), ("1",)}


def test_the_first_of_two_poisons_is_told(speaker: Speaker) -> None:
    batch = speaker.say((put(A, "one"),), Said(first=stumble), "broken", Said(first=stumble))
    assert batch.poison == Poison(1, "LookupError: no such word") and speaker.words() == {A: "one"}


def test_a_view_that_is_mended_goes_on_where_it_stopped(speaker: Speaker) -> None:
    speaker.say((put(A, "one"),), "broken", (put(A, "two"),))
    speaker.next = 1
    assert speaker.say((put(B, "mended"),), (put(A, "two"),)).poison is None
    assert speaker.store.poison is None and speaker.words() == {A: "two", B: "mended"}


@pytest.mark.parametrize("named", [True, False])
def test_a_store_that_does_not_answer_is_no_poison(named: bool) -> None:
    speaker = Speaker(Watched(fail=Unavailable("the database is down")))
    names: Keys = ((WORDS, A),) if named else ()
    with pytest.raises(Unavailable, match="the database is down"):
        speaker.say((new(B, "before"),), Said(names=names, first=look(A, [])))
    assert speaker.store.batches == [] and speaker.store.position() == 0 and speaker.store.poison is None


def test_writing_to_a_view_that_somebody_else_moved_is_a_conflict(speaker: Speaker) -> None:
    speaker.say((new(A, "one"),))
    speaker.next = 0
    before = speaker.store.digest()
    with pytest.raises(Conflict, match="said: expected position 0, found 1"):
        speaker.say((put(A, "two"),))
    assert speaker.store.digest() == before


def test_a_view_that_reads_nothing_of_a_batch_moves_on() -> None:
    store = Watched()
    others = [Told(index, envelope(STREAM), PartyEnrolled(kind=PartyKind.PERSON)) for index in range(3)]
    assert run_batch(VIEW, store, others) == Batch(3, {}) and store.position() == 3


def test_what_a_view_does_not_read_is_not_decoded() -> None:
    store = Watched()
    assert run_batch(VIEW, store, [Broken(0, "edgeprint.testing.Other")]) == Batch(1, {})


# -- text that PostgreSQL cannot hold ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("a\0b", 1), ("a␀b", 1)),
        ((("x", "\0"), None, b"\0", "plain"), (("x", "␀"), None, b"\0", "plain")),
        (("\0\0",), ("␀␀",)),
        (("", (), True, 0), ("", (), True, 0)),
    ],
)
def test_a_nul_stands_as_its_symbol(values: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    assert storable(values) == expected and SHOWN_NUL == "␀"


def test_a_nul_in_a_row_its_key_and_a_reason_is_replaced_before_a_store_sees_it(speaker: Speaker) -> None:
    def stumble_over_nul(read: Read, rows: Rows) -> object:
        raise LookupError("no such word: a\0b")

    speaker.say((put(("a\0b",), "one\0"),), (put(("a\0b",), "one\0"),), (drop(("c\0",)),))
    assert speaker.words() == {("a␀b",): "one␀"} and len(speaker.store.batches[0].written["words"].begun) == 1
    assert speaker.say(Said(first=stumble_over_nul)).poison == Poison(3, "LookupError: no such word: a␀b")


# -- views and tables -------------------------------------------------------------------------------------------------


def test_a_view_takes_the_types_that_it_names_or_every_type() -> None:
    assert VIEW.takes(Said.TYPE) and not VIEW.takes(PartyEnrolled.TYPE)
    assert VIEW.how(Said.TYPE).event is Said
    with pytest.raises(KeyError):
        VIEW.how(PartyEnrolled.TYPE)
    every = On(Event, _handle)
    whole = View("whole", 1, "everything", (WORDS,), on=VIEW.on, every=every)
    assert whole.takes(PartyEnrolled.TYPE) and whole.how(Said.TYPE) is every


def test_a_view_is_found_by_its_name() -> None:
    assert [find_view(view.name) for view in VIEWS] == list(VIEWS)
    with pytest.raises(NotFound, match=r"expected one of genealogy, compliance, .*, found the projection 'genealogi'"):
        find_view("genealogi")


def test_names_are_told_apart() -> None:
    assert len({view.name for view in VIEWS}) == len(VIEWS)
    tables = [table.name for view in VIEWS for table in view.tables]
    assert len(set(tables)) == len(tables), "each table belongs to one view, so that a question needs no view's name"


@pytest.mark.parametrize("table", [table for view in VIEWS for table in view.tables], ids=lambda table: table.name)
def test_tables_and_columns_have_names_that_sql_and_python_take(table: Table) -> None:
    columns = [column.name for column in table.all_columns]
    assert len(set(columns)) == len(columns) and table.key
    assert not {"valid_from", "valid_to"} & set(columns)
    assert set(table.indexes) <= set(columns)
    for name in (table.name, *columns):
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name) and not keyword.iskeyword(name), name
    assert [table.place(column.name) for column in table.columns] == list(range(len(table.columns)))


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_view_finds_its_own_tables_and_each_type_is_taken_once(view: View) -> None:
    assert [view.table(table.name) for table in view.tables] == list(view.tables)
    types = [on.event.TYPE for on in view.on]
    assert len(set(types)) == len(types) and bool(types) != (view.every is not None)
    assert view.version >= 1 and re.fullmatch(r"[a-z]+", view.name)
