"""An infringement on each step of its way in a town: whose holder is the claimant, and an officer who compares.

`Dispute` enrols everybody and makes the command of each step; `reached` gives all commands up to a step.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
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
    CloseReason,
    DismissalReason,
    EndGround,
    Forum,
    MatchMethod,
    NecessaryMeasure,
    Outcome,
)
from domain.compliance.infringement import Infringement
from domain.events import Sha256
from domain.governance.events import PartyKind, Role
from domain.governance.subject import DeclareParticulars, PlaceLegalHold
from domain.ids import InfringementId, PartyId, TitleId
from domain.rights.events import Root
from domain.rights.title_rules import ClaimRights
from producers.authority import PARTY
from producers.cases import CASE
from tests.governance_kit import ANY, NOW, Town

PLACE: Final = "https://video.example/watch?v=a-copy"
DOCKET: Final = "(2026) Jing 73 Min Chu 1"
STILL: Final = b"a still that was copied"


class Dispute:
    """Everybody whom a case is about, in a town; the case itself once it is reported."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.claimant = town.holder
        self.officer = town.holder
        self.reporter = town.enrol(PartyKind.ORGANISATION, key=True)
        self.platform = town.enrol(PartyKind.ORGANISATION, key=True)
        self.respondent = town.enrol(PartyKind.PERSON, key=True)
        self.court = town.enrol(PartyKind.ORGANISATION, Role.CLERK, key=True)
        self.still = town.bring(STILL)
        self.paper = town.put(b"what shows it")
        work = Sha256(hashlib.sha256(STILL).digest())
        claim = ClaimRights(work=work, root=Root.OWN_CREATION, statement=self.paper)
        self.title = TitleId(town.give(claim).result())
        for party, name in ((self.claimant, "夜河影业"), (self.respondent, "周老")):
            town.give(DeclareParticulars(party=party, name=ANY), secrets={"name": name}).require()
        town.give(PlaceLegalHold(party=self.respondent, matter=DOCKET), self.court).require()
        self.hold = town.load(self.respondent, PARTY).version
        self.case = InfringementId(UUID(int=0))

    def report(self) -> ReportSighting:
        """Return the command that reports."""
        return ReportSighting(
            objects=(self.still,), place=ANY, platform=self.platform, capture=self.paper, seen_at=self.ago(9)
        )

    def confirm(self) -> ConfirmMatch:
        """Return the command that confirms."""
        return ConfirmMatch(case=self.case, method=MatchMethod.FINGERPRINT, score_bp=9_870, evidence=self.paper)

    def dismiss(self) -> DismissMatch:
        """Return the command that dismisses."""
        return DismissMatch(case=self.case, reason=DismissalReason.LICENSED, statement=self.paper)

    def open(self) -> OpenCase:
        """Return the command that opens the case."""
        return OpenCase(
            case=self.case, claimant=self.claimant, title=self.title, respondent=self.respondent, hold=self.hold
        )

    def notice(self) -> SendNotice:
        """Return the command that records the notice."""
        return SendNotice(
            case=self.case,
            claimant=self.claimant,
            platform=self.platform,
            evidence=self.paper,
            document=self.paper,
            sent_at=self.ago(8),
        )

    def takedown(self) -> ConfirmTakedown:
        """Return the command that confirms measures."""
        return ConfirmTakedown(
            case=self.case,
            platform=self.platform,
            measures=(NecessaryMeasure.BLOCKED,),
            document=self.paper,
            taken_at=self.ago(7),
        )

    def counter(self) -> RecordCounterNotice:
        """Return the command that records the counter-notice."""
        return RecordCounterNotice(
            case=self.case,
            respondent=self.respondent,
            evidence=self.paper,
            document=self.paper,
            received_at=self.ago(6),
        )

    def forward(self) -> ForwardCounterNotice:
        """Return the command that says when the counter-notice arrived."""
        return ForwardCounterNotice(case=self.case, document=self.paper, arrived_at=self.ago(5))

    def refer(self) -> ReferCase:
        """Return the command by which the claimant has sued."""
        return ReferCase(
            case=self.case,
            filed_by=self.claimant,
            forum=Forum.COURT,
            docket=ANY,
            document=self.paper,
            filed_at=self.ago(4),
            notified_at=self.ago(3),
        )

    def judgment(self) -> RecordJudgment:
        """Return the command that records a judgment."""
        return RecordJudgment(case=self.case, outcome=Outcome.UPHELD, document=self.paper, effective_at=self.ago(2))

    def give_up(self) -> EndMeasures:
        """Return the command by which the claimant gives the measures up."""
        return EndMeasures(case=self.case, ground=EndGround.WITHDRAWN, ended_at=self.ago(1))

    def close(self) -> CloseCase:
        """Return the command that closes the case."""
        return CloseCase(case=self.case, reason=CloseReason.WITHDRAWN, statement=self.paper)

    def ago(self, hours: int) -> datetime:
        """Return an instant before the one at which the town began."""
        return NOW - timedelta(hours=hours)

    def give(self, command: Command, actor: PartyId) -> Any:
        """Give a command with the values of its secrets, and return what became of it."""
        secrets = {ReportSighting: {"place": PLACE}, ReferCase: {"docket": DOCKET}}.get(type(command))
        return self.town.give(command, actor, secrets=secrets)

    def reached(self, last: str) -> "Dispute":
        """Give the commands of all steps up to `last`, each by whom it is for, and return the dispute."""
        steps: tuple[tuple[str, Callable[[], Command], PartyId], ...] = (
            ("report", self.report, self.reporter),
            ("confirm", self.confirm, self.officer),
            ("open", self.open, self.claimant),
            ("notice", self.notice, self.claimant),
            ("takedown", self.takedown, self.platform),
            ("counter", self.counter, self.respondent),
            ("forward", self.forward, self.platform),
            ("refer", self.refer, self.claimant),
            ("judgment", self.judgment, self.court),
            ("close", self.close, self.claimant),
        )
        for name, make, actor in steps:
            outcome = self.give(make(), actor)
            outcome.require()
            if name == "report":
                self.case = InfringementId(outcome.result())
            if name == last:
                return self
        raise AssertionError(f"no step {last}")

    @property
    def state(self) -> Infringement:
        """Return the case as it stands."""
        state: Infringement = self.town.load(self.case, CASE).state
        return state
