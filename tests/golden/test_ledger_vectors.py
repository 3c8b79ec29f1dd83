"""Every vector of the byte formats, sections 3 and 4, byte for byte, and the golden files beside this test.

The numbers here are written out, not computed by the code under test: they come from RFC 6962's test data, C2SP, and
from independent programs.
"""

from base64 import b64decode
from hashlib import sha256
from inspect import getdoc

import pytest
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

import domain.ledger.note
import domain.ledger.policy
import domain.ledger.proof
from domain.ledger.checkpoint import Checkpoint, parse_checkpoint
from domain.ledger.errors import Invalid
from domain.ledger.merkle import (
    EMPTY_ROOT,
    CompactRange,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    leaf_hashes,
    node_hash,
    root_from,
    verify_inclusion,
)
from domain.ledger.note import open_note, parse_vkey, sign_note
from domain.ledger.policy import parse_policy
from domain.ledger.proof import parse_proof, verify_proof
from domain.ledger.tiles import TileGrower, TileHashReader, encode_bundle, parse_bundle, tile_path
from tests.golden.ledger.make_golden import COURT, FOLDER, HEDGED, LEAVES, LOG, LOG_PQ, TIMESTAMP, checkpoint, golden

ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
PATH_5_8 = (
    "vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=",
    "yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA=",
    "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=",
)
NOTE_VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
""".encode()
WHOLE_FILE = """c2sp.org/tlog-proof@v1
index 5
vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=
yoVOoSjtBQtBs1/8G4e46yveRh6eO1WW7Oa51ZdaCuA=
037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc=

film-ledger.example/cn-east
8
XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=

