"""The one write path: look up, load, decide, encode, guard, append.

`LedgerApplication` is an `eventsourcing` Application whose recorder is a ledger store. It never lets the library read
the environment, never re-encodes (its mapper passes entries through) and keeps no snapshots. Commands are handled in
batches, because under a total order lock one round trip for many is what makes many writers fast: one look-up of
command ids, one of keys, one read of streams, then each command decides by itself, then one append.

Conflicts are decided again on what is then in the ledger, until TRIES_MAX tries in a row have settled nothing. A
command that is known is answered with its stored indexes; another body under a known id is refused where both sides
have a digest.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import ApplicationRecorder, EventStore, Mapper
from eventsourcing.utils import Environment, EnvType

from domain.errors import Conflict, LedgerError, Rejected, Unavailable
from domain.events import Envelope, KeyChange, Recorded, Sha256
from domain.ids import CommandId, EventId, LedgerId, StreamId
from domain.ledger.merkle import leaf_hash
from producers.commands import Decision, Outcome, StreamCache, Task, View
from producers.ports import (
    AlreadyStored,
    AppendRequest,
    AppendResult,
    AppendStatus,
    LedgerStore,
    StaleClock,
    StoredCommand,
)
from schemas.codec import Codec

TRIES_MAX = 20
BATCH_TASKS_MAX = 500
R = TypeVar("R")


class LedgerApplication(Application[UUID]):
    """Handles commands against one ledger. Threads may call `execute` and `execute_all` at once."""

    name = "edgeprint"

    def __init__(
        self,
        store: LedgerStore,
        recorder: ApplicationRecorder,
        mapper: Mapper[UUID],
        codec: Codec,
        ledger_id: LedgerId,
        clock: Callable[[], int],
        new_id: Callable[[], UUID],
    ) -> None:
        """Wire the application.

        `store` and `recorder` are one object seen by two interfaces, ours and the library's; `clock` gives microseconds
        since the epoch, `new_id` gives UUIDv7s.
        """
        self.store = store
        self.codec = codec
        self.ledger_id = ledger_id
        self.clock = clock
        self.new_id = new_id
        self._mapper = mapper
        self._recorder = recorder
        self._group = _Group(self.execute_all)
        super().__init__()

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """Return an empty environment: os.environ must not leak ciphers, compressors or drivers into the ledger."""
        return Environment(name, dict(env or {}))

    def construct_mapper(self) -> Mapper[UUID]:
        """Return the mapper that passes entries through."""
        return self._mapper

    def construct_recorder(self) -> ApplicationRecorder:
        """Return the ledger store as the library sees it."""
        return self._recorder

    def construct_event_store(self) -> EventStore[UUID]:
        """Return the library's event store over the ledger store."""
        return EventStore(mapper=self.mapper, recorder=self.recorder)

    def execute(self, task: Task[R]) -> Outcome[R]:
        """Handle one command, together with those that other threads bring at the same moment; blocks until stored."""
        return self._group.submit(task)

    def execute_all(self, tasks: Sequence[Task[Any]]) -> list[Outcome[Any]]:
        """Handle a batch and return the outcomes in order; one bad command never stops the others.

        Raises:
            Unavailable: the store does not answer; what was not yet acknowledged is unknown, and the same command ids
                resubmitted later are answered with what was stored.
        """
        outcomes: list[Outcome[Any]] = [Outcome(error=Conflict("not decided"))] * len(tasks)
        pending = list(range(len(tasks)))
        tries = 0
        while pending and tries < TRIES_MAX:
            results = self._try_all([tasks[i] for i in pending])
            for i, outcome in zip(pending, results, strict=True):
                outcomes[i] = outcome
            conflicting = [i for i in pending if isinstance(outcomes[i].error, Conflict)]
            # Many commands of one batch on one stream settle one by one: only standing still counts as a try.
            tries = tries + 1 if len(conflicting) == len(pending) else 0
            pending = conflicting
        return outcomes

    def close(self) -> None:
        """Stop the group's thread and the library's parts."""
        self._group.close()
        super().close()

    def _try_all(self, tasks: Sequence[Task[Any]]) -> list[Outcome[Any]]:
        known = self.store.commands([(t.command.actor, t.command.command_id) for t in tasks])
        keys = self.store.key_holders([key for t in tasks for key in t.lookups])
        named = [frozenset(t.reads(keys)) for t in tasks]
        streams = self.store.streams(sorted(frozenset().union(*named)))
        cache = StreamCache(streams, lambda entry: self.codec.decode(entry).event)
        now = self.clock()
        outcomes: list[Outcome[Any]] = []
        requests: list[tuple[int, AppendRequest, Decision[Any]]] = []
        touched: set[UUID | str] = set()
        for task, names in zip(tasks, named, strict=True):
            stored = known.get((task.command.actor, task.command.command_id))
            if stored is not None:
                outcomes.append(_answered(task, stored))
                continue
            view = View(keys, names, cache, task.id_source(self.new_id))
            try:
                decision = task.decide(view)
                request = self._request(task, view, decision, now)
            except LedgerError as error:
                outcomes.append(Outcome(error=error))
                continue
            changes: set[UUID | str] = {
                *(event.originator_id for event in request.events),
                *request.take,
                *request.release,
            }
            if touched.isdisjoint(changes) and touched.isdisjoint([guard.stream_id for guard in request.guards]):
                requests.append((len(outcomes), request, decision))
                outcomes.append(Outcome())
                touched.update(changes)
            else:  # decided on what a command before it in this batch changes: sending it would only cost time
                outcomes.append(Outcome(error=Conflict("another command of the same batch goes first")))
        results = self._append([request for _, request, _ in requests])
        for (place, _, decision), result in zip(requests, results, strict=True):
            outcomes[place] = _outcome(result, decision)
        return outcomes

    def _request(self, task: Task[Any], view: View, decision: Decision[Any], now: int) -> AppendRequest:
        recorded: list[Recorded] = []
        take: list[str] = []
        release: list[str] = []
        take_at: list[int] = []
        for write in decision.writes:
            version, previous = write.stream.version, write.stream.last_leaf
            for event in write.events:
                version += 1
                envelope = Envelope(
                    event_id=EventId(view.new_id()),
                    stream_id=StreamId(write.stream.stream_id),
                    previous=previous,
                    command_id=CommandId(task.command.command_id),
                    causation_id=task.causation_id,
                    correlation_id=task.correlation_id,
                    ledger_id=self.ledger_id,
                    actor=task.actor.party,
                    recorded_at=now,
                    stream_version=version,
                    actor_kind=task.actor.kind,
                    on_behalf_of=task.actor.on_behalf_of,
                    policy=decision.policy,
                )
                entry = self.codec.encode(event, envelope)
                previous = Sha256(leaf_hash(entry))
                recorded.append(Recorded(write.stream.stream_id, version, event.TYPE, entry))
                change = event.keys()
                take.extend(change.take)
                take_at.extend([len(recorded) - 1] * len(change.take))
                release.extend(change.release)
        written = frozenset(write.stream.stream_id for write in decision.writes)
        return AppendRequest(
            task.command, tuple(recorded), view.guards(written), tuple(take), tuple(release), tuple(take_at)
        )

    def _append(self, requests: Sequence[AppendRequest]) -> list[AppendResult]:
        if len(requests) != 1:
            return self.store.append(requests) if requests else []
        return [self._save(requests[0])]

    def _save(self, request: AppendRequest) -> AppendResult:
        try:
            recordings = self.save(
                *request.events,
                guards=request.guards,
                keys=KeyChange(request.take, request.release),
                take_at=request.take_at,
                command=request.command,
            )
        except AlreadyStored as stored:
            return AppendResult(AppendStatus.DUPLICATE, stored.first, stored.last)
        except StaleClock as stale:
            return AppendResult(AppendStatus.STALE, -1, -1, str(stale))
        except Conflict as conflict:
            return AppendResult(AppendStatus.CONFLICT, -1, -1, str(conflict))
        except Rejected as refused:
            return AppendResult(AppendStatus.REFUSED, -1, -1, str(refused))
        if not recordings:
            return AppendResult(AppendStatus.STORED, -1, -2)
        first = recordings[0].notification.id - 1
        return AppendResult(AppendStatus.STORED, first, first + len(recordings) - 1)


