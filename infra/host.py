"""The bytes of this home as a command sees them: each look hashes them again."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from typing import Any, Final, TypeVar
from uuid import UUID

from domain.capability.events import Finding
from domain.capability.manifest import Manifest
from domain.errors import Invalid, NotFound
from domain.events import Sha256
from domain.identity.digital_object import Seen
from domain.identity.events import Content, FingerprintScheme, Measure
from domain.identity.media import HEAD_BYTES, KINDS, TAIL_BYTES, recognise
from domain.ids import LicenceId, ObjectId
from domain.rights.licence_events import LicenceRequested
from domain.rights.limits import Derivation
from infra.blobs.digests import CHUNK_BYTES, StreamDigest
from infra.blobs.store import BlobStore
from infra.blobs.tensors import tensors_digest
from infra.intake.seeing import see
from infra.rights.desk import Desk
from producers.capability import BOM_BYTES_MAX
from producers.commands import Aggregate, Loaded
from producers.host import Report
from producers.vault import Vault

S = TypeVar("S")
SAFETENSORS: Final = "application/x-safetensors"


@dataclass(frozen=True, slots=True)
class BlobHost:
    """A `producers.host.Host` over a blob store; `load` reads a stream as it stands, or as it stood at a decision."""

    blobs: BlobStore
    load: Callable[[UUID, Aggregate[Any]], Loaded[Any]]
    vault: Vault
    desk: Desk

    @property
    def prefix(self) -> str:
        """Return the prefix of this ledger's identifiers."""
        return self.desk.prefix

    def content(self, sha256: Sha256) -> Content | None:
        """Return what the bytes of a digest are. Raises: Invalid (damaged), Unavailable."""
        path = self.blobs.path(sha256)
        if not path.exists():
            return None
        digest = StreamDigest()
        try:
            with self.blobs.disk("read", path), path.open("rb", buffering=0) as file:
                head = os.pread(file.fileno(), HEAD_BYTES, 0)
                size = 0
                while got := file.readinto(digest.next_buffer()):
                    digest.update(got)
                    size += got
                tail = os.pread(file.fileno(), TAIL_BYTES, max(0, size - TAIL_BYTES))
            found, sm3 = digest.finish()
        finally:
            digest.close()
        if found != sha256:
            raise Invalid(f"blob {path}: expected sha256 {sha256.hex()}, found {found.hex()}")
        media = recognise(head, size=size, tail=tail, name="")
        return Content(sha256=sha256, sm3=Sha256(sm3), size=size, media_type=media.media_type)

    def look(self, sha256: Sha256) -> Seen | None:
        """Return what the bytes of a digest are at the gate. Raises: Invalid (damaged), Unavailable."""
        content = self.content(sha256)
        return None if content is None else see(self.blobs.path(sha256), content, str(KINDS[content.media_type]))

    def technical(self, content: Content) -> tuple[Measure, ...]:
        """Return what the bytes state of themselves. Raises: Invalid (they contradict their format), Unavailable."""
        from infra.probe.probing import probe

        probed = probe(self.blobs.path(content.sha256), content.media_type)
        if probed.fault is not None:
            raise Invalid(probed.fault)
        return probed.measures

    def document(self, sha256: Sha256, bytes_max: int) -> bytes | None:
        """Return a small blob. Raises: Invalid (damaged or over `bytes_max`), Unavailable."""
        try:
            return self.blobs.read_bytes(sha256, bytes_max)
        except NotFound:
            return None

    def fingerprints(self, sha256: Sha256) -> tuple[tuple[FingerprintScheme, str, str], ...]:
        """Return the ISCC-SUM (ISO 24138) of the bytes, and the digest over the tensors of safetensors.

        Raises: NotFound; Invalid (damaged, or no safetensors though it begins so); Unavailable.
        """
        import iscc_lib  # a tenth of a second that only fingerprints need

        head = b""
        data, instance = iscc_lib.DataHasher(), iscc_lib.InstanceHasher()
        with self.blobs.open(sha256) as file:  # damage is noticed at its end
            while part := file.read(CHUNK_BYTES):
                head = head or part[:HEAD_BYTES]
                data.update(part)
                instance.update(part)
        code = iscc_lib.gen_iscc_code_v0([data.finalize().iscc, instance.finalize().iscc]).iscc
        found = [(FingerprintScheme.ISCC_SUM, code, f"iscc-lib@{version('iscc-lib')}")]
        path = self.blobs.path(sha256)
        if recognise(head, size=path.stat().st_size, tail=b"", name="").media_type == SAFETENSORS:
            found.append((FingerprintScheme.TENSORS, tensors_digest(path).hex(), f"edgeprint@{version('edgeprint')}"))
        return tuple(found)

    @property
    def scanner(self) -> str:
        """Return what `scan` searches with, name@version."""
        from infra.capability.scan import SCANNER

        return SCANNER

    def scan(self, manifest: Manifest) -> tuple[Finding, ...] | None:
        """Return what is found in code and weights. Raises: Invalid (damaged), Unavailable."""
        from infra.capability.scan import scan_files

        return scan_files(self.blobs, manifest)

    def files_of_bom(self, sha256: Sha256) -> frozenset[Sha256] | None:
        """Return the files that a bill of materials names. Raises: Invalid, Unavailable."""
        from infra.capability.bom import read_bom

        found = self.document(sha256, BOM_BYTES_MAX)
        return None if found is None else read_bom(found)

    def test(self, manifest: Manifest) -> Report | None:
        """Run the tests of a version through the process contract. Raises: Invalid, Unavailable."""
        from infra.capability.contract import run_tests

        return run_tests(self.blobs, manifest)

    def kept(self, sha256: Sha256) -> bytes | None:
        """Return a document of the vault. Raises: Invalid (damaged), Unavailable."""
        try:
            return self.vault.document(sha256)
        except NotFound:
            return None

    def secret_of(self, event: UUID, path: str) -> UUID | None:
        """Return whose secret a value is. Raises: Unavailable."""
        return self.vault.owner(event, path)

    def state(self, stream_id: UUID, aggregate: Aggregate[S]) -> S:
        """Return a stream's state. Raises: NotFound for a stream of another kind."""
        state: S = self.load(stream_id, aggregate).state
        return state

    def instant(self) -> datetime:
        """Return the time of this machine, UTC."""
        return self.desk.now()

    def derivation(self, objects: Sequence[ObjectId], instant: datetime, currency: str) -> Derivation:
        """Return what objects allow by all that they are made of. Raises: NotFound, Invalid, Unavailable."""
        return self.desk.derive(objects, instant, currency)

    def token(self, licence: LicenceId, objects: Sequence[ObjectId], requested: LicenceRequested) -> Sha256 | None:
        """Make and keep the token of a licence: its signed part, and each disclosure under its own digest."""
        from infra.rights.token import issue_token

        signer = self.desk.signer()
        if signer is None:
            return None
        token = issue_token(
            signer.sign,
            signer.verifier.vkey,
            licence=licence,
            objects=objects,
            requested=requested,
            origin=self.desk.origin,
            size=self.desk.size(),
            prefix=self.desk.prefix,
            now=self.desk.now(),
        )
        signed, *disclosures = token.removesuffix("~").split("~")
        for disclosure in disclosures:
            self.blobs.put_bytes(disclosure.encode())
        return self.blobs.put_bytes(signed.encode())
