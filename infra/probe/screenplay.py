"""Screenplays: Fountain and Final Draft. Scenes and speaking roles are counted; no name leaves this module."""

import codecs
from typing import Final
from xml.parsers import expat

from domain.identity.events import Quantity
from domain.identity.media_text import FOUNTAIN_HEADING
from infra.probe.source import TEXT_BYTES_MAX, XML_BYTES_MAX, Facts, Fault, Source, Unsure

NAME_CHARACTERS_MAX: Final = 200
_NO_CUE: Final = ("!", ">", "#", "=", ".", "~", "[", "(")
_CONTENT: Final = ["FinalDraft", "Content"]


def probe_fountain(source: Source) -> Facts:
    """Fountain (fountain.io/syntax): headings with a blank line above them, and cues with a line right below."""
    lines = ["", *(line.strip() for line in _without_boneyard(_text(source.whole(TEXT_BYTES_MAX))).splitlines()), ""]
    scenes, roles = 0, set()
    for above, line, below in zip(lines, lines[1:], lines[2:], strict=False):
        if above or not line:
            continue
        if FOUNTAIN_HEADING.match(line) or (line[0] == "." and line[1:2] not in ("", ".", " ")):
            scenes += 1
        elif below and (line[0] == "@" or _is_cue(line)):
            roles.add(line.lstrip("@").partition("(")[0].rstrip("^ ").strip()[:NAME_CHARACTERS_MAX])
    return {Quantity.SCENES: scenes, Quantity.ROLES: len(roles)}


def _is_cue(line: str) -> bool:
    """Return whether a line is a character's name: capitals, no mark of another element, no transition."""
    return line.partition("(")[0].isupper() and not line.startswith(_NO_CUE) and not line.endswith(("TO:", ":"))


def _text(data: bytes) -> str:
    """Return a text in UTF-8, or UTF-16 with a byte order mark; what is no character is replaced, as editors do."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def _without_boneyard(text: str) -> str:
    """Return `text` without what stands between `/*` and `*/`; an unclosed mark is a mark like any other."""
    parts = []
    place = 0
    while (start := text.find("/*", place)) >= 0 and (end := text.find("*/", start + 2)) >= 0:
        parts.append(text[place:start])
        place = end + 2
    return "".join((*parts, text[place:]))


def probe_fdx(source: Source) -> Facts:
    """Final Draft (XML): paragraphs of the script by their type. A document type, and so any entity, is refused."""
    reader = _FinalDraft()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(source.whole(XML_BYTES_MAX), True)
    except expat.ExpatError as err:
        raise Fault(f"expected XML, found {expat.ErrorString(err.code)} in line {err.lineno}") from err
    except (ValueError, LookupError) as err:  # an encoding that expat does not have
        raise Unsure from err
    return {Quantity.SCENES: reader.scenes, Quantity.ROLES: len(reader.roles)}


def _no_doctype(*_: object) -> None:
    raise Fault("expected XML without a document type, found one")


class _FinalDraft:
    """Counts while expat reads; keeps the first two names of the path and how deep it is."""

    def __init__(self) -> None:
        self.scenes = 0
        self.roles: set[str] = set()
        self._path: list[str] = []
        self._depth = 0
        self._name: list[str] | None = None
        self._name_depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take note of an element's beginning. Raises: Fault for another root."""
        self._depth += 1
        if self._depth <= 2:
            self._path[self._depth - 1 :] = [name]
        if self._depth == 1 and name != "FinalDraft":
            raise Fault("expected the root FinalDraft, found another one")
        if name != "Paragraph" or self._path != _CONTENT or self._depth < 3:
            return
        if attributes.get("Type") == "Scene Heading":
            self.scenes += 1
        elif attributes.get("Type") == "Character":
            self._name, self._name_depth = [], self._depth

    def text(self, part: str) -> None:
        """Take note of a character's name."""
        if self._name is not None:
            self._name.append(part)

    def end(self, _: str) -> None:
        """Take note of an element's end."""
        if self._name is not None and self._depth == self._name_depth:
            role = "".join(self._name).partition("(")[0].strip().upper()[:NAME_CHARACTERS_MAX]
            if role:
                self.roles.add(role)
            self._name = None
        self._depth -= 1


PROBES: Final = {"text/x-fountain": probe_fountain, "application/x-finaldraft": probe_fdx}
