"""The decoder of one event version, generated from its schema; it checks canonical form and bounds while it reads.

Of each value exactly one byte string is accepted, the one that the encoder writes. Refused are, among others, the nine
forms that fastavro reads: a long in more bytes than needed or beyond 64 bits, a boolean other than 0 or 1, a negative
enum or union index, an array in several blocks, with a negative count or with a byte size, and trailing bytes. Runs of
fixed-width fields are unpacked at once. Nothing is allocated by a count or a length that the entry does not cover.
"""

from collections.abc import Callable
from datetime import datetime
from struct import Struct
from struct import error as StructError  # noqa: N812  # as the classes of exceptions are named
from typing import Final, NamedTuple, NoReturn
from uuid import UUID, SafeUUID

from domain.errors import Invalid
from domain.events import Envelope, Event, Sha256
from schemas.shapes import (
    LONG_HIGH,
    LONG_LOW,
    Array,
    Boolean,
    Digest,
    Enumeration,
    Field,
    Identity,
    Instant,
    Long,
    Optional,
    Record,
    Shape,
    Text,
)
from schemas.source import Source, local
from schemas.values import instant_of
from schemas.varint import read_long_of_8, read_tail

_EIGHT_LOW: Final = 1 << 48
_EIGHT_HIGH: Final = (1 << 55) - 1


class Decoded(NamedTuple):
    """One entry, read: its envelope, its event and the digest of the schema that it names."""

    envelope: Envelope
    event: Event
    schema_sha256: Sha256


Decoder = Callable[[bytes], Decoded]


def make_decoder(digest: bytes, envelope: Record, event: Record) -> Decoder:
    """Return the function that reads entries under the schema whose digest is given, and no others.

    The caller has looked the schema up by the entry's first 32 bytes. The function raises `Invalid` for whatever the
    encoder could not have written.
    """

    def raise_truncated(size: int) -> NoReturn:
        raise Invalid(f"{event.name}: expected more bytes, found the entry's end at byte {size}")

    def raise_trailing(position: int, size: int) -> NoReturn:
        raise Invalid(f"{event.name}: expected the entry's end at byte {position}, found {size - position} more bytes")

    source = Source(
        f"{event.name} (decoder)",
        {
            "Decoded": Decoded,
            "StructError": StructError,
            "SCHEMA": digest,
            "raise_malformed": _raise_malformed,
            "raise_trailing": raise_trailing,
            "raise_truncated": raise_truncated,
            "read_instant": _read_instant,
            "read_long_of_8": read_long_of_8,
            "read_tail": read_tail,
            "read_text": _read_text,
            "uuid": make_uuid,
        },
    )
    reader = _Reader(source)
    read_envelope, read_event = reader.record(envelope), reader.record(event)
    name = source.function(
        "decode",
        "entry",
        [
            "size = len(entry)",
            "try:",
            f"    envelope, position = {read_envelope}(entry, 32, size)",
            f"    event, position = {read_event}(entry, position, size)",
            "except (IndexError, StructError):",
            "    raise_truncated(size)",
            "if position != size:",
            "    raise_trailing(position, size)",
            "return Decoded(envelope, event, SCHEMA)",
        ],
    )
    return source.compile(name)


_new_uuid: Final = UUID.__new__
_set_int: Final = UUID.__dict__["int"].__set__
_set_is_safe: Final = UUID.__dict__["is_safe"].__set__
_UNKNOWN: Final = SafeUUID.unknown


def make_uuid(data: bytes) -> UUID:
    """Return `UUID(bytes=data)` of 16 bytes, in a quarter of the time: the slots are set without its checks."""
    made: UUID = _new_uuid(UUID)
    _set_int(made, int.from_bytes(data, "big"))
    _set_is_safe(made, _UNKNOWN)
    return made


