"""Commands of the rights context: titles, the grants that hang on them, licences, and what their use earns."""

from typing import Final

from producers import grants, licences, settlements, titles

COMMANDS: Final = (*titles.COMMANDS, *grants.COMMANDS, *licences.COMMANDS, *settlements.COMMANDS)
