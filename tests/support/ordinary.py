"""Random networks of the ordinary layers of PyTorch models as scenario texts: norms, slopes, slices, means, and others.

Every network begins with a layer that learns, so that gradients go through all that follows.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from random import Random
from typing import Any

import numpy as np

from retrograde.engine.scenario.file import parse_scenario
from retrograde.engine.scenario.models import Scenario

SHAPES = ((4,), (3,), (2, 4), (3, 2), (2, 5), (4, 1, 2), (2, 3, 2), (3, 1, 3))
"""Axes of the inputs: a row, positions with features or channels with positions, images."""


@dataclass
class Plan:
    """A network in the making.

    Attributes:
        random: what is drawn from.
        numbers: what numbers are drawn from.
        tables: the tables of the layers.
        samples: samples in the data.
        shapes: the shape of what each layer hands on, for a sample.
        steps: time steps of what each layer hands on; 0 where it is one array.
    """

    random: Random
    numbers: np.random.Generator
    tables: list[dict[str, Any]] = field(default_factory=list)
    samples: int = 1
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, inputs: list[str], shape: tuple[int, ...], /, *, steps: int = 0, **keys: Any) -> str:
        """A layer; keys without a value are left out."""
        name = f"k{'abcdefghijklmnopqrstuvwxyz'[len(self.tables)]}"
        given = {key: value for key, value in keys.items() if value is not None}
        self.tables.append({"name": name, "kind": kind, "inputs": inputs, **given})
        self.shapes[name], self.steps[name] = shape, steps
        return name

    def values(self, *shape: int, around: float = 0.0) -> Any:
        """Numbers for a parameter."""
        return (around + self.numbers.normal(size=shape) * 0.6).round(3).tolist()

    def chance(self, often: float) -> bool:
        """Whether something comes up."""
        return self.random.random() < often

    def among(self, *found: Any) -> Any:
        """One of some things."""
        return self.random.choice(found)


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(part)}" for key, part in value.items()) + " }"
    return json.dumps(value)


Move = Callable[[Plan, str], "str | None"]
"""Appends a layer over a value; None where it can not take that."""


def linear(plan: Plan, x: str) -> str | None:
    if not plan.shapes[x]:
        return None
    *lead, width = plan.shapes[x]
    units = plan.among(width, 2, 4)
    keys = {"weights": plan.values(units, width), "biases": plan.values(units)}
    activation = plan.among("identity", "tanh", "silu")
    return plan.add("linear", [x], (*lead, units), steps=plan.steps[x], units=units, activation=activation, **keys)


def _affine(plan: Plan, width: int, *, shift: bool = True) -> dict[str, Any]:
    if plan.chance(0.25):
        return {"affine": False}
    keys: dict[str, Any] = {"affine": True, "gamma": plan.values(width, around=1.0)}
    keys |= {"beta": plan.values(width)} if shift else {}
    return {**keys, "frozen": plan.among(None, None, None, ["gamma"])}


def rms_norm(plan: Plan, x: str) -> str | None:
    shape = plan.shapes[x]
    if not shape:
        return None
    keys = _affine(plan, shape[-1], shift=False)
    return plan.add("rms_norm", [x], shape, steps=plan.steps[x], epsilon=plan.among(1e-3, 0.01, 0.1), **keys)


def group_norm(plan: Plan, x: str) -> str | None:
    shape = plan.shapes[x]
    if not shape:
        return None
    fitting = [groups for groups in range(1, shape[0] + 1) if shape[0] % groups == 0 and prod(shape) > groups]
    if not fitting:
        return None
    keys = _affine(plan, shape[0])
    epsilon = plan.among(0.01, 0.1)
    steps, groups = plan.steps[x], plan.random.choice(fitting)
    return plan.add("group_norm", [x], shape, steps=steps, groups=groups, epsilon=epsilon, **keys)


def instance_norm(plan: Plan, x: str) -> str | None:
    shape = plan.shapes[x]
    if prod(shape[1:]) < 2:
        return None
    keys = _affine(plan, shape[0])
    return plan.add("instance_norm", [x], shape, steps=plan.steps[x], epsilon=plan.among(0.01, 0.1), **keys)


def prelu(plan: Plan, x: str) -> str | None:
    shape = plan.shapes[x]
    own = bool(shape) and plan.chance(0.5)
    slopes = plan.values(shape[0], around=0.3) if own else plan.among(0.5, -0.25)
    return plan.add("prelu", [x], shape, steps=plan.steps[x], per_channel=own or None, slopes=slopes)


def slice_(plan: Plan, x: str) -> str | None:
    shape = plan.shapes[x]
    if not shape:
        return None
    axis = plan.random.randrange(len(shape))
    length = shape[axis]
    keys: dict[str, Any] = {"axis": plan.among(axis + 1, axis - len(shape))}
    if plan.chance(0.3) and len(shape) > 1:
        place = plan.random.randrange(length)
        keys["at"] = plan.among(place + 1, place - length)
        return plan.add("slice", [x], (*shape[:axis], *shape[axis + 1 :]), steps=plan.steps[x], **keys)
    first = plan.random.randrange(length)
    last, step = plan.random.randrange(first, length), plan.among(1, 1, 2)
    count = len(range(first, last + 1, step))
    keys |= {"first": plan.among(first + 1, first - length), "last": plan.among(last + 1, last - length), "step": step}
    return plan.add("slice", [x], (*shape[:axis], count, *shape[axis + 1 :]), steps=plan.steps[x], **keys)


def _pair(kind: str) -> Move:
    """Two values element by element, of which one is repeated along axes of the length 1."""

    def move(plan: Plan, x: str) -> str | None:
        shape = plan.shapes[x]
        if not shape or plan.steps[x]:
            return None
        other, width = x, shape[-1]
        if len(shape) > 1 and plan.chance(0.5):
            # Of one element along some axes, or of fewer axes.
            axis = plan.random.randrange(len(shape))
            place = plan.among({"first": 1, "last": 1}, {"at": 1}) if axis == 0 else {"first": 1, "last": 1}
            other = slice_at(plan, x, axis, **place)
        units = plan.among(1, width) if width > 1 else 1
        *lead, before = plan.shapes[other]
        keys = {"weights": plan.values(units, before), "biases": plan.values(units, around=2.5)}
        # A sigmoid and 2.5 keep a divisor away from 0.
        other = plan.add("linear", [other], (*lead, units), units=units, activation="sigmoid", **keys)
        names = [x, other]
        if kind == "multiply" and plan.chance(0.5):
            names = [other, x, other]
        activation = plan.among(None, None, "tanh")
        return plan.add(kind, names, shape, activation=activation)

    return move


def slice_at(plan: Plan, x: str, axis: int, **place: int) -> str:
    """The first place along an axis."""
    shape = plan.shapes[x]
    made = (*shape[:axis], *(() if "at" in place else (1,)), *shape[axis + 1 :])
    return plan.add("slice", [x], made, axis=axis + 1, **place)


def _along(kind: str) -> Move:
    def move(plan: Plan, x: str) -> str | None:
        shape = plan.shapes[x]
        count = len(shape)
        if not count:
            return None
        axes = plan.random.sample(range(count), plan.random.randint(1, count))
        keep, steps = plan.chance(0.5), plan.steps[x]
        made = tuple(1 if axis in axes else length for axis, length in enumerate(shape) if keep or axis not in axes)
        named = [plan.among(axis + 1, axis - count) for axis in axes]
        return plan.add(kind, [x], made, steps=steps, axes=named if len(axes) < count else None, keep=keep or None)

    return move


def stacked(plan: Plan, x: str) -> str | None:
    """Two or three recurrent layers of one kind, one above the other: PyTorch's num_layers."""
    shape = plan.shapes[x]
    if plan.steps[x] or len(shape) != 2:
        return None
    kind, units, both = plan.among("rnn", "gru", "lstm"), plan.among(1, 2), plan.chance(0.5)
    features, rows = shape[1], {"rnn": 1, "gru": 3, "lstm": 4}[kind] * units
    found, count = x, plan.among(2, 2, 3)
    for number in range(count):

        def table(features: int = features) -> dict[str, Any]:
            return {
                "weights": plan.values(rows, features), "recurrent_weights": plan.values(rows, units),
                "biases": plan.values(rows), "recurrent_biases": plan.values(rows),
            }  # fmt: skip

        keys: dict[str, Any] = {"bias": "both", "direction": "both" if both else "forward", **table()}
        keys |= {"reverse": table()} if both else {}
        features = units * (2 if both else 1)
        last = number == count - 1 and plan.chance(0.5)
        keys["outputs"] = "last" if last else "all"
        found = plan.add(kind, [found], (features,), steps=0 if last else shape[0], units=units, **keys)
    return found


