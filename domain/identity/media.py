"""Media type and asset kind of a file by its content, never by its name alone.

`recognise` sees the first HEAD_BYTES of a file, its size and its last TAIL_BYTES. The name is a hint among text formats
that the content allows alike (Markdown or plain text); a wrong extension never wins. Types that IANA has registered are
used; the others carry an `x-` (they are named in `KINDS`, the complete list of what this module may answer).

The kind is what a film person calls the thing. It says what the bytes are, not what they are for: a storyboard still
and a texture are both `image`, since no byte tells them apart; `texture` is only for GPU texture containers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.identity.media_binary import recognise_binary
from domain.identity.media_text import recognise_text

HEAD_BYTES = 16_384
TAIL_BYTES = 32
UNKNOWN_TYPE = "application/octet-stream"


class AssetKind(StrEnum):
    """What the bytes are."""

    SCREENPLAY = "screenplay"
    IMAGE = "image"
    TEXTURE = "texture"
    TIMELINE = "timeline"
    SCENE = "scene"
    MESH = "mesh"
    VIDEO = "video"
    AUDIO = "audio"
    SUBTITLE = "subtitle"
    MODEL_WEIGHTS = "model_weights"
    WORKFLOW = "workflow"
    PROJECT = "project"
    DOCUMENT = "document"
    DATA = "data"
    TEXT = "text"
    ARCHIVE = "archive"
    UNKNOWN = "unknown"


_TYPES_OF_KIND: dict[AssetKind, str] = {
    AssetKind.SCREENPLAY: "text/x-fountain application/x-finaldraft",
    AssetKind.IMAGE: "image/png image/jpeg image/gif image/webp image/tiff image/bmp image/heic image/heif image/avif "
    "image/x-exr image/x-dpx image/x-cineon image/vnd.radiance image/jxl image/jp2 image/x-j2c image/x-tga "
    "image/vnd.adobe.photoshop image/x-canon-cr3 image/svg+xml image/openraster",
    AssetKind.TEXTURE: "image/ktx image/ktx2 image/vnd.ms-dds",
    AssetKind.TIMELINE: "application/x-otio+json application/x-fcpxml application/x-xmeml application/x-aaf text/x-edl",
    AssetKind.SCENE: "model/vnd.usda model/vnd.usdc model/vnd.usdz+zip application/x-fbx application/x-alembic "
    "model/vnd.collada+xml model/x3d+xml",
    AssetKind.MESH: "model/gltf-binary model/gltf+json model/obj model/stl model/x-ply model/3mf model/step",
    AssetKind.VIDEO: "video/mp4 video/quicktime video/matroska video/webm video/x-msvideo application/mxf video/mpeg "
    "video/mp2t video/ogg video/3gpp video/3gpp2",
    AssetKind.AUDIO: "audio/wav audio/flac audio/mpeg audio/ogg audio/aac audio/aiff audio/mp4",
    AssetKind.SUBTITLE: "application/x-subrip text/vtt",
    AssetKind.MODEL_WEIGHTS: "application/x-safetensors application/x-pytorch application/x-gguf",
    AssetKind.WORKFLOW: "application/x-comfyui-workflow+json",
    AssetKind.PROJECT: "application/x-blender application/x-aep",
    AssetKind.DOCUMENT: "application/pdf application/rtf application/x-ole-storage application/epub+zip text/html "
    "application/vnd.oasis.opendocument.text application/vnd.oasis.opendocument.spreadsheet "
    "application/vnd.oasis.opendocument.presentation "
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document "
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet "
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    AssetKind.DATA: "application/json application/xml text/csv application/x-npy application/x-npz application/x-hdf5 "
    "application/x-python-pickle",
    AssetKind.TEXT: "text/plain text/markdown",
    AssetKind.ARCHIVE: "application/zip application/gzip application/x-bzip2 application/x-xz application/zstd "
    "application/x-7z-compressed application/vnd.rar application/x-tar",
    AssetKind.UNKNOWN: UNKNOWN_TYPE,
}
KINDS: dict[str, AssetKind] = {name: kind for kind, names in _TYPES_OF_KIND.items() for name in names.split()}


@dataclass(frozen=True, slots=True)
class Media:
    """A media type (RFC 6838, no parameters, lower case) and the kind of asset it stands for."""

    media_type: str
    kind: AssetKind


def recognise(head: bytes, *, size: int, tail: bytes = b"", name: str = "") -> Media:
    """Return what a file of `size` bytes is. O(len(head)); never raises, whatever the bytes are.

    `head` is the file's first min(size, HEAD_BYTES) bytes; more are ignored. `tail` is its last min(size, TAIL_BYTES)
    bytes; it may be left out where `head` is the whole file. `name` is the file's own name, without folders.
    """
    if size <= len(head):
        tail = head[-TAIL_BYTES:]
    head = head[:HEAD_BYTES]
    media_type = recognise_binary(head, size=size, tail=tail)
    if media_type is None and head:
        media_type = recognise_text(head, size=size, name=name)
    media_type = media_type or UNKNOWN_TYPE
    return Media(media_type, KINDS[media_type])
