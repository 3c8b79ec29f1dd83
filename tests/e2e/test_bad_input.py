"""Bad input through the command line: one bad file is named with its reason and never stops the others.

As a user who is not root, since root may read everything. Then the disk fills up and the database is killed: what was
acknowledged is in the ledger, and the same command takes up the rest.
"""

import hashlib
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.kit import (
    IS_ROOT,
    NORMAL_UID,
    SEVERAL_BATCHES,
    Place,
    check_whole,
    end,
    finish,
    normal_user_place,
    objects_in,
    place,
    running,
    until,
)

SLOW_BYTES = 768 << 20  # of hole: about a second and a half of hashing
SIDECAR_BYTES_MAX = 256 * 1024
GOOD = {
    "good-1.txt": b"one",
    "good-2.txt": b"two",
    "sub/good-3.fountain": b"INT. ROOM - DAY\n",
    "z/good-4.txt": b"four",
}


@dataclass(frozen=True, slots=True)
class Stranded:
    """A run whose database was killed; it waits half a minute for it, and other tests need not wait with it."""

    place: Place
    process: subprocess.Popen[bytes]
    first: str


@pytest.fixture(scope="module")
def stranded() -> Iterator[Stranded]:
    with running() as made:
        for number in range(SEVERAL_BATCHES):
            made.write(f"many/{number:04}.txt", f"{number}")
        process = made.start("identify", made.files / "many")
        try:
            assert process.stdout is not None
            first = process.stdout.readline().decode()
            made.kill_postgres()
            yield Stranded(made, process, first)
        finally:
            if process.poll() is None:
                end(process)


def test_a_run_that_loses_its_database_waits_for_it(stranded: Stranded) -> None:
    assert len(objects_in(stranded.first)) == 1
    assert stranded.process.poll() is None
    assert stranded.place.postmaster() is None


def sidecar(**changes: Any) -> dict[str, Any]:
    return {"format": "edgeprint/sidecar/1", "file": "x", "origin": "imported", **changes}


def give_away(path: Path) -> None:
    """Make everything under `path` the normal user's."""
    if IS_ROOT:
        for item in [path, *path.rglob("*")]:
            os.chown(item, NORMAL_UID, NORMAL_UID, follow_symlinks=False)


@pytest.fixture(scope="module")
def user() -> Iterator[Place]:
    with normal_user_place() as made:
        made.init()
        yield made


def can_read(made: Place, path: Path) -> bool:
    """Return whether that user reads `path` all the same (one with the capability to read everything does)."""
    probe = [*made.argv[: made.argv.index("-m")], "-c", "import sys; open(sys.argv[1], 'rb')", str(path)]
    return subprocess.run(probe, env=made.environ, capture_output=True, check=False).returncode == 0


