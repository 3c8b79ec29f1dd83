"""Given events, when a command, then events or an error: Ledger."""

from functools import reduce

import pytest

from domain.errors import Rejected
from domain.events import Sha256
from domain.evidence import ledger
from domain.evidence.events import LedgerClockReset, LedgerFounded, SchemaPublished, schema_key
from domain.evidence.ledger import FoundLedger, Ledger, PublishSchemas, ResetClock, SchemaText

TEXT = SchemaText(Sha256(b"\x01" * 32), "{}")
OTHER = SchemaText(Sha256(b"\x02" * 32), "[]")


def founded(prefix: str = "10.5072", production: bool = False) -> FoundLedger:
    return FoundLedger(prefix, production, ("example.org/log",), (TEXT,))


def test_founding_states_the_ledger_and_publishes_its_schemas() -> None:
    events = ledger.decide(Ledger(), founded())
    assert events == (
        LedgerFounded(identifier_prefix="10.5072", production=False, origins=("example.org/log",)),
        SchemaPublished(schema=TEXT.digest, text=TEXT.text),
    )
    state = reduce(ledger.evolve, events, Ledger())
    assert state == Ledger(founded=True, schemas=frozenset({TEXT.digest}))


def test_a_ledger_is_founded_once() -> None:
    with pytest.raises(Rejected, match="founded already"):
        ledger.decide(Ledger(founded=True), founded())


def test_a_production_ledger_refuses_the_test_prefix() -> None:
    with pytest.raises(Rejected, match=r"10\.5072 is the test prefix"):
        ledger.decide(Ledger(), founded(production=True))


@pytest.mark.parametrize("command", [PublishSchemas((TEXT,)), ResetClock("clock ran a year ahead")])
def test_nothing_happens_before_founding(command: PublishSchemas | ResetClock) -> None:
    with pytest.raises(Rejected, match="not founded yet"):
        ledger.decide(Ledger(), command)


def test_only_new_schemas_are_published() -> None:
    state = Ledger(founded=True, schemas=frozenset({TEXT.digest}))
    assert ledger.decide(state, PublishSchemas((TEXT, OTHER))) == (SchemaPublished(schema=OTHER.digest, text="[]"),)


def test_a_published_schema_takes_its_key() -> None:
    event = SchemaPublished(schema=TEXT.digest, text=TEXT.text)
    assert event.keys().take == (schema_key(TEXT.digest),) == ("schema/" + "01" * 32,)


def test_a_clock_reset_is_recorded_with_its_reason() -> None:
    event = LedgerClockReset(reason="ntp was off")
    assert ledger.decide(Ledger(founded=True), ResetClock("ntp was off")) == (event,)
    assert ledger.evolve(Ledger(founded=True), event) == Ledger(founded=True)
