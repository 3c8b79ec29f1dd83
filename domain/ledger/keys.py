"""Verifier keys and signers of signed notes (C2SP signed-note, tlog-cosignature).

Format. A *vkey* is `<name>+<8 hex digits of the key id>+<base64(type || public key)>`; the key id is the first four
bytes of SHA256(name || 0x0a || type || public key). The types known here, with what is signed:

- 01 Ed25519: 64 bytes over the note text.
- 04 Ed25519 timestamped cosignature: u64be seconds since the epoch, then 64 bytes over
  `cosignature/v1\\ntime <seconds>\\n` + note text.
- 06 ML-DSA-44 timestamped cosignature: u64be seconds, then 2,420 bytes (empty context) over
  `subtree/v1\\n\\0` || u8 length || name || u64be seconds || u8 length || origin || u64be 0 || u64be size || root.
  The note text must be a checkpoint.

Departures from C2SP, all stricter: a key id that is not the hash above is refused for every type; so is an Ed25519 key
that is not a canonical encoding, not a point, or a point of small order (for which one signature fits many messages).

Example: `example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k` (type 01)
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import sha256
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from domain.ledger.checkpoint import parse_checkpoint
from domain.ledger.curve import check_ed25519_public_key
from domain.ledger.errors import Invalid
from domain.ledger.text import KEY_NAME_BYTES_MAX, UINT63_MAX, check_key_name, decode_base64, encode_base64, encode_text

KEY_ID_BYTES: Final = 4
SEED_BYTES: Final = 32
VKEY_CHARS_MAX: Final = 4096
TIMESTAMP_BYTES: Final = 8
TIMESTAMP_MAX: Final = UINT63_MAX


class KeyType(IntEnum):
    """The signature type byte of C2SP signed-note."""

    ED25519 = 0x01
    ED25519_COSIGNATURE = 0x04
    MLDSA44_COSIGNATURE = 0x06


PUBLIC_KEY_BYTES: Final = {KeyType.ED25519: 32, KeyType.ED25519_COSIGNATURE: 32, KeyType.MLDSA44_COSIGNATURE: 1312}
SIGNATURE_BYTES: Final = {KeyType.ED25519: 64, KeyType.ED25519_COSIGNATURE: 72, KeyType.MLDSA44_COSIGNATURE: 2428}


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key with the name and type under which it signs notes; equal if all three are.

    Raises:
        Invalid: on construction, a name, type or public key that the formats above do not allow.
    """

    name: str
    key_type: KeyType
    public_key: bytes
    key_id: bytes = field(init=False)
    _loaded: Ed25519PublicKey | MLDSA44PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check every part, load the key and compute the key id."""
        check_key_name(self.name)
        name_bytes = len(encode_text(self.name, "key name"))
        if name_bytes > KEY_NAME_BYTES_MAX:
            raise Invalid(f"key name: expected at most {KEY_NAME_BYTES_MAX} bytes, found {name_bytes}")
        if len(self.public_key) != PUBLIC_KEY_BYTES[self.key_type]:
            expected = PUBLIC_KEY_BYTES[self.key_type]
            raise Invalid(f"public key of {self.name}: expected {expected} bytes, found {len(self.public_key)}")
        object.__setattr__(self, "_loaded", _load_public_key(self.key_type, self.public_key))
        object.__setattr__(self, "key_id", _key_id(self.name, self.key_type, self.public_key))

    @property
    def vkey(self) -> str:
        """Return the key in vkey form."""
        material = encode_base64(bytes((self.key_type,)) + self.public_key).decode("ascii")
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def timestamp(self, signature: bytes) -> int | None:
        """Return the seconds since the epoch that a cosignature claims; None for type 01. Not verified."""
        if self.key_type is KeyType.ED25519:
            return None
        return int.from_bytes(signature[:TIMESTAMP_BYTES], "big")

    def verify(self, text: bytes, signature: bytes) -> None:
        """Verify `signature` (as it stands in a note, without the key id) over the note text.

        Raises:
            Invalid: a wrong signature, length or timestamp; for type 06 also a text that is no checkpoint.
        """
        if len(signature) != SIGNATURE_BYTES[self.key_type]:
            expected = SIGNATURE_BYTES[self.key_type]
            raise Invalid(f"signature of {self.name}: expected {expected} bytes, found {len(signature)}")
        timestamp = self.timestamp(signature)
        message = _message(self.name, self.key_type, text, timestamp)
        try:
            self._loaded.verify(signature if timestamp is None else signature[TIMESTAMP_BYTES:], message)
        except InvalidSignature as err:
            key_id = self.key_id.hex()
            raise Invalid(
                f"signature of {self.name} ({key_id}): expected one that verifies, found a wrong one"
            ) from err


class Signer(Protocol):
    """Someone who signs note texts: a key in memory, in a file, in a token or at another service."""

    @property
    def name(self) -> str:
        """Return the key name of the signature line."""

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that stand before the signature."""

    def sign(self, text: bytes) -> bytes:
        """Return the signature over a note text, without the key id, in the form `Verifier.verify` takes.

        May block. May refuse the text with Invalid (a cosigner takes checkpoints only).
        """


