"""What `TreeStore`, `HeadGuard` and `PublishedNotes` promise the sealer, asked of the adapters that keep it."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from domain.errors import Conflict, Invalid, Unavailable
from domain.ledger.tiles import Tile
from infra.sealer.headguard import FileHeadGuard, note_body
from infra.tiles.posix import PosixTree, unverified_size
from producers.sealer_ports import HeadGuard, PublishedNotes, TreeStore
from tests.sealer_kit import LEDGER, FileNotes
from tests.sealer_postgres import Server, server

SMALL = b"log\n5\nAAAA\n\n\xe2\x80\x94 log sig5\n"
LARGE = b"log\n9\nBBBB\n\n\xe2\x80\x94 log sig9\n"
LARGE_AGAIN = b"log\n9\nBBBB\n\n\xe2\x80\x94 log another signature\n"


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[TreeStore]:
    store = PosixTree(tmp_path / "tlog")
    store.lock()
    yield store
    store.unlock()


def test_written_files_are_read_back_and_replaced(tree: TreeStore) -> None:
    files = [("tile/0/x001/x234/067", b"a" * 8192), ("tile/entries/000.p/3", b"bbb"), ("tile/1/000.p/1", b"")]
    tree.write(files)
    assert [tree.read(path) for path, _ in files] == [data for _, data in files]
    tree.write([("tile/entries/000.p/3", b"ccc")])
    assert tree.read("tile/entries/000.p/3") == b"ccc"
    tree.write([])


def test_more_files_than_are_open_at_once(tree: TreeStore) -> None:
    files = [(f"tile/0/{number:03d}", b"%d" % number) for number in range(600)]
    tree.write(files)
    assert [tree.read(path) for path, _ in files] == [data for _, data in files]


def test_missing_files_and_foreign_paths(tree: TreeStore) -> None:
    for path in ("tile/0/000", "tile/0/000.p/7"):
        with pytest.raises(FileNotFoundError):
            tree.read(path)
    tree.write([("tile/0/000", b"full")])
    with pytest.raises(FileNotFoundError):
        tree.read("tile/0/000.p/7")
    for path in (
        "../checkpoint",
        "tile/../checkpoint",
        "/etc/passwd",
        ".staging/0",
        "tile/0/0",
        "tile/entries/000.p/256",
    ):
        with pytest.raises(Invalid):
            tree.read(path)


def test_checkpoint_is_swapped_only_from_what_is_expected(tree: TreeStore) -> None:
    assert tree.checkpoint() is None
    with pytest.raises(Conflict):
        tree.replace_checkpoint(SMALL, LARGE)
    tree.replace_checkpoint(None, SMALL)
    with pytest.raises(Conflict, match="expected size -1, found 5"):
        tree.replace_checkpoint(None, LARGE)
    tree.replace_checkpoint(SMALL, LARGE)
    tree.replace_checkpoint(LARGE, LARGE_AGAIN)
    with pytest.raises(Conflict, match="size 5 may not replace one of size 9"):
        tree.replace_checkpoint(LARGE_AGAIN, SMALL)
    assert tree.checkpoint() == LARGE_AGAIN


def test_writes_need_the_lock(tree: TreeStore, tmp_path: Path) -> None:
    other = PosixTree(tmp_path / "tlog")
    with pytest.raises(Conflict, match="another sealer holds the tree directory"):
        other.lock()
    with pytest.raises(Conflict, match="not locked"):
        other.write([("tile/0/000", b"x")])
    with pytest.raises(Conflict, match="not locked"):
        other.replace_checkpoint(None, SMALL)
    assert other.checkpoint() is None
    tree.unlock()
    tree.unlock()
    other.lock()
    other.lock()
    other.replace_checkpoint(None, SMALL)
    other.unlock()


def test_leftovers_of_a_dead_writer_are_removed(tree: TreeStore, tmp_path: Path) -> None:
    (tmp_path / "tlog" / ".staging" / "dead-0").write_bytes(b"torn")
    tree.unlock()
    tree.lock()
    assert list((tmp_path / "tlog" / ".staging").iterdir()) == []
    tree.write([("tile/0/000", b"x")])
    tree.replace_checkpoint(None, SMALL)
    assert list((tmp_path / "tlog" / ".staging").iterdir()) == []


def test_a_disk_that_refuses_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match="cannot lock"):
        PosixTree(tmp_path / "file" / "tlog").lock()
    store = PosixTree(tmp_path / "tlog")
    store.lock()
    (tmp_path / "tlog" / "tile").write_bytes(b"in the way")
    with pytest.raises(Unavailable, match="cannot write tiles"):
        store.write([("tile/0/000", b"x")])
    store.unlock()


def test_partial_widths(tmp_path: Path) -> None:
    store = PosixTree(tmp_path)
    assert store.partial_widths(Tile(0, 3, 256)) == []
    parts = tmp_path / "tile" / "0" / "003.p"
    parts.mkdir(parents=True)
    for name in ("7", "200", "x", "256", "0", "٣"):
        (parts / name).write_bytes(b"")
    assert store.partial_widths(Tile(0, 3, 256)) == [7, 200]


@pytest.mark.parametrize(
    ("note", "size"),
    [
        (SMALL, 5),
        (b"", -1),
        (b"a\n", -1),
        (b"a\n-1\n", -1),
        (b"a\n7\n", 7),
        (b"a\n" + b"9" * 40 + b"\nx", -1),
        (b"a\n7", -1),
    ],
)
def test_unverified_size(note: bytes, size: int) -> None:
    assert unverified_size(note) == size


@pytest.fixture
def guard(tmp_path: Path) -> HeadGuard:
    return FileHeadGuard(tmp_path / "state" / "heads", LEDGER)


def test_guard_swaps_by_body(guard: HeadGuard) -> None:
    assert guard.read() is None
    with pytest.raises(Conflict, match="keeps a head of size -1, expected 5"):
        guard.replace(SMALL, LARGE)
    guard.replace(None, SMALL)
    with pytest.raises(Conflict, match="keeps a head of size 5, expected -1"):
        guard.replace(None, LARGE)
    guard.replace(SMALL, LARGE)
    guard.replace(LARGE_AGAIN, LARGE)  # another signature of the same head is the same head
    guard.replace(LARGE, LARGE_AGAIN)
    with pytest.raises(Conflict):
        guard.replace(SMALL, LARGE)
    assert guard.read() == LARGE_AGAIN


def test_guards_of_two_ledgers_are_apart(tmp_path: Path, guard: HeadGuard) -> None:
    other = FileHeadGuard(tmp_path / "state" / "heads", UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0f"))
    guard.replace(None, LARGE)
    assert other.read() is None
    other.replace(None, SMALL)
    other.remove()
    other.remove()
    assert other.read() is None
    assert guard.read() == LARGE


def test_guard_is_private_and_a_note_byte_for_byte(guard: HeadGuard) -> None:
    guard.replace(None, SMALL)
    file = Path(guard.describe())
    assert file.read_bytes() == SMALL
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in file.parent.iterdir()) == [f"{LEDGER}.head", f"{LEDGER}.lock"]


def test_unreadable_guard_is_not_an_absent_one(guard: HeadGuard, tmp_path: Path) -> None:
    Path(guard.describe()).mkdir(parents=True)
    with pytest.raises(Unavailable, match="cannot read the rollback guard"):
        guard.read()
    blocked = FileHeadGuard(tmp_path / "file", LEDGER)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable):
        blocked.replace(None, SMALL)


def test_note_body() -> None:
    assert note_body(SMALL) == b"log\n5\nAAAA\n"
    assert note_body(LARGE) == note_body(LARGE_AGAIN)
    assert note_body(b"text\n\nmore\n\nsig") == b"text\n\nmore\n"


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server() as one:
        yield one


@pytest.fixture(params=["file", "postgresql"])
def notes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PublishedNotes]:
    if request.param == "file":
        yield FileNotes(tmp_path / "notes")
        return
    ledger = request.getfixturevalue("running").ledger(tmp_path)
    database = ledger.database()
    database.acquire()
    yield database
    database.release()
    ledger.close()


def test_published_notes_keep_their_order_and_the_newest_once(notes: PublishedNotes) -> None:
    assert notes.newest() is None
    notes.append(5, SMALL)
    notes.append(9, LARGE)
    notes.append(9, LARGE)
    assert notes.newest() == LARGE
    notes.append(9, LARGE_AGAIN)
    assert notes.newest() == LARGE_AGAIN
