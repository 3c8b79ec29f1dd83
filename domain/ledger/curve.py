"""Which 32-byte strings are fit to be an Ed25519 public key: RFC 8032 §5.1.3 decoding, and no point of small order.

OpenSSL loads any 32 bytes. A key of small order (there are eight such points) verifies one signature for many messages,
and a non-canonical encoding gives one key two spellings; both are refused before a key is trusted. Public values only:
nothing here needs constant time. About 0.2 ms a key.
"""

from typing import Final

from domain.ledger.errors import Invalid

_P: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _P) % _P
_SQRT_MINUS_ONE: Final = pow(2, (_P - 1) // 4, _P)


def check_ed25519_public_key(public_key: bytes) -> None:
    """Verify that 32 bytes are the canonical encoding of a curve point whose order is not 1, 2, 4 or 8.

    Raises:
        Invalid: another length, y >= p, no such point, the sign bit set where x = 0, or a point of small order.
    """
    if len(public_key) != 32:
        raise Invalid(f"ed25519 public key: expected 32 bytes, found {len(public_key)}")
    encoded = int.from_bytes(public_key, "little")
    sign, y = encoded >> 255, encoded & (1 << 255) - 1
    if y >= _P:
        raise Invalid(f"ed25519 public key {public_key.hex()}: expected the canonical encoding of a point")
    x = _recover_x(y)
    if x is None or (x == 0 and sign):
        raise Invalid(f"ed25519 public key {public_key.hex()}: expected a point of the curve")
    for _ in range(3):
        x, y = _double(x, y)
    if (x, y) == (0, 1):
        raise Invalid(f"ed25519 public key {public_key.hex()}: expected a point of large order")


def _recover_x(y: int) -> int | None:
    """Return an x with -x^2 + y^2 = 1 + d x^2 y^2 mod p, or None (RFC 8032 §5.1.3 steps 2-3; the sign is left open)."""
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _SQRT_MINUS_ONE % _P
    return x if x * x % _P == square else None


def _double(x: int, y: int) -> tuple[int, int]:
    """Return twice the point (x, y), affine (RFC 8032 §5.1.4; the denominators are never zero: d is no square)."""
    product = _D * x * x * y * y
    return (
        2 * x * y * pow(1 + product, -1, _P) % _P,
        (y * y + x * x) * pow(1 - product, -1, _P) % _P,
    )
