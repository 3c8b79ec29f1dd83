"""Commands on the Ledger stream: founding, publishing schemas, resetting the clock."""

from domain.evidence.events import LedgerFounded
from domain.evidence.ledger import FoundLedger, Ledger, PublishSchemas, ResetClock, decide, evolve
from domain.ids import LedgerId
from producers.commands import Actor, Aggregate, Decision, Task, View, Write
from producers.ports import CommandKey

LEDGER = Aggregate("Ledger", LedgerFounded.TYPE, Ledger(), evolve)


def change_ledger(
    key: CommandKey, actor: Actor, ledger_id: LedgerId, command: FoundLedger | PublishSchemas | ResetClock
) -> Task[int]:
    """Return the task that runs `command` on the Ledger stream and answers with the number of its events."""

    def run(view: View) -> Decision[int]:
        loaded = view.load(ledger_id, LEDGER)
        events = decide(loaded.state, command)
        return Decision((Write(loaded, events),), answer=len(events))

    return Task(key, actor, run, reads=lambda _: (ledger_id,))
