"""Amounts as people read them: integers in minor units inside, the exponent of ISO 4217 applied in display only.

The exponents are those of ISO 4217:2015, list one, as its maintenance agency (SIX) publishes it, for the currencies in
which works of this supply chain are sold. Of another currency the minor units are shown, and said to be that.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

EXPONENTS: Final[Mapping[str, int]] = MappingProxyType(
    {
        **dict.fromkeys(("AED", "AUD", "BRL", "CAD", "CHF", "CNY", "DKK", "EUR", "GBP", "HKD", "IDR", "ILS"), 2),
        **dict.fromkeys(("INR", "MOP", "MXN", "MYR", "NOK", "NZD", "PHP", "PLN", "QAR", "RUB", "SAR", "SEK"), 2),
        **dict.fromkeys(("SGD", "THB", "TRY", "TWD", "USD", "ZAR"), 2),
        **dict.fromkeys(("ISK", "JPY", "KRW", "VND"), 0),
        **dict.fromkeys(("BHD", "JOD", "KWD", "OMR", "TND"), 3),
    }
)


def decimal_text(currency: str, minor: int) -> str:
    """Return an amount in the currency's own unit, exact, without grouping: -1234.57; minor units where unknown."""
    exponent = EXPONENTS.get(currency, 0)
    digits = str(abs(minor)).rjust(exponent + 1, "0")
    whole, fraction = (digits, "") if exponent == 0 else (digits[:-exponent], "." + digits[-exponent:])
    return f"{'-' if minor < 0 else ''}{whole}{fraction}"


def money_text(currency: str, minor: int) -> str:
    """Return an amount for people: `CNY 1,234.57`, or `XTS 123457 minor units` of a currency that is not known."""
    if currency not in EXPONENTS:
        return f"{currency} {minor} minor units"
    whole, point, fraction = decimal_text(currency, abs(minor)).partition(".")
    return f"{currency} {'-' if minor < 0 else ''}{int(whole):,}{point}{fraction}"
