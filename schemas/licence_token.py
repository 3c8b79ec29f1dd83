"""The licence token: an SD-JWT VC (RFC 9901; draft-ietf-oauth-sd-jwt-vc) bound to the licensee's key, and its checks.

    <issuer-signed JWT>~<disclosure>~...~<disclosure>~[<key binding JWT>]

The issuer-signed JWT is what the ledger names: SHA-256 of its ASCII text is `token` of LicenceIssued. Header:
`{"alg": "EdDSA", "typ": "dc+sd-jwt", "kid": <vkey of the issuer>}`. Claims that are always disclosed: `iss` (the
ledger's holder), `vct` (`urn:edgeprint:licence:1`), `sub` (the licensee), `iat`, `nbf` and `exp` (the window [nbf,
exp), whole seconds), `cnf` (`{"jwk": {"kty": "OKP", "crv": "Ed25519", "x"}}`), `licence`, `objects`, `status`
(`{"ledger": {"origin", "size"}}`: which ledger, and its size when the token was made), `_sd_alg` (`sha-256`).
`scope` holds a digest in `_sd` for each component of the scope but its window; each can be disclosed by itself.

The key binding JWT has the header `{"alg": "EdDSA", "typ": "kb+jwt"}` and the claims `iat`, `aud`, `nonce` and
`sd_hash`, SHA-256 of everything before it.

Read more strictly than RFC 9901: one algorithm, one spelling of base64url, no claim that is not named here, each
disclosure belongs to one digest of `scope` and each component stands once.
"""

import hashlib
from base64 import b64decode, urlsafe_b64encode
from binascii import Error
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from domain.errors import Invalid
from domain.events import Sha256
from domain.ids import parse_licence_id, parse_object_id, parse_party_id
from domain.ledger.keys import KeyType, Verifier, parse_vkey
from domain.rights.scope import Component
from schemas.strict_json import parse_strict

ALGORITHM: Final = "EdDSA"
TOKEN_TYPE: Final = "dc+sd-jwt"
BINDING_TYPE: Final = "kb+jwt"
TOKEN_VERSION: Final = "urn:edgeprint:licence:1"
TOKEN_BYTES_MAX: Final = 65_536
TOKEN_DEPTH_MAX: Final = 8
DISCLOSED: Final = tuple(one for one in Component if one not in (Component.WINDOW, Component.SUBLICENCE_DEPTH))
"""The components of the scope that a holder may disclose or keep; the window always stands there."""
SECONDS_MAX: Final = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp())
CLAIMS: Final = frozenset(
    ("iss", "vct", "sub", "iat", "nbf", "exp", "cnf", "licence", "objects", "status", "scope", "_sd_alg")
)


@dataclass(frozen=True, slots=True)
class Binding:
    """A key binding JWT, nothing of it verified."""

    signing_input: bytes
    signature: bytes
    audience: str
    nonce: str
    issued_at: int
    sd_hash: str


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was read, its signatures not verified; `claims` hold what is disclosed in place of digests.

    `undisclosed` are the digests of the scope to which no disclosure belongs, in base64url and as they are ordered.
    """

    signed: str
    signing_input: bytes
    signature: bytes
    issuer: Verifier
    claims: dict[str, Any]
    disclosures: tuple[str, ...]
    holder_key: bytes
    undisclosed: tuple[str, ...]
    binding: Binding | None

    @property
    def hidden(self) -> int:
        """Return how many components of the scope are not disclosed."""
        return len(self.undisclosed)

    @property
    def digest(self) -> Sha256:
        """Return what stands in LicenceIssued."""
        return Sha256(hashlib.sha256(self.signed.encode()).digest())

    @property
    def bound(self) -> str:
        """Return the text over which the key binding stands."""
        return f"{self.signed}~{''.join(f'{one}~' for one in self.disclosures)}"


def encode_base64url(data: bytes) -> str:
    """Return base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode_base64url(text: str, where: str) -> bytes:
    """Return the bytes of base64url without padding, of which there is one spelling. Raises: Invalid."""
    try:
        data = b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (Error, ValueError) as err:
        raise Invalid(f"{where}: expected base64url without padding") from err
    if encode_base64url(data) != text:
        raise Invalid(f"{where}: expected base64url in its one spelling")
    return data


