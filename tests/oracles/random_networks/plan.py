"""A random network while it is being drawn: its layers so far, and the shapes that they hand on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from tests.oracles.random_networks.draw import Draw
from tests.oracles.random_networks.walk import FIRST

ELEMENTWISE = (
    "identity",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "silu",
    "gelu",
    "gelu_tanh",
    "softplus",
    "selu",
    "mish",
    "softsign",
    "log_sigmoid",
    "relu6",
    "hard_tanh",
    "hard_sigmoid",
    "hard_swish",
)

MOST_SLOTS = 160
"""Values that a layer hands on for a sample, at most."""


@dataclass(frozen=True)
class Form:
    """What a layer hands on for a sample: an array, or one array a time step."""

    shape: tuple[int, ...]
    steps: int = 0

    @property
    def size(self) -> int:
        return prod(self.shape) * max(1, self.steps)


@dataclass
class Plan:
    """The layers so far.

    Attributes:
        draw: where the choices come from.
        form: what the inputs are.
        tokens: the inputs are numbers from 0 up to this; 0 where they are real.
        layers: the tables of the layers.
        forms: what the inputs and the layers hand on, by name.
        read: the names of what later layers read.
        noisy: whether some gradient is 0 but for rounding, so that it must not be measured by its own size.
        cut: whether truncation may leave an initial state without a gradient.
        least: the fewest samples of an iteration.
    """

    draw: Draw
    form: Form
    tokens: int = 0
    layers: list[dict[str, Any]] = field(default_factory=list)
    forms: dict[str, Form] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    noisy: bool = False
    cut: bool = False
    least: int = 1

    def __post_init__(self) -> None:
        self.forms[FIRST] = self.form

    @property
    def last(self) -> str:
        """The name of the last layer."""
        return self.layers[-1]["name"] if self.layers else FIRST

    def table(self, name: str) -> dict[str, Any]:
        """The table of a layer; empty for the inputs."""
        return next((table for table in self.layers if table["name"] == name), {})

    def add(self, kind: str, sources: Sequence[str], form: Form, **keys: Any) -> str:
        """Appends a layer; returns its name."""
        name = f"k{chr(ord('a') + len(self.layers))}"
        table: dict[str, Any] = {"name": name, "kind": kind}
        # The layer above need not be named.
        if list(sources) != [self.last] or self.draw.chance(0.2):
            table["inputs"] = list(sources)
        if kind == "dense" and self.draw.chance(0.5):
            del table["kind"]
        self.layers.append({**table, **{key: value for key, value in keys.items() if value is not None}})
        self.forms[name] = form
        self.read.update(self.layers[-1].get("inputs", sources))
        return name

    def others(self, name: str, form: Form) -> list[str]:
        """What else has a form, the inputs not counted."""
        return [other for other in self.forms if other not in {name, FIRST} and self.forms[other] == form]

    def activation(self, form: Form | None = None, *, plain: float = 0.2) -> dict[str, Any]:
        """The keys of an activation; of an array with several units along its last axis also a softmax."""
        draw = self.draw
        name = "identity" if draw.chance(plain) else draw.among(*ELEMENTWISE[1:])
        if form is not None and form.shape and form.shape[-1] > 1 and draw.chance(0.08):
            name = "softmax"
            # What is added to all of a row changes no share: the gradient of a bias below may be 0 but for rounding.
            self.noisy = True
        keys: dict[str, Any] = {"activation": name}
        if name == "leaky_relu" and draw.chance(0.7):
            keys["slope"] = draw.real(0.05, 0.4, 2)
        if name == "elu" and draw.chance(0.7):
            keys["alpha"] = draw.real(0.5, 1.5, 1)
        return keys

    def frozen(self, *names: str) -> list[str] | None:
        """Now and then a parameter that is not trained."""
        return [self.draw.among(*names)] if names and self.draw.chance(0.08) else None
