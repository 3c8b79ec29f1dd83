"""Scans on real malicious files made here, bills of materials by CycloneDX's own schema, tests in a real process."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.capability.events import ScanVerdict
from domain.capability.manifest import read_manifest
from domain.errors import Invalid
from domain.events import Sha256
from examples.capability.make import make, ml_bom
from infra.blobs.store import BlobStore
from infra.capability.bom import read_bom
from infra.capability.contract import run_tests
from infra.capability.sandbox import environment, layers, run
from infra.capability.scan import RED_FLAGS, read_archive, scan_files
from producers.host import Report


class Runs:
    """A pickle that runs a function when it is opened."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


def zipped(**files: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return data.getvalue()


def safetensors(**tensors: bytes) -> bytes:
    offset, head = 0, {}
    for name, data in tensors.items():
        head[name] = {"dtype": "U8", "shape": [len(data)], "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(tensors.values())


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path / "blobs")


def found(blobs: BlobStore, *weights: bytes, code: bytes | None = None) -> list[tuple[str, str]]:
    """Return verdict and code of each finding in files of weights and an archive of code."""
    files = [
        {"name": f"w{n}", "sha256": blobs.put_bytes(data).hex(), "size": len(data)} for n, data in enumerate(weights)
    ]
    made = make(weights=files) if code is None else make(weights=files, code={"sha256": blobs.put_bytes(code).hex()})
    blobs.put_bytes(made.code)
    findings = scan_files(blobs, read_manifest(json.loads(made.manifest)))
    assert findings is not None
    return [(str(one.verdict), one.code) for one in findings]


class TestWeights:
    """What runs when it is opened is found without opening it."""

    def test_numbers_alone_are_clean(self, blobs: BlobStore) -> None:
        assert found(blobs, safetensors(a=b"123", b=b"4567")) == []

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    @pytest.mark.parametrize(
        ("function", "argument"),
        [(os.system, "true"), (eval, "1"), (exec, "pass"), (__import__, "os")],
        ids=lambda value: getattr(value, "__name__", ""),
    )
    def test_a_pickle_that_runs_something(
        self, blobs: BlobStore, function: Callable[..., Any], argument: str, protocol: int
    ) -> None:
        told = found(blobs, pickle.dumps(Runs(function, argument), protocol))
        assert told[0][0] == "malicious" and told[0][1].startswith("pickle-global:")
        assert function.__name__.strip("_") in told[0][1]

    def test_inside_the_zip_that_pytorch_writes(self, blobs: BlobStore) -> None:
        archive = zipped(archive__data_dot_pkl=pickle.dumps(Runs(os.system, "true")), archive__version=b"3\n")
        told = found(blobs, archive)
        assert told[0] == ("malicious", "pickle-global:posix.system")
        assert told[-1][1].startswith("not-safetensors:")

    def test_behind_numbers_in_another_file(self, blobs: BlobStore) -> None:
        told = found(blobs, safetensors(a=b"123"), pickle.dumps(Runs(os.system, "true")))
        assert [one[0] for one in told] == ["malicious", "suspicious"]

    def test_a_global_that_nobody_knows_is_suspicious(self, blobs: BlobStore) -> None:
        told = found(blobs, b"cfilm_of_nobody\nload\n.")
        assert ("suspicious", "pickle-global:film_of_nobody.load") in told

    def test_a_pickle_of_plain_data_is_still_no_safetensors(self, blobs: BlobStore) -> None:
        (only,) = found(blobs, pickle.dumps({"a": [1, 2, 3]}))
        assert only[0] == "suspicious" and only[1].startswith("not-safetensors:")

    def test_a_bomb_is_not_unpacked(self, blobs: BlobStore) -> None:
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("data.pkl", "w") as file:
            for _ in range(1_100):
                file.write(bytes(1 << 20))
        (only,) = found(blobs, data.getvalue())
        assert only[0] == "malicious" and only[1].startswith("archive-bomb:")

    @pytest.mark.parametrize(
        "rubbish", [b"\x80\x04", b"\x80\x05garbage", b"PK\x03\x04broken", bytes(600), b"(" * 5_000]
    )
    def test_rubbish_is_suspicious_and_breaks_nothing(self, blobs: BlobStore, rubbish: bytes) -> None:
        assert {one[0] for one in found(blobs, rubbish)} == {"suspicious"}

    def test_what_is_not_here_is_not_scanned(self, blobs: BlobStore) -> None:
        made = make(weights=[{"name": "w", "sha256": "ab" * 32, "size": 1}])
        assert scan_files(blobs, read_manifest(json.loads(made.manifest))) is None

    def test_a_damaged_file_is_said_to_be_one(self, blobs: BlobStore) -> None:
        made = make()
        path = blobs.path(blobs.put_bytes(made.code))
        path.chmod(0o600)
        path.write_bytes(b"other bytes")
        with pytest.raises(Invalid, match="expected sha256"):
            scan_files(blobs, read_manifest(json.loads(made.manifest)))


class TestCode:
    """An archive of code is a folder of plain files; what it says of opening weights is looked for."""

    @pytest.mark.parametrize(
        "line",
        [
            b"AutoModel.from_pretrained(name, trust_remote_code=True)",
            b"model = torch.hub.load('x', 'y')",
            b"np.load(path, allow_pickle = True)",
            b"torch.load(path, weights_only=False)",
            b"state = pickle.load(file)",
            b"exec(source)",
        ],
    )
    def test_each_red_flag(self, blobs: BlobStore, line: bytes) -> None:
        told = found(blobs, code=zipped(run_dot_py=b"import x\n" + line))
        assert len(told) == 1 and told[0][0] == "suspicious" and told[0][1].endswith(" in run.py")
        assert any(flag in told[0][1] for _, flag in RED_FLAGS)

    def test_honest_code_is_clean(self, blobs: BlobStore) -> None:
        assert found(blobs) == []
        assert found(blobs, code=zipped(run_dot_py=b"self.eval()\nmodel.exec_plan()\nweights_only=True")) == []

    def test_a_pickle_in_the_archive(self, blobs: BlobStore) -> None:
        told = found(blobs, code=zipped(w_dot_pkl=pickle.dumps(Runs(os.system, "true"))))
        assert ("malicious", "pickle-global:posix.system") in told

    @pytest.mark.parametrize("name", ["../x.py", "/etc/x.py", "a/../../x", "a\\b.py", "a\x07.py"])
    def test_names_that_leave_the_folder(self, blobs: BlobStore, name: str) -> None:
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            archive.writestr(zipfile.ZipInfo(name), b"x")
        assert found(blobs, code=data.getvalue()) == [("malicious", "archive:a name that leaves the archive's folder")]

    def test_links_and_damage(self, blobs: BlobStore) -> None:
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            link = zipfile.ZipInfo("link")
            link.external_attr = 0o120777 << 16
            archive.writestr(link, b"/etc/passwd")
        assert "or a link" in found(blobs, code=data.getvalue())[0][1]
        whole = zipped(a_dot_py=b"x = 1\n" * 50)
        broken = whole.replace(b"x = 1", b"x = 2", 1)
        assert found(blobs, code=broken)[0][0] == "malicious"
        assert found(blobs, code=b"no archive") == [("suspicious", "code-is-no-zip")]
        with pytest.raises(Invalid, match="not a zip archive"):
            list(read_archive(io.BytesIO(b"PK")))


class TestBillOfMaterials:
    """CycloneDX's own schema decides what one is."""

    def test_files_are_named_by_digest_at_any_depth(self) -> None:
        document = json.loads(make(weights=[{"name": "w", "sha256": "ab" * 32, "size": 1}]).ml_bom)
        assert read_bom(json.dumps(document).encode()) == {bytes.fromhex("ab" * 32)}
        inner = {"type": "file", "name": "v", "hashes": [{"alg": "SHA-256", "content": "cd" * 32}]}
        document["components"][0]["components"] = [inner]
        assert len(read_bom(json.dumps(document).encode())) == 2

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"specVersion": "1.2"}, "expected CycloneDX 1.5"),
            ({"bomFormat": "SPDX"}, "bill of materials: "),
            ({"unknown": 1}, "bill of materials: "),
            ({"components": [{"name": "x"}]}, "bill of materials: "),
            (
                {"components": [{"type": "application", "name": "x", "hashes": [{"alg": "SHA-256", "content": "xy"}]}]},
                "materials",
            ),
            ({"components": [{"type": "file", "name": "x"}]}, "machine-learning-model or application"),
        ],
    )
    def test_what_is_none(self, change: dict[str, Any], why: str) -> None:
        document = {**json.loads(make().ml_bom), **change}
        with pytest.raises(Invalid, match=why):
            read_bom(json.dumps(document).encode())

    @pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b"[" * 100_000])
    def test_rubbish(self, data: bytes) -> None:
        with pytest.raises(Invalid, match="bill of materials"):
            read_bom(data)


