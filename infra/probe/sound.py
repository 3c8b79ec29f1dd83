"""Sound: WAV with RF64 and BW64, AIFF, FLAC, MP3. Headers alone; a duration is given only where the file states it.

`frames` is for pictures; the samples of a sound come out as `duration_us` and `sample_rate_hz`.
"""

import struct
from collections.abc import Iterator
from typing import Final

from domain.identity.events import Quantity
from domain.identity.media_binary import MP3_RATES
from infra.probe.source import Facts, Fault, Source, Unsure

MP3_SEARCH_BYTES: Final = 65_536
_UNKNOWN_32: Final = 0xFFFFFFFF
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_PCM_SUBFORMATS: Final = tuple(  # the GUIDs of PCM and IEEE float, KSDATAFORMAT_SUBTYPE_*
    struct.pack("<H", code) + bytes.fromhex("000000001000800000aa00389b71") for code in (_PCM, _FLOAT)
)
_MP3_BITRATES_FREE: Final = (0, 15)


def sound(channels: int, rate: int, bits: int | None, samples: int | None) -> Facts:
    """Return the facts of one sound of so many samples in each channel. Raises: Fault for no channel or no rate."""
    if channels < 1 or rate < 1:
        raise Fault(f"expected channels and a sample rate, found {channels} and {rate}")
    return {
        Quantity.CHANNELS: channels,
        Quantity.BITS_PER_SAMPLE: bits or None,
        Quantity.SAMPLE_RATE_HZ: rate,
        Quantity.DURATION_US: None if samples is None else samples * 1_000_000 // rate,
    }


def _chunks(source: Source, order: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield type, start and stated size of the chunks behind a form of 12 bytes; they are padded to even bytes."""
    offset = 12
    while offset + 8 <= source.size:
        kind, size = struct.unpack(order + "4sI", source.at(offset, 8))
        yield kind, offset + 8, size
        offset += 8 + size + size % 2


def probe_wav(source: Source) -> Facts:
    """WAV (RIFF), RF64 and BW64 (EBU Tech 3306): `fmt ` and the size of `data`, which the file's end may cut short."""
    shape: bytes | None = None
    long_data: int | None = None
    for kind, start, size in _chunks(source, "<"):
        if kind == b"ds64":
            long_data = int.from_bytes(source.at(start + 8, 8), "little")
        elif kind == b"fmt ":
            if size < 16:
                raise Fault(f"expected a format of at least 16 bytes, found {size}")
            shape = source.at(start, min(size, 40))
        elif kind == b"data":
            if shape is None:
                raise Fault("expected a format before the samples, found none")
            stated = long_data if size == _UNKNOWN_32 and long_data is not None else size
            return _wav(shape, min(stated, source.size - start))
    raise Fault(f"expected chunks fmt and data, found the end of the file at {source.size}")


def _wav(shape: bytes, data_bytes: int) -> Facts:
    code, channels, rate, _, align, bits = struct.unpack("<HHIIHH", shape[:16])
    extended = code == _EXTENSIBLE and len(shape) == 40
    linear = code in (_PCM, _FLOAT) or (extended and shape[24:40] in _PCM_SUBFORMATS)
    if linear and align == 0:
        raise Fault("expected blocks of at least one byte, found 0")
    if extended and linear:
        bits = int.from_bytes(shape[18:20], "little") or bits  # wValidBitsPerSample
    return sound(channels, rate, bits if linear else None, data_bytes // align if linear else None)


def probe_aiff(source: Source) -> Facts:
    """AIFF and AIFF-C: the chunk COMM."""
    for kind, start, size in _chunks(source, ">"):
        if kind == b"COMM":
            if size < 18:
                raise Fault(f"expected COMM of at least 18 bytes, found {size}")
            channels, samples, bits, rate = struct.unpack(">HIH10s", source.at(start, 18))
            return sound(channels, _extended(rate), bits, samples)
    raise Fault(f"expected a chunk COMM, found the end of the file at {source.size}")


def _extended(data: bytes) -> int:
    """Return an 80-bit IEEE 754 extended number as an integer, rounded down; 0 where it is no rate of sound."""
    exponent, mantissa = struct.unpack(">HQ", data)
    shift = 16383 + 63 - exponent
    return mantissa >> shift if 0 <= shift <= 63 else 0


def probe_flac(source: Source) -> Facts:
    """FLAC (RFC 9639 §8.2): STREAMINFO, the first metadata block."""
    kind, length = source.at(4, 1)[0] & 0x7F, int.from_bytes(source.at(5, 3), "big")
    if (kind, length) != (0, 34):
        raise Fault(f"expected STREAMINFO of 34 bytes first, found block {kind} of {length}")
    packed = int.from_bytes(source.at(8, 34)[10:18], "big")
    rate, channels, bits, samples = (
        packed >> 44,
        (packed >> 41 & 7) + 1,
        (packed >> 36 & 31) + 1,
        packed & (1 << 36) - 1,
    )
    if rate == 0:
        raise Unsure  # not sound, says §8.2
    return sound(channels, rate, bits, samples or None)


def probe_mp3(source: Source) -> Facts:
    """MPEG audio (ISO/IEC 11172-3 §2.4.1.3): the first frame behind an ID3v2 tag, and the count of frames in Xing."""
    start = 0
    head = source.at(0, 10) if source.size >= 10 else b""
    if head[:3] == b"ID3":
        start = 10 + sum((part & 0x7F) << shift for part, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        if start > source.size:
            raise Fault(f"expected a tag within {source.size} bytes, found one of {start}")
    window = source.some(start, MP3_SEARCH_BYTES)
    at = window.find(b"\xff")
    while at >= 0 and (frame := window[at : at + 192])[1:]:
        found = _mp3_frame(frame)
        if found is not None:
            return found
        at = window.find(b"\xff", at + 1)
    raise Unsure  # a tag may stand before sound of another kind


def _mp3_frame(frame: bytes) -> Facts | None:
    """Return what a frame and its Xing or Info tag say, None where it is no frame."""
    if len(frame) < 4 or frame[1] & 0xE0 != 0xE0:
        return None
    version, layer, rates = frame[1] >> 3 & 3, 4 - (frame[1] >> 1 & 3), MP3_RATES.get(frame[1] >> 3 & 3)
    index, mono = frame[2] >> 2 & 3, frame[3] >> 6 == 3
    if rates is None or layer == 4 or index == 3 or frame[2] >> 4 in _MP3_BITRATES_FREE:
        return None
    samples = 0
    if layer == 3:
        side = (17 if mono else 32) if version == 3 else (9 if mono else 17)
        tag = frame[4 + side : 16 + side]
        if len(tag) == 12 and tag[:4] in (b"Xing", b"Info") and tag[7] & 1:
            samples = int.from_bytes(tag[8:], "big") * (1152 if version == 3 else 576)
    return sound(1 if mono else 2, rates[index], None, samples or None)


PROBES: Final = {
    "audio/wav": probe_wav,
    "audio/aiff": probe_aiff,
    "audio/flac": probe_flac,
    "audio/mpeg": probe_mp3,
}
