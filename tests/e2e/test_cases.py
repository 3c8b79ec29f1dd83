"""Infringements through the real command line: one that a court decides, one whose measures end; secrets stay away."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from domain.ids import format_id
from tests.e2e.canaries import Canaries, everything
from tests.e2e.kit import Answer, Place, enrol, place

URL = "https://canary-url-5d1e.example/watch?v=夜里的水闸"
ABROAD = "canary-platform-77ab"
DOCKET = "canary-docket-3c90"
STUDIO_NAME, USER_NAME = "canary-studio-18fe 夜河影业", "canary-user-66d2 林晚照"
CANARIES = Canaries(["canary-url-5d1e", ABROAD, DOCKET, "canary-studio-18fe", "canary-user-66d2", "林晚照"])


def ago(days: float) -> str:
    """Return an instant so many days before now, as a command takes it."""
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds").replace("+00:00", "Z")


class House:
    """A ledger with a studio that is its holder, a scout with an agent, a platform, a user who is held, and a court."""

    def __init__(self, made: Place) -> None:
        self.made = made
        made.init("--origin", "film.example/cases")
        made.run("up", "--no-kafka").ok()
        self.studio = str(made.run("status", "--json").ok().json["holder"])
        self.scout, self.platform = enrol(made, "organisation"), enrol(made, "organisation")
        self.user, self.court = enrol(made, "person"), enrol(made, "organisation", "clerk")
        self.agent = enrol(made, "agent")
        until = ["--until", ago(-30)]
        made.run("mandate", "grant", self.agent, "--action", "report-sighting", *until, "--as", self.scout).ok()
        still = made.write("still.txt", "a still that was copied\n")
        self.title = made.run("declare", "own-creation", still, "--json").ok().json["titles"][0]["id"]
        self.object = made.run("identify", still, "--json").ok().json["objects"][0]["id"]
        (stored,) = made.run("blob", "put", made.write("paper", "what shows it"), "--json").ok().json["stored"]
        self.paper = str(stored["sha256"])
        for party, name in ((self.studio, STUDIO_NAME), (self.user, USER_NAME)):
            made.run("subject", "declare", party, "--name", self.secret(name)).ok()
        held = made.run("subject", "hold", self.user, "--matter", "a matter", "--as", self.court, "--json").ok().json
        assert held["events"][0]["event"] == {"matter": "a matter"}
        self.hold = str(made.run("party", "show", self.user, "--json").ok().json["holds"][-1])

    def secret(self, value: str) -> Path:
        """Return a file that holds a secret; it lies outside the home."""
        return self.made.write("secret.txt", value + "\n")

    def give(self, verb: str, *more: Any, by: str | None = None) -> Answer:
        """Give a verb of the group `case`."""
        return self.made.run("case", verb, *more, *(["--as", by] if by else []), "--json")

    def report(self) -> str:
        """Return a sighting that the scout's agent has reported."""
        where = ["--object", self.object, "--place", self.secret(URL), "--platform", self.platform]
        seen = ["--capture", self.paper, "--seen-at", ago(41), "--on-behalf-of", self.scout]
        return str(self.give("report", *where, *seen, by=self.agent).ok().json["stream"])

    def opened(self) -> str:
        """Return a case that is open against the user."""
        case = self.report()
        self.give("confirm", case, "--method", "fingerprint", "--score-bp", "9870", "--evidence", self.paper).ok()
        against = ["--respondent", self.user, "--hold", self.hold]
        self.give("open", case, "--claimant", self.studio, "--title", self.title, *against).ok()
        return case

    def answered(self) -> str:
        """Return a case in which the platform has taken measures and the user's answer has reached the studio."""
        case, shown = self.opened(), ["--document", self.paper]
        evidence = ["--evidence", self.paper, *shown]
        to = ["--claimant", self.studio, "--platform", self.platform]
        self.give("notice", case, *to, *evidence, "--sent-at", ago(40)).ok()
        took = ["--platform", self.platform, "--measure", "blocked", *shown, "--taken-at", ago(39)]
        self.give("takedown", case, *took, by=self.platform).ok()
        answer = ["--respondent", self.user, *evidence, "--received-at", ago(38)]
        self.give("counter-notice", case, *answer, by=self.user).ok()
        self.give("forward", case, *shown, "--arrived-at", ago(37), by=self.platform).ok()
        return case

    def show(self, case: str) -> dict[str, Any]:
        """Return what `case show` says."""
        found: dict[str, Any] = self.give("show", case).ok().json
        return found


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with place() as made:
        yield House(made)


