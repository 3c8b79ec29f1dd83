"""The works of the story's rights: brought, owned, granted and cited by whoever says so, and called by their names.

A ledger knows identifiers alone. The story gives each of them a name when it is made, and puts the names in place of
the identifiers in what it shows. Works are those of `examples/rights` with a line of their own in each telling, so that
a second telling in the same ledger tells of other works.
"""

import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from domain.errors import Invalid
from domain.ids import parse_object_id, parse_party_id
from domain.rights.scope_json import parse_scope
from domain.spelling import instant_text
from infra.bootstrap import Session
from infra.cli.output import TABLE_COLUMNS, Words
from infra.clock import now_us
from infra.demo.people import Say, Stage
from infra.intake.run import bringer_of, declare_own_creation, identify_paths
from infra.intake.walk import SIDECAR_SUFFIX
from infra.rights.check import rights_check
from schemas.values import instant_of

RIGHTS: Final = Path(__file__).parents[2] / "examples" / "rights"


def show(say: Say, *renderables: Any) -> None:
    """Say what a terminal would show, without colour."""
    console = Console(width=TABLE_COLUMNS, color_system=None)
    for renderable in renderables:
        with console.capture() as capture:
            console.print(renderable)
        for line in capture.get().rstrip().splitlines():
            say(f"   {line.rstrip()}")


class Works:
    """The works of one telling, and the names of all that is made for them."""

    def __init__(self, session: Session, words: Words, say: Say) -> None:
        """Make a folder for the works, beside the home: what lies in a home is never taken in."""
        self.session, self.words, self.say = session, words, say
        self.stage = Stage(session)
        self.now = instant_of(now_us())
        self._edition = session.application.new_id()
        self.folder = session.home.path.parent / f"{session.home.path.name}-works"
        self.folder.mkdir(exist_ok=True)
        self._names: dict[str, str] = {}
        self.studio = self.named(self.stage.studio, "制片厂", "studio")

    def tell(self, chinese: str, english: str) -> None:
        """Say a sentence of the story."""
        self.say(f"   {self.words(chinese, english)}")

    def show(self, *renderables: Any) -> None:
        """Say a table or a tree."""
        show(self.say, *renderables)

    def ago(self, days: int) -> str:
        """Return an instant so many days before the story began, as a command takes it."""
        return instant_text((self.now - timedelta(days=days)).replace(microsecond=0))

    # -- names ---------------------------------------------------------------------------------------------------------

    def named(self, identifier: str, chinese: str, english: str) -> str:
        """Return an identifier that has a name from now on."""
        self._names[identifier] = self.words(chinese, english)
        return identifier

    def told(self, value: Any) -> Any:
        """Return JSON values with names in place of the identifiers that have one."""
        if isinstance(value, str):
            for identifier, name in self._names.items():
                value = value.replace(identifier, name)
            return value
        if isinstance(value, dict):
            return {self.told(key): self.told(member) for key, member in value.items()}
        return [self.told(one) for one in value] if isinstance(value, list) else value

    def list_names(self, letters: str) -> None:
        """Say which names stand for which identifiers of these letters: O objects, G titles, R grants, P parties."""
        for identifier, name in self._names.items():
            if identifier.partition("/")[2][0] in letters:
                self.say(f"   {identifier}  {name}")

    # -- people, papers, works -----------------------------------------------------------------------------------------

    def enrol(self, kind: str, chinese: str, english: str) -> str:
        """Enrol a party with a key in this home."""
        return self.named(self.stage.enrol(kind), chinese, english)

    def paper(self, name: str) -> str:
        """Store a document of the story and return its digest."""
        return self.stage.put((RIGHTS / "papers" / name).read_bytes())

    def scope(self, name: str) -> Any:
        """Return a scope of the story as JSON values."""
        return json.loads((RIGHTS / "scopes" / f"{name}.json").read_text())

    def money(self, name: str) -> Any:
        """Return an amount of the story: currency and minor units."""
        return json.loads((RIGHTS / "money" / f"{name}.json").read_text())

    def written(self, name: str) -> Path:
        """Return the file of a work in the edition of this telling."""
        data, path = (RIGHTS / "works" / name).read_text(), self.folder / name
        mark = f"edition {self._edition}"
        match path.suffix:
            case ".json":
                data = json.dumps({**json.loads(data), "edition": str(self._edition)}, ensure_ascii=False)
            case ".svg":
                data += f"<!-- {mark} -->\n"
            case _:
                data += f"{mark}\n"
        path.write_text(data)
        return path

    def own(self, name: str, owner: str, chinese: str, english: str) -> str:
        """Have a work claimed by its sole owner and return the title."""
        path = self.written(name)
        run = declare_own_creation(self.session, [path], bringer_of(self.session, parse_party_id(owner)))
        return self.named(run.titles[0].title, chinese, english)

    def shared(self, name: str, owners: dict[str, int], chinese: str, english: str) -> str:
        """Have a work claimed by the first of several owners, with the shares of all in bp, and return the title."""
        work = sha256(self.written(name).read_bytes()).hexdigest()
        asked = {
            "work": work,
            "root": "own_creation",
            "statement": self.paper("statement.txt"),
            "owners": [{"party": party, "share_bp": share} for party, share in owners.items()],
        }
        return self.named(self.stage.give("claim-rights", asked, next(iter(owners)))["stream"], chinese, english)

    def bring(self, name: str, holder: str, chinese: str, english: str, **sources: str) -> str:
        """Bring a work to the gate, made of other objects, by relation; return the object, which must be admitted."""
        path = self.written(name)
        sidecar = {
            "format": "edgeprint/sidecar/1",
            "file": name,
            "origin": "human_work",
            "parents": [{"object": one, "relation": relation} for relation, one in sources.items()],
        }
        path.with_name(f"{name}{SIDECAR_SUFFIX}").write_text(json.dumps(sidecar))
        run = identify_paths(self.session, [path], bringer_of(self.session, parse_party_id(holder)))
        if run.counts["admitted"] != 1:
            raise Invalid(f"{path}: expected to be admitted, found {run.as_json()}")
        return self.named(run.answers[0].object_id, chinese, english)

    # -- rights --------------------------------------------------------------------------------------------------------

    def grant(self, title: str, parties: tuple[str, str], scope: str, names: tuple[str, str], **more: Any) -> str:
        """Have a grant recorded by its giver and accepted by its taker; return it."""
        giver, taker = parties
        asked = {
            "kind": "grant",
            "allocation": "ordinary",
            "title": title,
            "chain": [],
            "grantee": taker,
            "scope": self.scope(scope),
            "terms": self.paper("terms.txt"),
            **more,
        }
        grant = self.named(str(self.stage.give("record-grant", asked, giver)["stream"]), *names)
        self.stage.give("accept-grant", {"grant": grant}, taker)
        return grant

    def cite(self, thing: str, holder: str, *grants: str) -> None:
        """Have the holder of an object name the grants on which it relies."""
        self.stage.give("cite-grants", {"object": thing, "grants": sorted(grants)}, holder)

    def check(self, thing: str, verdict: str, scope: str | None = None, as_of: str | None = None) -> dict[str, Any]:
        """Return whether an object may be used so, with names. Raises: Invalid, if the verdict is another."""
        wanted = None if scope is None else parse_scope(self.scope(scope))
        found = rights_check(self.session, parse_object_id(thing), wanted, None, as_of)
        if found["verdict"] != verdict:
            raise Invalid(f"rights of {self.told(thing)}: expected {verdict}, found {found['because']}")
        named: dict[str, Any] = self.told(found)
        return named
