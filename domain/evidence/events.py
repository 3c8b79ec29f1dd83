"""Facts of the evidence context: the ledger is founded, explains its own schemas, and survives a wrong clock."""

from typing import Annotated as A

from domain.events import Doc, Event, KeyChange, Sha256, fact

SCHEMA_TEXT_CHARACTERS_MAX = 50_000


def schema_key(digest: bytes) -> str:
    """Return the key of the append that stands for "this schema is published", `schema/<64 lower-case hex>`."""
    return f"schema/{digest.hex()}"


@fact("edgeprint.evidence.LedgerFounded", stream="H")
class LedgerFounded(Event):
    """The ledger exists from here on; the first entry of every log and of no other place."""

    identifier_prefix: A[str, Doc("DOI prefix under which this ledger gives identifiers", low=4, high=64)]
    production: A[bool, Doc("true for a ledger meant to last; a test prefix is then refused")]
    origins: A[tuple[str, ...], Doc("origin lines of the logs in which these entries are sealed", low=1, high=16)]


@fact("edgeprint.evidence.SchemaPublished", stream="H")
class SchemaPublished(Event):
    """The full text of one schema, so that the ledger explains itself; entries under it may follow."""

    schema: A[Sha256, Doc("SHA-256 of text: the first 32 bytes of every entry under this schema")]
    text: A[str, Doc("the schema's exact text, RFC 8785 form", low=2, high=SCHEMA_TEXT_CHARACTERS_MAX)]

    def keys(self) -> KeyChange:
        """Return the key that append() looks up for every later entry under this schema."""
        return KeyChange(take=(schema_key(self.schema),))


@fact("edgeprint.evidence.LedgerClockReset", stream="H")
class LedgerClockReset(Event):
    """An operator states that earlier times ran ahead; the running maximum of time starts again here."""

    reason: A[str, Doc("why, in the operator's words; no names", low=1, high=400)]


EVENTS = (LedgerFounded, SchemaPublished, LedgerClockReset)
