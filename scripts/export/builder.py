"""A small writer of ONNX graphs whose weights lie in one external, page-aligned data file."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

# The largest page size of the systems served (macOS arm64), so that every weight can be mapped where it lies.
ALIGNMENT = 16384
# Smaller tensors stay inside model.onnx: a page each would cost more than they hold.
INLINE_LIMIT = 4096
OPSET = 23
MS = "com.microsoft"
OWN = "bedside"  # runtime/ort/internal/kernels/ops.h


class Builder:
    """Collects nodes and initializers; weights of `inline` bytes and more are streamed to `data` (a binary file)."""

    def __init__(self, data, data_name: str, inline: int = INLINE_LIMIT):
        self._data, self._data_name, self._inline = data, data_name, inline
        self._nodes: list = []
        self._initializers: list = []
        self._names: set[str] = set()

    def const(self, name: str, value: np.ndarray) -> str:
        """Add an initializer; big ones go to the data file."""
        if name in self._names:
            raise ValueError(f"initializer {name}: defined twice")
        self._names.add(name)
        value = np.asarray(value)
        if value.nbytes < self._inline:
            self._initializers.append(numpy_helper.from_array(value, name))
            return name
        self._data.write(b"\0" * (-self._data.tell() % ALIGNMENT))
        tensor = TensorProto(name=name, dims=value.shape, data_location=TensorProto.EXTERNAL)
        tensor.data_type = helper.np_dtype_to_tensor_dtype(value.dtype)
        for key, val in (("location", self._data_name), ("offset", self._data.tell()), ("length", value.nbytes)):
            tensor.external_data.add(key=key, value=str(val))
        self._data.write(np.ascontiguousarray(value).tobytes())
        self._initializers.append(tensor)
        return name

    def node(self, op: str, inputs: list[str], output: str | list[str], domain: str = "", **attrs) -> str:
        """Add a node named after its first output, and return that output."""
        outputs = [output] if isinstance(output, str) else output
        self._nodes.append(helper.make_node(op, inputs, outputs, name=outputs[0], domain=domain, **attrs))
        return outputs[0]

    def model(self, name: str, inputs: list, outputs: list):
        """The finished ModelProto. Shapes are lists of ints and symbolic names."""
        graph = helper.make_graph(
            self._nodes, name,
            [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs],
            [helper.make_tensor_value_info(n, t, s) for n, t, s in outputs],
            initializer=self._initializers,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MS, 1)]
        if any(node.domain == OWN for node in self._nodes):
            opsets.append(helper.make_opsetid(OWN, 1))
        return helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="bedside")
