"""Properties of the parsers: what is encoded comes back; rubbish raises Invalid and nothing else; one changed bit of a
signed file is never accepted.
"""

from base64 import b64encode
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.checkpoint import Checkpoint, parse_checkpoint
from domain.ledger.curve import check_ed25519_public_key
from domain.ledger.errors import Invalid
from domain.ledger.merkle import EMPTY_ROOT, verify_consistency, verify_inclusion
from domain.ledger.note import (
    Signature,
    add_signatures,
    format_signatures,
    open_note,
    parse_note,
    parse_signatures,
    parse_vkey,
    sign_note,
)
from domain.ledger.policy import parse_policy
from domain.ledger.proof import TlogProof, parse_proof, verify_proof
from domain.ledger.text import check_key_name, decode_base64, parse_decimal
from domain.ledger.tiles import parse_bundle, parse_tile_path
from tests.golden.ledger.make_golden import COURT, FOLDER, HEDGED, LEAVES, LOG, LOG_PQ, checkpoint, golden

POLICY = parse_policy((FOLDER / "policy").read_bytes())
PQ_POLICY = parse_policy((FOLDER / "policy-pq").read_bytes())
PROOF = (FOLDER / "leaf5.tlog-proof").read_bytes()
VERIFIERS = [LOG.verifier, COURT.verifier, LOG_PQ.verifier]
BYTE_PARSERS: list[Callable[[bytes], object]] = [
    parse_checkpoint,
    parse_note,
    parse_signatures,
    lambda data: open_note(data, VERIFIERS),
    lambda data: add_signatures(data, ()),
    parse_policy,
    POLICY.verify_checkpoint,
    parse_proof,
    lambda data: parse_bundle(data, 3),
    lambda data: decode_base64(data, "x"),
    lambda data: parse_decimal(data, "x"),
    check_ed25519_public_key,
]
TEXT_PARSERS: list[Callable[[str], object]] = [parse_vkey, parse_tile_path, check_key_name]
SEEDS = [*golden().values(), (FOLDER / HEDGED).read_bytes(), PROOF.split(b"\n\n", 1)[1], checkpoint().encode()]