def _answered(task: Task[Any], stored: StoredCommand) -> Outcome[Any]:
    digest = task.command.request_digest
    if None not in (digest, stored.request_digest) and digest != stored.request_digest:
        return Outcome(error=Rejected(f"command {task.command.command_id} is known with another body"))
    return Outcome(stored.first, stored.last, repeated=True)


def _outcome(result: AppendResult, decision: Decision[Any]) -> Outcome[Any]:
    match result.status:
        case AppendStatus.STORED:
            return Outcome(result.first, result.last, answer=decision.answer)
        case AppendStatus.DUPLICATE:
            return Outcome(result.first, result.last, repeated=True)
        case AppendStatus.CONFLICT | AppendStatus.STALE:
            return Outcome(error=Conflict(f"{result.status}: {result.reason}"))
        case AppendStatus.REFUSED:
            return Outcome(error=Rejected(f"append refused: {result.reason}"))


class _Group:
    """Folds the commands of many threads into batches: whatever waits when the last batch ends is the next one."""

    def __init__(self, run: Callable[[Sequence[Task[Any]]], list[Outcome[Any]]]) -> None:
        self._run = run
        self._waiting: queue.SimpleQueue[tuple[Task[Any], Future[Outcome[Any]]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._start = threading.Lock()
        self._closed = False

    def submit(self, task: Task[Any]) -> Outcome[Any]:
        future: Future[Outcome[Any]] = Future()
        with self._start:
            if self._closed:
                raise Unavailable("the application is closed")
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="edgeprint-commands", daemon=True)
                self._thread.start()
        self._waiting.put((task, future))
        return future.result()

    def close(self) -> None:
        with self._start:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is not None:
            self._waiting.put(None)
            thread.join()

    def _loop(self) -> None:
        while (first := self._waiting.get()) is not None:
            batch, last = [first], False
            while len(batch) < BATCH_TASKS_MAX and not self._waiting.empty():
                item = self._waiting.get()
                if item is None:
                    last = True
                    break
                batch.append(item)
            try:
                for (_, future), outcome in zip(batch, self._run([task for task, _ in batch]), strict=True):
                    future.set_result(outcome)
            except BaseException as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            if last:
                return
