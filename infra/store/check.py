"""What `fsck` asks of the store: is every column what the bytes say, is the log dense, do commands and keys follow.

Nothing in the database is believed: headers are read from the entries, leaves are hashed again, keys come from a pure
function over entries. `rebuild_keys_and_commands` writes the two tables anew where they differ; it needs the migrator.
Rebuilt commands have no digest, and commands that wrote nothing are not in the log: they are kept as they stand.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import psycopg

from domain.errors import Invalid
from domain.events import ZERO_HASH, KeyChange
from domain.ledger.merkle import leaf_hash
from infra.store.migrate import OWNER
from schemas.envelope import read_header

READ_ROWS: Final = 5_000
FINDINGS_MAX: Final = 1_000
RESET: Final = "edgeprint.evidence.LedgerClockReset"
KeysOf = Callable[[bytes], KeyChange]
_COLUMNS: Final = "ledger_index, stream_id, stream_version, type, recorded_at, time_high, entry, leaf_hash"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it must be; `index` is the ledger index, -1 where there is none."""

    index: int
    what: str


@dataclass(slots=True)
class _Derived:
    """What the log says that `commands` and `keys` must hold."""

    commands: dict[tuple[UUID, UUID], tuple[int, int]]
    keys: dict[str, int]


def check_rows(connection: psycopg.Connection[Any], types: Mapping[bytes, str]) -> list[Finding]:
    """Compare every column of every row with its bytes, and the rows with each other; at most FINDINGS_MAX findings.

    `types` maps schema digests to event types. Reads the whole log once (about 8 microseconds a row) and remembers the
    last version and leaf of each stream.
    """
    findings: list[Finding] = []
    tails: dict[UUID, tuple[int, bytes]] = {}
    expected_index, time_high = 0, 0
    ledger: UUID | None = None
    for index, stream, version, event_type, recorded_at, high, entry, leaf in _rows(connection):
        if len(findings) >= FINDINGS_MAX:
            break
        if index != expected_index:
            findings.append(Finding(index, f"index {expected_index} is missing" if index > expected_index else "twice"))
        expected_index = index + 1
        if leaf != leaf_hash(entry):
            findings.append(Finding(index, "leaf_hash is not the hash of the entry"))
        try:
            header = read_header(entry)
        except Invalid as error:
            findings.append(Finding(index, f"entry has no header: {error}"))
            continue
        ledger = ledger or header.stream_id
        before = tails.get(header.stream_id, (0, ZERO_HASH))
        time_high = recorded_at if event_type == RESET else max(time_high, recorded_at)
        for name, found, expected in (
            ("stream_id", stream, header.stream_id),
            ("stream_version", version, header.stream_version),
            ("type", event_type, types.get(header.schema_sha256, f"unknown schema {header.schema_sha256.hex()}")),
            ("recorded_at", recorded_at, header.recorded_at),
            ("time_high", high, time_high),
            ("ledger_id", header.ledger_id, ledger),
            ("stream_version after the one before", header.stream_version, before[0] + 1),
            ("previous", header.previous.hex(), before[1].hex()),
        ):
            if found != expected:
                findings.append(Finding(index, f"{name}: expected {expected}, found {found}"))
        tails[header.stream_id] = (header.stream_version, leaf_hash(entry))
    findings.extend(_check_head(connection, expected_index, time_high, ledger))
    return findings


def check_keys_and_commands(connection: psycopg.Connection[Any], keys_of: KeysOf) -> list[Finding]:
    """Compare `keys` and `commands` with what the log says; commands with an empty range cannot be compared."""
    derived = _derive(connection, keys_of)
    findings = [
        Finding(index if index is not None else -1, f"{table} {name}: expected {expected}, found {found}")
        for table, name, index, expected, found in _differences(connection, derived)
    ]
    return findings[:FINDINGS_MAX]


def rebuild_keys_and_commands(migrator_dsn: str, keys_of: KeysOf) -> int:
    """Make `keys` and `commands` what the log says, and return the number of rows changed. Appends wait meanwhile."""
    with psycopg.connect(migrator_dsn) as connection:
        connection.execute(f"SET ROLE {OWNER}")
        connection.execute("SET LOCAL edgeprint.rebuilding = 'on'")
        connection.execute("SELECT size FROM ledger.head FOR UPDATE")
        derived = _derive(connection, keys_of)
        changed = 0
        for table, name, _, expected, _ in list(_differences(connection, derived)):
            changed += 1
            if table == "key":
                connection.execute("DELETE FROM ledger.keys WHERE key = %s", (name,))
                if expected is not None:
                    connection.execute("INSERT INTO ledger.keys VALUES (%s, %s)", (name, expected))
            else:
                connection.execute("DELETE FROM ledger.commands WHERE actor = %s AND command_id = %s", name)
                if expected is not None:
                    connection.execute(
                        "INSERT INTO ledger.commands (actor, command_id, first_index, last_index) "
                        "VALUES (%s, %s, %s, %s)",
                        (*name, *expected),
                    )
        return changed


def _rows(connection: psycopg.Connection[Any]) -> Iterator[tuple[Any, ...]]:
    start = -1
    while True:
        rows = connection.execute(
            f"SELECT {_COLUMNS} FROM ledger.events WHERE ledger_index > %s ORDER BY ledger_index LIMIT %s",
            (start, READ_ROWS),
            binary=True,
            prepare=True,
        ).fetchall()
        if not rows:
            return
        yield from rows
        start = rows[-1][0]


def _check_head(
    connection: psycopg.Connection[Any], size: int, time_high: int, ledger: UUID | None
) -> Iterator[Finding]:
    row = connection.execute("SELECT size, time_high, ledger_id FROM ledger.head").fetchone()
    if row is None:
        yield Finding(-1, "head has no row")
        return
    for name, found, expected in zip(("size", "time_high", "ledger_id"), row, (size, time_high, ledger), strict=True):
        if found != expected:
            yield Finding(-1, f"head {name}: expected {expected}, found {found}")


def _derive(connection: psycopg.Connection[Any], keys_of: KeysOf) -> _Derived:
    derived = _Derived({}, {})
    for row in _rows(connection):
        index, entry = row[0], row[6]
        header = read_header(entry)
        command = (header.actor, header.command_id)
        first, _ = derived.commands.get(command, (index, index))
        derived.commands[command] = (first, index)
        change = keys_of(entry)
        for key in change.release:
            derived.keys.pop(key, None)
        for key in change.take:
            derived.keys[key] = index
    return derived


def _differences(
    connection: psycopg.Connection[Any], derived: _Derived
) -> Iterator[tuple[str, Any, int | None, Any, Any]]:
    """Yield (table, name, index, expected, found) for each row that is wrong, missing or too many."""
    keys = dict(connection.execute("SELECT key, ledger_index FROM ledger.keys").fetchall())
    for key in sorted(keys.keys() | derived.keys.keys()):
        if keys.get(key) != derived.keys.get(key):
            yield "key", key, derived.keys.get(key, keys.get(key)), derived.keys.get(key), keys.get(key)
    rows = connection.execute("SELECT actor, command_id, first_index, last_index FROM ledger.commands").fetchall()
    commands = {(actor, command): (first, last) for actor, command, first, last in rows if last >= first}
    for name in sorted(commands.keys() | derived.commands.keys()):
        expected, found = derived.commands.get(name), commands.get(name)
        if expected != found:
            yield "command", name, (expected or found or (-1, -1))[0], expected, found
