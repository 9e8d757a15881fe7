"""Each ONNX operator as the engine's ops that compute it.

An adapter appends ops to a bench, runs them, and returns the outputs by their position. Layout alone is changed
outside of the ops: a tensor without a sample axis becomes one sample, a matrix that an attribute transposes is stored
transposed, and gates are put into the engine's order. What the engine has no op for raises ``BeyondError``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Extent
from retrograde.engine.equations.expression import Const, Expr, Product, Sum
from retrograde.engine.ops.batch_norm import BatchMean, BatchVariance, Normalise, RunningAverage
from retrograde.engine.ops.contract import Contract, ContractFactor
from retrograde.engine.ops.dense import Dense
from retrograde.engine.ops.dropout import Dropout
from retrograde.engine.ops.layer_norm import Centre, InverseDeviation, RowMean, RowScale, RowVariance, position
from retrograde.engine.ops.pointwise import ADD, MULTIPLY, Operand, Rule
from retrograde.engine.ops.rearrange import Join
from retrograde.engine.ops.scale_shift import ScaleShift
from tests.oracles.onnx_bench import Bench
from tests.oracles.onnx_cases import Case
from tests.oracles.onnx_losses import negative_log_likelihood, softmax, softmax_cross_entropy
from tests.oracles.onnx_recurrent import gru, lstm, rnn
from tests.oracles.onnx_updates import adagrad, adam, momentum
from tests.oracles.onnx_windows import average_pool, conv, conv_transpose, global_average_pool, max_pool

Outputs = dict[int, Floats]
Adapter = Callable[[Case], Outputs]


class Affine:
    """a · x + b, of numbers a and b."""

    def __init__(self, a: float, b: float) -> None:
        self._a, self._b = Const(a), Const(b)

    def __call__(self, x: Expr) -> Expr:
        return Sum((Product((self._a, x)), self._b))


def affine(a: float, b: float) -> Rule:
    """The rule of a · x + b."""
    return Rule(name="affine", title="affine", why="A number times the value, and another.", value=Affine(a, b))


def one(case: Case, number: int = 0) -> Any:
    """An input that has to be there."""
    found = case.inputs[number]
    assert found is not None
    return found


def given(case: Case, number: int) -> Any:
    """An input that may be left out."""
    return case.inputs[number] if number < len(case.inputs) else None


# -- elementwise


def activation(name: str, key: str = "", default: float = 0.0) -> Adapter:
    """An activation of every element."""

    def adapt(case: Case) -> Outputs:
        bench = Bench()
        x = bench.leaf(one(case)[None])
        return {0: bench.run(bench.activate(x, name, case.attributes.get(key, default)))[0][0]}

    return adapt


def selu(case: Case) -> Outputs:
    """SELU; with other constants than its own it is a scaled ELU."""
    bench = Bench()
    x = bench.leaf(one(case)[None])
    if not case.attributes:
        return {0: bench.run(bench.activate(x, "selu"))[0][0]}
    elu = bench.activate(x, "elu", case.attributes.get("alpha", 1.6732632423543772))
    return {0: bench.run(bench.scaled(elu, case.attributes.get("gamma", 1.0507009873554805)))[0][0]}


def gelu(case: Case) -> Outputs:
    """GELU, or its approximation by tanh."""
    exact = case.attributes.get("approximate", "none") == "none"
    return activation("gelu" if exact else "gelu_tanh")(case)


def hard_sigmoid(case: Case) -> Outputs:
    """max(0, min(1, α·x + β)): that of (x + 3) / 6, of a scaled and shifted x."""
    alpha, beta = case.attributes.get("alpha", 0.2), case.attributes.get("beta", 0.5)
    bench = Bench()
    x = bench.leaf(one(case)[None])
    moved = bench.pointwise(affine(6.0 * alpha, 6.0 * (beta - 0.5)), x)
    return {0: bench.run(bench.activate(moved, "hard_sigmoid"))[0][0]}


def spread(bench: Bench, values: Any, rank: int) -> Operand:
    """A tensor that is broadcast: axes of length 1 are left out, the others go along those of the target."""
    shape = (1,) * (rank - values.ndim) + values.shape
    axes = tuple(axis for axis, length in enumerate(shape) if length > 1)
    array = bench.leaf(values.reshape([shape[axis] for axis in axes]), batched=False)
    return Operand(array, tuple(axis + 1 for axis in axes))


def merged(rule: Rule) -> Adapter:
    """A sum or a product of two tensors, either of which may be broadcast."""

    def adapt(case: Case) -> Outputs:
        left, right = one(case, 0), one(case, 1)
        shape = np.broadcast_shapes(left.shape, right.shape)
        bench = Bench()
        found = bench.pointwise(
            rule, spread(bench, left, len(shape)), spread(bench, right, len(shape)), shape=tuple(shape)
        )
        return {0: bench.run(found)[0][0]}

    return adapt


def dropout(case: Case) -> Outputs:
    """Dropout; in training with the mask that ONNX draws from the seed."""
    x, ratio, training = one(case), given(case, 1), given(case, 2)
    rate = float(case.attributes.get("ratio", 0.5)) if ratio is None else float(ratio)
    bench = Bench()
    source = bench.leaf(x[None])
    if case.version < 12 or training is None or not bool(training):
        found = bench.run(bench.activate(source, "identity"))[0][0]
        return {0: found, 1: np.ones(x.shape)}
    kept = np.random.RandomState(case.attributes.get("seed", 0)).uniform(0, 1.0, x.shape) >= rate
    mask = bench.leaf(kept[None])
    return {0: bench.run(bench.add(Dropout.of, x.shape, x=source, mask=mask, rate=rate))[0][0], 1: kept.astype(float)}


# -- products


def gemm(case: Case) -> Outputs:
    """α · A' · B' + β · C: a dense layer over the rows of A', with the rows of B'ᵀ as weights."""
    a, b, c = one(case, 0), one(case, 1), given(case, 2)
    a = a.T if case.attributes.get("transA") else a
    b = b.T if case.attributes.get("transB") else b
    alpha, beta = case.attributes.get("alpha", 1.0), case.attributes.get("beta", 1.0)
    bench = Bench(len(a))
    x, weights = bench.leaf(a), bench.leaf(b.T, batched=False)
    row = c is not None and c.shape in {(b.shape[1],), (1, b.shape[1])} and alpha == beta == 1.0
    bias = bench.leaf(c.ravel(), batched=False) if row else None
    net = bench.add(Dense, (b.shape[1],), x=x, weights=weights, bias=bias)
    if row or c is None:
        return {0: bench.run(bench.scaled(net, alpha))[0]}
    net = bench.scaled(net, alpha)
    wide = np.broadcast_to(c, (len(a), b.shape[1]))
    return {0: bench.run(bench.pointwise(ADD, net, bench.scaled(bench.leaf(wide), beta)))[0]}


def matmul(case: Case) -> Outputs:
    """Products of matrices, one for each of the axes before the last two."""
    left, right = one(case, 0), one(case, 1)
    shape = (left @ right).shape
    wide, tall = left.reshape(-1, left.shape[-1]) if left.ndim < 2 else left, right
    tall = tall[:, None] if tall.ndim < 2 else tall
    before = np.broadcast_shapes(wide.shape[:-2], tall.shape[:-2])
    wide = np.broadcast_to(wide, before + wide.shape[-2:]).reshape(-1, *wide.shape[-2:])
    tall = np.broadcast_to(tall, before + tall.shape[-2:]).reshape(-1, *tall.shape[-2:])
    sizes = {"m": wide.shape[1], "k": wide.shape[2], "n": tall.shape[2]}
    bench = Bench(len(wide))
    made = bench.add(
        Contract,
        (sizes["m"], sizes["n"]),
        axes=("m", "n"),
        left=ContractFactor(bench.leaf(wide), ("m", "k")),
        right=ContractFactor(bench.leaf(tall), ("k", "n")),
        sizes=sizes,
    )
    return {0: bench.run(made)[0].reshape(shape)}


# -- normalisation


def batch_normalisation(case: Case) -> Outputs:
    """Batch norm with given statistics, or in training; ONNX keeps the momentum's share, and the biased variance."""
    x, gamma, beta, mean, variance = (one(case, number) for number in range(5))
    epsilon, momentum = case.attributes.get("epsilon", 1e-5), case.attributes.get("momentum", 0.9)
    bench = Bench(len(x))
    source = bench.leaf(x)
    scale, shift, old_mean, old_variance = (bench.leaf(one, batched=False) for one in (gamma, beta, mean, variance))
    found_mean, found_variance = old_mean, old_variance
    running: list[Array] = []
    if case.attributes.get("training_mode"):
        channels = x.shape[1:2]
        found_mean = bench.add(BatchMean.of, channels, Extent.SUM, x=source)
        found_variance = bench.add(BatchVariance.of, channels, Extent.SUM, x=source, mean=found_mean)
        running = [
            bench.add(RunningAverage, channels, Extent.ONCE, running=old, value=value, momentum=1.0 - momentum)
            for old, value in ((old_mean, found_mean), (old_variance, found_variance))
        ]
    normal = bench.add(Normalise.of, x.shape[1:], x=source, mean=found_mean, variance=found_variance, epsilon=epsilon)
    return dict(
        enumerate(bench.run(bench.add(ScaleShift.of, x.shape[1:], x=normal, gamma=scale, beta=shift, axis=1), *running))
    )


