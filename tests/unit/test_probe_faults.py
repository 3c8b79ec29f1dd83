"""What contradicts its own format is told with what was expected and found; what is only unknown is left alone."""

import json
import struct
from typing import Any

import pytest

from infra.probe.probing import NOTHING
from infra.probe.source import JSON_BYTES_MAX, JSON_VALUES_MAX, STREAM_BYTES_MAX, TEXT_BYTES_MAX, XML_BYTES_MAX
from tests.probe_kit import (
    FDX,
    GLTF_DOCUMENT,
    PLY,
    SAMPLES,
    aiff,
    bmp,
    box,
    chunk,
    clip,
    dpx,
    element,
    exr,
    facts_of,
    flac,
    glb,
    jpeg,
    matroska,
    movie,
    mp3,
    otio,
    otio_range,
    otio_track,
    picture,
    png,
    probed,
    safetensors,
    tiff,
    track,
    wav,
    webp,
)

SECRET = "Lantern-of-Ada"
"""Stands in places of a file that no message may quote."""
TENSOR = {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}


def document(**changes: Any) -> bytes:
    """Return a glTF document with members changed."""
    return json.dumps({**GLTF_DOCUMENT, **changes}).encode()


def primitive(**members: Any) -> list[dict[str, Any]]:
    """Return meshes of one primitive."""
    return [{"primitives": [members]}]


