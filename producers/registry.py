"""All commands of the registry. What the command line, the reference and the API offer is what stands here."""

from typing import Final

from producers import capability, cases, citations, governance, identity, objects, rights, subjects
from producers.authority import Registry

REGISTRY: Final = Registry(
    (
        *governance.COMMANDS,
        *subjects.COMMANDS,
        *rights.COMMANDS,
        *identity.COMMANDS,
        *objects.COMMANDS,
        *citations.COMMANDS,
        *capability.COMMANDS,
        *cases.COMMANDS,
    )
)
