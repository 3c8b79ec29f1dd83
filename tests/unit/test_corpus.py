"""The corpus: the same each time, lawful by the product's own folds and rules, and shaped like a film house."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache, reduce
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.capability import capability, resource, template
from domain.capability.admission import BUILT_IN_ADMISSION
from domain.capability.events import EVENTS as CAPABILITY
from domain.capability.events import CapabilityDescribed, CapabilityPublished
from domain.capability.means import ResourceEnrolled, TemplateDefined
from domain.errors import Invalid, Rejected, Unavailable
from domain.events import ActorKind, Event
from domain.evidence import ledger
from domain.evidence.events import LedgerFounded
from domain.governance import party, policy_set
from domain.governance.events import EVENTS as GOVERNANCE
from domain.governance.events import (
    FieldOpened,
    KeyBound,
    KeyWithdrawn,
    MandateGranted,
    PartyEnrolled,
    PolicyActivated,
    PolicyDrafted,
    SubjectErased,
)
from domain.identity import digital_object
from domain.identity.alternative_id import parse_alternative_id
from domain.identity.digital_object import DigitalObject, Evidence, Facts, Seen, Status, SubmitObject
from domain.identity.events import EVENTS as IDENTITY
from domain.identity.events import (
    PARENTS_MAX,
    AltIdBound,
    AuthorisationCited,
    DerivationFound,
    FingerprintComputed,
    ObjectAdmitted,
    ObjectIdentified,
    ObjectQuarantined,
    ObjectRejected,
    ObjectWithdrawn,
    QuarantineLifted,
    Relation,
    RepresentationAdded,
    TraceSetJudged,
)
from domain.identity.trace_set import BUILT_IN, judge_again
from domain.ids import ObjectId, PartyId
from domain.ledger.merkle import leaf_hash
from domain.rights import title
from domain.rights.events import RightsClaimed, Root
from infra.blobs.digests import digest_both
from infra.dev.acts import SPAN_US, START_US, Act, Draw, Pool, Stream
from infra.dev.corpus import OBJECTS_MAX, Corpus, corpus_name, founded_in_memory, small_history
from infra.dev.filling import append_acts
from infra.dev.kinds import KINDS
from infra.dev.life import LACKING
from infra.dev.scribe import Scribe
from infra.dev.shape import NEEDED, REVISIONS, TRAINED_SHARE, TrainingSet
from infra.store.committer import BATCH_EVENTS_MAX
from infra.store.memory import MemoryRecorder
from producers.ports import AppendRequest, AppendResult, AppendStatus
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec, Decoded
from schemas.envelope import read_header

SEED, OBJECTS = 20_240_101, 2_000
GOLDEN = "3dbf19f7dcc0c25161ea5faea838f7978f76d46b1ffb3360ef15676f660bc5fb"
CODEC = Codec(CATALOGUE)
FOLDS: Final[Mapping[str, tuple[Any, Callable[[Any, Any], Any]]]] = {
    LedgerFounded.TYPE: (ledger.Ledger(), ledger.evolve),
    PartyEnrolled.TYPE: (party.Party(), party.evolve),
    PolicyDrafted.TYPE: (policy_set.PolicySet(), policy_set.evolve),
    CapabilityDescribed.TYPE: (capability.Capability(), capability.evolve),
    ResourceEnrolled.TYPE: (resource.Resource(), resource.evolve),
    TemplateDefined.TYPE: (template.Template(), template.evolve),
    RightsClaimed.TYPE: (title.Title(), title.evolve),
    ObjectIdentified.TYPE: (DigitalObject(), digital_object.evolve),
}
"""By the first event of a stream: its empty state and its fold."""


@cache
def history(seed: int = SEED, objects: int = OBJECTS) -> Sequence[Decoded]:
    return [CODEC.accept(row.entry) for row in small_history(seed, objects)]


@cache
def streams() -> Mapping[UUID, Sequence[Decoded]]:
    found: dict[UUID, list[Decoded]] = {}
    for item in history():
        found.setdefault(item.envelope.stream_id, []).append(item)
    return found


def of(kind: type[Event]) -> list[Decoded]:
    return [item for item in history() if isinstance(item.event, kind)]


@cache
def births() -> Mapping[ObjectId, ObjectIdentified]:
    return {ObjectId(item.envelope.stream_id): item.event for item in of(ObjectIdentified)}  # type: ignore[misc]


def folded(events: Sequence[Decoded]) -> Any:
    state, evolve = FOLDS[events[0].event.TYPE]
    return reduce(evolve, (item.event for item in events), state)


# -- the same each time -----------------------------------------------------------------------------------------------


def test_a_seed_and_a_size_are_one_history() -> None:
    rows = small_history(7, 60)
    assert rows == small_history(7, 60)
    assert rows != small_history(8, 60)
    assert {row.leaf_hash for row in rows[100:]}.isdisjoint({row.leaf_hash for row in small_history(7, 61)})


def test_the_history_of_one_seed_is_the_golden_one() -> None:
    """All but the ledger's own stream, which publishes every schema there is; a changed digest is a changed corpus."""
    rows = small_history(7, 200)
    own = read_header(rows[0].entry).stream_id
    leaves = [row.leaf_hash for row in rows if read_header(row.entry).stream_id != own]
    assert hashlib.sha256(b"".join(leaves)).hexdigest() == GOLDEN


