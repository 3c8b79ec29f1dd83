"""Sidecars: the closed schema, what each refusal says, and the digests that stand for the sections."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, get_args

import pytest
import rfc8785

from domain.errors import Invalid
from domain.identity.events import AssetClass, Element, IntakeSource, Origin, Relation
from domain.rights.events import Root
from infra.intake.sidecar import (
    SIDECAR_BYTES_MAX,
    SIDECAR_DEPTH_MAX,
    Sidecar,
    load_sidecar,
    parse_sidecar,
    sidecar_schema,
)
from infra.intake.sidecar_model import (
    LIST_ITEMS_MAX,
    SETTINGS_MAX,
    TEXT_CHARACTERS_MAX,
    IntakeSourceName,
    OriginName,
    RelationName,
    RootName,
)
from schemas.strict_json import INTEGER_MAX

OBJECT_ID = "10.5072/O.01JDZ3YATWFN59RFJZD9XRS78E-9"
BASE: dict[str, Any] = {"format": "edgeprint/sidecar/1", "file": "still.png", "origin": "human_work"}
DIGEST = "ab" * 32
COMPLETE: dict[str, Any] = {
    **BASE,
    "sha256": DIGEST,
    "title": "夜里的河",
    "class": "C",
    "origin": "external_service",
    "intake_source": "external_model_service",
    "parents": [{"object": OBJECT_ID, "relation": "made_from"}],
    "authorisation": {"root": "open_licence", "title": None, "terms_sha256": DIGEST, "licence": "CC0-1.0"},
    "model": {"provider": "p", "name": "n", "version": "3", "filing": "f", "receipt_sha256": DIGEST},
    "parameters": {
        "prompt_commitment": DIGEST,
        "seed": -7,
        "steps": 30,
        "inputs": [DIGEST],
        "settings": {"cfg": 7, "sampler": "x"},
    },
    "environment": {"image": "i", "driver": "d", "device": "g", "precision": "bf16", "commit": "c"},
    "job": {"provider_id": "j", "started": "2026-01-31T08:00:00Z", "ended": "2026-01-31T08:00:01.5Z"},
    "ml_bom": {"sha256": DIGEST},
    "training": {"sha256": DIGEST},
}


def parse(document: object, name: str = "still.png") -> Sidecar:
    return parse_sidecar(json.dumps(document).encode(), name, "f/still.png.edgeprint.json")


def fault(document: object) -> str:
    with pytest.raises(Invalid) as caught:
        parse(document)
    text = str(caught.value)
    assert text.startswith("f/still.png.edgeprint.json: ") and text.isprintable()
    return text.removeprefix("f/still.png.edgeprint.json: ")


def raw_fault(data: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        parse_sidecar(data, "still.png", "s")
    return str(caught.value).removeprefix("s: ")


def test_a_complete_sidecar_is_read() -> None:
    sidecar = parse(COMPLETE)
    assert sidecar.declared_class() is AssetClass.COMPUTABLE
    assert sidecar.declared_origin() is Origin.EXTERNAL_SERVICE
    assert sidecar.declared_source(IntakeSource.CREATION) is IntakeSource.EXTERNAL_MODEL_SERVICE
    assert [parent.relation for parent in sidecar.declared_parents()] == [Relation.MADE_FROM]
    declared = sidecar.declared()
    assert declared.root is Root.OPEN_LICENCE
    assert set(declared.evidence) == {
        Element.AUTHORISATION,
        Element.MODEL,
        Element.PARAMETERS,
        Element.ENVIRONMENT,
        Element.JOB,
        Element.ML_BOM,
        Element.TRAINING,
    }


def test_the_least_sidecar_declares_nothing() -> None:
    sidecar = parse(BASE)
    assert sidecar.declared().evidence == {}
    assert sidecar.declared().root is Root.UNSPECIFIED
    assert sidecar.declared_class() is AssetClass.STATIC
    assert sidecar.declared_source(IntakeSource.CREATION) is IntakeSource.CREATION
    assert sidecar.declared_parents() == ()


def test_the_digest_of_a_section_is_that_of_its_canonical_json_without_nulls() -> None:
    declared = parse(COMPLETE).declared()
    section = {key: value for key, value in COMPLETE["authorisation"].items() if value is not None}
    assert declared.evidence[Element.AUTHORISATION] == hashlib.sha256(rfc8785.dumps(section)).digest()
    parameters = COMPLETE["parameters"]
    assert declared.evidence[Element.PARAMETERS] == hashlib.sha256(rfc8785.dumps(parameters)).digest()
    golden = parse({**BASE, "job": {"session": "écriture"}}).declared().evidence[Element.JOB]
    assert golden == hashlib.sha256('{"session":"écriture"}'.encode()).digest()


def test_a_section_of_a_digest_alone_stands_for_that_document() -> None:
    sidecar = parse({**BASE, "model": {"sha256": DIGEST}, "contract": {"sha256": "cd" * 32}})
    evidence = sidecar.declared().evidence
    assert evidence == {Element.MODEL: bytes.fromhex(DIGEST), Element.CONTRACT: bytes.fromhex("cd" * 32)}
    both = parse({**BASE, "model": {"sha256": DIGEST, "name": "n"}}).declared().evidence[Element.MODEL]
    assert both != bytes.fromhex(DIGEST)


def test_the_order_of_keys_and_spaces_does_not_change_a_digest() -> None:
    one = parse_sidecar(
        b'{"job":{"id":"a","session":"b"},"format":"edgeprint/sidecar/1","file":"f","origin":"captured"}', "f", "s"
    )
    two = parse({"file": "f", "origin": "captured", "format": BASE["format"], "job": {"session": "b", "id": "a"}}, "f")
    assert one.declared() == two.declared()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "edgeprint/sidecar/2"}, 'field format: expected \'edgeprint/sidecar/1\', found "'),
        ({"file": "other.png"}, 'field file: the sidecar names another file: expected "still.png", found "other.png"'),
        ({"file": "../still.png"}, "names another file"),
        ({"origin": "found"}, "field origin: expected 'human_work', 'captured'"),
        ({"origin": "unspecified"}, "field origin: expected"),
        ({"class": "X"}, "field class: expected 'S', 'C' or 'I', found \"X\""),
        ({"asset_class": "S"}, "field asset_class: unknown field"),
        ({"sha256": DIGEST.upper()}, "field sha256: expected text that matches ^[0-9a-f]{64}$"),
        ({"sha256": DIGEST + "\n"}, "field sha256: expected text that matches"),
        ({"nothing": 1}, "field nothing: unknown field"),
        ({"title": ""}, "field title: "),
        ({"title": "x" * (TEXT_CHARACTERS_MAX + 1)}, "field title: string should have at most 512 characters"),
        ({"title": "e\u0301"}, "field title: expected text in Unicode normal form NFC"),
        ({"title": "a\u202eb"}, "field title: expected text without control and format characters, found U+202E"),
        ({"title": "a\nb"}, "found U+000A"),
        ({"parents": [{"object": OBJECT_ID[:-1] + "8", "relation": "made_from"}]}, "0.object: expected the check"),
        ({"parents": [{"object": OBJECT_ID, "relation": "unspecified"}]}, "field parents.0.relation: expected"),
        ({"parents": [{"object": OBJECT_ID}]}, "field parents.0.relation: expected a value, found nothing"),
        ({"authorisation": {}}, "field authorisation.root: expected a value, found nothing"),
        ({"authorisation": {"root": "stolen"}}, "field authorisation.root: expected 'own_creation'"),
        ({"authorisation": {"root": "assignment", "title": OBJECT_ID}}, "field authorisation.title: "),
        ({"job": {}}, "field job: expected at least one field, found none; leave the section out"),
        ({"job": {"session": None}}, "field job: expected at least one field"),
        ({"job": {"started": "2026-01-31"}}, "field job.started: expected text that matches"),
        ({"job": {"started": "2026-02-30T00:00:00Z"}}, "field job.started: expected a time that exists"),
        (
            {"job": {"started": "2026-01-31T08:00:01Z", "ended": "2026-01-31T08:00:00Z"}},
            "field job: expected an end not before 2026-01-31T08:00:01Z, found 2026-01-31T08:00:00Z",
        ),
        ({"parameters": {"seed": "12"}}, 'field parameters.seed: expected a valid integer, found "12"'),
        ({"parameters": {"seed": True}}, "field parameters.seed: expected a valid integer, found true"),
        ({"parameters": {"steps": -1}}, "field parameters.steps: expected greater than or equal to 0, found -1"),
        ({"parameters": {"settings": {"a": True}}}, "settings.a: expected a valid integer, found true"),
        ({"parameters": {"settings": {"a b": 1}}}, "field parameters.settings.a b"),
        ({"parameters": {"inputs": [DIGEST] * (LIST_ITEMS_MAX + 1)}}, "at most 1000 items"),
        ({"parameters": {"settings": {f"k{n}": n for n in range(SETTINGS_MAX + 1)}}}, "at most 64 items"),
        ({"training": {"sha256": "ab"}}, "field training.sha256: expected text that matches"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_field(change: dict[str, Any], message: str) -> None:
    assert message in fault({**BASE, **change})


def test_limits_are_met_exactly() -> None:
    parse({**BASE, "title": "x" * TEXT_CHARACTERS_MAX})
    parse({**BASE, "parameters": {"inputs": [DIGEST] * LIST_ITEMS_MAX, "seed": INTEGER_MAX}})
    parse({**BASE, "parameters": {"settings": {f"k{n}": n for n in range(SETTINGS_MAX)}}})


@pytest.mark.parametrize(
    "place",
    [
        {"parameters": {"prompt": "a secret river"}},
        {"parameters": {"negative_prompt": "a secret river"}},
        {"parameters": {"settings": {"Prompt_Text": "a secret river"}}},
        {"prompt": "a secret river"},
        {"parents": [{"prompts": ["a secret river"]}]},
    ],
)
def test_a_prompt_in_clear_is_refused_and_not_repeated(place: dict[str, Any]) -> None:
    message = fault({**BASE, **place})
    assert "a prompt is a secret and is not kept in clear" in message
    assert "expected a salted commitment in parameters.prompt_commitment" in message
    assert "secret river" not in message


def test_the_value_of_an_unknown_field_is_not_repeated() -> None:
    assert "river" not in fault({**BASE, "parameters": {"text": "a secret river"}})


def test_several_faults_are_named_together_and_many_are_counted() -> None:
    message = fault({**BASE, "title": 1, "job": {"id": 1}})
    assert "field title: " in message and "; field job.id: " in message
    assert fault({**BASE, **{f"x{number}": 1 for number in range(9)}}).endswith("; and 4 more")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not JSON: expecting value at line 1 column 1"),
        (b"{", "not JSON: "),
        (b'{"a":1}x', "not JSON: extra data at line 1 column 8"),
        (b"[]", "expected a JSON object, found []"),
        (b"null", "expected a JSON object, found null"),
        (b"\xff{}", "expected UTF-8, found byte 0xff at offset 0"),
        (b"\xef\xbb\xbf{}", "expected JSON, found a byte order mark before it"),
        (b'{"format":1,"format":2}', 'key "format" stands twice in one object'),
        (b'{"a":{"b":1,"b":1}}', 'key "b" stands twice'),
        (b'{"a":1.0}', "expected an integer or a string, found 1.0; write it as a string"),
        (b'{"a":1e3}', "expected an integer or a string, found 1e3"),
        (b'{"a":NaN}', "expected an integer or a string, found NaN"),
        (b'{"a":-Infinity}', "expected an integer or a string, found -Infinity"),
        (b'{"a":-0}', "expected 0, found -0"),
        (b'{"a":9007199254740992}', "expected an integer of at most 9007199254740991, found 9007199254740992"),
        (b'{"a":' + b"9" * 5000 + b"}", "expected an integer of at most"),
        (b'{"a":"\\ud800"}', "expected Unicode text, found half of a surrogate pair"),
        (b'{"\\udfff":1}', "expected Unicode text, found half of a surrogate pair"),
        (b"[" * (SIDECAR_DEPTH_MAX + 1), f"expected at most {SIDECAR_DEPTH_MAX} levels of nesting, found more"),
        (b'{"a":' * 20_000, "levels of nesting"),
        (b"[" * 200_000, "levels of nesting"),
        (b'{"a":"\n"}', "not JSON: invalid control character"),
    ],
)
def test_json_that_could_be_read_in_two_ways_is_refused(data: bytes, message: str) -> None:
    assert raw_fault(data).startswith(message) or message in raw_fault(data)


def test_brackets_inside_strings_do_not_count_as_nesting() -> None:
    assert parse({**BASE, "title": "[[[[[[[[{{{{{{{{"}).title == "[[[[[[[[{{{{{{{{"


def test_a_sidecar_on_disk_has_a_limit_that_is_one_byte_sharp(tmp_path: Path) -> None:
    path = tmp_path / "still.png.edgeprint.json"
    text = json.dumps(BASE).encode()
    path.write_bytes(text + b" " * (SIDECAR_BYTES_MAX - len(text)))
    assert load_sidecar(path, "still.png").origin == "human_work"
    path.write_bytes(text + b" " * (SIDECAR_BYTES_MAX - len(text) + 1))
    with pytest.raises(Invalid, match=r"still\.png\.edgeprint\.json: expected at most 262144 bytes, found more"):
        load_sidecar(path, "still.png")


def test_a_sidecar_that_is_no_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.edgeprint.json"
    os.mkfifo(path)
    with pytest.raises(Invalid, match=r"sidecar .*a\.edgeprint\.json: expected a regular file, found a FIFO"):
        load_sidecar(path, "a")
    with pytest.raises(Invalid, match=r"sidecar .*missing: "):
        load_sidecar(tmp_path / "missing", "a")


def test_the_same_name_in_another_normal_form_is_the_same_file() -> None:
    assert parse({**BASE, "file": "e\u0301.png"}, "é.png").file == "e\u0301.png"


def test_a_sidecar_written_for_other_bytes_is_refused() -> None:
    sidecar = parse(COMPLETE)
    sidecar.check_content(bytes.fromhex(DIGEST), "s")
    parse(BASE).check_content(bytes(32), "s")
    with pytest.raises(Invalid, match=f"s: field sha256: the file is another: expected {'00' * 32}, found {DIGEST}"):
        sidecar.check_content(bytes(32), "s")


def test_the_words_of_the_schema_are_those_of_the_events() -> None:
    for words, enum in (
        (OriginName, Origin),
        (IntakeSourceName, IntakeSource),
        (RootName, Root),
        (RelationName, Relation),
    ):
        assert set(get_args(words)) == {member.value for member in enum} - {"unspecified"}


SCANNER = {"maker": "ARRI", "model": "Archive", "width_px": 4096, "height_px": 3112, "bits_per_sample": 16,
           "encoding": "log"}  # fmt: skip
FILM = {"gauge": "35mm", "base": "nitrate", "generation": "original_negative", "reel": "3", "edge_code": "EH 14 3482"}


@pytest.mark.parametrize(
    ("door", "environment", "declares"),
    [
        ("heritage_film", {"device": "a scanner"}, False),
        ("heritage_film", {"film": FILM}, False),
        ("heritage_film", {"scanner": SCANNER}, True),
        ("heritage_film", {"scanner": SCANNER, "film": FILM}, True),
        ("heritage_film", {"sha256": "ab" * 32}, True),
        ("production_new", {"device": "a camera"}, True),
    ],
)
def test_heritage_film_declares_its_scanner(door: str, environment: dict[str, Any], declares: bool) -> None:
    document = {
        "format": "edgeprint/sidecar/1",
        "file": "still.png",
        "origin": "captured",
        "intake_source": door,
        "environment": environment,
        "project": "archive-1934",
    }
    sidecar = parse(document)
    assert (Element.ENVIRONMENT in sidecar.declared().evidence) is declares and sidecar.project == "archive-1934"
    for wrong in ({**SCANNER, "encoding": "film"}, {**SCANNER, "width_px": -1}, {"maker": "ARRI"}):
        assert "environment.scanner" in fault({**document, "environment": {"scanner": wrong}})
    assert "environment.film.gauge" in fault({**document, "environment": {"film": {"gauge": "34mm"}}})
    assert "field project" in fault({**document, "project": "Archive 1934"})


def test_the_json_schema_is_closed_and_stable() -> None:
    schema = json.loads(sidecar_schema())
    assert sidecar_schema() == sidecar_schema() and sidecar_schema().endswith(b"}\n")
    assert schema["additionalProperties"] is False
    assert all(section["additionalProperties"] is False for section in schema["$defs"].values())
    assert set(schema["required"]) == {"format", "file", "origin"}
    assert "class" in schema["properties"] and "asset_class" not in schema["properties"]


def test_the_example_in_the_docstring_is_a_sidecar() -> None:
    import infra.intake.sidecar as module

    text = (module.__doc__ or "").partition("`still.png`:\n")[2].partition("\n\nA sidecar is foreign")[0]
    assert set(parse(json.loads(text.replace("<64 hex digits>", DIGEST))).declared().evidence) >= {Element.JOB}
