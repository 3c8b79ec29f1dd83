"""Avro's long: zigzag, then 7 bits a byte, least significant first, the high bit set on all but the last byte.

Canonical means the fewest bytes, at most 10, and a value of 64 bits; Avro readers commonly accept more.
A complete real example: -2 is zigzag 3, the byte 03; 64 is zigzag 128, the bytes 80 01.
"""

from typing import Final

from domain.errors import Invalid

PAIR_BITS: Final = 14
PAIR_MASK: Final = (1 << PAIR_BITS) - 1
_LAST_SHIFT: Final = 63
_ONE: Final = [bytes((value,)) for value in range(128)]
_MORE: Final = [bytes((value | 128,)) for value in range(128)]

SHORT: Final[tuple[bytes, ...]] = tuple(_ONE + [low + high for high in _ONE[1:] for low in _MORE])
"""Canonical bytes of every zigzag value below 2^14: one byte or two, the last of them the last of the long."""

MORE: Final[tuple[bytes, ...]] = tuple(low + high for high in _MORE for low in _MORE)
"""14 bits of a longer value: two bytes with more to follow."""


def write_long(value: int) -> bytes:
    """Return the canonical bytes of an integer of 64 bits; the caller has checked its range."""
    zigzag = value << 1 ^ value >> 63
    if zigzag <= PAIR_MASK:
        return SHORT[zigzag]
    pairs = []
    while zigzag > PAIR_MASK:
        pairs.append(MORE[zigzag & PAIR_MASK])
        zigzag >>= PAIR_BITS
    pairs.append(SHORT[zigzag])
    return b"".join(pairs)


def write_long_of_8(value: int) -> bytes:
    """Return the 8 bytes of an integer of 2^48 to 2^55 - 1; the caller has checked its range."""
    zigzag = value << 1
    return (
        MORE[zigzag & PAIR_MASK] + MORE[zigzag >> 14 & PAIR_MASK] + MORE[zigzag >> 28 & PAIR_MASK] + SHORT[zigzag >> 42]
    )


def read_tail(entry: bytes, position: int, first: int) -> tuple[int, int]:
    """Return the zigzag value that began with the byte `first` (128 or more), and the position behind it.

    Raises:
        Invalid: more bytes than needed, or more than 64 bits.
        IndexError: the entry ends within the value.
    """
    zigzag, shift, byte = first & 127, 7, first
    while byte > 127:
        if shift > _LAST_SHIFT:
            raise Invalid(f"expected a long of at most 10 bytes, found more before byte {position}")
        byte = entry[position]
        position += 1
        zigzag |= (byte & 127) << shift
        shift += 7
    if byte == 0:
        raise Invalid(f"expected a long in the fewest bytes, found a needless one before byte {position}")
    if zigzag >> 64:
        raise Invalid(f"expected a long of 64 bits, found more before byte {position}")
    return zigzag, position


def read_long_of_8(word: int, position: int) -> int:
    """Return the positive integer whose 8 canonical bytes, read little-endian, are `word`; `position` is behind them.

    Raises:
        Invalid: not exactly 8 canonical bytes, or a negative value.
    """
    if word & 0x8080808080808080 != 0x0080808080808080 or word < 1 << 56 or word & 1:
        raise Invalid(f"expected a positive long of 8 bytes before byte {position}")
    word &= 0x7F7F7F7F7F7F7F7F
    word = word & 0x007F007F007F007F | word >> 1 & 0x3F803F803F803F80
    word = word & 0x00003FFF00003FFF | word >> 2 & 0x0FFFC0000FFFC000
    return (word & 0x0FFFFFFF | word >> 4 & 0x00FFFFFFF0000000) >> 1
