"""Why an object is held back, in words for people; the ledger keeps the clause itself, in English, for ever."""

from collections.abc import Sequence
from typing import Final

from domain.identity.digital_object import DigitalObject, Status
from domain.identity.events import Element, Origin
from domain.identity.trace_set import DOOR_CLAUSE
from infra.cli.output import Words
from infra.intake.hazards import NOBODY_LOOKED, NOT_A_STAGE, PICKLED

_ELEMENTS: Final = {
    Element.HASH: ("哈希", "hash"),
    Element.AUTHORISATION: ("授权链", "authorisation"),
    Element.MODEL: ("模型签章", "model"),
    Element.PARAMETERS: ("参数摘要", "parameters"),
    Element.ENVIRONMENT: ("环境或设备", "environment or device"),
    Element.JOB: ("作业或场次与时间", "job or session, and time"),
    Element.ML_BOM: ("模型物料清单", "ML-BOM"),
    Element.TRAINING: ("训练数据声明", "training statement"),
    Element.CONTRACT: ("行为契约", "behaviour contract"),
}
_ORIGINS: Final = {
    Origin.HUMAN_WORK: ("人工创作", "human work"),
    Origin.CAPTURED: ("拍摄/扫描", "captured"),
    Origin.ALGORITHMIC: ("算法作业", "algorithmic job"),
    Origin.GENERATED_HERE: ("本平台生成", "generated here"),
    Origin.EXTERNAL_SERVICE: ("外部模型服务生成", "external model service"),
    Origin.IMPORTED: ("来源未声明", "origin not declared"),
}


_HOLDS: Final = {
    PICKLED: "pickle 格式的数据打开时可能执行代码：请改用 safetensors，或由人查看后解除",
    NOBODY_LOOKED: "此处未安装 usd-core，无人查验该 USD 场景能否打开",
    NOT_A_STAGE: "usd-core 无法将其作为场景打开",
}


def reason_text(state: DigitalObject, words: Words) -> str:
    """Return why the object is not admitted, "" if it is; a rejection is told in the ledger's own words."""
    if state.status is not Status.QUARANTINED or state.judged is None:
        return state.clause
    hold = None if state.birth is None else state.birth.hold
    return quarantine_text(state.judged.origin, state.lacking, words, hold, state.clause)


def quarantine_text(
    origin_judged: Origin, lacking: Sequence[Element], words: Words, hold: str | None, clause: str
) -> str:
    """Return what holds an object of this origin back: elements below their level, its own bytes, or a human's word."""
    origin = words(*_ORIGINS[origin_judged])
    if not lacking and clause.startswith(DOOR_CLAUSE):
        return words(f"{origin}：与申报的入口不符", f"{origin}: does not fit the door it came through")
    if not lacking and hold is not None:
        return words(_HOLDS.get(hold, f"字节与其自身格式不符（{hold}）"), hold)
    if not lacking:
        return words(f"{origin}：须由人解除", f"{origin}: held until a human lifts it")
    names = [words(*_ELEMENTS[element]) for element in lacking]
    return words(f"{origin}，缺少：{'、'.join(names)}", f"{origin}; missing or too weak: {'; '.join(names)}")
