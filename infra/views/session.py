"""The views of an open ledger: who keeps them, who reads them, and bringing them to the head before a question.

Whoever asks brings the views up to date first, so that it reads its own writes, with or without a projector at work; a
view that stopped at an entry stays where it is, and answers up to there.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import psycopg

from domain.errors import Conflict
from infra.bootstrap import Session
from infra.store.provision import PROJECTOR, READER
from infra.views.postgres import answering
from infra.views.progress import Progress, progress_of
from infra.views.projector import Projector
from infra.views.reading import Reader
from infra.views.replay import Replayed, replay
from projections.catalogue import VIEWS
from projections.view import View

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
    size = session.store.size()
    with projector_of(session) as projector:
        for _ in range(TURNS_MAX):
            try:
                projector.catch_up()
                break
            except Conflict:  # the projector, or another question, takes the same entries in at this moment
                if projector.is_at(size):
                    break
                time.sleep(TURN_S)
        else:
            raise Conflict("the views are written by others without an end")
    return Reader(session.database.dsn(READER))


def progress(session: Session) -> tuple[int, Sequence[Progress]]:
    """Return the ledger's size and how far each build is; a view nobody has begun is begun. Raises: Unavailable."""
    with projector_of(session), answering(), psycopg.connect(session.database.dsn(READER)) as connection:
        return session.store.size(), progress_of(connection)


def replayed(
    session: Session, views: Sequence[View], size: int, on_position: Callable[[int], None] = lambda _: None
) -> list[Replayed]:
    """Make views from the first `size` entries, apart from those in use. Raises: Unavailable."""
    source, codec = session.store, session.application.codec
    return replay(session.database.dsn(PROJECTOR), source, codec, views, size, on_position)
