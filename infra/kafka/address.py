"""Which brokers a home's commands and processes talk to."""

from domain.errors import Unavailable
from infra.kafka.broker import Broker
from infra.settings import Settings


def bootstrap_of(settings: Settings, named: str | None = None) -> str:
    """Return `host:port[,host:port]`: what the command names, else the environment, else the home's own broker.

    Raises:
        Unavailable: none is named, and the home's own does not run.
    """
    found = named or settings.kafka_bootstrap
    if found:
        return found
    broker = Broker.open(settings.home, settings)
    if not broker.is_running():
        raise Unavailable(
            "no Kafka runs here: `edgeprint dev kafka start` starts one, EDGEPRINT_KAFKA_BOOTSTRAP or --bootstrap "
            "names brokers elsewhere"
        )
    return broker.bootstrap
