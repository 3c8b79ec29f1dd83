"""Proof files: one spelling, nothing trusted that is not verified."""

from hashlib import sha256

import pytest

from domain.ledger.errors import Invalid
from domain.ledger.note import add_signatures, ed25519_signer, make_signatures, sign_note
from domain.ledger.policy import format_policy, parse_policy
from domain.ledger.proof import EXTRA_BYTES_MAX, PROOF_BYTES_MAX, TlogProof, parse_proof, verify_proof
from tests.golden.ledger.make_golden import COURT, FOLDER, LEAVES, LOG, LOG_PQ, checkpoint, proof

FILE = (FOLDER / "leaf5.tlog-proof").read_bytes()
POLICY = parse_policy((FOLDER / "policy").read_bytes())


@pytest.mark.parametrize("index", range(8))
def test_each_leaf_is_proved_and_no_other(index: int) -> None:
    made = parse_proof(proof(index).encode())
    for other, entry in enumerate(LEAVES):
        if other == index:
            assert verify_proof(made, entry, POLICY) == checkpoint()
        else:
            with pytest.raises(Invalid, match=f"inclusion proof of leaf {index} in size 8"):
                verify_proof(made, entry, POLICY)


def test_extra_is_kept_and_changes_nothing() -> None:
    plain = proof(5)
    for extra in (b"", b"\x00", b"anything", b"x" * EXTRA_BYTES_MAX):
        made = TlogProof(plain.index, plain.path, plain.checkpoint, extra)
        lines = made.encode().split(b"\n", 2)
        assert lines[0] == b"c2sp.org/tlog-proof@v1"
        assert lines[1].startswith(b"extra ")
        assert parse_proof(made.encode()) == made
        assert verify_proof(made, LEAVES[5], POLICY) == checkpoint()
    with pytest.raises(Invalid, match=f"proof extra: expected at most {EXTRA_BYTES_MAX} bytes"):
        TlogProof(plain.index, plain.path, plain.checkpoint, b"x" * (EXTRA_BYTES_MAX + 1))


def test_the_checkpoint_is_kept_byte_for_byte() -> None:
    note = sign_note(checkpoint().encode(), [LOG_PQ, COURT, LOG])
    made = TlogProof(5, proof(5).path, note)
    assert parse_proof(made.encode()).checkpoint == note
    assert made.encode().endswith(b"\n\n" + note)


def test_the_checkpoint_is_always_verified() -> None:
    stranger = ed25519_signer(LOG.name, sha256(b"stranger").digest())
    forged = TlogProof(5, proof(5).path, sign_note(checkpoint().encode(), [stranger, COURT]))
    with pytest.raises(Invalid, match="expected the signature of this log"):
        verify_proof(forged, LEAVES[5], POLICY)
    unwitnessed = TlogProof(5, proof(5).path, sign_note(checkpoint().encode(), [LOG]))
    with pytest.raises(Invalid, match="expected the quorum 'court'"):
        verify_proof(unwitnessed, LEAVES[5], POLICY)
    nobodys = parse_policy(format_policy(logs=[stranger.vkey]))
    with pytest.raises(Invalid, match="expected a signature of one of 1 known keys"):
        verify_proof(proof(5), LEAVES[5], nobodys)


@pytest.mark.parametrize(
    ("index", "keep", "message"),
    [
        (8, slice(0, 3), "expected 0 <= index < 8, found 8"),
        (2**62, slice(0, 3), "expected 0 <= index < 8"),
        (5, slice(0, 2), "leaf 5 in size 8: expected 3 hashes, found 2"),
        (5, slice(0, 0), "expected 3 hashes, found 0"),
        (4, slice(0, 3), "inclusion proof of leaf 4 in size 8: expected root"),
    ],
)
def test_index_and_path_must_fit_the_size(index: int, keep: slice, message: str) -> None:
    wrong = TlogProof(index, proof(5).path[keep], proof(5).checkpoint)
    with pytest.raises(Invalid, match=message):
        verify_proof(parse_proof(wrong.encode()), LEAVES[5], POLICY)


def test_a_longer_path_is_refused() -> None:
    plain = proof(5)
    longer = TlogProof(5, (*plain.path, plain.path[0]), plain.checkpoint)
    with pytest.raises(Invalid, match="expected 3 hashes, found 4"):
        verify_proof(longer, LEAVES[5], POLICY)


