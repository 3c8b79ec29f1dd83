"""The map of the domain: well-formed, no box over another, every word inside its box."""

import re
import xml.etree.ElementTree as ET

from docs.domain_map import COLUMN, WIDTH, commands_of, draw_map, streams
from producers.registry import REGISTRY
from schemas.catalogue import EVENT_CLASSES

SVG = "{http://www.w3.org/2000/svg}"
CHARACTER_WIDTH = 0.56
"""Of its size, a generous mean for the letters of names."""


def boxes() -> list[tuple[float, float, float, float]]:
    root = ET.fromstring(draw_map())
    found = [one for one in root.iter(f"{SVG}rect") if one.get("stroke")]
    return [tuple(float(one.get(name, "")) for name in ("x", "y", "width", "height")) for one in found]  # type: ignore[misc]


def test_there_is_a_box_for_each_kind_of_stream() -> None:
    assert len(boxes()) == sum(len(kinds) for kinds in streams().values())
    listed = [event for kinds in streams().values() for events in kinds.values() for event in events]
    assert listed and set(listed) == set(EVENT_CLASSES)


def test_no_box_lies_over_another_or_outside() -> None:
    placed = boxes()
    height = float(ET.fromstring(draw_map()).get("viewBox", "").split()[3])
    for x, y, width, tall in placed:
        assert x >= 0 and x + width <= WIDTH and y + tall <= height
    for place, (x, y, width, tall) in enumerate(placed):
        for x2, y2, width2, tall2 in placed[:place]:
            apart = x + width <= x2 or x2 + width2 <= x or y + tall <= y2 or y2 + tall2 <= y
            assert apart, f"box {place} lies over another"


def test_names_and_commands_of_a_line_do_not_meet() -> None:
    root = ET.fromstring(draw_map())
    lines: dict[tuple[int, str], float] = {}
    for text in root.iter(f"{SVG}text"):
        size = float(text.get("font-size", ""))
        column = int((float(text.get("x", "")) - 20) // COLUMN)
        place = column, str(text.get("y"))
        lines[place] = lines.get(place, 0) + CHARACTER_WIDTH * size * len(text.text or "")
    for (column, y), width in lines.items():
        if y != "34":  # the title has the page
            assert width <= COLUMN - 32, f"column {column}, line {y}: {width:.0f} units"


def test_a_command_is_named_with_its_event() -> None:
    drawn = draw_map()
    for spec in REGISTRY:
        first = spec.events[0]
        assert spec.command.NAME in commands_of(first)
        assert re.search(rf">{commands_of(first)[0]}( \+)?</text>", drawn), spec.command.NAME
