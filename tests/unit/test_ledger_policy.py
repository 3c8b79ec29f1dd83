"""The policy grammar of C2SP tlog-policy, rule by rule, and what a policy makes of a checkpoint."""

from base64 import b64encode
from hashlib import sha256

import pytest

from domain.ledger.checkpoint import Checkpoint
from domain.ledger.errors import Invalid
from domain.ledger.note import (
    NoteSigner,
    Signature,
    add_signatures,
    ed25519_cosigner,
    ed25519_signer,
    format_signatures,
    make_signatures,
    mldsa44_cosigner,
    sign_note,
)
from domain.ledger.policy import (
    GROUPS_MAX,
    LOGS_MAX,
    NAME_BYTES_MAX,
    POLICY_BYTES_MAX,
    WITNESSES_MAX,
    Group,
    Policy,
    format_policy,
    parse_policy,
)
from tests.golden.ledger.make_golden import COURT, LOG, LOG_PQ, TIMESTAMP, checkpoint

TEXT = checkpoint().encode()
SEEDS = [sha256(b"witness %d" % number).digest() for number in range(9)]
W = [ed25519_cosigner(f"w{number}.example", seed, lambda: TIMESTAMP) for number, seed in enumerate(SEEDS)]
OTHER_LOG = ed25519_signer("film-ledger.example/eu-west", sha256(b"other log").digest())
WITNESS_LINES = "".join(f"witness W{number} {one.vkey}\n" for number, one in enumerate(W))


def parse(text: str) -> Policy:
    return parse_policy(text.encode())


def with_witnesses(rules: str) -> Policy:
    return parse(f"log {LOG.vkey}\n{WITNESS_LINES}{rules}")


def accepts(policy: Policy, signers: list[NoteSigner]) -> bool:
    try:
        assert policy.verify_checkpoint(sign_note(TEXT, signers)) == checkpoint()
    except Invalid:
        return False
    return True


def test_the_whole_grammar() -> None:
    policy = parse(
        f"# comment\n\n \t \n\t# another, indented\nlog\t {LOG.vkey}  https://log.example/ \n log {OTHER_LOG.vkey}\n"
        f"{WITNESS_LINES}witness pq {LOG_PQ.vkey} https://w.example/\ngroup X 2 W0 W1 W2\ngroup Y any W3 W4\n"
        "group Z all X Y W5\nquorum Z\n# the end\n"
    )
    assert [(log.verifier.name, log.url) for log in policy.logs] == [
        (LOG.name, b"https://log.example/"),
        (OTHER_LOG.name, None),
    ]
    assert [witness.name for witness in policy.witnesses] == [b"W%d" % number for number in range(9)] + [b"pq"]
    assert policy.witnesses[-1].url == b"https://w.example/"
    assert policy.groups == (
        Group(b"X", 2, (b"W0", b"W1", b"W2")),
        Group(b"Y", 1, (b"W3", b"W4")),
        Group(b"Z", 3, (b"X", b"Y", b"W5")),
    )
    assert policy.quorum == b"Z"
    assert len(policy.verifiers) == 12


def test_the_quorum_of_the_specifications_example() -> None:
    """Two of three X and one of three Y."""
    policy = with_witnesses(
        "group X-witnesses 2 W0 W1 W2\ngroup Y-witnesses any W3 W4 W5\ngroup X-and-Y all X-witnesses Y-witnesses\n"
        "quorum X-and-Y\n"
    )
    for chosen in range(64):
        signers = [W[number] for number in range(6) if chosen >> number & 1]
        expected = (chosen & 7).bit_count() >= 2 and (chosen & 56) > 0
        assert accepts(policy, [LOG, *signers]) == expected, chosen


def test_quorum_of_one_witness_and_of_none() -> None:
    assert accepts(with_witnesses("quorum W1\n"), [LOG, W[1]])
    assert not accepts(with_witnesses("quorum W1\n"), [LOG, W[0]])
    assert accepts(with_witnesses("quorum none\n"), [LOG])
    assert accepts(parse(f"quorum none\nlog {LOG.vkey}\n"), [LOG])


def test_the_message_names_the_missing_witnesses() -> None:
    policy = with_witnesses("group both all W0 W1\nquorum both\n")
    with pytest.raises(Invalid, match="expected the quorum 'both', found no cosignature of 'W1', 'W2'"):
        policy.verify_checkpoint(sign_note(TEXT, [LOG, W[0]]))


