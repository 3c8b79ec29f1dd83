"""Views of random histories: what the machines of objects and capabilities, of parties and of subjects do.

Of each history: however it comes in batches, a view is the same; as of every index it is what the entries up to it
make; no key ever has two rows at once; a view touches its own tables alone, with values of their columns' kinds; and
what it shows in the end is what the machine's oracle knows, which keeps plain words and folds no event.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

import pytest
from hypothesis.stateful import RuleBasedStateMachine

from infra.views.entry import LedgerEntry
from infra.views.memory import MemoryViewStore
from projections.capability import CAPABILITY, FILING, VERSION
from projections.catalogue import VIEWS
from projections.compliance import HOLD, OBJECT, REVOKED, SUSPENDED
from projections.genealogy.view import EDGE, FOUND, NODE
from projections.ledger import ENTRY
from projections.operations import ERASURE, OPENING
from projections.parties import ACTIVE, KEY, MANDATE, PARTY, POLICY, ROLE
from projections.runner import Batch, Standing, run_batch
from projections.tables import Key, Kind, Table, Values
from projections.view import View
from tests.governance_kit import Town
from tests.machine_kit import run_machine
from tests.property.test_governance_machine import Governance
from tests.property.test_subject_machine import Subjects
from tests.property.test_upkeep_machine import Upkeep

KINDS: dict[Kind, Any] = {
    Kind.UUID: lambda value: isinstance(value, UUID),
    Kind.BIGINT: lambda value: type(value) is int and -(2**63) <= value < 2**63,
    Kind.TEXT: lambda value: type(value) is str,
    Kind.BYTES: lambda value: type(value) is bytes,
    Kind.BOOLEAN: lambda value: type(value) is bool,
    Kind.TEXTS: lambda value: type(value) is tuple and all(type(one) is str for one in value),
}


class Strict(MemoryViewStore):
    """A store that looks at what it is given, and keeps the intervals of each key by itself."""

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self.spans: dict[tuple[str, Key], list[tuple[int, int | None]]] = {}

    def standing(self, places: Sequence[tuple[Table, Key]]) -> Standing:
        for table, key in places:
            assert table in self.view.tables and len(key) == len(table.key)
        return super().standing(places)

    def write(self, before: int, batch: Batch) -> None:
        """Look at each row: of which table, of which kinds, and when it begins and ends."""
        for name, written in batch.written.items():
            table = self.view.table(name)
            for key, start, end in written.ended:
                assert self.spans[name, key][-1] == (start, None), "only what stands ends, and it ends once"
                self.spans[name, key][-1] = (start, end)
            for key, values, start, end in written.begun:
                self.fits(table, key, values)
                assert before <= start < batch.position and (end is None or start < end < batch.position)
                self.spans.setdefault((name, key), []).append((start, end))
        super().write(before, batch)

    def fits(self, table: Table, key: Key, values: Values) -> None:
        """Require a value of its kind for each column; no part of a key is null."""
        for column, value in zip(table.key, key, strict=True):
            assert KINDS[column.kind](value), (table.name, column.name, value)
        for column, value in zip(table.columns, values, strict=True):
            assert value is None or KINDS[column.kind](value), (table.name, column.name, value)

    def no_two_at_once(self) -> None:
        """Require that each row of a key ends before the next one begins."""
        for place, spans in self.spans.items():
            for (_, end), (start, _) in itertools.pairwise(spans):
                assert end is not None and end <= start, (place, spans)


def fed(view: View, entries: Sequence[LedgerEntry], sizes: Iterator[int]) -> Strict:
    """Return the view after these entries, taken in batches of these sizes."""
    store = Strict(view)
    while store.position() < len(entries):
        start = store.position()
        batch = run_batch(view, store, entries[start : start + next(sizes)])
        assert batch.poison is None, (view.name, batch.poison)
    store.no_two_at_once()
    return store


def some_sizes(numbers: random.Random) -> Iterator[int]:
    while True:
        yield numbers.choice([1, 2, 3, 5, 8, 40, 1_000])


def check_views(town: Town) -> dict[str, Strict]:
    """Hold every view of a town's history against itself, and return them."""
    rows = town.store.rows(0, 100_000)
    entries = [LedgerEntry(row, town.application.codec) for row in rows]
    numbers = random.Random(rows[-1].leaf_hash)
    return {view.name: check_view(view, entries, numbers) for view in VIEWS}


def check_view(view: View, entries: Sequence[LedgerEntry], numbers: random.Random) -> Strict:
    whole = fed(view, entries, iter([len(entries)]))
    assert fed(view, entries, some_sizes(numbers)).digest() == whole.digest(), view.name
    grown = Strict(view)
    drawn = set(numbers.sample(range(len(entries)), 3))
    for index, entry in enumerate(entries):
        run_batch(view, grown, [entry])
        for table in view.tables:
            assert whole.rows(table, as_of=index) == grown.rows(table), (table.name, index)
            assert grown.rows(table, as_of=index) == grown.rows(table), (table.name, index)
        if index in drawn:
            assert fed(view, entries[: index + 1], some_sizes(numbers)).digest() == grown.digest(), (view.name, index)
    assert grown.digest() == whole.digest(), view.name
    return whole


