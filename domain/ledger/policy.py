"""Policies: the trust file that says when a checkpoint is valid (C2SP tlog-policy).

Format. Lines ended by newline; items parted by spaces and tabs; empty lines and lines whose first item begins with `#`
are ignored. Allowed octets: tab, newline, 0x20-0x7e, 0x80-0xff. Names are opaque octets, at most 255.

    log <vkey> [<url>]
    witness <name> <vkey> [<url>]
    group <name> all|any|<k> <member>...
    quorum <name>|none

A name is defined once (`none` is taken) and before it is used; it is a member of at most one group; a public key
stands in at most one log line and at most one witness line, under whatever name and key id; k is 1..members, decimal;
exactly one quorum line. At most 1 MiB and 256 each of logs, witnesses and groups.

A checkpoint is valid if one of the logs signed it, under a key whose name is the checkpoint's origin, and enough
witnesses cosigned it. A known key's line that does not verify makes it invalid, whoever else signed.

The ML-DSA-44 key of a log of ours is listed as a witness too and required in the quorum: with the log line alone,
stripping that signature from a note would go unnoticed.

Departures from C2SP, all stricter: a log key is of type 01, 04 or 06 and a witness key of type 04 or 06; one (name, key
id) cannot stand for two keys; the last line must end in a newline.

Example, the policy of the test log:

    log film-ledger.example/cn-east+c5329131+AYQYRrArDsJHJ6+Vnqi+ONJWOTde7+1y+zjeM9Cwcn6g
    witness court witness.example/court+e9d07d7a+BFl8b9ONWQiHfGO9Z+/w0Cu1mD1Fv1ydqXsdMu8fpMpv
    quorum court
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.ledger.checkpoint import Checkpoint, parse_checkpoint
from domain.ledger.errors import Invalid
from domain.ledger.note import KeyType, OpenedNote, Verifier, open_note, parse_vkey
from domain.ledger.text import decode_text, encode_text, parse_decimal

POLICY_BYTES_MAX: Final = 1 << 20
LOGS_MAX: Final = 256
WITNESSES_MAX: Final = 256
GROUPS_MAX: Final = 256
NAME_BYTES_MAX: Final = 255
NONE: Final = b"none"

_OCTETS = frozenset(b"\t\n") | frozenset(range(0x20, 0x7F)) | frozenset(range(0x80, 0x100))


@dataclass(frozen=True, slots=True)
class Log:
    """A log whose checkpoints are accepted; the key's name is its origin. `url` is opaque."""

    verifier: Verifier
    url: bytes | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """A cosigner; `name` has a meaning inside the policy only."""

    name: bytes
    verifier: Verifier
    url: bytes | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A group that has witnessed a checkpoint when at least `threshold` of its members have."""

    name: bytes
    threshold: int
    members: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed policy; build it with `parse_policy`, which alone checks the rules above."""

    logs: tuple[Log, ...]
    witnesses: tuple[Witness, ...]
    groups: tuple[Group, ...]
    quorum: bytes

    @property
    def verifiers(self) -> tuple[Verifier, ...]:
        """Return the keys of all logs and witnesses."""
        return tuple(log.verifier for log in self.logs) + tuple(witness.verifier for witness in self.witnesses)

    def verify_checkpoint(self, note: bytes) -> Checkpoint:
        """Return the checkpoint in `note` once a log's signature and the quorum have been verified.

        Raises:
            Invalid: a malformed note or checkpoint, a known key's wrong signature, no signature of a log with this
                origin, or a quorum that is not met (the message names the witnesses that are missing).
        """
        return self.open_checkpoint(note)[0]

    def open_checkpoint(self, note: bytes) -> tuple[Checkpoint, OpenedNote]:
        """Do what `verify_checkpoint` does and return the opened note too (cosignature times, unknown lines)."""
        opened = open_note(note, self.verifiers)
        checkpoint = parse_checkpoint(opened.text)
        signed = {signature.key for signature in opened.verified}
        logs = [log.verifier for log in self.logs if log.verifier.name == checkpoint.origin]
        if not any((log.name, log.key_id) in signed for log in logs):
            found = f"{len(logs)} known keys of that name, none of which signed"
            raise Invalid(f"checkpoint of {checkpoint.origin}: expected the signature of this log, found {found}")
        self._check_quorum(signed)
        return checkpoint, opened

    def _check_quorum(self, signed: set[tuple[str, bytes]]) -> None:
        witnessed = {w.name for w in self.witnesses if (w.verifier.name, w.verifier.key_id) in signed}
        missing = [witness.name for witness in self.witnesses if witness.name not in witnessed]
        for group in self.groups:
            if sum(member in witnessed for member in group.members) >= group.threshold:
                witnessed.add(group.name)
        if self.quorum != NONE and self.quorum not in witnessed:
            names = ", ".join(_show(name) for name in missing)
            raise Invalid(f"checkpoint: expected the quorum {_show(self.quorum)}, found no cosignature of {names}")


