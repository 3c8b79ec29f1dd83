"""Look at parties and policies as their streams stand."""

from hashlib import sha256
from typing import Any

import rfc8785

from domain.errors import NotFound
from domain.governance.events import policy_key
from domain.governance.policies import BUILT_IN, READERS
from domain.ids import PartyId, format_id
from domain.ledger.keys import parse_vkey
from domain.spelling import instant_text
from infra.bootstrap import Session
from producers.authority import PARTY
from producers.governance import POLICY_SET, policy_in_force


def look_at_party(session: Session, party: PartyId) -> dict[str, Any]:
    """Return everything the ledger says of one party, as JSON values. Raises: NotFound."""
    prefix = session.config.prefix
    state = session.load(party, PARTY).state
    if not state.enrolled:
        raise NotFound(f"{format_id('P', party, prefix)} is not a party of this ledger")
    keys = [(key, key in state.keys) for key in (*state.withdrawn_keys, *state.keys)]
    return {
        "id": format_id("P", party, prefix),
        "kind": str(state.kind),
        "roles": sorted(state.roles),
        "keys": [{"key_id": parse_vkey(key).key_id.hex(), "vkey": key, "in_force": there} for key, there in keys],
        "mandates": [
            {
                "number": one.number,
                "principal": format_id("P", one.granted.principal, prefix),
                "actions": list(one.granted.actions),
                "projects": list(one.granted.projects),
                "currency": one.granted.currency,
                "amount_minor_max": one.granted.amount_minor_max,
                "until": instant_text(one.granted.until),
                "revoked": one.revoked,
            }
            for one in state.mandates
        ],
        "communities": sorted(state.communities),
        "holds": list(state.holds),
        "erased": state.erased,
        "version": state.version,
    }


def look_at_policy(session: Session, name: str) -> dict[str, Any]:
    """Return a policy's versions and what decides now; a policy that nobody drafted is the program's own.

    Raises:
        NotFound: no policy of this name.
    """
    if name not in READERS:
        raise NotFound(f"expected a policy of {', '.join(READERS)}, found {name[:60]!r}")
    holder = session.store.key_holders([policy_key(name)]).get(policy_key(name))
    loaded = None if holder is None else session.load(holder.stream_id, POLICY_SET)
    found = None if loaded is None else policy_in_force(loaded)
    own = rfc8785.dumps(BUILT_IN[name])
    document, digest = found or (own.decode(), sha256(own).digest())
    return {
        "name": name,
        "id": None if loaded is None else format_id("K", loaded.stream_id, session.config.prefix),
        "active": 0 if loaded is None else loaded.state.active,
        "digest": digest.hex(),
        "versions": [
            {
                "version": number,
                "sha256": sha256(one.document.encode()).hexdigest(),
                "approved": one.approved,
                "active": loaded is not None and number == loaded.state.active,
            }
            for number, one in enumerate(() if loaded is None else loaded.state.drafts, start=1)
        ],
        "document": document,
    }
