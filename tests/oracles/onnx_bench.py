"""A bench for single ops: they are appended to a builder, and run by both executors without a network around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from retrograde.engine.equations.activation_table import ACTIVATIONS
from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.equations.expression import Const, Expr, Product
from retrograde.engine.executor.generated import GeneratedExecutor
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.network.builder import Builder
from retrograde.engine.network.forward import ForwardPass
from retrograde.engine.network.program import Program
from retrograde.engine.ops.activation import Activate, make_function
from retrograde.engine.ops.base import Op
from retrograde.engine.ops.loss import Total
from retrograde.engine.ops.pointwise import Operand, Pointwise, Rule
from retrograde.engine.ops.rearrange import Permute, Recast

PRINTED = 1500
"""Steps up to which the generated executor runs the ops too."""


class BeyondError(Exception):
    """What a case asks for and the engine has no op for; the message says what."""


class Bench:
    """Ops and what they read.

    Args:
        batch: samples: the length of the first axis of every array that has one for each sample.
        optimiser: the optimiser, where ops of an update are run.
        settings: its options.

    Attributes:
        builder: the builder.
    """

    def __init__(self, batch: int = 1, *, optimiser: str = "sgd", settings: Mapping[str, Any] | None = None) -> None:
        self.rate = Array(name="lr", shape=(), role=Role.RATE)
        self.builder = Builder(
            batch=batch,
            rate=self.rate,
            trainable=(),
            in_place=False,
            optimiser=optimiser,
            settings=settings,
        )
        self.batch = batch
        self.values: dict[Array, Floats] = {self.rate: np.array(0.0)}
        self.parameters: dict[str, dict[str, Array]] = {}
        self._graph = ForwardPass(self.builder, train=False, parameters=self.parameters)

    @property
    def graph(self) -> ForwardPass:
        """The forward pass, for the ops of whole layers."""
        return self._graph

    def leaf(self, values: Any, *, batched: bool = True, role: Role = Role.INPUT, name: str = "") -> Array:
        """An array that holds given values; the first axis is the sample, unless it is not ``batched``."""
        found = np.asarray(values, dtype=np.float64)
        array = Array(
            name=name or f"x{len(self.values)}", shape=found.shape, role=role, batched=batched, stem="x", layer=""
        )
        self.values[array] = found
        return array

    def add(
        self, kind: Callable[..., Op], shape: tuple[int, ...], extent: Extent = Extent.SAMPLE, **fields: Any
    ) -> Array:
        """Appends an op; its target has a sample axis before the shape, unless it is a sum over the samples."""
        batched = extent is Extent.SAMPLE
        target = self.builder.array(
            f"y{len(self.builder.ops)}",
            (self.batch, *shape) if batched else shape,
            role=Role.VALUE,
            layer="",
            batched=batched,
            stem="y",
        )
        return self.builder.append(kind(target=target, phase=Phase.FORWARD, layer="", extent=extent, **fields))

    def pointwise(self, rule: Rule, *operands: Array | Operand, shape: tuple[int, ...] | None = None) -> Array:
        """Appends a formula over elements; the shape is that of the first operand unless it is given."""
        found = tuple(one if isinstance(one, Operand) else Operand(one) for one in operands)
        return self.add(Pointwise, found[0].array.element_shape if shape is None else shape, rule=rule, operands=found)

    def activate(self, x: Array, activation: str, parameter: float = 0.0) -> Array:
        """Appends an activation."""
        assert activation in ACTIVATIONS
        function = make_function(activation, parameter)
        return self.add(Activate, x.element_shape, net=x, function=function, activation=activation, parameter=parameter)

    def permuted(self, x: Array, axes: tuple[int, ...]) -> Array:
        """Appends a transposition; the axes are those of the shape, the sample being 0."""
        return self.add(Permute, tuple(x.shape[axis] for axis in axes[1:]), x=x, axes=axes)

    def recast(self, x: Array, shape: tuple[int, ...]) -> Array:
        """Appends a reshape."""
        return self.add(Recast, shape, x=x)

    def scaled(self, x: Array, factor: float) -> Array:
        """Appends a product with a number."""
        return x if factor == 1.0 else self.pointwise(multiple(factor), x)

    def run(self, *wanted: Array, state: tuple[Array, ...] = ()) -> tuple[Floats, ...]:
        """The values of some arrays, by the kernels and, where there are few steps, by generated Python too.

        Args:
            wanted: the arrays.
            state: the arrays that the ops replace; their new values are found under ``builder.updated``.
        """
        nothing = Array(name="nothing", shape=(self.batch, 1), role=Role.LOSS, batched=True)
        # An executor looks for the loss.
        total = Total(
            target=self.builder.array("E", (), role=Role.TOTAL, layer=""),
            phase=Phase.LOSS,
            layer="",
            extent=Extent.SUM,
            loss_terms=(nothing,),
        )
        program = Program(
            (*self.builder.ops, total),
            batch=self.batch,
            state=state,
            updates=[self.builder.updated[array] for array in state],
            data=[nothing],
            constants=[array for array in (*self.values, *self.builder.leaves.hyper) if array not in set(state)],
        )
        constants = {**self.values, **self.builder.leaves.hyper}
        start = np.concatenate([constants[array].ravel() for array in state]) if state else np.empty(0)
        columns = [np.zeros((self.batch, 1))]
        kernels = KernelExecutor(program, constants)
        frame = kernels.frame(start, kernels.leaves(columns, range(self.batch)))
        found = tuple(np.array(frame.array(array)) for array in wanted)
        if program.steps <= PRINTED:
            plain = {array: values for array, values in constants.items() if array not in set(state)}
            printed = GeneratedExecutor(program, plain)
            other = printed.frame(start, printed.leaves(columns, range(self.batch)))
            for array, values in zip(wanted, found, strict=True):
                np.testing.assert_allclose(other.array(array), values, rtol=1e-12, atol=1e-14)
        return found


def multiple(factor: float) -> Rule:
    """x times a number."""
    return Rule(name="multiple", title="product", why="A number times the value.", value=_Times(factor))


class _Times:
    def __init__(self, factor: float) -> None:
        self._factor = Const(factor)

    def __call__(self, x: Expr) -> Expr:
        return Product((self._factor, x))