def masked(plan: Plan, x: str) -> str | None:
    """Dropout with a mask for each sample, as another program has drawn it."""
    shape, steps = plan.shapes[x], plan.steps[x]
    whole = len(shape) > 1 and plan.chance(0.4)
    width = prod(shape[:1] if whole else shape) * max(1, steps)
    mask = [[int(plan.chance(0.7)) for _ in range(width)] for _ in range(plan.samples)]
    rate = plan.among(0.0, 0.3, 0.5)
    return plan.add("dropout", [x], shape, steps=steps, rate=rate, whole_channels=whole or None, mask=mask)


def attention(plan: Plan, x: str) -> str | None:
    """Self-attention in which each query sees some keys, and of which weights are left out."""
    shape = plan.shapes[x]
    if plan.steps[x] or len(shape) != 2:
        return None
    positions, width = shape
    heads = plan.among(*(count for count in (1, 2) if width % count == 0))
    keys: dict[str, Any] = {"heads": heads, "projections": ["q", "k", "v", "o"], "causal": plan.chance(0.3)}
    for one in "qkvo":
        keys |= {f"W{one}": plan.values(width, width), f"b{one}": plan.values(width)}
    if plan.chance(0.6):
        seen = [[int(t == u or plan.chance(0.6)) for u in range(positions)] for t in range(positions)]
        keys["mask"] = seen
    if plan.chance(0.6):
        size = heads * positions * positions
        keys["dropout_mask"] = [[int(plan.chance(0.7)) for _ in range(size)] for _ in range(plan.samples)]
        keys["dropout"] = plan.among(0.1, 0.5)
    return plan.add("attention", [x], shape, **keys)