def test_from_the_sighting_to_the_judgment(house: House) -> None:
    case = house.answered()
    filed = ["--filed-by", house.studio, "--forum", "court", "--docket", house.secret(DOCKET)]
    shown = ["--document", house.paper, "--filed-at", ago(30), "--notified-at", ago(29)]
    referred = house.give("refer", case, *filed, *shown).ok().json
    kept = house.give("end-measures", case, "--ground", "period_passed", "--ended-at", ago(1), by=house.platform)
    assert kept.code == 7 and "complained or sued in time; the measures stay" in kept.json["message"]
    judged = ["--outcome", "upheld", "--document", house.paper, "--effective-at", ago(2)]
    by_holder = house.give("judgment", case, *judged)
    assert by_holder.code == 7 and "record-judgment denied: expected clerk" in by_holder.json["message"]
    house.give("judgment", case, *judged, by=house.court).ok()
    house.give("close", case, "--reason", "decided", "--statement", house.paper).ok()
    late = house.give("close", case, "--reason", "withdrawn", "--statement", house.paper)
    assert late.code == 7 and "the case is closed" in late.json["message"]
    found = house.show(case)
    assert (found["status"], found["outcome"], found["deadlines"]) == ("closed", "upheld", [])
    assert (found["claimant"], found["respondent"], found["platform"]) == (house.studio, house.user, house.platform)
    assert (found["measures"], found["measures_to"]) == (["blocked"], None)
    assert [one["step"] for one in found["chronology"]] == [
        "SightingReported",
        "MatchConfirmed",
        "CaseOpened",
        "NoticeSent",
        "TakedownConfirmed",
        "CounterNoticeReceived",
        "CounterNoticeForwarded",
        "CaseReferred",
        "JudgmentRecorded",
        "CaseClosed",
    ]
    assert found["chronology"][3]["documents"] == [house.paper, house.paper]
    assert found["chronology"][6]["articles"][0]["zh"] == "《民法典》第一千一百九十六条第二款"
    explained = house.made.run("decision", "explain", str(referred["first_index"]), "--json").ok().json
    assert explained["same"] is True and explained["policy"] is None
    told = house.made.run("case", "show", case, "--lang", "zh").ok().out
    assert "收到不侵权声明  《民法典》第一千一百九十六条第一款" in told and house.paper in told
    in_custody(house, case, found["chronology"])


