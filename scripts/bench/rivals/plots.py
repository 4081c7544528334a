"""Plots of what was measured, as SVG."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import matplotlib
import matplotlib.pyplot as plt

from .report import column, kinds
from .sides import OURS

matplotlib.use("svg")
matplotlib.rcParams.update({"svg.hashsalt": "bedside", "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 9})


def draw(result: dict, folder: Path) -> list[Path]:
    """Throughput and step time over streams, step time over context; the files that were written."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = (("throughput", "decode", "rate", "streams", "tokens/s"),
              ("latency", "decode", "step_ms", "streams", "ms a step"),
              ("context", "context", "step_ms", "tokens before it, 4 streams", "ms a step"))
    return [plot(result, *what, folder / f"rivals-{name}.svg") for name, *what in wanted if kinds(result, what[0])]


def plot(result: dict, kind: str, key: str, x: str, y: str, path: Path) -> Path:
    """Medians as lines, from the least to the most as bands."""
    figure, axes = plt.subplots(figsize=(6.4, 4), layout="constrained")
    lines: dict[str, list[tuple[int, list[float]]]] = {}
    for size in kinds(result, kind):
        for side, values in column(result, f"{kind}/{size}", key).items():
            lines.setdefault(side, []).append((int(size), values))
    for side, points in lines.items():
        at = [size for size, _ in points]
        line, = axes.plot(at, [median(v) for _, v in points], marker="o", markersize=3, label=side,
                          linewidth=2.5 if side == OURS else 1.2, zorder=3 if side == OURS else 2)
        axes.fill_between(at, [min(v) for _, v in points], [max(v) for _, v in points], color=line.get_color(), alpha=0.15,
                          linewidth=0)
    axes.set_xscale("log", base=2)
    axes.set_xticks(ticks := [int(size) for size in kinds(result, kind)], [str(t) for t in ticks])
    if key == "step_ms":
        axes.set_yscale("log")
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    return path
