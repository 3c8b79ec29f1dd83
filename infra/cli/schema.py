"""`edgeprint schema`: build, list and show the Avro schemas that are generated from the event classes."""

from typing import Annotated, Final

import typer

from infra.cli.options import JsonOption
from infra.cli.output import say, say_json

DIGITS_MIN: Final = 8
app = typer.Typer(help="Schemas: generated from the event classes, frozen by digest.", no_args_is_help=True)


@app.command()
def build(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if anything would change.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Generate schemas/<context>/<Event>.v<N>.avsc and the digest list; a changed published schema fails."""
    from schemas.build import build as build_schemas
    from schemas.catalogue import CATALOGUE, SCHEMA_DIRECTORY

    changed = build_schemas(CATALOGUE, SCHEMA_DIRECTORY, check)
    if as_json:
        say_json({"changed": list(changed)})
        return
    for file in changed:
        say(f"schemas/{file}")
    if not changed:
        say("schemas: nothing to change")


@app.command("list")
def list_schemas(as_json: JsonOption = False) -> None:
    """List every schema: full name, version, status and digest."""
    from schemas.build import read_digest_list
    from schemas.catalogue import SCHEMA_DIRECTORY

    rows = sorted(read_digest_list(SCHEMA_DIRECTORY).values(), key=lambda row: (row.name, row.version))
    if as_json:
        say_json([{"name": r.name, "version": r.version, "status": str(r.status), "sha256": r.sha256} for r in rows])
        return
    for row in rows:
        say(f"{row.sha256[:16]}  {row.status:10}  v{row.version}  {row.name}")


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Full name (edgeprint.identity.ObjectIdentified) or digest in hex.")],
    as_json: JsonOption = False,
) -> None:
    """Print one schema's exact text; its SHA-256 is the first 32 bytes of every entry under it."""
    del as_json  # a schema is JSON already
    from domain.errors import NotFound
    from schemas.catalogue import CATALOGUE

    texts = (CATALOGUE.envelope, *(s for versions in CATALOGUE.versions.values() for s in versions))
    found = [t for t in texts if t.name == name]
    if not found and len(name) >= DIGITS_MIN:
        found = [t for t in texts if t.sha256.hex().startswith(name.lower())]
    if not found:
        raise NotFound(f"expected the full name or digest of a schema, found {name!r}; see `edgeprint schema list`")
    say(found[-1].text.decode())
