"""Commands of the rights context: titles, the grants that hang on them, licences."""

from typing import Final

from producers import grants, licences, titles

COMMANDS: Final = (*titles.COMMANDS, *grants.COMMANDS, *licences.COMMANDS)
