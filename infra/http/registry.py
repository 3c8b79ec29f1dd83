"""The read side of Confluent's schema registry API over the catalogue of this program.

Subjects are Avro full names (RecordNameStrategy), versions count from 1, ids and GUIDs come from the digest of the
schema's text (`schemas.avro`), so every edgeprint with the same schemas gives the same ids. A schema is served as
exactly the text of its `.avsc` file, whose SHA-256 begins every entry under it. `edgeprint.Envelope` is no subject: it
is part of every schema and no record is written under it alone. There is one context, `.`, and nothing is ever
deleted; query parameters of Confluent's API that could make no difference here are passed over.

| request | answer |
|---|---|
| GET /subjects[?subjectPrefix=&offset=&limit=] | all subjects, sorted |
| GET /subjects/{s}/versions | version numbers |
| GET /subjects/{s}/versions/{v or latest} | subject, version, id, guid, schemaType, schema |
| GET /subjects/{s}/versions/{v}/schema | the schema's text |
| GET /subjects/{s}/versions/{v}/referencedby | [] |
| GET /schemas/ids/{id}, /schemas/guids/{guid} | schema, schemaType, guid |
| GET /schemas/ids/{id}/schema, .../subjects, .../versions | its text, its subject, its subject and version |
| GET /schemas/types, /contexts, /associations/... | ["AVRO"], ["."], [] |
| GET /config[/{s}], /mode[/{s}] | FULL_TRANSITIVE, READONLY |
| POST /subjects/{s} | the version whose schema equals the one sent, compared as JSON values |
| POST /subjects/{s}/versions | its id if it is there (stock serialisers register before they write), else 42205 |
| POST /compatibility/subjects/{s}/versions[/{v or latest}][?verbose=true] | is_compatible, messages |

Compatible means that the schema could follow versions 1 to v of the subject (all of them without v): it passes the
linter and is FULL_TRANSITIVE with each by the rules of `schemas.compatibility`, which are stricter than Avro's.
Whatever else would write is refused with 42205 (`infra.http.app`).

A complete real example: GET /schemas/ids/1915467731 answers
{"schema": "{\\"doc\\":\\"The ledger exists from here on; ...\\"}", "schemaType": "AVRO", "guid":
"f22bb7d3-f220-12de-edb1-1e69f138dd98"} for `edgeprint.evidence.LedgerFounded`.
"""

import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from domain.errors import Invalid
from infra.http.confluent import (
    SCHEMA_TYPE,
    answer,
    answer_text,
    fault,
    is_true,
    page,
    parse_schema_request,
    pick_version,
    plain_subject,
    read_only,
    shown,
)
from schemas.avro import Json
from schemas.catalogue import Catalogue, EventSchema
from schemas.compatibility import incompatibilities
from schemas.lint import lint

COMPATIBILITY: Final = "FULL_TRANSITIVE"
_EVERY_CONTEXT: Final = ":*:"
_Handler = Callable[..., Coroutine[Any, Any, Response]]


def make_registry_router(catalogue: Catalogue) -> APIRouter:
    """Return the routes of this module over the schemas of a catalogue."""
    router = APIRouter(tags=["schema registry"])
    registry = _Registry(catalogue)
    for path, handler in registry.reads().items():
        router.add_api_route(path, handler, methods=["GET"], operation_id=_operation("get", path))
    for path, handler in registry.questions().items():
        router.add_api_route(path, handler, methods=["POST"], operation_id=_operation("post", path))
    return router


