"""The story's rights: a novel of two authors is filmed; a model of research pictures; an actress and her consent.

What may be done is asked of the ledger, each time with the answer that the story needs, or it ends in an error.
"""

from dataclasses import dataclass
from typing import Any

from rich.table import Table

from domain.errors import Invalid
from domain.ids import parse_rights_grant_id
from infra.cli.rights_check import rights_tree
from infra.demo.works import Works
from infra.rights.check import rights_impact


@dataclass(frozen=True, slots=True)
class Filmed:
    """A film of a novel, its title, and the authors."""

    film: str
    title: str
    authors: tuple[str, str]


def film_a_novel(works: Works) -> Filmed:
    """Two authors own a novel and give the film of it to the studio, for a territory and a window."""
    authors = works.enrol("person", "作者", "author"), works.enrol("person", "合著者", "co-author")
    owners = {authors[0]: 7_000, authors[1]: 3_000}
    novel_title = works.shared("novel.txt", owners, "G-小说", "G-novel")
    novel = works.bring("novel.txt", authors[0], "小说", "novel")
    film_title = works.own("film.txt", works.studio, "G-影片", "G-film")
    film = works.bring("film.txt", works.studio, "影片", "film", made_from=novel)
    parties, names = (authors[0], works.studio), ("R-摄制", "R-film")
    grant = works.grant(novel_title, parties, "novel-to-film", names, allocation="exclusive", share_bp=1_500)
    _pending(works, film, grant)
    works.stage.give("approve-grant", {"grant": grant}, authors[1])
    works.cite(film, works.studio, grant)
    works.list_names("OGR")
    works.tell(
        "小说两位作者共有，70 % 与 30 %；独占授权制片厂在大陆与香港摄制至 2031 年，两人各自签名，收益的 15 % 回流：",
        "two authors own the novel, 70 % and 30 %; the film is granted for the mainland and Hong Kong until 2031, "
        "exclusively, signed by both; 15 % flow back:",
    )
    works.show(rights_tree(works.check(film, "valid", "cinema"), works.words))
    _because(works, works.check(film, "invalid", "cinema-us"), "在美国放映", "shown in the United States")
    return Filmed(film, film_title, authors)


def _pending(works: Works, film: str, grant: str) -> None:
    """See that one author alone cannot bind the other: no licence, no film (Copyright Law, art. 14)."""
    asked = {"object": film, "grants": [grant]}
    works.stage.refused("does not bind", "cite-grants", asked, works.studio)


def _because(works: Works, found: dict[str, Any], chinese: str, english: str) -> None:
    because = found["because"]
    works.tell(f"{chinese}：无效。{because['zh']}", f"{english}: invalid. {because['en']}")


def train_on_research(works: Works) -> tuple[str, str]:
    """A model was trained on pictures for research alone; return a poster made with it and the poster's title."""
    archive = works.enrol("organisation", "档案馆", "archive")
    lab = works.enrol("organisation", "实验室", "lab")
    pictures_title = works.own("pictures.csv", archive, "G-图片", "G-pictures")
    pictures = works.bring("pictures.csv", archive, "图片", "pictures")
    research = works.grant(pictures_title, (archive, lab), "pictures-to-model", ("R-科研", "R-research"))
    model_title = works.own("model.json", lab, "G-模型", "G-model")
    model = works.bring("model.json", lab, "模型", "model", trained_on=pictures)
    works.cite(model, lab, research)
    free = works.grant(model_title, (lab, works.studio), "model-to-studio", ("R-模型", "R-model"))
    title = works.own("poster.svg", works.studio, "G-海报", "G-poster")
    poster = works.bring("poster.svg", works.studio, "海报", "poster", prompted_by=model)
    works.cite(poster, works.studio, free)
    works.tell(
        "海报用模型生成，模型由仅供科研的图片训练；实验室给出的比它所有的更宽，无济于事：",
        "a poster is made with a model that was trained on pictures for research alone; the lab gives more than it "
        "has, which helps nobody:",
    )
    works.show(rights_tree(works.check(poster, "invalid", "poster-licence"), works.words))
    return poster, title


def withdraw_a_consent(works: Works, film: str) -> None:
    """An actress takes her consent back; what was made of her scene is told as of before and after."""
    actress = works.enrol("person", "演员", "actress")
    works.own("scene.txt", works.studio, "G-场景", "G-scene")
    scene = works.bring("scene.txt", works.studio, "场景", "scene", includes=film)
    played = works.own("scene.txt", actress, "G-表演", "G-performance")
    parties, names = (actress, works.studio), ("R-同意", "R-consent")
    consent = works.grant(played, parties, "performance", names, kind="consent")
    works.cite(scene, works.studio, consent)
    works.own("cut.txt", works.studio, "G-剪辑", "G-cut")
    cut = works.bring("cut.txt", works.studio, "剪辑", "cut", derivation_of=scene)
    works.own("trailer.txt", works.studio, "G-预告片", "G-trailer")
    trailer = works.bring("trailer.txt", works.studio, "预告片", "trailer", derivation_of=cut)
    before = str(works.session.store.size() - 1)
    asked = {"grant": consent, "reason": "consent_withdrawn", "effective_at": works.ago(0)}
    after = str(works.stage.give("revoke-grant", asked, actress)["first_index"])
    impact = rights_impact(works.session, parse_rights_grant_id(consent), "R", None)
    if set(impact["sample"]) != {scene, cut, trailer}:
        raise Invalid(f"impact of the consent: expected scene, cut and trailer, found {works.told(impact['sample'])}")
    works.tell(
        f"演员撤回同意：受影响 {impact['count']} 件，其中直接 {impact['directly']} 件，清单的 Merkle 根 "
        f"{impact['root'][:16]}……；没有一个事件写到它们身上",
        f"the actress takes her consent back: {impact['count']} objects rest on it, {impact['directly']} directly, "
        f"Merkle root of the list {impact['root'][:16]}...; not one event was written to them",
    )
    table = Table(box=None, pad_edge=False)
    for heading in (
        works.words("对象", "object"),
        works.words(f"截至第 {before} 条", f"as of {before}"),
        works.words(f"截至第 {after} 条", f"as of {after}"),
    ):
        table.add_column(heading)
    reasons: dict[str, None] = {}
    for one in (scene, cut, trailer):
        works.check(one, "valid", as_of=before)
        because = works.check(one, "invalid", as_of=after)["because"]
        reasons[works.words(because["zh"], because["en"])] = None
        table.add_row(works.told(one), works.words("有效", "valid"), works.words("无效", "invalid"))
    works.show(table)
    for reason in reasons:
        works.tell(reason, reason)
