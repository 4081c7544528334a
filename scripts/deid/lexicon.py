#!/usr/bin/env python3
"""Make the counted lists of clinical/deid/data from the dictionary of the Python package jieba 0.42.1 (MIT licence).

    pip download --no-deps jieba==0.42.1 && python3 -m scripts.deid.lexicon jieba-0.42.1.tar.gz

frequent_zh.txt has Chinese words, the commonest first; counts_zh.txt how many names of the dictionary have a character in
their given name; foreign_zh.txt the same of names of other languages, in Chinese characters.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import io
import sys
import tarfile
from pathlib import Path

SHA256 = "055ca12f62674fafed09427f176506079bc135638a14e23e25be909131928db2"
DATA = Path(__file__).resolve().parents[2] / "clinical" / "deid" / "data"
WORDS, SINGLE, PLACES = 40_000, 600, 4_000
# Surnames of most people: what the dictionary lists as a name and begins otherwise is mostly from another language.
COMMON = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
    "余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
FOREIGN = "尔斯拉夫德亚克维诺士姆莱塔兹"  # begin like a Chinese name in many that are none


def han(word: str) -> bool:
    """Whether a word is Chinese characters alone."""
    return all("\u4e00" <= c <= "\u9fff" for c in word)


def dictionary(archive: Path) -> list[tuple[str, int, str]]:
    """Words, how often they occur, and of which kind they are."""
    data = archive.read_bytes()
    if hashlib.sha256(data).hexdigest() != SHA256:
        sys.exit(f"lexicon: {archive} is not the archive of jieba 0.42.1")
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        text = tar.extractfile("jieba-0.42.1/jieba/dict.txt").read().decode()
    rows = (line.split(" ") for line in text.splitlines())
    return [(w, int(n), kind) for w, n, kind in rows if han(w)]


def write(name: str, title: str, items: list[str]) -> None:
    """A list, twenty a line."""
    lines = [" ".join(items[i : i + 20]) for i in range(0, len(items), 20)]
    (DATA / f"{name}.txt").write_text("\n".join([f"# {title}", *lines]) + "\n", encoding="utf-8")


def counted(counts: collections.Counter[str], least: int) -> list[str]:
    """Characters with their counts, the commonest first."""
    return [f"{c}{n}" for c, n in sorted(counts.items(), key=lambda x: (-x[1], x[0])) if n >= least]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path)
    rows = dictionary(parser.parse_args().archive)
    words = sorted((-n, w, kind) for w, n, kind in rows if not kind.startswith("nr"))
    long = [w for _, w, _ in words if len(w) > 1]
    places = [w for _, w, kind in words if len(w) > 1 and kind == "ns"][:PLACES]
    kept = long[:WORDS]
    kept += [p for p in places if p not in set(kept)]
    kept += [w for _, w, _ in words if len(w) == 1][:SINGLE]
    write("frequent_zh", "Frequent words, the commonest first, then names of places; then single characters likewise", kept)
    given: collections.Counter[str] = collections.Counter()
    for w, _, kind in rows:
        if kind == "nr" and w[0] in COMMON and 2 <= len(w) <= 3:
            given.update(w[1:])
    for c in FOREIGN:
        given[c] //= 8
    write("counts_zh", "Characters of given names, and how many names of the dictionary have them there", counted(given, 3))
    foreign: collections.Counter[str] = collections.Counter()
    for w, _, kind in rows:
        if kind == "nrt" and 2 <= len(w) <= 6:
            foreign.update(w)
    write("foreign_zh", "Characters of names of other languages, and how many of them have them", counted(foreign, 2))


if __name__ == "__main__":
    main()
