"""Recurrent layers, embeddings, attention and layer norm in JAX."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tests.oracles.random_networks.jax_layers import JaxPass
from tests.oracles.random_networks.walk import each, slices

Table = Mapping[str, Any]


class Recurrence:
    """One direction of a recurrent layer.

    Args:
        run: the pass.
        table: the layer.
        direction: what the names of this direction end in.
    """

    def __init__(self, run: JaxPass, table: Table, direction: str) -> None:
        self.run, self.table, self.direction = run, table, direction
        both = table.get("direction", "forward") == "both"
        self.stem = "h" + direction if both else "out"
        self.backward = direction == "r" or table.get("direction") == "backward"

    def parameter(self, name: str) -> Any:
        """A parameter of this direction; 0 where there is none."""
        found = self.run.parameter(self.table, name + self.direction)
        return 0.0 if found is None else found

    def states(self, steps: list[Any]) -> list[Any]:
        """The state after each step, in the order of time."""
        run, count = self.run, len(steps)
        stop, size = run.jax.lax.stop_gradient, self.table["units"]
        batch = len(steps[0])
        h, c = (run.np.broadcast_to(self.parameter(name), (batch, size)) for name in ("h0", "c0"))
        mask, cut = run.mask(count), self.table.get("truncate", count)
        found: dict[int, Any] = {}
        for number in range(count):
            place = count - 1 - number if self.backward else number
            if number and number % cut == 0:
                h, c = stop(h), stop(c)
            self.now = True if mask is None else mask[:, place, None] == 1
            self.time = place + 1
            h, c = getattr(self, self.table["kind"])(steps[place], h, c)
            found[place] = h
        return [found[place] for place in range(count)]

    def gate(self, name: str, value: Any, function: Callable[[Any], Any]) -> Any:
        """A gate, from its net input."""
        net = self.run.keep(f"net_{name}{self.direction}", self.table, value, self.time)
        return self.keep(name, function(net))

    def keep(self, stem: str, value: Any) -> Any:
        """Notes a value of this direction."""
        return self.run.keep(stem + self.direction, self.table, value, self.time)

    def state(self, before: Any, after: Any) -> Any:
        """The new state; that before where the step does not count."""
        return self.run.keep(self.stem, self.table, self.run.np.where(self.now, after, before), self.time)

    def _sums(self, x: Any, h: Any) -> tuple[Any, Any]:
        return x @ self.parameter("W").T + self.parameter("b"), h @ self.parameter("U").T + self.parameter("bu")

    def rnn(self, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
        jnp, nn = self.run.np, self.run.jax.nn
        given, past = self._sums(x, h)
        net = self.run.keep("net_r" if self.direction else "net", self.table, given + past, self.time)
        name = self.table.get("activation", "tanh")
        new = {"tanh": jnp.tanh, "relu": nn.relu, "sigmoid": nn.sigmoid, "identity": lambda value: value}[name](net)
        if self.now is not True:
            new = self.keep("cand", new)
        return self.state(h, new), c

    def gru(self, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
        jnp, sigmoid, size = self.run.np, self.run.jax.nn.sigmoid, self.table["units"]
        given, past = (jnp.split(sums, 3, axis=1) for sums in self._sums(x, h))
        r = self.gate("r", given[0] + past[0], sigmoid)
        z = self.gate("z", given[1] + past[1], sigmoid)
        if self.table.get("reset", "after") == "after":
            seen = r * self.keep("u", past[2])
        else:
            bias = self.parameter("bu")
            bias = bias if isinstance(bias, float) else bias[-size:]
            seen = self.keep("rh", r * h) @ self.parameter("U")[-size:].T + bias
        n = self.gate("n", given[2] + seen, jnp.tanh)
        return self.state(h, n + z * (h - n)), c

    def lstm(self, x: Any, h: Any, c: Any) -> tuple[Any, Any]:
        jnp, sigmoid = self.run.np, self.run.jax.nn.sigmoid
        given, past = self._sums(x, h)
        i, f, g, o = jnp.split(given + past, 4, axis=1)
        P = self.parameter("P")
        to_i, to_f, to_o = (0.0, 0.0, 0.0) if isinstance(P, float) else jnp.split(P, 3)
        i = self.gate("i", i + to_i * c, sigmoid)
        f = self.gate("f", f + to_f * c, sigmoid)
        g = self.gate("g", g, jnp.tanh)
        cell = self.keep("c", jnp.where(self.now, f * c + i * g, c))
        o = self.gate("o", o + to_o * cell, sigmoid)
        return self.state(h, o * jnp.tanh(cell)), cell


def recurrent(run: JaxPass, table: Table, x: Any) -> Any:
    directions = ("", "r") if table.get("direction", "forward") == "both" else ("",)
    walks = [Recurrence(run, table, direction) for direction in directions]
    runs = [walk.states(slices(x)) for walk in walks]
    if table.get("outputs", "all") == "last":
        ends = [states[0 if walk.backward else -1] for walk, states in zip(walks, runs, strict=True)]
        return run.keep("out", table, run.np.concatenate(ends, axis=1))
    if len(runs) == 1:
        return runs[0]
    pairs = enumerate(zip(*runs, strict=True), 1)
    return [run.keep("out", table, run.np.concatenate(pair, axis=1), time) for time, pair in pairs]


def linear(run: JaxPass, table: Table, x: Any) -> Any:
    def weighted(step: Any, time: int | None) -> Any:
        net = step @ run.parameter(table, "W").T
        bias = run.parameter(table, "b")
        net = net if bias is None else net + bias
        if table.get("activation", "identity") == "identity":
            return run.keep("out", table, net, time)
        return run.activated(table, run.keep("net", table, net, time), time)

    return each(x, weighted)


def embedding(run: JaxPass, table: Table, x: Any) -> Any:
    return run.keep("out", table, run.parameter(table, "W")[x.astype(int)])


def position(run: JaxPass, table: Table, x: Any) -> Any:
    if table.get("encoding", "sinusoidal") == "learned":
        return run.keep("out", table, x + run.parameter(table, "P"))
    count, width = x.shape[1:]
    angles = np.array([[p / 10000.0 ** (2 * (i // 2) / width) for i in range(width)] for p in range(count)])
    added = np.where(np.arange(width) % 2, np.cos(angles), np.sin(angles))
    return run.keep("out", table, x + added)


def layer_norm(run: JaxPass, table: Table, x: Any) -> Any:
    def normalised(step: Any, time: int | None) -> Any:
        centred = step - step.mean(axis=-1, keepdims=True)
        variance = (centred * centred).mean(axis=-1, keepdims=True)
        out = centred / run.np.sqrt(variance + table.get("epsilon", 1e-5))
        gamma, beta = run.parameter(table, "gamma"), run.parameter(table, "beta")
        return run.keep("out", table, out if gamma is None else gamma * out + beta, time)

    return each(x, normalised)


def attention(run: JaxPass, table: Table, *sources: Any) -> Any:
    jnp = run.np

    def projected(name: str, stem: str, x: Any) -> Any:
        W, bias = run.parameter(table, f"W{name}"), run.parameter(table, f"b{name}")
        if W is None:
            return x
        return run.keep(stem, table, x @ W.T if bias is None else x @ W.T + bias)

    heads = table.get("heads", 1)
    three = (sources[0], sources[min(1, len(sources) - 1)], sources[-1])
    q, k, v = (projected(name, name, x) for name, x in zip("qkv", three, strict=True))
    mixtures = []
    for query, key, value in zip(*(jnp.split(x, heads, axis=-1) for x in (q, k, v)), strict=True):
        scores = query @ key.swapaxes(1, 2) / np.sqrt(query.shape[-1])
        if table.get("causal", False):
            seen = np.arange(key.shape[1]) <= np.arange(query.shape[1])[:, None]
            scores = jnp.where(seen, scores, -np.inf)
        mixtures.append(run.jax.nn.softmax(scores, axis=-1) @ value)
    mixture = jnp.concatenate(mixtures, axis=-1)
    if run.parameter(table, "Wo") is None:
        return run.keep("out", table, mixture)
    return projected("o", "out", run.keep("z", table, mixture))


KINDS: dict[str, Callable[..., Any]] = {
    "rnn": recurrent,
    "gru": recurrent,
    "lstm": recurrent,
    "linear": linear,
    "embedding": embedding,
    "position": position,
    "layer_norm": layer_norm,
    "attention": attention,
}
"""The kinds of layer of this file."""
