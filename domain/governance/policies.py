"""The policies that this program knows, each with the rules that read its document."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from domain.capability.admission import ADMISSION_POLICY, parse_admission
from domain.compliance.period import INFRINGEMENT_POLICY, parse_infringement
from domain.errors import Invalid, Rejected
from domain.identity.trace_set import TRACE_SET_POLICY, parse_policy

TRACE_SET: Final = "trace-set"
ADMISSION: Final = "capability-admission"
INFRINGEMENT: Final = "infringement"
READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], object]]] = {
    TRACE_SET: parse_policy,
    ADMISSION: parse_admission,
    INFRINGEMENT: parse_infringement,
}
BUILT_IN: Final[Mapping[str, Mapping[str, Any]]] = {
    TRACE_SET: TRACE_SET_POLICY,
    ADMISSION: ADMISSION_POLICY,
    INFRINGEMENT: INFRINGEMENT_POLICY,
}
"""The program's own document of each policy, which decides while none is active."""


def read_policy(name: str, document: object) -> object:
    """Return a policy's document as the policy's own rules read it.

    Raises:
        Rejected: no policy of this name, or a document that these rules refuse.
    """
    if name not in READERS:
        raise Rejected(f"expected a policy of {', '.join(READERS)}, found {name[:60]!r}")
    if not isinstance(document, dict):
        raise Rejected(f"policy {name}: expected a JSON object")
    try:
        return READERS[name](document)
    except Invalid as err:
        raise Rejected(f"policy {name}: {err}") from err
