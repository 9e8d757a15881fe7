"""Networks that are made ill in twenty ways, and healthy ones: what the doctor is measured by.

A faulty network is a healthy one with a single fault, as public taxonomies of training faults describe them; its row
says which rules name that fault. Everything about a network comes from its seed. The networks have two inputs, 1 to 3
hidden layers of 4 to 12 units with tanh, ReLU or σ, one of three tasks, SGD, momentum, Adam or RMSprop, and 60 epochs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.scenario.models import Scenario
from tests.support.networks import rounded

Random = np.random.Generator

EPOCHS = 60


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be learned.

    Attributes:
        inputs: (samples, 2).
        targets: (samples, outputs).
        output: the activation of the last layer.
        loss: the kind of loss.
    """

    inputs: Floats
    targets: Floats
    output: str
    loss: str


@dataclass(frozen=True, kw_only=True)
class Ailing:
    """A network and its training, to be written as a scenario.

    Attributes:
        task: what is to be learned.
        layers: the hidden layers, as tables of a scenario.
        last: what the last layer has besides its units and activation.
        init: how parameters are drawn.
        training: the table.
        epochs: how many.
        seed: of the weights.
    """

    task: Task
    layers: tuple[dict[str, Any], ...]
    last: dict[str, Any]
    init: dict[str, Any]
    training: dict[str, Any]
    epochs: int = EPOCHS
    seed: int = 0

    @property
    def scenario(self) -> Scenario:
        """The scenario, as the program reads it."""
        return parse_scenario(self.text, name="patient")

    @property
    def text(self) -> str:
        """The scenario as a file."""
        task = self.task
        last = {"name": "o", "units": task.targets.shape[1], "activation": task.output} | self.last
        parts = [
            'format = 1\ntitle = { en = "A patient", zh = "病例" }',
            _table("network", {"inputs": task.inputs.shape[1], "seed": self.seed}),
            _table("network.init", self.init) if self.init else "",
            *(_table("network.layers", layer, listed=True) for layer in (*self.layers, last)),
            _table("data", {"inputs": rounded(task.inputs), "targets": rounded(task.targets)}),
            _table("loss", {"kind": task.loss}),
            _table("training", self.training),
            _table("stop", {"epochs": self.epochs}),
        ]
        return "\n".join(filter(None, parts))


def _table(name: str, values: dict[str, Any], *, listed: bool = False) -> str:
    head = f"[[{name}]]" if listed else f"[{name}]"
    return "\n".join([head, *(f"{key} = {_written(value)}" for key, value in values.items())])


