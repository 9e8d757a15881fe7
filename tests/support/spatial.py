"""Random chains of convolutions, poolings and up-samplings, built from ops alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from random import Random
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array, Extent, Phase, Role
from retrograde.engine.executor.generated import GeneratedExecutor
from retrograde.engine.executor.kernels import KernelExecutor
from retrograde.engine.network.builder import Builder
from retrograde.engine.network.frame import Frame
from retrograde.engine.network.program import Program
from retrograde.engine.ops.base import Op
from retrograde.engine.ops.conv import Convolve, ConvolveTransposed
from retrograde.engine.ops.link import Link
from retrograde.engine.ops.loss import LossTerm, Total
from retrograde.engine.ops.pool import AveragePool, GlobalAverage, MaxPool, Winner
from retrograde.engine.ops.resample import Upsample
from retrograde.engine.ops.window import Axis

KINDS = ("conv", "conv_transpose", "max_pool", "average_pool", "global_average_pool", "upsample")


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One layer of a chain; the numbers of each spatial axis are tuples."""

    kind: str
    channels: int
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    output_padding: tuple[int, ...] = ()
    groups: int = 1
    bias: bool = True
    count_include_pad: bool = True

    def axes(self, lengths: tuple[int, ...]) -> tuple[Axis, ...]:
        """The windows over (or, of a transposed convolution, under) axes of these lengths."""
        found = []
        for number, length in enumerate(lengths):
            taps, stride = self.kernel[number], self.stride[number]
            padding, dilation = self.padding[number], self.dilation[number]
            reach = dilation * (taps - 1) + 1
            if self.kind == "conv_transpose":
                count, length = length, (length - 1) * stride - 2 * padding + reach + self.output_padding[number]
            else:
                count = (length + 2 * padding - reach) // stride + 1
            found.append(Axis(length=length, count=count, taps=taps, stride=stride, dilation=dilation, before=padding))
        return tuple(found)

    def result(self, lengths: tuple[int, ...]) -> tuple[int, ...]:
        """The lengths of the axes that it hands on."""
        match self.kind:
            case "global_average_pool":
                return ()
            case "upsample":
                return tuple(a * b for a, b in zip(lengths, self.stride, strict=True))
            case "conv_transpose":
                return tuple(axis.length for axis in self.axes(lengths))
            case _:
                return tuple(axis.count for axis in self.axes(lengths))


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Stages one after the other, and what runs through them."""

    batch: int
    channels: int
    lengths: tuple[int, ...]
    stages: tuple[Stage, ...]
    seed: int


def chain(
    random: Random, kinds: tuple[str, ...] = KINDS, *, most: int = 2, width: int = 6, batch: int = 4, slots: int = 600
) -> Chain:
    """A chain of one to ``most`` stages that stays small."""
    while True:
        made = _chain(random, kinds, most, width, batch)
        if made is not None and _slots(made) <= slots:
            return made


def _chain(random: Random, kinds: tuple[str, ...], most: int, width: int, batch: int) -> Chain | None:
    count = random.choice((1, 1, 2, 2, 2, 2, 3))
    lengths = first = tuple(random.randint(1, width if count < 3 else 3) for _ in range(count))
    channels = before = random.randint(1, 4)
    stages: list[Stage] = []
    for _ in range(random.randint(1, most)):
        stage = _stage(random, random.choice(kinds), channels, count)
        if any(length < 1 for length in stage.result(lengths)):
            return None
        if stage.kind in {"max_pool", "average_pool"}:
            windows = [(axis, position) for axis in stage.axes(lengths) for position in range(axis.count)]
            if not all(axis.reach(position) for axis, position in windows):
                return None
            if count == 3 and any(axis.length < axis.taps for axis, _position in windows):
                return None  # PyTorch refuses that.
        if stage.kind == "conv_transpose" and any(
            extra >= max(stride, dilation)
            for extra, stride, dilation in zip(stage.output_padding, stage.stride, stage.dilation, strict=True)
        ):
            return None
        stages.append(stage)
        lengths, channels = stage.result(lengths), stage.channels
        if not lengths:
            break
    return Chain(
        batch=random.randint(1, batch),
        channels=before,
        lengths=first,
        stages=tuple(stages),
        seed=random.randrange(10**6),
    )


def _stage(random: Random, kind: str, channels: int, count: int) -> Stage:
    def each(*choices: int) -> tuple[int, ...]:
        return tuple(random.choice(choices) for _ in range(count))

    pool = kind.endswith("_pool")
    kernel = each(1, 2, 3) if pool else each(1, 2, 3, 3, 4)
    groups = random.choice([number for number in (1, 1, 2, 3, 4) if channels % number == 0])
    dilation = (1,) * count if kind == "average_pool" else each(1, 1, 1, 2, 3)
    padding = tuple(random.randint(0, taps // 2) for taps in kernel) if pool else each(0, 0, 1, 1, 2, 3)
    return Stage(
        kind=kind,
        channels=channels if pool or kind == "upsample" else groups * random.randint(1, 2),
        kernel=kernel,
        stride=each(1, 1, 2, 2, 3),
        padding=padding,
        dilation=dilation,
        output_padding=each(0, 0, 1) if kind == "conv_transpose" else (0,) * count,
        groups=groups,
        bias=random.random() < 0.6,
        count_include_pad=random.random() < 0.5,
    )


def _slots(made: Chain) -> int:
    lengths, total = made.lengths, 0
    for stage in made.stages:
        lengths = stage.result(lengths)
        total += made.batch * stage.channels * prod(lengths)
    return total + made.batch * made.channels * prod(made.lengths)


@dataclass(kw_only=True)
class Built:
    """A chain as a program, with its numbers.

    The inputs are first multiplied by a factor for each channel, which starts at 1, so that they have a gradient.
    """

    made: Chain
    program: Program
    state: Floats
    columns: tuple[Floats, ...]
    constants: dict[Array, Floats]
    outputs: list[Array] = field(default_factory=list)

    def kernels(self, *, blas: bool = False) -> KernelExecutor:
        """The kernel executor of the program."""
        return KernelExecutor(self.program, self.constants, blas=blas)

    def executors(self) -> list[Any]:
        """Both executors of the program."""
        return [GeneratedExecutor(self.program, self.constants), self.kernels()]

    def frame(self, executor: Any, overrides: Any = None, inputs: Floats | None = None) -> Frame:
        """The frame of the only iteration."""
        columns = self.columns if inputs is None else (inputs, *self.columns[1:])
        found: Frame = executor.frame(self.state, executor.leaves(columns, range(self.made.batch)), overrides)
        return found


def build(made: Chain) -> Built:
    """The program of a chain: forward, half the squared error, backward, update."""
    generator = np.random.Generator(np.random.Philox(made.seed))
    batch, count = made.batch, len(made.lengths)
    rate = Array(name="lr", shape=(), role=Role.RATE)
    parameters: dict[Array, Floats] = {}

    def parameter(name: str, shape: tuple[int, ...], role: Role = Role.WEIGHT) -> Array:
        array = Array(name=name, shape=shape, role=role, layer=name[-1])
        parameters[array] = generator.normal(size=shape)
        return array

    factor = parameter("W_0", (made.channels, 1, *(1,) * count))
    parameters[factor] = np.ones(factor.shape)
    weights: list[tuple[Array | None, Array | None]] = []
    channels = made.channels
    for number, stage in enumerate(made.stages, 1):
        pair: tuple[Array | None, Array | None] = (None, None)
        if stage.kind.startswith("conv"):
            first, second = stage.channels, channels // stage.groups
            if stage.kind == "conv_transpose":
                first, second = channels, stage.channels // stage.groups
            bias = parameter(f"b_{number}", (stage.channels,), Role.BIAS) if stage.bias else None
            pair = (parameter(f"W_{number}", (first, second, *stage.kernel)), bias)
        weights.append(pair)
        channels = stage.channels
    builder = Builder(batch=batch, rate=rate, trainable=list(parameters), in_place=False)

    def array(name: str, shape: tuple[int, ...], role: Role = Role.OUT) -> Array:
        return builder.array(name, (batch, *shape), role=role, layer=name[-1], batched=True)

    def common(target: Array) -> dict[str, Any]:
        return {"target": target, "phase": Phase.FORWARD, "layer": target.layer, "extent": Extent.SAMPLE}

    inputs = Array(name="i", shape=(batch, made.channels, *made.lengths), role=Role.INPUT, layer="i", batched=True)
    ones = tuple(Axis(length=length, count=length, taps=1) for length in made.lengths)
    x = builder.append(
        Convolve(
            **common(array("out_0", (made.channels, *made.lengths))),
            x=inputs,
            bias=None,
            link=Link(weights=factor, axes=ones, groups=made.channels),
        )
    )
    outputs = [x]
    lengths = made.lengths
    for number, (stage, (kernel, bias)) in enumerate(zip(made.stages, weights, strict=True), 1):
        lengths_after = stage.result(lengths)
        target = common(array(f"out_{number}", (stage.channels, *lengths_after)))
        op: Op
        if stage.kind == "global_average_pool":
            op = GlobalAverage.of(**target, x=x)
        elif stage.kind == "upsample":
            op = Upsample(**target, x=x, factors=stage.stride)
        else:
            axes = stage.axes(lengths)
            if stage.kind == "max_pool":
                winner = builder.append(
                    Winner(**common(array(f"k_{number}", target["target"].element_shape, Role.VALUE)), x=x, axes=axes)
                )
                op = MaxPool(**target, x=x, winner=winner, axes=axes)
            elif stage.kind == "average_pool":
                op = AveragePool(**target, x=x, axes=axes, padded=stage.count_include_pad)
            else:
                assert kernel is not None
                kind = Convolve if stage.kind == "conv" else ConvolveTransposed
                op = kind(**target, x=x, bias=bias, link=Link(weights=kernel, axes=axes, groups=stage.groups))
        x, lengths = builder.append(op), lengths_after
        outputs.append(x)
    goal = Array(name="t", shape=x.shape, role=Role.TARGET, layer=x.layer, batched=True)
    terms = builder.append(
        LossTerm(
            target=array("E_o", x.element_shape, Role.LOSS),
            phase=Phase.LOSS,
            layer=x.layer,
            extent=Extent.SAMPLE,
            out=x,
            goal=goal,
            loss="half_squared_error",
            settings={},
        )
    )
    total = Array(name="E", shape=(), role=Role.TOTAL, layer=x.layer)
    builder.append(Total(target=total, phase=Phase.LOSS, layer=x.layer, extent=Extent.SUM, loss_terms=(terms,)))
    builder.differentiate()
    builder.update()
    program = Program(
        builder.ops,
        batch=batch,
        state=list(parameters),
        updates=[builder.updated[array] for array in parameters],
        data=[inputs, goal],
        constants=[rate],
    )
    columns = tuple(generator.normal(size=(batch, array.size // batch)) for array in (inputs, goal))
    # Some equal values, so that windows have ties; exact zeros of both signs, as a ReLU leaves them.
    columns[0][...] = np.where(generator.random(columns[0].shape) < 0.3, np.round(columns[0]), columns[0])
    return Built(
        made=made,
        program=program,
        state=np.concatenate([values.ravel() for values in parameters.values()]),
        columns=columns,
        constants={rate: np.array(0.25)},
        outputs=outputs,
    )
