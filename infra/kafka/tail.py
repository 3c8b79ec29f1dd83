"""`edgeprint topic tail`: what is on the topics, by ledger index, as it comes.

Trust is `transport`: a line says what a whole record claims, no more (`consumers.claims`); what is not whole is shown
as foreign. Merged by index within what is read at a time; lines that come later may have smaller indexes.
"""

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Final

from consumers.claims import Claims, said_type
from domain.errors import Invalid
from infra.kafka.following import Following
from infra.kafka.reader import Reader
from infra.kafka.seeking import offsets_of_index
from schemas.catalogue import CATALOGUE
from schemas.records import Partition, Received

NEWEST_MAX: Final = 1_000
CHUNK: Final = 512


@dataclass(frozen=True, slots=True)
class Begin:
    """Where a tail begins: an index, a moment in milliseconds since the epoch, or the newest so many."""

    index: int | None = None
    time_ms: int | None = None
    newest: int = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A record: its claim, or why it is none."""

    record: Received
    index: int | None
    entry: bytes
    type: str
    wrong: str | None


class Tail:
    """Reads lines through a reader that stays its owner's."""

    def __init__(self, reader: Reader, bootstrap: str, partitions: Sequence[Partition]) -> None:
        """Prepare; `partitions` are those of the context topics, `bootstrap` is connected to when following."""
        self._reader = reader
        self._bootstrap = bootstrap
        self._partitions = partitions
        self._claims = Claims(CATALOGUE)

    def lines(self, begin: Begin, types: Collection[str] = ()) -> Iterator[Line]:
        """Yield what is there from `begin` on, in order of index, and end.

        Raises:
            Unavailable: Kafka does not answer.
        """
        self._ends = self._reader.ends(self._partitions)
        wanted = (line for line in self._merged(self._starts(begin)) if _is_wanted(line, begin, types))
        if begin.index is None and begin.time_ms is None:
            yield from deque(wanted, maxlen=begin.newest)
        else:
            yield from wanted

    def _merged(self, starts: dict[Partition, int]) -> Iterator[Line]:
        """Yield what lies between `starts` and the ends by index; of each partition CHUNK records wait at most."""
        at = dict(starts)
        waiting: dict[Partition, deque[Line]] = {partition: deque() for partition in at}
        while True:
            spans = {
                p: (at[p], min(at[p] + CHUNK, self._ends[p]))
                for p, lines in waiting.items()
                if not lines and at[p] < self._ends[p]
            }
            if not spans and not any(waiting.values()):
                return
            for batch in self._reader.read(spans):
                for record in batch:
                    waiting[Partition(record.topic, record.partition)].append(self._line(record))
            at.update({partition: end for partition, (_, end) in spans.items()})
            heads = [(_order(lines[0]), partition) for partition, lines in waiting.items() if lines]
            heapify(heads)
            while heads:
                _, partition = heappop(heads)
                lines = waiting[partition]
                yield lines.popleft()
                if lines:
                    heappush(heads, (_order(lines[0]), partition))
                elif at[partition] < self._ends[partition]:
                    break

    def follow(self, begin: Begin, types: Collection[str] = ()) -> Iterator[Line]:
        """Yield what is there, as `lines` does, and then whatever comes; never ends.

        Raises:
            Unavailable: Kafka does not answer.
        """
        yield from self.lines(begin, types)
        with closing(Following(self._bootstrap)) as following:
            following.reopen()
            wanted = dict(self._ends)
            while True:
                came: list[Line] = []
                for fetched in following.poll(wanted):
                    wanted[fetched.partition] = fetched.end
                    came += [line for line in map(self._line, fetched.records) if _is_wanted(line, begin, types)]
                yield from sorted(came, key=_order)

    def _starts(self, begin: Begin) -> dict[Partition, int]:
        if begin.index is not None:
            return offsets_of_index(self._reader, self._partitions, begin.index)
        if begin.time_ms is not None:
            return self._reader.at_time(self._partitions, begin.time_ms)
        begins = self._reader.begins(self._partitions)
        back = 2 * begin.newest  # of each partition; about half of the offsets may be transaction markers
        return {p: max(begins[p], self._ends[p] - back) for p in self._partitions}

    def _line(self, record: Received) -> Line:
        try:
            index, _, entry = self._claims.of(record)
            return Line(record, index, entry, said_type(record), None)
        except Invalid as err:
            return Line(record, None, b"", "", str(err))


def _order(line: Line) -> int:
    """Return what lines are ordered by; one that is none comes where it lies, before what follows it."""
    return -1 if line.index is None else line.index


def _is_wanted(line: Line, begin: Begin, types: Collection[str]) -> bool:
    if line.index is None:
        return True
    if begin.index is not None and line.index < begin.index:
        return False
    return not types or line.type in types
