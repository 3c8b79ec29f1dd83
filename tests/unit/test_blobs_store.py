"""The blob store: what goes in comes out, nothing is believed without hashing, nothing is left behind."""

from __future__ import annotations

import hashlib
import itertools
import os
from pathlib import Path

import pytest

from domain.errors import Invalid, NotFound, Unavailable
from domain.identity.media import AssetKind
from infra.blobs.batch import BATCH_FILES_MAX, SMALL_BYTES_MAX
from infra.blobs.copying import extents
from infra.blobs.digests import CHUNK_BYTES, RING_CHUNKS, StreamDigest, _CryptographySm3, digest_both, new_sm3
from infra.blobs.store import BlobStore
from infra.intake.opened import open_file
from infra.intake.refusal import FileRefused, Reason

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def leftovers(store: BlobStore) -> list[Path]:
    return list((store.root / "tmp").iterdir())


def test_a_file_is_stored_under_its_sha256_and_described(store: BlobStore, tmp_path: Path) -> None:
    content = store.ingest(written(tmp_path, "a.txt", PNG))
    assert content.sha256 == hashlib.sha256(PNG).digest()
    assert content.sm3 == digest_both(PNG)[1]
    assert (content.size, content.media_type, content.kind) == (len(PNG), "image/png", AssetKind.IMAGE)
    name = content.sha256.hex()
    path = store.root / "sha256" / name[:2] / name
    assert path == store.path(content.sha256)
    assert path.read_bytes() == PNG
    assert path.stat().st_mode & 0o777 == 0o400
    assert leftovers(store) == []


