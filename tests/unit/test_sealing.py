"""From a value to its commitments: what is asked of a secret, and that the same command is the same command."""

import json
from typing import Any

import pytest

from domain.commitment import VALUE_BYTES_MAX, commit, verify_opening
from domain.errors import Conflict, Invalid, NotFound, Rejected, Unavailable
from domain.governance.events import PartyKind
from domain.governance.party import GrantMandate
from domain.identity.events import PromptCommitted
from domain.identity.upkeep import RecordPrompt
from domain.ids import ObjectId, format_id
from infra.governance.given import Given
from infra.vault.opening import FORMAT, check_opening, commitment_at, entry_at, opening_document
from infra.vault.sealing import Secrets, keeping, seal_secrets
from producers.vault import Opening
from tests.governance_kit import ANY, LATER, PREFIX, Town

SALT = "0f" * 32


class Desk:
    """A town with an object, and prompts that are given for it."""

    def __init__(self) -> None:
        self.town = Town()
        self.still: ObjectId = self.town.bring(b"a still")
        self.command_id = self.town.new_id()

    def given(self, secrets: Any, **members: Any) -> Given:
        document = {"object": format_id("O", self.still, PREFIX), **members}
        data = json.dumps(document).encode()
        return Given("record-prompt", data, self.town.holder, self.command_id, None, None, secrets)

    def seal(self, secrets: Any, *, salted: bool = False, **members: Any) -> Secrets:
        return seal_secrets(self.town.vault, self.town.new_id, self.given(secrets, **members), salted=salted)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_input_and_event_commit_to_one_salt_and_value(desk: Desk) -> None:
    sealed = desk.seal({"prompt": "夜景", "negative_prompt": "fog"})
    document = json.loads(sealed.data)
    for name, value in (("prompt", '"夜景"'), ("negative_prompt", '"fog"')):
        opening = sealed.openings[name]
        assert opening.value == value.encode()
        signed = bytes.fromhex(document[name])
        verify_opening(signed, desk.command_id, f"input.{name}", opening.salt, opening.value)
        verify_opening(sealed.committed().fields[name], sealed.event_id, name, opening.salt, opening.value)
    assert sealed.openings["prompt"].salt != sealed.openings["negative_prompt"].salt


def test_each_time_another_salt_until_it_is_kept(desk: Desk) -> None:
    first, second = desk.seal({"prompt": "x"}), desk.seal({"prompt": "x"})
    assert first.data != second.data and first.event_id != second.event_id
    desk.town.vault.keep(
        {"prompt": desk.town.holder}, desk.town.holder, desk.command_id, first.event_id, first.openings
    )
    assert desk.seal({"prompt": "x"}) == first
    with pytest.raises(Rejected, match="known with other values"):
        desk.seal({"prompt": "y"})


@pytest.mark.parametrize(
    ("secrets", "why"),
    [
        ({"price": 1}, r"expected secrets of prompt, negative_prompt, found 'price'"),
        ({"prompt": {"salt": "0f", "value": "x"}}, "secret prompt.salt: expected 64 lower-case hex digits"),
        ({"prompt": {"salt": "0F" * 32, "value": "x"}}, "secret prompt.salt: expected 64"),
        ({"prompt": {"salt": 3, "value": "x"}}, "secret prompt.salt: expected 64"),
        ({"prompt": "x" * VALUE_BYTES_MAX}, "expected at most 1048576 bytes"),
    ],
)
def test_what_is_no_secret_of_the_command(desk: Desk, secrets: Any, why: str) -> None:
    with pytest.raises(Invalid, match=why) as caught:
        desk.seal(secrets)
    assert "xxxx" not in str(caught.value)


def test_a_secret_that_is_signed_elsewhere_comes_with_its_salt(desk: Desk) -> None:
    with pytest.raises(Invalid, match="expected an object of salt and value"):
        desk.seal({"prompt": "x"}, salted=True)
    secret = {"prompt": {"salt": SALT, "value": "x"}}
    sealed = desk.seal(secret, salted=True)
    stands = commit(desk.command_id, "input.prompt", bytes.fromhex(SALT), b'"x"').hex()
    assert json.loads(sealed.data)["prompt"] == stands
    assert json.loads(desk.seal(secret, prompt=stands).data)["prompt"] == stands
    with pytest.raises(Invalid, match="does not open the commitment that stands there"):
        desk.seal(secret, prompt="00" * 32)


def test_only_a_command_that_there_is_and_an_object(desk: Desk) -> None:
    given = desk.given({"prompt": "x"})
    with pytest.raises(NotFound):
        seal_secrets(
            desk.town.vault, desk.town.new_id, Given("fly", b"{}", given.actor, given.command_id, None, None, {"x": 1})
        )
    with pytest.raises(Invalid, match="expected an object"):
        seal_secrets(
            desk.town.vault,
            desk.town.new_id,
            Given("record-prompt", b"[]", given.actor, given.command_id, None, None, {"x": 1}),
        )


