"""The mapper passes entries through; results become ids or errors."""

from typing import Any
from uuid import UUID

import pytest

from domain.errors import Conflict, Rejected
from domain.events import Recorded
from infra.store.mapper import EntryMapper
from infra.store.migrate import migrations
from infra.store.provision import role_dsn
from infra.store.request import check_shape, notification_ids
from producers.ports import AlreadyStored, AppendResult, AppendStatus, StaleClock
from tests.store_kit import Writer

RECORDED = Recorded(UUID(int=5), 3, "edgeprint.testing.Noted", b"\x00\xff entry")


def test_bytes_pass_through_unchanged() -> None:
    event: Any = RECORDED
    stored = EntryMapper().to_stored_event(event)
    assert (stored.originator_id, stored.originator_version) == (UUID(int=5), 3)
    assert (stored.topic, stored.state) == ("edgeprint.testing.Noted", b"\x00\xff entry")
    assert stored.state is RECORDED.entry
    assert EntryMapper().to_domain_event(stored) == RECORDED


def test_nothing_else_is_mapped() -> None:
    event: Any = object()
    with pytest.raises(TypeError, match="expected a Recorded"):
        EntryMapper().to_stored_event(event)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (AppendStatus.DUPLICATE, AlreadyStored),
        (AppendStatus.CONFLICT, Conflict),
        (AppendStatus.STALE, StaleClock),
        (AppendStatus.REFUSED, Rejected),
    ],
)
def test_what_was_not_stored_is_raised(status: AppendStatus, error: type[Exception]) -> None:
    with pytest.raises(error):
        notification_ids(AppendResult(status, 3, 4, "why"))


def test_ids_are_indexes_plus_one() -> None:
    assert notification_ids(AppendResult(AppendStatus.STORED, 3, 5)) == [4, 5, 6]
    assert notification_ids(AppendResult(AppendStatus.STORED, 3, 2)) == []


def test_keys_without_events_are_refused() -> None:
    check_shape(Writer().request(take=["a"]))
    with pytest.raises(ValueError, match="keys change with events"):
        check_shape(Writer().request(take=["a"], events=0))


def test_migrations_are_numbered_and_known_by_their_digest() -> None:
    known = migrations()
    assert [migration.number for migration in known] == list(range(1, len(known) + 1))
    assert all(len(migration.sha256) == 32 for migration in known)


def test_a_roles_address_forgets_the_superusers_password() -> None:
    dsn = role_dsn("postgresql://admin:secret@db.example:6432/postgres?sslmode=require", "edgeprint_writer")
    assert "secret" not in dsn
    assert "user=edgeprint_writer" in dsn and "dbname=edgeprint" in dsn and "sslmode=require" in dsn
