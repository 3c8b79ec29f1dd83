"""From acts to requests of append(): envelopes, entries encoded once, keys; the chain of each stream."""

from collections.abc import Mapping
from random import Random
from uuid import UUID

from domain.events import ZERO_UUID, Envelope, Recorded, Sha256
from domain.governance.events import MandateGranted, PolicyActivated, PolicyDrafted
from domain.ids import RANDOM_BYTES, CommandId, EventId, LedgerId, StreamId, uuid7
from domain.ledger.merkle import leaf_hash
from infra.dev.acts import Act
from producers.ports import AppendRequest, CommandKey
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec


class Scribe:
    """Writes the requests of one corpus, in the order of its acts; each act is written once."""

    def __init__(self, name: str, ledger_id: LedgerId, policies: Mapping[str, Sha256] | None = None) -> None:
        """`name` is that of the corpus; `policies` are leaf hashes of the PolicyActivated in force already."""
        self._random = Random(f"edgeprint corpus entries {name}")
        self._ledger_id = ledger_id
        self._encode = Codec(CATALOGUE).encode
        self._policies = dict(policies or {})
        self._drafted: dict[UUID, str] = {}
        self._mandates: dict[UUID, Sha256] = {}

    def request(self, act: Act, recorded_at: int) -> AppendRequest:
        """Return the request that writes an act; `recorded_at` is in microseconds since the epoch."""
        stream, who = act.stream, act.who
        command_id = CommandId(self._uuid(act.at_us))
        recorded: list[Recorded] = []
        take: list[str] = []
        take_at: list[int] = []
        for place, event in enumerate(act.events):
            envelope = Envelope(
                event_id=EventId(self._uuid(act.at_us)),
                stream_id=StreamId(stream.stream_id),
                previous=stream.last_leaf,
                command_id=command_id,
                causation_id=ZERO_UUID,
                correlation_id=ZERO_UUID,
                ledger_id=self._ledger_id,
                actor=who.party,
                recorded_at=recorded_at,
                stream_version=act.first + place,
                occurred_at=act.at_us,
                actor_kind=who.kind,
                on_behalf_of=who.for_whom,
                mandate=None if who.for_whom is None else self._mandates[who.party],
                policy=self._policies[act.policy] if act.policy else None,
            )
            entry = self._encode(event, envelope)
            stream.last_leaf = Sha256(leaf_hash(entry))
            recorded.append(Recorded(stream.stream_id, act.first + place, event.TYPE, entry))
            keys = event.keys().take
            if keys:
                take.extend(keys)
                take_at.extend([place] * len(keys))
            if isinstance(event, PolicyDrafted | PolicyActivated | MandateGranted):
                self._remember(event, stream.stream_id, stream.last_leaf)
        return AppendRequest(
            CommandKey(who.party, command_id), tuple(recorded), take=tuple(take), take_at=tuple(take_at)
        )

    def _remember(self, event: PolicyDrafted | PolicyActivated | MandateGranted, stream: UUID, leaf: Sha256) -> None:
        match event:
            case PolicyDrafted(name=name):
                self._drafted[stream] = name
            case PolicyActivated():
                self._policies[self._drafted[stream]] = leaf
            case MandateGranted():
                self._mandates[stream] = leaf

    def _uuid(self, at_us: int) -> UUID:
        return uuid7(at_us, self._random.randbytes(RANDOM_BYTES))
