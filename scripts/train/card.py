"""What training has to say for a model's card: data, training, intended use. `scripts/export` puts it into README.md."""

from __future__ import annotations

from typing import Any

TASKS = {
    "text": "plain text of records", "summary": "summaries", "diagnosis": "diagnoses", "treatment": "treatments",
    "triples": "triples of a knowledge graph",
}

CARD = """## Intended use
{tasks}, from readings as `clinical/prompt` writes them, in English and Chinese, for software that shows them to a
clinician together with what they rest on. Other prompts are not understood. Not for deciding anything about a patient,
and not a medical device.

## Data
Generated patients alone (clinosim; corpus `{corpus}` of `scripts/corpus language`): {sequences:,} training
sequences of 31 diseases, validation and test patients apart. No person's data. What a simulator gets wrong about
patients, the model has learnt.

## Training
{parameters:,} parameters, {tokens:,} tokens, {steps:,} steps of AdamW, learning rate {rate:g}, seed {seed}; the weights
of step {best:,}, the best on validation patients. Configuration: `scripts/train/configs/{name}.toml`{start}.

## Measured on validation patients
The likeliest token each time, float32; exact: all of an answer's tokens.

| | nats a token | tokens right | answers exact |
|---|---|---|---|
{rows}

How it does on test patients, beside baselines, is in `docs/evaluation.md`."""


def write(result: dict[str, Any], corpus: str, sequences: int) -> str:
    """The card of a run, from its result.json."""
    config, found = result["config"], result["validation"]
    asked = config["data"]["tasks"] or list(TASKS)
    names = ", ".join(TASKS[task] for task in asked)
    rows = "\n".join(
        f"| {task} | {found[f'loss.{task}']:.3f} | {found[f'token.{task}']:.3f} "
        f"| {'' if f'exact.{task}' not in found else format(found[f'exact.{task}'], '.3f')} |"
        for task in asked if f"loss.{task}" in found)
    begun = config["train"]["start"]
    start = f", which begins with the best weights of `{begun}.toml`; its tokens are not among these" if begun else ""
    return CARD.format(
        tasks=names[0].upper() + names[1:], corpus=corpus, sequences=sequences, parameters=result["parameters"],
        tokens=result["tokens"], steps=result["steps"], best=result["best_step"], rate=config["train"]["learning_rate"],
        seed=config["train"]["seed"], name=result["name"], start=start, rows=rows) + "\n"
