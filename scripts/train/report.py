"""What a run tells: metrics as JSON lines and TensorBoard events, loss curves as SVG."""

from __future__ import annotations

import json
from pathlib import Path

import leather
from tensorboardX import SummaryWriter

from ..bootstrap.files import replacing

METRICS, CURVE = "metrics.jsonl", "loss.svg"


class Report:
    """Writes as the run goes. What an interrupted run told after its last checkpoint is dropped."""

    def __init__(self, folder: Path, name: str, step: int):
        self.folder, self.name = folder, name
        lines = [line for line in read(folder) if line["step"] <= step]
        with replacing(folder / METRICS) as temp:
            temp.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        self._file = open(folder / METRICS, "a", encoding="utf-8")  # noqa: SIM115 closed by close
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=step + 1 if step else None)

    def write(self, split: str, step: int, tokens: int, metrics: dict[str, float]) -> None:
        """Metrics of a split (train or validation) after `step` steps and `tokens` tokens."""
        line = {"split": split, "step": step, "tokens": tokens} | {k: round(v, 6) for k, v in metrics.items()}
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for name, value in metrics.items():
            self._board.add_scalar(f"{split}/{name}", value, step)

    def draw(self) -> None:
        """Draw the loss curves as they stand."""
        lines = read(self.folder)
        # Both without the prompts' part, so that the two can be compared.
        series = {"training": ("train", "answer_loss"), "validation": ("validation", "loss")}
        chart, drawn = leather.Chart(f"{self.name}: loss on answers, nats a token, over millions of tokens"), False
        for label, (split, key) in series.items():
            points = [(line["tokens"] / 1e6, line[key]) for line in lines if line["split"] == split]
            if len(points) > 1:
                chart.add_line(points, name=label)
                drawn = True
        if drawn:
            with replacing(self.folder / CURVE) as temp:
                temp.write_text(chart.to_svg(), encoding="utf-8")

    def close(self) -> None:
        """Flush and close the files."""
        self._file.close()
        self._board.close()


def read(folder: Path) -> list[dict]:
    """The metrics written so far; a last line cut short by a crash is passed over."""
    path, lines = folder / METRICS, []
    if path.exists():
        for text in path.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(text))
            except ValueError:
                break
    return lines
