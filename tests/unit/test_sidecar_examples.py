"""The example project: made the same everywhere, small, and what the demonstration says of it is true."""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from pathlib import Path

import pytest

from domain.identity.events import Element
from domain.identity.media import AssetKind, recognise
from examples.film import make
from examples.photos import PHOTOGRAPHS, copy_photographs, licence_text, sidecar
from infra.intake.sidecar import Sidecar, load_sidecar, parse_sidecar
from infra.intake.walk import Found, walk

TOTAL_BYTES_MAX = 300_000


def walked() -> dict[str, Found]:
    items = list(walk([make.PROJECT]))
    assert all(isinstance(item, Found) for item in items)
    return {item.path.removeprefix(f"{make.PROJECT}/"): item for item in items if isinstance(item, Found)}


def test_the_committed_files_are_what_the_script_makes() -> None:
    made = make.make()
    for name, data in made.items():
        assert (make.PROJECT / name).read_bytes() == data, f"{name} differs: run python -m examples.film.make"
    on_disk = {str(path.relative_to(make.PROJECT)) for path in make.PROJECT.rglob("*") if path.is_file()}
    assert on_disk == set(made)
    assert sum(path.stat().st_size for path in make.HERE.rglob("*") if path.is_file()) < TOTAL_BYTES_MAX + 100_000
    assert sum(map(len, made.values())) < TOTAL_BYTES_MAX


def test_the_pictures_are_complete_png_files() -> None:
    for name, data in make.make().items():
        if not name.endswith(".png"):
            continue
        chunks, at = {}, 8
        while at < len(data):
            (size,) = struct.unpack(">I", data[at : at + 4])
            kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
            assert struct.unpack(">I", data[at + 8 + size : at + 12 + size]) == (zlib.crc32(kind + body),)
            chunks[kind] = body
            at += 12 + size
        assert len(zlib.decompress(chunks[b"IDAT"])) == make.HEIGHT * (1 + make.WIDTH // 2)


def test_each_kind_of_the_film_is_there() -> None:
    kinds = {}
    for name, item in walked().items():
        data = Path(item.path).read_bytes()
        kinds[name] = recognise(data, size=len(data), name=name.rpartition("/")[2]).kind
    assert kinds == {
        "generated/night-river-wide.png": AssetKind.IMAGE,
        "generated/night-river.png": AssetKind.IMAGE,
        "props/lantern.obj": AssetKind.MESH,
        "screenplay/lamp-at-the-weir.fountain": AssetKind.SCREENPLAY,
        "storyboard/shot-010.png": AssetKind.IMAGE,
        "storyboard/shot-020.png": AssetKind.IMAGE,
        "storyboard/shot-030.png": AssetKind.IMAGE,
        "storyboard/to-editor/shot-020.png": AssetKind.IMAGE,
        "timeline/lamp-at-the-weir.otio": AssetKind.TIMELINE,
    }


def load(item: Found) -> Sidecar:
    assert item.sidecar is not None
    found = load_sidecar(item.sidecar, item.path.rpartition("/")[2])
    found.check_content(hashlib.sha256(Path(item.path).read_bytes()).digest(), item.sidecar)
    return found


def test_one_generated_still_says_all_and_the_other_does_not() -> None:
    items = walked()
    asked = {Element.AUTHORISATION, Element.MODEL, Element.PARAMETERS, Element.ENVIRONMENT, Element.JOB}
    assert set(load(items["generated/night-river.png"]).declared().evidence) == asked
    incomplete = load(items["generated/night-river-wide.png"]).declared().evidence
    assert asked - set(incomplete) == {Element.PARAMETERS, Element.ENVIRONMENT, Element.JOB}


def test_the_papers_are_those_that_the_sidecar_cites() -> None:
    still = load(walked()["generated/night-river.png"])
    papers = make.HERE / "papers"
    assert still.authorisation is not None and still.model is not None and still.parameters is not None
    terms = hashlib.sha256((papers / "service-terms.txt").read_bytes()).hexdigest()
    receipt = hashlib.sha256((papers / "service-receipt.json").read_bytes()).hexdigest()
    assert (still.authorisation.terms_sha256, still.model.receipt_sha256) == (terms, receipt)
    assert still.parameters.prompt_commitment == make.prompt_commitment(make.PROMPT, make.SALT)


def test_the_duplicate_comes_after_the_original() -> None:
    names = list(walked())
    original, copy = "storyboard/shot-020.png", "storyboard/to-editor/shot-020.png"
    assert names.index(original) < names.index(copy)
    assert (make.PROJECT / original).read_bytes() == (make.PROJECT / copy).read_bytes()


def test_the_timeline_cites_pictures_that_are_there() -> None:
    path = make.PROJECT / "timeline/lamp-at-the-weir.otio"
    clips = json.loads(path.read_bytes())["tracks"]["children"][0]["children"]
    for clip in clips:
        assert (path.parent / clip["media_references"]["DEFAULT_MEDIA"]["target_url"]).is_file()


def test_every_photograph_has_a_licence_a_source_and_a_valid_sidecar() -> None:
    assert len(PHOTOGRAPHS) >= 10
    assert len({photograph.sha256 for photograph in PHOTOGRAPHS}) == len(PHOTOGRAPHS)
    for photograph in PHOTOGRAPHS:
        document = json.dumps(sidecar(photograph)).encode()
        found = parse_sidecar(document, photograph.name, photograph.name)
        assert found.authorisation is not None and found.authorisation.licence == photograph.licence
        assert f"{photograph.name}: " in licence_text() and photograph.source in licence_text()
    complete = [item for item in PHOTOGRAPHS if item.device and item.session]
    assert 0 < len(complete) < len(PHOTOGRAPHS)


def test_a_photograph_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="try: pip install --no-deps --target DIR scikit-image=="):
        copy_photographs(tmp_path / "out", tmp_path / "nothing")
    data = tmp_path / "skimage" / "data"
    data.mkdir(parents=True)
    (data / PHOTOGRAPHS[0].name).write_bytes(b"another")
    with pytest.raises(ValueError, match=f"expected sha256 {PHOTOGRAPHS[0].sha256}, found "):
        copy_photographs(tmp_path / "out", tmp_path)
