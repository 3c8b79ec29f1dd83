"""Given a template or a pool of machines, when a command, then events or an error."""

from dataclasses import replace
from functools import reduce
from typing import Any
from uuid import UUID

import pytest

from domain.capability import resource, template
from domain.capability.means import (
    Pool,
    PriceQuoted,
    PriceUnit,
    ResourceDrained,
    ResourceEnrolled,
    ResourceResumed,
    ResourceRetired,
    TemplateDefined,
    TemplateRetired,
    TemplateVersioned,
    template_key,
)
from domain.capability.resource import DrainResource, QuotePrice, Resource, ResumeResource, RetireResource, read_price
from domain.capability.template import (
    VERSIONS_MAX,
    DefineTemplate,
    RetireTemplate,
    Template,
    VersionTemplate,
)
from domain.errors import Invalid, Rejected
from domain.events import Sha256
from domain.governance.events import PartyKind
from domain.governance.party import GrantMandate
from domain.ids import ComputeResourceId, PartyId, TemplateId
from tests.capability_kit import MACHINES, machines_of
from tests.governance_kit import ANY, LATER, Town

OWNER = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000001"))
OTHER = PartyId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000002"))
T = TemplateId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000003"))
U = ComputeResourceId(UUID("01937e3f-2b5c-7d4a-9c3e-000000000004"))
PAPER, OTHER_PAPER = Sha256(b"p" * 32), Sha256(b"q" * 32)
DEFINED = TemplateDefined(owner=OWNER, name="previs")
FIRST = TemplateVersioned(number=1, document=PAPER, nodes=2)
ENROLLED = ResourceEnrolled(
    owner=OWNER,
    pool=Pool.INDUSTRY,
    country="CN",
    security_level=2,
    accelerators=8,
    accelerator_memory_mib=81_920,
    memory_mib=131_072,
)


class TestTemplate:
    """Defined, versioned, retired; by its owner alone."""

    FACTS = template.Facts(OWNER, nodes=2)
    VERSION = VersionTemplate(template=T, document=PAPER)

    @staticmethod
    def state(*events: Any) -> Template:
        return reduce(template.evolve, events, Template())

    def refused(self, events: tuple[Any, ...], command: Any, why: str, facts: template.Facts = FACTS) -> None:
        with pytest.raises(Rejected, match=why):
            template.decide(self.state(*events), command, facts)

    def test_one_name_of_one_owner_is_one_template(self) -> None:
        (event,) = template.decide(Template(), DefineTemplate(name="previs"), self.FACTS)
        assert event == DEFINED and event.keys().take == (template_key(OWNER, "previs"),)
        taken = replace(self.FACTS, taken=True)
        self.refused((), DefineTemplate(name="previs"), "a template of this name already", taken)

    def test_versions_are_counted(self) -> None:
        assert template.decide(self.state(DEFINED), self.VERSION, self.FACTS) == (FIRST,)
        second = replace(self.VERSION, document=OTHER_PAPER)
        (event,) = template.decide(self.state(DEFINED, FIRST), second, replace(self.FACTS, nodes=1))
        assert event == TemplateVersioned(number=2, document=OTHER_PAPER, nodes=1)

    def test_nothing_new_is_no_version(self) -> None:
        self.refused((DEFINED, FIRST), self.VERSION, "version 1 is this very document")

    def test_the_document_lies_in_the_store(self) -> None:
        self.refused((DEFINED,), self.VERSION, "expected the document 7070", replace(self.FACTS, nodes=None))

    def test_what_is_none_or_retired(self) -> None:
        self.refused((), self.VERSION, "is not a template of this ledger")
        retire = RetireTemplate(template=T)
        assert template.decide(self.state(DEFINED), retire, self.FACTS) == (TemplateRetired(),)
        for command in (retire, self.VERSION):
            self.refused((DEFINED, TemplateRetired()), command, "the template is retired")

    def test_nobody_elses(self) -> None:
        for command in (RetireTemplate(template=T), self.VERSION):
            self.refused((DEFINED,), command, "expected its owner", replace(self.FACTS, who=OTHER))

    def test_there_is_an_end(self) -> None:
        many = [replace(FIRST, number=n, document=Sha256(n.to_bytes(32, "big"))) for n in range(VERSIONS_MAX)]
        self.refused((DEFINED, *many), self.VERSION, f"at most {VERSIONS_MAX}")


