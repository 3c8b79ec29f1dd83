"""Events of every type of a catalogue, valid by their schemas: hypothesis strategies made from the shapes."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from domain.events import Event
from schemas.catalogue import EventSchema
from schemas.shapes import Array, Boolean, Digest, Enumeration, Identity, Instant, Long, Optional, Record, Shape, Text

_MORE = 20
"""Characters or items beyond the least, at most."""


def events_of(schema: EventSchema) -> st.SearchStrategy[Event]:
    """Return valid events of one type."""
    return values_of(schema.record)


def values_of(shape: Shape) -> st.SearchStrategy[Any]:
    """Return values that a field of this shape may hold."""
    match shape:
        case Long(low, high):
            return st.integers(low, high)
        case Instant():
            return st.datetimes(
                timezones=st.just(UTC), min_value=datetime(1, 1, 1), max_value=datetime(9999, 12, 31, 23, 59)
            )
        case Text(low, high):
            most = low + _MORE if high is None else min(high, low + _MORE)
            return st.text(st.characters(codec="utf-8"), min_size=low, max_size=most)
        case Boolean():
            return st.booleans()
        case Identity():
            return st.uuids()
        case Digest():
            return st.binary(min_size=32, max_size=32)
        case Enumeration(python=python):
            return st.sampled_from(list(python)[1:])
        case Array(items, low, high):
            most = low + 3 if high is None else min(high, low + 3)
            return st.lists(values_of(items), min_size=low, max_size=most).map(tuple)
        case Optional(inner):
            return st.none() | values_of(inner)
        case Record(fields=fields, python=python):
            return st.builds(python, **{field.name: values_of(field.shape) for field in fields})
    raise AssertionError(f"no strategy for {shape}")
