"""`edgeprint rights to-odrl | from-odrl` through the real command line: files alone, no ledger anywhere."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.docs.pages import example
from tests.e2e.kit import Answer, Place, place
from tests.rights_kit import FILM_JSON

OBJECT = "10.5072/O.01JDZ3YATWFN59RFJZD9XRS78E-9"
NAMES = ("--uid", "urn:uuid:01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e", "--target", OBJECT)
NAMES += ("--assigner", "urn:example:publisher", "--assignee", "urn:example:studio")


@pytest.fixture(scope="module")
def desk() -> Iterator[Place]:
    with place() as made:
        made.write("scope.json", FILM_JSON)
        made.write("policy.json", example("reference/odrl-profile.md", "policy"))
        yield made
        assert not made.home.exists(), "a command on files alone opened a ledger"


def told(desk: Place, verb: str, name: str, *options: Any) -> Answer:
    return desk.run("rights", verb, desk.files / name, *options)


def with_policy(desk: Place, **members: Any) -> str:
    """Write a policy in which some members of the permission are others, and return the name of its file."""
    document = json.loads((desk.files / "policy.json").read_text())
    document["permission"][0] |= members
    return desk.write("changed.json", document).name


def test_the_scope_of_the_page_gives_the_policy_of_the_page_and_comes_back(desk: Place) -> None:
    made = told(desk, "to-odrl", "scope.json", *NAMES).ok()
    assert made.json == json.loads(example("reference/odrl-profile.md", "policy"))
    desk.write("made.json", made.out)
    assert told(desk, "from-odrl", "made.json").ok().json == FILM_JSON


def test_files_are_written_and_told_in_words(desk: Place) -> None:
    policy, scope = desk.files / "out.json", desk.files / "back.json"
    english = told(desk, "to-odrl", "scope.json", *NAMES, "--out", policy).ok().out.splitlines()
    assert english[0] == f"{policy}: agreement {NAMES[1]}" and "  territory: CN, HK" in english
    assert f"https://doi.org/{OBJECT}" in english[1]
    chinese = told(desk, "from-odrl", "out.json", "--out", scope, "--lang", "zh").ok().out
    assert f"{scope}: 协议 {NAMES[1]}" in chinese and "  转授权层数：1 层" in chinese
    assert json.loads(scope.read_text()) == FILM_JSON
    assert told(desk, "to-odrl", "back.json", *NAMES).ok().json == json.loads(policy.read_text())


def test_with_json_it_is_told_what_and_where(desk: Place) -> None:
    out = desk.files / "told.json"
    made = told(desk, "to-odrl", "scope.json", *NAMES, "--out", out, "--json").ok().json
    assert made == {"policy": json.loads(out.read_text()), "path": str(out)}
    read = told(desk, "from-odrl", "told.json", "--json").ok().json
    assert read["scope"] == FILM_JSON and read["path"] is None and read["kind"] == "Agreement"
    assert (read["uid"], read["target"]) == (NAMES[1], f"https://doi.org/{OBJECT}")
    assert (read["assigner"], read["assignee"]) == ("urn:example:publisher", "urn:example:studio")


def test_without_an_assignee_it_is_an_offer_and_each_policy_has_a_name_of_its_own(desk: Place) -> None:
    named = ("--target", OBJECT, "--assigner", "urn:example:a")
    offers = [told(desk, "to-odrl", "scope.json", *named).ok().json for _ in range(2)]
    assert [one["@type"] for one in offers] == ["Offer", "Offer"] and offers[0]["uid"] != offers[1]["uid"]
    assert UUID(offers[0]["uid"].removeprefix("urn:uuid:")).version == 7
    assert "assignee" not in offers[0]["permission"][0]
    to_one = told(desk, "to-odrl", "scope.json", *NAMES, "--offer").ok().json
    assert to_one["@type"] == "Offer" and to_one["permission"][0]["assignee"] == "urn:example:studio"


@pytest.mark.parametrize(
    ("members", "term"),
    [
        ({"action": ["play"]}, "odrl.permission.action[0]: expected one of reproduce"),
        ({"action": ["distribute"]}, "found 'distribute'"),
        ({"remedy": []}, "'remedy'"),
        ({"duty": [{"action": "watermark"}]}, "found 'watermark'"),
        ({"constraint": []}, "expected one on odrl:industry, found none: what is not said is not granted"),
    ],
)
def test_what_cannot_be_mapped_is_exit_2_with_the_term(desk: Place, members: dict[str, Any], term: str) -> None:
    name, out = with_policy(desk, **members), desk.files / "never.json"
    refused = told(desk, "from-odrl", name, "--out", out, "--json")
    assert refused.code == 2 and term in refused.err and refused.out == "" and not out.exists()


def test_what_is_no_policy_no_scope_no_name_or_no_file_is_said(desk: Place) -> None:
    desk.write("broken.json", "{")
    for name in ("broken.json", "scope.json"):
        assert told(desk, "from-odrl", name).code == 2
    assert "not JSON" in told(desk, "from-odrl", "broken.json").err
    no_scope = told(desk, "to-odrl", "policy.json", *NAMES)
    assert no_scope.code == 2 and "SCOPE" in no_scope.err
    wrong = told(desk, "to-odrl", "scope.json", "--target", "a film", "--assigner", "urn:example:a")
    assert wrong.code == 2 and "odrl.target: expected an IRI" in wrong.err
    check = told(desk, "to-odrl", "scope.json", "--target", OBJECT[:-1] + "8", "--assigner", "urn:example:a")
    assert check.code == 2 and "--target" in check.err and "check character" in check.err
    assert told(desk, "from-odrl", "nowhere.json").code == 3
    nowhere = told(desk, "from-odrl", "policy.json", "--out", desk.files / "no" / "folder")
    assert nowhere.code == 5 and "expected to write" in nowhere.err
