"""Where in each partition a ledger index or a moment begins, for tails and rewinds.

A partition's entries ascend in index and in time, so an index is found by bisection, for all partitions in the same few
reads. Strangers' records can mislead a search: what is found is where to begin to look, never a proof. Whoever must be
sure reads from a sealed feed, which delivers from an index exactly.
"""

from collections.abc import Sequence
from contextlib import closing
from typing import Final

from consumers.claims import Claims
from domain.errors import Invalid, NotFound
from infra.kafka.reader import Reader
from schemas.framing import parse_headers
from schemas.records import Partition, Received

PROBE_RECORDS: Final = 64


def offsets_of_index(reader: Reader, partitions: Sequence[Partition], index: int) -> dict[Partition, int]:
    """Return in each partition an offset before which there is no entry of `index` or above; log2(n) reads."""
    low, high = reader.begins(partitions), reader.ends(partitions)
    while wide := [p for p in partitions if high[p] - low[p] > PROBE_RECORDS]:
        middle = {p: (low[p] + high[p]) // 2 for p in wide}
        spans = {p: (middle[p], min(middle[p] + PROBE_RECORDS, high[p])) for p in wide}
        first: dict[Partition, int] = {}
        for batch in reader.read(spans):
            for record in batch:
                found = _said_index(record)
                if found is not None:
                    first.setdefault(Partition(record.topic, record.partition), found)
        for p in wide:
            if p in first and first[p] < index:
                low[p] = middle[p]
            else:
                high[p] = middle[p]
    return low


def record_at(bootstrap: str, topic: str, partition: int, offset: int) -> Received:
    """Return the committed record at a place.

    Raises:
        NotFound: there is none.
        Unavailable: Kafka does not answer, or there is no such topic.
    """
    with closing(Reader(bootstrap)) as reader:
        place = Partition(topic, partition)
        record = reader.at(place, offset) if place in reader.partitions([topic]) else None
    if record is None:
        raise NotFound(f"expected a record at {place}@{offset}, found none")
    return record


def index_at(reader: Reader, claims: Claims, partition: Partition, offset: int) -> int:
    """Return the index that the record at an offset claims.

    Raises:
        NotFound: there is no committed record.
        Invalid: it is no whole record.
    """
    record = reader.at(partition, offset)
    if record is None:
        raise NotFound(f"expected a record at {partition}@{offset}, found none")
    return claims.of(record)[0]


def index_at_time(reader: Reader, claims: Claims, partitions: Sequence[Partition], timestamp_ms: int) -> int | None:
    """Return the smallest index that a whole record made at a moment or later claims; None if there is none."""
    begins, ends = reader.at_time(partitions, timestamp_ms), reader.ends(partitions)
    found: dict[Partition, int] = {}
    spans = {p: (begins[p], min(begins[p] + PROBE_RECORDS, ends[p])) for p in partitions}
    for batch in reader.read(spans):
        for record in batch:
            try:
                found.setdefault(Partition(record.topic, record.partition), claims.of(record)[0])
            except Invalid:
                continue
    return min(found.values(), default=None)


def _said_index(record: Received) -> int | None:
    try:
        return parse_headers(record.headers).index
    except Invalid:
        return None
