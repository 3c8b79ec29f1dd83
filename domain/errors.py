"""The errors of edgeprint. Callers branch on the class, never on the text.

LedgerError
├── Invalid        bytes, a proof or a value is wrong: evidence, never retried
├── Rejected       a business rule said no: final
│   └── NotFound   nothing stands under this name, index or identifier
├── Conflict       somebody else wrote first: read again and decide again
└── Unavailable    the outside world failed (database, disk, lock): retry later
"""

from domain.ledger.errors import Invalid, LedgerError

__all__ = ["Conflict", "Invalid", "LedgerError", "NotFound", "Rejected", "Unavailable"]


class Rejected(LedgerError):
    """A business rule said no; the same command will be refused again."""


class NotFound(Rejected):
    """Nothing stands under the given name, index or identifier."""


class Conflict(LedgerError):
    """Somebody else wrote first; read the streams again and decide again."""


class Unavailable(LedgerError):
    """The outside world failed; the same command may succeed later."""
