"""MP4, QuickTime and their kin (ISO/IEC 14496-12): the movie box alone. Samples are not read, no codec is asked.

`duration_us` is that of the movie header; width and height are those of the first video track's sample entry, `frames`
the samples of that track. A file in fragments states neither duration nor frames here, and nothing is made up.
"""

import struct
from collections.abc import Iterator
from typing import Final

from domain.identity.events import Quantity
from infra.probe.source import Facts, Fault, Source, Unsure

TRACKS_MAX: Final = 1_000
_ELSEWHERE: Final = frozenset({b"meta", b"moof", b"styp", b"sidx"})
"""Boxes of files that are whole without a movie box: still pictures, and segments of a stream."""

Box = tuple[bytes, int, int]
"""Type, where the body begins, where it ends."""


def _boxes(source: Source, start: int, end: int, *, top: bool = False) -> Iterator[Box]:
    """Yield the boxes in [start, end). Only at the top may the last one be longer than what is there.

    Raises: Fault for a box that is shorter than its own header or longer than the box around it.
    """
    while start + 8 <= end:
        size, kind = struct.unpack(">I4s", source.at(start, 8))
        header = 8
        if size == 1:
            size, header = int.from_bytes(source.at(start + 8, 8), "big"), 16
        elif size == 0 and not top:
            return  # a terminator of QuickTime
        elif size == 0:
            size = end - start
        if size < header:
            raise Fault(f"expected a box of at least {header} bytes at {start}, found {size}")
        if start + size > end and not top:
            raise Fault(f"expected the box at {start} to end by {end}, found its end at {start + size}")
        yield kind, start + header, start + size
        start += size


def _child(source: Source, parent: tuple[int, int] | None, kind: bytes) -> tuple[int, int] | None:
    """Return where the first child of a type lies, None where it or its parent is not there."""
    if parent is None:
        return None
    return next(((start, end) for name, start, end in _boxes(source, *parent) if name == kind), None)


def probe_movie(source: Source) -> Facts:
    """Read the movie box, wherever it stands. Raises: Fault, Unsure."""
    seen = set()
    for kind, start, end in _boxes(source, 0, source.size, top=True):
        seen.add(kind)
        if kind == b"moov":
            if end > source.size:
                raise Fault(f"expected the movie box to end by {source.size}, found its end at {end}")
            return _movie(source, start, end)
    if seen & _ELSEWHERE:
        raise Unsure
    raise Fault(f"expected a movie box among {len(seen)} kinds of boxes, found none")


def _movie(source: Source, start: int, end: int) -> Facts:
    facts: Facts = {}
    tracks, headed = 0, False
    for kind, begin, after in _boxes(source, start, end):
        if kind == b"cmov":
            raise Unsure  # a compressed movie header; nobody writes them any more
        if kind == b"mvhd":
            headed = True
            facts[Quantity.DURATION_US] = _duration_us(source, begin)
        elif kind == b"trak":
            tracks += 1
            if tracks > TRACKS_MAX:
                raise Unsure
            if Quantity.WIDTH_PX not in facts:
                facts.update(_video(source, begin, after))
    if not headed:
        raise Fault("expected a movie header in the movie box, found none")
    facts[Quantity.TRACKS] = tracks
    return facts


def _duration_us(source: Source, start: int) -> int | None:
    """Return the movie header's duration (§8.2.2), None where it is unknown or left to fragments."""
    if source.at(start, 1)[0] == 1:
        scale, duration, unknown = *struct.unpack(">IQ", source.at(start + 20, 12)), (1 << 64) - 1
    else:
        scale, duration, unknown = *struct.unpack(">II", source.at(start + 12, 8)), (1 << 32) - 1
    return duration * 1_000_000 // scale if scale and duration not in (0, unknown) else None


def _video(source: Source, start: int, end: int) -> Facts:
    """Return size and frames of a video track (§8.4.3, §8.5.2, §12.1.3), nothing for another track."""
    media = _child(source, (start, end), b"mdia")
    handler = _child(source, media, b"hdlr")
    if handler is None or source.at(handler[0] + 8, 4) != b"vide":
        return {}
    table = _child(source, _child(source, media, b"minf"), b"stbl")
    described, sizes = _child(source, table, b"stsd"), _child(source, table, b"stsz")
    facts: Facts = {}
    if described is not None and described[1] - described[0] >= 44:
        width, height = struct.unpack(">HH", source.at(described[0] + 40, 4))
        if width and height:
            facts = {Quantity.WIDTH_PX: width, Quantity.HEIGHT_PX: height}
    if facts and sizes is not None and sizes[1] - sizes[0] >= 12:
        facts[Quantity.FRAMES] = int.from_bytes(source.at(sizes[0] + 8, 4), "big") or None
    return facts


PROBES: Final = dict.fromkeys(("video/mp4", "video/quicktime", "video/3gpp", "video/3gpp2", "audio/mp4"), probe_movie)
