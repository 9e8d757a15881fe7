"""Random recurrent networks as scenario texts: every kind, direction, bias, initial state, truncation, length."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.layers import table
from retrograde.engine.layers.recurrent import RecurrentLayer
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.scenario.models import Scenario
from tests.support.networks import rounded

KINDS = tuple(kind for kind, model in table.KINDS.items() if issubclass(model, RecurrentLayer))
GATES = {"rnn": 1, "gru": 3, "lstm": 4}
LOSSES = ("half_squared_error", "mean_squared_error", "binary_cross_entropy", "cross_entropy")


@dataclass(frozen=True, kw_only=True)
class Recurrent:
    """A recurrent layer of a network.

    Attributes:
        kind: rnn, gru or lstm.
        units: its width.
        outputs: all or last.
        direction: forward, backward or both.
        bias: one, both or none.
        truncate: 0 for none.
        trained: whether the initial states are trained.
        given: whether the file gives every parameter; else the weights are drawn and the states are 0.
        options: further keys.
    """

    kind: str
    units: int
    outputs: str = "all"
    direction: str = "forward"
    bias: str = "one"
    truncate: int = 0
    trained: bool = False
    given: bool = True
    options: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """What it hands on at a step."""
        return self.units * (2 if self.direction == "both" else 1)

    def table(self, random: np.random.Generator, features: int) -> str:
        """Its table in the file."""
        lines = [
            f'kind = "{self.kind}"',
            f"units = {self.units}",
            f'outputs = "{self.outputs}"',
            f'direction = "{self.direction}"',
            f'bias = "{self.bias}"',
            *self.options,
        ]
        lines += [f"truncate = {self.truncate}"] if self.truncate else []
        lines += ['initial = "trained"'] if self.trained else []
        if self.given:
            lines += [f"{key} = {rounded(values)}" for key, values in self.values(random, features).items()]
            if self.direction == "both":
                reverse = self.values(random, features)
                lines.append(f"reverse = {{ {', '.join(f'{k} = {rounded(v)}' for k, v in reverse.items())} }}")
        return "\n".join(lines)

    def values(self, random: np.random.Generator, features: int) -> dict[str, Floats]:
        """The parameters of a direction."""
        rows = GATES[self.kind] * self.units
        found = {
            "weights": random.normal(size=(rows, features)) / np.sqrt(features),
            "recurrent_weights": random.normal(size=(rows, self.units)) / np.sqrt(self.units),
        }
        if self.bias != "none":
            found["biases"] = random.normal(size=rows) * 0.5
        if self.bias == "both":
            found["recurrent_biases"] = random.normal(size=rows) * 0.5
        found["h0"] = random.normal(size=self.units) * 0.5
        if self.kind == "lstm":
            found["c0"] = random.normal(size=self.units) * 0.5
        if "peepholes = true" in self.options:
            found["peephole_weights"] = random.normal(size=3 * self.units) * 0.5
        return found


@dataclass(frozen=True, kw_only=True)
class Sequential:
    """A network of recurrent layers with a dense one on top, its data and its training."""

    steps: int
    features: int
    layers: tuple[Recurrent, ...]
    units: int = 2
    activation: str = "identity"
    loss: str = "half_squared_error"
    over_time: str = ""
    lengths: tuple[int, ...] = ()
    samples: int = 2
    batch_size: int = 0
    arithmetic: str = "exact"
    shuffle: str = "none"
    epochs: int = 2
    rate: float = 0.25
    seed: int = 0
    flat: bool = False
    stop: str = ""

    @property
    def last(self) -> bool:
        """Whether there is one output after the last step."""
        return self.layers[-1].outputs == "last"

    @property
    def text(self) -> str:
        """The scenario as a file."""
        random = np.random.Generator(np.random.Philox(self.seed))
        positions = 1 if self.last else self.steps
        inputs = random.normal(size=(self.samples, self.steps * self.features))
        classes = self.loss == "cross_entropy"
        if classes:
            targets = random.integers(self.units, size=(self.samples, positions)).astype(np.float64)
        elif self.loss == "binary_cross_entropy":
            targets = np.round(random.uniform(size=(self.samples, positions * self.units)))
        else:
            targets = random.normal(size=(self.samples, positions * self.units))
        indices = rounded(targets[:, 0] if classes and positions == 1 else targets)
        lines = [
            "format = 1",
            'title = { en = "A random recurrent network", zh = "随机循环网络" }',
            "[network]",
            f"inputs = {self.steps * self.features}",
            "" if self.flat else f"input_shape = [{self.steps}, {self.features}]",
            f'arithmetic = "{self.arithmetic}"',
            f"seed = {self.seed}",
            "[network.init]",
            'kind = "normal"\nstd = 0.7\ndraw_bias = true',
        ]
        features = self.features
        for layer in self.layers:
            lines += ["[[network.layers]]", layer.table(random, features)]
            features = layer.width
        lines += ["[[network.layers]]", f"units = {self.units}", f'activation = "{self.activation}"']
        lines.append(f"weights = {rounded(random.normal(size=(self.units, features)) / np.sqrt(features))}")
        lines.append(f"biases = {rounded(random.normal(size=self.units) * 0.5)}")
        lines += ["[data]", f"inputs = {rounded(inputs)}", f"targets = {indices}"]
        lines += [f"classes = {self.units}"] if classes else []
        lines += [f"lengths = {list(self.lengths)}"] if self.lengths else []
        lines += ["[loss]", f'kind = "{self.loss}"']
        lines += [f'over_time = "{self.over_time}"'] if self.over_time else []
        lines += ["[training]", f"learning_rate = {self.rate!r}"]
        lines += [f"batch_size = {self.batch_size}", f'shuffle = "{self.shuffle}"', f"seed = {self.seed}"]
        lines += ["[stop]", f"epochs = {self.epochs}", self.stop]
        return "\n".join(lines)

    @property
    def scenario(self) -> Scenario:
        """The scenario, as the program reads it."""
        return parse_scenario(self.text, name="random")


def sequential(
    random: Random,
    *,
    depth: int = 2,
    steps: int = 4,
    units: int = 3,
    samples: int = 3,
    epochs: int = 2,
) -> Sequential:
    """A network that mixes everything a recurrent scenario can say."""
    layers: list[Recurrent] = []
    count = random.randint(1, depth)
    for number in range(count):
        kind = random.choice(KINDS)
        options: list[str] = []
        if kind == "rnn":
            options.append(f'activation = "{random.choice(("tanh", "relu", "sigmoid"))}"')
        elif kind == "gru":
            options.append(f'reset = "{random.choice(("after", "before"))}"')
        elif random.random() < 0.4:
            options.append("peepholes = true")
        layers.append(
            Recurrent(
                kind=kind,
                units=random.randint(1, units),
                outputs=random.choice(("all", "last")) if number == count - 1 else "all",
                direction=random.choice(("forward", "forward", "backward", "both")),
                bias=random.choice(("one", "both", "none")),
                truncate=random.choice((0, 0, 1, 2, 3)),
                trained=random.random() < 0.4,
                given=random.random() < 0.8,
                options=tuple(options),
            )
        )
    length, number = random.randint(1, steps), random.randint(1, samples)
    loss = random.choice(LOSSES)
    flat = random.random() < 0.2
    activation = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}.get(loss, "identity")
    return Sequential(
        steps=length,
        features=1 if flat else random.randint(1, 3),
        flat=flat,
        layers=tuple(layers),
        units=random.randint(2, 3) if loss == "cross_entropy" else random.randint(1, 2),
        activation=activation,
        loss=loss,
        over_time="" if layers[-1].outputs == "last" else random.choice(("", "sum", "mean")),
        lengths=tuple(random.randint(1, length) for _ in range(number)) if random.random() < 0.5 else (),
        samples=number,
        batch_size=random.randint(0, number),
        shuffle=random.choice(("none", "seeded")),
        epochs=epochs,
        seed=random.randrange(10_000),
    )
