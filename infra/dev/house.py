"""Who is in the film house: parties with roles and mandates, and the policies that judge.

The founding comes first: studio, guild, archive, vendors, officers, auditor, technician, then agents and devices with
their mandates, then the policies, drafted, approved and activated. Crews and performers come with the productions; of
performers some are held and some are erased. Keys are bound to nobody: nothing here is signed.
"""

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import rfc8785

from domain.events import ActorKind, Sha256
from domain.governance import events as facts
from domain.governance.policies import ADMISSION, BUILT_IN, TRACE_SET
from domain.ids import Commitment, PartyId
from infra.dev.acts import Act, Draw, Stream, Who
from schemas.values import instant_of

MANDATE_DAYS: Final = 3_000
BRINGING: Final = ("recheck-object", "record-prompt", "submit-object")


class House:
    """The people and machines of one film house; `registrar` enrols them and is a party of the ledger already."""

    def __init__(self, draw: Draw, registrar: PartyId) -> None:
        self.registrar = Who(registrar, ActorKind.HUMAN)
        self._draw = draw
        self._founding: list[Act] = []
        self.studio = self._enrol(facts.PartyKind.ORGANISATION, facts.Role.OPERATOR, facts.Role.LICENSOR)
        self.guild = self._enrol(facts.PartyKind.ORGANISATION, community="cn.screenwriters")
        self.archive = self._enrol(facts.PartyKind.ORGANISATION, community="cn.film-heritage")
        self.vendors = tuple(self._enrol(facts.PartyKind.ORGANISATION) for _ in range(4))
        self.officers = tuple(self._enrol(facts.PartyKind.PERSON, facts.Role.COMPLIANCE_OFFICER) for _ in range(3))
        self.auditor = self._enrol(facts.PartyKind.PERSON, facts.Role.AUDITOR, facts.Role.CLERK)
        self.technician = self._enrol(facts.PartyKind.PERSON, facts.Role.OPERATOR)
        self.agents = tuple(self._serve(facts.PartyKind.AGENT, ActorKind.AGENT, self.studio) for _ in range(2))
        self.camera = self._serve(facts.PartyKind.DEVICE, ActorKind.DEVICE, self.studio)
        self.scanner = self._serve(facts.PartyKind.DEVICE, ActorKind.DEVICE, self.archive)
        self.renderer = self._serve(facts.PartyKind.SERVICE, ActorKind.SERVICE, self.studio)

    def found(self, *, policies: bool) -> Iterator[Act]:
        """Tell the founding; `policies` False where the ledger has its policies active already."""
        yield from self._founding
        self._founding.clear()
        for name in (TRACE_SET, ADMISSION) if policies else ():
            document = rfc8785.dumps(BUILT_IN[name]).decode()
            stream, officer = Stream(self._draw.uuid()), self.officers[0]
            digest = Sha256(hashlib.sha256(document.encode()).digest())
            yield self._draw.act(stream, (facts.PolicyDrafted(name=name, version=1, document=document),), self.studio)
            yield self._draw.act(stream, (facts.PolicyApproved(version=1, document_sha256=digest),), officer)
            yield self._draw.act(stream, (facts.PolicyActivated(version=1),), officer)

    def _enrol(self, kind: facts.PartyKind, *roles: facts.Role, community: str | None = None) -> Who:
        stream = Stream(self._draw.uuid())
        self._founding.append(self._draw.act(stream, (facts.PartyEnrolled(kind=kind),), self.registrar))
        for role in roles:
            self._founding.append(self._draw.act(stream, (facts.RoleAssigned(role=role),), self.registrar))
        if community is not None:
            joined = facts.MembershipDeclared(community=community, statement=self._draw.digest())
            self._founding.append(self._draw.act(stream, (joined,), self.registrar))
        return Who(PartyId(stream.stream_id), ActorKind.HUMAN)

    def _serve(self, kind: facts.PartyKind, actor: ActorKind, principal: Who) -> Who:
        stream = Stream(self._draw.uuid())
        self._founding.append(self._draw.act(stream, (facts.PartyEnrolled(kind=kind),), self.registrar))
        self._founding.append(self._draw.act(stream, (self._mandate(principal),), principal))
        return Who(PartyId(stream.stream_id), actor, principal.party)

    def _mandate(self, principal: Who) -> facts.MandateGranted:
        return facts.MandateGranted(
            principal=principal.party,
            actions=BRINGING,
            projects=(),
            currency=None,
            amount_minor_max=None,
            until=instant_of(self._draw.now_us) + timedelta(days=MANDATE_DAYS),
        )

    def hire(self) -> tuple[Who, Iterator[int | Act]]:
        """Return a member of a crew, and the act that enrols them."""
        stream = Stream(self._draw.uuid())
        return Who(PartyId(stream.stream_id), ActorKind.HUMAN), self._introduce(stream)

    def _introduce(self, stream: Stream) -> Iterator[int | Act]:
        draw = self._draw
        name, contact = Commitment(draw.digest()), Commitment(draw.digest())
        known = facts.ParticularsDeclared(name=name, address=None, contact=contact)
        yield draw.act(stream, (facts.PartyEnrolled(kind=facts.PartyKind.PERSON),), self.registrar)
        yield draw.act(stream, (known,), self.registrar)

    def perform(self, number: int, patience: int) -> Iterator[int | Act]:
        """Tell of a performer: of four one is erased, one held and erased afterwards, one held, one left alone."""
        draw, stream, officer = self._draw, Stream(self._draw.uuid()), self.officers[number % len(self.officers)]
        yield from self._introduce(stream)
        yield patience
        if number % 4 in (1, 2):
            yield draw.act(stream, (facts.LegalHoldPlaced(matter=f"(2025) 01 min chu {number}"),), officer)
            hold = stream.version
            if number % 4 == 2:
                return
            yield patience
            yield draw.act(stream, (facts.LegalHoldLifted(hold=hold),), officer)
        if number % 4 < 2:
            yield patience
            yield draw.act(stream, (facts.SubjectErased(request=draw.digest()),), officer)
            yield draw.act(stream, (facts.ErasureCompleted(values=2),), self.registrar)

    def leave(self, patience: int) -> Iterator[int | Act]:
        """Tell of an officer who loses the role again, and of an agent whose mandate is revoked."""
        draw, officer, agent = self._draw, Stream(self._draw.uuid()), Stream(self._draw.uuid())
        enrolled = (
            facts.PartyEnrolled(kind=facts.PartyKind.PERSON),
            facts.RoleAssigned(role=facts.Role.COMPLIANCE_OFFICER),
        )
        for stream, events in ((officer, enrolled), (agent, (facts.PartyEnrolled(kind=facts.PartyKind.AGENT),))):
            for event in events:
                yield draw.act(stream, (event,), self.registrar)
        yield draw.act(agent, (self._mandate(self.studio),), self.studio)
        mandate = agent.version
        yield patience
        yield draw.act(agent, (facts.MandateRevoked(mandate=mandate),), self.studio)
        yield draw.act(officer, (facts.RoleWithdrawn(role=facts.Role.COMPLIANCE_OFFICER),), self.registrar)
