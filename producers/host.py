"""What a command may learn of bytes before it is decided: the machine that gives the command looks, and says.

Whatever a host says is bound to a digest, so that anybody who has the bytes can look again.
"""

from typing import Protocol, TypeVar
from uuid import UUID

from domain.events import Sha256
from domain.identity.events import Content
from producers.commands import Aggregate

S = TypeVar("S")


class Host(Protocol):
    """The blobs of one machine, and the streams as they stand. Every call may read whole files."""

    def content(self, sha256: Sha256) -> Content | None:
        """Return what the bytes of a digest are, hashed now; None where they are not here.

        Raises: Invalid (damaged), Unavailable.
        """

    def document(self, sha256: Sha256, bytes_max: int) -> bytes | None:
        """Return a small blob, checked against its digest; None where it is not here.

        Raises: Invalid (damaged or over `bytes_max`), Unavailable.
        """

    def fingerprint(self, sha256: Sha256) -> tuple[str, str]:
        """Return the ISCC-SUM of the bytes of a digest and the program that computed it, name@version.

        Raises: NotFound, Invalid, Unavailable.
        """

    def state(self, stream_id: UUID, aggregate: Aggregate[S]) -> S:
        """Return a stream's state as it stands; nothing is guarded by that. Raises: NotFound for another kind."""