FAULTS: list[tuple[str, bytes, str]] = [
    ("image/png", b"\x89PNG\r\n\x1a\n" + chunk(b"IDAT", bytes(20)), "IHDR of 13 bytes first, found 49444154 of 20"),
    ("image/png", png(0), "at least one pixel on each side, found 0 x 3"),
    ("image/png", png(depth=3), "colour type and bit depth of the standard, found 2 and 3"),
    ("image/png", png(colour=5), "colour type and bit depth of the standard, found 5 and 8"),
    ("image/png", png(1 << 31), "sides below 2147483648 pixels"),
    ("image/png", png()[:-14], "1 bytes of chunk 49444154 at 33"),
    ("image/png", png()[:33] + chunk(b"IEND", b""), "IDAT before IEND"),
    ("image/jpeg", b"\xff\xd8\xff\xda\x00\x02", "a frame header before the scan at 2"),
    ("image/jpeg", jpeg(before=b"\xff\xe0\x00\x01"), "a segment of at least 2 bytes at 2, found 1"),
    ("image/jpeg", b"\xff\xd8\xff\xe0\x00\x10JFIF", "found the end of the file at 10"),
    ("image/jpeg", b"\xff\xd8\xff\xc0\x00\x07\x08\x00\x01\x00\x01\x00", "a frame header of 8 bytes, found 7"),
    ("image/gif", b"GIF89a\x01\x00", "7 bytes at 6, found the end of the file at 8"),
    ("image/bmp", bmp(height=0), "at least one pixel on each side, found 3 x 0"),
    ("image/bmp", bmp()[:10] + b"\xff\xff\x00\x00" + bmp()[14:], "pixels within 58 bytes, found their start at 65535"),
    ("image/webp", webp(b"VP8X", bytes(10))[:-1], "30 bytes, found 29"),
    ("image/webp", webp(b"VP8L", bytes(6)), "the signature 2f of VP8L, found 00"),
    ("image/webp", webp(b"VP8 ", bytes(10)), "the start of a key frame"),
    ("image/webp", webp(b"VP8L", b"/"), "a frame at 20"),
    ("image/tiff", b"II*\x00\xff\x00\x00\x00", "2 bytes at 255, found the end of the file at 8"),
    ("image/tiff", b"II*\x00\x08\x00\x00\x00" + bytes(6), "entries in the directory at 8, found none"),
    ("image/tiff", b"II*\x00\x08\x00\x00\x00\x01\x00" + bytes(16), "ImageWidth and ImageLength"),
    ("image/x-exr", exr(window=(0, 0, -1, 9)), "at least one pixel on each side, found 0 x 10"),
    ("image/x-exr", exr(()), "at least one channel, found none"),
    ("image/x-exr", exr().replace(b"displayWindow", b"displayWidth!"), "the attribute displayWindow"),
    ("image/x-exr", exr()[:60], "an attribute within 60 bytes"),
    ("image/x-exr", exr()[:12], "an attribute's name, type and size at 8"),
    ("image/x-dpx", dpx(start=5000), "picture data from 804 to 2064, found it at 5000"),
    ("image/x-dpx", dpx(elements=9), "1 to 8 image elements with their size, found 9"),
    ("video/mp4", box(b"ftyp", b"isom") + box(b"mdat", bytes(9)), "a movie box among 2 kinds of boxes, found none"),
    ("video/mp4", movie()[:-20], "the movie box to end by"),
    ("video/mp4", box(b"moov", box(b"trak")), "a movie header in the movie box"),
    ("video/mp4", box(b"moov", struct.pack(">I4s", 99, b"mvhd"), bytes(20)), "to end by 36, found its end at 107"),
    ("video/quicktime", struct.pack(">I4s", 7, b"free") + bytes(20), "a box of at least 8 bytes at 0, found 7"),
    ("video/matroska", element("1a45dfa3"), "a segment behind the header, found the end"),
    (
        "video/matroska",
        element("1a45dfa3") + element("1f43b675"),
        "a segment behind the header, found element 1f43b675",
    ),
    ("video/webm", matroska()[:-5], "element 1654ae6b to end by"),
    (
        "video/webm",
        element("1a45dfa3") + element("18538067", element("1549a966", b"\x44\x89\x90ab")),
        "to end by",
    ),
    (
        "video/webm",
        element("1a45dfa3") + element("18538067", element("1549a966", element("2ad7b1", bytes(9)))),
        "an integer of at most 8 bytes",
    ),
    ("audio/wav", b"RIFF\x04\x00\x00\x00WAVE", "chunks fmt and data"),
    ("audio/wav", b"RIFF\x04\x00\x00\x00WAVEdata\x00\x00\x00\x00", "a format before the samples"),
    ("audio/wav", b"RIFF\x04\x00\x00\x00WAVEfmt \x08\x00\x00\x00" + bytes(8), "a format of at least 16 bytes, found 8"),
    ("audio/wav", wav(bits=0), "blocks of at least one byte, found 0"),
    ("audio/aiff", aiff(bytes(10)), "channels and a sample rate, found 2 and 0"),
    ("audio/aiff", aiff(size=17), "COMM of at least 18 bytes, found 17"),
    ("audio/aiff", b"FORM\x00\x00\x00\x04AIFF", "a chunk COMM"),
    ("audio/flac", flac(kind=4), "STREAMINFO of 34 bytes first, found block 4 of 34"),
    ("audio/flac", flac()[:30], "34 bytes at 8"),
    ("audio/mpeg", b"ID3\x04\x00\x00\x00\x00\x02\x01TIT2", "a tag within 14 bytes, found one of 267"),
    ("model/gltf-binary", glb(json_bytes=1 << 31), "a chunk JSON within"),
    ("model/gltf-binary", glb()[:-1], "bytes as the header states"),
    ("model/gltf-binary", glb(kind=b"BIN\x00"), "a chunk JSON first, found 42494e00"),
    ("model/gltf-binary", glb()[:-9] + b"!" * 9, "JSON, found a fault at character"),
    ("model/gltf-binary", glb([]), "an asset with its version"),
    ("model/gltf+json", document(meshes={}), "meshes and accessors to be arrays"),
    ("model/gltf+json", document(meshes=[{"name": SECRET}]), "primitives in each mesh"),
    ("model/gltf+json", document(meshes=primitive(material=0)), "attributes in each primitive"),
    ("model/gltf+json", document(meshes=primitive(attributes={"POSITION": 3})), "an accessor below 3, found 3"),
    ("model/gltf+json", document(meshes=primitive(attributes={"POSITION": -1})), "the index of an accessor"),
    ("model/gltf+json", document(meshes=primitive(attributes={"POSITION": True})), "the index of an accessor"),
    ("model/gltf+json", document(meshes=primitive(attributes={"POSITION": 0}, indices=9)), "below 3, found 9"),
    ("model/gltf+json", document(accessors=[{"count": -1}, {}, {}]), "a count in accessor 0"),
    ("model/gltf+json", b'{"asset":{"version":"\xff"}}', "JSON in UTF-8, found other bytes at 21"),
    ("model/x-ply", PLY, "end_header, found the end of the file"),
    ("model/x-ply", PLY.replace(b"vertex 3", b"vertex 4294967295") + b"end_header\n0\n", "4294967295 elements"),
    ("model/x-ply", PLY.replace(b"vertex 3", b"vertex -3") + b"end_header\n0\n", "an element's name and count"),
    ("application/x-finaldraft", FDX.replace("</Content>", "").encode(), "XML, found mismatched tag in line"),
    ("application/x-finaldraft", b"<other/>", "the root FinalDraft, found another one"),
    (
        "application/x-finaldraft",
        b'<!DOCTYPE a [<!ENTITY e "' + SECRET.encode() + b'">]><FinalDraft>&e;</FinalDraft>',
        "XML without a document type, found one",
    ),
    ("application/x-otio+json", b'{"children":[{"OTIO_SCHEMA":"Clip.1"}]}', "an object with its OTIO_SCHEMA"),
    ("application/x-otio+json", json.dumps(otio(tracks=[SECRET])).encode(), "a timeline's tracks to be a stack"),
    ("application/x-otio+json", json.dumps(otio(otio_track(), {"name": SECRET})).encode(), "children with their OTIO"),
    ("application/x-otio+json", json.dumps(otio(otio_track(children=0))).encode(), "children to be an array"),
    ("application/x-otio+json", b'{"OTIO_SCHEMA":"Timeline.1"', "JSON, found a fault at character 27"),
    ("application/x-comfyui-workflow+json", b'[{"class_type":1}]', "an object, found another value"),
    ("application/x-comfyui-workflow+json", b'{"last_node_id":1,', "JSON, found a fault"),
    ("application/x-safetensors", b"\x02\x00\x00\x00\x00\x00\x00\x00", "a header of 2 to 2 bytes, found 2"),
    ("application/x-safetensors", safetensors({SECRET: TENSOR}), "expected 1 bytes of tensors, found 0"),
    ("application/x-safetensors", safetensors({SECRET: {**TENSOR, "shape": [2]}}, b"x"), "not those of its shape"),
    ("application/x-safetensors", safetensors({SECRET: {**TENSOR, "more": 1}}, b"x"), "expected a known dtype"),
    ("application/x-safetensors", safetensors(b'{"a": nothing}'), "JSON, found a fault at character 6"),
]


