"""Erasures race with holds, openings and new secrets, in many processes: exactly the allowed outcomes, by the log."""

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from domain.governance.events import (
    ErasureCompleted,
    FieldOpened,
    LegalHoldPlaced,
    ParticularsDeclared,
    SubjectErased,
)
from domain.ids import parse_party_id
from infra.store.provision import READER
from infra.store.recorder import LedgerRecorder
from tests.e2e.kit import Place, at_once, enrol, running

PROCESSES = 16


@pytest.fixture(scope="module")
def studio() -> Iterator[Place]:
    with running() as made:
        yield made


def types_of(studio: Place, party: str) -> list[str]:
    """Return the types of a party's events, in order."""
    stream = parse_party_id(party)
    with closing(LedgerRecorder(studio.database().dsn(READER))) as store:
        return [row.type for row in store.streams([stream])[stream]]


def secrets_of(studio: Place, party: str) -> int:
    with psycopg.connect(studio.database().admin_dsn()) as connection:
        row = connection.execute(
            "SELECT count(*) FROM vault.secrets WHERE subject = %s", (parse_party_id(party),)
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_holds_and_erasures(studio: Place) -> None:
    court, person = enrol(studio, "organisation", "clerk"), enrol(studio, "person")
    name = studio.write("name.txt", "Lin Wanzhao")
    studio.run("subject", "declare", person, "--name", name).ok()
    holding = ["subject", "hold", person, "--matter", "x", "--as", court]
    erasing = ["subject", "erase", person]
    codes = at_once(studio, [erasing, holding] * (PROCESSES // 4))
    assert set(codes) <= {0, 7}
    types = types_of(studio, person)
    if LegalHoldPlaced.TYPE in types:
        assert SubjectErased.TYPE not in types and secrets_of(studio, person) == 1
        assert codes[0::2] == [7] * (PROCESSES // 4)
    else:
        assert types.count(SubjectErased.TYPE) == types.count(ErasureCompleted.TYPE) == 1
        assert secrets_of(studio, person) == 0 and sum(code == 0 for code in codes[0::2]) == 1


@pytest.mark.soak
def test_new_secrets_openings_and_the_erasure(studio: Place) -> None:
    for _ in range(3):
        court, person = enrol(studio, "organisation", "clerk"), enrol(studio, "person")
        name = studio.write("name.txt", "Lin Wanzhao")
        index = studio.run("subject", "declare", person, "--name", name, "--json").ok().json["first_index"]
        declaring = ["subject", "declare", person, "--name", name]
        opening = ["vault", "open", str(index), "name", "--as", court]
        commands = [declaring, opening] * (PROCESSES // 4) + [["subject", "erase", person]]
        codes = at_once(studio, [*commands, *[declaring, opening] * (PROCESSES // 4)])
        assert codes[PROCESSES // 2] == 0 and set(codes) <= {0, 3, 7}
        types = types_of(studio, person)
        end = types.index(SubjectErased.TYPE)
        assert not {ParticularsDeclared.TYPE, FieldOpened.TYPE} & set(types[end:])
        assert types.count(ErasureCompleted.TYPE) == 1 and secrets_of(studio, person) == 0
    studio.run("fsck").ok()
