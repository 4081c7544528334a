"""Tiny language models that can be made to fail, for tests of what becomes of the others' requests then.

They are those of `device`, but for one token that makes a run fail, whatever else is in it, and one that makes it go on
for ever. Both do so within ONNX Runtime: the first is a look-up outside its table, the second a loop that can be stopped
in each of its rounds.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from scripts.bootstrap.current import MANIFEST
from scripts.bootstrap.files import sha256
from scripts.export.run import MODEL
from scripts.testmodels import device

POISON, SNARE = "~", "^"  # each a token of its own
I64, BOOL = TensorProto.INT64, TensorProto.BOOL
KINDS = ("attention", "gru")
ROUNDS = 1 << 60


def trapped(graph: onnx.GraphProto, vocab: int, poison: int, snare: int) -> None:
    """Put the traps behind input_ids; for all other tokens they add nothing."""
    for n in graph.node:
        n.input[:] = ["trap.ids" if i == "input_ids" else i for i in n.input]
    (ids,) = (i for i in graph.input if i.name == "input_ids")
    kind = ids.type.tensor_type.elem_type
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["still"]), helper.make_node("Mul", ["sum", "trap.zero"], ["next"])], "round",
        [helper.make_tensor_value_info("i", I64, []), helper.make_tensor_value_info("go", BOOL, []),
         helper.make_tensor_value_info("sum", I64, [])],
        [helper.make_tensor_value_info("still", BOOL, []), helper.make_tensor_value_info("next", I64, [])])
    values = {"zero": 0, "poison": poison, "snare": snare, "vocab": vocab, "rounds": ROUNDS}
    graph.initializer.extend(
        [numpy_helper.from_array(np.array(v, np.int64), f"trap.{n}") for n, v in values.items()] +
        [numpy_helper.from_array(np.zeros(vocab, np.int64), "trap.table")])
    nodes = [
        helper.make_node("Cast", ["input_ids"], ["trap.long"], to=I64),
        # A poisonous token looks up a place behind the table's end.
        helper.make_node("Equal", ["trap.long", "trap.poison"], ["trap.is_poison"]),
        helper.make_node("Cast", ["trap.is_poison"], ["trap.poisons"], to=I64),
        helper.make_node("Mul", ["trap.poisons", "trap.vocab"], ["trap.beyond"]),
        helper.make_node("Add", ["trap.long", "trap.beyond"], ["trap.places"]),
        helper.make_node("Gather", ["trap.table", "trap.places"], ["trap.nothing"]),
        # A snare makes the loop long.
        helper.make_node("Equal", ["trap.long", "trap.snare"], ["trap.is_snare"]),
        helper.make_node("Cast", ["trap.is_snare"], ["trap.snares"], to=I64),
        helper.make_node("ReduceMax", ["trap.snares"], ["trap.any"], keepdims=0),
        helper.make_node("Mul", ["trap.any", "trap.rounds"], ["trap.trips"]),
        helper.make_node("Loop", ["trap.trips", "", "trap.zero"], ["trap.end"], body=body),
        helper.make_node("Add", ["trap.nothing", "trap.end"], ["trap.still_nothing"]),
        helper.make_node("Add", ["trap.long", "trap.still_nothing"], ["trap.sum"]),
        helper.make_node("Cast", ["trap.sum"], ["trap.ids"], to=kind),
    ]
    body_of = list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes + body_of)


def write(root: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        for name in KINDS:
            kind, form = device.MODELS[name]
            folder = Path(scratch) / name
            device.write_model(folder, kind, form)
            vocab = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
            model = onnx.load(folder / MODEL, load_external_data=False)
            trapped(model.graph, len(vocab), vocab[POISON], vocab[SNARE])
            (folder / MODEL).write_bytes(model.SerializeToString(deterministic=True))
            manifest = json.loads((folder / MANIFEST).read_text())
            manifest["name"] = f"trap-{name}"
            file = manifest["files"][MODEL]
            file["sha256"], file["bytes"] = sha256(folder / MODEL), (folder / MODEL).stat().st_size
            target = root / f"trap-{name}"
            target.mkdir(parents=True, exist_ok=True)
            for p in sorted(folder.iterdir()):
                if p.name != MANIFEST:
                    (target / p.name).write_bytes(p.read_bytes())
            (target / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
