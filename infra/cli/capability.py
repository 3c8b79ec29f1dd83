"""`edgeprint capability | template | resource`: file, examine, grade and publish what may be called."""

from typing import Annotated

import typer

from infra.cli.looking import looked
from infra.cli.options import HomeOption, JsonOption, LangOption
from infra.cli.output import padded, say
from infra.cli.verbs import filled, verb_group

CAPABILITY_VERBS = (
    ("describe", "describe-capability"),
    ("sign", "sign-version"),
    ("scan", "scan-supply-chain"),
    ("test", "run-compliance-tests"),
    ("declare-filing", "declare-filing"),
    ("check-filing", "check-filing"),
    ("grade", "grade-capability"),
    ("publish", "publish-capability"),
    ("suspend", "suspend-capability"),
    ("reinstate", "reinstate-capability"),
    ("revoke", "revoke-capability"),
)
TEMPLATE_VERBS = (("define", "define-template"), ("version", "version-template"), ("retire", "retire-template"))
RESOURCE_VERBS = (
    ("enrol", "enrol-resource"),
    ("quote", "quote-price"),
    ("drain", "drain-resource"),
    ("resume", "resume-resource"),
    ("retire", "retire-resource"),
)
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="Its identifier.")]


def show_capability(
    identifier: IdArgument, home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """Show one capability: who stands for it, its versions and what each lacks before it may be called."""
    from domain.ids import parse_capability_id
    from infra.capability.look import look_at_capability

    found, words = looked(identifier, parse_capability_id, look_at_capability, home=home, as_json=as_json, lang=lang)
    if as_json:
        return
    say(f"{found['id']}  {found['name']}  {found['status']}")
    say(f"  {padded(words('提供方', 'provider'), 12)}{found['provider']}")
    for one in found["filings"]:
        say(f"  {padded(words('备案', 'filing'), 12)}{one['authority']} {one['number']}  {one['result']}")
    for one in found["versions"]:
        mark = words("（在路由列表）", " (on the routing list)") if one["number"] == found["published"] else ""
        say(f"  {one['number']:>3}  {one['version']}{mark}  {one['fingerprint']}")
        for term in one["licences"]:
            say(f"       {term['component']}: {term['licence']}  {', '.join(term['natures']) or '–'}")
        if one["scan"]:
            say(f"       {words('扫描', 'scan')}: {one['scan']}  {', '.join(one['findings'][:5])}")
        if one["tests"]:
            told = one["tests"]
            say(f"       {words('测试', 'tests')}: {told['passed']} / {told['passed'] + told['failed']}")
        if one["grades"]:
            say(f"       {words('定级', 'grades')}: {', '.join(one['grades'])}  {', '.join(one['natures'])}")
        if one["lacks"]:
            say(f"       {words('尚缺', 'lacks')}: {one['lacks']}")


def show_template(
    identifier: IdArgument, home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """Show one template and the documents of its versions."""
    from domain.ids import parse_template_id
    from infra.capability.look import look_at_template

    found, words = looked(identifier, parse_template_id, look_at_template, home=home, as_json=as_json, lang=lang)
    if as_json:
        return
    say(f"{found['id']}  {found['name']}  {found['status']}")
    say(f"  {padded(words('所有者', 'owner'), 12)}{found['owner']}")
    for number, document in enumerate(found["versions"], start=1):
        say(f"  {number:>3}  {document}")


def show_resource(
    identifier: IdArgument, home: HomeOption = None, as_json: JsonOption = False, lang: LangOption = None
) -> None:
    """Show one pool of machines."""
    from domain.ids import parse_resource_id
    from infra.capability.look import look_at_resource

    found, words = looked(identifier, parse_resource_id, look_at_resource, home=home, as_json=as_json, lang=lang)
    if as_json:
        return
    say(f"{found['id']}  {found['status']}")
    for label, name in (
        (words("所有者", "owner"), "owner"),
        (words("算力池", "pool"), "pool"),
        (words("国家", "country"), "country"),
        (words("等级保护", "level"), "security_level"),
        (words("加速卡", "accelerators"), "accelerators"),
        (words("内存", "memory MiB"), "memory_mib"),
    ):
        say(f"  {padded(label, 14)}{found[name]}")


def register(app: typer.Typer) -> None:
    """Add the groups to the command line."""
    for name, verbs, show, help_text in (
        (
            "capability",
            CAPABILITY_VERBS,
            show_capability,
            "Capabilities: filed, examined, graded, on the routing list.",
        ),
        ("template", TEMPLATE_VERBS, show_template, "Process templates: ways of working, cut into steps."),
        ("resource", RESOURCE_VERBS, show_resource, "Compute resources: pools of machines that may be given work."),
    ):
        app.add_typer(verb_group(name, help_text, filled(name, verbs, show)))
