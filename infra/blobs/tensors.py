"""One digest for the tensors of a safetensors file, whatever the order in which it stores them.

SHA-256 of the RFC 8785 form of an array of `{"dtype", "name", "sha256", "shape"}`, one for each tensor, sorted by name;
`sha256` is that of the tensor's own bytes. Metadata of the file does not count. The format (huggingface/safetensors,
README "Format"): a header length of 8 bytes, little-endian, the header as JSON, then the bytes; offsets are from their
beginning, without holes, so that a file is nothing but its tensors. All that is checked here, for files of strangers.
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Any, Final, NamedTuple

import rfc8785

from domain.errors import Invalid
from domain.events import Sha256

HEADER_BYTES_MAX: Final = 100_000_000
TENSORS_MAX: Final = 100_000
CHUNK_BYTES: Final = 1 << 20
BITS: Final = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}


class Tensor(NamedTuple):
    """One tensor of a header: where its bytes begin and end behind the header, and what they are."""

    begin: int
    end: int
    name: str
    dtype: str
    shape: list[int]

    @property
    def elements(self) -> int:
        """Return how many numbers it has; one where the shape is empty."""
        return math.prod(self.shape)


def tensors_digest(path: Path) -> Sha256:
    """Return the digest over all tensors of a safetensors file; reads the file once, in constant memory.

    Raises:
        Invalid: it is none: a header that is too long or no JSON, an unknown type, a tensor that is not as long as its
            shape says, holes, overlaps, or bytes that no tensor has.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or not 2 <= length <= min(HEADER_BYTES_MAX, size - 8):
            raise Invalid(f"safetensors: expected a header of 2 to {HEADER_BYTES_MAX} bytes, found {length} of {size}")
        tensors = parse_header(file.read(length), size - 8 - length)
        told: list[dict[str, Any]] = []
        for begin, end, name, dtype, shape in tensors:
            digest = hashlib.sha256()
            file.seek(8 + length + begin)
            left = end - begin
            while left and (part := file.read(min(left, CHUNK_BYTES))):
                digest.update(part)
                left -= len(part)
            told.append({"name": name, "dtype": dtype, "shape": shape, "sha256": digest.hexdigest()})
    told.sort(key=lambda one: one["name"])
    return Sha256(hashlib.sha256(rfc8785.dumps(told)).digest())


def parse_header(data: bytes, body: int) -> list[Tensor]:
    """Return the tensors of a header in the order of their bytes, `body` of them in all.

    Raises:
        Invalid: as `tensors_digest`. Messages name a tensor by its position in the header, names are a stranger's.
    """
    try:
        document = json.loads(data, object_pairs_hook=_once)
    except (ValueError, RecursionError) as err:
        raise Invalid(f"safetensors: header is not JSON: {str(err)[:80]}") from err
    if not isinstance(document, dict):
        raise Invalid("safetensors: expected an object for a header")
    document.pop("__metadata__", None)
    if len(document) > TENSORS_MAX:
        raise Invalid(f"safetensors: expected at most {TENSORS_MAX} tensors, found {len(document)}")
    found = sorted(_tensor(position, name, one) for position, (name, one) in enumerate(document.items()))
    end = 0
    for tensor in found:
        if tensor.begin != end:
            raise Invalid(f"safetensors: expected a tensor to begin at {end}, found {tensor.begin}")
        end = tensor.end
    if end != body:
        raise Invalid(f"safetensors: expected {end} bytes of tensors, found {body}")
    return found


def _tensor(position: int, name: str, one: Any) -> Tensor:
    where = f"safetensors: tensor {position}"
    if not isinstance(one, dict) or set(one) != {"dtype", "shape", "data_offsets"} or not _known(one["dtype"]):
        raise Invalid(f"{where}: expected a known dtype, shape and data_offsets")
    shape, offsets = one["shape"], one["data_offsets"]
    if not _integers(shape) or not _integers(offsets) or len(offsets) != 2 or len(shape) > 64:
        raise Invalid(f"{where}: expected arrays of integers")
    tensor = Tensor(offsets[0], offsets[1], name, one["dtype"], shape)
    if tensor.elements * BITS[tensor.dtype] != 8 * (tensor.end - tensor.begin):
        raise Invalid(f"{where}: its bytes are not those of its shape")
    return tensor


def _known(dtype: object) -> bool:
    return isinstance(dtype, str) and dtype in BITS


def _integers(found: object) -> bool:
    return isinstance(found, list) and all(type(one) is int and 0 <= one <= 1 << 53 for one in found)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found
