"""Columns that grow, and names told by small numbers: how a million nodes stay under a hundred bytes each."""

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from domain.errors import Invalid

Scalar = TypeVar("Scalar", bound=np.generic)
Name = TypeVar("Name", bound=Hashable)

_ROOM_FIRST = 64


class Column(Generic[Scalar]):
    """Numbers of one machine type in one piece of memory; appending is O(1) on average.

    A view taken before stays as it was: what stands in a column never changes.
    """

    __slots__ = ("_room", "_size")

    def __init__(self, values: NDArray[Scalar]) -> None:
        """Start with these; the array is taken over, not copied."""
        self._room = values
        self._size = len(values)

    def __len__(self) -> int:
        return self._size

    def append(self, value: int) -> None:
        """Add one number.

        Raises:
            OverflowError: it does not fit the column's type.
        """
        if self._size == len(self._room):
            self._grow(1)
        self._room[self._size] = value
        self._size += 1

    def extend(self, values: NDArray[Scalar]) -> None:
        """Add several."""
        end = self._size + len(values)
        if end > len(self._room):
            self._grow(len(values))
        self._room[self._size : end] = values
        self._size = end

    def view(self) -> NDArray[Scalar]:
        """Return what is there, without copying."""
        return self._room[: self._size]

    def _grow(self, by: int) -> None:
        # A half more each time: half the waste of doubling, and still few copies.
        room = np.empty(max(self._size + by, self._size * 3 // 2, _ROOM_FIRST), dtype=self._room.dtype)
        room[: self._size] = self.view()
        self._room = room


class Names(Generic[Name]):
    """Values that occur again and again, each told by a small number in the order of first use."""

    __slots__ = ("_codes", "_most", "values")

    def __init__(self, values: Iterable[Name], most: int) -> None:
        """Start with these; `most` is how many there may ever be.

        Raises:
            Invalid: one occurs twice, or there are too many.
        """
        self.values = list(values)
        self._codes = {value: code for code, value in enumerate(self.values)}
        self._most = most
        if len(self._codes) != len(self.values):
            raise Invalid("names: expected each once, found one twice")
        if len(self.values) > most:
            raise Invalid(f"names: expected at most {most}, found {len(self.values)}")

    def code(self, value: Name) -> int:
        """Return the number of a value; a value not seen before takes the next one.

        Raises:
            Invalid: there is no number left.
        """
        code = self._codes.get(value)
        if code is None:
            code = len(self.values)
            if code >= self._most:
                raise Invalid(f"names: expected at most {self._most} different values, found one more: {value!r}")
            self._codes[value] = code
            self.values.append(value)
        return code

    def find(self, value: Name) -> int | None:
        """Return the number of a value that was seen before."""
        return self._codes.get(value)
