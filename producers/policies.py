"""Which policy decides: the version that is active, else the program's own."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import rfc8785

from domain.capability.admission import BUILT_IN_ADMISSION, parse_admission
from domain.compliance.period import BUILT_IN_INFRINGEMENT, parse_infringement
from domain.events import Sha256
from domain.governance.events import policy_key
from domain.governance.policies import ADMISSION, BUILT_IN, INFRINGEMENT, TRACE_SET
from domain.governance.policy_set import PolicySet
from domain.identity.trace_set import BUILT_IN as BUILT_IN_TRACE_SET
from domain.identity.trace_set import parse_policy
from producers.commands import Aggregate, Loaded
from producers.governance import POLICY_SET, policy_in_force
from producers.ports import KeyHolder

P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class InForce(Generic[P]):
    """A policy as its rules read it, and the digest that names it in every envelope."""

    policy: P
    digest: Sha256


class Rules(Generic[P]):
    """One policy of the program; `key` is that of its stream, `own` decides while no version is active."""

    def __init__(self, name: str, own: P, parse: Callable[[Mapping[str, Any]], P]) -> None:
        """`own` is what `parse` makes of the document in `BUILT_IN`."""
        digest = hashlib.sha256(rfc8785.dumps(BUILT_IN[name])).digest()
        self.key = policy_key(name)
        self.own: InForce[P] = InForce(own, Sha256(digest))
        # One document is one object, whose judgements are remembered; it was read once before it was drafted.
        self._read = lru_cache(maxsize=8)(lambda document: parse(json.loads(document)))

    def in_force(
        self,
        keys: Mapping[str, KeyHolder],
        load: Callable[[UUID, Aggregate[PolicySet]], Loaded[PolicySet]],
    ) -> InForce[P]:
        """Return what decides by these key holders.

        With the `load` of a view its stream is guarded, so that no decision is made by a version put aside.
        """
        holder = keys.get(self.key)
        found = None if holder is None else policy_in_force(load(holder.stream_id, POLICY_SET))
        return self.own if found is None else InForce(self._read(found[0]), found[1])


TRACE_SET_RULES: Final = Rules(TRACE_SET, BUILT_IN_TRACE_SET, parse_policy)
ADMISSION_RULES: Final = Rules(ADMISSION, BUILT_IN_ADMISSION, parse_admission)
INFRINGEMENT_RULES: Final = Rules(INFRINGEMENT, BUILT_IN_INFRINGEMENT, parse_infringement)
