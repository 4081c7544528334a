"""Training as a whole: it learns, goes on after an interruption bit for bit, stops early, and says what it did."""

import json
import signal
from dataclasses import replace

import jax
import numpy as np
import pytest
from safetensors.numpy import load_file

from scripts.train import checkpoint, learner, parity, report, run
from scripts.train import config as configs

from .conftest import KINDS, tiny


def test_an_interrupted_run_ends_with_the_same_bits(job):
    config = tiny("gru", dropout=0.1, memory=64)  # dropout has a state of its own
    whole = run.Run(job(config, "whole"))
    result = whole.train()
    assert result["steps"] == whole.steps > 12
    for stop in (5, 11):
        with pytest.raises(run.Stopped, match=f"after step {stop} of"):
            run.Run(job(config, "parts")).train(stop_at=stop)
    again = run.Run(job(config, "parts")).train()
    speeds = ("tokens_per_second",)
    assert {k: v for k, v in again.items() if k not in speeds} == {k: v for k, v in result.items() if k not in speeds}
    folder = job(config, "whole").out.parent
    for name in ("checkpoint.safetensors", "model/weights.safetensors"):
        first, second = (load_file(folder / n / name) for n in ("whole", "parts"))
        assert first.keys() == second.keys()
        for key in first:
            np.testing.assert_array_equal(first[key], second[key], err_msg=key)
    validations = [[line for line in report.read(folder / n) if line["split"] == "validation"] for n in ("whole", "parts")]
    assert validations[0] == validations[1] and len(validations[0]) > 2


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_learns_and_is_exported(kind, job, corpus):
    made = job(tiny(kind))
    result = run.Run(made).train()
    losses = [line["loss"] for line in report.read(made.out) if line["split"] == "train"]
    assert losses[-1] < 0.8 * losses[0]
    assert result["validation"]["loss"] < np.log(320) * 0.8
    assert set(result["validation"]) >= {"loss.en", "loss.zh", "loss.text", "exact.diagnosis", "token.summary"}
    card = (made.out / "model" / "card.md").read_text()
    assert f"{result['parameters']:,} parameters, {result['tokens']:,} tokens" in card
    assert f"| diagnosis | {result['validation']['loss.diagnosis']:.3f} |" in card
    assert (made.out / "loss.svg").read_text().startswith("<svg")
    assert list((made.out / "tensorboard").glob("events.out.tfevents.*"))
    # The exported weights give the loss that was reported: by a way of their own, sequence by sequence.
    valid = run.Run(made).validation.tokens
    wrong = []
    sequences = [valid.ids[valid.start[i]:valid.start[i + 1]].tolist() for i in range(len(valid))]
    for i, logits in enumerate(parity.logits(made.out / "model", sequences)):
        at = np.arange(valid.answer[i] - 1, len(sequences[i]) - 1)
        chances = logits[at] - np.logaddexp.reduce(logits[at].astype(np.float64), axis=1, keepdims=True)
        wrong.extend(-chances[np.arange(len(at)), np.array(sequences[i])[at + 1]])
    assert np.mean(wrong) == pytest.approx(result["validation"]["loss"], abs=1e-4)


def test_a_run_begins_with_the_best_weights_of_another(job):
    first = job(tiny("gru"), "first")
    run.Run(first).train()
    best = load_file(first.out / run.BEST)
    weights = run.Run(job(tiny("gru", start="first"), "second")).learner.initial()["weights"]
    assert len(best) == len(weights)
    for name, value in zip(sorted(best), weights):
        np.testing.assert_array_equal(best[name], value)
    with pytest.raises(checkpoint.CheckpointError, match="other shapes"):
        run.Run(job(tiny("gru", hidden_size=24, start="first"), "third"))
    with pytest.raises(checkpoint.CheckpointError, match="train the run that this one starts from first"):
        run.Run(job(tiny("gru", start="nothing"), "fourth"))


def test_a_run_ends_when_validation_no_longer_improves(job):
    config = tiny("rnn", epochs=50, learning_rate=1e-9, validate_every=1, patience=2)
    made = run.Run(job(config))
    losses = iter([3.0, 2.0, 2.5, 2.0])
    made.validation.run = lambda *a: {"loss": next(losses)}
    result = made.train()
    assert (result["steps"], result["best_step"]) == (4, 2)
    assert result["ended"] == "no better validation loss in 2 validations"
    assert run.Run(job(config)).train() == result  # what is over is not gone on with


