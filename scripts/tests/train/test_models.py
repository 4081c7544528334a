"""The models against formulas in plain numpy, and what packing must not change."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file

from scripts.train import export, learner, parity, recurrent
from scripts.train.models import LanguageModel, smooth
from scripts.train.tokens import Special

from . import reference
from .conftest import KINDS, tiny

VOCABULARY = 40
MARKS = Special(1, 3, 2, {}, {})
RNG = np.random.default_rng(5)
SEQUENCES = [RNG.integers(0, VOCABULARY, n).tolist() for n in (1, 9, 23)]


def model(kind, seed=7):
    """A model whose every weight is random, norms and biases too."""
    made = LanguageModel(tiny(kind).model, VOCABULARY, seed).build_all()
    rng = np.random.default_rng(seed)
    for v in made.trainable_variables:
        v.assign(np.asarray(v.value) + 0.3 * rng.standard_normal(v.shape))
    return made


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru"])
def test_cells_follow_their_formulas(kind):
    step, gates, states = recurrent.CELLS[kind]
    rng = np.random.default_rng(1)
    x = rng.standard_normal((12, 6))
    w_ih, w_hh = (rng.standard_normal((gates * 6, 6)) for _ in range(2))
    b_ih, b_hh = (rng.standard_normal(gates * 6) for _ in range(2))
    product = jnp.asarray((x @ w_ih.T + b_ih)[:, None], jnp.float32)
    starts = jnp.zeros((12, 1), bool)
    found = recurrent.run(step, states, product, starts, jnp.asarray(w_hh, jnp.float32), jnp.asarray(b_hh, jnp.float32))
    np.testing.assert_allclose(found[:, 0], reference.cell(kind, x, w_ih, w_hh, b_ih, b_hh), atol=2e-5)


def test_steps_of_a_scale_begin_alike_and_ever_less_so():
    steps = smooth(RNG, 20, 4000, 5)
    np.testing.assert_allclose(np.linalg.norm(steps, axis=1), 1, atol=0.1)  # as long as other tokens' embeddings
    near = [float(steps[0] @ steps[n]) for n in (1, 5, 10, 19)]
    np.testing.assert_allclose(near, np.exp(-0.5 * (np.array([1, 5, 10, 19]) / 5)**2), atol=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_exported_models_compute_what_the_formulas_say(kind, tmp_path, corpus):
    made = model(kind)
    export.write(tmp_path / "m", made, 96, MARKS, corpus)
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert config["model_type"] == ("llama" if kind == "attention" else f"bedside-{kind}")
    assert (tmp_path / "m" / "tokenizer.json").read_bytes() == (corpus / "tokenizer.json").read_bytes()
    tensors = load_file(tmp_path / "m" / "weights.safetensors")
    for tokens, found, again in zip(SEQUENCES, learner.logits(made, SEQUENCES), parity.logits(tmp_path / "m", SEQUENCES)):
        want = reference.logits(config, tensors, tokens)
        assert np.abs(want).max() > 1
        np.testing.assert_allclose(found, want, atol=1e-4)
        np.testing.assert_array_equal(found, again)


def packed(sequences):
    """One row of all sequences, and room behind them; every place is asked for."""
    size = sum(map(len, sequences)) + 3
    tokens, segments, positions = (np.zeros((1, size), np.int32) for _ in range(3))
    at = 0
    for number, s in enumerate(sequences, 1):
        tokens[0, at:at + len(s)], segments[0, at:at + len(s)] = s, number
        positions[0, at:at + len(s)] = np.arange(len(s))
        at += len(s)
    places = np.arange(size, dtype=np.int32)
    return {"tokens": tokens, "segments": segments, "positions": positions, "rows": 0 * places, "columns": places}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_passes_from_one_sequence_into_the_next(kind):
    made = model(kind)
    call = jax.jit(lambda inputs: made.embed(made(inputs), reverse=True))
    first, second, third = SEQUENCES[1], SEQUENCES[2], SEQUENCES[1][::-1]
    found = np.asarray(call(packed([first, second, third])))
    at = 0
    for s in (first, second, third):
        np.testing.assert_allclose(found[at:at + len(s)], learner.logits(made, [s])[0], atol=1e-4)
        at += len(s)
    other = np.asarray(call(packed([first[::-1], second, third])))
    np.testing.assert_array_equal(found[len(first):at], other[len(first):at])
    assert np.abs(found[:len(first)] - other[:len(first)]).max() > 0.1


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_weights(kind):
    first, same, other = (LanguageModel(tiny(kind).model, VOCABULARY, seed).build_all() for seed in (1, 1, 2))
    for a, b in zip(first.trainable_variables, same.trainable_variables):
        np.testing.assert_array_equal(a.value, b.value)
    assert any((np.asarray(a.value) != np.asarray(b.value)).any()
               for a, b in zip(first.trainable_variables, other.trainable_variables))


def test_gates_begin_with_memories_of_many_lengths():
    rng = np.random.default_rng(0)
    z, r, n = recurrent.remembering(rng, "gru", 4000, 200).reshape(3, -1)
    kept = 1 / (1 - reference.sigmoid(z))  # tokens until a state has decayed to 1/e, about
    assert 1.9 < kept.min() < 4 and 190 < kept.max() < 201 and 95 < kept.mean() < 106
    assert not r.any() and not n.any()
    i, _, f, _ = recurrent.remembering(rng, "lstm", 10, 200).reshape(4, -1)
    np.testing.assert_array_equal(i, -f)


def test_a_folder_with_other_tensors_is_refused(tmp_path, corpus):
    export.write(tmp_path / "m", model("gru"), 96, MARKS, corpus)
    config = tmp_path / "m" / "config.json"
    config.write_text(config.read_text().replace('"num_hidden_layers": 2', '"num_hidden_layers": 3'))
    with pytest.raises(export.ExportError, match=r"has other tensors: model\.layers\.2"):
        export.read(tmp_path / "m")
    config.write_text(config.read_text().replace('"num_hidden_layers": 3', '"num_hidden_layers": 2').replace(
        '"hidden_size": 16', '"hidden_size": 8'))
    with pytest.raises(export.ExportError, match="has shape"):
        export.read(tmp_path / "m")
