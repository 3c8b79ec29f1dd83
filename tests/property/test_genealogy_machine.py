"""The index as a state machine: births, findings, refusals, restarts from snapshots, and questions in any order."""

import io

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.errors import Invalid, NotFound
from domain.ids import LedgerId
from projections.genealogy.fold import fold
from projections.genealogy.graph import Genealogy
from projections.genealogy.model import FOUND, Edge
from projections.genealogy.snapshot import load, save
from tests.genealogy_kit import DECLARED, KINDS, LEDGER, Fact, Oracle, node, object_id

NUMBERS = st.integers(0, 200)


class GenealogyMachine(RuleBasedStateMachine):
    """Everything that was accepted is kept as facts; the oracle is told them anew for each question."""

    @initialize()
    def start(self) -> None:
        self.genealogy = Genealogy()
        self.facts: list[Fact] = []
        self.position = -1
        self.edges = 0

    @property
    def born(self) -> int:
        return sum(not isinstance(fact, Edge) for fact in self.facts)

    @rule(kind=st.sampled_from(KINDS), parents=st.lists(st.tuples(NUMBERS, st.sampled_from(DECLARED)), max_size=4))
    def a_birth(self, kind: str, parents: list[tuple[int, str]]) -> None:
        child = node(self.born, self.position + 1, kind)
        edges = tuple(
            Edge(child.object_id, object_id(number % self.born), relation, child.index)
            for number, relation in (parents if self.born else [])
        )
        self.genealogy.born(child, edges)
        self.facts.append((child, edges))
        self.position += 1
        self.edges += len(edges)

    @precondition(lambda self: self.born > 0)
    @rule(child=NUMBERS, parent=NUMBERS)
    def a_finding(self, child: int, parent: int) -> None:
        edge = Edge(object_id(child % self.born), object_id(parent % self.born), FOUND, self.position + 1)
        self.genealogy.found(edge)
        self.facts.append(edge)
        self.position += 1
        self.edges += 1

    @rule(count=st.integers(0, 3))
    def other_events(self, count: int) -> None:
        self.position += count
        self.genealogy.read_to(self.position)

    @rule(parent=NUMBERS)
    def a_birth_of_an_unknown_parent(self, parent: int) -> None:
        child = node(self.born, self.position + 1)
        with pytest.raises(Invalid):
            self.genealogy.born(
                child, [Edge(child.object_id, object_id(self.born + 1 + parent), "made_from", child.index)]
            )

    @precondition(lambda self: self.born > 0)
    @rule(number=NUMBERS)
    def a_birth_told_twice(self, number: int) -> None:
        again = node(number % self.born, self.position + 1)
        with pytest.raises(Invalid):
            self.genealogy.born(again, [])

    @precondition(lambda self: self.born > 0)
    @rule(back=st.integers(0, 3))
    def an_event_of_the_past(self, back: int) -> None:
        index = self.position - back
        with pytest.raises(Invalid):
            self.genealogy.born(node(self.born, index), [])
        with pytest.raises(Invalid):
            self.genealogy.found(Edge(object_id(0), object_id(0), FOUND, index))

    @rule()
    def a_restart(self) -> None:
        saved = b"".join(save(self.genealogy, LedgerId(LEDGER)))
        self.genealogy = load(io.BytesIO(saved), LedgerId(LEDGER))
        assert b"".join(save(self.genealogy, LedgerId(LEDGER))) == saved

    @precondition(lambda self: self.born > 0)
    @rule(number=NUMBERS, back=st.integers(0, 6))
    def a_question(self, number: int, back: int) -> None:
        position, one = self.position - back, object_id(number % self.born)
        oracle = Oracle.at(self.facts, position)
        if one not in oracle.nodes:
            with pytest.raises(NotFound):
                self.genealogy.descendants(one, position)
            return
        assert set(self.genealogy.ancestors(one, position)) == oracle.ancestors(one)
        assert set(self.genealogy.descendants(one, position)) == oracle.descendants(one)
        view = fold(self.genealogy, one, position)
        assert sum(each.count for each in view.nodes) == 1 + len(oracle.ancestors(one) | oracle.descendants(one))

    @invariant()
    def the_counts_are_those_of_what_was_accepted(self) -> None:
        assert len(self.genealogy) == self.born
        assert self.genealogy.edge_count == self.edges
        assert self.genealogy.position == self.position


TestGenealogyMachine = GenealogyMachine.TestCase
TestGenealogyMachine.settings = settings(max_examples=40, stateful_step_count=25)