class TestKept:
    """Values stay in the vault where the ledger has their event, or where nobody knows."""

    def kept(self, desk: Desk) -> Any:
        command = RecordPrompt(object=desk.still, prompt=ANY)
        return desk.town.request(command, command_id=desk.command_id, secrets={"prompt": "x"})

    @pytest.mark.parametrize(
        ("error", "stays"), [(Rejected("no"), False), (Conflict("no"), False), (Unavailable("?"), True)]
    )
    def test_a_refusal_takes_them_out(self, desk: Desk, error: Exception, stays: bool) -> None:
        request = self.kept(desk)
        with pytest.raises(type(error)), keeping(desk.town.vault, desk.town.store, request):
            raise error
        assert (desk.town.vault.kept(desk.town.holder, desk.command_id) is not None) is stays

    def test_a_refused_repetition_does_not(self, desk: Desk) -> None:
        command = RecordPrompt(object=desk.still, prompt=ANY)
        desk.town.give(command, command_id=desk.command_id, secrets={"prompt": "x"}).require()
        request = self.kept(desk)
        with pytest.raises(Rejected), keeping(desk.town.vault, desk.town.store, request):
            raise Rejected("another body under the same command id")
        assert desk.town.vault.kept(desk.town.holder, desk.command_id) is not None

    def test_an_author_who_acts_for_another_leaves_them_under_the_others_key(self, desk: Desk) -> None:
        town = desk.town
        agent = town.enrol(PartyKind.AGENT, key=True)
        town.give(GrantMandate(party=agent, actions=("record-prompt",), until=LATER)).require()
        command = RecordPrompt(object=desk.still, prompt=ANY)
        outcome = town.give(command, agent, for_whom=town.holder, secrets={"prompt": "x"})
        (event,) = town.written(outcome)
        assert isinstance(event, PromptCommitted) and event.author == town.holder
        envelope = town.application.codec.accept(town.store.rows(outcome.first, 1)[0].entry).envelope
        assert town.vault.owner(envelope.event_id, "prompt") == town.holder


class TestOpening:
    """What is shown is checked against the entry, here and by whoever gets it."""

    class Shown:
        """One recorded prompt, its entry and its opening."""

        def __init__(self) -> None:
            self.town = Town()
            still = self.town.bring(b"a still")
            outcome = self.town.give(RecordPrompt(object=still, prompt=ANY), secrets={"prompt": {"a": [1, "夜"]}})
            self.index = outcome.first
            self.entry = self.town.store.rows(self.index, 1)[0].entry
            self.decoded = entry_at(self.town.application, self.index)
            self.opening = self.town.vault.open(self.decoded.envelope.event_id, "prompt")
            self.document = opening_document(self.index, self.decoded, "prompt", self.opening)

    @pytest.fixture
    def shown(self) -> "TestOpening.Shown":
        return self.Shown()

    def test_it_shows_the_value_and_proves_it(self, shown: "TestOpening.Shown") -> None:
        assert shown.document["value"] == {"a": [1, "夜"]} and shown.document["format"] == FORMAT
        assert check_opening(json.dumps(shown.document).encode(), shown.entry) == shown.document

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"value": {"a": [1, "昼"]}}, "not those that event"),
            ({"salt": "00" * 32}, "not those that event"),
            ({"salt": "xy"}, "salt as hex digits"),
            ({"salt": 3}, "path and salt as strings"),
            ({"path": "negative_prompt"}, "has no commitment at"),
            ({"path": "author"}, "has no commitment at"),
            ({"path": "__class__"}, "has no commitment at"),
            ({"event_id": "01937e3f-2b5c-7d4a-9c3e-5f6a7b8c9d0e"}, "the entry is event"),
            ({"event_id": "x"}, "event_id as a UUID"),
            ({"format": "edgeprint/opening/2"}, "expected edgeprint/opening/1"),
            ({"more": 1}, "with the members"),
        ],
    )
    def test_anything_else_is_refused(self, shown: "TestOpening.Shown", change: dict[str, Any], why: str) -> None:
        forged = json.dumps({**shown.document, **change}).encode()
        with pytest.raises((Invalid, NotFound), match=why):
            check_opening(forged, shown.entry)

    def test_every_bit_of_the_commitment_counts(self, shown: "TestOpening.Shown") -> None:
        document = json.dumps(shown.document).encode()
        for place in range(len(shown.entry) - 33, len(shown.entry) - 1):  # behind it stands the null alone
            entry = bytearray(shown.entry)
            entry[place] ^= 1
            with pytest.raises((Invalid, NotFound)):
                check_opening(document, bytes(entry))

    def test_a_vault_that_lies_is_noticed(self, shown: "TestOpening.Shown") -> None:
        lie = Opening(shown.opening.salt, b'"something else"')
        with pytest.raises(Invalid, match="not those that event"):
            opening_document(shown.index, shown.decoded, "prompt", lie)

    def test_places_in_an_event(self, shown: "TestOpening.Shown") -> None:
        assert commitment_at(shown.decoded.event, "prompt") == bytes.fromhex(shown.document["commitment"])
        for path in ("", ".", "prompt.0", "nothing", "author", "0"):
            with pytest.raises(NotFound, match="has no commitment at"):
                commitment_at(shown.decoded.event, path)
        with pytest.raises(NotFound, match="expected an index below"):
            entry_at(shown.town.application, 10_000)
