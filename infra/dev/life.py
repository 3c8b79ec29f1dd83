"""What becomes of one object: submitted, judged, and later attested, lifted, named, linked, withdrawn.

A life is an iterator of acts and waits: an int says how many other objects are born before the next act. Every act but
the first is decided by the product's own rules (`domain.identity`) on the state that its own fold gives; the first is
what those rules would decide, with a judgement that is remembered. So no life can do what a ledger would refuse.

Of 1,000 objects 4 are rejected and 50 lack an element at first (300 of imported ones), of which 7 in 10 have it brought
later; 940 of those that need another party's word get it; 8 are withdrawn. Whatever is done to few is done to the first
object that it can be done to, so that a history of some hundred objects has all of it.
"""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import reduce
from typing import Final

from domain.command import Command
from domain.events import Event, Sha256
from domain.governance.policies import TRACE_SET
from domain.identity import digital_object, upkeep
from domain.identity.digital_object import DigitalObject, Evidence, Seen, Status, SubmitObject, evolve
from domain.identity.events import (
    AlternativeScheme,
    Content,
    Element,
    FingerprintScheme,
    Level,
    ObjectAdmitted,
    ObjectIdentified,
    ObjectQuarantined,
    ObjectRejected,
    Parent,
    Purpose,
    WithdrawalReason,
)
from domain.identity.trace_set import BUILT_IN
from domain.identity.upkeep import Measured
from domain.ids import Commitment, ObjectId, check_character
from domain.rights.events import RightsClaimed, Root
from domain.rights.settlement import WHOLE_BP, Holder
from infra.blobs.digests import digest_both
from infra.dev.acts import Act, Draw, Pool, Stream, Who
from infra.dev.house import House
from infra.dev.kinds import Judge, Kind, Papers
from schemas.values import instant_of

WAIT_MAX: Final = 20_000
REJECTED, LACKING, LACKING_IMPORT, BROUGHT, ATTESTED, LIFTED = 0.004, 0.05, 0.3, 0.7, 0.94, 0.8
WITHDRAWN: Final = 0.008
CLAIMED: Final = {"screenplay": 0.4, "storyboard": 0.1}
"""Kinds whose authors claim title to a work before they bring it, and how often."""
LOOPED: Final = 0.002
LOOPED_MAX: Final = 200
_REASONS: Final = tuple(reason for reason in WithdrawalReason if reason is not WithdrawalReason.UNSPECIFIED)


@dataclass(slots=True, eq=False)
class Birth:
    """An object that comes to the gate. `child` is an object made from it, where somebody waits for one."""

    number: int
    kind: Kind
    papers: Papers
    project: str | None
    bringer: Who
    parents: tuple[Parent, ...]
    stream: Stream
    rejected: bool = False
    child: ObjectId | None = None
    state: DigitalObject = field(default_factory=DigitalObject)

    @property
    def object_id(self) -> ObjectId:
        """Return its identifier."""
        return ObjectId(self.stream.stream_id)


Life = Iterator[int | Act]
Deed = Callable[["Lives", Birth], Act | None]


