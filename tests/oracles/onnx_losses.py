"""ONNX operators around the softmax, and the losses over classes."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Extent
from retrograde.engine.ops.loss import CrossEntropy, Share, Total
from retrograde.engine.ops.pointwise import MULTIPLY
from retrograde.engine.ops.softmax import Exponential, Quotient, RowMaximum, RowSum
from tests.oracles.onnx_bench import Bench
from tests.oracles.onnx_cases import Case

Outputs = dict[int, Floats]


class Shares:
    """A softmax over the last axis, in the engine's four steps."""

    def __init__(self, bench: Bench, net: Array) -> None:
        shape, rows = net.element_shape, net.element_shape[:-1]
        self.bench, self.net = bench, net
        self.maximum = bench.add(RowMaximum, rows, net=net)
        self.exponentials = bench.add(Exponential, shape, net=net, maximum=self.maximum)
        self.normaliser = bench.add(RowSum, rows, exponentials=self.exponentials)
        self.out = bench.add(Quotient, shape, exponentials=self.exponentials, normaliser=self.normaliser)

    def surprise(self, goal: Any, share: Share | None = None) -> Array:
        """−t · ln p of every class."""
        return self.bench.add(
            CrossEntropy,
            self.net.element_shape,
            net=self.net,
            maximum=self.maximum,
            normaliser=self.normaliser,
            out=self.out,
            goal=self.bench.leaf(goal),
            share=share or Share(),
        )


def moved(bench: Bench, x: Array, axis: int) -> tuple[Array, tuple[int, ...]]:
    """An array with one axis at the end, and the order that puts it back."""
    order = [number for number in range(len(x.shape)) if number != axis] + [axis]
    return bench.permuted(x, tuple(order)), tuple(int(number) for number in np.argsort(order))


def softmax(case: Case) -> Outputs:
    """Softmax along any axis, or its logarithm."""
    x = case.inputs[0]
    assert x is not None
    bench = Bench()
    axis = case.attributes.get("axis", -1) % x.ndim + 1
    net, back = moved(bench, bench.leaf(x[None]), axis)
    shares = Shares(bench, net)
    found = shares.out
    if case.kind == "LogSoftmax":
        found = bench.scaled(shares.surprise(np.ones(net.shape)), -1.0)
    return {0: bench.run(bench.permuted(found, back))[0][0]}


def goals(case: Case, classes: int) -> tuple[Floats, float]:
    """The weighted one-hot targets with the classes last, and what a mean divides by; ignored rows are 0."""
    labels, weights = case.inputs[1], case.inputs[2] if len(case.inputs) > 2 else None
    assert labels is not None
    ignored = labels == case.attributes.get("ignore_index", classes + 10**6)
    hot = np.eye(classes)[np.where(ignored, 0, labels)] * ~ignored[..., None]
    if weights is not None:
        hot = hot * weights.astype(np.float64)
    return hot, float(hot.sum())


def softmax_cross_entropy(case: Case) -> Outputs:
    """Softmax with cross-entropy over the second axis, and the logarithms of the shares."""
    x = case.inputs[0]
    assert x is not None
    goal, total = goals(case, x.shape[1])
    bench = Bench(len(x))
    net, back = moved(bench, bench.leaf(x), 1)
    shares = Shares(bench, net)
    logarithms = bench.permuted(bench.scaled(shares.surprise(np.ones(net.shape)), -1.0), back)
    return dict(enumerate(bench.run(_reduced(bench, case, shares, goal, total), logarithms)))


def _reduced(bench: Bench, case: Case, shares: Shares, goal: Floats, total: float) -> Array:
    match case.attributes.get("reduction", "mean"):
        case "none":
            terms = shares.surprise(goal)
            return bench.add(RowSum, terms.element_shape[:-1], exponentials=terms)
        case "sum":
            return bench.add(Total, (), Extent.SUM, loss_terms=(shares.surprise(goal),))
        case _:
            terms = shares.surprise(goal, Share(weight=1.0 / total))
            return bench.add(Total, (), Extent.SUM, loss_terms=(terms,))


def negative_log_likelihood(case: Case) -> Outputs:
    """−w · x at the label: a product with the targets, added up."""
    x = case.inputs[0]
    assert x is not None
    goal, total = goals(case, x.shape[1])
    reduction = case.attributes.get("reduction", "mean")
    bench = Bench(len(x))
    net, _back = moved(bench, bench.leaf(x), 1)
    weights = bench.leaf(-goal / (total if reduction == "mean" else 1.0))
    terms = bench.pointwise(MULTIPLY, net, weights)
    if reduction == "none":
        return {0: bench.run(bench.add(RowSum, terms.element_shape[:-1], exponentials=terms))[0]}
    return {0: bench.run(bench.add(Total, (), Extent.SUM, loss_terms=(terms,)))[0]}
