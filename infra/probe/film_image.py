"""Pictures of the film trade: TIFF and BigTIFF, OpenEXR, DPX. Headers alone; no strip, tile or line is read."""

import struct
from typing import Final

from domain.identity.events import Quantity
from infra.probe.image import picture
from infra.probe.source import Facts, Fault, Source, Unsure

TIFF_ENTRIES_MAX: Final = 4_096
TIFF_PAGES_MAX: Final = 1_000
EXR_ATTRIBUTES_MAX: Final = 1_000
EXR_CHANNELS_MAX: Final = 1_024
_NEW_SUBFILE_TYPE, _WIDTH, _LENGTH, _BITS, _SAMPLES = 254, 256, 257, 258, 277
_TIFF_TYPES: Final = {1: "B", 3: "H", 4: "I", 16: "Q"}  # BYTE, SHORT, LONG, LONG8 (BigTIFF)
_EXR_BITS: Final = {0: 32, 1: 16, 2: 32}  # UINT, HALF, FLOAT
_DPX_CHANNELS: Final = {1: 1, 2: 1, 3: 1, 4: 1, 6: 1, 8: 1, 50: 3, 51: 4, 52: 4, 102: 3, 103: 4}


class _Tiff:
    """The directories of a TIFF (TIFF 6.0 §2; BigTIFF has offsets of 8 bytes)."""

    def __init__(self, source: Source) -> None:
        self._source = source
        head = source.at(0, 8)
        self._order = "<" if head[:2] == b"II" else ">"
        self._big = head[2:4] in (b"+\x00", b"\x00+")
        self.first = int(self._unpack("Q", source.at(8, 8)) if self._big else self._unpack("I", head[4:]))

    def _unpack(self, form: str, data: bytes) -> int:
        return int(struct.unpack(self._order + form, data)[0])

    def directory(self, offset: int) -> tuple[dict[int, tuple[int, ...]], int]:
        """Return the values of the tags we ask for, and the offset of the next directory. Raises: Fault, Unsure."""
        wide, entry_bytes, pointer = (8, 20, "Q") if self._big else (2, 12, "I")
        count = self._unpack("Q" if self._big else "H", self._source.at(offset, wide))
        if count == 0:
            raise Fault(f"expected entries in the directory at {offset}, found none")
        if count > TIFF_ENTRIES_MAX:
            raise Unsure
        size = struct.calcsize(self._order + pointer)
        data = self._source.at(offset + wide, count * entry_bytes + size)
        found = {}
        for place in range(0, count * entry_bytes, entry_bytes):
            tag = self._unpack("H", data[place : place + 2])
            if tag in (_NEW_SUBFILE_TYPE, _WIDTH, _LENGTH, _BITS, _SAMPLES):
                found[tag] = self._values(data[place : place + entry_bytes])
        return found, self._unpack(pointer, data[-size:])

    def _values(self, entry: bytes) -> tuple[int, ...]:
        """Return the values of one entry, none where they are of another type or more than 64."""
        letter = _TIFF_TYPES.get(self._unpack("H", entry[2:4]))
        size = 8 if self._big else 4
        count = self._unpack("Q" if self._big else "I", entry[4 : 4 + size])
        if letter is None or not 0 < count <= 64:
            return ()
        form = f"{self._order}{count}{letter}"
        needed = struct.calcsize(form)
        if needed <= size:
            return struct.unpack_from(form, entry, 4 + size)
        return struct.unpack(form, self._source.at(self._unpack("Q" if self._big else "I", entry[-size:]), needed))


