"""Append a corpus to a ledger: entries encoded here, batches under way in a thread while the next is encoded.

`recorded_at` is the clock of the moment at which a batch begins, as append() wants it within 5 s of its own; when it
happened in the house stands in `occurred_at`. A batch is one call of append(), at most BATCH_EVENTS_MAX events. If the
process ends in between, whole commands up to some act are there; the same corpus cannot be gone on with, another seed
can. Its commitments commit to values that are nowhere: `fsck --deep` says of each that the vault does not have it.
"""

import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

import rfc8785

from domain.errors import Rejected, Unavailable
from domain.events import Sha256
from domain.governance.events import policy_key
from domain.governance.policies import ADMISSION, BUILT_IN, TRACE_SET
from domain.identity.events import ObjectIdentified
from infra.bootstrap import Session
from infra.dev.acts import Act
from infra.dev.corpus import Corpus, corpus_name
from infra.dev.scribe import Scribe
from infra.store.committer import BATCH_EVENTS_MAX
from producers.governance import POLICY_SET, policy_in_force
from producers.ports import AppendRequest, AppendResult, AppendStatus, LedgerStore

IN_FLIGHT: Final = 2


@dataclass(slots=True)
class Filled:
    """What was appended: events by type, the index of the first, and the size of the ledger behind the last."""

    first: int = -1
    size: int = 0
    types: Counter[str] = field(default_factory=Counter)


class _Sender:
    """Appends batches in a thread, in order; the first failure is raised to whoever hands over or finishes."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self._waiting: queue.Queue[list[AppendRequest] | None] = queue.Queue(IN_FLIGHT)
        self._failure: Exception | None = None
        self._abandoned = False
        self._thread = threading.Thread(target=self._run, name="corpus", daemon=True)
        self.filled = Filled()
        self._thread.start()

    def send(self, batch: list[AppendRequest]) -> None:
        """Hand a batch over; blocks while IN_FLIGHT others wait."""
        self._raise()
        if batch:
            self._waiting.put(batch)

    def finish(self) -> Filled:
        """Return what was appended once all of it is durable."""
        self._waiting.put(None)
        self._thread.join()
        self._raise()
        return self.filled

    def abandon(self) -> None:
        """End the thread; of what waits nothing is appended any more."""
        self._abandoned = True
        self._waiting.put(None)
        self._thread.join()

    def _raise(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        while (batch := self._waiting.get()) is not None:
            if self._failure is None and not self._abandoned:
                try:
                    self._append(batch)
                except Exception as error:  # raised again by the thread that sends
                    self._failure = error

    def _append(self, batch: list[AppendRequest]) -> None:
        for request, result in zip(batch, self._store.append(batch), strict=True):
            if result.status is not AppendStatus.STORED:
                raise _refusal(result)
            if self.filled.first < 0:
                self.filled.first = result.first
            self.filled.size = result.last + 1
            self.filled.types.update(event.type for event in request.events)


def _refusal(result: AppendResult) -> Exception:
    what = f"corpus: expected each command stored, found {result.status}: {result.reason}"
    return Unavailable(what) if result.status is AppendStatus.STALE else Rejected(what)


def append_acts(
    store: LedgerStore,
    acts: Iterable[Act],
    scribe: Scribe,
    clock: Callable[[], int],
    on_batch: Callable[[list[Act], int], None] = lambda _, __: None,
) -> Filled:
    """Append acts in their order and return what was appended; `clock` gives microseconds since the epoch.

    `on_batch` hears of each batch before it is handed over, and how many events that makes in all.

    Raises:
        Unavailable: the database does not answer, or answered more than 5 s late.
        Rejected: an entry or a key is in the ledger already.
    """
    sender, events = _Sender(store), 0
    try:
        for told in _batches(acts):
            events += sum(len(act.events) for act in told)
            on_batch(told, events)
            now = clock()  # behind on_batch, which may write a thousand files
            sender.send([scribe.request(act, now) for act in told])
    except BaseException:
        sender.abandon()
        raise
    return sender.finish()


def _batches(acts: Iterable[Act]) -> Iterator[list[Act]]:
    told: list[Act] = []
    events = 0
    for act in acts:
        if told and events + len(act.events) > BATCH_EVENTS_MAX:
            yield told
            told, events = [], 0
        told.append(act)
        events += len(act.events)
    yield told


def fill_ledger(
    session: Session,
    seed: int,
    objects: int,
    *,
    more: bool = False,
    blobs: bool = True,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Filled:
    """Append the corpus of this seed and size to the ledger of a session, and return what was appended.

    The stand-ins of the objects go to the blob store first, unless `blobs` is False; `on_progress` hears how many
    events there are. Nothing is sealed here.

    Raises:
        Rejected: the ledger is meant to last, holds objects and `more` is False, holds this very corpus, or judges by
            another policy than the built-in one.
        Unavailable: see `append_acts`.
    """
    if session.config.production:
        raise Rejected("corpus refused: this ledger is meant to last; expected one without production = true")
    if not more and session.store.select_notifications(None, 1, topics=[ObjectIdentified.TYPE]):
        raise Rejected("corpus refused: the ledger holds objects already; use --more to add to them")
    policies = _policies_in_force(session)
    corpus = Corpus(seed, objects, session.config.holder_id, policies=not policies)
    if session.store.streams([corpus.studio]):
        raise Rejected(f"corpus refused: seed {seed} with {objects} objects is in this ledger; use another seed")

    def on_batch(acts: list[Act], events: int) -> None:
        # Blobs are durable before the events that name them, as everywhere.
        for data in (data for act in acts for data in act.data) if blobs else ():
            session.blobs.put_bytes(data)
        on_progress(events)

    scribe = Scribe(corpus_name(seed, objects), session.config.ledger_id, policies)
    return append_acts(session.store, corpus.acts(), scribe, session.application.clock, on_batch)


def _policies_in_force(session: Session) -> dict[str, Sha256]:
    """Return the leaf hashes of the policies that are active, all or none of those that the corpus knows."""
    found: dict[str, Sha256] = {}
    for name in (TRACE_SET, ADMISSION):
        known = session.store.key_holders([policy_key(name)]).get(policy_key(name))
        if known is None:
            continue
        in_force = policy_in_force(session.load(known.stream_id, POLICY_SET))
        if in_force is None or in_force[0] != rfc8785.dumps(BUILT_IN[name]).decode():
            raise Rejected(f"corpus refused: expected the built-in policy {name} in force, or none drafted")
        found[name] = in_force[1]
    if len(found) == 1:
        raise Rejected("corpus refused: expected both policies in force, trace-set and capability-admission, or none")
    return found
