"""The picture of docs/rights.md says what the domain computes and the page says; no word leaves it or meets another."""

import re
import xml.etree.ElementTree as ET
from itertools import combinations

import pytest

from docs.rights_picture import AMBER, BARS, FLOOR, HEIGHT, TALL, WIDTH, draw_flow, granted, money, settled
from domain.rights.scope import contained
from tests.docs.pages import ROOT

SVG = "{http://www.w3.org/2000/svg}"
CHARACTER_WIDTH = 0.52
"""Of its size, a generous mean for letters; a Chinese character takes the whole."""
BAND = re.compile(r"M(\S+) (\S+)C\S+ \S+ \S+ \S+ (\S+) (\S+)L\S+ (\S+)C\S+ \S+ \S+ \S+ \S+ (\S+)Z")


@pytest.fixture(scope="module")
def drawn() -> ET.Element:
    return ET.fromstring(draw_flow())


def extents(drawn: ET.Element) -> list[tuple[str, float, float, float]]:
    """Return what each text says, from where to where, and its height."""
    found = []
    for text in drawn.iter(f"{SVG}text"):
        said, size, x = text.text or "", float(text.get("font-size", "")), float(text.get("x", ""))
        width = sum(size * (CHARACTER_WIDTH if letter.isascii() else 1) for letter in said)
        left = x - width * {"start": 0, "middle": 0.5, "end": 1}[text.get("text-anchor", "start")]
        found.append((said, left, left + width, float(text.get("y", ""))))
    return found


def test_every_amount_is_in_the_picture_and_on_the_page(drawn: ET.Element) -> None:
    found, said = settled(), " ".join(text for text, *_ in extents(drawn))
    page = (ROOT / "docs" / "rights.md").read_text(encoding="utf-8")
    assert sum(line.minor for line in found.lines) == found.amount.minor
    for amount in (found.amount.minor, *(line.minor for line in found.lines), *(flow.minor for flow in found.flows)):
        assert money(amount) in said and money(amount) in page, amount
    for line in found.lines:
        assert f",CNY,{line.minor // 100}.{line.minor % 100:02}\n" in page, "the statement of the page"


def test_bands_are_as_thick_as_what_they_carry(drawn: ET.Element) -> None:
    found = settled()
    bands = [BAND.fullmatch(path.get("d", "")) for path in drawn.iter(f"{SVG}path") if path.get("fill") == AMBER]
    thick = sorted(float(band[5]) - float(band[4]) for band in bands if band is not None)
    expected = sorted(one.minor / found.amount.minor * TALL for one in (*found.lines, *found.flows))
    assert len(thick) == len(bands) and thick == pytest.approx(expected, abs=0.02)
    (largest,) = [float(one.get("height", "")) for one in drawn.iter(f"{SVG}rect") if one.get("x") == str(BARS[2] - 5)]
    assert largest == TALL and largest + FLOOR < HEIGHT


def test_what_the_scopes_meet_in_lies_in_both() -> None:
    above, below, met = granted()
    assert contained(met, above) and contained(met, below) and met not in (above, below)
    assert met.duties.in_order() == above.duties.in_order(), "duties add up, everything else shrinks"


def test_every_word_is_inside_and_none_meets_another(drawn: ET.Element) -> None:
    placed = extents(drawn)
    for said, left, right, y in placed:
        assert left > 0 and right < WIDTH and 0 < y < HEIGHT, said
    for (said, left, right, y), (other, left2, right2, y2) in combinations(placed, 2):
        assert abs(y - y2) > 8 or right <= left2 or right2 <= left, f"{said!r} meets {other!r}"
