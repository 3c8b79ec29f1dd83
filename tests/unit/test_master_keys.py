"""Generations of the vault's master key as files."""

import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain.errors import Invalid, Unavailable
from infra.vault.master import KEY_BYTES, FileMasterKeys

KEY, ABOUT = b"k" * 32, b"subject"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "vault"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_the_first_is_made_when_it_is_asked_for(folder: Path) -> None:
    masters = FileMasterKeys(folder)
    assert (masters.newest(), masters.newest(), names(folder)) == (1, 1, {"1"})
    assert stat.S_IMODE((folder / "1").stat().st_mode) == 0o600 and (folder / "1").stat().st_size == KEY_BYTES


def test_each_generation_unwraps_its_own_alone(folder: Path) -> None:
    masters = FileMasterKeys(folder)
    wrapped = masters.wrap(masters.newest(), KEY, ABOUT)
    assert masters.make() == 2 and masters.newest() == 2
    assert masters.unwrap(1, wrapped, ABOUT) == KEY and KEY not in wrapped
    for generation, about in ((2, ABOUT), (1, b"another")):
        with pytest.raises(Invalid, match="this key and this place"):
            masters.unwrap(generation, wrapped, about)


def test_what_is_forgotten_is_gone_and_numbers_are_never_used_again(folder: Path) -> None:
    masters = FileMasterKeys(folder)
    for _ in range(4):
        masters.make()
    masters.forget(frozenset({2}))
    assert names(folder) == {"2", "4"}, "the newest stays though nothing is wrapped by it yet"
    assert masters.make() == 5
    with pytest.raises(Unavailable, match="expected a master key of the vault"):
        masters.unwrap(1, b"", ABOUT)


def test_a_folder_that_cannot_be_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable, match="cannot"):
        FileMasterKeys(tmp_path / "file" / "vault").newest()


def test_of_many_who_begin_a_vault_at_once_all_use_one_key(tmp_path: Path) -> None:
    """A key that another had wrapped with already would be lost with the one that was written over."""
    for turn in range(20):
        keys, together = FileMasterKeys(tmp_path / str(turn)), threading.Barrier(6)

        def begin(keys: FileMasterKeys = keys, together: threading.Barrier = together) -> tuple[int, bytes]:
            together.wait()
            newest = keys.newest()
            return newest, keys.wrap(newest, bytes(32), b"about")

        with ThreadPoolExecutor(6) as pool:
            made = [future.result() for future in [pool.submit(begin) for _ in range(6)]]
        assert {number for number, _ in made} == {1}
        assert all(keys.unwrap(number, wrapped, b"about") == bytes(32) for number, wrapped in made)
        assert [path.name for path in (tmp_path / str(turn)).iterdir()] == ["1"]
