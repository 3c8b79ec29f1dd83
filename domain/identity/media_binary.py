"""Recognise binary formats by their bytes: fixed signatures first, then containers that need a look inside.

Every function takes the first bytes of a file (`head`, at most `media.HEAD_BYTES` of them) and returns a media type or
None. Short signatures that ordinary text could begin with ("BM", "8BPS", "Ogawa") are believed only together with the
bytes that follow them in the format's own header. Nothing here decodes a picture, follows an offset out of `head` or
lets an exception out: an index is checked before it is used.
"""

from __future__ import annotations

import re

# Signatures long or odd enough to stand alone (offset 0). Kept sorted by first byte when indexed below.
_PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"II+\x00", "image/tiff"),
    (b"MM\x00+", "image/tiff"),
    (b"\x76\x2f\x31\x01", "image/x-exr"),
    (b"\x80\x2a\x5f\xd7", "image/x-cineon"),
    (b"#?RADIANCE\n", "image/vnd.radiance"),
    (b"\x00\x00\x00\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\xff\x0a", "image/jxl"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/x-j2c"),
    (b"\xabKTX 20\xbb\r\n\x1a\n", "image/ktx2"),
    (b"\xabKTX 11\xbb\r\n\x1a\n", "image/ktx"),
    (b"DDS \x7c\x00\x00\x00", "image/vnd.ms-dds"),
    (b"fLaC", "audio/flac"),
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01", "application/mxf"),
    (b"\x00\x00\x01\xba", "video/mpeg"),
    (b"\x00\x00\x01\xb3", "video/mpeg"),
    (b"PXR-USDC", "model/vnd.usdc"),
    (b"Kaydara FBX Binary  \x00", "application/x-fbx"),
    (b"Ogawa\x00", "application/x-alembic"),
    (b"Ogawa\xff", "application/x-alembic"),
    (b"\x89HDF\r\n\x1a\n", "application/x-hdf5"),
    (b"\x93NUMPY", "application/x-npy"),
    (b"GGUF\x02\x00\x00\x00", "application/x-gguf"),
    (b"GGUF\x03\x00\x00\x00", "application/x-gguf"),
    (b"{\\rtf", "application/rtf"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"BZh", "application/x-bzip2"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"RIFX", "application/x-aep"),
)
_BY_FIRST_BYTE: dict[int, tuple[tuple[bytes, str], ...]] = {
    first: tuple(item for item in _PREFIXES if item[0][0] == first) for first in {item[0][0] for item in _PREFIXES}
}

