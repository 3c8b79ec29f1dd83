"""Versions: an old entry is read by its writer's schema into the newest class; catalogue rules; the frozen files."""

import json
from collections.abc import Callable
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated as A
from typing import Any

import pytest

from domain.errors import Invalid
from domain.events import Doc, Event, Sha256, fact, value
from domain.ids import ObjectId, PartyId
from schemas.build import Status, build, read_digest_list
from schemas.catalogue import (
    CATALOGUE,
    SCHEMA_DIRECTORY,
    Catalogue,
    SchemaText,
    read_archive,
    require_distinct_ids,
    schema_file,
)
from schemas.codec import Codec
from tests.codec_support import IDS, Emptied, Sampled, envelope, oracle_encode

FILE = "production/Grown.v1.avsc"


def version_1() -> tuple[type[Event], Callable[[], Event]]:
    """Return the class as it was first, and an event of it."""

    class Kind(StrEnum):
        """What grew."""

        UNSPECIFIED = "unspecified"
        TREE = "tree"

    @value
    class Ring:
        """One ring."""

        year: A[int, Doc("year of our era", low=1, high=2100)]
        kind: A[Kind, Doc("what grew")]

    @fact("edgeprint.production.Grown", stream="J")
    class Grown(Event):
        """Something grew."""

        holder: A[PartyId, Doc("whose")]
        rings: A[tuple[Ring, ...], Doc("rings", high=2)]
        first: A[Ring | None, Doc("the first ring; null if unknown")] = None

    ring = Ring(year=1990, kind=Kind.TREE)
    return Grown, lambda: Grown(holder=PartyId(IDS[0]), rings=(ring, replace(ring, year=2100)), first=ring)


def version_2() -> Any:
    """Return the class as it became: wider bounds, a new symbol, new fields within and without."""

    class Kind(StrEnum):
        """What grew, or shrank."""

        UNSPECIFIED = "unspecified"
        TREE = "tree"
        GLACIER = "glacier"

    @value
    class Ring:
        """One ring."""

        year: A[int, Doc("year of our era", low=-5000, high=2100)]
        kind: A[Kind, Doc("what grew")]
        width: A[int, Doc("micrometres", low=0)] = 0
        site: A[ObjectId | None, Doc("where; null if unknown")] = None

    @fact("edgeprint.production.Grown", stream="J", version=2)
    class Grown(Event):
        """Something grew, or shrank."""

        holder: A[PartyId, Doc("whose")]
        rings: A[tuple[Ring, ...], Doc("rings", high=20)]
        first: A[Ring | None, Doc("the first ring; null if unknown")] = None
        remark: A[str, Doc("a remark", high=5)] = ""
        certain: A[bool, Doc("whether measured")] = False
        kind: A[Kind, Doc("what it is now")] = Kind.UNSPECIFIED
        more: A[tuple[Ring, ...], Doc("more rings")] = ()
        last: A[Ring | None, Doc("the last ring; null if unknown")] = None

    return Grown


OLD_CLASS, old_event = version_1()
NEW_CLASS = version_2()
OLD = Catalogue((OLD_CLASS,))
NEW = Catalogue((NEW_CLASS,), {FILE: OLD.by_class[OLD_CLASS].text})


def test_an_old_entry_is_read_into_the_newest_class_with_defaults() -> None:
    entry = Codec(OLD).encode(old_event(), envelope())
    assert Codec(OLD).decode(entry).event == old_event()
    decoded = Codec(NEW).decode(entry)
    assert Codec(NEW).accept(entry) == decoded
    event: Any = decoded.event
    assert type(event) is NEW_CLASS
    assert decoded.envelope == envelope()
    assert (event.holder, event.remark, event.certain, event.more, event.last) == (IDS[0], "", False, (), None)
    assert event.kind.value == "unspecified"
    assert [(ring.year, ring.kind.value, ring.width, ring.site) for ring in (*event.rings, event.first)] == [
        (1990, "tree", 0, None),
        (2100, "tree", 0, None),
        (1990, "tree", 0, None),
    ]


def test_an_old_entry_is_held_to_its_writers_bounds_and_symbols() -> None:
    entry = Codec(OLD).encode(old_event(), envelope())
    ring = bytes.fromhex("8c1f02")  # 1990, tree
    assert entry.count(ring) == 2
    for changed, said in ((b"\x8c\x1f\x04", "a known and specified symbol"), (b"\x09\x02", "expected 1 to 2100")):
        for read in (Codec(NEW).decode, Codec(NEW).accept):
            with pytest.raises(Invalid, match=said):
                read(entry.replace(ring, changed))


