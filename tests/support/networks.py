"""Random dense networks as scenario texts, and the small tools that the engine's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any
from unittest.mock import patch

import numpy as np
from hypothesis import strategies as st

from retrograde.engine.equations import activation_table as activations
from retrograde.engine.equations import losses
from retrograde.engine.equations.activation_table import Elementwise
from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.equations.array import Array
from retrograde.engine.equations.expression import Ref
from retrograde.engine.network.program import Program, unravel
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.scenario.models import Scenario
from retrograde.engine.travel import timeline

ELEMENTWISE = tuple(name for name, row in activations.ACTIVATIONS.items() if isinstance(row, Elementwise))
ACTIVATIONS = tuple(activations.ACTIVATIONS)
PLAIN_LOSSES = tuple(name for name, row in losses.LOSSES.items() if row.targets == "numbers")
LOSSES = tuple(losses.LOSSES)
OTHER = {"leaky_relu": 0.1, "elu": 1.5}
"""Parameters of activations that are not their defaults; of others 0.75."""
OPTIONS = {"log_epsilon": 0.02, "log_clip": 0.1, "log_floor": -1.5, "pos_weight": 2.5}
"""Options of losses; others are 0.75."""
BIASES = ("neuron", "shared", "none")
EXECUTORS = ("generated", "kernels", "blas")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A dense network, its data and its training; the numbers come from ``seed``."""

    widths: tuple[int, ...]
    activations: tuple[str, ...]
    biases: tuple[str, ...]
    frozen: tuple[tuple[str, ...], ...]
    loss: str
    option: str = ""
    over_outputs: str | None = None
    over_batch: str | None = None
    samples: int
    batch_size: int
    shuffle: str = "none"
    generator: str = "philox"
    update: str = "simultaneous"
    arithmetic: str = "exact"
    epochs: int = 2
    rate: float = 0.25
    scale: float = 1.0
    seed: int = 0
    explicit: bool = False
    stop: str = ""

    @property
    def text(self) -> str:
        """The scenario as a file."""
        random = np.random.Generator(np.random.Philox(self.seed))
        inputs = random.normal(size=(self.samples, self.widths[0])) * self.scale
        lines = [
            "format = 1",
            'title = { en = "A random network", zh = "随机网络" }',
            "[network]",
            f"inputs = {self.widths[0]}",
            f'arithmetic = "{self.arithmetic}"',
            f"seed = {self.seed}",
            "[network.init]",
            f'kind = "normal"\nstd = {self.scale!r}\ndraw_bias = true\ngenerator = "{self.generator}"',
        ]
        for number, activation in enumerate(self.activations):
            sources, units = self.widths[number : number + 2]
            bias = self.biases[number]
            lines += ["[[network.layers]]", f"units = {units}", f'activation = "{activation}"', f'bias = "{bias}"']
            if (parameter := activations.ACTIVATIONS[activation].parameter) is not None:
                lines.append(f"{parameter.key} = {OTHER.get(activation, 0.75)}")
            if self.frozen[number]:
                lines.append(f"frozen = {list(self.frozen[number])}")
            if self.explicit:
                weights = random.normal(size=(units, sources)) * self.scale / np.sqrt(sources)
                lines.append(f"weights = {rounded(weights)}")
                if bias != "none":
                    lines.append(f"biases = {rounded(random.normal(size=units if bias == 'neuron' else 1))}")
        lines += ["[data]", f"inputs = {rounded(inputs)}", f"targets = {rounded(self._targets(random))}"]
        lines += ["[loss]", f'kind = "{self.loss}"']
        lines += [f'over_outputs = "{self.over_outputs}"'] if self.over_outputs else []
        lines += [f'over_batch = "{self.over_batch}"'] if self.over_batch else []
        for option in (*losses.LOSSES[self.loss].defaults, *([self.option] if self.option else [])):
            lines.append(f"{option} = {OPTIONS.get(option, 0.75)}")
        lines += [
            "[training]",
            f"learning_rate = {self.rate!r}",
            f'update = "{self.update}"',
            f"batch_size = {self.batch_size}",
            f'shuffle = "{self.shuffle}"',
            f"seed = {self.seed}",
            "[stop]",
            f"epochs = {self.epochs}",
            self.stop,
        ]
        return "\n".join(lines)

    def _targets(self, random: np.random.Generator) -> Floats:
        shape = (self.samples, self.widths[-1])
        match self.loss:
            case "cross_entropy" | "nll" | "multiclass_hinge":
                shares = random.uniform(0.1, 1.0, shape)
                targets = shares / shares.sum(axis=1, keepdims=True)
                hot = random.integers(shape[1], size=shape[0])
                # The first rows are one-hot, the others soft.
                for row in range((shape[0] + 1) // 2):
                    targets[row] = np.eye(shape[1])[hot[row]]
                return targets
            case "binary_cross_entropy" | "binary_cross_entropy_logits":
                targets = random.uniform(size=shape)
                return np.where(random.uniform(size=shape) < 0.5, np.round(targets), targets)
            case "hinge" | "squared_hinge":
                return random.choice((-1.0, 1.0), size=shape)
            case _:
                return random.normal(size=shape)

    @property
    def scenario(self) -> Scenario:
        """The scenario, as the program reads it."""
        return parse_scenario(self.text, name="random")


def optional(loss: str) -> list[str]:
    """The options of a loss that may be absent."""
    row = losses.LOSSES[loss]
    return [option.key for option in row.options if option.key not in row.defaults]


def rounded(values: Floats) -> list[Any]:
    """Numbers of at most 17 digits as lists, as a file writes them."""
    found: list[Any] = values.tolist()
    return found


@st.composite
def recipes(
    draw: st.DrawFn,
    *,
    depth: int = 4,
    width: int = 4,
    samples: int = 4,
    epochs: int = 2,
    arithmetic: tuple[str, ...] = ("exact",),
    updates: tuple[str, ...] = ("simultaneous", "in_place"),
    losses: tuple[str, ...] = LOSSES,
    freeze: bool = True,
    stop: str = "",
) -> Recipe:
    """Networks that mix everything a dense scenario can say."""
    loss = draw(st.sampled_from(losses))
    layers = draw(st.integers(1, depth))
    widths = [draw(st.integers(1, width)) for _ in range(layers + 1)]
    activations = [draw(st.sampled_from(ACTIVATIONS)) for _ in range(layers)]
    match loss:
        case "cross_entropy":
            activations[-1] = "softmax"
        case "binary_cross_entropy":
            activations[-1] = draw(st.sampled_from(("sigmoid", "softmax")))
        case "binary_cross_entropy_logits":
            activations[-1] = "identity"
        case "nll":
            activations[-1] = "log_softmax"
    # A share of one unit is always 1, and its logarithm is of no use to a loss.
    if loss in {"cross_entropy", "binary_cross_entropy", "nll"} and "softmax" in activations[-1]:
        widths[-1] = max(2, widths[-1])
    biases = [draw(st.sampled_from(BIASES)) for _ in range(layers)]
    frozen: list[tuple[str, ...]] = []
    for bias in biases:
        options = [(), (), ("weights",)] + ([("bias",), ("weights", "bias")] if bias != "none" else [])
        frozen.append(draw(st.sampled_from(options)) if freeze else ())
    option = draw(st.sampled_from(("", *optional(loss))))
    count = draw(st.integers(1, samples))
    return Recipe(
        widths=tuple(widths),
        activations=tuple(activations),
        biases=tuple(biases),
        frozen=tuple(frozen),
        loss=loss,
        option=option,
        over_outputs=draw(st.sampled_from((None, "sum", "mean"))),
        over_batch=draw(st.sampled_from((None, "sum", "mean"))),
        samples=count,
        batch_size=draw(st.integers(0, count)),
        shuffle=draw(st.sampled_from(("none", "seeded", "numpy-legacy"))),
        generator=draw(st.sampled_from(("philox", "numpy-legacy"))),
        update=draw(st.sampled_from(updates)),
        arithmetic=draw(st.sampled_from(arithmetic)),
        epochs=epochs,
        seed=draw(st.integers(0, 999)),
        stop=stop,
    )


@contextmanager
def executed_by(executor: str) -> Iterator[None]:
    """Forces the generated or the kernel executor, whatever the size of the program."""
    steps = 1 << 60 if executor == "generated" else -1
    with patch.object(timeline, "GENERATED_STEPS", steps):
        yield


def bits(value: float) -> str:
    """A number as a key that is equal where the bits are; all NaNs are one."""
    return "nan" if value != value else value.hex()


def slots(array: Array) -> Iterator[Ref]:
    """Every slot of an array."""
    for flat in range(array.size):
        yield Ref(array, unravel(flat, array.shape))


def all_slots(program: Program) -> list[Ref]:
    """Every slot of a program."""
    return [ref for array in program.arrays for ref in slots(array)]


def randoms() -> st.SearchStrategy[Random]:
    """A stream of choices from one seed: many small draws would fill hypothesis's own record."""
    return st.integers(0, 2**32).map(Random)
