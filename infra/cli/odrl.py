"""`edgeprint rights to-odrl | from-odrl`: a scope as an ODRL 2.2 policy under our profile, and back; files alone.

What the policy says is told in `docs/reference/odrl-profile.md`. Neither a home nor a database is opened.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from infra.cli.options import JsonOption, LangOption, wrong_usage
from infra.cli.output import Words, padded, say, say_json, write_result
from infra.cli.rights_check import read_scope

if TYPE_CHECKING:
    from domain.rights.odrl import Policy

ODRL_BYTES_MAX: Final = 1 << 18
ODRL_DEPTH_MAX: Final = 16
DOI: Final = "https://doi.org/"
NAMES: Final = "an IRI of did, http, https or urn, or an identifier of a ledger"
OutOption = Annotated[Path | None, typer.Option(help="Write it here, and say in words what it allows.")]


def to_odrl(
    source: Annotated[Path, typer.Argument(metavar="SCOPE", help="A scope in JSON.")],
    target: Annotated[str, typer.Option(help=f"What it is of: {NAMES}.")],
    assigner: Annotated[str, typer.Option(help="Who gives it, likewise.")],
    assignee: Annotated[str | None, typer.Option(help="To whom: it is an agreement then, else an offer.")] = None,
    offer: Annotated[bool, typer.Option("--offer", help="It is an offer, though it is to one assignee.")] = False,
    uid: Annotated[str | None, typer.Option(help="The name of the policy, likewise (default: a new UUID).")] = None,
    out: OutOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Write a scope as an ODRL 2.2 policy under the profile of docs/reference/odrl-profile.md; needs no ledger."""
    from domain.rights.odrl import Policy, PolicyKind, export_policy
    from infra.clock import IdSource
    from infra.settings import read_settings

    words = Words(read_settings(lang=lang).lang)
    scope = read_scope(source, "SCOPE")
    policy = Policy(
        kind=PolicyKind.OFFER if offer or assignee is None else PolicyKind.AGREEMENT,
        uid=IdSource()().urn if uid is None else _iri("--uid", uid),
        target=_iri("--target", target),
        assigner=_iri("--assigner", assigner),
        assignee=None if assignee is None else _iri("--assignee", assignee),
        scope=scope,
    )
    with wrong_usage("--uid, --target, --assigner, --assignee"):
        document = export_policy(policy)
    if as_json:
        _write(out, document)
        say_json({"policy": document, "path": None if out is None else str(out)})
    else:
        _give(out, document, policy, words)


def from_odrl(
    source: Annotated[Path, typer.Argument(metavar="POLICY", help="An ODRL policy under the profile, in JSON-LD.")],
    out: OutOption = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Read the scope of an ODRL policy, as `--scope` takes it; exit 2 names the term that does not map onto one."""
    from domain.rights.odrl_import import import_policy
    from domain.rights.scope_json import scope_json
    from infra.log import read_small_file
    from infra.settings import read_settings
    from schemas.strict_json import parse_strict

    words = Words(read_settings(lang=lang).lang)
    data = read_small_file(source)
    with wrong_usage("POLICY"):
        policy = import_policy(parse_strict(data, "odrl", bytes_max=ODRL_BYTES_MAX, depth_max=ODRL_DEPTH_MAX))
    scope = scope_json(policy.scope)
    if as_json:
        _write(out, scope)
        named = {name: getattr(policy, name) for name in ("uid", "target", "assigner", "assignee")}
        say_json({"kind": str(policy.kind), **named, "scope": scope, "path": None if out is None else str(out)})
    else:
        _give(out, scope, policy, words)


def _iri(option: str, text: str) -> str:
    """Return an identifier of a ledger as an IRI, by its DOI; any other text as it is, which the policy checks."""
    from domain.ids import parse_id

    if not text.startswith("10."):
        return text
    with wrong_usage(option):
        return f"{DOI}{parse_id(text)}"


def _give(out: Path | None, document: dict[str, Any], policy: "Policy", words: Words) -> None:
    """Print the document, or write it and print in words what it allows."""
    from domain.rights.scope_words import describe

    if out is None:
        say_json(document)
        return
    _write(out, document)
    kind = words("要约", "offer") if policy.kind == "Offer" else words("协议", "agreement")
    say(f"{out}: {kind} {policy.uid}")
    for label, name in (
        (words("对象", "of"), policy.target),
        (words("授权人", "from"), policy.assigner),
        (words("被授权人", "to"), policy.assignee or words("任何人", "anybody")),
    ):
        say(f"  {padded(label, 12)}{name}")
    for zh, en in describe(policy.scope):
        say(f"  {words(zh, en)}")


def _write(out: Path | None, document: dict[str, Any]) -> None:
    if out is not None:
        write_result(out, json.dumps(document, ensure_ascii=False, indent=2).encode() + b"\n")


def register(app: typer.Typer) -> None:
    """Add the commands to the group `rights`."""
    app.command("to-odrl")(to_odrl)
    app.command("from-odrl")(from_odrl)