class TestResource:
    """Enrolled, drained, resumed, retired; by its owner alone."""

    DRAIN, RESUME, RETIRE = DrainResource(resource=U), ResumeResource(resource=U), RetireResource(resource=U)

    @staticmethod
    def state(*events: Any) -> Resource:
        return reduce(resource.evolve, events, Resource())

    def refused(self, events: tuple[Any, ...], command: Any, why: str, who: PartyId = OWNER) -> None:
        with pytest.raises(Rejected, match=why):
            resource.decide(self.state(*events), command, who)

    def test_it_is_what_was_said_of_it(self) -> None:
        assert resource.decide(Resource(), MACHINES, OWNER) == (ENROLLED,)
        assert self.state(ENROLLED).open

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"country": "cn"}, "expected an ISO 3166-1 alpha-2 code such as CN, found 'cn'"),
            ({"country": "中国"}, "expected an ISO 3166-1"),
            ({"accelerators": 0}, "accelerators with their memory, or neither"),
            ({"accelerator_memory_mib": 0}, "accelerators with their memory, or neither"),
        ],
    )
    def test_what_cannot_be(self, change: dict[str, Any], why: str) -> None:
        self.refused((), replace(MACHINES, **change), why)

    def test_drained_and_back(self) -> None:
        assert resource.decide(self.state(ENROLLED), self.DRAIN, OWNER) == (ResourceDrained(),)
        drained = (ENROLLED, ResourceDrained())
        assert not self.state(*drained).open
        assert resource.decide(self.state(*drained), self.RESUME, OWNER) == (ResourceResumed(),)
        assert self.state(*drained, ResourceResumed()).open
        self.refused(drained, self.DRAIN, "the resource is drained")
        self.refused((ENROLLED,), self.RESUME, "the resource is open")

    def test_retired_for_ever(self) -> None:
        for events in ((ENROLLED,), (ENROLLED, ResourceDrained())):
            assert resource.decide(self.state(*events), self.RETIRE, OWNER) == (ResourceRetired(),)
        for command in (self.DRAIN, self.RESUME, self.RETIRE):
            self.refused((ENROLLED, ResourceRetired()), command, "the resource is retired")
        assert not self.state(ENROLLED, ResourceRetired()).open

    def test_nobody_elses_and_nothing_that_is_none(self) -> None:
        for command in (self.DRAIN, self.RESUME, self.RETIRE):
            self.refused((ENROLLED,), command, "expected its owner", OTHER)
            self.refused((), command, "is not a compute resource of this ledger")


class TestPrice:
    """What is quoted is a secret, and a mandate may be bound to how much."""

    @pytest.mark.parametrize(
        "found",
        [None, 12, [], {}, {"currency": "CNY"}, {"currency": "cny", "minor": 1}, {"currency": "CNYX", "minor": 1},
         {"currency": "CNY", "minor": -1}, {"currency": "CNY", "minor": 1.5}, {"currency": "CNY", "minor": True},
         {"currency": "CNY", "minor": 1, "note": "x"}],
    )  # fmt: skip
    def test_a_price_that_is_none_is_refused_and_not_repeated(self, found: object) -> None:
        with pytest.raises(Invalid, match=r"^price: expected an object of currency .* and minor ") as told:
            read_price(found)
        assert "note" not in str(told.value) and "CNYX" not in str(told.value)

    def test_an_agent_quotes_up_to_what_its_mandate_says(self) -> None:
        town = Town()
        machines, agent = machines_of(town), town.enrol(PartyKind.AGENT)

        def quote(minor: int, currency: str = "CNY") -> Any:
            command = QuotePrice(resource=machines, unit=PriceUnit.CALL, price=ANY, until=LATER)
            price = {"price": {"currency": currency, "minor": minor}}
            return town.give(command, agent, for_whom=town.holder, secrets=price)

        assert "has no mandate for this" in town.refusal(quote(1))
        limits = {"currency": "CNY", "amount_minor_max": 1_000}
        town.give(GrantMandate(party=agent, actions=("quote-price",), until=LATER, **limits)).require()
        assert town.refusal(quote(1_001)).endswith("mandate 2: moves at most 1000 CNY"), "and not how much was asked"
        assert town.refusal(quote(1, "EUR")).endswith("mandate 2: moves no EUR")
        assert [type(event) for event in town.written(quote(1_000))] == [PriceQuoted]
