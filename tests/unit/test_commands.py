"""What a command may look at: streams by their kind, each guarded, ids that a second try gets again."""

import itertools
from uuid import UUID

import pytest

from domain.errors import NotFound
from domain.events import ActorKind, Event
from domain.governance.events import PartyEnrolled, PartyKind
from domain.ids import PartyId
from producers.authority import PARTY
from producers.commands import Actor, Aggregate, Decision, StreamCache, Task, View, Write
from producers.identity import OBJECT
from producers.ports import CommandKey
from tests.governance_kit import NOW, Town
from tests.identity_kit import submit

COUNT: Aggregate[int] = Aggregate("Count", PARTY.born_by, 0, lambda state, _: state + 1)
"""The same streams as parties, folded to another state."""


def view_of(town: Town, *streams: UUID) -> View:
    rows = town.store.streams(list(streams))
    cache = StreamCache(rows, lambda entry: town.application.codec.decode(entry).event)
    return View({}, frozenset(streams), cache, town.new_id, NOW)


def test_a_stream_is_what_it_was_born_as_whoever_asked_first() -> None:
    town = Town()
    view = view_of(town, town.holder)
    party = view.load(town.holder, PARTY).state
    assert party.enrolled and view.load(town.holder, COUNT).state == 6
    assert view.load(town.holder, PARTY).state is party, "folded once"
    with pytest.raises(NotFound, match="expected a stream of DigitalObject, found one born by"):
        view.load(town.holder, OBJECT)
    refused = town.give(submit(town.data(b"child"), [town.holder]))
    assert "expected a stream of DigitalObject" in town.refusal(refused)


def test_what_was_read_and_is_not_written_is_guarded() -> None:
    town = Town()
    other = town.enrol(PartyKind.PERSON)
    view = view_of(town, town.holder, other)
    assert view.guards(frozenset()) == ()
    view.load(town.holder, PARTY), view.load(other, PARTY)
    assert {(g.stream_id, g.version) for g in view.guards(frozenset({other}))} == {(town.holder, 6)}
    assert len(view.guards(frozenset())) == 2


def test_the_newest_event_of_a_stream_is_told_without_folding_it_and_guarded() -> None:
    town = Town()
    agent = town.enrol(PartyKind.AGENT)
    view = view_of(town, town.holder, agent, UUID(int=9))
    rows = town.store.streams([town.holder])[town.holder]
    assert view.last(town.holder) == rows[-1].index
    assert view.last(town.holder, {row.type for row in rows[1:]}) == rows[0].index
    assert view.last(agent, (PartyEnrolled.TYPE,)) == view.last(UUID(int=9)) == -1
    assert {(one.stream_id, one.version) for one in view.guards(frozenset())} == {
        (town.holder, 6),
        (agent, 1),
        (UUID(int=9), 0),
    }
    with pytest.raises(AssertionError, match="was not named"):
        view.last(UUID(int=8))


@pytest.mark.parametrize("written", [(), (PartyEnrolled(kind=PartyKind.AGENT),)])
def test_a_decision_to_write_nothing_still_rests_on_what_it_read(written: tuple[Event, ...]) -> None:
    town = Town()
    agent = town.enrol(PartyKind.AGENT)
    acting = Actor(town.holder, ActorKind.HUMAN)

    def decide(view: View) -> Decision[str]:
        return Decision((Write(view.load(agent, PARTY), written),), "read")

    task = Task(CommandKey(town.holder, town.new_id()), acting, decide, reads=lambda _: (agent,))
    guarded = town.application.preview(task).request.guards
    assert [(guard.stream_id, guard.version) for guard in guarded] == ([] if written else [(agent, 1)])


def test_a_second_try_gets_the_ids_of_the_first() -> None:
    numbers = itertools.count(1)
    nobody = PartyId(UUID(int=1))
    acting = Actor(nobody, ActorKind.HUMAN)
    task: Task[None] = Task(CommandKey(nobody, UUID(int=2)), acting, lambda _: Decision((), None))
    first = task.id_source(lambda: UUID(int=next(numbers)))
    given = [first(), first()]
    again = task.id_source(lambda: UUID(int=next(numbers)))
    assert [again(), again()] == given and again() not in given
