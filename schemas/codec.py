"""The codec: event and envelope to entry bytes, once, and back.

An entry is one Avro record in binary encoding without framing: the envelope, whose first 32 bytes are the digest of
the schema that explains the rest, then the event's own fields. At most 60,000 bytes. Of each event and envelope there
is exactly one entry, and of each entry that is accepted exactly one event and envelope. A complete real example with
its parts named: `tests/golden/codec/LedgerFounded.hex` and the `.json` beside it.
"""

from domain.errors import Invalid
from domain.events import Envelope, Event
from schemas.catalogue import Catalogue, EventSchema
from schemas.decoder import Decoded, Decoder, make_decoder
from schemas.encoder import Encoder, make_encoder
from schemas.envelope import ENTRY_BYTES_MAX, ENTRY_BYTES_MIN

__all__ = ["Codec", "Decoded", "UnknownSchema"]


class UnknownSchema(Invalid):
    """An entry under a schema that this program does not have: perhaps written by a newer one."""


class Codec:
    """Writes and reads the entries of one catalogue.

    Encoders and decoders are generated at their first use and kept. Calls do not block and may be concurrent.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._encoders: dict[type[Event], Encoder] = {}
        self._decoders: dict[bytes, Decoder] = {}
        self._old_encoders: dict[bytes, Encoder] = {}

    def encode(self, event: Event, envelope: Envelope) -> bytes:
        """Return the entry of an event under the newest schema of its class.

        Raises:
            Invalid: a class that is not in the catalogue, or a value that the schema cannot carry (wrong type, out of
                bounds, unspecified enum, lone surrogate, over 60,000 bytes); the message names the field.
        """
        encoder = self._encoders.get(type(event))
        if encoder is None:
            encoder = self._make_encoder(type(event))
        return encoder(event, envelope)

    def decode(self, entry: bytes) -> Decoded:
        """Return what an entry of our own store says, read into the newest class.

        The store is trusted not to hold what `accept` would refuse; canonical form is checked all the same, at no cost.

        Raises:
            Invalid: unknown schema, or bytes that are not a canonical entry.
        """
        decoder = self._decoders.get(entry[:32])
        if decoder is None:
            decoder = self._make_decoder(entry[:32])
        return decoder(entry)

    def accept(self, entry: bytes) -> Decoded:
        """Return what foreign bytes say, if they are an entry that this codec could have written.

        Checked in this order: type and length, known schema, canonical form while reading, no trailing bytes, and that
        encoding the result gives the same bytes again. Nothing is allocated beyond what the length allows.

        Raises:
            Invalid: anything else.
        """
        if type(entry) is not bytes:
            raise Invalid(f"expected bytes, found {type(entry).__name__}")
        if not ENTRY_BYTES_MIN <= len(entry) <= ENTRY_BYTES_MAX:
            raise Invalid(f"expected an entry of {ENTRY_BYTES_MIN} to {ENTRY_BYTES_MAX} bytes, found {len(entry)}")
        decoded = self.decode(entry)
        if self._encoder_of(entry[:32])(decoded.event, decoded.envelope) != entry:
            raise Invalid(f"expected the canonical entry of a {decoded.event.TYPE}, found other bytes")
        return decoded

    def _make_encoder(self, event_class: type[Event]) -> Encoder:
        schema = self._catalogue.by_class.get(event_class)
        if schema is None:
            raise Invalid(f"expected an event of the catalogue, found {event_class.__name__}")
        encoder = self._encoders[event_class] = make_encoder(schema.sha256, schema.envelope, schema.record)
        return encoder

    def _make_decoder(self, digest: bytes) -> Decoder:
        schema = self._schema(digest)
        decoder = self._decoders[digest] = make_decoder(schema.sha256, schema.envelope, schema.record)
        return decoder

    def _encoder_of(self, digest: bytes) -> Encoder:
        encoder = self._old_encoders.get(digest)
        if encoder is None:
            schema = self._schema(digest)
            encoder = self._old_encoders[digest] = make_encoder(schema.sha256, schema.envelope, schema.record)
        return encoder

    def _schema(self, digest: bytes) -> EventSchema:
        schema = self._catalogue.by_digest.get(digest)
        if schema is None:
            raise UnknownSchema(f"expected an entry under a known schema, found {digest.hex()}")
        return schema
