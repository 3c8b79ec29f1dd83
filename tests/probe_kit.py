"""Small whole files of each format that is probed, made byte by byte, with what they state of themselves."""

import json
import os
import struct
import tempfile
import zlib
from functools import cache
from typing import Any, NamedTuple

from infra.probe.probing import Probed, probe_open

GLTF_DOCUMENT: dict[str, Any] = {
    "asset": {"version": "2.0"},
    "accessors": [{"count": 24}, {"count": 36}, {"count": 5}],
    "meshes": [
        {"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}, {"attributes": {"POSITION": 0}, "indices": 1}]},
        {"primitives": [{"attributes": {"POSITION": 2}, "mode": 5}]},
    ],
}
FOUNTAIN = """Title: Lamp at the Weir

INT. HUT - NIGHT

Ada lights the lamp.

ADA
It burns.

BO (O.S.)
Ada?

ADA (CONT'D) ^
Here.

/* EXT. CUT - DAY

NOBODY
Never said. */

.THE WEIR

@阿达
灯亮着。

CUT TO:

EXT. WEIR - DAWN

THE END
"""
FDX = """<?xml version="1.0" encoding="UTF-8"?>
<FinalDraft DocumentType="Script" Version="5"><Content>
<Paragraph Type="Scene Heading"><Text>INT. HUT - NIGHT</Text></Paragraph>
<Paragraph Type="Character"><Text>A</Text><Text>da (O.S.)</Text></Paragraph>
<Paragraph Type="General"><DualDialogue>
<Paragraph Type="Character"><Text>ADA</Text></Paragraph></DualDialogue></Paragraph>
<Paragraph Type="Scene Heading"><Text>EXT. WEIR</Text></Paragraph></Content>
<TitlePage><Content><Paragraph Type="Character"><Text>Author</Text></Paragraph></Content></TitlePage></FinalDraft>"""
OBJ = "# lamp\nv 0 0 0\nv 1 0 0\r\nv\t0 1 0\nvn 0 0 1\nvt 0 0\nf 1/1/1 2/1/1 3/1/1\nf\t1 2 3\nl 1 2\n"
PLY = (
    b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nelement face 1\nproperty list uchar int vertex_index\n"
)
STL = b"solid a\n" + b"facet normal 0 0 1\nouter loop\nendloop\nendfacet\n" * 3 + b"endsolid a\n"


class Sample(NamedTuple):
    """A file, its media type and its facts."""

    media_type: str
    data: bytes
    facts: dict[str, int]


def probed(data: bytes, media_type: str) -> Probed:
    """Return what the probe of a media type finds in `data`, which lies in one file that is written again and again."""
    fd = _file().fileno()
    os.ftruncate(fd, 0)
    for start in range(0, len(data), 1 << 24):
        os.pwrite(fd, data[start : start + (1 << 24)], start)
    return probe_open(fd, media_type)


def again(media_type: str) -> Probed:
    """Return what the probe of a media type finds in the data of the last call of `probed`."""
    return probe_open(_file().fileno(), media_type)


@cache
def _file() -> Any:
    return tempfile.TemporaryFile()


def facts_of(found: Probed) -> dict[str, int]:
    """Return the measures by name."""
    return {str(measure.quantity): measure.value for measure in found.measures}


def chunk(kind: bytes, body: bytes) -> bytes:
    """Return a chunk of PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    width: int = 2, height: int = 3, depth: int = 8, colour: int = 2, more: bytes = b"", data: bytes = b"\x00"
) -> bytes:
    """Return a PNG; its pixels are left to those who decode."""
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def jpeg(marker: int = 0xC2, height: int = 1080, before: bytes = b"\xff\xe0\x00\x04ab\xff") -> bytes:
    """Return the beginning of a JPEG up to its scan."""
    frame = struct.pack(">HBHHB", 17, 8, height, 1920, 3) + bytes(9)
    return b"\xff\xd8" + before + b"\xff" + bytes([marker]) + frame + b"\xff\xda\x00\x02"


def bmp(bits: int = 24, height: int = -4) -> bytes:
    """Return a BMP with a header of 40 bytes."""
    return b"BM" + struct.pack("<IHHI", 58, 0, 0, 54) + struct.pack("<IiiHH", 40, 3, height, 1, bits) + bytes(28)


def webp(kind: bytes, body: bytes) -> bytes:
    """Return a WebP of one chunk."""
    framed = b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(framed)) + framed


def tiff(order: str, pages: int = 1, *, big: bool = False, thumbnail: bool = False) -> bytes:
    """Return the directories of a TIFF; three samples of 16 bits, whose depths stand behind the directory."""
    wide, long = ("Q", "Q") if big else ("H", "I")
    mark = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    out = mark + (struct.pack(order + "HHQ", 8, 0, 16) if big else struct.pack(order + "I", 8))
    tags = (254, 256, 257, 258, 277)
    length = struct.calcsize(order + wide) + len(tags) * (20 if big else 12) + struct.calcsize(order + long) + 6
    for page in range(pages):
        start = len(out)
        out += struct.pack(order + wide, len(tags))
        for tag, value in zip(tags, (int(thumbnail and page == 0), 640, 480, 0, 3), strict=True):
            if tag == 258 and not big:
                out += struct.pack(order + "HHII", tag, 3, 3, start + length - 6)
            elif tag == 258:
                out += struct.pack(order + "HHQHHHH", tag, 3, 3, 16, 16, 16, 0)
            else:
                out += struct.pack(f"{order}HH{long}{long}", tag, 16 if big else 4, 1, value)
        out += struct.pack(order + long, start + length if page + 1 < pages else 0) + struct.pack(
            order + "HHH", 16, 16, 16
        )
    return out


def exr(kinds: tuple[int, ...] = (1, 1, 1), window: tuple[int, ...] = (0, 0, 1919, 1079), version: int = 2) -> bytes:
    """Return the header of an OpenEXR file."""
    channels = b"".join(b"c%d\x00" % n + struct.pack("<IIII", kind, 0, 1, 1) for n, kind in enumerate(kinds))
    out = b"\x76\x2f\x31\x01" + struct.pack("<I", version)
    for name, kind, value in (
        (b"channels", b"chlist", channels + b"\x00"),
        (b"compression", b"compression", b"\x03"),
        (b"dataWindow", b"box2i", struct.pack("<iiii", -10, -10, 1929, 1089)),
        (b"displayWindow", b"box2i", struct.pack("<iiii", *window)),
    ):
        out += name + b"\x00" + kind + b"\x00" + struct.pack("<i", len(value)) + value
    return out + b"\x00"


def dpx(order: str = ">", descriptor: int = 50, start: int = 2048, elements: int = 1) -> bytes:
    """Return the headers of a DPX frame of 10 bits, as a film scanner writes them."""
    data = bytearray(2048 + 16)
    data[:4] = b"SDPX" if order == ">" else b"XPDS"
    struct.pack_into(order + "I", data, 4, start)
    data[8:12] = b"V2.0"
    struct.pack_into(order + "HHII", data, 768, 0, elements, 4096, 3112)
    data[800], data[803] = descriptor, 10
    return bytes(data)


def box(kind: bytes, *bodies: bytes) -> bytes:
    """Return a box of ISO/IEC 14496-12."""
    body = b"".join(bodies)
    return struct.pack(">I", len(body) + 8) + kind + body


def track(handler: bytes = b"vide", width: int = 1920, samples: int = 48) -> bytes:
    """Return a track of a movie."""
    entry = box(b"avc1", bytes(24), struct.pack(">HH", width, 1080), bytes(50))
    table = box(
        b"stbl",
        box(b"stsd", bytes(4), struct.pack(">I", 1), entry),
        box(b"stsz", bytes(4), struct.pack(">II", 0, samples)),
    )
    return box(b"trak", box(b"tkhd", bytes(84)), box(b"mdia", box(b"hdlr", bytes(8), handler), box(b"minf", table)))


def movie(*tracks: bytes, brand: bytes = b"isom", duration: int = 2002, long: bool = False, more: bytes = b"") -> bytes:
    """Return a movie whose header stands behind its samples; the scale is 1,000 a second."""
    times = struct.pack(">QQIQ", 0, 0, 1000, duration) if long else struct.pack(">IIII", 0, 0, 1000, duration)
    head = box(b"mvhd", bytes([long, 0, 0, 0]), times, bytes(80))
    samples = struct.pack(">I4sQ", 1, b"mdat", 16 + 40) + bytes(40)
    return box(b"ftyp", brand, bytes(4)) + samples + box(b"moov", head, *tracks, more)


def element(identity: str, *bodies: bytes, unknown: bool = False) -> bytes:
    """Return an element of EBML; its size takes one byte, or eight."""
    body = b"".join(bodies)
    size = b"\x01" + (b"\xff" * 7 if unknown else len(body).to_bytes(7, "big"))
    size = bytes([0x80 | len(body)]) if len(body) < 127 and not unknown else size
    return bytes.fromhex(identity) + size + body


def matroska(
    doc_type: bytes = b"matroska", duration: bytes = struct.pack(">d", 2500.0), unknown: bool = False
) -> bytes:
    """Return a movie of two tracks, its description behind a cluster that lies there whole."""
    video = element("e0", element("b0", b"\x07\x80"), element("ba", b"\x04\x38"))
    tracks = element("1654ae6b", element("ae", element("83", b"\x01"), video), element("ae", element("83", b"\x02")))
    info = element("1549a966", element("2ad7b1", b"\x0f\x42\x40"), element("4489", duration))
    cluster = element("1f43b675", bytes(30))
    return element("1a45dfa3", element("4282", doc_type)) + element(
        "18538067", element("ec", bytes(3)), info, cluster, tracks, unknown=unknown
    )


def wav(bits: int = 24, code: int = 1, data: bytes = bytes(600), stated: int | None = None, more: bytes = b"") -> bytes:
    """Return two channels of 48 kHz; the size of its data may be a lie."""
    shape = struct.pack("<HHIIHH", code, 2, 48000, 48000 * bits // 4, bits // 4, bits) + more
    size = len(data) if stated is None else stated
    body = b"WAVEfmt " + struct.pack("<I", len(shape)) + shape + b"LIST\x03\x00\x00\x00abc\x00"
    body += b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def rf64(samples: int) -> bytes:
    """Return a file over 4 GiB by its own word, of one channel of 16 bits."""
    sizes = b"ds64" + struct.pack("<IQQQI", 28, 0, 2 * samples, samples, 0)
    shape = b"fmt " + struct.pack("<IHHIIHH", 16, 1, 1, 48000, 96000, 2, 16)
    return b"RF64" + b"\xff" * 4 + b"WAVE" + sizes + shape + b"data" + b"\xff" * 4 + bytes(2 * samples)


def aiff(rate: bytes = bytes.fromhex("400eac44000000000000"), size: int = 18) -> bytes:
    """Return one second of 44.1 kHz by its header."""
    body = b"AIFFCOMM" + struct.pack(">IHIH", size, 2, 44100, 16) + rate
    return b"FORM" + struct.pack(">I", len(body)) + body


def flac(rate: int = 96000, samples: int = 192000, kind: int = 0) -> bytes:
    """Return STREAMINFO of two channels of 24 bits."""
    packed = rate << 44 | 1 << 41 | 23 << 36 | samples
    return b"fLaC" + bytes([0x80 | kind]) + b"\x00\x00\x22" + bytes(10) + packed.to_bytes(8, "big") + bytes(16)


def mp3(tag: bytes = b"Xing", prefix: bytes = b"", mono: bool = False) -> bytes:
    """Return frames of MPEG-1 layer III, 44.1 kHz; the first one counts 100 of them."""
    head = b"\xff\xfb\x90" + (b"\xc0" if mono else b"\x00")
    count = tag + struct.pack(">II", 1, 100)
    side = bytes(17 if mono else 32)
    return prefix + (head + side + count).ljust(417, b"\x00") + (head + bytes(413)) * 2


def glb(document: Any = GLTF_DOCUMENT, *, version: int = 2, json_bytes: int = 0, kind: bytes = b"JSON") -> bytes:
    """Return a GLB with one chunk; the length of that chunk may be a lie."""
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    return b"glTF" + struct.pack("<III4s", version, 20 + len(text), json_bytes or len(text), kind) + text


def otio(*tracks: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a timeline."""
    stack = {"OTIO_SCHEMA": "Stack.1", "children": list(tracks)}
    return {"OTIO_SCHEMA": "Timeline.1", "tracks": stack, **changes}


def otio_track(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return a track."""
    return {"OTIO_SCHEMA": "Track.1", "children": list(items), **changes}


def otio_range(frames: Any, rate: Any = 24.0) -> dict[str, Any]:
    """Return a time range by its duration."""
    return {"OTIO_SCHEMA": "TimeRange.1", "duration": {"OTIO_SCHEMA": "RationalTime.1", "value": frames, "rate": rate}}


def clip(frames: Any = None, rate: Any = 24.0, schema: str = "Clip.2", **changes: Any) -> dict[str, Any]:
    """Return a clip of so many frames."""
    return {"OTIO_SCHEMA": schema, "source_range": otio_range(frames, rate) if frames is not None else None, **changes}


def safetensors(header: Any, body: bytes = b"") -> bytes:
    """Return a file of a header and its tensors."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


WEIGHTS = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]},
}
EDITED = {"last_node_id": 2, "nodes": [{"id": 1, "type": "A"}, {"id": 2, "type": "B"}], "links": [[1, 1, 0, 2, 0, "X"]]}
POSTED = {"3": {"class_type": "KSampler", "inputs": {"model": ["4", 0]}}, "4": {"class_type": "Loader", "inputs": {}}}


