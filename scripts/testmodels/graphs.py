"""The graphs of the test models. Each function returns one model; the same bytes every time."""

from __future__ import annotations

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

F16, BF16, F32, F64 = TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.FLOAT, TensorProto.DOUBLE
I32, I64, BOOL, STRING = TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL, TensorProto.STRING

# The names that the Open Inference Protocol gives the types.
TYPES = {
    "BOOL": BOOL, "UINT8": TensorProto.UINT8, "UINT16": TensorProto.UINT16, "UINT32": TensorProto.UINT32,
    "UINT64": TensorProto.UINT64, "INT8": TensorProto.INT8, "INT16": TensorProto.INT16, "INT32": I32, "INT64": I64,
    "FP16": F16, "BF16": BF16, "FP32": F32, "FP64": F64, "BYTES": STRING,
}


def tensor(name: str, kind: int, *shape: int | str) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, list(shape))


def node(op: str, inputs: list[str], outputs: list[str], **attributes) -> NodeProto:
    return helper.make_node(op, inputs, outputs, name="_".join([op.lower(), *outputs]), **attributes)


def model(nodes: list[NodeProto], inputs: list, outputs: list, constants: dict[str, np.ndarray] | None = None) -> ModelProto:
    initializers = [numpy_helper.from_array(v, k) for k, v in (constants or {}).items()]
    graph = helper.make_graph(nodes, "test", inputs, outputs, initializers)
    return helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 19)], producer_name="bedside")


def identity(kind: int) -> ModelProto:
    """OUTPUT0 = INPUT0, `[batch, width]`."""
    return model([node("Identity", ["INPUT0"], ["OUTPUT0"])], [tensor("INPUT0", kind, "batch", "width")],
                 [tensor("OUTPUT0", kind, "batch", "width")])


def identity_all() -> ModelProto:
    """OUTPUT_T = INPUT_T for every type T, `[batch, width]` each, of any width."""
    nodes = [node("Identity", [f"INPUT_{t}"], [f"OUTPUT_{t}"]) for t in TYPES]
    return model(nodes, [tensor(f"INPUT_{t}", k, "batch", f"width_{t}") for t, k in TYPES.items()],
                 [tensor(f"OUTPUT_{t}", k, "batch", f"width_{t}") for t, k in TYPES.items()])


def simple() -> ModelProto:
    """OUTPUT0 = INPUT0 + INPUT1, OUTPUT1 = INPUT0 - INPUT1: what the clients of Triton show first."""
    ports = [tensor(f"{side}{i}", I32, "batch", 16) for side in ("INPUT", "OUTPUT") for i in range(2)]
    nodes = [node("Add", ["INPUT0", "INPUT1"], ["OUTPUT0"]), node("Sub", ["INPUT0", "INPUT1"], ["OUTPUT1"])]
    return model(nodes, ports[:2], ports[2:])


def simple_string() -> ModelProto:
    """As `simple`, on numbers written as text."""
    ports = [tensor(f"{side}{i}", STRING, "batch", 16) for side in ("INPUT", "OUTPUT") for i in range(2)]
    nodes = [node("Cast", [f"INPUT{i}"], [f"number{i}"], to=I32) for i in range(2)]
    for i, op in enumerate(("Add", "Sub")):
        nodes += [node(op, ["number0", "number1"], [f"result{i}"]), node("Cast", [f"result{i}"], [f"OUTPUT{i}"], to=STRING)]
    return model(nodes, ports[:2], ports[2:])


def fixed_batch() -> ModelProto:
    """OUTPUT0 = 2 * INPUT0, for exactly two rows of three."""
    return model([node("Add", ["INPUT0", "INPUT0"], ["OUTPUT0"])], [tensor("INPUT0", F32, 2, 3)],
                 [tensor("OUTPUT0", F32, 2, 3)])


def scalar() -> ModelProto:
    """SUM = X + Y, none of them with a dimension."""
    return model([node("Add", ["X", "Y"], ["SUM"])], [tensor("X", F32), tensor("Y", F32)], [tensor("SUM", F32)])


def nonzero() -> ModelProto:
    """INDICES `[1, n]` of the n elements of VALUES that are not zero: the values alone say how many come out."""
    return model([node("NonZero", ["VALUES"], ["INDICES"])], [tensor("VALUES", F32, "count")],
                 [tensor("INDICES", I64, 1, "n")])


