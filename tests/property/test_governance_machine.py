"""Parties, keys, roles, mandates and policies under any order of commands by anybody, in memory and in PostgreSQL.

The oracle keeps plain sets and says of each command whether it must be accepted, also where somebody else wrote after
it was decided. The forbidden states are looked for in the log itself after each run: a human decision by no human, an
unsigned one, a policy active that nobody approved, a role that excludes another, a key that two parties have, anything
done under a role or mandate that did not hold at its index.
"""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from domain.command import Command
from domain.events import ActorKind, Envelope, Sha256
from domain.governance.events import KeyEnd, MandateGranted, PartyKind, Role
from domain.governance.party import (
    EXCLUDED_BY,
    AssignRole,
    DeclareMembership,
    EnrolParty,
    GrantMandate,
    Party,
    RevokeMandate,
    WithdrawKey,
    WithdrawRole,
    evolve,
)
from domain.governance.policy_set import ActivatePolicy, ApprovePolicy, DraftPolicy
from domain.identity.trace_set import TRACE_SET_POLICY
from domain.ids import PartyId, PolicySetId
from infra.clock import now_us
from producers.authority import PARTY
from producers.commands import Actor, Authority, Decision, Task, View, Write
from producers.governance import HOLDER_ROLES, POLICY_SET
from producers.ports import CommandKey
from producers.registry import REGISTRY
from schemas.values import instant_of
from tests.conftest import LedgerDatabase
from tests.governance_kit import Town, binding, signer_of
from tests.machine_kit import PostgresTown, overtaken, run_machine

KINDS = [kind for kind in PartyKind if kind is not PartyKind.UNSPECIFIED]
ROLES = [role for role in Role if role is not Role.UNSPECIFIED]
HUMANS = {PartyKind.PERSON, PartyKind.ORGANISATION}
MANDATED = ["enrol-party", "draft-policy", "withdraw-role", "approve-policy"]
places = st.sampled_from([0, 0, 0, 1, 1, 2, 2, 3, 4, 5])  # the holder, a person with a key, an agent, later ones
roles = st.sampled_from(ROLES)
NEAR: Final = timedelta(seconds=2)


@dataclass
class Mandate:
    """A mandate as the oracle knows it."""

    number: int
    principal: int
    actions: frozenset[str]
    until_h: int
    revoked: bool = False


@dataclass
class Known:
    """A party as the oracle knows it; `events` is the length of its stream."""

    party: PartyId
    kind: PartyKind
    roles: set[Role] = field(default_factory=set)
    keys: list[int] = field(default_factory=list)
    used_keys: int = 0
    mandates: list[Mandate] = field(default_factory=list)
    events: int = 1

    @property
    def human(self) -> bool:
        return self.kind in HUMANS


