"""Shapes: what the generator knows of an event class, half-way between Python types and Avro schemas.

`describe` reads an event class and returns its `Record`; `schemas.avro` turns a record into schema text and puts an
archived text back on a record; the encoder and the decoder are generated from records. Types map as follows.

| Python | shape | Avro |
|---|---|---|
| int | Long | long |
| datetime (aware, UTC) | Instant | long, microseconds since the epoch |
| str | Text | string |
| bool | Boolean | boolean |
| UUID and every NewType over it | Identity | fixed edgeprint.Uuid, 16 bytes |
| Sha256 and every NewType over it | Digest | fixed edgeprint.Sha256, 32 bytes |
| StrEnum, first member UNSPECIFIED = "unspecified" | Enumeration | enum |
| tuple[T, ...] | Array | array |
| frozen dataclass | Record | record |
| T or None | Optional | ["null", T] |
"""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from dataclasses import field as dataclass_field
from datetime import datetime
from enum import StrEnum
from inspect import cleandoc
from types import NoneType, UnionType
from typing import Annotated, Any, Final, NewType, TypeAlias, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from domain.command import Command
from domain.errors import Invalid
from domain.events import ENVELOPE_TYPE, ActorKind, Doc, Envelope, Event, Sha256
from domain.ids import KINDS

LONG_LOW: Final = -(1 << 63)
LONG_HIGH: Final = (1 << 63) - 1
DEPTH_MAX: Final = 8
UNSPECIFIED: Final = "unspecified"
_LETTERS: Final = {name: letter for letter, name in KINDS.items()}
REQUIRED: Final = object()
"""Stands for "no default" in a `Field`."""


@dataclass(frozen=True, slots=True)
class Long:
    """An integer of 64 bits with inclusive bounds."""

    low: int = LONG_LOW
    high: int = LONG_HIGH


@dataclass(frozen=True, slots=True)
class Instant:
    """A UTC datetime, kept as microseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Text:
    """A Unicode string; bounds count characters."""

    low: int = 0
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Boolean:
    """True or false."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A UUID. `letter` says of what kind (`domain.ids.KINDS`), "" if of none; it does not stand in events' schemas."""

    letter: str = dataclass_field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Digest:
    """32 bytes of a hash or a commitment."""


@dataclass(frozen=True, slots=True)
class Enumeration:
    """One of a closed list of symbols; the first is `unspecified` and never written."""

    name: str
    doc: str
    symbols: tuple[str, ...]
    python: type[StrEnum]


@dataclass(frozen=True, slots=True)
class Array:
    """A tuple of any length; bounds count items."""

    items: "Shape"
    low: int = 0
    high: int | None = None


@dataclass(frozen=True, slots=True)
class Optional:
    """A value or None."""

    inner: "Shape"


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record. `written` is false where an older writer did not know it: `default` stands for it."""

    name: str
    doc: str
    shape: "Shape"
    default: object = REQUIRED
    written: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """A frozen dataclass: an event, the envelope or a value within them."""

    name: str
    doc: str
    fields: tuple[Field, ...]
    python: type


Shape: TypeAlias = Long | Instant | Text | Boolean | Identity | Digest | Enumeration | Array | Optional | Record


def describe(event_class: type[Event]) -> Record:
    """Return the shape of an event class's own fields; the envelope is added by `schemas.avro`.

    Raises:
        Invalid: a type that has no shape, a missing docstring or `Doc`, a field whose name is taken, bounds where
            none apply, or (in version 1) a default other than None; the message names class and field.
    """
    name = event_class.TYPE
    parts = name.split(".")
    if len(parts) != 3 or parts[0] != "edgeprint" or parts[2] != event_class.__name__:
        raise Invalid(f"expected the type name edgeprint.<context>.{event_class.__name__}, found {name}")
    record = _record(event_class, f"{parts[0]}.{parts[1]}", name, depth=1)
    for field in record.fields:
        if field.name == "envelope":
            raise Invalid(f"{name}: expected another field name than envelope, which is the first field of all")
        if event_class.VERSION == 1 and field.default is not REQUIRED and field.default is not None:
            raise Invalid(f"{name}.{field.name}: expected no default in version 1, found {field.default!r}")
    return record


def describe_request(command_class: type[Command]) -> Record:
    """Return the shape of a command's input. Raises: Invalid, as `describe`."""
    return _record(command_class, "edgeprint.command", f"edgeprint.command.{command_class.__name__}", depth=1)


def describe_envelope() -> Record:
    """Return the shape of `Envelope` without `schema_sha256`, which the codec writes."""
    return _record(Envelope, "edgeprint", ENVELOPE_TYPE, depth=2)


