"""Commands on settlements and valuations; see `domain.rights.settlement_rules` and `domain.rights.valuation`.

Whose secret is an amount? A line's is its party's, so that erasing a person erases what it was paid; the total's is the
licensor's, whose books it is part of; what an object is worth is its holder's. What is owed to a party that was erased
before the settlement is a debt of the licensor's still, and then lies under the licensor's key.
"""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from domain.capability.resource import read_price
from domain.command import Command
from domain.errors import Conflict, Invalid, Rejected
from domain.events import Event, Sha256
from domain.governance.authority import Amount, Permission
from domain.governance.events import Role
from domain.ids import EventId, LicenceId, ObjectId, PartyId
from domain.rights import settlement_rules, valuation
from domain.rights.licence import Licence
from domain.rights.plan import PLAN_BYTES_MAX, PLAN_DEPTH_MAX, read_plan
from domain.rights.settlement import Plan
from domain.rights.settlement_events import SettlementContinued, SettlementMade, SettlementReversed, account_key
from domain.rights.settlement_rules import AMOUNT, MakeSettlement, ReverseSettlement, Settlement
from domain.rights.statement import STATEMENT_BYTES_MAX, STATEMENT_DEPTH_MAX, Statement, read_statement
from domain.rights.valuation import (
    AMOUNTS,
    IssueValuation,
    SupersedeValuation,
    Valuation,
    ValuationIssued,
    ValuationSuperseded,
)
from producers.authority import ANYBODY, PARTY, Acting, CommandSpec, Keys
from producers.commands import Aggregate, Decision, Loaded, View, Write
from producers.host import DOCUMENT_BYTES_MAX, Host
from producers.identity import OBJECT
from producers.licences import LICENCE
from schemas.strict_json import parse_strict

SETTLEMENT: Final = Aggregate("Settlement", SettlementMade.TYPE, Settlement(), settlement_rules.evolve)
VALUATION: Final = Aggregate("Valuation", ValuationIssued.TYPE, Valuation(), valuation.evolve)
APPRAISER: Final = frozenset({Role.AUDITOR})
"""Who values works for nobody in particular: the role of those who examine what others have made."""
LINES: Final = "lines.*.amount"


@dataclass(frozen=True, slots=True)
class Found:
    """What was found before the decision: the licence, its plan, the statement, documents, payees and who was erased.

    Whether a payee was erased says under whose key its amounts lie, so all of them are read again with the decision.
    """

    licence: LicenceId | None
    digest: Sha256 | None = None
    plan: Plan | None = None
    statement: Statement | None = None
    documents: frozenset[Sha256] = frozenset()
    payees: tuple[PartyId, ...] = ()
    erased: frozenset[PartyId] = frozenset()


def plan_at(host: Host, sha256: Sha256) -> Plan | None:
    """Return the settlement plan of a digest, None where it is not here. Raises: Invalid."""
    found = host.document(sha256, PLAN_BYTES_MAX)
    if found is None:
        return None
    return read_plan(parse_strict(found, "plan", bytes_max=PLAN_BYTES_MAX, depth_max=PLAN_DEPTH_MAX), host.prefix)


def statement_at(host: Host, sha256: Sha256) -> Statement | None:
    """Return the settlement statement of a digest, None where the vault has none. Raises: Invalid."""
    found = host.kept(sha256)
    if found is None:
        return None
    where = "statement"
    return read_statement(
        parse_strict(found, where, bytes_max=STATEMENT_BYTES_MAX, depth_max=STATEMENT_DEPTH_MAX), host.prefix
    )


def _here(host: Host, *digests: Sha256) -> frozenset[Sha256]:
    return frozenset(one for one in digests if host.document(one, DOCUMENT_BYTES_MAX) is not None)


def _gather_make(command: MakeSettlement, host: Host) -> Found:
    licence: Licence = host.state(command.licence, LICENCE)
    digest = None if licence.issued is None else licence.issued.plan
    try:
        plan = None if digest is None else plan_at(host, digest)
        statement = statement_at(host, command.statement)
    except Invalid as err:
        raise Rejected(f"MakeSettlement refused: {err}") from err
    parties = tuple(sorted({line.party for line in command.lines}))
    erased = frozenset(party for party in parties if host.state(party, PARTY).erased)
    return Found(command.licence, digest, plan, statement, _here(host, command.usage), parties, erased)


def _gather_reverse(command: ReverseSettlement, host: Host) -> Found:
    return Found(host.state(command.settlement, SETTLEMENT).licence, documents=_here(host, command.basis))


