"""`python -m infra.kafka.supervise PID STARTED`: end a process as soon as our standard input is closed.

Whoever starts us holds the other end of that pipe. However he ends, by kill -9 as well, the kernel closes it, and the
process gets SIGTERM, then SIGKILL. PID and STARTED name it as a pid file does. If we are killed ourselves the process
lives on, and its pid file names it to the next start.
"""

import os
import select
import sys
from collections.abc import Sequence
from typing import Final

from infra.process import ProcessId, is_alive, stop_process

GRACE_S: Final = 20.0
POLL_MS: Final = 500


def main(argv: Sequence[str]) -> int:
    """Watch until the pipe is closed or the process has ended; return 0."""
    process = ProcessId(int(argv[0]), argv[1])
    poller = select.poll()
    poller.register(sys.stdin.fileno(), select.POLLIN | select.POLLHUP)
    while is_alive(process):
        if poller.poll(POLL_MS) and os.read(sys.stdin.fileno(), 1024) == b"":
            stop_process(process, timeout_s=GRACE_S)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
