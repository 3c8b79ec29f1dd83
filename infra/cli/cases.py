"""`edgeprint case`: an infringement from the sighting to the judgment; the verbs are those of the command registry."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import typer

from infra.cli.options import HomeOption, JsonOption, LangOption, wrong_usage
from infra.cli.output import Words, say, say_json
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


def show_case(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Identifier of the case, 10.5072/F....")],
    home: HomeOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Show one case: where it stands, what is due now, and its chronology with the articles that it rests on."""
    from domain.ids import parse_infringement_id
    from infra.bootstrap import opened
    from infra.clock import now_us
    from infra.compliance.look import look_at_case
    from infra.settings import read_settings
    from schemas.values import instant_of

    settings = read_settings(home=home, lang=lang)
    with wrong_usage("ID"):
        case = parse_infringement_id(identifier)
    with opened(settings) as session:
        found = look_at_case(session, case, instant_of(now_us()))
    if as_json:
        say_json(found)
        return
    _tell(found, Words(settings.lang))


def _tell(found: Mapping[str, Any], words: Words) -> None:
    say(f"{found['id']}  {found['status']}")
    for label, name in (
        (words("权利人", "claimant"), "claimant"),
        (words("网络用户", "respondent"), "respondent"),
        (words("平台", "platform"), "platform"),
        (words("权属", "title"), "title"),
        (words("结果", "outcome"), "outcome"),
    ):
        say(f"  {label:<14}{found[name] or '–'}")
    if found["measures"]:
        since, until = found["measures_from"], found["measures_to"] or words("至今", "now")
        say(f"  {words('措施', 'measures'):<14}{', '.join(found['measures'])}  {since} – {until}")
    say(words(f"时限（截至 {found['instant']}）", f"deadlines (at {found['instant']})"))
    for one in found["deadlines"]:
        mark = words("现应履行", "due now") if one["due"] else words("尚未到期或已过", "not now")
        until = "" if one["until"] is None else f" – {one['until']}"
        say(f"  {words(*DUTIES[one['duty']])}: {one['since']}{until}  {mark}  {_cited(one['article'], words)}")
    say(words("时间线", "chronology"))
    for one in found["chronology"]:
        cited = "; ".join(_cited(article, words) for article in one["articles"])
        say(f"  {one['number']:>3}  {one['at'] or one['recorded_at']}  {words(*STEPS[one['step']])}  {cited}".rstrip())
        for document in one["documents"]:
            say(f"       {document}")


def _cited(article: Mapping[str, str], words: Words) -> str:
    return words(article["zh"], article["en"])


def register(app: typer.Typer) -> None:
    """Add the group to the command line."""
    app.add_typer(
        verb_group(
            "case", "Infringements: seen, compared, notified, answered, decided.", filled("case", VERBS, show_case)
        )
    )