def parse_policy(data: bytes) -> Policy:
    """Return the policy that a file spells.

    Raises:
        Invalid: a rule of the format is broken; the message names the line, counted from 1.
    """
    if len(data) > POLICY_BYTES_MAX:
        raise Invalid(f"policy: expected at most {POLICY_BYTES_MAX} bytes, found {len(data)}")
    if not _OCTETS.issuperset(data):
        octet = min(set(data) - _OCTETS)
        raise Invalid(f"policy: expected tab, newline, 0x20-0x7e and 0x80-0xff only, found {octet:#04x}")
    if not data.endswith(b"\n"):
        raise Invalid("policy: expected a newline at the end")
    parser = _Parser()
    for number, line in enumerate(data[:-1].split(b"\n"), 1):
        items = [item for item in line.replace(b"\t", b" ").split(b" ") if item]
        if items and not items[0].startswith(b"#"):
            try:
                parser.line(items)
            except Invalid as err:
                raise Invalid(f"policy line {number}: {err}") from err
    return parser.policy()


def format_policy(
    *,
    logs: Sequence[str],
    witnesses: Sequence[tuple[str, str]] = (),
    groups: Sequence[tuple[str, str | int, Sequence[str]]] = (),
    quorum: str = "none",
) -> bytes:
    """Return the policy file of these vkeys, (name, vkey) pairs, (name, all|any|k, members) groups and quorum.

    A log of ours with both keys and no other witness:
    `format_policy(logs=[vkey], witnesses=[("log-pq", mldsa_vkey)], quorum="log-pq")`.

    Raises:
        Invalid: `parse_policy` would refuse the result.
    """
    lines: list[tuple[str, ...]] = [("log", vkey) for vkey in logs]
    lines += [("witness", name, vkey) for name, vkey in witnesses]
    lines += [("group", name, str(threshold), *members) for name, threshold, members in groups]
    lines += [("quorum", quorum)]
    if any(item == "" or not set(" \t\n").isdisjoint(item) for line in lines for item in line):
        raise Invalid("policy: expected names and vkeys that are not empty and have no white space")
    data = "".join(" ".join(line) + "\n" for line in lines)
    encoded = encode_text(data, "policy")
    parse_policy(encoded)
    return encoded


