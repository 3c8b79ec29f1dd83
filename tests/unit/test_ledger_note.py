"""Signed notes: what is split, accepted, set aside and refused, and how lines are added."""

from base64 import b64encode
from hashlib import sha256

import pytest

from domain.ledger.errors import Invalid
from domain.ledger.note import (
    NOTE_BYTES_MAX,
    SIGNATURES_MAX,
    Signature,
    add_signatures,
    ed25519_cosigner,
    ed25519_signer,
    format_signatures,
    make_signatures,
    mldsa44_cosigner,
    open_note,
    parse_note,
    parse_signatures,
    sign_note,
)
from tests.golden.ledger.make_golden import COURT, LOG, LOG_PQ, TIMESTAMP, checkpoint

TEXT = checkpoint().encode()
NOTE = sign_note(TEXT, [LOG])
ALICE = ed25519_signer("alice", sha256(b"alice").digest())
BOB = ed25519_signer("bob", sha256(b"bob").digest())


def line(name: str, key_id: bytes, signature: bytes) -> bytes:
    return f"— {name} ".encode() + b64encode(key_id + signature) + b"\n"


def unknown_lines(count: int) -> bytes:
    return b"".join(line(f"stranger-{number}", b"\x00\x01\x02\x03", b"signature") for number in range(count))


def test_a_note_is_text_empty_line_and_signature_lines() -> None:
    note = sign_note(TEXT, [LOG, COURT])
    text, signatures = parse_note(note)
    assert text == TEXT
    assert [one.name for one in signatures] == [LOG.name, COURT.name]
    assert note == TEXT + b"\n" + format_signatures(signatures)
    assert [one.timestamp for one in signatures] == [None, None], "only open_note tells times"


def test_opening_tells_verified_from_unknown() -> None:
    note = sign_note(TEXT, [LOG, ALICE, COURT, LOG_PQ])
    opened = open_note(note, [COURT.verifier, LOG.verifier, LOG_PQ.verifier])
    assert opened.text == TEXT
    assert [(one.name, one.timestamp) for one in opened.verified] == [
        (LOG.name, None),
        (COURT.name, TIMESTAMP),
        (LOG_PQ.name, TIMESTAMP),
    ]
    assert [one.name for one in opened.unverified] == ["alice"]


def test_text_and_signatures_part_at_the_last_empty_line() -> None:
    text = b"\n\nfirst\n\n\xe2\x80\x94 alice AAAAAAAA\n\n"
    opened = open_note(sign_note(text, [ALICE]), [ALICE.verifier])
    assert opened.text == text


def test_an_empty_text_is_a_newline() -> None:
    assert open_note(sign_note(b"\n", [ALICE]), [ALICE.verifier]).text == b"\n"


@pytest.mark.parametrize("text", [b"", b"no newline", b"tab\there\n", b"\xff\n", b"return\r\n", b"nul\x00\n"])
def test_what_is_no_text_is_not_signed(text: bytes) -> None:
    with pytest.raises(Invalid, match=r"note text: expected|empty line"):
        sign_note(text, [ALICE])


def test_nobody_signing_is_refused() -> None:
    with pytest.raises(Invalid, match="at least one line"):
        sign_note(TEXT, [])


