"""Identifiers of other registers, read strictly and brought to the one spelling of their register.

| scheme | spelling | check |
|---|---|---|
| doi | `10.5594/SMPTE.ST2067`: prefix, slash, printable ASCII in upper case (ISO 26324: case is no matter) | – |
| eidr | `10.5240/7791-8534-2C23-9030-8610-5` (ISO 26324 under the prefix 10.5240) | ISO 7064 MOD 37,36 over 20 digits |
| isan | `0000-0000-D07A-0090-Q-0000-0000-X` (ISO 15706-2) | two, over 16 and over 24 digits |

A DOID (GB/T 36369) is a DOI by another name. Nothing is looked up: that an identifier is well formed says nothing about
whether its register knows it.
"""

import re
from typing import Final

from domain.errors import Invalid
from domain.identity.events import AlternativeScheme
from domain.ids import check_character

CHARACTERS_MAX: Final = 255
EIDR_PREFIX: Final = "10.5240/"
_DOI: Final = re.compile(r"10\.[0-9]{4,9}(?:\.[0-9]{1,9})*/[!-~]+", re.ASCII)
_EIDR: Final = re.compile(r"10\.5240/((?:[0-9A-F]{4}-){5})([0-9A-Z])", re.ASCII)
_ISAN: Final = re.compile(r"(?:ISAN )?((?:[0-9A-F]{4}-){4})([0-9A-Z])-((?:[0-9A-F]{4}-){2})([0-9A-Z])", re.ASCII)


def parse_alternative_id(scheme: AlternativeScheme, text: str) -> str:
    """Return an identifier in its register's spelling.

    Raises:
        Invalid: it is none of this scheme, or a check character is wrong; the right one is named.
    """
    upper = text.upper()
    if len(text) > CHARACTERS_MAX or not upper.isascii():
        raise Invalid(f"{scheme}: expected at most {CHARACTERS_MAX} ASCII characters")
    if scheme is AlternativeScheme.EIDR:
        return _eidr(upper)
    if scheme is AlternativeScheme.ISAN:
        return _isan(upper)
    if upper.startswith(EIDR_PREFIX):
        raise Invalid("doi: expected a DOI that is no EIDR identifier; name the scheme eidr")
    if scheme is not AlternativeScheme.DOI or not _DOI.fullmatch(upper):
        raise Invalid(f"{scheme}: expected a DOI such as 10.5594/SMPTE.ST2067, found {text[:60]!r}")
    return upper


def _eidr(text: str) -> str:
    found = _EIDR.fullmatch(text)
    if found is None:
        raise Invalid(f"eidr: expected 10.5240/XXXX-XXXX-XXXX-XXXX-XXXX-C, found {text[:60]!r}")
    _check("eidr", found[1].replace("-", ""), found[2])
    return text


def _isan(text: str) -> str:
    found = _ISAN.fullmatch(text)
    if found is None:
        raise Invalid(f"isan: expected XXXX-XXXX-XXXX-XXXX-C-XXXX-XXXX-C, found {text[:60]!r}")
    root, version = found[1].replace("-", ""), found[3].replace("-", "")
    _check("isan", root, found[2])
    _check("isan", root + version, found[4])
    return text.removeprefix("ISAN ")


def _check(scheme: str, digits: str, found: str) -> None:
    expected = check_character(digits)
    if found != expected:
        raise Invalid(f"{scheme}: expected the check character {expected} behind {digits}, found {found}")
