"""Parties with keys over a founded ledger in memory, and commands that they sign."""

import hashlib
import itertools
import json
import tempfile
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import rfc8785

from domain.command import Command
from domain.errors import LedgerError
from domain.events import ActorKind, Event, Sha256
from domain.evidence.ledger import FoundLedger, SchemaText
from domain.governance.events import PartyKind, Role
from domain.governance.party import AssignRole, BindKey, EnrolParty, Party
from domain.governance.signing import Attestation, prove_binding
from domain.ids import Commitment, LedgerId, ObjectId, PartyId, format_id, uuid7
from domain.ledger.keys import NoteSigner, ed25519_signer
from domain.rights.limits import Derivation, Limit
from domain.rights.plan import make_plan, plan_json
from domain.rights.settlement import WHOLE_BP, Holder, PlanNode
from domain.rights.title import WHOLE
from infra.blobs.store import BlobStore
from infra.clock import now_us as real_now_us
from infra.governance.given import Given
from infra.host import BlobHost
from infra.rights.desk import Desk
from infra.store.mapper import EntryMapper
from infra.store.memory import MemoryRecorder
from infra.vault.memory import MemoryVault
from infra.vault.sealing import seal_secrets
from producers.application import LedgerApplication
from producers.authority import PARTY, Request
from producers.commands import Actor, Aggregate, Loaded, Outcome, StreamCache, Task
from producers.evidence import change_ledger
from producers.governance import HOLDER_ROLES, found_party
from producers.identity import OBJECT, Submitted
from producers.ports import CommandKey
from producers.registry import REGISTRY
from producers.vault import Vault
from schemas.attestation import attest, command_text
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from schemas.requests import parse_request, render_request
from schemas.values import instant_of, microseconds
from tests.identity_kit import submit

PREFIX = "10.5072"
LOG = "example.org/log"
ANY = Commitment(Sha256(bytes(32)))
"""Stands where a secret is given beside the command."""
CODEC = Codec(CATALOGUE)
"""One for all towns: it generates what it reads and writes events with at their first use."""
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LATER = datetime(2027, 11, 25, tzinfo=UTC)


def identifier(party: UUID) -> str:
    """Return a party's identifier."""
    return format_id("P", party, PREFIX)


@cache
def signer_of(party: UUID, number: int = 0) -> NoteSigner:
    """Return one of a party's keys, the same each time."""
    return ed25519_signer(identifier(party), hashlib.sha256(b"%d %s" % (number, party.bytes)).digest())


def binding(ledger: LedgerId, party: UUID, number: int = 0) -> BindKey:
    """Return the command that binds one of a party's keys, with its proof."""
    signer = signer_of(party, number)
    return BindKey(party=PartyId(party), key=signer.vkey, proof=prove_binding(signer, ledger))


def without_secrets(patterns: Sequence[str], document: dict[str, Any]) -> dict[str, Any]:
    """Return a command's input without what stands where its secrets belong."""
    for pattern in patterns:
        name, _, inner = pattern.partition(".*.")
        if not inner:
            document.pop(name, None)
        for item in document[name] if inner else ():
            item.pop(inner)
    return document


@lru_cache(maxsize=1 << 16)
def _event(entry: bytes) -> Event:
    return CODEC.decode(entry).event


