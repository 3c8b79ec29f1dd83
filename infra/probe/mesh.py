"""Meshes: glTF and GLB, OBJ, PLY, STL. Vertices and faces by what the headers state, or counted line by line.

A face is what the format calls one: a triangle in glTF and STL, a polygon in OBJ and PLY.
"""

import re
import struct
from typing import Any, Final

from domain.identity.events import Quantity
from infra.probe.source import JSON_BYTES_MAX, Facts, Fault, Source, Unsure, read_json, whole_number

PLY_HEADER_BYTES_MAX: Final = 65_536
_PLY_ELEMENT: Final = re.compile(rb"element[ \t]+(\S{1,40})[ \t]+([0-9]{1,18})[ \t]*")
_TRIANGLES: Final = 4
_STRIPS: Final = (5, 6)  # strip and fan: each vertex behind the second makes a triangle


def probe_glb(source: Source) -> Facts:
    """GLB (glTF 2.0 §4.4): the header, then the chunk JSON. Version 1 is not known here."""
    version, length = struct.unpack("<II", source.at(4, 8))
    if version != 2:
        raise Unsure
    if length > source.size:
        raise Fault(f"expected {length} bytes as the header states, found {source.size}")
    size, kind = struct.unpack("<I4s", source.at(12, 8))
    if kind != b"JSON":
        raise Fault(f"expected a chunk JSON first, found {kind.hex()}")
    if 20 + size > length:
        raise Fault(f"expected a chunk JSON within {length} bytes, found one of {size}")
    return _gltf(read_json(source.span(20, size, JSON_BYTES_MAX)))


def probe_gltf(source: Source) -> Facts:
    """glTF (2.0 §3): the document alone; the files that it names are not opened."""
    return _gltf(read_json(source.whole(JSON_BYTES_MAX)))


def _gltf(document: Any) -> Facts:
    asset = document.get("asset") if isinstance(document, dict) else None
    if not isinstance(asset, dict) or not isinstance(asset.get("version"), str):
        raise Fault("expected an asset with its version, found none")
    if not asset["version"].startswith("2."):
        raise Unsure
    meshes, accessors = document.get("meshes", []), document.get("accessors", [])
    if not isinstance(meshes, list) or not isinstance(accessors, list):
        raise Fault("expected meshes and accessors to be arrays, found another value")
    positions, faces = dict[int, int](), 0
    for mesh in meshes:
        primitives = mesh.get("primitives") if isinstance(mesh, dict) else None
        if not isinstance(primitives, list):
            raise Fault("expected primitives in each mesh, found none")
        for primitive in primitives:
            attributes = primitive.get("attributes") if isinstance(primitive, dict) else None
            if not isinstance(attributes, dict):
                raise Fault("expected attributes in each primitive, found none")
            if "POSITION" in attributes:
                corners = positions[_index(attributes["POSITION"])] = _count(accessors, attributes["POSITION"])
                indices = primitive.get("indices")
                faces += _triangles(primitive.get("mode", _TRIANGLES), _count(accessors, indices, corners))
    return {
        Quantity.MESHES: len(meshes),
        Quantity.VERTICES: sum(positions.values()),  # primitives may share their vertices
        Quantity.FACES: faces,
    }


def _index(found: object) -> int:
    index = whole_number(found)
    if index is None:
        raise Fault("expected the index of an accessor, found another value")
    return index


def _count(accessors: list[Any], index: object, absent: int | None = None) -> int:
    """Return the count of an accessor, `absent` where none is named. Raises: Fault where it does not exist."""
    if index is None and absent is not None:
        return absent
    place = _index(index)
    if place >= len(accessors):
        raise Fault(f"expected an accessor below {len(accessors)}, found {str(place)[:20]}")
    count = whole_number(accessors[place].get("count")) if isinstance(accessors[place], dict) else None
    if count is None:
        raise Fault(f"expected a count in accessor {place}, found none")
    return count


def _triangles(mode: object, corners: int) -> int:
    if mode == _TRIANGLES:
        return corners // 3
    return max(0, corners - 2) if mode in _STRIPS else 0


def probe_obj(source: Source) -> Facts:
    """OBJ: statements `v` and `f` at the beginning of a line, counted in one pass over at most STREAM_BYTES_MAX."""
    vertices = faces = 0
    last = b"\n"
    for part in source.parts():
        part = last + part
        if b"\n " in part or b"\n\t" in part:
            raise Unsure  # a statement may stand behind the space
        vertices += part.count(b"\nv ")
        faces += part.count(b"\nf ")
        if b"\t" in part:
            vertices += part.count(b"\nv\t")
            faces += part.count(b"\nf\t")
        last = part[-2:]  # shorter than what is looked for, so that nothing is counted twice
    return {Quantity.VERTICES: vertices, Quantity.FACES: faces}


def probe_ply(source: Source) -> Facts:
    """PLY: the header up to end_header. An element takes at least one byte, so no more are believed than bytes."""
    header, end, _ = source.some(0, PLY_HEADER_BYTES_MAX).partition(b"\nend_header")
    if not end:
        if source.size > PLY_HEADER_BYTES_MAX:
            raise Unsure
        raise Fault(f"expected end_header, found the end of the file at {source.size}")
    left = source.size - len(header) - len(end)
    counts = dict[bytes, int]()
    for line in header.split(b"\n"):
        found = _PLY_ELEMENT.fullmatch(line.rstrip(b"\r"))
        if found is not None:
            counts[found[1]] = int(found[2])
        elif line.startswith(b"element"):
            raise Fault("expected an element's name and count, found another text")
    for count in counts.values():
        if count > left:
            raise Fault(f"expected {count} elements, found {left} bytes behind the header")
    return {Quantity.VERTICES: counts.get(b"vertex"), Quantity.FACES: counts.get(b"face")}


def probe_stl(source: Source) -> Facts:
    """STL: the count of a binary file, which its size proves; of a text the facets, counted in one pass."""
    stated = int.from_bytes(source.some(80, 4), "little")
    if source.size == 84 + 50 * stated:
        return {Quantity.FACES: stated}
    faces = 0
    last, word = b"", b"facet normal"
    for part in source.parts():
        part = last + part
        faces += part.count(word)
        last = part[1 - len(word) :]
    return {Quantity.FACES: faces}


PROBES: Final = {
    "model/gltf-binary": probe_glb,
    "model/gltf+json": probe_gltf,
    "model/obj": probe_obj,
    "model/x-ply": probe_ply,
    "model/stl": probe_stl,
}
