"""Commands of the rights context: titles, and the grants that hang on them."""

from typing import Final

from producers import grants, titles

COMMANDS: Final = (*titles.COMMANDS, *grants.COMMANDS)
