"""Makes the golden files of this folder; run `python -m tests.golden.codec.make_golden` in the repository's root.

`<Event>.hex` is one entry, 32 bytes a line in lower-case hexadecimal. `<Event>.json` says what its bytes mean: for each
part of the envelope its offset and bytes, then the event's own fields. All values are fixed here, so anyone can make
the files again; the schema texts they rest on are frozen.
"""

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from uuid import UUID

from domain.events import ZERO_HASH, ZERO_UUID, ActorKind, Envelope, Event, Sha256
from domain.evidence.events import LedgerFounded, SchemaPublished
from domain.ids import CommandId, EventId, LedgerId, PartyId, StreamId
from domain.ledger.merkle import leaf_hash
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from schemas.envelope import read_header

FOLDER = Path(__file__).parent
CODEC = Codec(CATALOGUE)
LEDGER = UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e")


def numbered(number: int) -> UUID:
    """Return a fixed UUIDv7."""
    return UUID(f"01937e3f-2b5c-7000-8000-{number:012x}")


def envelope(version: int, previous: bytes) -> Envelope:
    """Return the envelope of an event of the Ledger stream, recorded at 2025-01-01T00:00:00Z."""
    return Envelope(
        event_id=EventId(numbered(version)),
        stream_id=StreamId(LEDGER),
        previous=Sha256(previous),
        command_id=CommandId(numbered(100)),
        causation_id=ZERO_UUID,
        correlation_id=ZERO_UUID,
        ledger_id=LedgerId(LEDGER),
        actor=PartyId(numbered(200)),
        recorded_at=1_735_689_600_000_000 + version - 1,
        stream_version=version,
        actor_kind=ActorKind.SERVICE,
        policy=Sha256(bytes(range(32))),
    )


def examples() -> Iterator[tuple[str, Event, Envelope]]:
    """Yield the first two events of a ledger: it is founded, and its first schema is published."""
    founded = LedgerFounded(
        identifier_prefix="10.5072", production=False, origins=("film-ledger.example/cn-east", "片边码.example/测试")
    )
    first = envelope(1, ZERO_HASH)
    yield "LedgerFounded", founded, first
    schema = CATALOGUE.by_class[LedgerFounded]
    published = SchemaPublished(schema=schema.sha256, text=schema.text.decode())
    yield "SchemaPublished", published, envelope(2, leaf_hash(CODEC.encode(founded, first)))


def files() -> dict[str, str]:
    """Return the text of every golden file by its name."""
    made = {}
    for name, event, head in examples():
        entry = CODEC.encode(event, head)
        made[f"{name}.hex"] = "".join(f"{entry[place : place + 32].hex()}\n" for place in range(0, len(entry), 32))
        made[f"{name}.json"] = json.dumps(parts(entry, event, head), indent=1, ensure_ascii=False) + "\n"
    return made


def parts(entry: bytes, event: Event, head: Envelope) -> dict[str, object]:
    """Return what the bytes of an entry mean."""
    header = read_header(entry)
    values = {field.name: getattr(head, field.name) for field in fields(head)}
    return {
        "type": event.TYPE,
        "bytes": len(entry),
        "leaf_hash": leaf_hash(entry).hex(),
        "schema_sha256": header.schema_sha256.hex(),
        "envelope": {name: shown(found) for name, found in values.items()},
        "event": {field.name: shown(getattr(event, field.name)) for field in fields(event)},  # type: ignore[arg-type]  # facts are dataclasses
    }


def shown(found: object) -> object:
    """Return a value for a JSON file: bytes in hexadecimal, a UUID as text."""
    if isinstance(found, bytes):
        return found.hex()
    return str(found) if isinstance(found, UUID) else found


def main() -> None:
    """Write the files."""
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
