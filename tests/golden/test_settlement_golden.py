"""The golden settlements are what is computed today, and what the slow oracle says; the small ones by hand, too."""

import json
from typing import Any
from uuid import UUID

import pytest

from tests.golden.settlement.make_golden import FOLDER, cases, golden
from tests.settlement_kit import Oracle

FILES = golden()
BY_HAND = {
    "a-third-each": {1: 34, 2: 33, 3: 33},
    "two-thirds-of-a-crowd": dict.fromkeys(range(1, 8), 1),
    "equal-holders": {1: 1},
    "edge-before-holder": {9: 1},
    "equal-edges": {2: 1},
    "by-node-not-by-path": {1: 4, 2: 1, 3: 1, 4: 4},
    "nothing-kept": {1: 61, 2: 40},
    "novel-film-park": {1: 2222, 2: 1482, 3: 15740, 4: 5247, 5: 98766},
    "nothing": {},
}


def read(file: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / file).read_bytes())
    return found


@pytest.mark.parametrize("file", FILES)
def test_each_file_is_what_is_computed_today(file: str) -> None:
    assert (FOLDER / file).read_bytes() == FILES[file]
    assert sum(line["minor"] for line in read(file)["lines"]) == read(file)["minor"]


def test_no_other_file_lies_there() -> None:
    assert {path.name for path in FOLDER.iterdir() if path.is_file() and path.suffix != ".py"} == set(FILES)


@pytest.mark.parametrize("name", cases())
def test_each_file_is_what_the_oracle_says(name: str) -> None:
    _, made, minor = cases()[name]
    told, document = Oracle(made, minor).settled(), read(f"{name}.json")
    assert [(str(one.object), str(one.party), one.minor) for one in told.lines] == [
        (one["object"], one["party"], one["minor"]) for one in document["lines"]
    ]
    assert [(str(one.child), str(one.parent), one.minor) for one in told.flows] == [
        (one["child"], one["parent"], one["minor"]) for one in document["flows"]
    ]


@pytest.mark.parametrize("name", BY_HAND)
def test_the_small_ones_are_what_a_person_computes(name: str) -> None:
    assert {UUID(line["party"]).int: line["minor"] for line in read(f"{name}.json")["lines"]} == BY_HAND[name]
