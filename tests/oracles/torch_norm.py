"""Batch norm, dropout and label smoothing in PyTorch, float64: what the engine's numbers are compared with.

Run from the root of the repository, where PyTorch is installed, to write ``torch_norm.json.gz`` anew:

    python -m tests.oracles.torch_norm

The networks are read from the texts of scenarios; nothing of the engine takes part. Losses, updates, running averages
and evaluations are those of ``torch.nn.BatchNorm1d`` and ``BatchNorm2d``, ``functional.cross_entropy`` and
``torch.optim.SGD``. The values and gradients between the steps of a batch norm, which PyTorch keeps to itself, are
autograd's through the formulas of the paper; they lead to the same outputs. Masks are drawn as the documentation says.
"""

from __future__ import annotations

import gzip
import json
import tomllib
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tests.oracles.torch_dense import torch_module
from tests.support.networks import rounded
from tests.support.normed import Normed

STORE = Path(__file__).with_name("torch_norm.json.gz")
COUNT = 40
UPDATES = 4
SHAPES = ((3,), (2,), (2, 3), (3, 2), (2, 2, 2), (1, 2, 3), (3, 1, 2))
ACTIVATIONS = ("tanh", "sigmoid", "identity", "relu", "softplus")


def recipe(number: int) -> Normed:
    """Network ``number`` of the store."""
    random = Random(number)
    numbers = np.random.Generator(np.random.Philox(number + 1000))
    shape = SHAPES[number % len(SHAPES)]
    hidden = [random.randint(2, 4) for _ in range(random.randint(1, 2))]
    loss = ("cross_entropy", "half_squared_error", "cross_entropy", "mean_squared_error")[number % 4]
    activations = [random.choice(ACTIVATIONS) for _ in hidden] + ["softmax" if loss == "cross_entropy" else "identity"]
    samples = random.choice((4, 5, 6, 8))

    def between(channels: int, often: float) -> tuple[str, ...]:
        found = []
        if random.random() < often:
            lines = ['kind = "batch_norm"', f'activation = "{random.choice(ACTIVATIONS)}"']
            lines.append(f"momentum = {random.choice((0.1, 0.25, 1.0))}\nepsilon = {random.choice((1e-5, 1e-3, 0.1))}")
            if random.random() < 0.2:
                lines.append("affine = false")
            else:
                lines.append(f"gamma = {rounded(numbers.normal(1.0, 0.5, channels))}")
                lines.append(f"beta = {rounded(numbers.normal(0.0, 0.5, channels))}")
            found.append("\n".join(lines))
        if random.random() < 0.5:
            found.append(f'kind = "dropout"\nrate = {random.choice((0.1, 0.25, 0.5))}')
        return tuple(found)

    more = [between(shape[0], 0.9 if len(shape) > 1 else 0.3), *(between(width, 0.8) for width in hidden)]
    return Normed(
        widths=(int(np.prod(shape)), *hidden, random.randint(2, 4)),
        activations=tuple(activations),
        biases=tuple(random.choice(("neuron", "none")) for _ in activations),
        frozen=((),) * len(activations),
        loss=loss,
        samples=samples,
        batch_size=random.choice([0, *(size for size in range(2, samples) if samples % size != 1)]),
        epochs=UPDATES,
        rate=random.choice((0.05, 0.25)),
        seed=number,
        explicit=True,
        between=tuple(more),
        shape=shape if more[0] else (),
        smoothing=random.choice((0.0, 0.1, 0.3)) if loss == "cross_entropy" else 0.0,
    )


