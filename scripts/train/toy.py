"""A small corpus of made-up readings in the form of the real one: what the quick training and the tests learn from.

Five measures are drawn at random; the diagnosis follows from two or three of them, by a rule that a model has to find.
The readings stand in any order, with numbers that hardly repeat, so knowing the template is worth nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from ..bootstrap.files import replacing_folder, sha256
from .config import TASKS
from .tokens import ANSWER, BOS, END, LANGUAGES

SEED = 6
PATIENTS = {"train": 2400, "validation": 300, "test": 300}
VOCABULARY = 512
MEASURES = {
    # name in each language, low and high end of what is drawn, digits after the point
    "temperature": ({"en": "temperature", "zh": "体温"}, 36.0, 40.0, 1),
    "rate": ({"en": "heart rate", "zh": "心率"}, 50, 140, 0),
    "oxygen": ({"en": "oxygen saturation", "zh": "血氧饱和度"}, 84, 100, 0),
    "glucose": ({"en": "glucose", "zh": "血糖"}, 3.0, 22.0, 1),
    "potassium": ({"en": "potassium", "zh": "血钾"}, 3.0, 6.5, 1),
}
# In the order in which they are looked for.
DISEASES = {
    "E87.5": ({"en": "hyperkalaemia", "zh": "高钾血症"}, lambda m: m["potassium"] > 5.6),
    "E10.1": ({"en": "diabetic ketoacidosis", "zh": "糖尿病酮症酸中毒"}, lambda m: m["glucose"] > 16),
    "J18.9": ({"en": "pneumonia", "zh": "肺炎"}, lambda m: m["temperature"] > 38 and m["oxygen"] < 93),
    "A41.9": ({"en": "sepsis", "zh": "脓毒症"}, lambda m: m["temperature"] > 38 and m["rate"] > 100),
    "J96.0": ({"en": "respiratory failure", "zh": "呼吸衰竭"}, lambda m: m["oxygen"] < 90),
    "Z03.8": ({"en": "observation", "zh": "观察"}, lambda m: True),
}
WORDS = {"en": (" ", "; ", "."), "zh": ("", "；", "。")}


def patient(rng: np.random.Generator) -> tuple[dict[str, float], str]:
    """Readings and the code that follows from them."""
    readings = {name: round(float(rng.uniform(low, high)), digits) for name, (_, low, high, digits) in MEASURES.items()}
    return readings, next(code for code, (_, holds) in DISEASES.items() if holds(readings))


def lines(split: str, rng: np.random.Generator) -> Iterator[dict]:
    """The split's lines: each patient in both languages, as text and as two instructions."""
    for number in range(PATIENTS[split]):
        readings, code = patient(rng)
        for language in LANGUAGES:
            gap, comma, stop = WORDS[language]
            order = rng.permutation(list(readings))
            told = comma.join(
                f"{MEASURES[m][0][language]}{gap}{readings[m]:.{MEASURES[m][3]}f}" for m in order) + stop
            name = DISEASES[code][0][language]
            fever = readings["temperature"] > 38
            short = {"en": "fever" if fever else "no fever", "zh": "发热" if fever else "不发热"}[language]
            common = {"patient": f"{split}-{number}", "disease": code, "hours": 1, "tests": "visible", "language": language}
            answers = (("text", "", told), ("diagnosis", told, f"{code} {name}"), ("summary", told, short))
            for task, prompt, answer in answers:
                yield {"id": f"{split}-{number}-{language}-{task}"} | common | {
                    "task": task, "prompt": prompt, "answer": answer}


def train_tokenizer(texts: list[str]) -> Tokenizer:
    """Byte-level BPE with digits one by one."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|pad|>", BOS, END, ANSWER, *(f"<|{n}|>" for n in (*LANGUAGES, *TASKS))]
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    return tokenizer


def make(folder: Path) -> Path:
    """Write the corpus; the same bytes every time."""
    rng = np.random.default_rng(SEED)
    with replacing_folder(folder) as temp:
        texts = []
        for split in PATIENTS:
            made = list(lines(split, rng))
            if split == "train":
                texts = [text for line in made for text in (line["prompt"], line["answer"])]
            (temp / f"{split}.jsonl").write_text(
                "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in made), encoding="utf-8")
        train_tokenizer(texts).save(str(temp / "tokenizer.json"))
        manifest = {"name": "toy", "seed": SEED, "patients": PATIENTS,
                    "files": {p.name: sha256(p) for p in sorted(temp.iterdir())}}
        (temp / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
    return folder
