"""Objects and capabilities under any order of commands by anybody, over a ledger in memory and one in PostgreSQL.

The oracle keeps plain words and says of each command whether it must be accepted. The forbidden states are looked for
in the log itself after each run: admitted before identified, an agent or the bringer clearing what a human must, one
identifier on two objects, a circle of declared genealogy, a capability published without its steps or examined by who
stands for it, anything after a revocation; and what was decided before somebody else wrote is decided again.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from domain.capability.events import (
    CapabilityGraded,
    CapabilityKind,
    CapabilityPublished,
    CapabilityRevoked,
    ComplianceTested,
    FilingAuthority,
    FilingResult,
    Grade,
    Nature,
    StopReason,
    SupplyChainScanned,
    VersionSigned,
)
from domain.capability.rules import (
    CheckFiling,
    DeclareFiling,
    DescribeCapability,
    GradeCapability,
    PublishCapability,
    ReinstateCapability,
    RevokeCapability,
    RunComplianceTests,
    ScanSupplyChain,
    SuspendCapability,
)
from domain.command import Command
from domain.events import ActorKind, Sha256
from domain.governance.events import PartyKind, Role
from domain.governance.party import GrantMandate
from domain.identity.events import (
    AlternativeScheme,
    Element,
    Level,
    ObjectAdmitted,
    ObjectIdentified,
    Origin,
    QuarantineLifted,
    WithdrawalReason,
)
from domain.identity.trace_set import Declared
from domain.identity.upkeep import (
    AttestElements,
    BindAlternativeId,
    LiftQuarantine,
    RecheckObject,
    RecordDerivation,
    WithdrawObject,
)
from domain.ids import CapabilityId, ObjectId, PartyId
from domain.rights.events import Root
from producers.capability import CAPABILITY
from producers.commands import Outcome
from producers.identity import OBJECT
from tests.capability_kit import NUMBER, example, signing
from tests.conftest import LedgerDatabase
from tests.governance_kit import LATER, NOW, Town
from tests.machine_kit import PostgresTown, overtaken, run_machine

EVERYTHING = {e: Sha256(b"e" * 32) for e in Element if e not in (Element.UNSPECIFIED, Element.HASH)}
DOIS = ["10.5594/A1", "10.5594/B2"]
places = st.integers(0, 5)
actors = st.sampled_from(["holder", "officer", "vendor", "agent"])
versions = st.sampled_from([1, 1, 1, 2])


@dataclass
class Thing:
    """An object as the oracle knows it."""

    object_id: ObjectId
    holder: PartyId
    complete: bool
    status: str
    attested: set[Element] = field(default_factory=set)
    sources: set[ObjectId] = field(default_factory=set)
    parents: set[ObjectId] = field(default_factory=set)


@dataclass
class Means:
    """A capability as the oracle knows it: the steps taken for its one version."""

    capability: CapabilityId
    signed: bool = False
    steps: set[str] = field(default_factory=set)
    filed: bool = False
    confirmed: bool = False
    published: bool = False
    suspended: bool = False
    revoked: bool = False


class Upkeep(RuleBasedStateMachine):
    """Anybody tries anything."""

    def __init__(self) -> None:
        super().__init__()
        self.town = self.make_town()
        self.things: list[Thing] = []
        self.bound: set[str] = set()
        self.means: Means | None = None
        self.number_taken = False
        self.paper = self.town.put(b"reasons")

    def make_town(self) -> Town:
        """Return the town of one run."""
        return Town()

    @initialize()
    def some_parties(self) -> None:
        """Another officer, a vendor that stands for capabilities, and an agent that may do whatever it can be let."""
        officer = self.town.enrol(PartyKind.PERSON, Role.COMPLIANCE_OFFICER, key=True)
        vendor = self.town.enrol(PartyKind.ORGANISATION, Role.COMPLIANCE_OFFICER, key=True)
        agent = self.town.enrol(PartyKind.AGENT, key=True)
        actions = ("recheck-object", "scan-supply-chain", "suspend-capability", "bind-alternative-id")
        self.town.give(GrantMandate(party=agent, actions=actions, until=LATER)).require()
        self.parties = {"holder": self.town.holder, "officer": officer, "vendor": vendor, "agent": agent}
        self.founded = self.town.store.size()

    def give(self, command: Command, who: str, expected: bool) -> bool:
        """Give a command and hold the answer against what the oracle says."""
        outcome = self.give_anyway(command, who)
        assert (outcome.error is None) == expected, (command, who, outcome.error)
        return expected

    def give_anyway(self, command: Command, who: str) -> Outcome[UUID]:
        """Give a command and return what became of it; the agent acts for the holder."""
        whom = self.town.holder if who == "agent" else None
        return self.town.give(command, self.parties[who], for_whom=whom)

    def thing(self, place: int) -> Thing:
        return self.things[place % len(self.things)]

    # -- objects ------------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.things) < 6)
    @rule(
        who=st.sampled_from(["holder", "officer"]),
        origin=st.sampled_from([Origin.IMPORTED, Origin.HUMAN_WORK]),
        complete=st.booleans(),
        parent=st.none() | places,
    )
    def bring(self, who: str, origin: Origin, complete: bool, parent: int | None) -> None:
        declared = Declared(EVERYTHING if complete else {}, Root.EMPLOYMENT)
        parents = [self.thing(parent).object_id] if parent is not None and self.things else []
        data = b"object %d" % len(self.things)
        brought = self.town.bring(data, self.parties[who], origin=origin, declared=declared, parents=parents)
        status = "admitted" if complete and origin is Origin.HUMAN_WORK else "quarantined"
        self.things.append(Thing(brought, self.parties[who], complete, status, parents=set(parents)))

    @precondition(lambda self: self.things)
    @rule(who=actors, place=places)
    def lift(self, who: str, place: int) -> None:
        thing = self.thing(place)
        allowed = who in ("holder", "officer", "vendor") and self.parties[who] != thing.holder
        allowed = allowed and thing.status == "quarantined" and thing.complete
        if self.give(LiftQuarantine(object=thing.object_id, statement=self.paper), who, allowed):
            thing.status = "admitted"

    @precondition(lambda self: self.things)
    @rule(who=actors, place=places)
    def recheck(self, who: str, place: int) -> None:
        thing = self.thing(place)
        self.give(RecheckObject(object=thing.object_id), who, thing.status != "withdrawn")

    @precondition(lambda self: self.things)
    @rule(who=st.sampled_from(["holder", "officer", "vendor"]), place=places)
    def attest(self, who: str, place: int) -> None:
        thing = self.thing(place)
        allowed = thing.complete and thing.status != "withdrawn" and self.parties[who] != thing.holder
        allowed = allowed and Element.JOB not in thing.attested
        command = AttestElements(object=thing.object_id, elements=(Element.JOB,), statement=self.paper)
        if self.give(command, who, allowed):
            thing.attested.add(Element.JOB)

    @precondition(lambda self: self.things)
    @rule(who=actors, place=places, doi=st.sampled_from(DOIS))
    def bind(self, who: str, place: int, doi: str) -> None:
        thing = self.thing(place)
        command = BindAlternativeId(object=thing.object_id, scheme=AlternativeScheme.DOI, text=doi.lower())
        if self.give(command, who, self.may_bind(who, thing, doi)):
            self.bound.add(doi)

    def may_bind(self, who: str, thing: Thing, doi: str) -> bool:
        return who in ("holder", "agent") and thing.status != "withdrawn" and doi not in self.bound

    @precondition(lambda self: self.things)
    @rule(who=actors, place=places, other=places, doi=st.sampled_from(DOIS), taken=st.sampled_from([None, *DOIS]))
    def bind_overtaken(self, who: str, place: int, other: int, doi: str, taken: str | None) -> None:
        """Between the reading and the writing somebody takes an identifier, for whatever object, or withdraws this."""
        thing = self.thing(place)
        rival = partial(self.bind, "holder", other, taken) if taken else partial(self.withdraw, "officer", place)
        before = self.may_bind(who, thing, doi)
        with overtaken(self.town.store, rival) as came:
            command = BindAlternativeId(object=thing.object_id, scheme=AlternativeScheme.DOI, text=doi.lower())
            outcome = self.give_anyway(command, who)
        assert came() == before
        allowed = self.may_bind(who, thing, doi)
        assert (outcome.error is None) == allowed, (who, doi, taken, outcome.error)
        if allowed:
            self.bound.add(doi)

    @precondition(lambda self: self.things)
    @rule(who=actors, place=places, source=places)
    def derive(self, who: str, place: int, source: int) -> None:
        thing, origin = self.thing(place), self.thing(source)
        known = origin.object_id in thing.sources | thing.parents
        allowed = who != "agent" and thing is not origin and not known
        command = RecordDerivation(object=thing.object_id, source=origin.object_id, evidence=self.paper)
        if self.give(command, who, allowed):
            thing.sources.add(origin.object_id)

    @precondition(lambda self: len(self.things) > 3)
    @rule(who=actors, place=places)
    def withdraw(self, who: str, place: int) -> None:
        thing = self.thing(place)
        command = WithdrawObject(object=thing.object_id, reason=WithdrawalReason.DEFECT, effective_at=NOW)
        if self.give(command, who, who != "agent" and thing.status != "withdrawn"):
            thing.status = "withdrawn"

    # -- capabilities -------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.means is None or self.means.revoked)
    @rule(model=st.booleans())
    def describe(self, model: bool) -> None:
        if self.means is not None:
            taken = DescribeCapability(name="posterise", kind=CapabilityKind.ALGORITHM)
            self.give(taken, "vendor", False)
            return
        del model
        command = DescribeCapability(name="posterise", kind=CapabilityKind.ALGORITHM)
        it = CapabilityId(self.town.give(command, self.parties["vendor"]).result())
        self.means = Means(it)

    @precondition(lambda self: self.means is not None)
    @rule(who=actors)
    def sign(self, who: str) -> None:
        means = self.of()
        allowed = who == "vendor" and not means.signed and not means.revoked
        if self.give(signing(self.town, means.capability, example()), who, allowed):
            means.signed = True

    @precondition(lambda self: self.means is not None)
    @rule(who=actors, version=versions)
    def scan(self, who: str, version: int) -> None:
        command = ScanSupplyChain(capability=self.of().capability, version=version)
        if self.give(command, who, self.examines(who, version, agent=True)):
            self.of().steps.add("scan")

    @precondition(lambda self: self.means is not None and "test" not in self.means.steps)
    @rule(who=actors, version=versions)
    def run_tests(self, who: str, version: int) -> None:
        allowed = self.examines(who, version) and "scan" in self.of().steps
        if self.give(RunComplianceTests(capability=self.of().capability, version=version), who, allowed):
            self.of().steps.add("test")

    @precondition(lambda self: self.means is not None)
    @rule(
        who=actors,
        version=versions,
        nature=st.sampled_from([Nature.COMMERCIAL, Nature.RESEARCH]),
        grade=st.sampled_from([Grade.G0, Grade.G2]),
    )
    def grade(self, who: str, version: int, nature: Nature, grade: Grade) -> None:
        command = GradeCapability(
            capability=self.of().capability, version=version, grades=(grade,), natures=(nature,), basis=self.paper
        )
        if self.give(command, who, self.examines(who, version) and grade is Grade.G0):
            self.of().steps.add("grade")

    @precondition(lambda self: self.means is not None)
    @rule(who=actors)
    def file(self, who: str) -> None:
        means = self.of()
        allowed = who == "vendor" and not means.revoked and not self.number_taken
        command = DeclareFiling(capability=means.capability, authority=FilingAuthority.CAC_ALGORITHM, number=NUMBER)
        if self.give(command, who, allowed):
            means.filed = self.number_taken = True

    @precondition(lambda self: self.means is not None)
    @rule(who=actors)
    def check(self, who: str) -> None:
        means = self.of()
        command = CheckFiling(
            capability=means.capability,
            authority=FilingAuthority.CAC_ALGORITHM,
            number=NUMBER,
            result=FilingResult.CONFIRMED,
            source=self.paper,
        )
        if self.give(command, who, who in ("holder", "officer") and means.filed and not means.revoked):
            means.confirmed = True

    @precondition(lambda self: self.means is not None)
    @rule(who=actors, version=versions)
    def publish(self, who: str, version: int) -> None:
        means = self.of()
        allowed = self.may_publish(who, version)
        if self.give(PublishCapability(capability=means.capability, version=version), who, allowed):
            means.published = True

    def may_publish(self, who: str, version: int) -> bool:
        means = self.of()
        allowed = who != "agent" and means.signed and version == 1 and not means.revoked and not means.suspended
        return allowed and means.steps == {"scan", "test", "grade"} and not means.published

    @precondition(lambda self: self.means is not None)
    @rule(who=actors, rival=st.sampled_from(["vendor", "holder"]))
    def publish_overtaken(self, who: str, rival: str) -> None:
        """Between the reading and the writing somebody else publishes the version: it is listed once."""
        means, before = self.of(), self.may_publish(who, 1)
        with overtaken(self.town.store, partial(self.publish, rival, 1)) as came:
            outcome = self.give_anyway(PublishCapability(capability=means.capability, version=1), who)
        assert came() == before
        assert outcome.error is not None and not self.may_publish(who, 1)

    @precondition(lambda self: self.means is not None)
    @rule(who=actors)
    def suspend(self, who: str) -> None:
        means = self.of()
        command = SuspendCapability(
            capability=means.capability, reason=StopReason.SECURITY, statement=self.paper, effective_at=NOW
        )
        if self.give(command, who, means.published and not means.suspended and not means.revoked):
            means.suspended = True

    @precondition(lambda self: self.means is not None)
    @rule(who=actors)
    def reinstate(self, who: str) -> None:
        means = self.of()
        allowed = who in ("holder", "officer") and means.suspended and not means.revoked
        if self.give(ReinstateCapability(capability=means.capability, statement=self.paper), who, allowed):
            means.suspended = False

    @precondition(lambda self: self.means is not None and self.means.published)
    @rule(who=actors)
    def revoke(self, who: str) -> None:
        means = self.of()
        command = RevokeCapability(
            capability=means.capability, reason=StopReason.LICENCE, statement=self.paper, effective_at=NOW
        )
        if self.give(command, who, who != "agent" and not means.revoked):
            means.revoked = True

    def of(self) -> Means:
        assert self.means is not None
        return self.means

    def examines(self, who: str, version: int, *, agent: bool = False) -> bool:
        allowed = ("holder", "officer", "agent") if agent else ("holder", "officer")
        return who in allowed and self.of().signed and version == 1 and not self.of().revoked

    # -- what must never be -------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Look for what must never be, in the log; and fold every stream once more."""
        if not hasattr(self, "founded"):
            return
        born: dict[UUID, int] = {}
        holders: dict[UUID, UUID] = {}
        keys: set[str] = set()
        steps: dict[UUID, set[type]] = {}
        for row in self.town.store.rows(self.founded, 10_000):
            decoded = self.town.application.codec.accept(row.entry)
            event, envelope = decoded.event, decoded.envelope
            taken = set(event.keys().take)
            assert not taken & keys, "a key is taken once"
            keys |= taken
            stream = UUID(int=envelope.stream_id.int)
            steps.setdefault(stream, set())
            assert CapabilityRevoked not in steps[stream], "nothing follows a revocation"
            if isinstance(event, ObjectIdentified):
                assert stream not in born, "an identity is given once"
                assert all(UUID(int=parent.object_id.int) in born for parent in event.parents), "no edge into nothing"
                born[stream], holders[stream] = row.index, event.holder
            if isinstance(event, ObjectAdmitted):
                assert born[stream] < row.index, "identity first, then admission"
            if isinstance(event, QuarantineLifted):
                assert envelope.actor_kind is ActorKind.HUMAN and envelope.actor != holders[stream]
            if isinstance(event, SupplyChainScanned | ComplianceTested | CapabilityGraded):
                assert envelope.actor != self.parties["vendor"], "who stands for it does not examine it"
            if isinstance(event, CapabilityPublished):
                needed = {VersionSigned, SupplyChainScanned, ComplianceTested, CapabilityGraded}
                assert needed <= steps[stream] and envelope.actor_kind is ActorKind.HUMAN
            steps[stream].add(type(event))
        for thing in self.things:
            state = self.town.load(thing.object_id, OBJECT).state
            assert str(state.status) == thing.status
            found = {cell.element for cell in state.judged.cells if cell.found is Level.ATTESTED}
            assert found == thing.attested and set(state.found_sources) == thing.sources
        if self.means is not None:
            state = self.town.load(self.means.capability, CAPABILITY).state
            assert (bool(state.published), state.suspended, state.revoked) == (
                self.means.published,
                self.means.suspended,
                self.means.revoked,
            )
            assert state.callable == (self.means.published and not self.means.suspended and not self.means.revoked)
        self.town.application.close()


def test_any_order_of_commands() -> None:
    run_machine(Upkeep, 60)


@pytest.mark.soak
def test_any_order_of_commands_for_long() -> None:
    run_machine(Upkeep, 2_000)


@pytest.mark.soak
def test_any_order_of_commands_on_postgresql(make_ledger_database: Callable[[], LedgerDatabase]) -> None:
    class OnPostgres(Upkeep):
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
