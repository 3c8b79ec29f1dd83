"""Many processes at once: nothing is done under what was withdrawn before, and one key belongs to one party."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from domain.governance.events import KeyBound, MandateRevoked, PartyEnrolled
from domain.governance.signing import prove_binding
from domain.ids import parse_ledger_id
from domain.ledger.keys import ed25519_signer
from infra.store.provision import READER
from infra.store.recorder import LedgerRecorder
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from tests.e2e.kit import Place, at_once, enrol, running

PROCESSES = 16


@pytest.fixture(scope="module")
def studio() -> Iterator[Place]:
    with running() as made:
        yield made


def decoded(studio: Place, first: int) -> list[tuple[int, object, bytes | None]]:
    """Return index, event and mandate of the entries from `first` on."""
    codec = Codec(CATALOGUE)
    with closing(LedgerRecorder(studio.database().dsn(READER))) as store:
        found = [(row.index, codec.accept(row.entry)) for row in store.rows(first, 1_000)]
    return [(index, one.event, one.envelope.mandate) for index, one in found]


def test_commands_race_with_the_revocation_of_the_mandate(studio: Place) -> None:
    agent = enrol(studio, "agent", key=False)
    status = studio.run("status", "--json").ok().json
    studio.run("mandate", "grant", agent, "--action", "enrol-party", "--until", "2035-01-01T00:00:00Z").ok()
    acting = ["party", "enrol", "--kind", "device", "--as", agent, "--on-behalf-of", status["holder"]]
    revoking = ["mandate", "revoke", agent, "--mandate", "2"]
    commands = [acting] * (PROCESSES // 2) + [revoking] + [acting] * (PROCESSES // 2 - 1)
    codes = at_once(studio, commands)
    assert set(codes) <= {0, 7}
    events = decoded(studio, status["ledger_size"])
    revoked = [index for index, event, _ in events if isinstance(event, MandateRevoked)]
    enrolled = [index for index, event, mandate in events if isinstance(event, PartyEnrolled) and mandate is not None]
    assert len(revoked) == 1 and codes[PROCESSES // 2] == 0
    assert all(index < revoked[0] for index in enrolled), "nothing was done under it afterwards"
    assert len(enrolled) == Counter(codes)[0] - 1


def test_many_parties_bind_one_key_and_one_has_it(studio: Place) -> None:
    ledger = parse_ledger_id(json.loads((studio.home / "config.json").read_text())["ledger"])
    seed = hashlib.sha256(b"the key that all of them hold").digest()
    size = studio.run("status", "--json").ok().json["ledger_size"]
    commands = []
    for _ in range(PROCESSES // 2):
        party = enrol(studio, "person", key=False)
        signer = ed25519_signer(party, seed)
        proof = prove_binding(signer, ledger)
        commands.append(["party", "bind-key", party, "--key", signer.vkey, "--proof", proof])
    codes = Counter(at_once(studio, commands))
    assert codes[0] == 1 and set(codes) <= {0, 6, 7}, codes
    assert sum(isinstance(event, KeyBound) for _, event, _ in decoded(studio, size)) == 1
    assert studio.run("fsck").ok().code == 0
