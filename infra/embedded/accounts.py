"""The account the server runs as. PostgreSQL refuses to run as root, so root lends it an existing unprivileged account.

A normal user runs the server as himself (`account` is None everywhere below). Root takes `EDGEPRINT_POSTGRES_ACCOUNT`,
else the first of `ACCOUNTS` that exists; no account is ever made. The choice is recorded in the home, because the
files of the cluster belong to that account from then on.

Trust: every process of that account is a superuser of the cluster and can read its files. An account that runs nothing
else is best; the tripwires of the ledger (guards, checkpoints, witnesses) hold against it, secrecy does not.
"""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.errors import Unavailable
from infra.embedded.binaries import PostgresBinaries

ACCOUNT_VARIABLE = "EDGEPRINT_POSTGRES_ACCOUNT"
ACCOUNTS = ("postgres", "daemon", "nobody")
OUTPUT_BYTES_MAX = 16_384


@dataclass(frozen=True, slots=True)
class Account:
    """An entry of the user database, never root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Answer:
    """How a program ended and the last `OUTPUT_BYTES_MAX` bytes it printed on both outputs together."""

    code: int
    output: str


def choose_account(environ: Mapping[str, str], accounts: Sequence[str] = ACCOUNTS) -> Account | None:
    """Return the account for a new cluster, or None when a normal user runs the server as himself.

    Raises: Unavailable if root finds no account that fits; the message names those that were tried.
    """
    if os.geteuid() != 0:
        return None
    named = environ.get(ACCOUNT_VARIABLE)
    names = (named,) if named else accounts
    for name in names:
        account = _look_up(name)
        if account is not None and account.uid != 0:
            return account
    raise Unavailable(
        f"PostgreSQL does not run as root, and no unprivileged account was found to run it: tried {', '.join(names)}; "
        f"set {ACCOUNT_VARIABLE} to an existing account, run edgeprint as a normal user, or set DATABASE_URL"
    )


def recorded_account(name: str) -> Account:
    """Return the account a cluster was made for.

    Raises: Unavailable if it no longer exists or the caller is not root.
    """
    if os.geteuid() != 0:
        raise Unavailable(
            f"the database of this home was made by root and runs as account {name}: run edgeprint as root"
        )
    account = _look_up(name)
    if account is None or account.uid == 0:
        raise Unavailable(f"the database of this home runs as account {name}, which no longer exists")
    return account


def _look_up(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError):
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def run_as(account: Account | None, argv: Sequence[str], *, cwd: Path, timeout_s: float) -> Answer:
    """Run a program to its end as `account`, with no other group, in `cwd`, in an environment of our own (C locale).

    Output goes through a file, not a pipe: a server left running in the background would hold a pipe open.

    Raises: Unavailable if it cannot be started, if we may not change to the account, or after `timeout_s`.
    """
    environ = {"LC_ALL": "C", "LANG": "C", "TZ": "UTC", "PATH": os.environ.get("PATH", os.defpath)}
    if "LD_LIBRARY_PATH" in os.environ:
        environ["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    with tempfile.TemporaryFile() as output:
        try:
            code = subprocess.run(
                argv,
                cwd=cwd,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=timeout_s,
                check=False,
                user=None if account is None else account.uid,
                group=None if account is None else account.gid,
                extra_groups=None if account is None else (),
                umask=0o077,
            ).returncode
        except subprocess.TimeoutExpired as err:
            raise Unavailable(f"{argv[0]} did not end within {timeout_s:g} s") from err
        except OSError as err:
            who = "" if account is None else f" as account {account.name}"
            raise Unavailable(f"cannot run {argv[0]}{who}: {err.strerror}") from err
        output.seek(max(0, output.seek(0, os.SEEK_END) - OUTPUT_BYTES_MAX))
        return Answer(code, output.read().decode("utf-8", "replace").strip())


def can_use(account: Account | None, binaries: PostgresBinaries) -> bool:
    """Return whether `account` can run these programs where they lie (its way there may lead through a 0700 folder)."""
    needed = [binaries.program(name) for name in ("postgres", "initdb", "pg_ctl")]
    if binaries.relocatable:
        needed.append(str(binaries.directory.parent / "share" / "postgres.bki"))
    try:
        if run_as(account, ["test", "-r", needed[-1]], cwd=Path("/"), timeout_s=20).code != 0:
            return False
        return all(run_as(account, [p, "-V"], cwd=Path("/"), timeout_s=20).code == 0 for p in needed[:3])
    except Unavailable:
        return False
