"""`edgeprint case`: an infringement from the sighting to the judgment; the verbs are those of the command registry."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from infra.cli.looking import looked
from infra.cli.options import HomeOption, JsonOption, LangOption
from infra.cli.output import EXIT_FAILED, EXIT_INCOMPLETE, EXIT_OK, Words, padded, say, size_text
from infra.cli.verbs import filled, verb_group

VERBS: Final = (
    ("report", "report-sighting"),
    ("confirm", "confirm-match"),
    ("dismiss", "dismiss-match"),
    ("open", "open-case"),
    ("notice", "send-notice"),
    ("takedown", "confirm-takedown"),
    ("counter-notice", "record-counter-notice"),
    ("forward", "forward-counter-notice"),
    ("refer", "refer-case"),
    ("end-measures", "end-measures"),
    ("judgment", "record-judgment"),
    ("close", "close-case"),
)
DUTIES: Final[Mapping[str, tuple[str, str]]] = {
    "take_measures": ("平台应当及时转送通知并采取必要措施", "the platform is to forward the notice and take measures"),
    "forward_counter_notice": ("应当将声明转送权利人", "the declaration is to be forwarded to the right holder"),
    "complain_or_sue": ("权利人可以投诉或者起诉", "the right holder may complain or sue"),
    "end_measures": ("应当及时终止所采取的措施", "the measures are to be ended"),
}
STEPS: Final[Mapping[str, tuple[str, str]]] = {
    "SightingReported": ("发现线索", "sighting reported"),
    "MatchConfirmed": ("比对确认", "match confirmed"),
    "MatchDismissed": ("比对排除", "match dismissed"),
    "CaseOpened": ("立案", "case opened"),
    "NoticeSent": ("发出通知", "notice sent"),
    "TakedownConfirmed": ("采取必要措施", "measures taken"),
    "CounterNoticeReceived": ("收到不侵权声明", "counter-notice received"),
    "CounterNoticeForwarded": ("声明到达权利人", "counter-notice reached the right holder"),
    "CaseReferred": ("投诉或者起诉", "complaint or suit"),
    "MeasuresEnded": ("终止措施", "measures ended"),
    "JudgmentRecorded": ("裁判", "decided"),
    "CaseClosed": ("结案", "case closed"),
}
STATUSES: Final[Mapping[str, str]] = {
    "reported": "已发现",
    "confirmed": "已确认",
    "dismissed": "已排除",
    "opened": "已立案",
    "notified": "已通知",
    "measures_taken": "已采取措施",
    "countered": "已收到声明",
    "forwarded": "声明已转送",
    "referred": "已投诉或者起诉",
    "measures_ended": "措施已终止",
    "judged": "已裁判",
    "closed": "已结案",
}
OUTCOMES: Final[Mapping[str, str]] = {
    "upheld": "主张成立",
    "dismissed": "主张不成立",
    "settled": "和解",
    "wrongful_notice": "错误通知",
}
CaseArgument = Annotated[str, typer.Argument(metavar="ID", help="Identifier of the case, 10.5072/F....")]
HELD: Final[Mapping[str, tuple[str, str]]] = {
    "whole": ("完整", "whole"),
    "missing": ("缺失", "missing"),
    "damaged": ("已损坏", "damaged"),
}
MEASURES: Final[Mapping[str, str]] = {
    "deleted": "删除",
    "blocked": "屏蔽",
    "link_cut": "断开链接",
    "service_stopped": "终止服务",
}


def show_case(
    identifier: CaseArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Show one case: where it stands, what is due now, and its chronology with the articles that it rests on."""
    from domain.ids import parse_infringement_id
    from infra.clock import now_us
    from infra.compliance.look import look_at_case
    from schemas.values import instant_of

    def look(session: Any, case: Any) -> dict[str, Any]:
        return look_at_case(session, case, instant_of(now_us()))

    found, words = looked(identifier, parse_infringement_id, look, home=home, as_json=as_json, lang=lang)
    if not as_json:
        _tell(found, words)


