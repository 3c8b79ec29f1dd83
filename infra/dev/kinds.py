"""The kinds of objects in a film house, and how the traceable set of each is judged.

| share of 1,000 | kinds |
|---|---|
| human work | screenplay 30, storyboard 80, prompt 40, texture 40, mesh 60, scene 190, timeline 3, package 2 |
| interactive | character 2 |
| captured | still 130, plate 40, scan (heritage film) 30 |
| algorithmic | restoration 10, shot 80, proxy 35 |
| generated here, by an external service | image 180, weights 0.3; matte 20 |
| imported | stock 30 |

Look-up tables, base weights and data sets are made where the house needs them, not by share. Evidence is what a
production has once for all of its objects (one grant, one camera profile, one render node), so one judgement serves
thousands of objects, as in a real house.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.events import Sha256
from domain.identity.events import AssetClass, Element, IntakeSource, Level, Origin, TraceSetJudged
from domain.identity.trace_set import BUILT_IN, Declared, Judgement, judge
from domain.rights.events import Root
from infra.intake.hazards import PICKLED

EVIDENCE: Final = tuple(element for element in Element if element not in (Element.UNSPECIFIED, Element.HASH))


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind; `share` of 1,000 objects, 0 where the house makes it by rule. `declared` are the elements asked for
    beside the hash, `attested` those of them that another party must attest."""

    name: str
    media_type: str
    origin: Origin
    door: IntakeSource = IntakeSource.PRODUCTION_NEW
    asset_class: AssetClass = AssetClass.STATIC
    share: float = 0.0
    hold: str | None = None
    declared: tuple[Element, ...] = field(init=False)
    attested: tuple[Element, ...] = field(init=False)

    def __post_init__(self) -> None:
        required = BUILT_IN.required[self.origin, self.asset_class]
        attested = tuple(element for element, level in required.items() if level is Level.ATTESTED)
        object.__setattr__(self, "declared", tuple(element for element in EVIDENCE if element in required))
        object.__setattr__(self, "attested", attested)


_HUMAN, _HERE, _JOB = Origin.HUMAN_WORK, Origin.GENERATED_HERE, Origin.ALGORITHMIC
_CREATION, _STOCK = IntakeSource.CREATION, IntakeSource.PRODUCTION_STOCK
_USD, _PNG, _TIFF = "model/vnd.usd+zip", "image/png", "image/tiff"

KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("screenplay", "text/plain", _HUMAN, _CREATION, share=30),
        Kind("storyboard", _PNG, _HUMAN, _CREATION, share=80),
        Kind("prompt", "text/plain", _HUMAN, share=40),
        Kind("still", "image/jpeg", Origin.CAPTURED, share=130),
        Kind("plate", "video/quicktime", Origin.CAPTURED, share=40),
        Kind("scan", _TIFF, Origin.CAPTURED, IntakeSource.HERITAGE_FILM, share=30),
        Kind("restoration", _TIFF, _JOB, _STOCK, share=10),
        Kind("texture", _PNG, _HUMAN, share=40),
        Kind("mesh", _USD, _HUMAN, share=60),
        Kind("scene", _USD, _HUMAN, share=190),
        Kind("image", _PNG, _HERE, share=180),
        Kind("matte", _PNG, Origin.EXTERNAL_SERVICE, IntakeSource.EXTERNAL_MODEL_SERVICE, share=20),
        Kind("stock", "image/jpeg", Origin.IMPORTED, _STOCK, share=30),
        Kind("shot", "image/x-exr", _JOB, share=80),
        Kind("proxy", "video/mp4", _JOB, share=35),
        Kind("timeline", "application/json", _HUMAN, share=3),
        Kind("package", "application/zip", _HUMAN, share=2),
        Kind("character", _USD, _HUMAN, asset_class=AssetClass.INTERACTIVE, share=2),
        Kind("weights", "application/octet-stream", _HERE, asset_class=AssetClass.COMPUTABLE, share=0.3),
        Kind("lut", "text/plain", _HUMAN),
        Kind("dataset", "application/json", _HUMAN),
        Kind("base-weights", "application/x-pytorch", Origin.IMPORTED, _STOCK, AssetClass.COMPUTABLE, hold=PICKLED),
    )
}


@dataclass(frozen=True, slots=True)
class Papers:
    """What a production can show for its objects: one document an element, and what others state of them."""

    number: int
    evidence: Mapping[Element, Sha256]
    statement: Sha256

    def declared(self, kind: Kind, lacking: Element | None = None) -> Declared:
        """Return what is declared of an object of this kind, all but `lacking`."""
        evidence = {element: self.evidence[element] for element in kind.declared if element is not lacking}
        return Declared(evidence, Root.EMPLOYMENT if Element.AUTHORISATION in evidence else Root.UNSPECIFIED)


class Judge:
    """The product's own judgement, remembered for each production, kind and lack: a few thousand at most."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str, Element | None], tuple[TraceSetJudged, Judgement]] = {}

    def judge(
        self, papers: Papers, kind: Kind, lacking: Element | None, title_statement: Sha256 | None
    ) -> tuple[TraceSetJudged, Judgement]:
        """Return the event of the first judgement, and what it concludes."""
        if title_statement is not None:
            return _judge(papers, kind, lacking, title_statement)
        key = (papers.number, kind.name, lacking)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = _judge(papers, kind, lacking, None)
        return found


def _judge(
    papers: Papers, kind: Kind, lacking: Element | None, title_statement: Sha256 | None
) -> tuple[TraceSetJudged, Judgement]:
    declared = papers.declared(kind, lacking)
    judgement = judge(BUILT_IN, kind.origin, kind.door, kind.asset_class, declared, title_statement)
    return TraceSetJudged(origin=kind.origin, intake_source=kind.door, cells=judgement.cells), judgement
