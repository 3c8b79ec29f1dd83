"""What the sealer asks of the outside: rows, a tree directory, a rollback guard, published notes, a lock, keys.

    rows ──> Sealer ──> tree (tiles, bundles, /checkpoint)
                   ├──> guard (newest head, kept apart from the tree's backups)
                   └──> notes (every note ever published, in order)

Trust: none of these stores is believed. Leaves are recomputed from entries, heads count only with their signatures,
and a head counts against another only with a consistency proof. What an attacker gains who writes to one of them is
said at its port.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from domain.errors import Invalid
from domain.ledger.note import Signer
from producers.ports import LedgerRow

ROWS_READ_MAX = 8_192
ROWS_READ_BYTES_MAX = 32 << 20
CHECKPOINT_BYTES_MAX = 1_000_000

Failpoint = Callable[[str], None]
Log = Callable[[str], None]


def no_failpoint(_name: str) -> None:
    """Do nothing: the failpoint of a production run."""


class HeadsDisagree(Invalid):
    """The heads of this log contradict one another or the entries: sealing on would publish a second history.

    Final until an operator has found out which copy is old or damaged; the message ends with the command to run.
    """


class RolledBack(HeadsDisagree):
    """A store went back behind a head that was already promised to the world (an older copy was restored)."""


class RowSource(Protocol):
    """Entries in index order; the part of `LedgerStore` that the sealer reads.

    Trusted for order only. Whoever can write here can add entries, but once they are sealed any change is found.
    """

    def size(self) -> int:
        """Return the number of entries durable now; it never falls except by a restore."""

    def rows(self, start: int, limit: int) -> list[LedgerRow]:
        """Return the rows start, start + 1, ... that are committed, without a gap; none only if there are none.

        At most `limit` rows; fewer if their entries pass ROWS_READ_BYTES_MAX bytes.
        """


class TreeStore(Protocol):
    """One static tlog-tiles directory with a single writer.

    Not trusted: whoever writes here can withhold or spoil files, and every reader finds it by the signed root.
    Paths are those of C2SP tlog-tiles (`tile/0/000.p/8`, `tile/entries/000`).
    """

    def lock(self) -> None:
        """Become the only writer on this machine; does not block.

        Raises:
            Conflict: another process holds the directory.
        """

    def unlock(self) -> None:
        """Give the directory free; harmless when it is not held."""

    def read(self, path: str) -> bytes:
        """Return a file's bytes.

        Raises:
            FileNotFoundError: there is no such file.
        """

    def write(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Write all files; durable, names included, when this returns. Existing files are replaced whole.

        Raises:
            Unavailable: the disk refused; any subset may have been written, none of it torn.
            Conflict: the directory is not held any more.
        """

    def checkpoint(self) -> bytes | None:
        """Return the published note, or None before the first."""

    def replace_checkpoint(self, expected: bytes | None, note: bytes) -> None:
        """Replace the published note durably and atomically; `expected` are the bytes that must stand there now.

        Raises:
            Conflict: something else stands there, `note` is of a smaller size, or the directory is not held any more.
            Unavailable: the disk refused; whether it was replaced is unknown.
        """

    def describe(self) -> str:
        """Return the directory as an operator would type it."""


class HeadGuard(Protocol):
    """The newest head this log ever signed, in a store that no backup of the tree or the database contains.

    Trusted to remember, not to be right: a note in it counts only with its signatures. Whoever writes to it can stop
    the sealer, or put back an older note of ours and so switch the guard off for the heads between; nothing else.
    """

    def read(self) -> bytes | None:
        """Return the note kept, or None on a machine that never sealed this log."""

    def replace(self, expected: bytes | None, note: bytes) -> None:
        """Compare and swap: keep `note` if the note kept now has the body (text) of `expected`; durable on return.

        Raises:
            Conflict: another head is kept; somebody else sealed.
            Unavailable: the store failed; whether it was replaced is unknown.
        """

    def describe(self) -> str:
        """Return where the note is kept, as an operator would type it."""


class PublishedNotes(Protocol):
    """Every note that ever was `/checkpoint`, append-only, in the order of publication.

    Not trusted: it answers "is this entry sealed" for waiting callers and is evidence for `fsck`, with signatures.
    """

    def newest(self) -> bytes | None:
        """Return the note appended last, or None."""

    def append(self, size: int, note: bytes) -> None:
        """Keep `note` and wake whoever waits for `sealed`; appending the newest note again changes nothing.

        Raises:
            Unavailable: the store failed; whether it was kept is unknown.
        """


class WriterLock(Protocol):
    """The log-wide claim to be its only sealer, across machines; it ends with the connection that holds it."""

    def acquire(self) -> None:
        """Take the claim; does not block; harmless when it is already held.

        Raises:
            Conflict: another sealer holds it.
            Unavailable: the store cannot be reached.
        """

    def confirm(self) -> None:
        """Return if the claim still stands.

        Raises:
            Conflict: it was lost; another sealer may have gone on.
            Unavailable: the store cannot be reached, so the claim must be taken as lost.
        """

    def release(self) -> None:
        """Give the claim up; harmless when it is not held."""


class KeyStore(Protocol):
    """The log's signing keys: the log's word. Whoever reads them can sign a second history; only witnesses show it."""

    def signers(self, origin: str) -> tuple[Signer, ...]:
        """Return the signers of log `origin`: Ed25519 first, then ML-DSA-44.

        Raises:
            Invalid: a key is missing, broken, of another log, or readable by others.
        """