class Governance(RuleBasedStateMachine):
    """Anybody tries anything."""

    HOUR: timedelta = timedelta(hours=1)

    def __init__(self) -> None:
        super().__init__()
        self.town = self.make_town()
        self.hours = 0
        self.known = [Known(self.town.holder, PartyKind.ORGANISATION, set(HOLDER_ROLES), [0], 1, events=6)]
        self.policy: PolicySetId | None = None
        self.drafts: list[bool] = []
        self.active = 0

    def make_town(self) -> Town:
        """Return the town of one run."""
        return Town()

    @initialize(by=st.sampled_from([0, 0, 1]), actions=st.sets(st.sampled_from(MANDATED[:2]), min_size=1))
    def some_parties(self, by: int, actions: set[str]) -> None:
        """A person with a key, and an agent with a mandate of theirs or the holder's: depth lies behind those."""
        person, agent = self.town.enrol(PartyKind.PERSON, key=True), self.town.enrol(PartyKind.AGENT)
        self.known.append(Known(person, PartyKind.PERSON, keys=[0], used_keys=1, events=2))
        self.known.append(Known(agent, PartyKind.AGENT))
        self.grant(by, 2, actions, 10)
        if by == 0:
            self.bind_key(0, 2)
            self.grant_as_it_once_was(2, "approve-policy", 30)
            self.draft(0, None)

    def grant_as_it_once_was(self, of: int, action: str, hours: int) -> None:
        """Write a mandate of the holder's from before its command was left to humans: no command grants it now."""
        agent, holder = self.known[of], self.known[0].party
        event = MandateGranted(
            principal=holder,
            actions=(action,),
            projects=(),
            currency=None,
            amount_minor_max=None,
            until=self.town.now + hours * self.HOUR,
        )
        signed = Authority(ActorKind.HUMAN, attestation=Sha256(bytes(32)))

        def run(view: View) -> Decision[PartyId]:
            return Decision((Write(view.load(agent.party, PARTY), (event,)),), agent.party, authority=signed)

        key, actor = CommandKey(holder, self.town.new_id()), Actor(holder, ActorKind.HUMAN)
        self.town.execute(Task(key, actor, run, reads=lambda _: (agent.party,))).require()
        agent.events += 1
        agent.mandates.append(Mandate(agent.events, 0, frozenset({action}), self.hours + hours))

    def at(self, place: int) -> Known:
        return self.known[place % len(self.known)]

    def may(self, name: str, actor: Known, principal: int | None, own: bool = False) -> bool:
        """Return whether the oracle permits a command."""
        permission = REGISTRY.find(name).permission
        if permission.human_only and not actor.human:
            return False
        if permission.signed and not actor.keys:
            return False
        who = actor if principal is None else self.known[principal]
        if principal is None and not actor.human:
            return False
        if principal is not None:
            covers = [
                one
                for one in actor.mandates
                if one.principal == principal and name in one.actions and not one.revoked and self.hours < one.until_h
            ]
            if not who.human or not covers:
                return False
        return (own and permission.own) or not permission.roles or bool(permission.roles & who.roles)

    def give(self, command: Command, actor: Known, principal: int | None, expected: bool) -> Any:
        """Give a command and hold the answer against what the oracle says."""
        number = 1 + actor.keys[0] if actor.keys else False
        whom = None if principal is None else self.known[principal].party
        outcome = self.town.give(command, actor.party, for_whom=whom, signed=number)
        assert (outcome.error is None) == expected, (command, actor, principal, outcome.error)
        return outcome if expected else None

    @rule(hours=st.integers(1, 40))
    def time_passes(self, hours: int) -> None:
        self.hours += hours
        self.town.now += hours * self.HOUR

    @precondition(lambda self: len(self.known) < 6)
    @rule(place=places, principal=st.none() | places, kind=st.sampled_from(KINDS))
    def enrol(self, place: int, principal: int | None, kind: PartyKind) -> None:
        actor, whom = self.at(place), None if principal is None else principal % len(self.known)
        outcome = self.give(EnrolParty(kind=kind), actor, whom, self.may("enrol-party", actor, whom))
        if outcome is not None:
            self.known.append(Known(PartyId(outcome.result()), kind))

    @rule(of=places, which=st.integers(0, 3), action=st.sampled_from(MANDATED))
    def act_under_a_mandate(self, of: int, which: int, action: str) -> None:
        there = [place for place, known in enumerate(self.known) if known.mandates]
        place = there[of % len(there)]
        principal = self.known[place].mandates[which % len(self.known[place].mandates)].principal
        if action == "withdraw-role":
            self.withdraw_role(place, 0, principal, min(self.known[0].roles, default=Role.CLERK))
        elif action == "approve-policy" and self.policy is not None:
            self.approve(place, principal, len(self.drafts))
        else:
            self.draft(place, principal)

    @rule(
        of=places,
        which=st.integers(0, 3),
        own=st.sampled_from([False, False, True]),
        name=st.sampled_from(MANDATED[:2]),
        rival=st.sampled_from(["mandate", "mandate", "key", "role"]),
    )
    def overtaken(self, of: int, which: int, own: bool, name: str, rival: str) -> None:
        """Between the reading and the writing of a command somebody takes back what it rests on, or tries to."""
        there = [place for place, known in enumerate(self.known) if known.mandates]
        place = of % len(self.known) if own else there[of % len(there)]
        actor = self.known[place]
        principal = None if own else actor.mandates[which % len(actor.mandates)].principal
        whose = place if principal is None else principal
        role = min(self.known[whose].roles & REGISTRY.find(name).permission.roles, default=Role.CLERK)
        rivals: dict[str, Callable[[], object]] = {
            "mandate": lambda: self.revoke(whose, place, which),
            "key": lambda: self.withdraw_key(place, place, KeyEnd.LOST),
            "role": lambda: self.withdraw_role(0, whose, None, role),
        }
        document = json.dumps({**TRACE_SET_POLICY, "held": {"imported": f"held {len(self.drafts)}"}})
        enrols, draft = EnrolParty(kind=PartyKind.DEVICE), DraftPolicy(name="trace-set", document=document)
        signed_by = actor.keys[0] if actor.keys else None
        before = self.may(name, actor, principal)
        with overtaken(self.town.store, rivals[rival]) as came:
            whom = None if principal is None else self.known[principal].party
            signed = False if signed_by is None else 1 + signed_by
            command = enrols if name == enrols.NAME else draft
            outcome = self.town.give(command, actor.party, for_whom=whom, signed=signed)
        assert came() == before
        allowed = self.may(name, actor, principal) and (signed_by is None or signed_by in actor.keys)
        assert (outcome.error is None) == allowed, (command, actor, principal, rival, outcome.error)
        if allowed and command is draft:
            self.policy = PolicySetId(outcome.result())
            self.drafts.append(False)

    @rule(place=places)
    def who_has_a_key_signs(self, place: int) -> None:
        actor = self.at(place)
        command = DeclareMembership(party=actor.party, community=f"cn.film-{self.town.store.size()}")
        outcome = self.town.give(command, actor.party, signed=False)
        assert (outcome.error is None) == (actor.human and not actor.keys), (actor, outcome.error)
        actor.events += outcome.error is None

    @rule(place=places, of=places)
    def bind_key(self, place: int, of: int) -> None:
        actor, party = self.at(place), self.at(of)
        allowed = self.may("bind-key", actor, None, own=actor is party)
        if self.give(binding(self.town.ledger, party.party, party.used_keys), actor, None, allowed):
            party.keys.append(party.used_keys)
            party.used_keys += 1
            party.events += 1

    @rule(place=places, of=places, reason=st.sampled_from([KeyEnd.LOST, KeyEnd.ROTATED]))
    def withdraw_key(self, place: int, of: int, reason: KeyEnd) -> None:
        actor, party = self.at(place), self.at(of)
        number = party.keys[-1] if party.keys else 0
        command = WithdrawKey(party=party.party, key=signer_of(party.party, number).vkey, reason=reason)
        allowed = bool(party.keys) and self.may("withdraw-key", actor, None, own=actor is party)
        if self.give(command, actor, None, allowed):
            party.keys.remove(number)
            party.events += 1

    @rule(place=places, of=places, role=roles)
    def assign_role(self, place: int, of: int, role: Role) -> None:
        actor, party = self.at(place), self.at(of)
        apart = not any(role in EXCLUDED_BY.get(has, ()) or has in EXCLUDED_BY.get(role, ()) for has in party.roles)
        allowed = self.may("assign-role", actor, None) and actor is not party and party.human
        allowed = allowed and role not in party.roles and apart
        if self.give(AssignRole(party=party.party, role=role), actor, None, allowed):
            party.roles.add(role)
            party.events += 1

    @rule(place=places, of=places, principal=st.none() | places, role=roles)
    def withdraw_role(self, place: int, of: int, principal: int | None, role: Role) -> None:
        actor, party = self.at(place), self.at(of)
        whom = None if principal is None else principal % len(self.known)
        allowed = role in party.roles and self.may("withdraw-role", actor, whom)
        if self.give(WithdrawRole(party=party.party, role=role), actor, whom, allowed):
            party.roles.discard(role)
            party.events += 1

    @rule(place=places, of=places, actions=st.sets(st.sampled_from(MANDATED), min_size=1), hours=st.integers(0, 20))
    def grant(self, place: int, of: int, actions: set[str], hours: int) -> None:
        actor, party = self.at(place), self.at(of)
        human = {name for name in actions if REGISTRY.find(name).permission.human_only}
        allowed = self.may("grant-mandate", actor, None) and actor is not party and hours > 0
        allowed = allowed and party.kind is not PartyKind.ORGANISATION and (party.human or not human)
        until = self.town.now + hours * self.HOUR
        if self.give(GrantMandate(party=party.party, actions=tuple(actions), until=until), actor, None, allowed):
            party.events += 1
            place = self.known.index(actor)
            party.mandates.append(Mandate(party.events, place, frozenset(actions), self.hours + hours))

    @rule(place=places, of=st.just(2) | places, which=st.integers(0, 2))
    def revoke(self, place: int, of: int, which: int) -> None:
        actor, party = self.at(place), self.at(of)
        mandate = party.mandates[which % len(party.mandates)] if party.mandates else None
        number = 99 if mandate is None else mandate.number
        allowed = self.may("revoke-mandate", actor, None) and mandate is not None and not mandate.revoked
        if mandate is not None and self.known[mandate.principal] is not actor:
            allowed = allowed and Role.REGISTRAR in actor.roles
        elif mandate is None:
            allowed = False
        if self.give(RevokeMandate(party=party.party, mandate=number), actor, None, allowed) and mandate:
            mandate.revoked = True
            party.events += 1

    @rule(place=places, principal=st.none() | places)
    def draft(self, place: int, principal: int | None) -> None:
        actor, whom = self.at(place), None if principal is None else principal % len(self.known)
        document = json.dumps({**TRACE_SET_POLICY, "held": {"imported": f"held {len(self.drafts)}"}})
        allowed = self.may("draft-policy", actor, whom)
        outcome = self.give(DraftPolicy(name="trace-set", document=document), actor, whom, allowed)
        if outcome is not None:
            self.policy = PolicySetId(outcome.result())
            self.drafts.append(False)

    @precondition(lambda self: self.policy is not None)
    @rule(place=places, principal=st.none() | places, version=st.integers(1, 3))
    def approve(self, place: int, principal: int | None, version: int) -> None:
        actor, whom = self.at(place), None if principal is None else principal % len(self.known)
        assert self.policy is not None
        documents = [draft.document for draft in self.town.load(self.policy, POLICY_SET).state.drafts]
        there = version <= len(documents)
        digest = hashlib.sha256(documents[version - 1].encode()).digest() if there else bytes(32)
        allowed = there and not self.drafts[version - 1] and self.may("approve-policy", actor, whom)
        command = ApprovePolicy(policy=self.policy, version=version, document_sha256=digest)  # type: ignore[arg-type]
        if self.give(command, actor, whom, allowed):
            self.drafts[version - 1] = True

    @precondition(lambda self: self.policy is not None)
    @rule(place=places, version=st.integers(1, 3))
    def activate(self, place: int, version: int) -> None:
        actor = self.at(place)
        assert self.policy is not None
        allowed = version <= len(self.drafts) and self.drafts[version - 1] and self.active != version
        allowed = allowed and self.may("activate-policy", actor, None)
        if self.give(ActivatePolicy(policy=self.policy, version=version), actor, None, allowed):
            self.active = version

    def teardown(self) -> None:
        """Look for what must never be, in the log; and fold every stream once more."""
        self.each_had_its_authority()
        signed = {spec.events[0].TYPE for spec in REGISTRY if spec.permission.signed}
        human = {spec.events[0].TYPE for spec in REGISTRY if spec.permission.human_only}
        founding = self.town.store.streams([self.town.holder])[self.town.holder][5].index
        keys: set[str] = set()
        for row in self.town.store.rows(founding + 1, 10_000):
            decoded = self.town.application.codec.accept(row.entry)
            envelope = decoded.envelope
            assert row.type not in human or envelope.actor_kind is ActorKind.HUMAN
            assert row.type not in signed or envelope.attestation is not None
            assert (envelope.mandate is None) == (envelope.on_behalf_of is None)
            taken = set(decoded.event.keys().take)
            assert not taken & keys
            keys |= taken
        for known in self.known:
            state = self.town.load(known.party, PARTY).state
            assert (state.kind, set(state.roles), state.version) == (known.kind, known.roles, known.events)
            assert [one.number for one in state.mandates] == [one.number for one in known.mandates]
            assert not known.roles or known.human
        if self.policy is not None:
            state = self.town.load(self.policy, POLICY_SET).state
            assert state.active == self.active and (not self.active or state.drafts[self.active - 1].approved)
        self.town.application.close()

    def each_had_its_authority(self) -> None:
        """Hold each command of the log against the parties as the entries before it left them."""
        parties: dict[UUID, Party] = {}
        mandates: dict[bytes, tuple[UUID, int]] = {}
        founded = commands = 0
        last: UUID | None = None
        for row in self.town.store.rows(0, 10_000):
            decoded = self.town.application.codec.accept(row.entry)
            envelope, stream = decoded.envelope, UUID(int=decoded.envelope.stream_id.int)
            if not founded and self.town.holder in parties and envelope.command_id != last:
                founded = row.index
            if founded and envelope.command_id != last:
                self.had_its_authority(row.type, envelope, parties, mandates)
                commands += 1
            last = envelope.command_id
            if row.type.startswith("edgeprint.governance.") and (stream in parties or row.type == PARTY.born_by):
                parties[stream] = evolve(parties.get(stream, Party()), decoded.event)  # type: ignore[arg-type]
                mandates[row.leaf_hash] = stream, parties[stream].version
        assert commands >= len(self.known) - 1, "each of them was enrolled by somebody"

    @staticmethod
    def had_its_authority(
        fact: str, envelope: Envelope, parties: dict[UUID, Party], mandates: dict[bytes, tuple[UUID, int]]
    ) -> None:
        actor = parties[envelope.actor]
        if envelope.mandate is None:
            assert actor.kind in HUMANS, "nobody else acts in their own name"
        else:
            of, number = mandates[envelope.mandate]
            mandate = next(one for one in actor.mandates if one.number == number)
            assert of == envelope.actor and mandate.granted.principal == envelope.on_behalf_of
            assert not mandate.revoked, "nothing is done under a mandate after its revocation"
            assert instant_of(envelope.recorded_at) < mandate.granted.until, "nor after its end"
        who = UUID(int=(envelope.on_behalf_of or envelope.actor).int)
        permissions = [spec.permission for spec in REGISTRY if fact in {event.TYPE for event in spec.events}]
        by_role = any(not one.roles or one.roles & parties[who].roles for one in permissions)
        for_itself = who == envelope.stream_id and any(one.own for one in permissions)
        assert by_role or for_itself, "a role that was not there"


