"""The corpus' examples as a chat: what the adapter learns, and what the served model is then asked.

A system message says the task; the prompt is the user's message, the answer the assistant's. The form is ChatML, which
SmolLM2's own template writes: https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct.
"""

from __future__ import annotations

SYSTEM = {
    "diagnosis": {"en": "Name the diagnosis.", "zh": "说出诊断。"},
    "treatment": {"en": "Name the treatment.", "zh": "说出治疗。"},
    "summary": {"en": "Summarise the record.", "zh": "总结病历。"},
    "triples": {"en": "Write the record as triples.", "zh": "把病历写成三元组。"},
}
BEGIN, END = "<|im_start|>", "<|im_end|>"


def messages(task: str, language: str, prompt: str) -> list[tuple[str, str]]:
    """Role and text of each message before the answer."""
    return [("system", SYSTEM[task][language]), ("user", prompt)]


def pieces(task: str, language: str, prompt: str) -> list[str]:
    """What stands before the answer, as the template writes it: marks, and the texts between them."""
    out = []
    for role, text in messages(task, language, prompt):
        out += [BEGIN, f"{role}\n{text}", END, "\n"]
    return [*out, BEGIN, "assistant\n"]