def _ceiled(kind: str) -> Move:
    """A pooling whose last windows may reach beyond the padding."""

    def move(plan: Plan, x: str) -> str | None:
        shape = plan.shapes[x]
        if plan.steps[x] or len(shape) < 2:
            return None
        lengths, kernel, stride, padding = shape[1:], [], [], []
        made = []
        for length in lengths:
            taps, step = plan.among(1, 2, 3), plan.among(1, 2, 3)
            margin = plan.random.randint(0, taps // 2)
            room = length + 2 * margin - taps
            if room < 0:
                return None
            count = -(-room // step) + 1
            made.append(count - ((count - 1) * step >= length + margin))
            kernel, stride, padding = [*kernel, taps], [*stride, step], [*padding, margin]
        keys: dict[str, Any] = {"kernel": kernel, "stride": stride, "padding": padding, "ceil_mode": True}
        if kind == "average_pool":
            keys["count_include_pad"] = plan.chance(0.6)
        return plan.add(kind, [x], (shape[0], *made), **keys)

    return move


def blended(plan: Plan, x: str) -> str | None:
    """Interpolation, to the nearest value or linear, to longer axes or to shorter ones."""
    shape = plan.shapes[x]
    if plan.steps[x] or len(shape) < 2:
        return None
    lengths = shape[1:]
    mode = plan.among("linear", "linear", "nearest")
    keys: dict[str, Any] = {"mode": mode, "align_corners": (mode == "linear" and plan.chance(0.4)) or None}
    if plan.chance(0.4):
        factors = [plan.among(1, 2, 3) for _ in lengths]
        made = tuple(a * b for a, b in zip(lengths, factors, strict=True))
        keys["factor"] = factors
    else:
        made = tuple(plan.random.randint(1, 5) for _ in lengths)
        keys["size"] = made
    return plan.add("upsample", [x], (shape[0], *made), **keys) if prod(made) < 20 else None


MOVES: dict[str, Move] = {
    "blended": blended,
    "max_ceiled": _ceiled("max_pool"),
    "average_ceiled": _ceiled("average_pool"),
    "attended": attention,
    "masked": masked,
    "stacked": stacked,
    "mean": _along("mean"),
    "sum": _along("sum"),
    "multiplied": _pair("multiply"),
    "subtract": _pair("subtract"),
    "divide": _pair("divide"),
    "slice": slice_,
    "prelu": prelu,
    "rms_norm": rms_norm,
    "group_norm": group_norm,
    "instance_norm": instance_norm,
}
"""By kind, or by what is new in a kind that there was, what appends a layer of it."""


@dataclass(frozen=True, kw_only=True)
class Ordinary:
    """A network with at least one layer of a kind, its data and its training, all from one seed."""

    seed: int
    kind: str
    arithmetic: str = "exact"
    update: str = "simultaneous"
    samples: int | None = None

    def plan(self) -> Plan:
        """The layers."""
        numbers = np.random.Generator(np.random.Philox(self.seed))
        for attempt in range(200):
            random = Random(f"{self.seed} {self.kind} {attempt}")
            plan = Plan(random, numbers, samples=self.samples or random.randint(1, 3))
            plan.shapes["i"], plan.steps["i"] = random.choice(SHAPES), 0
            top = linear(plan, "i") or "i"
            found = MOVES[self.kind](plan, top)
            if found is None:
                continue
            for _ in range(random.randrange(2)):
                name = random.choice([*MOVES, "linear"])
                found = {**MOVES, "linear": linear}[name](plan, random.choice([found, found, top])) or found
            if prod(plan.shapes[found]) > 24:
                continue
            loose = [name for name in plan.shapes if name != "i" and not any(name in t["inputs"] for t in plan.tables)]
            rows = [plan.add("flatten", [name], (plan.shapes[name],)) for name in loose]  # type: ignore[arg-type]
            sizes = sum(prod(plan.shapes[name]) * max(1, plan.steps[name]) for name in loose)
            plan.tables.append(
                {
                    "name": "o", "inputs": rows, "units": 2, "activation": "identity",
                    "weights": plan.values(2, sizes), "biases": plan.values(2),
                }
            )  # fmt: skip
            return plan
        raise AssertionError(self)

    @property
    def text(self) -> str:
        """The scenario as a file."""
        plan, numbers = self.plan(), np.random.Generator(np.random.Philox(self.seed + 1))
        samples, shape = plan.samples, plan.shapes["i"]
        lines = ["format = 1", 'title = { en = "A random network", zh = "随机网络" }', "[network]"]
        lines += [f"inputs = {prod(shape)}", f'arithmetic = "{self.arithmetic}"', f"seed = {self.seed}"]
        lines += [f"input_shape = {list(shape)}"] if len(shape) > 1 else []
        for table in plan.tables:
            lines += ["[[network.layers]]", *(f"{key} = {toml(value)}" for key, value in table.items())]
        lines += ["[data]", f"inputs = {numbers.normal(size=(samples, prod(shape))).round(3).tolist()}"]
        lines += [f"targets = {numbers.normal(size=(samples, 2)).round(3).tolist()}"]
        lines += ['[loss]\nkind = "mean_squared_error"\n[training]\nlearning_rate = 0.002']
        # In place is for parameters that are used once, not at every time step.
        update = "simultaneous" if any(plan.steps.values()) else self.update
        lines += [f'update = "{update}"', f"batch_size = {plan.among(0, 0, 1, samples)}", "[stop]\nepochs = 3"]
        return "\n".join(lines)

    @property
    def scenario(self) -> Scenario:
        """The scenario, as the program reads it."""
        return parse_scenario(self.text, name="ordinary")
