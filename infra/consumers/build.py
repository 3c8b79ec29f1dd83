"""The consumers there are, and one of them put together: handler, feed, Kafka, store, dead letters."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import Any, Final

from consumers.claims import Claims
from consumers.feed import Cursor, Feed
from consumers.mirror import Mirror
from consumers.ports import Handler
from consumers.runtime import Runtime
from consumers.sealed import SealedFeed
from domain.errors import NotFound
from domain.ledger.policy import parse_policy
from infra.consumers.mirror import mirror_store, tell_mirror
from infra.consumers.skips import read_skips
from infra.consumers.store import ConsumerStore
from infra.consumers.views import Views, tell_views, views_store
from infra.kafka.dead_letters import DeadLetterTopic
from infra.kafka.following import Following
from projections.catalogue import VIEWS
from schemas.catalogue import CATALOGUE
from schemas.records import Partition


@dataclass(frozen=True, slots=True)
class Kind:
    """One consumer: its handler, how its store is opened, and how what it holds is told.

    `tell` is given the file and whether digests are wanted; it returns one digest over all, None unless wanted, and
    for each projection that it keeps what `consumer status --json` says of it (docs/formats.md, section 14).
    """

    handler: Handler[Any]
    open_store: Callable[[Path], ConsumerStore[Any]]
    tell: Callable[[Path, bool], tuple[str | None, list[dict[str, Any]]]]


CONSUMERS: Final = {
    "mirror": Kind(Mirror(), mirror_store, tell_mirror),
    "views": Kind(Views(VIEWS, CATALOGUE), views_store, lambda path, digest: tell_views(VIEWS, path, digest)),
}


def kind_of(name: str) -> Kind:
    """Return the consumer of a name. Raises: NotFound names those there are."""
    if name not in CONSUMERS:
        raise NotFound(f"expected one of the consumers {', '.join(sorted(CONSUMERS))}, found {name[:80]!r}")
    return CONSUMERS[name]


def store_path(folder: Path, name: str) -> Path:
    """Return where a consumer's store lies."""
    return folder / f"{name}.sqlite3"


@contextmanager
def open_runtime(
    kind: Kind, bootstrap: str, policy: bytes, folder: Path, log: Callable[[str], None]
) -> Iterator[Runtime[Any]]:
    """Give the runtime of a consumer whose store lies in `folder` and which believes a policy file alone.

    Raises:
        Invalid: policy, store or decisions do not parse.
        Unavailable: the disk. Kafka is first asked by `recover`.
    """
    trusted, claims = parse_policy(policy), Claims(CATALOGUE)
    name = kind.handler.name

    def make_feed(cursor: Cursor, partitions: list[Partition]) -> Feed:
        return SealedFeed(trusted.verify_checkpoint, claims, cursor, partitions, read_skips(folder).keys())

    with ExitStack() as stack:
        store = kind.open_store(store_path(folder, name))
        stack.callback(store.close)
        source = Following(bootstrap)
        stack.callback(source.close)
        letters = DeadLetterTopic(bootstrap, name)
        stack.callback(letters.close)
        types = {digest: schema.name for digest, schema in CATALOGUE.by_digest.items()}
        yield Runtime(kind.handler, make_feed, source, store, letters, types, rest=sleep, log=log)
