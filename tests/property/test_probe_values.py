"""What is put into a file comes out: sizes, counts and durations over the whole range that a format has."""

import json
import struct
from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from schemas.strict_json import INTEGER_MAX
from tests.probe_kit import (
    GLTF_DOCUMENT,
    bmp,
    clip,
    dpx,
    element,
    exr,
    facts_of,
    flac,
    glb,
    matroska,
    movie,
    otio,
    otio_track,
    png,
    probed,
    safetensors,
    track,
    wav,
    webp,
)

SIDE_16 = st.integers(1, (1 << 16) - 1)
SIDE_31 = st.integers(1, (1 << 31) - 1)


def facts(data: bytes, media_type: str) -> dict[str, int]:
    """Return the facts of a file that has no fault."""
    found = probed(data, media_type)
    assert found.fault is None
    return facts_of(found)


def sides(data: bytes, media_type: str) -> tuple[int, int]:
    found = facts(data, media_type)
    return found["width_px"], found["height_px"]


@given(SIDE_31, SIDE_31, st.sampled_from([(0, 1), (0, 16), (2, 8), (3, 4), (4, 8), (6, 16)]))
def test_png(width: int, height: int, kind: tuple[int, int]) -> None:
    assert sides(png(width, height, kind[1], kind[0]), "image/png") == (width, height)


@given(SIDE_31.flatmap(lambda height: st.sampled_from([height, -height])))
def test_bmp(height: int) -> None:
    assert sides(bmp(height=height), "image/bmp") == (3, abs(height))


@given(st.integers(1, 1 << 24), st.integers(1, 1 << 24), st.booleans())
def test_webp_canvas(width: int, height: int, alpha: bool) -> None:
    flags = b"\x10\x00\x00\x00" if alpha else bytes(4)
    body = flags + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    assert sides(webp(b"VP8X", body), "image/webp") == (width, height)
    assert facts(webp(b"VP8X", body), "image/webp")["channels"] == (4 if alpha else 3)


@given(st.integers(1, 1 << 14), st.integers(1, 1 << 14))
def test_webp_lossless(width: int, height: int) -> None:
    bits = width - 1 | height - 1 << 14
    assert sides(webp(b"VP8L", b"/" + bits.to_bytes(4, "little")), "image/webp") == (width, height)


@given(st.integers(-5000, 5000), st.integers(-5000, 5000), SIDE_16, SIDE_16)
def test_exr_window(left: int, top: int, width: int, height: int) -> None:
    assert sides(exr(window=(left, top, left + width - 1, top + height - 1)), "image/x-exr") == (width, height)


@given(st.sampled_from("<>"), SIDE_31, SIDE_31)
def test_dpx(order: str, width: int, height: int) -> None:
    data = bytearray(dpx(order))
    struct.pack_into(order + "II", data, 772, width, height)
    assert sides(bytes(data), "image/x-dpx") == (width, height)


@given(SIDE_16, st.integers(1, (1 << 32) - 2), st.booleans())
def test_movie(width: int, duration_ms: int, long: bool) -> None:
    found = facts(movie(track(width=width), duration=duration_ms, long=long), "video/mp4")
    assert (found["width_px"], found["duration_us"]) == (width, duration_ms * 1_000)


@given(st.floats(0.001, 1e9))
def test_matroska_duration(duration_ms: float) -> None:
    found = facts(matroska(duration=struct.pack(">d", duration_ms)), "video/matroska")
    assert abs(found["duration_us"] - duration_ms * 1_000) <= 1
    assert facts(element("1a45dfa3") + element("18538067"), "video/matroska") == {}


@given(st.integers(0, 2_000), st.sampled_from([8, 16, 24, 32]))
def test_wav(samples: int, bits: int) -> None:
    found = facts(wav(bits, data=bytes(samples * bits // 4)), "audio/wav")
    assert (found["duration_us"], found["bits_per_sample"]) == (samples * 1_000_000 // 48_000, bits)


@given(st.integers(1, (1 << 20) - 1), st.integers(1, (1 << 36) - 1))
def test_flac(rate: int, samples: int) -> None:
    found = facts(flac(rate, samples), "audio/flac")
    duration_us = samples * 1_000_000 // rate
    told = {"sample_rate_hz": rate, "duration_us": duration_us}
    expected = {
        name: value for name, value in told.items() if value <= INTEGER_MAX
    }  # what no JSON carries is left away
    assert {name: found[name] for name in found if name in ("sample_rate_hz", "duration_us")} == expected


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=6), st.data())
def test_gltf(counts: list[int], draw: st.DataObject) -> None:
    used = draw.draw(st.lists(st.integers(0, len(counts) - 1), max_size=8))
    meshes = [{"primitives": [{"attributes": {"POSITION": place}}]} for place in used]
    document: dict[str, Any] = {**GLTF_DOCUMENT, "accessors": [{"count": n} for n in counts], "meshes": meshes}
    expected = {
        "meshes": len(used),
        "vertices": sum(counts[place] for place in set(used)),
        "faces": sum(times * (counts[place] // 3) for place, times in Counter(used).items()),
    }
    assert facts(glb(document), "model/gltf-binary") == expected
    assert facts(json.dumps(document).encode(), "model/gltf+json") == expected


@given(
    st.lists(st.sampled_from(["v 1 2 3", "f 1 2 3", "vn 0 0 1", "# v 1", "vt 0 0", "v\t1 2 3", "g v "]), max_size=60)
)
def test_obj(lines: list[str]) -> None:
    found = facts("\n".join(lines).encode(), "model/obj")
    assert found["vertices"] == sum(line.startswith(("v ", "v\t")) for line in lines)
    assert found["faces"] == lines.count("f 1 2 3")


@given(st.lists(st.lists(st.integers(0, 10**6), max_size=5), max_size=4))
def test_otio(tracks: list[list[int]]) -> None:
    document = otio(*[otio_track(*[clip(frames) for frames in items]) for items in tracks])
    found = facts(json.dumps(document).encode(), "application/x-otio+json")
    assert (found["clips"], found["tracks"]) == (sum(map(len, tracks)), len(tracks))
    longest = max((sum(items) for items in tracks), default=0)
    assert abs(found["duration_us"] - longest * 1_000_000 / 24) <= 1


@given(st.lists(st.lists(st.integers(0, 9), max_size=3), max_size=8))
def test_safetensors(shapes: list[list[int]]) -> None:
    header, end = {}, 0
    sizes = []
    for number, shape in enumerate(shapes):
        elements = 1
        for extent in shape:
            elements *= extent
        header[str(number)] = {"dtype": "F16", "shape": shape, "data_offsets": [end, end + 2 * elements]}
        end += 2 * elements
        sizes.append(elements)
    found = facts(safetensors(header, bytes(end)), "application/x-safetensors")
    assert found == {"tensors": len(shapes), "parameters": sum(sizes)}
