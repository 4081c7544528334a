"""Values of identifiers, in the formats of development and in those that were kept for the test."""

from __future__ import annotations

import functools
import random
import string
from collections.abc import Callable
from dataclasses import dataclass

from faker import Faker

from scripts.deid.parts import COMPOUND, RARE_GIVEN, part_of

# Names of the test come from places that development never saw, and from the part of the shared lists that it left.
LOCALES = {
    "dev": {"en": ["en_US", "en_GB", "fr_FR"], "zh": ["zh_CN"]},
    "trial": {"en": ["en_US", "en_US", "en_IN", "es_MX", "pl_PL", "de_DE", "tr_TR", "en_NG", "vi_VN"], "zh": ["zh_CN"]},
    "second": {"en": ["en_US", "en_US", "it_IT", "sv_SE", "nl_NL", "pt_BR", "cs_CZ", "id_ID", "en_NZ"], "zh": ["zh_CN"]},
    "test": {"en": ["en_US", "en_US", "en_US", "ro_RO", "hu_HU", "fi_FI", "es_ES", "tl_PH", "en_IE", "hr_HR"], "zh": ["zh_CN"]},
}


@dataclass(frozen=True)
class Person:
    given: str
    last: str
    lang: str

    @property
    def full(self) -> str:
        return self.last + self.given if self.lang == "zh" else f"{self.given} {self.last}"

    @property
    def reversed(self) -> str:
        return f"{self.last}, {self.given}"

    @property
    def upper(self) -> str:
        return f"{self.last.upper()}, {self.given.upper()}"


def mark(kind: str, text: str) -> str:
    return f"\x01{kind}\x02{text}\x03"


def digits(rng: random.Random, n: int) -> str:
    return str(rng.randint(1, 9)) + "".join(rng.choice(string.digits) for _ in range(n - 1))


def resident_id(rng: random.Random) -> str:
    body = rng.choice(["110105", "310104", "440305", "510107", "330106", "420111", "350203", "610113", "210202"])
    body += f"{rng.randint(1932, 2012)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{rng.randint(0, 999):03d}"
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    return body + "10X98765432"[sum(int(d) * w for d, w in zip(body, weights, strict=True)) % 11]


def old_resident_id(rng: random.Random) -> str:
    return f"{rng.choice(['110105', '310104', '440305'])}{rng.randint(32, 99)}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}{rng.randint(0, 999):03d}"


def luhn(rng: random.Random, prefix: str, n: int) -> str:
    body = prefix + "".join(rng.choice(string.digits) for _ in range(n - 1 - len(prefix)))
    total = sum(sum(divmod(int(d) * 2, 10)) if i % 2 == 0 else int(d) for i, d in enumerate(reversed(body)))
    return body + str(-total % 10)


def card(rng: random.Random, sep: str) -> str:
    n = luhn(rng, rng.choice(["4", "51", "6222", "6217"]), 16)
    return sep.join(n[i : i + 4] for i in range(0, 16, 4))


MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"]


@functools.cache
def faker_of(locale: str) -> Faker:
    """Making one takes longer than a document."""
    return Faker(locale)


class Values:
    """Draws values for one document."""

    def __init__(self, rng: random.Random, part: str, lang: str) -> None:
        self.rng, self.part, self.lang = rng, part, lang
        seed = rng.randrange(1 << 30)
        self.faker = faker_of(rng.choice(LOCALES[part][lang]))
        self.home = faker_of("zh_CN" if lang == "zh" else "en_US")
        self.faker.seed_instance(seed)
        self.home.seed_instance(seed)
        self.persons: dict[str, Person] = {}

    def person(self, who: str) -> Person:
        if who not in self.persons:
            self.persons[who] = self._new_person()
        return self.persons[who]

    def _new_person(self) -> Person:
        while True:
            given, last = self.faker.first_name(), self.faker.last_name()
            if self.lang == "zh":
                draw = self.rng.random()
                if draw < 0.08:
                    last = self.rng.choice(COMPOUND[self.part])
                elif draw < 0.2:
                    given = self.rng.choice(RARE_GIVEN[self.part])
            if part_of(given) == self.part:
                return Person(given, last, self.lang)

    def value(self, slot: str) -> str:
        """What stands for a slot such as "P.full", "phone" or "date"."""
        if "." in slot:
            who, how = slot.split(".")
            p = self.person(who)
            if how == "initialled":
                return mark("NAME", f"{p.given} {self.rng.choice(string.ascii_uppercase)}. {p.last}")
            return mark("NAME", getattr(p, how))
        kind, make = SLOTS[(self.lang, self.part)][slot]
        return mark(kind, make(self))