def parse_token(text: str) -> Token:
    """Return a token or a presentation. Nothing is verified. Raises: Invalid, and nothing else."""
    if len(text) > TOKEN_BYTES_MAX or not text.isascii():
        raise Invalid(f"token: expected at most {TOKEN_BYTES_MAX} characters of ASCII")
    if "~" not in text:
        raise Invalid("token: expected a signed JWT, then a ~ after it and after each disclosure")
    signed, *disclosures, last = text.split("~")
    header, claims, signing_input, signature = _jwt(signed, "token")
    _require_members(header, {"alg", "typ", "kid"}, "token header")
    _require_equal(header["alg"], ALGORITHM, "token alg")
    _require_equal(header["typ"], TOKEN_TYPE, "token typ")
    issuer = _issuer(header["kid"], claims)
    holder_key = _check_claims(claims)
    told, undisclosed = _disclosed(claims["scope"], disclosures)
    return Token(
        signed,
        signing_input,
        signature,
        issuer,
        {**claims, "scope": told},
        tuple(disclosures),
        holder_key,
        undisclosed,
        _binding(last) if last else None,
    )


def verify_signature(token: Token) -> None:
    """Return if the issuer's key, which the token names itself, has signed it; whose key that is, is not asked.

    Raises: Invalid.
    """
    token.issuer.verify(token.signing_input, token.signature)


def verify_binding(token: Token, audience: str, nonce: str) -> None:
    """Return if the holder's key has signed this presentation for an audience with a nonce. Raises: Invalid."""
    binding = token.binding
    if binding is None:
        raise Invalid("key binding: expected one, found none: whoever has the token may have copied it")
    if binding.audience != audience:
        raise Invalid(f"key binding: expected the audience {audience[:200]!r}, found {binding.audience[:200]!r}")
    if binding.nonce != nonce:
        raise Invalid("key binding: expected the nonce that was given, found another")
    if binding.sd_hash != encode_base64url(hashlib.sha256(token.bound.encode()).digest()):
        raise Invalid("key binding: expected it over this presentation, found it over another")
    Verifier(token.claims["sub"], KeyType.ED25519, token.holder_key).verify(binding.signing_input, binding.signature)


def verify_window(token: Token, instant: datetime) -> None:
    """Return if an instant lies in the token's window. Raises: Invalid."""
    since, until = (datetime.fromtimestamp(token.claims[end], UTC) for end in ("nbf", "exp"))
    if not since <= instant < until:
        raise Invalid(f"window: expected an instant from {since.isoformat()} until before {until.isoformat()}")