class Lives:
    """Tells the lives of objects; `awaiting` are those of which a loop of the genealogy is to be found."""

    def __init__(self, draw: Draw, house: House, name: str, objects: int) -> None:
        self.awaiting: dict[ObjectId, Birth] = {}
        self._draw = draw
        self._house = house
        self._name = name
        self._judge = Judge()
        self._wait_max = max(20, min(WAIT_MAX, objects // 5))
        self._elders = Pool(draw)
        self._looped = False
        self._rejected = False
        self._undone = {Lives._withdraw, *(deed for _, _, deed in DEEDS)}

    def tell(self, birth: Birth) -> Life:
        """Tell the life of an object; its submission comes before the first wait."""
        kind, draw = birth.kind, self._draw
        data = self._bytes(birth, "bytes")
        content = _content(data, kind.media_type)
        title = None
        if draw.chance(CLAIMED.get(kind.name, 0.0)):
            title = draw.digest()
            holder = birth.bringer.principal
            claim = RightsClaimed(
                holder=holder,
                work=content.sha256,
                root=Root.OWN_CREATION,
                owners=(Holder(party=holder, share_bp=WHOLE_BP),),
                statement=title,
            )
            yield draw.act(Stream(draw.uuid()), (claim,), birth.bringer)
        lacking = self._lacking(kind)
        yield self._submit(birth, content, data, lacking, title)
        if not birth.rejected:
            yield from self._become_whole(birth, lacking)
            yield from self._go_on(birth)

    def _lacking(self, kind: Kind) -> Element | None:
        share = LACKING_IMPORT if kind.name == "stock" else LACKING if kind.share else 0.0
        return self._draw.one_of(kind.declared) if self._draw.chance(share) else None

    def _submit(
        self, birth: Birth, content: Content, data: bytes, lacking: Element | None, title: Sha256 | None
    ) -> Act:
        kind = birth.kind
        judged, judgement = self._judge.judge(birth.papers, kind, lacking, title)
        identified = ObjectIdentified(
            holder=birth.bringer.principal,
            asset_class=kind.asset_class,
            kind=kind.name,
            origin=kind.origin,
            intake_source=kind.door,
            content=content,
            parents=birth.parents,
            submission=None,
            project=birth.project,
            technical=(),  # a line of text that stands in for a picture states no width
            hold=kind.hold,
        )
        clause = judgement.clause or kind.hold
        outcome: Event
        if kind.share and (self._draw.chance(REJECTED) or not self._rejected):
            self._rejected = birth.rejected = True
            outcome = ObjectRejected(clause=f"declared sha256 {self._draw.digest().hex()} is not that of the bytes")
        elif clause:
            outcome = ObjectQuarantined(lacking=judgement.lacking, clause=clause)
        else:
            outcome = ObjectAdmitted()
        return self._act(birth, (identified, judged, outcome), birth.bringer, (data,))

    def _become_whole(self, birth: Birth, lacking: Element | None) -> Life:
        """Bring what is missing, have attested what must be, and let a human look at what is only held."""
        draw, house, attested = self._draw, self._house, birth.kind.attested
        if lacking is not None and draw.chance(BROUGHT):
            yield self._wait()
            yield self._submit_again(birth)
        if attested and self._are_declared(birth, attested) and draw.chance(ATTESTED):
            yield self._wait()
            statement = birth.papers.statement
            attest = upkeep.AttestElements(object=birth.object_id, elements=attested, statement=statement)
            yield self._do(birth, attest, house.technician, _documents(statement))
        if birth.state.status is Status.QUARANTINED and not birth.state.lacking and draw.chance(LIFTED):
            yield self._wait()
            statement = draw.digest()
            lift = upkeep.LiftQuarantine(object=birth.object_id, statement=statement)
            yield self._do(birth, lift, draw.one_of(house.officers), _documents(statement))

    def _go_on(self, birth: Birth) -> Life:
        """Do what is done to some objects, each deed in its share, the withdrawal last."""
        random, undone = self._draw.random.random, self._undone
        for share, kinds, deed in DEEDS:
            if (kinds is None or birth.kind.name in kinds) and (random() < share or deed in undone):
                undone.discard(deed)
                yield self._wait()
                act = deed(self, birth)
                if act is not None:
                    yield act
        self._elders.add(birth.object_id)
        if birth.kind.share and (random() < LOOPED or not (self._looped or self.awaiting)):
            yield from self._be_looped(birth)
        if birth.kind.share and (random() < WITHDRAWN or Lives._withdraw in undone):
            undone.discard(Lives._withdraw)
            yield self._wait()
            yield self._withdraw(birth)

    def _be_looped(self, birth: Birth) -> Life:
        """Wait for a child, and find that the object comes from it: a loop through a declared edge."""
        if len(self.awaiting) < LOOPED_MAX:
            self.awaiting[birth.object_id] = birth
            yield self._wait()
            self.awaiting.pop(birth.object_id, None)
            found = None if birth.child is None else self._derive(birth, birth.child)
            if found is not None:
                self._looped = True
                yield found

    def _wait(self) -> int:
        # Not at once: two commands on one stream cannot share a batch of append(), which has some 500 births.
        return self._wait_max // 33 + 1 + int(self._draw.random.random() ** 3 * self._wait_max)

    def _bytes(self, birth: Birth, what: str) -> bytes:
        return f"edgeprint corpus {self._name}, object {birth.number}, {birth.kind.name}, {what}\n".encode()

    def _act(self, birth: Birth, events: tuple[Event, ...], who: Who, data: tuple[bytes, ...] = ()) -> Act:
        birth.state = reduce(evolve, events, birth.state)  # type: ignore[arg-type]  # all are events of the object
        return self._draw.act(birth.stream, events, who, TRACE_SET, data)

    def _do(
        self,
        birth: Birth,
        command: Command,
        who: Who,
        measured: Measured = Measured(),  # noqa: B008  # frozen
        data: tuple[bytes, ...] = (),
    ) -> Act:
        facts = upkeep.Facts(
            object_id=birth.object_id,
            actor=who.party,
            who=who.principal,
            now=instant_of(self._draw.now_us),
            policy=BUILT_IN,
            measured=measured,
            source_known=True,
        )
        return self._act(birth, upkeep.decide(birth.state, command, facts), who, data)

    def _are_declared(self, birth: Birth, elements: tuple[Element, ...]) -> bool:
        found = {cell.element: cell.found for cell in birth.state.judged.cells} if birth.state.judged else {}
        return all(found.get(element) is Level.DECLARED for element in elements)

    def _submit_again(self, birth: Birth) -> Act:
        born = birth.state.birth
        if born is None:
            raise AssertionError("an object is submitted again before its birth")
        kind, declared = birth.kind, birth.papers.declared(birth.kind)
        command = SubmitObject(
            sha256=born.content.sha256,
            asset_class=kind.asset_class,
            origin=kind.origin,
            intake_source=kind.door,
            parents=birth.parents,
            root=None if declared.root is Root.UNSPECIFIED else declared.root,
            evidence=tuple(Evidence(element=element, sha256=text) for element, text in declared.evidence.items()),
            project=birth.project,
        )
        facts = digital_object.Facts(
            holder=born.holder,
            seen=Seen(born.content, kind.name, hold=kind.hold),
            known_parents=frozenset(parent.object_id for parent in birth.parents),
            title_statement=None,
            policy=BUILT_IN,
        )
        return self._act(birth, digital_object.decide(birth.state, command, facts), birth.bringer)

    # -- deeds --------------------------------------------------------------------------------------------------------

    def _fingerprint(self, birth: Birth) -> Act:
        digest, born = self._draw.digest(), birth.state.birth
        code = "ISCC:K4A" + base64.b32encode(digest).decode().rstrip("=")
        found = [(FingerprintScheme.ISCC_SUM, code, "iscc-lib@0.7.0")]
        if birth.kind.name == "weights":
            found.append((FingerprintScheme.TENSORS, digest.hex(), "edgeprint@1"))
        measured = Measured(content=born.content if born else None, fingerprints=tuple(found))
        return self._do(birth, upkeep.ComputeFingerprint(object=birth.object_id), birth.bringer, measured)

    def _represent(self, birth: Birth) -> Act:
        purpose = self._draw.one_of((Purpose.PROXY, Purpose.MEZZANINE, Purpose.DELIVERY, Purpose.PRESERVATION))
        data = self._bytes(birth, str(purpose))
        content = _content(data, birth.kind.media_type)
        command = upkeep.AddRepresentation(object=birth.object_id, sha256=content.sha256, purpose=purpose)
        return self._do(birth, command, birth.bringer, Measured(content=content), (data,))

    def _amend(self, birth: Birth) -> Act:
        document = self._draw.digest()
        command = upkeep.AmendMetadata(object=birth.object_id, document=document)
        return self._do(birth, command, birth.bringer, _documents(document))

    def _prompt(self, birth: Birth) -> Act:
        negative = Commitment(self._draw.digest()) if self._draw.chance(0.5) else None
        prompt = Commitment(self._draw.digest())
        command = upkeep.RecordPrompt(object=birth.object_id, prompt=prompt, negative_prompt=negative)
        return self._do(birth, command, birth.bringer)

    def _bind(self, birth: Birth) -> Act:
        scheme = self._draw.one_of((AlternativeScheme.DOI, AlternativeScheme.EIDR))
        if scheme is AlternativeScheme.DOI:
            text = f"10.5594/CORPUS.{self._name.replace(' ', '.').upper()}.{birth.number}"
        else:
            digits = self._draw.digest().hex().upper()[:20]
            groups = "-".join(digits[at : at + 4] for at in range(0, 20, 4))
            text = f"10.5240/{groups}-{check_character(digits)}"
        return self._do(
            birth, upkeep.BindAlternativeId(object=birth.object_id, scheme=scheme, text=text), birth.bringer
        )

    def _vouch(self, birth: Birth) -> Act | None:
        elements = (Element.AUTHORISATION,)
        if not self._are_declared(birth, elements):
            return None
        statement = self._draw.digest()
        command = upkeep.AttestElements(object=birth.object_id, elements=elements, statement=statement)
        return self._do(birth, command, self._house.guild, _documents(statement))

    def _recheck(self, birth: Birth) -> Act:
        born = birth.state.birth
        measured = Measured(content=born.content if born else None)
        command = upkeep.RecheckObject(object=birth.object_id)
        return self._do(birth, command, self._draw.one_of(self._house.officers), measured)

    def _repeat(self, birth: Birth) -> Act | None:
        return self._submit_again(birth) if birth.state.status is Status.ADMITTED else None

    def _find(self, birth: Birth) -> Act | None:
        source = self._elders.pick() if len(self._elders) else birth.object_id
        return None if source == birth.object_id else self._derive(birth, source)

    def _derive(self, birth: Birth, source: ObjectId) -> Act | None:
        if source in birth.state.found_sources or any(parent.object_id == source for parent in birth.parents):
            return None
        evidence = self._draw.digest()
        command = upkeep.RecordDerivation(object=birth.object_id, source=source, evidence=evidence)
        return self._do(birth, command, self._draw.one_of(self._house.officers), _documents(evidence))

    def _withdraw(self, birth: Birth) -> Act:
        days = timedelta(days=self._draw.between(-30, 30))
        command = upkeep.WithdrawObject(
            object=birth.object_id,
            reason=self._draw.one_of(_REASONS),
            effective_at=instant_of(self._draw.now_us) + days,
        )
        return self._do(birth, command, birth.bringer)


DEEDS: Final[tuple[tuple[float, frozenset[str] | None, Deed], ...]] = (
    (0.25, frozenset({"still", "scan", "image", "shot", "stock", "weights", "base-weights"}), Lives._fingerprint),
    (0.1, frozenset({"scan", "restoration", "shot", "timeline", "plate"}), Lives._represent),
    (0.3, frozenset({"image", "matte"}), Lives._prompt),
    (0.05, frozenset({"screenplay", "timeline", "package"}), Lives._bind),
    (0.05, None, Lives._amend),
    (0.03, None, Lives._vouch),
    (0.015, None, Lives._repeat),
    (0.01, None, Lives._recheck),
    (0.004, None, Lives._find),
)
"""In which share of the objects of which kinds (None: all) something is done."""


def _content(data: bytes, media_type: str) -> Content:
    sha256, sm3 = digest_both(data)
    return Content(sha256=Sha256(sha256), sm3=Sha256(sm3), size=len(data), media_type=media_type)


def _documents(*digests: Sha256) -> Measured:
    return Measured(documents=frozenset(digests))
