"""The encoder of one event class, generated from its schema as straight-line Python.

The generated function reads each field once, checks all of them in one condition, and joins the bytes. For an event
with one bounded integer it is, shortened:

    def encode(event, envelope):
        if type(event) is not AttemptStarted or type(envelope) is not Envelope:
            raise_invalid(event, envelope)
        try:
            entry = SCHEMA + write_envelope(envelope) + write_event(event)
        except (Unwritable, UnicodeEncodeError):
            raise_invalid(event, envelope)
        if len(entry) > 60_000:
            raise_too_long(entry)
        return entry

    def write_event(record):
        attempt_ = record.attempt
        if type(attempt_) is not int or not 1 <= attempt_ <= 100:
            raise Unwritable
        return SHORT[attempt_ << 1]

Its bytes are those of fastavro's strict schemaless writer, which every test uses as the oracle. `True` and `1.0` are
refused for an integer, which fastavro writes.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NoReturn
from uuid import UUID

from domain.errors import Invalid
from domain.events import Envelope, Event
from schemas.envelope import ENTRY_BYTES_MAX
from schemas.shapes import (
    Array,
    Boolean,
    Digest,
    Enumeration,
    Identity,
    Instant,
    Long,
    Optional,
    Record,
    Shape,
    Text,
)
from schemas.source import Source, local
from schemas.values import Unwritable, check, microseconds
from schemas.varint import SHORT, write_long, write_long_of_8

Encoder = Callable[[Event, Envelope], bytes]

_SHORT_END: Final = len(SHORT) >> 1
_EIGHT_LOW: Final = 1 << 48
_EIGHT_HIGH: Final = (1 << 55) - 1


def make_encoder(digest: bytes, envelope: Record, event: Record) -> Encoder:
    """Return the function that encodes events of one class under the schema whose digest is given.

    The function raises `Invalid` for whatever the schema cannot carry, naming the field, and for over 60,000 bytes.
    """

    def raise_invalid(found: Event, found_envelope: Envelope) -> NoReturn:
        check(envelope, found_envelope, "envelope")
        check(event, found, event.name)
        raise AssertionError(f"{event.name}: the generated encoder refused what the checker allows: {found!r}")

    def raise_too_long(entry: bytes) -> NoReturn:
        raise Invalid(f"{event.name}: expected an entry of at most {ENTRY_BYTES_MAX} bytes, found {len(entry)}")

    source = Source(
        f"{event.name} (encoder)",
        {
            "SCHEMA": digest,
            "SHORT": SHORT,
            "UUID": UUID,
            "Unwritable": Unwritable,
            "datetime": datetime,
            "join": b"".join,
            "microseconds": microseconds,
            "raise_invalid": raise_invalid,
            "raise_too_long": raise_too_long,
            "write_long": write_long,
            "write_long_of_8": write_long_of_8,
            "write_text": _write_text,
        },
    )
    writer = _Writer(source)
    write_envelope, write_event = writer.record(envelope), writer.record(event)
    event_class = source.constant(event.python.__name__, event.python)
    envelope_class = source.constant(envelope.python.__name__, envelope.python)
    name = source.function(
        "encode",
        "event, envelope",
        [
            f"if type(event) is not {event_class} or type(envelope) is not {envelope_class}:",
            "    raise_invalid(event, envelope)",
            "try:",
            f"    entry = SCHEMA + {write_envelope}(envelope) + {write_event}(event)",
            "except (Unwritable, UnicodeEncodeError):",
            "    raise_invalid(event, envelope)",
            f"if len(entry) > {ENTRY_BYTES_MAX}:",
            "    raise_too_long(entry)",
            "return entry",
        ],
    )
    return source.compile(name)


class _Writer:
    """Writes one function per record and per array, each returning the bytes of its argument or raising Unwritable."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._records: dict[str, str] = {}

    def record(self, record: Record) -> str:
        """Return the name of the function that writes a record whose class the caller has checked."""
        if record.name in self._records:
            return self._records[record.name]
        written = [field for field in record.fields if field.written]
        body = [f"{local(field.name)} = record.{field.name}" for field in written]
        wrong = [test for field in written for test in self._wrong(field.shape, local(field.name))]
        if wrong:
            body += ["if (", *(f"    {'or ' if place else ''}{test}" for place, test in enumerate(wrong)), "):"]
            body += ["    raise Unwritable"]
        parts = [self._bytes(field.shape, local(field.name)) for field in written]
        if len(parts) > 1:
            body += ["return join((", *(f"    {part}," for part in parts), "))"]
        else:
            body += [f"return {parts[0]}" if parts else "return b''"]
        name = self._source.function(f"write_{record.python.__name__}", "record", body)
        self._records[record.name] = name
        return name

    def _array(self, array: Array, name: str) -> str:
        wrong = self._wrong(array.items, "item")
        test = [f"    if {' or '.join(wrong)}:", "        raise Unwritable"] if wrong else []
        body = [
            "if not items:",
            "    return b'\\0'",
            "parts = [write_long(len(items))]",
            "for item in items:",
            *test,
            f"    parts.append({self._bytes(array.items, 'item')})",
            "parts.append(b'\\0')",
            "return join(parts)",
        ]
        return self._source.function(f"write_items_of_{name}", "items", body)

    def _wrong(self, shape: Shape, name: str) -> list[str]:
        """Return conditions of which one holds if the value cannot be written (what nested functions check aside)."""
        match shape:
            case Long(low, high):
                return [f"type({name}) is not int", f"not {low} <= {name} <= {high}"]
            case Text(low, high):
                return [f"type({name}) is not str", *_length_wrong(name, low, high)]
            case Array(_, low, high):
                return [f"type({name}) is not tuple", *_length_wrong(name, low, high)]
            case Digest():
                return [f"type({name}) is not bytes", f"len({name}) != 32"]
            case Enumeration():
                kind, codes = self._enumeration(shape)
                return [f"type({name}) is not {kind}", f"{name} not in {codes}"]
            case Record(python=python):
                return [f"type({name}) is not {self._source.constant(python.__name__, python)}"]
            case Optional(inner):
                return [f"{name} is not None and ({' or '.join(self._wrong(inner, name))})"]
            case Boolean():
                return [f"type({name}) is not bool"]
            case Identity():
                return [f"type({name}) is not UUID"]
            case Instant():
                return [f"type({name}) is not datetime"]

    def _bytes(self, shape: Shape, name: str) -> str:
        """Return the expression for the bytes of a value that `_wrong` has passed."""
        match shape:
            case Long(low, high) if low >= _EIGHT_LOW and high <= _EIGHT_HIGH:
                return f"write_long_of_8({name})"
            case Long(low, high) if low >= 0 and high < _SHORT_END:
                return f"SHORT[{name} << 1]"
            case Long():
                return f"SHORT[{name} << 1] if 0 <= {name} < {_SHORT_END} else write_long({name})"
            case Text():
                return f"write_text({name})"
            case Array():
                return f"{self._array(shape, name)}({name})"
            case Digest():
                return name
            case Enumeration():
                return f"{self._enumeration(shape)[1]}[{name}]"
            case Record():
                return f"{self.record(shape)}({name})"
            case Optional(inner):
                return f"b'\\0' if {name} is None else b'\\2' + ({self._bytes(inner, name)})"
            case Boolean():
                return f"b'\\1' if {name} else b'\\0'"
            case Identity():
                return f"{name}.int.to_bytes(16, 'big')"
            case Instant():
                return f"write_long(microseconds({name}))"

    def _enumeration(self, shape: Enumeration) -> tuple[str, str]:
        codes = {shape.python(symbol): write_long(place) for place, symbol in enumerate(shape.symbols) if place}
        kind = self._source.constant(shape.python.__name__, shape.python)
        return kind, self._source.shared(f"{kind}_BYTES", codes)


def _length_wrong(name: str, low: int, high: int | None) -> list[str]:
    if high is not None:
        return [f"not {low} <= len({name}) <= {high}"]
    return [f"len({name}) < {low}"] if low else []


def _write_text(text: str) -> bytes:
    data = text.encode()
    return write_long(len(data)) + data