def test_ctrl_c_leaves_a_checkpoint(job):
    made = run.Run(job(tiny("rnn", validate_every=100)))
    step = made.learner.train
    calls = []

    def interrupted(*args):
        calls.append(1)
        if len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return step(*args)

    made.learner.train = interrupted
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(run.Stopped, match="after step 3"):
        made.train()
    assert signal.getsignal(signal.SIGINT) is before
    assert run.Run(made.job).start()[1].step == 3


def test_checkpoints_of_another_run_are_refused(job):
    with pytest.raises(run.Stopped):
        run.Run(job(tiny("rnn"))).train(stop_at=2)
    with pytest.raises(checkpoint.CheckpointError, match="another configuration, corpus or code; add --fresh"):
        run.Run(job(tiny("rnn", learning_rate=2e-2))).start()
    path = job(tiny("rnn")).out / checkpoint.NAME
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(checkpoint.CheckpointError, match="damaged"):
        run.Run(job(tiny("rnn"))).start()


def test_the_loss_is_the_weighted_cross_entropy(job):
    made = run.Run(job(tiny("lstm")))
    state = made.learner.initial()
    _, _, batch = next(made.epochs(0, 0))
    weights = jax.tree.map(np.asarray, state["weights"])
    _, metrics = made.learner.train(state, learner.arrays(batch))
    states = np.asarray(made.model.stateless_call(weights, [], batch.inputs())[0], np.float64)
    logits = states @ np.asarray(made.model.embed.weight.value, np.float64).T
    wrong = np.logaddexp.reduce(logits, axis=1) - logits[np.arange(len(states)), batch.targets]
    assert float(metrics["loss"]) == pytest.approx(np.average(wrong, weights=batch.weights), abs=1e-4)
    answers = batch.weights * batch.is_answer
    assert float(metrics["answer_loss"]) == pytest.approx(np.average(wrong, weights=answers), abs=1e-4)


def test_rate_warms_up_and_falls_and_gradients_are_clipped(job):
    made = run.Run(job(tiny("rnn")))
    config = replace(made.job.config.train, learning_rate=0.1, warmup=0.1, final=0.2)
    adam = learner.optimizer(config, 100, made.model)
    rates = [float(adam._learning_rate(step)) for step in (0, 5, 10, 55, 100, 200)]
    assert rates == pytest.approx([0, 0.05, 0.1, 0.06, 0.02, 0.02], abs=1e-6)
    # Momentum 0: the first moment is the clipped gradient itself.
    adam = learner.optimizer(replace(config, beta_1=0.0, clip_norm=0.5), 100, made.model)
    weights = [v.value for v in made.model.trainable_variables]
    _, state = adam.stateless_apply([v.value for v in adam.variables], [10 * np.ones(w.shape, "float32") for w in weights],
                                    weights)
    first = [s for s, v in zip(state, adam.variables) if "momentum" in v.path]
    assert len(first) == len(weights)
    assert np.sqrt(sum((np.asarray(f) ** 2).sum() for f in first)) == pytest.approx(0.5, rel=1e-4)


def test_bfloat16_products_are_near_float32(job):
    losses = {}
    for precision in ("float32", "bfloat16"):
        made = run.Run(job(tiny("gru", precision=precision), precision))
        _, _, batch = next(made.epochs(0, 0))
        state, metrics = made.learner.train(made.learner.initial(), learner.arrays(batch))
        losses[precision] = float(metrics["loss"])
        assert all(w.dtype == np.float32 for w in state["weights"])
    assert losses["bfloat16"] != losses["float32"] and losses["bfloat16"] == pytest.approx(losses["float32"], rel=0.01)


def test_the_shipped_configurations_are_whole():
    for size in configs.SIZES:
        for path in configs.paths(size):
            config = configs.load(path)
            assert config.name == f"{config.model.kind}-{size}"


def test_metrics_are_kept_as_they_were(job):
    made = job(tiny("rnn"))
    with pytest.raises(run.Stopped):
        run.Run(made).train(stop_at=7)
    path = made.out / report.METRICS
    with open(path, "a") as f:  # what a crash after the checkpoint leaves
        f.write(json.dumps({"split": "train", "step": 9, "tokens": 1}) + '\n{"split": "tra')
    report.Report(made.out, "x", 7).close()
    assert [line["step"] for line in report.read(made.out)] == [5]
