"""Places of secrets: found by patterns, replaced, put into JSON."""

from typing import Any

import pytest

from domain.governance.subject import DeclareParticulars
from domain.ids import Commitment, Sha256
from domain.rights.settlement_events import SettledLine
from producers.secrets import matches, places, put, with_values
from tests.governance_kit import ANY
from tests.settlement_kit import party, thing

OTHER = Commitment(Sha256(b"o" * 32))
LINES = tuple(SettledLine(object=thing(n), party=party(n), amount=ANY) for n in range(12))


class Paid:
    """Something with a secret, secrets in a list, and one that is not given."""

    def __init__(self) -> None:
        self.amount, self.lines, self.none = ANY, LINES, None


def test_a_pattern_names_each_place() -> None:
    found = list(places(("amount", "lines.*.amount", "none", "missing"), Paid()))
    assert [path for path, _ in found] == ["amount", *(f"lines.{n}.amount" for n in range(12))]
    assert {value for _, value in found} == {ANY}


@pytest.mark.parametrize(
    ("path", "fits"),
    [
        ("lines.0.amount", True),
        ("lines.11.amount", True),
        *((f"lines.{one}.amount", False) for one in ("x", "01", "-1", "*", "", "1.2")),
        ("lines.amount", False),
        ("lines.1.party", False),
    ],
)
def test_what_a_pattern_matches(path: str, fits: bool) -> None:
    assert matches("lines.*.amount", path) is fits


def test_values_stand_at_their_places() -> None:
    changed = with_values(LINES[0], {"amount": OTHER})
    assert changed.amount == OTHER and changed.party == LINES[0].party
    given = DeclareParticulars(party=party(1), name=ANY, address=ANY)
    assert with_values(given, {"name": OTHER}) == DeclareParticulars(party=party(1), name=OTHER, address=ANY)
    lines = with_values(LINES, {"11.amount": OTHER, "2.amount": OTHER})
    assert [n for n, line in enumerate(lines) if line.amount == OTHER] == [2, 11]
    assert with_values(LINES, {}) == LINES


def test_put_leaves_what_stands_there() -> None:
    document: dict[str, Any] = {"lines": [{}, {"amount": "there"}]}
    assert (put(document, "lines.0.amount", "a"), put(document, "lines.1.amount", "b")) == ("a", "there")
    assert put(document, "amount", "c") == "c" and document["lines"] == [{"amount": "a"}, {"amount": "there"}]
    for path in ("lines.2.amount", "lines.x.amount", "other.0.amount", "lines.0"):
        with pytest.raises(LookupError):
            put(document, path, "d")