_MXF_KEY = b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01"
_PLY = re.compile(rb"ply\r?\n(?:comment[^\n]*\n|obj_info[^\n]*\n)*format (?:ascii|binary_(?:little|big)_endian) 1\.0")
_BMP_HEADER_SIZES = frozenset({12, 40, 52, 56, 64, 108, 124})
_QUICKTIME_ATOMS = frozenset({b"moov", b"mdat", b"wide", b"pnot"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_AUDIO_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "})
_ZIP_MIMETYPES = frozenset(
    {
        "application/epub+zip",
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation",
        "image/openraster",
    }
)
_OOXML = (
    (b"word/", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (b"xl/", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    (b"ppt/", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    (b"3D/", "model/3mf"),
)
_MP3_KBPS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # MPEG-1 layer III
_MP3_KBPS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # MPEG-2 and 2.5 layer III
MP3_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def recognise_binary(head: bytes, *, size: int, tail: bytes) -> str | None:
    """Return the media type of a binary format, or None where the bytes are text or belong to no known format.

    `size` is that of the whole file, `tail` its last bytes (at least 18, or all of a shorter file).
    """
    if not head:
        return None
    for prefix, media_type in _BY_FIRST_BYTE.get(head[0], ()):
        if head.startswith(prefix):
            return _aep(head) if media_type == "application/x-aep" else media_type
    for of_head in (_riff, _zip, _ebml, _ogg, _small_signatures, _pickle):
        found = of_head(head)
        if found is not None:
            return found
    for of_head_and_size in (_iso_media, _safetensors, _mpeg_audio):
        found = of_head_and_size(head, size)
        if found is not None:
            return found
    if head[257:262] == b"ustar":
        return "application/x-tar"
    if size >= 134 and size == 84 + 50 * int.from_bytes(head[80:84], "little"):
        return "model/stl"
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return "video/mp2t"
    if tail.endswith(b"TRUEVISION-XFILE.\x00"):
        return "image/x-tga"
    if _MXF_KEY in head:  # SMPTE ST 377-1 §6.5: a run-in of up to 64 KiB may stand before the first partition
        return "application/mxf"
    return None


def _aep(head: bytes) -> str | None:
    """After Effects projects are RIFX files whose form is "Egg!"; any other RIFX is not claimed."""
    return "application/x-aep" if head[8:12] == b"Egg!" else None


def _riff(head: bytes) -> str | None:
    """RIFF (little endian), RF64 and BW64 (EBU Tech 3306), and IFF's FORM: the form type stands at offset 8."""
    container, form = head[:4], head[8:12]
    if container in (b"RIFF", b"RF64", b"BW64"):
        if form == b"WAVE":
            return "audio/wav"
        return {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}.get(form) if container == b"RIFF" else None
    if container == b"FORM" and form in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    return None


def _iso_media(head: bytes, size: int) -> str | None:
    """ISO base media files (ISO/IEC 14496-12 §4.3) by their brands; older QuickTime files by their first atom."""
    if head[4:8] in _QUICKTIME_ATOMS and int.from_bytes(head[:4], "big") in range(8, size + 1):
        return "video/quicktime"
    if head[4:8] != b"ftyp" or len(head) < 16:
        return None
    box_bytes = min(int.from_bytes(head[:4], "big"), 256, len(head))
    major = head[8:12]
    brands = {major} | {head[at : at + 4] for at in range(16, box_bytes - 3, 4)}
    if major in _AVIF_BRANDS or (major in (b"mif1", b"msf1") and brands & _AVIF_BRANDS):
        return "image/avif"
    if major in _HEIC_BRANDS or (major in (b"mif1", b"msf1") and brands & _HEIC_BRANDS):
        return "image/heic"
    if major in (b"mif1", b"msf1"):
        return "image/heif"
    if major == b"crx ":
        return "image/x-canon-cr3"
    if major == b"qt  ":
        return "video/quicktime"
    if major in _AUDIO_BRANDS:
        return "audio/mp4"
    return {b"3gp": "video/3gpp", b"3g2": "video/3gpp2"}.get(major[:3], "video/mp4")


def _zip(head: bytes) -> str | None:
    """ZIP and what is built on it, told apart by the first entry's name and, for OOXML, by the names in `head`."""
    if head[:2] != b"PK" or head[2:4] not in (b"\x03\x04", b"\x05\x06", b"\x07\x08"):
        return None
    if head[2:4] != b"\x03\x04" or len(head) < 30:
        return "application/zip"
    stored = head[8:10] == b"\x00\x00"
    name_end = 30 + int.from_bytes(head[26:28], "little")
    name = head[30:name_end]
    if stored and name.endswith((b".usd", b".usda", b".usdc")):
        return "model/vnd.usdz+zip"
    if name.endswith(b"data.pkl"):
        return "application/x-pytorch"
    if name.endswith(b".npy"):
        return "application/x-npz"
    if stored and name == b"mimetype":
        start = name_end + int.from_bytes(head[28:30], "little")
        declared = head[start : start + int.from_bytes(head[18:22], "little")].decode("ascii", "replace").strip()
        return declared if declared in _ZIP_MIMETYPES else "application/zip"
    if name in (b"[Content_Types].xml", b"_rels/.rels"):
        return next((media_type for part, media_type in _OOXML if part in head), "application/zip")
    return "application/zip"


def _ebml(head: bytes) -> str | None:
    """Matroska and WebM: EBML with element DocType 0x4282 near the start (RFC 8794 §11.2.5)."""
    if not head.startswith(b"\x1a\x45\xdf\xa3"):
        return None
    start = head[:128].find(b"\x42\x82")
    doc_type = head[start + 3 : start + 11] if start >= 0 else b""
    if doc_type.startswith(b"webm"):
        return "video/webm"
    return "video/matroska" if doc_type.startswith(b"matroska") else None


def _ogg(head: bytes) -> str | None:
    """Ogg (RFC 3533 §6): version 0, then the first packet names the codec."""
    if not head.startswith(b"OggS\x00"):
        return None
    return "video/ogg" if b"\x80theora" in head[:128] else "audio/ogg"


def _small_signatures(head: bytes) -> str | None:
    """Signatures made of printable letters: believed only with the header fields behind them."""
    first = head[:4]
    if first[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES:
        return "image/bmp"
    if first == b"8BPS" and head[4:6] in (b"\x00\x01", b"\x00\x02"):
        return "image/vnd.adobe.photoshop"
    if first in (b"SDPX", b"XPDS") and head[8:9] == b"V" and head[9:10].isdigit():
        return "image/x-dpx"
    if first == b"glTF" and head[4:8] in (b"\x01\x00\x00\x00", b"\x02\x00\x00\x00"):
        return "model/gltf-binary"
    if b"%PDF-" in head[:1024] and re.search(rb"%PDF-[12]\.[0-9]", head[:1032]):
        return "application/pdf"
    if first == b"BLEN" and re.match(rb"BLENDER(?:[-_][vV][0-9]{3}|[0-9]{2}-[0-9]{2}v[0-9]{4})", head):
        return "application/x-blender"
    if first[:3] == b"ply" and _PLY.match(head):  # the header is text, the body may not be
        return "model/x-ply"
    if head.startswith(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    ):  # compound file; AAF puts its class id behind the signature
        return "application/x-aaf" if head[8:16] == b"AAFB\r\x00OM" else "application/x-ole-storage"
    return None


def _pickle(head: bytes) -> str | None:
    """A pickle of protocol 2 to 5: PROTO n, then an opcode. It is recognised in order to be refused, so trailing data
    does not hide it (the interpreter stops at the first STOP). Protocols 0 and 1 are printable and stay text."""
    if (
        len(head) >= 3
        and head[0] == 0x80
        and 2 <= head[1] <= 5
        and (0x20 <= head[2] <= 0x7E or 0x80 <= head[2] <= 0x98)
    ):
        return "application/x-python-pickle"
    return None


def _safetensors(head: bytes, size: int) -> str | None:
    """Safetensors: u64le length of a JSON header, the header, the tensors' bytes."""
    header_bytes = int.from_bytes(head[:8], "little")
    if head[8:9] != b"{" or not 2 <= header_bytes <= min(size - 8, 100_000_000):
        return None
    header = head[8 : 8 + header_bytes]
    if header == b"{}" or (b'"dtype"' in header and b'"data_offsets"' in header) or b'"__metadata__"' in header[:32]:
        return "application/x-safetensors"
    return None


def _mpeg_audio(head: bytes, size: int) -> str | None:
    """MP3 by an ID3v2 tag or by two frame headers in a row; AAC by its ADTS header (ISO/IEC 13818-7 §6.2)."""
    if head.startswith(b"ID3") and len(head) >= 10 and head[3] <= 4 and max(head[6:10]) < 0x80:
        return "audio/mpeg"
    if len(head) < 4 or head[0] != 0xFF:
        return None
    if head[1] in (0xF0, 0xF1, 0xF8, 0xF9) and (head[2] >> 2) & 0xF < 13:
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5 if len(head) > 5 else 0
        return "audio/aac" if head[length : length + 2] in (head[:2], b"") and length >= 7 else None
    length = _mp3_frame_bytes(head[:4])
    if length and (length >= size or head[length : length + 2] == head[:2]):
        return "audio/mpeg"
    return None


def _mp3_frame_bytes(header: bytes) -> int:
    """Return the length of an MPEG audio layer III frame from its 4-byte header (ISO/IEC 11172-3 §2.4.1.3), 0 if it is
    none."""
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bitrate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if header[1] & 0xE0 != 0xE0 or version == 1 or layer != 1 or bitrate in (0, 15) or rate == 3:
        return 0
    kbps = (_MP3_KBPS_1 if version == 3 else _MP3_KBPS_2)[bitrate]
    return (144 if version == 3 else 72) * kbps * 1000 // MP3_RATES[version][rate] + padding
