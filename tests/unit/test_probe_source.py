"""The reader of a probe: each look has a bound, all of them together too, and JSON has its own."""

import json
import os
import tempfile
from collections.abc import Iterator

import pytest

from infra.probe.film_image import EXR_ATTRIBUTES_MAX, EXR_CHANNELS_MAX, TIFF_ENTRIES_MAX, TIFF_PAGES_MAX
from infra.probe.matroska import TRACKS_MAX as MATROSKA_TRACKS_MAX
from infra.probe.mesh import PLY_HEADER_BYTES_MAX
from infra.probe.movie import TRACKS_MAX
from infra.probe.probing import NOTHING
from infra.probe.source import (
    HEAD_BYTES,
    JSON_BYTES_MAX,
    JSON_VALUES_MAX,
    READ_BYTES_MAX,
    READS_MAX,
    STREAM_BYTES_MAX,
    Fault,
    Source,
    Unsure,
    read_json,
    whole_number,
)
from tests.probe_kit import box, element, exr, facts_of, movie, probed, tiff

LENGTH = HEAD_BYTES + 3_000
DATA = bytes(n % 251 for n in range(LENGTH))


@pytest.fixture
def fd() -> Iterator[int]:
    with tempfile.TemporaryFile() as file:
        file.write(DATA)
        file.flush()
        yield file.fileno()


@pytest.mark.parametrize("offset", [0, 1, HEAD_BYTES - 5, HEAD_BYTES, HEAD_BYTES + 1, LENGTH - 10])
@pytest.mark.parametrize("length", [0, 1, 10])
def test_a_look_gives_the_bytes_of_the_file(fd: int, offset: int, length: int) -> None:
    source = Source(fd)
    assert source.some(offset, length) == source.at(offset, length) == DATA[offset : offset + length]
    assert source.span(offset, length, 10) == DATA[offset : offset + length]


@pytest.mark.parametrize("offset", [LENGTH - 9, LENGTH, LENGTH + 5, 1 << 70])
def test_behind_the_end_there_is_less_or_a_fault(fd: int, offset: int) -> None:
    source = Source(fd)
    assert source.some(offset, 10) == DATA[offset:][:10]
    for look in (lambda: source.at(offset, 10), lambda: source.span(offset, 10, 100)):
        with pytest.raises(Fault, match=f"expected 10 bytes at {offset}, found the end of the file at {LENGTH}"):
            look()


def test_whole_and_span_have_a_bound(fd: int) -> None:
    source = Source(fd)
    assert source.whole(LENGTH) == DATA
    for look in (lambda: source.whole(LENGTH - 1), lambda: source.span(0, 11, 10)):
        with pytest.raises(Unsure):
            look()


def test_a_look_and_all_looks_have_a_bound(fd: int) -> None:
    source = Source(fd)
    with pytest.raises(Unsure):
        source.some(0, READ_BYTES_MAX + 1)
    for _ in range(READS_MAX - 1):
        source.some(0, 1)
    with pytest.raises(Unsure):
        source.some(0, 1)


def test_parts_are_the_file(fd: int) -> None:
    os.ftruncate(fd, READ_BYTES_MAX + 7)
    parts = list(Source(fd).parts())
    assert [len(part) for part in parts] == [READ_BYTES_MAX, 7]
    assert b"".join(parts)[:LENGTH] == DATA
    os.ftruncate(fd, STREAM_BYTES_MAX + 1)
    with pytest.raises(Unsure):
        next(Source(fd).parts())


def test_json_has_bounds() -> None:
    assert read_json(json.dumps({"a": [1, 2.5, None]}).encode("utf-16")) == {"a": [1, 2.5, None]}
    assert read_json(b"[" + b"0," * (JSON_VALUES_MAX - 2) + b"0]")[-1] == 0
    for data in (
        b"[" + b"0," * (JSON_VALUES_MAX + 1) + b"0]",
        b" " * JSON_BYTES_MAX + b"1",
        b"[" * 100_000 + b"]" * 100_000,
        b"9" * 5_000,
    ):
        with pytest.raises(Unsure):
            read_json(data)
    for broken in (b"", b"{", b"[1,]", b"\xff", b'{"a":1}x'):
        with pytest.raises(Fault, match="expected JSON"):
            read_json(broken)


@pytest.mark.parametrize(
    ("found", "counted"), [(0, 0), (7, 7), (-1, None), (True, None), (1.0, None), ("1", None), (None, None)]
)
def test_only_a_whole_number_counts(found: object, counted: int | None) -> None:
    assert whole_number(found) == counted


def attribute(name: bytes) -> bytes:
    """Return an attribute of OpenEXR without a value."""
    return name + b"\x00string\x00\x00\x00\x00\x00"


def test_what_is_over_a_bound_of_a_format_is_not_known() -> None:
    many = exr()[:8] + attribute(b"a") * EXR_ATTRIBUTES_MAX + exr()[8:]
    assert probed(many, "image/x-exr") == NOTHING
    assert probed(exr((1,) * EXR_CHANNELS_MAX), "image/x-exr").fault is None
    assert facts_of(probed(exr((1,) * EXR_CHANNELS_MAX), "image/x-exr"))["channels"] == EXR_CHANNELS_MAX
    assert probed(exr((1,) * (EXR_CHANNELS_MAX + 1)), "image/x-exr") == NOTHING
    crowded = tiff("<")[:8] + (TIFF_ENTRIES_MAX + 1).to_bytes(2, "little") + bytes(12 * TIFF_ENTRIES_MAX + 100)
    assert probed(crowded, "image/tiff") == NOTHING
    assert facts_of(probed(tiff("<", TIFF_PAGES_MAX), "image/tiff"))["frames"] == TIFF_PAGES_MAX
    assert "frames" not in facts_of(probed(tiff("<", TIFF_PAGES_MAX + 2), "image/tiff")), (
        "pages are not counted to an end"
    )


def test_tracks_and_headers_have_an_end() -> None:
    assert facts_of(probed(movie(*[box(b"trak")] * TRACKS_MAX), "video/mp4"))["tracks"] == TRACKS_MAX
    assert probed(movie(*[box(b"trak")] * (TRACKS_MAX + 1)), "video/mp4") == NOTHING
    entries = [element("ae", b"\xec\x80")] * MATROSKA_TRACKS_MAX
    head = element("1a45dfa3")
    whole = head + element("18538067", element("1654ae6b", *entries))
    assert facts_of(probed(whole, "video/matroska")) == {"tracks": MATROSKA_TRACKS_MAX}
    assert probed(head + element("18538067", element("1654ae6b", *entries, entries[0])), "video/matroska") == NOTHING
    header = b"ply\nformat ascii 1.0\n" + b"comment\n" * (PLY_HEADER_BYTES_MAX // 8)
    assert probed(header + b"element vertex 0\nend_header\n", "model/x-ply") == NOTHING
