"""Many processes at once for one right: the last exclusive grant of a title, the last unit of a quota."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from uuid import UUID

import pytest

from domain.ids import parse_id
from domain.rights.grant_events import GrantRecorded, ScopeAllocated
from infra.store.provision import READER
from infra.store.recorder import LedgerRecorder
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from tests.e2e.kit import Place, at_once, enrol, place
from tests.rights_kit import FILM_JSON

FEW, MANY = 8, 32
TERMS = "ab" * 32


@pytest.fixture(scope="module")
def studio() -> Iterator[Place]:
    with place() as made:
        made.init()
        made.run("up", "--no-kafka").ok()
        yield made


@pytest.fixture(scope="module")
def grantees(studio: Place) -> list[str]:
    return [enrol(studio, "organisation", key=False) for _ in range(FEW)]


def claim(studio: Place, name: str) -> str:
    work = studio.write(name, f"{name}, a novel")
    titles = studio.run("declare", "own-creation", work, "--json").ok().json["titles"]
    return str(titles[0]["id"])


def recording(studio: Place, title: str, grantee: str, *more: str, depth: int = 1) -> list[str]:
    file = studio.write(f"scope-{depth}.json", {**FILM_JSON, "sublicence_depth": depth})
    command = ["grant", "record", "--kind", "grant", "--title", title, "--grantee", grantee, "--scope", str(file)]
    return [*command, "--terms", TERMS, *more]


def promised(studio: Place, giver: str) -> tuple[list[ScopeAllocated], set[UUID]]:
    """Return what a stream has promised and which grants were born, by the log alone."""
    codec = Codec(CATALOGUE)
    with closing(LedgerRecorder(studio.database().dsn(READER))) as store:
        rows = store.rows(0, 10_000)
        stream = store.streams([parse_id(giver).uuid])[parse_id(giver).uuid]
    found = [codec.accept(row.entry).event for row in stream]
    decoded = [codec.accept(row.entry) for row in rows if row.type == GrantRecorded.TYPE]
    return (
        [event for event in found if isinstance(event, ScopeAllocated)],
        {UUID(int=one.envelope.stream_id.int) for one in decoded},
    )


def race(studio: Place, giver: str, commands: Sequence[Sequence[str]]) -> None:
    """Run the commands at once: one is in the ledger, with its allocation, and each other was refused by the rule."""
    before, born_before = promised(studio, giver)
    codes = Counter(at_once(studio, commands))
    assert codes[0] == 1 and set(codes) <= {0, 7}, codes
    after, born = promised(studio, giver)
    assert len(after) == len(before) + 1 and {after[-1].child} == born - born_before
    assert studio.run("fsck").ok().code == 0


def for_the_last_exclusive_right(studio: Place, grantees: Sequence[str]) -> None:
    title = claim(studio, f"novel-{len(grantees)}")
    race(studio, title, [recording(studio, title, one, "--allocation", "exclusive") for one in grantees])


def for_the_last_unit(studio: Place, grantees: Sequence[str]) -> None:
    holder = studio.run("status", "--json").ok().json["holder"]
    agency = enrol(studio, "organisation")
    title = claim(studio, f"play-{len(grantees)}")
    first = recording(studio, title, agency, "--allocation", "ordinary", "--quota", "2", "--json")
    grant = studio.run(*first).ok().json["stream"]
    studio.run("grant", "accept", grant, "--as", agency).ok()
    more = ("--chain", grant, "--allocation", "ordinary", "--quota", "1", "--as", agency)
    studio.run(*recording(studio, title, holder, *more, depth=0)).ok()
    race(studio, grant, [recording(studio, title, one, *more, depth=0) for one in grantees])


def test_the_last_exclusive_right_goes_to_one(studio: Place, grantees: list[str]) -> None:
    for_the_last_exclusive_right(studio, grantees)


def test_the_last_unit_goes_to_one(studio: Place, grantees: list[str]) -> None:
    for_the_last_unit(studio, grantees)


@pytest.mark.soak
def test_of_many_too(studio: Place, grantees: list[str]) -> None:
    more = [*grantees, *(enrol(studio, "organisation", key=False) for _ in range(MANY - FEW))]
    for_the_last_exclusive_right(studio, more)
    for_the_last_unit(studio, more)