class NoteSigner:
    """A private key in memory. Never printed: its repr shows the public half only. Safe for concurrent use."""

    __slots__ = ("_clock", "_key", "verifier")

    def __init__(
        self, verifier: Verifier, key: Ed25519PrivateKey | MLDSA44PrivateKey, clock: Callable[[], int] | None = None
    ) -> None:
        """Join a private key and its verifier; `clock` (seconds since the epoch) is there for cosigners only."""
        self.verifier = verifier
        self._key = key
        self._clock = clock

    def __repr__(self) -> str:
        """Return the name and key id, never the key."""
        return f"NoteSigner({self.name!r}, {self.key_id.hex()!r})"

    @property
    def name(self) -> str:
        """Return the key name."""
        return self.verifier.name

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that stand before the signature."""
        return self.verifier.key_id

    @property
    def vkey(self) -> str:
        """Return the public half in vkey form."""
        return self.verifier.vkey

    def sign(self, text: bytes) -> bytes:
        """Return the signature over `text`; 0.05 ms Ed25519, 0.8 ms ML-DSA-44.

        Ed25519 gives the same bytes each time; ML-DSA-44 does not (hedged signing, FIPS 204 §3.4).

        Raises:
            Invalid: a cosigner was given a text that is no checkpoint, or a clock outside 0..2^63-1.
        """
        if self._clock is None:
            return self._key.sign(text)
        parse_checkpoint(text)
        timestamp = self._clock()
        message = _message(self.name, self.verifier.key_type, text, timestamp)
        return timestamp.to_bytes(TIMESTAMP_BYTES, "big") + self._key.sign(message)


def parse_vkey(vkey: str) -> Verifier:
    """Return the verifier that a vkey spells; `parse_vkey(v).vkey == v`.

    Raises:
        Invalid: another form, an unknown signature type, a key id that is not the key's, or a key that is refused.
    """
    if len(vkey) > VKEY_CHARS_MAX:
        raise Invalid(f"vkey: expected at most {VKEY_CHARS_MAX} characters, found {len(vkey)}")
    parts = vkey.split("+", 2)
    if len(parts) != 3:
        raise Invalid(f"vkey: expected name+id+key, found {vkey[:80]!r}")
    name, key_id, encoded = parts
    material = decode_base64(encode_text(encoded, "vkey"), f"vkey {name[:80]}")
    if not material or material[0] not in PUBLIC_KEY_BYTES:
        raise Invalid(f"vkey {name[:80]}: expected signature type 01, 04 or 06, found {material[:1].hex() or 'none'}")
    verifier = Verifier(name, KeyType(material[0]), material[1:])
    if key_id != verifier.key_id.hex():
        raise Invalid(f"vkey {name}: expected key id {verifier.key_id.hex()}, found {key_id[:16]!r}")
    return verifier


def ed25519_signer(name: str, seed: bytes) -> NoteSigner:
    """Return a log's Ed25519 signer (type 01) from its 32-byte seed (the RFC 8032 private key).

    Raises:
        Invalid: a bad name, or a seed of another length.
    """
    return _ed25519(name, KeyType.ED25519, seed, None)


def ed25519_cosigner(name: str, seed: bytes, clock: Callable[[], int]) -> NoteSigner:
    """Return an Ed25519 cosigner (type 04) from its 32-byte seed; `clock` gives seconds since the epoch.

    Raises:
        Invalid: a bad name, or a seed of another length.
    """
    return _ed25519(name, KeyType.ED25519_COSIGNATURE, seed, clock)


def mldsa44_cosigner(name: str, seed: bytes, clock: Callable[[], int]) -> NoteSigner:
    """Return an ML-DSA-44 cosigner (type 06) from its 32-byte seed (FIPS 204 xi); `clock` gives seconds.

    Raises:
        Invalid: a bad name, or a seed of another length.
    """
    key = MLDSA44PrivateKey.from_seed_bytes(_check_seed(seed))
    return NoteSigner(Verifier(name, KeyType.MLDSA44_COSIGNATURE, key.public_key().public_bytes_raw()), key, clock)


def _ed25519(name: str, key_type: KeyType, seed: bytes, clock: Callable[[], int] | None) -> NoteSigner:
    key = Ed25519PrivateKey.from_private_bytes(_check_seed(seed))
    return NoteSigner(Verifier(name, key_type, key.public_key().public_bytes_raw()), key, clock)


def _check_seed(seed: bytes) -> bytes:
    if len(seed) != SEED_BYTES:
        raise Invalid(f"key seed: expected {SEED_BYTES} bytes, found {len(seed)}")
    return seed


def _key_id(name: str, key_type: KeyType, public_key: bytes) -> bytes:
    return sha256(name.encode("utf-8") + b"\n" + bytes((key_type,)) + public_key).digest()[:KEY_ID_BYTES]


def _load_public_key(key_type: KeyType, public_key: bytes) -> Ed25519PublicKey | MLDSA44PublicKey:
    """Return the key object. Every 1,312-byte string is a canonical ML-DSA-44 key (FIPS 204 §7.2)."""
    if key_type is KeyType.MLDSA44_COSIGNATURE:
        return MLDSA44PublicKey.from_public_bytes(public_key)
    check_ed25519_public_key(public_key)
    return Ed25519PublicKey.from_public_bytes(public_key)


def _message(name: str, key_type: KeyType, text: bytes, timestamp: int | None) -> bytes:
    """Return the bytes that a key of `key_type` signs for a note text."""
    if timestamp is None:
        return text
    if not 0 <= timestamp <= TIMESTAMP_MAX:
        raise Invalid(f"cosignature of {name}: expected a time of 0..{TIMESTAMP_MAX} s, found {timestamp}")
    if key_type is KeyType.ED25519_COSIGNATURE:
        return b"cosignature/v1\ntime %d\n%b" % (timestamp, text)
    checkpoint = parse_checkpoint(text)
    name_bytes, origin = name.encode("utf-8"), checkpoint.origin.encode("utf-8")
    return b"".join(
        (
            b"subtree/v1\n\x00",
            bytes((len(name_bytes),)) + name_bytes,
            timestamp.to_bytes(8, "big"),
            bytes((len(origin),)) + origin,
            (0).to_bytes(8, "big"),
            checkpoint.size.to_bytes(8, "big"),
            checkpoint.root,
        )
    )
