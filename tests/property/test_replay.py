"""Any stream, read in any pieces, as of any index, folds to the state that it had then."""

from functools import reduce
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.capability.rules import PublishCapability
from domain.governance.events import PartyKind, Role
from domain.identity.events import AlternativeScheme, Purpose
from domain.identity.upkeep import AddRepresentation, AmendMetadata, BindAlternativeId, RecheckObject
from producers.authority import PARTY
from producers.capability import CAPABILITY, RESOURCE, TEMPLATE
from producers.commands import Aggregate, StreamCache
from producers.identity import OBJECT
from tests.capability_kit import machines_of, published, suspension, template_of
from tests.governance_kit import Town


class Lived:
    """A town in which something of every kind has happened."""

    def __init__(self) -> None:
        town = self.town = Town()
        officer = town.enrol(PartyKind.PERSON, Role.COMPLIANCE_OFFICER, key=True)
        vendor = town.enrol(PartyKind.ORGANISATION, key=True)
        it = town.bring(b"a still")
        for n in range(4):
            town.give(AmendMetadata(object=it, document=town.put(b"note %d" % n))).require()
            command = AddRepresentation(object=it, sha256=town.put(b"proxy %d" % n), purpose=Purpose.PROXY)
            town.give(command).require()
        town.give(BindAlternativeId(object=it, scheme=AlternativeScheme.DOI, text="10.5594/X")).require()
        town.give(RecheckObject(object=it)).require()
        capability = published(town, vendor)
        town.give(suspension(town, capability)).require()
        assert town.give(PublishCapability(capability=capability, version=1)).error is not None
        self.streams: list[tuple[UUID, Aggregate[Any]]] = [
            (officer, PARTY),
            (town.holder, PARTY),
            (it, OBJECT),
            (capability, CAPABILITY),
            (template_of(town), TEMPLATE),
            (machines_of(town), RESOURCE),
        ]

    def decode(self, entry: bytes) -> Any:
        return self.town.application.codec.accept(entry).event


@pytest.fixture(scope="module")
def lived() -> Lived:
    return Lived()


@settings(max_examples=60)
@given(which=st.integers(0, 5), cuts=st.lists(st.integers(0, 20), max_size=6))
def test_in_any_pieces(lived: Lived, which: int, cuts: list[int]) -> None:
    stream, aggregate = lived.streams[which]
    events = [lived.decode(row.entry) for row in lived.town.store.streams([stream])[stream]]
    state, begin = aggregate.initial, 0
    for end in [*sorted(min(cut, len(events)) for cut in cuts), len(events)]:
        state = reduce(aggregate.evolve, events[begin:end], state)
        begin = end
    assert state == lived.town.load(stream, aggregate).state


def test_as_of_each_index_it_is_what_it_was(lived: Lived) -> None:
    for stream, aggregate in lived.streams:
        rows = lived.town.store.streams([stream])[stream]
        state = aggregate.initial
        for place, row in enumerate(rows):
            cache = StreamCache({stream: [one for one in rows if one.index < row.index]}, lived.decode)
            loaded = cache.load(stream, aggregate)
            assert (loaded.state, loaded.version) == (state, place)
            state = aggregate.evolve(state, lived.decode(row.entry))