def _run(command: Any, view: View, acting: Acting) -> Decision[UUID]:
    found: Found = acting.evidence
    licence = Licence() if found.licence is None else view.load(found.licence, LICENCE).state
    loaded: Loaded[Settlement] = _account(command, view)
    if {payee for payee in found.payees if view.load(payee, PARTY).state.erased} != found.erased:
        raise Conflict(f"{type(command).__name__}: a payee was erased meanwhile, whose amount lies elsewhere now")
    event = acting.event_id
    facts = settlement_rules.Facts(
        who=acting.who,
        now=acting.now,
        licence=licence,
        plan=found.plan if licence.issued is not None and licence.issued.plan == found.digest else None,
        values=acting.values,
        event=None if event is None else EventId(event),
        statement=found.statement,
        documents=found.documents,
    )
    events = settlement_rules.decide(loaded.state, acting.committed(command), facts)
    return Decision((Write(loaded, events, acting.event_id),), loaded.stream_id)


def _account(command: Any, view: View) -> Loaded[Settlement]:
    if isinstance(command, ReverseSettlement):
        return view.load(command.settlement, SETTLEMENT)
    known = view.keys.get(account_key(command.licence))
    return view.born(SETTLEMENT) if known is None else view.load(known.stream_id, SETTLEMENT)


def _lookups(command: Any, _: PartyId) -> tuple[str, ...]:
    return (account_key(command.licence),) if isinstance(command, MakeSettlement) else ()


def _reads(command: Any, keys: Keys) -> tuple[UUID, ...]:
    if isinstance(command, ReverseSettlement):
        return (command.settlement,)
    known = keys.get(account_key(command.licence))
    return () if known is None else (known.stream_id,)


def _of_licence(found: Found | None) -> tuple[UUID, ...]:
    return () if found is None or found.licence is None else (found.licence, *found.payees)


def _payee(command: MakeSettlement, who: PartyId, path: str, found: Found) -> PartyId:
    if path == AMOUNT:
        return who
    party = command.lines[int(path.split(".")[1])].party
    return who if party in found.erased else party


def _total(values: Any) -> Amount | None:
    return read_price(values[AMOUNT]) if AMOUNT in values else None


# -- valuations -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Valued:
    """Who holds the object, None where there is none; and the documents that are here."""

    holder: PartyId | None
    documents: frozenset[Sha256]


def _holder(host: Host, object_id: ObjectId) -> PartyId | None:
    birth = host.state(object_id, OBJECT).birth
    return None if birth is None else birth.holder


def _gather_valuation(command: Any, host: Host) -> Valued | None:
    if isinstance(command, SupersedeValuation):
        return None
    return Valued(_holder(host, command.object), _here(host, command.report))


def _value(command: Any, view: View, acting: Acting) -> Decision[UUID]:
    loaded: Loaded[Valuation]
    if isinstance(command, SupersedeValuation):
        loaded = view.load(command.valuation, VALUATION)
        facts = valuation.Facts(acting.who, acting.now, by=view.load(command.by, VALUATION).state)
    else:
        loaded, found = view.born(VALUATION), acting.evidence
        view.load(command.object, OBJECT)  # who holds it is its birth; it is guarded all the same
        facts = valuation.Facts(acting.who, acting.now, found.holder, values=acting.values, documents=found.documents)
    events = valuation.decide(loaded.state, acting.committed(command), facts)
    return Decision((Write(loaded, events, acting.event_id),), loaded.stream_id)


def _valued(command: Any, _: Keys) -> tuple[UUID, ...]:
    return (command.valuation, command.by) if isinstance(command, SupersedeValuation) else (command.object,)


def _of_holder(_: Any, who: PartyId, __: str, found: Valued) -> PartyId:
    return found.holder or who  # without a holder it is refused


def _spec(command: type[Command], *events: type[Event], **more: Any) -> CommandSpec:
    permission = Permission(command.NAME, ANYBODY, signed=True)
    return CommandSpec(command, permission, _run, events, lookups=_lookups, reads=_reads, rests=_of_licence, **more)


def _appraisal(command: type[Command], event: type[Event], *secrets: str) -> CommandSpec:
    permission = Permission(command.NAME, APPRAISER, human_only=True, signed=True)
    return CommandSpec(
        command,
        permission,
        _value,
        (event,),
        reads=_valued,
        gather=_gather_valuation,
        secrets=secrets,
        data_subject=_of_holder,
        weighs=bool(secrets),
    )


COMMANDS: Final = (
    _spec(
        MakeSettlement,
        SettlementMade,
        SettlementContinued,
        gather=_gather_make,
        secrets=(AMOUNT, LINES),
        data_subject=_payee,
        weighs=True,
        amount=_total,
    ),
    _spec(ReverseSettlement, SettlementReversed, gather=_gather_reverse),
    _appraisal(IssueValuation, ValuationIssued, *AMOUNTS),
    _appraisal(SupersedeValuation, ValuationSuperseded),
)
"""The licensor settles and reverses, itself or by an agent whose mandate may bound the amount; appraisers value."""
