"""Names and the other values that sentences are filled with, drawn from a seeded generator."""

from __future__ import annotations

import csv
import functools
import itertools
import random
import string
from dataclasses import dataclass
from pathlib import Path

from ..parts import COMPOUND, RARE_GIVEN, part_of
from . import sentences

ROOT = Path(__file__).resolve().parents[3]
LEXICON = Path(__file__).resolve().parents[1] / "lexicon"
RULES = ROOT / "clinical" / "deid" / "data"
TERMS = ROOT / "clinical" / "terms" / "data"

COMMON = """王 李 张 刘 陈 杨 赵 黄 周 吴 徐 孙 胡 朱 高 林 何 郭 马 罗 梁 宋 郑 谢 韩 唐 冯 于 董 萧 程 曹 袁 邓 许 傅 沈 曾 彭 吕 苏 卢 蒋
    蔡 贾 丁 魏 薛 叶 阎 余 潘 杜 戴 夏 钟 汪 田 任 姜 范 方 石 姚 谭 廖 邹 熊 金 陆 郝 孔 白 崔 康 毛 邱 秦 江 史 顾 侯 邵 孟 龙 万 段 雷 钱 汤 尹 黎 易 常 武 乔 贺 赖 龚 文""".split()
# Of peoples whose names have no surname, or are joined by a dot.
UYGHUR = """阿不都 阿卜杜拉 艾合买提 艾山 阿依古丽 阿孜古丽 古丽娜尔 帕提古丽 热依汗 买买提 麦麦提 努尔 努尔古丽 玉素甫 吐尔逊 吾买尔 热合曼 依明 伊力亚斯 卡德尔 克里木 木合塔尔 玛依拉 米热古丽 哈力克 沙塔尔 斯拉木 塔依尔
    亚森 祖农 迪丽热巴 巴哈尔 阿里木 艾尼瓦尔 库尔班 买合木提 帕尔哈提 肉孜 赛买提 图尔荪 加依娜 叶尔兰 努尔兰 哈那提 别克 巴合提 叶尔肯""".split()
TIBETAN = "扎西 卓玛 次仁 旦增 丹增 平措 央金 格桑 顿珠 多吉 尼玛 达瓦 边巴 拉姆 洛桑 索朗 白玛 德吉 贡布 仁青 才让 卓嘎 曲珍 土登 旺堆 米玛 普布 强巴 益西 晋美".split()
MONGOL = "巴图 乌兰 其其格 苏日娜 那木 特木尔 朝鲁 娜仁 格日勒 巴特尔 敖登 乌云 萨仁 阿拉坦 呼和 宝音 斯琴 高娃 托娅 额尔敦 布仁 孟和 吉日嘎拉 哈斯 巴雅尔 达来 青格乐 赛罕".split()
DOTS = "·" * 12 + "•・‧．"


def listed(path: Path) -> list[str]:
    """The words of a file of lists; what follows # is a comment."""
    return [w for line in path.read_text(encoding="utf-8").splitlines() for w in line.split("#")[0].split()]


def terms(name: str) -> list[str]:
    """The Chinese names of a table of terms."""
    with (TERMS / f"{name}.tsv").open(encoding="utf-8") as f:
        rows = list(csv.DictReader(f, delimiter="\t"))
    names = {n for r in rows for n in [r["zh"], *(r.get("aliases_zh") or "").split("|")] if n}
    return sorted(names)


@dataclass(frozen=True)
class Stock:
    """All that values are drawn from."""

    surnames: list[str]
    compound: list[str]
    given: list[str]
    given_weights: list[int]  # summed up
    given_listed: list[str]
    rare: list[str]
    foreign: list[str]
    words: list[str]
    drugs: list[str]
    diseases: list[str]
    labs: list[str]
    places: list[str]


@functools.cache
def stock(parts: frozenset[str]) -> Stock:
    """What names of these parts are made of; nothing that another part keeps for itself."""
    kept = {s for p, all_ in COMPOUND.items() if p not in parts for s in all_}
    surnames = listed(RULES / "surnames_zh.txt")
    weighted = listed(LEXICON / "given_zh.txt")
    return Stock(
        surnames=[s for s in surnames if len(s) == 1],
        compound=[s for s in surnames if len(s) == 2 and s not in kept] + [s for p in sorted(parts) for s in COMPOUND[p]] * 3,
        given=[w[0] for w in weighted],
        given_weights=list(itertools.accumulate(int(w[1:]) for w in weighted)),
        given_listed=sorted(set("".join(listed(RULES / "given_zh.txt")))),
        rare=[g for p in sorted(parts) for g in RARE_GIVEN[p]],
        foreign=listed(LEXICON / "foreign_zh.txt"),
        words=listed(LEXICON / "words_zh.txt"),
        drugs=terms("drugs") + terms("drug_classes"),
        diseases=terms("diagnoses"),
        labs=terms("measures"),
        places=listed(RULES / "places_zh.txt"),
    )


@dataclass(frozen=True)
class Person:
    """A name and its parts."""

    full: str
    last: str
    given: str


