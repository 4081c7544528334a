"""Judging models on the corpus of the device language models."""
