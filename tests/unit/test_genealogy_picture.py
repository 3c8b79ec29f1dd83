"""Pictures of lineages: rows, places without overlap, and an SVG file that stands alone and says what it shows."""

import re
from collections.abc import Sequence
from uuid import UUID
from xml.etree import ElementTree

import pytest

from projections.genealogy.crowd import CELL, lay_out_crowd
from projections.genealogy.extract import extract
from projections.genealogy.fold import fold
from projections.genealogy.layers import Line, Order, rows, split_wide
from projections.genealogy.layout import BENDS_MAX, Layout, lay_out
from projections.genealogy.picture import Picture, folded_picture, kinds_by_count, whole_picture
from projections.genealogy.svg import BOX, BOXES_MAX, _shortened, _text_width, _wrapped, draw
from projections.genealogy.units import Shape
from projections.genealogy.words import CHINESE, ENGLISH
from tests.genealogy_kit import Story, film_story, name, object_id

SVG = "{http://www.w3.org/2000/svg}"
NASTY = '"><script>alert(1)</script>&\x00'


def lines(*pairs: tuple[int, int], soft: Sequence[tuple[int, int]] = ()) -> list[Line]:
    return [Line(*pair, soft=False) for pair in pairs] + [Line(*pair, soft=True) for pair in soft]


def boxes(count: int, drawn: Sequence[Line], focus: int) -> Layout:
    layout = lay_out([BOX] * count, drawn, focus, 8)
    assert layout is not None
    return layout


def apart(layout: Layout, width: float, height: float) -> None:
    """Hold that no two nodes overlap and all lie inside."""
    places = sorted(layout.places)
    for number, (x, y) in enumerate(places):
        assert width / 2 - 0.01 <= x <= layout.width - width / 2 + 0.01
        assert height / 2 - 0.01 <= y <= layout.height - height / 2 + 0.01
        for other_x, other_y in places[number + 1 :]:
            if other_x - x >= width - 0.01:
                break
            assert abs(other_y - y) >= height - 0.01


def test_rows_are_the_longest_way_to_and_from_the_focus() -> None:
    order = Order(6, lines((0, 1), (1, 2), (0, 2), (2, 3), (3, 4), (2, 4), (5, 2)))
    assert rows(order, 2) == [0, 1, 2, 3, 4, 1]


def test_a_circle_is_cut_at_the_found_edge() -> None:
    order = Order(3, lines((0, 1), (1, 2), soft=[(2, 0)]))
    assert rows(order, 1) == [0, 1, 2] and order.children == [[1], [2], []]
    only_found = Order(3, lines((0, 1), soft=[(1, 2)]))
    assert rows(only_found, 0) == [0, 1, 2]


def test_a_circle_of_folded_edges_is_cut_too() -> None:
    order = Order(3, lines((0, 1), (1, 2), (2, 0), (1, 1)))
    assert len(order.sorted()) == 3 and sum(map(len, order.children)) == 2


def test_what_does_not_lead_to_the_focus_stands_near_its_children() -> None:
    order = Order(5, lines((0, 1), (1, 2), (2, 3), (4, 3)))
    assert rows(order, 0) == [0, 1, 2, 3, 2]


def test_a_wide_row_is_split_and_what_goes_on_is_outside() -> None:
    order = Order(12, lines(*((0, child) for child in range(1, 11)), (1, 11)))
    row = split_wide(rows(order, 0), order, 0, 4)
    assert max(row.count(at) for at in set(row)) <= 4
    assert row[1] == max(row[child] for child in range(1, 11)) and row[11] == row[1] + 1


def test_boxes_keep_apart_and_edges_lead_down_past_them() -> None:
    story, package = film_story()
    whole = whole_picture(extract(story.told(), object_id(package), most=120), name, ENGLISH)
    drawn = [Line(arrow.parent, arrow.child, arrow.weak) for arrow in whole.arrows]
    layout = boxes(len(whole.boxes), drawn, whole.focus)
    apart(layout, *BOX)
    for line, route in zip(drawn, layout.routes, strict=True):
        assert layout.places[line.parent][1] < layout.places[line.child][1]
        assert [y for _, y in route] == sorted(y for _, y in route)
        for x, y in route[1:-1]:
            assert not any(
                abs(x - at_x) < BOX[0] / 2 and abs(y - at_y) < BOX[1] / 2 - 0.01 for at_x, at_y in layout.places
            )


