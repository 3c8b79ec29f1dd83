"""The database comes back from an older backup, or not at all: nothing is taken in until the tree has filled it up."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.events import Sha256
from infra.bootstrap import wired
from infra.governance.signing import sign_manifest
from infra.home import Home
from infra.sealer.database import published_notes
from infra.store.provision import READER
from tests.e2e.kit import Place, check_whole, objects_in, place
from tests.identity_kit import STATEMENT, claim

SECOND = 300  # enough to begin a second bundle


class Aged:
    """A ledger whose database was backed up, went on, and was put back: `early` are in the backup, `late` are not."""

    def __init__(self, made: Place) -> None:
        self.made = made
        made.init()
        self.early = self.identified("early", 2)
        self.cluster = made.database().cluster
        self.backup = made.folder / "backup"
        subprocess.run(["cp", "-a", self.cluster.data_directory, self.backup], check=True)
        self.late = self.identified("late", SECOND)
        self.size = made.run("status", "--json").ok().json["sealed_size"]

    def identified(self, name: str, count: int) -> list[str]:
        for number in range(count):
            self.made.write(f"{name}/{number:03}.txt", f"{name} {number}")
        return objects_in(self.made.run("identify", self.made.files / name).ok().out)

    def put_back(self) -> None:
        shutil.rmtree(self.cluster.data_directory)
        subprocess.run(["cp", "-a", self.backup, self.cluster.data_directory], check=True)


@pytest.fixture(scope="module")
def aged() -> Iterator[Aged]:
    with place() as made:
        yield Aged(made)


def lost_of(made: Place) -> int:
    """Return how many manifests the vault has lost with the database; all else is as it was, and says so."""
    answer = made.run("fsck", "--deep", "--json")
    report = answer.json
    assert answer.code == 1 and report["unknown"] == []
    assert set(report["checked"]) == {"tree", "heads", "database", "guards", "blobs", "attestations", "views"}
    for line in report["damages"]:
        assert line.startswith("vault: intake manifest ") and line.endswith(" was not erased"), line
    return len(report["damages"])


def test_an_older_database_takes_nothing_in_and_is_filled_up_from_the_tree(aged: Aged) -> None:
    made = aged.made
    aged.put_back()
    refused = made.run("identify", made.write("new.txt", "new"))
    assert refused.code == 1 and "`edgeprint ledger restore`" in refused.err, refused
    assert f"a head of size {aged.size} was signed" in refused.err
    up = made.run("up", "--no-kafka")
    assert up.code == 5 and "`edgeprint ledger restore`" in up.err, up
    made.run("down").ok()
    done = made.run("ledger", "restore", "--json").ok().json
    assert done == {"restored": 3 * SECOND, "first": aged.size - 3 * SECOND, "size": aged.size}
    check_whole(made, aged.early + aged.late)
    again = made.run("identify", made.files / "late", "--json").ok().json
    assert again["duplicates"] == SECOND, "keys came back with the entries"
    assert [item["id"] for item in again["objects"]] == aged.late
    assert lost_of(made) == 1, "the names of the batch that the backup did not have"
    nothing = made.run("ledger", "restore").ok()
    assert "nothing to restore" in nothing.out
    aged.size = made.run("status", "--json").ok().json["sealed_size"]


def test_a_database_that_is_gone_is_made_anew(aged: Aged) -> None:
    made = aged.made
    made.run("down").ok()
    aged.cluster.purge()
    assert made.run("ledger", "restore", "--json").ok().json == {"restored": aged.size, "first": 0, "size": aged.size}
    assert lost_of(made) >= 1
    check_whole(made, aged.early + aged.late)


def test_a_damaged_tree_is_named_and_nothing_is_restored_from_it(aged: Aged) -> None:
    made = aged.made
    made.run("down").ok()
    aged.put_back()
    bundle = made.home / "tlog" / "tile" / "entries" / "001"
    good = bundle.read_bytes()
    bundle.chmod(0o600)
    bundle.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    refused = made.run("ledger", "restore")
    assert refused.code == 1 and "tile/entries/001" in refused.err, refused
    bundle.write_bytes(good)
    moved = bundle.rename(made.folder / "bundle")
    refused = made.run("ledger", "restore")
    assert refused.code == 1 and "tile/entries/001" in refused.err, refused
    moved.rename(bundle)


def test_an_older_checkpoint_beside_an_older_database_hides_nothing(aged: Aged) -> None:
    """The rollback guard remembers the newest head, and the tree has its files."""
    made = aged.made
    checkpoint = made.home / "tlog" / "checkpoint"
    newest = checkpoint.read_bytes()
    checkpoint.write_bytes(published(made)[0])
    assert made.run("identify", made.files / "early").code == 1
    assert made.run("ledger", "restore", "--json").ok().json["size"] == aged.size
    checkpoint.write_bytes(newest)
    assert lost_of(made) >= 1


def published(made: Place) -> list[bytes]:
    database = made.database()
    with database.in_use():
        return [note for _, note in published_notes(database.dsn(READER))]


def test_a_database_that_went_its_own_way_is_not_overwritten(aged: Aged) -> None:
    made = aged.made
    made.run("down").ok()
    aged.put_back()
    home = Home(made.home)
    database = made.database()
    with database.in_use(), wired(made.settings, home, home.config(), database) as session:
        before, key = session.store.size(), session.new_command(session.holder)
        work = Sha256(b"w" * 32)
        holder = session.config.holder_id
        task = claim(key, holder, work, sign_manifest(session, holder, None, STATEMENT))
        session.application.execute(task).require()  # what a program without our check would do
    refused = made.run("ledger", "restore")
    assert refused.code == 1 and "nothing was restored" in refused.err, refused
    with database.in_use(), wired(made.settings, home, home.config(), database) as session:
        assert session.store.size() == before + 1
    aged.put_back()
    made.run("ledger", "restore").ok()
    assert lost_of(made) >= 1


def test_without_a_ledger_there_is_nothing_to_restore(tmp_path: Path) -> None:
    made = Place(tmp_path)
    assert made.run("ledger", "restore").code == 3
