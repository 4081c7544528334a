"""What the figures were measured on."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from pathlib import Path

SHOWN = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16",
         "asimddp", "i8mm", "bf16", "sve")
PACKAGES = ("openvino", "openvino-genai", "onnxruntime", "onnxruntime-genai", "llama-cpp-python")


def describe() -> dict:
    """Processor, the instructions that matter here, cores, memory, kernel, load, and the versions of what is compared."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").exists() else ""
    name = re.search(r"model name\s*:\s*(.+)", info)
    flags = re.search(r"(?:flags|Features)\s*:\s*(.+)", info)
    have = set(flags[1].split()) if flags else set()
    return {
        "processor": name[1] if name else platform.processor() or platform.machine(),
        "instructions": [f for f in SHOWN if f in have],
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": platform.platform(),
        "load": round(os.getloadavg()[0], 1),
        "versions": {p: importlib.metadata.version(p) for p in PACKAGES},
    }
