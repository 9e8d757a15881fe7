"""Acyclic networks and graphs of scalars in PyTorch, float64: what the engine's numbers are compared with.

Run from the root of the repository, where PyTorch is installed, to write ``torch_dags.json.gz`` anew:

    python -m tests.oracles.torch_dags

The networks are read from the texts of scenarios and computed with PyTorch's functions, autograd and SGD; assignments
are read by Python's own parser. Nothing of the engine takes part.
"""

from __future__ import annotations

import ast
import gzip
import json
import tomllib
from pathlib import Path
from random import Random
from typing import Any

from tests.oracles.torch_dense import torch_module
from tests.support.dags import network, scalars

STORE = Path(__file__).with_name("torch_dags.json.gz")
NETWORKS = 96
SCALARS = 48
UPDATES = 3


def text_of(number: int) -> str:
    """Scenario ``number`` of the store."""
    if number >= NETWORKS:
        return scalars(Random(number), updates=UPDATES)
    return network(Random(number), updates=UPDATES, arithmetic="blas" if number % 8 == 7 else "exact")


class Layers:
    """The layers of a scenario: parameters, and the values of an iteration by the engine's names."""

    def __init__(self, torch: Any, tables: list[dict[str, Any]]) -> None:
        self.torch, self.tables = torch, tables
        self.parameters: dict[str, Any] = {}
        self.masks: dict[str, list[list[int]]] = {}
        self.values: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}
        self.nets: dict[str, Any] = {}
        for table in tables:
            name, frozen = table["name"], table.get("frozen", [])
            for variable, value in table.get("values", {}).items():
                self._parameter(variable, value, variable not in frozen)
            if "weights" in table:
                self._parameter(f"W_{name}", table["weights"], "weights" not in frozen)
                if "edges" in table:
                    self.masks[f"W_{name}"] = table["edges"]
            if "biases" in table:
                biases = table["biases"]
                self._parameter(f"b_{name}", biases if isinstance(biases, list) else [biases], "bias" not in frozen)

    def _parameter(self, name: str, values: Any, trained: bool) -> None:
        self.parameters[name] = self.torch.tensor(values, dtype=self.torch.float64, requires_grad=trained)

    def __call__(self, x: Any) -> None:
        self.values, self.nets, self.outputs = {}, {}, {"i": x}
        batch = len(x)
        above = "i"
        for table in self.tables:
            name, kind = table["name"], table.get("kind", "dense")
            before = [self.outputs[source] for source in table.get("inputs", [] if kind == "graph" else [above])]
            self.outputs[name] = getattr(self, f"_{kind}")(table, before, batch)
            self.values[f"out_{name}"] = self.outputs[name]
            above = name
        if len(self.tables) == 1 and "outputs" not in self.tables[0]:
            del self.values[f"out_{above}"]

    def _dense(self, table: dict[str, Any], before: list[Any], batch: int) -> Any:
        name = table["name"]
        owner = table.get("share", name)
        weights = self.parameters[f"W_{owner}"]
        if "edges" in table:
            weights = weights * self.torch.tensor(table["edges"], dtype=weights.dtype)
        net = self.torch.cat([part.reshape(batch, -1) for part in before], dim=1) @ weights.T
        if table["bias"] != "none":
            net = net + self.parameters[f"b_{owner}"]
        return self._activated(table, net)

    def _activated(self, table: dict[str, Any], net: Any) -> Any:
        self.values[f"net_{table['name']}"] = self.nets[table["name"]] = net
        return self._function(table, net)

    def _function(self, table: dict[str, Any], net: Any) -> Any:
        torch, functional = self.torch, self.torch.nn.functional
        match table["activation"]:
            case "identity":
                return net * 1.0
            case "sigmoid" | "tanh" as name:
                return getattr(torch, name)(net)
            case "leaky_relu":
                return functional.leaky_relu(net, table["slope"])
            case "softmax":
                return torch.softmax(net, dim=-1)
            case name:
                return getattr(functional, name)(net)

    def _merged(self, table: dict[str, Any], value: Any) -> Any:
        return value if table.get("activation", "identity") == "identity" else self._activated(table, value)

    def _add(self, table: dict[str, Any], before: list[Any], batch: int) -> Any:
        return self._merged(table, self.torch.stack(before).sum(dim=0))

    def _multiply(self, table: dict[str, Any], before: list[Any], batch: int) -> Any:
        return self._merged(table, self.torch.stack(before).prod(dim=0))

    def _concatenate(self, table: dict[str, Any], before: list[Any], batch: int) -> Any:
        return self.torch.cat(before, dim=1)

    def _activation(self, table: dict[str, Any], before: list[Any], batch: int) -> Any:
        return self._function(table, before[0])

    def _reshape(self, table: dict[str, Any], before: list[Any], batch: int) -> Any:
        return before[0].reshape(batch, *table["shape"])

    def _transpose(self, table: dict[str, Any], before: list[Any], batch: int) -> Any:
        return before[0].transpose(1, 2)

    def _permute(self, table: dict[str, Any], before: list[Any], batch: int) -> Any:
        return before[0].permute(0, *table["axes"])

    def _flatten(self, table: dict[str, Any], before: list[Any], batch: int) -> Any:
        return before[0].reshape(batch, -1)

    def _graph(self, table: dict[str, Any], before: list[Any], batch: int) -> Any:
        names = {
            f"{source}{unit + 1}": values[:, unit]
            for source, values in zip(table.get("inputs", []), before, strict=True)
            for unit in range(values.shape[1])
        }
        names |= {name: self.parameters[name] for name in table.get("values", {})}
        versions = dict.fromkeys(table.get("values", {}), 1)
        last = ""
        for line in table["assign"]:
            last, node = assigned(line)
            versions[last] = versions.get(last, 0) + 1
            value = evaluated(self.torch, node, names)
            if not isinstance(value, float):
                # Of its own for each sample, even where nothing of the sample enters.
                value = value.expand(batch) * 1.0
                self.values[last if versions[last] == 1 else f"{last}.{versions[last]}"] = value
            names[last] = value
        if "outputs" not in table:
            return names[last]
        return self.torch.stack([names[name] for name in table["outputs"]], dim=1)