@pytest.mark.parametrize(("media_type", "data", "why"), FAULTS)
def test_a_fault_is_told_and_quotes_nothing(media_type: str, data: bytes, why: str) -> None:
    found = probed(data, media_type)
    assert found.measures == () and found.fault is not None
    assert why in found.fault and found.fault.startswith(f"{media_type}: expected ")
    assert SECRET not in found.fault


def test_every_family_has_a_fault() -> None:
    told = {media_type for media_type, _, _ in FAULTS}
    assert told == {sample.media_type for sample in SAMPLES.values()} - {"model/obj", "model/stl", "text/x-fountain"}


UNKNOWN: list[tuple[str, bytes]] = [
    ("image/jpeg", b"\xff\xd8rubbish"),
    ("image/webp", webp(b"NEW!", bytes(10))),
    ("image/tiff", tiff("<", thumbnail=True)),
    ("image/x-exr", exr(version=3)),
    ("video/mp4", box(b"ftyp", b"what") + box(b"meta", bytes(4))),
    ("video/mp4", box(b"styp", b"msdh") + box(b"moof", bytes(4))),
    ("video/quicktime", box(b"moov", box(b"cmov", bytes(4)))),
    ("video/webm", element("1a45dfa3") + element("18538067", b"\x00\x00\x00\x00")),
    ("audio/flac", flac(rate=0)),
    ("audio/mpeg", b"ID3\x04\x00\x00\x00\x00\x00\x00fLaC" + bytes(40)),
    ("model/gltf-binary", glb(version=1)),
    ("model/gltf+json", document(asset={"version": "3.0"})),
    ("model/gltf+json", b'{"asset":' * 5_000 + b"1" + b"}" * 5_000),
    ("model/gltf+json", b'{"asset":' + b"9" * 5_000 + b"}"),
    ("model/gltf+json", b"[" + b"0," * JSON_VALUES_MAX + b"0]"),
    ("model/gltf+json", b'{"asset":"' + b" " * JSON_BYTES_MAX + b'"}'),
    ("model/obj", b"v 0 0 0\n  v 1 0 0\nf 1 1 1\n"),
    ("model/obj", b"v 0 0 0\n" + b"#" * STREAM_BYTES_MAX),
    ("text/x-fountain", b"INT. A\n" + b" " * TEXT_BYTES_MAX),
    ("application/x-finaldraft", b"<FinalDraft>" + b" " * XML_BYTES_MAX + b"</FinalDraft>"),
    ("application/x-finaldraft", b'<?xml version="1.0" encoding="GB18030"?><FinalDraft/>'),
    ("application/x-otio+json", json.dumps(clip(3)).encode()),
    ("application/x-otio+json", b'{"OTIO_SCHEMA":"SerializableCollection.1","children":[]}'),
    ("application/x-safetensors", safetensors({"a": {**TENSOR, "dtype": "F6_E2M3"}}, b"x")),
]


