"""All views, by name. A view is one file here, one line in this list, and one test."""

from typing import Final

from domain.errors import NotFound
from projections.capability import CAPABILITIES
from projections.cases import CASES
from projections.compliance import COMPLIANCE
from projections.genealogy.view import GENEALOGY
from projections.ledger import LEDGER
from projections.licences import LICENCES
from projections.operations import OPERATIONS
from projections.parties import PARTIES
from projections.settlements import SETTLEMENTS
from projections.trade import TRADE
from projections.view import View

VIEWS: Final = (GENEALOGY, COMPLIANCE, CAPABILITIES, PARTIES, LEDGER, OPERATIONS, CASES, TRADE, SETTLEMENTS, LICENCES)


def find_view(name: str) -> View:
    """Return the view of a name. Raises: NotFound, with the names there are."""
    found = next((view for view in VIEWS if view.name == name), None)
    if found is None:
        raise NotFound(f"expected one of {', '.join(view.name for view in VIEWS)}, found the projection {name[:60]!r}")
    return found
