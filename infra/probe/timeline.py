"""Documents in JSON: OpenTimelineIO timelines; workflows of ComfyUI as its editor saves them or its API takes them.

A timeline's `duration_us` is that of its longest track: the sum of its clips and gaps, each by its source range, else
by its media's available range (OTIO, "Time ranges"). One item that says neither leaves the duration unsaid.
"""

import math
from typing import Any, Final

from domain.identity.events import MEASURE_MAX, Quantity
from infra.probe.source import JSON_BYTES_MAX, Facts, Fault, Source, Unsure, read_json

DEPTH_MAX: Final = 64
_ITEMS: Final = ("Clip", "Gap", "Stack", "Track", "Transition")


def probe_otio(source: Source) -> Facts:
    """OpenTimelineIO: a timeline. A collection, or a clip alone, is a document of OTIO too and gives no measures."""
    document = read_json(source.whole(JSON_BYTES_MAX))
    kind = _kind(document)
    if kind is None:
        raise Fault("expected an object with its OTIO_SCHEMA, found none")
    if kind != "Timeline":
        raise Unsure
    if _kind(document.get("tracks")) != "Stack":
        raise Fault("expected a timeline's tracks to be a stack, found another value")
    stack = document["tracks"]
    clips = _clips(stack, 0)
    tracks = [child for child in _children(stack) if _kind(child) == "Track"]
    seconds = _seconds(stack)
    us = math.nan if seconds is None else seconds * 1e6
    return {
        Quantity.DURATION_US: round(us) if math.isfinite(us) and 0 <= us <= MEASURE_MAX else None,
        Quantity.CLIPS: clips,
        Quantity.TRACKS: len(tracks),
    }


def _kind(found: object) -> str | None:
    """Return the name of an object's schema without its version."""
    schema = found.get("OTIO_SCHEMA") if isinstance(found, dict) else None
    return schema.partition(".")[0] if isinstance(schema, str) else None


def _children(item: dict[str, Any]) -> list[Any]:
    children = item.get("children", [])
    if not isinstance(children, list):
        raise Fault("expected children to be an array, found another value")
    return children


def _clips(item: dict[str, Any], depth: int) -> int:
    """Return the clips in a composition and in those inside it. Raises: Fault; Unsure beyond DEPTH_MAX."""
    if depth > DEPTH_MAX:
        raise Unsure
    clips = 0
    for child in _children(item):
        kind = _kind(child)
        if kind is None:
            raise Fault("expected children with their OTIO_SCHEMA, found one without")
        clips += kind == "Clip"
        if kind in ("Stack", "Track"):
            clips += _clips(child, depth + 1)
    return clips


def _seconds(item: dict[str, Any]) -> float | None:
    """Return how long an item is, None where something in it does not say; `_clips` has looked at its depth."""
    kind = _kind(item)
    if kind == "Transition":
        return 0.0  # it overlaps its neighbours
    if kind not in _ITEMS:
        return None
    if item.get("source_range") is not None or kind in ("Clip", "Gap"):
        return _range_seconds(item.get("source_range") or _available(item))
    inner = [_seconds(child) for child in _children(item)]
    told = [one for one in inner if one is not None]
    if len(told) != len(inner):
        return None
    return math.fsum(told) if kind == "Track" else max(told, default=0.0)


def _available(clip: dict[str, Any]) -> object:
    """Return the available range of a clip's media: Clip.1 has one reference, Clip.2 several and a key."""
    media = clip.get("media_reference")
    several, key = clip.get("media_references"), clip.get("active_media_reference_key", "DEFAULT_MEDIA")
    if isinstance(several, dict) and isinstance(key, str):
        media = several.get(key)
    return media.get("available_range") if isinstance(media, dict) else None


def _range_seconds(found: object) -> float | None:
    duration = found.get("duration") if isinstance(found, dict) else None
    if not isinstance(duration, dict):
        return None
    value, rate = duration.get("value"), duration.get("rate")
    if not isinstance(value, int | float) or not isinstance(rate, int | float):
        return None
    try:
        seconds = float(value) / float(rate)
    except (OverflowError, ZeroDivisionError):
        return None
    return seconds if math.isfinite(seconds) else None


def probe_workflow(source: Source) -> Facts:
    """ComfyUI: the nodes of a workflow. Prompts stand in them, so nothing but their number is taken."""
    document = read_json(source.whole(JSON_BYTES_MAX))
    if not isinstance(document, dict):
        raise Fault("expected an object, found another value")
    nodes = document.get("nodes")
    if isinstance(nodes, list):
        return {Quantity.NODES: len(nodes)}
    return {Quantity.NODES: sum(isinstance(one, dict) and "class_type" in one for one in document.values())}


PROBES: Final = {
    "application/x-otio+json": probe_otio,
    "application/x-comfyui-workflow+json": probe_workflow,
}
