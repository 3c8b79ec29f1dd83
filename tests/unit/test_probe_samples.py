"""Each format states what was put into it, is recognised as what it is probed as, and is told in words."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import NotFound, Unavailable
from domain.identity.events import MEASURES_MAX, Quantity
from domain.identity.media import HEAD_BYTES, KINDS, TAIL_BYTES, recognise
from infra.cli.output import Words
from infra.cli.technical import _UNITS, technical_text
from infra.probe.probing import NOTHING, PROBES, probe
from tests.probe_kit import SAMPLES, facts_of, png, probed


@pytest.mark.parametrize("name", SAMPLES)
def test_the_values_are_those_that_were_put_in(name: str) -> None:
    media_type, data, facts = SAMPLES[name]
    found = probed(data, media_type)
    assert (found.fault, facts_of(found)) == (None, facts)


@pytest.mark.parametrize("name", SAMPLES)
def test_the_gate_recognises_what_is_probed(name: str) -> None:
    media_type, data, _ = SAMPLES[name]
    found = recognise(data[:HEAD_BYTES], size=len(data), tail=data[-TAIL_BYTES:], name="")
    assert found.media_type == media_type


def test_every_probe_has_a_sample_and_a_type_that_is_recognised() -> None:
    assert {sample.media_type for sample in SAMPLES.values()} >= set(PROBES) - {
        "video/3gpp",
        "video/3gpp2",
        "audio/mp4",
    }
    assert set(PROBES) <= set(KINDS)


def test_measures_stand_in_the_order_of_the_enum_each_once() -> None:
    order = list(Quantity)
    for media_type, data, _ in SAMPLES.values():
        places = [order.index(measure.quantity) for measure in probed(data, media_type).measures]
        assert places == sorted(set(places)) and len(places) <= MEASURES_MAX


def test_a_type_without_a_probe_is_not_opened(tmp_path: Path) -> None:
    for media_type in ("application/octet-stream", "application/json", "model/vnd.usda", "text/plain"):
        assert probe(tmp_path / "not there", media_type) == NOTHING
    with pytest.raises(NotFound):
        probe(tmp_path / "not there", "image/png")
    with pytest.raises(Unavailable):
        probe(tmp_path, "image/png")


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    def open_ones() -> set[str]:
        return {path.name for path in Path("/proc/self/fd").iterdir()}

    probed(b"", "image/png")
    before = open_ones()
    for number, data in enumerate((png(), png()[:20], b"")):
        path = tmp_path / str(number)
        path.write_bytes(data)
        assert probe(path, "image/png") == probed(data, "image/png")
    assert open_ones() == before


@pytest.mark.parametrize(
    ("technical", "english", "chinese"),
    [
        ({}, "", ""),
        (
            {"width_px": 1920, "height_px": 1080, "channels": 3, "bits_per_sample": 8},
            "1920 x 1080 px, 3 channels, 8 bits",
            "1920 × 1080 像素，3 通道，8 位",
        ),
        ({"width_px": 7}, "7 px wide", "7 像素宽"),
        ({"duration_us": 1_500_000, "tracks": 1}, "1.500 s, 1 track", "1.500 秒，1 轨"),
        ({"vertices": 1, "faces": 2, "meshes": 1}, "1 vertex, 2 faces, 1 mesh", "1 个顶点，2 个面，1 个网格"),
    ],
)
def test_facts_in_words(technical: dict[str, int], english: str, chinese: str) -> None:
    assert technical_text(technical, Words("en")) == english
    assert technical_text(technical, Words("zh")) == chinese


def test_every_quantity_has_words() -> None:
    def told() -> Iterator[str]:
        for quantity in list(Quantity)[1:]:
            yield technical_text({str(quantity): 2}, Words("zh"))

    assert set(_UNITS) == set(Quantity) - {Quantity.UNSPECIFIED}
    assert all(told())
