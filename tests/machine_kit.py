"""Run a state machine of the town of parties: over the ledger in memory, or over one in PostgreSQL with a vault."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from infra.store.provision import VAULT
from infra.store.recorder import LedgerRecorder
from infra.vault.master import FileMasterKeys
from infra.vault.store import PostgresVault
from tests.conftest import LedgerDatabase
from tests.governance_kit import Town


class PostgresTown:
    """A town over a database of its own, with a vault in it; close it after the run."""

    def __init__(self, database: LedgerDatabase) -> None:
        self._recorder = LedgerRecorder(database.writer)
        self._folder = tempfile.TemporaryDirectory(prefix="edgeprint-vault-")
        self.town = Town(self._recorder)
        self.town.vault = PostgresVault(database.dsn(VAULT), FileMasterKeys(Path(self._folder.name)))

    def close(self) -> None:
        """Let go of the database and remove the master keys."""
        self._recorder.close()
        self._folder.cleanup()


@contextmanager
def overtaken(store: Any, rival: Callable[[], object]) -> Iterator[Callable[[], bool]]:
    """Let `rival` give its own commands right before the next append; yields a function that says whether it did.

    What is appended then was decided on what the ledger was before the rival: a stale read, if the store lets it pass.
    """
    append, came = store.append, False

    def overtake(requests: Sequence[Any]) -> Any:
        nonlocal came
        came = True
        del store.append  # once: the rival's own append, and whatever is decided again, goes straight to the store
        rival()
        return append(requests)

    store.append = overtake
    try:
        yield lambda: came
    finally:
        if not came:
            del store.append


def run_machine(machine: type[RuleBasedStateMachine], examples: int, steps: int = 30) -> None:
    """Run `examples` histories of at most `steps` commands each."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
