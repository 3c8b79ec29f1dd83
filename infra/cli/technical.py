"""Technical facts in words for people: "1920 x 1080 px, 3 channels, 8 bits"."""

from collections.abc import Mapping
from typing import Final

from domain.identity.events import Quantity
from infra.cli.output import Words

_UNITS: Final = {
    Quantity.WIDTH_PX: ("像素宽", "px wide", "px wide"),
    Quantity.HEIGHT_PX: ("像素高", "px high", "px high"),
    Quantity.CHANNELS: ("通道", "channel", "channels"),
    Quantity.BITS_PER_SAMPLE: ("位", "bit", "bits"),
    Quantity.FRAMES: ("帧", "frame", "frames"),
    Quantity.DURATION_US: ("秒", "s", "s"),
    Quantity.SAMPLE_RATE_HZ: ("赫兹", "Hz", "Hz"),
    Quantity.SCENES: ("场", "scene", "scenes"),
    Quantity.ROLES: ("个角色", "role", "roles"),
    Quantity.CLIPS: ("个片段", "clip", "clips"),
    Quantity.TRACKS: ("轨", "track", "tracks"),
    Quantity.MESHES: ("个网格", "mesh", "meshes"),
    Quantity.VERTICES: ("个顶点", "vertex", "vertices"),
    Quantity.FACES: ("个面", "face", "faces"),
    Quantity.TENSORS: ("个张量", "tensor", "tensors"),
    Quantity.PARAMETERS: ("个参数", "parameter", "parameters"),
    Quantity.NODES: ("个节点", "node", "nodes"),
}


def technical_text(technical: Mapping[str, int], words: Words) -> str:
    """Return the facts of one object in one line, "" if there are none; a duration is in seconds."""
    left = {Quantity(name): value for name, value in technical.items()}
    parts = []
    if Quantity.WIDTH_PX in left and Quantity.HEIGHT_PX in left:
        width, height = left.pop(Quantity.WIDTH_PX), left.pop(Quantity.HEIGHT_PX)
        parts.append(words(f"{width} × {height} 像素", f"{width} x {height} px"))
    for quantity, value in left.items():
        number = f"{value / 1_000_000:.3f}" if quantity is Quantity.DURATION_US else str(value)
        chinese, one, many = _UNITS[quantity]
        parts.append(words(f"{number} {chinese}", f"{number} {one if number == '1' else many}"))
    return words("，", ", ").join(parts)
