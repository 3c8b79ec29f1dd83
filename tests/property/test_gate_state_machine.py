"""The gate under any order of submissions, claims, batches and replays, over the in-memory ledger.

The oracle is written from the design's table (domain.md, section 3) in another way than the product: it keeps no
events, only what each holder has brought, and says what every command must answer and how the ledger must stand.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.errors import Rejected
from domain.events import Sha256
from domain.governance.events import PartyEnrolled
from domain.identity.digital_object import Status
from domain.identity.events import (
    AssetClass,
    DuplicateSubmissionDetected,
    Element,
    IntakeSource,
    ObjectAdmitted,
    ObjectIdentified,
    ObjectQuarantined,
    ObjectRejected,
    Origin,
    TraceSetJudged,
    content_key,
)
from domain.identity.trace_set import Declared
from domain.ids import ObjectId, PartyId
from domain.rights.events import RightsClaimed, Root, title_key
from producers.commands import Outcome, Task
from producers.identity import Submitted
from producers.ports import CommandKey
from tests.identity_kit import claim, enrol_with_key, submission
from tests.unit.test_application import World

# What the table asks besides the hash, by origin. `attested` cannot be reached by declaring.
ASKED = {
    Origin.HUMAN_WORK: "authorisation parameters job",
    Origin.CAPTURED: "authorisation environment job",
    Origin.ALGORITHMIC: "authorisation model parameters environment! job!",
    Origin.GENERATED_HERE: "authorisation model parameters environment! job!",
    Origin.EXTERNAL_SERVICE: "authorisation model parameters environment job",
    Origin.IMPORTED: "authorisation model parameters environment",
}
# Which origins fit a door.
FITS = {
    IntakeSource.CREATION: "human_work captured algorithmic generated_here",
    IntakeSource.PRODUCTION_NEW: " ".join(ASKED),
    IntakeSource.PRODUCTION_STOCK: " ".join(ASKED),
    IntakeSource.HERITAGE_FILM: "captured",
    IntakeSource.EXTERNAL_MODEL_SERVICE: "external_service",
}
ASKED_MORE = {AssetClass.STATIC: "", AssetClass.COMPUTABLE: "ml_bom training", AssetClass.INTERACTIVE: "contract"}
ROOTS_BY_WORD = {
    Root.EMPLOYMENT,
    Root.COMMISSION,
    Root.ASSIGNMENT,
    Root.PUBLIC_DOMAIN,
    Root.STATUTORY,
    Root.ARCHIVAL_CUSTODY,
    Root.ORPHAN,
    Root.OPEN_LICENCE,
}
ELEMENTS = [element for element in Element if element not in (Element.UNSPECIFIED, Element.HASH)]
WORKS = [b"one", b"two", b"three", b"four"]
STATEMENT = Sha256(b"s" * 32)

origins = st.sampled_from(sorted(ASKED))
classes = st.sampled_from(sorted(ASKED_MORE))
works = st.sampled_from(WORKS)
ALL = frozenset(ELEMENTS)
some = st.one_of(  # near the border most of the time: one element decides
    st.just(ALL),
    st.sampled_from(ELEMENTS).map(lambda element: ALL - {element}),
    st.sampled_from([frozenset[Element](), *(frozenset({element}) for element in ELEMENTS)]),
    st.frozensets(st.sampled_from(ELEMENTS)),
)
roots = st.one_of(st.just(Root.OPEN_LICENCE), st.sampled_from(sorted(Root)))
holders = st.integers(0, 2)
submissions = st.fixed_dictionaries(
    {
        "holder": holders,
        "data": works,
        "origin": origins,
        "asset_class": classes,
        "evidence": some,
        "version": st.integers(0, 1),
        "root": roots,
        "sha256": st.sampled_from(["none", "right", "wrong"]),
        "parent": st.sampled_from(["none", "none", "object", "nobody"]),
        "door": st.sampled_from([*FITS, *[IntakeSource.PRODUCTION_NEW] * 5]),
    }
)


@dataclass
class Known:
    """What the oracle knows of one object."""

    asset_class: AssetClass
    status: Status = Status.UNKNOWN
    judged: object = None
    submissions: int = 0
    object_id: ObjectId | None = None


@dataclass
class Oracle:
    """Who has brought and claimed what."""

    objects: dict[tuple[int, bytes], Known] = field(default_factory=dict)
    titles: set[tuple[int, bytes]] = field(default_factory=set)

    def submit(self, s: dict[str, Any]) -> Known:
        """Return how the object stands after a submission that was not refused."""
        key = (s["holder"], s["data"])
        known = self.objects.setdefault(key, Known(s["asset_class"]))
        known.submissions += 1
        if known.status in (Status.ADMITTED, Status.REJECTED):
            return known
        claimed = key in self.titles
        # The same declarations under the same title are no news, but a contradiction of the bytes always is.
        word = (
            s["origin"],
            s["door"],
            s["evidence"],
            s["version"] if s["evidence"] else 0,
            claimed,
            self.trusted(s, claimed),
        )
        if word == known.judged and s["sha256"] != "wrong":
            return known
        known.judged = word
        if s["sha256"] == "wrong":
            known.status = Status.REJECTED
        elif (
            s["origin"] is Origin.IMPORTED
            or s["origin"] not in FITS[s["door"]].split()
            or self.lacks(s, known.asset_class, claimed)
        ):
            known.status = Status.QUARANTINED
        else:
            known.status = Status.ADMITTED
        return known

    @staticmethod
    def waits(s: dict[str, Any]) -> bool:
        """Return whether a human must look, however whole the declaration is."""
        return s["origin"] is Origin.IMPORTED or s["origin"] not in FITS[s["door"]].split()

    @staticmethod
    def trusted(s: dict[str, Any], claimed: bool) -> bool:
        """Return whether a sidecar's word for the root of title counts."""
        return not claimed and Element.AUTHORISATION in s["evidence"] and s["root"] in ROOTS_BY_WORD

    def lacks(self, s: dict[str, Any], asset_class: AssetClass, claimed: bool) -> bool:
        asked = f"{ASKED[s['origin']]} {ASKED_MORE[asset_class]}".split()
        return any(not self.has(name, s, claimed) for name in asked)

    def has(self, name: str, s: dict[str, Any], claimed: bool) -> bool:
        if name.endswith("!"):
            return False
        if name == "authorisation":
            return claimed or self.trusted(s, claimed)
        by_title = claimed and s["origin"] is Origin.HUMAN_WORK and name in ("parameters", "job")
        return by_title or Element(name) in s["evidence"]


