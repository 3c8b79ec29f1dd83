"""Every command of the registry over a ledger in memory: permission, signature, bad input, replay, dry run."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import rfc8785

from domain.capability.events import CapabilityKind, FilingAuthority, FilingResult, StopReason
from domain.capability.means import PriceUnit
from domain.capability.resource import DrainResource, QuotePrice, ResumeResource, RetireResource
from domain.capability.rules import (
    CheckFiling,
    DeclareFiling,
    DescribeCapability,
    PublishCapability,
    ReinstateCapability,
    RevokeCapability,
    RunComplianceTests,
    ScanSupplyChain,
)
from domain.capability.template import DefineTemplate, RetireTemplate, VersionTemplate
from domain.command import Command
from domain.compliance.commands import SendNotice
from domain.errors import Conflict, Invalid, NotFound, Rejected
from domain.events import ActorKind, Event, Sha256
from domain.governance.events import KeyEnd, MandateGranted, OpeningPurpose, PartyKind, Role
from domain.governance.party import (
    AssignRole,
    DeclareMembership,
    EnrolParty,
    GrantMandate,
    RevokeMandate,
    WithdrawKey,
    WithdrawRole,
)
from domain.governance.policy_set import ActivatePolicy, ApprovePolicy, DraftPolicy
from domain.governance.subject import DeclareParticulars, EraseSubject, LiftLegalHold, OpenField, PlaceLegalHold
from domain.identity.citation import CiteGrants
from domain.identity.events import AlternativeScheme, Element, Level, Origin, Purpose, WithdrawalReason
from domain.identity.trace_set import TRACE_SET_POLICY, Declared
from domain.identity.upkeep import (
    AddRepresentation,
    AmendMetadata,
    AttestElements,
    BindAlternativeId,
    ComputeFingerprint,
    LiftQuarantine,
    RecheckObject,
    RecordDerivation,
    RecordPrompt,
    WithdrawObject,
)
from domain.ids import PartyId, PolicySetId
from domain.rights.events import Resolution, Root
from domain.rights.grant_events import AllocationKind, ScopeAllocated
from domain.rights.grant_rules import AcceptGrant, ApproveGrant, DeclineGrant, ReinstateGrant
from domain.rights.licence_commands import RefuseLicence, ResumeLicence
from domain.rights.licence_events import LicenceIssued
from domain.rights.title_rules import (
    AcceptTransfer,
    ApproveTransfer,
    ClaimRights,
    ContestClaim,
    RegisterRights,
    ResolveClaim,
    WithdrawTransfer,
)
from producers.authority import PARTY, Registry
from producers.explain import decide_again
from producers.governance import POLICY_SET
from producers.identity import OBJECT
from producers.policies import TRACE_SET_RULES
from producers.registry import REGISTRY
from schemas.attestation import ATTESTATION_BYTES_MAX, attest, command_text, parse_attestation
from schemas.requests import parse_request, render_request
from tests.capability_kit import (
    MACHINES,
    NUMBER,
    STEPS,
    described,
    examined,
    filed,
    graded,
    grading,
    machines_of,
    published,
    scanned,
    signed,
    signing,
    suspended,
    suspension,
    template_of,
)
from tests.compliance_kit import DOCKET, PLACE, Dispute
from tests.governance_kit import ANY, LATER, NOW, PREFIX, Town, binding, signer_of
from tests.identity_kit import submit
from tests.licence_kit import PRICE, Deal, asking, ending
from tests.title_kit import contested, granted, granting, offered, offering, recorded, revoked, revoking, titled
from tests.trade_kit import VALUES, Market, superseding, valuing

WHOLE: dict[str, Any] = {
    "declared": Declared(
        {e: Sha256(b"e" * 32) for e in Element if e not in (Element.UNSPECIFIED, Element.HASH)}, Root.EMPLOYMENT
    )
}
"""An import of which everything is declared: held back until a human lifts it."""
NOBODY = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-00000000dead"))
DOCUMENT = rfc8785.dumps(TRACE_SET_POLICY).decode()  # type: ignore[arg-type]


class Cast:
    """A town with everybody that the commands are about."""

    def __init__(self) -> None:
        self.town = Town()
        self.officer = self.town.enrol(PartyKind.PERSON, Role.COMPLIANCE_OFFICER, key=True)
        self.clerk = self.town.enrol(PartyKind.PERSON, Role.CLERK, key=True)
        self.agent = self.town.enrol(PartyKind.AGENT)
        self.town.give(GrantMandate(party=self.agent, actions=("enrol-party",), until=LATER)).require()
        self.policy = PolicySetId(self.town.give(DraftPolicy(name="trace-set", document=DOCUMENT)).result())
        self.digest = hashlib.sha256(DOCUMENT.encode()).digest()
        self.guild = self.town.enrol(PartyKind.ORGANISATION, Role.OPERATOR, Role.LICENSOR)
        self.still = self.town.bring(b"a still", self.guild, **WHOLE)
        self.other = self.town.bring(b"another still", self.guild, **WHOLE)
        self.paper = self.town.put(b"reasons, names and all")
        self.vendor = self.town.enrol(PartyKind.ORGANISATION, key=True)
        self.critic = self.town.enrol(PartyKind.PERSON, Role.AUDITOR, key=True)
        self.court = self.town.enrol(PartyKind.ORGANISATION, Role.CLERK, key=True)


@pytest.fixture
def cast() -> Cast:
    return Cast()


Make = Callable[[Cast], Command]
SAMPLES: dict[str, Make] = {
    "enrol-party": lambda c: EnrolParty(kind=PartyKind.DEVICE),
    "bind-key": lambda c: binding(c.town.ledger, c.agent),
    "withdraw-key": lambda c: WithdrawKey(party=c.clerk, key=signer_of(c.clerk).vkey, reason=KeyEnd.ROTATED),
    "assign-role": lambda c: AssignRole(party=c.clerk, role=Role.AUDITOR),
    "withdraw-role": lambda c: WithdrawRole(party=c.clerk, role=Role.CLERK),
    "grant-mandate": lambda c: GrantMandate(party=c.agent, actions=("draft-policy",), until=LATER),
    "revoke-mandate": lambda c: RevokeMandate(party=c.agent, mandate=2),
    "declare-membership": lambda c: DeclareMembership(party=c.clerk, community="cn.film-heritage"),
    "draft-policy": lambda c: DraftPolicy(name="trace-set", document=DOCUMENT.replace("held until", "held till")),
    "approve-policy": lambda c: ApprovePolicy(policy=c.policy, version=1, document_sha256=c.digest),  # type: ignore[arg-type]
    "activate-policy": lambda c: _approved(c),
    "declare-particulars": lambda c: DeclareParticulars(party=c.clerk, name=ANY, contact=ANY),
    "open-field": lambda c: opening(c),
    "place-legal-hold": lambda c: PlaceLegalHold(party=c.guild, matter="(2026) Jing 73 Min Chu 1"),
    "lift-legal-hold": lambda c: held(c),
    "erase-subject": lambda c: EraseSubject(party=c.guild, request=c.paper),
    "claim-rights": lambda c: ClaimRights(work=c.paper, root=Root.OWN_CREATION, statement=c.paper),
    "register-rights": lambda c: RegisterRights(
        title=titled(c.town, c.vendor), register="cn.ccopyright", number="2026-A-00000001", certificate=c.paper
    ),
    "propose-transfer": lambda c: offering(titled(c.town, c.town.holder), c.vendor),
    "approve-transfer": lambda c: ApproveTransfer(
        title=offered(c.town, titled(c.town, c.vendor, c.town.holder), c.vendor, c.court), transfer=1
    ),
    "accept-transfer": lambda c: AcceptTransfer(
        title=offered(c.town, titled(c.town, c.vendor), c.vendor, c.town.holder), transfer=1
    ),
    "withdraw-transfer": lambda c: WithdrawTransfer(
        title=offered(c.town, titled(c.town, c.town.holder), c.town.holder, c.vendor), transfer=1
    ),
    "contest-claim": lambda c: ContestClaim(title=titled(c.town, c.vendor), grounds=c.paper),
    "resolve-claim": lambda c: ResolveClaim(
        title=contested(c.town, titled(c.town, c.vendor), c.court),
        contest=1,
        outcome=Resolution.REJECTED,
        judgment=c.paper,
        effective_at=NOW,
    ),
    "record-grant": lambda c: granting(titled(c.town, c.town.holder), c.vendor),
    "approve-grant": lambda c: ApproveGrant(
        grant=recorded(
            c.town, titled(c.town, c.vendor, c.town.holder), c.vendor, c.court, allocation=AllocationKind.EXCLUSIVE
        )
    ),
    "accept-grant": lambda c: AcceptGrant(grant=recorded(c.town, titled(c.town, c.vendor), c.vendor, c.town.holder)),
    "decline-grant": lambda c: DeclineGrant(grant=recorded(c.town, titled(c.town, c.vendor), c.vendor, c.town.holder)),
    "revoke-grant": lambda c: revoking(
        c.town, recorded(c.town, titled(c.town, c.town.holder), c.town.holder, c.vendor)
    ),
    "reinstate-grant": lambda c: ReinstateGrant(
        grant=revoked(c.town, titled(c.town, c.town.holder), c.town.holder, c.vendor), basis=c.paper, effective_at=NOW
    ),
    "offer-licence": lambda c: Deal(c.town).offer(),
    "request-licence": lambda c: asking(_of_vendor(c).reached("offer").licence, key=signer_of(c.town.holder).vkey),
    "refuse-licence": lambda c: RefuseLicence(licence=Deal(c.town).reached("request").licence, clause="not now"),
    "issue-licence": lambda c: Deal(c.town).reached("request").issue(),
    "report-usage": lambda c: _bought(c).report(),
    "suspend-licence": lambda c: Deal(c.town).reached("issue").suspend(),
    "resume-licence": lambda c: _resumed(Deal(c.town).reached("suspend")),
    "revoke-licence": lambda c: (deal := Deal(c.town).reached("issue")) and ending(deal.licence, deal.paper, NOW),
    "make-settlement": lambda c: Market(c.town, c.town.holder).command(100)[0],
    "reverse-settlement": lambda c: _settled(Market(c.town, c.town.holder)),
    "issue-valuation": lambda c: valuing(c.town, c.still),
    "supersede-valuation": lambda c: superseding(c.town, c.still, c.critic),
    "submit-object": lambda c: submit(c.town.data(b"a third still"), **WHOLE),
    "attest-elements": lambda c: AttestElements(object=c.still, elements=(Element.MODEL,), statement=c.paper),
    "recheck-object": lambda c: _declares_less(c),
    "lift-quarantine": lambda c: LiftQuarantine(object=c.still, statement=c.paper),
    "bind-alternative-id": lambda c: BindAlternativeId(
        object=c.still, scheme=AlternativeScheme.EIDR, text="10.5240/7791-8534-2c23-9030-8610-5"
    ),
    "add-representation": lambda c: AddRepresentation(
        object=c.still, sha256=c.town.put(b"a smaller still"), purpose=Purpose.PROXY
    ),
    "compute-fingerprint": lambda c: ComputeFingerprint(object=c.still),
    "amend-metadata": lambda c: AmendMetadata(object=c.still, document=c.paper),
    "record-prompt": lambda c: RecordPrompt(object=c.still, prompt=ANY),
    "record-derivation": lambda c: RecordDerivation(object=c.still, source=c.other, evidence=c.paper),
    "withdraw-object": lambda c: WithdrawObject(object=c.still, reason=WithdrawalReason.DEFECT, effective_at=NOW),
    "cite-grants": lambda c: _citing(c),
    "describe-capability": lambda c: DescribeCapability(name="posterise", kind=CapabilityKind.ALGORITHM),
    "sign-version": lambda c: signing(c.town, described(c.town, c.town.holder)),
    "scan-supply-chain": lambda c: ScanSupplyChain(capability=signed(c.town, c.vendor), version=1),
    "run-compliance-tests": lambda c: RunComplianceTests(capability=scanned(c.town, c.vendor), version=1),
    "declare-filing": lambda c: DeclareFiling(
        capability=described(c.town, c.town.holder), authority=FilingAuthority.CAC_ALGORITHM, number=NUMBER
    ),
    "check-filing": lambda c: CheckFiling(
        capability=filed(c.town, c.vendor),
        authority=FilingAuthority.CAC_ALGORITHM,
        number=NUMBER,
        result=FilingResult.CONFIRMED,
        source=c.paper,
    ),
    "grade-capability": lambda c: grading(c.town, examined(c.town, c.vendor)),
    "publish-capability": lambda c: PublishCapability(capability=graded(c.town, c.vendor), version=1),
    "suspend-capability": lambda c: suspension(c.town, published(c.town, c.vendor)),
    "reinstate-capability": lambda c: ReinstateCapability(capability=suspended(c.town, c.vendor), statement=c.paper),
    "revoke-capability": lambda c: RevokeCapability(
        capability=described(c.town, c.vendor), reason=StopReason.LICENCE, statement=c.paper, effective_at=NOW
    ),
    "define-template": lambda c: DefineTemplate(name="storyboard to previs"),
    "version-template": lambda c: VersionTemplate(template=template_of(c.town), document=c.town.put(STEPS)),
    "retire-template": lambda c: RetireTemplate(template=template_of(c.town)),
    "enrol-resource": lambda c: MACHINES,
    "quote-price": lambda c: QuotePrice(resource=machines_of(c.town), unit=PriceUnit.CALL, price=ANY, until=LATER),
    "drain-resource": lambda c: DrainResource(resource=machines_of(c.town)),
    "resume-resource": lambda c: _drained(c),
    "retire-resource": lambda c: RetireResource(resource=machines_of(c.town)),
    "report-sighting": lambda c: Dispute(c.town).report(),
    "confirm-match": lambda c: Dispute(c.town).reached("report").confirm(),
    "dismiss-match": lambda c: Dispute(c.town).reached("report").dismiss(),
    "open-case": lambda c: Dispute(c.town).reached("confirm").open(),
    "send-notice": lambda c: _to_a_stranger(Dispute(c.town).reached("open").notice()),
    "confirm-takedown": lambda c: Dispute(c.town).reached("notice").takedown(),
    "record-counter-notice": lambda c: Dispute(c.town).reached("takedown").counter(),
    "forward-counter-notice": lambda c: Dispute(c.town).reached("counter").forward(),
    "refer-case": lambda c: Dispute(c.town).reached("forward").refer(),
    "end-measures": lambda c: Dispute(c.town).reached("takedown").give_up(),
    "record-judgment": lambda c: Dispute(c.town).reached("refer").judgment(),
    "close-case": lambda c: Dispute(c.town).reached("open").close(),
}
"""One command of each name that the holder may give."""


SECRETS: dict[str, dict[str, Any]] = {
    "declare-particulars": {"name": "林晚照", "contact": "lin@example.org"},
    "record-prompt": {"prompt": "夜里的水闸"},
    "quote-price": {"price": {"currency": "CNY", "minor": 1200}},
    "make-settlement": {
        place: {"currency": "CNY", "minor": minor}
        for place, minor in (("amount", 100), *((f"lines.{n}.amount", m) for n, m in enumerate((80, 17, 2, 1))))
    },
    "issue-valuation": dict(VALUES),
    "report-sighting": {"place": PLACE},
    "send-notice": {"addressee": "a video platform abroad"},
    "refer-case": {"docket": DOCKET},
    "offer-licence": {"price": PRICE},
    "issue-licence": {"price": PRICE},
}
"""The values of secrets, by command."""
ACTORS = {
    "open-field": "court",
    "place-legal-hold": "court",
    "lift-legal-hold": "court",
    "issue-valuation": "critic",
    "supersede-valuation": "critic",
    "record-counter-notice": "court",
    "record-judgment": "court",
}
"""Who gives a command that the holder may not."""


def actor_of(c: Cast, name: str) -> PartyId:
    actor: PartyId = getattr(c, ACTORS[name]) if name in ACTORS else c.town.holder
    return actor


def give(c: Cast, name: str, command: Command, actor: UUID | None = None, **more: Any) -> Any:
    """Give a command with its secrets, as one who may."""
    return c.town.give(command, actor or actor_of(c, name), secrets=SECRETS.get(name), **more)


def ask(c: Cast, name: str, command: Command, **more: Any) -> Any:
    """Return the request of a command with its secrets, by one who may give it."""
    return c.town.request(command, actor_of(c, name), secrets=SECRETS.get(name), **more)


def opening(c: Cast) -> Command:
    declared = DeclareParticulars(party=c.clerk, name=ANY)
    outcome = c.town.give(declared, secrets={"name": "林晚照"})
    envelope = c.town.application.codec.accept(c.town.store.rows(outcome.first, 1)[0].entry).envelope
    return OpenField(party=c.clerk, event=envelope.event_id, path="name", purpose=OpeningPurpose.COURT)


def held(c: Cast) -> Command:
    c.town.give(PlaceLegalHold(party=c.guild, matter="x"), c.court).require()
    return LiftLegalHold(party=c.guild, hold=c.town.load(c.guild, PARTY).version)


def _settled(market: Market) -> Command:
    return market.reversing(market.settle(100).result())


def _approved(c: Cast) -> Command:
    c.town.give(SAMPLES["approve-policy"](c)).require()
    return ActivatePolicy(policy=c.policy, version=1)


def _to_a_stranger(notice: SendNotice) -> Command:
    return replace(notice, platform=None, addressee=ANY)


def _citing(c: Cast) -> Command:
    film = c.town.bring(b"a film", c.town.holder, parents=[c.town.bring(b"a novel", c.town.holder)])
    grant = granted(c.town, titled(c.town, c.vendor), c.vendor, c.town.holder)
    return CiteGrants(object=film, grants=(grant,))


def _of_vendor(c: Cast) -> Deal:
    return Deal(c.town, licensor=c.vendor)


def _bought(c: Cast) -> Deal:
    return Deal(c.town, licensor=c.vendor, buyer=c.town.holder).reached("issue")


def _resumed(deal: Deal) -> Command:
    return ResumeLicence(licence=deal.licence, basis=deal.paper, effective_at=NOW)


def _drained(c: Cast) -> Command:
    machines = machines_of(c.town)
    c.town.give(DrainResource(resource=machines)).require()
    return ResumeResource(resource=machines)


def _declares_less(c: Cast) -> Command:
    """An object that is judged again under a policy that holds nothing back."""
    free = DOCUMENT.replace('"held":{"imported":"origin imported: held until a human lifts it"}', '"held":{}')
    c.town.give(DraftPolicy(name="trace-set", document=free)).require()
    digest = Sha256(hashlib.sha256(free.encode()).digest())
    c.town.give(ApprovePolicy(policy=c.policy, version=2, document_sha256=digest)).require()
    c.town.give(ActivatePolicy(policy=c.policy, version=2)).require()
    return RecheckObject(object=c.still)


NAMES = sorted(SAMPLES)
NO_TOKEN = Sha256(bytes(32))


def test_every_command_has_a_sample() -> None:
    assert [spec.command.NAME for spec in REGISTRY] == list(SAMPLES)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_recorded_and_answered_when_repeated(cast: Cast, name: str) -> None:
    command, spec = SAMPLES[name](cast), REGISTRY.find(name)
    given = cast.town.new_id()
    outcome = give(cast, name, command, command_id=given)
    events = cast.town.written(outcome)
    assert events and {type(event) for event in events} <= set(spec.events)
    row = cast.town.store.rows(outcome.first, 1)[0]
    envelope = cast.town.application.codec.accept(row.entry).envelope
    actor = actor_of(cast, name)
    assert (envelope.actor, envelope.actor_kind, envelope.command_id) == (actor, ActorKind.HUMAN, given)
    assert envelope.attestation is not None and envelope.mandate is None
    assert events[0].STREAM in ("P", "K", "G", "R", "L", "M", "V", "O", "C", "T", "U", "F")
    size = cast.town.store.size()
    again = give(cast, name, command, command_id=given)
    assert again.repeated and (again.first, again.last) == (outcome.first, outcome.last)
    assert cast.town.store.size() == size


@pytest.mark.parametrize("name", NAMES)
def test_its_json_is_read_and_rubbish_is_not(cast: Cast, name: str) -> None:
    command, kind = SAMPLES[name](cast), REGISTRY.find(name).command
    document = render_request(command, PREFIX)
    assert parse_request(kind, json.dumps(document).encode(), PREFIX) == command
    for wrong in ({**document, "unknown": 1}, {}, [], *({**document, member: {"x": 1}} for member in document)):
        with pytest.raises(Invalid, match=name):
            parse_request(kind, json.dumps(wrong).encode(), PREFIX)


@pytest.mark.parametrize("name", NAMES)
def test_who_may_not_is_denied_and_nothing_is_written(cast: Cast, name: str) -> None:
    command, permission = SAMPLES[name](cast), REGISTRY.find(name).permission
    size = cast.town.store.size()
    stranger = give(cast, name, command, NOBODY)
    assert "not an enrolled party" in cast.town.refusal(stranger)
    if permission.roles:
        lowly = cast.officer if permission.own and Role.COMPLIANCE_OFFICER not in permission.roles else cast.clerk
        lowly = cast.vendor if name in ACTORS else lowly
        if permission.own or name in ACTORS or not permission.roles & {Role.CLERK}:
            told = cast.town.refusal(give(cast, name, command, lowly))
            assert f"{name} denied: expected" in told
    assert cast.town.store.size() == size
    by_agent = give(cast, name, command, cast.agent, for_whom=cast.town.holder)
    if name == "enrol-party":
        assert by_agent.error is None, "the agent's mandate names it"
    elif permission.human_only:
        assert f"{name} denied: left to humans, found agent" in cast.town.refusal(by_agent)
    else:
        assert f"mandate 2: does not name {name}" in cast.town.refusal(by_agent) or name in ACTORS
    assert cast.town.store.size() == size + (by_agent.error is None)


@pytest.mark.parametrize("name", NAMES)
def test_unsigned_or_signed_by_another_it_is_denied(cast: Cast, name: str) -> None:
    request = ask(cast, name, SAMPLES[name](cast))
    size = cast.town.store.size()
    assert request.attestation is not None
    unsigned = replace(request, attestation=None)
    foreign = replace(request, attestation=cast.town.sign(cast.officer, request.attestation.text))
    other_text = replace(request, attestation=replace(request.attestation, text=request.attestation.text + b" "))
    for wrong, why in ((unsigned, "signature"), (foreign, "another key"), (other_text, "signature is wrong")):
        outcome = cast.town.application.execute(REGISTRY.task(wrong, cast.town.ledger))
        assert why in cast.town.refusal(outcome)
    assert cast.town.store.size() == size


@pytest.mark.parametrize("name", NAMES)
def test_a_dry_run_tells_what_would_be_written_and_writes_nothing(cast: Cast, name: str) -> None:
    command = SAMPLES[name](cast)
    size = cast.town.store.size()
    given = cast.town.new_id()
    request = ask(cast, name, command, command_id=given)
    preview = cast.town.application.preview(REGISTRY.task(request, cast.town.ledger))
    assert cast.town.store.size() == size
    planned = [event for write in preview.decision.writes for event in write.events]
    read = {guard.stream_id for guard in preview.request.guards} | {
        write.stream.stream_id for write in preview.decision.writes
    }
    assert actor_of(cast, name) in read, "the actor's own stream is guarded"
    assert _unnamed(cast.town.written(give(cast, name, command, command_id=given))) == _unnamed(planned)


def _unnamed(events: Iterable[Event]) -> list[Event]:
    """Return events without what is another one each time: the identifier of what was born with them, a token."""
    named = [replace(one, child=NOBODY) if isinstance(one, ScopeAllocated) else one for one in events]  # type: ignore[arg-type]
    return [replace(one, token=NO_TOKEN) if isinstance(one, LicenceIssued) else one for one in named]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "issue-licence"])  # the salts of its token are gone
def test_decided_again_years_later_it_comes_to_the_same(cast: Cast, name: str) -> None:
    town, command = cast.town, SAMPLES[name](cast)
    outcome = give(cast, name, command)
    events = town.written(outcome)
    row = town.store.rows(outcome.first, 1)[0]
    envelope = town.application.codec.accept(row.entry).envelope
    request = ask(cast, name, command, command_id=envelope.command_id)
    town.now += timedelta(days=3_000)
    cast.town.give(AssignRole(party=cast.officer, role=Role.OPERATOR)).require()  # the world has gone on
    born = [UUID(int=envelope.stream_id.int)] if envelope.stream_version == 1 else []
    again = decide_again(
        town.store, town.application.codec, REGISTRY, request, town.ledger, first=outcome.first, at=NOW, born=born
    )
    assert (list(again.events), again.refused) == (events, None)
    assert actor_of(cast, name) in again.streams


def test_a_decision_is_refused_again_where_it_would_have_been(cast: Cast) -> None:
    request = cast.town.request(SAMPLES["assign-role"](cast))
    town = cast.town
    before = decide_again(town.store, town.application.codec, REGISTRY, request, town.ledger, first=3, at=NOW, born=())
    assert before.events == () and "not an enrolled party" in str(before.refused)


def test_another_body_under_a_known_id_is_refused(cast: Cast) -> None:
    given = cast.town.new_id()
    cast.town.give(EnrolParty(kind=PartyKind.DEVICE), command_id=given).require()
    other = cast.town.give(EnrolParty(kind=PartyKind.PERSON), command_id=given)
    assert "another body under the same command id" in cast.town.refusal(other)


def test_an_agent_acts_under_its_mandate_and_the_envelope_names_it(cast: Cast) -> None:
    outcome = cast.town.give(EnrolParty(kind=PartyKind.DEVICE), cast.agent, for_whom=cast.town.holder)
    outcome.require()
    row = cast.town.store.rows(outcome.first, 1)[0]
    envelope = cast.town.application.codec.accept(row.entry).envelope
    stream = cast.town.store.streams([cast.agent])[cast.agent]
    granted = next(one for one in stream if one.type == MandateGranted.TYPE)
    assert envelope.mandate == granted.leaf_hash
    assert (envelope.actor_kind, envelope.on_behalf_of) == (ActorKind.AGENT, cast.town.holder)
    cast.town.now = LATER
    late = cast.town.give(EnrolParty(kind=PartyKind.DEVICE), cast.agent, for_whom=cast.town.holder)
    assert "mandate 2: ended 2027-11-25" in cast.town.refusal(late)


def test_a_withdrawn_key_signs_nothing_more(cast: Cast) -> None:
    cast.town.give(WithdrawKey(party=cast.clerk, key=signer_of(cast.clerk).vkey, reason=KeyEnd.LOST)).require()
    membership = DeclareMembership(party=cast.clerk, community="cn.film")
    text = command_text(
        membership, command_id=NOBODY, actor=cast.clerk, on_behalf_of=None, ledger=cast.town.ledger, prefix=PREFIX
    )
    request = replace(cast.town.request(membership, cast.clerk), attestation=cast.town.sign(cast.clerk, text))
    outcome = cast.town.application.execute(REGISTRY.task(request, cast.town.ledger))
    assert "one of the 0 keys in force" in cast.town.refusal(outcome)


def test_one_key_belongs_to_one_party_for_ever(cast: Cast) -> None:
    """Two parties cannot share a key even if each could prove that it holds it."""
    town, key = cast.town, signer_of(cast.clerk).vkey
    material = key.split("+", 2)[2]
    holder = town.store.key_holders([f"signing-key/{material}"])[f"signing-key/{material}"]
    assert holder.stream_id == cast.clerk
    town.give(WithdrawKey(party=cast.clerk, key=key, reason=KeyEnd.LEFT)).require()
    assert town.store.key_holders([f"signing-key/{material}"])[f"signing-key/{material}"] == holder


def test_the_active_policy_judges_and_the_envelope_names_it(cast: Cast) -> None:
    town = cast.town
    stricter = DOCUMENT.replace('"held":{"imported":"origin imported: held until a human lifts it"}', '"held":{}')
    town.give(DraftPolicy(name="trace-set", document=stricter)).require()
    digest = hashlib.sha256(stricter.encode()).digest()
    town.give(ApprovePolicy(policy=cast.policy, version=2, document_sha256=digest)).require()  # type: ignore[arg-type]
    built_in = judged_under(cast, b"one")
    town.give(ActivatePolicy(policy=cast.policy, version=2)).require()
    leaf = town.load(cast.policy, POLICY_SET).leaves[-1]
    assert built_in == TRACE_SET_RULES.own.digest and judged_under(cast, b"two") == leaf


def judged_under(cast: Cast, data: bytes) -> bytes | None:
    town = cast.town
    found = town.bring(data, origin=Origin.HUMAN_WORK)
    state = town.load(found, OBJECT).state
    assert state.judged is not None and state.judged.cells[0].found is Level.VERIFIED
    row = town.store.streams([found])[found][1]
    return town.application.codec.accept(row.entry).envelope.policy


def test_a_policy_document_is_kept_in_its_one_spelling(cast: Cast) -> None:
    spaced = json.dumps({**TRACE_SET_POLICY, "held": {}}, indent=3)
    cast.town.give(DraftPolicy(name="trace-set", document=spaced)).require()
    kept = cast.town.load(cast.policy, POLICY_SET).state.drafts[-1].document
    assert kept == rfc8785.dumps(json.loads(spaced)).decode()
    again = cast.town.give(DraftPolicy(name="trace-set", document=spaced + " "))
    assert "version 2 is this very document" in cast.town.refusal(again)
    for wrong, why in (("{", "not JSON"), ("[]", "expected a JSON object"), ('{"a":1}', "expected the members")):
        assert why in cast.town.refusal(cast.town.give(DraftPolicy(name="trace-set", document=wrong)))
    assert "expected a policy of trace-set" in cast.town.refusal(cast.town.give(DraftPolicy(name="x", document="{}")))


def test_a_decision_made_on_a_role_that_is_withdrawn_meanwhile_is_made_again(cast: Cast) -> None:
    """The actor's stream is guarded: a preview of before cannot be appended after."""
    town = cast.town
    request = town.request(ApprovePolicy(policy=cast.policy, version=1, document_sha256=cast.digest), cast.officer)  # type: ignore[arg-type]
    preview = town.application.preview(REGISTRY.task(request, town.ledger))
    town.give(WithdrawRole(party=cast.officer, role=Role.COMPLIANCE_OFFICER)).require()
    (result,) = town.store.append([preview.request])
    assert result.status == "conflict"
    outcome = town.application.execute(REGISTRY.task(request, town.ledger))
    assert isinstance(outcome.error, Rejected) and not isinstance(outcome.error, Conflict)
    assert "expected compliance_officer" in str(outcome.error)