def test_rows_are_dense_and_hashed_and_time_rises() -> None:
    rows = small_history(7, 60)
    assert [row.index for row in rows] == list(range(len(rows)))
    assert all(row.leaf_hash == leaf_hash(row.entry) for row in rows)
    times = [item.envelope.recorded_at for item in history()]
    assert times == sorted(times) and times[0] == START_US
    assert SPAN_US * 0.6 < times[-1] - START_US < SPAN_US * 1.5
    assert all(item.envelope.occurred_at == item.envelope.recorded_at for item in history())


def test_there_are_exactly_as_many_objects_as_asked_for() -> None:
    for objects in (1, 2, 5, 6, 37):
        types = Counter(row.type for row in small_history(3, objects))
        assert types[ObjectIdentified.TYPE] == objects
    for wrong in (0, -1, OBJECTS_MAX + 1):
        with pytest.raises(Invalid, match=f"expected 1 to {OBJECTS_MAX} objects, found {wrong}"):
            Corpus(1, wrong, PartyId(UUID(int=1)))


# -- lawful -----------------------------------------------------------------------------------------------------------


def requests(seed: int, objects: int) -> list[tuple[Act, AppendRequest]]:
    ledger_id, acts = founded_in_memory(seed, objects)
    scribe = Scribe(corpus_name(seed, objects), ledger_id)
    return [(act, scribe.request(act, act.at_us)) for act in acts]


def test_a_store_takes_every_command_and_has_the_same_rows_then() -> None:
    """Keys are taken once, event ids are unique, schemas are published, streams are chained: the store's own rules."""
    now = [0]
    store = MemoryRecorder(lambda: now[0])
    for act, request in requests(7, 150):
        now[0] = act.at_us
        (result,) = store.append([request])
        assert result.status is AppendStatus.STORED, (act, result)
    assert store.rows(0, 10_000) == small_history(7, 150)


def test_every_stream_folds_and_its_versions_are_dense() -> None:
    kinds = set()
    for events in streams().values():
        kinds.add(events[0].event.TYPE)
        folded(events)
        assert [item.envelope.stream_version for item in events] == list(range(1, len(events) + 1))
    assert kinds == set(FOLDS)


def test_objects_are_identified_then_judged_then_let_in_or_not() -> None:
    outcomes = (ObjectAdmitted, ObjectQuarantined, ObjectRejected)
    for stream, events in streams().items():
        if stream not in births():
            continue
        state, before = DigitalObject(), None
        assert [type(item.event) for item in events[:2]] == [ObjectIdentified, TraceSetJudged]
        for item in events:
            event: Any = item.event
            if isinstance(event, outcomes):
                assert isinstance(before, TraceSetJudged | QuarantineLifted), stream
            if isinstance(event, QuarantineLifted):
                assert state.status is Status.QUARANTINED and not state.lacking
                assert state.birth is not None and item.envelope.actor != state.birth.holder
            if state.status in (Status.REJECTED, Status.WITHDRAWN):
                assert isinstance(event, DerivationFound | FingerprintComputed)
            state, before = digital_object.evolve(state, event), event
        assert state.status is not Status.IDENTIFIED


