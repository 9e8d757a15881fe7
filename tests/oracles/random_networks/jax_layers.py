"""The layers in JAX: ``jax.numpy``, one function a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.oracles.random_networks.scalars import computed
from tests.oracles.random_networks.walk import FIRST, Spec, each, named, together

SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def jax_module() -> Any:
    """JAX in float64 on the processor."""
    import jax

    jax.config.update("jax_enable_x64", True)
    jax.config.update("jax_platforms", "cpu")
    return jax


class JaxPass:
    """A forward pass.

    Args:
        spec: the scenario.
        parameters: the parameters.
        probes: zeros that are added to the values that are kept; the derivatives by them are the gradients. Empty in
            the pass that finds out which there are.
        memory: running statistics; replaced by this pass.
        masks: the dropout masks.
        kinds: the function of every kind of layer.

    Attributes:
        kept: the values that have a gradient of their own, by the engine's names.
        values: what each layer hands on: an array (batch, ...), or a list of them, one a time step.
        logits: the net inputs of each softmax, by its shares.
    """

    def __init__(
        self,
        spec: Spec,
        parameters: Mapping[str, Any],
        probes: Mapping[str, Any],
        memory: dict[str, Any],
        masks: Mapping[str, Any],
        kinds: Mapping[str, Callable[..., Any]],
    ) -> None:
        self.jax = jax_module()
        self.np = self.jax.numpy
        self.spec, self.parameters, self.probes, self.memory, self.masks = spec, parameters, probes, memory, masks
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
        self.ones = self.np.ones(len(inputs))
        for table in self.spec.layers:
            # A graph of scalars reads single values by their names.
            sources = [self.values[name] for name in table["inputs"]] if table["kind"] != "graph" else []
            self.values[table["name"]] = self.kinds[table["kind"]](self, table, *sources)

    def parameter(self, table: Mapping[str, Any], name: str) -> Any:
        """A parameter of a layer, None where it has none of that name."""
        return self.parameters.get(f"{name}_{self.spec.owner(table)}")

    def keep(self, stem: str, table: Mapping[str, Any], value: Any, time: int | None = None) -> Any:
        """Notes a value of a layer by the engine's name; returns it with its probe."""
        return self.note(named(stem, table["name"], time), value)

    def note(self, name: str, value: Any) -> Any:
        """Notes a value by its name; returns it with its probe."""
        if name in self.probes:
            value = value + self.probes[name]
        self.kept[name] = value
        return value

    def mask(self, steps: int) -> Any:
        """Which of so many steps count, (batch, steps); None where all do."""
        if self.lengths is None or self.spec.steps != steps:
            return None
        return (np.arange(steps) < self.lengths[:, None]).astype(float)

    def activated(self, table: Mapping[str, Any], net: Any, time: int | None = None, default: str = "identity") -> Any:
        """out = activation(net)."""
        name = table.get("activation", default)
        out = self.keep("out", table, activation_of(self.jax, name, table)(net), time)
        if name == "softmax":
            self.logits[id(out)] = net
        return out


def activation_of(jax: Any, name: str, table: Mapping[str, Any]) -> Callable[[Any], Any]:
    """An activation function."""
    jnp, nn = jax.numpy, jax.nn
    slope, alpha = table.get("slope", 0.01), table.get("alpha", 1.0)
    functions: dict[str, Callable[[Any], Any]] = {
        "identity": lambda x: x,
        "sigmoid": nn.sigmoid,
        "tanh": jnp.tanh,
        "relu": nn.relu,
        "leaky_relu": lambda x: jnp.where(x > 0, x, slope * x),
        "elu": lambda x: jnp.where(x > 0, x, alpha * jnp.expm1(jnp.where(x > 0, 0.0, x))),
        "silu": lambda x: x * nn.sigmoid(x),
        "gelu": lambda x: 0.5 * x * (1.0 + jax.scipy.special.erf(x / jnp.sqrt(2.0))),
        "gelu_tanh": lambda x: 0.5 * x * (1.0 + jnp.tanh(jnp.sqrt(2.0 / jnp.pi) * (x + 0.044715 * x * x * x))),
        "softplus": nn.softplus,
        "softmax": lambda x: nn.softmax(x, axis=-1),
        "selu": lambda x: SELU_SCALE * jnp.where(x > 0, x, SELU_ALPHA * jnp.expm1(jnp.where(x > 0, 0.0, x))),
        "mish": lambda x: x * jnp.tanh(nn.softplus(x)),
        "softsign": lambda x: x / (1.0 + jnp.abs(x)),
        "log_sigmoid": nn.log_sigmoid,
        "relu6": lambda x: jnp.where((x > 0) & (x < 6), x, jnp.where(x > 0, 6.0, 0.0)),
        "hard_tanh": lambda x: jnp.where((x > -1) & (x < 1), x, jnp.sign(x)),
        "hard_sigmoid": lambda x: jnp.where((x > -3) & (x < 3), x / 6.0 + 0.5, jnp.where(x > 0, 1.0, 0.0)),
        "hard_swish": lambda x: jnp.where((x > -3) & (x < 3), x * (x + 3.0) / 6.0, jnp.where(x > 0, x, 0.0)),
    }
    return functions[name]