def assigned(line: str) -> tuple[str, ast.expr]:
    """The name of an assignment and what it becomes, by Python's parser."""
    (statement,) = ast.parse(line).body
    if isinstance(statement, ast.AugAssign):
        assert isinstance(statement.target, ast.Name)
        left = ast.Name(statement.target.id, ast.Load())
        return statement.target.id, ast.BinOp(left, statement.op, statement.value)
    assert isinstance(statement, ast.Assign)
    (target,) = statement.targets
    assert isinstance(target, ast.Name)
    return target.id, statement.value


def evaluated(torch: Any, node: ast.expr, names: dict[str, Any]) -> Any:
    """The value of an expression over tensors."""
    match node:
        case ast.Constant(value):
            return float(value)
        case ast.Name(name):
            return names[name]
        case ast.UnaryOp(ast.USub(), operand):
            return -evaluated(torch, operand, names)
        case ast.BinOp(left, op, right):
            a, b = evaluated(torch, left, names), evaluated(torch, right, names)
            match op:
                case ast.Add():
                    return a + b
                case ast.Sub():
                    return a - b
                case ast.Mult():
                    return a * b
                case ast.Div():
                    return a / b
                case _:
                    return a**b
        case ast.Call(ast.Name(name), arguments):
            values = [
                value if hasattr(value, "shape") else torch.tensor(value, dtype=torch.float64)
                for value in (evaluated(torch, argument, names) for argument in arguments)
            ]
            return getattr(torch, {"max": "maximum"}.get(name, name))(*values)
        case _:
            raise NotImplementedError(ast.dump(node))


