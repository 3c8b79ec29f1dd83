"""The process contract, and the compliance tests of a version run through it.

A call is a folder: `in/request.json` says what is asked, `in/` holds the inputs, the program (told by `EDGEPRINT_JOB`
where the folder is) writes `out/result.json` and its files beside it.

    request  {"format": "edgeprint.job/1", "inputs": [{"name", "sha256"}], "parameters": {}, "seed": 7, "step": ""}
    result   {"format": "edgeprint.result/1", "outputs": [{"name"}]}

Exit 0: done; 10: the call is rejected; 20: out of resources; anything else: failed. The host hashes outputs, never the
program. Besides the version's own tests two are always made: a call with an unknown parameter is rejected, and where
the version says `bitwise`, the first call that succeeds gives the same bytes again.

The report `edgeprint.compliance-report/1` is RFC 8785 JSON in the blob store: each case with what was expected and
found, and where it ran.
"""

import hashlib
import io
import json
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import rfc8785

from domain.capability.manifest import Case, Determinism, Manifest
from domain.errors import Invalid
from domain.events import Sha256
from infra.blobs.store import BlobStore
from infra.capability.sandbox import Ended, environment, run
from infra.capability.scan import ARCHIVE_BYTES_MAX, read_archive
from producers.capability import digest_of
from producers.host import Report

REJECTED: Final = 10
RESULT_BYTES_MAX: Final = 1 << 20
OUTPUTS_MAX: Final = 100
UNKNOWN: Final = "edgeprint-unknown-parameter"


@dataclass(frozen=True, slots=True)
class Called:
    """What came of one call: its exit status, its outputs by name, and what is wrong with them ("" if nothing)."""

    code: int
    outputs: Mapping[str, Sha256]
    fault: str


def run_tests(blobs: BlobStore, manifest: Manifest) -> Report | None:
    """Run the tests of a version and return what became of them; None where code or an input is not in the store.

    Raises:
        Invalid: a blob is damaged, or the code's archive cannot be unpacked.
        Unavailable: the store cannot be read or written.
    """
    if manifest.code is None:
        return None
    needed = {manifest.code, *(sha256 for case in manifest.tests for sha256 in case.inputs.values())}
    if not all(blobs.path(sha256).exists() for sha256 in needed):
        return None
    with tempfile.TemporaryDirectory(prefix="edgeprint-test-") as name:
        bench = _Bench(blobs, manifest, Path(name))
        told = [bench.judge(case) for case in _all_cases(manifest)]
        if manifest.determinism is Determinism.BITWISE:
            told += bench.again()
    where = environment()
    report = {
        "format": "edgeprint.compliance-report/1",
        "capability": manifest.name,
        "version": manifest.version,
        "fingerprint": digest_of(manifest.runs()).hex(),
        "environment": where,
        "cases": told,
    }
    sha256 = blobs.put_bytes(rfc8785.dumps(report))  # type: ignore[arg-type]
    passed = sum(case["passed"] for case in told)
    return Report(passed, len(told) - passed, sha256, digest_of(where))


def _all_cases(manifest: Manifest) -> list[Case]:
    """Return the version's own tests and the call that every version must reject."""
    closed = Case("rejects an unknown parameter", {}, {UNKNOWN: 1}, 0, REJECTED, None)
    succeeding = next((case for case in manifest.tests if case.exit == 0), None)
    if succeeding is not None:
        parameters = {**succeeding.parameters, UNKNOWN: 1}
        closed = replace(succeeding, name=closed.name, parameters=parameters, exit=REJECTED, outputs=None)
    return [*manifest.tests, closed]


