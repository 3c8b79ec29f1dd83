"""`edgeprint dev corpus` on a real home: whole, readable, the same as in memory, refused where it has no place."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from domain.governance.policies import BUILT_IN, TRACE_SET
from domain.identity.events import ObjectIdentified
from domain.ids import format_id
from infra.dev.corpus import small_history
from producers.ports import LedgerRow
from schemas.envelope import read_header
from tests.e2e.kit import Place, check_whole, place, running

OBJECTS, SEED = 300, 7


@pytest.fixture(scope="module")
def studio() -> Iterator[Place]:
    with running("--origin", "film.example/corpus") as made:
        yield made


@pytest.fixture(scope="module")
def told(studio: Place) -> Any:
    return studio.run("dev", "corpus", "--objects", str(OBJECTS), "--seed", str(SEED), "--json").ok().json


def objects_of(rows: list[LedgerRow]) -> list[UUID]:
    return [read_header(row.entry).stream_id for row in rows if row.type == ObjectIdentified.TYPE]


def test_the_ledger_is_whole_and_holds_the_objects_that_it_has_in_memory(studio: Place, told: Any) -> None:
    assert told["types"][ObjectIdentified.TYPE] == OBJECTS and list(told["types"]) == sorted(told["types"])
    assert sum(told["types"].values()) == told["ledger_size"] - told["first_index"]
    assert told["sealed_size"] == told["ledger_size"]
    expected = objects_of(small_history(SEED, OBJECTS))
    rows = check_whole(studio, [format_id("O", one, "10.5072") for one in expected])
    assert objects_of(rows) == expected
    found = studio.run("fsck", "--json").ok().json
    assert (found["verdict"], found["damages"], found["unknown"]) == ("clean", [], [])
    deep = studio.run("fsck", "--deep", "--json")
    assert deep.code == 1, "its commitments open to nothing, and that is said"
    absent = ("vault: the value of ", "vault: statement ")
    assert deep.json["damages"] and all(line.startswith(absent) for line in deep.json["damages"])


def test_an_object_of_it_is_shown_and_its_bytes_are_found_and_hashed_again(studio: Place, told: Any) -> None:
    first = format_id("O", objects_of(small_history(SEED, OBJECTS))[0], "10.5072")
    shown = studio.run("object", "show", first, "--json").ok().json
    assert (shown["kind"], shown["status"], shown["history"][0]["index"] >= told["first_index"]) == (
        "lut",
        "admitted",
        True,
    )
    blob = studio.home / "blobs" / "sha256" / shown["sha256"][:2] / shown["sha256"]
    assert blob.read_text() == f"edgeprint corpus {SEED} {OBJECTS}, object 1, lut, bytes\n"
    found = studio.run("find", blob, "--of", shown["holder"], "--json").ok().json
    assert found["id"] == first
    again = studio.run("object", "recheck", first, "--json").ok().json
    explained = studio.run("decision", "explain", str(again["first_index"]), "--json").ok().json
    assert explained["same"] is True, "the holder judges again by the policy that the corpus has activated"


def test_it_adds_only_where_it_is_asked_to_and_never_the_same(studio: Place, told: Any) -> None:
    twice = studio.run("dev", "corpus", "--objects", "20")
    assert twice.code == 7 and "the ledger holds objects already; use --more" in twice.err
    same = studio.run("dev", "corpus", "--objects", str(OBJECTS), "--seed", str(SEED), "--more")
    assert same.code == 7 and f"seed {SEED} with {OBJECTS} objects is in this ledger" in same.err
    more = studio.run("dev", "corpus", "--objects", "20", "--seed", "8", "--more", "--no-blobs").ok()
    lines = [line.split() for line in more.out.splitlines()]
    assert ["20", "identity.ObjectIdentified"] in lines
    assert not any("PolicyDrafted" in word for line in lines for word in line), "policies are active already"
    check_whole(studio)
    missing = studio.run("fsck", "--json")
    assert missing.code == 1 and len(missing.json["damages"]) == 20, "their bytes were not kept"


def test_a_size_beyond_the_bounds_is_wrong_usage(studio: Place) -> None:
    for size in ("0", "-1", "10000001", "x"):
        answer = studio.run("dev", "corpus", "--objects", size)
        assert (answer.code, answer.out) == (2, "") and "--objects" in answer.err


def test_a_ledger_meant_to_last_or_judging_otherwise_is_left_alone() -> None:
    with place() as lasting:
        lasting.init("--production", "--prefix", "10.1000", "--origin", "film.example/lasting")
        answer = lasting.run("dev", "corpus", "--objects", "5")
        assert answer.code == 7 and "this ledger is meant to last" in answer.err
    with place() as other:
        other.init("--origin", "film.example/other")
        document = other.write("policy.json", {**BUILT_IN[TRACE_SET], "held": {}})
        other.run("policy", "draft", "--name", TRACE_SET, "--document", document).ok()
        answer = other.run("dev", "corpus", "--objects", "5")
        assert answer.code == 7 and "expected the built-in policy trace-set in force, or none drafted" in answer.err
