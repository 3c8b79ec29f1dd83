"""Drawings of random graphs: nothing overlaps, edges lead down, equal graphs give equal pictures, any text fits."""

import re
from itertools import pairwise
from uuid import UUID
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st

from projections.genealogy.crowd import CELL, lay_out_crowd
from projections.genealogy.extract import extract
from projections.genealogy.fold import fold
from projections.genealogy.layers import Line, Order, rows, split_wide
from projections.genealogy.layout import GAP_X, Layout, Point, lay_out
from projections.genealogy.picture import Picture, folded_picture, whole_picture
from projections.genealogy.svg import _shortened, _text_width, _wrapped, draw
from projections.genealogy.words import CHINESE, ENGLISH
from tests.genealogy_kit import Oracle, Story, name, stories

RUNS = settings(max_examples=80)
WORDS = st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=1, max_size=12)
SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def graphs(draw: st.DrawFn, most: int = 25) -> tuple[int, list[Line], int]:
    """Return (how many nodes, edges of both sorts with circles and repetitions, the focus)."""
    count = draw(st.integers(1, most))
    ends = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(ends, ends, st.booleans()), max_size=3 * count))
    return count, [Line(*pair) for pair in pairs if pair[0] != pair[1]], draw(ends)


@st.composite
def sizes_of(draw: st.DrawFn, count: int) -> list[Point]:
    return draw(st.lists(st.tuples(st.floats(10, 200), st.floats(10, 60)), min_size=count, max_size=count))


def acyclic(order: Order) -> None:
    assert sorted(order.sorted()) == list(range(len(order.children)))


@RUNS
@given(graphs())
def test_an_order_has_no_circle_and_drops_no_edge_that_closes_none(graph: tuple[int, list[Line], int]) -> None:
    count, lines, focus = graph
    order = Order(count, lines)
    acyclic(order)
    kept = {(parent, child) for parent, children in enumerate(order.children) for child in children}
    assert kept <= {(line.parent, line.child) for line in lines}
    for line in lines:
        if (line.parent, line.child) not in kept:
            assert line.parent in order.below(line.child)  # with it, there would be one
    hard = Order(count, [line for line in lines if not line.soft])
    assert all(set(hard.children[node]) <= set(order.children[node]) for node in range(count))
    assert (focus in order.above(focus)) and (focus in order.below(focus))


@RUNS
@given(graphs(), st.integers(1, 6))
def test_rows_lead_down_and_are_no_wider_than_asked(graph: tuple[int, list[Line], int], most: int) -> None:
    count, lines, focus = graph
    order = Order(count, lines)
    row = rows(order, focus)
    assert min(row) == 0
    for split in (row, split_wide(row, order, focus, most)):
        for parent, children in enumerate(order.children):
            assert all(split[parent] < split[child] for child in children)
    counts = [split.count(at) for at in range(max(split) + 1)]
    assert max(counts) <= most and min(counts) >= 1
    for one in range(count):
        if one in order.above(focus) and one != focus:
            assert row[one] < row[focus]
        if one in order.below(focus) and one != focus:
            assert row[one] > row[focus]


