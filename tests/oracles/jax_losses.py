"""Losses, weights, masks and means in JAX, float64: what the engine's numbers are compared with.

Run from the root of the repository, where JAX is installed, to write ``jax_losses.json.gz`` anew:

    python -m tests.oracles.jax_losses

Each case is the text of a scenario; JAX computes E from what the text says, by the definitions of PyTorch
(CrossEntropyLoss, NLLLoss, BCEWithLogitsLoss, MultiMarginLoss, scaled_dot_product_attention with a key mask) and of
Keras (epsilon, masks, sample weights), and the gradients of the parameters by its own differentiation.
"""

from __future__ import annotations

import gzip
import json
import tomllib
from pathlib import Path
from typing import Any

STORE = Path(__file__).with_name("jax_losses.json.gz")

HEAD = 'format = 1\ntitle = { en = "t" }\n'
TAIL = "\n[training]\nlearning_rate = 0.1\n[stop]\nepochs = 2\n"
DENSE = """[network]
inputs = 2
[[network.layers]]
units = 3
activation = "{activation}"
weights = [[0.5, -0.2], [0.1, 0.3], [-0.4, 0.2]]
biases = [0.11, -0.32, 0.23]
[data]
inputs = [[2, 1], [-1, 2], [-2, -1], [1, -2]]
"""
SEQUENCE = """[network]
inputs = 5
input_shape = [5, 1]
[[network.layers]]
name = "h"
kind = "rnn"
units = 2
weights = [[0.6], [-0.3]]
recurrent_weights = [[0.5, 0.1], [-0.2, 0.4]]
biases = [0.1, 0.05]
[[network.layers]]
name = "o"
units = {units}
activation = "{activation}"
weights = {weights}
biases = 0.1
[data]
inputs = [[1, 2, -1, 0.5, 3], [0.5, -1, 1.5, 0.5, -2], [2, 0, 1, -1, 1]]
"""
ATTENTION = """[network]
inputs = 8
input_shape = [4, 2]
[[network.layers]]
name = "a"
kind = "attention"
heads = {heads}
causal = {causal}
key_mask = true
bias = "none"
Wq = [[0.5, -0.2], [0.1, 0.3]]
Wk = [[0.2, 0.4], [-0.6, 0.3]]
Wv = [[0.7, 0.1], [0.2, -0.5]]
Wo = [[0.3, 0.2], [-0.4, 0.9]]
[data]
inputs = [[1, 2, 0.5, -1, 3, 1, -1, 0], [0, 1, 1, 1, -1, 2, 2, -2]]
mask = [[1, 0, 1, 1], [1, 1, 0, 0]]
targets = [[1, 0, 0.5, -1, 3, 1, -1, 0], [0, 1, 1, 1, -1, 2, 2, -2]]
"""
CLASSES = "targets = [0, 1, 2, 0]\nclasses = 3\n"
NUMBERS = "targets = [[1, 0, 0.5], [0, 0.25, 1], [1, 1, 0], [0, 1, 0]]\n"
SIGNS = "targets = [[1, -1, 1], [-1, -1, 1], [1, 1, -1], [-1, 1, -1]]\n"
MASK = "mask = [[1, 0, 1, 1, 0], [1, 1, 0, 0, 1], [0, 1, 0, 1, 0]]\n"


