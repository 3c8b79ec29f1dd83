"""Many processes at once on objects and capabilities: exactly the allowed outcomes, shown by replaying the log."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from domain.capability.events import CapabilityGraded, CapabilityPublished, CapabilityRevoked
from domain.events import Event
from domain.identity.events import AltIdBound, MetadataAmended, ObjectWithdrawn
from examples.capability.make import make, write
from infra.store.provision import READER
from infra.store.recorder import LedgerRecorder
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec
from tests.e2e.kit import Place, at_once, running

PROCESSES = 16


@pytest.fixture(scope="module")
def studio() -> Iterator[Place]:
    with running() as made:
        yield made


def logged(studio: Place, first: int) -> list[Event]:
    """Return the events from index `first` on."""
    codec = Codec(CATALOGUE)
    with closing(LedgerRecorder(studio.database().dsn(READER))) as store:
        return [codec.accept(row.entry).event for row in store.rows(first, 1_000)]


def size(studio: Place) -> int:
    return int(studio.run("status", "--json").ok().json["ledger_size"])


def bring(studio: Place, *names: str) -> list[str]:
    paths = [studio.write(name, f"the bytes of {name}\n") for name in names]
    found = studio.run("identify", *map(str, paths), "--json").ok().json["objects"]
    return [one["id"] for one in found]


def document(studio: Place, text: str) -> str:
    stored = studio.run("blob", "put", str(studio.write("paper", text)), "--json").ok().json["stored"]
    return str(stored[0]["sha256"])


def test_many_objects_are_to_have_one_identifier_and_one_has_it(studio: Place) -> None:
    objects = bring(studio, *(f"one-{n}" for n in range(PROCESSES // 2)))
    before = size(studio)
    codes = Counter(
        at_once(studio, [["object", "bind-id", it, "--scheme", "doi", "--text", "10.5594/ONE"] for it in objects])
    )
    assert codes[0] == 1 and set(codes) <= {0, 6, 7}, codes
    bound = [event for event in logged(studio, before) if isinstance(event, AltIdBound)]
    assert [one.text for one in bound] == ["10.5594/ONE"]
    assert studio.run("fsck").ok().code == 0


@pytest.mark.soak
def test_descriptions_race_with_the_withdrawal(studio: Place) -> None:
    (it,) = bring(studio, "withdrawn")
    papers = [document(studio, f"description {n}") for n in range(PROCESSES - 1)]
    before = size(studio)
    amending = [["object", "amend", it, "--document", paper] for paper in papers]
    ending = ["object", "withdraw", it, "--reason", "defect", "--effective-at", "2026-12-01T00:00:00Z"]
    codes = at_once(studio, [*amending[:5], ending, *amending[5:]])
    assert set(codes) <= {0, 7} and codes[5] == 0
    events = [event for event in logged(studio, before) if isinstance(event, MetadataAmended | ObjectWithdrawn)]
    assert isinstance(events[-1], ObjectWithdrawn), "nothing is described after it"
    assert len(events) == codes.count(0)
    chain = [event for event in events if isinstance(event, MetadataAmended)]
    assert [one.supersedes for one in chain] == [None, *(one.document for one in chain[:-1])], "each saw the one before"


@pytest.mark.soak
def test_publication_races_with_the_revocation(studio: Place) -> None:
    vendor = str(studio.run("party", "enrol", "--kind", "organisation", "--json").ok().json["stream"])
    studio.run("party", "new-key", vendor).ok()
    described = ["capability", "describe", "--name", "posterise", "--kind", "algorithm", "--as", vendor, "--json"]
    it = str(studio.run(*described).ok().json["stream"])
    write(studio.files / "filed", make())
    paths = [str(studio.files / "filed" / name) for name in ("manifest.json", "ml-bom.json", "code.zip", "sky.ppm")]
    stored = studio.run("blob", "put", *paths, "--json").ok().json["stored"]
    manifest, bom = stored[0]["sha256"], stored[1]["sha256"]
    studio.run("capability", "sign", it, "--manifest", manifest, "--ml-bom", bom, "--as", vendor).ok()
    for step in ("scan", "test"):
        studio.run("capability", step, it, "--version", "1").ok()
    basis = document(studio, "looked at it")
    grading = ["capability", "grade", it, "--version", "1", "--grade", "g0", "--nature", "research", "--basis", basis]
    studio.run(*grading).ok()
    before = size(studio)
    publishing = ["capability", "publish", it, "--version", "1"]
    revoking = ["capability", "revoke", it, "--reason", "security", "--statement", basis]
    revoking += ["--effective-at", "2026-12-01T00:00:00Z"]
    commands = [publishing] * 4 + [revoking] + [grading] * 4 + [publishing] * 4 + [revoking]
    codes = at_once(studio, commands)
    assert set(codes) <= {0, 7}
    events = logged(studio, before)
    ends = [place for place, event in enumerate(events) if isinstance(event, CapabilityRevoked)]
    done = [p for p, event in enumerate(events) if isinstance(event, CapabilityPublished | CapabilityGraded)]
    assert len(ends) == 1 and all(place < ends[0] for place in done)
    assert sum(isinstance(event, CapabilityPublished) for event in events) <= 1
    assert studio.run("capability", "show", it, "--json").ok().json["callable"] is False
