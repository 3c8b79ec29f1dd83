"""Named points at which a test may end the process or raise: `EDGEPRINT_FAILPOINTS="append.sent=kill,seal.sign=raise"`.

`kill` is SIGKILL to this process, `raise` raises FailpointError, `kill@7` acts at the seventh passage only. Read once
at import; with the variable unset a passage costs one look at an empty mapping.
"""

import os
import signal
from typing import Final

VARIABLE: Final = "EDGEPRINT_FAILPOINTS"


class FailpointError(RuntimeError):
    """A failpoint that was set to `raise` has been passed. Never caught by the product's own code."""


class Failpoints:
    """The points that are switched on, each with its action and the passages left until it acts."""

    def __init__(self, setting: str) -> None:
        """Parse `name=action[@passage],...`. Raises ValueError on anything else."""
        self._active: dict[str, tuple[str, int]] = {}
        for item in filter(None, (part.strip() for part in setting.split(","))):
            name, separator, rest = item.partition("=")
            action, at, passage = rest.partition("@")
            if not name or not separator or action not in ("kill", "raise") or (at and not passage.isdigit()):
                raise ValueError(f"{VARIABLE}: expected name=kill or name=raise, found {item!r}")
            self._active[name] = (action, int(passage or 1))

    def __call__(self, name: str) -> None:
        """Pass the point `name`: nothing, unless it is switched on."""
        if not self._active or name not in self._active:
            return
        action, left = self._active[name]
        if left > 1:
            self._active[name] = (action, left - 1)
            return
        if action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        raise FailpointError(name)


failpoint: Final = Failpoints(os.environ.get(VARIABLE, ""))
