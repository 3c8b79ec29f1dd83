"""The catalogue: every schema that this program writes or reads, by type, by class and by digest.

The newest version of an event is its class in `domain.<context>.events`; the schemas of older versions are the
archived files `schemas/<context>/<Event>.v<N>.avsc`, which are read for classes whose `VERSION` is above 1.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final
from uuid import UUID

from domain.capability.events import EVENTS as CAPABILITY
from domain.compliance.events import EVENTS as COMPLIANCE
from domain.errors import Invalid
from domain.events import ENVELOPE_TYPE, Event, Sha256
from domain.evidence.events import EVENTS as EVIDENCE
from domain.governance.events import EVENTS as GOVERNANCE
from domain.identity.events import EVENTS as IDENTITY
from domain.rights.events import EVENTS as RIGHTS
from schemas.avro import (
    envelope_schema,
    event_schema,
    parse_schema,
    registry_guid,
    registry_id,
    schema_digest,
    schema_text,
)
from schemas.compatibility import require_full_transitive
from schemas.lint import lint
from schemas.resolution import resolve
from schemas.shapes import Array, Enumeration, Optional, Record, Shape, describe, describe_envelope

SCHEMA_DIRECTORY: Final = Path(__file__).parent
ENVELOPE_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class SchemaText:
    """One version of one schema: its exact text and its digest."""

    name: str
    version: int
    text: bytes
    sha256: Sha256

    @property
    def file(self) -> str:
        """Return the path of its file below the schema directory: `<context>/<Event>.v<N>.avsc`."""
        return schema_file(self.name, self.version)

    @property
    def registry_id(self) -> int:
        """Return its id in a schema registry."""
        return registry_id(self.sha256)

    @property
    def guid(self) -> UUID:
        """Return its GUID in a schema registry."""
        return registry_guid(self.sha256)


@dataclass(frozen=True, slots=True)
class EventSchema(SchemaText):
    """One version of an event's schema, with the shapes of what is written under it."""

    event_class: type[Event]
    envelope: Record
    record: Record


def schema_file(name: str, version: int) -> str:
    """Return the path of a schema's file below the schema directory."""
    *context, class_name = name.split(".")
    return f"{context[-1]}/{class_name}.v{version}.avsc"


class Catalogue:
    """All versions of the schemas of a set of event classes.

    `archive` maps the file names of older versions (`schema_file`) to their texts. Every schema is linted and every
    pair of versions is checked for compatibility, so an entry under a catalogued schema cannot harm its reader.
    """

    def __init__(self, event_classes: Iterable[type[Event]], archive: Mapping[str, bytes] | None = None) -> None:
        """Raises: Invalid, for a schema that breaks a rule, a missing older version, or two of one name or digest."""
        by_type: dict[str, EventSchema] = {}
        versions: dict[str, tuple[EventSchema, ...]] = {}
        self.envelope: Final = _envelope_text()
        for event_class in event_classes:
            name = event_class.TYPE
            if name in by_type:
                raise Invalid(f"expected one class for {name}, found two")
            versions[name] = _versions(event_class, {} if archive is None else archive)
            by_type[name] = versions[name][-1]
        self.by_type: Final[Mapping[str, EventSchema]] = MappingProxyType(by_type)
        """The newest schema of each type, in the order of the classes."""
        self.versions: Final[Mapping[str, tuple[EventSchema, ...]]] = MappingProxyType(versions)
        """All schemas of each type, version 1 first."""
        self.by_class: Final[Mapping[type[Event], EventSchema]] = MappingProxyType(
            {schema.event_class: schema for schema in by_type.values()}
        )
        every = [schema for schemas in versions.values() for schema in schemas]
        require_distinct_ids([self.envelope, *every])
        _require_one_class_per_name([schema.record for schema in by_type.values()])
        self.by_digest: Final[Mapping[bytes, EventSchema]] = MappingProxyType({bytes(s.sha256): s for s in every})
        """Every version, by the first 32 bytes of its entries."""


def read_archive(event_classes: Iterable[type[Event]], directory: Path) -> dict[str, bytes]:
    """Return the texts of the older versions of the classes from their files. Raises: Invalid if one is missing."""
    archive = {}
    for event_class in event_classes:
        for version in range(1, event_class.VERSION):
            file = schema_file(event_class.TYPE, version)
            try:
                archive[file] = (directory / file).read_bytes()
            except OSError as err:
                raise Invalid(f"expected the schema of version {version} of {event_class.TYPE} in {file}") from err
    return archive


def _envelope_text() -> SchemaText:
    schema = envelope_schema()
    lint(schema)
    text = schema_text(schema)
    return SchemaText(ENVELOPE_TYPE, ENVELOPE_VERSION, text, schema_digest(text))


def _versions(event_class: type[Event], archive: Mapping[str, bytes]) -> tuple[EventSchema, ...]:
    name = event_class.TYPE
    record, envelope = describe(event_class), describe_envelope()
    newest = event_schema(record)
    texts = []
    for version in range(1, event_class.VERSION):
        file = schema_file(name, version)
        if file not in archive:
            raise Invalid(f"expected the schema of version {version} of {name} in {file}")
        texts.append(archive[file])
    texts.append(schema_text(newest))
    schemas = [parse_schema(text) for text in texts]
    for schema in schemas:
        lint(schema)
        if schema["name"] != name:
            raise Invalid(f"expected a schema of {name}, found one of {schema['name']}")
    require_full_transitive(schemas)
    made = []
    for version, (schema, text) in enumerate(zip(schemas, texts, strict=True), start=1):
        written_envelope, written = resolve(envelope, record, schema)
        digest = schema_digest(text)
        made.append(EventSchema(name, version, text, digest, event_class, written_envelope, written))
    return tuple(made)


def require_distinct_ids(schemas: Sequence[SchemaText]) -> None:
    """Raise Invalid if two schemas share a registry id, and therefore perhaps more."""
    seen: dict[int, SchemaText] = {}
    for schema in schemas:
        other = seen.setdefault(schema.registry_id, schema)
        if other is not schema:
            both = f"{other.name} v{other.version} and {schema.name} v{schema.version}"
            raise Invalid(f"expected different registry ids, found {schema.registry_id} for {both}")


def _require_one_class_per_name(records: Iterable[Record]) -> None:
    """Raise Invalid if two classes of one context share a name: `edgeprint.<context>.<Class>` would mean both."""
    owners: dict[str, type] = {}
    for name, owner in (pair for record in records for pair in _named_types(record)):
        if owners.setdefault(name, owner) is not owner:
            raise Invalid(f"expected one class under the name {name}, found two")


def _named_types(shape: Shape) -> Iterable[tuple[str, type]]:
    match shape:
        case Record(name, _, fields, python):
            yield name, python
            for field in fields:
                yield from _named_types(field.shape)
        case Enumeration(name, _, _, python):
            yield name, python
        case Array(inner) | Optional(inner):
            yield from _named_types(inner)


EVENT_CLASSES: Final[tuple[type[Event], ...]] = (
    *GOVERNANCE,
    *EVIDENCE,
    *IDENTITY,
    *CAPABILITY,
    *COMPLIANCE,
    *RIGHTS,
)
"""Every event class of every context, in the order of the contexts."""

CATALOGUE: Final = Catalogue(EVENT_CLASSES, read_archive(EVENT_CLASSES, SCHEMA_DIRECTORY))
"""The catalogue of this program."""
