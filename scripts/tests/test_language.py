"""The corpus of the device language models: what of its making needs no generator; and the figures of its baselines."""

import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from scripts.corpus import __main__ as corpus
from scripts.corpus.language import leaks, vocabulary
from scripts.evaluate import metrics

TERMS = Path(__file__).resolve().parents[2] / "clinical" / "terms" / "data"
EXAMPLES = [
    {"language": "en", "task": "diagnosis", "prompt": "F59 1h HR⑰ SpO2②①⑳ lactate⑥", "answer": "A41.9 sepsis"},
    {"language": "zh", "task": "summary", "prompt": "女59 24h HR118↑↑(96-132) 乳酸5.4", "answer": "心率偏高：118次/分"},
    {"language": "en", "task": "text", "prompt": "", "answer": "Heart rate: 118/min (high) at 07:00."},
]


def texts() -> list[str]:
    return [text for e in EXAMPLES for text in vocabulary.plain(e)] * 20 + vocabulary.terms(TERMS)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return vocabulary.train(texts(), 4096)


def test_the_tokenizer_is_reversible_and_of_its_size(tokenizer):
    assert tokenizer.get_vocab_size() == 4096
    for e in EXAMPLES:
        text = vocabulary.sequence(e)
        assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_special_tokens_stand_at_their_places(tokenizer):
    assert [tokenizer.token_to_id(name) for name in vocabulary.SPECIAL] == list(range(len(vocabulary.SPECIAL)))
    ids = tokenizer.encode(vocabulary.sequence(EXAMPLES[0])).ids
    special = [vocabulary.SPECIAL[i] for i in ids if i < len(vocabulary.SPECIAL)]
    assert special == ["<|bos|>", "<|en|>", "<|diagnosis|>", "<|answer|>", "<|end|>"]


def test_a_digit_is_a_token_and_a_step_is_one(tokenizer):
    tokens = tokenizer.encode("HR118 SBP⑰").tokens
    assert tokens.count("1") == 2 and tokens.count("8") == 1
    assert all(len(tokenizer.encode(step).ids) == 1 for step in "⑰②①⑳⑥")


def test_the_tokenizer_depends_on_the_texts_alone(tokenizer):
    assert vocabulary.train(texts(), 4096).to_str() == tokenizer.to_str()


def test_the_tokenizer_is_saved_with_what_begins_and_ends_a_sequence(tokenizer, tmp_path):
    vocabulary.save(tokenizer, tmp_path, 512)
    assert Tokenizer.from_file(str(tmp_path / "tokenizer.json")).to_str() == tokenizer.to_str()
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert (config["bos_token"], config["eos_token"], config["model_max_length"]) == ("<|bos|>", "<|end|>", 512)


def test_what_a_probe_sees():
    assert leaks.named("F59 24h HR⑩⑧⑪ SpO2① blood pH⑦⑩", False) == {"h", "HR", "SpO", "blood", "pH"}
    assert leaks.named("F59 24h HR⑩⑧⑪ SpO2① pH⑦⑩", True) - leaks.named("F59 24h HR⑩⑧⑪ SpO2① pH⑦⑩", False) == {
        "HR, several",
        "pH, several",
    }
    assert "HR, several" in leaks.named("F59 24h HR118↑(96-132) K4.1", True)
    assert "K, several" not in leaks.named("F59 24h HR118↑(96-132) K4.1", True)


def test_patients_and_records_that_two_sets_share_are_found():
    assert leaks.shared_patients({"train": {"a", "b"}, "validation": {"c"}, "test": {"b", "c"}}) == 2
    one, other = EXAMPLES[0], EXAMPLES[0] | {"answer": "I21.9 acute myocardial infarction", "id": "x"}
    assert leaks.print_of(one) == leaks.print_of(other) != leaks.print_of(one | {"language": "zh"})


def test_a_change_of_what_words_records_makes_another_corpus():
    paths = corpus.sources("language")
    names = {str(path.relative_to(corpus.ROOT)) for path in paths}
    assert {"clinical/prompt/data/steps.tsv", "clinical/prompt/prompt.go", "scripts/corpus/examples/neutral.go"} < names
    assert not any(name.endswith("_test.go") for name in names)
    assert corpus.key("stays", []) != corpus.key("language", [])


def test_a_size_of_another_corpus_is_refused(capsys):
    with pytest.raises(SystemExit):
        corpus.main(["language", "--size", "large"])
    assert "language has the sizes tiny, small, full" in capsys.readouterr().err


def test_figures_are_those_counted_by_hand():
    probabilities = np.array([[0.7, 0.2, 0.1, 0.0], [0.4, 0.3, 0.2, 0.1], [0.25, 0.25, 0.25, 0.25], [0.1, 0.2, 0.3, 0.4]])
    truth = np.array([0, 1, 2, 0])
    assert metrics.ranks(probabilities, truth).tolist() == [0, 1, 2, 3]
    found = metrics.figures(probabilities, truth)
    assert (found["top1"], found["top3"]) == (0.25, 0.75)
    assert found["macro_f1"] == pytest.approx((2 * 1 / (3 + 2) + 0 + 0) / 3)
    assert found["ece"] == pytest.approx((0.3 + 0.4 + 0.25 + 0.4) / 4)
    assert found["nll"] == pytest.approx(-(np.log(0.7) + np.log(0.3) + np.log(0.25) + np.log(0.1)) / 4)


def test_temperature_mends_what_is_too_sure():
    rng = np.random.default_rng(3)
    logits = rng.normal(size=(4000, 5))
    honest = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = np.array([rng.choice(5, p=p) for p in honest])
    sure = metrics.tempered(honest, 3.0)
    beta = metrics.temperature(sure, truth)
    assert beta == pytest.approx(1 / 3, rel=0.15)
    mended = metrics.tempered(sure, beta)
    assert metrics.figures(mended, truth)["ece"] < 0.04 < metrics.figures(sure, truth)["ece"]


def test_intervals_resample_patients_with_all_their_records():
    right = np.array([1.0] * 10 + [0.0] * 10)
    alone = metrics.bootstrap(np.arange(20), lambda at: {"right": right[at].mean()})["right"]
    pairs = metrics.bootstrap(np.arange(20) // 10, lambda at: {"right": right[at].mean()})["right"]
    assert pairs == [0.0, 1.0]
    assert 0.2 < alone[0] < 0.5 < alone[1] < 0.8
