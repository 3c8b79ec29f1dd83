"""The people of the story: a studio, a guild, a court, a vendor, an auditor, an agent; what they decide, and may not.

Each step gives the command that the command line gives; a refusal that is part of the story must be given with the very
reason, else the story ends in an error.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import rfc8785

from domain.errors import Invalid, Rejected
from domain.governance.policies import BUILT_IN, TRACE_SET
from domain.ids import parse_id, parse_party_id
from examples.capability.make import make
from infra.bootstrap import Session
from infra.cli.output import Words
from infra.governance.commanding import execute, make_binding
from infra.governance.given import Given
from infra.governance.look import look_at_policy
from infra.vault.opening import entry_at, opening_document
from producers.authority import PARTY

Say = Callable[[str], None]
UNTIL: Final = "2030-01-01T00:00:00Z"
PROMPT: Final = "夜里的水闸，一盏灯，远处有船 / a weir at night, one lamp, a boat far away"


@dataclass(frozen=True, slots=True)
class People:
    """The parties besides the studio, by identifier."""

    guild: str
    court: str
    vendor: str
    auditor: str
    agent: str


class Stage:
    """Gives commands for the story: for the studio, or `by` somebody whose key lies in this home."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.studio = session.config.holder

    def give(self, name: str, asked: Mapping[str, Any], by: str | None = None, **more: Any) -> dict[str, Any]:
        """Give a command and return what it wrote. Raises: LedgerError if it is refused."""
        actor = self._session.config.holder_id if by is None else parse_party_id(by)
        command_id = self._session.application.new_id()
        return execute(self._session, Given(name, json.dumps(asked).encode(), actor, command_id, **more))

    def refused(self, reason: str, name: str, asked: Mapping[str, Any], by: str | None = None, **more: Any) -> str:
        """Give a command that must be refused for this reason, and return what it said. Raises: Invalid if not."""
        try:
            self.give(name, asked, by, **more)
        except Rejected as err:
            if reason in str(err):
                return str(err)
            raise Invalid(f"{name}: expected the refusal {reason!r}, found {err}") from err
        raise Invalid(f"{name}: expected to be refused ({reason}), and it was not")

    def put(self, data: bytes) -> str:
        """Store a document and return its digest."""
        return self._session.blobs.put_bytes(data).hex()

    def enrol(self, kind: str, *roles: str) -> str:
        """Enrol a party with roles and a key in this home, and return its identifier."""
        party = str(self.give("enrol-party", {"kind": kind})["stream"])
        for role in roles:
            self.give("assign-role", {"party": party, "role": role})
        self.give("bind-key", make_binding(self._session.settings, parse_party_id(party)))
        return party


def meet(session: Session, words: Words, say: Say) -> People:
    """Enrol everybody, and have the policy of the gate drafted by one and approved by another."""
    stage = Stage(session)
    people = People(
        guild=stage.enrol("organisation", "compliance_officer"),
        court=stage.enrol("organisation", "clerk"),
        vendor=stage.enrol("organisation"),
        auditor=stage.enrol("person", "auditor"),
        agent=stage.enrol("agent"),
    )
    for chinese, english, party in (
        ("制片厂", "studio", stage.studio),
        ("行业公会", "guild", people.guild),
        ("法院", "court", people.court),
        ("模型提供方", "model vendor", people.vendor),
        ("审计员", "auditor", people.auditor),
        ("智能体", "agent", people.agent),
    ):
        say(words(f"   {party}  {chinese}", f"   {party}  {english}"))
    if look_at_policy(session, TRACE_SET)["active"] == 0:
        document = rfc8785.dumps(BUILT_IN[TRACE_SET]).decode()
        policy = stage.give("draft-policy", {"name": TRACE_SET, "document": document})["stream"]
        digest = look_at_policy(session, TRACE_SET)["versions"][0]["sha256"]
        stage.give("approve-policy", {"policy": policy, "version": 1, "document_sha256": digest}, people.guild)
        stage.give("activate-policy", {"policy": policy, "version": 1}, people.guild)
    say(
        words(
            "   准入政策：制片厂起草，公会阅后批准并生效",
            "   the gate's policy: drafted by the studio, read, approved and activated by the guild",
        )
    )
    return people


