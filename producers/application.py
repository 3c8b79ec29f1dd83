"""The one write path: look up, load, decide, encode, guard, append.

`LedgerApplication` is an `eventsourcing` Application whose recorder is a ledger store. It never lets the library read
the environment, never re-encodes (its mapper passes entries through) and keeps no snapshots. Commands are handled in
batches, because under a total order lock one round trip for many is what makes many writers fast: one look-up of
keys, one read of streams, then each command decides by itself, then one append. Command ids are looked up in the
append itself, before anything else, and here only for commands that could not be decided: what stands against them
may be their own first effect.

Conflicts are decided again on what is then in the ledger, until TRIES_MAX tries in a row have settled nothing. A
command that is known is answered with its stored indexes; another body under a known id is refused where both sides
have a digest.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import ApplicationRecorder, EventStore, Mapper
from eventsourcing.utils import Environment, EnvType

from domain.errors import Conflict, LedgerError, Rejected
from domain.events import Envelope, KeyChange, Recorded, Sha256
from domain.ids import CommandId, EventId, LedgerId, StreamId
from domain.ledger.merkle import leaf_hash
from producers.commands import Authority, Decision, Outcome, Preview, StreamCache, Task, View
from producers.group import CommandGroup
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
from schemas.values import instant_of

TRIES_MAX = 20
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
        self._group = CommandGroup(self.execute_all)
        self._settling = threading.RLock()
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
        with self._settling:  # whoever decides again after a conflict goes first, or a busy stream would starve him
            pass
        outcomes = self._try_all(tasks)
        pending = _conflicting(outcomes, range(len(tasks)))
        if pending:
            with self._settling:
                self._settle(tasks, outcomes, pending)
        return outcomes

    def preview(self, task: Task[R]) -> Preview[R]:
        """Return what a command would do now, and write nothing.

        Raises:
            LedgerError: it would be refused, and why.
        """
        (decided,) = self._decide_all([task])
        if isinstance(decided, LedgerError):
            raise decided
        return Preview(decided.decision, decided.request)

    def close(self) -> None:
        """Stop the group's thread and the library's parts."""
        self._group.close()
        super().close()

    def _settle(self, tasks: Sequence[Task[Any]], outcomes: list[Outcome[Any]], pending: Sequence[int]) -> None:
        """Decide again what met a conflict, until none is left or TRIES_MAX tries in a row have settled nothing."""
        tries = 1
        while pending and tries < TRIES_MAX:
            for i, outcome in zip(pending, self._try_all([tasks[i] for i in pending]), strict=True):
                outcomes[i] = outcome
            conflicting = _conflicting(outcomes, pending)
            # Many commands of one batch on one stream settle one by one: only standing still counts as a try.
            tries = tries + 1 if len(conflicting) == len(pending) else 0
            pending = conflicting

    def _try_all(self, tasks: Sequence[Task[Any]]) -> list[Outcome[Any]]:
        """Read for all, decide each, append once. What met a conflict has that as its outcome."""
        outcomes: list[Outcome[Any]] = []
        sent: list[tuple[int, _Decided]] = []
        failed: list[int] = []
        touched: set[UUID | str] = set()
        for place, decided in enumerate(self._decide_all(tasks)):
            if isinstance(decided, LedgerError):
                failed.append(place)
                outcomes.append(Outcome(error=decided))
            elif decided.touches(touched):  # sending what was decided before that would only cost time
                outcomes.append(Outcome(error=Conflict("another command of the same batch goes first")))
            else:
                sent.append((place, decided))
                outcomes.append(Outcome())
                touched.update(decided.changes)
        self._answer_known(tasks, outcomes, failed)
        results = self._append([decided.request for _, decided in sent])
        for (place, decided), result in zip(sent, results, strict=True):
            outcomes[place] = _outcome(result, decided.decision)
        return outcomes

    def _decide_all(self, tasks: Sequence[Task[Any]]) -> Iterator["_Decided | LedgerError"]:
        """Look up keys and read streams once for all, then yield what each task decides, or why it cannot."""
        keys = self.store.key_holders(list(dict.fromkeys(key for task in tasks for key in task.lookups)))
        named = [frozenset(task.reads(keys)) for task in tasks]
        streams = self.store.streams(sorted(frozenset().union(*named)))
        cache = StreamCache(streams, lambda entry: self.codec.decode(entry).event)
        now = self.clock()
        instant = instant_of(now)
        for task, names in zip(tasks, named, strict=True):
            view = View(keys, names, cache, task.id_source(self.new_id), instant)
            try:
                decision = task.decide(view)
                yield _Decided(decision, self._request(task, view, decision, now))
            except LedgerError as error:
                yield error

    def _answer_known(self, tasks: Sequence[Task[Any]], outcomes: list[Outcome[Any]], failed: Sequence[int]) -> None:
        """Answer those of the failed that are repetitions: what they were refused for may be their own first effect."""
        if failed:
            keys = [(tasks[i].command.actor, tasks[i].command.command_id) for i in failed]
            known = self.store.commands(keys)
            for i, key in zip(failed, keys, strict=True):
                if key in known:
                    outcomes[i] = _answered(tasks[i], known[key])

    def _request(self, task: Task[Any], view: View, decision: Decision[Any], now: int) -> AppendRequest:
        recorded: list[Recorded] = []
        take: list[str] = []
        release: list[str] = []
        take_at: list[int] = []
        authority = decision.authority or Authority(task.actor.kind)
        for write in decision.writes:
            version, previous = write.stream.version, write.stream.last_leaf
            for place, event in enumerate(write.events):
                version += 1
                given = write.event_id if place == 0 else None
                envelope = Envelope(
                    event_id=EventId(given or view.new_id()),
                    stream_id=StreamId(write.stream.stream_id),
                    previous=previous,
                    command_id=CommandId(task.command.command_id),
                    causation_id=task.causation_id,
                    correlation_id=task.correlation_id,
                    ledger_id=self.ledger_id,
                    actor=task.actor.party,
                    recorded_at=now,
                    stream_version=version,
                    actor_kind=authority.kind,
                    on_behalf_of=task.actor.on_behalf_of,
                    mandate=authority.mandate,
                    policy=decision.policy,
                    attestation=authority.attestation,
                )
                entry = self.codec.encode(event, envelope)
                previous = Sha256(leaf_hash(entry))
                recorded.append(Recorded(write.stream.stream_id, version, event.TYPE, entry))
                change = event.keys()
                take.extend(change.take)
                take_at.extend([len(recorded) - 1] * len(change.take))
                release.extend(change.release)
        written = frozenset(write.stream.stream_id for write in decision.writes if write.events)
        return AppendRequest(
            task.command, tuple(recorded), view.guards(written), tuple(take), tuple(release), tuple(take_at)
        )

    def _append(self, requests: Sequence[AppendRequest]) -> list[AppendResult]:
        if len(requests) != 1 or not requests[0].events:
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


class _Decided:
    """A decision, the request that would write it, and the streams and keys that this changes."""

    __slots__ = ("changes", "decision", "request")

    def __init__(self, decision: Decision[Any], request: AppendRequest) -> None:
        self.decision = decision
        self.request = request
        self.changes: set[UUID | str] = {event.originator_id for event in request.events}
        self.changes.update(request.take, request.release)

    def touches(self, touched: Set[UUID | str]) -> bool:
        """Return whether it changes, or was decided on, what is in `touched`."""
        return not (
            touched.isdisjoint(self.changes) and touched.isdisjoint([guard.stream_id for guard in self.request.guards])
        )


def _conflicting(outcomes: Sequence[Outcome[Any]], places: Iterable[int]) -> list[int]:
    return [i for i in places if isinstance(outcomes[i].error, Conflict)]


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