class Pieces:
    """Draws the values of one document."""

    def __init__(self, rng: random.Random, parts: frozenset[str]) -> None:
        self.rng, self.parts, self.stock = rng, parts, stock(parts)
        self.people: dict[str, Person] = {}

    def person(self, who: str) -> Person:
        """Whom a letter stands for, the same one all through the document."""
        if who not in self.people:
            self.people[who] = self._person()
        return self.people[who]

    def _person(self) -> Person:
        draw = self.rng.random()
        if draw < 0.04:
            return self._joined(UYGHUR if draw < 0.025 else self.stock.foreign)
        if draw < 0.06:
            stock = TIBETAN if draw < 0.05 else MONGOL
            first, second = self.rng.choice(stock), self.rng.choice(stock)
            return Person(first + second, first, second)
        last, given = self._surname(), self._given()
        return Person(last + given, last, given)

    def _joined(self, stock: list[str]) -> Person:
        names = [self.rng.choice(stock) for _ in range(self.rng.choice([2, 2, 2, 3]))]
        return Person(self.rng.choice(DOTS).join(names), names[-1], names[0])

    def _surname(self) -> str:
        draw = self.rng.random()
        if draw < 0.5:
            return COMMON[int(len(COMMON) * self.rng.random() ** 1.5)]
        if draw < 0.9:
            return self.rng.choice(self.stock.surnames)
        if draw < 0.92:  # a married woman's, or both parents'
            return self.rng.choice(COMMON) + self.rng.choice(COMMON)
        return self.rng.choice(self.stock.compound)

    def _given(self) -> str:
        while True:
            given = self._any_given()
            if part_of(given) in self.parts:
                return given

    def _any_given(self) -> str:
        draw = self.rng.random()
        if draw < 0.04:
            return self.rng.choice(self.stock.rare)
        if draw < 0.08:  # a word may be a name
            return self.rng.choice(self.stock.words[:15000])[:2]
        if draw < 0.13:
            return self._character() * 2
        return "".join(self._character() for _ in range(1 if draw < 0.42 else 2))

    def _character(self) -> str:
        draw = self.rng.random()
        if draw < 0.62:
            return self.rng.choices(self.stock.given, cum_weights=self.stock.given_weights)[0]
        if draw < 0.96:
            return self.rng.choice(self.stock.given_listed)
        return self.rng.choice(self.stock.words)[0]

    def value(self, slot: str) -> str:
        """What stands for a slot that is no name."""
        make = getattr(self, "_" + slot)
        return make()

    def _word(self) -> str:
        return self.stock.words[int(len(self.stock.words) * self.rng.random() ** 2)]

    def _num(self) -> str:
        return self.rng.choice([str(self.rng.randint(1, 99)), str(self.rng.randint(1, 9)), f"{self.rng.randint(1, 300) / 10}", str(self.rng.randint(100, 2000))])

    def _form(self, *patterns: str) -> str:
        kinds = {"#": string.digits, "@": string.ascii_uppercase}
        return "".join(self.rng.choice(kinds[c]) if c in kinds else c for c in self.rng.choice(patterns))

    def _phone(self) -> str:
        return self._form("1##########", "1##-####-####", "0##-########", "1## #### ####", "####-#######")

    def _mrn(self) -> str:
        return self._form("ZY########", "########", "B#######", "00######", "#####", "MZ-######", "[NAME]", "[ID]")

    def _account(self) -> str:
        return self._form("################", "#### #### #### ####", "#################X")

    def _date(self) -> str:
        y, m, d = self.rng.randint(1990, 2026), self.rng.randint(1, 12), self.rng.randint(1, 28)
        return self.rng.choice([f"{y}年{m}月{d}日", f"{y}-{m:02d}-{d:02d}", f"{m}月{d}日", f"{y}.{m}.{d}", f"{y}/{m}/{d}", f"{y}{m:02d}{d:02d}", f"{y}年{m}月", f"{m}月{d}号"])

    def _time(self) -> str:
        h, m = self.rng.randint(0, 23), self.rng.randint(0, 59)
        return self.rng.choice([f"{h:02d}:{m:02d}", f"{h}时{m}分", f"{h}:{m:02d}", f"{h}点", f"{h:02d}：{m:02d}"])

    def _sex(self) -> str:
        return self.rng.choice(["男", "女", "男性", "女性"])

    def _freq(self) -> str:
        return self.rng.choice(["qd", "bid", "tid", "q8h", "每日一次", "每日三次", "st", "prn", "每晚", "Qd"])

    def _place(self) -> str:
        return self.rng.choice(self.stock.places)

    def _org(self) -> str:
        kind = ["医院", "人民医院", "中心医院", "中医院", "第一医院", "附属医院", "妇幼保健院", "卫生院", "大学", "公司", "小学", "银行", "化工厂", "社区卫生服务中心", "养老院"]
        return self.rng.choice([self._place(), self._word(), self._place() + self.rng.choice("市县区")]) + self.rng.choice(kind)

    def _illness(self) -> str:
        return self.rng.choice(sentences.ILLNESSES)


def _simple(name: str, values: list[str] | None) -> None:
    def make(self: Pieces) -> str:
        return self.rng.choice(getattr(self.stock, name + "s") if values is None else values)

    setattr(Pieces, "_" + name, make)


for _name, _values in {
    "kin": sentences.KIN, "symptom": sentences.SYMPTOMS, "plan": sentences.PLANS, "operation": sentences.OPERATIONS, "dept": sentences.DEPARTMENTS,
    "herb": sentences.HERBS, "germ": sentences.GERMS, "eponym": sentences.EPONYMS, "drug": None, "disease": None, "lab": None,
}.items():
    _simple(_name, _values)
