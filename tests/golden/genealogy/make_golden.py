"""Write the golden files of the genealogy: `python -m tests.golden.genealogy.make_golden`.

One lineage with everything in it: a screenplay in two versions, a picture prompted by it, a model trained on two scans,
a mesh, a shot that includes it, and a derivation found later that closes a circle.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from domain.ids import LedgerId
from projections.genealogy.dot import to_dot
from projections.genealogy.extract import extract
from projections.genealogy.fold import fold
from projections.genealogy.graphml import to_graphml
from projections.genealogy.openlineage import Source, to_openlineage
from projections.genealogy.picture import folded_picture, whole_picture
from projections.genealogy.prov import to_prov
from projections.genealogy.snapshot import save
from projections.genealogy.svg import draw
from projections.genealogy.words import CHINESE, ENGLISH
from tests.genealogy_kit import LEDGER, Story, name, object_id

FOLDER = Path(__file__).parent
FOCUS = object_id(5)


def story() -> Story:
    """Return the facts."""
    made = Story()
    made.born(0, "screenplay", "film-1")
    made.born(1, "screenplay", "film-1", revision_of=[0])
    made.born(2, "scan", None)
    made.born(3, "scan", None)
    made.born(4, "weights", None, trained_on=[2, 3])
    made.born(5, "image", "film-1", prompted_by=[4], derivation_of=[1])
    made.born(6, "mesh", "film-1", made_from=[5, 3])
    made.born(7, "shot", "film-1", includes=[6], derivation_of=[1])
    made.found(2, 7)
    return made


def instant(index: int) -> datetime:
    """Return the time of a ledger index."""
    return datetime(2026, 3, 1, 8, tzinfo=UTC) + timedelta(minutes=index)


def golden() -> Mapping[str, bytes]:
    """Return every file by name."""
    genealogy = story().told()
    lineage = extract(genealogy, FOCUS)
    jobs = {FOCUS: object_id(900)}
    source = Source("https://example.org/edgeprint", "https://example.org/facets.json", "ledger", instant, jobs)
    view = fold(genealogy, FOCUS)
    return {
        "lineage.prov.json": to_prov(lineage, name, jobs),
        "lineage.graphml": "".join(to_graphml(lineage, name)).encode(),
        "lineage.dot": "".join(to_dot(lineage, name)).encode(),
        "lineage.openlineage.ndjson": b"".join(to_openlineage(lineage, name, source)),
        "lineage.svg": draw(whole_picture(lineage, name, ENGLISH)).encode(),
        "folded.zh.svg": draw(folded_picture(view, name, CHINESE)).encode(),
        "genealogy.snapshot.hex": b"".join(save(genealogy, LedgerId(LEDGER))).hex("\n", 32).encode() + b"\n",
    }


if __name__ == "__main__":
    for file, data in golden().items():
        (FOLDER / file).write_bytes(data)