def test_any_order_of_commands() -> None:
    run_machine(Governance, 80, steps=25)


@pytest.mark.soak
def test_any_order_of_commands_for_long() -> None:
    run_machine(Governance, 2_000, steps=25)


@pytest.mark.soak
def test_any_order_of_commands_on_postgresql(make_ledger_database: Callable[[], LedgerDatabase]) -> None:
    class OnPostgres(Governance):
        """The same over a database of its own for each run, which takes no entry farther than 5 s from its own clock.

        So an hour of the oracle is short here, and the clock of the town stands between two commands as it does in
        memory: the end of a mandate lies on one side of a command or the other, however slow the machine is.
        """

        HOUR = timedelta(milliseconds=10)

        def make_town(self) -> Town:
            self.postgres = PostgresTown(make_ledger_database())
            self.postgres.town.stand()
            return self.postgres.town

        @invariant()
        def the_clock_is_near_the_real_one(self) -> None:
            """Let hours pass where the town is late; where it is early it waits."""
            late = instant_of(now_us()) - self.town.now
            if late > NEAR:
                self.time_passes(late // self.HOUR)
            elif late < -NEAR:
                time.sleep((-late - NEAR).total_seconds())

        def teardown(self) -> None:
            try:
                super().teardown()
            finally:
                self.postgres.close()

    run_machine(OnPostgres, 50, steps=25)
