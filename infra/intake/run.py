"""One run of `identify` or `declare`: walk, bring everything to the gate, seal, and keep the score."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.errors import LedgerError
from domain.events import Sha256
from domain.identity.digital_object import Status
from domain.ids import PartyId, TitleId, format_id
from domain.rights.events import Root
from domain.rights.title_rules import ClaimRights
from infra.bootstrap import Session
from infra.governance.signing import sign_manifest
from infra.intake.gate import BATCH_FILES_MAX, Bringer, Gate, Taken
from infra.intake.hashing import hash_opened
from infra.intake.manifest import FileLine, discard_unnamed, keep_manifest
from infra.intake.refusal import FileRefused, Reason, Refused, refuse
from infra.intake.walk import Found, walk
from producers.authority import Request
from producers.ports import CommandKey
from producers.registry import REGISTRY


@dataclass(slots=True)
class IdentifyRun:
    """What became of every file of one run, in the order of the walk."""

    prefix: str
    answers: list[Taken] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    ledger_size: int = 0
    sealed_size: int = 0

    @property
    def taken(self) -> int:
        """Return how many files were taken in."""
        return len(self.answers)

    @property
    def duplicates(self) -> int:
        """Return how many files were here before."""
        return sum(item.answer.duplicate for item in self.answers)

    @property
    def counts(self) -> dict[str, int]:
        """Return how many files stand admitted, quarantined and rejected, duplicates included."""
        found = Counter(item.answer.state.status for item in self.answers)
        return {str(s): found[s] for s in (Status.ADMITTED, Status.QUARANTINED, Status.REJECTED)}

    def as_json(self) -> dict[str, Any]:
        """Return the run for `--json`."""
        return {
            "taken": self.taken,
            **self.counts,
            "duplicates": self.duplicates,
            "ledger_size": self.ledger_size,
            "sealed_size": self.sealed_size,
            "objects": [
                {
                    "id": item.object_id,
                    "path": item.display,
                    "status": str(item.answer.state.status),
                    "because": item.answer.state.clause or None,
                    "duplicate": item.answer.duplicate,
                    "kind": item.content.kind,
                    "media_type": item.content.media_type,
                    "size": item.content.size,
                    "sha256": item.content.sha256.hex(),
                    "first_index": item.first,
                    "last_index": item.last,
                }
                for item in self.answers
            ],
            "refused": [{"path": r.display, "reason": str(r.reason), "message": r.message} for r in self.refused],
        }


def bringer_of(
    session: Session,
    actor: PartyId | None = None,
    on_behalf_of: PartyId | None = None,
    project: str | None = None,
) -> Bringer:
    """Return who brings files of this home: the holder if nobody else; its keys sign where they lie in the home."""
    who = actor or session.config.holder_id
    return Bringer(
        session.config.ledger_id,
        session.config.prefix,
        who,
        on_behalf_of,
        project,
        lambda manifest: sign_manifest(session, who, on_behalf_of, manifest),
    )


def identify_paths(
    session: Session,
    paths: Sequence[Path],
    bringer: Bringer,
    on_bytes: Callable[[int], None] | None = None,
    on_answer: Callable[[Taken | Refused], None] | None = None,
) -> IdentifyRun:
    """Bring all files under `paths` to the gate and seal once at the end.

    `on_answer` hears of every file when its outcome is durable in the ledger.

    Raises:
        Rejected: the holder is erased.
        Unavailable: the database or the disk failed; what `on_answer` heard of is in the ledger, the same call later
            takes up the rest.
    """
    run = IdentifyRun(session.config.prefix)
    gate = Gate(session.application, session.blobs, session.vault, bringer)
    for item in gate.identify(walk(paths, exclude=[session.home.path]), on_bytes):
        if isinstance(item, Taken):
            run.answers.append(item)
        else:
            run.refused.append(item)
        if on_answer is not None:
            on_answer(item)
    run.ledger_size = session.store.size()
    run.sealed_size = session.seal()
    return run


@dataclass(frozen=True, slots=True)
class DeclaredTitle:
    """One work and the title that stands for it."""

    title: str
    display: str
    sha256: bytes
    new: bool


@dataclass(slots=True)
class DeclareRun:
    """What became of every work of one declaration."""

    titles: list[DeclaredTitle] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    sealed_size: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the run for `--json`."""
        return {
            "sealed_size": self.sealed_size,
            "titles": [{"id": t.title, "path": t.display, "sha256": t.sha256.hex(), "new": t.new} for t in self.titles],
            "refused": [{"path": r.display, "reason": str(r.reason), "message": r.message} for r in self.refused],
        }


def declare_own_creation(session: Session, paths: Sequence[Path], bringer: Bringer) -> DeclareRun:
    """Claim every file under `paths` as the bringer's own creation: one title each, one signed statement per batch.

    Raises:
        Rejected: the holder is erased.
        Unavailable: the database or the disk failed.
    """
    run = DeclareRun()
    batch: list[tuple[Found, bytes]] = []
    for item in walk(paths, exclude=[session.home.path]):
        if isinstance(item, Refused):
            run.refused.append(item)
            continue
        try:
            with item.open() as opened:
                batch.append((item, hash_opened(opened)))
        except FileRefused as refused:
            run.refused.append(refused.refused)
        if len(batch) >= BATCH_FILES_MAX:
            _claim(session, bringer, run, batch)
            batch = []
    if batch:
        _claim(session, bringer, run, batch)
    run.sealed_size = session.seal()
    return run


def _claim(session: Session, bringer: Bringer, run: DeclareRun, batch: Sequence[tuple[Found, bytes]]) -> None:
    lines = [FileLine(found.path, sha256, found.size) for found, sha256 in batch]
    statement = keep_manifest(session.vault, bringer.who, "own creation", lines)
    attestation = bringer.sign(statement)
    tasks = []
    for _, sha256 in batch:
        command = ClaimRights(work=Sha256(sha256), root=Root.OWN_CREATION, statement=statement)
        key = CommandKey(bringer.actor, session.application.new_id())
        request = Request(key, bringer.actor, command, bringer.on_behalf_of, attestation)
        tasks.append(REGISTRY.task(request, bringer.ledger))
    outcomes = session.application.execute_all(tasks)
    discard_unnamed(session.vault, statement, outcomes)
    for (found, sha256), outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome.error, LedgerError):
            run.refused.append(refuse(found.path, Reason.REFUSED, str(outcome.error)))
            continue
        title = format_id("G", TitleId(outcome.result()), session.config.prefix)
        run.titles.append(DeclaredTitle(title, found.display, sha256, new=outcome.last >= outcome.first))
