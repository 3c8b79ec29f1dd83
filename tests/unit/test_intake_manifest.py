"""Names and sidecars of a batch in the vault: found by content, unguessable, gone with their holder."""

import hashlib
import json
from uuid import UUID

import pytest
import rfc8785

from domain.errors import Conflict, Invalid, LedgerError, NotFound, Rejected, Unavailable
from domain.events import Sha256
from infra.intake.manifest import FORMAT, FileLine, discard_unnamed, find_line, keep_manifest
from infra.vault.memory import MemoryVault
from producers.commands import Outcome

ANNA, BEN = (UUID(f"01937e3f-2b5c-7d4a-9c3e-0000000000{n:02}") for n in (1, 2))
STILL, SHEET = (hashlib.sha256(data).digest() for data in (b"still", b"sheet"))
LINES = (
    FileLine("/film/林晚照/still.png", STILL, 5, {"title": "夜里的河"}),
    FileLine("/film/odd\udcff\n.txt", SHEET, 1 << 60),
)


@pytest.fixture
def vault() -> MemoryVault:
    return MemoryVault()


def test_a_line_is_found_by_the_bytes_of_its_file(vault: MemoryVault) -> None:
    manifest = keep_manifest(vault, ANNA, "intake", LINES)
    assert find_line(vault, manifest, STILL) == {
        "path": "/film/林晚照/still.png",
        "sha256": STILL.hex(),
        "size": "5",
        "sidecar": {"title": "夜里的河"},
    }
    odd = find_line(vault, manifest, SHEET)
    assert odd is not None and odd["path"] == "/film/odd\\xff\\n.txt" and odd["size"] == str(1 << 60)
    assert find_line(vault, manifest, hashlib.sha256(b"another").digest()) is None


def test_its_digest_is_that_of_its_bytes_and_says_nothing_of_them(vault: MemoryVault) -> None:
    first, second = (keep_manifest(vault, ANNA, "own creation", LINES) for _ in range(2))
    assert first != second, "the same names twice cannot be told from others"
    document = json.loads(vault.document(first))
    assert rfc8785.dumps(document) == vault.document(first)
    assert (document["format"], document["declares"], len(document["salt"])) == (FORMAT, "own creation", 64)


def test_an_erased_holder_has_no_names_and_gives_no_more(vault: MemoryVault) -> None:
    mine, other = (keep_manifest(vault, holder, "intake", LINES) for holder in (ANNA, BEN))
    vault.begin_erasure(ANNA)
    vault.destroy(ANNA)
    assert find_line(vault, mine, STILL) is None
    assert find_line(vault, other, STILL) is not None
    with pytest.raises(Rejected, match="erased"):
        keep_manifest(vault, ANNA, "intake", LINES)


@pytest.mark.parametrize("document", [b"[]", b"{}", b'{"format":"edgeprint/manifest/2"}'])
def test_what_is_no_manifest_is_not_taken_for_one(vault: MemoryVault, document: bytes) -> None:
    with pytest.raises(Invalid, match=f"expected a manifest of format {FORMAT}"):
        find_line(vault, vault.keep_document(ANNA, document), STILL)


WROTE, NOTHING = Outcome(3, 5, "x"), Outcome(3, 2, "x")


def failed(error: LedgerError) -> Outcome[str]:
    return Outcome(error=error)


@pytest.mark.parametrize(
    ("outcomes", "stays"),
    [
        ([WROTE], True),
        ([failed(Rejected("no")), WROTE, NOTHING], True),
        ([failed(Rejected("no")), failed(Conflict("no"))], False),
        ([NOTHING, failed(Invalid("no"))], False),
        ([NOTHING], False),
        ([failed(Unavailable("who knows"))], True),
        ([Outcome(3, 5, repeated=True)], True),
    ],
)
def test_what_no_event_names_is_taken_out_again(vault: MemoryVault, outcomes: list[Outcome[str]], stays: bool) -> None:
    manifest = keep_manifest(vault, ANNA, "intake", LINES)
    discard_unnamed(vault, manifest, outcomes)
    if stays:
        assert find_line(vault, manifest, STILL) is not None
    else:
        with pytest.raises(NotFound):
            vault.document(Sha256(manifest))