def terms(torch: Any, loss: dict[str, Any], layers: Layers, goal: Any) -> Any:
    """What each output of one loss counts for in E."""
    functional, kind, name = torch.nn.functional, loss["kind"], loss["layer"]
    out = layers.outputs[name]
    match kind:
        case "value":
            found = out
        case "half_squared_error":
            found = 0.5 * functional.mse_loss(out, goal, reduction="none")
        case "squared_error" | "mean_squared_error":
            found = functional.mse_loss(out, goal, reduction="none")
        case "mean_absolute_error":
            found = functional.l1_loss(out, goal, reduction="none")
        case "huber":
            found = functional.huber_loss(out, goal, reduction="none", delta=1.0)
        case "binary_cross_entropy":
            found = functional.binary_cross_entropy(out, goal, reduction="none")
        case "binary_cross_entropy_logits":
            found = functional.binary_cross_entropy_with_logits(out, goal, reduction="none")
        case "cross_entropy":
            found = -goal * functional.log_softmax(layers.nets[name], dim=1)
    found = found * loss.get("weight", 1.0)
    if kind.startswith(("mean_", "binary_")) or kind == "huber":
        found = found / found.shape[1]
    sums = kind in {"half_squared_error", "squared_error", "value"}
    if loss.get("over_batch", "sum" if sums else "mean") == "mean":
        found = found / len(found)
    return found


def reference(text: str) -> dict[str, Any]:
    """What PyTorch computes: the first iteration in full, the losses, the parameters after some updates."""
    torch = torch_module()
    spec = tomllib.loads(text)
    layers = Layers(torch, spec["network"]["layers"])
    data = spec.get("data", {})
    inputs = torch.tensor(data.get("inputs", [[]]), dtype=torch.float64)
    targets = torch.tensor(data.get("targets", [[]] * len(inputs)), dtype=torch.float64)
    losses = [spec["loss"], *spec.get("losses", [])]
    for loss in losses:
        loss.setdefault("layer", spec["network"]["layers"][-1]["name"])
    size = spec["training"].get("batch_size") or len(inputs)
    starts = range(0, len(inputs), size)
    trained = {name: value for name, value in layers.parameters.items() if value.requires_grad}
    optimizer = torch.optim.SGD(trained.values(), lr=spec["training"]["learning_rate"]) if trained else None
    first: dict[str, Any] = {}
    totals = []
    for update in range(UPDATES):
        start = starts[update % len(starts)]
        layers(inputs[start : start + size])
        goals = targets[start : start + size]
        parts, column = [], 0
        for loss in losses:
            width = 0 if loss["kind"] == "value" else layers.outputs[loss["layer"]].shape[1]
            parts.append(terms(torch, loss, layers, goals[:, column : column + width]))
            column += width
        total = torch.cat([part.reshape(-1) for part in parts]).sum()
        totals.append(total.item())
        values = {name: value for name, value in layers.values.items() if value.requires_grad}
        for value in values.values():
            value.retain_grad()
        if optimizer is not None and total.requires_grad:
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
        if not update:
            every = {**trained, **values}
            slopes = {f"grad({name})": value.grad for name, value in every.items() if value.grad is not None}
            first = {name: layers_value(layers, name, value) for name, value in {**layers.values, **slopes}.items()}
    parameters = {name: layers_value(layers, name, value) for name, value in layers.parameters.items()}
    return {"text": text, "losses": totals, "first": first, "parameters": parameters}


def layers_value(layers: Layers, name: str, value: Any) -> Any:
    """The numbers of a tensor; of weights with edges those of the edges that there are, row by row."""
    found = value.detach().tolist()
    mask = layers.masks.get(name.removeprefix("grad(").removesuffix(")"))
    if mask is None:
        return found
    return [
        number for row, there in zip(found, mask, strict=True) for number, edge in zip(row, there, strict=True) if edge
    ]


def load() -> list[dict[str, Any]]:
    """The committed networks."""
    found: list[dict[str, Any]] = json.loads(gzip.decompress(STORE.read_bytes()))
    return found


def main() -> None:
    """Write the store."""
    found = [reference(text_of(number)) for number in range(NETWORKS + SCALARS)]
    text = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    STORE.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
