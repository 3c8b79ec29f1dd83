"""`probe`: the one way in. Which probe reads which media type, and what becomes of what it finds.

A probe never decodes a picture, never allocates by a size that the file states and never follows a name in the file.
Whatever the bytes are, `probe` returns within a second: `tests/property/test_probe_bytes.py` feeds it hostile files.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.errors import Unavailable
from domain.identity.events import CLAUSE_CHARACTERS_MAX, MEASURE_MAX, Measure, Quantity
from infra.blobs.reading import open_blob
from infra.probe import film_image, image, matroska, mesh, movie, screenplay, sound, timeline, weights
from infra.probe.source import Facts, Fault, Source, Unsure

PROBES: Final[dict[str, Callable[[Source], Facts]]] = {
    **image.PROBES,
    **film_image.PROBES,
    **movie.PROBES,
    **matroska.PROBES,
    **sound.PROBES,
    **mesh.PROBES,
    **screenplay.PROBES,
    **timeline.PROBES,
    **weights.PROBES,
}


@dataclass(frozen=True, slots=True)
class Probed:
    """What the bytes state of themselves, and where they contradict their own format; a fault leaves no measures."""

    measures: tuple[Measure, ...] = ()
    fault: str | None = None


NOTHING: Final = Probed()


def probe(path: Path, media_type: str) -> Probed:
    """Return the technical facts of the file at `path`, read as what it was recognised to be.

    A type without a probe, and a variant that its probe does not know, give nothing: not known is neither valid nor
    false. A fault is at most CLAUSE_CHARACTERS_MAX characters and quotes nothing of the file but numbers.

    Raises:
        NotFound, Invalid: there is no regular file at `path`.
        Unavailable: the disk does not give its bytes.
    """
    if media_type not in PROBES:
        return NOTHING
    fd = open_blob(path)
    try:
        return probe_open(fd, media_type)
    except OSError as err:
        raise Unavailable(f"blob {path} cannot be read: {(err.strerror or '').lower()}") from err
    finally:
        os.close(fd)


def probe_open(fd: int, media_type: str) -> Probed:
    """Return what `probe` returns, of a file that is open for reading. Raises: OSError alone."""
    look = PROBES.get(media_type)
    if look is None:
        return NOTHING
    try:
        return Probed(_measures(look(Source(fd))))
    except Fault as fault:
        return Probed(fault=f"{media_type}: {fault}"[:CLAUSE_CHARACTERS_MAX])
    except Unsure:
        return NOTHING


def _measures(found: Facts) -> tuple[Measure, ...]:
    """Return what was found in the order of the enum; a number that no reader of JSON keeps exactly is left out."""
    kept = ((quantity, found.get(quantity)) for quantity in Quantity)
    return tuple(
        Measure(quantity=quantity, value=value)
        for quantity, value in kept
        if value is not None and 0 <= value <= MEASURE_MAX
    )