def _record(cls: type, context: str, name: str, depth: int) -> Record:
    if depth > DEPTH_MAX:
        raise Invalid(f"{name}: expected at most {DEPTH_MAX} levels of records and arrays")
    hints: Mapping[str, Any] = get_type_hints(cls, include_extras=True)
    made = []
    for field in fields(cls):
        where = f"{name}.{field.name}"
        if field.default_factory is not MISSING:
            raise Invalid(f"{where}: expected a constant default or none, found a default factory")
        annotation = hints[field.name]
        docs = [extra for extra in get_args(annotation)[1:] if isinstance(extra, Doc)]
        if get_origin(annotation) is not Annotated or len(docs) != 1:
            raise Invalid(f"{where}: expected Annotated[type, Doc(...)]")
        shape = _bounded(_shape(get_args(annotation)[0], context, where, depth), docs[0], where)
        default = field.default
        if default is MISSING:
            default = None if isinstance(shape, Optional) else REQUIRED
        made.append(Field(field.name, cleandoc(docs[0].text), shape, default))
    return Record(name, _docstring(cls, name), tuple(made), cls)


def _shape(annotation: Any, context: str, where: str, depth: int) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        if len(arguments) != 2 or NoneType not in arguments:
            raise Invalid(f"{where}: expected T | None as the only union, found {annotation}")
        inner = _shape(next(part for part in arguments if part is not NoneType), context, where, depth)
        if isinstance(inner, Optional):
            raise Invalid(f"{where}: expected no union within a union")
        return Optional(inner)
    if origin is tuple:
        if len(arguments) != 2 or arguments[1] is not Ellipsis:
            raise Invalid(f"{where}: expected tuple[T, ...], found {annotation}")
        if depth + 1 > DEPTH_MAX:
            raise Invalid(f"{where}: expected at most {DEPTH_MAX} levels of records and arrays")
        return Array(_shape(arguments[0], context, where, depth + 1))
    letter = _LETTERS.get(getattr(annotation, "__name__", ""), "")
    while isinstance(annotation, NewType):
        if annotation is Sha256:
            return Digest()
        annotation = annotation.__supertype__
    return Identity(letter) if annotation is UUID else _plain_shape(annotation, context, where, depth)


def _plain_shape(annotation: Any, context: str, where: str, depth: int) -> Shape:
    simple: Mapping[Any, Shape] = {
        int: Long(),
        str: Text(),
        bool: Boolean(),
        datetime: Instant(),
    }
    if annotation in simple:
        return simple[annotation]
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        name = "edgeprint.ActorKind" if annotation is ActorKind else f"{context}.{annotation.__name__}"
        return Enumeration(name, _enum_doc(annotation), tuple(member.value for member in annotation), annotation)
    if isinstance(annotation, type) and is_dataclass(annotation):
        if not annotation.__dataclass_params__.frozen:  # type: ignore[attr-defined]  # typeshed hides it
            raise Invalid(f"{where}: expected a frozen dataclass, found {annotation.__name__}")
        return _record(annotation, context, f"{context}.{annotation.__name__}", depth + 1)
    raise Invalid(f"{where}: expected a type that events may hold (see domain/events.py), found {annotation}")


def _bounded(shape: Shape, doc: Doc, where: str) -> Shape:
    """Return the shape with the bounds of its `Doc`; they reach through `T | None`."""
    if doc.low is None and doc.high is None:
        return shape
    if isinstance(shape, Optional):
        return Optional(_bounded(shape.inner, doc, where))
    if isinstance(shape, Long):
        low = LONG_LOW if doc.low is None else doc.low
        high = LONG_HIGH if doc.high is None else doc.high
        if not LONG_LOW <= low <= high <= LONG_HIGH:
            raise Invalid(f"{where}: expected bounds within 64 bits in rising order, found {low}..{high}")
        return Long(low, high)
    if isinstance(shape, Text | Array):
        least = 0 if doc.low is None else doc.low
        if least < 0 or (doc.high is not None and doc.high < least):
            raise Invalid(f"{where}: expected bounds of a length in rising order, found {least}..{doc.high}")
        return replace(shape, low=least, high=doc.high)
    raise Invalid(f"{where}: expected bounds on int, str or tuple only, found them on {type(shape).__name__}")


def _docstring(cls: type, name: str) -> str:
    """Return the cleaned docstring; the one that dataclasses invent does not count."""
    text = cls.__doc__
    if not text or text.startswith(f"{cls.__name__}("):
        raise Invalid(f"{name}: expected a docstring")
    return cleandoc(text)


def _enum_doc(cls: type[StrEnum]) -> str:
    text = cls.__dict__.get("__doc__")
    return cleandoc(text) if text else ""
