"""The story's trade: a licence is refused with its clause, one is issued and checked offline, its usage settled."""

from pathlib import Path
from typing import Any, Final

from rich.table import Table

from domain.errors import Invalid
from domain.events import Sha256
from domain.ids import parse_licence_id, parse_object_id, parse_party_id, parse_settlement_id
from domain.spelling import parse_instant
from infra.demo.film_rights import Filmed
from infra.demo.people import People
from infra.demo.works import Works
from infra.governance.given import Given
from infra.keys.parties import PartyKeys
from infra.log import proof_of
from infra.process import write_durably
from infra.rights.licences import status_of, token_of
from infra.rights.token import present_token
from infra.rights.token_files import check_files
from infra.trade.money import money_text
from infra.trade.paper import settlement_paper
from infra.trade.planning import plan_for
from infra.trade.settling import Earned, settle_licence
from infra.trade.statement import Paper, as_csv, as_html

UNTIL: Final = "2035-01-01T00:00:00Z"
AUDIENCE: Final = "https://harbour.example"
NONCE: Final = "n-0S6_WzA2Mj"


class Counter:
    """Where licences of one licensor are offered to one licensee."""

    def __init__(self, works: Works, licensor: str, licensee: str) -> None:
        """Keep who sells to whom."""
        self._works, self._licensor, self.licensee = works, licensor, licensee
        keys = PartyKeys(works.session.home.keys)
        self.signer = keys.first(parse_party_id(licensee), licensee)

    def issue(self, thing: str, title: str, scope: str, names: tuple[str, str]) -> tuple[str, dict[str, Any]]:
        """Offer an object, have it asked for, and issue the licence; return it and what the issue wrote."""
        works, wanted, price = self._works, self._works.scope(scope), {"price": self._works.money("price")}
        offered = {
            "objects": [thing],
            "title": title,
            "scope": wanted,
            "currency": "CNY",
            "terms": works.paper("terms.txt"),
            "until": UNTIL,
        }
        told = works.stage.give("offer-licence", offered, self._licensor, secrets=price)
        licence = works.named(str(told["stream"]), *names)
        asked = {"licence": licence, "key": self.signer.vkey, "scope": wanted}
        works.stage.give("request-licence", asked, self.licensee)
        plan = plan_for(works.session, parse_object_id(thing), "CNY")
        issuing = {"licence": licence, "plan": plan.sha256.hex(), "currency": "CNY"}
        return licence, works.stage.give("issue-licence", issuing, self._licensor, secrets=price)


def refuse_a_licence(works: Works, poster: str, title: str, buyer: str) -> None:
    """Have a commercial licence of the poster refused, as an event that names the ancestor and the clause."""
    _, told = Counter(works, works.studio, buyer).issue(poster, title, "poster-licence", ("L-海报", "L-poster"))
    (event,) = told["events"]
    if not event["type"].endswith(".LicenceRefused") or "research" not in event["event"]["clause"]:
        raise Invalid(f"licence of the poster: expected the refusal of the research grant, found {event}")
    works.tell(
        f"商业许可申请被拒绝，理由入账（第 {event['index']} 条）：{works.told(event['event']['clause'])}",
        f"a commercial licence of it is refused, on record (entry {event['index']}): "
        f"{works.told(event['event']['clause'])}",
    )


def license_a_ride(works: Works, filmed: Filmed, people: People, buyer: str) -> None:
    """License a ride made from the film, check the token offline, and settle a quarter to the cent."""
    park = works.enrol("organisation", "乐园", "park")
    granted = works.grant(filmed.title, (works.studio, park), "film-to-ride", ("R-游船", "R-ride"), share_bp=2_000)
    title = works.own("ride.txt", park, "G-游船", "G-ride")
    ride = works.bring("ride.txt", park, "游船", "ride", made_from=filmed.film)
    works.cite(ride, park, granted)
    counter = Counter(works, park, buyer)
    licence, told = counter.issue(ride, title, "ride-licence", ("L-游船", "L-ride"))
    issued = told["events"][0]
    if not issued["type"].endswith(".LicenceIssued"):
        raise Invalid(f"licence of the ride: expected to be issued, found {issued}")
    works.tell(
        f"影片改编为游船项目，乐园许可给运营方（{licence}，第 {issued['index']} 条），结算方案随签发钉住",
        f"the film becomes a boat ride, which the park licenses to an operator ({licence}, entry {issued['index']}); "
        "the settlement plan is pinned by the issue",
    )
    _verify(works, counter, licence, issued["index"])
    _settle(works, licence, park, buyer, people)