def picture(width: int, height: int, channels: int, bits: int) -> dict[str, int]:
    """Return the facts of a picture."""
    return {"width_px": width, "height_px": height, "channels": channels, "bits_per_sample": bits}


def heard(channels: int, bits: int, rate: int, duration_us: int) -> dict[str, int]:
    """Return the facts of a sound."""
    return {"channels": channels, "bits_per_sample": bits, "duration_us": duration_us, "sample_rate_hz": rate}


_EDGES = {"width_px": 1920, "height_px": 1080}
SAMPLES: dict[str, Sample] = {
    "png": Sample("image/png", png(), picture(2, 3, 3, 8)),
    "apng": Sample(
        "image/png", png(more=chunk(b"acTL", struct.pack(">II", 7, 0))), {**picture(2, 3, 3, 8), "frames": 7}
    ),
    "jpeg": Sample("image/jpeg", jpeg(), picture(1920, 1080, 3, 8)),
    "gif": Sample("image/gif", b"GIF89a\x02\x01\x04\x00\x80\x00\x00" + bytes(6) + b";", picture(258, 4, 3, 8)),
    "bmp": Sample("image/bmp", bmp(), picture(3, 4, 3, 8)),
    "webp": Sample("image/webp", webp(b"VP8X", b"\x10\x00\x00\x00\x7f\x07\x00\x37\x04\x00"), picture(1920, 1080, 4, 8)),
    "webp-lossy": Sample(
        "image/webp", webp(b"VP8 ", b"\x10\x00\x00\x9d\x01\x2a\x80\x07\x38\x04"), picture(1920, 1080, 3, 8)
    ),
    "webp-lossless": Sample("image/webp", webp(b"VP8L", b"\x2f\x7f\xc7\x0d\x01\x00"), picture(1920, 1080, 3, 8)),
    "tiff": Sample("image/tiff", tiff("<"), picture(640, 480, 3, 16)),
    "tiff-be": Sample("image/tiff", tiff(">", 3), {**picture(640, 480, 3, 16), "frames": 3}),
    "bigtiff": Sample("image/tiff", tiff("<", 2, big=True), {**picture(640, 480, 3, 16), "frames": 2}),
    "exr": Sample("image/x-exr", exr(), picture(1920, 1080, 3, 16)),
    "dpx": Sample("image/x-dpx", dpx(), picture(4096, 3112, 3, 10)),
    "dpx-le": Sample("image/x-dpx", dpx("<", 6), picture(4096, 3112, 1, 10)),
    "mp4": Sample(
        "video/mp4",
        movie(track(b"soun"), track()),
        {**_EDGES, "frames": 48, "duration_us": 2_002_000, "tracks": 2},
    ),
    "mov": Sample("video/quicktime", movie(brand=b"qt  ", long=True), {"duration_us": 2_002_000, "tracks": 0}),
    "mkv": Sample("video/matroska", matroska(), {**_EDGES, "duration_us": 2_500_000, "tracks": 2}),
    "webm": Sample(
        "video/webm",
        matroska(b"webm", struct.pack(">f", 1000.0), unknown=True),
        {**_EDGES, "duration_us": 1_000_000, "tracks": 2},
    ),
    "wav": Sample("audio/wav", wav(), heard(2, 24, 48000, 2083)),
    "rf64": Sample("audio/wav", rf64(480), heard(1, 16, 48000, 10_000)),
    "aiff": Sample("audio/aiff", aiff(), heard(2, 16, 44100, 1_000_000)),
    "flac": Sample("audio/flac", flac(), heard(2, 24, 96000, 2_000_000)),
    "mp3": Sample("audio/mpeg", mp3(), {"channels": 2, "duration_us": 2_612_244, "sample_rate_hz": 44100}),
    "glb": Sample("model/gltf-binary", glb(), {"meshes": 2, "vertices": 29, "faces": 27}),
    "gltf": Sample("model/gltf+json", json.dumps(GLTF_DOCUMENT).encode(), {"meshes": 2, "vertices": 29, "faces": 27}),
    "obj": Sample("model/obj", OBJ.encode(), {"vertices": 3, "faces": 2}),
    "ply": Sample("model/x-ply", PLY + b"end_header\n0\n1\n2\n3 0 1 2\n", {"vertices": 3, "faces": 1}),
    "stl": Sample("model/stl", STL, {"faces": 3}),
    "stl-binary": Sample("model/stl", bytes(80) + struct.pack("<I", 2) + bytes(100), {"faces": 2}),
    "fountain": Sample("text/x-fountain", FOUNTAIN.encode(), {"scenes": 3, "roles": 3}),
    "fdx": Sample("application/x-finaldraft", FDX.encode(), {"scenes": 2, "roles": 1}),
    "otio": Sample(
        "application/x-otio+json",
        json.dumps(otio(otio_track(clip(48), clip(24, schema="Clip.1")), otio_track(clip(12)))).encode(),
        {"duration_us": 3_000_000, "clips": 3, "tracks": 2},
    ),
    "workflow": Sample("application/x-comfyui-workflow+json", json.dumps(EDITED).encode(), {"nodes": 2}),
    "workflow-api": Sample("application/x-comfyui-workflow+json", json.dumps(POSTED).encode(), {"nodes": 2}),
    "safetensors": Sample(
        "application/x-safetensors", safetensors(WEIGHTS, bytes(26)), {"tensors": 2, "parameters": 7}
    ),
}
