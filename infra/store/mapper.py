"""The mapper of the library that maps nothing: an entry is encoded once, before, and passed through as it is.

A Mapper sees one event without its context and could not know `previous`, so encoding belongs to the write path.
"""

from typing import Any, cast
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from domain.events import Recorded


class EntryMapper(Mapper[UUID]):
    """Recorded <-> StoredEvent, byte for byte; no transcoder, no compressor, no cipher."""

    def __init__(self) -> None:
        """Take nothing from the environment."""
        super().__init__(transcoder=JSONTranscoder())

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """Return the stored form of a `Recorded`. Raises TypeError for anything else."""
        recorded: Any = domain_event
        if not isinstance(recorded, Recorded):
            raise TypeError(f"expected a Recorded, found {type(recorded).__name__}")
        return StoredEvent(recorded.originator_id, recorded.originator_version, recorded.type, recorded.entry)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Return the `Recorded` of a stored event."""
        stream = stored_event.originator_id
        recorded = Recorded(
            stream if isinstance(stream, UUID) else UUID(stream),
            stored_event.originator_version,
            stored_event.topic,
            stored_event.state,
        )
        return cast("DomainEventProtocol[UUID]", recorded)
