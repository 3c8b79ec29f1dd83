"""The read side through the real command line: assets, compliance, projections, replay and diff, as of any place."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

import pytest

from domain.ids import format_id, parse_object_id
from domain.ledger.merkle import leaf_hash, node_hash, verify_consistency
from examples.ledger_reader import entries
from examples.recount import recount
from projections.catalogue import VIEWS
from schemas.values import instant_of
from tests.e2e.kit import Place, place, superuser
from tests.e2e.test_objects import SIDECAR

UNKNOWN = format_id("O", UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e"), "10.5072")
DOI = "10.5594/still.1"
NAMES = [view.name for view in VIEWS]
ASKED = (
    ["asset", "show", "ID"],
    ["asset", "history", "ID"],
    ["asset", "lineage", "ID"],
    ["comply", "status"],
    ["replay"],
)


@dataclass(frozen=True)
class Film:
    """A ledger in which a cut is made of a still, which is withdrawn later."""

    place: Place
    still: str
    cut: str
    born: int
    sealed: int
    withdrawn: int

    def json(self, *arguments: str) -> Any:
        return self.place.run(*arguments, "--json").ok().json


def size(place: Place) -> int:
    return int(place.run("status", "--json").ok().json["ledger_size"])


def brought(place: Place, name: str, **sidecar: Any) -> str:
    """Identify a file with a sidecar and return its object."""
    file = place.write(name, f"the bytes of {name}\n")
    place.write(f"{name}.edgeprint.json", json.dumps({**SIDECAR, "file": name, **sidecar}))
    (found,) = place.run("identify", file, "--json").ok().json["objects"]
    return str(found["id"])


@pytest.fixture(scope="module")
def film() -> Iterator[Film]:
    with place() as made:
        made.init("--origin", "film.example/reading")
        made.run("up", "--no-kafka").ok()
        still = brought(made, "still.txt")
        born = size(made)
        cut = brought(made, "cut.txt", parents=[{"object": still, "relation": "made_from"}])
        made.run("object", "bind-id", still, "--scheme", "doi", "--text", DOI).ok()
        sealed = int(made.run("ledger", "status", "--json").ok().json["sealed_size"])
        withdrawal = ("--reason", "rights", "--effective-at", "2020-01-02T03:04:05Z")
        made.run("object", "withdraw", still, *withdrawal).ok()
        made.run("comply", "status").ok()  # the views are there, whichever test comes first
        yield Film(made, still, cut, born, sealed, size(made))


# -- assets ------------------------------------------------------------------------------------------------------------


def test_an_asset_now_and_before_it_was_withdrawn(film: Film) -> None:
    now, then = (
        film.json("asset", "show", film.still),
        film.json("asset", "show", film.still, "--as-of", str(film.born - 1)),
    )
    assert (now["id"], now["status"], then["status"]) == (film.still, "withdrawn", "quarantined")
    assert now["as_of"]["position"] == film.withdrawn - 1
    assert then["as_of"]["position"] == film.born - 1
    assert [(one["source"], one["reason"]) for one in now["impaired_by"]] == [(film.still, "rights")]
    assert then["impaired_by"] == []
    assert film.json("object", "show", film.still)["status"] == now["status"]


def test_what_is_made_of_it_is_impaired_by_it(film: Film) -> None:
    now, then = (
        film.json("asset", "show", film.cut),
        film.json("asset", "show", film.cut, "--as-of", str(film.sealed - 1)),
    )
    (cause,) = now["impaired_by"]
    assert (cause["source"], cause["reason"]) == (film.still, "rights")
    assert film.json("ledger", "entry", str(cause["cause_index"]))["type"] == "edgeprint.identity.ObjectWithdrawn"
    assert (now["status"], now["depth"], now["family"]) == ("quarantined", 1, film.cut)
    assert then["impaired_by"] == [], "it was not known then"


def test_a_history_is_the_stream_of_the_object(film: Film) -> None:
    found = film.json("asset", "history", film.still)
    assert found["entries"][0]["type"] == "edgeprint.identity.ObjectIdentified"
    assert found["entries"][-1]["type"] == "edgeprint.identity.ObjectWithdrawn"
    assert [one["version"] for one in found["entries"]] == list(range(1, len(found["entries"]) + 1))
    shown = film.json("object", "show", film.still)["history"]
    assert [(one["index"], one["type"]) for one in found["entries"]] == [(one["index"], one["type"]) for one in shown]
    first = found["entries"][0]
    early = film.json("asset", "history", film.still, "--as-of", str(first["index"]))
    assert early["entries"] == [first]


def test_a_lineage_goes_up_and_down(film: Film) -> None:
    found = film.json("asset", "lineage", film.still)
    assert (found["above"], found["below"], found["cut"]) == (0, 1, False)
    assert [(node["id"], node["depth"], node["status"]) for node in found["nodes"]] == [
        (film.still, 0, "withdrawn"),
        (film.cut, 1, "quarantined"),
    ]
    assert found["edges"] == [{"child": film.cut, "parent": film.still, "relation": "made_from"}]
    up = film.json("asset", "lineage", film.cut)
    assert (up["above"], up["below"], up["edges"]) == (1, 0, found["edges"])
    before = film.json("asset", "lineage", film.still, "--as-of", str(film.born - 1))
    assert (before["below"], before["edges"]) == (0, [])


def listed(film: Film, *options: str) -> list[str]:
    return [one["id"] for one in film.json("asset", "list", *options)["assets"]]


def test_assets_are_listed_by_what_is_known_of_them_now_and_then(film: Film) -> None:
    every, then = film.json("asset", "list"), film.json("asset", "list", "--as-of", str(film.born - 1))
    assert [(one["id"], one["status"]) for one in every["assets"]] == [
        (film.still, "withdrawn"),
        (film.cut, "quarantined"),
    ]
    assert [(one["id"], one["status"]) for one in then["assets"]] == [(film.still, "quarantined")]
    assert (every["count"], every["next"], then["count"]) == (2, None, 1)
    (one, _) = every["assets"]
    shown = film.json("object", "show", film.still)
    assert {name: one[name] for name in ("class", "kind", "origin", "project", "holder", "sha256")} == {
        name: shown[name] for name in ("class", "kind", "origin", "project", "holder", "sha256")
    }
    assert one["born"] == shown["history"][0]["index"]


@pytest.mark.parametrize("name", ["status", "class", "kind", "origin", "project", "holder"])
def test_each_filter_of_a_list_lets_through_what_it_names_and_nothing_else(film: Film, name: str) -> None:
    every = film.json("asset", "list")["assets"]
    other = {
        "holder": format_id("P", UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e"), "10.5072"),
        "kind": "another",
        "project": "another",
    }
    other |= {"status": "rejected", "class": "interactive", "origin": "captured"}
    option = "--of" if name == "holder" else f"--{name}"
    for value in {one[name] for one in every} - {None}:
        assert listed(film, option, value) == [one["id"] for one in every if one[name] == value]
    assert other[name] not in {one[name] for one in every} and listed(film, option, other[name]) == []


def test_pages_of_a_list_follow_one_another(film: Film) -> None:
    first = film.json("asset", "list", "--limit", "1")
    second = film.json("asset", "list", "--limit", "1", "--after", str(first["next"]))
    assert [one["id"] for page in (first, second) for one in page["assets"]] == [film.still, film.cut]
    assert (first["count"], second["count"], second["next"]) == (2, 2, None)
    told = film.place.run("asset", "list", "--limit", "1", "--lang", "zh").ok().out
    assert f"下一页：--after {first['next']}" in told and "共 2 件" in told
    for wrong in (["--status", "lost"], ["--class", "x"], ["--origin", "x"], ["--limit", "0"], ["--of", "x"]):
        assert film.place.run("asset", "list", *wrong).code == 2


def test_one_object_is_found_by_whatever_names_it(film: Film) -> None:
    shown = film.json("object", "show", film.cut)
    assert film.json("find", film.cut) == film.json("find", shown["sha256"]) == shown
    assert film.json("find", DOI)["id"] == film.json("find", DOI.upper())["id"] == film.still
    for nowhere in ("ab" * 32, "10.5594/still.2", UNKNOWN, "cut", film.cut[:-1]):
        answer = film.place.run("find", nowhere, "--json")
        assert (answer.code, answer.json["error"]) == (3, "NotFound"), nowhere


def test_compliance_now_and_then(film: Film) -> None:
    now, then = film.json("comply", "status"), film.json("comply", "status", "--as-of", str(film.sealed - 1))
    assert (now["submitted"], now["by_status"], now["revoked"]) == (2, {"quarantined": 1, "withdrawn": 1}, 1)
    assert (then["submitted"], then["by_status"], then["revoked"]) == (2, {"quarantined": 2}, 0)
    assert {sum(n for key, n in row.items() if key != "element") for row in now["elements"]} == {2}
    founding = film.json("comply", "status", "--as-of", "0")
    assert (founding["submitted"], founding["by_status"]) == (0, {}), "an empty answer"
    nobody = film.json("comply", "status", "--project", "no such production")
    assert (nobody["submitted"], nobody["project"]) == (0, "no such production")


# -- places ------------------------------------------------------------------------------------------------------------


def test_index_time_and_root_name_the_same_place(film: Film) -> None:
    at = film.sealed - 1
    by_index = film.json("asset", "show", film.cut, "--as-of", str(at))
    between = film.json("diff", str(at), str(film.withdrawn - 1))
    by_root = film.json("asset", "show", film.cut, "--as-of", root_at(film, film.sealed))
    recorded = film.json("ledger", "entry", str(at))["envelope"]["recorded_at"]
    by_time = film.json("asset", "show", film.cut, "--as-of", instant_of(recorded).isoformat())
    assert by_root == by_index
    assert (by_time["as_of"]["position"], by_time["status"]) == (at, by_index["status"])
    assert by_index["as_of"] == between["before"]


def root_at(film: Film, size: int) -> str:
    """Return the root of a size, as the proof of a diff tells it."""
    return str(film.json("diff", str(size - 1), str(film.withdrawn - 1))["proof"]["root1"])


@pytest.mark.parametrize("command", ASKED, ids=" ".join)
@pytest.mark.parametrize(
    ("as_of", "code", "error"),
    [
        ("99999999", 3, "NotFound"),
        ("ab" * 32, 3, "NotFound"),
        ("1999-01-01T00:00:00Z", 3, "NotFound"),
        ("yesterday", 2, None),
        ("2026-11-26T00:00:00", 2, None),
        ("0001-01-01T00:00:00+14:00", 2, None),
    ],
)
def test_places_that_are_not_there_and_texts_that_are_no_place(
    film: Film, command: list[str], as_of: str, code: int, error: str | None
) -> None:
    answer = film.place.run(*[film.still if word == "ID" else word for word in command], "--as-of", as_of, "--json")
    assert answer.code == code
    if error is None:
        assert answer.out == "" and "Usage:" in answer.err
    else:
        assert answer.json["error"] == error


def test_an_object_that_is_not_there_or_not_yet(film: Film) -> None:
    for verb in ("show", "history", "lineage"):
        nobody = film.place.run("asset", verb, UNKNOWN, "--json")
        early = film.place.run("asset", verb, film.cut, "--as-of", str(film.born - 1), "--json")
        assert (nobody.code, early.code) == (3, 3)
        assert nobody.json["error"] == early.json["error"] == "NotFound"
        assert f"as of index {film.born - 1}" in early.json["message"]
        assert film.place.run("asset", verb, "rubbish").code == 2


# -- projections -------------------------------------------------------------------------------------------------------


def test_the_list_says_how_far_each_view_is(film: Film) -> None:
    film.json("comply", "status")
    found = film.json("projection", "list")
    assert found["ledger_size"] == film.withdrawn
    assert sorted(one["name"] for one in found["projections"]) == sorted(NAMES)
    for one in found["projections"]:
        told = (one["state"], one["position"], one["behind"], one["lag_s"], one["stopped_at"], one["because"])
        assert told == ("live", film.withdrawn, 0, 0, None, None)
    text = film.place.run("projection", "list").ok().out
    assert all(name in text for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_replay_to_the_head_has_the_digest_of_the_projection_and_of_its_rebuild(film: Film, name: str) -> None:
    kept = film.json("projection", "digest", name)
    assert (kept["name"], kept["position"]) == (name, film.withdrawn)
    replayed = film.json("replay", "--as-of", str(film.withdrawn - 1), "--projection", name)
    (one,) = replayed["projections"]
    assert (replayed["position"], one["projection"], one["digest"]) == (film.withdrawn - 1, name, kept["digest"])
    rebuilt = film.json("projection", "rebuild", name)
    assert rebuilt == {
        "name": name,
        "position": film.withdrawn,
        "digest": kept["digest"],
        "replaced": kept["digest"],
        "same": True,
    }


def test_replay_of_an_earlier_place_is_another_state_and_touches_nothing(film: Film) -> None:
    before = film.json("projection", "list")
    live, early = film.json("replay"), film.json("replay", "--as-of", str(film.born - 1))
    assert [one["projection"] for one in early["projections"]] == NAMES
    digests = [{one["projection"]: one["digest"] for one in some["projections"]} for some in (live, early)]
    assert digests[0]["compliance"] != digests[1]["compliance"]
    (compliance,) = [one for one in early["projections"] if one["projection"] == "compliance"]
    assert compliance["rows"]["object"] == 1
    assert film.json("projection", "list") == before
    assert f"{digests[1]['genealogy']}\n" in film.place.run("replay", "--as-of", str(film.born - 1)).ok().out


def test_unknown_projections_are_not_found(film: Film) -> None:
    for command in (["rebuild", "x"], ["digest", "x"], ["retry", "x"]):
        answer = film.place.run("projection", *command, "--json")
        assert (answer.code, answer.json["error"]) == (3, "NotFound")
        assert "expected one of genealogy" in answer.json["message"]
    assert film.place.run("replay", "--projection", "x").code == 3


def schema_of(film: Film, name: str) -> str:
    from infra.store.provision import READER
    from infra.views.reading import Reader
    from projections.catalogue import find_view

    with Reader(film.place.database().dsn(READER)).look(find_view(name), None, 0) as look:
        return look.schema


def test_a_view_that_somebody_changed_is_told_and_replaced(film: Film) -> None:
    honest = film.json("comply", "status")["by_status"]
    superuser(
        film.place, f"UPDATE {schema_of(film, 'compliance')}.object SET status = 'admitted' WHERE valid_to IS NULL"
    )
    assert film.json("comply", "status")["by_status"] == {"admitted": 2}, "a view is not trusted"
    told = film.place.run("projection", "rebuild", "compliance", "--json")
    assert (told.code, told.json["same"]) == (1, False)
    assert told.json["replaced"] != told.json["digest"]
    assert film.json("comply", "status")["by_status"] == honest
    assert film.place.run("projection", "rebuild", "compliance").ok().err == ""
    superuser(film.place, f"DELETE FROM {schema_of(film, 'compliance')}.object WHERE valid_to IS NULL")
    for lang, words in (("zh", "此前的视图与账本不符"), ("en", "it was not what the ledger says")):
        answer = film.place.run("projection", "rebuild", "compliance", "--lang", lang)
        assert (answer.code, words in answer.err) == ((1, True) if lang == "zh" else (0, False))


# -- diff --------------------------------------------------------------------------------------------------------------


def test_a_diff_says_what_happened_and_proves_it(film: Film) -> None:
    film.place.run("ledger", "verify").ok()
    found = film.json("diff", str(film.born - 1), str(film.withdrawn - 1))
    assert (found["born"], [(one["object"], one["from"], one["to"]) for one in found["moved"]]) == (
        [film.cut],
        [(film.still, "quarantined", "withdrawn")],
    )
    assert sum(found["events"].values()) == film.withdrawn - film.born
    assert found["events"]["edgeprint.identity.ObjectWithdrawn"] == 1
    assert found["statuses"]["withdrawn"] == {"before": 0, "after": 1}
    assert (found["before"]["position"], found["after"]["position"]) == (film.born - 1, film.withdrawn - 1)
    proof = found["proof"]
    path = [bytes.fromhex(one) for one in proof["path"]]
    root1, root2 = bytes.fromhex(proof["root1"]), bytes.fromhex(proof["root2"])
    assert (proof["size1"], proof["size2"]) == (film.born, film.withdrawn)
    verify_consistency(size1=film.born, root1=root1, size2=film.withdrawn, root2=root2, path=path)
    assert film.json("ledger", "status")["root"] == proof["root2"]


def test_a_diff_of_a_place_with_itself_is_empty(film: Film) -> None:
    found = film.json("diff", str(film.born - 1), str(film.born - 1))
    assert (found["events"], found["born"], found["moved"]) == ({}, [], [])
    assert found["proof"]["path"] == [] and found["proof"]["root1"] == found["proof"]["root2"]


def test_a_diff_backwards_and_rubbish_are_wrong_usage(film: Film) -> None:
    backwards = film.place.run("diff", str(film.born), "1", "--json")
    assert (backwards.code, backwards.out) == (2, "")
    assert f"expected the later place behind index {film.born}, found 1" in " ".join(backwards.err.split())
    assert film.place.run("diff", "1", "99999999").code == 3
    assert film.place.run("diff", "1", "then").code == film.place.run("diff", "1").code == 2


# -- texts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "chinese", "english"),
    [
        (["asset", "show", "CUT"], ["受影响", "深度", "截至第"], ["impaired by", "depth", "as of index"]),
        (["asset", "history", "CUT"], ["截至第", "ObjectIdentified"], ["as of index", "ObjectIdentified"]),
        (["asset", "lineage", "CUT"], ["由来：1 件", "made_from"], ["comes from 1", "made_from"]),
        (["asset", "lineage", "STILL"], ["由来：0 件", "去向：1 件"], ["comes from 0", "1 come from it"]),
        (
            ["comply", "status"],
            ["提交 2 件", "最小可追溯集", "隔离", "撤回", "50.0"],
            ["2 submitted", "quarantined", "50.0"],
        ),
        (["comply", "status", "--as-of", "0"], ["提交 0 件", "–"], ["0 submitted", "–"]),
        (
            ["diff", "FIRST", "LAST"],
            ["新增对象 1", "已核验"],
            ["1 objects born", "verified", "quarantined → withdrawn"],
        ),
    ],
    ids=[f"text {number}" for number in range(7)],
)
def test_people_read_it_in_two_languages(
    film: Film, command: list[str], chinese: list[str], english: list[str]
) -> None:
    words = {"CUT": film.cut, "STILL": film.still, "FIRST": str(film.born - 1), "LAST": str(film.withdrawn - 1)}
    arguments = [words.get(word, word) for word in command]
    for lang, expected in (("zh", chinese), ("en", english)):
        answer = film.place.run(*arguments, "--lang", lang).ok()
        assert [word for word in expected if word not in answer.out] == []
        assert answer.err == "" and "\x1b" not in answer.out
        assert expected[0] in film.place.run(*arguments, environ={"EDGEPRINT_LANG": lang}).ok().out


def test_the_ledger_is_sound_after_all_of_it(film: Film) -> None:
    film.place.run("fsck").ok()
    assert parse_object_id(film.still) != parse_object_id(film.cut)
    assert hashlib.sha256(b"the bytes of still.txt\n").hexdigest() == film.json("object", "show", film.still)["sha256"]


def test_what_is_not_sealed_is_not_proved(film: Film) -> None:
    """The tree is taken away: the newest place lies behind its end, and the diff says so and proves nothing."""
    checkpoint = film.place.home / "tlog" / "checkpoint"
    note = checkpoint.read_bytes()
    try:
        checkpoint.unlink()
        found = film.json("diff", str(film.born - 1), str(film.withdrawn - 1))
        assert found["proof"] is None and found["born"] == [film.cut]
        text = film.place.run("diff", str(film.born - 1), str(film.withdrawn - 1), "--lang", "en").ok().out
        assert "not sealed yet: not proved" in text
    finally:
        checkpoint.write_bytes(note)


def test_a_view_that_stopped_answers_up_to_there_and_is_behind_beyond(film: Film) -> None:
    """The genealogy has stopped before what happens next; it stays behind until it is told to try again."""
    at, view = film.withdrawn, schema_of(film, "genealogy")
    stop = f"poison_index = {at}, poison_reason = 'stumbled'"
    superuser(film.place, f"UPDATE views.projection SET {stop} WHERE schema = '{view}'")
    late = brought(film.place, "late.txt", parents=[{"object": film.cut, "relation": "made_from"}])
    head = size(film.place) - 1
    for command in (["asset", "lineage", late], ["asset", "show", late], ["asset", "show", film.still]):
        behind = film.place.run(*command, "--as-of", str(head), "--json")
        assert (behind.code, behind.json["error"]) == (4, "Behind")
        assert f"genealogy has taken in {at} entries; expected those up to index {head}" in behind.json["message"]
    assert film.json("asset", "show", film.still)["as_of"]["position"] == at - 1, "both views as of the slower one"
    assert film.place.run("asset", "show", late).code == 3, "as of there it was not born"
    assert film.json("comply", "status")["as_of"]["position"] == head, "others go on"
    (listed,) = [one for one in film.json("projection", "list")["projections"] if one["name"] == "genealogy"]
    assert (listed["stopped_at"], listed["because"], listed["behind"]) == (at, "stumbled", head + 1 - at)
    text = film.place.run("projection", "list", "--lang", "zh").ok().out
    assert f"停于 {at}: stumbled" in text
    assert film.json("projection", "retry", "genealogy") == {
        "name": "genealogy",
        "position": head + 1,
        "stopped_at": None,
        "because": None,
    }
    assert film.json("asset", "lineage", film.still, "--as-of", str(head))["below"] == 2
    assert film.json("asset", "show", late)["depth"] == 2


# -- lineages for other programs ---------------------------------------------------------------------------------------


def drawn(film: Film, form: str, *more: str) -> bytes:
    out = film.place.files / f"lineage.{form}"
    told = film.json("asset", "lineage", film.cut, "--form", form, "--out", str(out), *more)
    data = out.read_bytes()
    assert told == {"form": form, "out": str(out), "bytes": len(data)}
    return data


@pytest.mark.parametrize("form", ["svg", "svg-whole"])
@pytest.mark.parametrize(("lang", "word"), [("zh", "的谱系"), ("en", "Lineage of")])
def test_a_lineage_as_a_picture(film: Film, form: str, lang: str, word: str) -> None:
    text = drawn(film, form, "--lang", lang).decode()
    assert ElementTree.fromstring(text).tag.endswith("}svg")
    assert word in text and film.still[-8:] in text and film.cut[-8:] in text
    assert "<script" not in text and "href" not in text


def test_a_lineage_as_a_graph(film: Film) -> None:
    dot = drawn(film, "dot").decode()
    assert dot.startswith("digraph") and film.still in dot and film.cut in dot
    graph = ElementTree.fromstring(drawn(film, "graphml"))
    space = "{http://graphml.graphdrawing.org/xmlns}"
    assert {film.still, film.cut} <= {node.get("id") for node in graph.iter(f"{space}node")}
    assert (film.still, film.cut) in [(edge.get("source"), edge.get("target")) for edge in graph.iter(f"{space}edge")]


def test_a_lineage_as_provenance(film: Film) -> None:
    holder = film.json("status")["holder"]
    prov = drawn(film, "prov").decode()
    assert {"entity", "wasDerivedFrom", "agent"} <= set(json.loads(prov))
    assert all(one in prov for one in (film.still, film.cut, holder))
    events = [json.loads(line) for line in drawn(film, "openlineage").splitlines()]
    (run,) = [event for event in events if "run" in event and event["outputs"][0]["name"] == film.cut]
    assert [one["name"] for one in run["inputs"]] == [film.still]
    recorded = {entry["index"]: entry["recorded_at"] for entry in film.json("asset", "history", film.cut)["entries"]}
    assert instant(run["eventTime"]) == instant(recorded[min(recorded)]), "of the birth, to the millisecond told"


def instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000)


def test_a_lineage_as_of_before_the_child_was_born(film: Film) -> None:
    out = film.place.files / "early.dot"
    early = ["asset", "lineage", film.still, "--as-of", str(film.born - 1), "--form", "dot", "--out", str(out)]
    film.place.run(*early).ok()
    assert film.cut not in out.read_text()
    wrong = film.place.run("asset", "lineage", film.still, "--form", "crayon", "--out", str(out))
    assert wrong.code == 2 and "expected one of svg" in wrong.err


# -- what follows from a lineage ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Family:
    """Of one still: two drafts, a cut of both, and a reel that includes the cut; and a stranger to them all."""

    place: Place
    still: str
    drafts: tuple[str, str]
    cut: str
    reel: str
    stranger: str
    before: str

    def json(self, *arguments: str) -> Any:
        return self.place.run("asset", *arguments, "--json").ok().json


def from_these(relation: str, *parents: str) -> list[dict[str, str]]:
    return [{"object": parent, "relation": relation} for parent in parents]


@pytest.fixture(scope="module")
def family() -> Iterator[Family]:
    with place() as made:
        made.init("--origin", "film.example/family")
        made.run("up", "--no-kafka").ok()
        still, stranger = brought(made, "still.txt"), brought(made, "stranger.txt")
        before = str(size(made) - 1)
        first = brought(made, "first.txt", parents=from_these("made_from", still))
        second = brought(made, "second.txt", parents=from_these("made_from", still))
        cut = brought(made, "cut.txt", parents=from_these("made_from", first, second))
        reel = brought(made, "reel.txt", parents=from_these("includes", cut))
        yield Family(made, still, (first, second), cut, reel, stranger, before)


def test_who_is_touched_if_something_happens_to_it(family: Family) -> None:
    found = family.json("impact", family.still)
    touched = [*family.drafts, family.cut, family.reel]
    assert (found["count"], found["sample"]) == (4, touched)
    assert sum(found["by_kind"].values()) == 4 and found["by_status"] == {"quarantined": 4}
    leaves = [leaf_hash(one) for one in sorted(parse_object_id(one).bytes for one in touched)]
    assert bytes.fromhex(found["root"]) == node_hash(node_hash(*leaves[:2]), node_hash(*leaves[2:]))
    then = family.json("impact", family.still, "--as-of", family.before)
    assert (then["count"], then["sample"], then["root"]) == (0, [], hashlib.sha256().hexdigest())
    said = family.place.run("asset", "impact", family.still).ok().out
    assert said.startswith("4 touched") and family.reel in said and found["root"] in said


def test_the_ways_from_one_up_to_the_other(family: Family) -> None:
    found = family.json("paths", family.reel, family.still)
    ways = [[step["parent"] for step in way] for way in found["paths"]]
    assert sorted(ways) == sorted([family.cut, draft, family.still] for draft in family.drafts)
    assert found["paths"][0][0] == {"child": family.reel, "parent": family.cut, "relations": ["includes"]}
    assert not found["cut"]
    one = family.json("paths", family.reel, family.still, "--most", "1")
    assert len(one["paths"]) == 1 and one["cut"]
    for start, goal in ((family.still, family.reel), (family.reel, family.stranger), (family.reel, family.reel)):
        assert family.json("paths", start, goal)["paths"] == []
    said = family.place.run("asset", "paths", family.reel, family.stranger).ok().out
    assert said.startswith("it does not come from there")


def test_where_it_is_used(family: Family) -> None:
    found = family.json("uses", family.cut)
    assert (found["within"], found["directly"], found["other"]) == ([family.reel], [family.reel], {})
    assert family.json("uses", family.still)["other"] == {"made_from": list(family.drafts)}
    assert family.place.run("asset", "uses", family.stranger).ok().out.startswith("used nowhere")


def test_what_several_come_from(family: Family) -> None:
    drafts = family.json("common", *family.drafts)
    assert drafts["every"] == drafts["nearest"] == [family.still]
    both = family.json("common", family.reel, family.cut)
    assert both["every"] == [family.still, *family.drafts, family.cut], "each is among its own ancestors"
    assert both["nearest"] == [family.cut]
    assert family.json("common", family.reel, family.stranger)["every"] == []
    assert family.place.run("asset", "common", family.reel, family.stranger).ok().out.startswith("nothing in common")


@pytest.mark.parametrize("arguments", [("impact",), ("uses",), ("paths", "still"), ("common", "still")])
def test_of_an_unknown_object_nothing_is_told(family: Family, arguments: tuple[str, ...]) -> None:
    command, *others = arguments
    unknown = family.place.run("asset", command, *(family.still for _ in others), UNKNOWN)
    assert unknown.code == 3 and UNKNOWN in unknown.err and not unknown.out
    alone = family.place.run("asset", "common", family.still, family.still)
    assert alone.code == 2 and "two or more different objects" in alone.err


# -- a reader of another hand ------------------------------------------------------------------------------------------


def test_the_views_say_what_a_recount_of_the_tree_says(film: Film) -> None:
    status = film.json("comply", "status")
    counted = recount(str(film.place.home / "tlog"))
    assert counted["submitted"] == status["submitted"] >= 2
    assert counted["by_status"] == status["by_status"] and status["by_status"]["withdrawn"] == 1
    assert counted["complete"] == status["complete"]
    assert recount(str(film.place.home / "tlog"), "no such production")["submitted"] == 0


def test_the_reader_tells_every_sealed_entry(film: Film) -> None:
    sealed = int(film.json("ledger", "status")["sealed_size"])
    told = [(index, name) for index, name, _ in entries(film.place.home / "tlog")]
    assert [index for index, _ in told] == list(range(sealed))
    assert told[0][1] == "edgeprint.evidence.LedgerFounded"
    born = Counter(name for _, name in told)["edgeprint.identity.ObjectIdentified"]
    assert born == film.json("comply", "status")["submitted"]
