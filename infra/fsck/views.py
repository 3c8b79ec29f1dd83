"""The views in use against the ledger: each is made again from entry 0 up to where it stands, and the digests compared.

Made in scratch schemas; what is in use goes on meanwhile and is not touched. Views that stand at one place share the
reading of entries.
"""

from collections import defaultdict
from contextlib import closing

from infra.store.recorder import LedgerRecorder
from infra.views.postgres import PostgresViewStore, answering
from infra.views.projector import Projector, connect
from infra.views.replay import replay
from projections.catalogue import VIEWS
from projections.view import View
from schemas.catalogue import CATALOGUE
from schemas.codec import Codec


class ViewCheck:
    """The verdict on the views: `damages` and `unknown` as the other checks have them, and how many were compared."""

    PART = "views"

    def __init__(self, dsn: str) -> None:
        """Prepare; `dsn` logs in as the projector."""
        self._dsn = dsn
        self._codec = Codec(CATALOGUE)
        self._compared = 0
        self.damages: list[str] = []
        self.unknown: list[str] = []

    @property
    def summary(self) -> str:
        """Return what was found where nothing is damaged."""
        return f"{self._compared} in use, each as the ledger makes it"

    def finish(self) -> None:
        """Compare every view in use. Raises: Unavailable."""
        with closing(LedgerRecorder(self._dsn)) as store:
            for position, stand in self._standing(store).items():
                size = store.size()
                if position > size:
                    names = ", ".join(view.name for view, _ in stand)
                    self.damages.append(f"{names}: expected to stand at {size} at most, found {position}")
                    continue
                views = [view for view, _ in stand]
                made = replay(self._dsn, store, self._codec, views, position)
                for (view, found), expected in zip(stand, made, strict=True):
                    self._compare(view, position, found, expected.digest)

    def _standing(self, store: LedgerRecorder) -> dict[int, list[tuple[View, bytes]]]:
        """Return the views in use with their digests, by the place at which each stands."""
        known, standing = {view.name: view for view in VIEWS}, defaultdict(list)
        with Projector(self._dsn, store, self._codec) as projector, answering(), connect(self._dsn) as connection:
            for build in (build for build in projector.builds() if build.state == "live"):
                view = known.get(build.name)
                if view is None or view.version != build.version:
                    self.unknown.append(f"{build.name} version {build.version} is not known to this program")
                    continue
                position, digest = PostgresViewStore(connection, view, build.schema).state()
                standing[position].append((view, digest))
        return standing

    def _compare(self, view: View, position: int, found: bytes, expected: bytes) -> None:
        self._compared += 1
        if found != expected:
            self.damages.append(
                f"{view.name} at {position}: expected the digest {expected.hex()}, found {found.hex()}; "
                f"`edgeprint projection rebuild {view.name}`"
            )
