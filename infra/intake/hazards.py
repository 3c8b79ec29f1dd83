"""Why bytes themselves wait for a human: what they may do when they are opened, or that nobody could look.

| media type | held because |
|---|---|
| application/x-pytorch, application/x-python-pickle | a pickle may run code when it is opened |
| model/vnd.usda, .usdc, .usdz+zip | usd-core is not installed, or does not open it |

What contradicts its own format waits too (`infra.probe`); the gate asks here first.

A stage is opened by a process of its own, with limits and a deadline; USD is a library of C++ over files of strangers.
"""

import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from infra.capability.sandbox import run

PICKLES: Final = frozenset({"application/x-pytorch", "application/x-python-pickle"})
STAGES: Final = {"model/vnd.usda": ".usda", "model/vnd.usdc": ".usdc", "model/vnd.usdz+zip": ".usdz"}
PICKLED: Final = "pickled data may run code when it is opened: bring it as safetensors, or have a human look"
NOBODY_LOOKED: Final = "usd-core is not installed here: nobody has looked whether the stage opens"
NOT_A_STAGE: Final = "usd-core does not open it as a stage"
OPEN_SECONDS_MAX: Final = 60
OPEN_MEMORY_MIB: Final = 4_096
_OPEN: Final = "import sys; from pxr import Usd; sys.exit(0 if Usd.Stage.Open(sys.argv[1]) else 3)"


def hold_of(blob: Path, media_type: str) -> str | None:
    """Return why the bytes of a blob wait for a human, None where nothing in them does. May take OPEN_SECONDS_MAX."""
    if media_type in PICKLES:
        return PICKLED
    if media_type not in STAGES:
        return None
    if importlib.util.find_spec("pxr") is None:
        return NOBODY_LOOKED
    with tempfile.TemporaryDirectory(prefix="edgeprint-usd-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        stage = folder / f"stage{STAGES[media_type]}"  # USD goes by the name
        shutil.copyfile(blob, stage)  # the account that opens it may not be let into the store
        stage.chmod(0o644)
        argv = [sys.executable, "-c", _OPEN, str(stage)]
        ended = run(argv, folder=folder, job=folder, memory_mib=OPEN_MEMORY_MIB, seconds_max=OPEN_SECONDS_MAX)
    return None if ended.code == 0 else NOT_A_STAGE
