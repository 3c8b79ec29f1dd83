"""The eighth step of the story: rights and trade, from the title of a novel to the judgment on a copy of its film."""

from infra.bootstrap import Session
from infra.cli.output import Words
from infra.demo.dispute import settle_a_dispute
from infra.demo.film_rights import film_a_novel, train_on_research, withdraw_a_consent
from infra.demo.licensing import license_a_ride, refuse_a_licence
from infra.demo.people import People, Say
from infra.demo.works import Works


def trade_in_rights(session: Session, people: People, words: Words, say: Say) -> None:
    """Tell who may use what, and who is owed how much.

    Raises: LedgerError, where something does not come out as told.
    """
    works = Works(session, words, say)
    filmed = film_a_novel(works)
    buyer = works.enrol("organisation", "运营方", "operator")
    poster, title = train_on_research(works)
    refuse_a_licence(works, poster, title, buyer)
    license_a_ride(works, filmed, people, buyer)
    withdraw_a_consent(works, filmed.film)
    settle_a_dispute(works, filmed, people)
