"""The gate: from paths on disk to judged objects in the ledger, batch by batch, in the order of the walk.

    walk -> open, hash, store (durable at the batch's end) -> intake manifest -> one command per file -> answers

While one batch is being decided and appended, the next one is read. A batch ends at BATCH_FILES_MAX files or
BATCH_BYTES_MAX bytes, so that acknowledgements never lag far behind a large file. What is refused (a FIFO, a broken
sidecar, a vanished file) is answered beside the others and stops nothing.

The intake manifest (`infra.intake.manifest`) lies in the vault: a random salt, the names and the sidecars of one batch.
Events carry its SHA-256 alone, so names never enter the ledger and are erased with the holder's key. Who brings files
signs the manifest, which names each by its digest beside all that is declared of it: one signature for one batch.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from domain.errors import Invalid, LedgerError
from domain.events import Sha256
from domain.governance.signing import Attestation
from domain.identity.digital_object import Evidence, SubmitObject
from domain.identity.events import Content
from domain.ids import LedgerId, PartyId, format_id
from domain.rights.events import Root, title_key
from infra.blobs.copying import Content as StoredContent
from infra.blobs.store import BlobStore
from infra.intake.declaration import Declaration, declaration_of, undeclared
from infra.intake.manifest import FileLine, discard_unnamed, keep_manifest
from infra.intake.refusal import FileRefused, Reason, Refused, refuse
from infra.intake.seeing import see
from infra.intake.walk import Found
from producers.application import LedgerApplication
from producers.authority import Request
from producers.commands import Outcome, Task
from producers.identity import Submitted
from producers.ports import CommandKey
from producers.registry import REGISTRY
from producers.vault import Vault

BATCH_FILES_MAX: Final = 512
BATCH_BYTES_MAX: Final = 256 << 20


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was taken in: where it stands now. `first`..`last` are the ledger indexes of this submission."""

    display: str
    object_id: str
    content: StoredContent
    answer: Submitted
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class _Read:
    """A file of the batch whose bytes are stored."""

    found: Found
    content: StoredContent
    declaration: Declaration | None


@dataclass(frozen=True, slots=True)
class Bringer:
    """Who brings files to which ledger, for whom if not for itself, and how it signs a manifest (None: it does not).

    `project` is the code of the production that files belong to whose sidecar names none.
    """

    ledger: LedgerId
    prefix: str
    actor: PartyId
    on_behalf_of: PartyId | None
    project: str | None
    sign: Callable[[Sha256], Attestation | None]

    @property
    def who(self) -> PartyId:
        """Return whose objects they will be."""
        return self.on_behalf_of or self.actor


class Gate:
    """Brings files to the ledger for one party. Use `identify` once per run; not for several threads."""

    def __init__(self, application: LedgerApplication, blobs: BlobStore, vault: Vault, bringer: Bringer) -> None:
        self._application = application
        self._blobs = blobs
        self._vault = vault
        self._bringer = bringer

    def identify(
        self, walked: Iterable[Found | Refused], on_bytes: Callable[[int], None] | None = None
    ) -> Iterator[Taken | Refused]:
        """Yield one answer for each path walked, in order; each is durable in the ledger when it is yielded.

        Raises:
            Rejected: the holder is erased, or about to be: no names are kept of them any more.
            Unavailable: the database or the blob store failed; what was yielded is in the ledger, the rest is not
                acknowledged, and the same call later takes it up.
        """
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="edgeprint-gate") as pool:
            waiting: Future[list[Taken | Refused]] | None = None
            for batch in _batches(walked):
                read = self._read(batch, on_bytes)
                if waiting is not None:
                    yield from waiting.result()
                waiting = pool.submit(self._submit, read)
            if waiting is not None:
                yield from waiting.result()

    def _read(self, batch: Sequence[Found | Refused], on_bytes: Callable[[int], None] | None) -> list[_Read | Refused]:
        """Store the bytes of a batch; when this returns they are durable."""
        read: list[_Read | Refused] = []
        with self._blobs.batch() as blobs:
            for item in batch:
                if isinstance(item, Refused):
                    read.append(item)
                    continue
                try:
                    declaration = declaration_of(item)
                    with item.open() as opened:
                        content = blobs.ingest(opened, on_bytes)
                    read.append(_Read(item, content, declaration))
                except FileRefused as refused:
                    read.append(refused.refused)
                except Invalid as err:
                    read.append(refuse(item.path, Reason.SIDECAR, str(err)))
        return read

    def _submit(self, batch: Sequence[_Read | Refused]) -> list[Taken | Refused]:
        files = [item for item in batch if isinstance(item, _Read)]
        if not files:
            return [item for item in batch if isinstance(item, Refused)]
        lines = [
            FileLine(
                item.found.path, item.content.sha256, item.content.size, item.declaration and item.declaration.document
            )
            for item in files
        ]
        submission = keep_manifest(self._vault, self._bringer.who, "intake", lines)
        attestation = self._bringer.sign(submission)
        titles = self._titles([item for item in files if item.declaration is None])
        tasks = [self._task(item, submission, attestation, titles) for item in files]
        done = self._application.execute_all(tasks)
        discard_unnamed(self._vault, submission, done)
        outcomes = iter(done)
        return [item if isinstance(item, Refused) else self._answer(item, next(outcomes)) for item in batch]

    def _titles(self, files: Sequence[_Read]) -> frozenset[bytes]:
        """Return the digests among `files` on which the holder claims a title: undeclared files of his own making."""
        works = {title_key(self._bringer.who, item.content.sha256): item.content.sha256 for item in files}
        return frozenset(works[key] for key in self._application.store.key_holders(list(works)))

    def _task(
        self, item: _Read, submission: Sha256, attestation: Attestation | None, titles: frozenset[bytes]
    ) -> Task[Submitted]:
        content, bringer = item.content, self._bringer
        declaration = item.declaration or undeclared(content.kind, own=content.sha256 in titles)
        declared = declaration.declared
        command = SubmitObject(
            sha256=content.sha256,
            asset_class=declaration.asset_class,
            origin=declaration.origin,
            intake_source=declaration.intake_source,
            parents=declaration.parents,
            root=None if declared.root is Root.UNSPECIFIED else declared.root,
            evidence=tuple(Evidence(element=element, sha256=found) for element, found in declared.evidence.items()),
            declared_sha256=declaration.sha256,
            submission=submission,
            project=declaration.project or bringer.project,
        )
        found = Content(
            sha256=content.sha256, sm3=Sha256(content.sm3), size=content.size, media_type=content.media_type
        )
        seen = see(self._blobs.path(content.sha256), found, str(content.kind))
        key = CommandKey(bringer.actor, self._application.new_id())
        request = Request(key, bringer.actor, command, bringer.on_behalf_of, attestation, seen)
        return REGISTRY.task(request, bringer.ledger)

    def _answer(self, item: _Read, outcome: Outcome[Any]) -> Taken | Refused:
        if isinstance(outcome.error, LedgerError):
            return refuse(item.found.path, Reason.REFUSED, str(outcome.error))
        answer: Submitted = outcome.result()
        name = format_id("O", answer.object_id, self._bringer.prefix)
        return Taken(item.found.display, name, item.content, answer, outcome.first, outcome.last)


def _batches(walked: Iterable[Found | Refused]) -> Iterator[list[Found | Refused]]:
    batch: list[Found | Refused] = []
    size = 0
    for item in walked:
        batch.append(item)
        size += item.size if isinstance(item, Found) else 0
        if len(batch) >= BATCH_FILES_MAX or size >= BATCH_BYTES_MAX:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