Make = Callable[[Values], str]


def pick(*options: Make) -> Make:
    return lambda v: v.rng.choice(options)(v)


def form(pattern: str) -> Make:
    """# is a digit, @ a capital letter, & one of both."""

    def make(v: Values) -> str:
        kinds = {"#": string.digits, "@": string.ascii_uppercase, "&": string.ascii_uppercase + string.digits}
        return "".join(v.rng.choice(kinds[c]) if c in kinds else c for c in pattern)

    return make


def us_phone(pattern: str) -> Make:
    def make(v: Values) -> str:
        a, b = v.rng.randint(201, 989), v.rng.randint(200, 999)
        return pattern.format(a=a, b=b, c=f"{v.rng.randint(0, 9999):04d}", x=v.rng.randint(11, 9999))

    return make


def day(pattern: str) -> Make:
    def make(v: Values) -> str:
        y, m, d = v.rng.randint(1996, 2025), v.rng.randint(1, 12), v.rng.randint(1, 28)
        return pattern.format(y=y, m=m, d=d, mm=f"{m:02d}", dd=f"{d:02d}", yy=f"{y % 100:02d}", name=MONTHS[m - 1], abbr=MONTHS[m - 1][:3])

    return make


def street(pattern: str) -> Make:
    def make(v: Values) -> str:
        f = v.home
        return pattern.format(
            n=v.rng.randint(2, 9999), street=f.street_name(), city=f.city(), apt=v.rng.randint(1, 99),
            letter=v.rng.choice("ABCDE"), dir=v.rng.choice(["North", "S.", "W", "East"]),
        )

    return make


def mobile(sep: str, prefix: str = "") -> Make:
    def make(v: Values) -> str:
        n = f"1{v.rng.choice([30, 35, 38, 39, 50, 58, 77, 86, 87, 99])}{digits(v.rng, 8)}"
        return prefix + sep.join([n[:3], n[3:7], n[7:]])

    return make


CITIES = {}
CITIES["dev"] = ["北京市朝阳区", "上海市徐汇区", "广东省深圳市南山区", "四川省成都市武侯区", "浙江省杭州市西湖区", "江苏省苏州市吴中区", "湖北省武汉市洪山区"]
CITIES["trial"] = ["陕西省西安市雁塔区", "福建省厦门市思明区", "内蒙古自治区呼和浩特市新城区", "重庆市渝北区", "山东省青岛市崂山区", "黑龙江省哈尔滨市道里区"]
ROADS = {}
ROADS["dev"] = ["建国路", "中山北路", "人民南路四段", "学院路", "解放大道", "文三路"]
ROADS["trial"] = ["小寨东路", "环岛南路", "锦绣二街", "香樟林巷", "松花江大道", "珠江道"]


CITIES["second"] = ["安徽省合肥市蜀山区", "广西壮族自治区南宁市青秀区", "天津市和平区", "河南省郑州市金水区", "云南省昆明市盘龙区", "辽宁省沈阳市铁西区"]
ROADS["second"] = ["望江西路", "民族大道", "南京路", "花园北路", "白云路", "建设东路"]
CITIES["test"] = ["湖南省长沙市岳麓区", "甘肃省兰州市城关区", "江西省南昌市红谷滩区", "吉林省长春市朝阳区", "海南省海口市龙华区", "河北省石家庄市裕华区"]
ROADS["test"] = ["麓山南路", "东岗西路", "丰和中大道", "人民大街", "国贸路", "槐安东路"]
GARDENS = {"test": ["湘江一号公寓", "金域名苑", "水木清华小区"], "dev": ["阳光小区", "翠竹苑", "和平里小区"], "trial": ["紫薇花园", "龙湖山庄", "江南名府"], "second": ["碧桂园", "梧桐公寓", "望湖家园"]}
VILLAGES = {"test": ["含浦镇大塘村", "靖远县北湾镇高崖村"], "dev": ["新河镇大李村", "红旗乡张庄村"], "trial": ["石桥镇柳树村", "青龙乡王家沟村"], "second": ["双塔镇赵屯村", "白马乡河湾村"]}
AREAS = {"test": "湘甘赣吉琼冀", "dev": "京沪粤川浙苏鄂", "trial": "陕闽渝鲁黑蒙", "second": "皖桂津豫云辽"}