def make_bad_files(made: Place) -> dict[str, str]:
    """Make a folder of everything that goes wrong and return path -> reason."""
    for name, data in GOOD.items():
        made.write(name, data)
    files = made.files
    made.write("empty.txt", b"")
    made.write("locked.txt", b"x").chmod(0)
    made.write("locked/inside.txt", b"x").parent.chmod(0)
    os.mkfifo(files / "pipe")
    (files / "loop").symlink_to("loop")
    (files / "there").symlink_to("back")
    (files / "back").symlink_to("there")
    (files / "dangling").symlink_to("nothing")
    (files / "outside").symlink_to("/etc/hostname")
    (files / "device").symlink_to("/dev/null")
    (files / "folder").symlink_to("sub")
    (files / "circle").symlink_to(".")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(files / "sock"))
    raw = os.fsencode(files)
    for name in (b"latin-\xe9.txt", b"line\nbreak.txt", b"tab\t.txt", b"bell\x07.txt", "bidi\u202etxt".encode()):
        Path(os.fsdecode(raw + b"/" + name)).write_bytes(b"named badly")
    made.write("broken.txt", b"with a broken sidecar")
    made.write("broken.txt.edgeprint.json", b'{"format": ')
    made.write("large.txt", b"with a large sidecar")
    made.write("large.txt.edgeprint.json", b" " * (SIDECAR_BYTES_MAX + 1))
    made.write("other.txt", b"with another's sidecar")
    made.write("other.txt.edgeprint.json", sidecar(file="somebody.txt"))
    made.write("loud.txt", b"with a prompt")
    made.write("loud.txt.edgeprint.json", sidecar(file="loud.txt", parameters={"prompt": "SECRETPROMPT"}))
    made.write("gone.txt.edgeprint.json", sidecar(file="gone.txt"))
    made.write("blind.txt", b"with an unreadable sidecar")
    made.write("blind.txt.edgeprint.json", sidecar(file="blind.txt")).chmod(0)
    expected = {
        "empty.txt": "empty",
        "pipe": "fifo",
        "sock": "socket",
        "loop": "symlink_loop",
        "there": "symlink_loop",
        "back": "symlink_loop",
        "circle": "symlink_loop",
        "dangling": "symlink_dangling",
        "outside": "symlink_outside",
        "folder": "symlink_folder",
        "latin-\\xe9.txt": "name_not_utf8",
        "line\\nbreak.txt": "name_control",
        "tab\\t.txt": "name_control",
        "bell\\x07.txt": "name_control",
        "bidi\\u202etxt": "name_control",
        "broken.txt": "sidecar",
        "large.txt": "sidecar",
        "other.txt": "sidecar",
        "loud.txt": "sidecar",
        "gone.txt.edgeprint.json": "orphan_sidecar",
    }
    give_away(files)
    for name in ("locked.txt", "locked"):
        if not can_read(made, files / name / ("inside.txt" if name == "locked" else "")):
            expected[name] = "unreadable"
    if not can_read(made, files / "blind.txt.edgeprint.json"):
        expected["blind.txt"] = "sidecar"
    return expected


def test_every_bad_file_is_named_and_every_good_one_taken(user: Place) -> None:
    expected = make_bad_files(user)
    answer = user.run("identify", user.files, "--json")
    assert answer.code == 4 and answer.err == ""
    run = answer.json
    refused = {r["path"].removeprefix(f"{user.files}/"): r["reason"] for r in run["refused"]}
    assert refused.pop("device") in ("symlink_outside", "device")
    assert refused == expected
    assert len(run["refused"]) == len(expected) + 1, "a path is named twice"
    taken = {o["path"].removeprefix(f"{user.files}/"): o["sha256"] for o in run["objects"]}
    assert {name: taken[name] for name in GOOD} == {n: hashlib.sha256(d).hexdigest() for n, d in GOOD.items()}
    assert run["ledger_size"] == run["sealed_size"]
    assert "SECRETPROMPT" not in answer.out

    human = user.run("identify", user.files)
    assert human.code == 4
    for name in expected:
        assert f"{user.files}/{name}" in human.err, name
    assert all(character.isprintable() or character == "\n" for character in human.out + human.err)
    assert "SECRETPROMPT" not in human.out + human.err
    chinese = user.run("identify", user.files, "--lang", "zh")
    assert chinese.code == 4 and chinese.err.count("未接收") == len(expected) + 1


def test_a_normal_user_needs_no_root(user: Place) -> None:
    user.run("identify", user.write("scene.txt", b"scene")).ok()
    assert user.run("ledger", "verify", "--json").ok().json["verdict"] == "clean"
    assert user.run("fsck").ok()
    for path in user.home.rglob("*"):
        assert path.stat().st_uid != 0, path
    assert user.home.stat().st_mode & 0o077 == 0


