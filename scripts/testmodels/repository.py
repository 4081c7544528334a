"""Writes the models as a repository: NAME/VERSION/model.onnx, some with a config.pbtxt."""

from __future__ import annotations

from pathlib import Path

import onnx

from . import graphs

# Names and versions; a model of several versions answers differently in each.
MODELS = {
    "identity_fp32": {1: lambda: graphs.identity(graphs.F32)},
    "identity_bytes": {1: lambda: graphs.identity(graphs.STRING)},
    "identity_all": {1: graphs.identity_all},
    "simple": {1: graphs.simple},
    "simple_string": {1: graphs.simple_string},
    "fixed_batch": {1: graphs.fixed_batch},
    "scalar": {1: graphs.scalar},
    "nonzero": {1: graphs.nonzero},
    "ragged": {1: graphs.ragged},
    "versions": {1: lambda: graphs.plus(0), 2: lambda: graphs.plus(1)},
    "slow": {1: lambda: graphs.slow(10_000)},
    "endless": {1: graphs.endless},
    "defaults": {1: graphs.defaults},
    "any_rank": {1: graphs.any_rank},
    "lookup": {1: graphs.lookup},
    "linear": {1: graphs.linear},
    "sequence_output": {1: graphs.sequence},
}
EXTERNAL = {"linear"}
UNCHECKED = {"any_rank", "sequence_output"}  # tools write such files, though the checker wants a shape everywhere


def _ports(kind: str, data_type: str) -> str:
    names = [f"{kind.upper()}{i}" for i in range(2)]
    ports = [f'  {{\n    name: "{n}"\n    data_type: {data_type}\n    dims: [ 16 ]\n  }}' for n in names]
    return f"{kind} [\n" + ",\n".join(ports) + "\n]\n"


def _simple(name: str, data_type: str, rest: str) -> str:
    ports = _ports("input", data_type) + _ports("output", data_type)
    return f'name: "{name}"\nplatform: "onnxruntime_onnx"\nmax_batch_size: 8\n{ports}{rest}'


CONFIGS = {
    "simple": _simple("simple", "TYPE_INT32", "dynamic_batching {\n  preferred_batch_size: [ 4, 8 ]\n"
                                              "  max_queue_delay_microseconds: 100\n}\n"),
    "simple_string": _simple("simple_string", "TYPE_STRING", ""),
    "slow": 'max_batch_size: 8\ndynamic_batching {\n  max_queue_delay_microseconds: 1000\n'
            "  default_queue_policy {\n    max_queue_size: 16\n  }\n}\n",
    "versions": "version_policy { all { } }\n",
}


def write(root: Path) -> None:
    """Write every model under `root`, over what is there."""
    for name, versions in MODELS.items():
        for version, make in versions.items():
            folder = root / name / str(version)
            folder.mkdir(parents=True, exist_ok=True)
            model = make()
            if name not in UNCHECKED:
                onnx.checker.check_model(model)
            if name in EXTERNAL:
                (folder / "model.onnx.data").unlink(missing_ok=True)  # onnx appends to what it finds
                onnx.save(model, folder / "model.onnx", save_as_external_data=True, location="model.onnx.data",
                          size_threshold=0)
            else:
                onnx.save(model, folder / "model.onnx")
        if name in CONFIGS:
            (root / name / "config.pbtxt").write_text(CONFIGS[name], encoding="utf-8")
    whole = (root / "simple" / "1" / "model.onnx").read_bytes()
    broken = root / "broken" / "1" / "model.onnx"
    broken.parent.mkdir(parents=True, exist_ok=True)
    broken.write_bytes(whole[: len(whole) // 2])