def test_each_submission_is_what_the_gate_decides() -> None:
    titles = {(one.event.holder, one.event.work): one.event.statement for one in of(RightsClaimed)}  # type: ignore[attr-defined]
    claimed = 0
    for object_id, birth in births().items():
        events: list[Any] = [item.event for item in streams()[object_id][:3]]
        statement = titles.get((birth.holder, birth.content.sha256))
        claimed += statement is not None
        evidence = {cell.element: cell.evidence for cell in events[1].cells if cell.evidence not in (None, statement)}
        command = SubmitObject(
            sha256=birth.content.sha256,
            asset_class=birth.asset_class,
            origin=birth.origin,
            intake_source=birth.intake_source,
            parents=birth.parents,
            root=Root.EMPLOYMENT,
            evidence=tuple(Evidence(element=element, sha256=text) for element, text in evidence.items()),
            declared_sha256=None if not isinstance(events[2], ObjectRejected) else birth.content.sm3,
            project=birth.project,
        )
        seen = Seen(birth.content, birth.kind, hold=birth.hold)
        parents = frozenset(parent.object_id for parent in birth.parents)
        facts = Facts(birth.holder, seen, parents, statement, BUILT_IN)
        identified, judged, outcome = digital_object.decide(DigitalObject(), command, facts)
        assert (identified, type(outcome)) == (birth, type(events[2]))
        assert judged == events[1]
        assert outcome == events[2] or isinstance(outcome, ObjectRejected)
    assert claimed > 10


def test_every_judgement_is_that_of_the_built_in_policy_named_in_its_envelope() -> None:
    (active,) = [
        leaf_hash(CODEC.encode(item.event, item.envelope))
        for item in of(PolicyActivated)
        if streams()[item.envelope.stream_id][0].event.name == "trace-set"  # type: ignore[attr-defined]
    ]
    for item in of(TraceSetJudged):
        event: Any = item.event
        birth = births()[ObjectId(item.envelope.stream_id)]
        again = judge_again(BUILT_IN, event.origin, event.intake_source, birth.asset_class, event.cells)
        assert again.cells == event.cells and item.envelope.policy == active


def test_what_acts_for_another_has_a_mandate_of_theirs_in_force() -> None:
    mandates = {leaf_hash(CODEC.encode(one.event, one.envelope)): one for one in of(MandateGranted)}
    served = 0
    for item in history():
        head = item.envelope
        assert (head.mandate is None) == (head.on_behalf_of is None)
        if head.mandate is not None:
            granted: Any = mandates[head.mandate].event
            assert mandates[head.mandate].envelope.stream_id == head.actor
            assert granted.principal == head.on_behalf_of
            assert granted.until.timestamp() * 1e6 > head.recorded_at
            served += 1
        assert head.actor_kind in (ActorKind.HUMAN, ActorKind.SERVICE) or head.mandate is not None
    assert served > OBJECTS / 4


def test_everybody_who_acts_or_holds_is_enrolled_before() -> None:
    enrolled: set[UUID] = {item.envelope.actor for item in history()[:1]}
    for item in history():
        if isinstance(item.event, PartyEnrolled):
            enrolled.add(item.envelope.stream_id)
        assert item.envelope.actor in enrolled
        if isinstance(item.event, ObjectIdentified):
            assert item.event.holder in enrolled


def test_nobody_is_erased_under_a_legal_hold_and_some_are_held() -> None:
    erased, held = 0, 0
    for item in of(SubjectErased):
        events = streams()[item.envelope.stream_id]
        before = folded(events[: item.envelope.stream_version - 1])
        assert not before.holds and before.particulars is not None and not before.erased
        assert folded(events).destroyed
        erased += 1
    for events in streams().values():
        state = folded(events)
        held += isinstance(state, party.Party) and bool(state.holds)
    assert erased and held


