"""What a view is: its tables, the events it reads, the rows it looks at, and the pure function between them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.events import Envelope, Event
from projections.tables import Change, Key, Rows, Table


@dataclass(frozen=True, slots=True)
class Read:
    """One entry of the ledger, decoded."""

    index: int
    envelope: Envelope
    event: Any


Keys = tuple[tuple[Table, Key], ...]
Handler = Callable[[Read, Rows], tuple[Change, ...]]
Names = Callable[[Read], Keys]


@dataclass(frozen=True, slots=True)
class On:
    """How a view takes one type of event: the rows that it needs to see, and what it makes of them."""

    event: type[Event]
    handle: Handler
    names: Names = lambda _: ()


@dataclass(frozen=True, slots=True)
class View:
    """A read model. `version` counts its definitions: another version is built anew beside the one in use.

    `every` takes each entry of the log, whatever its type; otherwise `on` says which types and how.
    """

    name: str
    version: int
    about: str
    tables: tuple[Table, ...]
    on: tuple[On, ...] = ()
    every: On | None = None
    _by_type: Mapping[str, On] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_type", {one.event.TYPE: one for one in self.on})

    def takes(self, event_type: str) -> bool:
        """Return whether it reads events of this type."""
        return self.every is not None or event_type in self._by_type

    def how(self, event_type: str) -> On:
        """Return how it takes a type that it reads."""
        return self.every or self._by_type[event_type]

    def table(self, name: str) -> Table:
        """Return a table by its name."""
        return next(table for table in self.tables if table.name == name)
