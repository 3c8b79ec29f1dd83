"""Sidecars: what people declare about a file, in `NAME.edgeprint.json` beside it.

A complete example, for `still.png`:

    {"format": "edgeprint/sidecar/1", "file": "still.png", "origin": "external_service",
     "intake_source": "external_model_service",
     "authorisation": {"root": "own_creation", "terms_sha256": "<64 hex digits>"},
     "model": {"provider": "Example Image Service", "name": "example-image", "version": "3",
               "filing": "Example-2026-0001", "receipt_sha256": "<64 hex digits>"},
     "parameters": {"prompt_commitment": "<64 hex digits>", "seed": 7, "steps": 30},
     "environment": {"image": "run by the provider"},
     "job": {"provider_id": "job-81", "started": "2026-01-31T08:00:00Z"}}

A sidecar is foreign input and its author's word only: it raises nothing above `declared`. Prompts are secrets and are
refused in clear: the file goes into the blob store, and a bare hash of a prompt that can be guessed gives it away. The
commitment is formats.md section 5's with an event id of 16 zero bytes and the path `prompt`; its author keeps the salt.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from domain.errors import Invalid
from domain.events import Sha256
from domain.identity.events import AssetClass, Element, IntakeSource, Origin, Parent, Relation
from domain.identity.trace_set import Declared
from domain.ids import parse_object_id
from domain.rights.events import Root
from infra.intake.opened import open_file
from infra.intake.refusal import FileRefused, display, refuse_error
from infra.intake.sidecar_model import Environment, Section, SidecarModel
from schemas.strict_json import parse_strict, shown

SIDECAR_BYTES_MAX: Final = 256 * 1024
SIDECAR_DEPTH_MAX: Final = 6
HERITAGE: Final = str(IntakeSource.HERITAGE_FILM)
_ERRORS_SHOWN = 5
_UNION_BRANCH: Final = re.compile(r"^constrained-|^function-|\[")
_CLASSES: Final = {"S": AssetClass.STATIC, "C": AssetClass.COMPUTABLE, "I": AssetClass.INTERACTIVE}
_ELEMENTS: Final = (
    Element.AUTHORISATION,
    Element.MODEL,
    Element.PARAMETERS,
    Element.ENVIRONMENT,
    Element.JOB,
    Element.ML_BOM,
    Element.TRAINING,
    Element.CONTRACT,
)
_NO_PROMPT: Final = (
    "a prompt is a secret and is not kept in clear, and a bare hash of a prompt that can be guessed gives it away; "
    "expected a salted commitment in parameters.prompt_commitment"
)


class Sidecar(SidecarModel):
    """A sidecar that has been read: the closed schema, and what the gate wants to know from it."""

    def declared(self) -> Declared:
        """Return the digest of every section that is there, by element, and the root of title it names.

        The environment of heritage film is its scanner's profile: a section without it, which is no document either,
        declares nothing.
        """
        evidence: dict[Element, Sha256] = {}
        for element in _ELEMENTS:
            section: Section | None = getattr(self, element.value)
            if section is self.environment and self.intake_source == HERITAGE and not _profiled(self.environment):
                continue
            if section is not None:
                evidence[element] = section.digest()
        return Declared(evidence, Root(self.authorisation.root) if self.authorisation else Root.UNSPECIFIED)

    def declared_class(self) -> AssetClass:
        """Return the asset class that is declared; static where nothing is."""
        return _CLASSES[self.asset_class]

    def declared_origin(self) -> Origin:
        """Return the origin that is declared."""
        return Origin(self.origin)

    def declared_source(self, default: IntakeSource) -> IntakeSource:
        """Return the door that is declared, else `default`."""
        return IntakeSource(self.intake_source) if self.intake_source else default

    def declared_parents(self) -> tuple[Parent, ...]:
        """Return the declared edges."""
        return tuple(
            Parent(object_id=parse_object_id(parent.object), relation=Relation(parent.relation))
            for parent in self.parents
        )

    def check_content(self, sha256: bytes, where: str) -> None:
        """Raise Invalid where the sidecar was written for other bytes than those with this SHA-256."""
        if self.sha256 is not None and self.sha256 != sha256.hex():
            raise Invalid(f"{where}: field sha256: the file is another: expected {sha256.hex()}, found {self.sha256}")


def _profiled(environment: Environment | None) -> bool:
    return environment is not None and (environment.scanner is not None or environment.sha256 is not None)


def load_sidecar(path: str | Path, for_name: str) -> Sidecar:
    """Return the sidecar at `path`, which must speak of the file `for_name` (a name without folders).

    Raises:
        Invalid: the file cannot be read, is too large or broken, or names another file; the message names path, field,
            what was expected and what was found.
    """
    return parse_sidecar(read_sidecar(path), for_name, display(path))


def read_sidecar(path: str | Path) -> bytes:
    """Return the bytes of a sidecar, at most one more than SIDECAR_BYTES_MAX. Raises: Invalid."""
    try:
        with open_file(path, allow_empty=True) as opened:
            try:
                return os.pread(opened.fd, SIDECAR_BYTES_MAX + 1, 0)
            except OSError as err:
                raise FileRefused(refuse_error(opened.path, err, seen=True)) from err
    except FileRefused as err:
        raise Invalid(f"sidecar {err.refused}") from err


def parse_sidecar(data: bytes, for_name: str, where: str) -> Sidecar:
    """Return the sidecar in `data`. `where` names it in messages. Raises: Invalid, nothing else."""
    document = parse_strict(data, where, bytes_max=SIDECAR_BYTES_MAX, depth_max=SIDECAR_DEPTH_MAX)
    if not isinstance(document, dict):
        raise Invalid(f"{where}: expected a JSON object, found {shown(document)}")
    _refuse_prompts(document, where, ())
    try:
        sidecar = Sidecar.model_validate_json(data)
    except ValidationError as err:
        raise Invalid(f"{where}: {_explain(err)}") from err
    if unicodedata.normalize("NFC", sidecar.file) != unicodedata.normalize("NFC", for_name):
        found = f"expected {shown(for_name)}, found {shown(sidecar.file)}"
        raise Invalid(f"{where}: field file: the sidecar names another file: {found}")
    return sidecar


def sidecar_schema() -> bytes:
    """Return the JSON Schema of a sidecar, as it is committed in docs/reference/sidecar.schema.json."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **SidecarModel.model_json_schema(by_alias=True),
        "title": "edgeprint/sidecar/1",
    }
    return json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True).encode() + b"\n"


