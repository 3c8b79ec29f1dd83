"""Recognise text formats by their content; the name decides only between formats that the content allows alike.

A file is text when its first bytes are valid UTF-8 (or UTF-16 with a byte order mark) without control characters other
than tab, line feed, form feed and carriage return. A screenplay needs scene headings, a mesh its vertices and faces, a
timeline its schema: a name that promises more than the content holds is not believed.
"""

from __future__ import annotations

import codecs
import itertools
import json
import re

_CONTROL = bytes(code for code in (*range(32), 127) if code not in b"\t\n\f\r")
_OTIO = re.compile(r'"OTIO_SCHEMA"\s*:\s*"[A-Za-z_]+\.[0-9]+"')
_WORKFLOW_KEYS = ('"last_node_id"', '"last_link_id"')
_WORKFLOW_NODE = re.compile(r'\{\s*"[^"\\]{1,60}"\s*:\s*\{\s*"(?:inputs|class_type)"\s*:')
_GLTF_KEYS = ('"asset"', '"accessors"', '"bufferViews"', '"meshes"', '"scenes"', '"nodes"')
_JSON_START = re.compile(r'\{\s*(?:"(?:[^"\\]|\\.)*"\s*:|\})|\[\s*(?:["\[{\]\-0-9]|true|false|null)')
_XML_ROOT = re.compile(r"<(?![?!])([A-Za-z_][\w.:-]*)")
_XML_ROOTS = {
    "FinalDraft": "application/x-finaldraft",
    "fcpxml": "application/x-fcpxml",
    "svg": "image/svg+xml",
    "COLLADA": "model/vnd.collada+xml",
    "X3D": "model/x3d+xml",
    "html": "text/html",
    "xmeml": "application/x-xmeml",
}
_OBJ_VERTEX = re.compile(r"(?:\A|\n)v(?:[ \t]+[-+0-9.eE]+){3,7}[ \t]*(?:\r?\n|\Z)")
_OBJ_FACE = re.compile(r"^[fl](?:[ \t]+-?[0-9]+(?:/-?[0-9]*){0,2}){2,}[ \t\r]*$", re.MULTILINE)
_STL = re.compile(r"solid\b[^\n]*\n\s*(?:facet normal|endsolid)", re.IGNORECASE)
_SRT = re.compile(r"\d+[ \t]*\r?\n\d{2}:\d{2}:\d{2},\d{3} --> \d{2}:\d{2}:\d{2},\d{3}")
_EDL = re.compile(r"^\d{3,6}[ \t]+\S+[ \t]+[AVNB]\S*[ \t]+[CDWK]\S*[ \t].*\d{2}:\d{2}:\d{2}[:;]\d{2}", re.MULTILINE)
FOUNTAIN_HEADING = re.compile(r"(?:INT\.?/EXT|EXT\.?/INT|I/E|INT|EXT|EST)[. ][ \t]*\S", re.IGNORECASE)
_FOUNTAIN_STARTS = ("INT", "EXT", "EST", "I/E", "int", "ext", "est", "i/e", "Int", "Ext", "Est")
_FOUNTAIN_FORCED = re.compile(r"(?:\A|\n[ \t]*\r?\n)\.(?![. ])[^\n]*\S")
_FOUNTAIN_TITLE = re.compile(r"\A(?:Title|Credit|Author|Authors|Draft date|Source|Contact):", re.IGNORECASE)


def recognise_text(head: bytes, *, size: int, name: str) -> str | None:
    """Return the media type of a text format, "text/plain" for other text, None where the bytes are not text."""
    text = _decode(head, complete=len(head) >= size)
    if text is None:
        return None
    start = text.lstrip()
    if start[:1] in ("{", "["):
        return _json(start, complete=len(head) >= size) or "text/plain"
    if start[:1] == "<":
        return _xml(start) or "text/plain"
    return _lines(start, name.lower())


def _decode(head: bytes, *, complete: bool) -> str | None:
    """Return `head` as text without its byte order mark, None where it is not text.

    The last character of an incomplete head may be cut in two; it is left out.
    """
    encoding = "utf-8"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16-le" if head.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
    elif _has_control(head):
        return None
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head, final=complete)
    except UnicodeDecodeError:
        return None
    if encoding != "utf-8" and _has_control(text.encode("utf-8", "replace")):
        return None
    return text.removeprefix("\ufeff")


def _has_control(text: bytes) -> bool:
    return len(text.translate(None, _CONTROL)) != len(text)