class Layer:
    """A layer of any of the three kinds; ``kept`` holds what it computed, by the engine's names."""

    def __init__(self, torch: Any, table: dict[str, Any], name: str, number: int, shape: tuple[int, ...]) -> None:
        def parameter(values: Any) -> Any:
            return torch.tensor(values, dtype=torch.float64, requires_grad=True)

        self.torch, self.table, self.name, self.number = torch, table, name, number
        self.kind = table.get("kind", "dense")
        self.parameters: dict[str, Any] = {}
        self.kept: dict[str, Any] = {}
        if self.kind == "dense":
            self.parameters["W"] = parameter(table["weights"])
            if table["bias"] != "none":
                self.parameters["b"] = parameter(table["biases"])
        if self.kind == "batch_norm":
            made = torch.nn.BatchNorm2d if len(shape) == 3 else torch.nn.BatchNorm1d
            affine = table.get("affine", True)
            self.module = made(shape[0], table["epsilon"], table["momentum"], affine=affine, dtype=torch.float64)
            if affine:
                with torch.no_grad():
                    self.module.weight.copy_(torch.tensor(table["gamma"], dtype=torch.float64))
                    self.module.bias.copy_(torch.tensor(table["beta"], dtype=torch.float64))
                self.parameters = {"gamma": self.module.weight, "beta": self.module.bias}

    def __call__(self, x: Any, seed: int, iteration: int | None, *, by_hand: bool) -> Any:
        """The output in an iteration, or, without one, when it is evaluated."""
        match self.kind:
            case "dense":
                net = self.torch.nn.functional.linear(x.flatten(1), self.parameters["W"], self.parameters.get("b"))
                return self._activated(net)
            case "dropout":
                return self._keep("out", self._dropped(x, seed, iteration) if iteration is not None else x * 1.0)
            case _:
                self.module.train(iteration is not None)
                if by_hand:
                    return self._activated(self._by_hand(x))
                return self._activated(self.module(x))

    def _keep(self, stem: str, values: Any) -> Any:
        self.kept[f"{stem}_{self.name}"] = values
        return values

    def _dropped(self, x: Any, seed: int, iteration: int) -> Any:
        rate = self.table["rate"]
        stream = np.random.Philox(key=(3 << 64) | seed, counter=[0, 0, self.number, iteration])
        mask = np.where(np.random.Generator(stream).random(tuple(x.shape)) < rate, 0.0, 1.0)
        self._keep("mask", self.torch.tensor(mask))
        return x * (self.torch.tensor(mask) / (1.0 - rate))

    def _by_hand(self, x: Any) -> Any:
        axes = [0, *range(2, x.dim())]
        wide = (1, -1, *(1 for _ in range(2, x.dim())))
        mean = self._keep("mu", x.mean(axes))
        variance = self._keep("var", ((x - mean.reshape(wide)) ** 2).mean(axes))
        found = (x - mean.reshape(wide)) / self.torch.sqrt(variance.reshape(wide) + self.table["epsilon"])
        if self.parameters:
            found = self._keep("xhat", found)
            found = self.parameters["gamma"].reshape(wide) * found + self.parameters["beta"].reshape(wide)
        assert self.torch.allclose(found, self.module(x), rtol=1e-10, atol=1e-12)
        return found

    def _activated(self, net: Any) -> Any:
        torch = self.torch
        net = self._keep("net", net)
        match self.table.get("activation", "identity"):
            case "identity":
                return self._keep("out", net * 1.0)
            case "softmax":
                return self._keep("out", torch.softmax(net, dim=1))
            case name:
                return self._keep("out", getattr(torch.nn.functional, name)(net))


def loss_of(torch: Any, spec: dict[str, Any], last: Layer, goal: Any) -> Any:
    """E, by PyTorch's own loss."""
    functional, table = torch.nn.functional, spec["loss"]
    out, net = last.kept[f"out_{last.name}"], last.kept[f"net_{last.name}"]
    match table["kind"]:
        case "cross_entropy":
            return functional.cross_entropy(net, goal, label_smoothing=table.get("label_smoothing", 0.0))
        case "mean_squared_error":
            return functional.mse_loss(out, goal)
        case _:
            return 0.5 * functional.mse_loss(out, goal, reduction="sum")


