"""The errors of edgeprint. Callers branch on the class, never on the text.

LedgerError
├── Invalid        bytes, a proof or a value is wrong: evidence, never retried
├── Rejected       a business rule said no: final
│   └── NotFound   nothing stands under this name, index or identifier
├── Conflict       somebody else wrote first: read again and decide again
└── Unavailable    the outside world failed (database, disk, lock): retry later
    └── Behind     a view has not taken in yet what is asked about: it is neither empty nor wrong
"""

from domain.ledger.errors import Invalid, LedgerError

__all__ = ["Behind", "Conflict", "Invalid", "LedgerError", "NotFound", "Rejected", "Unavailable"]


class Rejected(LedgerError):
    """A business rule said no; the same command will be refused again."""


class NotFound(Rejected):
    """Nothing stands under the given name, index or identifier."""


class Conflict(LedgerError):
    """Somebody else wrote first; read the streams again and decide again."""


class Unavailable(LedgerError):
    """The outside world failed; the same command may succeed later."""


class Behind(Unavailable):
    """A view has not taken in yet what is asked about: wait, or ask as of an earlier place."""
