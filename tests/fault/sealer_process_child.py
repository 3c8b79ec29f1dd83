"""The sealer process over an explicit database and directory: what `infra.sealer.process.main` runs for a home.
Run as `python -m tests.fault.sealer_process_child DSN DIRECTORY`; EDGEPRINT_FAILPOINTS acts as in test builds.
"""

import signal
import sys
from pathlib import Path

from infra.sealer.process import SealerLoop, SealerPaths, log_line, open_sealer
from infra.store.feed import Listener
from tests.sealer_kit import LEDGER, ORIGIN


def main(dsn: str, directory: str) -> int:
    """Seal until a signal comes."""
    home = Path(directory)
    paths = SealerPaths(home / "tlog", home / "keys", home / "state")
    sealer, _ = open_sealer(ORIGIN, LEDGER, paths, dsn, log_line)
    loop = SealerLoop(sealer, Listener(dsn), log_line, conflict_patience_s=1.0)
    signal.signal(signal.SIGTERM, lambda *_: loop.stop())
    log_line("ready")
    return loop.run()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
