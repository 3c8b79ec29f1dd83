"""What decides about an object, as a sentence in Chinese and in English."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from domain.rights.authorisation import Cause, Trouble
from domain.rights.scope_words import NAMES
from domain.rights.turns import CHINESE, told
from domain.spelling import instant_text

Name = Callable[[UUID | None], str]
"""What an object, a grant or a title is called outside."""
CAUSES: Final = {
    Cause.SCOPE: ("超出授权范围", "not within what is allowed"),
    Cause.NOTHING_LEFT: ("各项授权没有共同范围", "what is allowed has nothing in common"),
    Cause.GRANT_ENDED: ("授权已终止", "a grant has ended"),
    Cause.CLAIM_REJECTED: ("权属主张被驳回", "a claim was rejected"),
    Cause.NO_GRANT: ("未取得授权", "no grant is cited"),
    Cause.NOT_OWNED: ("作品属于他人且未引用授权", "somebody else owns the work, and no grant is cited"),
    Cause.UNSIGNED: ("授权尚未签署完毕", "a signature is missing"),
    Cause.CONTESTED: ("权属有争议", "a title is contested"),
    Cause.RIVAL_TITLE: ("同一内容另有权属主张", "there is another title on the same content"),
    Cause.NO_TITLE: ("权属未知", "no title is known"),
    Cause.NOT_KNOWN: ("账本中没有所指的环节", "a link is not known"),
}
"""Each cause in Chinese and in English."""
LINKS: Final = {
    Cause.SCOPE: ("授权 ", "grant "),
    Cause.NOTHING_LEFT: ("授权 ", "grant "),
    Cause.NO_GRANT: ("权属 ", "title "),
    Cause.NOT_OWNED: ("权属 ", "title "),
}
"""What the link is, of a cause that does not say it."""


def told_of(trouble: Trouble, name: Name) -> tuple[str, str]:
    """Return the trouble in a sentence: the object, what is wrong, the link, and the clause or the component."""
    zh, en = CAUSES[trouble.cause]
    link_zh, link_en = LINKS.get(trouble.cause, ("", ""))
    zh, en = f"{name(trouble.object)}：{zh}", f"{name(trouble.object)}: {en}"
    if trouble.source is not None:
        zh, en = f"{zh}，来源 {name(trouble.source)}", f"{en}, source {name(trouble.source)}"
    if trouble.link is not None:
        zh, en = f"{zh}，{link_zh}{name(trouble.link)}", f"{en}, {link_en}{name(trouble.link)}"
    if trouble.licence is not None:
        clause = f"{trouble.licence.component} {trouble.licence.licence}"
        zh, en = f"{zh}，许可证 {clause}", f"{en}, licence {clause}"
    if trouble.since is not None:
        since = instant_text(trouble.since)
        zh, en = f"{zh}，自 {since} 起", f"{en}, from {since} on"
    if trouble.why:
        zh, en = f"{zh}：{CHINESE[trouble.why]}", f"{en}: {told(trouble.why)}"
    if trouble.nothing_in:
        zh = f"{zh}；{'、'.join(NAMES[one] for one in trouble.nothing_in)}"
        en = f"{en}; {', '.join(one.replace('_', ' ') for one in trouble.nothing_in)}"
    if trouble.failures:
        zh = f"{zh}；{'；'.join(one.zh for one in trouble.failures)}"
        en = f"{en}; {'; '.join(one.en for one in trouble.failures)}"
    return zh, en
