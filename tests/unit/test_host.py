"""What a host says of bytes: hashed again at each look, bound to their digest."""

import hashlib
import pickle
from pathlib import Path

import pytest

from domain.errors import Invalid, NotFound
from domain.events import Sha256
from domain.identity.digital_object import Status
from domain.identity.events import FingerprintScheme
from infra.blobs.store import BlobStore
from infra.host import BlobHost
from infra.intake.hazards import PICKLED
from infra.vault.memory import MemoryVault
from producers.authority import PARTY
from producers.identity import OBJECT
from tests.governance_kit import Town
from tests.probe_kit import png

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00\x00\x00\rIHDR" + bytes(40)
ABSENT = Sha256(b"a" * 32)


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path)


@pytest.fixture
def host(blobs: BlobStore) -> BlobHost:
    return BlobHost(blobs, (town := Town()).load, MemoryVault(), town.desk())


def spoil(blobs: BlobStore, sha256: Sha256) -> None:
    path = blobs.path(sha256)
    path.chmod(0o600)
    path.write_bytes(b"something else")


@pytest.mark.parametrize("data", [b"x", PNG, b"y" * 3_000_001], ids=["byte", "picture", "several chunks"])
def test_content_is_all_digests_of_the_bytes(blobs: BlobStore, host: BlobHost, data: bytes) -> None:
    content = host.content(blobs.put_bytes(data))
    assert content is not None
    assert (content.sha256, content.size) == (hashlib.sha256(data).digest(), len(data))
    assert content.sm3 == hashlib.new("sm3", data).digest()
    assert (content.media_type == "image/png") == (data is PNG)


def test_what_is_not_here_is_none_and_what_is_damaged_is_said(blobs: BlobStore, host: BlobHost) -> None:
    assert host.content(ABSENT) is None
    assert host.document(ABSENT, 100) is None
    assert host.files_of_bom(ABSENT) is None
    with pytest.raises(NotFound):
        host.fingerprints(ABSENT)
    there = blobs.put_bytes(b"bytes")
    assert host.document(there, 5) == b"bytes"
    with pytest.raises(Invalid, match="at most 4 bytes"):
        host.document(there, 4)
    spoil(blobs, there)
    for look in (host.content, host.fingerprints, lambda digest: host.document(digest, 100)):
        with pytest.raises(Invalid, match="expected sha256"):
            look(there)


def test_a_fingerprint_is_the_iscc_of_its_standard(blobs: BlobStore, host: BlobHost) -> None:
    """ISO 24138, ISCC-SUM: 64 bits of data code and 64 of instance code; similar bytes have similar data codes."""
    ((scheme, code, program),) = host.fingerprints(blobs.put_bytes(b"hello world"))
    assert scheme is FingerprintScheme.ISCC_SUM
    assert code == "ISCC:KUAP5Q74YXNZC4EK25EYD35HBIGIQ" and program.startswith("iscc-lib@")
    assert host.fingerprints(blobs.put_bytes(b"hello world!"))[0][1] != code


def test_weights_have_the_digest_of_their_tensors_too(blobs: BlobStore, host: BlobHost) -> None:
    weights = (Path(__file__).parents[2] / "examples/film/classes/night-river.safetensors").read_bytes()
    _, (scheme, code, program) = host.fingerprints(blobs.put_bytes(weights))
    assert (scheme, len(code)) == (FingerprintScheme.TENSORS, 64) and program.startswith("edgeprint@")
    with pytest.raises(Invalid, match="safetensors: expected 128 bytes of tensors, found 127"):
        host.fingerprints(blobs.put_bytes(weights[:-1]))


def test_a_state_is_that_of_the_stream(blobs: BlobStore) -> None:
    town = Town()
    host = BlobHost(blobs, town.load, town.vault, town.desk())
    brought = town.bring(b"a picture")
    assert host.state(brought, OBJECT).status is Status.QUARANTINED
    assert not host.state(town.new_id(), OBJECT).birth
    with pytest.raises(NotFound, match="expected a stream of Party"):
        host.state(brought, PARTY)


def test_what_the_gate_sees_is_kind_facts_and_what_waits(blobs: BlobStore, host: BlobHost) -> None:
    """The same for a file that a person brings and for bytes that an application stored before."""
    whole = host.look(blobs.put_bytes(png(640, 360)))
    assert whole is not None and (whole.kind, whole.hold) == ("image", None)
    assert {str(one.quantity): one.value for one in whole.technical}["height_px"] == 360
    broken = host.look(blobs.put_bytes(PNG))
    assert broken is not None and broken.technical == () and "image/png: expected" in str(broken.hold)
    pickled = host.look(blobs.put_bytes(pickle.dumps({"a": 1})))
    assert pickled is not None and pickled.hold == PICKLED
    assert host.look(ABSENT) is None
    damaged = blobs.put_bytes(png(64, 36))
    spoil(blobs, damaged)
    with pytest.raises(Invalid, match="expected sha256"):
        host.look(damaged)
