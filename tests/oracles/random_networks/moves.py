"""What a network is drawn from: one function a kind of layer, which appends one to a plan or returns None."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.oracles.random_networks.plan import MOST_SLOTS, Form, Plan
from tests.oracles.random_networks.walk import FIRST


def dense(plan: Plan, x: str, units: int = 0, **given: Any) -> str | None:
    """A weighted sum of one to three values, now and then with some edges alone, or with the weights of another."""
    draw, form = plan.draw, plan.forms[x]
    sources = [x]
    others = [name for name, other in plan.forms.items() if other.steps == form.steps and name != x]
    while others and len(sources) < 3 and draw.chance(0.25):
        sources.append(others.pop(draw.below(len(others))))
    width = sum(Form(plan.forms[name].shape).size for name in sources)
    if width * max(1, form.steps) > 2 * MOST_SLOTS:
        return None
    wide = units or draw.between(1, 5)
    keys: dict[str, Any] = {"units": wide, **(given or plan.activation(Form((wide,))))}
    shared = [
        table
        for table in plan.layers
        if table.get("kind", "dense") == "dense"
        and "share" not in table
        and "edges" not in table
        and (table["units"] == units or not units)
        and sum(Form(plan.forms[name].shape).size for name in sources_of(plan, table)) == width
    ]
    if shared and draw.chance(0.5):
        table = draw.among(*shared)
        keys |= {"units": table["units"], "share": table["name"], "bias": table.get("bias")}
        if keys.get("activation") == "softmax" and table["units"] == 1:
            return None
    else:
        keys["bias"] = draw.among(None, None, "neuron", "shared", "none")
        keys["frozen"] = plan.frozen("weights", *(() if keys["bias"] == "none" else ("bias",)))
        if draw.chance(0.12):
            keys["edges"] = [[int(draw.chance(0.7)) for _ in range(width)] for _ in range(wide)]
            for row in keys["edges"]:
                row[draw.below(width)] = 1
    if keys.get("bias") == "shared" and "softmax" in {keys.get("activation"), given.get("activation")}:
        # What is added to all units changes no share.
        plan.noisy = True
    return plan.add("dense", sources, Form((keys["units"],), form.steps), **keys)


def sources_of(plan: Plan, table: dict[str, Any]) -> list[str]:
    """The names of what a layer reads."""
    if "inputs" in table:
        return list(table["inputs"])
    number = plan.layers.index(table)
    return [plan.layers[number - 1]["name"] if number else FIRST]


def merge(plan: Plan, x: str) -> str | None:
    """A sum or a product of values of the same form."""
    draw, form = plan.draw, plan.forms[x]
    others = plan.others(x, form)
    if not others and len(form.shape) == 1 and x != FIRST:
        # A branch of the same width, from another value or from this one.
        sources = [name for name, other in plan.forms.items() if other.steps == form.steps and name != FIRST]
        branch = dense(plan, draw.among(*sources), form.shape[0], **plan.activation())
        others = [branch] if branch else []
    if not others:
        return None
    sources = draw.shuffled([x, *draw.shuffled(others)[: draw.among(1, 1, 2)]])
    if draw.chance(0.1):
        sources.append(x)
    return plan.add(draw.among("add", "multiply"), sources, form, **plan.activation(form, plain=0.6))


def concatenate(plan: Plan, x: str) -> str | None:
    """Values side by side along an axis."""
    draw, form = plan.draw, plan.forms[x]
    if not form.shape:
        return None
    axis = draw.below(len(form.shape))

    def rest(shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:axis], *shape[axis + 1 :])

    others = [
        name
        for name, other in plan.forms.items()
        if name not in {x, FIRST}
        and other.steps == form.steps
        and len(other.shape) == len(form.shape)
        and rest(other.shape) == rest(form.shape)
    ]
    if not others:
        return None
    sources = draw.shuffled([x, *draw.shuffled(others)[: draw.among(1, 1, 2)]])
    length = sum(plan.forms[name].shape[axis] for name in sources)
    made = Form((*form.shape[:axis], length, *form.shape[axis + 1 :]), form.steps)
    if made.size > MOST_SLOTS:
        return None
    named = axis + 1 if draw.chance(0.6) else axis - len(form.shape)
    return plan.add("concatenate", sources, made, axis=None if named == 1 and draw.chance(0.5) else named)


def activation(plan: Plan, x: str) -> str | None:
    """An activation alone."""
    plan.noisy = plan.noisy or any(table.get("bias") == "shared" for table in plan.layers)
    return plan.add("activation", [x], plan.forms[x], **plan.activation(plan.forms[x], plain=0.0))


def dropout(plan: Plan, x: str) -> str | None:
    """Dropout, of channels now and then."""
    draw, form = plan.draw, plan.forms[x]
    whole = len(form.shape) > 1 and draw.chance(0.4)
    return plan.add("dropout", [x], form, rate=draw.among(None, 0.2, 0.3, 0.4), whole_channels=whole or None)


SMOOTH = ("identity", "sigmoid", "tanh", "silu", "gelu", "gelu_tanh", "softplus", "mish", "log_sigmoid", "softmax")
"""Activations without a kink."""


def batch_norm(plan: Plan, x: str) -> str | None:
    """Batch norm of one array."""
    draw, form = plan.draw, plan.forms[x]
    if form.steps or not form.shape:
        return None
    before = plan.table(x)
    if before.get("kind") == "batch_norm":
        return None
    plan.noisy = True
    if Form(form.shape[1:]).size == 1:
        plan.least = 2
    keys: dict[str, Any] = plan.activation(form, plain=0.5)
    # The gradient of a bias below is 0 but for rounding, and a channel may be nearly constant: 1/√ε makes it larger.
    clean = before.get("kind", "dense") in {"dense", "conv"} and before.get("bias") == "none"
    keys |= {"momentum": draw.among(None, 0.3, 1.0, 0.0)}
    keys |= {"epsilon": draw.among(None, 1e-3, 0.1) if clean else draw.among(0.03, 0.1)}
    # A channel that is constant over the batch becomes 0 exactly: β moves it away from a kink there.
    if keys["activation"] in SMOOTH and draw.chance(0.15):
        keys["affine"] = False
    elif keys["activation"] not in SMOOTH or draw.chance(0.7):
        keys |= {"gamma": draw.reals(form.shape[0], 0.4, 1.6), "beta": draw.reals(form.shape[0], 0.1, 0.5)}
        keys["frozen"] = plan.frozen("gamma", "beta")
    return plan.add("batch_norm", [x], form, **keys)


def flatten(plan: Plan, x: str) -> str | None:
    """All values as a row."""
    form = plan.forms[x]
    if len(form.shape) < 2 and not form.steps:
        return None
    return plan.add("flatten", [x], Form((form.size,)))


def reshape(plan: Plan, x: str) -> str | None:
    """The same values in two or three axes, or in one."""
    draw, form = plan.draw, plan.forms[x]
    size = Form(form.shape).size
    first = draw.among(*(number for number in range(1, size + 1) if size % number == 0))
    second = draw.among(*(number for number in range(1, size // first + 1) if size // first % number == 0))
    shape = draw.among((first, size // first), (first, second, size // first // second), (size,))
    if shape == form.shape:
        return None
    given = list(shape)
    if draw.chance(0.3):
        given[draw.below(len(given))] = -1
    return plan.add("reshape", [x], Form(shape, form.steps), shape=given)


def permute(plan: Plan, x: str) -> str | None:
    """The axes in another order."""
    draw, form = plan.draw, plan.forms[x]
    count = len(form.shape)
    if count < 2:
        return None
    if draw.chance(0.5):
        first, second = draw.shuffled(range(1, count + 1))[:2]
        order = list(range(1, count + 1))
        order[first - 1], order[second - 1] = second, first
        axes = [first, second - count - 1] if draw.chance(0.5) else [first, second]
        kind = "transpose"
    else:
        axes = order = draw.shuffled(range(1, count + 1))
        kind = "permute"
    shape = tuple(form.shape[axis - 1] for axis in order)
    return plan.add(kind, [x], Form(shape, form.steps), axes=axes)


OWN = ("name", "inputs", "frozen", "weights", "gamma", "beta", "h0", "c0", "reverse", "forget_bias")
"""Keys that belong to a layer with parameters of its own."""


def twin(plan: Plan, x: str) -> str | None:
    """A layer once more, with the same parameters, over another value or over its own."""
    draw = plan.draw
    tables = [
        table
        for table in plan.layers
        if table.get("kind", "dense") in SHARED
        and "share" not in table
        and "edges" not in table
        and table.get("affine", True)
        and len(sources_of(plan, table)) == 1
        and plan.forms[sources_of(plan, table)[0]] == plan.forms[x]
    ]
    if not tables:
        return None
    table = draw.among(*tables)
    keys = {key: value for key, value in table.items() if key not in {"kind", *OWN}}
    return plan.add(table.get("kind", "dense"), [x], plan.forms[table["name"]], **keys, share=table["name"])


SHARED = ("dense", "linear", "conv", "conv_transpose", "batch_norm", "layer_norm", "attention", "rnn", "gru", "lstm")
"""Kinds whose parameters are shared now and then."""

ANY: dict[str, Callable[[Plan, str], str | None]] = {
    "dense": dense,
    "merge": merge,
    "concatenate": concatenate,
    "activation": activation,
    "dropout": dropout,
    "batch_norm": batch_norm,
    "flatten": flatten,
    "reshape": reshape,
    "permute": permute,
    "twin": twin,
}
"""The moves that most forms allow."""
