"""Given an object, when a command of its upkeep, then events or an error: each rule, and each rule broken."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import reduce
from typing import Any
from uuid import UUID

import pytest

from domain.command import Command
from domain.errors import Rejected
from domain.events import Event, Sha256
from domain.identity import upkeep
from domain.identity.digital_object import DigitalObject, Seen, Status, SubmitObject, evolve
from domain.identity.digital_object import Facts as GateFacts
from domain.identity.digital_object import decide as at_the_gate
from domain.identity.events import (
    AlternativeScheme,
    AltIdBound,
    AssetClass,
    Content,
    DerivationFound,
    Element,
    FingerprintComputed,
    FingerprintScheme,
    IntakeSource,
    Level,
    Measure,
    MetadataAmended,
    ObjectAdmitted,
    ObjectQuarantined,
    ObjectRejected,
    ObjectWithdrawn,
    Origin,
    Parent,
    PromptCommitted,
    Purpose,
    Quantity,
    QuarantineLifted,
    Relation,
    RepresentationAdded,
    TraceSetJudged,
    WithdrawalReason,
)
from domain.identity.trace_set import BUILT_IN, TRACE_SET_POLICY, Declared, parse_policy
from domain.identity.upkeep import (
    ALTERNATIVE_IDS_MAX,
    FOUND_SOURCES_MAX,
    PROMPTS_MAX,
    REPRESENTATIONS_MAX,
    AddRepresentation,
    AmendMetadata,
    AttestElements,
    BindAlternativeId,
    ComputeFingerprint,
    Facts,
    LiftQuarantine,
    Measured,
    RecheckObject,
    RecordDerivation,
    RecordPrompt,
    WithdrawObject,
)
from domain.ids import Commitment, ObjectId, PartyId
from domain.rights.events import Root
from tests.identity_kit import declaring

NOW = datetime(2026, 11, 26, tzinfo=UTC)
OBJECT = ObjectId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000001"))
SOURCE = ObjectId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000002"))
HOLDER = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000003"))
OTHER = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000004"))
PAPER, EVIDENCE = Sha256(b"p" * 32), Sha256(b"e" * 32)
SECRET = Commitment(Sha256(b"s" * 32))
CONTENT = Content(sha256=Sha256(b"c" * 32), sm3=Sha256(b"m" * 32), size=3, media_type="image/png")
SIZE = (Measure(quantity=Quantity.WIDTH_PX, value=1920),)
FURTHER = replace(CONTENT, sha256=Sha256(b"d" * 32))
CODE = (FingerprintScheme.ISCC_SUM, "ISCC:KUAP5Q74YXNZC4EK25EYD35HBIGIQ", "iscc-lib@0.7.0")
FACTS = Facts(
    object_id=OBJECT,
    actor=OTHER,
    who=OTHER,
    now=NOW,
    policy=BUILT_IN,
    measured=Measured(CONTENT, frozenset({PAPER}), (CODE,)),
)
EVERYTHING = {e: EVIDENCE for e in Element if e not in (Element.UNSPECIFIED, Element.HASH)}
STRICT = parse_policy(
    {
        **TRACE_SET_POLICY,
        "origins": {
            **TRACE_SET_POLICY["origins"],
            "human_work": {**TRACE_SET_POLICY["origins"]["human_work"], "job": "attested"},
        },
    }
)
LIFT = LiftQuarantine(object=OBJECT, statement=PAPER)
RECHECK = RecheckObject(object=OBJECT)
FINGERPRINT = ComputeFingerprint(object=OBJECT)


def born(origin: Origin = Origin.HUMAN_WORK, declared: Any = EVERYTHING, policy: Any = BUILT_IN) -> DigitalObject:
    """An object as the gate leaves it."""
    command = SubmitObject(
        sha256=CONTENT.sha256,
        asset_class=AssetClass.STATIC,
        origin=origin,
        intake_source=IntakeSource.CREATION,
        parents=(Parent(object_id=OTHER_PARENT, relation=Relation.MADE_FROM),),
        **declaring(Declared(declared, Root.EMPLOYMENT)),
    )
    facts = GateFacts(HOLDER, Seen(CONTENT, "image"), frozenset({OTHER_PARENT}), title_statement=None, policy=policy)
    return after(DigitalObject(), *at_the_gate(DigitalObject(), command, facts))


OTHER_PARENT = ObjectId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000005"))


def after(state: DigitalObject, *events: Any) -> DigitalObject:
    return reduce(evolve, events, state)


def decide(state: DigitalObject, command: Command, facts: Facts = FACTS) -> tuple[Event, ...]:
    return upkeep.decide(state, command, facts)


def refused(state: DigitalObject, command: Command, why: str, facts: Facts = FACTS) -> None:
    with pytest.raises(Rejected, match=why):
        decide(state, command, facts)


def with_documents(*documents: Sha256) -> Facts:
    return replace(FACTS, measured=replace(FACTS.measured, documents=frozenset(documents)))


ALL: list[Command] = [
    AttestElements(object=OBJECT, elements=(Element.JOB,), statement=PAPER),
    RECHECK,
    LIFT,
    BindAlternativeId(object=OBJECT, scheme=AlternativeScheme.DOI, text="10.5594/X"),
    AddRepresentation(object=OBJECT, sha256=FURTHER.sha256, purpose=Purpose.PROXY),
    FINGERPRINT,
    AmendMetadata(object=OBJECT, document=PAPER),
    RecordPrompt(object=OBJECT, prompt=SECRET),
    RecordDerivation(object=OBJECT, source=SOURCE, evidence=PAPER),
    WithdrawObject(object=OBJECT, reason=WithdrawalReason.RIGHTS, effective_at=NOW),
]


@pytest.mark.parametrize("command", ALL, ids=lambda command: command.NAME)
def test_nothing_is_done_to_what_is_no_object(command: Command) -> None:
    refused(DigitalObject(), command, "is not an object of this ledger")


@pytest.mark.parametrize("end", [ObjectRejected(clause="x"), ObjectWithdrawn(reason="defect", effective_at=NOW)])  # type: ignore[arg-type]
def test_of_what_is_no_more_only_facts_are_recorded(end: Event) -> None:
    ended = after(born(), end)
    facts = replace(FACTS, source_known=True)
    for command in ALL:
        if isinstance(command, RecordDerivation | ComputeFingerprint):
            assert decide(ended, command, facts)
        else:
            refused(ended, command, f"the object is {ended.status}", facts)


class TestLevels:
    """Declared, attested by another party, judged again."""

    ATTEST = AttestElements(object=OBJECT, elements=(Element.JOB, Element.PARAMETERS), statement=PAPER)

    def test_another_party_raises_what_was_declared(self) -> None:
        judged, *rest = decide(born(), self.ATTEST)
        assert isinstance(judged, TraceSetJudged) and rest == []
        found = {cell.element: (cell.found, cell.evidence) for cell in judged.cells}
        assert found[Element.JOB] == found[Element.PARAMETERS] == (Level.ATTESTED, PAPER)
        assert found[Element.AUTHORISATION] == (Level.DECLARED, EVIDENCE)

    def test_what_was_too_low_is_admitted_by_it(self) -> None:
        state, facts = born(policy=STRICT), replace(FACTS, policy=STRICT)
        assert (state.status, state.lacking) == (Status.QUARANTINED, (Element.JOB,))
        assert decide(state, self.ATTEST, facts)[1:] == (ObjectAdmitted(),)

    def test_it_is_not_undone_by_declaring_less(self) -> None:
        held = born(Origin.IMPORTED)
        state = after(held, *decide(held, AttestElements(object=OBJECT, elements=(Element.MODEL,), statement=PAPER)))
        again = SubmitObject(
            sha256=CONTENT.sha256,
            asset_class=AssetClass.STATIC,
            origin=Origin.IMPORTED,
            intake_source=IntakeSource.CREATION,
        )
        facts = GateFacts(HOLDER, Seen(CONTENT, "image"), frozenset(), title_statement=None, policy=BUILT_IN)
        judged = next(event for event in at_the_gate(state, again, facts) if isinstance(event, TraceSetJudged))
        levels = {cell.element: cell.found for cell in judged.cells}
        assert (levels[Element.MODEL], levels[Element.PARAMETERS]) == (Level.ATTESTED, Level.MISSING)

    def test_who_brought_it_attests_nothing(self) -> None:
        refused(born(), self.ATTEST, "another party attests", replace(FACTS, actor=HOLDER))

    def test_what_nobody_declared_is_not_attested(self) -> None:
        refused(born(declared={}), self.ATTEST, "is missing, expected declared")
        twice = after(born(), *decide(born(), self.ATTEST))
        refused(twice, self.ATTEST, "is attested, expected declared")
        hash_only = AttestElements(object=OBJECT, elements=(Element.HASH,), statement=PAPER)
        refused(born(), hash_only, "hash is verified, expected declared")

    def test_the_statement_lies_in_the_store(self) -> None:
        refused(born(), self.ATTEST, "expected the document 7070", with_documents())

    def test_a_new_policy_judges_what_was_found(self) -> None:
        judged, ended = decide(born(), RECHECK, replace(FACTS, policy=STRICT))
        assert isinstance(judged, TraceSetJudged)
        assert ended == ObjectQuarantined(
            lacking=(Element.JOB,), clause="origin human_work: job below the level required"
        )
        assert len(decide(born(), RECHECK)) == 1, "nothing changes under the policy of before"
        quarantined = born(policy=STRICT)
        assert decide(quarantined, RECHECK)[1:] == (ObjectAdmitted(),)
        assert len(decide(quarantined, RECHECK, replace(FACTS, policy=STRICT))) == 1

    def test_nothing_is_judged_again_without_the_very_bytes(self) -> None:
        refused(born(), RECHECK, "expected the bytes 6363.*found none here", replace(FACTS, measured=Measured()))
        refused(born(), RECHECK, "not those that were identified", replace(FACTS, measured=Measured(FURTHER)))


class TestLift:
    """A human who did not bring it lets it in, with reasons, when nothing is missing."""

    def test_what_only_waited_for_a_human_is_admitted(self) -> None:
        held = born(Origin.IMPORTED)
        assert held.status is Status.QUARANTINED and held.lacking == ()
        assert decide(held, LIFT) == (QuarantineLifted(statement=PAPER), ObjectAdmitted())
        lifted = after(held, *decide(held, LIFT))
        assert lifted.status is Status.ADMITTED
        assert len(decide(lifted, RECHECK)) == 1, "judged again it stays in: a human has looked"

    def test_what_lacks_something_stays_out(self) -> None:
        refused(born(Origin.IMPORTED, {}), LIFT, "authorisation, model, .*bring what is missing first")

    def test_who_brought_it_cannot(self) -> None:
        refused(born(Origin.IMPORTED), LIFT, "cannot clear it", replace(FACTS, actor=HOLDER))

    def test_what_is_in_cannot_be_let_in(self) -> None:
        refused(born(), LIFT, "the object is admitted")

    def test_the_reasons_lie_in_the_store(self) -> None:
        refused(born(Origin.IMPORTED), LIFT, "expected the document", with_documents())


class TestNamesAndBytes:
    """Alternative identifiers, representations, fingerprints, descriptions."""

    BIND = BindAlternativeId(object=OBJECT, scheme=AlternativeScheme.EIDR, text="10.5240/7791-8534-2c23-9030-8610-5")

    def test_an_identifier_is_kept_in_its_spelling_and_taken(self) -> None:
        (bound,) = decide(born(), self.BIND)
        assert bound == AltIdBound(scheme=AlternativeScheme.EIDR, text="10.5240/7791-8534-2C23-9030-8610-5")
        assert bound.keys().take == ("alternative-id/eidr/10.5240/7791-8534-2C23-9030-8610-5",)

    def test_one_identifier_one_object(self) -> None:
        refused(born(), self.BIND, "bound to an object already", replace(FACTS, taken=True))

    def test_a_wrong_one_is_refused_with_the_right_character(self) -> None:
        wrong = replace(self.BIND, text="10.5240/7791-8534-2C23-9030-8610-6")
        refused(born(), wrong, "BindAlternativeId refused: eidr: expected the check character 5")

    def test_there_is_an_end_to_identifiers(self) -> None:
        bound = [AltIdBound(scheme=AlternativeScheme.DOI, text=f"10.5594/{n}") for n in range(ALTERNATIVE_IDS_MAX)]
        refused(after(born(), *bound), self.BIND, f"at most {ALTERNATIVE_IDS_MAX}")

    def test_further_bytes_are_what_the_store_holds(self) -> None:
        command = AddRepresentation(object=OBJECT, sha256=FURTHER.sha256, purpose=Purpose.DELIVERY)
        facts = replace(FACTS, measured=Measured(FURTHER, technical=SIZE))
        (added,) = decide(born(), command, facts)
        assert added == RepresentationAdded(content=FURTHER, purpose=Purpose.DELIVERY, technical=SIZE)
        refused(after(born(), added), command, "represent the object already", facts)
        refused(born(), command, "in the blob store", replace(FACTS, measured=Measured()))
        refused(born(), command, "in the blob store", replace(FACTS, measured=Measured(CONTENT)))
        itself = replace(command, sha256=CONTENT.sha256)
        refused(born(), itself, "represent the object already", replace(FACTS, measured=Measured(CONTENT)))

    def test_there_is_an_end_to_representations(self) -> None:
        digests = [Sha256(number.to_bytes(32, "big")) for number in range(REPRESENTATIONS_MAX)]
        many = [
            RepresentationAdded(content=replace(FURTHER, sha256=digest), purpose=Purpose.PROXY, technical=())
            for digest in digests
        ]
        command = AddRepresentation(object=OBJECT, sha256=FURTHER.sha256, purpose=Purpose.PROXY)
        refused(
            after(born(), *many), command, f"at most {REPRESENTATIONS_MAX}", replace(FACTS, measured=Measured(FURTHER))
        )

    def test_a_fingerprint_names_bytes_code_and_program(self) -> None:
        (computed,) = decide(born(), FINGERPRINT)
        assert computed == FingerprintComputed(
            scheme=FingerprintScheme.ISCC_SUM,
            sha256=CONTENT.sha256,
            code="ISCC:KUAP5Q74YXNZC4EK25EYD35HBIGIQ",
            program="iscc-lib@0.7.0",
        )
        refused(after(born(), computed), FINGERPRINT, "recorded already")
        other = Measured(FURTHER, fingerprints=(CODE,))
        refused(born(), FINGERPRINT, "bytes are not here", replace(FACTS, measured=other))
        more = (FingerprintScheme.TENSORS, "ab" * 32, "edgeprint@0")
        both = replace(FACTS, measured=Measured(CONTENT, fingerprints=(CODE, more)))
        (second,) = decide(after(born(), computed), FINGERPRINT, both)
        assert isinstance(second, FingerprintComputed) and second.scheme is FingerprintScheme.TENSORS

    def test_a_description_supersedes_the_one_before(self) -> None:
        command = AmendMetadata(object=OBJECT, document=PAPER)
        (first,) = decide(born(), command)
        assert first == MetadataAmended(document=PAPER, supersedes=None)
        described = after(born(), first)
        refused(described, command, "the description that stands")
        second = AmendMetadata(object=OBJECT, document=EVIDENCE)
        assert decide(described, second, with_documents(EVIDENCE)) == (
            MetadataAmended(document=EVIDENCE, supersedes=PAPER),
        )
        refused(described, second, "expected the document 6565")


def test_a_prompt_is_a_commitment_of_whom_it_was_recorded_for() -> None:
    command = RecordPrompt(object=OBJECT, prompt=SECRET)
    (recorded,) = decide(born(), command, replace(FACTS, who=HOLDER))
    assert recorded == PromptCommitted(author=HOLDER, prompt=SECRET, negative_prompt=None)
    (both,) = decide(born(), replace(command, negative_prompt=SECRET))
    assert isinstance(both, PromptCommitted) and both.negative_prompt == SECRET
    refused(after(born(), *[recorded] * PROMPTS_MAX), command, f"at most {PROMPTS_MAX}")


class TestDerivation:
    """A second kind of edge, found and not declared."""

    FOUND = RecordDerivation(object=OBJECT, source=SOURCE, evidence=PAPER)
    KNOWN = replace(FACTS, source_known=True)

    def test_it_is_recorded_once(self) -> None:
        (found,) = decide(born(), self.FOUND, self.KNOWN)
        assert found == DerivationFound(source=SOURCE, evidence=PAPER)
        refused(after(born(), found), self.FOUND, "known already", self.KNOWN)

    def test_a_declared_edge_is_no_find(self) -> None:
        refused(born(), replace(self.FOUND, source=OTHER_PARENT), "known already", self.KNOWN)

    def test_nothing_comes_from_itself_or_from_nothing(self) -> None:
        refused(born(), replace(self.FOUND, source=OBJECT), "from itself", self.KNOWN)
        refused(born(), self.FOUND, "source .* is not an object of this ledger")

    def test_the_comparison_lies_in_the_store(self) -> None:
        facts = replace(with_documents(), source_known=True)
        refused(born(), self.FOUND, "expected the document", facts)

    def test_there_is_an_end_to_found_sources(self) -> None:
        many = [DerivationFound(source=ObjectId(UUID(int=n)), evidence=PAPER) for n in range(FOUND_SOURCES_MAX)]
        refused(after(born(), *many), self.FOUND, f"at most {FOUND_SOURCES_MAX}", self.KNOWN)


def test_a_withdrawn_object_says_why_and_from_when() -> None:
    (ended,) = decide(born(), WithdrawObject(object=OBJECT, reason=WithdrawalReason.UNLAWFUL, effective_at=NOW))
    assert ended == ObjectWithdrawn(reason=WithdrawalReason.UNLAWFUL, effective_at=NOW)
    state = after(born(), ended)
    assert (state.status, state.clause) == (Status.WITHDRAWN, "withdrawn: unlawful")
