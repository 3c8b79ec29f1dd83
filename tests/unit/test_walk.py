"""Walking what the user named: fixed order, nothing passed over in silence, nothing followed out of the folder."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.intake.opened import open_file
from infra.intake.refusal import FileRefused, Reason, Refused, display
from infra.intake.walk import WALK_DEPTH_MAX, Found, walk

NOBODY = 65_534


def found(paths: Sequence[Path | str], **options: bool) -> list[str]:
    return [item.path for item in walk(paths, **options) if isinstance(item, Found)]  # type: ignore[arg-type]


def refused(paths: Sequence[Path | str], **options: bool) -> dict[str, Reason]:
    return {item.path: item.reason for item in walk(paths, **options) if isinstance(item, Refused)}  # type: ignore[arg-type]


def touch(path: Path, data: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@contextmanager
def normal_user() -> Iterator[Path]:
    """Give a folder that a normal user owns, and be that user inside the block (a root process changes its user)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if os.geteuid() != 0:
            yield folder
            return
        folder.chmod(0o755)
        os.chown(folder, NOBODY, -1)
        os.seteuid(NOBODY)
        try:
            yield folder
        finally:
            os.seteuid(0)


def test_the_order_is_that_of_the_bytes_of_the_names(tmp_path: Path) -> None:
    names = ["Z", "a", "b/2", "b/10", "b.txt", "é", "水"]
    for name in names:
        touch(tmp_path / name)
    expected = ["Z", "a", "b/10", "b/2", "b.txt", "é", "水"]
    assert found([tmp_path]) == [str(tmp_path / name) for name in expected]
    assert found([tmp_path / "b.txt", tmp_path / "a", tmp_path / "b.txt"]) == [
        str(tmp_path / n) for n in ("b.txt", "a")
    ]


