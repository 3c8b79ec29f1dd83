"""The sealer: rows of the store become tiles, a root and a signed checkpoint, in an order that survives any crash.

One seal, each step durable before the next begins:

    1. read rows, recompute every leaf from its entry, compare with the row's leaf hash
    2. write bundles, tiles and partial tiles of exactly the new size
    3. sign the checkpoint
    4. rollback guard: verify a consistency proof from the head it keeps, then compare-and-swap
    5. replace `/checkpoint`, append the note to the published ones, wake the waiters    <- only now it is "sealed"

Hence in every store: published size <= `/checkpoint` <= guard, each at most one seal ahead, and a head in any of them
has all its files. `Sealer.recover` puts that right after a crash with the same functions that seal: it takes the
larger of checkpoint and guard, grows the last files again from the rows, rewrites those that differ, and repeats steps
4 and 5 with the note that is already signed. What a crash can leave otherwise is orphan files: harmless, they are
rewritten with identical bytes. Anything else is not a crash but an older copy or damage, and stops the sealer with the
command to run (`HeadsDisagree`, `RolledBack`). After a stop nothing was published that contradicts an earlier note.

Trust: no store is believed, see `sealer_ports`. The signers are the log's word.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from domain.errors import Conflict, Invalid
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import HASH_BYTES, consistency_proof, verify_consistency
from domain.ledger.note import Signer, sign_note
from domain.ledger.policy import Policy
from domain.ledger.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    TileHashReader,
    edge_tiles,
    tile_path,
)
from producers.sealer_growth import FSCK, RESTORE, Growth
from producers.sealer_ports import (
    ROWS_READ_BYTES_MAX,
    ROWS_READ_MAX,
    Failpoint,
    HeadGuard,
    HeadsDisagree,
    Log,
    PublishedNotes,
    RolledBack,
    RowSource,
    TreeStore,
    WriterLock,
    no_failpoint,
)

RECOVERY_ROWS: Final = 2_048


@dataclass(frozen=True, slots=True)
class SealerPorts:
    """The stores of one log's sealer; see `sealer_ports` for the guarantees of each."""

    rows: RowSource
    tree: TreeStore
    guard: HeadGuard
    notes: PublishedNotes
    lock: WriterLock


@dataclass(frozen=True, slots=True)
class Seal:
    """What one step sealed: the new head and how many entries it added; `more` says that rows are already waiting."""

    checkpoint: Checkpoint
    added: int
    more: bool


@dataclass(frozen=True, slots=True)
class _Head:
    """A tree head with the note that carries it."""

    checkpoint: Checkpoint
    note: bytes


