"""ComputeResource: a pool of machines that may be given work; local, of the industry, or of society."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated as A
from typing import Final, assert_never

from domain.capability.means import (
    Pool,
    PriceQuoted,
    PriceUnit,
    ResourceDrained,
    ResourceEnrolled,
    ResourceResumed,
    ResourceRetired,
)
from domain.command import Command, command
from domain.errors import Invalid, Rejected
from domain.events import Doc
from domain.governance.authority import Amount
from domain.ids import Commitment, ComputeResourceId, PartyId

ResourceEvent = ResourceEnrolled | PriceQuoted | ResourceDrained | ResourceResumed | ResourceRetired
LETTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@command("enrol-resource")
class EnrolResource(Command):
    """Let a pool of your machines be given work."""

    pool: A[Pool, Doc("local, of the industry, or of society")]
    country: A[str, Doc("ISO 3166-1 alpha-2 code of where they stand", low=2, high=2)]
    security_level: A[int, Doc("highest level of the classified protection scheme (等级保护) they have", low=1, high=5)]
    accelerators: A[int, Doc("how many accelerators", low=0, high=100_000)]
    accelerator_memory_mib: A[int, Doc("memory of one accelerator in MiB", low=0, high=10_000_000)]
    memory_mib: A[int, Doc("memory for one job in MiB", low=1, high=100_000_000)]


@command("quote-price")
class QuotePrice(Command):
    """Say what work costs there; the amount goes to the vault, the ledger holds a commitment."""

    resource: A[ComputeResourceId, Doc("which pool")]
    unit: A[PriceUnit, Doc("what is paid for")]
    price: A[Commitment, Doc("an object of currency (ISO 4217) and minor (minor units, an integer), a secret")]
    until: A[datetime, Doc("first instant at which it no longer holds, UTC")]


@command("drain-resource")
class DrainResource(Command):
    """Give it no new work."""

    resource: A[ComputeResourceId, Doc("which pool")]


@command("resume-resource")
class ResumeResource(Command):
    """Give it work again."""

    resource: A[ComputeResourceId, Doc("which pool")]


@command("retire-resource")
class RetireResource(Command):
    """Give it no work any more, for ever."""

    resource: A[ComputeResourceId, Doc("which pool")]


ResourceCommand = EnrolResource | QuotePrice | DrainResource | ResumeResource | RetireResource


def read_price(found: object) -> Amount:
    """Return the amount that a price states. Raises: Invalid, which does not repeat what was found: it is a secret."""
    wanted = "price: expected an object of currency (three capital letters) and minor (an integer, at least 0)"
    if not isinstance(found, dict) or set(found) != {"currency", "minor"}:
        raise Invalid(wanted)
    currency, minor = found["currency"], found["minor"]
    if not isinstance(currency, str) or len(currency) != 3 or not set(currency) <= LETTERS:
        raise Invalid(wanted)
    if type(minor) is not int or minor < 0:
        raise Invalid(wanted)
    return Amount(currency, minor)


@dataclass(frozen=True, slots=True)
class Resource:
    """The pool as it stands."""

    enrolled: ResourceEnrolled | None = None
    drained: bool = False
    retired: bool = False

    @property
    def open(self) -> bool:
        """Return whether it may be given work."""
        return self.enrolled is not None and not self.drained and not self.retired


def decide(state: Resource, command: ResourceCommand, who: PartyId) -> tuple[ResourceEvent, ...]:
    """Return the events of `command`, given for `who`. Raises: Rejected."""
    name = type(command).__name__
    if isinstance(command, EnrolResource):
        if not set(command.country) <= LETTERS:
            raise Rejected(f"{name} refused: expected an ISO 3166-1 alpha-2 code such as CN, found {command.country!r}")
        if bool(command.accelerators) != bool(command.accelerator_memory_mib):
            raise Rejected(f"{name} refused: expected accelerators with their memory, or neither")
        return (
            ResourceEnrolled(
                owner=who,
                pool=command.pool,
                country=command.country,
                security_level=command.security_level,
                accelerators=command.accelerators,
                accelerator_memory_mib=command.accelerator_memory_mib,
                memory_mib=command.memory_mib,
            ),
        )
    if state.enrolled is None:
        raise Rejected(f"{name} refused: {command.resource} is not a compute resource of this ledger")
    if who != state.enrolled.owner:
        raise Rejected(f"{name} refused: expected its owner {state.enrolled.owner}, found {who}")
    if state.retired:
        raise Rejected(f"{name} refused: the resource is retired")
    if isinstance(command, QuotePrice):
        return (PriceQuoted(unit=command.unit, price=command.price, until=command.until),)
    if isinstance(command, RetireResource):
        return (ResourceRetired(),)
    if isinstance(command, DrainResource) is state.drained:
        raise Rejected(f"{name} refused: the resource is {'drained' if state.drained else 'open'}")
    return (ResourceDrained(),) if isinstance(command, DrainResource) else (ResourceResumed(),)


def evolve(state: Resource, event: ResourceEvent) -> Resource:
    """Return the state after `event`."""
    match event:
        case ResourceEnrolled():
            return replace(state, enrolled=event)
        case PriceQuoted():
            return state  # who routes reads prices from the log; nothing is decided on them here
        case ResourceDrained():
            return replace(state, drained=True)
        case ResourceResumed():
            return replace(state, drained=False)
        case ResourceRetired():
            return replace(state, retired=True)
        case _:
            assert_never(event)