def _jwt(text: str, where: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    parts = text.split(".")
    if len(parts) != 3:
        raise Invalid(f"{where}: expected header.payload.signature, found {len(parts)} parts")
    header, payload = (_object(decode_base64url(part, where), where) for part in parts[:2])
    return header, payload, ".".join(parts[:2]).encode(), decode_base64url(parts[2], where)


def _object(data: bytes, where: str) -> dict[str, Any]:
    found = parse_strict(data, where, bytes_max=TOKEN_BYTES_MAX, depth_max=TOKEN_DEPTH_MAX)
    if not isinstance(found, dict):
        raise Invalid(f"{where}: expected an object")
    return found


def _require_members(found: Any, expected: set[str] | frozenset[str], where: str) -> None:
    if not isinstance(found, dict) or set(found) != expected:
        raise Invalid(f"{where}: expected an object of {', '.join(sorted(expected))}")


def _require_equal(found: Any, expected: str, where: str) -> None:
    if found != expected:
        raise Invalid(f"{where}: expected {expected}, found another value")


def _issuer(kid: Any, claims: dict[str, Any]) -> Verifier:
    verifier = parse_vkey(kid) if isinstance(kid, str) else None
    if verifier is None or verifier.key_type is not KeyType.ED25519 or claims.get("iss") != verifier.name:
        raise Invalid("token kid: expected an Ed25519 vkey (type 01) that is named by iss")
    return verifier


def _check_claims(claims: dict[str, Any]) -> bytes:
    """Return the public key of `cnf`, if all claims are as the module says. Raises: Invalid."""
    _require_members(claims, CLAIMS, "token")
    _require_equal(claims["vct"], TOKEN_VERSION, "token vct")
    _require_equal(claims["_sd_alg"], "sha-256", "token _sd_alg")
    for name in ("iat", "nbf", "exp"):
        if type(claims[name]) is not int or not 0 <= claims[name] <= SECONDS_MAX:
            raise Invalid(f"token {name}: expected seconds since the epoch")
    objects = claims["objects"]
    if not isinstance(objects, list) or not objects or not all(isinstance(one, str) for one in objects):
        raise Invalid("token objects: expected identifiers")
    for text, parse in (
        (claims["iss"], parse_party_id),
        (claims["sub"], parse_party_id),
        (claims["licence"], parse_licence_id),
        *((one, parse_object_id) for one in objects),
    ):
        if not isinstance(text, str):
            raise Invalid("token: expected identifiers as texts")
        parse(text)
    _require_members(claims["status"], {"ledger"}, "token status")
    ledger = claims["status"]["ledger"]
    _require_members(ledger, {"origin", "size"}, "token status.ledger")
    if not isinstance(ledger["origin"], str) or type(ledger["size"]) is not int:
        raise Invalid("token status.ledger: expected an origin and a size")
    _require_members(claims["cnf"], {"jwk"}, "token cnf")
    jwk = claims["cnf"]["jwk"]
    _require_members(jwk, {"kty", "crv", "x"}, "token cnf.jwk")
    _require_equal((jwk["kty"], jwk["crv"]), ("OKP", "Ed25519"), "token cnf.jwk")  # type: ignore[arg-type]
    key = decode_base64url(jwk["x"], "token cnf.jwk.x") if isinstance(jwk["x"], str) else b""
    return Verifier(claims["sub"], KeyType.ED25519, key).public_key


def _disclosed(scope: Any, disclosures: list[str]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the components that are disclosed, and the digests that no disclosure belongs to."""
    _require_members(scope, {"_sd"}, "token scope")
    digests = scope["_sd"]
    if not isinstance(digests, list) or not all(isinstance(one, str) for one in digests):
        raise Invalid("token scope._sd: expected digests")
    left, told = set(digests), dict[str, Any]()
    if len(left) != len(digests) or len(left) != len(DISCLOSED):
        raise Invalid(f"token scope._sd: expected {len(DISCLOSED)} digests, each once")
    for disclosure in disclosures:
        digest = encode_base64url(hashlib.sha256(disclosure.encode()).digest())
        if digest not in left:
            raise Invalid("token disclosure: expected one of a digest of scope, found one of none, or one twice")
        left.remove(digest)
        name, value = _disclosure(disclosure)
        if name in told:
            raise Invalid(f"token disclosure: expected {name} once")
        told[name] = value
    return told, tuple(one for one in digests if one in left)


def _disclosure(text: str) -> tuple[str, Any]:
    where = "token disclosure"
    data = decode_base64url(text, where)
    found = parse_strict(data, where, bytes_max=TOKEN_BYTES_MAX, depth_max=TOKEN_DEPTH_MAX)
    if not isinstance(found, list) or len(found) != 3 or not isinstance(found[0], str) or found[1] not in DISCLOSED:
        raise Invalid(f"{where}: expected a salt, one of {', '.join(DISCLOSED)}, and its value")
    return str(found[1]), found[2]


def _binding(text: str) -> Binding:
    where = "key binding"
    header, claims, signing_input, signature = _jwt(text, where)
    _require_members(header, {"alg", "typ"}, f"{where} header")
    _require_equal(header["alg"], ALGORITHM, f"{where} alg")
    _require_equal(header["typ"], BINDING_TYPE, f"{where} typ")
    _require_members(claims, {"iat", "aud", "nonce", "sd_hash"}, where)
    if type(claims["iat"]) is not int or not all(isinstance(claims[name], str) for name in ("aud", "nonce", "sd_hash")):
        raise Invalid(f"{where}: expected iat in seconds, and texts of aud, nonce and sd_hash")
    return Binding(signing_input, signature, claims["aud"], claims["nonce"], claims["iat"], claims["sd_hash"])