def test_one_log_of_several_is_enough_under_its_own_origin_only() -> None:
    policy = parse(f"log {LOG.vkey}\nlog {OTHER_LOG.vkey}\nquorum none\n")
    assert accepts(policy, [LOG])
    with pytest.raises(Invalid, match="expected the signature of this log, found 1 known keys"):
        policy.verify_checkpoint(sign_note(TEXT, [OTHER_LOG]))
    foreign = Checkpoint(OTHER_LOG.name, 8, checkpoint().root)
    assert policy.verify_checkpoint(sign_note(foreign.encode(), [OTHER_LOG])) == foreign
    unknown = Checkpoint("unknown.example", 8, checkpoint().root)
    with pytest.raises(Invalid, match="found 0 known keys"):
        policy.verify_checkpoint(sign_note(unknown.encode(), [LOG]))


def test_a_witness_is_no_log_and_a_log_is_no_witness() -> None:
    with pytest.raises(Invalid, match="expected the signature of this log"):
        with_witnesses("quorum W0\n").verify_checkpoint(sign_note(TEXT, [W[0]]))
    assert not accepts(with_witnesses("quorum W0\n"), [LOG])


def test_without_logs_a_policy_parses_and_accepts_nothing() -> None:
    policy = parse(f"witness w {COURT.vkey}\nquorum w\n")
    with pytest.raises(Invalid, match="found 0 known keys"):
        policy.verify_checkpoint(sign_note(TEXT, [LOG, COURT]))


def test_stripping_the_post_quantum_line_is_noticed() -> None:
    policy = parse_policy(format_policy(logs=[LOG.vkey], witnesses=[("log-pq", LOG_PQ.vkey)], quorum="log-pq"))
    assert accepts(policy, [LOG, LOG_PQ])
    assert not accepts(policy, [LOG])
    assert not accepts(policy, [LOG_PQ])


def test_a_log_may_sign_with_mldsa44_alone_where_the_policy_says_so() -> None:
    policy = parse(f"log {LOG_PQ.vkey}\nquorum none\n")
    assert accepts(policy, [LOG_PQ])
    assert not accepts(policy, [LOG])


def test_a_wrong_line_of_any_known_key_refuses_the_checkpoint() -> None:
    policy = with_witnesses("quorum W0\n")
    note = sign_note(TEXT, [LOG, W[0]])
    wrong = Signature(W[1].name, W[1].key_id, bytes(72))
    with pytest.raises(Invalid, match=r"signature of w1\.example"):
        policy.verify_checkpoint(add_signatures(note, [wrong]))
    stranger = Signature("nobody", b"\x00" * 4, bytes(72))
    assert policy.verify_checkpoint(add_signatures(note, [stranger])) == checkpoint()


def test_cosignatures_for_another_checkpoint_do_not_count() -> None:
    other = Checkpoint(LOG.name, 9, checkpoint().root).encode()
    lines = format_signatures([*make_signatures(TEXT, [LOG]), *make_signatures(other, [W[0]])])
    with pytest.raises(Invalid, match=r"signature of w0\.example"):
        with_witnesses("quorum W0\n").verify_checkpoint(TEXT + b"\n" + lines)


def test_a_signed_text_that_is_no_checkpoint_is_refused() -> None:
    policy = parse(f"log {LOG.vkey}\nquorum none\n")
    for text in (b"hello\n", TEXT + b"extension\n"):
        with pytest.raises(Invalid, match="checkpoint"):
            policy.verify_checkpoint(sign_note(text, [LOG]))


