"""The story's dispute: the film is seen where it should not be; notice, counter-notice, suit and judgment.

The articles that each step rests on are those of the Civil Code of the People's Republic of China, as `case show` cites
them. Where it was seen, the docket and the names lie in the vault.
"""

from typing import Any

from domain.errors import Invalid
from domain.ids import parse_infringement_id, parse_party_id
from infra.cli.cases import STEPS
from infra.compliance.look import look_at_case
from infra.demo.film_rights import Filmed
from infra.demo.people import UNTIL, People
from infra.demo.works import Works
from producers.authority import PARTY

SEEN_AT = "https://video.example/watch?v=weir"
DOCKET = "(2026) 京 0491 民初 73"


def settle_a_dispute(works: Works, filmed: Filmed, people: People) -> None:
    """Take a case from the sighting to the judgment, with the user's answer, and tell its chronology."""
    stage, paper = works.stage, works.paper("capture.txt")
    platform = works.enrol("organisation", "平台", "platform")
    uploader = works.enrol("person", "网络用户", "uploader")
    for party, name in ((works.studio, "夜河影业 / Night River Pictures"), (uploader, "周未 / Zhou Wei")):
        stage.give("declare-particulars", {"party": party}, party, secrets={"name": name})
    hold = _held(works, uploader, people.court)
    stage.give("grant-mandate", {"party": people.agent, "actions": ["report-sighting"], "until": UNTIL})
    seen = {"objects": [filmed.film], "platform": platform, "capture": paper, "seen_at": works.ago(41)}
    case = str(
        stage.give(
            "report-sighting",
            seen,
            people.agent,
            on_behalf_of=works.session.config.holder_id,
            secrets={"place": SEEN_AT},
        )["stream"]
    )
    it = {"case": case}

    def give(name: str, by: str, **asked: Any) -> None:
        stage.give(name, {**it, **asked}, by)

    give("confirm-match", people.guild, method="fingerprint", score_bp=9_870, evidence=paper)
    give("open-case", works.studio, claimant=works.studio, title=filmed.title, respondent=uploader, hold=hold)
    shown = {"evidence": paper, "document": works.paper("reasons.txt")}
    give("send-notice", works.studio, claimant=works.studio, platform=platform, sent_at=works.ago(40), **shown)
    took = {"measures": ["blocked"], "document": paper, "taken_at": works.ago(39)}
    give("confirm-takedown", platform, platform=platform, **took)
    answer = {"evidence": paper, "document": works.paper("answer.txt"), "received_at": works.ago(38)}
    give("record-counter-notice", uploader, respondent=uploader, **answer)
    give("forward-counter-notice", platform, document=paper, arrived_at=works.ago(37))
    filed = {"forum": "court", "document": paper, "filed_at": works.ago(30), "notified_at": works.ago(29)}
    stage.give("refer-case", {**it, "filed_by": works.studio, **filed}, works.studio, secrets={"docket": DOCKET})
    judgment = works.paper("judgment-case.txt")
    give("record-judgment", people.court, outcome="upheld", document=judgment, effective_at=works.ago(2))
    give("close-case", works.studio, reason="decided", statement=works.paper("reasons.txt"))
    _tell(works, case)


def _held(works: Works, uploader: str, court: str) -> int:
    """Have the court place a legal hold on the user, whose data may be evidence; return its number."""
    works.stage.give("place-legal-hold", {"party": uploader, "matter": "(2026) Jing 0491 Min Chu 73"}, court)
    holds: tuple[int, ...] = works.session.load(parse_party_id(uploader), PARTY).state.holds
    return holds[-1]


def _tell(works: Works, case: str) -> None:
    found = look_at_case(works.session, parse_infringement_id(case), works.now)
    if (found["status"], found["outcome"]) != ("closed", "upheld"):
        raise Invalid(f"case {case}: expected to be closed and upheld, found {found['status']}, {found['outcome']}")
    works.tell(
        f"影片被搬运上网：{case}，网址、案号与姓名只在保险库；依《民法典》走完全程：",
        f"the film is seen where it should not be: {case}; address, docket and names lie in the vault; by the "
        "Civil Code:",
    )
    for one in found["chronology"]:
        cited = works.words("；", "; ").join(works.words(article["zh"], article["en"]) for article in one["articles"])
        at = "" if one["at"] is None else one["at"][:10]  # what only was recorded has no day of its own
        works.say(f"   {one['number']:>4}  {at:<10}  {works.words(*STEPS[one['step']])}  {cited}".rstrip())