def _tell(found: Mapping[str, Any], words: Words) -> None:
    status = found["status"]
    say(f"{found['id']}  {words(STATUSES[status], status.replace('_', ' '))}")
    outcome = found["outcome"]
    for label, said in (
        (words("权利人", "claimant"), found["claimant"]),
        (words("网络用户", "respondent"), found["respondent"]),
        (words("平台", "platform"), found["platform"]),
        (words("权属", "title"), found["title"]),
        (words("结果", "outcome"), outcome and words(OUTCOMES[outcome], outcome.replace("_", " "))),
    ):
        say(f"  {padded(label, 14)}{said or '–'}")
    if found["measures"]:
        since, until = found["measures_from"], found["measures_to"] or words("至今", "now")
        took = words("、", ", ").join(words(MEASURES[one], one.replace("_", " ")) for one in found["measures"])
        say(f"  {padded(words('措施', 'measures'), 14)}{took}  {since} – {until}")
    _tell_deadlines(found, words)
    _tell_chronology(found["chronology"], words)


def _tell_deadlines(found: Mapping[str, Any], words: Words) -> None:
    """Print what is due, may be done yet, or might have been done; nothing where nothing is open."""
    if not found["deadlines"]:
        return
    say(words(f"时限（截至 {found['instant']}）", f"deadlines (at {found['instant']})"))
    for one in found["deadlines"]:
        until = "" if one["until"] is None else f" – {one['until']}"
        said = f"{words(*DUTIES[one['duty']])}{words('：', ': ')}{one['since']}{until}"
        say(f"  {said}  {_when(one, found['instant'], words)}  {_cited(one['article'], words)}")


def _when(deadline: Mapping[str, Any], instant: str, words: Words) -> str:
    from domain.spelling import parse_instant

    if deadline["due"]:
        return words("现应履行", "due now")
    begun = parse_instant(deadline["since"], "since") <= parse_instant(instant, "instant")
    return words("已过", "over") if begun else words("尚未到期", "not yet")


def _tell_chronology(steps: Sequence[Mapping[str, Any]], words: Words) -> None:
    """Print each step with its documents and articles, then what is taken from each article."""
    say(words("时间线", "chronology"))
    for one in steps:
        cited = words("；", "; ").join(_cited(article, words) for article in one["articles"])
        at = padded(one["at"] or one["recorded_at"], 24)
        say(f"  {one['number']:>3}  {at}  {words(*STEPS[one['step']])}  {cited}".rstrip())
        for document in one["documents"]:
            say(f"       sha256 {document}")
    articles = {article["code"]: article for one in steps for article in one["articles"]}
    if articles:
        say(words("依据", "articles"))
    for code in sorted(articles):
        one = articles[code]
        say(words(f"  {one['zh']}：{one['says_zh']}", f"  {one['en']}: {one['says_en']}"))


def _cited(article: Mapping[str, str], words: Words) -> str:
    return words(article["zh"], article["en"])


def custody(
    identifier: CaseArgument,
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """List the documents of a case: who recorded each and when, hashed again. Exit 1: one is damaged, 4: missing."""
    from domain.ids import parse_infringement_id
    from infra.compliance.custody import custody_of

    found, words = looked(identifier, parse_infringement_id, custody_of, home=home, as_json=as_json, lang=lang)
    held = {one["held"] for one in found["documents"]}
    if not as_json:
        for one in found["documents"]:
            said = words(*HELD[one["held"]])
            size = "" if one["size"] is None else f", {size_text(one['size'])}, {one['media_type']}"
            say(f"{one['sha256']}  {said}{size}")
            step = words(*STEPS[one["step"]])
            whom = "" if one["on_behalf_of"] is None else words("，代表 ", " for ") + one["on_behalf_of"]
            say(f"  {one['index']:>8}  {one['recorded_at']}  {step}  {one['by']}{whom}")
    raise typer.Exit(EXIT_FAILED if "damaged" in held else EXIT_INCOMPLETE if "missing" in held else EXIT_OK)


def register(app: typer.Typer) -> None:
    """Add the group to the command line."""
    fill = filled("case", VERBS, show_case, custody)
    app.add_typer(verb_group("case", "Infringements: seen, compared, notified, answered, decided.", fill))
