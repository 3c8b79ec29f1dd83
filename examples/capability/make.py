"""Make what is filed of the example: the archive of its code, a picture, the manifest, the bill of materials.

The same bytes on every machine: the archive holds its one file stored, with a fixed time.
"""

import hashlib
import io
import json
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from examples.capability.posterise import table

NAME = "posterise"
VERSION = "1.0.0"
WIDTH, HEIGHT, TONES = 64, 36, 4
SOURCE = Path(__file__).with_name("posterise.py")


@dataclass(frozen=True, slots=True)
class Filed:
    """Everything of one version, each a document for the blob store."""

    code: bytes
    picture: bytes
    manifest: bytes
    ml_bom: bytes


def make(version: str = VERSION, **changes: Any) -> Filed:
    """Return the documents of a version; `changes` replace members of its manifest."""
    code, picture = _archive(SOURCE.read_bytes()), _picture()
    manifest = {**_manifest(code, picture, version), **changes}
    text = json.dumps(manifest, ensure_ascii=False, indent=2, sort_keys=True).encode()
    return Filed(code, picture, text, ml_bom(manifest))


def _archive(source: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(zipfile.ZipInfo("posterise.py", (2026, 1, 1, 0, 0, 0)), source)
    return data.getvalue()


def _picture() -> bytes:
    """Return a sky at night: darker above, a lamp in the middle."""
    rows = bytearray()
    for y in range(HEIGHT):
        for x in range(WIDTH):
            light = max(0, 200 - 8 * ((x - WIDTH // 2) ** 2 + (y - HEIGHT // 2) ** 2))
            rows += bytes((min(255, light + 2 * y), min(255, light // 2 + 2 * y), 20 + 3 * y))
    return b"P6\n%d %d\n255\n" % (WIDTH, HEIGHT) + bytes(rows)


def _manifest(code: bytes, picture: bytes, version: str) -> dict[str, Any]:
    head = len(picture) - WIDTH * HEIGHT * 3
    expected = picture[:head] + picture[head:].translate(table(TONES))
    return {
        "format": "edgeprint.capability/1",
        "name": NAME,
        "version": version,
        "kind": "algorithm",
        "code": {"sha256": _sha256(code), "commit": "0" * 40},
        "entry_point": ["python3", "posterise.py"],
        "weights": [],
        "lock_sha256": None,
        "image_sha256": None,
        "parameters": {
            "type": "object",
            "additionalProperties": False,
            "required": ["tones"],
            "properties": {"tones": {"type": "integer", "minimum": 2, "maximum": 256}},
        },
        "inputs": ["image/x-portable-pixmap"],
        "outputs": ["image/x-portable-pixmap"],
        "resources": {"memory_mib": 1024, "seconds_max": 30, "accelerator_memory_mib": 0},
        "determinism": "bitwise",
        "licences": [
            {"component": NAME, "licence": "Apache-2.0", "natures": ["commercial", "non_commercial", "research"]}
        ],
        "claimed": ["g0"],
        "tests": [
            {
                "name": "a sky of four tones",
                "inputs": {"sky.ppm": _sha256(picture)},
                "parameters": {"tones": TONES},
                "seed": 0,
                "expect": {"exit": 0, "outputs": {"posterised.ppm": _sha256(expected)}},
            },
            {
                "name": "one tone is none",
                "inputs": {"sky.ppm": _sha256(picture)},
                "parameters": {"tones": 1},
                "seed": 0,
                "expect": {"exit": 10},
            },
        ],
    }


def ml_bom(manifest: dict[str, Any]) -> bytes:
    """Return a CycloneDX 1.6 bill of materials that names the manifest's weights, or its program where it has none."""
    models = [
        {
            "type": "machine-learning-model",
            "name": one["name"],
            "version": manifest["version"],
            "hashes": [{"alg": "SHA-256", "content": one["sha256"]}],
        }
        for one in manifest["weights"]
    ]
    program = {"type": "application", "name": manifest["name"], "version": manifest["version"]}
    serial = uuid.uuid5(uuid.NAMESPACE_URL, f"edgeprint/{manifest['name']}/{manifest['version']}")
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "components": [program, *models],
    }
    return json.dumps(document, indent=2, sort_keys=True).encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(folder: Path, filed: Filed) -> None:
    """Write the documents of a version into a folder, as a vendor would send them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in (
        ("code.zip", filed.code),
        ("sky.ppm", filed.picture),
        ("manifest.json", filed.manifest),
        ("ml-bom.json", filed.ml_bom),
    ):
        (folder / name).write_bytes(data)
