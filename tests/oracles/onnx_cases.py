"""The node tests of the ONNX backend: from the ``onnx`` wheel where it is installed, else those that are committed.

    python -m tests.oracles.onnx_cases

writes ``onnx_cases.json.gz`` anew: every case of the operators below with less than ``LARGEST`` bytes of tensors.
A case is an operator with its attributes, the tensors that go in and those that have to come out.
"""

from __future__ import annotations

import base64
import gzip
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

STORE = Path(__file__).with_name("onnx_cases.json.gz")
LARGEST = 20_000
INSTALLED = find_spec("onnx") is not None

MODULES = {
    "Gemm": "gemm",
    "MatMul": "matmul",
    "Conv": "conv",
    "ConvTranspose": "convtranspose",
    "MaxPool": "maxpool",
    "AveragePool": "averagepool",
    "GlobalAveragePool": "globalaveragepool",
    "Softmax": "softmax",
    "LogSoftmax": "logsoftmax",
    "SoftmaxCrossEntropyLoss": "softmax_cross_entropy_loss",
    "NegativeLogLikelihoodLoss": "negativeloglikelihoodloss",
    "RNN": "rnn",
    "GRU": "gru",
    "LSTM": "lstm",
    "BatchNormalization": "batch_normalization",
    "LayerNormalization": "layernormalization",
    "Relu": "relu",
    "LeakyRelu": "leakyrelu",
    "Elu": "elu",
    "Selu": "selu",
    "Gelu": "gelu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "HardSigmoid": "hardsigmoid",
    "HardSwish": "hardswish",
    "Mish": "mish",
    "Softsign": "softsign",
    "Concat": "concat",
    "Add": "add",
    "Mul": "mul",
    "Reshape": "reshape",
    "Flatten": "flatten",
    "Transpose": "transpose",
    "Dropout": "dropout",
    "Adam": "adam",
    "Adagrad": "adagrad",
    "Momentum": "momentum",
}
"""The operators whose node tests are run, and where the wheel has them."""

KINDS = tuple(MODULES)


Tensor = NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """A node test.

    Attributes:
        name: its name: ``test_gemm_alpha``.
        kind: the operator.
        version: the version of the operator set.
        attributes: the attributes that are given.
        inputs: the inputs in the operator's order; None for one that is left out.
        outputs: the outputs that have to come out, by their position in the operator's order.
    """

    name: str
    kind: str
    version: int
    attributes: dict[str, Any]
    inputs: tuple[Tensor | None, ...]
    outputs: dict[int, Tensor]

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors."""
        return sum(tensor.nbytes for tensor in (*self.inputs, *self.outputs.values()) if tensor is not None)


def from_wheel() -> Iterator[Case]:
    """Every case of the operators in ``KINDS`` that the wheel has; needs ``onnx``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx import helper
        from onnx.backend.test.case import node as register

        # Collecting them all takes ten times as long.
        for module in MODULES.values():
            import_module(f"onnx.backend.test.case.node.{module}")
        for test in register._NodeTestCases:
            nodes = test.model.graph.node
            if len(nodes) != 1 or nodes[0].op_type not in KINDS:
                continue
            node, graph = nodes[0], test.model.graph
            (given, wanted), *more = test.data_sets
            assert not more
            named = dict(zip((one.name for one in graph.input), given, strict=True))
            made = dict(zip((one.name for one in graph.output), wanted, strict=True))
            yield Case(
                name=test.name,
                kind=node.op_type,
                version=max(one.version for one in test.model.opset_import),
                attributes={one.name: plain(helper.get_attribute_value(one)) for one in node.attribute},
                inputs=tuple(np.asarray(named[name]) if name else None for name in node.input),
                outputs={k: np.asarray(made[name]) for k, name in enumerate(node.output) if name in made},
            )


def plain(value: Any) -> Any:
    """An attribute as JSON has it."""
    if isinstance(value, bytes):
        return value.decode()
    return [plain(part) for part in value] if isinstance(value, list | tuple) else value


def _packed(tensor: Tensor | None) -> dict[str, Any] | None:
    if tensor is None:
        return None
    raw = base64.b85encode(np.ascontiguousarray(tensor).tobytes()).decode()
    return {"dtype": str(tensor.dtype), "shape": list(tensor.shape), "data": raw}


def _unpacked(found: dict[str, Any] | None) -> Tensor | None:
    if found is None:
        return None
    raw = base64.b85decode(found["data"])
    return np.frombuffer(raw, dtype=found["dtype"]).reshape(found["shape"])


def load() -> list[Case]:
    """The committed cases."""
    found = json.loads(gzip.decompress(STORE.read_bytes()))
    return [
        Case(
            name=one["name"],
            kind=one["kind"],
            version=one["version"],
            attributes=one["attributes"],
            inputs=tuple(map(_unpacked, one["inputs"])),
            outputs={int(k): np.asarray(_unpacked(tensor)) for k, tensor in one["outputs"].items()},
        )
        for one in found
    ]


def cases() -> list[Case]:
    """All cases there are: those of the wheel, or, without it, those that are committed."""
    return list(from_wheel()) if INSTALLED else load()


def main() -> None:
    """Write the store."""
    rows = [
        {
            "name": case.name,
            "kind": case.kind,
            "version": case.version,
            "attributes": case.attributes,
            "inputs": [_packed(tensor) for tensor in case.inputs],
            "outputs": {k: _packed(tensor) for k, tensor in case.outputs.items()},
        }
        for case in from_wheel()
        if case.nbytes < LARGEST
    ]
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"))
    # Without a time in its header the file depends on its content alone.
    STORE.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
