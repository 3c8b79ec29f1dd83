"""The connection that appends, and what to do when nobody knows whether the commit arrived.

A connection may be cut between the server's COMMIT and its answer. The batch is then sent again with the same bytes
over a new connection: append() answers under the lock, and what it calls a duplicate was stored by the first sending
if the ledger holds exactly our bytes there. Everything else it answers counts as it stands (`stale` too, after a long
pause). Nothing is ever guessed.

An error that the server reports over a live connection has rolled the batch back. If it comes from the data, or too
many requests touch each other, the batch is halved, in the end until the request that carries the error stands alone
and is refused; any other error is Unavailable for all.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL

from domain.errors import Unavailable
from infra.failpoints import failpoint
from infra.store.binary import Packed, pack
from producers.ports import AppendRequest, AppendResult, AppendStatus

PATIENCE_S: Final = 30.0
BACK_OFF_S: Final = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
KEEPALIVE: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_DATA_ERRORS: Final = ("22", "23", "54")  # data exception, integrity violation, program limit exceeded
_APPEND: Final = SQL("SELECT status, first, last, reason FROM ledger.append(" + ", ".join(["%b"] * 19) + ")")
_ENTRIES: Final = SQL("SELECT entry FROM ledger.events WHERE ledger_index BETWEEN %s AND %s ORDER BY ledger_index")
_STATUS: Final = {status.value: status for status in AppendStatus}


class AppendLink:
    """One connection as writer, opened when needed and again when lost. One thread at a time."""

    def __init__(
        self, dsn: str, *, patience_s: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep the address; `patience_s` is how long to seek a new connection before giving up."""
        self._dsn = lively(dsn)
        self._patience_s = patience_s
        self._clock = clock
        self._connection: psycopg.Connection[Any] | None = None

    def append(self, requests: Sequence[AppendRequest], packed: Packed | None = None) -> list[AppendResult]:
        """Append one batch and return the results in order; `packed` is `pack(requests)` if that is done already.

        Raises:
            Unavailable: no answer within the patience (the outcome is unknown: resubmit the same bytes), or the server
                cannot write now (nothing was written).
        """
        try:
            rows, uncertain = self._send(packed or pack(requests))
        except (psycopg.Error, OverflowError, ValueError) as error:
            if isinstance(error, psycopg.Error) and (error.sqlstate or "XX")[:2] not in _DATA_ERRORS:
                raise Unavailable(f"the database cannot append: {_text(error)}") from error
            if len(requests) == 1:
                return [AppendResult(AppendStatus.REFUSED, -1, -1, _text(error))]
            middle = len(requests) // 2
            return self.append(requests[:middle]) + self.append(requests[middle:])
        results = [AppendResult(_STATUS[status], first, last, reason) for status, first, last, reason in rows]
        if uncertain:
            results = [self._recognise(*pair) for pair in zip(requests, results, strict=True)]
        failpoint("append.sent")
        return results

    def close(self) -> None:
        """Close the connection; the next append opens one again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _send(self, parameters: Packed) -> tuple[list[tuple[str, int, int, str]], bool]:
        """Return the answer's rows, and whether an earlier sending of these bytes may have been committed."""
        uncertain = False
        deadline: float | None = None
        tries = 0
        while True:
            connection = None
            try:
                connection = self._open()
                failpoint("append.before")
                return connection.execute(_APPEND, parameters, prepare=True, binary=True).fetchall(), uncertain
            except psycopg.Error as error:
                if connection is not None and not connection.closed:
                    raise
                uncertain = uncertain or connection is not None
                self.close()
                now = self._clock()
                deadline = now + self._patience_s if deadline is None else deadline
                if now >= deadline:
                    raise Unavailable(
                        f"no database for {self._patience_s:g} s, outcome unknown: {_text(error)}"
                    ) from error
                if tries:  # the first new try is immediate: most cuts are single
                    time.sleep(min(BACK_OFF_S[min(tries, len(BACK_OFF_S)) - 1], deadline - now))
                tries += 1

    def _recognise(self, request: AppendRequest, result: AppendResult) -> AppendResult:
        """Return `stored` for a duplicate that is our own: the same bytes at the answered indexes."""
        if result.status is not AppendStatus.DUPLICATE or result.last - result.first + 1 != len(request.events):
            return result
        while True:
            try:
                rows = self._open().execute(_ENTRIES, (result.first, result.last), binary=True).fetchall()
                break
            except psycopg.OperationalError as error:
                self.close()
                raise Unavailable(f"connection lost while an outcome was being resolved: {_text(error)}") from error
        ours = [bytes(row[0]) for row in rows] == [event.entry for event in request.events]
        return AppendResult(AppendStatus.STORED, result.first, result.last) if ours else result

    def _open(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            connection = psycopg.connect(self._dsn, autocommit=True)
            connection.prepare_threshold = 0
            self._connection = connection
        return self._connection


def lively(dsn: str) -> str:
    """Return `dsn` with limits after which a silent peer counts as lost, where it sets none itself."""
    return make_conninfo("", **{**KEEPALIVE, **conninfo_to_dict(dsn)})


def _text(error: BaseException) -> str:
    return str(error).strip().replace("\n", " ")[:500] or type(error).__name__