def ragged() -> ModelProto:
    """SUM `[batch]` of the places of VALUES `[batch, length]` where MASK is not 0."""
    nodes = [node("Cast", ["MASK"], ["mask"], to=F32), node("Mul", ["VALUES", "mask"], ["kept"]),
             node("ReduceSum", ["kept", "axis"], ["SUM"], keepdims=0)]
    return model(nodes, [tensor("VALUES", F32, "batch", "length"), tensor("MASK", I64, "batch", "length")],
                 [tensor("SUM", F32, "batch")], {"axis": np.array([1], np.int64)})


def plus(n: float) -> ModelProto:
    """OUTPUT0 = INPUT0 + n."""
    return model([node("Add", ["INPUT0", "n"], ["OUTPUT0"])], [tensor("INPUT0", F32, "batch", 4)],
                 [tensor("OUTPUT0", F32, "batch", 4)], {"n": np.array(n, np.float32)})


def _loop(rounds: list, constants: dict[str, np.ndarray]) -> ModelProto:
    """OUTPUT0 = INPUT0, after a loop whose time does not depend on the rows, and that can be stopped in each round."""
    body = helper.make_graph(
        [node("Identity", ["go"], ["still"]), node("Add", ["sum", "zero"], ["next"])], "round",
        [tensor("i", I64), tensor("go", BOOL), tensor("sum", F32)], [tensor("still", BOOL), tensor("next", F32)])
    nodes = [node("ReduceMax", ["INPUT0"], ["peak"], keepdims=0), node("Mul", ["peak", "zero"], ["nothing"]),
             node("Loop", ["ROUNDS", "", "nothing"], ["end"], body=body), node("Add", ["INPUT0", "end"], ["OUTPUT0"])]
    return model(nodes, [tensor("INPUT0", F32, "batch", 4)] + rounds, [tensor("OUTPUT0", F32, "batch", 4)],
                 constants | {"zero": np.array(0, np.float32)})


def slow(rounds: int) -> ModelProto:
    """OUTPUT0 = INPUT0, late."""
    return _loop([], {"ROUNDS": np.array(rounds, np.int64)})


def endless() -> ModelProto:
    """OUTPUT0 = INPUT0, after ROUNDS rounds: with many, only a test of stopping it wants to wait."""
    return _loop([tensor("ROUNDS", I64)], {})


def defaults() -> ModelProto:
    """OUTPUT0 = INPUT0 * SCALE, where SCALE may be left out and is 3 then."""
    return model([node("Mul", ["INPUT0", "SCALE"], ["OUTPUT0"])],
                 [tensor("INPUT0", F32, "batch", 4), tensor("SCALE", F32, 1)], [tensor("OUTPUT0", F32, "batch", 4)],
                 {"SCALE": np.array([3], np.float32)})


def any_rank() -> ModelProto:
    """OUTPUT0 = INPUT0, of any shape whatever."""
    value = helper.make_tensor_type_proto(F32, None)
    return model([node("Identity", ["INPUT0"], ["OUTPUT0"])], [helper.make_value_info("INPUT0", value)],
                 [helper.make_value_info("OUTPUT0", value)])


def lookup() -> ModelProto:
    """OUTPUT0 `[batch, 2]` = row INDEX of a table of four; any other index makes the model fail."""
    table = np.arange(8, dtype=np.float32).reshape(4, 2)
    return model([node("Gather", ["table", "INDEX"], ["OUTPUT0"])], [tensor("INDEX", I64, "batch")],
                 [tensor("OUTPUT0", F32, "batch", 2)], {"table": table})


def linear() -> ModelProto:
    """OUTPUT0 `[batch, 4]` = INPUT0 `[batch, 16]` times a matrix, which lies in a file of its own."""
    weight = np.arange(64, dtype=np.float32).reshape(16, 4) / 64
    return model([node("MatMul", ["INPUT0", "weight"], ["OUTPUT0"])], [tensor("INPUT0", F32, "batch", 16)],
                 [tensor("OUTPUT0", F32, "batch", 4)], {"weight": weight})


def sequence() -> ModelProto:
    """OUTPUT0 is a sequence of tensors, which cannot be served."""
    kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(F32, None))
    return model([node("SequenceConstruct", ["INPUT0"], ["OUTPUT0"])], [tensor("INPUT0", F32, "batch", 4)],
                 [helper.make_value_info("OUTPUT0", kind)])
