"""The layers in PyTorch: ``torch.nn.functional``, one function a kind."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from tests.oracles.random_networks.scalars import computed
from tests.oracles.random_networks.walk import FIRST, Spec, each, named, together


def torch_module() -> Any:
    """PyTorch, imported quietly and with one thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch

        torch.set_num_threads(1)
    return torch


class TorchPass:
    """A forward pass.

    Args:
        spec: the scenario.
        parameters: the parameters.
        memory: running statistics; replaced by this pass.
        masks: the dropout masks.
        kinds: the function of every kind of layer.

    Attributes:
        kept: the values that have a gradient of their own, by the engine's names.
        values: what each layer hands on: a tensor (batch, ...), or a list of them, one a time step.
        logits: the net inputs of each softmax, by its shares.
    """

    def __init__(
        self,
        spec: Spec,
        parameters: Mapping[str, Any],
        memory: dict[str, Any],
        masks: Mapping[str, Any],
        kinds: Mapping[str, Callable[..., Any]],
    ) -> None:
        self.torch = torch_module()
        self.functional = self.torch.nn.functional
        self.spec, self.parameters, self.memory, self.masks = spec, parameters, memory, masks
        self.kinds = kinds
        self.kept: dict[str, Any] = {}
        self.values: dict[str, Any] = {}
        self.logits: dict[int, Any] = {}

    def run(self, inputs: Any, lengths: Any) -> None:
        """Computes every layer.

        Args:
            inputs: the inputs.
            lengths: (batch,), how many steps of each sample count; None where all do.
        """
        self.values[FIRST], self.lengths = inputs, lengths
        self.ones = self.torch.ones(len(inputs), dtype=self.torch.float64)
        for table in self.spec.layers:
            # A graph of scalars reads single values by their names.
            sources = [self.values[name] for name in table["inputs"]] if table["kind"] != "graph" else []
            self.values[table["name"]] = self.kinds[table["kind"]](self, table, *sources)

    def parameter(self, table: Mapping[str, Any], name: str) -> Any:
        """A parameter of a layer, None where it has none of that name."""
        return self.parameters.get(f"{name}_{self.spec.owner(table)}")

    def keep(self, stem: str, table: Mapping[str, Any], value: Any, time: int | None = None) -> Any:
        """Notes a value of a layer by the engine's name."""
        return self.note(named(stem, table["name"], time), value)

    def note(self, name: str, value: Any) -> Any:
        """Notes a value by its name."""
        if value.requires_grad:
            value.retain_grad()
        self.kept[name] = value
        return value

    def mask(self, steps: int) -> Any:
        """Which of so many steps count, (batch, steps); None where all do."""
        lengths = self.lengths
        if lengths is None or self.spec.steps != steps:
            return None
        return (self.torch.arange(steps) < lengths[:, None]).double()

    def activated(self, table: Mapping[str, Any], net: Any, time: int | None = None, default: str = "identity") -> Any:
        """out = activation(net)."""
        torch, functional = self.torch, self.functional
        match table.get("activation", default):
            case "identity":
                # A tensor of its own, so that the gradients of net and out are kept apart.
                out = net * 1.0
            case "sigmoid" | "tanh" as name:
                out = getattr(torch, name)(net)
            case "leaky_relu":
                out = functional.leaky_relu(net, table.get("slope", 0.01))
            case "elu":
                out = functional.elu(net, table.get("alpha", 1.0))
            case "gelu_tanh":
                out = functional.gelu(net, approximate="tanh")
            case "hard_sigmoid":
                # The gradient of functional.hardsigmoid has 1/6 in single precision.
                out = functional.relu6(net + 3.0) / 6.0
            case "hard_tanh" | "hard_swish" | "log_sigmoid" as name:
                out = getattr(functional, name.replace("_", ""))(net)
            case "softmax":
                out = torch.softmax(net, dim=-1)
                self.logits[id(out)] = net
            case name:
                out = getattr(functional, name)(net)
        return self.keep("out", table, out, time)


Table = Mapping[str, Any]


