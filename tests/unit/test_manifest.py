"""Manifests and templates: read strictly, closed interfaces, digests that depend on what they should alone."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.capability.events import CapabilityKind, Nature
from domain.capability.manifest import MEMBERS, Manifest, check_closed, read_manifest
from domain.capability.template import read_template
from domain.errors import Invalid
from examples.capability.make import make
from producers.capability import digest_of
from tests.capability_kit import STEPS, example

MODELS = Path(__file__).parents[2] / "examples" / "capability" / "models"
DOCUMENT: dict[str, Any] = json.loads(example().manifest)
W = {"name": "w", "sha256": "ab" * 32, "size": 3}
V = {"name": "v", "sha256": "cd" * 32, "size": 3}


def changed(**members: Any) -> dict[str, Any]:
    return {**DOCUMENT, **members}


def test_the_example_is_read() -> None:
    manifest = read_manifest(DOCUMENT)
    assert (manifest.name, manifest.kind, len(manifest.tests)) == ("posterise", CapabilityKind.ALGORITHM, 2)
    assert manifest.natures() == (Nature.COMMERCIAL, Nature.NON_COMMERCIAL, Nature.RESEARCH)
    assert make() == example(), "the same bytes each time"


@pytest.mark.parametrize("name", MEMBERS)
def test_each_member_is_needed_and_typed(name: str) -> None:
    lacking = {member: value for member, value in DOCUMENT.items() if member != name}
    with pytest.raises(Invalid, match=f"'{name}' is missing"):
        read_manifest(lacking)
    if name not in ("code", "lock_sha256", "image_sha256"):
        with pytest.raises(Invalid, match="manifest"):
            read_manifest(changed(**{name: None}))
    with pytest.raises(Invalid):
        read_manifest(changed(**{name: 3.5}))


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"more": 1}, "'more' is missing or unknown"),
        ({"format": "edgeprint.capability/2"}, "expected edgeprint.capability/1"),
        ({"code": None}, "expected code and entry_point, or neither"),
        ({"entry_point": []}, "expected code and entry_point, or neither"),
        ({"kind": "service"}, "expected code and entry_point, or neither"),
        ({"weights": [{**W, "sha256": "AB" * 32}]}, "64 lower-case hex digits"),
        ({"weights": [{**W, "size": 0}]}, "at least 1"),
        ({"weights": [W] * 201}, "at most 200"),
        ({"licences": []}, "its own licence first"),
        ({"licences": [{"component": "x", "licence": "MIT", "natures": ["war"]}]}, "expected one of commercial"),
        ({"claimed": ["g9"]}, "expected one of g0, g1, g2"),
        ({"determinism": "mostly"}, "expected one of bitwise"),
        ({"parameters": {"type": "object"}}, 'expected "additionalProperties": false'),
        ({"parameters": {"type": "integer"}}, "expected the schema of an object"),
        ({"tests": [{"name": "x", "expect": {"exit": 1}}]}, "expected 0, 10 or 20, found 1"),
        ({"tests": [{"name": "x", "inputs": {"../x": "ab" * 32}, "expect": {"exit": 0}}]}, "expected a file name"),
        ({"tests": [{"name": "x", "expect": {"exit": 0, "outputs": {".x": "ab" * 32}}}]}, "expected a file name"),
        ({"name": "a\nb"}, "printable"),
    ],
)
def test_what_is_no_manifest_is_named(members: dict[str, Any], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        read_manifest(changed(**members))


def test_an_object_that_is_open_anywhere_is_refused() -> None:
    inner = {"type": "object", "additionalProperties": False, "properties": {"a": {"anyOf": [{"type": "object"}]}}}
    with pytest.raises(Invalid, match=r"parameters.properties.a.anyOf\[0\]: expected"):
        check_closed(inner, "parameters")


class TestDigests:
    """The fingerprint is over what runs, the interface over what a caller sees."""

    @staticmethod
    def of(**members: Any) -> tuple[bytes, bytes]:
        manifest: Manifest = read_manifest(changed(**members))
        return digest_of(manifest.runs()), digest_of(manifest.interface())

    def test_licences_names_and_tests_change_neither(self) -> None:
        free = [{"component": "x", "licence": "MIT", "natures": []}]
        assert self.of(version="9", licences=free, tests=[], claimed=[]) == self.of()

    def test_order_of_weights_is_no_matter_but_a_byte_is(self) -> None:
        assert self.of(weights=[V, W]) == self.of(weights=[W, V]) != self.of(weights=[W])
        assert self.of(entry_point=["python3", "other.py"])[0] != self.of()[0]

    def test_a_parameter_changes_the_interface_alone(self) -> None:
        more = {"type": "object", "additionalProperties": False, "properties": {"seed": {"type": "integer"}}}
        fingerprint, interface = self.of(parameters=more)
        assert fingerprint == self.of()[0] and interface != self.of()[1]


@pytest.mark.parametrize(
    ("name", "natures", "why"),
    [
        ("trellis2", (Nature.RESEARCH,), "RMBG-2.0"),
        ("chord", (Nature.RESEARCH,), "CHORD"),
        ("physxgen", (Nature.RESEARCH,), "PhysXGen"),
    ],
)
def test_published_models_are_not_for_commercial_jobs(name: str, natures: tuple[Nature, ...], why: str) -> None:
    manifest = read_manifest(json.loads((MODELS / f"{name}.json").read_bytes()))
    assert manifest.natures() == natures
    assert why in [term.component for term in manifest.licences if Nature.COMMERCIAL not in term.natures]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=6),
    )
)
def test_rubbish_raises_only_our_error(document: Any) -> None:
    for read in (read_manifest, read_template):
        with pytest.raises(Invalid):
            read(document)


@given(
    st.sampled_from(MEMBERS),
    st.recursive(
        st.none() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    ),
)
def test_one_member_of_rubbish_raises_only_our_error(name: str, value: Any) -> None:
    try:
        read_manifest(changed(**{name: value}))
    except Invalid:
        return


class TestTemplates:
    """Steps form a graph without a circle."""

    def test_steps_are_counted(self) -> None:
        assert read_template(json.loads(STEPS)) == 2

    @pytest.mark.parametrize(
        ("nodes", "why"),
        [
            ([], "1 to 500"),
            ([{"id": "a"}], "expected id, kind, grade and after"),
            ([("a", []), ("a", [])], "stands twice"),
            ([("a", ["b"])], "'b', which is no step"),
            ([("a", ["b"]), ("b", ["a"])], "steps form a circle: a, b"),
            ([("a", ["a"])], "steps form a circle: a"),
            ([("", [])], "1 to 60"),
            ([("a", [1])], "an array of steps"),
        ],
    )
    def test_what_is_no_template(self, nodes: list[Any], why: str) -> None:
        made = [
            {"id": node[0], "kind": "image", "grade": "g0", "after": node[1]} if isinstance(node, tuple) else node
            for node in nodes
        ]
        with pytest.raises(Invalid, match=why):
            read_template({"format": "edgeprint.template/1", "name": "x", "nodes": made})

    def test_a_grade_is_one(self) -> None:
        document = json.loads(STEPS)
        document["nodes"][0]["grade"] = "g7"
        with pytest.raises(Invalid, match="expected g0, g1 or g2"):
            read_template(document)

    def test_a_long_chain_is_no_circle(self) -> None:
        nodes = [
            {"id": f"n{n}", "kind": "image", "grade": "g0", "after": [f"n{n - 1}"] if n else []} for n in range(500)
        ]
        assert read_template({"format": "edgeprint.template/1", "name": "x", "nodes": nodes}) == 500