NAMES = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp"), exclude_characters="+"), min_size=1
).filter(lambda name: not any(char.isspace() for char in name))
ORIGINS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=60)
HASHES = st.binary(min_size=32, max_size=32)
CHECKPOINTS = st.builds(Checkpoint, ORIGINS, st.integers(1, 2**63 - 1), HASHES)
SIGNATURES = st.builds(Signature, NAMES, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=32) | st.just("\n")).map(
    lambda text: text.encode() + b"\n"
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A real file with a piece cut out, doubled, or put in from elsewhere: rubbish that gets far into a parser."""
    data = draw(st.sampled_from(SEEDS))
    start = draw(st.integers(0, len(data)))
    end = min(len(data), start + draw(st.integers(0, 40)))
    piece = draw(st.sampled_from([b"", data[start:end] * 2, b"\n", b"\n\n", b" ", "— ".encode(), b"\xff", b"=", b"0"]))
    return data[:start] + (piece if draw(st.booleans()) else draw(st.binary(max_size=9))) + data[end:]


@given(st.binary(max_size=400) | damaged())
def test_rubbish_bytes_raise_invalid_only(data: bytes) -> None:
    for parse in BYTE_PARSERS:
        try:
            parse(data)
        except Invalid:
            continue


@given(
    st.text(max_size=100)
    | st.sampled_from([LOG.vkey, COURT.vkey, "tile/0/x001/234.p/5"]).flatmap(
        lambda text: st.builds(
            lambda at, char: text[:at] + char + text[at + 1 :], st.integers(0, len(text)), st.characters()
        )
    )
)
def test_rubbish_text_raises_invalid_only(text: str) -> None:
    for parse in TEXT_PARSERS:
        try:
            parse(text)
        except Invalid:
            continue


@given(
    st.integers(-2, 2**64),
    st.integers(-2, 2**64),
    st.binary(max_size=40),
    st.lists(st.binary(max_size=40), max_size=70),
)
def test_rubbish_proofs_raise_invalid_only(one: int, other: int, root: bytes, path: list[bytes]) -> None:
    verifiers: list[Callable[[], None]] = [
        lambda: verify_inclusion(index=one, size=other, leaf=root, path=path, root=root),
        lambda: verify_consistency(size1=one, root1=root, size2=other, root2=root, path=path),
    ]
    for verify in verifiers:
        try:
            verify()
        except Invalid:
            continue


@given(CHECKPOINTS | st.builds(Checkpoint, ORIGINS, st.just(0), st.just(EMPTY_ROOT)))
def test_a_checkpoint_comes_back(made: Checkpoint) -> None:
    assert parse_checkpoint(made.encode()) == made


@given(TEXTS, st.lists(SIGNATURES, min_size=1, max_size=20))
def test_a_note_comes_back(text: bytes, signatures: list[Signature]) -> None:
    lines = format_signatures(signatures)
    assert parse_signatures(lines) == tuple(signatures)
    assert parse_note(text + b"\n" + lines) == (text, tuple(signatures))


@given(TEXTS, st.lists(SIGNATURES, max_size=6))
def test_any_text_signed_is_opened_and_strangers_change_nothing(text: bytes, strangers: list[Signature]) -> None:
    note = add_signatures(sign_note(text, [LOG]), strangers)
    opened = open_note(note, VERIFIERS)
    assert opened.text == text
    assert [one.name for one in opened.verified] == [LOG.name]
    assert {one.key for one in opened.unverified} == {one.key for one in strangers}


@given(st.integers(0, 2**63 - 2), st.lists(HASHES, max_size=63), CHECKPOINTS, st.none() | st.binary(max_size=99))
def test_a_proof_comes_back(index: int, path: list[bytes], made: Checkpoint, extra: bytes | None) -> None:
    proof = TlogProof(index, tuple(path), sign_note(made.encode(), [LOG]), extra)
    assert parse_proof(proof.encode()) == proof


def respell_note(data: bytes) -> bytes:
    text, signatures = parse_note(data)
    return text + b"\n" + format_signatures(signatures)


@given(damaged())
def test_what_a_parser_accepts_is_the_one_spelling(data: bytes) -> None:
    respellers: list[Callable[[bytes], bytes]] = [
        lambda data: parse_checkpoint(data).encode(),
        lambda data: parse_proof(data).encode(),
        lambda data: format_signatures(parse_signatures(data)),
        respell_note,
    ]
    for respell in respellers:
        try:
            again = respell(data)
        except Invalid:
            continue
        assert again == data


@given(st.binary(max_size=60))
def test_base64_has_one_spelling(data: bytes) -> None:
    text = b64encode(data)
    assert decode_base64(text, "x") == data
    for other in (text + b"=", text + b"\n", b"\n" + text, text.rstrip(b"=") if text.endswith(b"=") else text[:-1]):
        if other != text and other:
            with pytest.raises(Invalid):
                decode_base64(other, "x")


def test_a_proof_file_is_refused_after_any_one_bit_change() -> None:
    """All 3,992 of them. Every bit counts, names and ids of the keys too, since the policy demands both keys."""
    for bit in range(8 * len(PROOF)):
        changed = bytearray(PROOF)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Invalid):
            verify_proof(parse_proof(bytes(changed)), LEAVES[5], POLICY)


@given(st.integers(0, 8 * len((FOLDER / HEDGED).read_bytes()) - 1))
def test_a_checkpoint_note_is_refused_after_any_one_bit_change(bit: int) -> None:
    changed = bytearray((FOLDER / HEDGED).read_bytes())
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Invalid):
        PQ_POLICY.verify_checkpoint(bytes(changed))


@given(st.integers(0, 8 * len(LEAVES[5]) - 1))
def test_a_proof_is_refused_after_any_one_bit_change_of_the_entry(bit: int) -> None:
    changed = bytearray(LEAVES[5])
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Invalid, match="inclusion proof of leaf 5"):
        verify_proof(parse_proof(PROOF), bytes(changed), POLICY)
