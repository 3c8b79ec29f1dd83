"""An entry as views are given it, wherever its bytes come from."""

from producers.ports import LedgerRow
from projections.view import Read
from schemas.codec import Codec


class LedgerEntry:
    """An entry, decoded at most once for all views that read it."""

    __slots__ = ("_codec", "_read", "_row")

    def __init__(self, row: LedgerRow, codec: Codec) -> None:
        self._row = row
        self._codec = codec
        self._read: Read | None = None

    @property
    def index(self) -> int:
        """Return its ledger index."""
        return self._row.index

    @property
    def type(self) -> str:
        """Return its event's type."""
        return self._row.type

    def read(self) -> Read:
        """Return it decoded. Raises: Invalid."""
        if self._read is None:
            decoded = self._codec.decode(self._row.entry)
            self._read = Read(self._row.index, decoded.envelope, decoded.event)
        return self._read
