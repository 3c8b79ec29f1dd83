"""Signed notes: a text and the lines of those who signed it (C2SP signed-note).

Format. UTF-8 without ASCII control characters other than newline, at most 1 MB. First the text, which ends in a
newline and may hold empty lines; then one empty line; then 1..100 signature lines
`— <key name> <base64(4-byte key id || signature)>` (U+2014, space). Text and signatures part at the LAST empty line.
Keys, signature types and what exactly is signed: keys.py.

Opening follows C2SP: a line whose (name, key id) no verifier has is set aside; a line that a verifier has must verify,
or the whole note is refused; a note in which nothing verified is refused. Where one key signed twice (a cosignature
may be renewed) every line must verify and the first one counts. The text must not be used before the note was opened.

Example, for `example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k`:

    This is an example message.

    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from domain.ledger.errors import Invalid
from domain.ledger.keys import (
    KEY_ID_BYTES,
    KeyType,
    NoteSigner,
    Signer,
    Verifier,
    ed25519_cosigner,
    ed25519_signer,
    mldsa44_cosigner,
    parse_vkey,
)
from domain.ledger.text import check_key_name, decode_base64, decode_text, encode_base64

__all__ = [
    "NOTE_BYTES_MAX",
    "SIGNATURES_MAX",
    "KeyType",
    "NoteSigner",
    "OpenedNote",
    "Signature",
    "Signer",
    "Verifier",
    "add_signatures",
    "ed25519_cosigner",
    "ed25519_signer",
    "format_signatures",
    "make_signatures",
    "mldsa44_cosigner",
    "open_note",
    "parse_note",
    "parse_signatures",
    "parse_vkey",
    "sign_note",
]

NOTE_BYTES_MAX: Final = 1_000_000
SIGNATURES_MAX: Final = 100
_LINE_START: Final = "— ".encode()


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: key name, 4-byte key id, signature bytes (with the leading timestamp of a cosignature).

    `timestamp` is the cosignature's time in seconds since the epoch, set by `open_note` on verified ones only.
    """

    name: str
    key_id: bytes
    signature: bytes
    timestamp: int | None = None

    @property
    def key(self) -> tuple[str, bytes]:
        """Return (name, key id), by which C2SP signed-note identifies a key."""
        return self.name, self.key_id


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note of which at least one known key signed the text.

    `verified` has one signature for each known key that signed, in the note's order; `unverified` are the lines of
    unknown keys, about which nothing is known.
    """

    text: bytes
    verified: tuple[Signature, ...]
    unverified: tuple[Signature, ...]


def open_note(note: bytes, verifiers: Iterable[Verifier]) -> OpenedNote:
    """Return the text of `note` once its signatures by `verifiers` have been verified.

    Raises:
        Invalid: a malformed note, a known key's line that does not verify, no line of a known key, or two different
            verifiers with one (name, key id).
    """
    known = _by_name_and_id(verifiers)
    text, signatures = parse_note(note)
    verified: dict[tuple[str, bytes], Signature] = {}
    unverified = []
    for signature in signatures:
        verifier = known.get(signature.key)
        if verifier is None:
            unverified.append(signature)
            continue
        verifier.verify(text, signature.signature)
        timed = replace(signature, timestamp=verifier.timestamp(signature.signature))
        verified.setdefault(signature.key, timed)
    if not verified:
        raise Invalid(f"note: expected a signature of one of {len(known)} known keys, found {_names(signatures)}")
    return OpenedNote(text, tuple(verified.values()), tuple(unverified))


def parse_note(note: bytes) -> tuple[bytes, tuple[Signature, ...]]:
    """Return the text and the signature lines of a note, nothing verified.

    Raises:
        Invalid: over 1 MB, not UTF-8, control characters, no empty line, or a malformed signature line.
    """
    if len(note) > NOTE_BYTES_MAX:
        raise Invalid(f"note: expected at most {NOTE_BYTES_MAX} bytes, found {len(note)}")
    decode_text(note, "note")
    split = note.rfind(b"\n\n")
    if split < 0:
        raise Invalid("note: expected an empty line between text and signatures, found none")
    return note[: split + 1], parse_signatures(note[split + 2 :])


def parse_signatures(lines: bytes) -> tuple[Signature, ...]:
    """Return the 1..100 signature lines that `lines` holds (the end of a note, or what a witness answers).

    Raises:
        Invalid: no line, too many lines, or one that is not `— <name> <base64>` and a newline.
    """
    decode_text(lines, "signature lines")
    if not lines.endswith(b"\n"):
        raise Invalid("signature lines: expected at least one line and a newline at the end")
    found = lines[:-1].split(b"\n", SIGNATURES_MAX)
    if len(found) > SIGNATURES_MAX:
        raise Invalid(f"signature lines: expected at most {SIGNATURES_MAX}, found more")
    return tuple(_parse_signature(line) for line in found)


def format_signatures(signatures: Iterable[Signature]) -> bytes:
    """Return the signature lines of `signatures`, each ended by a newline."""
    return b"".join(
        b"%b%b %b\n" % (_LINE_START, check_key_name(one.name).encode(), encode_base64(one.key_id + one.signature))
        for one in signatures
    )


def make_signatures(text: bytes, signers: Iterable[Signer]) -> tuple[Signature, ...]:
    """Return the signatures of `signers` over a note text, in their order. Blocks as long as the signers do.

    Raises:
        Invalid: a text that is not UTF-8 lines ending in a newline, or one that a cosigner refuses.
    """
    decode_text(text, "note text")
    if not text.endswith(b"\n"):
        raise Invalid("note text: expected a newline at the end")
    return tuple(Signature(signer.name, signer.key_id, signer.sign(text)) for signer in signers)


def sign_note(text: bytes, signers: Iterable[Signer]) -> bytes:
    """Return the note of `text` with one line for each signer, in their order.

    Raises:
        Invalid: no signer or more than 100, a text that is no note text or that a cosigner refuses, a note over 1 MB.
    """
    return _checked(text + b"\n" + format_signatures(make_signatures(text, signers)))


def add_signatures(note: bytes, signatures: Iterable[Signature]) -> bytes:
    """Return `note` with `signatures` (not verified here) put in.

    A line of the same (name, key id) is replaced where it stands, so a renewed cosignature does not pile up; the others
    go to the end in the order given. Text and all other lines keep their bytes.

    Raises:
        Invalid: a malformed note, or a result of more than 100 lines or 1 MB.
    """
    text, old = parse_note(note)
    new = {one.key: one for one in signatures}
    waiting = dict(new)
    merged = []
    for line in old:
        if line.key not in new:
            merged.append(line)
        elif line.key in waiting:
            merged.append(waiting.pop(line.key))
    return _checked(text + b"\n" + format_signatures([*merged, *waiting.values()]))


def _checked(note: bytes) -> bytes:
    parse_note(note)
    return note


def _parse_signature(line: bytes) -> Signature:
    name, space, encoded = line.removeprefix(_LINE_START).partition(b" ")
    if not line.startswith(_LINE_START) or not space:
        raise Invalid(f"signature line: expected — name base64, found {line[:80]!r}")
    data = decode_base64(encoded, "signature line")
    if len(data) <= KEY_ID_BYTES:
        raise Invalid(f"signature line: expected a key id and a signature, found {len(data)} bytes")
    return Signature(check_key_name(decode_text(name, "key name")), data[:KEY_ID_BYTES], data[KEY_ID_BYTES:])


def _by_name_and_id(verifiers: Iterable[Verifier]) -> dict[tuple[str, bytes], Verifier]:
    known: dict[tuple[str, bytes], Verifier] = {}
    for verifier in verifiers:
        if known.setdefault((verifier.name, verifier.key_id), verifier) != verifier:
            raise Invalid(f"verifiers: expected one key for {verifier.name} {verifier.key_id.hex()}, found two")
    return known


def _names(signatures: Iterable[Signature]) -> str:
    return ", ".join(sorted({f"{one.name[:80]} ({one.key_id.hex()})" for one in signatures})[:4])