def filed(blobs: BlobStore, source: str | None = None, **changes: Any) -> Report:
    """Run the tests of the example, or of another program in its place, and return the report."""
    made = make(**changes)
    if source is not None:
        code = zipped(posterise_dot_py=source.encode())
        made = make(code={"sha256": blobs.put_bytes(code).hex(), "commit": "0" * 40}, **changes)
    for data in (made.code, made.picture, ml_bom(json.loads(made.manifest))):
        blobs.put_bytes(data)
    report = run_tests(blobs, read_manifest(json.loads(made.manifest)))
    assert report is not None
    return report


def cases(blobs: BlobStore, report: Report) -> dict[str, dict[str, Any]]:
    document = json.loads(blobs.read_bytes(report.sha256, 1 << 20))
    return {case["name"]: case for case in document["cases"]}


WRITES = """
import json, os, pathlib
job = pathlib.Path(os.environ["EDGEPRINT_JOB"])
{body}
"""


class TestContract:
    """A program is called in a folder, and the host looks at what it left there."""

    def test_the_example_passes_and_says_where_it_ran(self, blobs: BlobStore) -> None:
        report = filed(blobs)
        assert (report.passed, report.failed) == (4, 0)
        told = cases(blobs, report)
        assert set(told) == {
            "a sky of four tones",
            "one tone is none",
            "rejects an unknown parameter",
            "the same call gives the same bytes",
        }
        assert filed(blobs) == report, "nothing in a report depends on the clock"
        assert "limits" in layers() and environment()["layers"] == list(layers())

    def test_other_bytes_than_expected_fail(self, blobs: BlobStore) -> None:
        wrong = json.loads(make().manifest)["tests"][:1]
        wrong[0]["expect"]["outputs"]["posterised.ppm"] = "ab" * 32
        report = filed(blobs, tests=wrong)
        assert not cases(blobs, report)["a sky of four tones"]["passed"]

    @pytest.mark.parametrize(
        ("body", "fault"),
        [
            ("pass", "expected out/result.json, found none"),
            ("(job / 'out' / 'result.json').write_text('x')", "expected format and outputs"),
            ("(job / 'out' / 'result.json').write_text('{\"format\": \"x\", \"outputs\": []}')", "edgeprint.result/1"),
            ("(job / 'out' / 'result.json').symlink_to('/etc/passwd')", "expected regular files"),
            ("(job / 'out' / 'more').mkdir(); (job / 'out' / 'result.json').write_text('{}')", "regular files"),
            (
                "(job / 'out' / 'x').write_text('x'); "
                "(job / 'out' / 'result.json').write_text(json.dumps({'format': 'edgeprint.result/1', 'outputs': []}))",
                "naming exactly the files beside it",
            ),
        ],
    )
    def test_what_breaks_the_contract_is_named(self, blobs: BlobStore, body: str, fault: str) -> None:
        report = filed(blobs, WRITES.format(body=body))
        assert fault in cases(blobs, report)["a sky of four tones"]["found"]["fault"]
        assert not cases(blobs, report)["rejects an unknown parameter"]["passed"]

    def test_what_differs_from_call_to_call_is_not_bitwise(self, blobs: BlobStore) -> None:
        body = (
            "(job / 'out' / 'x').write_bytes(os.urandom(8)); (job / 'out' / 'result.json').write_text("
            "json.dumps({'format': 'edgeprint.result/1', 'outputs': [{'name': 'x'}]}))"
        )
        any_output = json.loads(make().manifest)["tests"][:1]
        any_output[0]["expect"]["outputs"] = None
        report = filed(blobs, WRITES.format(body=body), tests=any_output)
        told = cases(blobs, report)
        assert told["a sky of four tones"]["passed"] and not told["the same call gives the same bytes"]["passed"]

    def test_a_deadline_ends_it_with_all_that_it_started(self, blobs: BlobStore) -> None:
        body = (
            "import subprocess, sys, time; "
            "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); time.sleep(60)"
        )
        resources = {"memory_mib": 1024, "seconds_max": 1, "accelerator_memory_mib": 0}
        report = filed(blobs, WRITES.format(body=body), resources=resources)
        assert cases(blobs, report)["a sky of four tones"]["found"]["fault"] == "the deadline passed"

    def test_memory_has_an_end(self, blobs: BlobStore) -> None:
        resources = {"memory_mib": 256, "seconds_max": 20, "accelerator_memory_mib": 0}
        report = filed(blobs, WRITES.format(body="x = bytearray(1 << 30)"), resources=resources)
        assert cases(blobs, report)["a sky of four tones"]["found"]["exit"] not in ("0", "10", "20")

    def test_what_is_not_here_is_not_run(self, blobs: BlobStore) -> None:
        made = make()
        assert run_tests(blobs, read_manifest(json.loads(made.manifest))) is None
        model = Path(__file__).parents[2] / "examples" / "capability" / "models" / "chord.json"
        assert run_tests(blobs, read_manifest(json.loads(model.read_bytes()))) is None


