"""What a party signs: the binding of a key, and each command that it stands for.

**Binding.** The text, signed by the key that is to be bound (Ed25519, the signature alone, base64):

    edgeprint/key-binding/v1
    <ledger id, a hyphenated UUID>
    <vkey>

**Attestation** (formats, section 2): the signature is over the RFC 8785 form of the command, an object of `actor`,
`command` (its name), `id` (the command id), `input`, `ledger` and `on_behalf_of`; the document
{"command", "key", "signature"} in RFC 8785 form is kept in the blob store, and its SHA-256 stands in the envelope of
every event that the command made. A key signs for one party of one ledger: both stand in what is signed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from domain.errors import Invalid, Rejected
from domain.events import Sha256
from domain.ids import LedgerId, PartyId, parse_party_id
from domain.ledger.keys import KeyType, NoteSigner, Verifier, parse_vkey
from domain.ledger.text import encode_base64


@dataclass(frozen=True, slots=True)
class Attestation:
    """A signed command: the text that was signed, by which key, and the digest of the document that is kept."""

    text: bytes
    key: str
    signature: bytes
    digest: Sha256


def key_of_party(key: str, party: PartyId) -> Verifier:
    """Return the verifier of a party's key.

    Raises:
        Invalid: it is no Ed25519 vkey (type 01), or is not named by the party's identifier: a free name could be a
            person's.
    """
    verifier = parse_vkey(key)
    named = parse_party_id(verifier.name)
    if named != party or verifier.key_type is not KeyType.ED25519:
        raise Invalid(f"expected an Ed25519 vkey (type 01) of party {party}, found type {verifier.key_type} of {named}")
    return verifier


def binding_text(ledger: LedgerId, key: str) -> bytes:
    """Return what a key signs to be bound in one ledger."""
    return f"edgeprint/key-binding/v1\n{ledger}\n{key}\n".encode()


def prove_binding(signer: NoteSigner, ledger: LedgerId) -> str:
    """Return the proof that binds a signer's own key in a ledger, base64."""
    return encode_base64(signer.sign(binding_text(ledger, signer.vkey))).decode()


def verify_attestation(attestation: Attestation, party: PartyId, keys: Sequence[str]) -> None:
    """Return if one of the party's keys in force has signed the command.

    Raises:
        Rejected: the key is none of these, or the signature is wrong.
    """
    if attestation.key not in keys:
        raise Rejected(f"expected a signature by one of the {len(keys)} keys in force of {party}, found another key")
    try:
        _verify(attestation.key, party, attestation.text, attestation.signature)
    except Invalid as err:
        raise Rejected(f"the command's signature is wrong: {err}") from err


@lru_cache(maxsize=64)
def _verify(key: str, party: PartyId, text: bytes, signature: bytes) -> None:
    """Return if the signature is right, and remember that: one stands for all files of a batch. Raises: Invalid."""
    key_of_party(key, party).verify(text, signature)
