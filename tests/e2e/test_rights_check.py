"""`edgeprint rights` through the real command line: a filmed novel, a model of research pictures, an actress.

An author and a co-author own a novel; a studio films it under a grant for one territory and window. A still of the film
is made with a model that was trained on pictures for research alone. The actress takes her consent back.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.ids import format_id, parse_object_id, parse_party_id
from projections.genealogy.model import committed_to
from tests.e2e.kit import Place, enrol, place
from tests.rights_kit import FILM_JSON

TERMS = "ab" * 32
NATURES = ["commercial", "non_commercial", "research"]
WANTED: dict[str, Any] = {**FILM_JSON, "sublicence_depth": 0}


class Film:
    """The story, told once; each test looks at a part of it."""

    def __init__(self, studio: Place) -> None:
        self.place = studio
        self.author, self.co_author, self.actress = (enrol(studio, "person") for _ in range(3))
        self.studio, self.lab, self.archive = (enrol(studio, "organisation") for _ in range(3))
        owners = [{"party": self.author, "share_bp": 7_000}, {"party": self.co_author, "share_bp": 3_000}]
        self.novel_title = self.claim("novel", self.author, "--owners", str(self.file("owners", owners)))
        self.novel = self.bring("novel", self.author)
        self.film = self.bring("film", self.studio, made_from=[self.novel])
        self.grant = self.granted(self.novel_title, self.author, self.studio, "exclusive", "--share-bp", "500")
        self.run("grant", "approve", self.grant, "--as", self.co_author)
        self.film_title = self.claim("film", self.studio)
        self.cite(self.film, self.studio, self.grant)

    def run(self, *arguments: str) -> Any:
        return self.place.run(*arguments, "--json").ok().json

    def file(self, name: str, data: Any) -> Path:
        return self.place.write(f"{name}.json", json.dumps(data))

    def path(self, name: str) -> Path:
        return self.place.write(f"works/{name}.txt", f"{name}, the bytes of it")

    def put(self, path: Path) -> str:
        return str(self.run("blob", "put", str(path))["stored"][0]["sha256"])

    def claim(self, work: str, owner: str, *more: str) -> str:
        statement = self.put(self.place.write(f"{work}-statement", f"{work} is mine"))
        told = self.run(
            "title", "claim", "--work", self.put(self.path(work)), "--root", "own_creation",
            "--statement", statement, "--as", owner, *more,
        )  # fmt: skip
        return str(told["stream"])

    def bring(self, name: str, holder: str, **sources: list[str]) -> str:
        parents = [{"object": one, "relation": relation} for relation, some in sources.items() for one in some]
        path = self.path(name)
        sidecar = {"format": "edgeprint/sidecar/1", "file": path.name, "origin": "imported", "parents": parents}
        self.place.write(f"works/{path.name}.edgeprint.json", sidecar)
        told = self.place.run("identify", path, "--as", holder, "--json")
        assert told.code in (0, 4), told.err
        return str(told.json["objects"][0]["id"])

    def granted(self, title: str, grantor: str, grantee: str, allocation: str, *more: str, **scope: Any) -> str:
        kind = "grant" if "--kind" not in more else more[more.index("--kind") + 1]
        rest = [one for one in more if one not in ("--kind", kind)]
        file = self.file("scope", {**FILM_JSON, **scope})
        told = self.run(
            "grant", "record", "--kind", kind, "--title", title, "--grantee", grantee, "--scope", str(file),
            "--allocation", allocation, "--terms", TERMS, "--as", grantor, *rest,
        )  # fmt: skip
        self.run("grant", "accept", told["stream"], "--as", grantee)
        return str(told["stream"])

    def cite(self, thing: str, holder: str, *grants: str) -> None:
        options = [word for grant in sorted(grants) for word in ("--grant", grant)]
        self.run("object", "cite-grants", thing, *options, "--as", holder)

    def check(self, thing: str, *more: str, code: int = 0, **scope: Any) -> Any:
        wanted = self.file("wanted", {**WANTED, **scope})
        answer = self.place.run("rights", "check", thing, "--for", wanted, *more, "--json")
        assert answer.code == code, answer.out + answer.err
        return answer.json

    def head(self) -> str:
        return str(self.run("status")["ledger_size"] - 1)


@pytest.fixture(scope="module")
def film() -> Iterator[Film]:
    with place() as made:
        made.init("--origin", "film.example/check")
        made.run("up", "--no-kafka").ok()
        yield Film(made)


def test_the_film_may_be_shown_where_and_when_the_grant_says(film: Film) -> None:
    found = film.check(film.film)
    assert (found["verdict"], found["because"], found["rests_on"]) == ("valid", None, [film.grant])
    assert [one["id"] for one in found["objects"]] == [film.film, film.novel]
    abroad = film.check(film.film, code=1, territory={"codes": ["US"]})["because"]
    assert (abroad["cause"], abroad["link"], abroad["component"]) == ("scope", film.grant, "territory")
    assert abroad["failures"] == [
        {
            "component": "territory",
            "granted": {"codes": ["CN", "HK"]},
            "asked": {"codes": ["US"]},
            "beyond": {"codes": ["US"]},
        }
    ]
    late = film.check(film.film, code=1, window={"since": "2030-01-01T00:00:00Z", "until": "2032-01-01T00:00:00Z"})[
        "because"
    ]
    assert late["component"] == "window" and "2031-01-01T00:00:00Z" in late["en"]


def test_at_another_instant_the_answer_is_another(film: Film) -> None:
    found = film.check(film.film, "--at", "2031-01-01T00:00:00Z", code=1)
    assert (found["because"]["cause"], found["because"]["why"]) == ("grant_ended", "window_passed")
    assert found["as_of"]["instant"].startswith("2031-01-01T00:00:00")
    assert film.check(film.film, "--at", "2030-12-31T23:59:59Z")["verdict"] == "valid"


def test_before_anything_was_cited_it_was_invalid(film: Film) -> None:
    history = film.run("object", "show", film.film)["history"]
    cited = next(one["index"] for one in history if one["type"] == "edgeprint.identity.AuthorisationCited")
    before = film.check(film.film, "--as-of", str(cited - 1), code=1)["because"]
    assert (before["cause"], before["source"], before["link"]) == ("no_grant", film.novel, film.novel_title)
    assert film.check(film.film, "--as-of", str(cited))["verdict"] == "valid"


def test_a_commercial_use_is_refused_by_the_pictures_that_a_model_was_trained_on(film: Film) -> None:
    pictures_title = film.claim("pictures", film.archive)
    pictures = film.bring("pictures", film.archive)
    model = film.bring("model", film.lab, trained_on=[pictures])
    research = film.granted(pictures_title, film.archive, film.lab, "ordinary", natures=["research"])
    film.cite(model, film.lab, research)
    model_title = film.claim("model", film.lab)
    free = film.granted(model_title, film.lab, film.studio, "ordinary", natures=NATURES)
    still = film.bring("still", film.studio, rendered_from=[film.film], prompted_by=[model])
    film.claim("still", film.studio)
    film.cite(still, film.studio, free)

    because = film.check(still, code=1)["because"]
    assert (because["object"], because["link"], because["component"]) == (model, research, "natures")
    assert "granted research; asked commercial; beyond: commercial" in because["en"]
    assert "使用性质：授予科研；请求商业；超出：商业" in because["zh"]
    both = film.place.run("rights", "check", still, "--json")
    assert both.code == 1 and both.json["because"]["cause"] == "nothing_left", "commercial above, research below"
    assert film.check(model, natures=["research"])["verdict"] == "valid"

    wanted = film.file("commercial", WANTED)
    for lang, words in (("zh", ("无效", "引用", "科研")), ("en", ("invalid", "cites", "granted research"))):
        tree = film.place.run("rights", "check", still, "--for", wanted, "--lang", lang)
        assert tree.code == 1 and all(word in tree.out for word in words) and "├── " in tree.out
        assert tree.out.index("✗") > tree.out.index(research), "the link that fails is marked where it hangs"


def test_a_consent_taken_back_reaches_everything_that_was_made_with_it(film: Film) -> None:
    scene = film.bring("scene", film.studio, includes=[film.film])
    film.claim("scene", film.studio)
    played = film.claim("scene", film.actress)
    open_yet = film.check(scene, code=4)["because"]
    assert (open_yet["cause"], open_yet["link"]) == ("rival_title", played)
    consent = film.granted(played, film.actress, film.studio, "ordinary", "--kind", "consent")
    film.cite(scene, film.studio, consent)
    cut = film.bring("cut", film.studio, derivation_of=[scene])
    trailer = film.bring("trailer", film.studio, derivation_of=[cut])
    assert film.check(trailer)["verdict"] == "valid"
    before = film.head()
    film.run(
        "grant", "revoke", consent, "--reason", "consent_withdrawn", "--effective-at", "2026-11-01T00:00:00Z",
        "--as", film.actress,
    )  # fmt: skip
    because = film.check(trailer, code=1)["because"]
    assert (because["object"], because["link"], because["why"]) == (scene, consent, "consent_withdrawn")
    assert film.check(trailer, "--as-of", before)["verdict"] == "valid"

    listing = film.place.files / "touched"
    impact = film.run("rights", "impact", consent, "--list", str(listing))
    leaves = [parse_object_id(line).bytes for line in listing.read_text().splitlines()]
    assert committed_to(leaves).root.hex() == impact["root"] and leaves == sorted(leaves)
    nowhere = film.place.run("rights", "impact", consent, "--list", film.place.files / "none" / "touched")
    assert nowhere.code == 5 and "expected to write" in nowhere.err
    assert (impact["directly"], impact["count"], set(impact["sample"])) == (1, 3, {scene, cut, trailer})
    assert sum(impact["by_status"].values()) == 3 and len(impact["root"]) == 64
    assert film.run("rights", "impact", consent, "--as-of", before)["root"] == impact["root"]
    told = film.place.run("rights", "impact", consent, "--lang", "zh").ok().out
    assert "基于它的 3 件，其中直接 1 件" in told and impact["root"] in told
    of_title = film.run("rights", "impact", film.novel_title)
    assert of_title["count"] >= 5 and {film.novel, film.film, scene} <= set(of_title["sample"])
    cited = next(
        one["index"]
        for one in film.run("object", "show", scene)["history"]
        if one["type"] == "edgeprint.identity.AuthorisationCited"
    )
    assert film.run("rights", "impact", consent, "--as-of", str(cited - 1))["count"] == 0


def test_what_nobody_owns_is_not_decided(film: Film) -> None:
    orphan = film.bring("orphan", film.studio)
    found = film.place.run("rights", "check", orphan, "--lang", "zh")
    assert found.code == 4 and "无法判定" in found.out and "权属未知" in found.out


def test_what_is_none_is_said(film: Film) -> None:
    somebody = parse_party_id(film.author)
    assert film.place.run("rights", "check", format_id("O", somebody, "10.5072")).code == 3
    assert film.place.run("rights", "impact", format_id("R", somebody, "10.5072")).code == 3
    assert film.place.run("rights", "impact", format_id("G", somebody, "10.5072")).code == 3
    assert film.place.run("rights", "check", film.author).code == 2
    assert film.place.run("rights", "impact", film.author).code == 2
    bad = film.file("bad", {"uses": ["everything"]})
    assert film.place.run("rights", "check", film.film, "--for", bad).code == 2
    assert film.place.run("rights", "check", film.film, "--at", "yesterday").code == 2
    assert parse_object_id(film.film)
