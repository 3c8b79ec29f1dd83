"""The articles that the steps of an infringement case rest on, as a court cites them, in Chinese and English.

Sources: Civil Code of the PRC (中华人民共和国民法典, in force since 2021-01-01), book VII, arts. 1194 to 1197, and
arts. 201 and 203 on how days are counted; E-Commerce Law of the PRC (中华人民共和国电子商务法), art. 43. The words
beside each article say in one line what is taken from it; they are no translation, and the text of the law decides.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Article:
    """One paragraph of a statute: a code that never changes, its citation, and what is taken from it."""

    code: str
    zh: str
    en: str
    says_zh: str
    says_en: str


LIABILITY: Final = Article(
    "civil-code/1194",
    "《民法典》第一千一百九十四条",
    "Civil Code, art. 1194",
    "利用网络侵害他人民事权益的，承担侵权责任",
    "whoever infringes the rights of others through a network is liable",
)
NOTICE: Final = Article(
    "civil-code/1195/1",
    "《民法典》第一千一百九十五条第一款",
    "Civil Code, art. 1195 par. 1",
    "权利人有权通知采取必要措施；通知应当包括初步证据及权利人的真实身份信息",
    "the right holder may ask for necessary measures; a notice holds preliminary evidence and the true identity",
)
MEASURES: Final = Article(
    "civil-code/1195/2",
    "《民法典》第一千一百九十五条第二款",
    "Civil Code, art. 1195 par. 2",
    "网络服务提供者应当及时转送通知并采取必要措施",
    "the provider forwards the notice and takes necessary measures in time",
)
WRONGFUL_NOTICE: Final = Article(
    "civil-code/1195/3",
    "《民法典》第一千一百九十五条第三款",
    "Civil Code, art. 1195 par. 3",
    "因错误通知造成损害的，权利人承担侵权责任",
    "the right holder is liable for the damage of a wrong notice",
)
COUNTER_NOTICE: Final = Article(
    "civil-code/1196/1",
    "《民法典》第一千一百九十六条第一款",
    "Civil Code, art. 1196 par. 1",
    "网络用户可以提交不存在侵权行为的声明，包括初步证据及其真实身份信息",
    "the user may declare that there is no infringement, with preliminary evidence and the true identity",
)
REASONABLE_PERIOD: Final = Article(
    "civil-code/1196/2",
    "《民法典》第一千一百九十六条第二款",
    "Civil Code, art. 1196 par. 2",
    "声明应当转送权利人；合理期限内未收到投诉或者起诉通知的，应当及时终止措施",
    "the declaration is forwarded to the right holder; unless it is known within a reasonable period that they have "
    "complained or sued, the measures are ended in time",
)
KNOWLEDGE: Final = Article(
    "civil-code/1197",
    "《民法典》第一千一百九十七条",
    "Civil Code, art. 1197",
    "知道或者应当知道而未采取必要措施的，与网络用户承担连带责任",
    "a provider that knows, or should, and takes no measures is jointly liable",
)
DAYS: Final = Article(
    "civil-code/201/1",
    "《民法典》第二百零一条第一款、第二百零三条第二款",
    "Civil Code, art. 201 par. 1 and art. 203 par. 2",
    "开始的当日不计入，最后一日至二十四时",
    "the day of the beginning does not count, and the last day ends at midnight",
)
FIFTEEN_DAYS: Final = Article(
    "e-commerce-law/43",
    "《电子商务法》第四十三条",
    "E-Commerce Law, art. 43",
    "转送声明到达知识产权权利人后十五日内",
    "fifteen days after the forwarded declaration has reached the holder of the intellectual property",
)
