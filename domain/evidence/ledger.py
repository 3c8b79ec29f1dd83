"""Ledger: the one stream that founds a log, publishes its schemas and records resets of its clock."""

from dataclasses import dataclass, replace
from typing import assert_never

from domain.errors import Rejected
from domain.events import Sha256
from domain.evidence.events import LedgerClockReset, LedgerFounded, SchemaPublished

LedgerEvent = LedgerFounded | SchemaPublished | LedgerClockReset
TEST_PREFIX = "10.5072"


@dataclass(frozen=True, slots=True)
class Ledger:
    """What the ledger knows of itself."""

    founded: bool = False
    schemas: frozenset[Sha256] = frozenset()


@dataclass(frozen=True, slots=True)
class SchemaText:
    """One schema as it is published: its text and the digest that names it."""

    digest: Sha256
    text: str


@dataclass(frozen=True, slots=True)
class FoundLedger:
    """Found the log with all schemas known today."""

    identifier_prefix: str
    production: bool
    origins: tuple[str, ...]
    schemas: tuple[SchemaText, ...]


@dataclass(frozen=True, slots=True)
class PublishSchemas:
    """Publish those of `schemas` that the ledger does not carry yet."""

    schemas: tuple[SchemaText, ...]


@dataclass(frozen=True, slots=True)
class ResetClock:
    """State that earlier times ran ahead of the truth."""

    reason: str


def decide(ledger: Ledger, command: FoundLedger | PublishSchemas | ResetClock) -> tuple[LedgerEvent, ...]:
    """Return the events of `command`.

    Raises:
        Rejected: the ledger is founded already, or not yet; a production ledger asks for the test prefix.
    """
    match command:
        case FoundLedger() if not ledger.founded:
            if command.production and command.identifier_prefix == TEST_PREFIX:
                raise Rejected(
                    f"production ledger refused: {TEST_PREFIX} is the test prefix, expected a registered one"
                )
            founded = LedgerFounded(
                identifier_prefix=command.identifier_prefix, production=command.production, origins=command.origins
            )
            return (founded, *(SchemaPublished(schema=s.digest, text=s.text) for s in command.schemas))
        case PublishSchemas(schemas) if ledger.founded:
            new = (s for s in schemas if s.digest not in ledger.schemas)
            return tuple(SchemaPublished(schema=s.digest, text=s.text) for s in new)
        case ResetClock(reason) if ledger.founded:
            return (LedgerClockReset(reason=reason),)
    state = "founded already" if ledger.founded else "not founded yet"
    raise Rejected(f"{type(command).__name__} refused: the ledger is {state}")


def evolve(ledger: Ledger, event: LedgerEvent) -> Ledger:
    """Return the state after `event`."""
    match event:
        case LedgerFounded():
            return replace(ledger, founded=True)
        case SchemaPublished(schema=digest):
            return replace(ledger, schemas=ledger.schemas | {digest})
        case LedgerClockReset():
            return ledger
        case _:
            assert_never(event)