@pytest.mark.parametrize(("media_type", "data"), UNKNOWN)
def test_what_is_only_unknown_is_neither_valid_nor_false(media_type: str, data: bytes) -> None:
    assert probed(data, media_type) == NOTHING


VARIANTS: list[tuple[str, bytes, dict[str, int]]] = [
    ("image/png", png(colour=3, depth=1), picture(2, 3, 3, 8)),
    ("image/png", png(colour=4, depth=16), picture(2, 3, 2, 16)),
    ("image/png", png(colour=0, depth=1) + b"behind the end", picture(2, 3, 1, 1)),
    ("image/png", png(data=bytes(70_000)), picture(2, 3, 3, 8)),
    ("image/jpeg", jpeg(0xC0, 0), {"width_px": 1920, "channels": 3, "bits_per_sample": 8}),
    ("image/jpeg", jpeg(before=b"\xff\xe1\xff\xff" + bytes(0xFFFD)), picture(1920, 1080, 3, 8)),
    ("image/bmp", bmp(32), {"width_px": 3, "height_px": 4, "bits_per_sample": 8}),
    ("image/bmp", bmp(16), {"width_px": 3, "height_px": 4}),
    ("image/bmp", bmp()[:14] + struct.pack("<IHHHH", 12, 5, 6, 1, 8) + bytes(40), picture(5, 6, 3, 8)),
    ("image/tiff", tiff(">", 2, thumbnail=True), picture(640, 480, 3, 16)),
    ("image/tiff", tiff("<", 2)[:150], picture(640, 480, 3, 16)),
    ("image/x-exr", exr((2, 1, 1, 1)), {"width_px": 1920, "height_px": 1080, "channels": 4}),
    ("image/x-dpx", dpx(elements=2), {"width_px": 4096, "height_px": 3112, "bits_per_sample": 10}),
    ("video/mp4", movie(duration=0), {"tracks": 0}),
    ("video/mp4", movie(duration=(1 << 32) - 1), {"tracks": 0}),
    (
        "video/mp4",
        movie(track(samples=0)),
        {"width_px": 1920, "height_px": 1080, "duration_us": 2_002_000, "tracks": 1},
    ),
    ("video/mp4", movie(more=bytes(12)), {"duration_us": 2_002_000, "tracks": 0}),
    ("video/mp4", movie(track(b"tmcd")) + b"mdat", {"duration_us": 2_002_000, "tracks": 1}),
    ("audio/mp4", movie(track(b"soun")), {"duration_us": 2_002_000, "tracks": 1}),
    ("video/webm", matroska(duration=b"\x7f\xc0\x00\x00"), {"width_px": 1920, "height_px": 1080, "tracks": 2}),
    ("audio/wav", wav(stated=0xFFFFFFFF), SAMPLES["wav"].facts),
    ("audio/wav", wav(32, 3), {"channels": 2, "bits_per_sample": 32, "duration_us": 1562, "sample_rate_hz": 48000}),
    ("audio/wav", wav(code=0x55), {"channels": 2, "sample_rate_hz": 48000}),
    (
        "audio/wav",
        wav(
            24,
            0xFFFE,
            more=struct.pack("<HHI", 22, 20, 3) + b"\x01\x00" + bytes.fromhex("000000001000800000aa00389b71"),
        ),
        {"channels": 2, "bits_per_sample": 20, "duration_us": 2083, "sample_rate_hz": 48000},
    ),
    ("audio/flac", flac(samples=0), {"channels": 2, "bits_per_sample": 24, "sample_rate_hz": 96000}),
    ("audio/mpeg", mp3(b"none", mono=True), {"channels": 1, "sample_rate_hz": 44100}),
    (
        "audio/mpeg",
        mp3(b"Info", b"ID3\x03\x00\x00\x00\x00\x01\x00" + bytes(128), mono=True),
        {"channels": 1, "duration_us": 2_612_244, "sample_rate_hz": 44100},
    ),
    ("model/gltf+json", b'\xef\xbb\xbf{"asset":{"version":"2.0"}}', {"meshes": 0, "vertices": 0, "faces": 0}),
    (
        "model/gltf+json",
        document(meshes=primitive(attributes={"POSITION": 0}) + primitive(attributes={"POSITION": 1}, mode=0)),
        {"meshes": 2, "vertices": 60, "faces": 8},
    ),
    ("model/x-ply", b"ply\r\nformat binary_little_endian 1.0\r\nelement vertex 2\r\nend_header\r\nab", {"vertices": 2}),
    ("model/obj", b"v 0 0 0\n" * 300_000 + b"f 1 2 3\n" * 200_000, {"vertices": 300_000, "faces": 200_000}),
    ("text/x-fountain", "\ufeffINT. A - DAY\n\nADA\nHi.\n".encode("utf-16-le"), {"scenes": 1, "roles": 1}),
    ("text/x-fountain", b"INT. A\n\n/* open\n\nEXT. B\n", {"scenes": 2, "roles": 0}),
    ("application/x-safetensors", safetensors({}), {"tensors": 0, "parameters": 0}),
]