def test_each_bad_file_named_alone(user: Place) -> None:
    user.files.mkdir(exist_ok=True)
    fifo = user.files / "alone-pipe"
    os.mkfifo(fifo)
    give_away(user.files)
    bad: list[tuple[bytes | Path | str, int]] = [
        ("/dev/null", 4),
        ("/dev/zero", 4),
        (fifo, 4),
        (user.home, 4),
        (user.files / "nowhere", 3),
        (user.files / ("x" * 300), 4),
        (os.fsencode(user.files) + b"/\xff", 4),
    ]
    for path, code in bad:
        answer = user.run("identify", path)
        assert answer.code == code, (path, answer)
        assert answer.err.startswith("not taken") and answer.out.startswith("0 files"), path


def test_files_that_vanish_and_grow_while_they_are_read(user: Place) -> None:
    folder = user.files / "moving"
    slow = user.write("moving/a-grows.bin", b"")
    with slow.open("wb") as file:
        file.truncate(SLOW_BYTES)
    vanishing, staying = user.write("moving/b-vanishes.txt", b"gone soon"), user.write("moving/c-stays.txt", b"stays")
    give_away(folder)
    process = user.start("identify", folder, "--json")
    until(lambda: process.poll() is not None or _has_open(process.pid, slow), "the file to be opened")
    vanishing.unlink()
    with slow.open("ab") as file:
        file.write(b"more")
    answer = finish(process)
    assert answer.code == 4, answer
    refused = {r["path"]: r["reason"] for r in answer.json["refused"]}
    assert refused == {str(slow): "changed", str(vanishing): "vanished"}
    assert [o["path"] for o in answer.json["objects"]] == [str(staying)]
    os.truncate(slow, 1000)
    again = user.run("identify", folder, "--json").ok().json
    assert (again["taken"], again["duplicates"]) == (2, 1)


