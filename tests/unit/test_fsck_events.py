"""Vault and attestations held against a log in memory, with one thing wrong at a time."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

import pytest

from domain.errors import Unavailable
from domain.events import Sha256
from domain.governance.events import KeyEnd, PartyKind, Role
from domain.governance.party import EnrolParty, WithdrawKey
from domain.governance.subject import DeclareParticulars, EraseSubject
from domain.identity.events import ObjectIdentified
from domain.identity.upkeep import RecordPrompt
from domain.rights.events import Root
from domain.rights.settlement_events import SettlementContinued, line_path
from domain.rights.title_rules import ClaimRights
from infra.blobs.store import BlobStore
from infra.fsck.attestations import AttestationCheck
from infra.fsck.vault import VaultCheck
from infra.vault.erasure import finish
from infra.vault.memory import MemoryVault
from producers.ports import CommandKey
from producers.registry import REGISTRY
from producers.vault import Kept, Opening, Vault
from schemas.attestation import attest, manifest_text
from schemas.codec import Decoded
from tests.governance_kit import ANY, PREFIX, Town, binding, signer_of
from tests.identity_kit import submission
from tests.trade_kit import EARLIER, SINCE, Market, valued

OTHER = Sha256(b"o" * 32)


class Studio:
    """A town with an author who has recorded a prompt and a name, and an object that was brought twice."""

    def __init__(self) -> None:
        self.town = Town()
        self.vault = cast(MemoryVault, self.town.vault)
        self.author = self.town.enrol(PartyKind.PERSON, Role.OPERATOR, key=True)
        self.still = self.town.bring(b"a still", self.author)
        self.town.bring(b"a still", self.author, submission=self.vault.keep_document(self.author, b"the second time"))
        self.prompted = self.town.give(
            RecordPrompt(object=self.still, prompt=ANY, negative_prompt=ANY),
            self.author,
            secrets={"prompt": "a weir", "negative_prompt": "people"},
        ).first
        self.declared = self.town.give(
            DeclareParticulars(party=self.author, name=ANY), secrets={"name": "林晚照"}
        ).first

    def entries(self) -> list[Decoded]:
        return [self.town.application.codec.accept(row.entry) for row in self.town.store.rows(0, 10_000)]

    def check(self, vault: Vault | None = None, is_blob: Callable[[Sha256], bool] = lambda _: False) -> VaultCheck:
        check = VaultCheck(vault or self.vault, self.holder_of, is_blob)
        for index, entry in enumerate(self.entries()):
            check.see(index, entry)
        check.finish()
        return check

    def holder_of(self, stream: UUID) -> UUID:
        birth = next(e.event for e in self.entries() if e.envelope.stream_id == stream)
        assert isinstance(birth, ObjectIdentified)
        return birth.holder

    def erase(self) -> None:
        self.vault.begin_erasure(self.author)
        self.town.give(EraseSubject(party=self.author)).require()
        finish(self.town, self.author)

    def damaged(self, index: int, change: Callable[[Opening], Opening]) -> None:
        """Change what the vault keeps for the command of an entry."""
        envelope = self.entries()[index].envelope
        key = (envelope.actor, envelope.command_id)
        subject, kept = self.vault._commands[key]
        openings = {path: change(one) for path, one in kept.openings.items()}
        self.vault._commands[key] = subject, Kept(kept.event_id, openings)


@pytest.fixture
def studio() -> Studio:
    return Studio()


class TestVault:
    """What the log names is there, is what it says, or is gone by right."""

    def test_a_whole_one(self, studio: Studio) -> None:
        check = studio.check()
        assert check.damages == check.unknown == []
        assert check.summary == "2 documents and 3 values open what the ledger names, 0 are named by nothing"

    def test_what_nothing_names_is_counted(self, studio: Studio) -> None:
        studio.vault.keep_document(studio.author, b"left by a crash")
        studio.vault.keep(
            {"x": studio.author}, studio.author, UUID(int=1), UUID(int=2), {"x": Opening(bytes(32), b"1")}
        )
        check = studio.check()
        assert check.damages == [] and check.summary.endswith("2 are named by nothing")

    def test_another_value_or_salt_is_located(self, studio: Studio) -> None:
        studio.damaged(studio.prompted, lambda one: Opening(one.salt, b'"another"'))
        studio.damaged(studio.declared, lambda one: Opening(bytes(32), one.value))
        damages = studio.check().damages
        assert [line.partition(":")[0] for line in damages] == [
            f"the value of prompt of the entry at {studio.prompted}",
            f"the value of negative_prompt of the entry at {studio.prompted}",
            f"the value of name of the entry at {studio.declared}",
        ]
        assert all("not those that event" in line for line in damages)

    def test_a_value_that_is_gone_is_located(self, studio: Studio) -> None:
        envelope = studio.entries()[studio.declared].envelope
        studio.vault.discard(envelope.actor, envelope.command_id)
        (damage,) = studio.check().damages
        assert damage == (
            f"the value of name of the entry at {studio.declared} is not here, and party {studio.author} was not erased"
        )

    def test_documents_that_are_gone_are_located_by_the_first_entry_that_names_them(self, studio: Studio) -> None:
        for digest in list(studio.vault._documents):
            studio.vault.discard_document(digest)
        damages = studio.check().damages
        assert len(damages) == 2 and all(f"party {studio.author} was not erased" in line for line in damages)
        births = [n for n, e in enumerate(studio.entries()) if isinstance(e.event, ObjectIdentified)]
        assert f"first named by the entry at {births[0]}, is not here" in damages[0]

    def test_what_was_erased_is_no_damage(self, studio: Studio) -> None:
        studio.erase()
        check = studio.check()
        assert check.damages == [] and check.summary.startswith("0 documents and 0 values")

    def test_what_outlived_its_erasure_is(self, studio: Studio) -> None:
        studio.erase()
        studio.vault._documents[OTHER] = (studio.author, b"restored from a backup")
        (damage,) = studio.check().damages
        assert damage.startswith(f"1 values of party {studio.author} are here, erased by the entry at ")

    @pytest.mark.parametrize("call", ["openings", "document", "held"])
    def test_a_vault_that_ends_in_the_middle_cannot_tell(
        self, studio: Studio, monkeypatch: pytest.MonkeyPatch, call: str
    ) -> None:
        def away(*_: object) -> None:
            raise Unavailable("the vault does not answer")

        studio.damaged(studio.declared, lambda one: Opening(one.salt, b'"another"'))
        monkeypatch.setattr(studio.vault, call, away)
        check = studio.check()
        assert check.unknown == ["the vault does not answer"]
        assert len(check.damages) == (1 if call == "held" else 0), "what was found before stays found"


class Signing:
    """A town whose attestations are kept, and one command signed by a second party."""

    def __init__(self, blobs: BlobStore) -> None:
        self.town, self.blobs = Town(), blobs
        self.clerk = self.town.enrol(PartyKind.PERSON, Role.REGISTRAR)
        self.give(binding(self.town.ledger, self.clerk))
        self.index = self.give(EnrolParty(kind=PartyKind.DEVICE), self.clerk)

    def give(self, command: Any, actor: UUID | None = None) -> int:
        """Give a command, keep its attestation and return the index of its event."""
        request = self.town.request(command, actor)
        if request.attestation is not None:
            made = request.attestation
            self.blobs.put_bytes(attest(made.text, made.key, made.signature)[1])
        return self.town.execute(REGISTRY.task(request, self.town.ledger)).first

    def check(self, **changed: Any) -> AttestationCheck:
        """Check all entries; `changed` are members of the envelope at `index`."""
        check = AttestationCheck(self.blobs)
        for index, row in enumerate(self.town.store.rows(0, 10_000)):
            entry = self.town.application.codec.accept(row.entry)
            if index == self.index:
                entry = entry._replace(envelope=replace(entry.envelope, **changed))
            check.see(index, entry)
        check.finish()
        return check


@pytest.fixture
def signing(tmp_path: Any) -> Signing:
    return Signing(BlobStore(tmp_path))


class TestAttestations:
    """Whoever stands in an envelope as having signed has signed this command."""

    def test_what_was_signed_verifies_and_what_is_not_here_is_counted(self, signing: Signing) -> None:
        check = signing.check()
        assert check.damages == check.unknown == []
        assert check.summary == "2 signed commands verified, documents of 2 are not here"

    def test_the_command_that_withdraws_its_own_key_is_signed_by_it(self, signing: Signing) -> None:
        key = signer_of(signing.clerk).vkey
        signing.give(WithdrawKey(party=signing.clerk, key=key, reason=KeyEnd.LOST), signing.clerk)
        assert signing.check().damages == []
        assert signing.check().summary.startswith("3 signed commands verified")

    def test_a_key_that_was_not_in_force_then_signs_nothing(self, signing: Signing) -> None:
        key = signer_of(signing.clerk).vkey
        before = signing.index
        signing.index = signing.give(EnrolParty(kind=PartyKind.DEVICE), signing.clerk)
        copied = signing.town.application.codec.accept(signing.town.store.rows(before, 1)[0].entry).envelope
        signing.give(WithdrawKey(party=signing.clerk, key=key, reason=KeyEnd.LOST))
        signing.index = signing.give(EnrolParty(kind=PartyKind.DEVICE))
        named = {"attestation": copied.attestation, "actor": copied.actor, "command_id": copied.command_id}
        (damage,) = signing.check(**named).damages
        assert f"at index {signing.index}: expected a signature by one of the 0 keys in force" in damage

    @pytest.mark.parametrize("member", ["command_id", "on_behalf_of"])
    def test_the_attestation_of_another_command_is_located(self, signing: Signing, member: str) -> None:
        (damage,) = signing.check(**{member: UUID(int=1)}).damages
        assert f"at index {signing.index}: expected command" in damage

    def test_a_signature_by_somebody_else_is_located(self, signing: Signing) -> None:
        (damage,) = signing.check(actor=signing.town.holder).damages
        assert "found another key" in damage

    @pytest.mark.parametrize("document", [b"{}", b"[]", b"\xff", b'{"command":{},"key":"k","signature":"AA=="}'])
    def test_what_is_no_attestation_is_located(self, signing: Signing, document: bytes) -> None:
        (damage,) = signing.check(attestation=signing.blobs.put_bytes(document)).damages
        assert f"at index {signing.index}: " in damage

    def test_another_spelling_of_it_is_another_document(self, signing: Signing) -> None:
        entry = signing.town.application.codec.accept(signing.town.store.rows(signing.index, 1)[0].entry)
        assert entry.envelope.attestation is not None
        spaced = signing.blobs.read_bytes(entry.envelope.attestation, 10_000).replace(b'":', b'": ', 1)
        (damage,) = signing.check(attestation=signing.blobs.put_bytes(spaced)).damages
        assert "another spelling" in damage

    def test_a_damaged_document_is_located(self, signing: Signing) -> None:
        entry = signing.town.application.codec.accept(signing.town.store.rows(signing.index, 1)[0].entry)
        path = signing.blobs.path(entry.envelope.attestation or b"")
        path.chmod(0o600)
        path.write_bytes(path.read_bytes() + b" ")
        (damage,) = signing.check().damages
        assert "expected sha256" in damage

    def test_one_that_cannot_be_read_cannot_be_told(self, signing: Signing) -> None:
        entry = signing.town.application.codec.accept(signing.town.store.rows(signing.index, 1)[0].entry)
        path = signing.blobs.path(entry.envelope.attestation or b"")
        path.unlink()
        path.mkdir()
        check = signing.check()
        assert check.damages == [] and f"at index {signing.index}: cannot read" in check.unknown[0]


class TestManifests:
    """Files that were signed together: one attestation, and the manifest that each of their events names."""

    def brought(self, studio: Studio, named: Sha256, signed: Sha256) -> AttestationCheck:
        town, who = studio.town, studio.author
        text = manifest_text(
            signed, command_id=town.new_id(), actor=who, on_behalf_of=None, ledger=town.ledger, prefix=PREFIX
        )
        signer, blobs = signer_of(who), town.blobs
        attestation, document = attest(text, signer.vkey, signer.sign(text))
        blobs.put_bytes(document)
        for data in (b"reel one", b"reel two"):
            key = CommandKey(who, town.new_id())
            town.execute(submission(key, who, data, attestation=attestation, submission=named)).require()
        check = AttestationCheck(blobs)
        for index, entry in enumerate(studio.entries()):
            check.see(index, entry)
        return check

    def test_one_signature_stands_for_each_file_of_the_manifest(self, studio: Studio) -> None:
        manifest = studio.vault.keep_document(studio.author, b"two reels")
        check = self.brought(studio, manifest, manifest)
        assert check.damages == [] and check.summary.startswith("2 signed commands verified")
        assert studio.check().damages == []

    def test_another_manifest_than_the_signed_one_is_located(self, studio: Studio) -> None:
        check = self.brought(studio, OTHER, Sha256(b"s" * 32))
        assert len(check.damages) == 2 and all(f"found {OTHER.hex()}" in line for line in check.damages)

    def test_a_statement_may_be_a_document_of_the_blob_store(self, studio: Studio) -> None:
        paper = studio.town.put(b"how we made it, and when")
        claimed = ClaimRights(work=OTHER, root=Root.OWN_CREATION, statement=paper)
        studio.town.give(claimed, studio.author).require()
        (damage,) = studio.check().damages
        assert damage.startswith(f"statement {paper.hex()}")
        assert studio.check(is_blob=lambda sha256: sha256 == paper).damages == []


class TestMoney:
    """Amounts of settlements and valuations against the vault: whose each one is decides what its absence means."""

    def checked(self, market: Market) -> VaultCheck:
        town = market.town
        check = VaultCheck(town.vault, lambda _: town.holder, lambda sha256: town.blobs.path(sha256).exists())
        for row in town.store.rows(0, 10_000):
            check.see(row.index, town.application.codec.accept(row.entry))
        check.finish()
        return check

    def test_everything_is_here(self) -> None:
        market = Market()
        market.settle().require()
        critic = market.town.enrol(PartyKind.PERSON, Role.AUDITOR, key=True)
        valued(market.town, market.ride, critic)
        check = self.checked(market)
        assert check.damages == [] and "8 values open" in check.summary

    @pytest.mark.parametrize(
        ("whose", "what"),
        [
            ("co_author", ["the value of lines.3.amount"]),
            ("studio", ["the value of lines.1.amount"]),
            ("park", ["the value of amount", "the value of lines.0.amount", "settlement statement"]),
        ],
    )
    def test_what_is_missing_is_its_partys(self, whose: str, what: list[str]) -> None:
        market = Market()
        market.settle().require()
        party = getattr(market, whose)
        market.town.vault.destroy(party)
        damages = self.checked(market).damages
        assert len(damages) == len(what), damages
        for line, begins in zip(damages, what, strict=True):
            assert line.startswith(begins) and f"party {party} was not erased" in line

    def test_amounts_of_a_settlement_of_many_entries(self) -> None:
        market = Market()
        licence, plan = market.crowd(1, *(100,) * 5)
        outcome = market.settle(1_000_003, licence=licence, plan=plan)
        outcome.require()
        assert "502 values open" in self.checked(market).summary and self.checked(market).damages == []
        last = market.town.application.codec.accept(market.town.store.rows(outcome.last, 1)[0].entry).event
        assert isinstance(last, SettlementContinued)
        vault, payee = cast(MemoryVault, market.town.vault), last.lines[0].party
        (key,) = (key for key, (owners, _) in vault._commands.items() if line_path(500) in owners)
        owners, kept = vault._commands[key]
        other = {**kept.openings, line_path(500): Opening(bytes(32), b"{}")}
        vault._commands[key] = owners, Kept(kept.event_id, other)
        (damage,) = self.checked(market).damages
        assert damage.startswith(f"the value of lines.0.amount of the entry at {outcome.last}: lines.500.amount: ")
        vault.destroy(payee)
        (damage,) = self.checked(market).damages
        assert damage == (
            f"the value of lines.0.amount of the entry at {outcome.last} is not here, and party {payee} was not erased"
        )

    def test_what_was_owed_to_who_had_been_erased_is_the_licensors(self) -> None:
        """An amount that was kept under the licensor's key is lost if it is gone, though its payee was erased."""
        market = Market()
        town = market.town
        market.settle(since=EARLIER, until=SINCE).require()
        town.vault.begin_erasure(market.co_author)
        town.give(EraseSubject(party=market.co_author), market.co_author).require()
        finish(town, market.co_author)
        index = market.settle().first
        assert self.checked(market).damages == []
        vault = cast(MemoryVault, town.vault)
        (key,) = (key for key, (owners, _) in vault._commands.items() if owners.get(line_path(3)) == market.park)
        owners, kept = vault._commands[key]
        left = {path: one for path, one in kept.openings.items() if path != line_path(3)}
        vault._commands[key] = owners, Kept(kept.event_id, left)
        (damage,) = self.checked(market).damages
        assert damage == (
            f"the value of lines.3.amount of the entry at {index} is not here, and party {market.park} was not erased"
        )

    def test_what_an_object_is_worth_is_its_holders(self) -> None:
        market = Market()
        critic = market.town.enrol(PartyKind.PERSON, Role.AUDITOR, key=True)
        valued(market.town, market.ride, critic)
        market.town.vault.destroy(market.town.holder)
        damages = [line for line in self.checked(market).damages if line.startswith("the value of")]
        assert [line.split()[3] for line in damages] == ["low", "point", "high"]
        assert all(f"party {market.town.holder} was not erased" in line for line in damages)
