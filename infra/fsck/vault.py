"""The vault against the log: what a commitment or a digest stands for is here and opens it, or its subject was erased.

    values      each commitment in an event is opened by the salt and value that the vault has for it
    documents   each intake manifest and statement that an event names decrypts to that digest
    erased      nothing is left of a subject once the log says that its erasure has ended

What no event names (a crash between vault and ledger left it, or its event is being appended now) is counted, not
judged: its subject's erasure destroys it too.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from uuid import UUID

from domain.commitment import verify_opening
from domain.errors import Invalid, NotFound, Unavailable
from domain.events import Envelope, Event, Sha256
from domain.governance.events import ErasureCompleted, SubjectErased
from domain.identity.events import DuplicateSubmissionDetected, ObjectIdentified
from domain.rights.events import RightsClaimed
from domain.rights.settlement_events import SettlementContinued, SettlementMade
from domain.rights.valuation import ValuationIssued
from producers.registry import REGISTRY
from producers.secrets import places
from producers.vault import Opening, Vault
from schemas.catalogue import CATALOGUE
from schemas.codec import Decoded

MISSING_MAX: Final = 100
"""Findings of what is missing that are kept for one subject, or one object."""


def _committed() -> dict[type[Event], tuple[str, ...]]:
    """Return the places of each event that hold commitments, as the registry says."""
    found: dict[type[Event], tuple[str, ...]] = {}
    for spec in REGISTRY:
        for event in spec.events if spec.secrets else ():
            names = {field.name for field in CATALOGUE.by_type[event.TYPE].record.fields}
            found[event] = tuple(one for one in spec.secrets if one.partition(".")[0] in names)
    return found


COMMITTED: Final = _committed()


class VaultCheck:
    """Is shown every event in index order by `see`, then `finish`. About 100 bytes of memory a document named."""

    PART: Final = "vault"

    def __init__(self, vault: Vault, holder_of: Callable[[UUID], UUID], is_blob: Callable[[Sha256], bool]) -> None:
        """Prepare; `holder_of` gives the holder of an object by its stream.

        `is_blob` says what lies in the blob store: a statement that a party wrote itself may be a document there.
        """
        self.damages: list[str] = []
        self.unknown: list[str] = []
        self._vault = vault
        self._holder_of = holder_of
        self._is_blob = is_blob
        self._documents: set[bytes] = set()
        self._missing: dict[UUID, list[str]] = {}
        self._missing_of_object: dict[UUID, list[str]] = {}
        self._erased: set[UUID] = set()
        self._destroyed: dict[UUID, int] = {}
        self._values = 0
        self._found = 0
        self._unnamed = 0

    @property
    def summary(self) -> str:
        """Return what was checked."""
        found = f"{self._found - self._values} documents and {self._values} values open what the ledger names"
        return f"{found}, {self._unnamed} are named by nothing"

    def see(self, index: int, decoded: Decoded) -> None:
        """Check what the vault has for one event."""
        event, envelope = decoded.event, decoded.envelope
        if isinstance(event, SubjectErased):
            self._erased.add(envelope.stream_id)
        if isinstance(event, ErasureCompleted):
            self._destroyed[envelope.stream_id] = index
        if self.unknown:
            return
        try:
            self._values_of(index, envelope, event)
            match event:
                case ObjectIdentified(submission=sha256, holder=holder):
                    self._document(index, "intake manifest", sha256, self._missing, holder)
                case DuplicateSubmissionDetected(submission=sha256):
                    self._document(index, "intake manifest", sha256, self._missing_of_object, envelope.stream_id)
                case RightsClaimed(statement=sha256, holder=holder) if not self._is_blob(sha256):
                    self._document(index, "statement", sha256, self._missing, holder)
                case SettlementMade(statement=sha256):
                    self._document(index, "settlement statement", sha256, self._missing, _whom(envelope))
                case _:
                    pass
        except Unavailable as err:
            self.unknown.append(str(err))

    def finish(self) -> None:
        """Judge what is missing, now that it is known who was erased, and what is left of them."""
        for stream, said in self._missing_of_object.items():
            self._missing.setdefault(self._holder_of(stream), []).extend(said)
        for subject, said in self._missing.items():
            if subject not in self._erased:
                self.damages += [f"{line} is not here, and party {subject} was not erased" for line in said]
        if self.unknown:
            return
        try:
            for subject, index in self._destroyed.items():
                left = self._vault.held(subject)
                if left:
                    self.damages.append(f"{left} values of party {subject} are here, erased by the entry at {index}")
            self._unnamed = max(0, self._vault.held() - self._found)
        except Unavailable as err:
            self.unknown.append(str(err))

    def _values_of(self, index: int, envelope: Envelope, event: Event) -> None:
        found = [
            (path, commitment, *event.committed_as(envelope.event_id, path))
            for path, commitment in places(COMMITTED.get(type(event), ()), event)
        ]
        if not found:
            return
        openings = self._openings(found[0][2], [place for *_, place in found])  # of one event, all of them
        for path, commitment, event_id, place in found:
            what = f"the value of {path} of the entry at {index}"
            opening = openings.get(place)
            if opening is None:
                if isinstance(event, ValuationIssued):  # what an object is worth is its holder's secret
                    _note(self._missing_of_object, event.object, what)
                else:
                    _note(self._missing, self._subject(envelope, event, path), what)
                continue
            try:
                if isinstance(opening, Invalid):
                    raise opening
                verify_opening(commitment, event_id, place, opening.salt, opening.value)
            except Invalid as err:
                self.damages.append(f"{what}: {err}")
            self._values += 1
            self._found += 1

    def _openings(self, event_id: UUID, paths: Sequence[str]) -> Mapping[str, Opening | Invalid]:
        """Return what the vault has for commitments of one event; where a row is damaged, why, and the others."""
        try:
            return self._vault.openings(event_id, paths)
        except Invalid:
            found: dict[str, Opening | Invalid] = {}
        for path in paths:
            try:
                found[path] = self._vault.open(event_id, path)
            except NotFound:
                continue
            except Invalid as err:
                found[path] = err
        return found

    def _subject(self, envelope: Envelope, event: Event, path: str) -> UUID:
        """Return under whose key a value lies: a settlement's line under its party's, as long as that was not erased.

        Payees are guarded by the decision, so that who was erased before it in the log was erased for it.
        """
        if isinstance(event, SettlementMade | SettlementContinued) and path.startswith("lines."):
            party = event.lines[int(path.split(".")[1])].party
            return _whom(envelope) if party in self._erased else party
        return envelope.stream_id if event.STREAM == "P" else _whom(envelope)

    def _document(self, index: int, what: str, sha256: Sha256 | None, missing: dict[UUID, list[str]], of: UUID) -> None:
        if sha256 is None or sha256 in self._documents:
            return
        self._documents.add(sha256)
        what = f"{what} {sha256.hex()}, first named by the entry at {index},"
        try:
            self._vault.document(sha256)
        except NotFound:
            _note(missing, of, what)
            return
        except Invalid as err:
            self.damages.append(f"{what} {err}")
        self._found += 1


def _whom(envelope: Envelope) -> UUID:
    """Return for whom an event was recorded."""
    return envelope.on_behalf_of or envelope.actor


def _note(missing: dict[UUID, list[str]], key: UUID, said: str) -> None:
    lines = missing.setdefault(key, [])
    if len(lines) < MISSING_MAX:
        lines.append(said)