def cn_address(pattern: str) -> Make:
    def make(v: Values) -> str:
        return pattern.format(
            city=v.rng.choice(CITIES[v.part]), road=v.rng.choice(ROADS[v.part]), n=v.rng.randint(1, 999),
            b=v.rng.randint(1, 40), u=v.rng.randint(1, 6), r=v.rng.randint(101, 3204),
            garden=v.rng.choice(GARDENS[v.part]), village=v.rng.choice(VILLAGES[v.part]), g=v.rng.randint(1, 12),
        )

    return make


def plate(pattern: str) -> Make:
    def make(v: Values) -> str:
        area = v.rng.choice(AREAS[v.part]) + v.rng.choice("ABCDE")
        return pattern.format(area=area, n="".join(v.rng.choice("0123456789ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(5)), d=f"{v.rng.randint(0, 99999):05d}")

    return make


def wechat(v: Values) -> str:
    return v.rng.choice(["wxid_", "li", "happy", "Sun"]) + "".join(v.rng.choice(string.ascii_lowercase + string.digits + "_") for _ in range(v.rng.randint(6, 10)))


COMMON: dict[str, tuple[str, Make]] = {
    "email": ("EMAIL", lambda v: v.home.email()),
    "ip": ("IP", lambda v: v.home.ipv4_public()),
    "card": ("BANK_CARD", pick(lambda v: card(v.rng, ""), lambda v: card(v.rng, " "))),
    "old": ("AGE", lambda v: str(v.rng.randint(90, 104))),
}
COMMON_TRIAL = COMMON | {
    "email": ("EMAIL", pick(lambda v: v.home.ascii_safe_email(), lambda v: f"{v.home.user_name()}+clinic@{v.home.domain_name()}")),
    "ip": ("IP", pick(lambda v: v.home.ipv4_private(), lambda v: v.home.ipv6())),
    "card": ("BANK_CARD", lambda v: card(v.rng, "-")),
}

COMMON_SECOND = COMMON | {
    "email": ("EMAIL", pick(lambda v: v.home.free_email(), lambda v: v.home.company_email().upper())),
    "ip": ("IP", pick(lambda v: v.home.ipv4_public(), lambda v: "fe80::" + ":".join(f"{v.rng.randrange(1 << 16):x}" for _ in range(4)))),
    "card": ("BANK_CARD", pick(lambda v: luhn(v.rng, "37", 15), lambda v: card(v.rng, " "), lambda v: luhn(v.rng, "622", 19))),
}

SLOTS: dict[tuple[str, str], dict[str, tuple[str, Make]]] = {
    ("en", "dev"): COMMON | {
        "phone": ("PHONE", pick(us_phone("({a}) {b}-{c}"), us_phone("{a}-{b}-{c}"), us_phone("{a}-{b}-{c} x{x}"))),
        "ssn": ("SSN", form("5##-4#-####")),
        "mrn": ("MRN", pick(form("########"), form("MRN######"), form("##-##-##"))),
        "account": ("ACCOUNT", pick(form("##########"), form("A-#######"))),
        "policy": ("HEALTH_PLAN", pick(form("@@@#########"), form("#########-##"))),
        "licence": ("LICENSE", form("@#######")),
        "passport": ("PASSPORT", form("5########")),
        "plate": ("VEHICLE", form("#@@@###")),
        "serial": ("DEVICE", pick(form("SN-######"), form("@@#######"))),
        "url": ("URL", lambda v: v.home.url() + "records/" + v.home.user_name()),
        "address": ("ADDRESS", pick(street("{n} {street}, {city}"), street("{n} {street} Apt. {apt}, {city}"))),
        "zip": ("ZIP", pick(form("9####"), form("6####-####"))),
        "date": ("DATE", pick(day("{mm}/{dd}/{y}"), day("{y}-{mm}-{dd}"), day("{name} {d}, {y}"), day("{m}/{d}/{yy}"))),
    },
    ("en", "trial"): COMMON_TRIAL | {
        "phone": ("PHONE", pick(us_phone("{a}.{b}.{c}"), us_phone("+1 {a} {b} {c}"), us_phone("1-{a}-{b}-{c} ext. {x}"), us_phone("{a} {b}-{c}"))),
        "ssn": ("SSN", pick(form("5##-4#-####"), form("5## 4# ####"))),
        "mrn": ("MRN", pick(form("H#######"), form("###-####-#"), form("0#######"))),
        "account": ("ACCOUNT", pick(form("##-######-#"), form("ACC/########"))),
        "policy": ("HEALTH_PLAN", pick(form("&&&-##-&&&#"), form("W#########"))),
        "licence": ("LICENSE", form("@###-####-####")),
        "passport": ("PASSPORT", form("@########")),
        "plate": ("VEHICLE", pick(form("@@@-####"), form("@@@ ###"))),
        "serial": ("DEVICE", pick(form("(01)0#############(21)@####"), form("PM#####-@#"))),
        "url": ("URL", lambda v: "www." + v.home.domain_name() + "/p?id=" + digits(v.rng, 6)),
        "address": ("ADDRESS", pick(street("{n} {dir} {street}, {city}"), street("{n}{letter} {street}, Unit {apt}, {city}"), street("{n} {street} #{apt}, {city}"))),
        "zip": ("ZIP", pick(form("7####"), form("3####-####"))),
        "date": ("DATE", pick(day("{d} {abbr} {y}"), day("{abbr} {d}, {y}"), day("{d} {name} {y}"), day("{mm}-{dd}-{y}"), day("{y}/{mm}/{dd}"), day("{name} {y}"))),
    },
    ("zh", "dev"): COMMON | {
        "phone": ("PHONE", pick(mobile(""), form("010-6#######"), form("0571-8#######"))),
        "resident": ("RESIDENT_ID", lambda v: resident_id(v.rng)),
        "mrn": ("MRN", pick(form("ZY########"), form("#######"))),
        "account": ("ACCOUNT", form("##########")),
        "policy": ("HEALTH_PLAN", pick(form("@########"), form("############"))),
        "wechat": ("WECHAT", wechat),
        "passport": ("PASSPORT", pick(form("E########"), form("E@#######"))),
        "plate": ("VEHICLE", pick(plate("{area}{n}"), plate("{area}·{n}"))),
        "serial": ("DEVICE", pick(form("SN######"), form("@@########"))),
        "url": ("URL", lambda v: v.home.url() + "p/" + digits(v.rng, 6)),
        "address": ("ADDRESS", pick(cn_address("{city}{road}{n}号{b}栋{u}单元{r}室"), cn_address("{city}{garden}{b}号楼{r}"), cn_address("{city}{village}{g}组{n}号"))),
        "zip": ("ZIP", form("3#####")),
        "date": ("DATE", pick(day("{y}年{m}月{d}日"), day("{y}-{mm}-{dd}"), day("{m}月{d}日"))),
    },
    ("zh", "trial"): COMMON_TRIAL | {
        "phone": ("PHONE", pick(mobile("-"), mobile(" "), mobile("", "+86 "), form("(029)8#######"), form("0592-5######转8##"), form("400-8##-####"))),
        "resident": ("RESIDENT_ID", pick(lambda v: resident_id(v.rng), lambda v: old_resident_id(v.rng))),
        "mrn": ("MRN", pick(form("B########"), form("00######"), form("2024-#####"))),
        "account": ("ACCOUNT", form("6222#########")),
        "policy": ("HEALTH_PLAN", pick(form("####-########"), form("@@#########"))),
        "wechat": ("WECHAT", pick(wechat, lambda v: v.rng.choice(["zhao", "Lily", "a"]) + "-" + digits(v.rng, 6))),
        "passport": ("PASSPORT", pick(form("G########"), form("EJ#######"))),
        "plate": ("VEHICLE", pick(plate("{area}D{d}"), plate("{area} {n}"))),
        "serial": ("DEVICE", pick(form("M#####-@#"), form("(01)0#############(21)@####"))),
        "url": ("URL", lambda v: "www." + v.home.domain_name() + "/q?no=" + digits(v.rng, 6)),
        "address": ("ADDRESS", pick(
            cn_address("{city}{road}{n}号院{b}号楼{u}单元{r}"), cn_address("{city}{garden}{b}座{r}室"), cn_address("{city}{road}{n}弄{b}号{r}室"), cn_address("{city}{village}{g}号"),
        )),
        "zip": ("ZIP", form("7#####")),
        "date": ("DATE", pick(day("{y}.{mm}.{dd}"), day("{y}/{m}/{d}"), day("{y}年{mm}月{dd}日"), day("{y}年{m}月"), day("{y}{mm}{dd}"))),
    },
    ("en", "test"): COMMON_SECOND | {
        "phone": ("PHONE", pick(us_phone("{a}-{b}-{c}"), us_phone("({a}) {b} {c}"), us_phone("+1.{a}.{b}.{c}"), us_phone("{a}.{b}.{c} ext {x}"), form("+353 86 ### ####"))),
        "ssn": ("SSN", pick(form("4##-5#-####"), form("4## 5# ####"))),
        "mrn": ("MRN", pick(form("@@#######"), form("#########"), form("###/#####"))),
        "account": ("ACCOUNT", pick(form("AC#######"), form("####-####"))),
        "policy": ("HEALTH_PLAN", pick(form("@@@-###-###-##"), form("##########-@"))),
        "licence": ("LICENSE", pick(form("@@######@"), form("###-##-####-#"))),
        "passport": ("PASSPORT", pick(form("@@@######"), form("########"))),
        "plate": ("VEHICLE", pick(form("@@##-@@@"), form("###-@###"))),
        "serial": ("DEVICE", pick(form("#####/##-@@"), form("(01)2#############(11)2#0#1#(21)@@####"))),
        "url": ("URL", lambda v: "https://" + v.home.domain_name() + ":8443/chart?mrn=" + digits(v.rng, 7)),
        "address": ("ADDRESS", pick(street("{n} {street}, Floor {apt}, {city}"), street("{n} {street}, {city}"), street("{n} {dir} {street} Unit {letter}, {city}"))),
        "zip": ("ZIP", pick(form("8####"), form("2####-####"))),
        "date": ("DATE", pick(day("{name} {d} {y}"), day("{d} {abbr} {y}"), day("{y}.{mm}.{dd}"), day("{m}.{d}.{y}"), day("{d}th of {name}, {y}"), day("{mm}/{dd}/{yy}"), day("{y}-{mm}-{dd}"))),
    },
    ("zh", "test"): COMMON_SECOND | {
        "phone": ("PHONE", pick(mobile(""), mobile(" ", "+86 "), form("(0731) 8#######"), form("0931-8######"), form("0791-8#######-2##"))),
        "resident": ("RESIDENT_ID", pick(lambda v: resident_id(v.rng), lambda v: old_resident_id(v.rng))),
        "mrn": ("MRN", pick(form("0000######"), form("ZX##-#####"), form("@@#######"))),
        "account": ("ACCOUNT", pick(form("43###########"), form("##########"))),
        "policy": ("HEALTH_PLAN", pick(form("43########@"), form("@@@######"))),
        "wechat": ("WECHAT", pick(lambda v: "mm_" + digits(v.rng, 6), lambda v: v.home.user_name() + "_x")),
        "passport": ("PASSPORT", pick(form("EC#######"), form("E########"))),
        "plate": ("VEHICLE", pick(plate("{area}{n}"), plate("{area}·{n}"), plate("{area}D{d}"))),
        "serial": ("DEVICE", pick(form("@@@#######"), form("###-####-@#"))),
        "url": ("URL", lambda v: "http://" + v.home.domain_name() + "/r/" + digits(v.rng, 8)),
        "address": ("ADDRESS", pick(
            cn_address("{city}{road}{n}号{garden}{b}栋{r}"), cn_address("{city}{road}{n}号{b}单元{r}室"), cn_address("{city}{village}{g}组"), cn_address("{city}{garden}{b}号楼{u}单元{r}室"),
        )),
        "zip": ("ZIP", form("4#####")),
        "date": ("DATE", pick(day("{y}年{m}月{d}日"), day("{y}/{mm}/{dd}"), day("{m}月{d}日"), day("{y}{mm}{dd}"), day("{y}-{mm}-{dd}"))),
    },
    ("en", "second"): COMMON_SECOND | {
        "phone": ("PHONE", pick(us_phone("({a}){b}-{c}"), us_phone("+1-{a}-{b}-{c}"), us_phone("{a}-{b}-{c}, extension {x}"), us_phone("{a}/{b}-{c}"), form("+44 20 7### ####"))),
        "ssn": ("SSN", pick(form("6##-2#-####"), form("6##2#####"))),
        "mrn": ("MRN", pick(form("M-#######"), form("##.##.###"), form("#######-@"))),
        "account": ("ACCOUNT", pick(form("#### #### ##"), form("V########"))),
        "policy": ("HEALTH_PLAN", pick(form("1@&&-@&#-@@##"), form("H####-#######"), form("@@######@"))),
        "licence": ("LICENSE", pick(form("##########"), form("@@-##-##-##"))),
        "passport": ("PASSPORT", pick(form("@@#######"), form("3########"))),
        "plate": ("VEHICLE", pick(form("###-@@@"), form("#@@@###"))),
        "serial": ("DEVICE", pick(form("@####-##-###"), form("(01)1#############(17)2#0#1#(10)@##(21)####"))),
        "url": ("URL", lambda v: v.home.domain_name() + "/patients/" + digits(v.rng, 5)),
        "address": ("ADDRESS", pick(street("{n} {street}, Suite {apt}, {city}"), street("{n}-{apt} {street}, {city}"), street("{n} {street} Apt {apt}{letter}, {city}"))),
        "zip": ("ZIP", pick(form("4####"), form("1####-####"))),
        "date": ("DATE", pick(day("{d} {name}, {y}"), day("{abbr}. {d}, {y}"), day("{m}-{d}-{y}"), day("{abbr} {y}"), day("{dd}/{mm}/{y}"), day("{d}-{abbr}-{y}"), day("{name} {d}"))),
    },
    ("zh", "second"): COMMON_SECOND | {
        "phone": ("PHONE", pick(mobile("", "+86"), mobile("", "86-"), form("0371-6#######-8##"), form("（0551）6#######"), form("024 8#######"))),
        "resident": ("RESIDENT_ID", lambda v: resident_id(v.rng).lower()),
        "mrn": ("MRN", pick(form("MZ-2#######"), form("#########"), form("D######"))),
        "account": ("ACCOUNT", pick(form("#### #### #### ####"), form("################"))),
        "policy": ("HEALTH_PLAN", pick(form("YB##########"), form("A#########"), form("######-####-##"))),
        "wechat": ("WECHAT", pick(lambda v: "Doctor_" + digits(v.rng, 5), lambda v: "wx" + digits(v.rng, 8), lambda v: v.home.user_name() + "88")),
        "passport": ("PASSPORT", pick(form("ED#######"), form("P#######"))),
        "plate": ("VEHICLE", pick(plate("{area}{n}"), plate("{area}-{n}"), plate("{area}F{d}"))),
        "serial": ("DEVICE", pick(form("@@-######-##"), form("2#########"))),
        "url": ("URL", lambda v: v.home.domain_name() + "/report/" + digits(v.rng, 6)),
        "address": ("ADDRESS", pick(
            cn_address("{city}{road}{n}号{garden}{b}幢{r}室"), cn_address("{city}{garden}{b}号楼{u}单元{r}号"), cn_address("{city}{road}{n}-{b}号{r}"),
            cn_address("{city}{village}{g}队{n}号"),
        )),
        "zip": ("ZIP", form("2#####")),
        "date": ("DATE", pick(day("{y}-{m}-{d}"), day("{y}年{m}月{d}号"), day("{y}.{m}.{d}"), day("{mm}月{dd}日"), day("{dd}/{mm}/{y}"))),
    },
}
