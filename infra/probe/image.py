"""Pictures of the web: PNG, JPEG, GIF, WebP, BMP. Their size and samples stand in the first bytes; nothing is decoded.

`channels` and `bits_per_sample` are those of the picture as it is shown: a palette of red, green and blue is three
channels of 8 bits, however few bits index it.
"""

import struct
from typing import Final

from domain.identity.events import Quantity
from infra.probe.source import Facts, Fault, Source, Unsure

_PNG_COLOURS: Final = {  # PNG §11.2.1: colour type -> channels, allowed bit depths
    0: (1, (1, 2, 4, 8, 16)),
    2: (3, (8, 16)),
    3: (3, (1, 2, 4, 8)),
    4: (2, (8, 16)),
    6: (4, (8, 16)),
}
_PNG_PALETTE: Final = 3
_PNG_END: Final = b"\x00\x00\x00\x00IEND\xae\x42\x60\x82"
_JPEG_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # ITU-T T.81 table B.1: SOF0 to SOF15
_JPEG_ALONE: Final = frozenset((0x01, *range(0xD0, 0xD8)))


def picture(width: int, height: int, channels: int | None = None, bits: int | None = None) -> Facts:
    """Return the facts of one picture. Raises: Fault where a side has no pixels."""
    if width < 1 or height < 1:
        raise Fault(f"expected at least one pixel on each side, found {width} x {height}")
    return {
        Quantity.WIDTH_PX: width,
        Quantity.HEIGHT_PX: height,
        Quantity.CHANNELS: channels,
        Quantity.BITS_PER_SAMPLE: bits,
    }


def probe_png(source: Source) -> Facts:
    """PNG (third edition): IHDR first, then chunks up to IDAT, whole to the end; `frames` by acTL."""
    length, kind, width, height, depth, colour = struct.unpack(">I4sIIBB", source.at(8, 18))
    if (length, kind) != (13, b"IHDR"):
        raise Fault(f"expected IHDR of 13 bytes first, found {kind.hex()} of {length}")
    channels, depths = _PNG_COLOURS.get(colour, (0, ()))
    if depth not in depths:
        raise Fault(f"expected a colour type and bit depth of the standard, found {colour} and {depth}")
    if max(width, height) >= 1 << 31:
        raise Fault(f"expected sides below 2147483648 pixels, found {width} x {height}")
    found = picture(width, height, channels, 8 if colour == _PNG_PALETTE else depth)
    found[Quantity.FRAMES] = _png_chunks(source)
    return found


def _png_chunks(source: Source) -> int | None:
    """Return the frames of an animation. Raises: Fault where no IDAT comes, or a chunk is longer than the file."""
    offset, frames, data = 33, None, False
    ends = source.size >= 45 and source.some(source.size - 12, 12) == _PNG_END
    while not (data and ends):
        length, kind = struct.unpack(">I4s", source.at(offset, 8))
        if kind == b"IEND" and data:
            break
        if kind == b"IEND" or offset + 12 + length > source.size:
            wanted = "IDAT before IEND" if kind == b"IEND" else f"{length} bytes of chunk {kind.hex()}"
            raise Fault(f"expected {wanted} at {offset}, found the file's end at {source.size}")
        if kind == b"acTL" and not data:
            frames = int.from_bytes(source.at(offset + 8, 4), "big")
        data = data or kind == b"IDAT"
        offset += 12 + length
    return frames


def probe_jpeg(source: Source) -> Facts:
    """JPEG (ITU-T T.81 §B.2): markers up to the frame header. A height that only DNL tells is not stated."""
    offset = 2
    while True:
        head = source.at(offset, 2)
        if head[0] != 0xFF:
            raise Unsure  # readers skip such bytes with a warning
        marker = head[1]
        if marker in _JPEG_ALONE or marker == 0xFF:
            offset += 1 if marker == 0xFF else 2
            continue
        if marker in (0xD9, 0xDA):
            raise Fault(f"expected a frame header before the scan at {offset}, found none")
        length = int.from_bytes(source.at(offset + 2, 2), "big")
        if length < 2:
            raise Fault(f"expected a segment of at least 2 bytes at {offset}, found {length}")
        if marker in _JPEG_FRAMES:
            bits, height, width, channels = struct.unpack(">BHHB", source.at(offset + 4, 6))
            if channels == 0 or length != 8 + 3 * channels:
                raise Fault(f"expected a frame header of {8 + 3 * channels} bytes, found {length}")
            found = picture(width, height or 1, channels, bits)
            found[Quantity.HEIGHT_PX] = height or None
            return found
        offset += 2 + length


def probe_gif(source: Source) -> Facts:
    """GIF (89a §18): the logical screen. Frames are stated nowhere."""
    width, height = struct.unpack("<HH", source.at(6, 7)[:4])
    # Some old files leave the screen empty, and readers take the first picture's size instead.
    return {
        Quantity.WIDTH_PX: width or None,
        Quantity.HEIGHT_PX: height or None,
        Quantity.CHANNELS: 3,
        Quantity.BITS_PER_SAMPLE: 8,
    }


def probe_bmp(source: Source) -> Facts:
    """BMP: the core header of 12 bytes or BITMAPINFOHEADER and its heirs; a negative height is a picture top down."""
    (start, length) = struct.unpack("<II", source.at(10, 8))
    if length == 12:
        width, height, _, bits = struct.unpack("<HHHH", source.at(18, 8))
    else:
        width, height, _, bits = struct.unpack("<iiHH", source.at(18, 12))
    if start > source.size:
        raise Fault(f"expected pixels within {source.size} bytes, found their start at {start}")
    # A palette and 24 bits are RGB of 8; with 16 the masks decide, and with 32 whether the fourth byte means anything.
    known = bits in (1, 2, 4, 8, 24)
    return picture(width, abs(height), 3 if known else None, 8 if known or bits == 32 else None)


def probe_webp(source: Source) -> Facts:
    """WebP (RFC 9649 §2.4 to §2.7): the canvas of VP8X, else the frame of VP8 or VP8L."""
    stated = int.from_bytes(source.at(4, 4), "little")
    if stated + 8 > source.size:
        raise Fault(f"expected {stated + 8} bytes, found {source.size}")
    kind, body = source.at(12, 4), source.some(20, 10)
    if kind == b"VP8X" and len(body) == 10:
        width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
        return picture(width, height, 4 if body[0] & 0x10 else 3, 8)
    if kind == b"VP8L" and len(body) >= 5:
        if body[0] != 0x2F:
            raise Fault(f"expected the signature 2f of VP8L, found {body[0]:02x}")
        bits = int.from_bytes(body[1:5], "little")
        return picture((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, 4 if bits >> 28 & 1 else 3, 8)
    if kind == b"VP8 " and len(body) == 10:
        if body[0] & 1 or body[3:6] != b"\x9d\x01\x2a":
            raise Fault(f"expected the start of a key frame of VP8, found {body[:6].hex()}")
        width, height = struct.unpack("<HH", body[6:])
        return picture(width & 0x3FFF, height & 0x3FFF, 3, 8)
    if kind in (b"VP8X", b"VP8L", b"VP8 "):
        raise Fault(f"expected a frame at 20, found the end of the file at {source.size}")
    raise Unsure


PROBES: Final = {
    "image/png": probe_png,
    "image/jpeg": probe_jpeg,
    "image/gif": probe_gif,
    "image/bmp": probe_bmp,
    "image/webp": probe_webp,
}