def _has_open(pid: int, path: Path) -> bool:
    try:
        return any(os.path.realpath(link) == str(path) for link in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


def can_mount(folder: Path) -> bool:
    folder.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        return False
    subprocess.run(["umount", folder], check=True)
    return True


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """Put a small file system over `folder`, with what is in it."""
    kept = folder.with_name(f"{folder.name}.kept")
    folder.rename(kept)
    folder.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", folder], check=True)
    try:
        subprocess.run(["cp", "-a", f"{kept}/.", folder], check=True)
        yield
        subprocess.run(["rm", "-rf", kept], check=True)
        subprocess.run(["cp", "-a", folder, kept], check=True)
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()
        kept.rename(folder)


def test_a_full_disk_is_named_and_the_same_command_goes_on() -> None:
    with running() as made:
        small = [made.write(f"a/{number}.txt", f"small {number}") for number in range(20)]
        large = made.write("b/large.bin", os.urandom(6 << 20))
        run = ("identify", *small, large)
        if IS_ROOT and can_mount(made.folder / "mnt"):
            with small_disk(made.home / "blobs", "2m"):
                first = made.run("identify", *small).ok()
                full = made.run(*run)
                assert full.code == 5, full
                assert str(large) in full.err and "space" in full.err.lower()
                assert made.run("identify", *small).ok().out.count("(again)") == 20
                options = "remount,size=64m"
                subprocess.run(["mount", "-o", options, made.home / "blobs"], check=True)
                last = made.run(*run).ok()
        else:
            first = made.run("identify", *small).ok()
            limit = (1 << 20, 1 << 20)
            full = made.run(*run, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
            assert full.code == 5 and str(large) in full.err
            last = made.run(*run).ok()
        assert objects_in(first.out) == objects_in(last.out)[:20] and len(objects_in(last.out)) == 21
        assert made.run("find", large).ok()
        assert not list((made.home / "blobs").rglob("*.tmp"))
        check_whole(made, objects_in(last.out))
        assert made.run("fsck", "--deep").ok()


def test_a_full_disk_under_the_result_is_no_crash_and_loses_nothing() -> None:
    with place() as made, Path("/dev/full").open("wb") as full:
        made.init()
        for arguments in (["identify", made.write("a.txt", b"a")], ["status"], ["--help"]):
            answer = made.run(*arguments, stdout=full)
            assert answer.code == 5 and "No space left on device" in answer.err, (arguments, answer)
            assert "Traceback" not in answer.err and "Exception ignored" not in answer.err
        assert made.run("identify", made.files, "--json").ok().json["duplicates"] == 1


def test_a_full_disk_under_the_tree_delays_sealing_only() -> None:
    with place() as made:
        made.init()
        files = [made.write(f"{number}.txt", f"{number}") for number in range(300)]
        if IS_ROOT and can_mount(made.folder / "mnt"):
            pages = [-(-path.stat().st_size // 4096) for path in (made.home / "tlog").rglob("*")]
            with small_disk(made.home / "tlog", f"{4 * sum(pages) + 48}k"):
                full = made.run("identify", *files)
                assert full.code == 5 and "tlog" in full.err, full
                assert len(objects_in(full.out)) == 300
                subprocess.run(["mount", "-o", "remount,size=64m", made.home / "tlog"], check=True)
                made.run("identify", files[0]).ok()
        else:
            limit = (40_000, 40_000)
            full = made.run("identify", *files, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
            assert full.code == 5, full
            made.run("identify", *files).ok()
        check_whole(made, objects_in(full.out))


def test_the_database_killed_in_the_middle_and_started_again() -> None:
    with running() as made:
        for number in range(SEVERAL_BATCHES):
            made.write(f"many/{number:04}.txt", f"{number}")
        process = made.start("identify", made.files / "many")
        try:
            assert process.stdout is not None
            first = process.stdout.readline().decode()
            made.kill_postgres()
            made.run("up", "--no-kafka").ok()
        except BaseException:
            end(process)
            raise
        answer = finish(process)
        assert answer.code in (0, 5), answer
        acknowledged = objects_in(first + answer.out)
        again = made.run("identify", made.files / "many", "--json").ok().json
        assert again["taken"] == SEVERAL_BATCHES and again["duplicates"] >= len(acknowledged)
        assert answer.code == 5 or len(acknowledged) == SEVERAL_BATCHES
        names = [o["id"] for o in again["objects"]]
        assert len(set(names)) == SEVERAL_BATCHES and set(acknowledged) <= set(names)
        rows = check_whole(made, names)
        assert sum(row.type == "edgeprint.identity.ObjectIdentified" for row in rows) == SEVERAL_BATCHES
        assert made.run("fsck", "--deep").ok()


@pytest.mark.soak
def test_a_run_that_is_killed_is_taken_up_by_the_same_command() -> None:
    with place() as made:
        made.init()
        for number in range(SEVERAL_BATCHES):
            made.write(f"many/{number:04}.txt", f"{number}")
        process = made.start("identify", made.files / "many")
        assert process.stdout is not None
        said = b"".join(process.stdout.readline() for _ in range(3)).decode()
        process.send_signal(signal.SIGKILL)
        said += finish(process).out
        acknowledged = objects_in(said)
        again = made.run("identify", made.files / "many", "--json").ok().json
        assert (again["taken"], again["refused"]) == (SEVERAL_BATCHES, [])
        assert again["duplicates"] >= len(acknowledged)
        assert set(acknowledged) <= {o["id"] for o in again["objects"]}
        check_whole(made, acknowledged)


def test_the_database_killed_for_good_is_said_and_the_same_command_resumes(stranded: Stranded) -> None:
    """Nobody starts it again: after half a minute the run gives up, and says what is missing."""
    made = stranded.place
    answer = finish(stranded.process)
    assert answer.code == 5 and "database" in answer.err and "Traceback" not in answer.err
    acknowledged = objects_in(stranded.first + answer.out)
    assert 0 < len(acknowledged) < SEVERAL_BATCHES
    again = made.run("identify", made.files / "many", "--json").ok().json
    assert again["taken"] == SEVERAL_BATCHES
    rows = check_whole(made, acknowledged)
    assert sum(row.type == "edgeprint.identity.ObjectIdentified" for row in rows) == SEVERAL_BATCHES
