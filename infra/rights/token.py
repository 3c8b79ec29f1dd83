"""Make licence tokens and presentations of them: SD-JWT VC, by the library `sd-jwt`; see `schemas.licence_token`.

The library chooses salts, makes disclosures and selects them; what is signed is signed by our own signers, so that no
private key leaves the file or the device it lies in.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sd_jwt.common import SDObj  # type: ignore[import-untyped]  # the library has no types
from sd_jwt.holder import SDJWTHolder  # type: ignore[import-untyped]  # likewise
from sd_jwt.issuer import SDJWTIssuer  # type: ignore[import-untyped]  # likewise

from domain.errors import Invalid
from domain.ids import LicenceId, ObjectId, format_id
from domain.ledger.keys import parse_vkey
from domain.rights.licence_events import LicenceRequested
from domain.rights.scope_json import component_json
from domain.rights.scope_terms import scope_of
from schemas.licence_token import (
    ALGORITHM,
    BINDING_TYPE,
    DISCLOSED,
    TOKEN_TYPE,
    TOKEN_VERSION,
    encode_base64url,
    parse_token,
)

Sign = Callable[[bytes], bytes]


class _Issuer(SDJWTIssuer):  # type: ignore[misc]  # the library has no types
    """Signs by our signer, in the compact form alone."""

    def _create_signed_jws(self) -> None:
        header = {"alg": ALGORITHM, "typ": TOKEN_TYPE, **self._extra_header_parameters}
        self.serialized_sd_jwt = _compact(header, self.sd_jwt_payload, self._issuer_key)


class _Holder(SDJWTHolder):  # type: ignore[misc]  # the library has no types
    """Signs the key binding by our signer; `iat` is when it says."""

    def __init__(self, token: str, issued_at: int) -> None:
        super().__init__(token)
        self._issued_at = issued_at

    def _create_key_binding_jwt(
        self, nonce: str, aud: str, presentation_hash: str, holder_key: Sign, sign_alg: str | None = None
    ) -> None:
        del sign_alg  # Ed25519 alone
        payload = {"iat": self._issued_at, "aud": aud, "nonce": nonce, "sd_hash": presentation_hash}
        header = {"alg": ALGORITHM, "typ": BINDING_TYPE}
        self.serialized_key_binding_jwt = _compact(header, payload, holder_key)


def _compact(header: dict[str, Any], payload: dict[str, Any], sign: Sign) -> str:
    parts = ".".join(encode_base64url(json.dumps(part).encode()) for part in (header, payload))
    return f"{parts}.{encode_base64url(sign(parts.encode()))}"


def issue_token(
    sign: Sign,
    kid: str,
    *,
    licence: LicenceId,
    objects: Sequence[ObjectId],
    requested: LicenceRequested,
    origin: str,
    size: int,
    prefix: str,
    now: datetime,
) -> str:
    """Return the token of a licence with all its disclosures; `sign` is by the key `kid`, a vkey of the issuer."""
    scope = scope_of(requested.scope)
    since, until = scope.window.since, scope.window.until
    if since is None or until is None:
        raise AssertionError("a licence that is asked for has a window with both ends")
    public = parse_vkey(requested.key).public_key
    claims = {
        "iss": parse_vkey(kid).name,
        "vct": TOKEN_VERSION,
        "sub": format_id("P", requested.licensee, prefix),
        "iat": int(now.timestamp()),
        "nbf": int(since.timestamp()),
        "exp": int(until.timestamp()),
        "cnf": {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(public)}},
        "licence": format_id("L", licence, prefix),
        "objects": [format_id("O", one, prefix) for one in sorted(objects)],
        "scope": {SDObj(str(name)): component_json(scope, name) for name in DISCLOSED},
        "status": {"ledger": {"origin": origin, "size": size}},
    }
    made = _Issuer(claims, sign, extra_header_parameters={"kid": kid})
    return str(made.sd_jwt_issuance)


def present_token(text: str, disclose: Sequence[str], *, audience: str, nonce: str, sign: Sign, now: datetime) -> str:
    """Return a presentation that discloses some components of the scope, bound to an audience and a nonce.

    Raises:
        Invalid: the token is none, has not such a component, or the audience or the nonce is empty.
    """
    token = parse_token(text)
    there = set(token.claims["scope"])
    missing = sorted(set(disclose) - there)
    if missing:
        raise Invalid(f"disclose: expected some of {', '.join(sorted(there)) or 'none'}, found {missing[0][:60]!r}")
    if not audience or not nonce:
        raise Invalid("presentation: expected an audience and a nonce, as the verifier gave them")
    holder = _Holder(f"{token.signed}~{''.join(f'{one}~' for one in token.disclosures)}", int(now.timestamp()))
    holder.create_presentation({"scope": dict.fromkeys(disclose, True)}, nonce, audience, sign)
    return str(holder.sd_jwt_presentation)
