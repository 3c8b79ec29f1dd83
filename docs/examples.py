"""Examples for the references: a value of any shape, as JSON, each bound kept."""

from typing import Any, Final
from uuid import UUID

from domain.ids import format_id
from schemas.shapes import Array, Boolean, Digest, Enumeration, Identity, Instant, Long, Optional, Record

EXAMPLE_UUID: Final = "01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e"


def example_of(shape: Any) -> Any:
    """Return a value of a shape as JSON values, each bound kept."""
    match shape:
        case Optional(inner):
            return example_of(inner)
        case Record(_, _, fields):
            return {field.name: example_of(field.shape) for field in fields}
        case Array(items, low, _):
            return [example_of(items)] * max(1, low)
        case Enumeration(_, _, symbols, _):
            return symbols[1]
        case Long(low, _):
            return max(1, low)
        case Boolean():
            return True
        case Digest():
            return "00" * 32
        case Instant():
            return "2027-01-01T00:00:00Z"
        case Identity(letter):
            return format_id(letter, UUID(EXAMPLE_UUID), "10.5072") if letter else EXAMPLE_UUID
        case _:
            return "x" * max(1, shape.low)
