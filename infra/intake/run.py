"""One run of `identify` or `declare`: walk, bring everything to the gate, seal, and keep the score."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.errors import LedgerError
from domain.events import Sha256
from domain.identity.digital_object import Status
from domain.ids import format_id
from domain.rights.events import Root
from infra.bootstrap import Session
from infra.intake.gate import BATCH_FILES_MAX, Gate, Taken
from infra.intake.hashing import hash_opened
from infra.intake.manifest import FileLine, put_manifest
from infra.intake.refusal import FileRefused, Reason, Refused, refuse
from infra.intake.walk import Found, walk
from producers.identity import POLICY_IN_FORCE
from producers.rights import Claimed, claim_rights


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


def identify_paths(
    session: Session,
    paths: Sequence[Path],
    on_bytes: Callable[[int], None] | None = None,
    on_answer: Callable[[Taken | Refused], None] | None = None,
) -> IdentifyRun:
    """Bring all files under `paths` to the gate and seal once at the end.

    `on_answer` hears of every file when its outcome is durable in the ledger.

    Raises:
        Unavailable: the database or the disk failed; what `on_answer` heard of is in the ledger, the same call later
            takes up the rest.
    """
    run = IdentifyRun(session.config.prefix)
    gate = Gate(
        session.application, session.blobs, session.holder, session.config.holder_id, POLICY_IN_FORCE, run.prefix
    )
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


def declare_own_creation(session: Session, paths: Sequence[Path]) -> DeclareRun:
    """Claim every file under `paths` as the holder's own creation: one title each, one salted statement per batch.

    Raises:
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
            _claim(session, run, batch)
            batch = []
    if batch:
        _claim(session, run, batch)
    run.sealed_size = session.seal()
    return run


def _claim(session: Session, run: DeclareRun, batch: Sequence[tuple[Found, bytes]]) -> None:
    lines = [FileLine(found.path, sha256, found.size) for found, sha256 in batch]
    statement = put_manifest(session.blobs, "own creation", lines)
    holder = session.config.holder_id
    outcomes = session.application.execute_all(
        [
            claim_rights(
                session.new_command(session.holder), session.holder, holder, Sha256(w), Root.OWN_CREATION, statement
            )
            for _, w in batch
        ]
    )
    for (found, sha256), outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome.error, LedgerError):
            run.refused.append(refuse(found.path, Reason.REFUSED, str(outcome.error)))
            continue
        claimed: Claimed = outcome.result()
        title = format_id("G", claimed.title, session.config.prefix)
        run.titles.append(DeclaredTitle(title, found.display, sha256, claimed.new))
