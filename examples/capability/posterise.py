"""Posterise: reduce a binary portable pixmap (PPM, P6) to a number of tones, through the process contract.

The job's folder is named by EDGEPRINT_JOB: in/request.json says what is asked, out/ takes result and picture. Exit 10
where the call is none of ours. Needs Python alone.
"""

import json
import os
import sys
from pathlib import Path

REJECTED = 10


def main() -> int:
    """Do the job; return the exit status."""
    job = Path(os.environ["EDGEPRINT_JOB"])
    try:
        request = json.loads((job / "in" / "request.json").read_text(encoding="utf-8"))
        parameters = request["parameters"]
        if set(parameters) != {"tones"} or type(parameters["tones"]) is not int or not 2 <= parameters["tones"] <= 256:
            raise ValueError("expected the parameter tones, 2 to 256")
        (picture,) = request["inputs"]
        head, pixels = split((job / "in" / picture["name"]).read_bytes())
    except (KeyError, TypeError, ValueError) as err:
        sys.stderr.write(f"rejected: {err}\n")
        return REJECTED
    (job / "out" / "posterised.ppm").write_bytes(head + pixels.translate(table(parameters["tones"])))
    result = {"format": "edgeprint.result/1", "outputs": [{"name": "posterised.ppm"}]}
    (job / "out" / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return 0


def table(tones: int) -> bytes:
    """Return what becomes of each value of a byte."""
    return bytes((value * tones // 256) * 255 // (tones - 1) for value in range(256))


def split(data: bytes) -> tuple[bytes, bytes]:
    """Return head and pixels of a picture of 8 bits a channel. Raises: ValueError."""
    fields = data.split(maxsplit=4)
    if len(fields) != 5 or fields[0] != b"P6" or fields[3] != b"255":
        raise ValueError("expected a PPM picture, P6, of 8 bits a channel")
    pixels = int(fields[1]) * int(fields[2]) * 3
    if pixels <= 0 or len(data) <= pixels:
        raise ValueError("expected as many pixels as its head says")
    return data[:-pixels], data[-pixels:]


if __name__ == "__main__":
    sys.exit(main())
