"""A title and its grants in memory, decided by the rules alone: given events, when a command, then events or a refusal.

`Chain` folds what it decides, so a test begins where it likes; `OWNER` claims the work with `OTHER` unless told else.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain.events import Event, Sha256
from domain.governance.events import PartyKind
from domain.governance.party import Party
from domain.ids import PartyId, RightsGrantId, TitleId
from domain.rights import grant as grants
from domain.rights import grant_rules, title_rules
from domain.rights import title as titles
from domain.rights.chain import Above
from domain.rights.events import Root
from domain.rights.grant import Grant
from domain.rights.grant_events import AllocationKind, GrantKind
from domain.rights.grant_rules import AcceptGrant, RecordGrant
from domain.rights.scope import Scope
from domain.rights.scope_terms import terms_of
from domain.rights.settlement import Holder
from domain.rights.title import Title
from domain.rights.title_rules import ClaimRights
from tests.rights_kit import FILM

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


def party(number: int) -> PartyId:
    return PartyId(UUID(int=0x01937E3F2B5C7D4A8000000000000000 | number))


OWNER, OTHER, THIRD, BUYER, STUDIO, AGENCY, STRANGER = map(party, range(1, 8))
TITLE = TitleId(party(100))
WORK, STATEMENT, PAPER, TERMS = (Sha256(letter * 32) for letter in (b"w", b"s", b"p", b"t"))
DEEP = replace(FILM, sublicence_depth=3)


def holders(**shares: int) -> tuple[Holder, ...]:
    """Return owners by the names of this module's parties: holders(OWNER=6_000, OTHER=4_000)."""
    return tuple(Holder(party=globals()[name], share_bp=share) for name, share in shares.items())


class Chain:
    """One title and its grants; `say` gives a command as somebody and returns the events it made."""

    def __init__(self, owners: Sequence[Holder] = (), *, kinds: dict[PartyId, PartyKind] | None = None) -> None:
        self.now = NOW
        self.title = Title()
        self.grants: dict[RightsGrantId, Grant] = {}
        self.log: list[tuple[UUID, Event]] = []
        self.kinds = dict.fromkeys((OWNER, OTHER, THIRD, BUYER, STUDIO, AGENCY, STRANGER), PartyKind.PERSON)
        self.kinds |= kinds or {}
        self.documents = frozenset({PAPER})
        self.taken = False
        owned = tuple(owners) or holders(OWNER=6_000, OTHER=4_000)
        self.say(ClaimRights(work=WORK, root=Root.OWN_CREATION, statement=STATEMENT, owners=owned), OWNER)

    def known(self, who: PartyId) -> Party:
        return Party(kind=self.kinds.get(who, PartyKind.UNSPECIFIED))

    def say(self, command: Any, who: PartyId = OWNER) -> list[Any]:
        """Give a command; its events are in the log afterwards. Raises: Rejected."""
        if isinstance(command, RecordGrant) or hasattr(command, "grant"):
            return self._on_grant(command, who)
        facts = title_rules.Facts(
            title=TITLE,
            who=who,
            now=self.now,
            parties={one: self.known(one) for one in self.kinds},
            documents=self.documents,
            taken=self.taken,
        )
        events = title_rules.decide(self.title, command, facts)
        for event in events:
            self.title = titles.evolve(self.title, event)
            self.log.append((TITLE, event))
        return list(events)

    def _on_grant(self, command: Any, who: PartyId) -> list[Any]:
        born = isinstance(command, RecordGrant)
        name = RightsGrantId(party(1_000 + len(self.grants))) if born else command.grant
        state = self.grants.get(name, Grant())
        chain = command.chain if born else state.recorded.chain if state.recorded else ()
        above = Above(TITLE, self.title, chain, tuple(self.grants.get(one, Grant()) for one in chain))
        facts = grant_rules.Facts(
            grant=name,
            who=who,
            now=self.now,
            above=above,
            grantor=self.known(who),
            grantee=self.known(command.grantee) if born else Party(),
            documents=self.documents,
        )
        decided = grant_rules.decide(state, command, facts)
        for event in decided.own:
            self.grants[name] = grants.evolve(self.grants.get(name, Grant()), event)
            self.log.append((name, event))
        for given in decided.giver:
            if chain:
                self.grants[chain[-1]] = grants.evolve(self.grants[chain[-1]], given)
            else:
                self.title = titles.evolve(self.title, given)
            self.log.append((chain[-1] if chain else TITLE, given))
        return [*decided.own, *decided.giver]

    def record(self, who: PartyId = OWNER, **changes: Any) -> RightsGrantId:
        """Record a grant and return its identifier."""
        self.say(recording(**changes), who)
        return list(self.grants)[-1]

    def granted(self, who: PartyId = OWNER, **changes: Any) -> RightsGrantId:
        """Record a grant, let everybody sign it, and return its identifier."""
        name = self.record(who, **changes)
        for owner in self.grants[name].missing:
            self.say(grant_rules.ApproveGrant(grant=name), owner)
        recorded = self.grants[name].recorded
        assert recorded is not None
        self.say(AcceptGrant(grant=name), recorded.grantee)
        return name


def recording(scope: Scope = DEEP, **changes: Any) -> RecordGrant:
    """Return the command that records a grant to the studio, an ordinary one on the title, with changes."""
    fields: dict[str, Any] = {
        "kind": GrantKind.GRANT,
        "title": TITLE,
        "grantee": STUDIO,
        "scope": terms_of(scope),
        "allocation": AllocationKind.ORDINARY,
        "terms": TERMS,
    }
    return RecordGrant(**{**fields, **changes})


def fold(log: Sequence[tuple[UUID, Event]]) -> tuple[Title, dict[UUID, Grant]]:
    """Return title and grants folded from the events alone, each from its own stream."""
    title, found = Title(), dict[UUID, Grant]()
    for stream, event in log:
        if stream == TITLE:
            title = titles.evolve(title, event)  # type: ignore[arg-type]  # what stands in a title's stream
        else:
            found[stream] = grants.evolve(found.get(stream, Grant()), event)  # type: ignore[arg-type]
    return title, found