def _refuse_prompts(value: object, where: str, place: tuple[str, ...]) -> None:
    """Refuse a prompt in clear before anything else, without repeating it in the message."""
    if isinstance(value, list):
        for position, item in enumerate(value):
            _refuse_prompts(item, where, (*place, str(position)))
    if not isinstance(value, dict):
        return
    for name, item in value.items():
        if "prompt" in name.lower() and not name.endswith("prompt_commitment"):
            raise Invalid(f"{where}: field {_place((*place, name))}: {_NO_PROMPT}")
        _refuse_prompts(item, where, (*place, name))


def _explain(error: ValidationError) -> str:
    """Return what is wrong: field, what was expected, what was found; the first few of several."""
    faults: dict[str, str] = {}
    for item in error.errors(include_url=False):
        parts = [str(part) for part in item["loc"]]
        place = _place(tuple(part for part in parts if not _UNION_BRANCH.search(part)))
        faults.setdefault(place, f"field {place}: {_fault(item)}")
    lines = list(faults.values())
    more = [f"and {len(lines) - _ERRORS_SHOWN} more"] if len(lines) > _ERRORS_SHOWN else []
    return "; ".join(lines[:_ERRORS_SHOWN] + more)


def _fault(item: ErrorDetails) -> str:
    """Return one fault of a field. The value of a field that nobody knows is not repeated: it may be a secret."""
    kind, message = item["type"], item["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return "unknown field"
    if kind == "missing":
        return "expected a value, found nothing"
    if kind == "string_pattern_mismatch":
        message = f"expected text that matches {item['ctx']['pattern']}"
    message = message.replace("Input should be ", "expected ", 1)
    found = "" if ", found" in message else f", found {shown(item['input'])}"
    return f"{message[:1].lower()}{message[1:]}{found}"


def _place(parts: tuple[str, ...]) -> str:
    """Return the place of a field, `parameters.seed`, safe to print."""
    shown_parts = (part if part.isascii() and part.isprintable() else shown(part)[1:-1] for part in parts)
    return ".".join(shown_parts)[:200] or "(all)"
