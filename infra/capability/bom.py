"""A CycloneDX bill of materials (ECMA-424) of a model: validated by CycloneDX's own schema, files named by SHA-256."""

import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from domain.errors import Invalid
from domain.events import Sha256
from schemas.strict_json import shown

if TYPE_CHECKING:
    from cyclonedx.validation.json import JsonStrictValidator

VERSIONS: Final = ("1.5", "1.6", "1.7")
"""Versions of the specification that have components of the type machine-learning-model and are read here."""
COMPONENTS_MAX: Final = 10_000
DEPTH_MAX: Final = 20


def read_bom(data: bytes) -> frozenset[Sha256]:
    """Return the SHA-256 digests of the files that a bill of materials names.

    Raises:
        Invalid: it is not JSON of one of VERSIONS, breaks CycloneDX's schema, or names no model though it names files.
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as err:
        raise Invalid(f"bill of materials: expected CycloneDX JSON: {str(err)[:100]}") from err
    if not isinstance(document, dict) or document.get("specVersion") not in VERSIONS:
        found = shown(document.get("specVersion")) if isinstance(document, dict) else "no object"
        raise Invalid(f"bill of materials: expected CycloneDX {', '.join(VERSIONS)}, found {found}")
    _validate(data, document["specVersion"])
    components = _components(document.get("components", []), 0)
    if len(components) > COMPONENTS_MAX:
        raise Invalid(f"bill of materials: expected at most {COMPONENTS_MAX} components, found {len(components)}")
    named = frozenset(
        Sha256(bytes.fromhex(one["content"]))
        for component in components
        for one in component.get("hashes", [])
        if one["alg"] == "SHA-256"
    )
    if not any(component["type"] in ("machine-learning-model", "application") for component in components):
        raise Invalid("bill of materials: expected a component of type machine-learning-model or application")
    return named


def _validate(data: bytes, version: str) -> None:
    fault = _validator(version).validate_str(data.decode("utf-8", "replace"))
    if fault is not None:
        raise Invalid(f"bill of materials: {str(fault).splitlines()[0][:200]}")


@cache
def _validator(version: str) -> "JsonStrictValidator":
    from cyclonedx.schema import SchemaVersion  # a second that only bills of materials need
    from cyclonedx.validation.json import JsonStrictValidator

    return JsonStrictValidator(SchemaVersion.from_version(version))


def _components(found: list[dict[str, Any]], depth: int) -> list[dict[str, Any]]:
    if depth > DEPTH_MAX:
        raise Invalid(f"bill of materials: expected at most {DEPTH_MAX} levels of components")
    inner = [component for one in found for component in _components(one.get("components", []), depth + 1)]
    return [*found, *inner]
