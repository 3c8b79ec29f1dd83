"""A process that appends, for the tests of faults: `python store_child.py MODE DSN LEDGER SEED COUNT THREADS`.

write   THREADS threads append COUNT commands each and print "index stream event command" once each is acknowledged.
guard   COUNT decisions, each on the version at which STREAM (LEDGER's own) was read; the filler says that version.
replay  appends COUNT commands that follow from SEED (their time in microseconds) alone: the next process repeats them.
"""

import random
import sys
import threading
from contextlib import closing
from uuid import UUID

from domain.errors import Unavailable
from infra.store.recorder import LedgerRecorder
from producers.ports import AppendRequest, AppendStatus
from tests.store_kit import Writer, last_leaf

_print = threading.Lock()


def insist(recorder: LedgerRecorder, request: AppendRequest) -> tuple[AppendStatus, int]:
    """Resubmit the same bytes until there is an answer; a duplicate of ours is stored."""
    while True:
        try:
            (result,) = recorder.append([request])
        except Unavailable:
            continue
        if result.status is AppendStatus.DUPLICATE:
            rows = recorder.rows(result.first, len(request.events))
            if [row.entry for row in rows] == [event.entry for event in request.events]:
                return AppendStatus.STORED, result.first
        return result.status, result.first


def opened(dsn: str) -> LedgerRecorder:
    """Open the store; whoever shoots at our connections may hit the very first."""
    while True:
        try:
            return LedgerRecorder(dsn, patience_s=20)
        except Unavailable:
            continue


def write(recorder: LedgerRecorder, writer: Writer, count: int) -> None:
    """Append `count` commands, a few to each stream."""
    previous: AppendRequest | None = None
    done = 0
    while done < count:
        if previous is None or done % 5 == 0:
            request = writer.request()
        else:
            last = previous.events[-1]
            request = writer.request(last.originator_id, after=last.originator_version, previous=last_leaf(previous))
        status, first = insist(recorder, request)
        if status is AppendStatus.STALE:  # the database was away for long: encode again
            continue
        assert status is AppendStatus.STORED, status
        previous = request
        done += 1
        event = request.events[0]
        with _print:
            print(first, event.originator_id, event.entry[32:48].hex(), request.command.command_id, flush=True)


def guard(recorder: LedgerRecorder, writer: Writer, stream: UUID, count: int) -> None:
    """Decide on what was read; a conflict is read and decided again."""
    done = 0
    while done < count:
        newest = recorder.select_events(stream, desc=True, limit=1)
        version = newest[0].originator_version if newest else 0
        request = writer.request(guards=[(stream, version)], filler=20, seen=version)
        status, first = insist(recorder, request)
        if status is AppendStatus.STORED:
            done += 1
            print(first, version, flush=True)
        else:
            assert status is AppendStatus.CONFLICT, status


def replay(recorder: LedgerRecorder, ledger: UUID, seed: int, count: int) -> None:
    """Append commands whose bytes depend on `seed` alone."""
    draw = random.Random(seed)
    writer = Writer(ledger, random_bytes=draw.randbytes)
    for _ in range(count):
        status, first = insist(recorder, writer.request(events=2, recorded_at=seed))
        assert status is AppendStatus.STORED, status
        print(first, flush=True)


def main() -> None:
    """Run one mode."""
    mode, dsn, ledger, seed, count, threads = sys.argv[1:]
    with closing(opened(dsn)) as recorder:
        if mode == "write":
            workers = [
                threading.Thread(target=write, args=(recorder, Writer(UUID(ledger)), int(count)))
                for _ in range(int(threads))
            ]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
        elif mode == "guard":
            guard(recorder, Writer(UUID(ledger)), UUID(int=int(seed)), int(count))
        else:
            replay(recorder, UUID(ledger), int(seed), int(count))


if __name__ == "__main__":
    main()