def _written(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case _:
            return repr(value)


# -- tasks


def curve(random: Random) -> Task:
    """A smooth function of two numbers."""
    inputs = random.uniform(-1.7, 1.7, (int(random.integers(60, 91)), 2))
    targets = np.sin(1.5 * inputs[:, :1]) + 0.5 * inputs[:, 1:] + 0.05 * random.normal(size=(len(inputs), 1))
    return Task(inputs=inputs, targets=targets, output="identity", loss="mean_squared_error")


def moons(random: Random) -> Task:
    """Two arcs that reach into each other."""
    count = int(random.integers(60, 91))
    angle = random.uniform(0.0, math.pi, count)
    upper = random.permutation(np.arange(count) % 2)
    x = np.where(upper == 1, np.cos(angle), 1.0 - np.cos(angle))
    y = np.where(upper == 1, np.sin(angle), 0.5 - np.sin(angle))
    inputs = np.stack([x - 0.5, y - 0.25], axis=1) * (1.1, 2.0) + 0.15 * random.normal(size=(count, 2))
    return Task(inputs=inputs, targets=upper[:, None].astype(float), output="sigmoid", loss="binary_cross_entropy")


def blobs(random: Random) -> Task:
    """Three clusters, one a class."""
    count = int(random.integers(60, 91))
    classes = random.permutation(np.arange(count) % 3)
    turn = random.uniform(0.0, 2.0 * math.pi)
    middle = np.stack([np.cos(turn + 2.1 * classes), np.sin(turn + 2.1 * classes)], axis=1) * 1.3
    return Task(
        inputs=middle + 0.7 * random.normal(size=(count, 2)),
        targets=np.eye(3)[classes],
        output="softmax",
        loss="cross_entropy",
    )


TASKS: tuple[Callable[[Random], Task], ...] = (curve, moons, blobs)

# -- a network without a fault

OPTIMISERS: dict[str, tuple[dict[str, Any], float, float]] = {
    "sgd": ({}, 0.05, 0.3),
    "momentum": ({"momentum": 0.9}, 0.01, 0.06),
    "adam": ({"optimizer": "adam"}, 0.003, 0.03),
    "rmsprop": ({"optimizer": "rmsprop"}, 0.001, 0.01),
}
"""By name: what the training says, and the rates that it is given."""


def log_uniform(random: Random, low: float, high: float) -> float:
    """A number whose logarithm is drawn evenly, with three digits."""
    return float(f"{math.exp(random.uniform(math.log(low), math.log(high))):.3g}")


def pick(random: Random, *values: Any) -> Any:
    """One of some values."""
    return values[int(random.integers(len(values)))]


def hidden(random: Random, depth: int, activation: str, **more: Any) -> tuple[dict[str, Any], ...]:
    """Hidden layers of 4 to 12 units."""
    return tuple(
        {"name": f"h{number + 1}", "units": int(random.integers(4, 13)), "activation": activation} | more
        for number in range(depth)
    )


def start(seed: int, activation: str | None = None) -> tuple[Random, Ailing]:
    """A network as it should be, and the numbers that are still to be drawn for it."""
    random = np.random.default_rng(np.random.SeedSequence([20_26, seed]))
    chosen = str(pick(random, "tanh", "relu", "sigmoid")) if activation is None else activation
    training, low, high = OPTIMISERS[str(pick(random, *OPTIMISERS))]
    healthy = Ailing(
        task=pick(random, *TASKS)(random),
        layers=hidden(random, int(random.integers(1, 4)), chosen),
        last={},
        init={"kind": "he_normal" if chosen == "relu" else "glorot_uniform"},
        training={
            "learning_rate": log_uniform(random, low, high),
            "batch_size": int(pick(random, 10, 15, 20)),
            "shuffle": "seeded",
            "seed": seed,
        }
        | training,
        seed=seed,
    )
    return random, healthy


def healthy(seed: int) -> Ailing:
    """A network without a fault; whether it learns is for its run to say."""
    return start(seed)[1]


def _trained(network: Ailing, **training: Any) -> Ailing:
    return replace(network, training=network.training | training)


def _plainly(network: Ailing, **training: Any) -> Ailing:
    """The same, trained by plain descent or with momentum."""
    kept = {key: network.training[key] for key in ("batch_size", "shuffle", "seed")}
    return replace(network, training=kept | training)


def _regression(network: Ailing, random: Random) -> Ailing:
    return replace(network, task=curve(random))


# -- faults


def lr_large_tanh(seed: int) -> Ailing:
    random, network = start(seed, "tanh")
    return _plainly(_regression(network, random), learning_rate=log_uniform(random, 3.0, 20.0))


def lr_large_relu(seed: int) -> Ailing:
    random, network = start(seed, "relu")
    return _plainly(_regression(network, random), learning_rate=log_uniform(random, 3.0, 20.0))


def lr_large_momentum(seed: int) -> Ailing:
    random, network = start(seed)
    return _plainly(_regression(network, random), learning_rate=log_uniform(random, 2.0, 10.0), momentum=0.9)


def lr_large_adam(seed: int) -> Ailing:
    random, network = start(seed)
    return _plainly(network, learning_rate=log_uniform(random, 3.0, 10.0), optimizer="adam")


def lr_small(seed: int) -> Ailing:
    random, network = start(seed)
    return _plainly(network, learning_rate=log_uniform(random, 1e-8, 1e-6))


def no_step(seed: int) -> Ailing:
    random, network = start(seed)
    return _plainly(network, learning_rate=log_uniform(random, 1e-22, 1e-19))


def init_large(seed: int) -> Ailing:
    random, network = start(seed, str(pick(np.random.default_rng(seed), "tanh", "sigmoid")))
    return replace(network, init={"kind": "normal", "std": float(random.integers(12, 30))})


def init_small(seed: int) -> Ailing:
    random, network = start(seed)
    activation = str(pick(random, "tanh", "relu"))
    layers = hidden(random, int(random.integers(4, 6)), activation)
    return replace(network, layers=layers, init={"kind": "normal", "std": log_uniform(random, 0.003, 0.03)})


def init_equal(seed: int) -> Ailing:
    random, network = start(seed)
    value = float(pick(random, 0.0, 0.1, 0.5))
    return replace(network, init={"kind": "constant", "value": value})


def deep_sigmoid(seed: int) -> Ailing:
    random, network = start(seed)
    return replace(network, layers=hidden(random, int(random.integers(7, 10)), "sigmoid"))


def saturated_bias(seed: int) -> Ailing:
    random, network = start(seed, "tanh")
    layers = tuple(layer | {"biases": float(random.integers(7, 12))} for layer in network.layers)
    return replace(_plainly(network, learning_rate=log_uniform(random, 0.01, 0.1)), layers=layers)


def dead_units(seed: int) -> Ailing:
    random, network = start(seed, "relu")
    first, *others = network.layers
    dead = first | {"biases": -float(random.integers(15, 40))}
    return replace(network, layers=(dead, *others))


def through_time(seed: int) -> Ailing:
    random, network = start(seed, "tanh")
    steps, units = int(random.integers(12, 20)), int(random.integers(4, 9))
    inputs = random.normal(size=(60, steps))
    task = Task(
        inputs=inputs,
        targets=inputs[:, :1] + inputs[:, 1:2],
        output="identity",
        loss="mean_squared_error",
    )
    turn = np.linalg.qr(random.normal(size=(units, units)))[0]
    layer = {
        "name": "h",
        "kind": "rnn",
        "units": units,
        "activation": "identity",
        "outputs": "last",
        "recurrent_weights": rounded(turn * random.uniform(1.7, 2.5)),
    }
    return _plainly(replace(network, task=task, layers=(layer,)), learning_rate=log_uniform(random, 0.01, 0.1))


def inputs_as_bytes(seed: int) -> Ailing:
    _random, network = start(seed)
    task = network.task
    low, high = task.inputs.min(axis=0), task.inputs.max(axis=0)
    return replace(network, task=replace(task, inputs=np.round(255 * (task.inputs - low) / (high - low))))


def column_scale(seed: int) -> Ailing:
    random, network = start(seed)
    scale = np.ones(2)
    scale[int(random.integers(2))] = float(pick(random, 1e3, 1e4, 1e5))
    return replace(network, task=replace(network.task, inputs=network.task.inputs * scale))


def out_of_reach(seed: int) -> Ailing:
    random, network = start(seed)
    task = curve(random)
    output = str(pick(random, "sigmoid", "tanh"))
    return replace(network, task=replace(task, output=output, targets=task.targets * 2.0 + float(pick(random, 0, 3))))


def one_class(seed: int) -> Ailing:
    random, network = start(seed)
    task = pick(random, moons, blobs)(random)
    return replace(network, task=replace(task, targets=np.broadcast_to(task.targets[:1], task.targets.shape)))


def imbalance(seed: int) -> Ailing:
    random, network = start(seed)
    task = moons(random)
    targets = np.zeros_like(task.targets)
    targets[: int(random.integers(1, 4))] = 1.0
    return replace(network, task=replace(task, targets=random.permutation(targets)))


def pair(seed: int) -> Ailing:
    random, network = start(seed)
    if random.random() < 0.5:
        task = blobs(random)
        return replace(network, task=replace(task, loss="mean_squared_error"))
    task = moons(random)
    return replace(network, task=replace(task, output="relu", loss="mean_squared_error"))


def log_of_zero(seed: int) -> Ailing:
    random, network = start(seed, str(pick(np.random.default_rng(seed), "tanh", "relu")))
    task = moons(random)
    large = replace(network, task=task, init={"kind": "normal", "std": float(random.integers(30, 80))})
    return _plainly(large, learning_rate=log_uniform(random, 0.05, 0.5))


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to be ill.

    Attributes:
        make: the network of a seed.
        named_by: the rules that name the fault.
    """

    make: Callable[[int], Ailing]
    named_by: frozenset[str]


_RATE = ("lr_large", "lr_curvature", "exploding", "diverging")

FAULTS: dict[str, Fault] = {
    make.__name__: Fault(make=make, named_by=frozenset(names))
    for make, names in (
        (lr_large_tanh, _RATE),
        (lr_large_relu, _RATE),
        (lr_large_momentum, _RATE),
        (lr_large_adam, _RATE),
        (lr_small, ("lr_small", "unchanged")),
        (no_step, ("unchanged", "lr_small")),
        (init_large, ("init_large", "saturated")),
        (init_small, ("init_small", "vanishing", "no_gradient")),
        (init_equal, ("twins",)),
        (deep_sigmoid, ("vanishing", "init_small")),
        (saturated_bias, ("saturated", "init_large")),
        (dead_units, ("dead_relu", "no_gradient")),
        (through_time, ("through_time_explodes", "exploding")),
        (inputs_as_bytes, ("inputs_unscaled",)),
        (column_scale, ("inputs_unscaled",)),
        (out_of_reach, ("target_range",)),
        (one_class, ("one_class",)),
        (imbalance, ("imbalance",)),
        (pair, ("pair",)),
        (log_of_zero, ("nonfinite", "loss_nonfinite", "init_large")),
    )
}
"""The faults by name, with the rules that name them."""
