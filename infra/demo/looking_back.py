"""The end of the story: a second draft that comes from the first, its lineage, and where the film stood before."""

import json
from pathlib import Path
from typing import Final

from domain.ids import parse_object_id
from infra.bootstrap import Session
from infra.cli.output import Words
from infra.cli.trees import lineage_trees, status_tables
from infra.demo.people import Say
from infra.demo.works import show
from infra.intake.run import IdentifyRun, bringer_of, declare_own_creation, identify_paths
from infra.intake.walk import SIDECAR_SUFFIX
from infra.views.answers import asset_lineage, compliance_status
from infra.views.diff import between

PROJECT: Final = "lamp-at-the-weir"
SECOND_DRAFT: Final = {
    "lamp-at-the-weir-2.fountain": [("lamp-at-the-weir.fountain", "revision_of")],
    "shot-010-colour.png": [("shot-010.png", "derivation_of"), ("night-river.png", "made_from")],
    "lamp-at-the-weir-2.otio": [
        ("lamp-at-the-weir.otio", "revision_of"),
        ("shot-010-colour.png", "includes"),
        ("shot-020.png", "includes"),
        ("lamp-at-the-weir-2.fountain", "made_from"),
    ],
}
"""What the director brings later: each file, and what it comes from by name."""


def look_back(session: Session, run: IdentifyRun, film: Path | None, earlier: int, words: Words, say: Say) -> None:
    """Bring a second draft of the example film, if it is that; draw a lineage, and compare two places of the ledger.

    `earlier` is the last index that was sealed when the first files had been identified.
    """
    say(
        words(
            "\n十三、回看：由来、截至某一处的状况、两处之间",
            "\n13. Looking back: what it is made of, and where it stood",
        )
    )
    places = {item.display.rpartition("/")[2]: item.object_id for item in run.answers}
    if film is not None:
        _second_draft(session, film, places, words, say)
    focus = places.get("lamp-at-the-weir-2.otio") or run.answers[0].object_id
    lineage = asset_lineage(session, parse_object_id(focus), None)
    show(say, *lineage_trees(lineage, words))
    project = PROJECT if film is not None else None
    for place in (str(earlier), None):
        told = compliance_status(session, project, place)
        at = told["as_of"]
        say(
            words(
                f"   截至第 {at['position']} 条（{at['instant']}）",
                f"   as of index {at['position']} ({at['instant']})",
            )
        )
        show(say, *status_tables(told, words))
    _difference(session, earlier, words, say)


def _second_draft(session: Session, film: Path, places: dict[str, str], words: Words, say: Say) -> None:
    folder = session.home.path.parent / f"{session.home.path.name}-second-draft"
    folder.mkdir(exist_ok=True)
    for name, parents in SECOND_DRAFT.items():
        source = next(path for path in sorted(film.rglob(parents[0][0])))
        data = source.read_bytes()
        text = b"\n\nINT. WEIR HOUSE - DAWN\n\nThe lamp is still lit.\n" if name.endswith(".fountain") else b"\n"
        (folder / name).write_bytes(data + text)
        sidecar = {
            "format": "edgeprint/sidecar/1",
            "file": name,
            "origin": "human_work",
            "intake_source": "creation",
            "project": PROJECT,
            "parents": [{"object": places[parent], "relation": relation} for parent, relation in parents],
        }
        (folder / f"{name}{SIDECAR_SUFFIX}").write_text(json.dumps(sidecar))
        declare_own_creation(session, [folder / name], bringer_of(session))
        second = identify_paths(session, [folder / name], bringer_of(session))
        places[name] = second.answers[0].object_id
    say(
        words(
            f"   导演交来第二稿 {len(SECOND_DRAFT)} 件；剪辑表由来如下",
            f"   the director brings a second draft of {len(SECOND_DRAFT)} files; the timeline comes from",
        )
    )


def _difference(session: Session, earlier: int, words: Words, say: Say) -> None:
    found = between(session, str(earlier), str(session.seal() - 1))
    events = sum(found["events"].values())
    say(
        words(
            f"   其间 {events} 个事件，新增对象 {len(found['born'])}，状态变化 {len(found['moved'])}；"
            "后一棵树包含前一棵，一致性证明已核验",
            f"   between them {events} events, {len(found['born'])} objects born, {len(found['moved'])} moved on; "
            "the later tree contains the earlier one, proved",
        )
    )