class Sealer:
    """The single writer of one log's tree. Not safe for concurrent use; its methods block on disk and database.

    After any exception the next call recovers first: what is in memory is thrown away and read again, since the
    outcome of a failed write is unknown. `Unavailable` and `Conflict` may be tried again later; `Invalid` (with
    `HeadsDisagree` and `RolledBack`) needs an operator.
    """

    def __init__(
        self,
        origin: str,
        ports: SealerPorts,
        signers: Sequence[Signer],
        policy: Policy,
        *,
        failpoint: Failpoint = no_failpoint,
        log: Log = no_failpoint,
    ) -> None:
        """Prepare; nothing is read or locked before the first step.

        `policy` is what stored heads must satisfy: the log's own signatures, all of those that `signers` make.
        `failpoint` is called with a name before and after each durable step. `log` takes one line for the operator.
        """
        self._origin = origin
        self._rows, self._tree, self._guard = ports.rows, ports.tree, ports.guard
        self._notes, self._lock = ports.notes, ports.lock
        self._signers = tuple(signers)
        self._policy = policy
        self._failpoint = failpoint
        self._log = log
        self._growth: Growth | None = None
        self._head: _Head | None = None

    @property
    def head(self) -> Checkpoint | None:
        """Return the newest sealed head, or None before the first seal (or before `recover`)."""
        return self._head.checkpoint if self._head else None

    def step(self, limit: int = ROWS_READ_MAX) -> Seal | None:
        """Seal the entries that wait, at most `limit`, in one checkpoint; None if there are none.

        Costs about 8 µs an entry and a handful of fsyncs. Raises what `recover` raises.
        """
        with self._forgetting():
            growth = self._recovered()
            rows = self._rows.rows(growth.grower.size, limit)
            if not rows:
                return None
            self._failpoint("seal.read")
            self._tree.write(growth.add(rows))
            self._failpoint("seal.tiles.renamed")
            growth.grower.mark_written()
            head = self._sign(Checkpoint(self._origin, growth.grower.size, growth.grower.root()))
            self._publish(head, kept=self._head, on_disk=self._head)
            full = len(rows) == limit or sum(len(row.entry) for row in rows) > ROWS_READ_BYTES_MAX // 2
            return Seal(head.checkpoint, len(rows), more=full)

    def heartbeat(self) -> Checkpoint | None:
        """Sign and publish the newest head again: its new timestamp says that the log lives. None if it is empty."""
        with self._forgetting():
            self._recovered()
            if self._head is None:
                return None
            old = self._head
            self._publish(self._sign(old.checkpoint), kept=old, on_disk=old)
            return old.checkpoint

    def recover(self) -> Checkpoint | None:
        """Take the locks, find the newest head and finish what a crash interrupted; None if nothing was ever sealed.

        Costs a read of the last 2,048 rows and their files; a full pass over the log if those files are damaged.

        Raises:
            Conflict: another sealer is at work.
            Unavailable: a store cannot be reached; try again.
            RolledBack: a store holds less than was promised to the world: an older copy was restored.
            HeadsDisagree: heads, or a head and the entries, contradict one another.
        """
        with self._forgetting():
            self._recovered()
        return self.head

    def close(self) -> None:
        """Give up the locks. Everything sealed stays sealed; a later call takes them again."""
        self._growth, self._head = None, None
        self._tree.unlock()
        self._lock.release()

    def forget(self) -> None:
        """Throw away what is in memory, so that the next call recovers from the stores; the locks stay."""
        self._growth, self._head = None, None

    def _recovered(self) -> Growth:
        """Return the tree in memory, read from the stores first if there is none."""
        if self._growth is None:
            self._lock.acquire()
            self._tree.lock()
            on_disk = self._open("the checkpoint in " + self._tree.describe(), self._tree.checkpoint())
            kept = self._open("the rollback guard " + self._guard.describe(), self._guard.read())
            published = self._open("the newest published note", self._notes.newest())
            self._growth = self._recover_head(on_disk, kept, published)
        return self._growth

    def _open(self, where: str, note: bytes | None) -> _Head | None:
        """Return the head of a stored note, its signatures verified.

        Raises:
            HeadsDisagree: the note is damaged, of another log, or not signed by it.
        """
        if note is None:
            return None
        try:
            checkpoint = self._policy.verify_checkpoint(note)
        except Invalid as err:
            raise HeadsDisagree(f"{where} does not verify: {err}; {FSCK}") from err
        if checkpoint.origin != self._origin:
            raise HeadsDisagree(f"{where} is of log {checkpoint.origin!r}, expected {self._origin!r}; {FSCK}")
        return _Head(checkpoint, note)

    def _recover_head(self, on_disk: _Head | None, kept: _Head | None, published: _Head | None) -> Growth:
        """Return the tree of the newest head, whose files and copies are complete when this returns."""
        self._refuse_older_copies(on_disk, kept, published)
        # The guard wins a draw: a heartbeat interrupted behind step 4 left the newer signatures there.
        newest = max((head for head in (kept, on_disk) if head), key=lambda head: head.checkpoint.size, default=None)
        if newest is None:
            return Growth()
        if kept is None:
            self._log(
                f"no rollback guard at {self._guard.describe()}: first start on this machine? It begins at size "
                f"{newest.checkpoint.size}; compare with a witness or a colleague's copy if you did not move the log"
            )
        growth = self._regrow(newest.checkpoint)
        for other in (on_disk, kept, published):
            self._prove(other, newest)
        if kept != newest or on_disk != newest or published != newest:
            self._publish(newest, kept=kept, on_disk=on_disk)
        self._head = newest
        return growth

    def _refuse_older_copies(self, on_disk: _Head | None, kept: _Head | None, published: _Head | None) -> None:
        """Raise RolledBack if a store went back behind what was published or promised."""
        size_on_disk, size_kept, size_published = (
            head.checkpoint.size if head else 0 for head in (on_disk, kept, published)
        )
        if size_on_disk < size_published:
            newer = "restore the newest copy of the tree"
            if size_kept >= size_published:
                newer = f"`cp {self._guard.describe()} {self._tree.describe()}/checkpoint`"
            raise RolledBack(
                f"{self._tree.describe()}/checkpoint is of size {size_on_disk}, but size {size_published} was "
                f"published: an older copy of the tree was restored; {FSCK}, then {newer} and start again"
            )
        promised = max(size_on_disk, size_kept)
        size = self._rows.size()
        if size < promised:
            raise RolledBack(
                f"the database holds {size} entries, but a head of size {promised} was signed: an older backup was "
                f"restored; {RESTORE}, which takes the missing entries from the tree {self._tree.describe()}"
            )

    def _regrow(self, head: Checkpoint) -> Growth:
        """Return the tree of `head`, its newest files verified against the rows and rewritten where they differ.

        Only the last files are read again, unless they do not lead to the head's root: then all are. Nothing is
        written before the rows were found to lead to that root: the files may be the only true copy left.

        Raises:
            HeadsDisagree: the entries do not lead to the head's root.
        """
        base = max(0, head.size - RECOVERY_ROWS) // TILE_WIDTH * TILE_WIDTH
        for start in (base, 0) if base else (0,):
            try:
                edge = self._edge_before(start, head.size)
                trial = Growth(start, edge)
            except (FileNotFoundError, Invalid):
                continue
            wrong = self._replay(trial, head.size, rewrite=False)
            if trial.grower.root() == head.root:
                if not wrong:
                    return trial
                growth = Growth(start, edge)
                self._replay(growth, head.size, rewrite=True)
                self._log(f"recovery rewrote {wrong} files of the tree {self._tree.describe()}")
                return growth
        raise HeadsDisagree(
            f"entries 0..{head.size - 1} of the database do not lead to the root {head.root.hex()} that was signed for "
            f"size {head.size}: an older backup was restored and written to, or entries are damaged; {FSCK}"
        )

    def _edge_before(self, start: int, size: int) -> dict[int, bytes]:
        """Return the partial tiles of size `start` as prefixes of the files that the tree of `size` has."""
        edge = {}
        for tile in edge_tiles(start):
            width = min(TILE_WIDTH, (size >> TILE_HEIGHT * tile.level) - tile.n * TILE_WIDTH)
            try:
                data = self._tree.read(tile_path(tile._replace(width=width)))
            except FileNotFoundError:
                data = self._tree.read(tile_path(tile._replace(width=TILE_WIDTH)))
            edge[tile.level] = data[: tile.width * HASH_BYTES]
        return edge

    def _replay(self, growth: Growth, size: int, *, rewrite: bool) -> int:
        """Grow up to `size` from rows; return how many files are missing or differ, `rewrite` them if told to."""
        found_wrong = 0
        edge = {tile_path(tile) for tile in edge_tiles(size)}
        grown: dict[str, bytes] = {}
        while growth.grower.size < size:
            rows = self._rows.rows(growth.grower.size, min(ROWS_READ_MAX, size - growth.grower.size))
            if not rows:
                raise RolledBack(f"expected {size} entries, the rows end at {growth.grower.size}; {FSCK}")
            # Partial tiles of sizes in between need not exist; one that is final early is not grown again at the end.
            files = growth.add(rows)
            grown.update(file for file in files if file[0] in edge)
            if growth.grower.size < size:
                files = [file for file in files if ".p/" not in file[0]]
            else:
                files = [*(file for file in files if file[0] not in edge), *grown.items()]
            wrong = [file for file in files if not self._stands(*file)]
            found_wrong += len(wrong)
            if rewrite and wrong:
                self._tree.write(wrong)
            growth.grower.mark_written()
        return found_wrong

    def _stands(self, path: str, data: bytes) -> bool:
        try:
            return self._tree.read(path) == data
        except FileNotFoundError:
            return False

    def _sign(self, checkpoint: Checkpoint) -> _Head:
        note = sign_note(checkpoint.encode(), self._signers)
        self._failpoint("seal.signed")
        return _Head(checkpoint, note)

    def _publish(self, head: _Head, *, kept: _Head | None, on_disk: _Head | None) -> None:
        """Do steps 4 and 5 for a signed head; `kept` stands in the guard now, `on_disk` in the tree.

        Raises:
            Conflict: the lock was lost, or another note stands there: a second sealer went on meanwhile.
            HeadsDisagree: `head` does not continue both.
        """
        self._prove(kept, head)
        if on_disk != kept:
            self._prove(on_disk, head)
        self._lock.confirm()
        self._guard.replace(kept.note if kept else None, head.note)
        self._failpoint("seal.guarded")
        self._tree.replace_checkpoint(on_disk.note if on_disk else None, head.note)
        self._failpoint("seal.checkpoint.renamed")
        self._notes.append(head.checkpoint.size, head.note)
        self._failpoint("seal.published")
        self._head = head

    def _prove(self, older: _Head | None, newer: _Head) -> None:
        """Verify by a proof from the files on disk that `newer` continues `older`.

        Raises:
            HeadsDisagree: it does not.
        """
        if older is None or older.checkpoint.size == 0:
            return
        old, new = older.checkpoint, newer.checkpoint
        try:
            path = consistency_proof(old.size, new.size, TileHashReader(new.size, self._tree.read))
            verify_consistency(size1=old.size, root1=old.root, size2=new.size, root2=new.root, path=path)
        except Invalid as err:
            raise HeadsDisagree(
                f"the head of size {new.size} does not continue the head of size {old.size}: {err}; {FSCK}"
            ) from err

    @contextmanager
    def _forgetting(self) -> Iterator[None]:
        """Forget what is in memory when an exception passes: after a failed write nobody knows what stands."""
        try:
            yield
        except Conflict:
            self.close()
            raise
        except BaseException:
            self.forget()
            raise
