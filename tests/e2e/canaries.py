"""Looking for canaries: every spelling of a word that must be nowhere, in everything that a ledger has written.

UTF-8, UTF-16, hex, base64 at each alignment, JSON and URL escapes; of long numbers the raw integers too.
"""

import base64
import json
import os
from collections.abc import Iterator, Sequence
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.e2e.kit import Place

RAW_FROM = 1 << 48
"""Smaller integers stand somewhere by chance."""


class Canaries:
    """The words that are looked for."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = words
        self._forms = {form: word for word in words for form in forms(word)}

    def found_in(self, data: bytes) -> set[str]:
        """Return the words that stand in `data` in any spelling."""
        return {word for form, word in self._forms.items() if form in data}

    def require_nowhere(self, pieces: Iterator[tuple[str, bytes]]) -> set[str]:
        """Return the names of all pieces, none of which has any of the words."""
        seen = set()
        for where, data in pieces:
            seen.add(where.rpartition("/")[2])
            assert not self.found_in(data), f"{self.found_in(data)} in {where}"
        return seen


def forms(word: str) -> set[bytes]:
    """Return the spellings of a word."""
    data = word.encode()
    found = {data, word.encode("utf-16-le"), word.encode("utf-16-be"), quote(word).encode(), *base64_forms(data)}
    found |= {data.hex().encode(), data.hex().upper().encode(), json.dumps(word)[1:-1].encode()}
    if word.isdigit() and int(word) >= RAW_FROM:
        raw = int(word).to_bytes(8, "big")
        found |= {raw, raw[::-1], raw.hex().encode(), zigzag(int(word))}
    return found


def base64_forms(data: bytes) -> Iterator[bytes]:
    """Yield what base64 makes of bytes wherever they stand, without the characters that their neighbours decide."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + data).rstrip(b"=")
        inner = text[(0, 2, 3)[before] : len(text) - bool((before + len(data)) % 3)]
        yield from (inner, inner.translate(bytes.maketrans(b"+/", b"-_")))


def zigzag(number: int) -> bytes:
    """Return a number as an Avro long."""
    left, out = number << 1, bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*out, left])


def everything(place: Place) -> Iterator[tuple[str, bytes]]:
    """Yield every file of the home, of its state and of its database, and every table; whoever finds less fails."""
    for root in (place.home, place.state, place.database().cluster.place):
        for path in sorted(root.rglob("*")):
            if path.is_file() and not path.is_symlink():
                data = path.read_bytes().rstrip(b"\0") + b"\0"  # Kafka makes its indexes long before they are full
                yield str(path), os.fsencode(path.name) + b"\n" + data
    yield from tables(place)


def tables(place: Place) -> Iterator[tuple[str, bytes]]:
    """Yield every table of the database as it is dumped, and the bytes of its values as they are."""
    with psycopg.connect(place.database().admin_dsn(), autocommit=True) as connection:
        names = connection.execute(
            "SELECT schemaname, tablename FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        assert {"events", "secrets", "documents", "subjects", "commands"} <= {table for _, table in names}
        for schema, table in names:
            name = sql.Identifier(schema, table)
            with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(name)) as copy:
                yield f"{schema}.{table} as text", b"".join(bytes(part) for part in copy)
            for row in connection.execute(sql.SQL("SELECT * FROM {}").format(name)):
                yield f"{schema}.{table}", b"\n".join(value for value in row if isinstance(value, bytes))