def test_a_party_is_no_policy(cast: Cast) -> None:
    outcome = cast.town.give(ActivatePolicy(policy=PolicySetId(cast.clerk), version=1))
    assert isinstance(outcome.error, NotFound)
    with pytest.raises(NotFound, match="expected a stream of Party, found one born by"):
        cast.town.load(cast.policy, PARTY)


def test_an_unknown_command_is_named_with_those_there_are() -> None:
    with pytest.raises(NotFound, match=r"expected one of enrol-party, .*found the command 'fly'"):
        REGISTRY.find("fly")
    with pytest.raises(AssertionError, match="one name"):
        Registry([*REGISTRY, REGISTRY.find("enrol-party")])


class TestAttestation:
    """The bytes that are signed and kept."""

    TEXT = rfc8785.dumps({"command": "x", "id": "y"})

    def test_the_document_names_text_key_and_signature(self) -> None:
        attestation, document = attest(self.TEXT, "key", b"sig")
        assert json.loads(document) == {"command": {"command": "x", "id": "y"}, "key": "key", "signature": "c2ln"}
        assert attestation.digest == hashlib.sha256(document).digest()
        assert parse_attestation(document, self.TEXT) == (attestation, document)

    def test_another_spelling_is_kept_in_the_one_spelling(self) -> None:
        attestation, document = attest(self.TEXT, "key", b"sig")
        spaced = json.dumps(json.loads(document), indent=2).encode()
        assert parse_attestation(spaced, self.TEXT) == (attestation, document)

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"command": {"command": "z"}}, "found another one signed"),
            ({"key": 1}, "key and signature as strings"),
            ({"signature": "?"}, "base64"),
            ({"more": 1}, "an object of command, key and signature"),
        ],
    )
    def test_what_is_no_attestation_of_this_command(self, change: dict[str, Any], why: str) -> None:
        document = {**json.loads(attest(self.TEXT, "key", b"sig")[1]), **change}
        with pytest.raises(Invalid, match=why):
            parse_attestation(json.dumps(document).encode(), self.TEXT)

    def test_limits(self) -> None:
        with pytest.raises(Invalid, match="at most"):
            parse_attestation(b" " * (ATTESTATION_BYTES_MAX + 1), self.TEXT)
        with pytest.raises(Invalid, match="an object"):
            parse_attestation(b"[]", self.TEXT)


def test_the_signed_text_of_a_real_command_is_frozen() -> None:
    """Whoever signs elsewhere writes these bytes."""
    party = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e"))
    text = command_text(
        AssignRole(party=party, role=Role.REGISTRAR),
        command_id=UUID("01937e3f-2b5c-7000-8000-0000000000aa"),
        actor=party,
        on_behalf_of=None,
        ledger=UUID("01937e3f-2b5c-7000-8000-000000000001"),  # type: ignore[arg-type]
        prefix=PREFIX,
    )
    assert text == (
        b'{"actor":"10.5072/P.01JDZ3YATWFN59RFJZD9XRS78E-D","command":"assign-role",'
        b'"id":"01937e3f-2b5c-7000-8000-0000000000aa",'
        b'"input":{"party":"10.5072/P.01JDZ3YATWFN59RFJZD9XRS78E-D","role":"registrar"},'
        b'"ledger":"10.5072/H.01JDZ3YATWE008000000000001-Q"}'
    )
