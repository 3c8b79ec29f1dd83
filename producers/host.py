"""What a command may learn of bytes before it is decided: the machine that gives the command looks, and says.

Whatever a host says is bound to a digest, so that anybody who has the bytes can look again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVar
from uuid import UUID

from domain.capability.events import Finding
from domain.capability.manifest import Manifest
from domain.events import Sha256
from domain.identity.digital_object import Seen
from domain.identity.events import Content, FingerprintScheme, Measure
from domain.ids import LicenceId, ObjectId
from domain.rights.licence_events import LicenceRequested
from domain.rights.limits import Derivation
from producers.commands import Aggregate

DOCUMENT_BYTES_MAX: Final = 1 << 20
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a version's tests: how many came out as expected, the report's digest, where they ran."""

    passed: int
    failed: int
    sha256: Sha256
    environment: Sha256


class Host(Protocol):
    """The blobs of one machine, and the streams as they stand. Every call may read whole files."""

    def content(self, sha256: Sha256) -> Content | None:
        """Return what the bytes of a digest are, hashed now; None where they are not here.

        Raises: Invalid (damaged), Unavailable.
        """

    def look(self, sha256: Sha256) -> Seen | None:
        """Return what the bytes of a digest are and whether they wait for a human; None where they are not here.

        Raises: Invalid (damaged), Unavailable.
        """

    def technical(self, content: Content) -> tuple[Measure, ...]:
        """Return what bytes that were just hashed state of themselves; nothing where that is not known.

        Raises: Invalid where they contradict their own format, Unavailable.
        """

    def document(self, sha256: Sha256, bytes_max: int) -> bytes | None:
        """Return a small blob, checked against its digest; None where it is not here.

        Raises: Invalid (damaged or over `bytes_max`), Unavailable.
        """

    def fingerprints(self, sha256: Sha256) -> tuple[tuple[FingerprintScheme, str, str], ...]:
        """Return scheme, code and program (name@version) of each fingerprint that the bytes of a digest have.

        Raises: NotFound; Invalid (damaged, or no safetensors though it begins so); Unavailable.
        """

    @property
    def prefix(self) -> str:
        """Return the prefix of this ledger's identifiers, which documents write."""

    @property
    def scanner(self) -> str:
        """Return what `scan` searches with, name@version."""

    def scan(self, manifest: Manifest) -> tuple[Finding, ...] | None:
        """Return what is found in code and weights that runs when they are opened; None where a file is not here.

        Raises: Invalid (damaged), Unavailable.
        """

    def files_of_bom(self, sha256: Sha256) -> frozenset[Sha256] | None:
        """Return the files that a CycloneDX bill of materials names by SHA-256; None where it is not here.

        Raises: Invalid where it is none by CycloneDX's own schema, or damaged.
        """

    def test(self, manifest: Manifest) -> Report | None:
        """Run the tests of a version through the process contract; None where a file is not here.

        Raises: Invalid (damaged), Unavailable.
        """

    def kept(self, sha256: Sha256) -> bytes | None:
        """Return a document of the vault, checked against its digest; None where it was erased, or never here.

        Raises: Invalid (damaged), Unavailable.
        """

    def secret_of(self, event: UUID, path: str) -> UUID | None:
        """Return whose secret is committed to at a path of an event; None where the vault has no such value.

        Raises: Unavailable.
        """

    def state(self, stream_id: UUID, aggregate: Aggregate[S]) -> S:
        """Return a stream's state as it stands; nothing is guarded by that. Raises: NotFound for another kind."""

    def instant(self) -> datetime:
        """Return the time of this machine, UTC."""

    def derivation(self, objects: Sequence[ObjectId], instant: datetime, currency: str) -> Derivation:
        """Return what objects allow at an instant by all that they are made of, as far as this machine has read.

        It is not guarded: whoever decides on it reads `rests_on` and `read` again. What cannot be read is said in
        `missing`. Its plans are in that currency (ISO 4217).

        Raises: Unavailable.
        """

    def token(self, licence: LicenceId, objects: Sequence[ObjectId], requested: LicenceRequested) -> Sha256 | None:
        """Make the token of a licence, keep it, and return the digest of its signed part; None without a key for it.

        The token is worth nothing before the digest stands in a LicenceIssued: that is what a verifier asks for.

        Raises: Unavailable.
        """
