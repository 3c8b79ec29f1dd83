"""Read a ledger from its static tree alone: no database, no program of ours, schemas from the log itself.

    for index, name, event in entries("/path/to/tlog"):

`tile/entries` holds each entry behind its length (C2SP tlog-tiles); the first 32 bytes of an entry are SHA-256 of the
schema that explains it, and the log holds the text of every schema at the end of a SchemaPublished entry. That entry
and the founding one need a schema that is published after them, so the tree is read twice. Nothing is verified here:
`edgeprint ledger verify` or any tlog client does that.
"""

import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastavro import parse_schema, schemaless_reader

WIDTH = 256


def entries(tree: Path | str) -> Iterator[tuple[int, str, dict[str, Any]]]:
    """Yield ledger index, event type and event (with its envelope) of every sealed entry.

    Raises KeyError, with the digest, if the log holds no schema of an entry.
    """
    schemas = dict(published(Path(tree)))
    for index, entry in enumerate(raw_entries(Path(tree))):
        schema = schemas[entry[:32]]
        yield index, schema["name"], schemaless_reader(io.BytesIO(entry), schema)  # type: ignore[misc]


def published(tree: Path) -> Iterator[tuple[bytes, Any]]:
    """Yield digest and schema of every schema in the log: a text at the end of an entry that holds its digest too."""
    for entry in raw_entries(tree):
        text = entry[entry.find(b'{"doc":') :]
        if text.startswith(b"{") and (digest := hashlib.sha256(text).digest()) in entry:
            yield digest, parse_schema(json.loads(text), named_schemas={})


def raw_entries(tree: Path) -> Iterator[bytes]:
    """Yield the bytes of every sealed entry, in ledger order."""
    size = int((tree / "checkpoint").read_bytes().split(b"\n")[1])
    for number in range(-(-size // WIDTH)):
        groups = f"{number:0{-(-len(str(number)) // 3) * 3}d}"
        parts = [groups[place : place + 3] for place in range(0, len(groups), 3)]
        name = "/".join([f"x{part}" for part in parts[:-1]] + parts[-1:])
        width = min(WIDTH, size - number * WIDTH)
        file = tree / "tile" / "entries" / (name if width == WIDTH else f"{name}.p/{width}")
        bundle = io.BytesIO(file.read_bytes())
        while length := bundle.read(2):
            yield bundle.read(int.from_bytes(length, "big"))
