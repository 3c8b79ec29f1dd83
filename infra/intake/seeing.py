"""What the gate sees in stored bytes: their kind, what they state of themselves, and whether they wait for a human."""

from pathlib import Path

from domain.identity.digital_object import Seen
from domain.identity.events import Content
from infra.intake.hazards import hold_of
from infra.probe.probing import probe


def see(blob: Path, content: Content, kind: str) -> Seen:
    """Return what is seen in a blob. What it may do when it is opened counts before what is wrong with it.

    May take `hazards.OPEN_SECONDS_MAX` where a stage is opened. Raises: Unavailable.
    """
    probed = probe(blob, content.media_type)
    return Seen(content, kind, probed.measures, hold_of(blob, content.media_type) or probed.fault)