def _dense() -> dict[str, str]:
    found: dict[str, str] = {}
    class_options = (
        "",
        "class_weights = [1, 2.5, 0.5]",
        'class_weights = [1, 2.5, 0.5]\nnormalise = "weights"',
        'over_batch = "sum"\nclass_weights = [1, 2.5, 0.5]',
    )
    for activation, kind in (("softmax", "cross_entropy"), ("log_softmax", "nll"), ("identity", "multiclass_hinge")):
        for number, options in enumerate(class_options):
            found[f"{kind}-{number}"] = dense(activation, CLASSES, f'kind = "{kind}"\n{options}')
        ignored = CLASSES.replace("0, 1,", "0, -100,")
        for number, options in enumerate(class_options[:3]):
            text = f'kind = "{kind}"\nignore_index = -100\n{options}'
            found[f"{kind}-ignored-{number}"] = dense(activation, ignored, text)
        weighted = CLASSES + "sample_weights = [1, 0.5, 3, 0]\n"
        for way in ("count", "weights"):
            found[f"{kind}-samples-{way}"] = dense(activation, weighted, f'kind = "{kind}"\nnormalise = "{way}"')
    found["margin"] = dense("identity", CLASSES, 'kind = "multiclass_hinge"\nmargin = 0.3\nover_outputs = "mean"')
    smooth = 'kind = "cross_entropy"\nlabel_smoothing = 0.1\nclass_weights = [1, 2.5, 0.5]\nnormalise = '
    for way in ("count", "weights"):
        found[f"smooth-{way}"] = dense("softmax", CLASSES, f'{smooth}"{way}"')
    for guard in ("log_epsilon = 1e-3", "log_clip = 0.2", "log_floor = -1.2"):
        name = guard.partition(" ")[0]
        found[f"cross_entropy-{name}"] = dense("softmax", CLASSES, f'kind = "cross_entropy"\n{guard}')
        found[f"binary-{name}"] = dense("sigmoid", NUMBERS, f'kind = "binary_cross_entropy"\n{guard}')
    for activation, kind in (("sigmoid", "binary_cross_entropy"), ("identity", "binary_cross_entropy_logits")):
        for number, options in enumerate(("pos_weight = 3", "pos_weight = 0.25\nclass_weights = [1, 2.5, 0.5]")):
            found[f"{kind}-{number}"] = dense(activation, NUMBERS, f'kind = "{kind}"\n{options}')
    for kind in ("hinge", "squared_hinge"):
        found[kind] = dense("identity", SIGNS, f'kind = "{kind}"')
        found[f"{kind}-margin"] = dense("tanh", SIGNS, f'kind = "{kind}"\nmargin = 0.4')
    found["value"] = dense("exp", NUMBERS, 'kind = "value"')
    found["linear-cross-entropy"] = dense("exp", CLASSES, 'kind = "cross_entropy"')
    return found


def dense(activation: str, data: str, loss: str) -> str:
    """A scenario of one dense layer."""
    return HEAD + DENSE.replace("{activation}", activation) + data + f"[loss]\n{loss}" + TAIL


def _sequences() -> dict[str, str]:
    found: dict[str, str] = {}
    numbers = "targets = [[1, 0, 0.5, -1, 2], [0, 0.25, 1, 1, -1], [1, 1, 0, 0, 0.5]]\n"
    indices = "targets = [[0, 1, 2, 1, 0], [2, 2, 0, 1, 1], [0, 0, 1, 2, 2]]\nclasses = 3\n"
    wide = "[[0.4, -0.3], [0.2, 0.9], [-0.5, 0.1]]"
    for way in ("sum", "mean", "pooled", "all"):
        for mask in ("", MASK):
            loss = f'kind = "mean_squared_error"\nover_time = "{way}"'
            found[f"numbers-{way}-{len(mask)}"] = sequence(1, "identity", "[[0.4, -0.3]]", numbers + mask, loss)
            loss = f'kind = "cross_entropy"\nover_time = "{way}"'
            found[f"classes-{way}-{len(mask)}"] = sequence(3, "softmax", wide, indices + mask, loss)
        weighted = numbers + MASK + "sample_weights = [1, 0.5, 2]\n"
        loss = f'kind = "mean_squared_error"\nover_time = "{way}"\nnormalise = "weights"'
        found[f"weighted-{way}"] = sequence(1, "identity", "[[0.4, -0.3]]", weighted, loss)
    loss = 'kind = "cross_entropy"\nover_time = "pooled"\nignore_index = 0\nclass_weights = [9, 2.5, 0.5]\n'
    for way in ("count", "weights"):
        text = f'{loss}normalise = "{way}"'
        found[f"ignored-{way}"] = sequence(3, "softmax", wide, indices + MASK, text)
    return found


def sequence(units: int, activation: str, weights: str, data: str, loss: str) -> str:
    """A scenario of a recurrent layer and a dense one."""
    text = SEQUENCE.replace("{units}", str(units)).replace("{activation}", activation).replace("{weights}", weights)
    return HEAD + text + data + f"[loss]\n{loss}" + TAIL