class _Registry:
    """The handlers, over indexes of the catalogue that are made once and only read."""

    def __init__(self, catalogue: Catalogue) -> None:
        every = [schema for versions in catalogue.versions.values() for schema in versions]
        self._versions = catalogue.versions
        self._by_id: Mapping[int, EventSchema] = {schema.registry_id: schema for schema in every}
        self._by_guid: Mapping[UUID, EventSchema] = {schema.guid: schema for schema in every}
        self._parsed: Mapping[str, list[dict[str, Json]]] = {
            name: [json.loads(schema.text) for schema in versions] for name, versions in catalogue.versions.items()
        }

    def reads(self) -> dict[str, _Handler]:
        """Return the handlers of GET by their paths."""
        return {
            "/subjects": self.subjects,
            "/subjects/{subject}/versions": self.versions,
            "/subjects/{subject}/versions/{version}": self.version,
            "/subjects/{subject}/versions/{version}/schema": self.version_text,
            "/subjects/{subject}/versions/{version}/referencedby": self.referenced_by,
            "/schemas/types": self.types,
            "/schemas/ids/{schema_id}": self.schema,
            "/schemas/ids/{schema_id}/schema": self.schema_text,
            "/schemas/ids/{schema_id}/subjects": self.schema_subjects,
            "/schemas/ids/{schema_id}/versions": self.schema_versions,
            "/schemas/guids/{guid}": self.schema_by_guid,
            "/config": self.config,
            "/config/{subject}": self.config,
            "/mode": self.mode,
            "/mode/{subject}": self.mode,
            "/contexts": self.contexts,
            "/associations": self.associations,
            "/associations/{rest:path}": self.associations,
        }

    def questions(self) -> dict[str, _Handler]:
        """Return the handlers of POST by their paths."""
        return {
            "/subjects/{subject}": self.look_up,
            "/subjects/{subject}/versions": self.register,
            "/compatibility/subjects/{subject}/versions": self.compatibility_with_all,
            "/compatibility/subjects/{subject}/versions/{version}": self.compatibility,
        }

    async def subjects(self, request: Request) -> Response:
        """List the subjects."""
        query = request.query_params
        if is_true(query.get("deletedOnly", "")):
            return answer([])
        prefix = plain_subject(query.get("subjectPrefix", "").removeprefix(_EVERY_CONTEXT))
        names = sorted(name for name in self._versions if name.startswith(prefix))
        return answer(page(names, query.get("offset", ""), query.get("limit", "")))

    async def versions(self, request: Request, subject: str) -> Response:
        """List the versions of a subject."""
        numbers = [schema.version for schema in self._subject(subject)]
        return answer(page(numbers, request.query_params.get("offset", ""), request.query_params.get("limit", "")))

    async def version(self, subject: str, version: str) -> Response:
        """Describe one version of a subject."""
        return answer(_described(pick_version(self._subject(subject), version)[1]))

    async def version_text(self, subject: str, version: str) -> Response:
        """Return the exact text of one version of a subject."""
        return answer_text(pick_version(self._subject(subject), version)[1].text)

    async def referenced_by(self, subject: str, version: str) -> Response:
        """List the schemas that cite this one: none, since every schema is complete in itself."""
        pick_version(self._subject(subject), version)
        return answer([])

    async def types(self) -> Response:
        """List the kinds of schemas."""
        return answer([SCHEMA_TYPE])

    async def schema(self, schema_id: str) -> Response:
        """Return the schema of an id."""
        return answer(_string(self._id(schema_id)), immutable=True)

    async def schema_text(self, schema_id: str) -> Response:
        """Return the exact text of the schema of an id."""
        return answer_text(self._id(schema_id).text, immutable=True)

    async def schema_subjects(self, schema_id: str) -> Response:
        """List the subjects of an id: one."""
        return answer([self._id(schema_id).name])

    async def schema_versions(self, schema_id: str) -> Response:
        """List the subjects and versions of an id: one."""
        schema = self._id(schema_id)
        return answer([{"subject": schema.name, "version": schema.version}])

    async def schema_by_guid(self, guid: str) -> Response:
        """Return the schema of a GUID."""
        try:
            schema = self._by_guid.get(UUID(guid))
        except ValueError:
            schema = None
        if schema is None:
            raise fault(40403, f"Schema {shown(guid)} not found")
        return answer(_string(schema), immutable=True)

    async def config(self) -> Response:
        """Return the compatibility level, the same for every subject."""
        return answer({"compatibilityLevel": COMPATIBILITY})

    async def mode(self) -> Response:
        """Return the mode, the same for every subject."""
        return answer({"mode": "READONLY"})

    async def contexts(self) -> Response:
        """List the contexts."""
        return answer(["."])

    async def associations(self) -> Response:
        """List the associations of subjects with topics: none, subjects are record names."""
        return answer([])

    async def look_up(self, request: Request, subject: str) -> Response:
        """Return the version of a subject whose schema equals the one sent."""
        schema = await self._find(request, subject)
        if schema is None:
            raise fault(40403, "Schema not found")
        return answer(_described(schema))

    async def register(self, request: Request, subject: str) -> Response:
        """Return the id of a schema that the subject has already; refuse any other."""
        schema = await self._find(request, subject)
        if schema is None:
            refusal = read_only(f"POST {request.url.path}")
            raise fault(refusal.code, refusal.message)
        return answer(_described(schema))

    async def compatibility_with_all(self, request: Request, subject: str) -> Response:
        """Say whether the schema sent could be the subject's next version."""
        return await self.compatibility(request, subject, "latest")

    async def compatibility(self, request: Request, subject: str, version: str) -> Response:
        """Say whether the schema sent could follow versions 1 to this one of a subject."""
        number, _ = pick_version(self._subject(subject), version)
        schema, _ = parse_schema_request(await request.body())
        messages = _incompatible(self._parsed[plain_subject(subject)][:number], schema)
        said: dict[str, object] = {"is_compatible": not messages}
        return answer(said | ({"messages": messages} if is_true(request.query_params.get("verbose", "")) else {}))

    def _subject(self, subject: str) -> tuple[EventSchema, ...]:
        versions = self._versions.get(plain_subject(subject))
        if versions is None:
            raise fault(40401, f"Subject '{shown(subject)}' not found.")
        return versions

    def _id(self, text: str) -> EventSchema:
        schema = self._by_id.get(int(text)) if text.isascii() and text.isdigit() and len(text) <= 10 else None
        if schema is None:
            raise fault(40403, f"Schema {shown(text)} not found")
        return schema

    async def _find(self, request: Request, subject: str) -> EventSchema | None:
        versions = self._subject(subject)
        _, canonical = parse_schema_request(await request.body())
        return next((schema for schema in versions if schema.text == canonical), None)


def _incompatible(versions: list[dict[str, Json]], schema: dict[str, Json]) -> list[str]:
    """Return why a schema cannot follow these versions; the rules on versions hold for linted schemas only."""
    try:
        lint(schema)
    except Invalid as err:
        return [str(err)]
    return incompatibilities(versions, schema)


def _string(schema: EventSchema) -> dict[str, object]:
    return {"schema": schema.text.decode(), "schemaType": SCHEMA_TYPE, "guid": str(schema.guid)}


def _described(schema: EventSchema) -> dict[str, object]:
    return {"subject": schema.name, "version": schema.version, "id": schema.registry_id} | _string(schema)


def _operation(method: str, path: str) -> str:
    words = [word.strip("{}").replace(":path", "") for word in path.split("/") if word]
    return "_".join([method, *words])