def test_what_is_published_lacks_nothing_and_capabilities_end_in_every_way() -> None:
    ends: Counter[str] = Counter()
    for events in streams().values():
        if not isinstance(events[0].event, CapabilityDescribed):
            continue
        for place, item in enumerate(events):
            if isinstance(item.event, CapabilityPublished):
                before = folded(events[:place])
                assert capability.lacking(before, item.event.number, BUILT_IN_ADMISSION) == ""
                assert not before.suspended and item.event.number > before.published
                assert item.envelope.actor != before.provider
        ends[folded(events).status] += 1
    assert ends == {"published": 6, "suspended": 1, "revoked": 1}


def test_the_stand_in_bytes_are_those_that_the_events_name() -> None:
    named = {item.event.content.sha256: item.event.content for item in of(ObjectIdentified)}  # type: ignore[attr-defined]
    named |= {item.event.content.sha256: item.event.content for item in of(RepresentationAdded)}  # type: ignore[attr-defined]
    found = 0
    for act in founded_in_memory(SEED, OBJECTS)[1]:
        for data in act.data:
            sha256, sm3 = digest_both(data)
            assert (named[sha256].sm3, named[sha256].size) == (sm3, len(data))
            found += 1
    assert found == len(named)


def test_other_identifiers_are_well_formed_in_their_registers() -> None:
    bound: list[Any] = [item.event for item in of(AltIdBound)]
    assert bound and all(parse_alternative_id(one.scheme, one.text) == one.text for one in bound)


# -- genealogy --------------------------------------------------------------------------------------------------------


def test_declared_edges_point_to_other_objects_born_before_and_not_rejected() -> None:
    born: dict[UUID, bool] = {}
    for item in history():
        event = item.event
        if isinstance(event, ObjectRejected):
            born[item.envelope.stream_id] = False
        if isinstance(event, ObjectIdentified):
            parents = [parent.object_id for parent in event.parents]
            assert all(born[parent] for parent in parents) and len(set(parents)) == len(parents) <= PARENTS_MAX
            born[item.envelope.stream_id] = True
    assert {relation for birth in births().values() for relation in [p.relation for p in birth.parents]} == set(
        Relation
    ) - {Relation.UNSPECIFIED}


def test_found_edges_are_none_of_those_declared_and_some_close_a_loop() -> None:
    children: dict[UUID, set[UUID]] = {}
    for object_id, birth in births().items():
        for parent in birth.parents:
            children.setdefault(parent.object_id, set()).add(object_id)
    loops = 0
    for item in of(DerivationFound):
        source = item.event.source  # type: ignore[attr-defined]
        stream = ObjectId(item.envelope.stream_id)
        assert source in births() and source != stream
        assert source not in {parent.object_id for parent in births()[stream].parents}
        loops += source in children.get(stream, ())
    assert loops


def test_screenplays_are_chains_of_revisions() -> None:
    length: dict[ObjectId, int] = {}
    revised: Counter[ObjectId] = Counter()
    for object_id, birth in births().items():
        if birth.kind == "screenplay":
            before = [parent.object_id for parent in birth.parents]
            length[object_id] = 1 + max((length[one] for one in before), default=0)
            revised.update(before)
    assert 3 <= max(length.values()) <= REVISIONS[1]
    assert max(revised.values()) == 1


def test_a_few_objects_stand_in_very_many() -> None:
    used = Counter(parent.object_id for birth in births().values() for parent in birth.parents)
    scenes = sum(birth.kind == "scene" for birth in births().values())
    favourite = {
        kind: max(used[one] for one, birth in births().items() if birth.kind == kind) for kind in ("lut", "texture")
    }
    assert favourite["lut"] > scenes * 0.5
    assert favourite["texture"] > scenes * 0.1
    assert max(len(birth.parents) for birth in births().values()) == PARENTS_MAX