def layer_normalisation(case: Case) -> Outputs:
    """Layer norm over the axes from ``axis`` on, laid out as one row."""
    x, gamma, beta = one(case, 0), one(case, 1), given(case, 2)
    axis = case.attributes.get("axis", -1) % x.ndim
    width, epsilon = int(np.prod(x.shape[axis:])), case.attributes.get("epsilon", 1e-5)
    bench = Bench()
    source = bench.leaf(x[None])
    rows = bench.recast(source, (x.size // width, width))
    positions = rows.element_shape[:1]
    portion = position(rows)
    mean = bench.add(RowMean.of, positions, x=rows, portion=portion)
    centred = bench.add(Centre.of, rows.element_shape, x=rows, mean=mean, portion=portion)
    variance = bench.add(RowVariance.of, positions, centred=centred, portion=portion)
    inverse = bench.add(InverseDeviation.of, positions, variance=variance, epsilon=epsilon)
    normal = bench.add(RowScale.of, rows.element_shape, centred=centred, inverse=inverse, portion=portion)
    scale = bench.leaf(np.broadcast_to(gamma, x.shape[axis:]).ravel(), batched=False)
    shift = bench.leaf(np.zeros(width) if beta is None else beta.ravel(), batched=False)
    made = bench.add(ScaleShift.of, rows.element_shape, x=normal, gamma=scale, beta=shift, axis=len(rows.element_shape))
    out, found_mean, found_inverse = bench.run(bench.recast(made, x.shape), mean, inverse)
    statistics = (*x.shape[:axis], *(1,) * (x.ndim - axis))
    return {0: out[0], 1: found_mean.reshape(statistics), 2: found_inverse.reshape(statistics)}


# -- places


def concat(case: Case) -> Outputs:
    """Tensors side by side."""
    tensors = [one(case, number) for number in range(len(case.inputs))]
    axis = case.attributes["axis"] % tensors[0].ndim + 1
    bench = Bench()
    sources = tuple(bench.leaf(tensor[None]) for tensor in tensors)
    shape = np.concatenate(tensors, axis=axis - 1).shape
    return {0: bench.run(bench.add(Join, shape, sources=sources, axis=axis))[0][0]}


def reshape(case: Case) -> Outputs:
    """Another shape: 0 keeps the axis (unless allowzero says otherwise), −1 is what remains."""
    x, wanted = one(case, 0), [int(part) for part in one(case, 1)]
    if not case.attributes.get("allowzero"):
        wanted = [x.shape[axis] if length == 0 else length for axis, length in enumerate(wanted)]
    shape = np.reshape(x, wanted).shape
    bench = Bench()
    return {0: bench.run(bench.recast(bench.leaf(x[None]), shape))[0][0]}


def flatten(case: Case) -> Outputs:
    """A matrix: the axes before ``axis``, and the others."""
    x = one(case)
    axis = case.attributes.get("axis", 1)
    axis = axis + x.ndim if axis < 0 else axis
    shape = (int(np.prod(x.shape[:axis])), int(np.prod(x.shape[axis:])))
    bench = Bench()
    return {0: bench.run(bench.recast(bench.leaf(x[None]), shape))[0][0]}


def transpose(case: Case) -> Outputs:
    """The axes in another order, reversed if none is given."""
    x = one(case)
    order = case.attributes.get("perm") or list(range(x.ndim))[::-1]
    bench = Bench()
    found = bench.permuted(bench.leaf(x[None]), (0, *(axis + 1 for axis in order)))
    return {0: bench.run(found)[0][0]}


ADAPTERS: Mapping[str, Adapter] = {
    "Gemm": gemm,
    "MatMul": matmul,
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "MaxPool": max_pool,
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average_pool,
    "Softmax": softmax,
    "LogSoftmax": softmax,
    "SoftmaxCrossEntropyLoss": softmax_cross_entropy,
    "NegativeLogLikelihoodLoss": negative_log_likelihood,
    "RNN": rnn,
    "GRU": gru,
    "LSTM": lstm,
    "BatchNormalization": batch_normalisation,
    "LayerNormalization": layer_normalisation,
    "Relu": activation("relu"),
    "LeakyRelu": activation("leaky_relu", "alpha", 0.01),
    "Elu": activation("elu", "alpha", 1.0),
    "Selu": selu,
    "Gelu": gelu,
    "Sigmoid": activation("sigmoid"),
    "Tanh": activation("tanh"),
    "Softplus": activation("softplus"),
    "HardSigmoid": hard_sigmoid,
    "HardSwish": activation("hard_swish"),
    "Mish": activation("mish"),
    "Softsign": activation("softsign"),
    "Concat": concat,
    "Add": merged(ADD),
    "Mul": merged(MULTIPLY),
    "Reshape": reshape,
    "Flatten": flatten,
    "Transpose": transpose,
    "Dropout": dropout,
    "Adam": adam,
    "Adagrad": adagrad,
    "Momentum": momentum,
}
"""By operator."""