def network_of(torch: Any, spec: dict[str, Any]) -> list[Layer]:
    """The layers of a scenario."""
    tables = spec["network"]["layers"]
    names = [*(f"h{number}" for number in range(1, len(tables))), "o"] if len(tables) > 2 else ["h", "o"]
    if len(tables) == 1:
        names = ["o"]
    found = []
    shape = tuple(spec["network"].get("input_shape", [spec["network"]["inputs"]]))
    for number, (table, name) in enumerate(zip(tables, names, strict=True), 1):
        found.append(Layer(torch, table, name, number, shape))
        if found[-1].kind == "dense":
            shape = (table["units"],)
    return found


def first_iteration(text: str, size: int) -> dict[str, Any]:
    """Every value and every gradient of the first iteration, by the engine's names."""
    torch = torch_module()
    spec = tomllib.loads(text)
    layers = network_of(torch, spec)
    x, goal = data_of(torch, spec, range(size))
    for layer in layers:
        x = layer(x, spec["network"]["seed"], 0, by_hand=True)
    kept = {name: values for layer in layers for name, values in layer.kept.items()}
    if smoothing := spec["loss"].get("label_smoothing", 0.0):
        kept["smooth_o"] = (1 - smoothing) * goal + smoothing / goal.shape[1]
    trained = {f"{name}_{layer.name}": one for layer in layers for name, one in layer.parameters.items()}
    slopes = {}
    for name, values in kept.items():
        if values.requires_grad:
            values.retain_grad()
            slopes[name] = values
    loss_of(torch, spec, layers[-1], goal).backward()
    found = {name: values.detach().tolist() for name, values in kept.items()}
    for name, values in {**slopes, **trained}.items():
        if values.grad is not None:
            found[f"grad({name})"] = values.grad.tolist()
    return found


def data_of(torch: Any, spec: dict[str, Any], rows: range) -> tuple[Any, Any]:
    """The inputs and the targets of some rows."""
    inputs = np.array(spec["data"]["inputs"])[rows.start : rows.stop]
    shape = spec["network"].get("input_shape", inputs.shape[1:])
    goals = np.array(spec["data"]["targets"])[rows.start : rows.stop]
    return torch.tensor(inputs.reshape(-1, *shape)), torch.tensor(goals)


def reference(text: str) -> dict[str, Any]:
    """What PyTorch computes of a scenario."""
    torch = torch_module()
    spec = tomllib.loads(text)
    layers = network_of(torch, spec)
    seed, count = spec["network"]["seed"], len(spec["data"]["inputs"])
    size = spec["training"]["batch_size"] or count
    starts = range(0, count, size)
    optimizer = torch.optim.SGD(
        [one for layer in layers for one in layer.parameters.values()], lr=spec["training"]["learning_rate"]
    )
    losses = []
    for update in range(UPDATES):
        start = starts[update % len(starts)]
        x, goal = data_of(torch, spec, range(start, min(count, start + size)))
        for layer in layers:
            x = layer(x, seed, update, by_hand=False)
        loss = loss_of(torch, spec, layers[-1], goal)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    state = {f"{name}_{layer.name}": one for layer in layers for name, one in layer.parameters.items()}
    for layer in layers:
        if layer.kind == "batch_norm":
            state[f"running_mean_{layer.name}"] = layer.module.running_mean
            state[f"running_var_{layer.name}"] = layer.module.running_var
    x, goal = data_of(torch, spec, range(count))
    for layer in layers:
        x = layer(x, seed, None, by_hand=False)
    return {
        "text": text,
        "first": first_iteration(text, size),
        "losses": losses,
        "state": {name: values.detach().tolist() for name, values in state.items()},
        "predictions": x.detach().tolist(),
        "evaluated": loss_of(torch, spec, layers[-1], goal).item(),
    }


def load() -> list[dict[str, Any]]:
    """The committed networks."""
    found: list[dict[str, Any]] = json.loads(gzip.decompress(STORE.read_bytes()))
    return found


def main() -> None:
    """Write the store."""
    found = [reference(recipe(number).text) for number in range(COUNT)]
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    # Without a time in its header the file depends on its content alone.
    STORE.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
