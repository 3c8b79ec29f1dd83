"""The words of a scope: uses, fields, media, duties; each a closed list, so that every word has one meaning.

A use that no word names is not granted: under art. 29 of the Copyright Law of the People's Republic of China (2020) the
other party may not exercise what a contract does not expressly license. So no list has a word for "any other".

Uses are the rights that art. 10(1) lets a holder license, items (5) to (16); the personal rights of items (1) to (4)
are not licensed, and item (17), "other rights", names nothing. Two acts of machines are added, which the law does not
name: `train` and `generate_with`. A performer's or a portrayed person's consent uses the same words, so that the meet
of titles and consents is of one kind.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated as A
from typing import Final

from domain.capability.events import Nature
from domain.errors import Invalid
from domain.events import Doc, value

DAYS_MAX: Final = 36_500


class Use(StrEnum):
    """What is done with a work; the number is the item of art. 10(1)."""

    UNSPECIFIED = "unspecified"
    REPRODUCE = "reproduce"  # (5), digitising included
    DISTRIBUTE = "distribute"  # (6), originals or copies, by sale or gift
    RENT = "rent"  # (7)
    EXHIBIT = "exhibit"  # (8), works of art and photographs
    PERFORM = "perform"  # (9), live, or a recorded performance played in public
    PROJECT = "project"  # (10), shown in public by a projector or the like
    BROADCAST = "broadcast"  # (11), by wire or without, live streams included
    COMMUNICATE_ONLINE = "communicate_online"  # (12), at a time and place that the public chooses
    MAKE_FILM = "make_film"  # (13), fixed in an audiovisual work
    ADAPT = "adapt"  # (14)
    TRANSLATE = "translate"  # (15)
    COMPILE = "compile"  # (16)
    TRAIN = "train"  # parameters of a model are computed from it
    GENERATE_WITH = "generate_with"  # given to a model as input of a generation


class Field(StrEnum):
    """In which industry it is used."""

    UNSPECIFIED = "unspecified"
    FILM = "film"
    VP = "vp"
    VFX = "vfx"
    TOURISM = "tourism"
    VR = "vr"
    GAME = "game"


class Medium(StrEnum):
    """By which way it reaches people; `internal` is none: it is not shown outside the production."""

    UNSPECIFIED = "unspecified"
    INTERNAL = "internal"
    THEATRICAL = "theatrical"
    NON_THEATRICAL = "non_theatrical"
    TELEVISION = "television"
    ONLINE = "online"
    DISC = "disc"
    PRINT = "print"
    VENUE = "venue"
    HEADSET = "headset"
    INTERACTIVE = "interactive"
    ADVERTISING = "advertising"


class DutyKind(StrEnum):
    """What whoever uses it must do; how large a share is stands in the grant, not here."""

    UNSPECIFIED = "unspecified"
    ATTRIBUTE = "attribute"
    SHARE_ALIKE = "share_alike"  # whether terms are "compatible" is decided by a person, by no rule
    PAY_SHARE = "pay_share"
    LABEL_GENERATED = "label_generated"
    REPORT_USAGE = "report_usage"
    DELETE_COPIES = "delete_copies"


COUNTED_IN_DAYS: Final = frozenset({DutyKind.REPORT_USAGE, DutyKind.DELETE_COPIES})
"""Duties with a number of days: usage is reported every so many, copies deleted within so many after the window."""


@value
class Duty:
    """One duty; fewer days are stricter, and a stricter duty keeps a laxer one of its kind."""

    kind: A[DutyKind, Doc("what must be done")]
    days: A[
        int | None,
        Doc("report_usage: every so many days; delete_copies: within so many days after the window", 1, DAYS_MAX),
    ] = None

    def __post_init__(self) -> None:
        """Raise Invalid where days are missing, out of bounds or stand at a duty that has none."""
        if self.kind is DutyKind.UNSPECIFIED:
            raise Invalid("duty: expected a kind, found unspecified")
        if (self.days is not None) != (self.kind in COUNTED_IN_DAYS):
            counted = "a number of days" if self.days is None else "no days"
            raise Invalid(f"duty {self.kind}: expected {counted}, found {self.days}")
        if self.days is not None and not 1 <= self.days <= DAYS_MAX:
            raise Invalid(f"duty {self.kind}: expected 1 to {DAYS_MAX} days, found {self.days}")


@dataclass(frozen=True, slots=True)
class Duties:
    """A set of duties, the strictest of each kind: the same duties are always the same value."""

    strictest: frozenset[Duty]

    def __post_init__(self) -> None:
        """Raise Invalid where a kind stands twice."""
        if len({duty.kind for duty in self.strictest}) != len(self.strictest):
            twice = sorted(str(duty.kind) for duty in self.strictest)
            raise Invalid(f"duties: expected each kind once, found {', '.join(twice)}")

    def union(self, other: "Duties") -> "Duties":
        """Return what keeps both."""
        if self.strictest == other.strictest:
            return self
        kept: dict[DutyKind, Duty] = {}
        for duty in (*self.strictest, *other.strictest):
            known = kept.get(duty.kind)
            if known is None or (known.days or 0) > (duty.days or 0):
                kept[duty.kind] = duty
        return Duties(frozenset(kept.values()))

    def unkept(self, demanded: "Duties") -> "Duties":
        """Return those `demanded` that whoever keeps these does not keep: missing here, or laxer."""
        here = {duty.kind: duty.days or 0 for duty in self.strictest}
        return Duties(
            frozenset(duty for duty in demanded.strictest if not here.get(duty.kind, DAYS_MAX + 1) <= (duty.days or 0))
        )

    def in_order(self) -> tuple[Duty, ...]:
        """Return them in the order in which they are serialised, by kind."""
        return tuple(sorted(self.strictest, key=lambda duty: duty.kind))


NO_DUTIES: Final = Duties(frozenset())

CHINESE: Final[dict[StrEnum, str]] = {
    Use.REPRODUCE: "复制",
    Use.DISTRIBUTE: "发行",
    Use.RENT: "出租",
    Use.EXHIBIT: "展览",
    Use.PERFORM: "表演",
    Use.PROJECT: "放映",
    Use.BROADCAST: "广播",
    Use.COMMUNICATE_ONLINE: "信息网络传播",
    Use.MAKE_FILM: "摄制",
    Use.ADAPT: "改编",
    Use.TRANSLATE: "翻译",
    Use.COMPILE: "汇编",
    Use.TRAIN: "模型训练",
    Use.GENERATE_WITH: "生成输入",
    Field.FILM: "电影",
    Field.VP: "虚拟制片",
    Field.VFX: "视效",
    Field.TOURISM: "文旅",
    Field.VR: "虚拟现实",
    Field.GAME: "游戏",
    Nature.COMMERCIAL: "商业",
    Nature.NON_COMMERCIAL: "非商业",
    Nature.RESEARCH: "科研",
    Medium.INTERNAL: "制作内部",
    Medium.THEATRICAL: "院线",
    Medium.NON_THEATRICAL: "非院线放映",
    Medium.TELEVISION: "电视",
    Medium.ONLINE: "网络",
    Medium.DISC: "光盘等载体",
    Medium.PRINT: "印刷出版",
    Medium.VENUE: "场馆与现场",
    Medium.HEADSET: "头戴设备",
    Medium.INTERACTIVE: "互动平台",
    Medium.ADVERTISING: "广告宣传",
    DutyKind.ATTRIBUTE: "署名",
    DutyKind.SHARE_ALIKE: "相同方式共享",
    DutyKind.PAY_SHARE: "支付分成",
    DutyKind.LABEL_GENERATED: "标识生成合成内容",
    DutyKind.REPORT_USAGE: "报告使用情况",
    DutyKind.DELETE_COPIES: "期满后删除复制件",
}
"""Every word in Chinese, as it stands in an explanation."""
