"""Low-rank adapters of a Llama-shaped model that others trained, learnt from the corpus."""
