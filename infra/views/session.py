"""The views of an open ledger: who keeps them, who reads them, and bringing them to the head before a question.

Whoever asks brings the views up to date first, so that it reads its own writes; a view that stopped at an entry stays
where it is, and answers up to there.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from domain.errors import Conflict, Invalid
from infra.bootstrap import Session
from infra.store.provision import PROJECTOR, READER
from infra.views.memory import MemoryViewStore
from infra.views.projector import BATCH_ENTRIES, LedgerEntry, Projector
from infra.views.reading import Reader
from projections.catalogue import VIEWS, find_view
from projections.runner import run_batch

TURN_S: Final = 0.05
TURNS_MAX: Final = 600


@contextmanager
def projector_of(session: Session) -> Iterator[Projector]:
    """Give the keeper of the views, with a build of each begun. Raises: Unavailable."""
    with Projector(session.database.dsn(PROJECTOR), session.store, session.application.codec) as projector:
        projector.ensure(VIEWS)
        yield projector


def caught_up(session: Session) -> Reader:
    """Bring every view to the newest entry and return who reads them.

    Raises: Unavailable (the database does not answer), Conflict (others build without an end).
    """
    with projector_of(session) as projector:
        for _ in range(TURNS_MAX):
            try:
                projector.catch_up()
                break
            except Conflict:  # another process takes the same entries in at this moment
                time.sleep(TURN_S)
        else:
            raise Conflict("the views are written by others without an end")
    return Reader(session.database.dsn(READER))


def replay(session: Session, name: str, position: int) -> dict[str, Any]:
    """Build a view from entries 0 to `position` in memory, and return its digest and what it holds.

    Nothing that is in use is touched. Raises: NotFound, Invalid (an entry that the view cannot take).
    """
    view = find_view(name)
    store = MemoryViewStore(view)
    while store.position() <= position:
        rows = session.store.rows(store.position(), min(BATCH_ENTRIES, position + 1 - store.position()))
        run_batch(view, store, [LedgerEntry(row, session.application.codec) for row in rows])
        if store.poison is not None:
            raise Invalid(f"{name} cannot take the entry at {store.poison.index}: {store.poison.reason}")
    return {
        "projection": name,
        "version": view.version,
        "position": position,
        "digest": store.digest().hex(),
        "rows": {table.name: len(store.rows(table)) for table in view.tables},
    }
