"""`edgeprint demo`: the whole story on real files, told so that a film person understands it.

Thirteen steps: found a ledger, enrol people and approve a policy, identify files, look at what was quarantined and why,
file capabilities, decide as humans, keep and erase a secret, trade in rights, seal, prove entries offline from files
alone, flip one byte in a copy of the sealed tree and watch the check name it, put everything on a real Kafka and check
it there as a subscriber would, and look back. Nothing is pretended: each step calls what the command of the same name
calls, and one that does not come out as told ends the demo in an error.
"""

import shutil
import sys
from pathlib import Path
from typing import Any, Final

from domain.errors import Invalid, Unavailable
from domain.governance.events import PartyKind
from domain.ledger.policy import parse_policy
from domain.ledger.proof import parse_proof, verify_proof
from examples.photos import PACKAGE, VERSION, copy_photographs
from infra.bootstrap import Session, found, opened
from infra.cli.output import Words, size_text
from infra.cli.reasons import reason_text
from infra.demo.looking_back import PROJECT, look_back
from infra.demo.people import Say, decide_as_humans, file_capabilities, keep_and_erase_a_secret, meet
from infra.demo.rights import trade_in_rights
from infra.fsck.tree import verify_tree
from infra.home import Home
from infra.intake.gate import Taken
from infra.intake.refusal import Refused
from infra.intake.run import IdentifyRun, bringer_of, declare_own_creation, identify_paths
from infra.kafka.broker import Broker
from infra.kafka.relay import relay_once
from infra.kafka.topics import create_topics
from infra.kafka.verify import verify_topics
from infra.log import head_of, proof_of
from infra.settings import Settings

EXAMPLES: Final = Path(__file__).parents[2] / "examples" / "film"
FILM: Final = EXAMPLES / "project"
CLASSES: Final = EXAMPLES / "classes"
OWN_WORKS: Final = ("screenplay", "storyboard", "timeline", "props")
SHOWN_MAX: Final = 40


def tell(settings: Settings, files: Path | None, photographs: Path | None, *, quiet: bool = False) -> dict[str, Any]:
    """Tell the story in the home of `settings` and return its figures; a second telling goes on in the same ledger.

    `files` is a folder of the user's own instead of the example film; `photographs` is where the package that brings
    real photographs is installed (None: wherever Python finds it).

    Raises:
        LedgerError: something did not work, or did not come out as the story says.
    """
    words = Words(settings.lang)
    say: Say = (lambda _: None) if quiet else lambda line: print_line(line)
    home = Home(settings.home)
    say(words("片边码 edgeprint：每一份素材先有身份，再谈准入。", "edgeprint: identity first, admission after."))
    if not home.exists():
        config = found(settings, origin=None, prefix="10.5072", production=False, holder_kind=PartyKind.ORGANISATION)
        say(words(f"\n一、建立账本 {config.ledger}", f"\n1. A ledger is founded: {config.ledger}"))
    else:
        say(words(f"\n一、接着用已有的账本 {home.config().ledger}", f"\n1. The ledger goes on: {home.config().ledger}"))
    say(words(f"   目录 {home.path}", f"   home {home.path}"))
    with opened(settings) as session:
        say(words("\n二、各方登记，各持密钥", "\n2. Everybody is enrolled, each with a key"))
        people = meet(session, words, say)
        run = _identify(session, files, photographs, words, say)
        earlier = run.sealed_size - 1
        _explain(run, words, say)
        say(words("\n五、能力备案：由他人检验，方可调用", "\n5. Capabilities are filed, and examined by others"))
        file_capabilities(session, people, words, say)
        say(words("\n六、须由人决定之事", "\n6. What is left to humans"))
        held = next((item.object_id for item in run.answers if item.answer.state.clause), None)
        if held is None:
            say(words("   （没有待人决定的素材）", "   (nothing waits for a human)"))
        else:
            decide_as_humans(session, people, held, words, say)
        say(words("\n七、秘密：承诺、打开、保全、删除", "\n7. A secret: committed, opened, held, erased"))
        erased = keep_and_erase_a_secret(session, people, run.answers[0].object_id, words, say)
        say(
            words(
                "\n八、权利与交易：谁能用、用在哪、欠谁多少", "\n8. Rights and trade: who may use what, and who is owed"
            )
        )
        trade_in_rights(session, people, words, say)
        run.sealed_size, run.ledger_size = session.seal(), session.store.size()
    result = run.as_json()
    result["proved_index"] = _prove(settings, home, run, words, say, erased)
    result["tampered_index"] = _tamper(home, words, say)
    with opened(settings) as session:
        result["kafka_records"] = _subscribe(session, words, say)
        look_back(session, run, None if files else FILM, earlier, words, say)
    _what_next(home, run, words, say)
    return result


