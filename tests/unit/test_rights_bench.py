"""The rights over the benchmark's corpus: the same each time, given by right, and in the ledger once."""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import chain
from uuid import UUID

import pytest

from bench.kit import append_in_time
from bench.rights_corpus import CLEARED_OF, LINKS, RightsOf
from domain.errors import Rejected, Unavailable
from domain.events import Event
from domain.identity.events import AuthorisationCited, ObjectIdentified
from domain.ids import ObjectId, PartyId, RightsGrantId, TitleId
from domain.rights.events import RightsClaimed
from domain.rights.grant_events import (
    GrantAccepted,
    GrantRecorded,
    GrantRevoked,
    ScopeAllocated,
    SubscopeAllocated,
)
from domain.rights.scope import contained
from domain.rights.scope_terms import scope_of
from domain.rights.settlement import WHOLE_BP
from infra.dev.acts import START_US, Act
from infra.dev.corpus import founded_in_memory
from infra.dev.scribe import Scribe
from infra.store.memory import MemoryRecorder
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec

OBJECTS = 3_000
REGISTRAR = PartyId(UUID(int=7))


def told(objects: int = OBJECTS) -> tuple[RightsOf, list[Act]]:
    rights = RightsOf(3, objects, REGISTRAR)
    _, acts = founded_in_memory(3, objects)
    return rights, [*rights.watch(acts), *rights.acts()]


@cache
def history() -> tuple[RightsOf, list[Act]]:
    return told()


def of(kind: type[Event]) -> Iterator[tuple[UUID, Event]]:
    return ((act.stream.stream_id, event) for act in history()[1] for event in act.events if isinstance(event, kind))


def test_one_corpus_has_one_set_of_rights() -> None:
    rights, acts = told()
    assert [(act.events, act.who, act.first) for act in acts] == [
        (act.events, act.who, act.first) for act in history()[1]
    ]
    assert rights.chained == history()[0].chained


def test_a_title_is_whole_and_stands_on_one_work_once() -> None:
    claims = [claim for _, claim in of(RightsClaimed)]
    assert len({claim.work for claim in claims}) == len(claims) > OBJECTS // CLEARED_OF  # type: ignore[attr-defined]
    for claim in claims:
        parties = [one.party for one in claim.owners]  # type: ignore[attr-defined]
        assert parties == sorted(set(parties)) and claim.holder in parties  # type: ignore[attr-defined]
        assert sum(one.share_bp for one in claim.owners) == WHOLE_BP  # type: ignore[attr-defined]


def test_each_link_was_given_by_whom_the_one_above_it_was_given_to_and_is_no_wider() -> None:
    grants: dict[UUID, GrantRecorded] = dict(of(GrantRecorded))  # type: ignore[arg-type]
    titles: dict[UUID, RightsClaimed] = dict(of(RightsClaimed))  # type: ignore[arg-type]
    for grant in grants.values():
        above = [grants[one] for one in grant.chain]
        givers = {one.party for one in titles[grant.title].owners} if not above else {above[-1].grantee}
        assert grant.grantor in givers
        assert all(one.title == grant.title for one in above)
        assert not above or contained(scope_of(grant.scope), scope_of(above[-1].scope))
    assert {len(grant.chain) for grant in grants.values()} == set(range(LINKS - 1))
    assert len(list(of(GrantAccepted))) == len(grants) > len(list(of(GrantRevoked))) > 0
    promised = [one.child for _, one in of(ScopeAllocated)]  # type: ignore[attr-defined]
    assert {isinstance(one, SubscopeAllocated) for _, one in of(ScopeAllocated)} == {True, False}
    assert sorted(promised) == sorted(grants), "each is promised to once, by its giver"


def test_who_cites_a_grant_has_it_and_the_work_is_in_the_object() -> None:
    grants: dict[UUID, GrantRecorded] = dict(of(GrantRecorded))  # type: ignore[arg-type]
    works = {TitleId(stream): claim.work for stream, claim in of(RightsClaimed)}  # type: ignore[attr-defined]
    births: dict[UUID, ObjectIdentified] = dict(of(ObjectIdentified))  # type: ignore[arg-type]
    cited: dict[UUID, AuthorisationCited] = dict(of(AuthorisationCited))  # type: ignore[arg-type]
    for stream, event in cited.items():
        born = births[stream]
        inside = {born.content.sha256, *(births[one.object_id].content.sha256 for one in born.parents)}
        assert list(event.grants) == sorted(set(event.grants))
        assert all(grants[one].grantee == born.holder and works[grants[one].title] in inside for one in event.grants)
    long = history()[0].chained
    assert long and all(len(grants[RightsGrantId(cited[one].grants[0])].chain) == LINKS - 2 for one in long)
    assert set(long) <= set(map(ObjectId, cited))


def test_no_call_of_append_meets_a_grant_or_an_object_twice() -> None:
    rights = RightsOf(3, OBJECTS, REGISTRAR)
    for _ in rights.watch(founded_in_memory(3, OBJECTS)[1]):
        pass
    met = Counter(act.stream.stream_id for act in rights.acts())
    twice = {stream for stream, times in met.items() if times > 1}
    assert twice <= {stream for stream, _ in of(RightsClaimed)} and max(met.values()) == 2


# -- appending on a machine that stands still --------------------------------------------------------------------------


class Standing:
    """A clock that jumps ahead each time the store has looked at it so often."""

    def __init__(self, every: int) -> None:
        self.now_us, self._every, self._looks = START_US, every, 0

    def __call__(self) -> int:
        self._looks += 1
        if self._looks % self._every == 0:
            self.now_us += 6_000_000
        return self.now_us


@pytest.mark.parametrize("every", [400, 1_501])
def test_what_came_too_late_is_written_again_and_once(every: int, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Standing(every)
    monkeypatch.setattr("bench.kit.now_us", lambda: clock.now_us)
    ledger_id, acts = founded_in_memory(3, 1_000)
    rights = RightsOf(3, 1_000, REGISTRAR)
    store = MemoryRecorder(clock)
    append_in_time(store, chain(rights.watch(acts), rights.acts()), Scribe("any", ledger_id))
    codec = Codec(CATALOGUE)
    stored = [codec.accept(row.entry) for row in store.rows(0, 100_000)]
    _, expected = told(1_000)
    assert [one.event for one in stored] == [event for act in expected for event in act.events]
    assert len({one.envelope.recorded_at for one in stored}) > 1, "none came too late"


def test_a_machine_that_always_stands_still_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.kit.now_us", lambda: START_US)
    ledger_id, acts = founded_in_memory(3, 50)
    with pytest.raises(Unavailable, match="10 times in a row"):
        append_in_time(MemoryRecorder(lambda: START_US + 6_000_000), acts, Scribe("any", ledger_id))


def test_what_is_refused_ends_it() -> None:
    ledger_id, acts = founded_in_memory(3, 50)
    store = MemoryRecorder()
    append_in_time(store, acts, Scribe("any", ledger_id))
    with pytest.raises(Rejected, match="expected each command stored, found"):
        append_in_time(store, founded_in_memory(3, 50)[1], Scribe("any", ledger_id))