def replaced(old: bytes, new: bytes) -> bytes:
    assert FILE.count(old) >= 1
    return FILE.replace(old, new, 1)


SIBLING = b"vBoGQ7EuTS18d5GPROD095qDi2z57FtcKD4fTYhZnms=\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty line"),
        (FILE.split(b"\n\n")[0], "empty line"),
        (FILE.split(b"\n\n")[0] + b"\n\n", "empty line between text and signatures"),
        (b"\n" + FILE, "proof"),
        (b"\xef\xbb\xbf" + FILE, "expected c2sp.org/tlog-proof@v1"),
        (replaced(b"@v1", b"@v2"), "expected c2sp.org/tlog-proof@v1"),
        (replaced(b"@v1\n", b"@v1 \n"), "expected c2sp.org/tlog-proof@v1"),
        (replaced(b"@v1\n", b"@v1\r\n"), "expected c2sp.org/tlog-proof@v1"),
        (replaced(b"index 5\n", b""), "expected an index line at line 2"),
        (replaced(b"index 5\n", b"extra AAAA\n"), "expected an index line at line 3"),
        (replaced(b"index 5\n", b"index 5\nindex 5\n"), "base64"),
        (replaced(b"index 5\n", b"index 5\nextra AAAA\n"), "base64"),
        (replaced(b"index 5\n", b"extra AAAA\nextra AAAA\nindex 5\n"), "expected an index line at line 3"),
        (replaced(b"index 5\n", b"extra AAA\nindex 5\n"), "proof extra: expected base64"),
        (replaced(b"index 5\n", b"extra AAAB\nextra\nindex 5\n"), "expected an index line"),
        (replaced(b"index 5\n", b"Extra AAAA\nindex 5\n"), "expected an index line"),
        (replaced(b"index 5\n", b"index 05\n"), "leading zeros"),
        (replaced(b"index 5\n", b"index  5\n"), "proof index"),
        (replaced(b"index 5\n", b"index 5 \n"), "proof index"),
        (replaced(b"index 5\n", b"index -5\n"), "proof index"),
        (replaced(b"index 5\n", b"index\n"), "expected an index line"),
        (replaced(b"index 5\n", b"index \n"), "proof index"),
        (replaced(b"index 5\n", b"index 9223372036854775807\n"), "at most 9223372036854775806"),
        (replaced(SIBLING, b"AAAA\n"), "expected 32 bytes at level 0, found 3"),
        (replaced(SIBLING, SIBLING.strip() + b" \n"), "base64"),
        (replaced(b"nms=", b"nmt="), "canonical base64"),
        (replaced(b"nms=", b"nms"), "base64"),
        (replaced(SIBLING, SIBLING * 62), "at most 63 hashes, found 64"),
        (replaced(b"\n\nfilm", b"\nfilm"), "base64"),
        (replaced(b"\n\nfilm", b"\n\n\nfilm"), "checkpoint"),
        (replaced(b"=\n\nfilm", b"=\n \nfilm"), "base64"),
        (FILE[:-1], "newline at the end"),
        (FILE + b"\n", "at least one line"),
        (FILE + b"more\n", "expected — name base64"),
        (b"c2sp.org/tlog-proof@v1\n" + b"x" * PROOF_BYTES_MAX, "expected at most"),
    ],
)
def test_other_spellings_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        parse_proof(data)


def test_sixty_three_hashes_are_the_longest_path_read() -> None:
    assert len(parse_proof(replaced(SIBLING, SIBLING * 61)).path) == 63


def test_no_proof_that_could_not_be_written() -> None:
    plain = proof(5)
    for index, path, note in (
        (-1, plain.path, plain.checkpoint),
        (2**63 - 1, plain.path, plain.checkpoint),
        (5, (b"short",), plain.checkpoint),
        (5, plain.path * 22, plain.checkpoint),
        (5, plain.path, b"no note"),
        (5, plain.path, sign_note(b"no checkpoint\n", [LOG])),
    ):
        with pytest.raises(Invalid):
            TlogProof(index, path, note)


def test_a_later_cosignature_fits_into_an_old_proof() -> None:
    early = TlogProof(5, proof(5).path, sign_note(checkpoint().encode(), [LOG]))
    late = add_signatures(early.checkpoint, make_signatures(checkpoint().encode(), [COURT]))
    assert verify_proof(TlogProof(5, early.path, late), LEAVES[5], POLICY) == checkpoint()
