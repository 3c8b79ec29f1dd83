"""Is everything on Kafka, once, and is it what was signed? Answered from records and checkpoints alone.

Whoever asks trusts the policy file and nothing else: not our database, not the broker, not the headers. A record counts
as entry i only if its framing, key, partition, topic and leaf hash are those of its own bytes; that says it is whole,
not that it is ours. What is ours is said by the checkpoints: the leaves 0..n-1 must lead to the root that was signed
for size n. Where two whole records claim one index, the root decides between them.

    check = TopicCheck(policy.verify_checkpoint)
    for record in notes: check.take_note(record)       # all of edgeprint.checkpoints.v1 first: they say how far to read
    for record in entries: check.take_entry(record)    # then the context topics, in any order
    report = check.report()

43 bytes of memory an entry. Foreign records (strangers', damaged ones) are reported and never used.
"""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from consumers.claims import Claims, grow_to
from domain.errors import Invalid
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import HASH_BYTES, CompactRange
from schemas.catalogue import Catalogue
from schemas.records import Received

FOREIGN_KEPT_MAX: Final = 1_000
DAMAGES_KEPT_MAX: Final = 1_000
SIZE_MAX: Final = 1 << 32
VerifyNote = Callable[[bytes], Checkpoint]


@dataclass(frozen=True, slots=True)
class TopicReport:
    """What was found.

    `events` counts the distinct indexes below `size` that were there, `unsealed` the records of later ones; `foreign`
    and `damages` are texts with place and reason, the first FOREIGN_KEPT_MAX of each.
    """

    size: int
    root: bytes | None
    events: int
    unsealed: int
    checkpoints: int
    partitions: int
    duplicates: int
    gaps: int
    foreign_count: int
    foreign: tuple[str, ...]
    damages: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """Return 0 if each sealed index is there exactly once and all roots agree, 1 if not, 4 if nothing is sealed."""
        return 1 if self.damages else 0 if self.size else 4


@dataclass(frozen=True, slots=True)
class Rival:
    """Another whole record that claims an index."""

    leaf: bytes
    place: str