def test_a_straight_chain_is_drawn_straight() -> None:
    layout = boxes(6, lines(*((at, at + 1) for at in range(5))), 3)
    assert len({round(x, 3) for x, _ in layout.places}) == 1


def test_what_can_be_drawn_without_a_crossing_is() -> None:
    """Two combs whose teeth are listed crosswise."""
    layout = boxes(7, lines((0, 1), (0, 2), (1, 6), (1, 4), (2, 5), (2, 3)), 0)
    x = [place[0] for place in layout.places]
    assert (x[1] < x[2]) == (max(x[4], x[6]) < min(x[3], x[5]))


def test_a_tangle_of_long_edges_is_drawn_as_a_crowd() -> None:
    count = 40
    tangle = lines(*((one, other) for one in range(count) for other in range(one + 1, count)))
    assert sum(line.child - line.parent for line in tangle) > BENDS_MAX
    assert lay_out([BOX] * count, tangle, 0, 8) is None
    story = Story()
    for number in range(count):
        story.born(number, made_from=list(range(number)))
    assert '<g class="c"' in draw(whole_picture(extract(story.told(), object_id(0)), name, ENGLISH))


@pytest.mark.parametrize("shape", ["wide", "deep", "stock"])
def test_five_thousand_marks_keep_apart_on_a_page(shape: str) -> None:
    count = 5_000
    pairs = {
        "wide": [(0, at) for at in range(1, count)],
        "deep": [(at - 1, at) for at in range(1, count)],
        "stock": [(at // 3, at) for at in range(1, count)],
    }[shape]
    layout = lay_out_crowd(count, lines(*pairs), 0)
    assert len({(round(x, 1), round(y, 1)) for x, y in layout.places}) == count
    apart(layout, CELL, CELL)
    assert 0.3 < layout.width / layout.height < 3.5
    assert all(len(route) == 2 for route in layout.routes)


def parsed(picture: Picture) -> ElementTree.Element:
    """Parse a drawing and hold what every file must keep: it stands alone and runs nothing."""
    text = draw(picture)
    root = ElementTree.fromstring(text.encode())
    assert not re.search(r"<script|href=|@import|<image|<foreignObject|\son[a-z]+=", text)
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]
    assert all(target == "tip" for target in re.findall(r"url\(#?([^)]*)\)", text))
    title, description = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None and title.text == picture.title and root.get("role") == "img"
    assert description is not None and description.text == picture.description
    assert "prefers-color-scheme:dark" in text and "CJK" in text
    assert draw(picture) == text
    return root


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def small() -> Story:
    story = Story()
    story.born(0, "screenplay")
    story.born(1, "image", prompted_by=[0])
    story.born(2, "mesh", made_from=[1])
    story.born(3, "render", rendered_from=[2])
    story.found(1, 3)
    return story


def test_a_small_lineage_says_what_and_how() -> None:
    picture = whole_picture(extract(small().told(), object_id(2)), name, ENGLISH)
    root = parsed(picture)
    shown = texts(root)
    assert {"screenplay", "image", "mesh", "render", "made from", "prompted by", "found to derive from"} <= set(shown)
    dashed = [
        path for path in root.iter(f"{SVG}path") if path.get("class") == "e d" and path.find(f"{SVG}title") is not None
    ]
    assert len(dashed) == 1 and dashed[0].get("marker-start") and not dashed[0].get("marker-end")
    focus = [group for group in root.iter(f"{SVG}g") if group.get("class") == "f"]
    assert len(focus) == 1 and focus[0].findtext(f"{SVG}title") == f"mesh {name(object_id(2))}"
    marks = {path.get("d") for group in root.iter(f"{SVG}g") for path in group.findall(f"{SVG}path[@transform]")}
    assert len(marks) == 4  # a shape for each kind
    assert picture.description.startswith(f"mesh {name(object_id(2))}: 3 objects above")


def test_a_folded_film_is_told_in_both_languages() -> None:
    story, package = film_story()
    view = fold(story.told(), object_id(package))
    english, chinese = (parsed(folded_picture(view, name, words)) for words in (ENGLISH, CHINESE))
    assert {"training set × 120", "screenplay v1–v3", "image × 20", "20 in 80 versions", "mesh × 20"} <= set(
        texts(english)
    )
    assert {"训练集 × 120", "20 条，共 80 个版本", "渲染自 × 30"} <= set(texts(chinese))
    assert (english.get("lang"), chinese.get("lang")) == ("en", "zh")
    assert set(ENGLISH.relations) == set(CHINESE.relations) and ENGLISH.relation("unheard_of") == "unheard_of"
    told = [group.findtext(f"{SVG}title") or "" for group in english.iter(f"{SVG}g")]
    image = next(text for text in told if text.startswith("image × 20"))
    assert image.count("10.5072/O.") == 20 and image.endswith("+ 60 more")


def test_each_form_has_its_outline() -> None:
    story, package = film_story()
    genealogy = story.told()
    view = fold(genealogy, object_id(package), most=12)
    assert {node.shape for node in view.nodes} >= {Shape.FOCUS, Shape.SINGLE, Shape.SAME, Shape.MORE}
    root = parsed(folded_picture(view, name, ENGLISH))
    assert any("more" in (rect.get("class") or "") for rect in root.iter(f"{SVG}rect"))
    assert any(re.fullmatch(r"\+ [0-9,]+ more", text) for text in texts(root))
    assert "that it comes from" in texts(root)


def test_what_was_left_out_stands_at_its_own_end() -> None:
    """Objects left out above have parents that are shown: such an edge turns nothing around."""
    story = Story()
    story.born(0, "root")
    for number in range(1, 60):
        story.born(number, f"kind{number}", made_from=sorted({0, number - 1, number // 2}))
    view = fold(story.told(), object_id(59), most=10)
    picture = folded_picture(view, name, ENGLISH)
    assert any(arrow.weak and not arrow.found for arrow in picture.arrows)
    layout = boxes(10, [Line(arrow.parent, arrow.child, arrow.weak) for arrow in picture.arrows], 0)
    tops = [y for _, y in layout.places]
    assert max(tops) == tops[0]
    assert all(tops[arrow.parent] < tops[arrow.child] for arrow in picture.arrows if not arrow.weak)


def test_a_crowd_has_a_mark_and_a_title_for_each_and_a_legend() -> None:
    story = Story()
    story.born(0, "film")
    for number in range(1, BOXES_MAX + 200):
        story.born(number, f"kind{number % 30}", derivation_of=[number // 2])
    picture = whole_picture(extract(story.told(), object_id(0)), name, ENGLISH)
    root = parsed(picture)
    assert sum(1 for _ in root.iter(f"{SVG}title")) == 1 + len(picture.boxes)
    shown = texts(root)
    assert f"{kinds_by_count(picture)[0][0]} {kinds_by_count(picture)[0][1]}" in shown
    assert "+ 7 more" in shown and len(list(root.iter(f"{SVG}circle"))) == 1


def test_a_cut_lineage_says_so() -> None:
    story, package = film_story()
    picture = whole_picture(extract(story.told(), object_id(package), most=20), name, ENGLISH)
    assert picture.description.endswith(ENGLISH.cut) and len(picture.boxes) == 20
    parsed(picture)


def test_no_name_or_kind_breaks_out() -> None:
    story = Story()
    story.born(0, f"image{NASTY}")
    story.born(1, "mesh", made_from=[0])

    def nasty(object_id: UUID) -> str:
        return NASTY + str(object_id)

    picture = whole_picture(extract(story.told(), object_id(0)), nasty, ENGLISH)
    text = draw(picture)
    root = ElementTree.fromstring(text)
    assert "<script" not in text and not list(root.iter(f"{SVG}script"))
    assert root.findtext(f"{SVG}title") == picture.title.replace("\x00", "\ufffd")


def test_text_is_cut_in_its_middle_and_broken_at_its_width() -> None:
    assert _shortened("short", 100, 10) == "short"
    cut = _shortened("10.5072/O.01JDZ3YATWFN59RFJZD9XRS78E-9", 120, 11)
    assert _text_width(cut, 11) <= 120 and cut.startswith("10.") and cut.endswith("78E-9") and "…" in cut
    assert _shortened("片边码片边码片边码", 60, 12) == "片边…边码" and _text_width("片", 12) == 12
    broken = _wrapped("one two three four five six seven", 80)
    assert len(broken) > 1 and " ".join(broken).split() == ["one", "two", "three", "four", "five", "six", "seven"]
    assert all(_text_width(line, 11) <= 80 for line in broken)
