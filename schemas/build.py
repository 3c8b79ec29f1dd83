"""Write the `.avsc` files and the digest list from the event classes, and refuse to change what is published.

`digests.json` lists every schema as {"name", "sha256", "status", "version"}, sorted by name and version, one a line.
`status` is `published` (the file and its digest are frozen for ever, docs included) or `unreleased` (may change;
entries under it exist in development ledgers only). The complete real example is `schemas/digests.json` itself.

The list is the memory of what was published: whoever edits a published line can undo the freeze, so the digests of the
schemas frozen from the start stand in a test as well.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from domain.errors import Invalid
from domain.events import ENVELOPE_TYPE
from schemas.catalogue import Catalogue, SchemaText, schema_file

DIGEST_LIST: Final = "digests.json"
DIGEST_LIST_BYTES_MAX: Final = 1 << 20
FROZEN_FROM_THE_START: Final = frozenset(
    {(ENVELOPE_TYPE, 1), ("edgeprint.evidence.LedgerFounded", 1), ("edgeprint.evidence.SchemaPublished", 1)}
)


class Status(StrEnum):
    """Whether a schema may still change."""

    PUBLISHED = "published"
    UNRELEASED = "unreleased"


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the digest list."""

    name: str
    version: int
    sha256: str
    status: Status


def build(catalogue: Catalogue, directory: Path, check: bool) -> tuple[str, ...]:
    """Bring the files of a schema directory in line with the catalogue; return the paths written or removed.

    With `check`, nothing is written and any difference is an error.

    Raises:
        Invalid: a published schema would change, its file was edited or is gone, or its class is gone; a stray
            `.avsc` file; a broken digest list; with `check`, any file that the catalogue would write otherwise.
    """
    wanted = {schema.file: schema for schema in _schemas(catalogue)}
    listed = read_digest_list(directory)
    _require_frozen(listed, wanted, directory)
    files = {file: schema.text for file, schema in wanted.items()}
    files[DIGEST_LIST] = _format_list(wanted, listed)
    removed = _surplus(listed, wanted, directory)
    changed = sorted(file for file, text in files.items() if _read(directory / file) != text)
    if check and (changed or removed):
        raise Invalid(f"expected schema files as the event classes say, found others: {', '.join(changed + removed)}")
    for file in changed:
        (directory / file).parent.mkdir(parents=True, exist_ok=True)
        (directory / file).write_bytes(files[file])
    for file in removed:
        (directory / file).unlink()
    return tuple(changed + removed)


def read_digest_list(directory: Path) -> dict[tuple[str, int], Listed]:
    """Return the digest list by name and version; empty if there is none.

    Raises:
        Invalid: it is not what `build` writes.
    """
    data = _read(directory / DIGEST_LIST)
    if data is None:
        return {}
    if len(data) > DIGEST_LIST_BYTES_MAX:
        raise Invalid(f"{DIGEST_LIST}: expected at most {DIGEST_LIST_BYTES_MAX} bytes, found {len(data)}")
    try:
        lines = [
            Listed(item["name"], item["version"], item["sha256"], Status(item["status"])) for item in json.loads(data)
        ]
        canonical = _lines(lines)
    except (ValueError, TypeError, KeyError, RecursionError) as err:
        raise Invalid(f"{DIGEST_LIST}: expected a list of name, version, sha256, status, found {err!r}") from err
    if canonical != data:
        raise Invalid(f"{DIGEST_LIST}: expected sorted lines as `edgeprint schema build` writes them, found others")
    return {(line.name, line.version): line for line in lines}


def _schemas(catalogue: Catalogue) -> list[SchemaText]:
    return [catalogue.envelope, *(schema for versions in catalogue.versions.values() for schema in versions)]


def _require_frozen(listed: dict[tuple[str, int], Listed], wanted: dict[str, SchemaText], directory: Path) -> None:
    for line in listed.values():
        if line.status is not Status.PUBLISHED:
            continue
        file = schema_file(line.name, line.version)
        schema = wanted.get(file)
        if schema is None:
            raise Invalid(f"{file}: expected the event class of a published schema, found none")
        if schema.sha256.hex() != line.sha256:
            raise Invalid(
                f"{file}: expected the published digest {line.sha256}, found {schema.sha256.hex()}; "
                f"a published schema never changes, a new version or a new event type does"
            )
        found = _read(directory / file)
        if found != schema.text:
            state = "no file" if found is None else "an edited file"
            raise Invalid(f"{file}: expected the bytes of the published schema {line.sha256}, found {state}")


def _format_list(wanted: dict[str, SchemaText], listed: dict[tuple[str, int], Listed]) -> bytes:
    lines = []
    for schema in wanted.values():
        known = listed.get((schema.name, schema.version))
        frozen = (schema.name, schema.version) in FROZEN_FROM_THE_START
        status = known.status if known else Status.PUBLISHED if frozen else Status.UNRELEASED
        lines.append(Listed(schema.name, schema.version, schema.sha256.hex(), status))
    return _lines(lines)


def _lines(lines: list[Listed]) -> bytes:
    texts = [
        json.dumps({"name": line.name, "sha256": line.sha256, "status": line.status, "version": line.version})
        for line in sorted(lines, key=lambda line: (line.name, line.version))
    ]
    return ("[\n" + ",\n".join(texts) + "\n]\n").encode()


def _surplus(listed: dict[tuple[str, int], Listed], wanted: dict[str, SchemaText], directory: Path) -> list[str]:
    """Return the files of schemas that are listed but no longer wanted (never published: `_require_frozen`)."""
    known = {schema_file(name, version) for name, version in listed}
    surplus = []
    for path in sorted(directory.glob("*/*.avsc")):
        file = path.relative_to(directory).as_posix()
        if file in wanted:
            continue
        if file not in known:
            raise Invalid(f"{file}: expected files of catalogued schemas only, found a stray one")
        surplus.append(file)
    return surplus


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
