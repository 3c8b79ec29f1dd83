"""Sets of territories and of languages: some codes, or all but some.

A territory is an ISO 3166-1 alpha-2 code, of the closed list below. CN is the mainland (境内): HK, MO and TW are named
where they are meant. A language is a primary tag of BCP 47 (RFC 5646 §2.2.1): the two letters of ISO 639-1 where there
are such, else three letters of ISO 639-3. Tags are compared as they stand: `zh` does not take in `yue`; name both.

Some codes and all but some are never equal, however many are named: "all but" takes in codes that will be assigned
later, a list does not. So the lists may grow without a change to what any scope says. In the terms of sets, the
universe has one member more than the codes of today; with this, `within` is inclusion, `meet` intersection and `minus`
difference. All but every territory of today is taken as empty, since nobody can mean it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.errors import Invalid

LANGUAGES_MAX: Final = 200

_ISO_3166: Final = """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO
    FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO
    MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW
    PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM
    TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
COUNTRIES: Final = frozenset(_ISO_3166.split())
"""The 249 officially assigned alpha-2 codes of ISO 3166-1:2020, unchanged since SS was added in 2011."""

_ISO_639: Final = """
    aa:aar ab:abk ae:ave af:afr ak:aka am:amh an:arg ar:ara as:asm av:ava ay:aym az:aze ba:bak be:bel bg:bul bi:bis
    bm:bam bn:ben bo:bod:tib br:bre bs:bos ca:cat ce:che ch:cha co:cos cr:cre cs:ces:cze cu:chu cv:chv cy:cym:wel
    da:dan de:deu:ger dv:div dz:dzo ee:ewe el:ell:gre en:eng eo:epo es:spa et:est eu:eus:baq fa:fas:per ff:ful fi:fin
    fj:fij fo:fao fr:fra:fre fy:fry ga:gle gd:gla gl:glg gn:grn gu:guj gv:glv ha:hau he:heb hi:hin ho:hmo hr:hrv
    ht:hat hu:hun hy:hye:arm hz:her ia:ina id:ind ie:ile ig:ibo ii:iii ik:ipk io:ido is:isl:ice it:ita iu:iku ja:jpn
    jv:jav ka:kat:geo kg:kon ki:kik kj:kua kk:kaz kl:kal km:khm kn:kan ko:kor kr:kau ks:kas ku:kur kv:kom kw:cor
    ky:kir la:lat lb:ltz lg:lug li:lim ln:lin lo:lao lt:lit lu:lub lv:lav mg:mlg mh:mah mi:mri:mao mk:mkd:mac ml:mal
    mn:mon mr:mar ms:msa:may mt:mlt my:mya:bur na:nau nb:nob nd:nde ne:nep ng:ndo nl:nld:dut nn:nno no:nor nr:nbl
    nv:nav ny:nya oc:oci oj:oji om:orm or:ori os:oss pa:pan pi:pli pl:pol ps:pus pt:por qu:que rm:roh rn:run
    ro:ron:rum ru:rus rw:kin sa:san sc:srd sd:snd se:sme sg:sag si:sin sk:slk:slo sl:slv sm:smo sn:sna so:som
    sq:sqi:alb sr:srp ss:ssw st:sot su:sun sv:swe sw:swa ta:tam te:tel tg:tgk th:tha ti:tir tk:tuk tl:tgl tn:tsn
    to:ton tr:tur ts:tso tt:tat tw:twi ty:tah ug:uig uk:ukr ur:urd uz:uzb ve:ven vi:vie vo:vol wa:wln wo:wol xh:xho
    yi:yid yo:yor za:zha zh:zho:chi zu:zul
"""
LANGUAGES: Final = frozenset(row.split(":")[0] for row in _ISO_639.split())
"""The 183 codes of ISO 639-1:2002 in force."""
LONG_FORMS: Final = {long: row.split(":")[0] for row in _ISO_639.split() for long in row.split(":")[1:]}
"""Three-letter codes (ISO 639-2, T and B) that BCP 47 forbids, since two letters say the same."""


class Domain(StrEnum):
    """What the codes are of."""

    TERRITORY = "territory"
    LANGUAGE = "language"


@dataclass(frozen=True, slots=True)
class Codes:
    """These codes, or all but these; `all_but` with no codes is the whole world, or any language."""

    domain: Domain
    codes: frozenset[str]
    all_but: bool = False

    def empty(self) -> bool:
        """Return whether nothing is in it."""
        if self.all_but:
            return self.domain is Domain.TERRITORY and self.codes >= COUNTRIES
        return not self.codes

    def within(self, outer: "Codes") -> bool:
        """Return whether all of it is in `outer`."""
        if self.all_but:
            return outer.all_but and outer.codes <= self.codes
        return self.codes.isdisjoint(outer.codes) if outer.all_but else self.codes <= outer.codes

    def meet(self, other: "Codes") -> "Codes":
        """Return what is in both."""
        if self.all_but and other.all_but:
            return Codes(self.domain, self.codes | other.codes, True)
        if self.all_but:
            return Codes(self.domain, other.codes - self.codes)
        return Codes(self.domain, self.codes - other.codes if other.all_but else self.codes & other.codes)

    def minus(self, other: "Codes") -> "Codes":
        """Return what is here and not in `other`."""
        return self.meet(Codes(self.domain, other.codes, not other.all_but))


def territory(*codes: str, all_but: bool = False) -> Codes:
    """Return the territories of these codes, or all but these. Raises: Invalid, as `check_codes`."""
    return check_codes(Codes(Domain.TERRITORY, frozenset(codes), all_but), "territory")


def languages(*codes: str, all_but: bool = False) -> Codes:
    """Return the languages of these tags, or all but these. Raises: Invalid, as `check_codes`."""
    return check_codes(Codes(Domain.LANGUAGE, frozenset(codes), all_but), "languages")


def check_codes(found: Codes, where: str) -> Codes:
    """Return what was found if every code is one, in its own case, and something is in the set.

    Raises:
        Invalid: an unknown code, a three-letter tag that has two letters, more than LANGUAGES_MAX, or an empty set.
    """
    for code in sorted(found.codes):
        if found.domain is Domain.TERRITORY:
            if code not in COUNTRIES:
                raise Invalid(f"{where}: expected ISO 3166-1 alpha-2 codes such as CN, found {code[:60]!r}")
        else:
            _check_language(code, where)
    if found.domain is Domain.LANGUAGE and len(found.codes) > LANGUAGES_MAX:
        raise Invalid(f"{where}: expected at most {LANGUAGES_MAX} tags, found {len(found.codes)}")
    if found.empty():
        raise Invalid(f"{where}: expected at least one {found.domain}, found none")
    return found


def _check_language(code: str, where: str) -> None:
    if code in LONG_FORMS:
        raise Invalid(f"{where}: expected {LONG_FORMS[code]}, the shortest tag (RFC 5646 §2.2.1), found {code}")
    if code in LANGUAGES:
        return
    if not (len(code) == 3 and code.isascii() and code.isalpha() and code.islower()):
        raise Invalid(f"{where}: expected primary language tags of BCP 47 such as zh or yue, found {code[:60]!r}")
