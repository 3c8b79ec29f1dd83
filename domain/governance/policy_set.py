"""PolicySet: all versions of one policy. A version is drafted, approved by a human, and activated; one is active.

A decision names the version that made it by the leaf hash of its PolicyActivated, and the document is in the log: so a
decision can be made again from the log alone, whatever the program's own policies are by then.
"""

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Annotated as A
from typing import assert_never

from domain.command import Command, command
from domain.errors import Rejected
from domain.events import Doc, Sha256
from domain.governance.events import DOCUMENT_CHARACTERS_MAX, PolicyActivated, PolicyApproved, PolicyDrafted
from domain.ids import PolicySetId

PolicyEvent = PolicyDrafted | PolicyApproved | PolicyActivated


@dataclass(frozen=True, slots=True)
class Draft:
    """One version; `activated_at` is the stream version of its latest PolicyActivated, 0 if there was none."""

    document: str
    approved: bool = False
    activated_at: int = 0


@dataclass(frozen=True, slots=True)
class PolicySet:
    """The versions so far, version 1 first, and the active one (0: none)."""

    name: str = ""
    drafts: tuple[Draft, ...] = ()
    active: int = 0
    version: int = 0

    @property
    def in_force(self) -> Draft | None:
        """Return the active version."""
        return self.drafts[self.active - 1] if self.active else None


@command("draft-policy")
class DraftPolicy(Command):
    """Propose the next version of a policy; the first one founds it."""

    name: A[str, Doc("which policy, such as trace-set", low=1, high=60)]
    document: A[str, Doc("the policy as JSON text", low=2, high=DOCUMENT_CHARACTERS_MAX)]


@command("approve-policy")
class ApprovePolicy(Command):
    """State that you have read a version and stand for it."""

    policy: A[PolicySetId, Doc("which policy")]
    version: A[int, Doc("which version", low=1)]
    document_sha256: A[Sha256, Doc("SHA-256 of the document that you have read")]


@command("activate-policy")
class ActivatePolicy(Command):
    """Let an approved version decide from now on."""

    policy: A[PolicySetId, Doc("which policy")]
    version: A[int, Doc("which version", low=1)]


def decide(state: PolicySet, command: DraftPolicy | ApprovePolicy | ActivatePolicy) -> tuple[PolicyEvent, ...]:
    """Return the events of `command`; a drafted document is in RFC 8785 form and its own rules have read it.

    Raises:
        Rejected: nothing new, no such version, another document than was drafted, or the steps out of order.
    """
    name = type(command).__name__
    if isinstance(command, DraftPolicy):
        if state.drafts and state.drafts[-1].document == command.document:
            raise Rejected(f"{name} refused: version {len(state.drafts)} is this very document")
        return (PolicyDrafted(name=command.name, version=len(state.drafts) + 1, document=command.document),)
    if not 1 <= command.version <= len(state.drafts):
        raise Rejected(f"{name} refused: expected a version of 1 to {len(state.drafts)}, found {command.version}")
    draft = state.drafts[command.version - 1]
    if isinstance(command, ApprovePolicy):
        found = Sha256(sha256(draft.document.encode()).digest())
        if command.document_sha256 != found:
            raise Rejected(f"{name} refused: version {command.version} has the digest {found.hex()}")
        if draft.approved:
            raise Rejected(f"{name} refused: version {command.version} is approved already")
        return (PolicyApproved(version=command.version, document_sha256=found),)
    if not draft.approved:
        raise Rejected(f"{name} refused: version {command.version} is not approved")
    if state.active == command.version:
        raise Rejected(f"{name} refused: version {command.version} is active already")
    return (PolicyActivated(version=command.version),)


def evolve(state: PolicySet, event: PolicyEvent) -> PolicySet:
    """Return the state after `event`."""
    state = replace(state, version=state.version + 1)
    match event:
        case PolicyDrafted(name=name, document=document):
            return replace(state, name=name, drafts=(*state.drafts, Draft(document)))
        case PolicyApproved(version=version):
            return _with(state, version, replace(state.drafts[version - 1], approved=True))
        case PolicyActivated(version=version):
            activated = replace(state.drafts[version - 1], activated_at=state.version)
            return replace(_with(state, version, activated), active=version)
        case _:
            assert_never(event)


def _with(state: PolicySet, version: int, draft: Draft) -> PolicySet:
    return replace(state, drafts=(*state.drafts[: version - 1], draft, *state.drafts[version:]))
