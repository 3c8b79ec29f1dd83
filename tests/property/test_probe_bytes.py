"""Probes on hostile files: whatever the bytes, an answer within a second, in bounded memory, nothing raised."""

import json
import struct
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.identity.events import CLAUSE_CHARACTERS_MAX, MEASURE_MAX
from infra.probe.probing import NOTHING, PROBES, Probed, probe
from infra.probe.source import JSON_BYTES_MAX, JSON_VALUES_MAX, STREAM_BYTES_MAX, TEXT_BYTES_MAX
from tests.probe_kit import SAMPLES, again, box, chunk, element, glb, png, probed, safetensors, tiff

NAMES = sorted(SAMPLES)
SECONDS_MAX = 1.0
MEMORY_BYTES_MAX = 256 << 20
WORDS = (
    *("OTIO_SCHEMA", "tracks", "children", "source_range", "duration", "value", "rate", "media_reference"),
    *("asset", "version", "meshes", "primitives", "attributes", "POSITION", "indices", "mode", "accessors", "count"),
    *("nodes", "links", "class_type", "inputs"),
)
HOSTILE = settings(max_examples=400, suppress_health_check=list(HealthCheck))


def judged(data: bytes, media_type: str) -> Probed:
    """Return what a probe says, after checking what it may say at all."""
    started = time.process_time()
    found = probed(data, media_type)
    assert time.process_time() - started < SECONDS_MAX
    assert all(0 <= measure.value <= MEASURE_MAX for measure in found.measures)
    if found.fault is not None:
        assert found.measures == () and found.fault.startswith(f"{media_type}: expected ")
        assert len(found.fault) <= CLAUSE_CHARACTERS_MAX and ", found " in found.fault
        assert found.fault.isascii() and found.fault.isprintable()
    return found


@pytest.mark.parametrize("media_type", sorted(PROBES))
def test_nothing_at_all(media_type: str) -> None:
    judged(b"", media_type)
    judged(b"\x00", media_type)


@pytest.mark.parametrize("name", NAMES)
def test_every_truncation(name: str) -> None:
    media_type, data, facts = SAMPLES[name]
    for end in range(len(data)):
        found = judged(data[:end], media_type)
        assert found.fault or len(found.measures) <= len(facts)


@pytest.mark.parametrize("name", NAMES)
def test_every_byte_set_to_its_extremes(name: str) -> None:
    media_type, data, _ = SAMPLES[name]
    for place in range(min(len(data), 900)):
        for value in (0, 0xFF, data[place] ^ 0x80):
            judged(data[:place] + bytes([value]) + data[place + 1 :], media_type)


@HOSTILE
@given(st.sampled_from(NAMES), st.data())
def test_several_changed_bytes(name: str, draw: st.DataObject) -> None:
    media_type, data, _ = SAMPLES[name]
    changed = bytearray(data)
    for place, value in draw.draw(
        st.dictionaries(st.integers(0, len(data) - 1), st.integers(0, 255), max_size=8)
    ).items():
        changed[place] = value
    judged(bytes(changed), media_type)


@HOSTILE
@given(st.sampled_from(NAMES), st.integers(0, 64), st.binary(max_size=400))
def test_rubbish_behind_a_valid_beginning(name: str, kept: int, rubbish: bytes) -> None:
    media_type, data, _ = SAMPLES[name]
    judged(data[:kept] + rubbish, media_type)


@HOSTILE
@given(st.sampled_from(sorted(PROBES)), st.sampled_from(NAMES), st.binary(max_size=100))
def test_one_format_read_as_another(media_type: str, name: str, more: bytes) -> None:
    judged(SAMPLES[name].data + more, media_type)


@HOSTILE
@given(
    st.sampled_from(["application/x-otio+json", "model/gltf+json", "application/x-comfyui-workflow+json"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(WORDS),
                inner | st.sampled_from(["Timeline.1", "Stack.1", "Track.1", "Clip.2", "2.0"]),
                max_size=5,
            )
        ),
        max_leaves=20,
    ),
)
def test_any_json_of_the_right_words(media_type: str, document: object) -> None:
    judged(json.dumps(document).encode(), media_type)


def _entities() -> bytes:
    levels = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    return f'<?xml version="1.0"?><!DOCTYPE F [<!ENTITY e0 "ha">{levels}]><FinalDraft>&e11;</FinalDraft>'.encode()


def _nested_boxes() -> bytes:
    inner = b""
    for _ in range(3_000):
        inner = box(b"moov", box(b"trak", inner))
    return box(b"ftyp", b"isom") + inner


def _directory_loop() -> bytes:
    looped = bytearray(tiff("<"))
    struct.pack_into("<I", looped, len(looped) - 10, 8)
    return bytes(looped)


