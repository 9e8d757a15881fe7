"""Recurrent networks in PyTorch, float64: what the engine's numbers are compared with.

Run from the root of the repository, where PyTorch is installed, to write ``torch_recurrent.json.gz`` anew:

    python -m tests.oracles.torch_recurrent

The networks are read from the texts of scenarios and unrolled by hand over ``torch`` functions, so that autograd gives
the gradient of every gate. What PyTorch has as a module is computed a second time by ``nn.RNN``, ``nn.GRU`` or
``nn.LSTM``, over packed sequences where there are lengths, and must give the same outputs; the reset gate of Cho et
al., peepholes and truncation are written out alone. Nothing of the engine takes part.
"""

from __future__ import annotations

import gzip
import json
import tomllib
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from tests.oracles.torch_dense import torch_module
from tests.support.sequences import KINDS, Sequential, sequential

STORE = Path(__file__).with_name("torch_recurrent.json.gz")
COUNT = 36
UPDATES = 3
DIGITS = 13
"""Significant digits of a value in the store, well beyond what is compared."""

GATES = {"rnn": ("",), "gru": ("r", "z", "n"), "lstm": ("i", "f", "g", "o")}


def recipe(number: int) -> Sequential:
    """Network ``number`` of the store: everything a recurrent scenario can say comes up several times."""
    found = sequential(Random(number), epochs=UPDATES, samples=4)
    layers = [replace(layer, given=True) for layer in found.layers]
    kind = KINDS[number % 3]
    options: tuple[str, ...] = ()
    if kind == "gru":
        options = (f'reset = "{("after", "before")[number // 3 % 2]}"',)
    elif kind == "lstm":
        options = ("peepholes = true",) if number // 3 % 3 == 1 else ()
    else:
        options = (f'activation = "{("tanh", "relu")[number // 3 % 2]}"',)
    layers[0] = replace(
        layers[0], kind=kind, options=options, direction=("both", "forward", "backward", "forward")[number // 3 % 4]
    )
    steps = max(2, found.steps)
    lengths = tuple(1 + (number * 7 + 3 * sample) % steps for sample in range(found.samples)) if number % 2 else ()
    return replace(
        found,
        layers=tuple(layers),
        steps=steps,
        lengths=lengths,
        arithmetic="blas" if number % 5 == 4 else "exact",
        rate=0.25,
        shuffle="none",
    )


class Layer:
    """A recurrent layer of a scenario, unrolled.

    Args:
        torch: PyTorch.
        table: its table in the file.
        name: its name.
    """

    def __init__(self, torch: Any, table: dict[str, Any], name: str) -> None:
        self.torch, self.table, self.name = torch, table, name
        self.units: int = table["units"]
        self.parameters: dict[str, Any] = {}
        self.trained: dict[str, Any] = {}
        self.made: dict[str, Any] = {}
        keys = {
            "weights": "W",
            "recurrent_weights": "U",
            "biases": "b",
            "recurrent_biases": "bu",
            "peephole_weights": "P",
            "h0": "h0",
            "c0": "c0",
        }
        self.directions = ("", "r") if table["direction"] == "both" else ("",)
        for direction in self.directions:
            values = table if direction == "" else table["reverse"]
            for key, stem in keys.items():
                if key not in values:
                    continue
                trained = stem not in {"h0", "c0"} or table.get("initial") == "trained"
                tensor = torch.tensor(values[key], dtype=torch.float64, requires_grad=trained)
                self.parameters[f"{stem}{direction}_{name}"] = tensor
                if trained:
                    self.trained[f"{stem}{direction}_{name}"] = tensor

    def _keep(self, stem: str, time: int | None, values: Any) -> Any:
        self.made[f"{stem}_{self.name}" + ("" if time is None else f"@{time}")] = values
        return values

    def __call__(self, xs: list[Any], mask: Any) -> list[Any]:
        """The outputs at each time step, or the one after the last."""
        runs = []
        for direction in self.directions:
            backward = direction == "r" or self.table["direction"] == "backward"
            runs.append(self._run(xs, mask, direction, backward=backward))
        ends = [self.table["direction"] == "backward", True]
        if self.table["outputs"] == "last":
            last = [run[0] if end else run[-1] for run, end in zip(runs, ends, strict=False)]
            return [self._keep("out", None, self.torch.cat(last, dim=1))]
        if len(runs) == 1:
            return runs[0]
        pairs = zip(*runs, strict=True)
        return [self._keep("out", time, self.torch.cat(pair, dim=1)) for time, pair in enumerate(pairs, 1)]

    def _run(self, xs: list[Any], mask: Any, direction: str, *, backward: bool) -> list[Any]:
        stem = "out" if len(self.directions) == 1 else {"": "h", "r": "hr"}[direction]
        count, cut = len(xs), self.table.get("truncate", 0)
        batch = xs[0].shape[0]
        h = self.parameters[f"h0{direction}_{self.name}"].expand(batch, -1)
        c = self.parameters.get(f"c0{direction}_{self.name}")
        found: list[Any] = [None] * count
        for number in range(count):
            place = count - 1 - number if backward else number
            if cut and number and number % cut == 0:
                h, c = h.detach(), None if c is None else c.detach()
            now = None if mask is None else mask[:, place : place + 1]
            h, c = getattr(self, self.table["kind"])(xs[place], h, c, direction, place + 1, stem, now)
            found[place] = h
        return found

    def _sums(self, direction: str, x: Any, h: Any) -> tuple[list[Any], list[Any]]:
        """What the inputs and what the state add to each gate."""
        own = {stem: self.parameters.get(f"{stem}{direction}_{self.name}") for stem in ("W", "U", "b", "bu")}
        ours, past = x @ own["W"].T, h @ own["U"].T
        ours = ours if own["b"] is None else ours + own["b"]
        past = past if own["bu"] is None else past + own["bu"]
        return list(ours.split(self.units, dim=1)), list(past.split(self.units, dim=1))

    def rnn(self, x: Any, h: Any, c: Any, direction: str, time: int, stem: str, mask: Any) -> tuple[Any, Any]:
        """A step of a simple recurrent layer."""
        (ours,), (past,) = self._sums(direction, x, h)
        net = self._keep("net" + ("_r" if direction else ""), time, ours + past)
        new = getattr(self.torch, self.table["activation"])(net)
        if mask is not None:
            new = self.torch.where(mask == 0, h, self._keep("cand" + direction, time, new))
        return self._keep(stem, time, new), c

    def gru(self, x: Any, h: Any, c: Any, direction: str, time: int, stem: str, mask: Any) -> tuple[Any, Any]:
        """A step of a GRU, in either convention."""
        torch = self.torch
        ours, past = self._sums(direction, x, h)
        gates = {}
        for number, name in enumerate("rz"):
            net = self._keep(f"net_{name}{direction}", time, ours[number] + past[number])
            gates[name] = self._keep(name + direction, time, torch.sigmoid(net))
        if self.table["reset"] == "after":
            net = ours[2] + gates["r"] * self._keep("u" + direction, time, past[2])
        else:
            seen = self._keep("rh" + direction, time, gates["r"] * h)
            net = ours[2] + self._sums(direction, x, seen)[1][2]
        n = self._keep("n" + direction, time, torch.tanh(self._keep(f"net_n{direction}", time, net)))
        new = (1 - gates["z"]) * n + gates["z"] * h
        new = new if mask is None else torch.where(mask == 0, h, new)
        return self._keep(stem, time, new), c

    def lstm(self, x: Any, h: Any, c: Any, direction: str, time: int, stem: str, mask: Any) -> tuple[Any, Any]:
        """A step of an LSTM."""
        torch, units = self.torch, self.units
        ours, past = self._sums(direction, x, h)
        peep = self.parameters.get(f"P{direction}_{self.name}")
        peeps = {} if peep is None else dict(zip("ifo", peep.split(units), strict=True))

        def gate(name: str, cell: Any) -> Any:
            number = "ifgo".index(name)
            net = ours[number] + past[number]
            if name in peeps:
                net = net + peeps[name] * cell
            net = self._keep(f"net_{name}{direction}", time, net)
            return self._keep(name + direction, time, torch.tanh(net) if name == "g" else torch.sigmoid(net))

        i, f, g = (gate(name, c) for name in "ifg")
        cell = f * c + i * g
        cell = self._keep("c" + direction, time, cell if mask is None else torch.where(mask == 0, c, cell))
        new = gate("o", cell) * torch.tanh(cell)
        return self._keep(stem, time, new if mask is None else torch.where(mask == 0, h, new)), cell

    def module(self, xs: list[Any], lengths: Any) -> list[Any] | None:
        """The same by PyTorch's own module; None where it has none."""
        torch, table = self.torch, self.table
        odd = table.get("truncate") or table.get("peepholes") or table.get("reset") == "before"
        if odd or table.get("activation") == "sigmoid" or table["direction"] == "backward":
            return None
        kind = {"rnn": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[table["kind"]]
        more = {"nonlinearity": table["activation"]} if table["kind"] == "rnn" else {}
        module = kind(
            xs[0].shape[1],
            self.units,
            batch_first=True,
            bidirectional=len(self.directions) == 2,
            dtype=torch.float64,
            **more,
        )
        rows = len(GATES[table["kind"]]) * self.units
        states: dict[str, list[Any]] = {"h0": [], "c0": []}
        with torch.no_grad():
            for direction in self.directions:
                tail = "_reverse" if direction else ""
                for stem, theirs in (("W", "weight_ih"), ("U", "weight_hh"), ("b", "bias_ih"), ("bu", "bias_hh")):
                    own = self.parameters.get(f"{stem}{direction}_{self.name}")
                    target = getattr(module, f"{theirs}_l0{tail}")
                    target.copy_(torch.zeros(rows, dtype=torch.float64) if own is None else own)
                for name, found in states.items():
                    own = self.parameters.get(f"{name}{direction}_{self.name}")
                    found += [] if own is None else [own.detach().expand(xs[0].shape[0], -1)]
            start = tuple(torch.stack(found) for found in states.values() if found)
            x: Any = torch.stack([one.detach() for one in xs], dim=1)
            if lengths is not None:
                x = torch.nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
            out, ends = module(x, start if table["kind"] == "lstm" else start[0])
            if lengths is not None:
                out, _lengths = torch.nn.utils.rnn.pad_packed_sequence(out, batch_first=True, total_length=len(xs))
            if table["outputs"] == "last":
                h = ends[0] if table["kind"] == "lstm" else ends
                return [torch.cat(list(h), dim=1)]
        return list(out.unbind(1))


def check(torch: Any, layer: Layer, outs: list[Any], xs: list[Any], mask: Any, lengths: Any) -> bool:
    """Whether PyTorch has a module for a layer; if so, its outputs are the same at all steps that count."""
    wanted = layer.module(xs, lengths)
    if wanted is None:
        return False
    for time, (found, other) in enumerate(zip(outs, wanted, strict=True)):
        # At the others PyTorch gives 0 where the state is held.
        real = 1 if mask is None or len(outs) == 1 else mask[:, time : time + 1]
        assert torch.allclose(found * real, other * real, rtol=1e-12, atol=1e-14)
    return True


def losses_of(torch: Any, spec: dict[str, Any], outs: list[Any], goal: Any, mask: Any) -> Any:
    """E, with all reductions."""
    kind, units = spec["loss"]["kind"], outs[0].shape[1]
    batch = goal.shape[0]
    means = kind in {"mean_squared_error", "binary_cross_entropy"}
    over_time = spec["loss"].get("over_time", "sum" if kind == "half_squared_error" else "mean")
    total = 0.0
    for time, out in enumerate(outs):
        part = goal[:, time]
        if kind == "half_squared_error":
            terms = 0.5 * (out - part) ** 2
        elif kind == "mean_squared_error":
            terms = (out - part) ** 2
        elif kind == "binary_cross_entropy":
            terms = torch.nn.functional.binary_cross_entropy(torch.sigmoid(out), part, reduction="none")
        else:
            terms = torch.nn.functional.cross_entropy(out, part[:, 0].long(), reduction="none")[:, None]
        each = terms.sum(dim=1) / (units if means else 1)
        if len(outs) > 1 and mask is not None:
            each = each * mask[:, time]
        if len(outs) > 1 and over_time == "mean":
            each = each / (len(outs) if mask is None else mask.sum(dim=1))
        total = total + each.sum() / (1 if kind == "half_squared_error" else batch)
    return total


def reference(text: str) -> dict[str, Any]:
    """What PyTorch computes: the first iteration, the losses, the parameters after some updates."""
    torch = torch_module()
    spec = tomllib.loads(text)
    *tables, dense = spec["network"]["layers"]
    names = ["h"] if len(tables) == 1 else [f"h{number}" for number in range(1, len(tables) + 1)]
    layers = [Layer(torch, table, name) for table, name in zip(tables, names, strict=True)]
    weights = {name: torch.tensor(dense[key], dtype=torch.float64, requires_grad=True) for name, key in DENSE}
    count, (steps, features) = len(spec["data"]["inputs"]), _shape(spec)
    inputs = torch.tensor(spec["data"]["inputs"], dtype=torch.float64).reshape(count, steps, features)
    goals = torch.tensor(spec["data"]["targets"], dtype=torch.float64)
    positions = 1 if tables[-1]["outputs"] == "last" else steps
    goals = goals.reshape(count, positions, -1)
    lengths = spec["data"].get("lengths")
    size = spec["training"]["batch_size"] or count
    starts = range(0, count, size)
    trained = {name: values for layer in layers for name, values in layer.trained.items()} | weights
    optimizer = torch.optim.SGD(trained.values(), lr=spec["training"]["learning_rate"])
    first: dict[str, Any] = {}
    losses = []
    modules = 0
    for update in range(UPDATES):
        begin = starts[update % len(starts)]
        own = slice(begin, begin + size)
        mask = None
        if lengths is not None:
            mask = (torch.arange(steps) < torch.tensor(lengths[own])[:, None]).double()
        values = list(inputs[own].unbind(1))
        for layer in layers:
            before = values
            values = layer(before, mask)
            modules += check(torch, layer, values, before, mask, None if mask is None else lengths[own])
        outs = [value @ weights["W_o"].T + weights["b_o"] for value in values]
        loss = losses_of(torch, spec, outs, goals[own], mask)
        losses.append(loss.item())
        kept = {name: tensor for layer in layers for name, tensor in layer.made.items() if tensor.requires_grad}
        for tensor in kept.values():
            tensor.retain_grad()
        optimizer.zero_grad()
        loss.backward()
        if not update:
            every = {**trained, **kept}
            slopes = {f"grad({name})": tensor.grad for name, tensor in every.items() if tensor.grad is not None}
            found = {name: tensor for name, tensor in kept.items() if name.startswith(("out_", "c_", "h_", "hr_"))}
            first = {name: _rounded(tensor) for name, tensor in {**found, **slopes}.items()}
        optimizer.step()
    parameters = {name: _rounded(values) for name, values in trained.items()}
    return {"text": text, "modules": modules, "losses": losses, "first": first, "parameters": parameters}


DENSE = (("W_o", "weights"), ("b_o", "biases"))


def _shape(spec: dict[str, Any]) -> tuple[int, int]:
    shape = spec["network"].get("input_shape", [spec["network"]["inputs"], 1])
    return shape[0], shape[1]


def _rounded(values: Any) -> Any:
    if values.dim() == 0:
        return float(f"{values.item():.{DIGITS - 1}e}")
    return [_rounded(value) for value in values]


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