class ViewsOfUpkeep(Upkeep):
    """Objects and capabilities, and their views."""

    def teardown(self) -> None:
        """Compare the genealogy, statuses and the list with what the oracle knows."""
        super().teardown()
        if not hasattr(self, "founded"):
            return
        views = check_views(self.town)
        self.objects_are_those_of(views["compliance"], views["genealogy"])
        if self.means is not None:
            self.the_capability_is_that_of(views["capability"], views["compliance"])

    def objects_are_those_of(self, compliance: Strict, genealogy: Strict) -> None:
        status = OBJECT.place("status")
        assert {k[0]: values[status] for k, values in compliance.rows(OBJECT).items()} == {
            thing.object_id: thing.status for thing in self.things
        }
        edges = {(thing.object_id, parent, "made_from") for thing in self.things for parent in thing.parents}
        assert set(genealogy.rows(EDGE)) == edges
        sources = {(thing.object_id, source) for thing in self.things for source in thing.sources}
        assert set(genealogy.rows(FOUND)) == sources
        parents = {thing.object_id: thing.parents for thing in self.things}
        depth = NODE.place("depth")
        for (this,), values in genealogy.rows(NODE).items():
            assert values[depth] == longest_way_up(this, parents)
        withdrawn = {thing.object_id for thing in self.things if thing.status == "withdrawn"}
        assert {key[0] for key, values in compliance.rows(REVOKED).items() if values[0] == "object"} == withdrawn

    def the_capability_is_that_of(self, capabilities: Strict, compliance: Strict) -> None:
        means = self.of()
        states = {"described": True, "published": means.published, "suspended": means.suspended}
        state = "revoked" if means.revoked else [name for name, so in states.items() if so][-1]
        rows = capabilities.rows(CAPABILITY)
        assert rows[means.capability,][CAPABILITY.place("state")] == state
        assert (rows[means.capability,][CAPABILITY.place("published")] == 1) == means.published
        version = capabilities.rows(VERSION).get((means.capability, 1))
        assert (version is not None) == means.signed
        if version is not None:
            found = {"scan": version[VERSION.place("scan")], "test": version[VERSION.place("passed")]}
            found["grade"] = version[VERSION.place("grades")] or None
            assert {name for name, value in found.items() if value is not None} == means.steps
        filings = [values[0] for key, values in capabilities.rows(FILING).items() if key[0] == means.capability]
        assert filings == (["confirmed" if means.confirmed else "declared"] if means.filed else [])
        assert set(compliance.rows(SUSPENDED)) == ({(means.capability,)} if means.suspended else set())
        open_ended = [v for k, v in compliance.rows(REVOKED).items() if k[0] == means.capability and v[3] is None]
        assert len(open_ended) == means.suspended + means.revoked


def longest_way_up(this: UUID, parents: dict[Any, set[Any]]) -> int:
    return max((1 + longest_way_up(parent, parents) for parent in parents[this]), default=0)


class ViewsOfGovernance(Governance):
    """Parties and policies, and their views."""

    def teardown(self) -> None:
        """Compare roles, keys, mandates and the policy that decides with what the oracle knows."""
        super().teardown()
        parties = check_views(self.town)["parties"]
        known = {one.party: one for one in self.known}
        kinds = {key[0]: values[1] for key, values in parties.rows(PARTY).items()}  # others were enrolled by the way
        assert {party: kinds[party] for party in known} == {party: str(one.kind) for party, one in known.items()}
        assert set(parties.rows(ROLE)) == {(party, str(role)) for party, one in known.items() for role in one.roles}
        in_force = [key[0] for key, values in parties.rows(KEY).items() if values[1] is None]
        assert sorted(in_force) == sorted(party for party, one in known.items() for _ in one.keys)
        assert len(parties.rows(KEY)) == sum(one.used_keys for one in self.known)
        assert {key: values[-1] for key, values in parties.rows(MANDATE).items()} == {
            (party, mandate.number): mandate.revoked for party, one in known.items() for mandate in one.mandates
        }
        self.the_policy_is_that_of(parties)

    def the_policy_is_that_of(self, parties: Strict) -> None:
        drafts = {key[1]: values[1:] for key, values in parties.rows(POLICY).items()}
        assert drafts == {
            number: (approved, number == self.active) for number, approved in enumerate(self.drafts, start=1)
        }
        assert [values[0] for values in parties.rows(ACTIVE).values()] == ([self.active] if self.active else [])


class ViewsOfSubjects(Subjects):
    """Subjects, holds and erasures, and their views."""

    def teardown(self) -> None:
        """Compare holds, openings and erasures with what the oracle knows."""
        super().teardown()
        if not self.known:
            return
        views = check_views(self.town)
        holds = {(one.party, number) for one in self.known for number in one.holds}
        assert set(views["compliance"].rows(HOLD)) == holds
        erased = {(one.party,) for one in self.known if one.erased}
        completed = {key for key, values in views["operations"].rows(ERASURE).items() if values[1] is not None}
        assert completed == erased == set(views["operations"].rows(ERASURE))
        said = {key: values[2] for key, values in views["parties"].rows(PARTY).items()}
        assert {key for key, erasure in said.items() if erasure} == erased
        assert all(said[key] == "completed" for key in erased)
        subjects = [values[0] for values in views["operations"].rows(OPENING).values()]
        assert {one.party: subjects.count(one.party) for one in self.known} == {
            one.party: one.opened for one in self.known
        }
        assert len(views["ledger"].rows(ENTRY)) == self.town.store.size()


MACHINES = [(ViewsOfUpkeep, 8, 80), (ViewsOfGovernance, 6, 60), (ViewsOfSubjects, 6, 60)]


@pytest.mark.parametrize(("machine", "histories"), [one[:2] for one in MACHINES])
def test_views_of_some_histories(machine: type[RuleBasedStateMachine], histories: int) -> None:
    run_machine(machine, histories)


@pytest.mark.soak
@pytest.mark.parametrize(("machine", "histories"), [(one[0], one[2]) for one in MACHINES])
def test_views_of_many_histories(machine: type[RuleBasedStateMachine], histories: int) -> None:
    run_machine(machine, histories, steps=50)