def test_weights_are_trained_on_a_tenth_of_the_objects() -> None:
    trained = [
        parent.object_id
        for birth in births().values()
        for parent in birth.parents
        if parent.relation is Relation.TRAINED_ON
    ]
    members = [[p.object_id for p in births()[one].parents] for one in trained if births()[one].kind == "dataset"]
    assert len(members) == len(trained)
    assert any(members_of(one) == OBJECTS // TRAINED_SHARE for one in trained)


def members_of(object_id: ObjectId) -> int:
    """Return how many objects that are no data sets a data set includes, through those that it includes."""
    birth = births()[object_id]
    return sum(members_of(parent.object_id) for parent in birth.parents) if birth.kind == "dataset" else 1


@settings(max_examples=20)
@example(1)
@example(PARENTS_MAX)
@example(PARENTS_MAX + 1)
@example(PARENTS_MAX**2 + 1)
@given(st.integers(1, 45_000))
def test_a_training_set_of_any_size_is_a_tree_within_the_bound(size: int) -> None:
    training, sets, numbers = TrainingSet(size), dict[ObjectId, Sequence[ObjectId]](), iter(range(10**6))
    while training.root is None:
        while (included := training.next()) is not None:
            made = ObjectId(UUID(int=10**9 + next(numbers)))
            sets[made] = included
            training.made(made)
        if training.root is None:
            training.offer(ObjectId(UUID(int=next(numbers))))
    training.offer(ObjectId(UUID(int=1)))
    assert training.next() is None, "a set that is whole takes nothing more"
    assert all(1 <= len(included) <= PARENTS_MAX for included in sets.values())
    included = [one for some in sets.values() for one in some]
    assert len(included) == len(set(included)) == size + len(sets) - 1, "each member and each set once, but the root"


# -- shape ------------------------------------------------------------------------------------------------------------


def test_kinds_have_about_their_shares() -> None:
    counts = Counter(birth.kind for birth in births().values())
    for kind in KINDS.values():
        if kind.share >= 20:
            assert 0.4 * kind.share < counts[kind.name] * 1_000 / OBJECTS < 1.6 * kind.share, kind.name
    assert sum(kind.share for kind in KINDS.values()) == pytest.approx(1_002, abs=1)
    assert set(NEEDED) | set(NEEDED.values()) <= set(KINDS)


def test_most_are_admitted_and_every_other_end_occurs() -> None:
    statuses = Counter(folded(streams()[one]).status for one in births())
    assert statuses[Status.ADMITTED] > 0.9 * OBJECTS
    assert 0.01 * OBJECTS < statuses[Status.QUARANTINED] < 0.08 * OBJECTS
    assert 0 < statuses[Status.REJECTED] < 0.02 * OBJECTS
    assert 0 < statuses[Status.WITHDRAWN] < 0.02 * OBJECTS
    at_once = sum(not isinstance(streams()[one][2].event, ObjectAdmitted) for one in births())
    assert at_once > LACKING * OBJECTS


def test_every_fact_of_an_object_occurs_and_a_thousand_objects_have_about_four_thousand_events() -> None:
    untold = {KeyBound, KeyWithdrawn, FieldOpened, AuthorisationCited}  # nothing is signed, opened or granted
    for objects in (300, OBJECTS):
        assert {*CAPABILITY, *GOVERNANCE, *IDENTITY} - {type(item.event) for item in history(SEED, objects)} == untold
    assert 3.5 < len(history()) / OBJECTS < 5
    for one in of(ObjectWithdrawn):
        days = (one.event.effective_at.timestamp() - one.envelope.recorded_at / 1e6) / 86_400  # type: ignore[attr-defined]
        assert -31 < days < 31


def test_projects_are_codes_and_several_are_under_way() -> None:
    projects = [str(birth.project) for birth in births().values()]
    assert all(digital_object.PROJECT_CODE.fullmatch(code) for code in projects)
    assert len(set(projects)) > 3 and projects != sorted(projects, key=projects.index)


def test_a_pool_is_bounded_and_has_favourites() -> None:
    draw = Draw(1, 10)
    pool = Pool(draw, 100)
    for number in range(1_000):
        pool.add(ObjectId(UUID(int=number)))
    assert len(pool) == 100
    picked = Counter(pool.favourite() for _ in range(5_000))
    assert picked.most_common(1)[0][1] > 5 * 5_000 / 100
    assert len(set(pool.sample(60))) == 60 and len(pool.sample(101)) == 100


# -- appending --------------------------------------------------------------------------------------------------------


class Listening(MemoryRecorder):
    """A store that remembers how large the calls of append() were."""

    def __init__(self, clock: Callable[[], int]) -> None:
        super().__init__(clock)
        self.calls: list[int] = []

    def append(self, requests: Sequence[AppendRequest]) -> list[AppendResult]:
        self.calls.append(sum(len(request.events) for request in requests))
        return super().append(requests)


def test_batches_keep_the_limits_of_append_and_carry_the_clock() -> None:
    ledger_id, acts = founded_in_memory(5, 1_200)
    store, heard = Listening(lambda: START_US), []
    scribe = Scribe("any", ledger_id)
    filled = append_acts(store, acts, scribe, lambda: START_US, lambda _, events: heard.append(events))
    assert (filled.first, filled.size) == (0, store.size()) and filled.types.total() == store.size()
    assert heard[-1] == store.size() and len(heard) == len(store.calls) > 1
    assert all(events <= BATCH_EVENTS_MAX for events in store.calls)
    decoded = [CODEC.decode(row.entry) for row in store.rows(0, 10_000)]
    assert {item.envelope.recorded_at for item in decoded} == {START_US}
    assert max(item.envelope.occurred_at or 0 for item in decoded) > START_US + SPAN_US // 2


def test_bytes_are_kept_before_the_clock_is_read_and_the_events_are_sent() -> None:
    ledger_id, acts = founded_in_memory(5, 1_200)
    done: list[str] = []

    def clock() -> int:
        done.append("clock")
        return START_US

    store = Listening(lambda: START_US)
    append_acts(store, acts, Scribe("any", ledger_id), clock, lambda _, events: done.append(str(events)))
    assert done[1::2] == ["clock"] * len(store.calls)
    sizes = [int(events) for events in done[::2]]
    assert sizes == [sum(store.calls[: place + 1]) for place in range(len(store.calls))]


def test_a_late_clock_and_a_repeated_corpus_are_said_and_end_it() -> None:
    store = MemoryRecorder(lambda: START_US)
    ledger_id, acts = founded_in_memory(5, 10)
    with pytest.raises(Unavailable, match=r"found stale: recorded_at .* expected within 5 s"):
        append_acts(store, acts, Scribe("any", ledger_id), lambda: START_US - 6_000_000)
    assert store.size() == 0
    append_acts(store, founded_in_memory(5, 10)[1], Scribe("any", ledger_id), lambda: START_US)
    size = store.size()
    with pytest.raises(Rejected, match="expected each command stored, found duplicate"):
        append_acts(store, founded_in_memory(5, 10)[1], Scribe("any", ledger_id), lambda: START_US)
    assert store.size() == size


def test_an_error_of_the_teller_ends_the_thread_that_sends() -> None:
    ledger_id, acts = founded_in_memory(5, 10)

    def broken() -> Any:
        yield next(acts)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        append_acts(MemoryRecorder(lambda: START_US), broken(), Scribe("any", ledger_id), lambda: START_US)


def test_a_ledger_with_policies_in_force_gets_no_second_ones() -> None:
    told = list(Corpus(5, 20, PartyId(UUID(int=1)), policies=False).acts())
    assert not any(isinstance(event, PolicyDrafted) for act in told for event in act.events)
    leaves = {"trace-set": b"t" * 32, "capability-admission": b"c" * 32}
    scribe = Scribe("any", PartyId(UUID(int=2)), leaves)  # type: ignore[arg-type]
    entries = [event.entry for act in told for event in scribe.request(act, START_US).events]
    policies = {CODEC.decode(entry).envelope.policy for entry in entries}
    assert policies == {None, *leaves.values()}


def test_versions_are_told_with_the_act_not_with_its_entry() -> None:
    draw, who = Draw(1, 10), requests(1, 1)[0][0].who
    stream = Stream(draw.uuid())
    first, second = (draw.act(stream, (ObjectAdmitted(),) * 2, who) for _ in range(2))
    assert (first.first, second.first, stream.version) == (1, 3, 4)
    assert START_US < first.at_us < second.at_us
