"""End transactions of our own that their coordinator has forgotten (KIP-664: hanging transactions).

A broker that is killed while a transaction is open, and comes back when that has timed out, may leave it open in the
partitions although its coordinator holds it for ended: seen with Apache Kafka 4.3.1, whose coordinator could not yet
connect to its own broker when it began to send the markers. Nobody would ever end it, and everything behind it stays
invisible. Once `InitProducerId` has been answered, the coordinator has
nothing of our transactional id under way; what is still open of its producer, at its epoch or an earlier one, is such a
leftover. It is aborted by a marker in each partition, as `kafka-transactions.sh abort` does; strangers' are left alone.
"""

from collections.abc import Sequence
from typing import Any, Final

from kafka.admin import AbortTransactionSpec, TransactionState  # type: ignore[import-untyped]  # wrapped, once
from kafka.errors import KafkaError  # type: ignore[import-untyped]

from producers.sealer_ports import Log

SETTLED: Final = frozenset({TransactionState.EMPTY, TransactionState.COMPLETE_COMMIT, TransactionState.COMPLETE_ABORT})


def end_leftovers(admin: Any, transactional_id: str, open_at: Sequence[Any], log: Log) -> int:
    """Abort what is open of our own producer at `open_at`, kafka-python's partitions; return how many were.

    Where the cluster does not let us (it takes ALTER or CLUSTER_ACTION on the cluster), that is told and nothing done.
    """
    try:
        ours = admin.describe_transactions([transactional_id])[transactional_id]
        if ours.state not in SETTLED:
            return 0
        found = [
            (partition, producer)
            for partition, state in admin.describe_producers(list(open_at)).items()
            for producer in state.active_producers
            if producer.current_transaction_start_offset >= 0
            and producer.producer_id == ours.producer_id
            and producer.producer_epoch <= ours.producer_epoch
        ]
        for partition, producer in found:
            place = f"{partition.topic}[{partition.partition}]@{producer.current_transaction_start_offset}"
            log(f"ending our own transaction at {place}, which its coordinator has forgotten")
            epoch = max(producer.coordinator_epoch, 0)  # the partition refuses a marker of an older coordinator
            admin.abort_transaction(
                AbortTransactionSpec(partition, producer.producer_id, producer.producer_epoch, epoch)
            )
    except KafkaError as err:
        log(f"cannot look for transactions that a coordinator has forgotten: {type(err).__name__} {str(err)[:200]}")
        return 0
    return len(found)
