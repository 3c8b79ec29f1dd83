"""The manifest of a capability's version, `edgeprint.capability/1`: what may be called, under which licences.

A JSON object in the blob store; the version that its provider signs names it by SHA-256. Members:

| member | meaning |
|---|---|
| format | `edgeprint.capability/1` |
| name, version, kind | as they are filed; the kind is one of `CapabilityKind` |
| code | `{"sha256": archive (zip) in the blob store, "commit": 40 hex}`; null for a service, or where it is not here |
| entry_point | argv of the program, run in the archive's folder; `[]` where there is no code |
| weights | array of `{"name", "sha256", "size"}` |
| lock_sha256, image_sha256 | digests of the dependency lock and of the image, each hex or null |
| parameters | closed JSON Schema of the call's parameters: every object says `"additionalProperties": false` |
| inputs, outputs | media types |
| resources | `{"memory_mib", "seconds_max", "accelerator_memory_mib"}` |
| determinism | `bitwise`, `tolerance` or `stochastic` |
| licences | array of `{"component", "licence", "natures"}`, its own first, then what it pulls in |
| claimed | grades that the provider claims, such as `["g0"]` |
| tests | array of compliance tests, see `Case` |

**Fingerprint** (docs/formats.md, section 18): SHA-256 of the RFC 8785 form of {code, entry_point, weights sorted by
digest}; two versions with one fingerprint run the same bytes. **Interface**: that of {inputs, outputs, parameters}.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from domain.capability.events import (
    LICENCES_MAX,
    WEIGHTS_MAX,
    CapabilityKind,
    Grade,
    LicenceTerm,
    Nature,
)
from domain.errors import Invalid
from domain.events import Sha256
from domain.spelling import parse_hex32

FORMAT: Final = "edgeprint.capability/1"
MANIFEST_BYTES_MAX: Final = 1 << 20
MANIFEST_DEPTH_MAX: Final = 24
TESTS_MAX: Final = 100
ARGUMENTS_MAX: Final = 50
MEDIA_TYPES_MAX: Final = 50
MEMBERS: Final = (
    *("format", "name", "version", "kind", "code", "entry_point", "weights", "lock_sha256", "image_sha256"),
    *("parameters", "inputs", "outputs", "resources", "determinism", "licences", "claimed", "tests"),
)
_T = TypeVar("_T")
_E = TypeVar("_E", bound=StrEnum)


class Determinism(StrEnum):
    """What the same call gives a second time."""

    BITWISE = "bitwise"
    TOLERANCE = "tolerance"
    STOCHASTIC = "stochastic"


@dataclass(frozen=True, slots=True)
class Weights:
    """One file of weights; `size` in bytes."""

    name: str
    sha256: Sha256
    size: int


@dataclass(frozen=True, slots=True)
class Case:
    """One compliance test: a call, and what must come of it.

    `inputs` and `outputs` are file names with digests of blobs. Exit 0 must give exactly these outputs (None: any),
    10 says that the call was rejected, 20 that it ran out of resources.
    """

    name: str
    inputs: Mapping[str, Sha256]
    parameters: Any
    seed: int
    exit: int
    outputs: Mapping[str, Sha256] | None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest that was read; `document` is the JSON it was read from."""

    name: str
    version: str
    kind: CapabilityKind
    code: Sha256 | None
    entry_point: tuple[str, ...]
    weights: tuple[Weights, ...]
    memory_mib: int
    seconds_max: int
    determinism: Determinism
    licences: tuple[LicenceTerm, ...]
    claimed: tuple[Grade, ...]
    tests: tuple[Case, ...]
    document: Mapping[str, Any]

    def interface(self) -> dict[str, Any]:
        """Return what a caller sees, as JSON values."""
        return {name: self.document[name] for name in ("inputs", "outputs", "parameters")}

    def runs(self) -> dict[str, Any]:
        """Return what is run, as JSON values: the fingerprint is over their RFC 8785 form."""
        return {
            "code": None if self.code is None else self.code.hex(),
            "entry_point": list(self.entry_point),
            "weights": sorted(one.sha256.hex() for one in self.weights),
        }

    def natures(self) -> tuple[Nature, ...]:
        """Return the natures of jobs that every licence allows, sorted."""
        allowed = set.intersection(*(set(term.natures) for term in self.licences))
        return tuple(sorted(allowed))


