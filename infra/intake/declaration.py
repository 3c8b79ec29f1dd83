"""What a submission declares of a file: by its sidecar, by a title that the holder claims, or nothing at all."""

from dataclasses import dataclass
from typing import Any, Final

from domain.events import Sha256
from domain.identity.events import AssetClass, IntakeSource, Origin, Parent
from domain.identity.media import AssetKind
from domain.identity.trace_set import Declared
from infra.intake.walk import Found

_DOORS: Final = {
    Origin.HUMAN_WORK: IntakeSource.CREATION,
    Origin.EXTERNAL_SERVICE: IntakeSource.EXTERNAL_MODEL_SERVICE,
    Origin.IMPORTED: IntakeSource.PRODUCTION_STOCK,
}
NOTHING: Final = Declared({})


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declaration in the domain's words; `document` is the sidecar itself, for the intake manifest."""

    asset_class: AssetClass
    origin: Origin
    intake_source: IntakeSource
    parents: tuple[Parent, ...] = ()
    declared: Declared = NOTHING
    sha256: Sha256 | None = None
    project: str | None = None
    document: Any = None


def declaration_of(found: Found) -> Declaration | None:
    """Return what the file's sidecar declares, None without one. Raises: Invalid for a sidecar that is no sidecar."""
    if found.sidecar is None:
        return None
    from infra.intake.sidecar import load_sidecar  # brings pydantic, which takes a tenth of a second

    sidecar = load_sidecar(found.sidecar, found.path.rpartition("/")[2])
    origin = sidecar.declared_origin()
    return Declaration(
        asset_class=sidecar.declared_class(),
        origin=origin,
        intake_source=sidecar.declared_source(_DOORS.get(origin, IntakeSource.PRODUCTION_NEW)),
        parents=sidecar.declared_parents(),
        declared=sidecar.declared(),
        sha256=Sha256(bytes.fromhex(sidecar.sha256)) if sidecar.sha256 else None,
        project=sidecar.project,
        document=sidecar.document(),
    )


def undeclared(kind: AssetKind, *, own: bool) -> Declaration:
    """Return what stands for silence: a work of one's own where a title says so, else an import of unknown making.

    Model weights are computable even where nobody says so; being silent must not make the gate lower.
    """
    origin = Origin.HUMAN_WORK if own else Origin.IMPORTED
    asset_class = AssetClass.COMPUTABLE if kind is AssetKind.MODEL_WEIGHTS else AssetClass.STATIC
    return Declaration(asset_class, origin, _DOORS[origin])
