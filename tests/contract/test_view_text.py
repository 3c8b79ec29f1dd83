"""Rows as text against PostgreSQL: what is copied in comes out as the same bytes, and as the same values."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from domain.governance.events import LegalHoldPlaced
from infra.store.provision import PROJECTOR
from infra.views.memory import MemoryViewStore
from infra.views.postgres import PostgresViewStore
from infra.views.projector import Projector
from projections.catalogue import VIEWS
from projections.compliance import COMPLIANCE, HOLD
from projections.runner import run_batch
from projections.tables import text_line
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from tests.conftest import LedgerDatabase
from tests.view_kit import AWKWARD, COLUMNS, Rows, Tale, rows_of, some

NAMES = [*(column.name for column in COLUMNS), "valid_from", "valid_to"]


@pytest.fixture
def connection(ledger_database: LedgerDatabase) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(ledger_database.dsn(PROJECTOR), autocommit=True) as connection:
        columns = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(column.kind.value)) for column in COLUMNS
        )
        order = sql.SQL("CREATE TEMP TABLE {} (place serial, {}, valid_from bigint, valid_to bigint)")
        connection.execute(order.format(sql.Identifier("everything"), columns))
        yield connection


def round_trip(
    connection: psycopg.Connection[Any], rows: Sequence[tuple[Any, ...]]
) -> tuple[bytes, list[tuple[Any, ...]]]:
    """Copy rows in and return what PostgreSQL copies out, and the values that it reads."""
    columns = sql.SQL(", ").join(map(sql.Identifier, NAMES))
    with connection.transaction(force_rollback=True), connection.cursor() as cursor:
        with cursor.copy(sql.SQL("COPY everything ({}) FROM STDIN").format(columns)) as copy:
            copy.write("".join(map(text_line, rows)).encode())
        query = sql.SQL("SELECT {} FROM everything ORDER BY place").format(columns)
        with cursor.copy(sql.SQL("COPY ({}) TO STDOUT").format(query)) as copy:
            written = b"".join(bytes(block) for block in copy)
        cursor.execute(query, binary=True)
        return written, [tuple(tuple(one) if isinstance(one, list) else one for one in row) for row in cursor]


def test_any_rows_come_out_as_they_went_in(connection: psycopg.Connection[Any]) -> None:
    @given(st.lists(rows_of(), max_size=8))
    @settings(max_examples=150, suppress_health_check=list(HealthCheck))
    def check(rows: list[tuple[Any, ...]]) -> None:
        written, values = round_trip(connection, rows)
        assert written == "".join(map(text_line, rows)).encode()
        assert values == rows

    check()


def test_awkward_texts_come_out_as_they_went_in(connection: psycopg.Connection[Any]) -> None:
    blank = (None,) * (len(COLUMNS) - 1)
    text, texts = (NAMES.index(name) for name in ("text", "texts"))
    rows: list[tuple[Any, ...]] = []
    for number, one in enumerate(AWKWARD):
        row = [some(number), *blank, number, None]
        row[text], row[texts] = one, (one, *AWKWARD)
        rows.append(tuple(row))
    written, values = round_trip(connection, rows)
    assert written == "".join(map(text_line, rows)).encode() and values == rows


def test_no_name_needs_quotes_in_a_question(connection: psycopg.Connection[Any]) -> None:
    """Auditors write queries of their own: no table or column may bear a word that SQL keeps for itself."""
    kept = {row[0] for row in connection.execute("SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')")}
    assert len(kept) > 50
    tables = [table for view in VIEWS for table in view.tables]
    assert not kept & {name for table in tables for name in (table.name, *(one.name for one in table.all_columns))}


def test_a_nul_in_an_event_stops_no_view(ledger_database: LedgerDatabase) -> None:
    tale = Tale(COMPLIANCE)
    tale.tell(some(1), LegalHoldPlaced(matter="(2026)\0 Jing 73"))
    memory = MemoryViewStore(COMPLIANCE)
    run_batch(COMPLIANCE, memory, tale.entries)
    dsn = ledger_database.dsn(PROJECTOR)
    with Projector(dsn, Rows([]), Codec(CATALOGUE)) as projector, psycopg.connect(dsn, autocommit=True) as connection:
        projector.ensure([COMPLIANCE])
        (build,) = projector.builds()
        store = PostgresViewStore(connection, COMPLIANCE, build.schema)
        assert run_batch(COMPLIANCE, store, tale.entries).poison is None
        assert store.digest() == memory.digest()
        assert store.standing([(HOLD, (some(1), 1))])[HOLD.name, (some(1), 1)].values[0] == "(2026)␀ Jing 73"