def _attention() -> dict[str, str]:
    found: dict[str, str] = {}
    for heads in (1, 2):
        for causal in ("false", "true"):
            for way in ("mean", "pooled"):
                text = ATTENTION.replace("{heads}", str(heads)).replace("{causal}", causal)
                loss = f'[loss]\nkind = "mean_squared_error"\nover_time = "{way}"'
                found[f"attention-{heads}-{causal}-{way}"] = HEAD + text + loss + TAIL
    return found


def cases() -> dict[str, str]:
    """The text of every case by its name."""
    return {**_dense(), **_sequences(), **_attention()}


def computed(text: str) -> dict[str, Any]:
    """E and the gradients of the parameters, by their names in the engine, as JAX computes them."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    content = tomllib.loads(text)
    layers, data, loss = content["network"]["layers"], content["data"], content["loss"]
    x = jnp.array(data["inputs"], dtype=jnp.float64)
    values: dict[str, Any] = {}
    for number, layer in enumerate(layers):
        name = layer.get("name") or ("o" if number == len(layers) - 1 else "h")
        for key, stem in (("weights", "W"), ("recurrent_weights", "U"), ("biases", "b")):
            if key in layer:
                array = jnp.array(layer[key], dtype=jnp.float64)
                values[f"{stem}_{name}"] = array if array.ndim else jnp.full(layer["units"], array)
        for key in ("Wq", "Wk", "Wv", "Wo"):
            if key in layer:
                values[f"{key}_{name}"] = jnp.array(layer[key])
    mask = jnp.array(data["mask"], dtype=jnp.float64) if "mask" in data else None

    def energy(p: dict[str, Any]) -> Any:
        if layers[0].get("kind") == "attention":
            net = _attended(jnp, jax, p, x.reshape(len(x), 4, 2), mask, layers[0])
            goal = jnp.array(data["targets"], dtype=jnp.float64).reshape(net.shape)
            return _reduced(jnp, ((net - goal) ** 2).mean(axis=2), mask, None, None, loss, "mean")
        if layers[0].get("kind") == "rnn":
            state, states = jnp.zeros((len(x), 2)), []
            for t in range(x.shape[1]):
                new = jnp.tanh(x[:, t : t + 1] @ p["W_h"].T + state @ p["U_h"].T + p["b_h"])
                state = new if mask is None else jnp.where(mask[:, t : t + 1] > 0, new, state)
                states.append(state)
            net = jnp.stack(states, axis=1) @ p["W_o"].T + p["b_o"]
            return _energy(jnp, jax, net, layers[-1]["activation"], data, loss, mask)
        net = (x @ p["W_o"].T + p["b_o"])[:, None, :]
        return _energy(jnp, jax, net, layers[-1]["activation"], data, loss, mask)

    total, slopes = jax.value_and_grad(energy)(values)
    return {"E": float(total), "gradients": {name: slope.tolist() for name, slope in slopes.items()}}


def _attended(jnp: Any, jax: Any, p: dict[str, Any], x: Any, mask: Any, layer: dict[str, Any]) -> Any:
    """torch.nn.functional.scaled_dot_product_attention with a key mask."""
    heads, depth = layer["heads"], 2 // layer["heads"]
    q, k, v = (
        (x @ p[f"W{name}_a"].T).reshape(len(x), 4, heads, depth).transpose(0, 2, 1, 3) for name in ("q", "k", "v")
    )
    seen = mask[:, None, None, :] > 0
    if layer["causal"]:
        seen = seen & jnp.tril(jnp.ones((4, 4), dtype=bool))
    scores = jnp.where(seen, q @ k.transpose(0, 1, 3, 2) / jnp.sqrt(depth), -jnp.inf)
    mixed = (jax.nn.softmax(scores, axis=-1) @ v).transpose(0, 2, 1, 3).reshape(len(x), 4, 2)
    return mixed @ p["Wo_a"].T


def _energy(
    jnp: Any, jax: Any, net: Any, activation: str, data: dict[str, Any], loss: dict[str, Any], mask: Any
) -> Any:
    """E of the net inputs (samples, positions, units) of the last layer."""
    outs = {
        "identity": lambda z: z,
        "tanh": jnp.tanh,
        "exp": jnp.exp,
        "sigmoid": jax.nn.sigmoid,
        "softmax": lambda z: jax.nn.softmax(z, axis=-1),
        "log_softmax": lambda z: jax.nn.log_softmax(z, axis=-1),
    }
    y, units = outs[activation](net), net.shape[-1]
    given = jnp.array(data["targets"], dtype=jnp.float64)
    weights = jnp.array(loss.get("class_weights", [1.0] * units))
    counts = mask
    if "classes" in data:
        index = given.reshape(net.shape[:2]).astype(int)
        if "ignore_index" in loss:
            kept = index != loss["ignore_index"]
            counts = kept if mask is None else kept & (mask > 0)
            index = jnp.where(kept, index, 0)
        t = jax.nn.one_hot(index, units, dtype=jnp.float64)
    else:
        t = given.reshape(net.shape)
    smoothing = loss.get("label_smoothing", 0.0)
    wanted = (1 - smoothing) * t + smoothing / units
    terms = _terms(jnp, jax, y, net, wanted, {**loss, "activation": activation}, weights)
    own = (weights * t).sum(axis=-1) if "class_weights" in loss else None
    samples = jnp.array(data["sample_weights"]) if "sample_weights" in data else None
    usual = "sum" if loss["kind"] in {"cross_entropy", "nll", "multiclass_hinge", "value"} else "mean"
    rows = terms.sum(axis=-1) if loss.get("over_outputs", usual) == "sum" else terms.mean(axis=-1)
    batch = loss.get("over_batch", "sum" if loss["kind"] == "value" else "mean")
    return _reduced(jnp, rows, counts, samples, own, loss, batch)


def _terms(jnp: Any, jax: Any, y: Any, net: Any, t: Any, loss: dict[str, Any], weights: Any) -> Any:
    """The terms of every output."""

    def ln(v: Any) -> Any:
        found = jnp.log(v + loss.get("log_epsilon", 0.0))
        return jnp.maximum(found, loss["log_floor"]) if "log_floor" in loss else found

    clip, positive, margin = loss.get("log_clip"), loss.get("pos_weight", 1.0), loss.get("margin", 1.0)
    seen = y if clip is None else jnp.clip(y, clip, 1 - clip)
    match loss["kind"]:
        case "cross_entropy":
            plain = loss["activation"] == "softmax" and not {"log_epsilon", "log_clip", "log_floor"} & set(loss)
            logs = jax.nn.log_softmax(net, axis=-1) if plain else ln(seen)
            return -weights * t * logs
        case "nll":
            return -weights * t * y
        case "binary_cross_entropy":
            return -weights * (positive * t * ln(seen) + (1 - t) * ln(1 - seen))
        case "binary_cross_entropy_logits":
            return -weights * (positive * t * jax.nn.log_sigmoid(net) + (1 - t) * jax.nn.log_sigmoid(-net))
        case "multiclass_hinge":
            right = (t * y).sum(axis=-1, keepdims=True)
            own = (weights * t).sum(axis=-1, keepdims=True)
            return own * (1 - t) * jnp.maximum(0.0, y - right + margin)
        case "hinge":
            return jnp.maximum(0.0, margin - t * y)
        case "squared_hinge":
            return jnp.maximum(0.0, margin - t * y) ** 2
        case "value":
            return t * y
        case _:
            return (t - y) ** 2


def _reduced(jnp: Any, rows: Any, counts: Any, samples: Any, own: Any, loss: dict[str, Any], batch: str) -> Any:
    """E of the rows (samples, positions): what counts, added up as the loss says."""
    here = jnp.ones(rows.shape) if counts is None else counts.astype(jnp.float64)
    weight = jnp.ones(len(rows)) if samples is None else samples
    total = rows * here * weight[:, None]
    if batch == "sum":
        return total.sum()
    by_weight = loss.get("normalise") == "weights"
    each = here * (weight[:, None] if by_weight else 1.0) * (own if by_weight and own is not None else 1.0)
    way = loss.get("over_time", "mean")
    if way == "pooled" or rows.shape[1] == 1:
        return total.sum() / each.sum()
    number = weight.sum() if by_weight else len(rows)
    divisors = {"sum": 1.0, "all": float(rows.shape[1]), "mean": here.sum(axis=1)}
    return (total.sum(axis=1) / divisors[way]).sum() / number


def main() -> None:
    """Writes the store."""
    found = {name: {"text": text, **computed(text)} for name, text in cases().items()}
    STORE.write_bytes(gzip.compress(json.dumps(found).encode(), mtime=0))


if __name__ == "__main__":
    main()
