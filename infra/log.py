"""The log as its files tell it: heads, entries and proofs from the static tree; no database, no network.

Whoever reads here believes the policy file alone: the checkpoint must satisfy it before anything else is looked at.
"""

from pathlib import Path
from typing import Any, Final

from domain.errors import Invalid, NotFound, Unavailable
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.merkle import leaf_hash
from domain.ledger.policy import Policy, parse_policy
from domain.ledger.proof import parse_proof
from domain.ledger.proof import verify_proof as verify_tlog_proof
from infra.fsck.tree import TreeReport, make_proof, read_entry, verify_tree
from infra.home import Home
from infra.sealer.headguard import FileHeadGuard
from infra.settings import Settings
from infra.tiles.posix import PosixTree
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from schemas.values import instant_of

FILE_BYTES_MAX: Final = 4 << 20


def policy_of(home: Home) -> Policy:
    """Return the trust policy of a home. Raises: NotFound, Invalid."""
    return parse_policy(read_small_file(home.policy_path))


def head_of(settings: Settings) -> Checkpoint:
    """Return the newest checkpoint on disk that the policy accepts. Raises: NotFound before the first, Invalid."""
    home = Home(settings.home)
    home.config()
    return head_of_home(home)


def head_of_home(home: Home) -> Checkpoint:
    """Return the same for a home that may still be in its founding."""
    policy = policy_of(home)
    note = PosixTree(home.tlog).checkpoint()
    if note is None:
        raise NotFound(f"{home.tlog}: nothing is sealed yet")
    return policy.verify_checkpoint(note)


def verify_files(settings: Settings) -> TreeReport:
    """Verify every file of the static tree, entries included, and that the rollback guard's head is a prefix of it."""
    home = Home(settings.home)
    guard = FileHeadGuard(settings.state / "heads", home.config().ledger_id)
    kept = guard.read()
    notes = [] if kept is None else [(guard.describe(), kept)]
    return verify_tree(home.tlog, policy_of(home), deep=True, notes=notes)


def entry_of(settings: Settings, index: int) -> bytes:
    """Return the exact bytes of a sealed entry. Raises: NotFound beyond the sealed size."""
    head = head_of(settings)
    _require_sealed(index, head)
    return read_entry(Home(settings.home).tlog, index)


def proof_of(settings: Settings, index: int) -> tuple[bytes, bytes]:
    """Return the .tlog-proof of a sealed entry and its bytes. Raises: NotFound beyond the sealed size."""
    _require_sealed(index, head_of(settings))
    directory = Home(settings.home).tlog
    return make_proof(directory, index).encode(), read_entry(directory, index)


def verify_proof_files(proof: Path, policy: Path, entry: Path) -> tuple[Checkpoint, int]:
    """Verify a proof from three files and return its checkpoint and index. Raises: NotFound, Invalid."""
    parsed = parse_proof(read_small_file(proof))
    return verify_tlog_proof(parsed, read_small_file(entry), parse_policy(read_small_file(policy))), parsed.index


def vkeys_of(settings: Settings) -> tuple[str, ...]:
    """Return the log's verifier keys, Ed25519 first, from the policy file (no private key is read)."""
    home = Home(settings.home)
    home.config()
    policy_of(home)
    words = [line.split() for line in read_small_file(home.policy_path).decode().splitlines()]
    return tuple(w[1] for w in words if w[:1] == ["log"]) + tuple(w[2] for w in words if w[:1] == ["witness"])


def describe_entry(entry: bytes) -> dict[str, Any]:
    """Return an entry decoded for people and scripts; an entry under an unknown schema keeps its bytes only."""
    described: dict[str, Any] = {"bytes": len(entry), "leaf_hash": leaf_hash(entry).hex()}
    try:
        decoded = Codec(CATALOGUE).accept(entry)
    except Invalid as err:
        return {**described, "undecoded": str(err), "entry_hex": entry.hex()}
    return {
        **described,
        "type": decoded.event.TYPE,
        "schema_sha256": decoded.schema_sha256.hex(),
        "envelope": plain(decoded.envelope),
        "event": plain(decoded.event),
    }


def plain(value: Any) -> Any:
    """Return a value of events as JSON: digests in hex, identifiers as UUIDs, records as objects."""
    match value:
        case bytes():
            return value.hex()
        case tuple():
            return [plain(item) for item in value]
        case str() | bool() | int() | None:
            return value
        case _ if hasattr(value, "__dataclass_fields__"):
            return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
        case _:
            return str(value)


def time_text(microseconds: int) -> str:
    """Return an instant as RFC 3339 in UTC, to the millisecond."""
    return instant_of(microseconds).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _require_sealed(index: int, head: Checkpoint) -> None:
    if index >= head.size:
        raise NotFound(f"expected an index below the sealed size {head.size}, found {index}")


def read_small_file(path: Path) -> bytes:
    """Return the bytes of a policy, proof or entry file. Raises: NotFound, Unavailable, Invalid (too large)."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError as err:
        raise NotFound(f"{path}: no such file") from err
    except OSError as err:
        raise Unavailable(f"{path}: {err.strerror}") from err
    if len(data) > FILE_BYTES_MAX:
        raise Invalid(f"{path}: expected at most {FILE_BYTES_MAX} bytes")
    return data
