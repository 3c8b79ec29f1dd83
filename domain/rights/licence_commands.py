"""The commands on licences, as their parties give them; their rules stand in `licence_rules`."""

from datetime import datetime
from typing import Annotated as A

from domain.command import Command, command
from domain.events import Doc, Sha256
from domain.governance.events import VKEY_CHARACTERS_MAX
from domain.ids import Commitment, LicenceId, ObjectId, RightsGrantId, TitleId
from domain.rights.grant_events import QUOTA_MAX, AllocationKind
from domain.rights.licence_events import CLAUSE_CHARACTERS_MAX, OBJECTS_MAX, LicenceReason
from domain.rights.scope_terms import ScopeTerms


@command("offer-licence")
class OfferLicence(Command):
    """Offer a use of objects under your title or your grant; whoever asks may be refused."""

    objects: A[tuple[ObjectId, ...], Doc("what may be used", low=1, high=OBJECTS_MAX)]
    title: A[TitleId | None, Doc("your title on them, where you own it")] = None
    grant: A[RightsGrantId | None, Doc("your grant, where you act under one")] = None
    scope: A[ScopeTerms, Doc("the widest use that is offered")]
    allocation: A[AllocationKind | None, Doc("who else may use them; absent: whoever you allow")] = None
    quota: A[int | None, Doc("how many units may be used; absent: any number", low=1, high=QUOTA_MAX)] = None
    price: A[Commitment | None, Doc("what it costs, a secret; absent: nothing")] = None
    currency: A[str | None, Doc("ISO 4217 code of the price", low=3, high=3)] = None
    terms: A[Sha256, Doc("SHA-256 of the salted contract")]
    until: A[datetime, Doc("first instant at which the offer stands no longer, UTC")]


@command("request-licence")
class RequestLicence(Command):
    """Ask for what is offered, or for less."""

    licence: A[LicenceId, Doc("which offer")]
    key: A[str, Doc("a vkey of yours; whoever has it shows the token", low=60, high=VKEY_CHARACTERS_MAX)]
    scope: A[ScopeTerms, Doc("the use that you ask for")]


@command("refuse-licence")
class RefuseLicence(Command):
    """Say no, as the licensor."""

    licence: A[LicenceId, Doc("which licence")]
    clause: A[str, Doc("why; no names", low=1, high=CLAUSE_CHARACTERS_MAX)]


@command("issue-licence")
class IssueLicence(Command):
    """Let the licensee use the objects if what they are made of allows it; else the request is refused."""

    licence: A[LicenceId, Doc("which licence")]
    plan: A[Sha256, Doc("SHA-256 of the plan of an object, as `trade plan` makes it; in XXX where nothing is paid")]
    price: A[Commitment | None, Doc("the price that was agreed, a secret; absent: nothing")] = None
    currency: A[str | None, Doc("ISO 4217 code of the price", low=3, high=3)] = None


@command("report-usage")
class ReportUsage(Command):
    """Say what you have used, as the licensee; each report begins where the last one ended, or later."""

    licence: A[LicenceId, Doc("which licence")]
    since: A[datetime, Doc("first instant of the period, UTC")]
    until: A[datetime, Doc("first instant after it, UTC; not after now")]
    units: A[int, Doc("how many units were used in it", low=0, high=QUOTA_MAX)]
    evidence: A[Sha256, Doc("SHA-256 of your account of it, in the blob store")]


@command("suspend-licence")
class SuspendLicence(Command):
    """Let the licence rest, as the licensor."""

    licence: A[LicenceId, Doc("which licence")]
    reason: A[LicenceReason, Doc("why")]
    basis: A[Sha256, Doc("SHA-256 of your reasons, in the blob store")]
    effective_at: A[datetime, Doc("from which instant on, UTC; not after now")]


@command("resume-licence")
class ResumeLicence(Command):
    """Let a suspended licence stand again."""

    licence: A[LicenceId, Doc("which licence")]
    basis: A[Sha256, Doc("SHA-256 of your reasons, in the blob store")]
    effective_at: A[datetime, Doc("from which instant on, UTC; not after now")]


@command("revoke-licence")
class RevokeLicence(Command):
    """End the licence before its window does, as the licensor; final."""

    licence: A[LicenceId, Doc("which licence")]
    reason: A[LicenceReason, Doc("why")]
    basis: A[Sha256, Doc("SHA-256 of your reasons, in the blob store")]
    effective_at: A[datetime, Doc("from which instant on, UTC; not after now")]