@pytest.mark.parametrize(("media_type", "data", "facts"), VARIANTS)
def test_variants(media_type: str, data: bytes, facts: dict[str, int]) -> None:
    found = probed(data, media_type)
    assert (found.fault, facts_of(found)) == (None, facts)


def media(frames: int) -> dict[str, Any]:
    return {"OTIO_SCHEMA": "ExternalReference.1", "available_range": otio_range(frames)}


@pytest.mark.parametrize(
    ("items", "seconds"),
    [
        ([], 0.0),
        ([clip(24), {"OTIO_SCHEMA": "Transition.1"}, clip(12, 24)], 1.5),
        ([clip(24), clip(25, 25)], 2.0),
        ([clip(media_references={"DEFAULT_MEDIA": media(48)})], 2.0),
        ([clip(media_references={"hi": media(48)}, active_media_reference_key="hi")], 2.0),
        ([clip(media_reference=media(12), schema="Clip.1")], 0.5),
        ([{"OTIO_SCHEMA": "Stack.1", "children": [clip(24), clip(72)]}], 3.0),
        ([{"OTIO_SCHEMA": "Stack.1", "source_range": otio_range(6), "children": [clip(72)]}], 0.25),
        ([clip()], None),
        ([clip(24, 0)], None),
        ([clip(24, "24")], None),
        ([clip(float("nan"))], None),
        ([clip(-24)], None),
        ([clip(10**400, 24)], None),
        ([{"OTIO_SCHEMA": "Invention.1"}], None),
    ],
)
def test_how_long_a_timeline_is(items: list[dict[str, Any]], seconds: float | None) -> None:
    data = json.dumps(otio(otio_track(*items))).encode()
    found = facts_of(probed(data, "application/x-otio+json"))
    assert found.get("duration_us") == (None if seconds is None else seconds * 1_000_000)
    assert found["tracks"] == 1
