"""Checkpoints: the text of a signed tree head (C2SP tlog-checkpoint).

Format. Exactly three lines, each ended by a newline: the log's origin; the tree size in decimal without leading zeros;
the root hash in base64. This text is the body of a signed note (note.py), whose log key bears the origin as its name.

Departures from C2SP, all stricter: extension lines are refused (no monitor can audit them and an ML-DSA-44 cosignature
does not cover them); the origin has at most 255 bytes (an ML-DSA-44 cosignature cannot hold more) and no control
characters; the size is at most 2^63-1; the root of size 0 is SHA256("").

Example, the text of size 8 of the test log:

    film-ledger.example/cn-east
    8
    XcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=
"""

from dataclasses import dataclass
from typing import Final

from domain.ledger.errors import Invalid
from domain.ledger.merkle import EMPTY_ROOT, HASH_BYTES, TREE_SIZE_MAX
from domain.ledger.text import decode_base64, decode_text, encode_base64, encode_text, parse_decimal

ORIGIN_BYTES_MAX: Final = 255
CHECKPOINT_TEXT_BYTES_MAX: Final = ORIGIN_BYTES_MAX + 1 + 19 + 1 + 44 + 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: the log's origin (1..255 bytes of UTF-8), its size (0..2^63-1 leaves), its root hash (32 bytes).

    An object of this class says nothing about signatures; `Policy.verify_checkpoint` and `open_note` do.
    """

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Check every bound.

        Raises:
            Invalid: an origin, size or root that the format cannot hold.
        """
        origin = encode_text(self.origin, "checkpoint origin")
        if not 0 < len(origin) <= ORIGIN_BYTES_MAX:
            raise Invalid(f"checkpoint origin: expected 1..{ORIGIN_BYTES_MAX} bytes, found {len(origin)}")
        if any(char < " " for char in self.origin):
            raise Invalid(f"checkpoint origin: expected no control characters, found {self.origin!r}")
        if not 0 <= self.size <= TREE_SIZE_MAX:
            raise Invalid(f"checkpoint size: expected 0..{TREE_SIZE_MAX}, found {self.size}")
        if len(self.root) != HASH_BYTES:
            raise Invalid(f"checkpoint root: expected {HASH_BYTES} bytes, found {len(self.root)}")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise Invalid(f"checkpoint root of size 0: expected {EMPTY_ROOT.hex()}, found {self.root.hex()}")

    def encode(self) -> bytes:
        """Return the note text: three lines, each ended by a newline."""
        return b"%s\n%d\n%s\n" % (self.origin.encode("utf-8"), self.size, encode_base64(self.root))


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Return the checkpoint that a note text spells; `parse_checkpoint(c.encode()) == c`.

    Parsing is not verifying: take the text from `open_note`, or let `Policy.verify_checkpoint` do both.

    Raises:
        Invalid: anything but exactly three well-formed lines; extension lines are named as such.
    """
    if len(text) > CHECKPOINT_TEXT_BYTES_MAX:
        limit = f"expected at most {CHECKPOINT_TEXT_BYTES_MAX} bytes and no extension lines"
        raise Invalid(f"checkpoint: {limit}, found {len(text)} bytes")
    lines = text.split(b"\n")
    if len(lines) > 4 and lines[-1] == b"":
        raise Invalid(f"checkpoint: expected exactly three lines, found {len(lines) - 4} extension lines")
    if len(lines) != 4 or lines[3] != b"":
        raise Invalid("checkpoint: expected exactly three lines, each ended by a newline")
    origin = decode_text(lines[0], "checkpoint origin")
    size = parse_decimal(lines[1], "checkpoint size", TREE_SIZE_MAX)
    return Checkpoint(origin, size, decode_base64(lines[2], "checkpoint root"))
