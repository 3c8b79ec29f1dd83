"""What waits for a human because of its own bytes: pickles, and stages that nobody has opened."""

import pickle
import sys
from pathlib import Path
from types import ModuleType

import pytest

from domain.events import Sha256
from domain.governance.events import PartyKind, Role
from domain.identity.digital_object import Status
from domain.identity.events import Element, Origin
from domain.identity.trace_set import Declared
from domain.identity.upkeep import AttestElements, LiftQuarantine, RecheckObject
from domain.rights.events import Root
from infra.cli.output import Words
from infra.cli.reasons import reason_text
from infra.intake.hazards import NOBODY_LOOKED, NOT_A_STAGE, PICKLED, hold_of
from producers.identity import OBJECT
from tests.governance_kit import Town

WHOLE = Declared(
    {e: Sha256(b"e" * 32) for e in Element if e not in (Element.UNSPECIFIED, Element.HASH)}, Root.EMPLOYMENT
)
PICKLE = pickle.dumps({"weights": list(range(100))})
HAS_USD = any((Path(place) / "pxr").is_dir() for place in sys.path)


@pytest.mark.parametrize("media_type", ["application/x-pytorch", "application/x-python-pickle"])
def test_pickles_wait_without_being_opened(tmp_path: Path, media_type: str) -> None:
    blob = tmp_path / "blob"
    blob.write_bytes(pickle.dumps({"a": 1}))
    assert hold_of(blob, media_type) == PICKLED
    assert hold_of(tmp_path / "not even there", media_type) == PICKLED


@pytest.mark.parametrize(
    "media_type", ["image/png", "application/x-safetensors", "model/gltf-binary", "application/octet-stream"]
)
def test_what_does_nothing_does_not_wait(tmp_path: Path, media_type: str) -> None:
    assert hold_of(tmp_path / "blob", media_type) is None


@pytest.mark.skipif(HAS_USD, reason="usd-core is installed")
@pytest.mark.parametrize("media_type", ["model/vnd.usda", "model/vnd.usdc", "model/vnd.usdz+zip"])
def test_a_stage_that_nobody_can_open_waits(tmp_path: Path, media_type: str) -> None:
    assert hold_of(tmp_path / "blob", media_type) == NOBODY_LOOKED


@pytest.mark.parametrize(("works", "hold"), [(True, None), (False, NOT_A_STAGE)])
def test_where_usd_core_is_it_is_asked_in_a_process_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, works: bool, hold: str | None
) -> None:
    """A stand-in for the library of the same name, since the real one is no dependency: what is tried is our side."""
    package = tmp_path / "site" / "pxr"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    opens = "open(path, 'rb').read(5) == b'#usda'" if works else "None"
    (package / "Usd.py").write_text(f"class Stage:\n    @staticmethod\n    def Open(path):\n        return {opens}\n")
    monkeypatch.setitem(sys.modules, "pxr", ModuleType("pxr"))
    sys.modules["pxr"].__spec__ = importlib_spec(package)
    monkeypatch.setattr("infra.intake.hazards._OPEN", _with(tmp_path / "site"))
    blob = tmp_path / "blob"
    blob.write_bytes(b"#usda 1.0\n")
    assert hold_of(blob, "model/vnd.usda") == hold
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["pxr"], "nothing was left behind"


def importlib_spec(package: Path) -> object:
    from importlib.util import spec_from_file_location

    return spec_from_file_location("pxr", package / "__init__.py")


def _with(folder: Path) -> str:
    from infra.intake import hazards

    return f"import sys; sys.path.insert(0, {str(folder)!r}); {hazards._OPEN}"


class TestAtTheGate:
    """Held at birth, whatever is declared; let in by a human alone."""

    def test_a_whole_declaration_does_not_let_a_pickle_in(self) -> None:
        town = Town()
        guild = town.enrol(PartyKind.ORGANISATION, Role.OPERATOR)
        it = town.bring(PICKLE, guild, origin=Origin.HUMAN_WORK, declared=WHOLE)
        state = town.load(it, OBJECT).state
        assert (state.status, state.clause, state.lacking) == (Status.QUARANTINED, PICKLED, ())
        assert reason_text(state, Words("en")) == PICKLED
        assert "可能执行代码" in reason_text(state, Words("zh"))
        town.give(RecheckObject(object=it)).require()
        paper = town.put(b"looked at every opcode")
        town.give(AttestElements(object=it, elements=(Element.JOB,), statement=paper)).require()
        assert town.load(it, OBJECT).state.status is Status.QUARANTINED, "judging again does not let it in"
        town.give(LiftQuarantine(object=it, statement=paper)).require()
        town.give(RecheckObject(object=it)).require()
        assert town.load(it, OBJECT).state.status is Status.ADMITTED, "a human has looked"

    def test_brought_again_with_more_it_waits_still(self) -> None:
        town = Town()
        it = town.bring(PICKLE, origin=Origin.HUMAN_WORK)
        assert town.load(it, OBJECT).state.lacking
        again = town.bring(PICKLE, origin=Origin.HUMAN_WORK, declared=WHOLE)
        state = town.load(it, OBJECT).state
        assert again == it and (state.status, state.clause, state.lacking) == (Status.QUARANTINED, PICKLED, ())