def in_custody(house: House, case: str, chronology: list[dict[str, Any]]) -> None:
    """Each document of each step is whole, until it is damaged or gone; who recorded it is told all the same."""
    held = house.give("custody", case).ok().json["documents"]
    named = [(one["step"], sha256) for one in chronology for sha256 in one["documents"]]
    assert [(one["step"], one["sha256"]) for one in held] == named and len(held) > 10
    reported = held[0]
    assert (reported["by"], reported["on_behalf_of"]) == (house.agent, house.scout)
    assert all(one["held"] == "whole" and one["size"] == len("what shows it") and one["attestation"] for one in held)
    assert all(one["media_type"].startswith("text/") for one in held)
    (path,) = [one for one in house.made.settings.home.rglob(house.paper) if one.is_file()]
    whole = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(whole[:-1] + b"?")
    damaged = house.give("custody", case)
    assert damaged.code == 1 and damaged.json["documents"][0]["held"] == "damaged"
    path.rename(path.with_suffix(".away"))
    missing = house.made.run("case", "custody", case, "--lang", "zh")
    assert missing.code == 4 and "缺失" in missing.out and "发现线索" in missing.out and house.agent in missing.out
    path.with_suffix(".away").rename(path)
    path.write_bytes(whole)
    assert house.made.run("case", "custody", case, "--lang", "en").ok().out.count("  whole, 13 B") == len(held)
    unknown = format_id("F", UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e"), "10.5072")
    assert house.give("custody", unknown).code == 3


def test_measures_end_when_nobody_has_sued_in_time(house: House) -> None:
    case = house.answered()
    found = house.show(case)
    assert [(one["duty"], one["due"]) for one in found["deadlines"]] == [
        ("complain_or_sue", False),
        ("end_measures", True),
    ]
    ends_at = found["deadlines"][1]["since"]
    assert found["deadlines"][0]["until"] == ends_at and ends_at.endswith("T16:00:00Z"), "midnight in Beijing"
    told = house.made.run("case", "show", case, "--lang", "en").ok().out
    assert "the measures are to be ended" in told and "due now  Civil Code, art. 1196 par. 2" in told
    early = ["--ground", "period_passed", "--ended-at", ago(30)]
    refused = house.give("end-measures", case, *early, by=house.platform)
    assert refused.code == 7 and "ended_at: expected" in refused.json["message"]
    house.give("end-measures", case, "--ground", "period_passed", "--ended-at", ago(1), by=house.platform).ok()
    house.give("close", case, "--reason", "measures_ended", "--statement", house.paper).ok()
    found = house.show(case)
    assert (found["status"], found["deadlines"]) == ("closed", []) and found["measures_to"] is not None


def test_what_may_not_be_is_refused(house: House) -> None:
    made, case = house.made, house.report()
    confirm = [case, "--method", "comparison", "--evidence", house.paper]
    by_agent = house.give("confirm", *confirm, "--on-behalf-of", house.scout, by=house.agent)
    assert by_agent.code == 7 and "left to humans, found agent" in by_agent.json["message"]
    early = house.give("open", case, "--claimant", house.studio, "--title", house.title)
    assert early.code == 7 and "a sighting that nobody has judged" in early.json["message"]
    house.give("confirm", *confirm).ok()
    opening = [case, "--claimant", house.studio, "--title", house.title, "--respondent", house.user]
    unheld = house.give("open", *opening, "--hold", "99")
    assert unheld.code == 7 and "no legal hold 99 that binds" in unheld.json["message"]
    nothing = house.give("open", *opening, "--hold", house.hold, by=house.platform)
    assert nothing.code == 7 and "open-case denied: expected clerk" in nothing.json["message"]
    wrong = made.run("case", "show", house.object)
    assert wrong.code == 2 and "expected a InfringementId" in wrong.err
    unknown = made.run("case", "show", format_id("F", UUID("01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e"), "10.5072"))
    assert unknown.code == 3 and "is not a case of this ledger" in unknown.err


def test_a_platform_without_an_identifier_is_a_secret(house: House) -> None:
    case = house.opened()
    to = ["--claimant", house.studio, "--addressee", house.secret(ABROAD), "--sent-at", ago(40)]
    house.give("notice", case, *to, "--evidence", house.paper, "--document", house.paper).ok()
    assert house.show(case)["platform"] is None
    took = ["--measure", "link_cut", "--document", house.paper, "--taken-at", ago(39)]
    house.give("takedown", case, *took).ok()
    assert house.show(case)["measures"] == ["link_cut"]


def test_no_place_and_no_name_is_anywhere_but_in_the_vault(house: House) -> None:
    made = house.made
    case = house.report()
    reported = house.show(case)["chronology"][0]
    assert reported["documents"] == [house.paper]
    made.run("projection", "rebuild", "cases").ok()
    CANARIES.require_nowhere(everything(made))
    last = made.run("status", "--json").ok().json["ledger_size"] - 1
    opening = made.run("vault", "open", str(last), "place", "--as", house.court, "--json").ok()
    assert opening.json["value"] == URL
    assert made.run("fsck", "--deep").ok().out.endswith("clean\n")
