"""A sealer in a process of its own, which kills itself with SIGKILL at the n-th passage of a named point.
Run as `python -m tests.fault.sealer_child DIRECTORY COUNT POINT PASSAGE [BATCH]`; exits 0 if the point never came.
"""

import os
import signal
import sys
from pathlib import Path

from tests.sealer_kit import World


def main(directory: str, count: str, point: str, passage: str, batch: str = "8192") -> None:
    """Seal `count` rows under `directory`, or die on the way."""
    left = int(passage)

    def failpoint(name: str) -> None:
        nonlocal left
        if name == point:
            left -= 1
            if left == 0:
                if "--pause" in sys.argv:
                    print("paused", flush=True)
                    sys.stdin.readline()
                else:
                    os.kill(os.getpid(), signal.SIGKILL)

    sealer = World(Path(directory), int(count)).sealer(failpoint)
    while sealer.step(int(batch)):
        pass
    sealer.close()


if __name__ == "__main__":
    main(*[argument for argument in sys.argv[1:] if not argument.startswith("--")])