class _Reader:
    """Writes one function per record and array: `(entry, position, size) -> (value, position behind it)`."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._records: dict[str, str] = {}
        self._unpackers: dict[str, tuple[str, int]] = {}

    def record(self, record: Record) -> str:
        """Return the name of the function that reads a record."""
        if record.name in self._records:
            return self._records[record.name]
        body: list[str] = []
        run: list[Field] = []
        for field in [field for field in record.fields if field.written]:
            if _format(field.shape):
                run.append(field)
                continue
            body += self._run(run, record.name) + self._value(
                field.shape, local(field.name), f"{record.name}.{field.name}"
            )
            run = []
        body += self._run(run, record.name)
        arguments = [f"{field.name}={self._argument(field)}" for field in record.fields]
        kind = self._source.constant(record.python.__name__, record.python)
        body += [f"return {kind}(", *(f"    {argument}," for argument in arguments), "), position"]
        name = self._source.function(f"read_{record.python.__name__}", "entry, position, size", body)
        self._records[record.name] = name
        return name

    def _unpacker(self, layout: str) -> tuple[str, int]:
        """Return the name of the function that unpacks a struct layout, and the layout's bytes."""
        if layout not in self._unpackers:
            struct = Struct("<" + layout)
            self._unpackers[layout] = self._source.constant(f"unpack_{struct.size}", struct.unpack_from), struct.size
        return self._unpackers[layout]

    def _argument(self, field: Field) -> str:
        if field.written:
            return local(field.name)
        return self._source.constant(f"DEFAULT_{field.name}", field.default)

    def _run(self, run: list[Field], where: str) -> list[str]:
        """Return the lines that read neighbouring fixed-width fields at once."""
        if not run:
            return []
        unpack, size = self._unpacker("".join(_format(field.shape) for field in run))
        names = [local(field.name) for field in run]
        lines = [f"{', '.join(names)}, = {unpack}(entry, position)", f"position += {size}"]
        for name, field in zip(names, run, strict=True):
            match field.shape:
                case Identity():
                    lines += [f"{name} = uuid({name})"]
                case Long(low, high):
                    lines += [
                        f"{name} = read_long_of_8({name}, position)",
                        *_bounds(name, low, high, f"{where}.{field.name}", name),
                    ]
        return lines

    def _value(self, shape: Shape, name: str, where: str) -> list[str]:
        """Return the lines that read one value into a name and move the position behind it."""
        match shape:
            case Optional(inner):
                return [
                    f"{name} = entry[position]",
                    "position += 1",
                    f"if {name} == 2:",
                    *(f"    {line}" for line in self._value(inner, name, where)),
                    f"elif {name} == 0:",
                    f"    {name} = None",
                    "else:",
                    f"    raise_malformed('{where}', 'a union index of 0 or 1 in one byte', {name}, position)",
                ]
            case Identity() | Digest():
                unpack, size = self._unpacker(_format(shape))
                lines = [f"{name}, = {unpack}(entry, position)", f"position += {size}"]
                return [*lines, f"{name} = uuid({name})"] if isinstance(shape, Identity) else lines
            case Boolean():
                return [
                    f"{name} = entry[position]",
                    "position += 1",
                    f"if {name} > 1:",
                    f"    raise_malformed('{where}', 'a boolean of 0 or 1', {name}, position)",
                    f"{name} = {name} == 1",
                ]
            case Enumeration(_, _, symbols, python):
                members = {place << 1: python(symbol) for place, symbol in enumerate(symbols) if place}
                known = self._source.shared(f"{python.__name__}_MEMBERS", members)
                return [
                    *_zigzag("index"),
                    f"{name} = {known}.get(index)",
                    f"if {name} is None:",
                    f"    raise_malformed('{where}', 'a known and specified symbol', index, position)",
                ]
            case Record():
                return [f"{name}, position = {self.record(shape)}(entry, position, size)"]
            case Array():
                return [f"{name}, position = {self._array(shape, name, where)}(entry, position, size)"]
            case _:
                return self._scalar(shape, name, where)

    def _scalar(self, shape: Shape, name: str, where: str) -> list[str]:
        match shape:
            case Long(low, high):
                number = [*_zigzag("zigzag"), f"{name} = zigzag >> 1 ^ -(zigzag & 1)"]
                return (
                    number if (low, high) == (LONG_LOW, LONG_HIGH) else number + _bounds(name, low, high, where, name)
                )
            case Instant():
                return [*_zigzag("zigzag"), f"{name} = read_instant(zigzag >> 1 ^ -(zigzag & 1), '{where}', position)"]
            case Text(low, high):
                text = [*_zigzag("zigzag"), f"{name}, position = read_text(entry, position, zigzag, size, '{where}')"]
                return text + _bounds(f"len({name})", low, high, where, name) if (low, high) != (0, None) else text
        raise AssertionError(f"no decoder for {shape}")

    def _array(self, array: Array, field: str, where: str) -> str:
        body = [
            *_zigzag("zigzag"),
            "if zigzag & 1:",
            f"    raise_malformed('{where}', 'one block with a positive count', zigzag, position)",
            "count = zigzag >> 1",
            "if count > size - position:",
            f"    raise_malformed('{where}', 'as many items as the entry has bytes for', count, position)",
            *(_bounds("count", array.low, array.high, where, "count") if (array.low, array.high) != (0, None) else []),
            "if not count:",
            "    return (), position",
            "items = []",
            "for _ in range(count):",
            *(f"    {line}" for line in self._value(array.items, "item", f"{where}[]")),
            "    items.append(item)",
            "if entry[position]:",
            f"    raise_malformed('{where}', 'the end of the array after one block', entry[position], position)",
            "return tuple(items), position + 1",
        ]
        return self._source.function(f"read_items_of_{field}", "entry, position, size", body)


def _format(shape: Shape) -> str:
    """Return the struct format of a shape that always has the same width, else nothing."""
    match shape:
        case Identity():
            return "16s"
        case Digest():
            return "32s"
        case Long(low, high) if low >= _EIGHT_LOW and high <= _EIGHT_HIGH:
            return "Q"
    return ""


def _zigzag(name: str) -> list[str]:
    return [
        f"{name} = entry[position]",
        "position += 1",
        f"if {name} > 127:",
        f"    {name}, position = read_tail(entry, position, {name})",
    ]


def _bounds(expression: str, low: int, high: int | None, where: str, name: str) -> list[str]:
    upper = "" if high is None else f" <= {high}"
    expected = f"at least {low}" if high is None else f"{low} to {high}"
    return [
        f"if not {low} <= {expression}{upper}:",
        f"    raise_malformed('{where}', '{expected}', {expression if name != expression else name}, position)",
    ]


def _raise_malformed(where: str, expected: str, found: object, position: int) -> NoReturn:
    raise Invalid(f"{where}: expected {expected}, found {found} before byte {position}")


def _read_instant(value: int, where: str, position: int) -> datetime:
    try:
        return instant_of(value)
    except OverflowError as err:
        raise Invalid(f"{where}: expected a time of the years 1 to 9999, found {value} before byte {position}") from err


def _read_text(entry: bytes, position: int, zigzag: int, size: int, where: str) -> tuple[str, int]:
    end = position + (zigzag >> 1)
    if zigzag & 1 or end > size:
        raise Invalid(f"{where}: expected a text within the entry, found a length that is not, before byte {position}")
    try:
        return entry[position:end].decode(), end
    except UnicodeDecodeError as err:
        raise Invalid(f"{where}: expected UTF-8, found other bytes at byte {position + err.start}") from err
