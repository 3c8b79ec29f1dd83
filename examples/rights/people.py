"""Enrol the parties of the story in the ledger of EDGEPRINT_HOME and print them for a shell: `AUTHOR=10.5072/P....`.

Each gets a key in that home, so that one machine can sign for all; in a real house everybody keeps their own. It does
what `edgeprint party enrol`, `party assign-role`, `party new-key` and `subject declare` do, at once.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from domain.ids import parse_party_id
from infra.bootstrap import Session, opened
from infra.governance.commanding import execute, make_binding
from infra.governance.given import Given
from infra.settings import read_settings

PEOPLE: Final = (
    # name, kind, roles, the file with what it is called
    ("AUTHOR", "person", (), None),
    ("CO_AUTHOR", "person", (), None),
    ("RADIO_HOST", "person", (), None),
    ("ACTRESS", "person", (), None),
    ("UPLOADER", "person", (), "uploader.txt"),
    ("APPRAISER", "person", ("auditor",), None),
    ("COURT", "organisation", ("clerk",), None),
    ("PARK", "organisation", (), None),
    ("OPERATOR", "organisation", (), None),
    ("ARCHIVE", "organisation", (), None),
    ("LAB", "organisation", (), None),
    ("PLATFORM", "organisation", (), None),
)
STUDIO_NAME: Final = "studio.txt"
SECRETS: Final = Path(__file__).parent / "secrets"


def enrol(session: Session) -> dict[str, str]:
    """Enrol everybody and return the identifiers by name; the studio is whoever founded the ledger."""

    def give(name: str, asked: dict[str, Any], secrets: dict[str, Any] | None = None) -> str:
        new_id = session.application.new_id()
        request = json.dumps(asked).encode()
        return str(execute(session, Given(name, request, session.config.holder_id, new_id, secrets=secrets))["stream"])

    def declare(party: str, file: str) -> None:
        name = (SECRETS / file).read_text(encoding="utf-8").strip()
        give("declare-particulars", {"party": party}, {"name": name})

    declare(session.config.holder, STUDIO_NAME)
    found = {"STUDIO": session.config.holder}
    for name, kind, roles, called in PEOPLE:
        found[name] = party = give("enrol-party", {"kind": kind})
        give("bind-key", make_binding(session.settings, parse_party_id(party)))
        for role in roles:
            give("assign-role", {"party": party, "role": role})
        if called is not None:
            declare(party, called)
    return found


if __name__ == "__main__":
    with opened(read_settings(home=None)) as opened_session:
        for variable, identifier in enrol(opened_session).items():
            sys.stdout.write(f"{variable}={identifier}\n")