def read_manifest(document: object) -> Manifest:
    """Return the manifest that a JSON document states.

    Raises:
        Invalid: a member is missing, unknown or of another type, a schema is open, a licence names no component.
    """
    found = _object(document, "manifest")
    if sorted(found) != sorted(MEMBERS):
        wrong = sorted(set(found) ^ set(MEMBERS))[0]
        raise Invalid(f"manifest: expected the members {', '.join(MEMBERS)}; {wrong[:60]!r} is missing or unknown")
    if found["format"] != FORMAT:
        raise Invalid(f"manifest: format: expected {FORMAT}, found another")
    kind = _word(CapabilityKind, found["kind"], "kind")
    code = None if found["code"] is None else _digest(_object(found["code"], "code").get("sha256"), "code.sha256")
    entry_point = _list(found["entry_point"], "entry_point", ARGUMENTS_MAX, _text)
    if (code is None) != (not entry_point) or (code is not None and kind is CapabilityKind.SERVICE):
        raise Invalid("manifest: expected code and entry_point, or neither: a service, or metadata of what is not here")
    for name in ("lock_sha256", "image_sha256"):
        if found[name] is not None:
            _digest(found[name], name)
    for name in ("inputs", "outputs"):
        _list(found[name], name, MEDIA_TYPES_MAX, _text)
    check_closed(_object(found["parameters"], "parameters"), "parameters")
    resources = _object(found["resources"], "resources")
    licences = _list(found["licences"], "licences", LICENCES_MAX, _licence)
    if not licences:
        raise Invalid("manifest: licences: expected its own licence first, found none")
    return Manifest(
        name=_text(found["name"], "name"),
        version=_text(found["version"], "version"),
        kind=kind,
        code=code,
        entry_point=entry_point,
        weights=_list(found["weights"], "weights", WEIGHTS_MAX, _weights),
        memory_mib=_count(resources.get("memory_mib"), "resources.memory_mib"),
        seconds_max=_count(resources.get("seconds_max"), "resources.seconds_max"),
        determinism=_word(Determinism, found["determinism"], "determinism"),
        licences=licences,
        claimed=_list(found["claimed"], "claimed", 3, lambda value, where: _word(Grade, value, where)),
        tests=_list(found["tests"], "tests", TESTS_MAX, _case),
        document=found,
    )


def check_closed(schema: object, where: str) -> None:
    """Raise Invalid where a JSON Schema of an object lets unknown members in: an interface that is open is none."""
    if isinstance(schema, list):
        for place, item in enumerate(schema):
            check_closed(item, f"{where}[{place}]")
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        raise Invalid(f'manifest: {where}: expected "additionalProperties": false, found an open object')
    if where == "parameters" and schema.get("type") != "object":
        raise Invalid("manifest: parameters: expected the schema of an object")
    for name, value in schema.items():
        check_closed(value, f"{where}.{name}")


def _licence(found: object, where: str) -> LicenceTerm:
    term = _object(found, where)
    natures = _list(term.get("natures"), f"{where}.natures", 3, lambda value, place: _word(Nature, value, place))
    return LicenceTerm(
        component=_text(term.get("component"), f"{where}.component"),
        licence=_text(term.get("licence"), f"{where}.licence"),
        natures=tuple(sorted(set(natures))),
    )


def _weights(found: object, where: str) -> Weights:
    file = _object(found, where)
    return Weights(
        name=_text(file.get("name"), f"{where}.name"),
        sha256=_digest(file.get("sha256"), f"{where}.sha256"),
        size=_count(file.get("size"), f"{where}.size"),
    )


def _case(found: object, where: str) -> Case:
    case = _object(found, where)
    expect = _object(case.get("expect"), f"{where}.expect")
    code = expect.get("exit")
    if code not in (0, 10, 20):
        raise Invalid(f"manifest: {where}.expect.exit: expected 0, 10 or 20, found {str(code)[:20]}")
    outputs = expect.get("outputs")
    return Case(
        name=_text(case.get("name"), f"{where}.name"),
        inputs=_files(case.get("inputs", {}), f"{where}.inputs"),
        parameters=_object(case.get("parameters", {}), f"{where}.parameters"),
        seed=_count(case.get("seed", 0), f"{where}.seed", low=0),
        exit=code,
        outputs=None if outputs is None else _files(outputs, f"{where}.expect.outputs"),
    )


def _files(found: object, where: str) -> dict[str, Sha256]:
    return {_file_name(name, where): _digest(value, f"{where}.{name}") for name, value in _object(found, where).items()}


def _file_name(name: str, where: str) -> str:
    if (
        not 1 <= len(name) <= 120
        or not all(c.isascii() and (c.isalnum() or c in "._-") for c in name)
        or name[0] == "."
    ):
        raise Invalid(f"manifest: {where}: expected a file name of letters, digits, dot, dash, found {name[:60]!r}")
    return name


def _object(found: object, where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise Invalid(f"manifest: {where}: expected an object")
    return found


def _list(found: object, where: str, most: int, read: Callable[[object, str], _T]) -> tuple[_T, ...]:
    if not isinstance(found, list) or len(found) > most:
        raise Invalid(f"manifest: {where}: expected an array of at most {most}")
    return tuple(read(value, f"{where}[{place}]") for place, value in enumerate(found))


def _text(found: object, where: str) -> str:
    if not isinstance(found, str) or not 1 <= len(found) <= 120 or not found.isprintable():
        raise Invalid(f"manifest: {where}: expected 1 to 120 printable characters")
    return found


def _count(found: object, where: str, low: int = 1) -> int:
    if type(found) is not int or found < low:
        raise Invalid(f"manifest: {where}: expected an integer of at least {low}")
    return found


def _digest(found: object, where: str) -> Sha256:
    return Sha256(parse_hex32(found, f"manifest: {where}"))


def _word(words: type[_E], found: object, where: str) -> _E:
    known = [str(word) for word in words if word != "unspecified"]
    if found not in known:
        raise Invalid(f"manifest: {where}: expected one of {', '.join(known)}, found {str(found)[:60]!r}")
    return words(str(found))
