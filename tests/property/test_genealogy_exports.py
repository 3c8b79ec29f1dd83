"""What was exported is read back by readers of our own making: the same objects, the same edges, whatever the names."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from projections.genealogy.dot import to_dot
from projections.genealogy.extract import Extract, Name, extract
from projections.genealogy.graphml import to_graphml
from projections.genealogy.model import FOUND
from projections.genealogy.openlineage import Source, to_openlineage
from projections.genealogy.prov import to_prov
from tests.genealogy_kit import Oracle, Story, object_id, stories
from tests.genealogy_readers import Told, read_dot, read_graphml, read_openlineage, read_prov

RUNS = settings(max_examples=60)
NAMES = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc", "Cn", "Co"]), max_size=12)
"""Any printable text: quotes, brackets, percent signs, wide characters, whatever the format uses itself."""


def naming(text: str) -> Name:
    """Return a function that writes each id differently, with `text` around it."""

    def name(object_id: UUID) -> str:
        return f"{text}{object_id}{text}"

    return name


def whole(story: Story, data: st.DataObject) -> Extract:
    """Return a lineage of the story around any object as of any position at which it was born."""
    born = min(node.index for node in Oracle.at(story.facts, None).nodes.values())
    position = data.draw(st.sampled_from([None, *range(born, story.index + 1)]))
    focus = data.draw(st.sampled_from(sorted(Oracle.at(story.facts, position).nodes)))
    return extract(story.told(), focus, position)


def expected_edges(lineage: Extract, name: Name) -> Counter[tuple[str, str, str]]:
    return Counter((name(edge.child), name(edge.parent), edge.relation) for edge in lineage.edges)


def same_objects(told: Told, lineage: Extract, name: Name, *members: str) -> None:
    """Hold that the file names the same objects and tells the same of them."""
    assert set(told.objects) == {name(node.object_id) for node in lineage.nodes}
    for node in lineage.nodes:
        found = told.objects[name(node.object_id)]
        for member in members:
            value = getattr(node, member)
            assert found.get(member) == (name(value) if member == "holder" else value), member


@RUNS
@given(stories(), st.data())
def test_an_extract_holds_the_lineage_of_its_position(story: Story, data: st.DataObject) -> None:
    lineage = whole(story, data)
    oracle = Oracle.at(story.facts, lineage.position)
    focus = lineage.focus.object_id
    ids = oracle.ancestors(focus) | oracle.descendants(focus) | {focus}
    assert [node.index for node in lineage.nodes] == sorted(oracle.nodes[one].index for one in ids)
    inside = Counter(edge for edge in oracle.edges if {edge.child, edge.parent} <= ids)
    assert Counter(lineage.edges) == inside and not lineage.cut


@RUNS
@given(stories(), st.data(), st.integers(1, 6))
def test_a_cut_extract_takes_the_nearest_and_says_so(story: Story, data: st.DataObject, most: int) -> None:
    full = whole(story, data)
    part = extract(story.told(), full.focus.object_id, full.position, most)
    assert len(part.nodes) == min(most, len(full.nodes)) and part.cut == (len(full.nodes) > most)
    assert set(part.nodes) <= set(full.nodes) and full.focus in part.nodes
    ids = {node.object_id for node in part.nodes}
    assert Counter(part.edges) == Counter(edge for edge in full.edges if {edge.child, edge.parent} <= ids)


@RUNS
@given(stories(), st.data(), NAMES)
def test_prov_json(story: Story, data: st.DataObject, text: str) -> None:
    lineage, name = whole(story, data), naming(text)
    told = read_prov(to_prov(lineage, name))
    same_objects(told, lineage, name, "kind", "asset_class", "origin", "index", "project", "holder")
    assert told.edges == expected_edges(lineage, name)


@RUNS
@given(stories(), st.data(), NAMES)
def test_graphml(story: Story, data: st.DataObject, text: str) -> None:
    lineage, name = whole(story, data), naming(text)
    told = read_graphml("".join(to_graphml(lineage, name)))
    same_objects(told, lineage, name, "kind", "asset_class", "origin", "index", "project", "holder")
    assert told.edges == expected_edges(lineage, name)
    focus = [one for one, members in told.objects.items() if members.get("focus") == "true"]
    assert focus == [name(lineage.focus.object_id)]


@RUNS
@given(stories(), st.data(), NAMES)
def test_dot(story: Story, data: st.DataObject, text: str) -> None:
    printable = "".join(character if character.isprintable() else "\ufffd" for character in text)
    lineage, name, read = whole(story, data), naming(text), naming(printable)
    told = read_dot("".join(to_dot(lineage, name)))
    same_objects(told, lineage, read, "kind")
    assert told.edges == expected_edges(lineage, read)
    assert [one for one, members in told.objects.items() if members["focus"]] == [read(lineage.focus.object_id)]


@RUNS
@given(stories(), st.data(), NAMES)
def test_openlineage(story: Story, data: st.DataObject, text: str) -> None:
    lineage, name = whole(story, data), naming(text)
    jobs = {node.object_id: object_id(1_000 + number) for number, node in enumerate(lineage.nodes) if number % 2}

    def instant(index: int) -> datetime:
        return datetime(2026, 5, 4, tzinfo=UTC) + timedelta(milliseconds=index)

    source = Source("https://example.org/e", "https://example.org/s.json", "ledger", instant, jobs)
    told = read_openlineage(to_openlineage(lineage, name, source))
    same_objects(told, lineage, name, "kind", "origin", "index", "project")
    # Two declared edges of one relation between the same two objects are one relation of one input.
    expected = expected_edges(lineage, name)
    assert told.edges == Counter({edge: count if edge[2] == FOUND else 1 for edge, count in expected.items()})