def test_new_entries_are_written_under_the_newest_schema() -> None:
    old, new = NEW.versions["edgeprint.production.Grown"]
    assert (old.version, new.version) == (1, 2)
    assert NEW.by_type["edgeprint.production.Grown"] is NEW.by_class[NEW_CLASS] is new
    assert set(NEW.by_digest) == {old.sha256, new.sha256}
    read: Any = Codec(NEW).decode(Codec(OLD).encode(old_event(), envelope())).event
    glacier = type(read.kind)("glacier")
    event = replace(read, kind=glacier, remark="ice", rings=(replace(read.first, year=-5000, width=3, site=IDS[1]),))
    entry = Codec(NEW).encode(event, envelope())
    assert entry[:32] == new.sha256
    assert entry == oracle_encode(new.text, new.sha256, event, envelope())
    assert Codec(NEW).accept(entry).event == event
    with pytest.raises(Invalid, match="expected an entry under a known schema"):
        Codec(OLD).decode(entry)


def test_an_older_version_that_is_missing_or_does_not_fit_is_refused() -> None:
    with pytest.raises(Invalid, match=r"expected the schema of version 1 of edgeprint.production.Grown in production/"):
        Catalogue((NEW_CLASS,))
    other = Catalogue((Emptied,)).by_class[Emptied].text
    with pytest.raises(Invalid, match=r"expected a schema of edgeprint.production.Grown, found one of"):
        Catalogue((NEW_CLASS,), {FILE: other})
    text = OLD.by_class[OLD_CLASS].text
    with pytest.raises(Invalid, match="RFC 8785"):
        Catalogue((NEW_CLASS,), {FILE: text + b"\n"})
    with pytest.raises(Invalid, match="version 2 against version 1"):
        Catalogue((NEW_CLASS,), {FILE: text.replace(b'"tree"', b'"bush"')})


def test_archived_files_are_found_by_their_names(tmp_path: Path) -> None:
    assert schema_file("edgeprint.production.Grown", 1) == FILE
    with pytest.raises(Invalid, match=r"expected the schema of version 1 .* in production/Grown.v1.avsc"):
        read_archive((NEW_CLASS,), tmp_path)
    (tmp_path / "production").mkdir()
    (tmp_path / FILE).write_bytes(b"text")
    assert read_archive((NEW_CLASS, OLD_CLASS), tmp_path) == {FILE: b"text"}


def test_one_name_means_one_class() -> None:
    with pytest.raises(Invalid, match=r"expected one class for edgeprint.production.Grown"):
        Catalogue((OLD_CLASS, OLD_CLASS))

    @value
    class Part:
        """Another part."""

        size: A[int, Doc("n")]

    @fact("edgeprint.production.Parted", stream="J")
    class Parted(Event):
        """Uses the other part."""

        part: A[Part, Doc("a part")]

    with pytest.raises(Invalid, match=r"expected one class under the name edgeprint.production.Part"):
        Catalogue((Sampled, Parted))


def test_a_collision_of_registry_ids_is_refused() -> None:
    one = SchemaText("edgeprint.production.One", 1, b"1", CATALOGUE.envelope.sha256)
    two = SchemaText("edgeprint.production.Two", 1, b"2", Sha256(one.sha256[:4] + bytes(28)))
    top = SchemaText("edgeprint.production.Top", 1, b"3", Sha256(bytes((one.sha256[0] ^ 128,)) + one.sha256[1:]))
    require_distinct_ids([one])
    for other in (two, top):  # the top bit is masked away
        with pytest.raises(Invalid, match="expected different registry ids"):
            require_distinct_ids([one, other])


# ---- the frozen files


def test_the_committed_files_are_those_of_the_event_classes() -> None:
    assert build(CATALOGUE, SCHEMA_DIRECTORY, check=True) == ()


