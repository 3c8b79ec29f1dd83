"""How commands are folded into batches: limits, order, and nothing that touches another thing of its batch."""

from collections import deque
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.store.committer import BATCH_BYTES_MAX, BATCH_EVENTS_MAX, Footprint, _choose, _Waiting, batches, marks
from producers.ports import AppendRequest
from tests.store_kit import Writer

WRITER = Writer()
STREAMS = [UUID(int=n) for n in range(6)]


def touching(a: AppendRequest, b: AppendRequest) -> bool:
    """Return whether two requests may not share a batch, said in the simplest way."""
    written = [{event.originator_id for event in request.events} for request in (a, b)]
    guarded = [{guard.stream_id for guard in request.guards} for request in (a, b)]
    keys = [{*request.take, *request.release} for request in (a, b)]
    return bool(written[0] & written[1] or written[0] & guarded[1] or guarded[0] & written[1] or keys[0] & keys[1])


@st.composite
def requests(draw: st.DrawFn) -> AppendRequest:
    return WRITER.request(
        draw(st.sampled_from(STREAMS)),
        events=draw(st.integers(0, 2)),
        guards=[(stream, 0) for stream in draw(st.lists(st.sampled_from(STREAMS), max_size=2))],
        take=draw(st.lists(st.sampled_from("abc"), max_size=1)),
        release=draw(st.lists(st.sampled_from("cde"), max_size=1)),
    )


@given(st.lists(requests(), max_size=12))
def test_batches_keep_the_order_and_never_touch_themselves(sequence: list[AppendRequest]) -> None:
    cut = list(batches(sequence))
    assert [request for batch, _ in cut for request in batch] == sequence
    earlier: list[AppendRequest] = []
    for batch, waits in cut:
        assert not any(touching(a, b) for i, a in enumerate(batch) for b in batch[:i])
        assert waits == any(touching(a, b) for a in batch for b in earlier)
        earlier.extend(batch)


@given(st.lists(requests(), min_size=1, max_size=12))
def test_choosing_takes_no_two_that_touch_and_lets_none_overtake(sequence: list[AppendRequest]) -> None:
    waiting = deque(_Waiting([request]) for request in sequence)
    order: list[AppendRequest] = []
    while waiting:
        batch = [item.requests[0] for item in _choose(waiting)]
        assert batch
        assert not any(touching(a, b) for i, a in enumerate(batch) for b in batch[:i])
        order.extend(batch)
    assert sorted(map(id, order)) == sorted(map(id, sequence))
    place = {id(request): n for n, request in enumerate(order)}
    for i, later in enumerate(sequence):
        for earlier in sequence[:i]:
            if touching(earlier, later):
                assert place[id(earlier)] < place[id(later)]


def test_a_batch_is_full_at_its_events() -> None:
    sequence = [WRITER.request(events=900) for _ in range(3)]
    assert [len(batch) for batch, _ in batches(sequence)] == [2, 1]
    empty = [WRITER.request(events=0) for _ in range(BATCH_EVENTS_MAX + 1)]
    assert [len(batch) for batch, _ in batches(empty)] == [BATCH_EVENTS_MAX, 1]


def test_a_batch_is_full_at_its_bytes_but_the_first_always_fits() -> None:
    large = [WRITER.request(filler=BATCH_BYTES_MAX // 2) for _ in range(3)]
    assert [len(batch) for batch, _ in batches(large)] == [1, 1, 1]
    assert Footprint().has_room(marks(WRITER.request(filler=2 * BATCH_BYTES_MAX)))


@pytest.mark.parametrize("singles", [1, 5])
def test_a_callers_large_part_is_not_mixed_behind_others(singles: int) -> None:
    waiting = deque([_Waiting([WRITER.request()]) for _ in range(singles)])
    part = _Waiting([WRITER.request(), WRITER.request()])
    waiting.append(part)
    assert len(_choose(waiting)) == singles
    assert _choose(waiting) == [part]
    assert part.packed is not None