def _verify(works: Works, counter: Counter, licence: str, index: int) -> None:
    """Show the token in part to somebody who has nothing but files, and have it checked."""
    session, parsed = works.session, parse_licence_id(licence)
    folder = session.home.path / "licence"
    folder.mkdir(exist_ok=True)
    token = token_of(session, parsed)
    shown = present_token(
        token, ["uses", "territory"], audience=AUDIENCE, nonce=NONCE, sign=counter.signer.sign, now=works.now
    )
    status, size = status_of(session, parsed)
    proof, entry = proof_of(session.settings, index)
    for name, data in (("shown", f"{shown}\n".encode()), ("status", status), ("proof", proof), ("entry", entry)):
        (folder / name).write_bytes(data)
    files = {name: folder / name for name in ("entry", "proof", "status")}
    policy = session.home.policy_path
    answer = check_files(folder / "shown", policy, works.now, audience=AUDIENCE, nonce=NONCE, **files)
    if answer.verdict != "valid":
        raise Invalid(f"licence of the ride: expected a valid token, found {[one.said for one in answer.steps]}")
    works.tell(
        f"许可凭证只披露用途与地域，离线核验有效（截至 {size} 条）：凭证、持有人、期限、账本、状态，五步皆成立",
        f"its token shows uses and territory alone and is valid offline as of size {size}: "
        "token, holder, window, ledger and status all hold",
    )
    works.say(f"   edgeprint licence verify {folder / 'shown'} --policy {policy} \\")
    works.say(f"     --status {folder / 'status'} --audience {AUDIENCE} --nonce {NONCE}")


def _settle(works: Works, licence: str, park: str, buyer: str, people: People) -> None:
    usage, since, until = works.paper("usage.csv"), works.ago(92), works.ago(1)
    reported = {"licence": licence, "since": since, "until": until, "units": 8_640, "evidence": usage}
    works.stage.give("report-usage", reported, buyer)
    period = parse_instant(since, "since"), parse_instant(until, "until")
    earned = Earned(parse_licence_id(licence), Sha256(bytes.fromhex(usage)), *period, works.money("quarter"))
    told = settle_licence(works.session, earned, _given(works, park))
    account = parse_settlement_id(str(told["stream"]))
    paper, opened = settlement_paper(works.session, account, None, _given(works, people.auditor), "audit")
    ((currency, total),) = paper.totals
    quarter = works.money("quarter")["minor"]
    if total != quarter:
        raise Invalid(f"settlement: expected lines that add up to {quarter}, found {total}")
    works.tell(
        f"一季度收入 {money_text(currency, quarter)}，经两级衍生分到分"
        f"（审计员开示，第 {opened} 条留痕；账本里只有承诺）：",
        f"a quarter earned {money_text(currency, quarter)}, divided to the cent over two levels of derivation (opened "
        f"for the auditor, entry {opened}; the ledger has commitments alone):",
    )
    works.show(_lines(works, paper))
    _written(works, paper)


def _given(works: Works, party: str) -> Given:
    return Given("", b"", parse_party_id(party), works.session.application.new_id())


def _lines(works: Works, paper: Paper) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(works.words("作品", "object"))
    table.add_column(works.words("权利人", "party"))
    table.add_column(works.words("金额", "amount"), justify="right")
    for row in paper.rows:
        amount = "–" if row.minor is None else money_text(row.currency, row.minor)
        table.add_row(works.told(row.object), works.told(row.party), amount)
    for currency, total in paper.totals:
        table.add_row("", works.words("合计", "total"), money_text(currency, total or 0))
    return table


def _written(works: Works, paper: Paper) -> None:
    """Write the statement as a page and as CSV, readable by their owner alone, and not into the home: it has prices."""
    page: Path = works.folder / "statement.html"
    write_durably(page, as_html(paper, works.session.settings.lang).encode())
    write_durably(page.with_suffix(".csv"), as_csv(paper).encode())
    works.tell(f"结算单 {page}（另有 CSV）", f"statement {page} (and as CSV)")
