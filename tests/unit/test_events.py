"""Events are frozen facts; the decorators make them so."""

from dataclasses import FrozenInstanceError, fields
from typing import Annotated as A

import pytest

from domain.events import (
    ENVELOPE_TYPE,
    RECORDED_AT_HIGH,
    RECORDED_AT_LOW,
    ZERO_HASH,
    ZERO_UUID,
    ActorKind,
    Doc,
    Envelope,
    Event,
    KeyChange,
    Recorded,
    fact,
    value,
)
from schemas.envelope import EntryHeader
from tests.codec_support import envelope


@value
class Size:
    """A size."""

    width: A[int, Doc("pixels")]


@fact("edgeprint.production.Resized", stream="J", version=3)
class Resized(Event):
    """Something was resized."""

    size: A[Size, Doc("the new size")]
    note: A[str | None, Doc("a remark")] = None

    def keys(self) -> KeyChange:
        """Return one key."""
        return KeyChange(take=(f"width/{self.size.width}",))


@fact("edgeprint.production.Plain", stream="J")
class Plain(Event):
    """Something plain."""


def test_a_fact_is_frozen_slotted_and_keyword_only() -> None:
    event = Resized(size=Size(width=3))
    assert event == Resized(size=Size(width=3), note=None)
    assert hash(event) == hash(Resized(size=Size(width=3)))
    with pytest.raises(FrozenInstanceError):
        event.note = "x"  # type: ignore[misc]  # the refusal is the test
    with pytest.raises(FrozenInstanceError):
        event.size.width = 4  # type: ignore[misc]  # the refusal is the test
    with pytest.raises(TypeError):
        Resized(Size(width=3))  # type: ignore[call-arg]  # the refusal is the test
    assert not hasattr(event, "__dict__")


def test_a_fact_carries_its_name_and_version_but_not_as_fields() -> None:
    assert (Resized.TYPE, Resized.VERSION, Plain.TYPE, Plain.VERSION) == (
        "edgeprint.production.Resized",
        3,
        "edgeprint.production.Plain",
        1,
    )
    assert [field.name for field in fields(Resized)] == ["size", "note"]


def test_keys_are_none_unless_the_event_says_otherwise() -> None:
    assert Plain().keys() == KeyChange(take=(), release=())
    assert Resized(size=Size(width=3)).keys() == KeyChange(take=("width/3",))


def test_the_envelope_begins_with_the_fields_at_frozen_offsets_in_their_order() -> None:
    assert tuple(field.name for field in fields(Envelope))[:10] == EntryHeader._fields[1:]
    assert [field.name for field in fields(Envelope)][10:] == [
        "occurred_at",
        "actor_kind",
        "on_behalf_of",
        "mandate",
        "policy",
        "attestation",
    ]
    assert envelope().occurred_at is None
    assert ENVELOPE_TYPE == "edgeprint.Envelope"


def test_constants() -> None:
    assert bytes(32) == ZERO_HASH
    assert ZERO_UUID.int == 0
    assert (RECORDED_AT_LOW, RECORDED_AT_HIGH) == (2**48, 2**55 - 1)
    assert [kind.value for kind in ActorKind] == ["unspecified", "human", "agent", "service", "device"]


def test_recorded_is_a_value() -> None:
    recorded = Recorded(ZERO_UUID, 1, "edgeprint.production.Plain", b"entry")
    assert recorded == Recorded(ZERO_UUID, 1, "edgeprint.production.Plain", b"entry")
    with pytest.raises(FrozenInstanceError):
        recorded.entry = b""  # type: ignore[misc]  # the refusal is the test
