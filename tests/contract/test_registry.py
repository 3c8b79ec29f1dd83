"""The schema registry under stock clients: confluent-kafka's own client and deserialiser against the real process."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient, record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.serialization import MessageField, SerializationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.evidence.events import LedgerFounded
from infra.http.app import make_app
from schemas.catalogue import CATALOGUE, SCHEMA_DIRECTORY, EventSchema
from schemas.codec import Codec
from schemas.framing import frame, frame_bare, headers_of
from schemas.topics import topic_of
from tests.codec_support import as_datum, envelope, oracle_decode
from tests.event_support import events_of
from tests.http_kit import REGISTRY_JSON, Api, call, serving
from tests.property.test_codec_properties import ENVELOPES

TYPES = sorted(CATALOGUE.by_type)
CODEC = Codec(CATALOGUE)
FOUNDED = LedgerFounded.TYPE
APP = make_app(CATALOGUE)
KEYS = ("type", "name", "fields", "items", "symbols", "default", "doc", "size")
EVERY = [schema for versions in CATALOGUE.versions.values() for schema in versions]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(tmp_path_factory.mktemp("api") / "home") as running:
        yield running


@pytest.fixture(scope="module")
def client(api: Api) -> Iterator[SchemaRegistryClient]:
    with SchemaRegistryClient({"url": api.url}) as one:
        yield one


def fresh(api: Api) -> SchemaRegistryClient:
    """Return a client that has nothing in its caches."""
    return SchemaRegistryClient({"url": api.url})


# ---- the stock deserialiser


@pytest.mark.parametrize("name", TYPES)
def test_the_stock_deserialiser_reads_every_event_type(api: Api, name: str) -> None:
    schema = CATALOGUE.by_type[name]
    topic = topic_of(name).name
    with fresh(api) as client:
        deserialise = AvroDeserializer(client)

        @settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
        @given(events_of(schema), ENVELOPES)
        def check(event: Any, head: Any) -> None:
            entry = CODEC.encode(event, head)
            headers = list(headers_of(7, name, entry, sha256(b"\0" + entry).digest()))
            read = deserialise(frame(entry), SerializationContext(topic, MessageField.VALUE, headers))
            bare, guid = frame_bare(entry)
            read_bare = deserialise(bare, SerializationContext(topic, MessageField.VALUE, [*headers, guid]))
            assert read == read_bare == oracle_decode(schema.text, entry)
            assert read == {"envelope": {"schema_sha256": schema.sha256} | as_datum(head)} | as_datum(event)
            assert CODEC.decode(frame(entry)[5:]) == (head, event, schema.sha256)

        check()


@pytest.mark.parametrize("strategy", ["TOPIC", "RECORD", "TOPIC_RECORD", "ASSOCIATED"])
def test_every_subject_name_strategy_of_a_reader_works(api: Api, strategy: str) -> None:
    entry = founded_entry()
    with fresh(api) as client:
        deserialise = AvroDeserializer(client, conf={"subject.name.strategy.type": strategy})
        read: Any = deserialise(frame(entry), SerializationContext("edgeprint.evidence.v1", MessageField.VALUE))
    assert read["identifier_prefix"] == "10.5072"


def test_a_reader_may_bring_its_own_schema(client: SchemaRegistryClient) -> None:
    wanted = json.loads(CATALOGUE.by_type[FOUNDED].text)
    wanted["fields"] = [field for field in wanted["fields"] if field["name"] in ("envelope", "production")]
    deserialise = AvroDeserializer(client, json.dumps(wanted))
    read: Any = deserialise(frame(founded_entry()), SerializationContext("t", MessageField.VALUE))
    assert set(read) == {"envelope", "production"}


def test_the_stock_serialiser_makes_our_bytes(api: Api) -> None:
    """What a stock producer would send is the framed entry: the framing is theirs, the bytes inside are ours."""
    entry = founded_entry()
    text = CATALOGUE.by_type[FOUNDED].text
    datum = oracle_decode(text, entry)
    for auto in (True, False):
        conf = {"auto.register.schemas": auto, "subject.name.strategy": record_subject_name_strategy}
        with fresh(api) as client:
            serialise = AvroSerializer(client, text.decode(), conf=conf)
            assert serialise(datum, SerializationContext("t", MessageField.VALUE)) == frame(entry)


def founded_entry() -> bytes:
    event = LedgerFounded(identifier_prefix="10.5072", production=False, origins=("log.example",))
    return CODEC.encode(event, envelope())


# ---- the stock client


def test_subjects_are_the_full_names(api: Api, client: SchemaRegistryClient) -> None:
    assert client.get_subjects() == TYPES
    rights = [name for name in client.get_subjects() if name.startswith("edgeprint.rights.")]
    assert "edgeprint.rights.RightsClaimed" in rights
    assert client.get_subjects(subject_prefix="edgeprint.rights.") == rights
    assert client.get_subjects(subject_prefix=":.:edgeprint.rights.") == rights
    assert client.get_subjects(subject_prefix="other") == []
    assert client.get_subjects(offset=1, limit=2) == TYPES[1:3]
    assert api.ask("GET", "/subjects?deletedOnly=true").json == []
    assert api.ask("GET", "/subjects?subjectPrefix=:*:edgeprint.r&offset=x&limit=-1").json == rights


@pytest.mark.parametrize("schema", EVERY, ids=lambda schema: schema.file)
def test_every_way_to_a_schema_gives_its_exact_text(
    api: Api, client: SchemaRegistryClient, schema: EventSchema
) -> None:
    text = (SCHEMA_DIRECTORY / schema.file).read_text(encoding="utf-8")
    assert sha256(text.encode()).digest() == schema.sha256
    by_id = client.get_schema(schema.registry_id)
    by_guid = client.get_schema_by_guid(str(schema.guid))
    assert by_id.schema_str == by_guid.schema_str == text
    assert by_id.schema_type == "AVRO"
    version = client.get_version(schema.name, schema.version)
    assert (version.schema.schema_str, version.schema_id, version.guid) == (text, schema.registry_id, str(schema.guid))
    assert (version.subject, version.version) == (schema.name, schema.version)
    assert client.get_latest_version(schema.name).schema_id == CATALOGUE.by_type[schema.name].registry_id
    assert client.get_versions(schema.name) == [one.version for one in CATALOGUE.versions[schema.name]]
    assert client.get_subjects_by_schema_id(schema.registry_id) == [schema.name]
    (place,) = client.get_schema_versions(schema.registry_id)
    assert (place.subject, place.version) == (schema.name, schema.version)
    assert client.get_referenced_by(schema.name, schema.version) == []
    for path in (
        f"/subjects/{schema.name}/versions/{schema.version}/schema",
        f"/schemas/ids/{schema.registry_id}/schema",
    ):
        answer = api.ask("GET", path)
        assert (answer.body, answer.headers["content-type"]) == (text.encode(), REGISTRY_JSON)


def test_a_schema_is_found_by_its_json_whatever_its_layout(client: SchemaRegistryClient) -> None:
    schema = CATALOGUE.by_type[FOUNDED]
    value = json.loads(schema.text)
    for text in (
        schema.text.decode(),
        json.dumps(value, indent=3),
        json.dumps(value, sort_keys=True, ensure_ascii=True),
        json.dumps(dict(reversed(value.items()))),
    ):
        found = client.lookup_schema(FOUNDED, Schema(text, "AVRO"))
        assert (found.schema_id, found.version, found.subject) == (schema.registry_id, 1, FOUNDED)
        assert client.register_schema(FOUNDED, Schema(text, "AVRO")) == schema.registry_id


def test_what_is_the_same_for_all(client: SchemaRegistryClient) -> None:
    assert client.get_compatibility() == client.get_compatibility(FOUNDED) == "FULL_TRANSITIVE"
    assert client.get_config(FOUNDED).compatibility_level == "FULL_TRANSITIVE"
    assert client.get_global_mode() == client.get_mode(FOUNDED) == "READONLY"
    assert client.get_contexts() == ["."]
    assert client.get_schema_types() == ["AVRO"]
    assert client.get_associations_by_resource_name("edgeprint.identity.v1", "-", "topic") == []


def grown(**field: Any) -> Schema:
    value = json.loads(CATALOGUE.by_type[FOUNDED].text)
    value["fields"].append(field)
    return Schema(json.dumps(value), "AVRO")


def test_compatibility_is_full_transitive_and_linted(api: Api, client: SchemaRegistryClient) -> None:
    text = CATALOGUE.by_type[FOUNDED].text
    optional = {"name": "more", "doc": "more", "type": ["null", "long"], "default": None}
    good = (
        Schema(text.decode(), "AVRO"),
        grown(**optional),
        grown(**optional | {"doc": f"more [{'9' * 5000}..]"}),
        Schema(text.decode().replace("[4..64]", "[3..640]"), "AVRO"),
    )
    bad = (
        (grown(name="more", doc="more", type="long"), "expected a default for a new field"),
        (grown(name="more", doc="more", type="double"), "expected long, string, boolean"),
        (Schema(text.decode().replace("identifier_prefix", "prefix"), "AVRO"), "expected the field to stay"),
        (Schema(text.decode().replace("LedgerFounded", "LedgerLost"), "AVRO"), "expected the type record"),
        (Schema('{"type":"record","name":"Other","fields":[]}', "AVRO"), "expected a full name"),
        (Schema(text.decode().replace("[4..64]", "[5..64]"), "AVRO"), "expected bounds to stay or to widen"),
        (Schema(text.decode().replace("[4..64]", f"[{'9' * 5000}..64]"), "AVRO"), "expected bounds to stay"),
    )
    for schema in good:
        assert client.test_compatibility(FOUNDED, schema) is True
        assert client.test_compatibility(FOUNDED, schema, version=1) is True
        assert client.test_compatibility_all_versions(FOUNDED, schema) is True
    for schema, said in bad:
        assert client.test_compatibility(FOUNDED, schema) is False
        body = json.dumps(schema.to_dict()).encode()
        path = f"/compatibility/subjects/{FOUNDED}/versions/latest"
        answer = api.ask("POST", f"{path}?verbose=true", body).json
        assert answer["is_compatible"] is False and any(said in message for message in answer["messages"])
        assert "messages" not in api.ask("POST", path, body).json


# ---- errors


@pytest.mark.parametrize(
    ("ask", "status", "code"),
    [
        (lambda c: c.get_versions("nothing"), 404, 40401),
        (lambda c: c.get_latest_version("nothing"), 404, 40401),
        (lambda c: c.get_latest_version("edgeprint.Envelope"), 404, 40401),
        (lambda c: c.lookup_schema("nothing", grown(name="x")), 404, 40401),
        (lambda c: c.get_version(FOUNDED, 2), 404, 40402),
        (lambda c: c.get_version(FOUNDED, 0), 422, 42202),
        (lambda c: c.get_version(FOUNDED, "newest"), 422, 42202),
        (lambda c: c.get_version(FOUNDED, 1 << 31), 422, 42202),
        (lambda c: c.test_compatibility(FOUNDED, grown(name="x"), version=9), 404, 40402),
        (lambda c: c.get_schema(1), 404, 40403),
        (lambda c: c.get_schema_by_guid("00000000-0000-0000-0000-000000000000"), 404, 40403),
        (lambda c: c.get_schema_by_guid("no-guid"), 404, 40403),
        (lambda c: c.lookup_schema(FOUNDED, grown(name="x")), 404, 40403),
        (lambda c: c.lookup_schema(FOUNDED, Schema("{", "AVRO")), 422, 42201),
        (lambda c: c.lookup_schema(FOUNDED, Schema('"long"', "AVRO")), 422, 42201),
        (lambda c: c.lookup_schema(FOUNDED, Schema("{}", "JSON")), 422, 42201),
        (lambda c: c.lookup_schema(FOUNDED, Schema("[" * 50_000, "AVRO")), 422, 42201),
        (lambda c: c.lookup_schema(FOUNDED, Schema(" " * 60_001, "AVRO")), 422, 42209),
        (lambda c: c.register_schema(FOUNDED, grown(name="x")), 422, 42205),
        (lambda c: c.delete_subject(FOUNDED), 422, 42205),
        (lambda c: c.delete_version(FOUNDED, 1), 422, 42205),
        (lambda c: c.set_compatibility(FOUNDED, "NONE"), 422, 42205),
        (lambda c: c.set_compatibility(level="NONE"), 422, 42205),
        (lambda c: c.delete_config(), 422, 42205),
        (lambda c: c.update_global_mode("READWRITE"), 422, 42205),
        (lambda c: c.update_mode(FOUNDED, "IMPORT"), 422, 42205),
        (lambda c: c.delete_mode(FOUNDED), 422, 42205),
        (lambda c: c.delete_associations("topic"), 422, 42205),
    ],
)
def test_the_stock_client_understands_every_error(
    api: Api, ask: Callable[[SchemaRegistryClient], Any], status: int, code: int
) -> None:
    with fresh(api) as client, pytest.raises(SchemaRegistryError) as caught:
        ask(client)
    assert (caught.value.http_status_code, caught.value.error_code) == (status, code)
    assert caught.value.error_message and len(caught.value.error_message) < 1000


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b"{}", 42201),
        (b'{"schema": 1}', 42201),
        (b'{"schema": ""}', 42201),
        (b'{"schema": "NaN"}', 42201),
        (b'{"schema": "{\\"a\\": NaN}"}', 42201),
        (b'{"schema": "{\\"a\\": 1e400}"}', 42201),
        (b'{"schema": "{\\"\\\\ud800\\": 1}"}', 42201),
        (b'{"schema": "{}", "references": [{}]}', 42201),
        (b'{"schema": "{}", "schemaType": "\\ud800"}', 42201),
        (b'{"schema": "{}", "schemaType": {}}', 40403),
    ],
)
def test_bodies_that_are_no_requests_are_answered(api: Api, body: bytes, code: int) -> None:
    answer = api.ask("POST", f"/subjects/{FOUNDED}", body, content_type=REGISTRY_JSON)
    assert answer.json["error_code"] == code
    assert answer.status == (code if code < 1000 else code // 100)
    assert answer.headers["content-type"] == REGISTRY_JSON


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/subjects/", 404),
        ("GET", "/schemas/nothing", 404),
        ("GET", "/compatibility", 404),
        ("GET", f"/compatibility/subjects/{FOUNDED}/versions/latest", 405),
        ("GET", "/schemas/ids/-1", 40403),
        ("GET", "/schemas/ids/1e5", 40403),
        ("GET", "/schemas/ids/" + "9" * 5000, 40403),
        ("GET", "/schemas/ids/" + quote("１"), 40403),
        ("GET", "/subjects/" + quote("\U0001f39e", safe="") + "/versions", 40401),
        ("GET", "/subjects/%FF/versions", 40401),
        ("PUT", "/subjects", 42205),
        ("POST", "/associations", 42205),
        ("DELETE", "/contexts", 42205),
        ("OPTIONS", "/subjects", 405),
    ],
)
def test_paths_beside_the_api_are_answered_in_its_form(api: Api, method: str, path: str, code: int) -> None:
    answer = api.ask(method, path)
    assert answer.json["error_code"] == code
    assert answer.status == (code if code < 1000 else code // 100)
    assert answer.headers["content-type"] == REGISTRY_JSON


def test_only_what_a_digest_names_may_be_kept_for_ever(api: Api) -> None:
    schema = CATALOGUE.by_type[FOUNDED]
    for path in (f"/schemas/ids/{schema.registry_id}", f"/schemas/guids/{schema.guid}"):
        assert "immutable" in api.ask("GET", path).headers["cache-control"]
    for path in ("/subjects", f"/subjects/{FOUNDED}/versions/latest", "/schemas/ids/1"):
        assert api.ask("GET", path).headers["cache-control"] == "no-cache"


def test_many_clients_at_once_get_the_same(api: Api) -> None:
    def read(number: int) -> str:
        return api.ask("GET", f"/subjects/{TYPES[number % len(TYPES)]}/versions/latest/schema").body.decode()

    with ThreadPoolExecutor(16) as pool:
        texts = list(pool.map(read, range(200)))
    assert texts == [CATALOGUE.by_type[TYPES[number % len(TYPES)]].text.decode() for number in range(200)]


@settings(max_examples=60)
@given(st.data())
def test_any_changed_schema_gets_an_answer(data: st.DataObject) -> None:
    """Compatibility never breaks on what a stranger sends (in this process, so that a crash shows its stack)."""
    value = json.loads(CATALOGUE.by_type["edgeprint.identity.ObjectIdentified"].text)
    junk = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("edgeprint.Uuid"),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4),
        max_leaves=8,
    )
    for _ in range(data.draw(st.integers(1, 3))):
        place: Any = value
        while isinstance(place, dict | list) and place:
            keys = sorted(place) if isinstance(place, dict) else range(len(place))
            key = data.draw(st.sampled_from(list(keys)))
            if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
                place[key] = data.draw(junk)
                break
            place = place[key]
    body = json.dumps({"schema": json.dumps(value)}).encode()
    path = "/compatibility/subjects/edgeprint.identity.ObjectIdentified/versions/latest?verbose=true"
    answer = call(APP, "POST", path, body)
    assert answer.status in (200, 422)
    assert set(answer.json) in ({"is_compatible"} | {"messages"}, {"error_code", "message"})
