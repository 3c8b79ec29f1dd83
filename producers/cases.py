"""Commands on infringement cases; see `domain.compliance`."""

from typing import Any, Final
from uuid import UUID

from domain.command import Command
from domain.compliance.commands import (
    CloseCase,
    ConfirmMatch,
    ConfirmTakedown,
    DismissMatch,
    EndMeasures,
    ForwardCounterNotice,
    OpenCase,
    RecordCounterNotice,
    RecordJudgment,
    ReferCase,
    ReportSighting,
    SendNotice,
)
from domain.compliance.events import (
    CaseClosed,
    CaseOpened,
    CaseReferred,
    CounterNoticeForwarded,
    CounterNoticeReceived,
    JudgmentRecorded,
    MatchConfirmed,
    MatchDismissed,
    MeasuresEnded,
    NoticeSent,
    SightingReported,
    TakedownConfirmed,
)
from domain.compliance.infringement import DOCUMENT_FIELDS, Infringement, evolve
from domain.compliance.rules import Facts, Held, decide
from domain.events import Event, Sha256
from domain.governance.authority import Permission
from domain.governance.events import Role
from domain.ids import InfringementId, ObjectId, PartyId
from producers.authority import ANYBODY, OFFICER, PARTY, Acting, CommandSpec, Keys
from producers.commands import Aggregate, Decision, Loaded, View, Write
from producers.host import Host
from producers.identity import OBJECT
from producers.policies import INFRINGEMENT_RULES
from producers.titles import TITLE

CASE: Final = Aggregate("Infringement", SightingReported.TYPE, Infringement(), evolve)
CLERK: Final = frozenset({Role.CLERK})
PARTY_FIELDS: Final = ("claimant", "respondent", "platform", "filed_by")
"""Fields of commands that name a party whose stream decides too."""


def _run(command: Any, view: View, acting: Acting) -> Decision[UUID]:
    reported = isinstance(command, ReportSighting)
    loaded: Loaded[Infringement] = view.born(CASE) if reported else view.load(command.case, CASE)
    asks = isinstance(command, ForwardCounterNotice)
    rules = INFRINGEMENT_RULES.in_force(view.keys, view.load) if asks else INFRINGEMENT_RULES.own
    facts = Facts(
        case=InfringementId(loaded.stream_id),
        actor=acting.actor,
        who=acting.who,
        roles=view.load(acting.who, PARTY).state.roles,
        now=acting.now,
        documents=acting.evidence or frozenset(),
        contents=_contents(command, view),
        parties={party: view.load(party, PARTY).state for party in _parties(command)},
        title=_title(command, view) if isinstance(command, OpenCase) else None,
        period_days=rules.policy.period_days,
    )
    events = decide(loaded.state, acting.committed(command), facts)
    return Decision((Write(loaded, events, acting.event_id),), loaded.stream_id, rules.digest if asks else None)


def _contents(command: Any, view: View) -> dict[ObjectId, Sha256]:
    if not isinstance(command, ReportSighting):
        return {}
    births = {one: view.load(one, OBJECT).state.birth for one in command.objects}
    return {one: birth.content.sha256 for one, birth in births.items() if birth is not None}


def _title(command: OpenCase, view: View) -> Held | None:
    state = view.load(command.title, TITLE).state
    return None if state.work is None else Held(frozenset(state.parties()), state.work)


def _parties(command: Command) -> tuple[PartyId, ...]:
    named = (getattr(command, name, None) for name in PARTY_FIELDS)
    return tuple(one for one in named if one is not None)


def _lookups(command: Command, _: PartyId) -> tuple[str, ...]:
    return (INFRINGEMENT_RULES.key,) if isinstance(command, ForwardCounterNotice) else ()


def _reads(command: Any, keys: Keys) -> tuple[UUID, ...]:
    own = command.objects if isinstance(command, ReportSighting) else (command.case,)
    title = (command.title,) if isinstance(command, OpenCase) else ()
    return (*own, *title, *_parties(command), *(holder.stream_id for holder in keys.values()))


def _gather(command: Command, host: Host) -> frozenset[Sha256]:
    """Return the documents of a command that lie in the blob store; of any size, so they are hashed as they stream."""
    named = (getattr(command, name, None) for name in DOCUMENT_FIELDS)
    return frozenset(one for one in named if one is not None and host.content(one) is not None)


def _project(command: Any, view: View) -> str | None:
    """Return the production that all objects of a sighting belong to; of a case nothing is known of that."""
    if not isinstance(command, ReportSighting):
        return None
    births = [view.load(one, OBJECT).state.birth for one in command.objects]
    projects = {None if birth is None else birth.project for birth in births}
    return projects.pop() if len(projects) == 1 else None


def _spec(
    command: type[Command],
    event: type[Event],
    roles: frozenset[Role],
    *,
    about: str | None = None,
    human: bool = False,
    secrets: tuple[str, ...] = (),
) -> CommandSpec:
    """Return the spec of a command; the party that the field `about` names may give it too."""

    def subject(given: Any) -> PartyId | None:
        return None if about is None else getattr(given, about)

    return CommandSpec(
        command,
        Permission(command.NAME, roles, human_only=human, signed=True, own=about is not None),
        _run,
        (event,),
        lookups=_lookups,
        reads=_reads,
        subject=subject,
        gather=_gather,
        secrets=secrets,
        project=_project,
    )


COMMANDS: Final = (
    _spec(ReportSighting, SightingReported, ANYBODY, secrets=("place",)),
    _spec(ConfirmMatch, MatchConfirmed, OFFICER, human=True),
    _spec(DismissMatch, MatchDismissed, OFFICER, human=True),
    _spec(OpenCase, CaseOpened, CLERK, about="claimant", human=True),
    _spec(SendNotice, NoticeSent, CLERK, about="claimant", human=True, secrets=("addressee",)),
    _spec(ConfirmTakedown, TakedownConfirmed, OFFICER, about="platform"),
    _spec(RecordCounterNotice, CounterNoticeReceived, CLERK, about="respondent"),
    _spec(ForwardCounterNotice, CounterNoticeForwarded, ANYBODY),
    _spec(ReferCase, CaseReferred, CLERK, about="filed_by", human=True, secrets=("docket",)),
    _spec(EndMeasures, MeasuresEnded, ANYBODY),
    _spec(RecordJudgment, JudgmentRecorded, CLERK, human=True),
    _spec(CloseCase, CaseClosed, ANYBODY, human=True),
)
"""Who may do what to infringement cases; the rules ask for claimant or platform where the command does not name it."""