def _json(text: str, *, complete: bool) -> str | None:
    """Return the type of a JSON document. A document longer than `head` is judged by its beginning."""
    if complete:
        try:
            document: object = json.loads(text)
        except (ValueError, RecursionError):
            return None
        if isinstance(document, dict):
            schema, asset = document.get("OTIO_SCHEMA"), document.get("asset")
            if isinstance(schema, str) and _OTIO.fullmatch(f'"OTIO_SCHEMA":"{schema}"'):
                return "application/x-otio+json"
            if isinstance(asset, dict) and isinstance(asset.get("version"), str):
                return "model/gltf+json"
            if _is_workflow(document):
                return "application/x-comfyui-workflow+json"
        return "application/json"
    if not _JSON_START.match(text):
        return None
    if text[0] == "{":
        if _OTIO.search(text[:1024]):
            return "application/x-otio+json"
        if sum(key in text for key in _GLTF_KEYS) >= 3:
            return "model/gltf+json"
        if all(key in text for key in _WORKFLOW_KEYS) or (_WORKFLOW_NODE.match(text) and '"class_type"' in text):
            return "application/x-comfyui-workflow+json"
    return "application/json"


def _is_workflow(document: dict[str, object]) -> bool:
    """Return whether a document is a workflow of ComfyUI, as its editor saves it or as its API takes it.

    The editor writes nodes with their type, and each link as an array; other graphs in JSON have objects for links.
    The API takes a mapping from a node's number to its class and inputs.
    """
    nodes, links = document.get("nodes"), document.get("links")
    if isinstance(nodes, list) and isinstance(links, list):
        typed = all(isinstance(node, dict) and isinstance(node.get("type"), str) and "id" in node for node in nodes)
        drawn = bool(nodes) and all(isinstance(link, list) for link in links)
        return typed and (drawn or "last_node_id" in document)
    return bool(document) and all(
        isinstance(node, dict) and isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict)
        for node in document.values()
    )


def _xml(text: str) -> str | None:
    """Return the type of an XML or HTML document by its root element. Nothing is parsed and no entity is expanded."""
    root = _XML_ROOT.search(_without_comments(text))
    if root is None:
        return None
    local = root.group(1).rpartition(":")[2]
    known = _XML_ROOTS.get(local) or _XML_ROOTS.get(local.lower() if local.lower() == "html" else "")
    if known is not None:
        return known
    return "application/xml" if text.startswith("<?xml") else ("text/html" if _is_html(text) else None)


def _without_comments(text: str) -> str:
    """Return `text` without XML comments; an unclosed one ends it. (A regular expression would be quadratic here.)"""
    parts = []
    while "<!--" in text:
        before, _, rest = text.partition("<!--")
        parts.append(before)
        text = rest.partition("-->")[2]
    return "".join((*parts, text))


def _is_html(text: str) -> bool:
    return text[:14].lower() == "<!doctype html"


def _lines(text: str, name: str) -> str:
    """Return the type of line-oriented text; plain text where nothing more can be said."""
    if text.startswith("#usda "):
        return "model/vnd.usda"
    if text.startswith("WEBVTT") and (len(text) == 6 or text[6] in " \t\r\n"):
        return "text/vtt"
    if text.startswith("; FBX "):
        return "application/x-fbx"
    if text.startswith("ISO-10303-21;"):
        return "model/step"
    for pattern, media_type in ((_STL, "model/stl"), (_SRT, "application/x-subrip")):
        if pattern.match(text):
            return media_type
    if "v " in text and _OBJ_VERTEX.search(text) and (_OBJ_FACE.search(text) or name.endswith(".obj")):
        return "model/obj"
    if text.startswith(("TITLE:", "FCM:")) and _EDL.search(text):
        return "text/x-edl"
    if _is_fountain(text, name):
        return "text/x-fountain"
    if name.endswith((".md", ".markdown")):
        return "text/markdown"
    if name.endswith(".csv") and any(mark in text.partition("\n")[0] for mark in ",;"):
        return "text/csv"
    return "text/plain"


def _is_fountain(text: str, name: str) -> bool:
    """A screenplay has two scene headings, or one and a further sign (title page, name).

    A forced heading (".内景") counts only with such a sign, since prose may begin with a full stop too
    (fountain.io/syntax, "Scene Heading").
    """
    lines = ["", *text.splitlines()]
    headings = sum(
        1
        for above, line in itertools.pairwise(lines)
        if line.startswith(_FOUNTAIN_STARTS) and not above.strip() and FOUNTAIN_HEADING.match(line)
    )
    if headings >= 2:
        return True
    signs = name.endswith((".fountain", ".spmd")) or _FOUNTAIN_TITLE.match(text) is not None
    return signs and (headings == 1 or _FOUNTAIN_FORCED.search(text) is not None)
