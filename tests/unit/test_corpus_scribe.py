"""From an act of the corpus to the request that writes it."""

import dataclasses
from typing import Any
from uuid import UUID

import pytest

from domain.events import ZERO_HASH, ZERO_UUID
from domain.identity.events import ObjectAdmitted, ObjectIdentified, content_key
from domain.ids import LedgerId
from domain.ledger.merkle import leaf_hash
from infra.dev.acts import START_US, Act
from infra.dev.scribe import Scribe
from producers.ports import CommandKey
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec, Decoded
from tests.corpus_kit import Film, acts_of

LEDGER = LedgerId(UUID("01890a5d-ac96-7000-8000-00000000000a"))
POLICY = b"p" * 32
NOW = START_US + 1
CODEC = Codec(CATALOGUE)


def scribe(**policies: bytes) -> Scribe:
    known: Any = {"trace-set": POLICY, **policies}
    return Scribe("test", LEDGER, known)


def told(film: Film, kind: str = "mesh") -> list[Act]:
    return acts_of(film.lives.tell(film.birth(kind)))


def decoded(writer: Scribe, act: Act) -> list[Decoded]:
    return [CODEC.accept(event.entry) for event in writer.request(act, NOW).events]


def test_the_envelopes_of_an_act_say_who_did_it_when_and_by_which_policy() -> None:
    act = told(Film())[0]
    request = scribe().request(act, NOW)
    heads = [CODEC.accept(event.entry).envelope for event in request.events]
    assert [CODEC.accept(event.entry).event for event in request.events] == list(act.events)
    assert request.command == CommandKey(act.who.party, heads[0].command_id)
    assert {head.command_id for head in heads} == {heads[0].command_id}
    assert len({head.event_id for head in heads}) == len(heads) == 3
    for place, head in enumerate(heads):
        assert (head.stream_id, head.stream_version) == (act.stream.stream_id, place + 1)
        assert (head.ledger_id, head.actor, head.actor_kind) == (LEDGER, act.who.party, act.who.kind)
        assert (head.recorded_at, head.occurred_at) == (NOW, act.at_us)
        assert (head.policy, head.mandate, head.on_behalf_of, head.attestation) == (POLICY, None, None, None)
        assert (head.causation_id, head.correlation_id) == (ZERO_UUID, ZERO_UUID)
        assert head.event_id.version == 7 and head.event_id.int >> 80 == act.at_us // 1000


def test_streams_are_chained_through_acts() -> None:
    film, writer, previous, version = Film(), scribe(), ZERO_HASH, 0
    told(film)  # the first is rejected and has no further life
    for act in told(film, "image"):
        for event in writer.request(act, NOW).events:
            head = CODEC.accept(event.entry).envelope
            assert (head.previous, head.stream_version, event.originator_version) == (
                previous,
                version + 1,
                version + 1,
            )
            previous, version = leaf_hash(event.entry), version + 1  # type: ignore[assignment]
        assert act.stream.last_leaf == previous
    assert version >= 5


def test_keys_stand_at_the_events_that_take_them() -> None:
    film = Film()
    act = told(film)[0]
    born = act.events[0]
    assert isinstance(born, ObjectIdentified)
    request = scribe().request(act, NOW)
    assert request.take == (content_key(born.holder, born.content.sha256),) and request.take_at == (0,)
    turned = dataclasses.replace(act, events=(ObjectAdmitted(), born), first=1)
    assert scribe().request(turned, NOW).take_at == (1,)
    assert scribe().request(dataclasses.replace(act, events=(ObjectAdmitted(),)), NOW).take == ()


def test_mandates_and_policies_are_those_that_the_scribe_wrote_itself() -> None:
    film = Film()
    writer = Scribe("test", LEDGER)
    leaves = {}
    for act in film.house.found(policies=True):
        for event in writer.request(act, NOW).events:
            leaves[type(CODEC.accept(event.entry).event).__name__, event.originator_id] = leaf_hash(event.entry)
    agent = film.house.agents[0]
    acts = acts_of(film.lives.tell(film.birth("image", bringer=agent)))
    head = decoded(writer, acts[0])[0].envelope
    assert head.mandate == leaves["MandateGranted", agent.party] and head.on_behalf_of == film.house.studio.party
    first = next(leaf for (name, _), leaf in leaves.items() if name == "PolicyActivated")
    assert head.policy == first


def test_what_no_policy_or_mandate_stands_behind_is_not_written() -> None:
    film = Film()
    with pytest.raises(KeyError, match="trace-set"):
        Scribe("test", LEDGER).request(told(film)[0], NOW)
    by_agent = acts_of(film.lives.tell(film.birth("image", bringer=film.house.agents[0])))
    with pytest.raises(KeyError):
        scribe().request(by_agent[0], NOW)


def test_names_of_corpora_give_other_ids_for_the_same_acts() -> None:
    entries = []
    for name in ("one", "one", "other"):
        act = told(Film())[0]
        known: Any = {"trace-set": POLICY}
        entries.append([event.entry for event in Scribe(name, LEDGER, known).request(act, NOW).events])
    assert entries[0] == entries[1] and not set(entries[0]) & set(entries[2])
