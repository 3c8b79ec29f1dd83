"""Any seed and size: a store takes every command of the corpus, and every stream folds."""

from collections import Counter
from functools import reduce
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.identity.digital_object import DigitalObject, Status, evolve
from domain.identity.events import PARENTS_MAX, DerivationFound, ObjectIdentified
from infra.dev.acts import START_US
from infra.dev.corpus import corpus_name, founded_in_memory, small_history
from infra.dev.filling import append_acts
from infra.dev.scribe import Scribe
from infra.store.memory import MemoryRecorder
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec

CODEC = Codec(CATALOGUE)


@settings(max_examples=15)
@given(st.integers(-(2**63), 2**63), st.integers(1, 250))
def test_a_store_takes_it_whole_and_objects_stand_as_they_may(seed: int, objects: int) -> None:
    ledger_id, acts = founded_in_memory(seed, objects)
    store = MemoryRecorder(lambda: START_US)
    filled = append_acts(store, acts, Scribe(corpus_name(seed, objects), ledger_id), lambda: START_US)
    rows = store.rows(0, filled.size)
    assert filled.types == Counter(row.type for row in rows) and filled.types[ObjectIdentified.TYPE] == objects
    streams: dict[UUID, list[Any]] = {}
    for row in rows:
        decoded = CODEC.accept(row.entry)
        if isinstance(decoded.event, ObjectIdentified):
            streams[decoded.envelope.stream_id] = []
            assert all(parent.object_id in streams for parent in decoded.event.parents)
            assert len(decoded.event.parents) <= PARENTS_MAX
        if isinstance(decoded.event, DerivationFound):
            assert decoded.event.source in streams
        if decoded.envelope.stream_id in streams:
            streams[decoded.envelope.stream_id].append(decoded.event)
    for events in streams.values():
        assert reduce(evolve, events, DigitalObject()).status not in (Status.UNKNOWN, Status.IDENTIFIED)


@settings(max_examples=5)
@given(st.integers(0, 1_000), st.integers(1, 60))
def test_equal_seeds_are_equal_and_the_clock_changes_nothing_else(seed: int, objects: int) -> None:
    rows = small_history(seed, objects)
    assert rows == small_history(seed, objects)
    ledger_id, acts = founded_in_memory(seed, objects)
    scribe = Scribe(corpus_name(seed, objects), ledger_id)
    late = [event.entry for act in acts for event in scribe.request(act, START_US * 2).events]
    for row, entry in zip(rows, late, strict=True):
        before, after = CODEC.decode(row.entry), CODEC.decode(entry)
        assert (before.event, before.envelope.event_id) == (after.event, after.envelope.event_id)
        assert before.envelope.occurred_at == after.envelope.occurred_at
        assert after.envelope.recorded_at == START_US * 2