class Gate(RuleBasedStateMachine):
    """Holders 0 and 1 are enrolled, holder 2 is not."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.oracle = Oracle()
        second, self.stranger = PartyId(self.world.new_id()), PartyId(self.world.new_id())
        enrolling, signed = enrol_with_key(self.world.key(), second, self.world.ledger_id)
        self.world.application.execute_all([enrolling])[0].require()
        self.parties = [self.world.holder, second, self.stranger]
        self.signed = [self.world.signed, signed, signed]
        self.done: list[tuple[Task[Any], Outcome[Any]]] = []

    # -- commands -----------------------------------------------------------------------------------------------------

    def task(self, s: dict[str, Any], key: CommandKey | None = None) -> Task[Submitted]:
        party = self.parties[s["holder"]]
        evidence = {e: Sha256(hashlib.sha256(b"%d" % s["version"] + e.encode()).digest()) for e in s["evidence"]}
        right = hashlib.sha256(s["data"]).digest()
        parents = {"none": [], "object": self.born()[:1], "nobody": [ObjectId(UUID(int=7))]}[s["parent"]]
        return submission(
            key or CommandKey(party, self.world.new_id(), None),
            party,
            s["data"],
            parents,
            attestation=self.signed[s["holder"]],
            origin=s["origin"],
            intake_source=s["door"],
            asset_class=s["asset_class"],
            declared=Declared(evidence, s["root"]),
            declared_sha256={"none": None, "right": Sha256(right), "wrong": Sha256(b"w" * 32)}[s["sha256"]],
        )

    def born(self) -> list[ObjectId]:
        return [k.object_id for k in self.oracle.objects.values() if k.object_id is not None]

    def settle(self, s: dict[str, Any], task: Task[Submitted], outcome: Outcome[Submitted]) -> None:
        """Hold one outcome against the oracle."""
        if s["holder"] == 2 or s["parent"] == "nobody":
            with pytest.raises(Rejected):
                outcome.require()
            return
        known = self.oracle.objects.get((s["holder"], s["data"]))
        before = known.status if known else Status.UNKNOWN
        known = self.oracle.submit(s)
        answer = outcome.result()
        assert answer.duplicate == (before is not Status.UNKNOWN)
        assert known.object_id in (None, answer.object_id)
        known.object_id = answer.object_id
        assert answer.state.status is known.status, (s, answer)
        assert answer.state.submissions == known.submissions
        assert outcome.last >= outcome.first >= 0
        self.done.append((task, outcome))

    @rule(s=submissions)
    def submit(self, s: dict[str, Any]) -> None:
        task = self.task(s)
        self.settle(s, task, self.world.application.execute_all([task])[0])

    @rule(batch=st.lists(submissions, min_size=2, max_size=8))
    def submit_together(self, batch: list[dict[str, Any]]) -> None:
        """A batch is decided in some order in which each one sees those before it: ours follows the indexes."""
        tasks = [self.task(s) for s in batch]
        outcomes = self.world.application.execute_all(tasks)
        order = sorted(range(len(batch)), key=lambda i: (outcomes[i].first, i))
        for i in order:
            self.settle(batch[i], tasks[i], outcomes[i])

    @rule(holder=holders, data=works)
    def claim(self, holder: int, data: bytes) -> None:
        party, work = self.parties[holder], Sha256(hashlib.sha256(data).digest())
        task = claim(CommandKey(party, self.world.new_id(), None), party, work, self.signed[holder])
        size = self.world.store.size()
        outcome = self.world.application.execute_all([task])[0]
        if holder == 2:
            with pytest.raises(Rejected):
                outcome.require()
            return
        new = (holder, data) not in self.oracle.titles
        assert outcome.last - outcome.first == new - 1
        assert self.world.store.size() == size + new
        self.oracle.titles.add((holder, data))
        self.done.append((task, outcome))

    @precondition(lambda self: self.done)
    @rule(pick=st.randoms(use_true_random=False), s=submissions)
    def replay(self, pick: Any, s: dict[str, Any]) -> None:
        """A command id that is known, with whatever body, is answered with what is stored and writes nothing."""
        task, outcome = pick.choice(self.done)
        size = self.world.store.size()
        again = self.world.application.execute_all([task, self.task(s, task.command)])
        assert [(a.repeated, a.first, a.last) for a in again] == [(True, outcome.first, outcome.last)] * 2
        assert self.world.store.size() == size

    @rule(s=submissions, other=submissions)
    def one_command_id_twice_in_a_batch(self, s: dict[str, Any], other: dict[str, Any]) -> None:
        first = self.task({**s, "holder": 0, "parent": "none"})
        size = self.world.store.size()
        outcomes = self.world.application.execute_all(
            [first, self.task({**other, "parent": "none", "holder": 0}, first.command)]
        )
        repeated = [outcome.repeated for outcome in outcomes]
        assert sorted(repeated) == [False, True]
        assert outcomes[0].first == outcomes[1].first and outcomes[0].last == outcomes[1].last
        assert self.world.store.size() == outcomes[0].last + 1 > size
        which = repeated.index(False)
        self.settle({**(s, other)[which], "holder": 0, "parent": "none"}, first, outcomes[which])

    # -- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def the_ledger_is_what_the_oracle_says(self) -> None:
        store, codec = self.world.store, self.world.application.codec
        rows = store.rows(0, 10_000)
        assert [row.index for row in rows] == list(range(store.size()))
        streams: dict[UUID, list[Any]] = {}
        keys: dict[str, int] = {}
        for row in rows:
            decoded = codec.decode(row.entry)
            streams.setdefault(decoded.envelope.stream_id, []).append(decoded.event)
            change = decoded.event.keys()
            for name in change.release:
                del keys[name]
            for name in change.take:
                assert name not in keys
                keys[name] = row.index
        assert keys == {name: holder.index for name, holder in store.key_holders(list(keys)).items()}
        objects = {i: events for i, events in streams.items() if isinstance(events[0], ObjectIdentified)}
        assert len(objects) == len(self.oracle.objects)
        for (holder, data), known in self.oracle.objects.items():
            assert known.object_id is not None
            _check_object(objects[known.object_id], known)
            name = content_key(self.parties[holder], hashlib.sha256(data).digest())
            assert store.key_holders([name])[name].stream_id == known.object_id
        titles = [i for i, events in streams.items() if isinstance(events[0], RightsClaimed)]
        claimed = {title_key(self.parties[h], hashlib.sha256(d).digest()) for h, d in self.oracle.titles}
        assert {holder.stream_id for holder in store.key_holders(list(claimed)).values()} == set(titles)
        assert len(titles) == len(self.oracle.titles)
        assert not isinstance(streams.get(self.stranger, [None])[0], PartyEnrolled)

    def teardown(self) -> None:
        self.world.application.close()


def _check_object(events: list[Any], known: Known) -> None:
    """Identity precedes admission; nothing follows an end but the note that the bytes came again."""
    assert isinstance(events[0], ObjectIdentified) and isinstance(events[1], TraceSetJudged)
    assert sum(isinstance(event, ObjectIdentified) for event in events) == 1
    assert 1 + sum(isinstance(event, DuplicateSubmissionDetected) for event in events) == known.submissions
    ends = [i for i, event in enumerate(events) if isinstance(event, ObjectAdmitted | ObjectRejected)]
    assert len(ends) <= 1
    if ends:
        assert all(isinstance(event, DuplicateSubmissionDetected) for event in events[ends[0] + 1 :])
    outcome = [e for e in events if isinstance(e, ObjectAdmitted | ObjectRejected | ObjectQuarantined)][-1]
    expected = {ObjectAdmitted: Status.ADMITTED, ObjectRejected: Status.REJECTED, ObjectQuarantined: Status.QUARANTINED}
    assert expected[type(outcome)] is known.status


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]
TestGate = Gate.TestCase
TestGate.settings = settings(max_examples=30, stateful_step_count=20, suppress_health_check=QUIET)


@pytest.mark.soak
class TestGateForLong(Gate.TestCase):  # type: ignore[misc, valid-type]
    """The same machine, for minutes."""

    settings = settings(max_examples=500, stateful_step_count=50, suppress_health_check=QUIET)
