"""The AsyncAPI document: every topic, every event type, no dangling reference, and payloads that are the schemas."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import fastavro
import pytest

from docs.subscribe import subscribe_page
from schemas.asyncapi import HEADERS, asyncapi_document, asyncapi_text, split_names
from schemas.catalogue import CATALOGUE
from schemas.envelope import read_stream_version
from schemas.framing import headers_of
from schemas.topics import CONTEXT_TOPICS, TOPICS, key_of, topic_of
from tests.docs.pages import ROOT
from tests.feed_kit import make_row

DOCUMENT = asyncapi_document(CATALOGUE)


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def resolve(reference: str) -> Any:
    found: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def test_it_has_every_topic_and_how_it_is_cut() -> None:
    assert list(DOCUMENT["channels"]) == [topic.name for topic in TOPICS]
    for topic in TOPICS:
        channel = DOCUMENT["channels"][topic.name]
        binding = channel["bindings"]["kafka"]
        assert (channel["address"], binding["topic"], binding["partitions"]) == (
            topic.name,
            topic.name,
            topic.partitions,
        )
        assert binding["topicConfiguration"]["retention.ms"] == binding["topicConfiguration"]["retention.bytes"] == -1
        assert binding["topicConfiguration"]["cleanup.policy"] == ["delete"]
    assert sorted(one["channel"]["$ref"] for one in DOCUMENT["operations"].values()) == sorted(
        f"#/channels/{topic.name}" for topic in TOPICS
    )
    assert {one["action"] for one in DOCUMENT["operations"].values()} == {"receive"}


def test_it_has_every_event_type_in_its_topic_only() -> None:
    found = {
        reference["$ref"].rpartition("/")[2]: name
        for name in (topic.name for topic in CONTEXT_TOPICS)
        for reference in DOCUMENT["channels"][name]["messages"].values()
    }
    assert found == {name: topic_of(name).name for name in CATALOGUE.by_type}


def test_every_reference_leads_somewhere() -> None:
    every = list(references(DOCUMENT))
    assert len(every) > 2 * len(CATALOGUE.by_type)
    for reference in every:
        assert resolve(reference) is not None


@pytest.mark.parametrize("name", sorted(CATALOGUE.by_type))
def test_a_payload_reads_what_the_published_schema_writes(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    published = CATALOGUE.by_type[name]
    assert message["x-schema-sha256"] == published.sha256.hex()
    assert message["bindings"]["kafka"]["schemaIdLocation"] == "payload"
    ours = fastavro.schema.to_parsing_canonical_form(fastavro.parse_schema(json.loads(published.text)))
    theirs = fastavro.schema.to_parsing_canonical_form(fastavro.parse_schema(message["payload"]["schema"]))
    assert ours == theirs


def test_an_entry_decodes_under_the_payload_of_its_message() -> None:
    row = make_row(3)
    schema = fastavro.parse_schema(DOCUMENT["components"]["messages"][row.type]["payload"]["schema"])
    event = fastavro.schemaless_reader(io.BytesIO(row.entry), schema, None)
    assert isinstance(event, dict) and event["envelope"]["stream_version"] == read_stream_version(row.entry)


def test_the_headers_are_those_that_are_written_in_their_order() -> None:
    row = make_row(3)
    written = dict(headers_of(row.index, row.type, row.entry, row.leaf_hash))
    always = [name for name, _, _, there in HEADERS if there]
    assert [name for name in written if name != "traceparent"] == always
    described = DOCUMENT["components"]["schemas"]["eventHeaders"]
    assert described["required"] == always
    for name, value in written.items():
        assert re.search(described["properties"][name]["pattern"], value.decode()), name
    key = DOCUMENT["components"]["messages"][row.type]["bindings"]["kafka"]["key"]
    assert re.match(key["pattern"], key_of(UUID(int=5)).decode())


def test_names_are_split_wherever_they_stand() -> None:
    assert split_names({"name": "a.b.C", "type": ["null", {"type": "fixed", "name": "x.Y"}]}) == {
        "namespace": "a.b",
        "name": "C",
        "type": ["null", {"type": "fixed", "namespace": "x", "name": "Y"}],
    }
    assert split_names({"name": "field", "type": "x.Y", "doc": "a.b"}) == {"name": "field", "type": "x.Y", "doc": "a.b"}


def test_the_document_is_the_one_that_stands_in_the_docs_and_comes_out_the_same_each_time() -> None:
    text = asyncapi_text(CATALOGUE)
    assert text == asyncapi_text(CATALOGUE) == (ROOT / "docs" / "reference" / "asyncapi.json").read_text()


def test_the_page_has_every_topic_type_header_and_program() -> None:
    page = subscribe_page()
    for topic in TOPICS:
        assert f"`{topic.name}`" in page
    for name in CATALOGUE.by_type:
        assert (
            f"### {name.rpartition('.')[2]}\n" in page and f"schema id `{CATALOGUE.by_type[name].registry_id}`" in page
        )
    for name, _, _, _ in HEADERS:
        assert f"| `{name}` |" in page
    for program in (ROOT / "examples" / "subscribe").glob("[sS]ubscribe.*"):
        assert program.read_text().rstrip() in page
    assert "$" not in re.sub(r"```.*?```", "", page, flags=re.DOTALL)