class Town:
    """A founded ledger in memory: `holder` has every role that one party can have, and a key; its clock stands.

    Over a `store` of another kind its clock is the real one, which such a store compares with its own, until `stand`.
    """

    def __init__(self, store: Any = None, application: LedgerApplication | None = None) -> None:
        self._real_clock = store is not None
        counter = itertools.count(1)
        self.new_id: Callable[[], UUID] = lambda: uuid7(1_760_000_000_000_000, next(counter).to_bytes(10, "big"))
        self.ledger = LedgerId(self.new_id())
        self.holder = PartyId(self.new_id())
        self.now = NOW
        self._blobs: BlobStore | None = None
        self.vault: Vault = MemoryVault()
        self.store = store or MemoryRecorder(self.now_us)
        self.application = application or LedgerApplication(
            self.store, self.store, EntryMapper(), CODEC, self.ledger, self.now_us, self.new_id
        )
        self._found()

    def now_us(self) -> int:
        """Return the clock in microseconds since the epoch."""
        return real_now_us() if self._real_clock else microseconds(self.now)

    def stand(self) -> None:
        """Stop the clock where it is: from here on `now` moves it, no farther from the real one than a store bears."""
        self.now, self._real_clock = instant_of(real_now_us()), False

    def _found(self) -> None:
        texts = tuple(SchemaText(s.sha256, s.text.decode()) for s in CATALOGUE.by_type.values())
        actor = Actor(self.holder, ActorKind.SERVICE)
        founding = FoundLedger(PREFIX, False, (LOG,), texts)
        key = CommandKey(self.holder, self.new_id())
        self.execute(change_ledger(key, actor, self.ledger, founding)).require()
        commands = (EnrolParty(kind=PartyKind.ORGANISATION), binding(self.ledger, self.holder))
        roles = tuple(AssignRole(party=self.holder, role=role) for role in HOLDER_ROLES)
        service = Actor(PartyId(self.new_id()), ActorKind.SERVICE)
        key = CommandKey(service.party, self.new_id())
        task = found_party(key, service, self.holder, self.ledger, (*commands, *roles))
        self.execute(task).require()

    # What `infra.vault.erasure` asks of a session, a town has.

    @property
    def service(self) -> Actor:
        """Return the program itself, for which the holder stands here."""
        return Actor(self.holder, ActorKind.SERVICE)

    def new_command(self, actor: Actor) -> CommandKey:
        """Return the key of a command that is new."""
        return CommandKey(actor.party, self.new_id())

    def execute(self, task: Task[Any]) -> Outcome[Any]:
        """Handle one command alone: nobody is waited for that could go with it."""
        (outcome,) = self.application.execute_all([task])
        return outcome

    def give(
        self,
        command: Command,
        actor: UUID | None = None,
        *,
        for_whom: UUID | None = None,
        command_id: UUID | None = None,
        signed: bool | int = True,
        secrets: Mapping[str, Any] | None = None,
    ) -> Outcome[Any]:
        """Give a command and return what became of it; whoever has bound a key signs, with that of number `signed`.

        `secrets` are the values of fields that hold ANY commitment in `command`.
        """
        request = self.request(command, actor, for_whom=for_whom, command_id=command_id, signed=signed, secrets=secrets)
        return self.execute(REGISTRY.task(request, self.ledger))

    def request(
        self,
        command: Command,
        actor: UUID | None = None,
        *,
        for_whom: UUID | None = None,
        command_id: UUID | None = None,
        signed: bool | int = True,
        secrets: Mapping[str, Any] | None = None,
    ) -> Request:
        """Return the request of a command."""
        who = PartyId(actor or self.holder)
        given = command_id or self.new_id()
        principal = None if for_whom is None else PartyId(for_whom)
        spec, committed, amount, sealed = REGISTRY.find(command.NAME), None, None, None
        if secrets:
            document = without_secrets(spec.secrets, render_request(command, PREFIX))
            asked = Given(command.NAME, json.dumps(document).encode(), who, given, principal, None, secrets)
            sealed = seal_secrets(self.vault, self.new_id, asked)
            command = parse_request(type(command), sealed.data, PREFIX)
        evidence = spec.gather(command, BlobHost(self.blobs, self.load, self.vault, self.desk()))
        if sealed is not None:
            owners = spec.owners(command, principal or who, evidence)
            self.vault.keep(owners, who, given, sealed.event_id, sealed.openings)
            committed, amount = sealed.committed(), spec.amount(sealed.values())
        text = command_text(
            command, command_id=given, actor=who, on_behalf_of=principal, ledger=self.ledger, prefix=PREFIX
        )
        attestation = self.sign(who, text, int(signed) - 1) if signed and self.party(who).keys else None
        key = CommandKey(who, given, hashlib.sha256(text).digest())
        return Request(key, who, command, principal, attestation, evidence, committed, amount)

    def desk(self) -> Desk:
        """Return the desk at which this town's licences are written."""
        return Desk(
            self.store.size,
            lambda: instant_of(self.now_us()),
            lambda: signer_of(self.holder),
            self.derive,
            "example.org/log",
            PREFIX,
        )

    def derive(self, objects: Sequence[ObjectId], _: datetime, currency: str) -> Derivation:
        """Return what objects allow that come from nothing else: this town has no views to read more of."""
        position = self.store.size() - 1
        for name in objects:
            state = self.load(name, OBJECT).state
            if state.birth is None or state.birth.parents or state.found_sources:
                return Derivation(position, missing=f"expected the derivation of {name}, found no reader of it")
        limits = tuple(Limit(name, WHOLE, f"title of {name}") for name in objects)
        plans = (Sha256(hashlib.sha256(self.plan(name, currency)).digest()) for name in objects)
        return Derivation(position, limits, read=tuple(objects), plans=tuple(plans))

    def plan(self, sold: ObjectId, currency: str) -> bytes:
        """Return the settlement plan of an object that comes from nothing else: all to its holder."""
        birth = self.store.streams([sold])[sold][0]
        holder = self.load(sold, OBJECT).state.birth.holder
        node = PlanNode(object=sold, birth=birth.index, holders=(Holder(party=holder, share_bp=WHOLE_BP),))
        return rfc8785.dumps(plan_json(make_plan(sold, currency, [node], []), PREFIX))

    @property
    def blobs(self) -> BlobStore:
        """Return the blob store of this town, made when it is first asked for and gone with the town."""
        if self._blobs is None:
            folder = tempfile.TemporaryDirectory(prefix="edgeprint-town-")
            self._blobs = BlobStore(folder.name)
            weakref.finalize(self, folder.cleanup)
        return self._blobs

    def put(self, data: bytes) -> Sha256:
        """Store a document and return its digest."""
        return self.blobs.put_bytes(data)

    def data(self, data: bytes) -> bytes:
        """Store bytes and return them."""
        self.put(data)
        return data

    def bring(self, data: bytes, holder: UUID | None = None, **changes: Any) -> ObjectId:
        """Bring bytes to the gate, for the town's holder if for nobody else, and return the object."""
        who = PartyId(holder or self.holder)
        if "submission" not in changes:
            changes["submission"] = self.vault.keep_document(who, b"%s brings %s" % (who.bytes, data))
        submitted: Submitted = self.give(submit(self.data(data), **changes), who).result()
        return submitted.object_id

    def sign(self, party: UUID, text: bytes, number: int = 0) -> Attestation:
        """Return the attestation of a text by one of a party's keys."""
        signer = signer_of(party, number)
        return attest(text, signer.vkey, signer.sign(text))[0]

    def enrol(self, kind: PartyKind, *roles: Role, key: bool = False) -> PartyId:
        """Return a new party with these roles, and with its first key bound if `key`."""
        party = PartyId(self.give(EnrolParty(kind=kind)).result())
        for role in roles:
            self.give(AssignRole(party=party, role=role)).require()
        if key:
            self.give(binding(self.ledger, party)).require()
        return party

    def load(self, stream: UUID, aggregate: Aggregate[Any]) -> Loaded[Any]:
        """Return a stream as it stands."""
        return StreamCache(self.store.streams([stream]), _event).load(stream, aggregate)

    def party(self, party: UUID) -> Party:
        """Return a party as it stands."""
        state: Party = self.load(party, PARTY).state
        return state

    def written(self, outcome: Outcome[Any]) -> list[Event]:
        """Return the events that a command wrote."""
        outcome.require()
        rows = self.store.rows(outcome.first, outcome.last - outcome.first + 1)
        return [self.application.codec.accept(row.entry).event for row in rows]

    def refusal(self, outcome: Outcome[Any]) -> str:
        """Return why a command was refused; that it was is required."""
        assert isinstance(outcome.error, LedgerError), outcome
        return str(outcome.error)
