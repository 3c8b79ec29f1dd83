"""A TCP proxy that a test makes fail: cut, half open, slow. What it forwards it never looks at."""

import select
import socket
import threading
import time
from contextlib import suppress
from typing import Literal

Mode = Literal["pass", "cut", "stall", "slow"]
SLOW_S = 0.02


class TcpProxy:
    """Forwards connections of its port to another one, as its mode says at the moment.

    `cut`: connections are closed, and new ones at once. `stall`: they stay open and nothing passes, as behind a router
    that lost its state. `slow`: each piece waits a little.
    """

    def __init__(self) -> None:
        """Listen; nothing is forwarded before `target` is set."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.target = 0
        self.mode: Mode = "pass"
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def fail(self, mode: Mode) -> None:
        """Change the mode; `cut` closes what is open."""
        self.mode = mode
        if mode == "cut":
            for one in list(self._open):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Stop listening and close what is open."""
        self.fail("cut")
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.socket() as server, suppress(OSError):
            if self.mode == "cut":
                return
            server.connect(("127.0.0.1", self.target))
            self._open |= {client, server}
            try:
                self._forward(client, server)
            finally:
                self._open -= {client, server}

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        while True:
            if self.mode == "stall":
                time.sleep(0.05)
                continue
            for ready in select.select([client, server], [], [], 0.1)[0]:
                data = ready.recv(1 << 16)
                if not data or self.mode == "cut":
                    return
                if self.mode == "slow":
                    time.sleep(SLOW_S)
                (server if ready is client else client).sendall(data)
