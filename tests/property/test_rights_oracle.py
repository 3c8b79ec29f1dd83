"""Random histories of rights: what the views answer as of a position and an instant is what a slow reader works out.

The reader (`tests.rights_slow`) knows the first N events and nothing of the program's rules, views or folds.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from domain.errors import NotFound
from domain.rights.authorisation import Verdict, troubles
from domain.rights.scope import Scope, meet
from infra.rights.derivation import VIEWS, derivation_of
from infra.store.provision import PROJECTOR, READER
from infra.views.projector import Projector
from infra.views.reading import Reader
from projections.catalogue import VIEWS as EVERY
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from tests.conftest import LedgerDatabase
from tests.governance_kit import NOW
from tests.rights_slow import Slow
from tests.rights_story import Told
from tests.view_kit import Rows
from tests.view_samples import restored

CODEC = Codec(CATALOGUE)
ASKED = 8


def compare(stories: int, seed: int, database: LedgerDatabase) -> dict[Verdict, int]:
    """Let stories happen, ask each object at random places and instants, and return how often each answer came."""
    told = Told(seed)
    spans = [told.story(number) for number in range(stories)]
    rows = told.town.store.rows(0, 1_000_000)
    restored(database, rows)
    with Projector(database.dsn(PROJECTOR), Rows(rows), CODEC) as projector:
        projector.ensure(EVERY)
        projector.catch_up()
    log = [(decoded.envelope.stream_id, decoded.event) for decoded in (CODEC.decode(row.entry) for row in rows)]
    reader, counts = Reader(database.dsn(READER)), dict.fromkeys(Verdict, 0)
    ends = [begins for begins, _ in spans[1:]] + [len(rows)]
    for (begins, things), end in zip(spans, ends, strict=True):
        for _ in range(ASKED):
            position, instant = told.numbers.randrange(begins, end), NOW + timedelta(days=told.one((-400, 0, 3, 900)))
            slow = Slow(log[begins : position + 1])  # a story rests on nothing before it
            with reader.looks(VIEWS, str(position), 0) as looks:
                for thing in things:
                    wanted = told.some_scope()
                    if thing not in slow.births:
                        with pytest.raises(NotFound):
                            derivation_of(looks, [thing], instant)
                        continue
                    found = derivation_of(looks, [thing], instant)
                    verdict = slow.answer(thing, wanted, instant)
                    answer = found.answer(wanted)
                    assert answer.verdict is verdict, (seed, position, instant, thing)
                    (material,) = found.materials
                    for node in material.walk():
                        said = {one.verdict for one in troubles(material, node)}
                        wrong, unknown = slow.judged(node.object, instant)
                        assert (Verdict.INVALID in said) is wrong, (seed, position, instant, node.object)
                        assert wrong or (Verdict.INCOMPLETE in said) is unknown, (seed, position, instant, node.object)
                    assert answer.scope == met(slow.scopes(thing), answer.scope), (seed, position, thing)
                    counts[verdict] += 1
    return counts


def met(scopes: Sequence[Scope], if_none: Scope | None) -> Scope | None:
    """Return the meet of scopes, one after another; of none, whatever was found."""
    left: Scope | None = scopes[0] if scopes else if_none
    for scope in scopes:
        left = None if left is None else meet(left, scope)
    return left


def test_what_the_views_answer_is_what_a_slow_reader_works_out(
    make_ledger_database: Callable[[], LedgerDatabase],
) -> None:
    counts = compare(8, 7, make_ledger_database())
    assert all(count >= 10 for count in counts.values()), counts


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
def test_what_the_views_answer_in_many_histories(make_ledger_database: Callable[[], LedgerDatabase], seed: int) -> None:
    compare(20, 100 + seed, make_ledger_database())
