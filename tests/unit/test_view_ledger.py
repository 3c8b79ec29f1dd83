"""The ledger as rows: given entries and their clocks, then instants, streams and schemas."""

import pytest

from domain.events import Event
from domain.evidence.events import LedgerClockReset, SchemaPublished
from domain.governance.events import PartyEnrolled, PartyKind
from domain.ids import CommandId, PartyId
from infra.views.memory import MemoryViewStore
from projections.ledger import ENTRY, LEDGER, SCHEMA
from projections.runner import run_batch
from tests.view_kit import NOW_US, SOMEBODY, Tale, digest_of, identified, some

A, B = some(1), some(2)
ENROLLED = PartyEnrolled(kind=PartyKind.PERSON)
RESET = LedgerClockReset(reason="the clock ran ahead")
S = 1_000_000


@pytest.fixture
def tale() -> Tale:
    return Tale(LEDGER)


def highs(tale: Tale, *told: tuple[Event, int]) -> list[int]:
    """Return the running maximum of time after each entry, in seconds from NOW, as the entries' own seconds go."""
    for event, second in told:
        tale.tell(A, event, recorded_at=NOW_US + second * S)
    return [(row[1] - NOW_US) // S for _, row in sorted(tale.rows(ENTRY).items())]


def test_each_entry_is_a_row_whatever_its_type(tale: Tale) -> None:
    command, clerk = CommandId(some(70)), PartyId(some(71))
    tale.tell(A, ENROLLED)
    tale.tell(B, identified(), actor=clerk, command_id=command, recorded_at=NOW_US + 3)
    tale.tell(B, RESET, recorded_at=NOW_US + 4)
    first = tale.entries[0].envelope
    assert tale.rows(ENTRY) == {
        (0,): (NOW_US, NOW_US, "edgeprint.governance.PartyEnrolled", A, 1, SOMEBODY, first.command_id),
        (1,): (NOW_US + 3, NOW_US + 3, "edgeprint.identity.ObjectIdentified", B, 1, clerk, command),
        (2,): (NOW_US + 4, NOW_US + 4, RESET.TYPE, B, 2, SOMEBODY, tale.entries[2].envelope.command_id),
    }


def test_time_high_does_not_go_back_with_the_clock(tale: Tale) -> None:
    assert highs(tale, (ENROLLED, 5), (ENROLLED, 2), (ENROLLED, 4), (ENROLLED, 6)) == [5, 5, 5, 6]
    assert [row[0] - NOW_US for _, row in sorted(tale.rows(ENTRY).items())] == [5 * S, 2 * S, 4 * S, 6 * S]


def test_a_clock_reset_begins_again_at_its_own_time(tale: Tale) -> None:
    told = ((ENROLLED, 500), (ENROLLED, 1), (RESET, 2), (ENROLLED, 1), (ENROLLED, 3))
    assert highs(tale, *told) == [500, 500, 2, 2, 3]


def test_a_clock_reset_may_be_the_first_entry(tale: Tale) -> None:
    assert highs(tale, (RESET, 7), (ENROLLED, 3)) == [7, 7]


def test_a_published_schema_stands_with_its_index(tale: Tale) -> None:
    tale.tell(A, ENROLLED)
    at = tale.tell(B, SchemaPublished(schema=digest_of("one"), text="{}"))
    tale.tell(B, SchemaPublished(schema=digest_of("two"), text="[]"))
    assert tale.rows(SCHEMA) == {(digest_of("one"),): (at,), (digest_of("two"),): (at + 1,)}
    assert set(tale.rows(ENTRY)) == {(0,), (1,), (2,)}
    assert tale.rows(SCHEMA, as_of=0) == {}


def test_a_gap_in_the_entries_of_one_batch_stops_the_view(tale: Tale) -> None:
    tale.tell(A, ENROLLED, ENROLLED, ENROLLED)
    store = MemoryViewStore(LEDGER)
    poison = run_batch(LEDGER, store, [tale.entries[0], tale.entries[2]]).poison
    assert poison is not None and poison.index == 2
    assert poison.reason == "LookupError: entry 1 has no row, though it comes before 2"
    assert set(store.rows(ENTRY)) == {(0,)} and store.position() == 2