def test_what_is_frozen_from_the_start_has_not_changed() -> None:
    listed = read_digest_list(SCHEMA_DIRECTORY)
    frozen = {
        ("edgeprint.Envelope", 1): "18465e13dc150449f2d86bf6116cbcded4165c5a84c6bd1d96a67f00b2db1bce",
        ("edgeprint.evidence.LedgerFounded", 1): "f22bb7d3f22012deedb11e69f138dd98fabc5559a34b77ab1f4ff94b93009283",
        ("edgeprint.evidence.SchemaPublished", 1): "b4faa12d84f01d4e2b5c20e410e2b2b0e4f0d4f03efc82a25352e8c23ac01761",
    }
    assert {name: listed[name].sha256 for name in frozen} == frozen
    assert {listed[name].status for name in frozen} == {Status.PUBLISHED}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """Return a schema directory in which version 1 of Grown is published."""
    assert build(OLD, tmp_path, check=False) == ("digests.json", "edgeprint/Envelope.v1.avsc", FILE)
    publish(tmp_path)
    assert build(OLD, tmp_path, check=True) == ()
    return tmp_path


def publish(directory: Path) -> None:
    path = directory / "digests.json"
    path.write_bytes(path.read_bytes().replace(b'"unreleased"', b'"published"'))


def changed_class() -> Catalogue:
    @fact("edgeprint.production.Grown", stream="J")
    class Grown(Event):
        """Something grew, worded anew."""

    return Catalogue((Grown,))


def test_an_unreleased_schema_may_change_and_go(tmp_path: Path) -> None:
    build(OLD, tmp_path, check=False)
    assert read_digest_list(tmp_path)["edgeprint.production.Grown", 1].status is Status.UNRELEASED
    with pytest.raises(Invalid, match=f"found others: digests.json, {FILE}"):
        build(changed_class(), tmp_path, check=True)
    assert build(changed_class(), tmp_path, check=False) == ("digests.json", FILE)
    assert build(Catalogue(()), tmp_path, check=False) == ("digests.json", FILE)
    assert not (tmp_path / FILE).exists()
    assert build(Catalogue(()), tmp_path, check=True) == ()


@pytest.mark.parametrize("check", [True, False])
def test_a_published_schema_does_not_change(built: Path, check: bool) -> None:
    with pytest.raises(Invalid, match=r"production/Grown.v1.avsc: expected the published digest"):
        build(changed_class(), built, check=check)


@pytest.mark.parametrize("check", [True, False])
def test_a_published_schema_keeps_its_class(built: Path, check: bool) -> None:
    with pytest.raises(Invalid, match="expected the event class of a published schema, found none"):
        build(Catalogue(()), built, check=check)


@pytest.mark.parametrize("check", [True, False])
def test_a_published_file_is_never_edited(built: Path, check: bool) -> None:
    text = (built / FILE).read_bytes()
    (built / FILE).write_bytes(text.replace(b"One ring.", b"A ring."))
    with pytest.raises(Invalid, match=r"expected the bytes of the published schema .* found an edited file"):
        build(OLD, built, check=check)
    (built / FILE).unlink()
    with pytest.raises(Invalid, match=r"expected the bytes of the published schema .* found no file"):
        build(OLD, built, check=check)


def test_a_new_version_stands_beside_the_published_one(built: Path) -> None:
    catalogue = Catalogue((NEW_CLASS,), read_archive((NEW_CLASS,), built))
    assert build(catalogue, built, check=False) == ("digests.json", "production/Grown.v2.avsc")
    listed = read_digest_list(built)
    assert listed["edgeprint.production.Grown", 1].status is Status.PUBLISHED
    assert listed["edgeprint.production.Grown", 2].status is Status.UNRELEASED
    assert build(catalogue, built, check=True) == ()


def test_a_stray_file_is_refused(built: Path) -> None:
    (built / "production" / "Stray.v1.avsc").write_bytes(b"{}")
    with pytest.raises(Invalid, match=r"production/Stray.v1.avsc: expected files of catalogued schemas only"):
        build(OLD, built, check=False)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"[]",
        lambda data: b"{}",
        lambda data: data[:-1],
        lambda data: data.replace(b"published", b"perhaps"),
        lambda data: json.dumps(json.loads(data)).encode(),
        lambda data: json.dumps([1]).encode(),
        lambda data: b"[" * 10_000,
        lambda data: b"\xff",
        lambda data: data + b" " * (1 << 20),
    ],
)
def test_a_broken_digest_list_is_refused(built: Path, damage: Callable[[bytes], bytes]) -> None:
    path = built / "digests.json"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(Invalid, match=r"digests\.json: expected"):
        build(OLD, built, check=False)
