"""Subjects, their secrets, holds and erasures in any order by anybody, over a ledger and a vault in memory.

The oracle keeps plain words. The forbidden states are looked for after each run: an erased subject readable or acting,
an erasure under a hold, an opening that nobody recorded, a commitment that opens to something else than was given.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from domain.commitment import verify_opening
from domain.errors import NotFound
from domain.governance.events import (
    FieldOpened,
    LegalHoldLifted,
    LegalHoldPlaced,
    OpeningPurpose,
    PartyKind,
    Role,
    SubjectErased,
)
from domain.governance.subject import DeclareParticulars, EraseSubject, LiftLegalHold, OpenField, PlaceLegalHold
from domain.identity.upkeep import RecordPrompt
from domain.ids import EventId, PartyId
from infra.fsck.vault import VaultCheck
from infra.vault.erasure import finish, finish_erasures
from infra.vault.opening import commitment_at
from producers.authority import PARTY
from schemas.codec import Decoded
from tests.conftest import LedgerDatabase
from tests.governance_kit import ANY, Town
from tests.machine_kit import PostgresTown, run_machine

places = st.integers(0, 3)
values = st.sampled_from(["林晚照", "a weir at night", {"currency": "CNY", "minor": 7}])


@dataclass
class Secret:
    """A value as the oracle knows it."""

    event_id: UUID
    path: str
    value: Any


@dataclass
class Known:
    """A party as the oracle knows it."""

    party: PartyId
    secrets: list[Secret] = field(default_factory=list)
    holds: list[int] = field(default_factory=list)
    erased: bool = False
    begun: bool = False
    opened: int = 0


class Subjects(RuleBasedStateMachine):
    """Anybody tries anything; a crash may come between the steps of an erasure."""

    def __init__(self) -> None:
        super().__init__()
        self.town = self.make_town()
        self.known: list[Known] = []

    def make_town(self) -> Town:
        """Return the town of one run."""
        return Town()

    @initialize()
    def some_parties(self) -> None:
        """A court, an auditor, and four studios that may record prompts."""
        self.court = self.town.enrol(PartyKind.ORGANISATION, Role.CLERK, key=True)
        self.still = self.town.bring(b"a still")
        for _ in range(4):
            party = self.town.enrol(PartyKind.ORGANISATION, Role.OPERATOR, key=True)
            self.known.append(Known(party))

    def event_of(self, outcome: Any) -> UUID:
        entry = self.town.store.rows(outcome.first, 1)[0].entry
        return UUID(int=self.town.application.codec.accept(entry).envelope.event_id.int)

    def refused_by_vault(self, of: Known) -> bool:
        return of.erased or of.begun

    @rule(place=places, value=values)
    def declare(self, place: int, value: Any) -> None:
        of = self.known[place]
        if self.refused_by_vault(of):
            with pytest.raises(Exception, match="nothing more is kept"):
                self.town.give(DeclareParticulars(party=of.party, name=ANY), secrets={"name": value})
            return
        outcome = self.town.give(DeclareParticulars(party=of.party, name=ANY), secrets={"name": value})
        of.secrets.append(Secret(self.event_of(outcome), "name", value))

    @rule(place=places, value=values)
    def prompt(self, place: int, value: Any) -> None:
        of = self.known[place]
        if self.refused_by_vault(of):
            return
        outcome = self.town.give(RecordPrompt(object=self.still, prompt=ANY), of.party, secrets={"prompt": value})
        of.secrets.append(Secret(self.event_of(outcome), "prompt", value))

    @rule(place=places, of=places, which=st.integers(0, 9), by_court=st.booleans())
    def open(self, place: int, of: int, which: int, by_court: bool) -> None:
        subject, actor = self.known[of], self.court if by_court else self.known[place].party
        if not subject.secrets:
            return
        secret = subject.secrets[which % len(subject.secrets)]
        command = OpenField(
            party=subject.party, event=EventId(secret.event_id), path=secret.path, purpose=OpeningPurpose.COURT
        )
        allowed = not subject.erased and (by_court or actor == subject.party)
        outcome = self.town.give(command, actor)
        assert (outcome.error is None) == allowed, outcome.error
        if allowed:
            subject.opened += 1

    @rule(place=places)
    def hold(self, place: int) -> None:
        of = self.known[place]
        outcome = self.town.give(PlaceLegalHold(party=of.party, matter="x"), self.court)
        assert (outcome.error is None) == (not of.erased)
        if outcome.error is None:
            of.holds.append(self.town.load(of.party, PARTY).version)

    @precondition(lambda self: any(one.holds for one in self.known))
    @rule(place=places)
    def lift(self, place: int) -> None:
        of = self.known[place]
        number = of.holds[0] if of.holds else 99
        outcome = self.town.give(LiftLegalHold(party=of.party, hold=number), self.court)
        assert (outcome.error is None) == (bool(of.holds) and not of.erased)
        if outcome.error is None:
            of.holds.remove(number)

    @rule(place=places, crash=st.sampled_from(["", "", "begun", "erased"]), own=st.booleans())
    def erase(self, place: int, crash: str, own: bool) -> None:
        of = self.known[place]
        self.town.vault.begin_erasure(of.party)
        if crash == "begun":
            of.begun = not of.erased
            return
        outcome = self.town.give(EraseSubject(party=of.party), of.party if own else None)
        allowed = not of.holds and not of.erased
        assert (outcome.error is None) == allowed, outcome.error
        of.erased = of.erased or allowed
        if crash == "erased" and allowed:
            of.begun = True
            return
        finish(self.town, of.party)
        of.begun = False

    @rule()
    def start_again(self) -> None:
        finish_erasures(self.town)
        for one in self.known:
            one.begun = False

    def teardown(self) -> None:
        """Look for what must never be."""
        if not self.known:
            return
        finish_erasures(self.town)
        codec = self.town.application.codec
        entries = {UUID(int=d.envelope.event_id.int): d for d in (codec.accept(r.entry) for r in self.all_rows())}
        for one in self.known:
            state = self.town.load(one.party, PARTY).state
            assert (state.erased, state.destroyed, list(state.holds)) == (one.erased, one.erased, one.holds)
            events = [codec.accept(row.entry).event for row in self.town.store.streams([one.party])[one.party]]
            assert sum(isinstance(event, FieldOpened) for event in events) == one.opened
            self.no_erasure_under_a_hold(events)
            for secret in one.secrets:
                if one.erased:
                    assert self.town.vault.owner(secret.event_id, secret.path) is None, "an erased subject is readable"
                    with pytest.raises(NotFound):
                        self.town.vault.open(secret.event_id, secret.path)
                    continue
                opening = self.town.vault.open(secret.event_id, secret.path)
                commitment = commitment_at(entries[secret.event_id].event, secret.path)
                verify_opening(commitment, secret.event_id, secret.path, opening.salt, opening.value)
        self.the_check_is_content(list(entries.values()))
        self.town.application.close()

    def the_check_is_content(self, entries: list[Decoded]) -> None:
        check = VaultCheck(self.town.vault, lambda _: self.town.holder, lambda _: False)
        for index, entry in enumerate(entries):
            check.see(index, entry)
        check.finish()
        assert check.damages == check.unknown == []
        left = sum(not one.erased for one in self.known for _ in one.secrets)
        assert check.summary == f"1 documents and {left} values open what the ledger names, 0 are named by nothing"

    def all_rows(self) -> Any:
        return self.town.store.rows(0, 10_000)

    @staticmethod
    def no_erasure_under_a_hold(events: list[Any]) -> None:
        bound = 0
        for event in events:
            bound += isinstance(event, LegalHoldPlaced) - isinstance(event, LegalHoldLifted)
            assert not (isinstance(event, SubjectErased) and bound), "erased under a hold"


def test_any_order_of_commands() -> None:
    run_machine(Subjects, 60)


@pytest.mark.soak
def test_any_order_of_commands_for_long() -> None:
    run_machine(Subjects, 2_000)


@pytest.mark.soak
def test_any_order_of_commands_on_postgresql(make_ledger_database: Callable[[], LedgerDatabase]) -> None:
    class OnPostgres(Subjects):
        """The same over a database of its own for each run, and a vault in it."""

        def make_town(self) -> Town:
            self.postgres = PostgresTown(make_ledger_database())
            return self.postgres.town

        def teardown(self) -> None:
            try:
                super().teardown()
            finally:
                self.postgres.close()

    run_machine(OnPostgres, 50)
