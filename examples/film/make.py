"""Make the pictures, the lantern, the timeline and the sidecars of the film project, the same bytes on every machine.

`python -m examples.film.make` writes them under `examples/film/project`; `--check` writes nothing and fails where one
differs. PNG files hold uncompressed deflate blocks written here, since zlib's output differs from version to version.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
PROJECT = HERE / "project"
WIDTH, HEIGHT = 256, 144
PROMPT = "夜里的水闸，一盏灯，远处有船 / a weir at night, one lamp, a boat far away"
SALT = hashlib.sha256(b"examples/film: a real salt is random and stays with its author").digest()

PAPER = [(246 - 15 * tone, 240 - 15 * tone, 228 - 14 * tone) for tone in range(16)]
NIGHT = [(8 + 3 * tone, 12 + 5 * tone, 28 + 9 * tone) for tone in range(12)] + [
    (120, 80, 40),
    (190, 130, 60),
    (240, 190, 100),
    (255, 240, 200),
]


class Canvas:
    """A picture of WIDTH x HEIGHT pixels, each a tone of 0 to 15. What is drawn outside is cut off."""

    def __init__(self, tone_of_row: Callable[[int], int]) -> None:
        self.rows = [bytearray([tone_of_row(y)] * WIDTH) for y in range(HEIGHT)]

    def dot(self, x: int, y: int, tone: int) -> None:
        if 0 <= x < WIDTH and 0 <= y < HEIGHT:
            self.rows[y][x] = tone

    def box(self, left: int, top: int, right: int, bottom: int, tone: int) -> None:
        for y in range(top, bottom):
            for x in range(left, right):
                self.dot(x, y, tone)

    def line(self, x0: int, y0: int, x1: int, y1: int, tone: int) -> None:
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(steps + 1):
            self.dot(x0 + (x1 - x0) * step // steps, y0 + (y1 - y0) * step // steps, tone)

    def disc(self, x0: int, y0: int, radius: int, tone: int) -> None:
        for y in range(y0 - radius, y0 + radius + 1):
            for x in range(x0 - radius, x0 + radius + 1):
                if (x - x0) ** 2 + (y - y0) ** 2 <= radius * radius:
                    self.dot(x, y, tone)

    def png(self, palette: list[tuple[int, int, int]]) -> bytes:
        """Return the picture as a PNG with 4 bits a pixel (W3C PNG §11)."""
        raw = b"".join(
            b"\x00" + bytes(row[x] << 4 | row[x + 1] for x in range(0, WIDTH, 2)) for row in self.rows
        )  # fmt: skip
        header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 4, 3, 0, 0, 0)
        colours = b"".join(bytes(colour) for colour in palette)
        parts = ((b"IHDR", header), (b"PLTE", colours), (b"IDAT", _stored(raw)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _stored(raw: bytes) -> bytes:
    """Return `raw` as a zlib stream of stored blocks (RFC 1950, RFC 1951 §3.2.4)."""
    blocks = []
    for start in range(0, len(raw), 65535):
        part = raw[start : start + 65535]
        last = start + 65535 >= len(raw)
        blocks.append(struct.pack("<BHH", last, len(part), len(part) ^ 0xFFFF) + part)
    return b"\x78\x01" + b"".join(blocks) + struct.pack(">I", zlib.adler32(raw))


def _shot_010() -> bytes:
    """Wide: the weir, the bridge, the unlit lamp."""
    canvas = Canvas(lambda y: 2 if y < 84 else 5 + (y * 5) % 3)
    canvas.disc(206, 28, 12, 0)
    canvas.box(0, 80, WIDTH, 84, 11)
    canvas.box(0, 60, WIDTH, 62, 12)
    for x in range(6, WIDTH, 18):
        canvas.box(x, 60, x + 2, 82, 12)
    for x in range(0, WIDTH, 7):
        canvas.line(x, 84, x - 12, 143, 8 + x % 3)
    _lantern(canvas, 98, 62, lit=False)
    return canvas.png(PAPER)


def _shot_020() -> bytes:
    """Close: hands, the match, the lamp's glass."""
    canvas = Canvas(lambda y: 3 + y // 48)
    _lantern(canvas, 168, 20, lit=False, scale=4)
    canvas.disc(60, 118, 34, 9)
    canvas.disc(92, 112, 22, 8)
    canvas.line(88, 104, 122, 74, 14)
    canvas.disc(123, 71, 6, 1)
    canvas.disc(123, 68, 3, 0)
    return canvas.png(PAPER)


def _shot_030() -> bytes:
    """Wide: the lamp burns, a second light answers."""
    canvas = Canvas(lambda y: min(13, 6 + y // 24))
    for radius, tone in ((40, 5), (30, 4), (20, 3), (12, 2)):
        canvas.disc(70, 58, radius, tone)
    canvas.box(0, 88, WIDTH, 91, 14)
    for y in range(96, HEIGHT, 6):
        canvas.line(20 + y % 17, y, 236 - y % 23, y, 9)
    _lantern(canvas, 70, 44, lit=True)
    canvas.disc(222, 84, 3, 0)
    return canvas.png(PAPER)


def _lantern(canvas: Canvas, x: int, y: int, *, lit: bool, scale: int = 1) -> None:
    canvas.line(x, y, x, y + 6 * scale, 15)
    canvas.box(x - 6 * scale, y + 6 * scale, x + 6 * scale + 1, y + 8 * scale, 15)
    canvas.box(x - 5 * scale, y + 8 * scale, x + 5 * scale + 1, y + 20 * scale, 0 if lit else 10)
    canvas.box(x - 6 * scale, y + 20 * scale, x + 6 * scale + 1, y + 22 * scale, 15)
    for offset in (-5, 0, 5):
        canvas.line(x + offset * scale, y + 8 * scale, x + offset * scale, y + 20 * scale, 13)


def _night(seed: int, lamp: int, horizon: int) -> bytes:
    """What the invented service sends: a river at night, noise from a fixed linear congruence."""
    state = seed
    canvas = Canvas(lambda y: min(11, (y * 9 // HEIGHT if y < horizon else 3 + (y - horizon) * 6 // HEIGHT)))
    for _ in range(900):
        state = (state * 1103515245 + 12345) % 2**31
        x, y = state % WIDTH, (state // WIDTH) % HEIGHT
        canvas.dot(x, y, 11 if y < horizon else 2)
    for radius, tone in ((26, 9), (17, 12), (9, 13), (4, 14), (2, 15)):
        canvas.disc(lamp, horizon - 18, radius, tone)
    for y in range(horizon + 2, HEIGHT, 3):
        half = 3 + (y * 7 + seed) % 9
        canvas.line(lamp - half, y, lamp + half, y, 13 if y % 2 else 12)
    canvas.disc(WIDTH - 30, horizon - 3, 1, 15)
    return canvas.png(NIGHT)


def _obj() -> bytes:
    """The lantern as a mesh: an eight-sided body between two rings, a roof and a floor; unit millimetre, Y up."""
    rings = ((60.0, 0.0), (60.0, 12.0), (48.0, 12.0), (48.0, 150.0), (66.0, 150.0), (12.0, 190.0))
    lines = ["# lantern of The Lamp at the Weir; millimetres, Y up", "o lantern"]
    for radius, height in rings:
        for corner in range(8):
            angle = math.tau * corner / 8
            lines.append(f"v {radius * math.cos(angle):.3f} {height:.3f} {radius * math.sin(angle):.3f}")
    for ring in range(len(rings) - 1):
        for corner in range(8):
            low, high = ring * 8 + corner + 1, ring * 8 + (corner + 1) % 8 + 1
            lines.append(f"f {low} {low + 8} {high + 8} {high}")
    lines.append("f 1 2 3 4 5 6 7 8")
    lines.append("f " + " ".join(str(number) for number in range(len(rings) * 8, len(rings) * 8 - 8, -1)))
    return ("\n".join(lines) + "\n").replace("-0.000", "0.000").encode()


def _otio() -> bytes:
    """The cut: three shots at 24 frames a second."""

    def time(frames: int) -> dict[str, Any]:
        return {"OTIO_SCHEMA": "RationalTime.1", "rate": 24.0, "value": float(frames)}

    def clip(name: str, frames: int) -> dict[str, Any]:
        whole = {"OTIO_SCHEMA": "TimeRange.1", "start_time": time(0), "duration": time(frames)}
        picture = {
            "OTIO_SCHEMA": "ExternalReference.1",
            "target_url": f"../storyboard/{name}.png",
            "available_range": whole,
        }
        return {
            "OTIO_SCHEMA": "Clip.2",
            "name": name,
            "source_range": whole,
            "media_references": {"DEFAULT_MEDIA": picture},
            "active_media_reference_key": "DEFAULT_MEDIA",
        }

    track = {
        "OTIO_SCHEMA": "Track.1",
        "name": "V1",
        "kind": "Video",
        "children": [clip("shot-010", 96), clip("shot-020", 72), clip("shot-030", 120)],
    }
    timeline = {
        "OTIO_SCHEMA": "Timeline.1",
        "name": "水闸的灯 / The Lamp at the Weir",
        "global_start_time": time(86400),
        "tracks": {"OTIO_SCHEMA": "Stack.1", "name": "tracks", "children": [track]},
    }
    return (json.dumps(timeline, ensure_ascii=False, indent=2) + "\n").encode()


def prompt_commitment(prompt: str, salt: bytes) -> str:
    """Return the commitment of formats.md section 5 for a prompt that has no event yet: event id of 16 zero bytes."""
    value = json.dumps(prompt, ensure_ascii=False).encode()
    path = b"prompt"
    text = b"edgeprint/commit/v1\0" + bytes(16) + struct.pack(">H", len(path)) + path
    return hashlib.sha256(text + salt + struct.pack(">I", len(value)) + value).hexdigest()


def _sidecars(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the sidecars: two works of human hand, one generated still that says all, one that does not."""
    terms, receipt = ((HERE / "papers" / name).read_bytes() for name in ("service-terms.txt", "service-receipt.json"))
    free = {
        "root": "open_licence",
        "licence": "CC0-1.0",
        "terms_sha256": hashlib.sha256(terms).hexdigest(),
        "source": "Example Image Service, papers/service-terms.txt",
    }
    model = {
        "provider": "Example Image Service",
        "name": "example-image",
        "version": "3",
        "filing": "Example-2026-0001",
        "receipt_sha256": hashlib.sha256(receipt).hexdigest(),
    }
    screenplay, lantern = "screenplay/lamp-at-the-weir.fountain", "props/lantern.obj"
    complete, incomplete = "generated/night-river.png", "generated/night-river-wide.png"
    declared: dict[str, dict[str, Any]] = {
        screenplay: {
            "title": "水闸的灯",
            "origin": "human_work",
            "intake_source": "creation",
            "authorisation": {"root": "own_creation"},
            "parameters": {"project_sha256": hashlib.sha256(files[screenplay]).hexdigest()},
            "environment": {"tools": "a text editor"},
            "job": {"session": "writing, first draft", "started": "2026-01-10T09:00:00Z"},
        },
        lantern: {
            "title": "灯 / lantern",
            "origin": "human_work",
            "intake_source": "production_new",
            "authorisation": {"root": "own_creation"},
            "parameters": {"project_sha256": hashlib.sha256(files[lantern]).hexdigest()},
            "job": {"session": "props, day 2", "started": "2026-01-13T09:00:00Z", "ended": "2026-01-13T10:30:00Z"},
        },
        complete: {
            "title": "夜里的河 / the river at night",
            "origin": "external_service",
            "intake_source": "external_model_service",
            "sha256": hashlib.sha256(files[complete]).hexdigest(),
            "authorisation": free,
            "model": model,
            "parameters": {"prompt_commitment": prompt_commitment(PROMPT, SALT), "seed": 81, "steps": 30},
            "environment": {"device": "run by the provider"},
            "job": {"provider_id": "example-job-81", "started": "2026-01-14T08:00:00Z"},
        },
        incomplete: {
            "title": "夜里的河，全景 / the river at night, wide",
            "origin": "external_service",
            "intake_source": "external_model_service",
            "authorisation": free,
            "model": model,
        },
    }
    sidecars = {}
    for path, fields in declared.items():
        document = {"format": "edgeprint/sidecar/1", "file": path.rpartition("/")[2], "class": "S", **fields}
        text = json.dumps(document, ensure_ascii=False, indent=2) + "\n"
        sidecars[f"{path}.edgeprint.json"] = text.encode()
    return sidecars


def make() -> dict[str, bytes]:
    """Return every file that this script makes, by its path under `project`."""
    shot_020 = _shot_020()
    files = {
        "storyboard/shot-010.png": _shot_010(),
        "storyboard/shot-020.png": shot_020,
        "storyboard/shot-030.png": _shot_030(),
        "storyboard/to-editor/shot-020.png": shot_020,
        "timeline/lamp-at-the-weir.otio": _otio(),
        "props/lantern.obj": _obj(),
        "generated/night-river.png": _night(81, 96, 86),
        "generated/night-river-wide.png": _night(82, 150, 70),
        "screenplay/lamp-at-the-weir.fountain": (PROJECT / "screenplay/lamp-at-the-weir.fountain").read_bytes(),
    }
    return files | _sidecars(files)


def main() -> int:
    parser = argparse.ArgumentParser(description="make the film project's pictures, mesh, timeline and sidecars")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file differs")
    check = parser.parse_args().check
    differing = []
    for name, data in make().items():
        path = PROJECT / name
        if path.is_file() and path.read_bytes() == data:
            continue
        differing.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    for name in differing:
        print(f"{'differs' if check else 'made'}: {name}")
    return 1 if check and differing else 0


if __name__ == "__main__":
    sys.exit(main())
