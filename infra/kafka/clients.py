"""How every kafka-python client of ours is made: one place for addresses, security, and what a failure leaves behind.

kafka-python 3.0 starts a client's thread before it has found a broker, and forgets both where it finds none; a socket
that could not connect is left to the garbage collector. Whoever waits for brokers tries again and again, so each try
would cost a thread and three descriptors for ever. Here a client that could not be made leaves nothing.
"""

from typing import Any, Final

from kafka.net.compat import KafkaNetClient  # type: ignore[import-untyped]  # wrapped here, once
from kafka.net.inet import KafkaNetSocket  # type: ignore[import-untyped]

from infra.kafka.security import python_security

BOOTSTRAP_MS_MAX: Final = 5_000
RECONNECT_MS_MAX: Final = 1_000  # the client's own 30 s would make every outage of a broker that much longer
_SCHEME: Final = "edgeprint-direct"


class _ClosingSocket(KafkaNetSocket):  # type: ignore[misc]  # kafka-python is untyped
    """A direct connection, registered as kafka-python's proxies are, whose socket is closed if it cannot be made."""

    SCHEMES = (_SCHEME,)

    async def sock_connect(self, net: Any, sock: Any, sockaddr: Any, timeout_at: float | None = None) -> Any:
        try:
            return await super().sock_connect(net, sock, sockaddr, timeout_at=timeout_at)
        except BaseException:
            sock.close()
            raise


def connect(kind: Any, bootstrap: str, **config: Any) -> Any:
    """Return a client of a kafka-python class, connected to `host:port[,host:port]`.

    Raises:
        Invalid: see `python_security`.
        Unavailable: see `python_security`.
        kafka.errors.KafkaError: no broker answers within `bootstrap_timeout_ms`, BOOTSTRAP_MS_MAX if not given.
    """
    made: list[Any] = []

    def net_client(**settings: Any) -> Any:
        made.append(KafkaNetClient(**settings))
        return made[0]

    settings = {
        "bootstrap_timeout_ms": BOOTSTRAP_MS_MAX,
        "reconnect_backoff_max_ms": RECONNECT_MS_MAX,
        "proxy_url": f"{_SCHEME}://",
        "kafka_client": net_client,
        **python_security(),
        **config,
    }
    try:
        return kind(bootstrap_servers=bootstrap.split(","), **settings)
    except BaseException:
        for client in made:
            client.close()
        raise