def file_capabilities(session: Session, people: People, words: Words, say: Say) -> str:
    """Have a capability filed by its vendor and examined by the guild, and another suspended; return the first."""
    stage, why = Stage(session), Stage(session).put(b"looked at a hundred frames of its output")
    filed: list[str] = []
    for name in ("posterise", "posterise-old"):
        documents = make(name=name)
        manifest, bom = stage.put(documents.manifest), stage.put(documents.ml_bom)
        stage.put(documents.code)
        stage.put(documents.picture)
        it = str(stage.give("describe-capability", {"name": name, "kind": "algorithm"}, people.vendor)["stream"])
        filed.append(it)
        of = {"capability": it, "version": 1}
        stage.give("sign-version", {"capability": it, "manifest": manifest, "ml_bom": bom}, people.vendor)
        number = {"capability": it, "authority": "film_authority", "number": f"演示备案 {parse_id(it).uuid.hex}"}
        stage.give("declare-filing", number, people.vendor)
        stage.give("check-filing", {**number, "result": "confirmed", "source": why}, people.guild)
        stage.refused("its files were not scanned", "publish-capability", of, people.guild)
        stage.give("scan-supply-chain", of, people.guild)
        tested = stage.give("run-compliance-tests", of, people.guild)["events"][0]["event"]
        stage.give("grade-capability", {**of, **_grade(why)}, people.guild)
        stage.give("publish-capability", of, people.guild)
        say(
            words(
                f"   {it}  {name}：提供方签章备案；公会扫描、测试 {tested['passed']} 项、定级、列入路由",
                f"   {it}  {name}: signed and filed by its vendor; scanned, {tested['passed']} tests run, graded G0 "
                "and listed by the guild",
            )
        )
    suspension = {"capability": filed[1], "reason": "quality", "statement": why, "effective_at": "2026-12-01T00:00:00Z"}
    stage.give("suspend-capability", suspension, people.guild)
    say(words(f"   {filed[1]}  暂停调用", f"   {filed[1]}  suspended"))
    return filed[0]


def _grade(why: str) -> dict[str, Any]:
    return {"grades": ["g0"], "natures": ["commercial", "research"], "basis": why}


def decide_as_humans(session: Session, people: People, held: str, words: Words, say: Say) -> None:
    """Have an agent refused where a human must decide, and a human who did not bring the object decide."""
    stage = Stage(session)
    mandate = {"party": people.agent, "actions": ["recheck-object", "record-derivation"], "until": UNTIL}
    no = stage.refused("left to humans", "grant-mandate", mandate)
    say(words(f"   授权智能体代人判定：拒绝（{no}）", f"   an agent is to decide like a human: refused ({no})"))
    stage.give("grant-mandate", {**mandate, "actions": ["recheck-object"]})
    principal = session.config.holder_id
    lifting = {"object": held, "statement": stage.put(b"seen on the editing desk; provenance told by the unit")}
    no = stage.refused("left to humans", "lift-quarantine", lifting, people.agent, on_behalf_of=principal)
    say(words(f"   智能体解除隔离：拒绝（{no}）", f"   the agent lifts a quarantine: refused ({no})"))
    no = stage.refused("cannot clear it", "lift-quarantine", lifting)
    say(words(f"   制片厂自己放行：拒绝（{no}）", f"   the studio clears its own: refused ({no})"))
    stage.give("recheck-object", {"object": held}, people.agent, on_behalf_of=principal)
    say(words("   智能体在授权内复核：接受", "   the agent rechecks within its mandate: accepted"))


def keep_and_erase_a_secret(session: Session, people: People, of: str, words: Words, say: Say) -> tuple[int, bytes]:
    """Have a prompt recorded, opened for the auditor, held by the court, and erased; return index and entry of it."""
    stage = Stage(session)
    author = stage.enrol("person", "operator")
    recorded = stage.give("record-prompt", {"object": of}, author, secrets={"prompt": PROMPT})
    index = int(recorded["first_index"])
    say(
        words(
            f"   提示词只以承诺入账（第 {index} 条），原文加密存放于保险库",
            f"   a prompt enters as a commitment alone (entry {index}); its words lie encrypted in the vault",
        )
    )
    decoded = entry_at(session.application, index)
    event_id = decoded.envelope.event_id
    asked = {"party": author, "event": str(event_id), "path": "prompt", "purpose": "audit"}
    stage.give("open-field", asked, people.auditor)
    opening = opening_document(index, decoded, "prompt", session.vault.open(event_id, "prompt"))
    say(
        words(
            f"   为审计员打开并留痕：{opening['value']}",
            f"   opened for the auditor, on record: {opening['value']}",
        )
    )
    stage.give("place-legal-hold", {"party": author, "matter": "(2026) Jing 73 Min Chu 1"}, people.court)
    no = stage.refused("legal holds bind", "erase-subject", {"party": author}, author)
    say(words(f"   法院保全期间删除：拒绝（{no}）", f"   erased under the court's hold: refused ({no})"))
    number = session.load(parse_party_id(author), PARTY).state.holds[-1]
    stage.give("lift-legal-hold", {"party": author, "hold": number}, people.court)
    stage.give("erase-subject", {"party": author}, author)
    if session.vault.owner(event_id, "prompt") is not None:
        raise Invalid("expected the prompt to be erased, found it in the vault")
    say(
        words(
            "   保全解除后删除：密钥与原文销毁，账本一个字节未变",
            "   erased once the hold is lifted: key and words destroyed, not one byte of the log changed",
        )
    )
    return index, session.store.rows(index, 1)[0].entry