def dense(run: TorchPass, table: Table, *sources: Any) -> Any:
    torch = run.torch
    weights, bias = run.parameter(table, "W"), run.parameter(table, "b")

    def weighted(steps: list[Any], time: int | None) -> Any:
        x = torch.cat([step.reshape(len(step), -1) for step in steps], dim=1)
        W = weights
        if "edges" in table:
            there = torch.tensor(table["edges"], dtype=torch.bool)
            W = torch.zeros(there.shape, dtype=torch.float64).masked_scatter(there, weights)
        net = run.functional.linear(x, W)
        if bias is not None:
            net = net + bias
        return run.activated(table, run.keep("net", table, net, time), time, "sigmoid")

    return together(list(sources), weighted)


def merge(run: TorchPass, table: Table, *sources: Any) -> Any:
    def merged(steps: list[Any], time: int | None) -> Any:
        net = steps[0]
        for step in steps[1:]:
            net = net + step if table["kind"] == "add" else net * step
        if table.get("activation", "identity") == "identity":
            return run.keep("out", table, net, time)
        return run.activated(table, run.keep("net", table, net, time), time)

    return together(list(sources), merged)


def concatenate(run: TorchPass, table: Table, *sources: Any) -> Any:
    axis = table.get("axis", 1)
    return together(list(sources), lambda steps, time: run.keep("out", table, run.torch.cat(steps, dim=axis), time))


def activation(run: TorchPass, table: Table, x: Any) -> Any:
    return each(x, lambda step, time: run.activated(table, step, time))


def flatten(run: TorchPass, table: Table, x: Any) -> Any:
    steps = x if isinstance(x, list) else [x]
    return run.keep("out", table, run.torch.cat([step.reshape(len(step), -1) for step in steps], dim=1))


def reshape(run: TorchPass, table: Table, x: Any) -> Any:
    return each(x, lambda step, time: run.keep("out", table, step.reshape(len(step), *table["shape"]) * 1.0, time))


def permute(run: TorchPass, table: Table, x: Any) -> Any:
    def permuted(step: Any, time: int | None) -> Any:
        axes = [axis if axis > 0 else step.dim() + axis for axis in table["axes"]]
        return run.keep("out", table, laid_out(step.permute(0, *axes)), time)

    return each(x, permuted)


def transpose(run: TorchPass, table: Table, x: Any) -> Any:
    first, second = table.get("axes", (-2, -1))
    return each(x, lambda step, time: run.keep("out", table, laid_out(step.transpose(first, second)), time))


def laid_out(value: Any) -> Any:
    """The same values in rows: over other strides the gradient of torch's batch norm by γ and β can be wrong."""
    return value.contiguous() * 1.0


def batch_norm(run: TorchPass, table: Table, x: Any) -> Any:
    name, ones = table["name"], run.torch.ones(x.shape[1], dtype=run.torch.float64)
    mean = run.memory.get(f"running_mean_{name}", 0.0 * ones).clone()
    variance = run.memory.get(f"running_var_{name}", ones).clone()
    net = run.functional.batch_norm(
        x,
        mean,
        variance,
        run.parameter(table, "gamma"),
        run.parameter(table, "beta"),
        training=True,
        momentum=table.get("momentum", 0.1),
        eps=table.get("epsilon", 1e-5),
    )
    run.memory[f"running_mean_{name}"], run.memory[f"running_var_{name}"] = mean, variance
    return run.activated(table, run.keep("net", table, net))


def dropout(run: TorchPass, table: Table, x: Any) -> Any:
    def dropped(step: Any, time: int | None) -> Any:
        mask = run.masks[named("mask", table["name"], time)]
        mask = mask.reshape(*mask.shape, *(1,) * (step.dim() - mask.dim()))
        return run.keep("out", table, step * (mask / (1.0 - table.get("rate", 0.5))), time)

    return each(x, dropped)


def graph(run: TorchPass, table: Table) -> Any:
    torch = run.torch
    functions = {name: getattr(torch, name) for name in ("exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "relu")}
    return computed(run, table, {**functions, "abs": torch.abs, "max": torch.maximum}, lambda row: torch.stack(row, 1))


KINDS: dict[str, Callable[..., Any]] = {
    "dense": dense,
    "add": merge,
    "multiply": merge,
    "concatenate": concatenate,
    "activation": activation,
    "flatten": flatten,
    "reshape": reshape,
    "permute": permute,
    "transpose": transpose,
    "batch_norm": batch_norm,
    "dropout": dropout,
    "graph": graph,
}
"""The kinds of layer of this file."""