def test_what_is_not_a_regular_file_is_refused_by_its_kind(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with tempfile.TemporaryDirectory() as short:  # a socket's path has at most 107 bytes
        server = socket.socket(socket.AF_UNIX)
        server.bind(f"{short}/socket")
        assert refused([short]) == {f"{short}/socket": Reason.SOCKET}
        server.close()
    touch(tmp_path / "empty", b"")
    touch(tmp_path / "good")
    assert refused([tmp_path]) == {f"{tmp_path}/fifo": Reason.FIFO, f"{tmp_path}/empty": Reason.EMPTY}
    assert found([tmp_path]) == [f"{tmp_path}/good"]
    assert refused(["/dev/null"]) == {"/dev/null": Reason.DEVICE}
    assert refused([tmp_path / "missing"]) == {f"{tmp_path}/missing": Reason.NOT_FOUND}
    assert refused([tmp_path / "good/below"]) == {f"{tmp_path}/good/below": Reason.NOT_FOUND}


def test_links_are_followed_to_files_inside_the_folder_only(tmp_path: Path) -> None:
    inside, outside = tmp_path / "project", tmp_path / "elsewhere"
    target = touch(inside / "sub/target")
    secret = touch(outside / "secret")
    links = {
        "to-file": target,
        "out": secret,
        "dangling": inside / "nothing",
        "through-a-file": target / "x",
        "to-folder": outside,
        "sub/up": inside,
        "a-loop": inside / "b-loop",
        "b-loop": inside / "a-loop",
    }
    for name, goal in links.items():
        (inside / name).symlink_to(goal)
    assert refused([inside]) == {
        f"{inside}/out": Reason.SYMLINK_OUTSIDE,
        f"{inside}/dangling": Reason.SYMLINK_DANGLING,
        f"{inside}/through-a-file": Reason.SYMLINK_DANGLING,
        f"{inside}/to-folder": Reason.SYMLINK_FOLDER,
        f"{inside}/sub/up": Reason.SYMLINK_LOOP,
        f"{inside}/a-loop": Reason.SYMLINK_LOOP,
        f"{inside}/b-loop": Reason.SYMLINK_LOOP,
    }
    items = [item for item in walk([inside]) if isinstance(item, Found)]
    assert [(item.path, item.target) for item in items] == [
        (str(target), None),
        (f"{inside}/to-file", os.path.realpath(target)),
    ]
    for item in items:
        with item.open() as opened:
            assert (opened.path, os.read(opened.fd, 9)) == (item.path, b"x")
    assert set(refused([inside], follow=False).values()) == {Reason.SYMLINK}
    assert found([inside], follow=False) == [str(target)]


def test_a_link_that_the_user_names_is_followed(tmp_path: Path) -> None:
    touch(tmp_path / "real/a")
    (tmp_path / "folder").symlink_to(tmp_path / "real")
    (tmp_path / "file").symlink_to(tmp_path / "real/a")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert found([tmp_path / "folder", tmp_path / "file"]) == [f"{tmp_path}/folder/a", f"{tmp_path}/file"]
    assert refused([tmp_path / "dangling", tmp_path / "loop"]) == {
        f"{tmp_path}/dangling": Reason.SYMLINK_DANGLING,
        f"{tmp_path}/loop": Reason.SYMLINK_LOOP,
    }


def test_names_that_are_not_text_are_refused_and_shown_escaped(tmp_path: Path) -> None:
    odd = {
        b"not-utf8-\xff": (Reason.NAME_NOT_UTF8, r"not-utf8-\xff"),
        b"line\nbreak": (Reason.NAME_CONTROL, r"line\nbreak"),
        b"escape\x1b[31m": (Reason.NAME_CONTROL, r"escape\x1b[31m"),
        "right\u202eto-left".encode(): (Reason.NAME_CONTROL, r"right\u202eto-left"),
        "separator\u2028".encode(): (Reason.NAME_CONTROL, "separator\\u2028"),
    }
    folder = os.fsencode(tmp_path)
    for name in odd:
        Path(os.fsdecode(folder + b"/" + name)).write_bytes(b"x")
    touch(tmp_path / '水闸 ok\'s "file".txt')
    seen = {item.display.rpartition("/")[2]: item for item in walk([tmp_path])}
    for reason, shown in odd.values():
        item = seen.pop(shown)
        assert isinstance(item, Refused) and item.reason is reason
        assert str(item).isprintable()
    assert list(seen) == ['水闸 ok\'s "file".txt']
    named = os.fsdecode(folder + b"/not-utf8-\xff")
    assert refused([named]) == {named: Reason.NAME_NOT_UTF8}


def test_display_is_reversible_where_it_escapes() -> None:
    assert display("a\\n") == "a\\\\n"
    assert display("plain/path") == "plain/path"
    assert display(Path("x") / "水") == "x/水"


def test_a_folder_with_a_bad_name_is_refused_as_a_whole(tmp_path: Path) -> None:
    touch(tmp_path / "bad\tname" / "file")
    assert refused([tmp_path]) == {f"{tmp_path}/bad\tname": Reason.NAME_CONTROL}
    assert found([tmp_path]) == []


def test_the_unreadable_is_refused_and_the_rest_goes_on() -> None:
    with normal_user() as folder:
        touch(folder / "closed/inside")
        hidden = touch(folder / "hidden")
        good = touch(folder / "good")
        hidden.chmod(0)
        (folder / "closed").chmod(0)
        try:
            assert refused([folder]) == {f"{folder}/closed": Reason.UNREADABLE}
            assert found([folder]) == [str(good), str(hidden)]  # a walk opens nothing; opening says it
            with pytest.raises(FileRefused) as caught:
                open_file(hidden)
            assert caught.value.refused.reason is Reason.UNREADABLE
            assert refused([folder / "closed/inside"]) == {f"{folder}/closed/inside": Reason.UNREADABLE}
        finally:
            (folder / "closed").chmod(0o700)


def test_what_vanishes_between_walk_and_open_is_refused(tmp_path: Path) -> None:
    touch(tmp_path / "a")
    touch(tmp_path / "b")
    walked = walk([tmp_path])
    first = next(walked)
    (tmp_path / "a").unlink()
    (tmp_path / "b").unlink()
    assert isinstance(first, Found)
    with pytest.raises(FileRefused) as caught:
        first.open()
    assert caught.value.refused.reason is Reason.VANISHED
    assert [item.reason for item in walked if isinstance(item, Refused)] == [Reason.VANISHED]


@pytest.mark.parametrize("kind", ["fifo", "link", "folder", "empty"])
def test_what_is_exchanged_between_walk_and_open_is_refused(tmp_path: Path, kind: str) -> None:
    path = touch(tmp_path / "a")
    item = next(walk([tmp_path]))
    path.unlink()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "folder":
        path.mkdir()
    else:
        path.touch()
    assert isinstance(item, Found)
    with pytest.raises(FileRefused) as caught:
        item.open()
    expected = {"fifo": Reason.FIFO, "link": Reason.SYMLINK, "folder": Reason.NOT_REGULAR, "empty": Reason.EMPTY}
    assert caught.value.refused.reason is expected[kind]


def test_sidecars_go_with_their_file(tmp_path: Path) -> None:
    still, sidecar = touch(tmp_path / "still.png"), touch(tmp_path / "still.png.edgeprint.json")
    orphan = touch(tmp_path / "gone.png.edgeprint.json")
    nested = touch(tmp_path / "still.png.edgeprint.json.edgeprint.json")
    bare = touch(tmp_path / ".edgeprint.json")
    items = [item for item in walk([tmp_path]) if isinstance(item, Found)]
    assert [(item.path, item.sidecar) for item in items] == [(str(bare), None), (str(still), str(sidecar))]
    assert refused([tmp_path]) == {str(orphan): Reason.ORPHAN_SIDECAR, str(nested): Reason.ORPHAN_SIDECAR}
    assert [item.sidecar for item in walk([still]) if isinstance(item, Found)] == [str(sidecar)]
    assert found([still, sidecar]) == [str(still)] and refused([still, sidecar]) == {}
    assert refused([sidecar]) == {str(sidecar): Reason.LONE_SIDECAR}
    assert refused([orphan]) == {str(orphan): Reason.ORPHAN_SIDECAR}
    assert refused([tmp_path, sidecar]) == refused([tmp_path])


def test_our_own_home_is_never_taken_in(tmp_path: Path) -> None:
    touch(tmp_path / "film/a")
    blob = touch(tmp_path / "film/home/blobs/x")
    (tmp_path / "film/link").symlink_to(blob)
    home = tmp_path / "film/home"
    items = list(walk([tmp_path / "film", blob], exclude=[home]))
    assert [item.path for item in items if isinstance(item, Found)] == [f"{tmp_path}/film/a"]
    reasons = {item.path: item.reason for item in items if isinstance(item, Refused)}
    assert reasons == dict.fromkeys([str(home), f"{tmp_path}/film/link", str(blob)], Reason.OWN_HOME)


def test_folders_inside_one_another_have_a_limit(tmp_path: Path) -> None:
    here = tmp_path
    for _ in range(WALK_DEPTH_MAX + 1):
        here = here / "d"
        here.mkdir()
    assert list(refused([tmp_path]).values()) == [Reason.TOO_DEEP]
    touch(here.parent / "deepest")
    assert found([tmp_path]) == [str(here.parent / "deepest")]


def test_every_message_is_one_printable_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fi\nfo")
    os.mkfifo(tmp_path / "fifo")
    for item in walk([tmp_path, "/dev/zero", tmp_path / "none"]):
        assert isinstance(item, Refused)
        text = str(item)
        assert text.isprintable() and not text.endswith(".") and text.startswith(item.display)
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)  # it was not read, nor removed
