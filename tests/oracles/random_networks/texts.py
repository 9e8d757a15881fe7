"""From a number to the text of a scenario: the grammar of the random networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.oracles.random_networks.draw import Draw, toml
from tests.oracles.random_networks.moves import ANY, dense
from tests.oracles.random_networks.plan import Form, Plan
from tests.oracles.random_networks.scalars import graph
from tests.oracles.random_networks.sequence_moves import SEQUENTIAL, embedding, recurrent
from tests.oracles.random_networks.settings import PLAIN, PROBABILITIES, VALUE, loss, targets, training
from tests.oracles.random_networks.spatial_moves import SPATIAL
from tests.oracles.random_networks.walk import FIRST

COUNT = 540
"""Networks of the store."""

MOST_VALUES = 300
"""Values that the layers of a network hand on for a sample, at most about."""

MOVES = {**ANY, **SPATIAL, **SEQUENTIAL, "graph": graph}

FLAT: Mapping[str, int] = {
    "dense": 6, "merge": 4, "concatenate": 3, "activation": 1, "dropout": 2, "batch_norm": 2, "layer_norm": 1,
    "reshape": 2, "permute": 1, "flatten": 1, "conv": 2, "pool": 1, "graph": 1, "recurrent": 1, "linear": 1, "twin": 2,
}  # fmt: skip
IMAGE: Mapping[str, int] = {
    "conv": 7, "conv_transpose": 4, "pool": 8, "upsample": 2, "global_average_pool": 1, "batch_norm": 2, "dropout": 1,
    "merge": 4, "concatenate": 2, "activation": 1, "dense": 1, "flatten": 1, "permute": 2, "linear": 1, "attention": 1,
    "recurrent": 1, "reshape": 1, "twin": 3,
}  # fmt: skip
SEQUENCE: Mapping[str, int] = {
    "recurrent": 7, "dense": 2, "linear": 2, "layer_norm": 1, "dropout": 1, "merge": 4, "concatenate": 2,
    "activation": 1, "flatten": 1, "attention": 1, "conv": 1, "batch_norm": 1, "permute": 1, "twin": 3,
}  # fmt: skip
TOKENS: Mapping[str, int] = {
    "attention": 8, "linear": 3, "layer_norm": 3, "merge": 8, "position": 4, "dropout": 1, "recurrent": 1,
    "activation": 1, "flatten": 1, "concatenate": 1, "dense": 1, "batch_norm": 1, "pool": 1, "twin": 3,
}  # fmt: skip
SCALARS: Mapping[str, int] = {"graph": 4, "dense": 2, "merge": 2, "concatenate": 1, "activation": 1}

FAMILIES = ("flat", "image", "sequence", "tokens", "signal", "sequence", "scalars", "image", "tokens")
"""What the networks of consecutive numbers are drawn from."""


def start(draw: Draw, family: str) -> tuple[Plan, Mapping[str, int]]:
    """The inputs of a family, perhaps its first layer, and how likely its moves are."""
    match family:
        case "image":
            shape = (draw.between(1, 2), draw.between(2, 5), draw.between(2, 5))
            return Plan(draw, Form(shape)), IMAGE
        case "signal":
            return Plan(draw, Form((draw.between(1, 3), draw.between(3, 8)))), IMAGE
        case "sequence":
            steps, features = draw.between(2, 5), draw.between(0, 3)
            plan = Plan(draw, Form((steps, features) if features else (steps,)))
            if draw.chance(0.85):
                recurrent(plan, FIRST)
            return plan, SEQUENCE
        case "tokens":
            plan = Plan(draw, Form((draw.between(2, 4),)), tokens=draw.between(2, 6))
            embedding(plan, FIRST)
            return plan, TOKENS
        case "scalars":
            plan = Plan(draw, Form((draw.below(4),)))
            if not plan.form.size:
                del plan.forms[FIRST]
            graph(plan, FIRST)
            return plan, SCALARS
        case _:
            return Plan(draw, Form((draw.between(1, 5),))), FLAT


def network(number: int) -> str:
    """The text of a network."""
    draw = Draw(number)
    plan, moves = start(draw, FAMILIES[number % len(FAMILIES)])
    names = [name for name, count in moves.items() for _ in range(count)]
    wanted, tries = draw.between(1, 6), 0
    while len(plan.layers) < wanted and tries < 60:
        tries += 1
        # Mostly the last layer goes on; else a branch begins further up.
        x = plan.last if draw.chance(0.75) else draw.among(*plan.forms)
        move = draw.among(*names)
        # Indices are numbers of their own; and a dense layer alone does not need the axes of the inputs.
        if x == FIRST and (plan.tokens or (move == "dense" and len(plan.form.shape) > 1)) and move != "embedding":
            continue
        if sum(form.size for form in plan.forms.values()) < MOST_VALUES:
            MOVES[move](plan, x)
    losses = outputs(plan)
    table, samples, epochs = training(draw, plan)
    columns = [(one["kind"], plan.forms[one["layer"]]) for one in losses]
    if len(losses) == 1 and losses[0]["layer"] == plan.last and draw.chance(0.5):
        # The last layer need not be named.
        del losses[0]["layer"]
    rows = [
        [value for kind, form in columns for value in targets(draw, kind, form.shape, form.size)]
        for _ in range(samples)
    ]
    data: dict[str, Any] = {"inputs": [inputs(plan) for _ in range(samples)], "targets": rows}
    if len(columns) == 1 and columns[0][0] == "cross_entropy" and draw.chance(0.3):
        form = columns[0][1]
        data["classes"] = form.shape[-1]
        count = form.size // form.shape[-1]
        indices = [[draw.below(form.shape[-1]) for _ in range(count)] for _ in range(samples)]
        data["targets"] = indices if count > 1 else [row[0] for row in indices]
    if not rows[0]:
        del data["targets"]
    if not plan.form.size:
        del data["inputs"]
    recurs = any(table.get("kind") in {"rnn", "gru", "lstm"} for table in plan.layers)
    if recurs and plan.form.size and draw.chance(0.4):
        data["lengths"] = [draw.between(1, plan.form.shape[0]) for _ in range(samples)]
    file: dict[str, Any] = {
        "format": 1,
        "title": {"en": f"Random network {number}"},
        "network": {
            "inputs": plan.form.size or None,
            "input_shape": list(plan.form.shape) if len(plan.form.shape) > 1 else None,
            "arithmetic": "blas" if draw.chance(0.12) else None,
            "seed": number,
            "init": initial(draw),
            "layers": plan.layers,
        },
        "data": data,
        "loss": losses[0],
        "losses": losses[1:],
        "training": table,
        "stop": {"epochs": epochs},
    }
    return toml(file)


def outputs(plan: Plan) -> list[dict[str, Any]]:
    """The last layer, and the losses: one of the last layer, and of others that nothing reads."""
    draw = plan.draw
    kind = draw.among(*PLAIN, *PROBABILITIES, "cross_entropy")
    if not plan.form.size:
        kind = VALUE
    if plan.layers and (kind == VALUE or (kind in PLAIN and draw.chance(0.6))):
        last = plan.last
    else:
        keys: dict[str, Any] = {}
        units = draw.between(1, 4)
        if kind == "cross_entropy":
            units, keys["activation"] = max(2, units), "softmax"
        elif kind == "binary_cross_entropy":
            keys["activation"] = "sigmoid"
        elif kind == "binary_cross_entropy_logits":
            keys["activation"] = "identity"
        found = None
        while found is None:
            source = plan.last if plan.last != FIRST or not plan.tokens else draw.among(*plan.forms)
            form = plan.forms[source]
            # One output a position, as in a language model; else one of all values.
            if keys and not form.steps and len(form.shape) == 2 and form.shape[0] < 9 and draw.chance(0.6):
                bias = draw.among(None, "none")
                found = plan.add("linear", [source], Form((form.shape[0], units)), units=units, bias=bias, **keys)
            else:
                found = dense(plan, source, units, **keys)
        last = found
    tables = [{**loss(draw, kind, plan.forms[last]), "layer": last}]
    loose = [name for name in plan.forms if name not in plan.read and name not in {FIRST, last}]
    plain = PLAIN if plan.form.size else (VALUE,)
    for name in draw.shuffled(loose):
        # Now and then a layer leads to no loss.
        if draw.chance(0.85):
            tables.append({**loss(draw, draw.among(*plain, VALUE), plan.forms[name]), "layer": name})
    if not loose and len(plan.layers) > 1 and draw.chance(0.2):
        name = draw.among(*(name for name in plan.forms if name not in {FIRST, last}))
        tables.append({**loss(draw, draw.among(*plain), plan.forms[name]), "layer": name})
    if len(tables) > 1:
        for table in tables:
            table["weight"] = draw.real(0.2, 2.0, 1)
    return tables


def inputs(plan: Plan) -> list[float]:
    """The inputs of a sample."""
    if plan.tokens:
        return [float(plan.draw.below(plan.tokens)) for _ in range(plan.form.size)]
    return plan.draw.reals(plan.form.size)


def initial(draw: Draw) -> dict[str, Any]:
    """How parameters are drawn."""
    size = draw.real(0.4, 0.9, 1)
    return draw.among(
        {"kind": "uniform", "low": -size, "high": size, "draw_bias": True},
        {"kind": "glorot_uniform", "bias": {"kind": "uniform", "low": -0.5, "high": 0.5}},
        {"kind": "normal", "std": 0.5, "draw_bias": True},
        {"kind": "he_normal", "bias": {"kind": "normal", "std": 0.3}},
    )
