"""The values of the genealogy: what is fed in, and what its questions answer."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, overload
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from domain.identity.events import Relation
from domain.ledger.merkle import CompactRange, leaf_hashes

FOUND: Final = "found_derivation"
"""The relation of an edge that nobody declared: it was found later, may close a circle, and carries no royalty."""
INCLUDES: Final = Relation.INCLUDES.value
TRAINED_ON: Final = Relation.TRAINED_ON.value
REVISION_OF: Final = Relation.REVISION_OF.value
VERSION_RELATIONS: Final = frozenset({REVISION_OF, Relation.VARIANT_OF.value})
ID_BYTES: Final = 16

Ordinals = NDArray[np.int32]
"""Nodes by their place in the order of birth, 0-based; it rises with the ledger index."""


@dataclass(frozen=True, slots=True)
class Node:
    """One object as it was born. `index` is the ledger index of the birth, `project` a production's code."""

    object_id: UUID
    index: int
    kind: str
    asset_class: str
    origin: str
    holder: UUID
    project: str | None


@dataclass(frozen=True, slots=True)
class Edge:
    """`child` comes from `parent`; `index` is that of the event which says so: the child's birth, or the finding."""

    child: UUID
    parent: UUID
    relation: str
    index: int


class Members(Sequence[UUID]):
    """Object ids in the order of their birth. Half a million of them are counted and cut without being built.

    It stands as it was answered, whatever the index learns later.
    """

    __slots__ = ("_ids", "ordinals")

    def __init__(self, ordinals: Ordinals, ids: NDArray[np.uint8]) -> None:
        """Hold the nodes `ordinals` (rising) of `ids`, the ids of all nodes one after another."""
        self.ordinals = ordinals
        self._ids = ids

    def __len__(self) -> int:
        return len(self.ordinals)

    @overload
    def __getitem__(self, at: int) -> UUID: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[UUID, ...]: ...

    def __getitem__(self, at: int | slice) -> UUID | tuple[UUID, ...]:
        if isinstance(at, slice):
            return tuple(UUID(bytes=raw) for raw in self._raw(self.ordinals[at]))
        return UUID(bytes=next(self._raw(self.ordinals[[at]])))

    def __iter__(self) -> Iterator[UUID]:
        return (UUID(bytes=raw) for raw in self.raw())

    def raw(self) -> Iterator[bytes]:
        """Return the 16 bytes of each id, in the order of birth."""
        return self._raw(self.ordinals)

    def _raw(self, ordinals: Ordinals) -> Iterator[bytes]:
        chosen = self._ids.reshape(-1, ID_BYTES)[ordinals].tobytes()
        return (chosen[at : at + ID_BYTES] for at in range(0, len(chosen), ID_BYTES))

    def __repr__(self) -> str:
        return f"Members({len(self)})"


@dataclass(frozen=True, slots=True)
class Impact:
    """What is touched if something happens to an object: its descendants, counted.

    `by_kind` has the largest count first, ties by name; `sample` names the first of them by birth.
    """

    count: int
    by_kind: tuple[tuple[str, int], ...]
    sample: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Uses:
    """Where an object is used.

    `within` is everything that includes it, directly or through what includes it (a scene, a timeline, a package);
    `directly` the part of it that names the object itself. `other` lists what was made from it in one step by any
    other relation, by the relation's name.
    """

    within: Members
    directly: Members
    other: tuple[tuple[str, Members], ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step from a child up to a parent; two objects may be bound by more than one relation."""

    child: UUID
    parent: UUID
    relations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Paths:
    """Ways from an object up to one that it comes from, the shortest first; `cut` says that there may be more."""

    paths: tuple[tuple[Step, ...], ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class CommonAncestors:
    """What all of several objects come from; each counts among its own ancestors here.

    `nearest` are those from which no other common one comes; a circle of found edges may leave none.
    """

    every: Members
    nearest: Members


@dataclass(frozen=True, slots=True)
class Family:
    """The versions of an object, itself included, by birth, and the edges among them."""

    members: Members
    edges: tuple[Edge, ...]


@dataclass(frozen=True, slots=True)
class Committed:
    """How many descendants there are and the RFC 9162 Merkle root over their ids, byte-sorted, 16 bytes a leaf."""

    count: int
    root: bytes


def committed_to(ids: Iterable[bytes]) -> Committed:
    """Return the count of these ids, 16 bytes each and all different, and their root."""
    leaves = sorted(ids)
    tree = CompactRange()
    tree.extend(leaf_hashes(leaves))
    return Committed(len(leaves), tree.root())