class TopicCheck:
    """One bounded check; see the module. Pure: records in, a report out."""

    def __init__(self, verify_note: VerifyNote, catalogue: Catalogue) -> None:
        self._verify_note = verify_note
        self._claims = Claims(catalogue)
        self._heads: dict[int, Checkpoint] = {}
        self._leaves = bytearray()
        self._seen = bytearray()
        self._offsets: array[int] = array("q")
        self._where: array[int] = array("H")
        self._rivals: dict[int, list[Rival]] = {}
        self._copies: list[tuple[int, Rival]] = []
        self._true_places: dict[int, str] = {}
        self._duplicate_count = 0
        self._unsealed = 0
        self._partitions: dict[tuple[str, int], int] = {}
        self._foreign: list[str] = []
        self._foreign_count = 0
        self._damages: list[str] = []

    @property
    def size(self) -> int:
        """Return the size of the largest checkpoint taken in: entries below it are checked."""
        return max(self._heads, default=0)

    def take_note(self, record: Received) -> None:
        """Take a record of `edgeprint.checkpoints.v1` in."""
        try:
            head = self._verify_note(record.value or b"")
            if head.size > SIZE_MAX:
                raise Invalid(f"expected a size of at most {SIZE_MAX}, found {head.size}")
        except Invalid as err:
            self._report_foreign(record, str(err))
            return
        known = self._heads.setdefault(head.size, head)
        if known.root != head.root:
            self._damage(f"{record.place}: two roots are signed for size {head.size}: the log shows two histories")

    def take_entry(self, record: Received) -> None:
        """Take a record of a context topic in; about 8 microseconds."""
        self._make_room()
        number = self._partitions.setdefault((record.topic, record.partition), len(self._partitions))
        try:
            index, leaf, _ = self._claims.of(record)
        except Invalid as err:
            self._report_foreign(record, str(err))
            return
        if index >= self.size:
            self._unsealed += 1
            return
        at = index * HASH_BYTES
        if not self._seen[index]:
            self._seen[index] = 1
            self._leaves[at : at + HASH_BYTES] = leaf
            self._where[index], self._offsets[index] = number, record.offset
        elif self._leaves[at : at + HASH_BYTES] == leaf or leaf in [
            rival.leaf for rival in self._rivals.get(index, ())
        ]:
            if len(self._copies) < DAMAGES_KEPT_MAX:
                self._copies.append((index, Rival(leaf, record.place)))
            else:
                self._duplicate_count += 1
        else:
            self._rivals.setdefault(index, []).append(Rival(leaf, record.place))

    def report(self) -> TopicReport:
        """Return what was found, once all records were taken in."""
        self._make_room()
        gaps = self._find_gaps()
        if not gaps:
            self._check_roots()
        for index, copy in self._copies:
            self._judge_copy(index, copy)
        newest = self._heads.get(self.size)
        return TopicReport(
            size=self.size,
            root=newest.root if newest else None,
            events=self.size - gaps,
            unsealed=self._unsealed,
            checkpoints=len(self._heads),
            partitions=len(self._partitions),
            duplicates=self._duplicate_count,
            gaps=gaps,
            foreign_count=self._foreign_count,
            foreign=tuple(self._foreign),
            damages=tuple(self._damages),
        )

    def _make_room(self) -> None:
        if len(self._seen) != self.size:
            self._leaves, self._seen = bytearray(HASH_BYTES * self.size), bytearray(self.size)
            self._where, self._offsets = array("H", bytes(2 * self.size)), array("q", bytes(8 * self.size))

    def _place(self, index: int) -> str:
        """Return where the record lies that was taken for entry `index`."""
        topic, partition = list(self._partitions)[self._where[index]]
        return f"{topic}[{partition}]@{self._offsets[index]}"

    def _find_gaps(self) -> int:
        gaps, start = self._seen.count(0), 0
        while len(self._damages) < DAMAGES_KEPT_MAX and (first := self._seen.find(0, start)) >= 0:
            start = self._seen.find(1, first)
            start = self.size if start < 0 else start
            self._damage(
                f"entries {first}..{start - 1} are missing" if start > first + 1 else f"entry {first} is missing"
            )
        return gaps

    def _check_roots(self) -> None:
        """Hold the leaves against every signed root; between two checkpoints the root decides among rival records."""
        tree, start = CompactRange(), 0
        for size in sorted(self._heads):
            contested = [index for index in sorted(self._rivals) if start <= index < size]
            rivals = {index: [rival.leaf for rival in self._rivals[index]] for index in contested}
            grown = grow_to(tree, size, self._heads[size].root, self._leaf, rivals)
            if grown is None:
                named = "".join(
                    f"; entry {i} is claimed by {self._place(i)} and {self._rivals[i][0].place}" for i in contested[:3]
                )
                self._damage(f"entries {start}..{size - 1} do not lead to the root signed for size {size}{named}")
                return
            (tree, chosen), start = grown, size
            for index, leaf in chosen.items():
                self._settle(index, leaf)

    def _settle(self, index: int, leaf: bytes) -> None:
        """Note which claim was true: the others are foreign."""
        claims = [Rival(self._leaf(index), self._place(index)), *self._rivals[index]]
        for claim in claims:
            if claim.leaf != leaf:
                self._report_false(index, claim)
            else:
                self._true_places[index] = claim.place
        self._leaves[index * HASH_BYTES : (index + 1) * HASH_BYTES] = leaf

    def _judge_copy(self, index: int, copy: Rival) -> None:
        """Tell of a record that has the bytes of another one: damage if those are the entry's, foreign if not."""
        if copy.leaf != self._leaf(index):
            self._report_false(index, copy)
            return
        self._duplicate_count += 1
        place = self._true_places.get(index) or self._place(index)
        self._damage(f"entry {index} is there twice: {place} and {copy.place}")

    def _report_false(self, index: int, claim: Rival) -> None:
        self._count_foreign(f"{claim.place}: claims to be entry {index}, which is signed with other bytes")

    def _leaf(self, index: int) -> bytes:
        return bytes(self._leaves[index * HASH_BYTES : (index + 1) * HASH_BYTES])

    def _report_foreign(self, record: Received, why: str) -> None:
        self._count_foreign(f"{record.place}: {why}")

    def _count_foreign(self, what: str) -> None:
        self._foreign_count += 1
        if len(self._foreign) < FOREIGN_KEPT_MAX:
            self._foreign.append(what)

    def _damage(self, what: str) -> None:
        if len(self._damages) < DAMAGES_KEPT_MAX:
            self._damages.append(what)
