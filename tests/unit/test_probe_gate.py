"""What a probe finds goes into the birth of an object; a fault makes it wait, and no broken file represents another."""

import hashlib
from pathlib import Path

import pytest

from domain.errors import Rejected
from domain.events import Sha256
from domain.identity.digital_object import Status
from domain.identity.events import Element, ObjectIdentified, Origin, Purpose
from domain.identity.trace_set import Declared
from domain.identity.upkeep import AddRepresentation, LiftQuarantine
from domain.rights.events import Root
from infra.blobs.store import BlobStore
from infra.cli.output import Words
from infra.cli.reasons import reason_text
from infra.intake.gate import Gate, Taken
from infra.intake.hazards import PICKLED
from infra.intake.walk import walk
from infra.vault.memory import MemoryVault
from producers.identity import OBJECT
from tests.governance_kit import Town
from tests.probe_kit import SAMPLES, facts_of, png, probed
from tests.unit.test_application import World

BROKEN = png()[:-14]
WHY = "image/png: expected 1 bytes of chunk 49444154 at 33, found the file's end at 44"
WHOLE = Declared(
    {e: Sha256(b"e" * 32) for e in Element if e not in (Element.UNSPECIFIED, Element.HASH)}, Root.EMPLOYMENT
)


def births(tmp_path: Path, files: dict[str, bytes]) -> dict[str, ObjectIdentified]:
    """Bring files through the gate and return what was recorded of each at its birth."""
    world, folder = World(), tmp_path / "files"
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    gate = Gate(world.application, BlobStore(tmp_path / "blobs"), MemoryVault(), world.bringer())
    taken = list(gate.identify(walk([folder])))
    found = {}
    for one in taken:
        assert isinstance(one, Taken), one
        born = world.application.codec.decode(world.store.rows(one.first, 1)[0].entry).event
        assert isinstance(born, ObjectIdentified)
        found[one.display.rpartition("/")[2]] = born
    return found


def test_every_sample_is_born_with_its_facts(tmp_path: Path) -> None:
    born = births(tmp_path, {name: sample.data for name, sample in SAMPLES.items()})
    for name, (media_type, data, facts) in SAMPLES.items():
        assert born[name].content.media_type == media_type and born[name].hold is None
        assert {str(measure.quantity): measure.value for measure in born[name].technical} == facts
        assert born[name].content.sha256 == hashlib.sha256(data).digest()


def test_a_fault_is_a_hold_and_a_hazard_comes_first(tmp_path: Path) -> None:
    born = births(tmp_path, {"broken.png": BROKEN, "weights.pkl": b"\x80\x04K\x01.", "note.txt": b"said\n"})
    assert (born["broken.png"].hold, born["broken.png"].technical) == (WHY, ())
    assert born["weights.pkl"].hold == PICKLED
    assert (born["note.txt"].hold, born["note.txt"].technical) == (None, ())


def test_a_whole_declaration_does_not_let_a_broken_file_in_and_a_human_does() -> None:
    town = Town()
    it = town.bring(BROKEN, origin=Origin.HUMAN_WORK, declared=WHOLE)
    state = town.load(it, OBJECT).state
    assert (state.status, state.clause, state.lacking) == (Status.QUARANTINED, WHY, ())
    assert reason_text(state, Words("en")) == WHY
    assert reason_text(state, Words("zh")) == f"字节与其自身格式不符（{WHY}）"
    paper = town.put(b"the scan is all that is left of it")
    with pytest.raises(Rejected, match="who brought the object cannot clear it"):
        town.give(LiftQuarantine(object=it, statement=paper)).require()


def test_a_representation_has_its_facts_and_is_refused_where_it_is_broken() -> None:
    town = Town()
    it = town.bring(b"a scene", origin=Origin.HUMAN_WORK, declared=WHOLE)
    proxy = town.put(png(640, 360))
    town.give(AddRepresentation(object=it, sha256=proxy, purpose=Purpose.PROXY)).require()
    (added,) = town.load(it, OBJECT).state.representations
    assert added.technical == probed(png(640, 360), "image/png").measures
    assert facts_of(probed(png(640, 360), "image/png"))["width_px"] == 640
    broken = AddRepresentation(object=it, sha256=town.put(BROKEN), purpose=Purpose.PROXY)
    with pytest.raises(Rejected, match="AddRepresentation refused: image/png: expected 1 bytes of chunk"):
        town.give(broken).require()
