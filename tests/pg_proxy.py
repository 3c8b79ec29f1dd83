"""A TCP proxy in front of PostgreSQL that cuts connections where a test wants it: before or behind a COMMIT."""

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from psycopg.conninfo import conninfo_to_dict, make_conninfo

Cut = Literal["none", "request", "reply"]
READY = b"Z\x00\x00\x00\x05I"  # ReadyForQuery outside a transaction: whatever was sent is committed
APPEND_BYTES_MIN = 600


class Proxy:
    """Forwards bytes; asks `decide` at each prepared execution as large as an append.

    `request`: the connection is cut instead of passing the request on. `reply`: the request is passed on, and the
    connection is cut once the server has said that it committed, without a byte of that reaching the client.
    """

    def __init__(self, dsn: str, decide: Callable[[], Cut]) -> None:
        parts = conninfo_to_dict(dsn)
        host, port = str(parts.get("host") or "localhost"), str(parts.get("port") or "5432")
        self._target = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, int(port))
        self._decide = decide
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.dsn = make_conninfo(
            dsn, host="127.0.0.1", port=self._listener.getsockname()[1], sslmode="disable", gssencmode="disable"
        )
        self.cuts = 0
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Stop listening and cut what is open."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        family = socket.AF_UNIX if isinstance(self._target, str) else socket.AF_INET
        with client, socket.socket(family) as server, suppress(OSError):
            self._open.add(client)
            server.connect(self._target)
            cutting = False
            held = b""
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    data = ready.recv(1 << 16)
                    if not data:
                        return
                    if ready is server and not cutting:
                        client.sendall(data)
                    elif ready is server:
                        held = (held + data)[-len(READY) :]
                        if held == READY:
                            self.cuts += 1
                            return
                    else:
                        if data[:1] == b"B" and len(data) >= APPEND_BYTES_MIN:
                            cut = self._decide()
                            if cut == "request":
                                self.cuts += 1
                                return
                            cutting = cut == "reply"
                        server.sendall(data)
        self._open.discard(client)
