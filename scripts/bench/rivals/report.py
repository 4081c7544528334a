"""Tables of what was measured, as Markdown."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median

from .sides import FAMILIES, OURS

Rows = list[list[str]]
BEGIN, END = "<!-- rivals: written by `make bench` -->\n", "<!-- rivals: end -->\n"


def table(head: list[str], rows: Rows) -> str:
    """Of cells that are texts already."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def spread(values: list[float], digits: int = 0) -> str:
    """The median, and the least and the most in brackets."""
    def shown(v: float) -> str:
        return f"{v:,.{digits}f}"
    return f"{shown(median(values))} ({shown(min(values))}-{shown(max(values))})"


def column(result: dict, cell: str, key: str) -> dict[str, list[float]]:
    """A figure's rounds by side; a round may have several."""
    out: dict[str, list[float]] = {}
    for side, found in result["cells"].get(cell, {}).items():
        values = [v if isinstance(v, list) else [v] for v in (r[key] for r in found)]
        out[side] = [x for v in values for x in v]
    return out


def kinds(result: dict, kind: str) -> list[str]:
    """The sizes of a kind of cells, such as the 16 of decode/16, as they were measured."""
    return [cell.partition("/")[2] for cell in result["cells"] if cell.startswith(f"{kind}/")]


def against(values: dict[str, list[float]], best: Callable) -> dict[str, float]:
    """The ratio of our median to that of each family's best."""
    out = {}
    for family, members in FAMILIES.items():
        medians = [median(values[m]) for m in members if m in values]
        if OURS in values and medians:
            out[family] = median(values[OURS]) / best(medians)
    return out


def ratio_rows(ratios: list[dict[str, float]]) -> Rows:
    """A row for each family, a column for each of the ratios."""
    return [[f"{OURS} / best of {family}", *(f"{r[family]:.2f}" if family in r else "-" for r in ratios)]
            for family in FAMILIES if any(family in r for r in ratios)]


def sweep(result: dict, kind: str, key: str, digits: int = 0) -> str:
    """One row a side, one column a size; then our median against each family's best."""
    sizes = kinds(result, kind)
    columns = [column(result, f"{kind}/{size}", key) for size in sizes]
    names = list(dict.fromkeys(name for c in columns for name in c))
    rows = [[name, *(spread(c[name], digits) if name in c else "-" for c in columns)] for name in names]
    ratios = [against(c, min if key == "step_ms" else max) for c in columns]
    rows += ratio_rows(ratios)
    return table(["", *sizes], rows)


def single(result: dict) -> str:
    """Prefill, and what an arriving prompt costs."""
    figures = [("prefill tokens/s", column(result, "prefill", "rate"), 0, max),
               ("prefill tokens/processor s", column(result, "prefill", "cpu_rate"), 0, max),
               ("first token, worst, s", worst(result, "first_token_s"), 2, min),
               ("gap meanwhile, worst, s", worst(result, "gap_s"), 2, min)]
    names = list(dict.fromkeys(name for _, c, _, _ in figures for name in c))
    rows = [[name, *(spread(c[name], d) if name in c else "-" for _, c, d, _ in figures)] for name in names]
    rows += ratio_rows([against(c, best) for _, c, _, best in figures])
    return table(["", *(name for name, *_ in figures)], rows)


def worst(result: dict, key: str) -> dict[str, list[float]]:
    """The longest of each round's waits: with so few arrivals the 99th percentile is the maximum."""
    return {side: [max(r[key]) for r in found] for side, found in result["cells"].get("arrive", {}).items()}


def quality(result: dict) -> str:
    """KL, agreement and memory."""
    rows = [[name, f"{q['mean_kl']:.4f}", f"{q['top1']:.4f}"] for name, q in result["quality"].items()]
    return table(["", "mean KL to float32", "same likeliest token"], rows)


def memory(result: dict) -> str:
    """Resident at 64 slots of 2,048 tokens."""
    return table(["", "MiB"], [[name, f"{value >> 20:,}"] for name, value in result["memory"].items()])


def roofline(result: dict) -> str:
    """Shares of a step."""
    rows = [[streams, f"{r['step_ms']:.1f}", f"{r['multiplying']:.1%}", f"{r['reading']:.1%}"]
            for streams, r in result["roofline"].items()]
    return table(["streams", "step, ms", "multiplying at peak", "reading at peak"], rows)


def setting(result: dict) -> str:
    """Where and how: one paragraph."""
    m, s, peak = result["machine"], result["settings"], result["peak"]
    where = f" on processors {s['cpus']}" if s["cpus"] else ""
    versions = ", ".join(f"{name} {version}" for name, version in m["versions"].items())
    return (f"{m['processor']} ({', '.join(m['instructions'])}), {m['cores']} cores, {m['memory_bytes'] / 2**30:.0f} GiB, "
            f"threads of each side: {s['threads']}{where}, rounds: {s['rounds']}, load at the start: {m['load']}, "
            f"{result['date']}. "
            f"{versions}; Bedside {s['commit']} with {s['model']}. "
            f"Measured peaks: {peak['macs'] / 1e9:,.0f} billion 8-bit multiply-adds a second ({peak['kernel']}), "
            f"{peak['cached'] / 1e9:.1f} GB/s from as much memory as the weights take, "
            f"{peak['memory'] / 1e9:.1f} GB/s from 2 GiB.")


def sections(result: dict) -> list[tuple[str, str]]:
    """Titles and texts of all that was measured."""
    out = []
    if result["cells"]:
        out = [("Tokens a second over streams", sweep(result, "decode", "rate")),
               ("Tokens a processor second over streams", sweep(result, "decode", "cpu_rate")),
               ("Step over streams, ms", sweep(result, "decode", "step_ms", 1)),
               ("Prompts", single(result))]
    if kinds(result, "context"):
        out.append(("Step of 4 streams over the tokens before it, ms", sweep(result, "context", "step_ms", 1)))
    rest = (("Memory", "memory", memory), ("Quality", "quality", quality), ("Roofline", "roofline", roofline))
    return out + [(title, made(result)) for title, key, made in rest if result.get(key)]


def document(result: dict) -> str:
    """All of it as a section of a page."""
    head = f"## Against llama.cpp, onnxruntime-genai and OpenVINO GenAI: `make bench`\n\n{setting(result)}"
    return "\n\n".join([head, *(f"### {title}\n\n{text}" for title, text in sections(result))])


def put(page: str, section: str) -> str:
    """The page with the section between its markers, or at its end where it has none yet."""
    head, found, rest = page.partition(BEGIN)
    after = rest.partition(END)[2] if found else ""
    return (head if found else f"{page}\n") + f"{BEGIN}\n{section}\n\n{END}{after}"