class _Bench:
    """A folder with the unpacked code, and the calls that are made there."""

    def __init__(self, blobs: BlobStore, manifest: Manifest, folder: Path) -> None:
        self._blobs = blobs
        self._manifest = manifest
        self._folder = folder
        self._calls = 0
        self._first: tuple[Case, Mapping[str, Sha256]] | None = None
        if manifest.code is None:
            raise AssertionError("a service has no code to unpack")
        self._code = folder / "code"
        folder.chmod(0o711)  # an account that owns nothing finds its way in, and lists nothing
        for name, data in read_archive(io.BytesIO(blobs.read_bytes(manifest.code, ARCHIVE_BYTES_MAX))):
            path = self._code / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            path.chmod(0o644)
        for place in (self._code, *(path for path in self._code.rglob("*") if path.is_dir())):
            place.chmod(0o755)  # whatever our umask, the account that runs it can read it

    def judge(self, case: Case) -> dict[str, Any]:
        """Make the call of a test and return what was expected, what was found and whether that is the same."""
        called = self._call(case)
        passed = called.code == case.exit and not called.fault
        if passed and case.exit == 0:
            passed = case.outputs is None or called.outputs == dict(case.outputs)
            if self._first is None:
                self._first = case, called.outputs
        expected = {"exit": str(case.exit), "outputs": None if case.outputs is None else _hex(case.outputs)}
        return _told(case.name, expected, called, passed)

    def again(self) -> list[dict[str, Any]]:
        """Make the first call that succeeded once more: the same bytes, or it is not what its manifest says."""
        if self._first is None:
            return []
        case, outputs = self._first
        called = self._call(case)
        passed = called.code == 0 and not called.fault and called.outputs == outputs
        return [_told("the same call gives the same bytes", {"exit": "0", "outputs": _hex(outputs)}, called, passed)]

    def _call(self, case: Case) -> Called:
        self._calls += 1
        job = self._folder / f"job-{self._calls}"
        (job / "in").mkdir(parents=True)
        (job / "out").mkdir()
        for name, sha256 in case.inputs.items():
            with self._blobs.open(sha256) as source, (job / "in" / name).open("wb") as target:
                shutil.copyfileobj(source, target)
        (job / "in" / "request.json").write_bytes(json.dumps(_request(case)).encode())
        ended = run(
            self._manifest.entry_point,
            folder=self._code,
            job=job,
            memory_mib=self._manifest.memory_mib,
            seconds_max=self._manifest.seconds_max,
        )
        called = _outcome(ended, job / "out")
        shutil.rmtree(job)
        return called


def _request(case: Case) -> dict[str, Any]:
    return {
        "format": "edgeprint.job/1",
        "step": case.name,
        "inputs": [{"name": name, "sha256": sha256.hex()} for name, sha256 in case.inputs.items()],
        "parameters": case.parameters,
        "seed": case.seed,
    }


def _outcome(ended: Ended, out: Path) -> Called:
    if ended.timed_out:
        return Called(ended.code, {}, "the deadline passed")
    if ended.code != 0:
        return Called(ended.code, {}, "")
    try:
        return Called(0, _outputs(out), "")
    except Invalid as err:
        return Called(0, {}, str(err))


def _outputs(out: Path) -> dict[str, Sha256]:
    """Return name and digest of each output, hashed here. Raises: Invalid for anything that breaks the contract."""
    there = sorted(path.name for path in out.iterdir())
    if "result.json" not in there:
        raise Invalid("expected out/result.json, found none")
    found: dict[str, Sha256] = {}
    for name in there:
        path = out / name
        if not stat.S_ISREG(path.lstat().st_mode):
            raise Invalid("expected regular files in out/, found something else")
        if name != "result.json":
            with path.open("rb") as file:
                found[name] = Sha256(hashlib.file_digest(file, "sha256").digest())
    with (out / "result.json").open("rb") as file:
        data = file.read(RESULT_BYTES_MAX + 1)
    try:
        result = json.loads(data)
        named = sorted(one["name"] for one in result["outputs"])
        known = result["format"] == "edgeprint.result/1"
    except (ValueError, KeyError, TypeError, RecursionError) as err:
        raise Invalid("out/result.json: expected format and outputs") from err
    if not known or len(data) > RESULT_BYTES_MAX or named != sorted(found) or len(found) > OUTPUTS_MAX:
        raise Invalid("out/result.json: expected edgeprint.result/1, naming exactly the files beside it")
    return found


def _hex(files: Mapping[str, Sha256]) -> dict[str, str]:
    return {name: sha256.hex() for name, sha256 in sorted(files.items())}


def _told(name: str, expected: dict[str, Any], called: Called, passed: bool) -> dict[str, Any]:
    found = {"exit": str(called.code), "outputs": _hex(called.outputs), "fault": called.fault}
    return {"name": name, "expected": expected, "found": found, "passed": passed}
