"""The commands on titles and their rules.

Owners exercise a title together (Copyright Law of the People's Republic of China, art. 14): each signs by itself. A
transfer is one owner's command; every other owner's approval and the recipient's acceptance are commands of their own,
and the last of these moves the share. Who owns what is asked when the last signature comes: an owner that came in
meanwhile must have signed too. While a claim is contested nothing moves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated as A
from typing import Any, Final

from domain.command import Command, command, refusing, require_document
from domain.errors import Rejected
from domain.events import Doc, Sha256
from domain.governance.party import ROLE_HOLDERS, Party
from domain.ids import PartyId, TitleId
from domain.rights.events import (
    NUMBER_CHARACTERS_MAX,
    REGISTER_CHARACTERS_MAX,
    ClaimContested,
    ClaimResolved,
    OwnershipTransferred,
    Resolution,
    RightsClaimed,
    RightsRegistered,
    Root,
    TransferAccepted,
    TransferApproved,
    TransferProposed,
    TransferWithdrawn,
)
from domain.rights.settlement import HOLDERS_MAX, WHOLE_BP, Holder
from domain.rights.title import Title, TitleEvent, Transfer, moved
from domain.rights.turns import require_past, told

REGISTRATIONS_MAX: Final = 20
CONTESTS_MAX: Final = 20
REGISTER_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-")


@command("claim-rights")
class ClaimRights(Command):
    """State whose a work is, and why: a root of title, contestable by others."""

    work: A[Sha256, Doc("SHA-256 of the work's bytes")]
    root: A[Root, Doc("why the work is yours")]
    statement: A[Sha256, Doc("SHA-256 of the salted statement that names the work")]
    owners: A[
        tuple[Holder, ...], Doc("all owners, you among them, of 10,000 bp in all; none: it is yours", high=HOLDERS_MAX)
    ] = ()


@command("register-rights")
class RegisterRights(Command):
    """Record that a register of copyright lists the work as the title says (作品登记)."""

    title: A[TitleId, Doc("which title")]
    register: A[str, Doc("code of the register, such as cn.ccopyright", low=2, high=REGISTER_CHARACTERS_MAX)]
    number: A[str, Doc("registration number as the register writes it", low=2, high=NUMBER_CHARACTERS_MAX)]
    certificate: A[Sha256, Doc("SHA-256 of the certificate, a document in the blob store")]


@command("propose-transfer")
class ProposeTransfer(Command):
    """Offer your share of a title, or a part of it, to another party; a sole owner needs only its acceptance."""

    title: A[TitleId, Doc("which title")]
    recipient: A[PartyId, Doc("who would get it")]
    share_bp: A[int, Doc("how much of the title, in bp", low=1, high=WHOLE_BP)]
    contract: A[Sha256, Doc("SHA-256 of the salted contract")]
    effective_at: A[datetime, Doc("from which instant on, UTC; not after now")]


@command("approve-transfer")
class ApproveTransfer(Command):
    """Agree, as another owner, that a share goes to the recipient."""

    title: A[TitleId, Doc("which title")]
    transfer: A[int, Doc("number of the transfer", low=1)]


@command("accept-transfer")
class AcceptTransfer(Command):
    """Take the share that is offered to you."""

    title: A[TitleId, Doc("which title")]
    transfer: A[int, Doc("number of the transfer", low=1)]


@command("withdraw-transfer")
class WithdrawTransfer(Command):
    """Take back what you offer, or refuse what is offered to you."""

    title: A[TitleId, Doc("which title")]
    transfer: A[int, Doc("number of the transfer", low=1)]


@command("contest-claim")
class ContestClaim(Command):
    """Dispute a claim: until that is resolved nothing new is given under it."""

    title: A[TitleId, Doc("which title")]
    grounds: A[Sha256, Doc("SHA-256 of your grounds, a document in the blob store")]


@command("resolve-claim")
class ResolveClaim(Command):
    """Record how a contest ended."""

    title: A[TitleId, Doc("which title")]
    contest: A[int, Doc("number of the contest", low=1)]
    outcome: A[Resolution, Doc("whether the claim stands or falls")]
    judgment: A[Sha256, Doc("SHA-256 of the judgment, a document in the blob store")]
    effective_at: A[datetime, Doc("from which instant on, UTC; not after now")]


@dataclass(frozen=True, slots=True)
class Facts:
    """What was judged elsewhere: whose stream, for whom and when it is done, the parties that the command names."""

    title: TitleId
    who: PartyId
    now: datetime
    parties: Mapping[PartyId, Party] = field(default_factory=dict)
    documents: frozenset[Sha256] = frozenset()
    taken: bool = False


def decide(title: Title, command: Command, facts: Facts) -> tuple[TitleEvent, ...]:
    """Return the events of `command`; none where the work is claimed by the same holder already.

    Raises:
        Rejected: there is no such title, or the command's own rule says no.
    """
    rule: Callable[[Title, Any, Facts], tuple[TitleEvent, ...]] = _RULES[type(command)]
    with refusing(command):
        if title.claimed is None and not isinstance(command, ClaimRights):
            raise Rejected(f"{facts.title} is not a title of this ledger")
        return rule(title, command, facts)


def _claim(title: Title, command: ClaimRights, facts: Facts) -> tuple[TitleEvent, ...]:
    owners = command.owners or (Holder(party=facts.who, share_bp=WHOLE_BP),)
    owners = tuple(sorted(owners, key=lambda one: one.party))
    if title.claimed is not None:
        if command.owners and owners != title.claimed.owners:
            raise Rejected("you have claimed this work already, for other owners: transfer it")
        return ()
    if len({one.party for one in owners}) != len(owners):
        raise Rejected("owners: expected each party once, found one twice")
    total = sum(one.share_bp for one in owners)
    if total != WHOLE_BP:
        raise Rejected(f"owners: expected shares of {WHOLE_BP} bp in all, found {total}")
    if facts.who not in {one.party for one in owners}:
        raise Rejected(f"owners: expected {facts.who}, who claims, among them")
    for one in owners:
        if one.party != facts.who:
            require_owner(one.party, facts.parties.get(one.party, Party()))
    return (
        RightsClaimed(
            holder=facts.who, work=command.work, root=command.root, owners=owners, statement=command.statement
        ),
    )


def require_owner(party: PartyId, state: Party) -> None:
    """Return if a party can hold rights: a person or an organisation, enrolled, not erased. Raises: Rejected."""
    if state.kind not in ROLE_HOLDERS or state.erased:
        found = "one that was erased" if state.erased else str(state.kind)
        raise Rejected(f"expected an enrolled person or organisation, found {found}: {party}")


def require_standing(title: Title, now: datetime) -> None:
    """Return if a title has not fallen at an instant. Raises: Rejected."""
    fallen = title.fallen(now)
    if fallen is not None:
        raise Rejected(f"title: {told(fallen.why)} from {fallen.effective_at.isoformat()} on")


def require_open(title: Title, now: datetime) -> None:
    """Return if something new may be given under a title. Raises: Rejected: it has fallen, or is contested."""
    require_standing(title, now)
    if title.contests:
        raise Rejected(f"title: contested, contest {title.contests[0].number} is not resolved")


def _register(title: Title, command: RegisterRights, facts: Facts) -> tuple[TitleEvent, ...]:
    _require_apart(title, facts)
    if not set(command.register) <= REGISTER_LETTERS or command.number != command.number.strip():
        raise Rejected(
            f"expected a register such as cn.ccopyright and a number without spaces around it, "
            f"found {command.register!r} and {command.number!r}"
        )
    if facts.taken:
        raise Rejected(f"{command.register} {command.number} stands on a title already")
    if len(title.registrations) >= REGISTRATIONS_MAX:
        raise Rejected(f"expected at most {REGISTRATIONS_MAX} registrations")
    require_open(title, facts.now)
    require_document("RegisterRights", command.certificate, facts.documents)
    return (RightsRegistered(register=command.register, number=command.number, certificate=command.certificate),)


def _propose(title: Title, command: ProposeTransfer, facts: Facts) -> tuple[TitleEvent, ...]:
    share = title.share_of(facts.who)
    if not share:
        raise Rejected(f"expected one of the {len(title.owners)} owners, found {facts.who}")
    if command.share_bp > share:
        raise Rejected(f"share_bp: expected at most the {share} bp that you own: {command.share_bp}")
    if command.recipient == facts.who:
        raise Rejected("expected another recipient than the owner itself")
    require_owner(command.recipient, facts.parties.get(command.recipient, Party()))
    require_open(title, facts.now)
    require_past(command.effective_at, facts.now)
    _require_order(title, command.effective_at)
    return (
        TransferProposed(
            number=title.proposals + 1,
            giver=facts.who,
            recipient=command.recipient,
            share_bp=command.share_bp,
            contract=command.contract,
            effective_at=command.effective_at,
        ),
    )


def _require_order(title: Title, effective_at: datetime) -> None:
    last = title.transferred[-1].effective_at if title.transferred else None
    if last is not None and effective_at < last:
        raise Rejected(
            f"effective_at: expected an instant not before that of the last transfer, "
            f"{last.isoformat()}, found {effective_at.isoformat()}"
        )


def _approve(title: Title, command: ApproveTransfer, facts: Facts) -> tuple[TitleEvent, ...]:
    transfer = _transfer(title, command.transfer)
    if facts.who == transfer.proposed.giver or not title.share_of(facts.who):
        raise Rejected(f"expected another owner than the giver, found {facts.who}")
    if facts.who in transfer.approvals:
        raise Rejected(f"{facts.who} has approved transfer {command.transfer} already")
    require_open(title, facts.now)
    event = TransferApproved(number=command.transfer, owner=facts.who)
    return (event, *_completed(title, transfer, transfer.approvals | {facts.who}, transfer.accepted))


def _accept(title: Title, command: AcceptTransfer, facts: Facts) -> tuple[TitleEvent, ...]:
    transfer = _transfer(title, command.transfer)
    if facts.who != transfer.proposed.recipient:
        raise Rejected(f"expected the recipient {transfer.proposed.recipient}, found {facts.who}")
    if transfer.accepted:
        raise Rejected(f"transfer {command.transfer} is accepted already")
    require_open(title, facts.now)
    event = TransferAccepted(number=command.transfer, recipient=facts.who)
    return (event, *_completed(title, transfer, transfer.approvals, accepted=True))


def _completed(
    title: Title, transfer: Transfer, approvals: frozenset[PartyId], accepted: bool
) -> tuple[TitleEvent, ...]:
    """Return the transfer of the share if nobody's signature is missing any more."""
    proposed = transfer.proposed
    share = title.share_of(proposed.giver)
    if share < proposed.share_bp:
        raise Rejected(f"share_bp: the giver owns {share} bp of the {proposed.share_bp} that it offered")
    if not accepted or set(title.parties()) - approvals - {proposed.giver, proposed.recipient}:
        return ()
    _require_order(title, proposed.effective_at)
    if len(moved(title.owners, proposed.giver, proposed.recipient, proposed.share_bp)) > HOLDERS_MAX:
        raise Rejected(f"expected at most {HOLDERS_MAX} owners of one title")
    return (
        OwnershipTransferred(
            number=proposed.number,
            giver=proposed.giver,
            recipient=proposed.recipient,
            share_bp=proposed.share_bp,
            contract=proposed.contract,
            effective_at=proposed.effective_at,
        ),
    )