def test_the_opened_note_tells_cosignature_times() -> None:
    _, opened = with_witnesses("quorum W0\n").open_checkpoint(sign_note(TEXT, [LOG, W[0], LOG_PQ]))
    assert [(one.name, one.timestamp) for one in opened.verified] == [(LOG.name, None), ("w0.example", TIMESTAMP)]
    assert [one.name for one in opened.unverified] == [LOG_PQ.name]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ("", "expected one quorum line, found none"),
        ("quorum none\nquorum none\n", "expected one quorum line, found a second one"),
        ("quorum W0\nquorum W1\n", "found a second one"),
        ("quorum nobody\n", "a name defined above, found 'nobody'"),
        ("quorum later\ngroup later any W0\n", "a name defined above, found 'later'"),
        ("quorum w0\n", "a name defined above"),
        ("quorum\n", "expected log, witness, group or quorum with its items"),
        ("quorum W0 W1\n", "expected log, witness, group or quorum with its items"),
        ("Quorum none\n", "expected log, witness, group or quorum"),
        ("group g any\nquorum none\n", "with its items"),
        ("group g\nquorum none\n", "with its items"),
        ("group g 0 W0\nquorum none\n", r"expected a threshold of 1\.\.1, found 0"),
        ("group g 3 W0 W1\nquorum none\n", "threshold: expected at most 2, found 3"),
        ("group g 01 W0 W1\nquorum none\n", "leading zeros"),
        ("group g -1 W0 W1\nquorum none\n", "threshold"),
        ("group g some W0 W1\nquorum none\n", "threshold"),
        ("group g ALL W0 W1\nquorum none\n", "threshold"),
        ("group g any g\nquorum none\n", "members defined above, found 'g'"),
        ("group g any W0 none\nquorum none\n", "members defined above, found 'none'"),
        ("group g any W0 nobody\nquorum none\n", "found 'nobody'"),
        ("group g any W0 W0\nquorum none\n", "to be a member once"),
        ("group g any W0\ngroup h any W1 W0\nquorum none\n", "'W0' to be a member once"),
        ("group g any W0\ngroup h any g\ngroup i any g W1\nquorum none\n", "'g' to be a member once"),
        ("group W0 any W1\nquorum none\n", "a name that is not taken, found 'W0'"),
        ("group none any W1\nquorum none\n", "a name that is not taken, found 'none'"),
        ("group g any W1\ngroup g any W2\nquorum none\n", "not taken, found 'g'"),
        (f"witness none {COURT.vkey}\nquorum none\n", "not taken, found 'none'"),
        (f"witness W0 {COURT.vkey}\nquorum none\n", "not taken, found 'W0'"),
        (f"witness new {W[0].vkey}\nquorum none\n", "not listed yet"),
        (f"log {LOG.vkey}\nquorum none\n", "not listed yet"),
        (f"witness w {COURT.vkey} url more\nquorum none\n", "with its items"),
        ("witness w\nquorum none\n", "with its items"),
        (f"log {OTHER_LOG.vkey} url more\nquorum none\n", "with its items"),
        ("log\nquorum none\n", "with its items"),
        ("log rubbish\nquorum none\n", r"name\+id\+key"),
        (f"witness w {LOG.vkey}\nquorum none\n", "expected signature type 04, 06, found 01"),
        (f"witness {'n' * (NAME_BYTES_MAX + 1)} {COURT.vkey}\nquorum none\n", "at most 255 bytes, found 256"),
        ("quorum none", "newline at the end"),
        ("quorum none\r\n", "found 0x0d"),
        ("quorum none # comment\n", "with its items"),
        ("quorum\x0bnone\n", "found 0x0b"),
        ("# \x7f\nquorum none\n", "found 0x7f"),
        ("# \x00\nquorum none\n", "found 0x00"),
    ],
)
def test_each_broken_rule_is_refused(rules: str, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        with_witnesses(rules)


def test_the_message_names_the_line() -> None:
    with pytest.raises(Invalid, match="policy line 12: quorum: expected none"):
        with_witnesses("\nquorum nobody\n")


def test_one_public_key_under_another_name_or_type_is_still_a_duplicate() -> None:
    seed = SEEDS[0]
    renamed = ed25519_cosigner("renamed.example", seed, lambda: 0).vkey
    with pytest.raises(Invalid, match="not listed yet"):
        with_witnesses(f"witness new {renamed}\nquorum none\n")
    as_cosigner = ed25519_cosigner("log.example", sha256(b"log-test-key").digest(), lambda: 0).vkey
    with pytest.raises(Invalid, match="not listed yet"):
        with_witnesses(f"log {as_cosigner}\nquorum none\n")


def test_two_keys_of_one_name_and_id_are_refused() -> None:
    """Key ids have 32 bits: these two labels were found in two seconds."""
    labels = (b"collision 9274", b"collision 98500")
    one, other = (ed25519_cosigner("w.example", sha256(label).digest(), lambda: TIMESTAMP) for label in labels)
    assert one.key_id == other.key_id == bytes.fromhex("42d1cb51")
    assert one.verifier.public_key != other.verifier.public_key
    with pytest.raises(Invalid, match=r"expected one key for w\.example 42d1cb51, found two"):
        parse(f"witness a {one.vkey}\nwitness b {other.vkey}\nquorum none\n")
    with pytest.raises(Invalid, match=r"signature of w\.example"):
        parse(f"log {LOG.vkey}\nwitness a {one.vkey}\nquorum a\n").verify_checkpoint(sign_note(TEXT, [LOG, other]))


def test_unfit_public_keys_are_refused_when_the_policy_is_loaded() -> None:
    for material in (b"\x04" + bytes(32), b"\x04" + b"\x01" + bytes(31), b"\x04" + b"\xff" * 32):
        key_id = sha256(b"w\n" + material).digest()[:4].hex()
        vkey = f"w+{key_id}+" + b64encode(material).decode()
        with pytest.raises(Invalid, match=r"policy line 1: ed25519 public key"):
            parse(f"witness w {vkey}\nquorum w\n")


def test_names_are_opaque_octets() -> None:
    policy = parse_policy(
        f"log {LOG.vkey}\nwitness \x4b {W[0].vkey}\n".encode()
        + b"witness \xe2\x84\xaa\xff "
        + W[1].vkey.encode()
        + b" http://\xff/\ngroup # any K\nquorum \xe2\x84\xaa\xff\n"
    )
    assert policy.quorum == b"\xe2\x84\xaa\xff"
    assert policy.witnesses[1].url == b"http://\xff/"
    assert accepts(policy, [LOG, W[1]])
    assert not accepts(policy, [LOG, W[0]])


def test_a_vkey_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(Invalid, match="policy line 1: vkey: expected utf-8"):
        parse_policy(b"log \xff+00000000+AQ==\nquorum none\n")


def test_at_least_32_of_each_and_the_limits() -> None:
    def policy(logs: int, witnesses: int, groups: int) -> str:
        seeds = [sha256(b"many %d" % number).digest() for number in range(max(logs, witnesses))]
        lines = [f"log {ed25519_signer('l', seed).vkey}\n" for seed in seeds[:logs]]
        lines += [f"witness w{n} {ed25519_cosigner('w', seeds[n], lambda: 0).vkey}\n" for n in range(witnesses)]
        lines += ["group g0 any w0\n" if n == 0 else f"group g{n} any g{n - 1}\n" for n in range(groups)]
        return "".join(lines) + "quorum none\n"

    assert len(parse(policy(33, 33, 33)).groups) == 33
    assert len(parse(policy(0, 1, GROUPS_MAX)).groups) == GROUPS_MAX
    for counts, what in (((LOGS_MAX + 1, 0, 0), "logs"), ((0, WITNESSES_MAX + 1, 0), "witnesses")):
        with pytest.raises(Invalid, match=f"expected at most 256 {what}, found more"):
            parse(policy(*counts))
    with pytest.raises(Invalid, match="expected at most 256 groups, found more"):
        parse(policy(0, 1, GROUPS_MAX + 1))


def test_the_size_limit() -> None:
    end = "\nquorum none\n"
    assert parse("#" * (POLICY_BYTES_MAX - len(end)) + end).quorum == b"none"
    with pytest.raises(Invalid, match=f"at most {POLICY_BYTES_MAX} bytes"):
        parse("#" * (POLICY_BYTES_MAX - len(end) + 1) + end)


def test_formatting_gives_a_policy_that_parses() -> None:
    pq = mldsa44_cosigner("w.example", bytes(32), lambda: 0)
    text = format_policy(
        logs=[LOG.vkey, OTHER_LOG.vkey],
        witnesses=[("court", COURT.vkey), ("pq", pq.vkey)],
        groups=[("both", "all", ["court", "pq"]), ("one", 1, ["both"])],
        quorum="one",
    )
    assert text.decode().splitlines()[-3:] == ["group both all court pq", "group one 1 both", "quorum one"]
    assert parse_policy(text).groups[0] == Group(b"both", 2, (b"court", b"pq"))


@pytest.mark.parametrize("name", ["", "two words", "a\nb", "none", "\udc80", "a\x00b"])
def test_formatting_refuses_what_would_not_parse(name: str) -> None:
    with pytest.raises(Invalid, match=r"policy|expected a name"):
        format_policy(logs=[LOG.vkey], witnesses=[(name, COURT.vkey)], quorum="none")
    with pytest.raises(Invalid, match="a name defined above"):
        format_policy(logs=[LOG.vkey], quorum="nobody")
