"""The closed schema of a sidecar: every section, every field, nothing else; strict types, frozen values.

Each section states one element of the minimum traceable set (domain.md section 3). Its digest is SHA-256 of the
section's RFC 8785 form, members that are null left out; a section that holds nothing but `sha256` stands for a document
kept elsewhere, and that digest is its own. Numbers are integers, so that every program computes the same digest.
"""

from __future__ import annotations

import hashlib
import unicodedata
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

import rfc8785
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from domain.errors import Invalid
from domain.events import Sha256
from domain.ids import parse_capability_id, parse_object_id, parse_title_id
from domain.spelling import HEX32
from schemas.strict_json import INTEGER_MAX

SIDECAR_FORMAT: Final = "edgeprint/sidecar/1"
TEXT_CHARACTERS_MAX = 512
LIST_ITEMS_MAX = 1_000
SETTINGS_MAX = 64
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _check_text(text: str) -> str:
    """Refuse text that looks alike but is not: not in NFC, or with control and format characters."""
    if not unicodedata.is_normalized("NFC", text):
        raise ValueError("expected text in Unicode normal form NFC")
    unsafe = next((character for character in text if unicodedata.category(character) in _UNSAFE_CATEGORIES), None)
    if unsafe is not None:
        raise ValueError(f"expected text without control and format characters, found U+{ord(unsafe):04X}")
    return text


def _check_object(text: str) -> str:
    return _check_id(text, parse_object_id)


def _check_capability(text: str) -> str:
    return _check_id(text, parse_capability_id)


def _check_title(text: str) -> str:
    return _check_id(text, parse_title_id)


def _check_id(text: str, parse: Any) -> str:
    try:
        parse(text)
    except Invalid as err:
        raise ValueError(str(err)) from err
    return text


def _check_time(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError as err:
        raise ValueError("expected a time that exists") from err
    return text


Text = Annotated[
    str, StringConstraints(min_length=1, max_length=TEXT_CHARACTERS_MAX), AfterValidator(_check_text)
]  # fmt: skip
Hex64 = Annotated[str, StringConstraints(pattern=f"^{HEX32.pattern}$")]
Integer = Annotated[int, Field(ge=-INTEGER_MAX, le=INTEGER_MAX)]
Count = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]
Time = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?Z$"),
    AfterValidator(_check_time),
]
ProjectCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=64)]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=100)]

OriginName = Literal["human_work", "captured", "algorithmic", "generated_here", "external_service", "imported"]
IntakeSourceName = Literal[
    "creation", "production_new", "production_stock", "heritage_film", "external_model_service"
]  # fmt: skip
RootName = Literal[
    "own_creation", "employment", "commission", "assignment", "public_domain", "statutory", "archival_custody",
    "orphan", "open_licence",
]  # fmt: skip
RelationName = Literal[
    "derivation_of", "revision_of", "variant_of", "trained_on", "prompted_by", "rendered_from", "down_converted_from",
    "made_from", "includes",
]  # fmt: skip


class Section(BaseModel):
    """What all sections share: unknown fields refused, no coercion, at least one field."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        if not self.document():
            raise ValueError("expected at least one field, found none; leave the section out")
        return self

    def document(self) -> dict[str, Any]:
        """Return the section as JSON values, members that are null left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def digest(self) -> Sha256:
        """Return the digest that stands for this section in the ledger."""
        document = self.document()
        if document.keys() == {"sha256"}:
            return Sha256(bytes.fromhex(document["sha256"]))
        return Sha256(hashlib.sha256(rfc8785.dumps(document)).digest())


class Parent(Section):
    """One edge of the genealogy, to an object that has its identifier already."""

    object: Annotated[Identifier, AfterValidator(_check_object)] = Field(description="the parent's object identifier")
    relation: RelationName = Field(description="how this object comes from it")


class Authorisation(Section):
    """Why the holder may bring it in, and the terms."""

    root: RootName = Field(description="root of title")
    title: Annotated[Identifier, AfterValidator(_check_title)] | None = Field(None, description="title identifier")
    terms_sha256: Hex64 | None = Field(None, description="SHA-256 of the terms as a file")
    licence: Text | None = Field(None, description="licence, by its SPDX name where it has one")
    source: Text | None = Field(None, description="where it was obtained, for works of others")


class Model(Section):
    """What made it: a model at a service, weights of one's own, or code without weights."""

    capability: Annotated[Identifier, AfterValidator(_check_capability)] | None = Field(
        None, description="capability identifier, where it is registered here"
    )
    provider: Text | None = Field(None, description="who runs the service")
    name: Text | None = Field(None, description="name of the model")
    version: Text | None = Field(None, description="version of the model")
    weights_sha256: Hex64 | None = Field(None, description="digest of the weights")
    code_sha256: Hex64 | None = Field(None, description="digest of the code, for algorithmic jobs")
    signature_sha256: Hex64 | None = Field(None, description="SHA-256 of the signature over the weights")
    filing: Text | None = Field(None, description="filing number of the generative service (备案号)")
    receipt_sha256: Hex64 | None = Field(None, description="SHA-256 of the provider's signed receipt")
    sha256: Hex64 | None = Field(None, description="digest of a document that says all this")


