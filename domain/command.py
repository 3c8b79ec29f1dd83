"""What every command of the registry is: a frozen request, described once in Python.

    @command("assign-role")
    class AssignRole(Command):
        \"""Let a party do what the role may.\"""

        party: Annotated[PartyId, Doc("who gets the role")]
        role: Annotated[Role, Doc("which role")]

From the class come the JSON Schema of its input, the command line and the reference (`schemas.requests`,
`producers.registry`); types and bounds of fields are those of events (`domain.events`). A command says what is asked;
who asks, for whom and with which signature stands beside it.
"""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, TypeVar, dataclass_transform

from domain.errors import Invalid, Rejected
from domain.ids import Sha256

__all__ = ["Command", "command", "refusing", "require_document"]


class Command:
    """The base of all commands of the registry. `NAME` is the name by which they are called."""

    __slots__ = ()
    NAME: ClassVar[str]


_C = TypeVar("_C", bound=Command)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def command(name: str) -> Callable[[type[_C]], type[_C]]:
    """Make a command class: a frozen, slotted, keyword-only dataclass that carries its name."""

    def made(cls: type[_C]) -> type[_C]:
        cls.NAME = name
        return dataclass(frozen=True, slots=True, kw_only=True)(cls)

    return made


def require_document(name: str, digest: Sha256, there: Collection[Sha256]) -> None:
    """Return if the document that a command rests on is among those `there`. Raises: Rejected, naming the command."""
    if digest not in there:
        raise Rejected(f"{name} refused: expected the document {digest.hex()} in the blob store, found none")


@contextmanager
def refusing(given: Command) -> Iterator[None]:
    """Name the command in whatever refuses it. Raises: Rejected, also for what is Invalid in it."""
    name = f"{type(given).__name__} refused: "
    try:
        yield
    except (Invalid, Rejected) as err:
        raise Rejected(str(err) if str(err).startswith(name) else name + str(err)) from err
