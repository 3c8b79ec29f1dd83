"""Facts of templates and machines: how work is cut into steps, and where it can run."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated as A

from domain.events import Doc, Event, KeyChange, Sha256, fact
from domain.ids import Commitment, PartyId

NODES_MAX = 500


class Pool(StrEnum):
    """Whose machines they are: one's own, the industry's, society's (本地、行业、社会算力)."""

    UNSPECIFIED = "unspecified"
    LOCAL = "local"
    INDUSTRY = "industry"
    SOCIAL = "social"


class PriceUnit(StrEnum):
    """What a price is for."""

    UNSPECIFIED = "unspecified"
    ACCELERATOR_HOUR = "accelerator_hour"
    CALL = "call"


def template_key(owner: PartyId, name: str) -> str:
    """Return the key of the append for an owner's template, `template/<party uuid>/<name>`."""
    return f"template/{owner}/{name}"


@fact("edgeprint.capability.TemplateDefined", stream="T")
class TemplateDefined(Event):
    """A way of working has its identifier; it has no steps yet."""

    owner: A[PartyId, Doc("whose template it is")]
    name: A[str, Doc("its public name", low=1, high=120)]

    def keys(self) -> KeyChange:
        """Return the key that makes one name of one owner one template."""
        return KeyChange(take=(template_key(self.owner, self.name),))


@fact("edgeprint.capability.TemplateVersioned", stream="T")
class TemplateVersioned(Event):
    """The steps of the template, and what comes after what."""

    number: A[int, Doc("number of the version, counted from 1", low=1)]
    document: A[Sha256, Doc("SHA-256 of the template edgeprint.template/1 in the blob store")]
    nodes: A[int, Doc("how many steps", low=1, high=NODES_MAX)]


@fact("edgeprint.capability.TemplateRetired", stream="T")
class TemplateRetired(Event):
    """No new work begins by it."""


@fact("edgeprint.capability.ResourceEnrolled", stream="U")
class ResourceEnrolled(Event):
    """A pool of machines may be given work."""

    owner: A[PartyId, Doc("whose machines they are")]
    pool: A[Pool, Doc("local, of the industry, or of society")]
    country: A[str, Doc("ISO 3166-1 alpha-2 code of where they stand", low=2, high=2)]
    security_level: A[int, Doc("highest level of the classified protection scheme (等级保护) they have", low=1, high=5)]
    accelerators: A[int, Doc("how many accelerators", low=0, high=100_000)]
    accelerator_memory_mib: A[int, Doc("memory of one accelerator in MiB", low=0, high=10_000_000)]
    memory_mib: A[int, Doc("memory for one job in MiB", low=1, high=100_000_000)]


@fact("edgeprint.capability.PriceQuoted", stream="U")
class PriceQuoted(Event):
    """What a unit of work costs there: a commitment, the amount lies in the vault under the owner's key."""

    unit: A[PriceUnit, Doc("what is paid for")]
    price: A[Commitment, Doc("commitment to an object of currency (ISO 4217) and minor (minor units, an integer)")]
    until: A[datetime, Doc("first instant at which it no longer holds, UTC")]


@fact("edgeprint.capability.ResourceDrained", stream="U")
class ResourceDrained(Event):
    """It gets no new work; what runs there may end."""


@fact("edgeprint.capability.ResourceResumed", stream="U")
class ResourceResumed(Event):
    """It gets work again."""


@fact("edgeprint.capability.ResourceRetired", stream="U")
class ResourceRetired(Event):
    """It gets no work any more, for ever."""


MEANS_EVENTS = (
    TemplateDefined,
    TemplateVersioned,
    TemplateRetired,
    ResourceEnrolled,
    PriceQuoted,
    ResourceDrained,
    ResourceResumed,
    ResourceRetired,
)
