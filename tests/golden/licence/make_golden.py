"""Make the golden licence token and a presentation: `python -m tests.golden.licence.make_golden`.

They are made by `tests.sd_jwt_oracle`, from keys whose seeds are SHA-256 of an ASCII label and salts that count: the
program's reader is held against something that it did not write.
"""

import hashlib
import sys
from pathlib import Path
from uuid import UUID

from domain.ids import format_id
from domain.ledger.keys import ed25519_signer
from domain.rights.scope_json import component_json
from schemas.licence_token import DISCLOSED
from tests import sd_jwt_oracle as oracle
from tests.licence_kit import FLAT

FOLDER = Path(__file__).parent
PREFIX = "10.5072"
ISSUED_AT = 1_798_761_600
AUDIENCE, NONCE, DISCLOSE = "https://broadcaster.example", "n-0S6_WzA2Mj", ("territory", "uses")


def identifier(letter: str, number: int) -> str:
    return format_id(letter, UUID(int=0x01937E3F2B5C7D4A8000000000000000 | number), PREFIX)


HOUSE, BUYER = identifier("P", 1), identifier("P", 2)
ISSUER_SEED, BUYER_SEED = (hashlib.sha256(label).digest() for label in (b"licence-issuer", b"licence-buyer"))
ISSUER, LICENSEE = ed25519_signer(HOUSE, ISSUER_SEED), ed25519_signer(BUYER, BUYER_SEED)


def golden() -> dict[str, bytes]:
    """Return the files by name."""
    window = FLAT.window
    assert window.since and window.until
    made = {
        str(name): oracle.disclosure(oracle.b64(bytes([number] * 16)), str(name), component_json(FLAT, name))
        for number, name in enumerate(DISCLOSED)
    }
    claims = {
        "iss": HOUSE,
        "vct": "urn:edgeprint:licence:1",
        "sub": BUYER,
        "iat": ISSUED_AT,
        "nbf": int(window.since.timestamp()),
        "exp": int(window.until.timestamp()),
        "cnf": {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": oracle.b64(LICENSEE.verifier.public_key)}},
        "licence": identifier("L", 3),
        "objects": [identifier("O", 4)],
        "scope": {"_sd": sorted(oracle.b64(hashlib.sha256(one.encode()).digest()) for one in made.values())},
        "status": {"ledger": {"origin": "film.example/licences", "size": 4_711}},
        "_sd_alg": "sha-256",
    }
    header = {"alg": "EdDSA", "typ": "dc+sd-jwt", "kid": ISSUER.vkey}
    jwt = oracle.compact(header, claims, ISSUER_SEED)
    told = [made[name] for name in DISCLOSE]
    shown = oracle.bound(jwt, told, BUYER_SEED, audience=AUDIENCE, nonce=NONCE, iat=ISSUED_AT + 60)
    whole = "~".join([jwt, *made.values(), ""])
    return {"token.txt": f"{whole}\n".encode(), "presentation.txt": f"{shown}\n".encode()}


if __name__ == "__main__":
    for name, data in golden().items():
        (FOLDER / name).write_bytes(data)
        sys.stdout.write(f"{name} {len(data)}\n")
