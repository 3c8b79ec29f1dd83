"""Model weights: the header of safetensors. Pickled weights are never looked into."""

from typing import Final

from domain.errors import Invalid
from domain.identity.events import Quantity
from infra.blobs.tensors import BITS, HEADER_BYTES_MAX, parse_header
from infra.probe.source import JSON_BYTES_MAX, Facts, Fault, Source, Unsure, has_many_values, read_json


def probe_safetensors(source: Source) -> Facts:
    """Safetensors: how many tensors, and how many elements they have in all."""
    length = int.from_bytes(source.at(0, 8), "little")
    if not 2 <= length <= min(HEADER_BYTES_MAX, source.size - 8):
        raise Fault(f"expected a header of 2 to {max(2, source.size - 8)} bytes, found {length}")
    header = source.span(8, length, JSON_BYTES_MAX)
    if has_many_values(header):
        raise Unsure
    try:
        tensors = parse_header(header, source.size - 8 - length)
    except Invalid as err:
        if _has_other_types(header):
            raise Unsure from err
        raise Fault(f"expected tensors that fill the file, found {str(err).removeprefix('safetensors: ')}") from err
    return {Quantity.TENSORS: len(tensors), Quantity.PARAMETERS: sum(tensor.elements for tensor in tensors)}


def _has_other_types(header: bytes) -> bool:
    """Return whether a tensor is of a type that came into the format after this program. Raises: Fault, Unsure."""
    document = read_json(header)
    tensors = document.values() if isinstance(document, dict) else ()
    types = [one.get("dtype") for one in tensors if isinstance(one, dict)]
    return any(isinstance(dtype, str) and dtype not in BITS for dtype in types)


PROBES: Final = {"application/x-safetensors": probe_safetensors}
