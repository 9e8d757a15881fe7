"""Random acyclic networks and random graphs of scalars, as the texts of scenarios."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.support.networks import PLAIN_LOSSES

SMOOTH = ("sigmoid", "tanh", "softplus", "gelu", "silu", "identity")
ACTIVATIONS = (*SMOOTH, "relu", "leaky_relu", "elu", "softmax")


@dataclass
class _Maker:
    """A network in the making: its lines, and the width of each layer that is a row."""

    random: Random
    inputs: int
    share: bool
    lines: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    dense: list[tuple[str, int, int, str]] = field(default_factory=list)
    count: int = 0

    def name(self) -> str:
        self.count += 1
        return "acdfgjkmnpqruvz"[self.count - 1]

    def table(self, **keys: Any) -> str:
        name = str(keys["name"])
        self.lines.append("[[network.layers]]")
        self.lines += [f"{key} = {_toml(value)}" for key, value in keys.items()]
        return name

    def numbers(self, count: int, scale: float = 1.0) -> list[float]:
        return [round(self.random.gauss(0, scale), 5) for _ in range(count)]

    def sources(self, least: int, most: int, width: int | None = None) -> list[str]:
        """Some layers, of one width if that is asked for; one may be there twice."""
        found = [name for name, units in self.rows.items() if width is None or units == width]
        return [self.random.choice(found) for _ in range(self.random.randint(least, most))]

    def activated(self, name: str, units: int) -> dict[str, Any]:
        activation = self.random.choice(ACTIVATIONS if units > 1 else ACTIVATIONS[:-1])
        keys: dict[str, Any] = {"activation": activation}
        if activation == "leaky_relu":
            keys["slope"] = 0.1
        self.rows[name] = units
        return keys

    def add_dense(self, units: int | None = None, activation: str | None = None) -> str:
        random, name = self.random, self.name()
        before = self.sources(1, 3)
        width = sum(self.rows[source] for source in before)
        bias = random.choice(("neuron", "neuron", "shared", "none"))
        twin: str | None = None
        if self.share and self.dense and units is None and random.random() < 0.7:
            twin, units, wanted, bias = random.choice(self.dense)
            for _ in range(40):
                before = self.sources(1, 3)
                width = sum(self.rows[source] for source in before)
                if width == wanted:
                    break
            else:
                twin = None
        units = units or random.randint(1, 4)
        chosen = self.activated(name, units) if activation is None else {"activation": activation}
        self.rows[name] = units
        keys: dict[str, Any] = {"name": name, "inputs": before, "units": units, "bias": bias, **chosen}
        if twin is not None:
            return self.table(**keys, share=twin)
        weights = [self.numbers(width, width**-0.5) for _ in range(units)]
        if random.random() < 0.4 and units * width > 1:
            edges = [[int(random.random() < 0.6) for _ in range(width)] for _ in range(units)]
            for row in edges:
                row[random.randrange(width)] = 1
            keys["edges"] = edges
            weights = [[w * there for w, there in zip(*pair, strict=True)] for pair in zip(weights, edges, strict=True)]
        else:
            self.dense.append((name, units, width, bias))
        if random.random() < 0.1:
            keys["frozen"] = ["weights"]
        keys["weights"] = weights
        if bias != "none":
            keys["biases"] = self.numbers(units) if bias == "neuron" else self.numbers(1)[0]
        return self.table(**keys)

    def add_merge(self) -> None:
        width = self.rows[self.random.choice(list(self.rows))]
        before, name = self.sources(2, 4, width), self.name()
        keys = {} if self.random.random() < 0.5 else self.activated(name, width)
        self.rows[name] = width
        self.table(name=name, kind=self.random.choice(("add", "multiply")), inputs=before, **keys)

    def add_join(self) -> None:
        before, name = self.sources(2, 3), self.name()
        self.rows[name] = sum(self.rows[source] for source in before)
        self.table(name=name, kind="concatenate", inputs=before)

    def add_activation(self) -> None:
        before, name = self.sources(1, 1), self.name()
        self.table(name=name, kind="activation", inputs=before, **self.activated(name, self.rows[before[0]]))

    def add_shapes(self) -> None:
        """A row as an array, with its axes turned, as a row again."""
        (before,) = self.sources(1, 1)
        units = self.rows[before]
        high = next((number for number in (3, 2) if units % number == 0), 1)
        name = self.name()
        self.table(name=name, kind="reshape", inputs=[before], shape=[high, -1])
        turned = self.name()
        if self.random.random() < 0.5:
            self.table(name=turned, kind="transpose", inputs=[name])
        else:
            self.table(name=turned, kind="permute", inputs=[name], axes=[2, 1])
        flat = self.name()
        self.table(name=flat, kind="flatten", inputs=[turned])
        self.rows[flat] = units

    def add_graph(self) -> None:
        before, name = list(dict.fromkeys(self.sources(1, 2))), self.name()
        units = [f"{source}{unit + 1}" for source in before for unit in range(self.rows[source])]
        values = {f"{name}{name}{letter}": value for letter, value in zip("xyz", self.numbers(3), strict=True)}
        lines = assignments(self.random, [*units, *values], f"{name}{name}v", self.random.randint(1, 4))
        outputs = sorted({line.split(" ", 1)[0] for line in lines})[: self.random.randint(1, 2)]
        keys: dict[str, Any] = {"name": name, "kind": "graph", "inputs": before, "values": values, "assign": lines}
        self.rows[name] = len(outputs)
        self.table(**keys, gates=self.random.random() < 0.5, outputs=outputs)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(part)}" for key, part in value.items()) + " }"
    return json.dumps(value)


def assignments(random: Random, known: list[str], stem: str, count: int) -> list[str]:
    """Assignments whose values stay of ordinary size; some names are assigned again."""
    names, made, lines = list(known), [], []

    def atom() -> str:
        return random.choice(names)

    def part(depth: int) -> str:
        if depth == 0 or random.random() < 0.15:
            return atom() if random.random() < 0.8 else f"{random.uniform(0.2, 3):.3g}"
        a, b = part(depth - 1), part(depth - 1)
        return random.choice(
            (
                f"({a} + {b})",
                f"({a} - {b})",
                f"{a} * {b}",
                f"tanh({a}) * {b}",
                f"({a}) / (2 + sin({b}))",
                f"-({a})",
                f"exp(tanh({a}))",
                f"log(1.5 + ({a})**2)",
                f"sqrt(1 + ({a})**2) - {b}",
                f"abs({a})",
                f"relu({a})",
                f"sigmoid({a})",
                f"max({a}, {b})",
                f"cos({a})**3",
                f"(2 + cos({a}))**-1",
                f"(2 + cos({a}))**-0.5",
                f"(1.5 + tanh({a}))**sin({b})",
            )
        )

    for number in range(count):
        again = made and random.random() < 0.3
        name = random.choice(made) if again else f"{stem}{'abcdefghijkl'[number]}"
        if again and random.random() < 0.5:
            lines.append(f"{name} {random.choice('+-*')}= {part(1)}")
        else:
            lines.append(f"{name} = tanh({part(2)}) + {atom()}")
        if not again:
            made.append(name)
            names.append(name)
    return lines


def network(random: Random, *, updates: int = 3, update: str = "simultaneous", arithmetic: str = "exact") -> str:
    """A network with skip edges, merged, joined, shared and free layers, and one to three losses."""
    maker = _Maker(random=random, inputs=random.randint(1, 4), share=random.random() < 0.7)
    maker.rows["i"] = maker.inputs
    kinds = ("dense", "dense", "merge", "join", "activation", "shapes", "graph")
    add = {
        "dense": maker.add_dense,
        "merge": maker.add_merge,
        "join": maker.add_join,
        "activation": maker.add_activation,
        "shapes": maker.add_shapes,
        "graph": maker.add_graph,
    }
    for _ in range(random.randint(1, 5)):
        if maker.count < 9:
            add[random.choice(kinds)]()
    losses: list[str] = []
    samples = random.randint(1, 4)
    targets: list[list[float]] = [[] for _ in range(samples)]
    heads = random.randint(1, 3)
    for number in range(heads):
        loss = random.choice(
            (*PLAIN_LOSSES, "value", "cross_entropy", "binary_cross_entropy_logits", "binary_cross_entropy")
        )
        activation = {
            "cross_entropy": "softmax",
            "binary_cross_entropy_logits": "identity",
            "binary_cross_entropy": "sigmoid",
        }.get(loss)
        name = maker.add_dense(random.randint(2, 3) if loss == "cross_entropy" else None, activation)
        losses += ["[[losses]]" if number else "[loss]", f'kind = "{loss}"', f'layer = "{name}"']
        if random.random() < 0.5:
            losses.append(f"weight = {random.choice((0.5, 2.0, -0.25, 0.3))}")
        if random.random() < 0.3:
            losses.append(f'over_batch = "{random.choice(("sum", "mean"))}"')
        for row in targets:
            row += _targets(random, loss, maker.rows[name])
    lines = ["format = 1", 'title = { en = "A random network", zh = "随机网络" }', "[network]"]
    lines += [f"inputs = {maker.inputs}", f'arithmetic = "{arithmetic}"', *maker.lines, "[data]"]
    lines.append(f"inputs = {json.dumps([maker.numbers(maker.inputs) for _ in range(samples)])}")
    if targets[0]:
        lines.append(f"targets = {json.dumps(targets)}")
    batch = random.choice((0, 0, 1, samples))
    lines += [*losses, "[training]", "learning_rate = 0.1", f'update = "{update}"', f"batch_size = {batch}"]
    return "\n".join([*lines, "[stop]", f"epochs = {updates}"])


def _targets(random: Random, loss: str, width: int) -> list[float]:
    if loss == "value":
        return []
    if loss == "cross_entropy":
        hot = random.randrange(width)
        return [float(unit == hot) for unit in range(width)]
    if loss.startswith("binary"):
        return [random.choice((0.0, 1.0, 0.25)) for _ in range(width)]
    return [round(random.gauss(0, 1), 4) for _ in range(width)]


def scalars(random: Random, *, updates: int = 3) -> str:
    """A graph of scalars by itself, whose loss is its last value."""
    count = random.randint(1, 4)
    values = {name: round(random.gauss(0, 1), 4) for name in ("a", "b", "c", "d")[:count]}
    lines = assignments(random, list(values), "v", random.randint(1, 6))
    frozen = random.sample(sorted(values), random.randrange(count))
    return "\n".join(
        [
            "format = 1",
            'title = { en = "A random graph", zh = "随机计算图" }',
            "[[network.layers]]",
            'name = "net_of_scalars"',
            'kind = "graph"',
            f"values = {_toml(values)}",
            f"frozen = {_toml(frozen)}",
            f"assign = {_toml(lines)}",
            f"gates = {_toml(random.random() < 0.6)}",
            '[loss]\nkind = "value"',
            "[training]\nlearning_rate = 0.01",
            f"[stop]\nepochs = {updates}",
        ]
    )
