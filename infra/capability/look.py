"""Look at capabilities, templates and machines as their streams stand."""

from typing import Any

from domain.capability.capability import Capability, Version, lacking
from domain.errors import NotFound
from domain.ids import CapabilityId, ComputeResourceId, TemplateId, format_id
from infra.bootstrap import Session
from infra.governance.commanding import event_as_json
from producers.capability import CAPABILITY, RESOURCE, TEMPLATE
from producers.policies import ADMISSION_RULES


def look_at_capability(session: Session, capability: CapabilityId) -> dict[str, Any]:
    """Return everything the ledger says of one capability, and what each version lacks. Raises: NotFound."""
    prefix = session.config.prefix
    name = format_id("C", capability, prefix)
    state: Capability = session.load(capability, CAPABILITY).state
    if state.provider is None:
        raise NotFound(f"{name} is not a capability of this ledger")
    keys = session.store.key_holders([ADMISSION_RULES.key])
    policy = ADMISSION_RULES.in_force(keys, session.load).policy
    return {
        "id": name,
        "name": state.name,
        "kind": str(state.kind),
        "provider": format_id("P", state.provider, prefix),
        "status": state.status,
        "callable": state.callable,
        "published": state.published,
        "filings": [
            {"authority": str(one.authority), "number": one.number, "result": str(one.result)} for one in state.filings
        ],
        "versions": [
            {**_version(version, prefix), "lacks": lacking(state, version.signed.number, policy) or None}
            for version in state.versions
        ],
    }


def _version(version: Version, prefix: str) -> dict[str, Any]:
    signed = event_as_json(version.signed, prefix)
    return {
        **{name: signed[name] for name in ("number", "version", "fingerprint", "compatible", "licences")},
        "scan": None if version.scan is None else str(version.scan.verdict),
        "findings": [] if version.scan is None else [one.code for one in version.scan.findings],
        "tests": None if version.test is None else {"passed": version.test.passed, "failed": version.test.failed},
        "grades": [] if version.grade is None else [str(grade) for grade in version.grade.grades],
        "natures": [] if version.grade is None else [str(nature) for nature in version.grade.natures],
    }


def look_at_template(session: Session, template: TemplateId) -> dict[str, Any]:
    """Return what the ledger says of one template. Raises: NotFound."""
    prefix = session.config.prefix
    state = session.load(template, TEMPLATE).state
    if state.owner is None:
        raise NotFound(f"{format_id('T', template, prefix)} is not a template of this ledger")
    return {
        "id": format_id("T", template, prefix),
        "name": state.name,
        "owner": format_id("P", state.owner, prefix),
        "status": "retired" if state.retired else "open",
        "versions": [document.hex() for document in state.documents],
    }


def look_at_resource(session: Session, resource: ComputeResourceId) -> dict[str, Any]:
    """Return what the ledger says of one pool of machines. Raises: NotFound."""
    prefix = session.config.prefix
    state = session.load(resource, RESOURCE).state
    if state.enrolled is None:
        raise NotFound(f"{format_id('U', resource, prefix)} is not a compute resource of this ledger")
    status = "retired" if state.retired else "drained" if state.drained else "open"
    return {"id": format_id("U", resource, prefix), "status": status, **event_as_json(state.enrolled, prefix)}
