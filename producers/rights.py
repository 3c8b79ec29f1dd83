"""Commands of the rights context: titles, the grants that hang on them, and what their use earns."""

from typing import Final

from producers import grants, settlements, titles

COMMANDS: Final = (*titles.COMMANDS, *grants.COMMANDS, *settlements.COMMANDS)
