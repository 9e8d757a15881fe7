"""Recurrent layers, embeddings, attention and layer norm in PyTorch.

A recurrent layer is written out, so that the gradient of every net input can be asked for; where PyTorch has the same
cell (``torch.lstm_cell`` and the like), each step is compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.oracles.random_networks.torch_layers import TorchPass
from tests.oracles.random_networks.walk import each, slices

Table = Mapping[str, Any]


class Recurrence:
    """One direction of a recurrent layer.

    Args:
        run: the pass.
        table: the layer.
        direction: what the names of this direction end in.
        steps: the inputs of each step.
    """

    def __init__(self, run: TorchPass, table: Table, direction: str, steps: list[Any]) -> None:
        self.run, self.table, self.direction, self.steps = run, table, direction, steps
        self.both = table.get("direction", "forward") == "both"
        self.stem = "out" if not self.both else "h" + direction
        self.W, self.U, self.b, self.bu, self.P = (
            run.parameter(table, name + direction) for name in ("W", "U", "b", "bu", "P")
        )
        states: list[Any] = [run.parameter(table, name + direction) for name in ("h0", "c0")]
        self.c: Any
        self.h, self.c = (None if one is None else one.expand(len(steps[0]), -1) for one in states)

    def states(self) -> list[Any]:
        """The state after each step, in the order of time."""
        count, run = len(self.steps), self.run
        turned = self.direction == "r" or self.table.get("direction") == "backward"
        order = list(reversed(range(count))) if turned else list(range(count))
        mask = run.mask(count)
        cut = self.table.get("truncate")
        found: dict[int, Any] = {}
        for number, place in enumerate(order):
            h, c = self.h, self.c
            if cut and number and number % cut == 0:
                h, c = h.detach(), None if c is None else c.detach()
            now = None if mask is None else mask[:, place : place + 1] > 0
            step = {"rnn": self.rnn, "gru": self.gru, "lstm": self.lstm}[self.table["kind"]]
            self.h = step(self.steps[place], h, c, place + 1, now)
            found[place] = self.h
        return [found[place] for place in range(count)]

    def keep(self, stem: str, value: Any, time: int, *, gate: bool = True) -> Any:
        """Notes a gate, or a state."""
        return self.run.keep(stem + self.direction if gate else stem, self.table, value, time)

    def net(self, name: str, value: Any, time: int) -> Any:
        """Notes a net input."""
        return self.keep("_".join(part for part in ("net", name + self.direction) if part), value, time, gate=False)

    def held(self, now: Any, before: Any, after: Any) -> Any:
        """The state before where the mask is 0."""
        return after if now is None else self.run.torch.where(now, after, before)

    def _given(self, x: Any) -> Any:
        linear = self.run.functional.linear
        return linear(x, self.W, self.b)

    def _past(self, h: Any, U: Any = None, bu: Any = None) -> Any:
        linear = self.run.functional.linear
        return linear(h, self.U, self.bu) if U is None else linear(h, U, bu)

    def _agrees(self, mine: Any, theirs: Any) -> None:
        torch = self.run.torch
        assert torch.allclose(mine.detach(), theirs, rtol=1e-11, atol=1e-13), "not what the cell of PyTorch computes"

    def _cell(self, name: str, *arguments: Any) -> Any:
        """What a cell of PyTorch computes; it wants both biases or none."""
        torch = self.run.torch
        nothing = torch.zeros(len(self.W), dtype=torch.float64)
        biases = [nothing if bias is None else bias for bias in (self.b, self.bu)]
        with torch.no_grad():
            return getattr(torch, name)(*arguments, self.W, self.U, *biases)

    def rnn(self, x: Any, h: Any, c: Any, time: int, now: Any) -> Any:
        del c
        torch = self.run.torch
        net = self.net("", self._given(x) + self._past(h), time)
        name = self.table.get("activation", "tanh")
        new = net * 1.0 if name == "identity" else getattr(torch, name)(net)
        if name in {"tanh", "relu"}:
            self._agrees(new, self._cell(f"rnn_{name}_cell", x, h))
        if now is not None:
            new = self.held(now, h, self.keep("cand", new, time))
        return self.keep(self.stem, new, time, gate=False)

    def gru(self, x: Any, h: Any, c: Any, time: int, now: Any) -> Any:
        del c
        torch, size = self.run.torch, self.table["units"]
        given = self._given(x).split(size, dim=1)
        past = self._past(h).split(size, dim=1)
        r = self.keep("r", torch.sigmoid(self.net("r", given[0] + past[0], time)), time)
        z = self.keep("z", torch.sigmoid(self.net("z", given[1] + past[1], time)), time)
        if self.table.get("reset", "after") == "after":
            net = self.net("n", given[2] + r * self.keep("u", past[2] * 1.0, time), time)
        else:
            bias = None if self.bu is None else self.bu[2 * size :]
            net = self.net("n", given[2] + self._past(self.keep("rh", r * h, time), self.U[2 * size :], bias), time)
        n = self.keep("n", torch.tanh(net), time)
        new = (1 - z) * n + z * h
        if self.table.get("reset", "after") == "after":
            self._agrees(new, self._cell("gru_cell", x, h))
        return self.keep(self.stem, self.held(now, h, new), time, gate=False)

    def lstm(self, x: Any, h: Any, c: Any, time: int, now: Any) -> Any:
        torch, size = self.run.torch, self.table["units"]
        nets = dict(zip("ifgo", (self._given(x) + self._past(h)).split(size, dim=1), strict=True))
        peep = dict.fromkeys("ifo", 0.0) if self.P is None else dict(zip("ifo", self.P.split(size), strict=True))
        i = self.keep("i", torch.sigmoid(self.net("i", nets["i"] + peep["i"] * c, time)), time)
        f = self.keep("f", torch.sigmoid(self.net("f", nets["f"] + peep["f"] * c, time)), time)
        g = self.keep("g", torch.tanh(self.net("g", nets["g"] * 1.0, time)), time)
        cell = self.keep("c", self.held(now, c, f * c + i * g), time)
        o = self.keep("o", torch.sigmoid(self.net("o", nets["o"] + peep["o"] * cell, time)), time)
        new = self.held(now, h, o * torch.tanh(cell))
        if self.P is None:
            theirs, _ = self._cell("lstm_cell", x, (h, c))
            self._agrees(new, self.held(now, h.detach(), theirs))
        self.c = cell
        return self.keep(self.stem, new, time, gate=False)


def recurrent(run: TorchPass, table: Table, x: Any) -> Any:
    both = table.get("direction", "forward") == "both"
    runs = [Recurrence(run, table, direction, slices(x)).states() for direction in (("", "r") if both else ("",))]
    if table.get("outputs", "all") == "last":
        ends = [runs[0][0] if table.get("direction") == "backward" else runs[0][-1]]
        ends += [states[0] for states in runs[1:]]
        return run.keep("out", table, run.torch.cat(ends, dim=1))
    if not both:
        return runs[0]
    return [
        run.keep("out", table, run.torch.cat(pair, dim=1), time) for time, pair in enumerate(zip(*runs, strict=True), 1)
    ]


def linear(run: TorchPass, table: Table, x: Any) -> Any:
    def weighted(step: Any, time: int | None) -> Any:
        net = run.functional.linear(step, run.parameter(table, "W"), run.parameter(table, "b"))
        if table.get("activation", "identity") == "identity":
            return run.keep("out", table, net, time)
        return run.activated(table, run.keep("net", table, net, time), time)

    return each(x, weighted)


def embedding(run: TorchPass, table: Table, x: Any) -> Any:
    return run.keep("out", table, run.functional.embedding(x.long(), run.parameter(table, "W")))


def position(run: TorchPass, table: Table, x: Any) -> Any:
    torch = run.torch
    if table.get("encoding", "sinusoidal") == "learned":
        return run.keep("out", table, x + run.parameter(table, "P"))
    count, width = x.shape[1:]
    places, elements = torch.arange(count, dtype=torch.float64)[:, None], torch.arange(width)
    angles = places / 10000.0 ** ((elements - elements % 2) / width)
    return run.keep("out", table, x + torch.where(elements % 2 == 0, torch.sin(angles), torch.cos(angles)))


def layer_norm(run: TorchPass, table: Table, x: Any) -> Any:
    def normalised(step: Any, time: int | None) -> Any:
        gamma, beta = run.parameter(table, "gamma"), run.parameter(table, "beta")
        out = run.functional.layer_norm(step, step.shape[-1:], gamma, beta, table.get("epsilon", 1e-5))
        return run.keep("out", table, out, time)

    return each(x, normalised)


def attention(run: TorchPass, table: Table, *sources: Any) -> Any:
    def projected(name: str, stem: str, x: Any) -> Any:
        if run.parameter(table, f"W{name}") is None:
            return x
        made = run.functional.linear(x, run.parameter(table, f"W{name}"), run.parameter(table, f"b{name}"))
        return run.keep(stem, table, made)

    heads = table.get("heads", 1)

    def split(x: Any) -> Any:
        return x.reshape(len(x), x.shape[1], heads, -1).transpose(1, 2)

    three = (sources[0], sources[min(1, len(sources) - 1)], sources[-1])
    q, k, v = (projected(name, name, x) for name, x in zip("qkv", three, strict=True))
    attend = run.functional.scaled_dot_product_attention
    mixture = attend(split(q), split(k), split(v), is_causal=table.get("causal", False))
    mixture = mixture.transpose(1, 2).flatten(2)
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