@RUNS
@given(graphs(), st.data())
def test_boxes_of_any_size_keep_apart(graph: tuple[int, list[Line], int], data: st.DataObject) -> None:
    count, lines, focus = graph
    sizes = data.draw(sizes_of(count))
    layout = lay_out(sizes, lines, focus, 5)
    assert layout is not None and layout == lay_out(sizes, lines, focus, 5)
    spans = [
        (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        for (x, y), (width, height) in zip(layout.places, sizes, strict=True)
    ]
    for at, (left, top, right, bottom) in enumerate(spans):
        assert left >= -0.01 and right <= layout.width + 0.01 and top >= -0.01 and bottom <= layout.height + 0.01
        for other in spans[at + 1 :]:
            beside = other[0] >= right + GAP_X - 0.01 or left >= other[2] + GAP_X - 0.01
            assert beside or other[1] >= bottom - 0.01 or top >= other[3] - 0.01
    routed(layout, lines, spans)


def routed(layout: Layout, lines: list[Line], spans: list[tuple[float, float, float, float]]) -> None:
    """Hold that each line starts and ends at its nodes and goes down between the boxes."""
    for line, route in zip(lines, layout.routes, strict=True):
        upper, lower = sorted((line.parent, line.child), key=lambda node: layout.places[node][1])
        if layout.places[upper][1] == layout.places[lower][1]:
            assert len(route) == 2
            continue
        for end, node in ((route[0], upper), (route[-1], lower)):
            assert spans[node][0] <= end[0] <= spans[node][2]
        for (_, y), (_, next_y) in pairwise(route):
            assert y <= next_y + 0.01
        for x, y in route[1:-1]:
            assert not any(left < x < right and top + 0.01 < y < bottom - 0.01 for left, top, right, bottom in spans)


@RUNS
@given(graphs(120))
def test_marks_of_a_crowd_keep_apart(graph: tuple[int, list[Line], int]) -> None:
    count, lines, focus = graph
    layout = lay_out_crowd(count, lines, focus)
    assert layout == lay_out_crowd(count, lines, focus)
    places = layout.places
    for at, (x, y) in enumerate(places):
        assert CELL / 2 - 0.01 <= x <= layout.width - CELL / 2 + 0.01
        assert CELL / 2 - 0.01 <= y <= layout.height - CELL / 2 + 0.01
        for other_x, other_y in places[at + 1 :]:
            assert abs(other_x - x) >= CELL - 0.01 or abs(other_y - y) >= CELL - 0.01
    assert all(
        route == (places[line.parent], places[line.child]) for line, route in zip(lines, layout.routes, strict=True)
    )


def checked(picture: Picture) -> ElementTree.Element:
    """Parse a drawing and hold that it tells each box and arrow, and that nothing in it is active."""
    text = draw(picture)
    root = ElementTree.fromstring(text.encode())
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg",
        "title",
        "desc",
        "style",
        "defs",
        "marker",
        "path",
        "rect",
        "g",
        "text",
        "circle",
    }
    assert not any(re.match(r"on|.*href", attribute) for element in root.iter() for attribute in element.attrib)
    titles = [element.text for element in root.iter(f"{SVG}title")]
    assert len(titles) == 1 + len(picture.boxes) + len(picture.arrows)
    assert sum(element.get("class") == "f" for element in root.iter(f"{SVG}g")) == 1
    return root


@RUNS
@given(stories(25), st.data())
def test_pictures_of_random_lineages(story: Story, data: st.DataObject) -> None:
    genealogy = story.told()
    focus = data.draw(st.sampled_from(sorted(Oracle.at(story.facts, None).nodes)))
    words = data.draw(st.sampled_from((ENGLISH, CHINESE)))
    raw = whole_picture(extract(genealogy, focus), name, words)
    checked(raw)
    folded = folded_picture(fold(genealogy, focus, most=data.draw(st.integers(5, 80))), name, words)
    root = checked(folded)
    dashed = [
        path for path in root.iter(f"{SVG}path") if path.get("class") == "e d" and path.find(f"{SVG}title") is not None
    ]
    assert len(dashed) == sum(arrow.found for arrow in folded.arrows)


@RUNS
@given(stories(6), st.text(max_size=40))
def test_any_name_is_drawn(story: Story, text: str) -> None:
    def named(object_id: UUID) -> str:
        return f"{text}{object_id.hex[:4]}{text}"

    focus = sorted(Oracle.at(story.facts, None).nodes)[0]
    checked(whole_picture(extract(story.told(), focus), named, ENGLISH))


@RUNS
@given(st.text(min_size=1, max_size=60), st.floats(20, 300), st.sampled_from((10.0, 11.0, 13.0)))
def test_shortened_text_fits_and_keeps_both_ends(text: str, room: float, size: float) -> None:
    short = _shortened(text, room, size)
    if short != text:
        head, tail = short.split("…", 1) if short.count("…") == 1 else (short[:1], short[-1:])
        assert _text_width(short, size) <= max(room, size) and text.startswith(head) and text.endswith(tail)
    else:
        assert _text_width(text, size) <= room or "…" in text


@RUNS
@given(
    st.lists(st.text(st.characters(categories=["Ll", "Lu", "Nd"]), min_size=1, max_size=12), min_size=1, max_size=30)
)
def test_wrapped_text_loses_no_word(words: list[str]) -> None:
    lines = _wrapped(" ".join(words), 140)
    assert "".join("".join(lines).split()) == "".join(words)