def print_line(line: str) -> None:
    """Print one line of the story at once, so that it can be followed."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _identify(session: Session, files: Path | None, package: Path | None, words: Words, say: Say) -> IdentifyRun:
    if files is not None:
        paths = [files]
        say(words(f"\n三、身份化 {files} 下的文件", f"\n3. Files under {files} get their identifiers"))
    else:
        photographs = _photographs(session.home.path, package, words, say)
        paths = [FILM, CLASSES, *([photographs] if photographs else [])]
        titles = declare_own_creation(session, [FILM / name for name in OWN_WORKS], bringer_of(session))
        say(
            words(
                f"\n三、导演声明 {len(titles.titles)} 件作品为自己的原创（权利之根），然后逐件身份化",
                f"\n3. The director claims {len(titles.titles)} works as own creation (roots of title); then every "
                "file gets its identifier",
            )
        )
    count = 0

    def show(item: Taken | Refused) -> None:
        nonlocal count
        count += 1
        if count <= SHOWN_MAX:
            say(_line(item, words))

    run = identify_paths(session, paths, bringer_of(session, project=PROJECT), on_answer=show)
    if count > SHOWN_MAX:
        say(words(f"   …… 另有 {count - SHOWN_MAX} 个", f"   ... and {count - SHOWN_MAX} more"))
    return run


def _line(item: Taken | Refused, words: Words) -> str:
    if isinstance(item, Refused):
        return words(
            f"   ✗ 未接收  {item.display}：{item.message}", f"   ✗ not taken    {item.display}: {item.message}"
        )
    mark, text = {
        "admitted": ("✓", words("准入", "admitted   ")),
        "quarantined": ("…", words("隔离", "quarantined")),
        "rejected": ("✗", words("拒绝", "rejected   ")),
        "withdrawn": ("✗", words("撤回", "withdrawn  ")),
    }[item.answer.state.status]
    again = words("  ← 内容与已有对象相同", "  <- same bytes as before") if item.answer.duplicate else ""
    name = item.display.rsplit("/", 1)[-1]
    return (
        f"   {mark} {text}  {item.object_id}  {name} ({item.content.media_type}, {size_text(item.content.size)}){again}"
    )


def _explain(run: IdentifyRun, words: Words, say: Say) -> None:
    counts = run.counts
    say(
        words(
            f"\n四、共 {run.taken} 件：准入 {counts['admitted']}，隔离 {counts['quarantined']}，"
            f"拒绝 {counts['rejected']}，其中重复 {run.duplicates}",
            f"\n4. {run.taken} identified: {counts['admitted']} admitted, {counts['quarantined']} quarantined, "
            f"{counts['rejected']} rejected; {run.duplicates} of them were here before",
        )
    )
    reasons: dict[str, list[str]] = {}
    for item in run.answers:
        reason = reason_text(item.answer.state, words)
        if reason:
            reasons.setdefault(reason, []).append(item.display.rsplit("/", 1)[-1])
    for reason, names in reasons.items():
        shown = ", ".join(names[:4]) + (" …" if len(names) > 4 else "")
        say(words(f"   原因：{reason}（{len(names)} 件：{shown}）", f"   because: {reason} ({len(names)}: {shown})"))


def _prove(settings: Settings, home: Home, run: IdentifyRun, words: Words, say: Say, erased: tuple[int, bytes]) -> int:
    head = head_of(settings)
    say(
        words(
            f"\n九、封存：{head.size} 条，一个签名检查点",
            f"\n9. Sealed: {head.size} entries under one signed checkpoint",
        )
    )
    say(words(f"   树根 {head.root.hex()}", f"   root {head.root.hex()}"))
    births = [item.first for item in run.answers if not item.answer.duplicate]
    index = births[0] if births else head.size - 1
    proof, entry = proof_of(settings, index)
    out = home.path / "proof"
    out.mkdir(exist_ok=True)
    for name, data in ((f"{index}.tlog-proof", proof), (f"{index}.entry", entry)):
        (out / name).write_bytes(data)
    verify_proof(parse_proof(proof), entry, parse_policy(home.policy_path.read_bytes()))
    say(
        words(
            f"\n十、离线证明：第 {index} 条确在账本中（只用 3 个文件：证明、条目、信任策略）",
            f"\n10. Proved offline: entry {index} is in the ledger (from 3 files: proof, entry, policy)",
        )
    )
    proof, entry = proof_of(settings, erased[0])
    verify_proof(parse_proof(proof), entry, parse_policy(home.policy_path.read_bytes()))
    if entry != erased[1]:
        raise Invalid(f"entry {erased[0]}: expected the bytes of before the erasure, found others")
    say(
        words(
            f"   第 {erased[0]} 条（提示词已删除）的证明同样成立",
            f"   and so is entry {erased[0]}, whose prompt was erased",
        )
    )
    say(f"   edgeprint ledger verify-proof {out / str(index)}.tlog-proof \\")
    say(f"     --policy {home.policy_path} --entry {out / str(index)}.entry")
    return index


def _tamper(home: Home, words: Words, say: Say) -> int:
    """Flip one bit in a copy of the tree; return the index that the check names."""
    policy = parse_policy(home.policy_path.read_bytes())
    genuine = verify_tree(home.tlog, policy, deep=True)
    if genuine.exit_code:
        raise Invalid(f"{home.tlog}: expected a clean tree, found {genuine.reason or genuine.damages[0]}")
    copy = home.path / "tampered"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(home.tlog, copy)
    bundle = sorted((copy / "tile" / "entries").rglob("*"), key=lambda path: (path.is_file(), path.stat().st_mtime_ns))[
        -1
    ]
    data = bytearray(bundle.read_bytes())
    place = len(data) // 2
    data[place] ^= 1
    bundle.write_bytes(data)
    report = verify_tree(copy, policy, deep=True)
    if not report.damages or report.damages[0].index is None:
        raise Invalid(f"expected the flipped byte {place} of {bundle} to be found, found a {report.verdict} tree")
    found = report.damages[0]
    say(
        words(
            f"\n十一、篡改：在副本的 {found.path} 里改动 1 个比特，校验失败并指出第 {found.index} 条",
            f"\n11. Tampered: one bit flipped in {found.path} of a copy; the check fails and names entry {found.index}",
        )
    )
    say(f"   {found}")
    return found.index if found.index is not None else -1


def _subscribe(session: Session, words: Words, say: Say) -> int | None:
    """Put everything on a real Kafka and check it from there; None, said aloud, where no Kafka can be had."""
    settings, home = session.settings, session.home
    broker = Broker.open(home.path, settings)
    ran, bootstrap = broker.is_running(), settings.kafka_bootstrap
    try:
        if bootstrap is None:
            say(
                words(
                    "\n十二、订阅：启动一个真正的 Apache Kafka ……",
                    "\n12. Subscribed: a real Apache Kafka is started ...",
                )
            )
            broker.start(ends_with_parent=True)
            bootstrap = broker.bootstrap
        else:
            say(words(f"\n十二、订阅：Kafka {bootstrap}", f"\n12. Subscribed: Kafka {bootstrap}"))
        create_topics(bootstrap)
        relay_once(session.store, home, session.config, bootstrap, settings.kafka_client)
        report = verify_topics(bootstrap, home.policy_path.read_bytes())
    except Unavailable as err:
        say(words(f"   （没有 Kafka：{err}）", f"   (no Kafka: {err})"))
        return None
    finally:
        if not ran:
            broker.stop()
    if report.exit_code:
        found = report.damages[0] if report.damages else "nothing"
        raise Invalid(f"expected all of the ledger on Kafka, found {found}")
    say(
        words(
            f"   {bootstrap} 上有 {report.events} 条记录；只凭信任策略核对：每条都在、只有一次、树根与签名一致",
            f"   {report.events} records at {bootstrap}; checked with the policy file alone: "
            "every entry once, the root as signed",
        )
    )
    return report.events


def _photographs(home: Path, package: Path | None, words: Words, say: Say) -> Path | None:
    """Return a folder of real photographs from an installed package; None, said aloud, where it cannot be had."""
    folder = home.parent / f"{home.name}-photographs"  # beside the home: what lies in it is never taken in
    try:
        copied = copy_photographs(folder, package)
    except (OSError, ValueError) as err:
        say(words(f"   （没有照片：{err}）", f"   (no photographs: {err})"))
        return None
    source = f"{PACKAGE} {VERSION}"
    say(
        words(
            f"   {len(copied)} 张真实照片来自 Python 包 {source}（逐张许可见 {folder}/LICENCE.txt）",
            f"   {len(copied)} real photographs from the Python package {source} (licences in {folder}/LICENCE.txt)",
        )
    )
    return folder


def _what_next(home: Home, run: IdentifyRun, words: Words, say: Say) -> None:
    shown = run.answers[0].object_id if run.answers else "ID"
    say(words("\n接下来可以试试：", "\nTry next:"))
    prefix = f"EDGEPRINT_HOME={home.path} .venv/bin/edgeprint"
    for command, chinese, english in (
        (f"object show {shown}", "看一件素材的身份、可追溯集与历史", "one asset: identity, traceable set, history"),
        ("ledger verify", "只凭文件检查整个账本", "check the whole log from its files"),
        ("fsck --deep", "逐字节核对数据库、证据树与文件库", "compare database, tree and blobs byte by byte"),
        ("up", "让数据库、封存、Kafka 与中继常驻", "keep database, sealer, Kafka and relay running"),
    ):
        say(f"   {prefix} {command}   # {words(chinese, english)}")
    say(words("   make demo FILES=/你的文件夹", "   make demo FILES=/your/folder"))
