"""The vault in PostgreSQL; see `producers.vault.Vault` and migrations 0005 and 0006.

Its role may read and write these three tables and nothing of the ledger; no other role may read them. Rows of a subject
that is being erased are locked against whoever would keep something more of it.
"""

import hashlib
import secrets as randomness
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from uuid import UUID

import psycopg

from domain.commitment import SALT_BYTES
from domain.errors import Invalid, NotFound, Rejected, Unavailable
from domain.ids import Sha256
from infra.store.link import BACK_OFF_S, PATIENCE_S
from infra.vault.master import KEY_BYTES, MasterKeys, decrypt, encrypt
from producers.vault import DOCUMENT_BYTES_MAX, Kept, Opening

_MAKE_SUBJECT: Final = (
    "INSERT INTO vault.subjects (subject, state) VALUES (%s, 'open') ON CONFLICT (subject) DO NOTHING"
)
_LOCK_SUBJECTS: Final = (
    "SELECT subject, state, wrapped, master FROM vault.subjects WHERE subject = ANY(%s) ORDER BY subject FOR UPDATE"
)
_SELECT_COMMAND: Final = (
    "SELECT s.event_id, s.path, s.sealed, u.subject, u.wrapped, u.master FROM vault.secrets s "
    "JOIN vault.subjects u USING (subject) WHERE s.actor = %s AND s.command_id = %s"
)
_SELECT_SECRET: Final = (
    "SELECT s.sealed, u.subject, u.wrapped, u.master FROM vault.secrets s JOIN vault.subjects u USING (subject) "
    "WHERE s.event_id = %s AND s.path = %s"
)
_SELECT_SECRETS: Final = (
    "SELECT s.path, s.sealed, u.subject, u.wrapped, u.master FROM vault.secrets s "
    "JOIN vault.subjects u USING (subject) WHERE s.event_id = %s AND s.path = ANY(%s)"
)
_SELECT_DOCUMENT: Final = (
    "SELECT d.sealed, u.subject, u.wrapped, u.master FROM vault.documents d JOIN vault.subjects u USING (subject) "
    "WHERE d.sha256 = %s"
)
_HELD: Final = (
    "SELECT (SELECT count(*) FROM vault.secrets WHERE %(of)s::uuid IS NULL OR subject = %(of)s) "
    "+ (SELECT count(*) FROM vault.documents WHERE %(of)s::uuid IS NULL OR subject = %(of)s)"
)
_UNFINISHED: Final = "SELECT subject FROM vault.subjects WHERE state = 'erasing' OR (state = 'erased' AND NOT told)"
_STALE: Final = "SELECT master FROM vault.subjects WHERE state = 'erased' AND master IS NOT NULL"