— film-ledger.example/cn-east xTKRMYCHUqFgQA9xfJCuPu9ZtIxaG3jI/DKGlg5adHFRPKMM1h/Wb4vykQEGklzMT6Tv8kOQ51epcSlbNsJd4Kflvg0=
— witness.example/court 6dB9egAAAABndIWAHbRDmzDzCESrYz5Dhebm4c+ZOkKJLceigUAt8Kkb+TsS0LlyK/gcQRXH0kPtWgGLJVCLnA16KtBpWPZEZIcvDA==
""".encode()  # noqa: E501 - a vector is one line
POLICY = b"""log     film-ledger.example/cn-east+c5329131+AYQYRrArDsJHJ6+Vnqi+ONJWOTde7+1y+zjeM9Cwcn6g
witness court witness.example/court+e9d07d7a+BFl8b9ONWQiHfGO9Z+/w0Cu1mD1Fv1ydqXsdMu8fpMpv
quorum court
"""


def eight_leaf_reader() -> TileHashReader:
    return TileHashReader(8, {"tile/0/000.p/8": (FOLDER / "tile.p8").read_bytes()}.__getitem__)


def million_entries() -> list[bytes]:
    return [b"%012d" % index + b"x" * 288 for index in range(1_000_000)]


@pytest.mark.parametrize("size", range(9))
def test_roots_of_the_eight_leaf_tree(size: int) -> None:
    compact = CompactRange()
    compact.extend(leaf_hashes(LEAVES[:size]))
    assert compact.root().hex() == ROOTS[size]
    assert root_from(size, eight_leaf_reader()).hex() == ROOTS[size]


def test_empty_leaf_and_node_hashes() -> None:
    assert EMPTY_ROOT.hex() == ROOTS[0]
    assert leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    assert node_hash(b"N123", b"N456").hex() == "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"


def test_inclusion_path_of_leaf_5_in_size_8() -> None:
    assert inclusion_proof(5, 8, eight_leaf_reader()) == tuple(b64decode(line) for line in PATH_5_8)


@pytest.mark.parametrize(
    ("size1", "starts"),
    [(3, "0298d122 07506a85 fac54203 6b47aaf2"), (6, "0ebc5d34 ca854ea1 d37ee418"), (4, "6b47aaf2"), (8, "")],
)
def test_consistency_paths_to_size_8(size1: int, starts: str) -> None:
    path = consistency_proof(size1, 8, eight_leaf_reader())
    assert [sibling.hex()[:8] for sibling in path] == starts.split()


def test_root_of_a_million_leaves_and_a_proof_from_its_tiles() -> None:
    leaves = leaf_hashes(million_entries())
    grower = TileGrower()
    grower.extend(leaves)
    assert grower.root().hex() == "3d5eb981428238360176139ae575bc86b9aa104364d8c33f555fd40f8556b454"
    files = {tile_path(tile): data for tile, data in grower.tiles()}
    assert len(files) == 3906 + 1 + 15 + 1 + 1
    reader = TileHashReader(1_000_000, files.__getitem__)
    assert root_from(1_000_000, reader) == grower.root()
    path = inclusion_proof(777_777, 1_000_000, reader)
    verify_inclusion(index=777_777, size=1_000_000, leaf=leaves[777_777], path=path, root=grower.root())


def test_signed_note_of_c2sp() -> None:
    verifier = parse_vkey(NOTE_VKEY)
    assert verifier.vkey == NOTE_VKEY
    opened = open_note(NOTE, [verifier])
    assert opened.text == b"This is an example message.\n"
    assert [(one.name, one.key_id.hex()) for one in opened.verified] == [("example.com/foo", "530d903a")]


def test_keys_made_from_labels() -> None:
    assert sha256(b"log-test-key").hexdigest() == "c3a84421103a52e8953b9021c567306f1b137e0a88f1f7d88ce899a60e5ff151"
    assert POLICY.split()[1].decode() == LOG.vkey
    assert POLICY.split()[4].decode() == COURT.vkey
    assert LOG_PQ.key_id.hex() == "50108e9d"
    assert LOG_PQ.name == "film-ledger.example/cn-east"
    public_key = LOG_PQ.verifier.public_key
    assert sha256(public_key).hexdigest() == "8d632b4017125417302e037cb5a73a4309c36d543b7a8841f6686a640d316cda"


def test_whole_proof_file() -> None:
    assert sha256(WHOLE_FILE).hexdigest() == "cd881652f26138515b81a1a20c75d163e33e279e27540c363b0432d8a87d74bc"
    proof = parse_proof(WHOLE_FILE)
    assert proof.encode() == WHOLE_FILE
    assert verify_proof(proof, bytes.fromhex("40414243"), parse_policy(POLICY)) == checkpoint()
    assert sign_note(checkpoint().encode(), [LOG, COURT]) == proof.checkpoint
    for other in LEAVES[:5] + LEAVES[6:]:
        with pytest.raises(Invalid, match="inclusion proof of leaf 5"):
            verify_proof(proof, other, parse_policy(POLICY))


def test_entry_bundle_and_tile_of_the_eight_leaf_tree() -> None:
    bundle = encode_bundle(LEAVES)
    assert len(bundle) == 50
    assert sha256(bundle).hexdigest() == "1afdc32f06ff88236207410a37b10ff2b5647186b52a531da0416d539b15a876"
    assert parse_bundle(bundle, 8) == LEAVES
    tile = (FOLDER / "tile.p8").read_bytes()
    assert sha256(tile).hexdigest() == "aea2f1bbb5140fd5f8eacb503fdf54c00c3d860c72588e40233addd416bc8f10"


def test_golden_files_are_what_the_script_makes() -> None:
    files = golden()
    assert {path.name for path in FOLDER.iterdir() if path.suffix != ".py"} - {"__pycache__"} == {*files, HEDGED}
    for name, data in files.items():
        assert (FOLDER / name).read_bytes() == data, name
    assert files["leaf5.tlog-proof"] == WHOLE_FILE


def test_kept_mldsa44_cosignature_verifies_and_is_demanded() -> None:
    note = (FOLDER / HEDGED).read_bytes()
    policy = parse_policy((FOLDER / "policy-pq").read_bytes())
    assert policy.verify_checkpoint(note) == Checkpoint("film-ledger.example/cn-east", 8, bytes.fromhex(ROOTS[8]))
    opened = open_note(note, [LOG_PQ.verifier])
    assert [(one.timestamp, len(one.signature)) for one in opened.verified] == [(TIMESTAMP, 8 + 2420)]
    stripped = b"".join(line for line in note.splitlines(keepends=True) if len(line) < 200)
    assert parse_policy(POLICY.replace(b"quorum court", b"quorum none")).verify_checkpoint(stripped) == checkpoint()
    with pytest.raises(Invalid, match="no cosignature of 'log-pq'"):
        policy.verify_checkpoint(stripped)


def test_mldsa44_message_is_laid_out_as_c2sp_says() -> None:
    """The signed bytes are put together here from the specification, not by the code under test."""
    signature = open_note((FOLDER / HEDGED).read_bytes(), [LOG_PQ.verifier]).verified[0].signature
    name = b"film-ledger.example/cn-east"
    message = b"subtree/v1\n\x00" + b"\x1b" + name + signature[:8] + b"\x1b" + name + bytes(8) + bytes(7) + b"\x08"
    public_key = MLDSA44PublicKey.from_public_bytes(LOG_PQ.verifier.public_key)
    public_key.verify(signature[8:], message + bytes.fromhex(ROOTS[8]))


def test_the_examples_in_the_module_docstrings_are_real() -> None:
    def example(module: object, start: str, end: str) -> bytes:
        text = getdoc(module) or ""
        lines = text[text.index(start) :].split("\n")
        block = "\n".join(line.removeprefix("    ") for line in lines) + "\n"
        assert block.rstrip("\n").endswith(end)
        return block.encode()

    assert example(domain.ledger.proof, "    c2sp.org/tlog-proof@v1", "DA==") == WHOLE_FILE
    assert example(domain.ledger.note, "    This is an example", "QM=") == NOTE
    policy = example(domain.ledger.policy, "    log film-", "court")
    assert parse_policy(policy) == parse_policy(POLICY)
    assert policy == golden()["policy"]


def test_checkpoint_text_of_the_vector() -> None:
    text = b"film-ledger.example/cn-east\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n"
    assert parse_checkpoint(text) == checkpoint()
    assert checkpoint().encode() == text
