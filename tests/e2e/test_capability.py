"""A capability through the real command line: signed by its vendor, examined by another, called when published."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.capability.make import Filed, make, write
from tests.e2e.kit import Place, running

MODELS = Path(__file__).parents[2] / "examples" / "capability" / "models"


@pytest.fixture(scope="module")
def studio() -> Iterator[Place]:
    with running("--origin", "film.example/capability") as made:
        yield made


@pytest.fixture(scope="module")
def vendor(studio: Place) -> str:
    party = str(studio.run("party", "enrol", "--kind", "organisation", "--json").ok().json["stream"])
    studio.run("party", "new-key", party).ok()
    return party


def put(studio: Place, *files: Path) -> list[str]:
    stored = studio.run("blob", "put", *map(str, files), "--json").ok().json["stored"]
    return [one["sha256"] for one in stored]


def describe(studio: Place, vendor: str, name: str, kind: str) -> str:
    described = ["capability", "describe", "--name", name, "--kind", kind, "--as", vendor, "--json"]
    return str(studio.run(*described).ok().json["stream"])


def sign(studio: Place, vendor: str, capability: str, filed: Filed, folder: str) -> list[str]:
    write(studio.files / folder, filed)
    names = ("manifest.json", "ml-bom.json", "code.zip", "sky.ppm")
    manifest, bom, *_ = put(studio, *(studio.files / folder / name for name in names))
    return ["capability", "sign", capability, "--manifest", manifest, "--ml-bom", bom, "--as", vendor]


def test_from_the_vendor_to_the_routing_list_and_off_it(studio: Place, vendor: str) -> None:
    it = describe(studio, vendor, "posterise", "algorithm")
    signing = sign(studio, vendor, it, make(), "posterise")
    foreign = studio.run(*signing[:-2])
    assert foreign.code == 7 and "expected the provider" in foreign.err
    studio.run(*signing).ok()
    early = studio.run("capability", "publish", it, "--version", "1")
    assert early.code == 7 and "scan: its files were not scanned" in early.err
    own = studio.run("capability", "scan", it, "--version", "1", "--as", vendor)
    assert own.code == 7
    studio.run("capability", "scan", it, "--version", "1").ok()
    tested = studio.run("capability", "test", it, "--version", "1", "--json").ok().json
    assert tested["events"][0]["event"]["passed"] == 4
    explained = studio.run("decision", "explain", str(tested["first_index"]), "--json")
    assert explained.json["same"] is None and "measurement" in explained.json["because"]
    (basis,) = put(studio, studio.write("basis", "a hundred frames"))
    grade = ["capability", "grade", it, "--version", "1", "--grade", "g0", "--nature", "commercial", "--basis", basis]
    studio.run(*grade).ok()
    published = studio.run("capability", "publish", it, "--version", "1", "--json").ok().json
    explained = studio.run("decision", "explain", str(published["first_index"]), "--json").ok().json
    assert explained["same"] is True and explained["policy"]["name"] == "capability-admission"
    shown = studio.run("capability", "show", it, "--json").ok().json
    assert (shown["status"], shown["callable"], shown["versions"][0]["lacks"]) == ("published", True, None)
    off = ["--statement", basis, "--effective-at", "2026-12-01T00:00:00Z"]
    studio.run("capability", "suspend", it, "--reason", "security", *off).ok()
    assert studio.run("capability", "show", it, "--json").json["callable"] is False
    studio.run("capability", "reinstate", it, "--statement", basis).ok()
    studio.run("capability", "revoke", it, "--reason", "by_provider", *off).ok()
    late = studio.run("capability", "publish", it, "--version", "1")
    assert late.code == 7 and "the capability is revoked" in late.err
    told = studio.run("capability", "show", it, "--lang", "zh").ok().out
    assert "posterise" in told and "扫描: clean" in told and "测试: 4 / 4" in told


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("trellis2", "commercial is not allowed by CC-BY-NC-4.0 of RMBG-2.0"),
        ("chord", "commercial is not allowed by LicenseRef-Ubisoft-Machine-Learning-Research-Only-Copyleft of CHORD"),
        ("physxgen", "commercial is not allowed by LicenseRef-S-Lab-1.0 of PhysXGen"),
    ],
)
def test_published_models_are_refused_by_the_name_of_what_forbids(
    studio: Place, vendor: str, name: str, says: str
) -> None:
    document = json.loads((MODELS / f"{name}.json").read_bytes())
    it = describe(studio, vendor, document["name"], document["kind"])
    manifest, bom = put(studio, MODELS / f"{name}.json", studio.write(f"{name}-bom.json", make().ml_bom))
    studio.run("capability", "sign", it, "--manifest", manifest, "--ml-bom", bom, "--as", vendor).ok()
    grade = ["capability", "grade", it, "--version", "1", "--grade", "g0", "--basis", manifest]
    refused = studio.run(*grade, "--nature", "commercial")
    assert refused.code == 7 and says in refused.err
    studio.run(*grade, "--nature", "research").ok()
    studio.run("capability", "scan", it, "--version", "1").ok()
    untested = studio.run("capability", "test", it, "--version", "1")
    assert untested.code == 7 and "expected the version's code" in untested.err
    held = studio.run("capability", "publish", it, "--version", "1")
    assert held.code == 7 and "test: its tests were not run" in held.err


def test_an_open_interface_and_a_wrong_bill_are_refused(studio: Place, vendor: str) -> None:
    it = describe(studio, vendor, "open", "algorithm")
    loose = make(name="open", parameters={"type": "object"})
    refused = studio.run(*sign(studio, vendor, it, loose, "open"))
    assert refused.code == 7 and 'expected "additionalProperties": false' in refused.err
    weights = [{"name": "w.safetensors", "sha256": "ab" * 32, "size": 3}]
    filed = make(name="open", weights=weights)
    bare = Filed(filed.code, filed.picture, filed.manifest, make(name="open").ml_bom)
    refused = studio.run(*sign(studio, vendor, it, bare, "bare"))
    assert refused.code == 7 and "does not name the weights w.safetensors" in refused.err


def test_templates_and_machines(studio: Place) -> None:
    steps = {
        "format": "edgeprint.template/1",
        "name": "previs",
        "nodes": [{"id": "a", "kind": "image", "grade": "g0", "after": []}],
    }
    it = str(studio.run("template", "define", "--name", "previs", "--json").ok().json["stream"])
    (document,) = put(studio, studio.write("steps.json", steps))
    studio.run("template", "version", it, "--document", document).ok()
    steps["nodes"][0]["after"] = ["a"]  # type: ignore[index]
    (circle,) = put(studio, studio.write("circle.json", steps))
    refused = studio.run("template", "version", it, "--document", circle)
    assert refused.code == 7 and "steps form a circle: a" in refused.err
    studio.run("template", "retire", it).ok()
    assert "retired" in studio.run("template", "show", it).ok().out
    enrolled = ["resource", "enrol", "--pool", "industry", "--country", "CN", "--security-level", "2"]
    enrolled += ["--accelerators", "8", "--accelerator-memory-mib", "81920", "--memory-mib", "131072", "--json"]
    machines = str(studio.run(*enrolled).ok().json["stream"])
    studio.run("resource", "drain", machines).ok()
    assert studio.run("resource", "show", machines, "--json").ok().json["status"] == "drained"
    assert "算力池" in studio.run("resource", "show", machines, "--lang", "zh").ok().out
    wrong = studio.run("resource", "show", it)
    assert wrong.code == 2 and "expected a ComputeResourceId (letter U), found T" in wrong.err
