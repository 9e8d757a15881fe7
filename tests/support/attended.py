"""Random networks with attention as scenario texts: embeddings, positions, attention, layer norms, linear layers."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from retrograde.engine.equations.arithmetic import Floats
from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.scenario.models import Scenario

INNER = ("identity", "tanh", "relu", "gelu", "silu", "softmax")


class Writer:
    """Writes the layers of a network, with numbers for every parameter that a file may give."""

    def __init__(self, random: Random, numbers: np.random.Generator, explicit: bool) -> None:
        self.random, self.numbers, self.explicit = random, numbers, explicit
        self.lines: list[str] = []
        self.shapes: dict[str, tuple[int, ...]] = {}

    def layer(self, name: str, kind: str, shape: tuple[int, ...], /, **keys: Any) -> str:
        """A layer; parameters among its keys are left out where the file does not give them."""
        self.lines += ["[[network.layers]]", f'name = "{name}"', f'kind = "{kind}"']
        for key, value in keys.items():
            if isinstance(value, bool):
                self.lines.append(f"{key} = {str(value).lower()}")
            elif isinstance(value, str):
                self.lines.append(f'{key} = "{value}"')
            elif isinstance(value, np.ndarray):
                if self.explicit:
                    self.lines.append(f"{key} = {value.tolist()}")
            else:
                self.lines.append(f"{key} = {value}")
        self.shapes[name] = shape
        return name

    def parameter(self, *shape: int, around: float = 0.0) -> Floats:
        """Numbers for a parameter."""
        found: Floats = np.round(around + self.numbers.normal(size=shape) / np.sqrt(shape[-1]), 4)
        return found

    def linear(self, name: str, source: str, units: int, activation: str) -> str:
        """A linear layer."""
        *lead, features = self.shapes[source]
        keys: dict[str, Any] = {"inputs": [source], "units": units, "activation": activation}
        keys["weights"] = self.parameter(units, features)
        if self.random.random() < 0.3:
            keys["bias"] = "none"
        else:
            keys["biases"] = self.parameter(units)
        if self.random.random() < 0.15:
            keys["frozen"] = ["W"]
        return self.layer(name, "linear", (*lead, units), **keys)

    def norm(self, name: str, source: str) -> str:
        """A layer norm."""
        width = self.shapes[source][-1]
        keys: dict[str, Any] = {"inputs": [source], "epsilon": self.random.choice((1e-5, 1e-3, 0.1))}
        if self.random.random() < 0.3:
            keys["affine"] = False
        else:
            keys |= {"gamma": self.parameter(width, around=1.0), "beta": self.parameter(width)}
        return self.layer(name, "layer_norm", self.shapes[source], **keys)

    def attention(self, name: str, sources: list[str]) -> str | None:
        """An attention layer over one to three layers; None where they do not fit."""
        random = self.random
        queries, keys, values = (
            self.shapes[one] for one in (sources[0], sources[min(1, len(sources) - 1)], sources[-1])
        )
        projections = random.choice((["q", "k", "v", "o"],) * 3 + (["q", "k"], ["v", "o"], ["q", "k", "v"], []))
        width = random.choice((queries[1], 2, 4)) if "q" in projections else None
        before = {"q": queries[1], "k": keys[1], "v": values[1]}
        widths = {one: (width or queries[1]) if one in projections else before[one] for one in "qkv"}
        units = random.choice((queries[1], 3)) if "o" in projections else None
        fitting = [heads for heads in (1, 2, 3) if not widths["q"] % heads and not widths["v"] % heads]
        if widths["q"] != widths["k"] or keys[0] != values[0]:
            return None
        given: dict[str, Any] = {"inputs": sources, "heads": random.choice(fitting), "causal": random.random() < 0.5}
        given["projections"] = projections
        given |= {} if width is None else {"width": width}
        given |= {} if units is None else {"units": units}
        biased = random.random() < 0.7
        given["bias"] = "neuron" if biased else "none"
        wide = {**widths, "o": units or widths["v"]}
        narrow = {**before, "o": widths["v"]}
        for one in projections:
            given[f"W{one}"] = self.parameter(wide[one], narrow[one])
            if biased:
                given[f"b{one}"] = self.parameter(wide[one])
        frozen = [key for key in ("Wq", "bk", "Wv", "bo") if key in given and random.random() < 0.1]
        given |= {"frozen": frozen} if frozen else {}
        return self.layer(name, "attention", (queries[0], wide["o"]), **given)


@dataclass(frozen=True, kw_only=True)
class Attended:
    """A network with attention, its data and its training, all from one seed."""

    seed: int
    explicit: bool = False
    arithmetic: str = "exact"
    update: str = "simultaneous"
    samples: int | None = None
    rate: float = 0.02

    @property
    def text(self) -> str:
        """The scenario as a file."""
        random, numbers = Random(self.seed), np.random.Generator(np.random.Philox(self.seed))
        write = Writer(random, numbers, self.explicit)
        positions, samples = random.randint(1, 4), self.samples or random.randint(1, 4)
        embedded = random.random() < 0.6
        if embedded:
            vocabulary, width, inputs = random.randint(2, 4), random.choice((2, 4, 6)), positions
            table = write.parameter(vocabulary, width)
            frozen = {"frozen": ["W"]} if random.random() < 0.15 else {}
            shape = (positions, width)
            top = write.layer("e0", "embedding", shape, vocabulary=vocabulary, units=width, weights=table, **frozen)
            data: Any = numbers.integers(vocabulary, size=(samples, positions)).astype(float)
        else:
            features = random.choice((2, 3, 4))
            inputs, top = positions * features, "i"
            write.shapes["i"] = (positions, features)
            data = numbers.normal(size=(samples, inputs)).round(4)
        choice = random.randrange(4)
        if choice == 0:
            top = write.layer("pos", "position", write.shapes[top], inputs=[top])
        elif choice == 1:
            table = write.parameter(*write.shapes[top])
            top = write.layer("pos", "position", write.shapes[top], inputs=[top], encoding="learned", weights=table)
        for number in range(random.randint(1, 4)):
            top = self._block(write, top, number)
        loss, last = random.choice(("half_squared_error", "mean_squared_error", "cross_entropy")), random.randint(2, 3)
        write.linear("o", top, last, "softmax" if loss == "cross_entropy" else "identity")
        shape = write.shapes["o"]
        lines = ["format = 1", 'title = { en = "A random network with attention", zh = "随机注意力网络" }', "[network]"]
        lines += [f"inputs = {inputs}", f'arithmetic = "{self.arithmetic}"', f"seed = {self.seed}"]
        lines += [] if embedded else [f"input_shape = [{positions}, {inputs // positions}]"]
        lines += ["[network.init]", 'kind = "normal"', "std = 0.7", "draw_bias = true", *write.lines]
        lines += ["[data]", f"inputs = {data.tolist()}"]
        if loss == "cross_entropy":
            classes = numbers.integers(last, size=(samples, *shape[:-1]))
            rows = classes[:, 0] if classes.shape[1] == 1 else classes
            lines += [f"classes = {last}", f"targets = {rows.tolist()}"]
        else:
            lines.append(f"targets = {numbers.normal(size=(samples, shape[0] * last)).round(4).tolist()}")
        lines += [
            "[loss]",
            f'kind = "{loss}"',
            "[training]",
            f"learning_rate = {self.rate}",
            f'update = "{self.update}"',
        ]
        lines += [f"batch_size = {random.choice((0, 0, samples, (samples + 1) // 2))}", "[stop]", "epochs = 4"]
        return "\n".join(lines)

    def _block(self, write: Writer, top: str, number: int) -> str:
        random, shape = write.random, write.shapes[top]
        kind = random.choice(("attention", "attention", "attention", "norm", "linear", "residual"))
        if kind == "norm":
            return write.norm(f"n{number}", top)
        if kind == "linear":
            return write.linear(f"f{number}", top, random.choice((2, 3, 4)), random.choice(INNER))
        if kind == "residual":
            inner = write.linear(f"f{number}", top, shape[-1], random.choice(INNER))
            return write.layer(f"r{number}", "add", shape, inputs=[top, inner])
        others = [name for name in write.shapes if len(write.shapes[name]) == 2]
        sources = [top]
        if random.random() < 0.4:
            other = random.choice(others)
            if shape[0] * shape[1] % 2 == 0 and random.random() < 0.5:
                # Another number of keys than queries.
                turned = (2, shape[0] * shape[1] // 2)
                other = write.layer(f"k{number}", "reshape", turned, inputs=[top], shape=list(turned))
            sources += [other] if random.random() < 0.7 else [other, other]
        found = write.attention(f"a{number}", sources)
        return top if found is None else found

    @property
    def scenario(self) -> Scenario:
        """The scenario, as the program reads it."""
        return parse_scenario(self.text, name="attended")