@pytest.mark.parametrize(
    "size", [1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, CHUNK_BYTES * (RING_CHUNKS + 2) + 17]
)
@pytest.mark.parametrize("in_batch", [False, True])
def test_sizes_around_the_borders_of_pieces(store: BlobStore, tmp_path: Path, size: int, in_batch: bool) -> None:
    data = (b"edgeprint" * (size // 9 + 1))[:size]
    path = written(tmp_path, "a", data)
    seen: list[int] = []
    if in_batch:
        with store.batch() as batch:
            content = batch.ingest(path, seen.append)
    else:
        content = store.ingest(path, seen.append)
    assert (content.sha256, content.sm3) == digest_both(data)
    assert content.size == sum(seen) == size
    assert store.read_bytes(content.sha256, size) == data


def test_both_ways_to_sm3_give_the_published_vector() -> None:
    expected = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"  # GB/T 32905 A.1
    for digest in (new_sm3(), _CryptographySm3()):
        digest.update(b"a")
        digest.update(memoryview(b"bc"))
        assert digest.digest().hex() == expected
        assert digest.digest().hex() == expected


def test_a_hole_hashes_like_the_zeros_it_stands_for() -> None:
    digest = StreamDigest()
    size = CHUNK_BYTES * (RING_CHUNKS + 3) + 5
    digest.update_zeros(size)
    assert digest.finish() == digest_both(bytes(size))
    digest.close()


def test_the_same_bytes_are_kept_once(store: BlobStore, tmp_path: Path) -> None:
    first = store.ingest(written(tmp_path, "a", PNG))
    inode = store.path(first.sha256).stat().st_ino
    assert store.ingest(written(tmp_path, "b", PNG)) == first
    with store.batch() as batch:
        assert batch.ingest(tmp_path / "a") == first
    assert store.put_bytes(PNG) == first.sha256
    assert store.path(first.sha256).stat().st_ino == inode
    assert list(store.digests()) == [first.sha256]
    assert leftovers(store) == []


@pytest.mark.parametrize("way", ["ingest", "batch", "put_bytes"])
@pytest.mark.parametrize("damage", [b"", b"short", b"x" * len(PNG)])
def test_a_damaged_blob_is_replaced_when_its_content_comes_again(
    store: BlobStore, tmp_path: Path, way: str, damage: bytes
) -> None:
    source = written(tmp_path, "a", PNG)
    path = store.path(store.ingest(source).sha256)
    path.chmod(0o600)
    path.write_bytes(damage)
    if way == "ingest":
        store.ingest(source)
    elif way == "batch":
        with store.batch() as batch:
            batch.ingest(source)
    else:
        store.put_bytes(PNG)
    assert path.read_bytes() == PNG


def test_reading_back_is_never_believed(store: BlobStore) -> None:
    digest = store.put_bytes(PNG)
    assert store.verify(digest) == len(PNG)
    assert store.read_bytes(digest, len(PNG)) == PNG
    with store.open(digest) as stream:
        assert stream.read() == PNG
    path = store.path(digest)
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(9)
        file.write(b"!")
    for read in (
        lambda: store.verify(digest),
        lambda: store.read_bytes(digest, 10_000),
        lambda: read_all(store, digest),
    ):
        with pytest.raises(Invalid, match=f"{digest.hex()} is damaged: expected sha256 {digest.hex()}, found"):
            read()


def read_all(store: BlobStore, digest: bytes) -> bytes:
    with store.open(digest) as stream:
        return stream.read()


def test_the_limit_of_a_read_is_one_byte_sharp(store: BlobStore) -> None:
    digest = store.put_bytes(b"12345")
    assert store.read_bytes(digest, 5) == b"12345"
    with pytest.raises(Invalid, match="expected at most 4 bytes, found more"):
        store.read_bytes(digest, 4)


def test_what_is_not_there_is_not_found(store: BlobStore) -> None:
    digest = hashlib.sha256(b"nothing").digest()
    for read in (lambda: store.verify(digest), lambda: store.read_bytes(digest, 1), lambda: store.open(digest)):
        with pytest.raises(NotFound, match="expected a blob at"):
            read()
    with pytest.raises(Invalid, match="expected a sha256 of 32 bytes, found 3"):
        store.path(b"abc")


def test_a_link_in_place_of_a_blob_is_not_followed(store: BlobStore, tmp_path: Path) -> None:
    digest = store.put_bytes(PNG)
    path = store.path(digest)
    path.unlink()
    path.symlink_to(written(tmp_path, "elsewhere", PNG))
    with pytest.raises(Unavailable, match="cannot be opened"):
        store.verify(digest)
    assert [fault.path for fault in store.faults()] == [path]


def test_fsck_names_what_is_damaged_and_what_does_not_belong(store: BlobStore) -> None:
    good, bad = store.put_bytes(b"good"), store.put_bytes(b"bad")
    path = store.path(bad)
    path.chmod(0o600)
    path.write_bytes(b"dab")
    stranger = store.path(good).parent / "notes.txt"
    stranger.write_bytes(b"x")
    odd_folder = store.root / "sha256" / "zz"
    odd_folder.mkdir()
    sizes: list[int] = []
    faults = {fault.path: fault.message for fault in store.faults(sizes.append)}
    assert set(faults) == {path, stranger, odd_folder}
    assert "is damaged" in faults[path]
    assert sizes == [4]
    assert sorted(store.digests()) == sorted([good, bad])


def test_a_batch_is_durable_at_its_end_and_gives_up_on_an_exception(store: BlobStore, tmp_path: Path) -> None:
    paths = [written(tmp_path, f"f{number}", b"%d" % number) for number in range(BATCH_FILES_MAX + 3)]
    with store.batch() as batch:
        contents = [batch.ingest(path) for path in paths]
        text = batch.put_bytes(b"a manifest")
    assert sorted(store.digests()) == sorted([*(content.sha256 for content in contents), text])
    assert leftovers(store) == []
    with pytest.raises(RuntimeError), store.batch() as batch:
        lost = batch.ingest(written(tmp_path, "lost", b"lost"))
        raise RuntimeError
    assert not store.path(lost.sha256).exists()
    assert leftovers(store) == []


def test_one_bad_file_does_not_end_a_batch(store: BlobStore, tmp_path: Path) -> None:
    with store.batch() as batch:
        first = batch.ingest(written(tmp_path, "a", b"a"))
        for bad in (tmp_path / "missing", written(tmp_path, "empty", b""), tmp_path):
            with pytest.raises(FileRefused):
                batch.ingest(bad)
        large = batch.ingest(written(tmp_path, "large", bytes(SMALL_BYTES_MAX + 1)))
        again = batch.ingest(tmp_path / "large")
    assert large == again
    assert sorted(store.digests()) == sorted([first.sha256, large.sha256])
    assert leftovers(store) == []


def test_no_descriptor_is_left_open(store: BlobStore, tmp_path: Path) -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    path = written(tmp_path, "a", PNG)
    store.ingest(path)
    before = count()
    with store.batch() as batch:
        batch.ingest(path)
        batch.ingest(written(tmp_path, "b", b"other"))
    with pytest.raises(FileRefused):
        store.ingest(tmp_path / "missing")
    store.read_bytes(store.ingest(path).sha256, 10_000)
    store.open(store.ingest(path).sha256).close()
    assert count() == before


def test_extents_cover_the_file_in_order(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(8 << 20)
        file.seek(3 << 20)
        file.write(b"data" * 1024)
    with open_file(path) as opened:
        pieces = list(extents(opened.fd, opened.size))
    assert pieces[0][0] == 0 and pieces[-1][1] == 8 << 20
    assert all(left[1] == right[0] for left, right in itertools.pairwise(pieces))
    assert any(is_data and start <= 3 << 20 < end for start, end, is_data in pieces)
    assert not pieces[-1][2]


def test_old_leftovers_are_removed_and_young_ones_kept(store: BlobStore) -> None:
    old, young = (store.root / "tmp" / name for name in ("1-0", "1-1"))
    old.write_bytes(b"x")
    young.write_bytes(b"y")
    os.utime(old, (0, 0))
    assert store.remove_leftovers() == 1
    assert leftovers(store) == [young]
    assert store.remove_leftovers(age_s=-10) == 1


def test_a_store_in_an_impossible_place_says_so(tmp_path: Path) -> None:
    written(tmp_path, "file", b"x")
    with pytest.raises(Unavailable, match=r"cannot make the blob store .*file/blobs: not a directory"):
        BlobStore(tmp_path / "file" / "blobs")


def test_the_reason_of_a_refusal_is_a_code(store: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(FileRefused) as caught:
        store.ingest(written(tmp_path, "empty", b""))
    assert caught.value.refused.reason is Reason.EMPTY
    assert str(caught.value) == f"{tmp_path}/empty: the file is empty; there is nothing to identify"