class Parameters(Section):
    """With what it was made. Never a prompt in clear: `prompt_commitment` is a salted commitment."""

    prompt_commitment: Hex64 | None = Field(None, description="SHA-256 commitment with 32 random bytes of salt")
    negative_prompt_commitment: Hex64 | None = Field(None, description="the same for the negative prompt")
    seed: Integer | None = Field(None, description="random seed")
    steps: Count | None = Field(None, description="number of steps")
    inputs: tuple[Hex64, ...] | None = Field(None, max_length=LIST_ITEMS_MAX, description="SHA-256 of input files")
    node: Text | None = Field(None, description="node of the workflow")
    project_sha256: Hex64 | None = Field(None, description="SHA-256 of the project file it was made in")
    settings: dict[Name, Integer | Text] | None = Field(
        None, max_length=SETTINGS_MAX, description="further settings; integers or strings"
    )
    sha256: Hex64 | None = Field(None, description="digest of a document that says all this")


class Scanner(Section):
    """By what a film was scanned: without this profile the environment of heritage film is not known."""

    maker: Text = Field(description="who built the scanner")
    model: Text = Field(description="model of the scanner")
    width_px: Count = Field(description="width of a scanned frame in pixels")
    height_px: Count = Field(description="height of a scanned frame in pixels")
    bits_per_sample: Count = Field(description="bits of one sample")
    encoding: Literal["linear", "log"] = Field(description="how samples stand for light")
    light_source: Text | None = Field(None, description="lamp, such as LED or xenon")
    wet_gate: bool | None = Field(None, description="scanned in a liquid that hides scratches")
    calibration_sha256: Hex64 | None = Field(None, description="SHA-256 of the calibration record")


class Film(Section):
    """The strip that was scanned."""

    gauge: Literal["8mm", "super8", "9.5mm", "16mm", "super16", "28mm", "35mm", "super35", "65mm", "70mm"] = Field(
        description="width of the strip"
    )
    base: Literal["nitrate", "acetate", "polyester"] | None = Field(None, description="what it is made of")
    generation: Literal["original_negative", "interpositive", "internegative", "reversal", "print"] | None = Field(
        None, description="which copy"
    )
    reel: Text | None = Field(None, description="reel, as the archive counts")
    edge_code: Text | None = Field(None, description="code printed along the edge (片边码)")


class Environment(Section):
    """Where it was made: container image and machine, or the recording device."""

    image: Text | None = Field(None, description="container image, by digest")
    lock_sha256: Hex64 | None = Field(None, description="SHA-256 of the dependency lock file")
    driver: Text | None = Field(None, description="driver and its version")
    device: Text | None = Field(None, description="accelerator, camera, scanner or recorder")
    precision: Text | None = Field(None, description="numeric precision")
    commit: Text | None = Field(None, description="commit of the code")
    tools: Text | None = Field(None, description="tools and their versions, for works of human hand")
    scanner: Scanner | None = Field(None, description="profile of the film scanner; heritage film needs it")
    film: Film | None = Field(None, description="the strip that was scanned")
    sha256: Hex64 | None = Field(None, description="digest of a document that says all this")


class Job(Section):
    """In which session or job, and when."""

    id: Text | None = Field(None, description="our own job")
    provider_id: Text | None = Field(None, description="the provider's name for the job")
    session: Text | None = Field(None, description="session of a person or a shooting day; no names of persons")
    started: Time | None = Field(None, description="UTC, such as 2026-01-31T08:00:00Z")
    ended: Time | None = Field(None, description="UTC, not before `started`")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        times = [datetime.fromisoformat(text) for text in (self.started, self.ended) if text]
        if times != sorted(times):
            raise ValueError(f"expected an end not before {self.started}, found {self.ended}")
        return self


class Document(Section):
    """A document kept elsewhere, by its digest."""

    sha256: Hex64 = Field(description="SHA-256 of the document")


class SidecarModel(Section):
    """What a file's sidecar `NAME.edgeprint.json` may declare about NAME."""

    format: Literal["edgeprint/sidecar/1"] = Field(description="this format")
    file: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(description="name of the file")
    sha256: Hex64 | None = Field(None, description="SHA-256 of the file; refused where the file is another")
    title: Text | None = Field(None, description="what people call it")
    project: ProjectCode | None = Field(None, description="code of the production it belongs to")
    asset_class: Literal["S", "C", "I"] = Field("S", alias="class", description="static, computable, interactive")
    origin: OriginName = Field(description="how it came into being")
    intake_source: IntakeSourceName | None = Field(None, description="through which door it comes")
    parents: tuple[Parent, ...] = Field((), max_length=200, description="what it comes from")
    authorisation: Authorisation | None = None
    model: Model | None = None
    parameters: Parameters | None = None
    environment: Environment | None = None
    job: Job | None = None
    ml_bom: Document | None = Field(None, description="class C: bill of materials of the model")
    training: Document | None = Field(None, description="class C: training statement")
    contract: Document | None = Field(None, description="class I: behaviour contract")
