"""The rollback guard: the newest head this log ever signed, in a file outside every backup of the log.

    <directory>/<ledger_id>.head    the signed note itself, byte for byte (so that `cp` restores a lost checkpoint)
    <directory>/<ledger_id>.lock    flock of one compare-and-swap

The directory lies in the user's state directory (`Settings.state`), not in the home of the ledger: a home or a database
restored from an older backup then meets a newer head here, and the sealer stops instead of signing a second history
for the same indexes.

Trust: it is trusted to remember, not to be right; the sealer believes no note in it without its signatures. Whoever
can write here can stop the sealer, or put an older note of ours back and so disarm the guard for the heads between.
Whoever deletes it disarms it until the next seal; the sealer says so in its log. Witnesses are the full guard.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from domain.errors import Conflict, Unavailable
from infra.process import sync_directory, write_durably
from infra.tiles.posix import unverified_size
from producers.sealer_ports import CHECKPOINT_BYTES_MAX


def note_body(note: bytes) -> bytes:
    """Return the signed text of a note: everything before its last empty line, final newline included."""
    text, blank, _ = note.rpartition(b"\n\n")
    return text + b"\n" if blank else note


class FileHeadGuard:
    """The guard of one ledger behind the sealer's `HeadGuard` port; safe between processes of one machine."""

    def __init__(self, directory: Path, ledger_id: UUID) -> None:
        self._file = directory / f"{ledger_id}.head"
        self._lock = directory / f"{ledger_id}.lock"

    def describe(self) -> str:
        """Return the file that holds the note."""
        return str(self._file)

    def read(self) -> bytes | None:
        """Return the note kept, or None on a machine that never sealed this log.

        Raises:
            Unavailable: the file cannot be read. (Never taken for "no note": that would disarm the guard.)
        """
        try:
            with self._file.open("rb") as file:
                return file.read(CHECKPOINT_BYTES_MAX + 1)
        except FileNotFoundError:
            return None
        except OSError as err:
            raise Unavailable(f"cannot read the rollback guard {self._file}: {err.strerror}") from err

    def replace(self, expected: bytes | None, note: bytes) -> None:
        """Keep `note` if the body of what is kept equals the body of `expected`; see `HeadGuard.replace`.

        Bodies are compared, not notes: a hedged signature of the same head differs in every try.
        """
        with self._exclusive():
            kept = self.read()
            if (kept and note_body(kept)) != (expected and note_body(expected)):
                raise Conflict(
                    f"the rollback guard {self._file} keeps a head of size {unverified_size(kept or b'')}, expected "
                    f"{unverified_size(expected or b'')}: another sealer went on"
                )
            try:
                write_durably(self._file, note)
            except OSError as err:
                raise Unavailable(f"cannot write the rollback guard {self._file}: {err.strerror}") from err

    def remove(self) -> None:
        """Forget the head, when its ledger is destroyed on purpose (`down --purge`)."""
        for file in (self._file, self._lock):
            file.unlink(missing_ok=True)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as err:
            raise Unavailable(f"cannot lock the rollback guard {self._file}: {err.strerror}") from err
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
            sync_directory(self._file.parent.parent)
        finally:
            os.close(descriptor)