def _withdraw(title: Title, command: WithdrawTransfer, facts: Facts) -> tuple[TitleEvent, ...]:
    proposed = _transfer(title, command.transfer).proposed
    if facts.who not in (proposed.giver, proposed.recipient):
        raise Rejected(f"expected its giver or its recipient, found {facts.who}")
    return (TransferWithdrawn(number=command.transfer, by=facts.who),)


def _transfer(title: Title, number: int) -> Transfer:
    found = next((one for one in title.transfers if one.proposed.number == number), None)
    if found is None:
        numbers = ", ".join(str(one.proposed.number) for one in title.transfers) or "none"
        raise Rejected(f"expected an open transfer ({numbers}), found {number}")
    return found


def _contest(title: Title, command: ContestClaim, facts: Facts) -> tuple[TitleEvent, ...]:
    if any(one.by == facts.who for one in title.contests):
        raise Rejected("you contest this title already")
    if len(title.contests) >= CONTESTS_MAX:
        raise Rejected(f"expected at most {CONTESTS_MAX} contests that are open")
    require_document("ContestClaim", command.grounds, facts.documents)
    return (ClaimContested(number=title.contested + 1, by=facts.who, grounds=command.grounds),)


def _resolve(title: Title, command: ResolveClaim, facts: Facts) -> tuple[TitleEvent, ...]:
    found = next((one for one in title.contests if one.number == command.contest), None)
    if found is None:
        raise Rejected(f"expected the number of an open contest, found {command.contest}")
    if facts.who == found.by:
        raise Rejected(f"who contests a claim does not resolve the contest: {facts.who}")
    _require_apart(title, facts)
    require_past(command.effective_at, facts.now)
    require_document("ResolveClaim", command.judgment, facts.documents)
    return (
        ClaimResolved(
            number=command.contest,
            outcome=command.outcome,
            judgment=command.judgment,
            effective_at=command.effective_at,
        ),
    )


def _require_apart(title: Title, facts: Facts) -> None:
    if title.share_of(facts.who):
        raise Rejected("who owns a title does not judge it; expected another party")


_RULES: Final[Mapping[type[Command], Callable[[Title, Any, Facts], tuple[TitleEvent, ...]]]] = {
    ClaimRights: _claim,
    RegisterRights: _register,
    ProposeTransfer: _propose,
    ApproveTransfer: _approve,
    AcceptTransfer: _accept,
    WithdrawTransfer: _withdraw,
    ContestClaim: _contest,
    ResolveClaim: _resolve,
}
