"""What a picture of a lineage says, in English and Chinese. Kinds are written as the ledger has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from projections.genealogy.model import FOUND


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language; `relations` has one for each relation, others are written as they stand."""

    language: str
    title: str
    described: str
    training_set: str
    versions: str
    lines: str
    more: str
    cut: str
    above: str
    below: str
    mixed: str
    declared: str
    found: str
    relations: Mapping[str, str]

    def relation(self, name: str) -> str:
        """Return the word for a relation."""
        return self.relations.get(name, name)


ENGLISH: Final = Words(
    language="en",
    title="Lineage of {name}",
    described="{kind} {name}: {above} objects above that it comes from, {below} below that came from it.",
    training_set="training set",
    versions="{count} versions",
    lines="{lines} in {count} versions",
    more="+ {count} more",
    cut="There are more objects than were counted here.",
    above="that it comes from",
    below="that came from it",
    mixed="mixed kinds",
    declared="declared",
    found="found later",
    relations={
        "derivation_of": "derived from",
        "revision_of": "revises",
        "variant_of": "variant of",
        "trained_on": "trained on",
        "prompted_by": "prompted by",
        "rendered_from": "rendered from",
        "down_converted_from": "down-converted from",
        "made_from": "made from",
        "includes": "includes",
        FOUND: "found to derive from",
    },
)

CHINESE: Final = Words(
    language="zh",
    title="{name} 的谱系",
    described="{kind} {name}：上方 {above} 个来源对象，下方 {below} 个后代对象。",
    training_set="训练集",
    versions="{count} 个版本",
    lines="{lines} 条，共 {count} 个版本",
    more="另有 {count} 个",
    cut="实际对象多于此处计数。",
    above="来源",
    below="后代",
    mixed="多种类型",
    declared="申报的关系",
    found="事后发现的关系",
    relations={
        "derivation_of": "衍生自",
        "revision_of": "修订自",
        "variant_of": "变体自",
        "trained_on": "训练用",
        "prompted_by": "提示自",
        "rendered_from": "渲染自",
        "down_converted_from": "下变换自",
        "made_from": "制作自",
        "includes": "包含",
        FOUND: "发现衍生自",
    },
)
