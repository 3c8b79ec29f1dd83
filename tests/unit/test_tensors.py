"""The digest over tensors: the same for the same tensors in any order, and nothing hostile gets through."""

import hashlib
import itertools
import json
import struct
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import Invalid
from infra.blobs.tensors import tensors_digest

TENSORS = {
    "a": ("U8", [3], b"abc"),
    "b": ("F32", [2, 1], bytes(8)),
    "c": ("BF16", [], b"xy"),
    "d": ("I64", [0, 7], b""),
}


def stored(order: Any = None, metadata: Any = None, **changes: Any) -> bytes:
    """Return a file with the tensors in an order; `changes` replace entries of its header."""
    head: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    body = b""
    for name in order or TENSORS:
        dtype, shape, data = TENSORS[name]
        head[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    return framed(json.dumps({**head, **changes}).encode(), body)


def framed(head: bytes, body: bytes = b"") -> bytes:
    return struct.pack("<Q", len(head)) + head + body


def digest(folder: Path, data: bytes) -> bytes:
    path = folder / "file"
    path.write_bytes(data)
    return tensors_digest(path)


def test_it_is_the_sum_of_the_format(tmp_path: Path) -> None:
    told = [
        {"name": name, "dtype": dtype, "shape": shape, "sha256": hashlib.sha256(data).hexdigest()}
        for name, (dtype, shape, data) in sorted(TENSORS.items())
    ]
    assert digest(tmp_path, stored()) == hashlib.sha256(rfc8785.dumps(told)).digest()  # type: ignore[arg-type]


def test_order_of_storage_and_metadata_are_no_matter(tmp_path: Path) -> None:
    whole = digest(tmp_path, stored())
    for order in itertools.permutations(TENSORS):
        assert digest(tmp_path, stored(order)) == whole
    assert digest(tmp_path, stored(metadata={"format": "pt"})) == whole


def test_a_byte_a_name_a_shape_are(tmp_path: Path) -> None:
    whole = stored()
    seen = {digest(tmp_path, whole), digest(tmp_path, whole.replace(b"abc", b"abd"))}
    seen.add(digest(tmp_path, whole.replace(b'"a"', b'"z"')))
    seen.add(digest(tmp_path, whole.replace(b"[2, 1]", b"[1, 2]")))
    seen.add(digest(tmp_path, whole.replace(b'"U8"', b'"I8"')))
    assert len(seen) == 5


def one(**changes: Any) -> bytes:
    """Return a file of one tensor of three bytes, with members of its entry changed."""
    entry = {"dtype": "U8", "shape": [3], "data_offsets": [0, 3], **changes}
    return framed(json.dumps({"a": entry}).encode(), b"abc")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "expected a header of 2 to"),
        (b"\xff" * 8, "expected a header of 2 to"),
        (struct.pack("<Q", 1 << 63) + b"{}", "expected a header of 2 to"),
        (framed(b"{ "), "header is not JSON"),
        (framed(b"[]"), "expected an object"),
        (framed(b"[" * 100_000), "header is not JSON"),
        (framed(b'{"a":1,"a":2}'), "a name stands twice"),
        (framed(b'{"a":1}'), "expected a known dtype"),
        (one(dtype="F12"), "expected a known dtype"),
        (one(dtype=[]), "expected a known dtype"),
        (one(more=1), "expected a known dtype"),
        (one(shape=[4]), "not those of its shape"),
        (one(shape=[-3]), "arrays of integers"),
        (one(shape=[3.0]), "arrays of integers"),
        (one(shape=[True]), "arrays of integers"),
        (one(shape=[1] * 65), "arrays of integers"),
        (one(data_offsets=[0]), "arrays of integers"),
        (one(data_offsets=[3, 0]), "not those of its shape"),
        (one(data_offsets=[1, 4]), "expected a tensor to begin at 0, found 1"),
        (one(shape=[1 << 52, 1 << 52]), "not those of its shape"),
        (stored() + b"x", "expected 13 bytes of tensors, found 14"),
        (stored()[:-1], "expected 13 bytes of tensors, found 12"),
        (stored(b={"dtype": "U8", "shape": [3], "data_offsets": [0, 3]}), "expected a tensor to begin at 3"),
    ],
)
def test_what_is_none(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(Invalid, match=f"safetensors: .*{why}"):
        digest(tmp_path, data)


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(st.binary(max_size=60), st.binary(max_size=8))
def test_rubbish_raises_only_our_error(tmp_path_factory: pytest.TempPathFactory, head: bytes, body: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    for data in (head + body, framed(head, body)):
        try:
            digest(folder, data)
        except Invalid:
            continue


@settings(max_examples=200, suppress_health_check=list(HealthCheck))
@given(st.integers(0, len(stored()) - 1), st.integers(1, 255))
def test_one_wrong_byte_is_another_digest_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, place: int, change: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    data = bytearray(stored())
    data[place] ^= change
    try:
        assert digest(folder, bytes(data)) != digest(folder, stored()) or json_equal(bytes(data), stored())
    except Invalid:
        return


def json_equal(one_file: bytes, other: bytes) -> bool:
    """Return whether only the spelling of the header differs: a space for a tab is no other tensor."""
    heads = [json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")]) for data in (one_file, other)]
    return bool(heads[0] == heads[1])