class _Parser:
    """What has been read so far; `line` checks one line against it."""

    def __init__(self) -> None:
        self.logs: list[Log] = []
        self.witnesses: list[Witness] = []
        self.groups: list[Group] = []
        self.quorum: bytes | None = None
        self.defined: set[bytes] = set()
        self.members: set[bytes] = set()

    def line(self, items: list[bytes]) -> None:
        keyword, *rest = items
        if keyword == b"log" and len(rest) in (1, 2):
            self.log(*rest)
        elif keyword == b"witness" and len(rest) in (2, 3):
            self.witness(*rest)
        elif keyword == b"group" and len(rest) >= 3:
            self.group(rest[0], rest[1], tuple(rest[2:]))
        elif keyword == b"quorum" and len(rest) == 1:
            self.set_quorum(rest[0])
        else:
            raise Invalid(f"expected log, witness, group or quorum with its items, found {_show(b' '.join(items))}")

    def log(self, vkey: bytes, url: bytes | None = None) -> None:
        verifier = _parse_key(vkey, (KeyType.ED25519, KeyType.ED25519_COSIGNATURE, KeyType.MLDSA44_COSIGNATURE))
        _check_room("logs", len(self.logs), LOGS_MAX)
        _check_new_key(verifier, [log.verifier for log in self.logs])
        self.logs.append(Log(verifier, url))

    def witness(self, name: bytes, vkey: bytes, url: bytes | None = None) -> None:
        verifier = _parse_key(vkey, (KeyType.ED25519_COSIGNATURE, KeyType.MLDSA44_COSIGNATURE))
        _check_room("witnesses", len(self.witnesses), WITNESSES_MAX)
        _check_new_key(verifier, [witness.verifier for witness in self.witnesses])
        self.define(name)
        self.witnesses.append(Witness(name, verifier, url))

    def group(self, name: bytes, threshold: bytes, members: tuple[bytes, ...]) -> None:
        _check_room("groups", len(self.groups), GROUPS_MAX)
        for member in members:
            if member not in self.defined:
                raise Invalid(f"group {_show(name)}: expected members defined above, found {_show(member)}")
            if member in self.members:
                raise Invalid(f"group {_show(name)}: expected {_show(member)} to be a member once, found it twice")
            self.members.add(member)
        words = {b"any": 1, b"all": len(members)}
        needed = words[threshold] if threshold in words else parse_decimal(threshold, "threshold", len(members))
        if needed < 1:
            raise Invalid(f"group {_show(name)}: expected a threshold of 1..{len(members)}, found {needed}")
        self.define(name)
        self.groups.append(Group(name, needed, members))

    def set_quorum(self, name: bytes) -> None:
        if self.quorum is not None:
            raise Invalid("expected one quorum line, found a second one")
        if name != NONE and name not in self.defined:
            raise Invalid(f"quorum: expected none or a name defined above, found {_show(name)}")
        self.quorum = name

    def define(self, name: bytes) -> None:
        if name == NONE or name in self.defined:
            raise Invalid(f"expected a name that is not taken, found {_show(name)}")
        if len(name) > NAME_BYTES_MAX:
            raise Invalid(f"expected a name of at most {NAME_BYTES_MAX} bytes, found {len(name)}")
        self.defined.add(name)

    def policy(self) -> Policy:
        if self.quorum is None:
            raise Invalid("policy: expected one quorum line, found none")
        by_id: dict[tuple[str, bytes], Verifier] = {}
        policy = Policy(tuple(self.logs), tuple(self.witnesses), tuple(self.groups), self.quorum)
        for verifier in policy.verifiers:
            if by_id.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
                raise Invalid(f"policy: expected one key for {verifier.name} {verifier.key_id.hex()}, found two")
        return policy


def _parse_key(vkey: bytes, allowed: tuple[KeyType, ...]) -> Verifier:
    verifier = parse_vkey(decode_text(vkey, "vkey"))
    if verifier.key_type not in allowed:
        types = ", ".join(f"{key_type:02x}" for key_type in allowed)
        raise Invalid(f"vkey {verifier.name}: expected signature type {types}, found {verifier.key_type:02x}")
    return verifier


def _check_new_key(verifier: Verifier, others: Sequence[Verifier]) -> None:
    if any(verifier.public_key == other.public_key for other in others):
        raise Invalid(f"vkey {verifier.name}: expected a public key that is not listed yet, found it twice")


def _check_room(what: str, count: int, count_max: int) -> None:
    if count >= count_max:
        raise Invalid(f"expected at most {count_max} {what}, found more")


def _show(octets: bytes) -> str:
    """Return opaque octets for an error message."""
    return repr(octets[:80].decode("utf-8", "backslashreplace"))