def probe_tiff(source: Source) -> Facts:
    """TIFF: the first full picture; `frames` where there are several. A DNG's thumbnail is no picture of its own."""
    tiff = _Tiff(source)
    found, following = tiff.directory(tiff.first)
    pages = [found]
    seen = {tiff.first}
    whole = True
    while following and len(pages) <= TIFF_PAGES_MAX and following not in seen:
        seen.add(following)
        try:
            found, following = tiff.directory(following)
        except Fault:  # the pages before it open
            whole = False
            break
        pages.append(found)
    whole = whole and following == 0
    full = [page for page in pages if not (page.get(_NEW_SUBFILE_TYPE) or (0,))[0] & 1]
    if not full:
        raise Unsure
    if not full[0].get(_WIDTH) or not full[0].get(_LENGTH):
        raise Fault("expected ImageWidth and ImageLength in the first directory, found them not")
    bits = full[0].get(_BITS) or (1,)
    samples = full[0].get(_SAMPLES) or (1,)
    facts = picture(full[0][_WIDTH][0], full[0][_LENGTH][0], samples[0], bits[0] if len(set(bits)) == 1 else None)
    facts[Quantity.FRAMES] = len(full) if whole and len(full) > 1 else None
    return facts


def probe_exr(source: Source) -> Facts:
    """OpenEXR (file layout, "Header"): the display window and the channels of the first part."""
    if source.at(4, 4)[0] != 2:
        raise Unsure
    offset, attributes = 8, dict[bytes, bytes]()
    for _ in range(EXR_ATTRIBUTES_MAX):
        text = source.some(offset, 520)
        if text[:1] == b"\x00":
            return _exr_facts(attributes)
        name, _, rest = text.partition(b"\x00")
        kind, end, rest = rest.partition(b"\x00")
        if not end or len(rest) < 4:
            raise Fault(f"expected an attribute's name, type and size at {offset}, found none")
        size = int.from_bytes(rest[:4], "little", signed=True)
        offset += len(name) + len(kind) + 6
        if not 0 <= size <= source.size - offset:
            raise Fault(f"expected an attribute within {source.size} bytes at {offset}, found a size of {size}")
        if name in (b"channels", b"displayWindow", b"dataWindow"):
            attributes[name] = source.at(offset, size)
        offset += size
    raise Unsure


def _exr_facts(attributes: dict[bytes, bytes]) -> Facts:
    for name in (b"channels", b"displayWindow", b"dataWindow"):
        if name not in attributes or (name != b"channels" and len(attributes[name]) != 16):
            raise Fault(f"expected the attribute {name.decode()}, found none of its type")
    left, top, right, bottom = struct.unpack("<iiii", attributes[b"displayWindow"])
    kinds = _exr_channels(attributes[b"channels"])
    bits = {_EXR_BITS.get(kind) for kind in kinds}
    return picture(right - left + 1, bottom - top + 1, len(kinds), bits.pop() if len(bits) == 1 else None)


def _exr_channels(found: bytes) -> list[int]:
    """Return the pixel type of each channel: name, NUL, type, pLinear and reserved, two samplings; a NUL at the end."""
    kinds: list[int] = []
    place = 0
    while found[place : place + 1] != b"\x00":
        end = found.find(b"\x00", place)
        if end < 0 or end + 17 > len(found):
            raise Fault("expected a list of channels that ends, found its end missing")
        kinds.append(int.from_bytes(found[end + 1 : end + 5], "little"))
        if len(kinds) > EXR_CHANNELS_MAX:
            raise Unsure
        place = end + 17
    if not kinds:
        raise Fault("expected at least one channel, found none")
    return kinds


def probe_dpx(source: Source) -> Facts:
    """DPX (SMPTE ST 268-1 §5): the image information header from byte 768 on, of the first image element."""
    order = ">" if source.at(0, 4) == b"SDPX" else "<"
    start = struct.unpack(order + "I", source.at(4, 4))[0]
    if not 804 <= start <= source.size:
        raise Fault(f"expected picture data from 804 to {source.size}, found it at {start}")
    elements, width, height = struct.unpack(order + "HII", source.at(770, 10))
    if not 1 <= elements <= 8 or 0xFFFFFFFF in (width, height):
        raise Fault(f"expected 1 to 8 image elements with their size, found {elements} of {width} x {height}")
    described, bits = source.at(800, 1)[0], source.at(803, 1)[0]
    return picture(width, height, _DPX_CHANNELS.get(described) if elements == 1 else None, bits or None)


PROBES: Final = {"image/tiff": probe_tiff, "image/x-exr": probe_exr, "image/x-dpx": probe_dpx}
