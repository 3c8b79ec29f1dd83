"""Matroska and WebM (RFC 8794, RFC 9559): Info and Tracks of the segment. Clusters are passed over by their size."""

import math
import struct
from collections.abc import Iterator
from typing import Final

from domain.identity.events import MEASURE_MAX, Quantity
from infra.probe.source import Facts, Fault, Source, Unsure

TRACKS_MAX: Final = 1_000
_EBML, _SEGMENT, _INFO, _TRACKS, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
_VOID, _CRC = 0xEC, 0xBF
_SCALE, _DURATION = 0x2AD7B1, 0x4489
_TRACK, _VIDEO, _WIDTH, _HEIGHT = 0xAE, 0xE0, 0xB0, 0xBA

Element = tuple[int, int, int]
"""Id, where the data begins, where it ends."""


def _vint(source: Source, offset: int, bytes_max: int) -> tuple[int, int]:
    """Return a variable-size integer with its marker, and its length (RFC 8794 §4). Raises: Fault, Unsure."""
    first = source.at(offset, 1)[0]
    length = 9 - first.bit_length()
    if length > bytes_max:
        raise Unsure  # readers look for the next element that they know
    return int.from_bytes(source.at(offset, length), "big"), length


def _elements(source: Source, start: int, end: int, *, top: bool = False) -> Iterator[Element]:
    """Yield the elements in [start, end); only at the top may one be longer, or of unknown length.

    Raises: Fault for an element longer than the one around it; Unsure.
    """
    while start < end:
        identity, id_bytes = _vint(source, start, 4)
        size, size_bytes = _vint(source, start + id_bytes, 8)
        size -= 1 << 7 * size_bytes  # the marker
        begin = start + id_bytes + size_bytes
        if size == (1 << 7 * size_bytes) - 1:
            if not top:
                raise Unsure
            size = end - begin
        if begin + size > end and not top:
            raise Fault(f"expected the element at {start} to end by {end}, found its end at {begin + size}")
        yield identity, begin, begin + size
        start = begin + size


def probe_matroska(source: Source) -> Facts:
    """Read duration, tracks and the size of the first video track. Raises: Fault, Unsure."""
    for identity, start, _ in _elements(source, 0, source.size, top=True):
        if identity == _SEGMENT:
            return _segment(source, start)
        if identity not in (_EBML, _VOID, _CRC):
            raise Fault(f"expected a segment behind the header, found element {identity:x} at {start}")
    raise Fault(f"expected a segment behind the header, found the end of the file at {source.size}")


def _segment(source: Source, start: int) -> Facts:
    """Read the segment's children up to the first cluster whose length is not known. Its own end is not believed."""
    facts: Facts = {}
    found = set()
    for identity, begin, end in _elements(source, start, source.size, top=True):
        if identity in (_INFO, _TRACKS):
            if end > source.size:
                raise Fault(f"expected element {identity:x} to end by {source.size}, found its end at {end}")
            facts.update((_info if identity == _INFO else _tracks)(source, begin, end))
            found.add(identity)
            if len(found) == 2:
                break
    return facts


def _info(source: Source, start: int, end: int) -> Facts:
    """Return the duration: a float, in units of the timestamp scale (nanoseconds, 1,000,000 where not written)."""
    scale, duration = 1_000_000, 0.0
    for identity, begin, after in _elements(source, start, end):
        if identity == _SCALE:
            scale = _unsigned(source, begin, after)
        elif identity == _DURATION and after - begin in (4, 8):
            duration = struct.unpack(">f" if after - begin == 4 else ">d", source.at(begin, after - begin))[0]
    us = duration * scale / 1_000
    return {Quantity.DURATION_US: round(us) if math.isfinite(us) and 0 < us <= MEASURE_MAX else None}


def _tracks(source: Source, start: int, end: int) -> Facts:
    facts: Facts = {}
    tracks = 0
    for identity, begin, after in _elements(source, start, end):
        if identity != _TRACK:
            continue
        tracks += 1
        if tracks > TRACKS_MAX:
            raise Unsure
        for inner, first, last in _elements(source, begin, after):
            if inner == _VIDEO and Quantity.WIDTH_PX not in facts:
                facts.update(_video(source, first, last))
    facts[Quantity.TRACKS] = tracks
    return facts


def _video(source: Source, start: int, end: int) -> Facts:
    sides = {
        identity: _unsigned(source, begin, after)
        for identity, begin, after in _elements(source, start, end)
        if identity in (_WIDTH, _HEIGHT)
    }
    width, height = sides.get(_WIDTH, 0), sides.get(_HEIGHT, 0)
    return {Quantity.WIDTH_PX: width, Quantity.HEIGHT_PX: height} if width and height else {}


def _unsigned(source: Source, start: int, end: int) -> int:
    if end - start > 8:
        raise Fault(f"expected an integer of at most 8 bytes at {start}, found {end - start}")
    return int.from_bytes(source.at(start, end - start), "big")


PROBES: Final = {"video/matroska": probe_matroska, "video/webm": probe_matroska}