ABSURD: dict[str, tuple[str, Callable[[], bytes]]] = {
    "tensors without end": (
        "application/x-safetensors",
        lambda: safetensors({str(n): {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]} for n in range(110_000)}),
    ),
    "a header of 2^63": ("application/x-safetensors", lambda: struct.pack("<Q", 1 << 63) + b"{}" + bytes(100)),
    "a shape without end": (
        "application/x-safetensors",
        lambda: safetensors({"a": {"dtype": "U8", "shape": [1 << 53] * 64, "data_offsets": [0, 1]}}, b"x"),
    ),
    "a header of brackets": ("application/x-safetensors", lambda: safetensors(b"[" * 10_000)),
    "a box of 2^63": ("video/mp4", lambda: struct.pack(">I4sQ", 1, b"moov", 1 << 63) + bytes(100)),
    "a box of nothing": ("video/mp4", lambda: box(b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"free", 0)),
    "boxes in boxes": ("video/mp4", _nested_boxes),
    "a million boxes": ("video/mp4", lambda: box(b"free") * 1_000_000),
    "tracks without end": ("video/mp4", lambda: box(b"moov", box(b"mvhd", bytes(100)), box(b"trak") * 100_000)),
    "elements without end": (
        "video/matroska",
        lambda: element("1a45dfa3") + element("18538067", b"\xec\x80" * 500_000),
    ),
    "an element of 2^56": ("video/webm", lambda: b"\x1a\x45\xdf\xa3\x01" + b"\xff" * 6 + b"\xfe" + bytes(50)),
    "chunks without end": ("image/png", lambda: png(more=chunk(b"teXt", b"") * 300_000)),
    "a chunk of 2^32": ("image/png", lambda: png()[:33] + b"\xff\xff\xff\xffIDAT" + bytes(20)),
    "fill bytes": ("image/jpeg", lambda: b"\xff\xd8" + b"\xff" * 3_000_000),
    "segments without end": ("image/jpeg", lambda: b"\xff\xd8" + b"\xff\xe0\x00\x02" * 300_000),
    "pages in a circle": ("image/tiff", _directory_loop),
    "pages without end": ("image/tiff", lambda: tiff("<", 1_500)),
    "2^64 entries": ("image/tiff", lambda: tiff("<", big=True)[:16] + b"\xff" * 8 + bytes(200)),
    "a name without end": ("image/x-exr", lambda: b"\x76\x2f\x31\x01\x02\x00\x00\x00" + b"a" * 1_000_000),
    "attributes without end": (
        "image/x-exr",
        lambda: b"\x76\x2f\x31\x01\x02\x00\x00\x00" + b"a\x00b\x00\x00\x00\x00\x00" * 100_000,
    ),
    "chunks of sound": ("audio/wav", lambda: b"RIFF\xff\xff\xff\xffWAVE" + b"LIST\x00\x00\x00\x00" * 300_000),
    "a search for a frame": ("audio/mpeg", lambda: b"ID3\x04\x00\x00\x00\x00\x00\x00" + b"\xff" * 1_000_000),
    "an exponent": ("audio/aiff", lambda: SAMPLES["aiff"].data[:-10] + b"\x7f\xff" + b"\xff" * 8),
    "entities": ("application/x-finaldraft", _entities),
    "depth": ("application/x-finaldraft", lambda: b"<FinalDraft>" + b"<a>" * 1_000_000),
    "one tag": ("application/x-finaldraft", lambda: b"<FinalDraft " + b"a" * 4_000_000),
    "deep JSON": ("application/x-otio+json", lambda: b'{"OTIO_SCHEMA":"Timeline.1","a":' + b"[" * 10_000),
    "deep JSON that ends": ("application/x-otio+json", lambda: b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
    "deep stacks": (
        "application/x-otio+json",
        lambda: (
            b'{"OTIO_SCHEMA":"Timeline.1","tracks":'
            + b'{"OTIO_SCHEMA":"Stack.1","children":[' * 400
            + b"]}" * 400
            + b"}"
        ),
    ),
    "values without end": ("model/gltf+json", lambda: b"[" + b"[]," * (JSON_BYTES_MAX // 3 - 2) + b"[]]"),
    "as many values as are read": ("model/gltf+json", lambda: b"[" + b'{"a":{}},' * (JSON_VALUES_MAX // 3 - 1) + b"1]"),
    "a number without end": ("model/gltf+json", lambda: b'{"asset":' + b"9" * 1_000_000 + b"}"),
    "faces to nowhere": ("model/gltf-binary", lambda: glb({"asset": {"version": "2.0"}, "meshes": [{}] * 50_000})),
    "a line without end": ("model/obj", lambda: b"v 0 0 0\nf " + b"1 " * (STREAM_BYTES_MAX // 2 - 10)),
    "lines without end": ("model/obj", lambda: b"\nv\t" * (STREAM_BYTES_MAX // 3)),
    "vertices by word": (
        "model/x-ply",
        lambda: b"ply\nformat ascii 1.0\nelement vertex 4294967295\nend_header\n0 0 0\n",
    ),
    "a header without end": ("model/x-ply", lambda: b"ply\nformat ascii 1.0\n" + b"comment a\n" * 100_000),
    "facets": ("model/stl", lambda: b"solid\n" + b"facet normal\n" * (STREAM_BYTES_MAX // 13 - 1)),
    "marks": ("text/x-fountain", lambda: b"/*" * (TEXT_BYTES_MAX // 2)),
    "marks that close": ("text/x-fountain", lambda: b"/**/" * (TEXT_BYTES_MAX // 4)),
    "names without end": (
        "text/x-fountain",
        lambda: b"".join(b"\n@%d\nx\n" % number for number in range(150_000)),
    ),
    "lines of nothing": ("text/x-fountain", lambda: b"\n" * TEXT_BYTES_MAX),
}


@pytest.mark.parametrize("name", ABSURD)
def test_absurd_files_cost_no_more_than_a_second_and_bounded_memory(name: str) -> None:
    media_type, make = ABSURD[name]
    data = make()
    judged(data, media_type)
    del data
    tracemalloc.start()
    try:
        again(media_type)
        assert tracemalloc.get_traced_memory()[1] < MEMORY_BYTES_MAX
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("media_type", sorted({sample.media_type for sample in SAMPLES.values()}))
def test_a_sparse_terabyte_is_looked_at_as_quickly(tmp_path: Path, media_type: str) -> None:
    """Sizes that a file states and has; only holes, which nobody may read to their end."""
    sample = next(sample for sample in SAMPLES.values() if sample.media_type == media_type)
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.write(sample.data[:64])
        file.truncate(1 << 40)
    started = time.process_time()
    found = probe(path, media_type)
    assert time.process_time() - started < SECONDS_MAX
    assert found == NOTHING or found.fault or found.measures