class TestSandbox:
    """Nothing of ours gets in, and what is said is kept to its end."""

    def test_the_environment_is_clean_and_the_network_is_gone(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EDGEPRINT_SECRET", "x")
        source = (
            "import os, socket, json\n"
            "print(json.dumps(sorted(os.environ)))\n"
            "try:\n    socket.create_connection(('127.0.0.1', 9), timeout=1)\n"
            "except OSError as err:\n    print(err.errno)\n"
        )
        ended = run(["python3", "-c", source], folder=tmp_path, job=tmp_path, memory_mib=1024, seconds_max=20)
        names, errno = ended.said.splitlines()[-2:]
        assert ended.code == 0 and "EDGEPRINT_SECRET" not in names and "EDGEPRINT_JOB" in names
        if "no-network" in layers():
            assert int(errno) == 101, "the network is unreachable, not merely refused"

    def test_only_the_end_of_a_long_tale_is_kept(self, tmp_path: Path) -> None:
        source = "print('x' * 200_000); print('the end')"
        ended = run(["python3", "-c", source], folder=tmp_path, job=tmp_path, memory_mib=1024, seconds_max=20)
        assert len(ended.said) <= 64 << 10 and ended.said.endswith("the end\n")


def test_a_finding_names_its_file(blobs: BlobStore) -> None:
    data = pickle.dumps(Runs(os.system, "true"))
    made = make(weights=[{"name": "w", "sha256": blobs.put_bytes(data).hex(), "size": len(data)}])
    blobs.put_bytes(made.code)
    findings = scan_files(blobs, read_manifest(json.loads(made.manifest)))
    assert findings and all(one.file == Sha256(blobs.put_bytes(data)) for one in findings)
    assert findings[0].verdict is ScanVerdict.MALICIOUS
