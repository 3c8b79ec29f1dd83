"""Media type and kind by content: one real beginning of each format, and names that lie."""

from __future__ import annotations

import io
import json
import pickle
import struct
import tarfile
import wave
import zipfile
import zlib

import pytest

from domain.identity.media import HEAD_BYTES, KINDS, TAIL_BYTES, AssetKind, Media, recognise


def media(data: bytes, name: str = "") -> Media:
    """Recognise whole bytes the way the store does: first HEAD_BYTES, last TAIL_BYTES."""
    return recognise(data[:HEAD_BYTES], size=len(data), tail=data[-TAIL_BYTES:], name=name)


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    body = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return struct.pack(">I", len(body) + 4) + body + bytes(64)


def zipped(*names: str, first: bytes = b"", method: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for number, name in enumerate(names):
            archive.writestr(name, first if number == 0 else b"x")
    return buffer.getvalue()


def wav() -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes(bytes(200))
    return buffer.getvalue()


def tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a"))
    return buffer.getvalue()


def bmp() -> bytes:
    return b"BM" + struct.pack("<IHHI", 58, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, 1, 1, 1, 24, 0, 4, 0, 0, 0, 0)


def safetensors() -> bytes:
    header = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return struct.pack("<Q", len(header)) + header + bytes(4)


def mp3() -> bytes:
    frame = b"\xff\xfb\x90\x00" + bytes(413)  # MPEG-1 layer III, 128 kbit/s, 44.1 kHz: 417 bytes
    return frame * 3


def adts() -> bytes:
    frame = b"\xff\xf1\x50\x80" + bytes([32 >> 3, (32 & 7) << 5 | 0x1F, 0xFC]) + bytes(25)
    return frame * 3


def binary_stl() -> bytes:
    return bytes(80) + struct.pack("<I", 2) + bytes(100)


FOUNTAIN = "Title: 灯\nAuthor: us\n\nEXT. WEIR - NIGHT\n\nWater.\n\nINT. HUT - NIGHT\n\nNails.\n"
FDX = '<?xml version="1.0" encoding="UTF-8"?>\n<FinalDraft DocumentType="Script" Version="5"><Content/></FinalDraft>'
OBJ = "# lamp\no lamp\nv 0 0 0\nv 1 0 0\nv 0 1.5e-3 0\nf 1/1/1 2/2/1 3//1\n"
EDL = (
    "TITLE: CUT\nFCM: NON-DROP FRAME\n\n001  AX       V     C        00:00:00:00 00:00:01:00 01:00:00:00 01:00:01:00\n"
)
GLTF = {"asset": {"version": "2.0"}, "scenes": [], "meshes": []}
WORKFLOW = {"last_node_id": 1, "last_link_id": 0, "nodes": [{"id": 1, "type": "KSampler", "pos": [0, 0]}], "links": []}
POSTED = {"3": {"inputs": {"seed": 1}, "class_type": "KSampler"}}
OTIO = {"OTIO_SCHEMA": "Timeline.1", "tracks": {"OTIO_SCHEMA": "Stack.1", "children": []}}

SAMPLES: dict[str, tuple[bytes, str]] = {
    "png": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "image/png"),
    "jpeg": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", "image/jpeg"),
    "gif": (b"GIF89a\x01\x00\x01\x00", "image/gif"),
    "webp": (b"RIFF\x1a\x00\x00\x00WEBPVP8L", "image/webp"),
    "tiff-le": (b"II*\x00\x08\x00\x00\x00", "image/tiff"),
    "tiff-be": (b"MM\x00*\x00\x00\x00\x08", "image/tiff"),
    "bigtiff": (b"II+\x00\x08\x00\x00\x00", "image/tiff"),
    "bmp": (bmp(), "image/bmp"),
    "heic": (ftyp(b"heic", b"mif1", b"heic"), "image/heic"),
    "heic-mif1": (ftyp(b"mif1", b"heic"), "image/heic"),
    "avif": (ftyp(b"avif", b"mif1"), "image/avif"),
    "avif-mif1": (ftyp(b"mif1", b"avif"), "image/avif"),
    "heif": (ftyp(b"mif1", b"jpeg"), "image/heif"),
    "exr": (b"\x76\x2f\x31\x01\x02\x00\x00\x00channels\x00", "image/x-exr"),
    "dpx": (b"SDPX\x00\x00\x20\x00V2.0\x00\x00\x00\x00", "image/x-dpx"),
    "dpx-le": (b"XPDS\x00\x20\x00\x00V1.0\x00\x00\x00\x00", "image/x-dpx"),
    "cineon": (b"\x80\x2a\x5f\xd7\x00\x00\x08\x00", "image/x-cineon"),
    "psd": (b"8BPS\x00\x01" + bytes(20), "image/vnd.adobe.photoshop"),
    "psb": (b"8BPS\x00\x02" + bytes(20), "image/vnd.adobe.photoshop"),
    "hdr": (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\x02\x02\x00\x01", "image/vnd.radiance"),
    "jxl": (b"\xff\x0a\xfa\x1f", "image/jxl"),
    "jp2": (b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(8), "image/jp2"),
    "tga": (bytes(18) + b"\xff\x00\xff" * 4 + bytes(8) + b"TRUEVISION-XFILE.\x00", "image/x-tga"),
    "cr3": (ftyp(b"crx ", b"isom"), "image/x-canon-cr3"),
    "ktx2": (b"\xabKTX 20\xbb\r\n\x1a\n" + bytes(8), "image/ktx2"),
    "dds": (b"DDS \x7c\x00\x00\x00" + bytes(8), "image/vnd.ms-dds"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "application/pdf"),
    "mp4": (ftyp(b"isom", b"iso2", b"avc1", b"mp41"), "video/mp4"),
    "mov": (ftyp(b"qt  ", b"qt  "), "video/quicktime"),
    "mov-old": (b"\x00\x00\x00\x08wide\x00\x00\x10\x00mdat" + bytes(64), "video/quicktime"),
    "m4a": (ftyp(b"M4A ", b"mp42"), "audio/mp4"),
    "3gp": (ftyp(b"3gp4", b"isom"), "video/3gpp"),
    "mkv": (b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska\x42\x87\x81\x04", "video/matroska"),
    "webm": (b"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\x82\x84webm", "video/webm"),
    "avi": (b"RIFF\x00\x10\x00\x00AVI LIST", "video/x-msvideo"),
    "mxf": (b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02\x04\x00", "application/mxf"),
    "mxf-run-in": (bytes(500) + b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02\x01\x01\x02\x04\x00", "application/mxf"),
    "ts": ((b"\x47\x40\x00\x10" + bytes(184)) * 3, "video/mp2t"),
    "wav": (wav(), "audio/wav"),
    "rf64": (b"RF64\xff\xff\xff\xffWAVEds64", "audio/wav"),
    "flac": (b"fLaC\x00\x00\x00\x22" + bytes(34), "audio/flac"),
    "mp3": (mp3(), "audio/mpeg"),
    "mp3-id3": (b"ID3\x04\x00\x00\x00\x00\x02\x01TIT2", "audio/mpeg"),
    "aac": (adts(), "audio/aac"),
    "aiff": (b"FORM\x00\x00\x00\x2eAIFFCOMM", "audio/aiff"),
    "ogg": (b"OggS\x00\x02" + bytes(22) + b"\x01\x1e\x01vorbis", "audio/ogg"),
    "ogv": (b"OggS\x00\x02" + bytes(22) + b"\x01\x2a\x80theora", "video/ogg"),
    "glb": (b"glTF\x02\x00\x00\x00\x0c\x00\x00\x00", "model/gltf-binary"),
    "gltf": (json.dumps(GLTF).encode(), "model/gltf+json"),
    "obj": (OBJ.encode(), "model/obj"),
    "obj-crlf": (OBJ.replace("\n", "\r\n").encode(), "model/obj"),
    "stl": (b"solid lamp\n facet normal 0 0 1\n  outer loop\n", "model/stl"),
    "stl-binary": (binary_stl(), "model/stl"),
    "ply": (b"ply\nformat ascii 1.0\nelement vertex 0\nend_header\n", "model/x-ply"),
    "ply-binary": (b"ply\nformat binary_little_endian 1.0\nend_header\n\x00\x01\xff", "model/x-ply"),
    "fbx": (b"Kaydara FBX Binary  \x00\x1a\x00", "application/x-fbx"),
    "fbx-text": (b"; FBX 7.7.0 project file\n", "application/x-fbx"),
    "usda": (b'#usda 1.0\n(\n    upAxis = "Y"\n)\n', "model/vnd.usda"),
    "usdc": (b"PXR-USDC\x00\x08\x00" + bytes(16), "model/vnd.usdc"),
    "usdz": (zipped("scene.usdc", "textures/a.png"), "model/vnd.usdz+zip"),
    "abc": (b"Ogawa\xff\x00\x01" + bytes(8), "application/x-alembic"),
    "blend": (b"BLENDER-v402REND", "application/x-blender"),
    "blend-5": (b"BLENDER17-01v0500REND", "application/x-blender"),
    "aep": (b"RIFX\x00\x00\x10\x00Egg!head", "application/x-aep"),
    "aaf": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1AAFB\r\x00OM" + bytes(16), "application/x-aaf"),
    "ole": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16), "application/x-ole-storage"),
    "fountain": (FOUNTAIN.encode(), "text/x-fountain"),
    "fdx": (FDX.encode(), "application/x-finaldraft"),
    "otio": (json.dumps(OTIO).encode(), "application/x-otio+json"),
    "workflow": (json.dumps(WORKFLOW).encode(), "application/x-comfyui-workflow+json"),
    "workflow-api": (json.dumps(POSTED).encode(), "application/x-comfyui-workflow+json"),
    "fcpxml": (b'<?xml version="1.0"?>\n<!DOCTYPE fcpxml>\n<fcpxml version="1.11"/>', "application/x-fcpxml"),
    "edl": (EDL.encode(), "text/x-edl"),
    "srt": (b"1\n00:00:01,000 --> 00:00:02,000\nhello\n", "application/x-subrip"),
    "srt-bom": (b"\xef\xbb\xbf1\r\n00:00:01,000 --> 00:00:02,000\r\nhello\r\n", "application/x-subrip"),
    "vtt": (b"WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n", "text/vtt"),
    "zip": (zipped("readme.txt"), "application/zip"),
    "zip-empty": (zipped(), "application/zip"),
    "docx": (
        zipped("[Content_Types].xml", "word/document.xml"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    "epub": (zipped("mimetype", "a.opf", first=b"application/epub+zip"), "application/epub+zip"),
    "zip-mimetype": (zipped("mimetype", first=b"application/x-whatever"), "application/zip"),
    "pytorch": (zipped("archive/data.pkl"), "application/x-pytorch"),
    "npz": (zipped("arr_0.npy"), "application/x-npz"),
    "npy": (b"\x93NUMPY\x01\x00v\x00{'descr'", "application/x-npy"),
    "safetensors": (safetensors(), "application/x-safetensors"),
    "gguf": (b"GGUF\x03\x00\x00\x00" + bytes(16), "application/x-gguf"),
    "pickle-2": (pickle.dumps({"a": 1}, protocol=2), "application/x-python-pickle"),
    "pickle-5": (pickle.dumps([1, "x"], protocol=5), "application/x-python-pickle"),
    "pickle-then-more": (pickle.dumps(1, protocol=4) + b"\x00more", "application/x-python-pickle"),
    "gzip": (zlib.compress(b"x", wbits=31), "application/gzip"),
    "tar": (tar(), "application/x-tar"),
    "7z": (b"7z\xbc\xaf\x27\x1c\x00\x04", "application/x-7z-compressed"),
    "json": (b'{"a": [1, 2, {"b": null}]}', "application/json"),
    "xml": (b'<?xml version="1.0"?><note/>', "application/xml"),
    "html": (b"<!DOCTYPE html>\n<title>x</title>", "text/html"),
    "collada": (b'<?xml version="1.0"?><COLLADA version="1.4.1"/>', "model/vnd.collada+xml"),
    "text": ("一行字\nand another\n".encode(), "text/plain"),
    "utf-16": ("一行字\n".encode("utf-16"), "text/plain"),
    "latin-1": ("grün".encode("latin-1"), "application/octet-stream"),
    "binary": (bytes(range(256)), "application/octet-stream"),
    "zeros": (bytes(1000), "application/octet-stream"),
}


@pytest.mark.parametrize("sample", sorted(SAMPLES))
@pytest.mark.parametrize("name", ["", "lie.png", "lie.mp4", "lie.txt", "lie.json", "lie.safetensors"])
def test_the_content_decides_and_a_wrong_name_never_wins(sample: str, name: str) -> None:
    data, expected = SAMPLES[sample]
    found = media(data, name)
    assert (found.media_type, found.kind) == (expected, KINDS[expected])


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"BMW built it in 1936 and nobody drove it since", "a.bmp"),
        (b"8BPS is what a Photoshop file begins with", "a.psd"),
        (b"glTF is a format for meshes", "a.glb"),
        (b"Ogawa said nothing", "a.abc"),
        (b"SDPX, remember this code", "a.dpx"),
        (b"ID3 tags are at the start", "a.mp3"),
        (b"solid work, well done\n", "a.stl"),
        (b"ply\nwood\n", "a.ply"),
        (b"BLENDER is a program", "a.blend"),
        (b"v for vendetta\nf for fake\n", "a.obj"),
        (b"WEBVTTX", "a.vtt"),
        (b"RIFF on a theme", "a.wav"),
        (b"%PDF- is how it starts", "a.pdf"),
        (b"The INT. in INT. HOUSE - DAY stands for interior.\n", "a.fountain"),
        (b'{"OTIO_SCHEMA": 12', "a.otio"),
        (b"<<< not xml", "a.fdx"),
    ],
)
def test_a_name_that_promises_more_than_the_content_holds_is_not_believed(data: bytes, name: str) -> None:
    assert media(data, name) == Media("text/plain", AssetKind.TEXT)


def test_the_name_chooses_between_text_formats_that_the_content_allows() -> None:
    assert media(b"# Notes\n\n* lamp\n", "notes.md").media_type == "text/markdown"
    assert media(b"# Notes\n\n* lamp\n", "notes.txt").media_type == "text/plain"
    assert media(b"a,b\n1,2\n", "shots.csv").media_type == "text/csv"
    assert media(b"no columns here\n", "shots.csv").media_type == "text/plain"


def test_a_screenplay_needs_two_headings_or_one_and_a_sign() -> None:
    one = b"She waits.\n\nEXT. WEIR - NIGHT\n\nWater.\n"
    assert media(one, "scene.txt").media_type == "text/plain"
    assert media(one, "scene.fountain").kind is AssetKind.SCREENPLAY
    assert media(b"Title: x\n\n" + one, "scene.txt").kind is AssetKind.SCREENPLAY
    assert media(one + b"\nINT. HUT - DAY\n\nNails.\n").kind is AssetKind.SCREENPLAY
    forced = "Title: 灯\n\n.内景 小屋 夜\n\n钉子。\n".encode()
    assert media(forced, "x.txt").kind is AssetKind.SCREENPLAY
    assert media(forced.replace(b"Title: ", b""), "x.txt").kind is AssetKind.TEXT


def test_json_longer_than_the_head_is_judged_by_its_beginning() -> None:
    filler = ',"filler":"' + "x" * (2 * HEAD_BYTES) + '"}'
    otio = json.dumps(OTIO)[:-1] + filler
    gltf = json.dumps(GLTF)[:-1] + filler
    assert media(otio.encode()).media_type == "application/x-otio+json"
    assert media(gltf.encode()).media_type == "model/gltf+json"
    for workflow in (WORKFLOW, POSTED):
        assert media((json.dumps(workflow)[:-1] + filler).encode()).kind is AssetKind.WORKFLOW
    assert media(('{"a":1' + filler).encode()).media_type == "application/json"
    assert media(("{ curly prose " + filler).encode()).media_type == "text/plain"


@pytest.mark.parametrize(
    ("document", "is_workflow"),
    [
        ({"nodes": [{"id": 1, "type": "A"}], "links": [[1, 1, 0, 1, 0, "X"]]}, True),
        ({"nodes": [], "links": [], "last_node_id": 0}, True),
        ({"nodes": [], "links": []}, False),
        ({"nodes": [{"id": "a"}], "links": [{"source": "a", "target": "a"}]}, False),
        ({"nodes": [{"id": 1, "type": "A"}], "links": [{"source": 1, "target": 1}]}, False),
        ({"nodes": {"id": 1}, "links": []}, False),
        ({"1": {"class_type": "A", "inputs": {}}, "2": {"class_type": "B", "inputs": {}}}, True),
        ({"1": {"class_type": "A", "inputs": {}}, "version": 2}, False),
        ({"1": {"class_type": "A"}}, False),
        ({}, False),
    ],
)
def test_a_workflow_is_told_from_other_graphs(document: dict[str, object], is_workflow: bool) -> None:
    found = media(json.dumps(document).encode(), "workflow.json")
    assert (found.kind is AssetKind.WORKFLOW) is is_workflow
    assert found.media_type == ("application/x-comfyui-workflow+json" if is_workflow else "application/json")


def test_a_character_cut_in_two_by_the_head_is_not_an_error() -> None:
    for shift in range(4):
        data = b"a" * (HEAD_BYTES - shift) + "水".encode() * 100
        assert media(data).media_type == "text/plain"
    assert media(b"a" * HEAD_BYTES + b"\xff").media_type == "text/plain"  # lies beyond the part that is judged
    assert media(b"a" * 10 + b"\xe6\xb0").media_type == "application/octet-stream"  # cut off at the end of the file


def test_nested_json_is_not_followed_into_the_ground() -> None:
    assert media(b"[" * 16_000).media_type == "text/plain"
    assert media(b'{"a":' * 3_000 + b"1" + b"}" * 3_000).media_type in {"text/plain", "application/json"}


def test_text_with_control_characters_is_not_text() -> None:
    assert media(b"bell\x07").media_type == "application/octet-stream"
    assert media(b"escape \x1b[31m").media_type == "application/octet-stream"
    assert media("nul\x00".encode("utf-16")).media_type == "application/octet-stream"


def test_every_answer_is_listed_with_a_kind_and_is_a_media_type() -> None:
    for media_type, kind in KINDS.items():
        family, _, subtype = media_type.partition("/")
        assert family in {"application", "audio", "image", "model", "text", "video"}
        assert subtype and media_type == media_type.lower() and 3 <= len(media_type) <= 100
        assert isinstance(kind, AssetKind)
    assert {expected for _, expected in SAMPLES.values()} <= set(KINDS)


def test_an_empty_file_is_unknown() -> None:
    assert recognise(b"", size=0) == Media("application/octet-stream", AssetKind.UNKNOWN)
