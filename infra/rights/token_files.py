"""Licence tokens in files, read and checked: neither a home nor a database nor a socket is opened."""

from datetime import datetime
from pathlib import Path

from domain.ledger.policy import parse_policy
from infra.log import read_small_file
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from schemas.licence_check import Answer, Given, check_token


def check_files(
    token: Path,
    policy: Path,
    instant: datetime,
    *,
    entry: Path | None = None,
    proof: Path | None = None,
    status: Path | None = None,
    audience: str | None = None,
    nonce: str | None = None,
) -> Answer:
    """Return what a check of a token says of it. Raises: NotFound, Unavailable, Invalid (the policy)."""
    given = Given(
        parse_policy(read_small_file(policy)),
        instant,
        audience,
        nonce,
        None if entry is None or proof is None else (read_small_file(entry), read_small_file(proof)),
        None if status is None else read_small_file(status),
    )
    return check_token(read_token(token), given, Codec(CATALOGUE))


def read_token(path: Path) -> str:
    """Return the text of a token file without its last newline. Raises: NotFound, Unavailable."""
    return read_small_file(path).decode("ascii", errors="replace").removesuffix("\n")