@pytest.mark.parametrize(
    ("note", "message"),
    [
        (b"", "empty line"),
        (TEXT, "empty line"),
        (b"\n" + NOTE.removeprefix(TEXT + b"\n"), "empty line"),
        (TEXT + b"\n", "at least one line"),
        (NOTE[:-1], "newline at the end"),
        (NOTE + b"\n", "at least one line"),
        (NOTE + b"trailing\n", "expected — name base64"),
        (NOTE.replace("—".encode(), b"-"), "expected — name base64"),
        (NOTE.replace("—".encode(), "–".encode()), "expected — name base64"),
        (NOTE.replace("— ".encode(), "—  ".encode()), "base64"),
        (NOTE.replace("— ".encode(), "—\u00a0".encode()), "expected — name base64"),
        (NOTE.replace(b"cn-east xTKR", b"cn-east  xTKR"), "base64"),
        (NOTE.replace(b"=\n", b"= \n"), "base64"),
        (NOTE.replace(b"\n", b"\r\n"), "control characters"),
        (NOTE + b"\xff\n", "utf-8"),
        (NOTE + b"\x00\n", "control characters"),
        (NOTE + "— alice \n".encode(), "key id and a signature, found 0 bytes"),
        (NOTE + "— alice AAAAAA==\n".encode(), "key id and a signature, found 4 bytes"),
        (NOTE + "—  AAAAAAAA\n".encode(), "key name"),
        (NOTE + "— al+ice AAAAAAAA\n".encode(), "key name"),
        (NOTE + "— al\u00a0ice AAAAAAAA\n".encode(), "key name"),
        (NOTE + "— al\u2028ice AAAAAAAA\n".encode(), "key name"),
        (NOTE + "— alice AAAAAAB=\n".encode(), "canonical base64"),
        (NOTE + "— alice AAAAAAA\n".encode(), "base64"),
        (NOTE + "— alice AAAA-AAA\n".encode(), "base64"),
        (NOTE + "— alice AAAA AAAA\n".encode(), "base64"),
        (NOTE + "— alice AAAAAAA=AAAA\n".encode(), "base64"),
        (NOTE + "— alice AAAAAAAA====\n".encode(), "base64"),
    ],
)
def test_malformed_notes_are_refused(note: bytes, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        open_note(note, [LOG.verifier])


def test_sixteen_signatures_and_up_to_the_limit_are_accepted() -> None:
    for count in (15, SIGNATURES_MAX - 1):
        assert len(open_note(NOTE + unknown_lines(count), [LOG.verifier]).unverified) == count
    with pytest.raises(Invalid, match=f"at most {SIGNATURES_MAX}, found more"):
        open_note(NOTE + unknown_lines(SIGNATURES_MAX), [LOG.verifier])


def test_the_size_limit_is_one_megabyte() -> None:
    over_head = len(sign_note(b"\n", [ALICE]))
    note = sign_note(b"x" * (NOTE_BYTES_MAX - over_head) + b"\n", [ALICE])
    assert len(note) == NOTE_BYTES_MAX
    assert len(open_note(note, [ALICE.verifier]).verified) == 1
    with pytest.raises(Invalid, match=f"at most {NOTE_BYTES_MAX} bytes, found {NOTE_BYTES_MAX + 1}"):
        sign_note(b"x" * (NOTE_BYTES_MAX - over_head + 1) + b"\n", [ALICE])


def test_the_log_line_is_found_wherever_it_stands() -> None:
    note = TEXT + b"\n" + unknown_lines(20) + format_signatures(make_signatures(TEXT, [LOG])) + unknown_lines(3)
    assert [one.name for one in open_note(note, [LOG.verifier]).verified] == [LOG.name]


def test_a_line_that_shares_only_name_or_only_id_is_unknown() -> None:
    signature = make_signatures(TEXT, [LOG])[0]
    same_name = line(LOG.name, b"\x00\x00\x00\x01", signature.signature)
    same_id = line("other.example", LOG.key_id, signature.signature)
    opened = open_note(NOTE + same_name + same_id, [LOG.verifier])
    assert (len(opened.verified), len(opened.unverified)) == (1, 2)
    with pytest.raises(Invalid, match="expected a signature of one of 1 known keys"):
        open_note(TEXT + b"\n" + same_name + same_id, [LOG.verifier])


def test_no_known_key_is_refused_and_the_message_names_who_signed() -> None:
    with pytest.raises(Invalid, match=r"0 known keys, found film-ledger.example/cn-east \(c5329131\)"):
        open_note(NOTE, [])


def test_one_wrong_line_of_a_known_key_rejects_the_whole_note() -> None:
    for signer, width in ((COURT, 72), (ALICE, 64), (LOG_PQ, 2428)):
        wrong = line(signer.name, signer.key_id, bytes(width))
        with pytest.raises(Invalid, match=f"signature of {signer.name}"):
            open_note(NOTE + wrong, [LOG.verifier, signer.verifier])
        assert len(open_note(NOTE + wrong, [LOG.verifier]).unverified) == 1


def test_of_one_keys_several_lines_all_must_verify_and_the_first_counts() -> None:
    later = ed25519_cosigner(COURT.name, sha256(b"witness-test-key").digest(), lambda: TIMESTAMP + 60)
    first, second = make_signatures(TEXT, [COURT, later])
    note = NOTE + format_signatures([first, second, first])
    opened = open_note(note, [LOG.verifier, COURT.verifier])
    assert [one.timestamp for one in opened.verified] == [None, TIMESTAMP]
    assert opened.unverified == ()
    bad = Signature(COURT.name, COURT.key_id, second.signature[:-1] + b"\x00")
    with pytest.raises(Invalid, match=r"signature of witness\.example/court"):
        open_note(NOTE + format_signatures([first, bad]), [LOG.verifier, COURT.verifier])


def test_a_verifier_given_twice_is_one_and_two_keys_of_one_id_are_refused() -> None:
    assert len(open_note(NOTE, [LOG.verifier, LOG.verifier]).verified) == 1
    labels = (b"collision 9274", b"collision 98500")
    twins = [ed25519_cosigner("w.example", sha256(label).digest(), lambda: 0).verifier for label in labels]
    with pytest.raises(Invalid, match=r"expected one key for w\.example 42d1cb51, found two"):
        open_note(NOTE, [LOG.verifier, *twins])


def test_adding_keeps_text_and_lines_and_appends() -> None:
    added = add_signatures(NOTE + unknown_lines(2), make_signatures(TEXT, [COURT, LOG_PQ]))
    assert added.startswith(NOTE + unknown_lines(2))
    opened = open_note(added, [LOG.verifier, COURT.verifier, LOG_PQ.verifier])
    assert [one.name for one in opened.verified] == [LOG.name, COURT.name, LOG_PQ.name]


def test_adding_replaces_a_renewed_cosignature_where_it_stands() -> None:
    later = ed25519_cosigner(COURT.name, sha256(b"witness-test-key").digest(), lambda: TIMESTAMP + 60)
    note = sign_note(TEXT, [COURT, LOG])
    doubled = note + format_signatures(make_signatures(TEXT, [COURT]))
    for old in (note, doubled):
        renewed = add_signatures(old, make_signatures(TEXT, [later]))
        assert renewed == sign_note(TEXT, [later, LOG])
    assert add_signatures(note, ()) == note
    strangers = note + unknown_lines(1) * 2
    assert add_signatures(strangers, ()) == strangers, "lines of others are not tidied away"


def test_adding_over_the_limit_is_refused() -> None:
    full = NOTE + unknown_lines(SIGNATURES_MAX - 1)
    with pytest.raises(Invalid, match=f"at most {SIGNATURES_MAX}"):
        add_signatures(full, make_signatures(TEXT, [COURT]))


def test_signature_lines_alone_are_what_a_witness_answers() -> None:
    lines = format_signatures(make_signatures(TEXT, [COURT]))
    (signature,) = parse_signatures(lines)
    assert (signature.name, signature.key_id) == (COURT.name, COURT.key_id)
    COURT.verifier.verify(TEXT, signature.signature)
    for bad in (b"", b"\n", lines + b"\n", lines[:-1], b"\n" + lines):
        with pytest.raises(Invalid, match="signature line"):
            parse_signatures(bad)


def test_a_bad_name_is_not_written() -> None:
    with pytest.raises(Invalid, match="key name"):
        format_signatures([Signature("two words", b"\x00" * 4, b"x")])


def test_cosigners_sign_checkpoints_only() -> None:
    for signer in (COURT, LOG_PQ):
        with pytest.raises(Invalid, match="checkpoint"):
            sign_note(b"hello\n", [signer])


@pytest.mark.parametrize("seconds", [-1, 2**63])
def test_a_clock_out_of_range_is_refused(seconds: int) -> None:
    for make in (ed25519_cosigner, mldsa44_cosigner):
        with pytest.raises(Invalid, match="expected a time of"):
            sign_note(TEXT, [make("w", bytes(32), lambda: seconds)])


def test_the_last_second_is_accepted() -> None:
    for make in (ed25519_cosigner, mldsa44_cosigner):
        signer = make("w", bytes(32), lambda: 2**63 - 1)
        opened = open_note(sign_note(TEXT, [signer]), [signer.verifier])
        assert opened.verified[0].timestamp == 2**63 - 1
