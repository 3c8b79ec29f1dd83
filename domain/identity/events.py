"""Facts of the identity context: what came to the gate, what was known of it, and what became of it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated as A

from domain.events import Doc, Event, KeyChange, Sha256, fact, value
from domain.ids import Commitment, ObjectId, PartyId, RightsGrantId

PARENTS_MAX = 200
CLAUSE_CHARACTERS_MAX = 200
CITED_MAX = 64
MEASURE_MAX = (1 << 53) - 1
"""The greatest integer that every reader of JSON keeps exactly."""


class AssetClass(StrEnum):
    """What a thing can do decides how it is governed: a static work, computable weights, an interactive being."""

    UNSPECIFIED = "unspecified"
    STATIC = "static"
    COMPUTABLE = "computable"
    INTERACTIVE = "interactive"


class Origin(StrEnum):
    """How the work came into being; the row of the traceable-set table."""

    UNSPECIFIED = "unspecified"
    HUMAN_WORK = "human_work"
    CAPTURED = "captured"
    ALGORITHMIC = "algorithmic"
    GENERATED_HERE = "generated_here"
    EXTERNAL_SERVICE = "external_service"
    IMPORTED = "imported"


class IntakeSource(StrEnum):
    """Through which door it came."""

    UNSPECIFIED = "unspecified"
    CREATION = "creation"
    PRODUCTION_NEW = "production_new"
    PRODUCTION_STOCK = "production_stock"
    HERITAGE_FILM = "heritage_film"
    EXTERNAL_MODEL_SERVICE = "external_model_service"


class Relation(StrEnum):
    """How a child comes from a declared parent."""

    UNSPECIFIED = "unspecified"
    DERIVATION_OF = "derivation_of"
    REVISION_OF = "revision_of"
    VARIANT_OF = "variant_of"
    TRAINED_ON = "trained_on"
    PROMPTED_BY = "prompted_by"
    RENDERED_FROM = "rendered_from"
    DOWN_CONVERTED_FROM = "down_converted_from"
    MADE_FROM = "made_from"
    INCLUDES = "includes"


class Element(StrEnum):
    """One element of the minimum traceable set."""

    UNSPECIFIED = "unspecified"
    HASH = "hash"
    AUTHORISATION = "authorisation"
    MODEL = "model"
    PARAMETERS = "parameters"
    ENVIRONMENT = "environment"
    JOB = "job"
    ML_BOM = "ml_bom"
    TRAINING = "training"
    CONTRACT = "contract"


class Level(StrEnum):
    """How far an element is known: not_applicable | missing | declared < attested < verified."""

    UNSPECIFIED = "unspecified"
    NOT_APPLICABLE = "not_applicable"
    MISSING = "missing"
    DECLARED = "declared"
    ATTESTED = "attested"
    VERIFIED = "verified"


class AlternativeScheme(StrEnum):
    """In whose register a second identifier stands."""

    UNSPECIFIED = "unspecified"
    DOI = "doi"
    EIDR = "eidr"
    ISAN = "isan"


class FingerprintScheme(StrEnum):
    """By which rule a fingerprint was computed."""

    UNSPECIFIED = "unspecified"
    ISCC_SUM = "iscc_sum"
    TENSORS = "tensors"


class Purpose(StrEnum):
    """What a further representation of an object is for."""

    UNSPECIFIED = "unspecified"
    PROXY = "proxy"
    MEZZANINE = "mezzanine"
    DELIVERY = "delivery"
    PRESERVATION = "preservation"
    SOURCE = "source"


class WithdrawalReason(StrEnum):
    """Why an object is offered no more."""

    UNSPECIFIED = "unspecified"
    BY_HOLDER = "by_holder"
    RIGHTS = "rights"
    DEFECT = "defect"
    UNLAWFUL = "unlawful"


class Quantity(StrEnum):
    """What a measure counts. Only what the bytes of a format state, or what is counted in them, is ever recorded."""

    UNSPECIFIED = "unspecified"
    WIDTH_PX = "width_px"
    HEIGHT_PX = "height_px"
    CHANNELS = "channels"
    BITS_PER_SAMPLE = "bits_per_sample"
    FRAMES = "frames"
    DURATION_US = "duration_us"
    SAMPLE_RATE_HZ = "sample_rate_hz"
    SCENES = "scenes"
    ROLES = "roles"
    CLIPS = "clips"
    TRACKS = "tracks"
    MESHES = "meshes"
    VERTICES = "vertices"
    FACES = "faces"
    TENSORS = "tensors"
    PARAMETERS = "parameters"
    NODES = "nodes"


MEASURES_MAX = len(Quantity) - 1


@value
class Measure:
    """One technical fact, read from the bytes by us."""

    quantity: A[
        Quantity,
        Doc(
            "what was counted: pixels across and down; channels of a picture or a sound; bits of one sample; pictures "
            "in a movie or file; microseconds; sound samples a second; scenes and speaking roles of a screenplay; "
            "clips and tracks; meshes, vertices and faces; tensors and their elements; nodes of a workflow"
        ),
    ]
    value: A[int, Doc("how many, in the unit that the quantity names", low=0, high=MEASURE_MAX)]


@value
class Content:
    """The bytes of an object, by digests we computed ourselves."""

    sha256: A[Sha256, Doc("SHA-256 of the bytes")]
    sm3: A[Sha256, Doc("SM3 (GB/T 32905) of the bytes")]
    size: A[int, Doc("bytes", low=1)]
    media_type: A[str, Doc("IANA media type judged from the bytes, never from the name", low=3, high=100)]


@value
class Parent:
    """One declared edge of the genealogy; it points to an object born earlier in this ledger."""

    object_id: A[ObjectId, Doc("the parent")]
    relation: A[Relation, Doc("how the child comes from it")]


@value
class Cell:
    """The judgement of one element."""

    element: A[Element, Doc("which element")]
    required: A[Level, Doc("least level that the policy asks for; not_applicable where it asks for none")]
    found: A[Level, Doc("level found")]
    evidence: A[Sha256 | None, Doc("SHA-256 of the JCS text that declares it, where there is one")] = None


def alternative_key(scheme: AlternativeScheme, text: str) -> str:
    """Return the key of the append for an identifier of another register, `alternative-id/<scheme>/<text>`."""
    return f"alternative-id/{scheme}/{text}"


def content_key(holder: PartyId, sha256: bytes) -> str:
    """Return the key of the append for "this holder brought these bytes", `object/<party uuid>/<sha256 hex>`."""
    return f"object/{holder}/{sha256.hex()}"


@fact("edgeprint.identity.ObjectIdentified", stream="O")
class ObjectIdentified(Event):
    """The object has its identifier (the stream's id); nothing is judged yet."""

    holder: A[PartyId, Doc("who brought it")]
    asset_class: A[AssetClass, Doc("static, computable or interactive")]
    kind: A[str, Doc("what it is in a film's production: screenplay, image, timeline, mesh", low=1, high=40)]
    origin: A[Origin, Doc("how it came into being, as declared")]
    intake_source: A[IntakeSource, Doc("through which door it came")]
    content: A[Content, Doc("its bytes")]
    parents: A[tuple[Parent, ...], Doc("declared edges, all born earlier")]
    submission: A[
        Sha256 | None,
        Doc("SHA-256 of the salted intake manifest in the vault, where names live; null if it was brought without"),
    ]
    project: A[str | None, Doc("code of the production it belongs to, never its title", low=1, high=64)]
    technical: A[
        tuple[Measure, ...],
        Doc("what the bytes state of themselves, each quantity once, in the order of the enum", high=MEASURES_MAX),
    ]
    hold: A[
        str | None,
        Doc("why the bytes themselves wait for a human; null if nothing in them does", high=CLAUSE_CHARACTERS_MAX),
    ] = None

    def keys(self) -> KeyChange:
        """Return the key that makes the same bytes from the same holder one object, also when two processes race."""
        return KeyChange(take=(content_key(self.holder, self.content.sha256),))


@fact("edgeprint.identity.DuplicateSubmissionDetected", stream="O")
class DuplicateSubmissionDetected(Event):
    """The same holder brought the same bytes again; the object stays one."""

    submission: A[Sha256 | None, Doc("SHA-256 of the salted intake manifest of the repeated submission, if it has one")]


@fact("edgeprint.identity.TraceSetJudged", stream="O")
class TraceSetJudged(Event):
    """What the minimum traceable set holds, element by element, under the policy named in the envelope."""

    origin: A[Origin, Doc("row of the table that was read: the origin declared with this submission")]
    intake_source: A[IntakeSource, Doc("door whose row was read: the one declared with this submission")]
    cells: A[tuple[Cell, ...], Doc("one per element, in the order of the enum")]


@fact("edgeprint.identity.ObjectAdmitted", stream="O")
class ObjectAdmitted(Event):
    """The traceable set is complete at the levels of the policy."""


@fact("edgeprint.identity.ObjectQuarantined", stream="O")
class ObjectQuarantined(Event):
    """Something is missing or below its level; the object waits, nothing is lost."""

    lacking: A[tuple[Element, ...], Doc("the elements that are below their level")]
    clause: A[str, Doc("clause of the policy that holds it back", low=1, high=CLAUSE_CHARACTERS_MAX)]


@fact("edgeprint.identity.ObjectRejected", stream="O")
class ObjectRejected(Event):
    """The declaration contradicts the bytes or the ledger; final for this object."""

    clause: A[str, Doc("what contradicts what", low=1, high=CLAUSE_CHARACTERS_MAX)]


@fact("edgeprint.identity.QuarantineLifted", stream="O")
class QuarantineLifted(Event):
    """A human who did not bring the object has looked at it and lets it in; nothing of its traceable set is missing."""

    statement: A[Sha256, Doc("SHA-256 of the reasons, a document in the blob store")]


@fact("edgeprint.identity.AltIdBound", stream="O")
class AltIdBound(Event):
    """The object has an identifier in another register too; one object in this ledger, for ever."""

    scheme: A[AlternativeScheme, Doc("which register")]
    text: A[str, Doc("the identifier in that register's own spelling, check characters verified", low=6, high=255)]

    def keys(self) -> KeyChange:
        """Return the key by which no second object can have this identifier."""
        return KeyChange(take=(alternative_key(self.scheme, self.text),))


@fact("edgeprint.identity.RepresentationAdded", stream="O")
class RepresentationAdded(Event):
    """Further bytes of the same object: another format or size, not another work."""

    content: A[Content, Doc("its bytes")]
    purpose: A[Purpose, Doc("what it is for")]
    technical: A[
        tuple[Measure, ...],
        Doc("what the bytes state of themselves, each quantity once, in the order of the enum", high=MEASURES_MAX),
    ]


@fact("edgeprint.identity.FingerprintComputed", stream="O")
class FingerprintComputed(Event):
    """A fingerprint that also finds similar bytes, computed by us."""

    scheme: A[FingerprintScheme, Doc("by which rule")]
    sha256: A[Sha256, Doc("SHA-256 of the bytes that were read")]
    code: A[str, Doc("ISCC:K4A... (ISO 24138), or the 64 hex digits of the tensors' digest", low=10, high=200)]
    program: A[str, Doc("what computed it, name@version", low=3, high=80)]


@fact("edgeprint.identity.MetadataAmended", stream="O")
class MetadataAmended(Event):
    """The description of the object is another one from here on; the earlier ones stay."""

    document: A[Sha256, Doc("SHA-256 of the description in the blob store; names live there")]
    supersedes: A[Sha256 | None, Doc("the description before it; null for the first")]


@fact("edgeprint.identity.PromptCommitted", stream="O")
class PromptCommitted(Event):
    """With which words the object was asked for: commitments alone, the words lie in the vault."""

    author: A[PartyId, Doc("who wrote them; under this party's key they lie in the vault")]
    prompt: A[Commitment, Doc("commitment to the prompt")]
    negative_prompt: A[Commitment | None, Doc("commitment to what was asked to be left out; null if nothing was")]


@fact("edgeprint.identity.DerivationFound", stream="O")
class DerivationFound(Event):
    """It was found that this object comes from another one, though nobody had declared it."""

    source: A[ObjectId, Doc("what it comes from")]
    evidence: A[Sha256, Doc("SHA-256 of the comparison, a document in the blob store")]


@fact("edgeprint.identity.ObjectWithdrawn", stream="O")
class ObjectWithdrawn(Event):
    """The object is offered no more; what was made of it before stands in the genealogy."""

    reason: A[WithdrawalReason, Doc("why")]
    effective_at: A[datetime, Doc("from which instant on, UTC")]


@fact("edgeprint.identity.AuthorisationCited", stream="O")
class AuthorisationCited(Event):
    """The holder names the grants that the object relies on, all of them; what was named before counts no more."""

    grants: A[tuple[RightsGrantId, ...], Doc("the grants and consents, ascending", low=1, high=CITED_MAX)]
    consents: A[tuple[RightsGrantId, ...], Doc("those of them that are consents, ascending", high=CITED_MAX)]


EVENTS = (
    ObjectIdentified,
    DuplicateSubmissionDetected,
    TraceSetJudged,
    ObjectAdmitted,
    ObjectQuarantined,
    ObjectRejected,
    QuarantineLifted,
    AltIdBound,
    RepresentationAdded,
    FingerprintComputed,
    MetadataAmended,
    PromptCommitted,
    DerivationFound,
    ObjectWithdrawn,
    AuthorisationCited,
)
