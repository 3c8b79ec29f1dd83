"""Commands on parties."""

from domain.governance.events import PartyEnrolled, PartyKind
from domain.governance.party import EnrolParty, Party, decide, evolve
from domain.ids import PartyId
from producers.commands import Actor, Aggregate, Decision, Task, View, Write
from producers.ports import CommandKey

PARTY = Aggregate("Party", PartyEnrolled.TYPE, Party(), evolve)


def enrol_party(key: CommandKey, actor: Actor, party: PartyId, kind: PartyKind) -> Task[PartyId]:
    """Return the task that enrols `party` under the id that it already has."""

    def run(view: View) -> Decision[PartyId]:
        loaded = view.load(party, PARTY)
        return Decision((Write(loaded, decide(loaded.state, EnrolParty(kind))),), answer=party)

    return Task(key, actor, run, reads=lambda _: (party,))


def is_enrolled(view: View, party: PartyId) -> bool:
    """Return whether `party` is enrolled; its stream, which the task must name, is guarded from here on."""
    return view.load(party, PARTY).state.enrolled
