"""Technical facts through the real command line: shown in both languages, and a broken file that waits."""

from collections.abc import Iterator

import pytest

from tests.e2e.kit import Place, place
from tests.probe_kit import SAMPLES, facts_of, png, probed, wav

BROKEN = png()[:-14]


@pytest.fixture(scope="module")
def studio() -> Iterator[Place]:
    with place() as made:
        made.init("--origin", "film.example/probe")
        yield made


def test_facts_are_shown_as_json_and_in_words(studio: Place) -> None:
    still, sound = studio.write("still.png", png(1920, 1080)), studio.write("wind.wav", wav())
    studio.run("identify", still, sound).ok()
    found = studio.run("find", still, "--json").ok().json
    assert found["technical"] == facts_of(probed(png(1920, 1080), "image/png"))
    assert "technical   1920 x 1080 px, 3 channels, 8 bits\n" in studio.run("object", "show", found["id"]).ok().out
    assert "1920 × 1080 像素，3 通道，8 位" in studio.run("find", still, "--lang", "zh").ok().out
    assert studio.run("find", sound, "--json").ok().json["technical"] == SAMPLES["wav"].facts
    (proxy,) = studio.run("blob", "put", studio.write("proxy.png", png(64, 36)), "--json").ok().json["stored"]
    studio.run("object", "add-representation", found["id"], "--sha256", proxy["sha256"], "--purpose", "proxy").ok()
    (added,) = studio.run("find", still, "--json").ok().json["representations"]
    assert list(added) == ["id", "purpose", "media_type", "size", "technical"]
    assert (added["technical"]["width_px"], added["technical"]["height_px"]) == (64, 36)


def test_a_broken_work_of_ones_own_waits_and_says_why(studio: Place) -> None:
    broken = studio.write("broken.png", BROKEN)
    studio.run("declare", "own-creation", broken).ok()
    (found,) = studio.run("identify", broken, "--json").ok().json["objects"]
    why = probed(BROKEN, "image/png").fault
    assert why is not None and found["status"] == "quarantined" and why in found["because"]
    shown = studio.run("object", "show", found["id"], "--json").ok().json
    assert (shown["technical"], shown["hold"], shown["lacking"]) == ({}, why, [])
    assert "technical" not in studio.run("object", "show", found["id"]).ok().out
