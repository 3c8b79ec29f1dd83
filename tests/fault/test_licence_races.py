"""Many processes at once for the last unit of a quota: one licence is issued, shown by replay; a grant that ends."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import pytest

from domain.governance.events import KeyEnd
from domain.governance.party import WithdrawKey
from domain.identity.events import WithdrawalReason
from domain.identity.upkeep import WithdrawObject
from domain.ids import ObjectId, parse_id
from domain.rights.grant_events import ScopeAllocated
from domain.rights.licence_events import LicenceIssued, LicenceRefused
from domain.rights.limits import Derivation
from infra.store.provision import READER
from infra.store.recorder import LedgerRecorder
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from tests.e2e.kit import Place, at_once, enrol, place
from tests.e2e.test_licence import Sale
from tests.governance_kit import NOW, Town, signer_of
from tests.licence_kit import Deal
from tests.machine_kit import overtaken
from tests.rights_kit import FILM_JSON
from tests.title_kit import contested

FEW, MANY = 8, 32
TERMS = "ab" * 32


@pytest.fixture(scope="module")
def sale() -> Iterator[Sale]:
    with place() as made:
        made.init()
        made.run("up", "--no-kafka").ok()
        yield Sale(made)


def granted(sale: Sale, agency: str, quota: int) -> str:
    """Return a grant of so many units that the agency has accepted."""
    studio = sale.studio
    scope = studio.write("scope-1.json", FILM_JSON)
    command = ["grant", "record", "--kind", "grant", "--title", sale.title, "--grantee", agency, "--scope", str(scope)]
    command += ["--terms", TERMS, "--allocation", "ordinary", "--quota", str(quota), "--json"]
    grant = str(studio.run(*command).ok().json["stream"])
    studio.run("grant", "accept", grant, "--as", agency).ok()
    return grant


def requested(sale: Sale, agency: str, grant: str) -> str:
    """Return a licence of one unit that the agency has offered under its grant, and that the buyer has asked for."""
    command = ["licence", "offer", "--object", sale.object, "--grant", grant, "--scope", str(sale.scope)]
    command += ["--quota", "1", "--terms", TERMS, "--until", "2035-01-01T00:00:00Z", "--as", agency, "--json"]
    sale.licence = str(sale.studio.run(*command).ok().json["stream"])
    sale.request().ok()
    return sale.licence


def allocated(studio: Place, grant: str) -> list[str]:
    """Return what a grant has promised, by the log alone."""
    codec, stream = Codec(CATALOGUE), parse_id(grant).uuid
    with closing(LedgerRecorder(studio.database().dsn(READER))) as store:
        events = [codec.accept(row.entry).event for row in store.streams([stream])[stream]]
    return [str(event.child) for event in events if isinstance(event, ScopeAllocated)]


def issued(studio: Place) -> list[str]:
    with closing(LedgerRecorder(studio.database().dsn(READER))) as store:
        rows = store.rows(0, 10_000)
    codec = Codec(CATALOGUE)
    return [str(codec.accept(row.entry).envelope.stream_id) for row in rows if row.type == LicenceIssued.TYPE]


def for_the_last_unit(sale: Sale, many: int) -> None:
    studio = sale.studio
    agency = enrol(studio, "organisation")
    grant = granted(sale, agency, 1)
    licences = [requested(sale, agency, grant) for _ in range(many)]
    sale.plan = sale.planned("XXX")  # for nothing
    before = set(issued(studio))
    commands = [["licence", "issue", one, "--plan", sale.plan, "--as", agency] for one in licences]
    codes = Counter(at_once(studio, commands))
    assert codes == {0: 1, 7: many - 1}, codes
    (winner,) = set(issued(studio)) - before
    assert allocated(studio, grant) == [winner]
    assert studio.run("fsck").ok().code == 0


def test_the_last_unit_goes_to_one(sale: Sale) -> None:
    for_the_last_unit(sale, FEW)


@pytest.mark.soak
def test_of_many_too(sale: Sale) -> None:
    for_the_last_unit(sale, MANY)


class Reading(Town):
    """A town whose derivations are read from one more stream."""

    also: UUID

    def derive(self, objects: Sequence[ObjectId], instant: datetime, currency: str) -> Derivation:
        found = super().derive(objects, instant, currency)
        return replace(found, read=(*found.read, self.also))


@pytest.mark.parametrize("changes", [True, False])
def test_nothing_is_issued_on_a_derivation_that_has_changed_meanwhile(changes: bool) -> None:
    """Of a title that was read, a contest is news; another licence of it is not, however many there are."""
    town = Reading()
    other = Deal(town, work=b"what the novel is made of")
    town.also = other.title
    deal = Deal(town, buyer=other.buyer).reached("request")
    other.reached("request")
    rival = (lambda: contested(town, other.title, deal.buyer)) if changes else (lambda: other.give("issue").require())
    with overtaken(town.store, rival) as came:
        outcome = deal.give("issue")
    assert came()
    if changes:
        assert "has changed at entry" in town.refusal(outcome) and str(other.title) in town.refusal(outcome)
        town.also = deal.object
        assert isinstance(town.written(deal.give("issue"))[0], LicenceIssued), "it is read again, and issued"
    else:
        assert isinstance(town.written(outcome)[0], LicenceIssued)


@pytest.mark.parametrize("rival", ["contested", "withdrawn", "refused", "key"])
def test_nothing_is_issued_on_what_ends_meanwhile(rival: str) -> None:
    """Between the reading and the writing of an issue something that it rests on ends."""
    town = Town()
    deal = Deal(town).reached("request")
    buyer_key = signer_of(deal.buyer).vkey
    rivals: dict[str, Callable[[], object]] = {
        "contested": lambda: contested(town, deal.title, deal.buyer),
        "withdrawn": lambda: town.give(
            WithdrawObject(object=deal.object, reason=WithdrawalReason.RIGHTS, effective_at=NOW)
        ).require(),
        "refused": lambda: deal.give("refuse").require(),
        "key": lambda: town.give(WithdrawKey(party=deal.buyer, key=buyer_key, reason=KeyEnd.LOST)).require(),
    }
    with overtaken(town.store, rivals[rival]) as came:
        outcome = deal.give("issue")
    assert came()
    if rival in ("withdrawn", "key"):
        (event,) = town.written(outcome)
        assert isinstance(event, LicenceRefused)
        assert {"withdrawn": "withdrawn", "key": "not in force any more"}[rival] in event.clause
    else:
        assert {"contested": "is not resolved", "refused": "a request that waits"}[rival] in town.refusal(outcome)
