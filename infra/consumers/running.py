"""What the commands of consumers do: run one, tell how far it is, send it back, ask for retries."""

import signal
import socket
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from prometheus_client import CollectorRegistry, start_http_server

from consumers.claims import Claims
from consumers.feed import Cursor
from domain.errors import Invalid, LedgerError, NotFound, Unavailable
from domain.ledger.policy import parse_policy
from infra.consumers.build import Kind, open_runtime, store_path
from infra.consumers.loop import AlwaysActive, ConsumerLoop, ConsumerMetrics, Turn
from infra.consumers.skips import read_skips
from infra.consumers.store import ConsumerStore
from infra.consumers.targets import Target
from infra.home import Home
from infra.kafka.address import bootstrap_of
from infra.kafka.membership import Membership
from infra.kafka.reader import Reader
from infra.kafka.seeking import index_at, index_at_time
from infra.log import read_small_file
from infra.process import process_log
from infra.settings import Settings
from schemas.catalogue import CATALOGUE
from schemas.records import Partition
from schemas.topics import CHECKPOINTS, CONTEXT_TOPICS

LOOPBACK: Final = "127.0.0.1"
NOTES_LOOKED_AT_MAX: Final = 1_000


def run_consumer(
    kind: Kind,
    bootstrap: str,
    policy: bytes,
    folder: Path,
    *,
    once: bool = False,
    instance: str | None = None,
    metrics_port: int | None = None,
) -> tuple[int, dict[str, Any]]:
    """Run a consumer until a signal ends it, or with `once` until all is handled; return exit code and where it stands.

    With `once` it is no member of the group and waits for no turn.

    Raises:
        Invalid: policy, store or decisions do not parse.
        Unavailable: the disk, the port; brokers at the start, later they are waited for (not with `once`).
    """
    name = kind.handler.name
    log, registry = process_log(name), CollectorRegistry()
    metrics = ConsumerMetrics(name, registry)
    if metrics_port is not None:
        try:
            start_http_server(metrics_port, LOOPBACK, registry)
        except OSError as err:
            raise Unavailable(f"{LOOPBACK}:{metrics_port}: expected a free port, found {err.strerror}") from err
    member = None if once else Membership(bootstrap, name, instance or f"{name}-{socket.gethostname()}"[:249])
    turn: Turn = member or AlwaysActive()
    try:
        with open_runtime(kind, bootstrap, policy, folder, log) as runtime:
            loop = ConsumerLoop(runtime, turn, metrics, log)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: loop.stop())
            code = loop.run(once=once)
    finally:
        if member is not None:
            member.close()
    with closing(kind.open_store(store_path(folder, name))) as store:
        cursor = store.cursor()
        return code, {
            "consumer": name,
            **_standing(cursor),
            "foreign": runtime.foreign,
            "waiting": len(store.waiting()),
        }


def consumer_status(
    settings: Settings, kind: Kind, folder: Path, policy: Path | None, bootstrap: str | None, *, digest: bool
) -> dict[str, Any]:
    """Return what `consumer status --json` prints; what Kafka does not tell is None.

    Raises:
        NotFound: it has never run here.
        Invalid, Unavailable: its store cannot be read.
    """
    path = store_path(folder, kind.handler.name)
    with closing(_existing(kind, folder)) as store:
        cursor, waiting = store.cursor(), store.waiting()
    try:
        trusted = read_small_file(policy or Home(settings.home).policy_path)
        known = newest_size(bootstrap_of(settings, bootstrap), trusted)
    except LedgerError:
        known = None
    over_all, projections = kind.tell(path, digest)
    return {
        "consumer": kind.handler.name,
        "store": str(path),
        **_standing(cursor),
        "known_size": known,
        "lag": None if known is None else max(0, known - cursor.next_index),
        "waiting": len(waiting),
        "parked_streams": len({one.stream for one in waiting}),
        "skipped": len(read_skips(folder)),
        "digest": over_all,
        "projections": projections,
    }


def rewind_consumer(kind: Kind, folder: Path, target: Target, bootstrap: str | None) -> int:
    """Send a consumer back and return the entry that it gets first; who runs it is fenced.

    Raises:
        NotFound: it has never run here, or the target names no entry.
        Invalid, Unavailable: the store, the record at the target, or Kafka.
    """
    with closing(_existing(kind, folder)) as store:
        index = target.index if bootstrap is None else _index_of(target, bootstrap)
        if index is None:
            raise NotFound("no entry on Kafka was recorded at that time or later")
        store.rewind(index, kind.handler.rewind)
        return index


def waiting_of(kind: Kind, folder: Path) -> list[dict[str, Any]]:
    """Return the entries that wait, as `dlq list --json` prints them. Raises as `consumer_status`."""
    with closing(_existing(kind, folder)) as store:
        return [
            {
                "index": one.index,
                "stream": str(UUID(bytes=one.stream)),
                "leaf_hash": one.leaf.hex(),
                "attempts": one.attempts,
                "reason": one.reason,
                "letter_offset": one.letter,
            }
            for one in store.waiting()
        ]


def ask_to_retry(kind: Kind, folder: Path, stream: bytes | None) -> int:
    """Ask for the retry of a stream's entries, of all if None, and return how many. Raises as `consumer_status`."""
    with closing(_existing(kind, folder)) as store:
        return store.ask_to_retry(stream)


def newest_size(bootstrap: str, policy: bytes) -> int:
    """Return the size of the newest checkpoint on Kafka that a policy accepts, 0 if there is none.

    Raises:
        Unavailable: Kafka does not answer.
        Invalid: the policy does not parse.
    """
    verify = parse_policy(policy).verify_checkpoint
    with closing(Reader(bootstrap)) as reader:
        for looked_at, record in enumerate(reader.newest(Partition(CHECKPOINTS.name, 0))):
            if looked_at >= NOTES_LOOKED_AT_MAX:
                break
            try:
                return verify(record.value or b"").size
            except Invalid:
                continue
    return 0


def _index_of(target: Target, bootstrap: str) -> int | None:
    claims = Claims(CATALOGUE)
    with closing(Reader(bootstrap)) as reader:
        if target.place is not None:
            return index_at(reader, claims, *target.place)
        partitions = reader.partitions([topic.name for topic in CONTEXT_TOPICS])
        return index_at_time(reader, claims, partitions, target.time_ms or 0)


def _existing(kind: Kind, folder: Path) -> ConsumerStore[Any]:
    path = store_path(folder, kind.handler.name)
    if not path.exists():
        raise NotFound(f"{path}: no such store: {kind.handler.name} has never run here")
    return kind.open_store(path)


def _standing(cursor: Cursor) -> dict[str, Any]:
    return {"next_index": cursor.next_index, "verified_size": cursor.size}