Table = Mapping[str, Any]


def dense(run: JaxPass, table: Table, *sources: Any) -> Any:
    jnp = run.np
    W, bias = run.parameter(table, "W"), run.parameter(table, "b")
    if "edges" in table:
        pairs = [(i, j) for i, row in enumerate(table["edges"]) for j, there in enumerate(row) if there]
        rows, columns = map(jnp.array, zip(*pairs, strict=True))
        W = jnp.zeros((len(table["edges"]), len(table["edges"][0]))).at[rows, columns].set(W)

    def weighted(steps: list[Any], time: int | None) -> Any:
        x = jnp.concatenate([step.reshape(len(step), -1) for step in steps], axis=1)
        net = x @ W.T
        if bias is not None:
            net = net + bias
        return run.activated(table, run.keep("net", table, net, time), time, "sigmoid")

    return together(list(sources), weighted)


def merge(run: JaxPass, table: Table, *sources: Any) -> Any:
    def merged(steps: list[Any], time: int | None) -> Any:
        net = steps[0]
        for step in steps[1:]:
            net = net + step if table["kind"] == "add" else net * step
        if table.get("activation", "identity") == "identity":
            return run.keep("out", table, net, time)
        return run.activated(table, run.keep("net", table, net, time), time)

    return together(list(sources), merged)


def concatenate(run: JaxPass, table: Table, *sources: Any) -> Any:
    axis = table.get("axis", 1)
    return together(
        list(sources), lambda steps, time: run.keep("out", table, run.np.concatenate(steps, axis=axis), time)
    )


def activation(run: JaxPass, table: Table, x: Any) -> Any:
    return each(x, lambda step, time: run.activated(table, step, time))


def flatten(run: JaxPass, table: Table, x: Any) -> Any:
    steps = x if isinstance(x, list) else [x]
    return run.keep("out", table, run.np.concatenate([step.reshape(len(step), -1) for step in steps], axis=1))


def reshape(run: JaxPass, table: Table, x: Any) -> Any:
    return each(x, lambda step, time: run.keep("out", table, step.reshape(len(step), *table["shape"]), time))


def permute(run: JaxPass, table: Table, x: Any) -> Any:
    def permuted(step: Any, time: int | None) -> Any:
        axes = [axis if axis > 0 else step.ndim + axis for axis in table["axes"]]
        return run.keep("out", table, step.transpose(0, *axes), time)

    return each(x, permuted)


def transpose(run: JaxPass, table: Table, x: Any) -> Any:
    first, second = table.get("axes", (-2, -1))
    return each(x, lambda step, time: run.keep("out", table, run.np.swapaxes(step, first, second), time))


def batch_norm(run: JaxPass, table: Table, x: Any) -> Any:
    jnp, name = run.np, table["name"]
    axes = (0, *range(2, x.ndim))
    wide = (1, -1, *(1,) * (x.ndim - 2))
    mean, count = x.mean(axis=axes), x.size // x.shape[1]
    centred = x - mean.reshape(wide)
    variance = (centred * centred).mean(axis=axes)
    net = centred / jnp.sqrt(variance + table.get("epsilon", 1e-5)).reshape(wide)
    gamma, beta = run.parameter(table, "gamma"), run.parameter(table, "beta")
    if gamma is not None:
        net = gamma.reshape(wide) * net + beta.reshape(wide)
    momentum = table.get("momentum", 0.1)
    for stem, start, value in (
        ("running_mean", 0.0, mean),
        ("running_var", 1.0, variance * count / max(1, count - 1)),
    ):
        old = run.memory.get(f"{stem}_{name}", start)
        run.memory[f"{stem}_{name}"] = (1.0 - momentum) * old + momentum * value
    return run.activated(table, run.keep("net", table, net))


def dropout(run: JaxPass, table: Table, x: Any) -> Any:
    def dropped(step: Any, time: int | None) -> Any:
        mask = run.masks[named("mask", table["name"], time)]
        mask = mask.reshape(*mask.shape, *(1,) * (step.ndim - mask.ndim))
        return run.keep("out", table, step * (mask / (1.0 - table.get("rate", 0.5))), time)

    return each(x, dropped)


def graph(run: JaxPass, table: Table) -> Any:
    jnp, nn = run.np, run.jax.nn
    functions = {name: getattr(jnp, name) for name in ("exp", "log", "sqrt", "sin", "cos", "tanh", "abs")}
    functions |= {"sigmoid": nn.sigmoid, "relu": nn.relu, "max": jnp.maximum}
    return computed(run, table, functions, lambda row: jnp.stack(row, axis=1))


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
