"""Filing numbers (备案号) as the authorities write them; a number that is well formed need not exist.

| authority | number |
|---|---|
| cac_algorithm | `网信算备` + 21 digits + `号`, of which six are the region |
| cac_generative_service | `<Place>-<Name>-<date and serial>`, such as Beijing-WenXinYiYan-20230821 |
| film_authority, other | 4 to 80 printable characters |

The first two as the Cyberspace Administration publishes them: 互联网信息服务算法备案信息公告 and
生成式人工智能服务已备案信息公告.
"""

import re
from typing import Final

from domain.capability.events import FilingAuthority
from domain.errors import Invalid

_ALGORITHM: Final = re.compile(r"网信算备[0-9]{21}号")
_SERVICE: Final = re.compile(r"[A-Z][A-Za-z]{1,30}-[A-Za-z0-9]{1,60}-[0-9]{8,20}")
_EXAMPLE: Final = {
    FilingAuthority.CAC_ALGORITHM: (_ALGORITHM, "网信算备110108645502801230035号"),
    FilingAuthority.CAC_GENERATIVE_SERVICE: (_SERVICE, "Beijing-WenXinYiYan-20230821"),
}


def check_filing_number(authority: FilingAuthority, number: str) -> None:
    """Return if a number is written as its authority writes it. Raises: Invalid, with an example."""
    pattern, example = _EXAMPLE.get(authority, (None, ""))
    if pattern is not None and not pattern.fullmatch(number):
        raise Invalid(f"filing {authority}: expected a number such as {example}, found {number[:60]!r}")
    if not number.isprintable():
        raise Invalid(f"filing {authority}: expected printable characters")
