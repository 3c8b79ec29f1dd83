"""A second reader of SD-JWT, written from RFC 9901 §7 with `cryptography` and the standard library alone.

It shares no code with the program: JSON of the standard library, base64url as RFC 7515 has it, any claims, `_sd` at any
depth. It knows Ed25519 and SHA-256 only, in the compact form.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class Wrong(Exception):
    """The presentation does not verify."""


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def verify(presentation: str, issuer: bytes, *, audience: str | None = None, nonce: str | None = None) -> Any:
    """Return the processed payload (RFC 9901 §7.1, and §7.3 where a nonce is expected). Raises: Wrong."""
    jwt, *disclosures, binding = presentation.split("~")
    header, payload = opened(jwt, issuer)
    if header["typ"] != "dc+sd-jwt" or header["alg"] != "EdDSA" or payload["_sd_alg"] != "sha-256":
        raise Wrong("header")
    by_digest = {b64(hashlib.sha256(one.encode()).digest()): json.loads(unb64(one)) for one in disclosures}
    used: set[str] = set()
    processed = unfold(payload, by_digest, used)
    if used != set(by_digest) or len(by_digest) != len(disclosures):
        raise Wrong("a disclosure that belongs to no digest")
    processed.pop("_sd_alg")
    if nonce is not None:
        kb_header, kb = opened(binding, unb64(payload["cnf"]["jwk"]["x"]))
        over = "~".join([jwt, *disclosures, ""])
        expected = {"aud": audience, "nonce": nonce, "sd_hash": b64(hashlib.sha256(over.encode()).digest())}
        if kb_header["typ"] != "kb+jwt" or {name: kb[name] for name in expected} != expected:
            raise Wrong("key binding")
    return processed


def opened(jwt: str, public: bytes) -> tuple[Any, Any]:
    header, payload, signature = jwt.split(".")
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(unb64(signature), f"{header}.{payload}".encode())
    except InvalidSignature as err:
        raise Wrong("signature") from err
    return json.loads(unb64(header)), json.loads(unb64(payload))


def unfold(value: Any, by_digest: dict[str, Any], used: set[str]) -> Any:
    if isinstance(value, list):
        return [unfold(one, by_digest, used) for one in value]
    if not isinstance(value, dict):
        return value
    made = {name: unfold(one, by_digest, used) for name, one in value.items() if name != "_sd"}
    for digest in value.get("_sd", []):
        if digest in by_digest:
            _, name, told = by_digest[digest]
            if name in made or digest in used:
                raise Wrong("a claim twice")
            used.add(digest)
            made[name] = unfold(told, by_digest, used)
    return made


def compact(header: Any, payload: Any, seed: bytes) -> str:
    """Return a signed JWT."""
    text = ".".join(b64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, payload))
    return f"{text}.{b64(Ed25519PrivateKey.from_private_bytes(seed).sign(text.encode()))}"


def disclosure(salt: str, name: str, value: Any) -> str:
    return b64(json.dumps([salt, name, value], ensure_ascii=False).encode())


def bound(jwt: str, disclosures: Sequence[str], seed: bytes, *, audience: str, nonce: str, iat: int) -> str:
    """Return a presentation with a key binding (RFC 9901 §4.3)."""
    over = "~".join([jwt, *disclosures, ""])
    payload = {"iat": iat, "aud": audience, "nonce": nonce, "sd_hash": b64(hashlib.sha256(over.encode()).digest())}
    return over + compact({"alg": "EdDSA", "typ": "kb+jwt"}, payload, seed)