class PostgresVault:
    """The vault of one ledger; a connection for each call, or one for all of them (`lasting`)."""

    def __init__(
        self,
        dsn: str,
        masters: MasterKeys,
        *,
        connection: psycopg.Connection[Any] | None = None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Prepare; `dsn` logs in as the vault's role. `connection` is used for every call, by one thread.

        `patience_s` is how long a document that is to be kept waits for a database that is being started again.
        """
        self._dsn = dsn
        self._masters = masters
        self._patience_s = patience_s
        self._connection = connection

    @contextmanager
    def lasting(self) -> Iterator["PostgresVault"]:
        """Give this vault over one connection, for many calls of one thread. Raises: Unavailable."""
        try:
            connection = psycopg.connect(self._dsn, autocommit=True)
        except psycopg.Error as err:
            raise Unavailable(f"the vault does not answer: {type(err).__name__}") from err
        with connection:
            yield PostgresVault(self._dsn, self._masters, connection=connection)

    def keep(
        self,
        owners: Mapping[str, UUID],
        actor: UUID,
        command_id: UUID,
        event_id: UUID,
        openings: Mapping[str, Opening],
    ) -> Kept:
        """Keep the values of a command's event; see the port."""
        with self._connected() as connection:
            keys = self._keys_for(connection, {owners[path] for path in openings})
            known = self._kept(connection, actor, command_id)
            if known is not None:
                if _values(known.openings) != _values(openings):
                    raise Rejected(f"command {command_id} is known with other values")
                return known
            rows = (
                (
                    event_id,
                    path,
                    owners[path],
                    actor,
                    command_id,
                    encrypt(keys[owners[path]], opening.salt + opening.value, _about(event_id, path)),
                )
                for path, opening in openings.items()
            )
            connection.cursor().executemany("INSERT INTO vault.secrets VALUES (%s, %s, %s, %s, %s, %s)", rows)
        return Kept(event_id, dict(openings))

    def kept(self, actor: UUID, command_id: UUID) -> Kept | None:
        """Return what was kept for a command; see the port."""
        with self._connected() as connection:
            return self._kept(connection, actor, command_id)

    def open(self, event_id: UUID, path: str) -> Opening:
        """Return what opens a commitment; see the port."""
        with self._connected() as connection:
            row = connection.execute(_SELECT_SECRET, (event_id, path)).fetchone()
        if row is None:
            raise NotFound(
                f"the vault has no value for {path[:60]!r} of event {event_id}: it was erased, or never here"
            )
        sealed, *of = row
        return _opened(event_id, path, sealed, self._key_of(*of))

    def openings(self, event_id: UUID, paths: Sequence[str]) -> Mapping[str, Opening]:
        """Return what opens commitments of an event; see the port."""
        with self._connected() as connection:
            rows = connection.execute(_SELECT_SECRETS, (event_id, list(paths))).fetchall()
        return self._all_opened(event_id, rows)

    def owner(self, event_id: UUID, path: str) -> UUID | None:
        """Return the data subject of a value; see the port."""
        with self._connected() as connection:
            row = connection.execute(_SELECT_SECRET, (event_id, path)).fetchone()
        return None if row is None else row[1]

    def discard(self, actor: UUID, command_id: UUID) -> None:
        """Forget what was kept for a command that was refused; see the port."""
        with self._connected() as connection:
            connection.execute("DELETE FROM vault.secrets WHERE actor = %s AND command_id = %s", (actor, command_id))

    def keep_document(self, subject: UUID, document: bytes) -> Sha256:
        """Keep a document; see the port."""
        if len(document) > DOCUMENT_BYTES_MAX:
            raise Invalid(f"document: expected at most {DOCUMENT_BYTES_MAX} bytes, found {len(document)}")
        digest = Sha256(hashlib.sha256(document).digest())
        deadline, tries = time.monotonic() + self._patience_s, 0
        while True:
            try:
                self._keep_document(subject, digest, document)
                return digest
            except Unavailable as err:  # harmless when repeated, whatever became of the first try
                if not isinstance(err.__cause__, psycopg.OperationalError):
                    raise
                if time.monotonic() >= deadline:
                    raise Unavailable(f"no database for {self._patience_s:g} s: {err}") from err
                time.sleep(BACK_OFF_S[min(tries, len(BACK_OFF_S) - 1)])
                tries += 1

    def _keep_document(self, subject: UUID, digest: Sha256, document: bytes) -> None:
        with self._connected() as connection:
            key = self._keys_for(connection, {subject})[subject]
            connection.execute(
                "INSERT INTO vault.documents VALUES (%s, %s, %b) ON CONFLICT DO NOTHING",
                (digest, subject, encrypt(key, document, _about_document(digest))),
            )
            row = connection.execute("SELECT subject FROM vault.documents WHERE sha256 = %s", (digest,)).fetchone()
            if row is None or row[0] != subject:
                raise Rejected(f"document {digest.hex()} is another subject's")

    def document(self, sha256: Sha256) -> bytes:
        """Return a document; see the port."""
        with self._connected() as connection:
            row = connection.execute(_SELECT_DOCUMENT, (sha256,), binary=True).fetchone()
        if row is None:
            raise NotFound(f"the vault has no document {sha256.hex()}: it was erased, or never here")
        sealed, subject, wrapped, master = row
        document = decrypt(self._key_of(subject, wrapped, master), bytes(sealed), _about_document(sha256))
        if hashlib.sha256(document).digest() != sha256:
            raise Invalid(f"vault: document {sha256.hex()} has other bytes than its digest says")
        return document

    def discard_document(self, sha256: Sha256) -> None:
        """Forget a document that no event names; see the port."""
        with self._connected() as connection:
            connection.execute("DELETE FROM vault.documents WHERE sha256 = %s", (sha256,))

    def held(self, subject: UUID | None = None) -> int:
        """Return how much is here; see the port."""
        with self._connected() as connection:
            row = connection.execute(_HELD, {"of": subject}).fetchone()
        return 0 if row is None else int(row[0])

    def begin_erasure(self, subject: UUID) -> None:
        """Keep nothing more of a subject; see the port."""
        self._masters.newest()  # where there is a generation, the next start looks for erasures to finish
        with self._connected() as connection:
            connection.execute(
                "INSERT INTO vault.subjects (subject, state) VALUES (%s, 'erasing') ON CONFLICT (subject) "
                "DO UPDATE SET state = 'erasing' WHERE vault.subjects.state = 'open'",
                (subject,),
            )

    def end_erasure(self, subject: UUID) -> None:
        """Take `begin_erasure` back; see the port."""
        with self._connected() as connection:
            connection.execute(
                "UPDATE vault.subjects SET state = 'open' WHERE subject = %s AND state = 'erasing'", (subject,)
            )

    def destroy(self, subject: UUID) -> int:
        """Destroy what is a subject's and its key, then the generation that wrapped it; see the port."""
        with self._connected() as connection:
            connection.execute(_LOCK_SUBJECTS, ([subject],))
            gone = connection.execute("DELETE FROM vault.secrets WHERE subject = %s", (subject,)).rowcount
            gone += connection.execute("DELETE FROM vault.documents WHERE subject = %s", (subject,)).rowcount
            connection.execute(
                "UPDATE vault.subjects SET state = 'erased', wrapped = NULL, "
                "values_destroyed = values_destroyed + %s WHERE subject = %s",
                (gone, subject),
            )
        self._replace_master()
        with self._connected() as connection:
            row = connection.execute(
                "SELECT values_destroyed FROM vault.subjects WHERE subject = %s", (subject,)
            ).fetchone()
        return 0 if row is None else int(row[0])

    def close_erasure(self, subject: UUID) -> None:
        """Remember that the log says that the erasure has ended; see the port."""
        with self._connected() as connection:
            connection.execute("UPDATE vault.subjects SET told = true WHERE subject = %s", (subject,))

    def unfinished(self) -> list[UUID]:
        """Return the subjects whose erasure has not come to its end; see the port."""
        with self._connected() as connection:
            return [row[0] for row in connection.execute(_UNFINISHED)]

    def _replace_master(self) -> None:
        """Replace every generation that has wrapped an erased key; what it wraps besides is wrapped anew first."""
        with self._connected() as connection:
            connection.execute("LOCK TABLE vault.subjects IN EXCLUSIVE MODE")
            stale = {row[0] for row in connection.execute(_STALE)}
            if not stale:
                return
            newest = self._masters.make() if self._masters.newest() in stale else self._masters.newest()
            rows = connection.execute(
                "SELECT subject, wrapped, master FROM vault.subjects WHERE wrapped IS NOT NULL AND master <> %s",
                (newest,),
            ).fetchall()
            for subject, wrapped, master in rows:
                key = self._masters.unwrap(master, bytes(wrapped), subject.bytes)
                connection.execute(
                    "UPDATE vault.subjects SET wrapped = %s, master = %s WHERE subject = %s",
                    (self._masters.wrap(newest, key, subject.bytes), newest, subject),
                )
        # If we crash here, erased rows still name their generation, and the next start does the rest.
        with self._connected() as connection:
            connection.execute("LOCK TABLE vault.subjects IN EXCLUSIVE MODE")
            kept = connection.execute("SELECT DISTINCT master FROM vault.subjects WHERE wrapped IS NOT NULL").fetchall()
            self._masters.forget(frozenset(int(row[0]) for row in kept))
            connection.execute("UPDATE vault.subjects SET master = NULL WHERE state = 'erased'")

    def _keys_for(self, connection: psycopg.Connection[Any], subjects: Collection[UUID]) -> dict[UUID, bytes]:
        """Return the subjects' keys, made for those without; their rows are locked until the transaction ends.

        They are made and locked in one order, so that two who lock the same subjects never wait for one another.
        """
        ordered, cursor = sorted(subjects), connection.cursor()
        cursor.executemany(_MAKE_SUBJECT, [(one,) for one in ordered])
        keys, made = {}, []
        for subject, state, wrapped, master in cursor.execute(_LOCK_SUBJECTS, (ordered,)).fetchall():
            if state != "open":
                raise Rejected(f"nothing more is kept of subject {subject}: it is {state}")
            if wrapped is not None:
                keys[subject] = self._masters.unwrap(master, bytes(wrapped), subject.bytes)
            else:
                key, newest = randomness.token_bytes(KEY_BYTES), self._masters.newest()
                made.append((self._masters.wrap(newest, key, subject.bytes), newest, subject))
                keys[subject] = key
        cursor.executemany("UPDATE vault.subjects SET wrapped = %s, master = %s WHERE subject = %s", made)
        return keys

    def _kept(self, connection: psycopg.Connection[Any], actor: UUID, command_id: UUID) -> Kept | None:
        rows = connection.execute(_SELECT_COMMAND, (actor, command_id)).fetchall()
        if not rows:
            return None
        event_id = rows[0][0]
        return Kept(event_id, self._all_opened(event_id, [row[1:] for row in rows]))

    def _all_opened(self, event_id: UUID, rows: Sequence[Sequence[Any]]) -> dict[str, Opening]:
        """Return the openings of rows of path, sealed, subject, wrapped and master; each key is unwrapped once."""
        keys: dict[UUID, bytes] = {}
        found = {}
        for path, sealed, subject, wrapped, master in rows:
            if subject not in keys:
                keys[subject] = self._key_of(subject, wrapped, master)
            found[path] = _opened(event_id, path, sealed, keys[subject])
        return found

    def _key_of(self, subject: UUID, wrapped: bytes | None, master: int) -> bytes:
        if wrapped is None:
            raise NotFound(f"the key of subject {subject} was destroyed")
        return self._masters.unwrap(master, bytes(wrapped), subject.bytes)

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        """Give a connection in one transaction, committed at the end of the block."""
        try:
            if self._connection is not None:
                with self._connection.transaction():
                    yield self._connection
                return
            with psycopg.connect(self._dsn) as connection:
                yield connection
        except psycopg.Error as err:
            raise Unavailable(f"the vault does not answer: {type(err).__name__}") from err


def _opened(event_id: UUID, path: str, sealed: bytes, key: bytes) -> Opening:
    plain = decrypt(key, bytes(sealed), _about(event_id, path))
    if len(plain) < SALT_BYTES:
        raise Invalid(f"vault: expected a salt of {SALT_BYTES} bytes and a value, found {len(plain)} bytes")
    return Opening(plain[:SALT_BYTES], plain[SALT_BYTES:])


def _about(event_id: UUID, path: str) -> bytes:
    return event_id.bytes + path.encode()


def _about_document(sha256: Sha256) -> bytes:
    return b"edgeprint/document/v1\0" + sha256  # never the place of a value: no UUID begins so


def _values(openings: Mapping[str, Opening]) -> dict[str, bytes]:
    return {path: opening.value for path, opening in openings.items()}
