"""The ordinary layers of PyTorch models in PyTorch, float64: what the engine's numbers are compared with.

Run from the root of the repository, where PyTorch is installed, to write ``torch_ordinary.json.gz`` anew:

    python -m tests.oracles.torch_ordinary

The networks are read from the texts of scenarios; nothing of the engine takes part. Each layer is the function of
``torch`` or ``torch.nn.functional`` that has its name, with the parameters of the text; gradients are autograd's and
updates those of ``torch.optim.SGD``.
"""

from __future__ import annotations

import gzip
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.oracles.torch_attention import shorter
from tests.oracles.torch_dense import torch_module
from tests.support.ordinary import MOVES, Ordinary

STORE = Path(__file__).with_name("torch_ordinary.json.gz")
EACH = 2
UPDATES = 3
PARAMETERS = {
    "weights": "W", "biases": "b", "gamma": "gamma", "beta": "beta", "slopes": "a",
    "recurrent_weights": "U", "recurrent_biases": "bu",
    **{letter + one: letter + one for letter in "Wb" for one in "qkvo"},
}  # fmt: skip
RECURRENT = ("rnn", "gru", "lstm")
"""The keys that give parameters, and the names of these in the network."""


def recipes() -> list[Ordinary]:
    """The networks of the store: some of each kind."""
    return [Ordinary(seed=number, kind=kind) for kind in MOVES for number in range(EACH)]


class Net:
    """The layers of a scenario.

    Args:
        spec: the scenario as it is read from its file.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.torch = torch_module()
        self.functional = self.torch.nn.functional
        self.layers = spec["network"]["layers"]
        self.shape = spec["network"].get("input_shape", [spec["network"]["inputs"]])
        self.parameters = {
            f"{name}{direction}_{layer['name']}": self.torch.tensor(
                table[key], dtype=self.torch.float64, requires_grad=key not in layer.get("frozen", [])
            )
            for layer in self.layers
            for direction, table in (("", layer), ("r", layer.get("reverse", {})))
            for key, name in PARAMETERS.items()
            if key in table
        }
        self.outs: dict[str, Any] = {}
        self.timed: set[str] = set()

    def of(self, layer: dict[str, Any], name: str) -> Any:
        """A parameter of a layer, or None."""
        return self.parameters.get(f"{name}_{layer['name']}")

    def forward(self, x: Any, first: int) -> Any:
        """Computes all layers; the inputs are (batch, inputs), ``first`` is the number of their first sample."""
        self.rows = slice(first, first + len(x))
        self.outs, self.timed = {"i": x.reshape(-1, *self.shape)}, set()
        out = x
        for layer in self.layers:
            out = self._layer(layer, [self.outs[name] for name in layer["inputs"]])
            self.outs[layer["name"]] = out
            if out.requires_grad:
                out.retain_grad()
        return out

    def _layer(self, layer: dict[str, Any], sources: list[Any]) -> Any:
        """The output of a layer; of a sequence, (batch, time, ...), what all time steps have."""
        kind = layer.get("kind", "dense")
        function = FUNCTIONS[kind]
        if kind in RECURRENT:
            self.timed |= {layer["name"]} if layer["outputs"] == "all" else set()
            return function(self, layer, *sources)
        if kind == "dropout":
            self.timed |= self.timed.intersection(layer["inputs"]) and {layer["name"]}
        if kind in ("dense", "flatten", "dropout") or not self.timed.issuperset(layer["inputs"]):
            return function(self, layer, *sources)
        self.timed.add(layer["name"])
        out = function(self, layer, *(x.flatten(0, 1) for x in sources))
        return out.unflatten(0, sources[0].shape[:2]) * 1.0

    def each(self, values: dict[str, Any]) -> dict[str, Any]:
        """Values by name, those of a sequence one by one: out_h@1, out_h@2, ..."""
        found: dict[str, Any] = {}
        for name, value in values.items():
            if name in self.timed:
                found |= {f"out_{name}@{time}": part for time, part in enumerate(value.unbind(1), 1)}
            elif name != "i":
                found[f"out_{name}"] = value
        return found


def _dense(net: Net, layer: dict[str, Any], *x: Any) -> Any:
    row = net.torch.cat([one.flatten(1) for one in x], dim=1)
    return net.functional.linear(row, net.of(layer, "W"), net.of(layer, "b"))


def _linear(net: Net, layer: dict[str, Any], x: Any) -> Any:
    out = net.functional.linear(x, net.of(layer, "W"), net.of(layer, "b"))
    return _activated(net, layer, out)


def _activated(net: Net, layer: dict[str, Any], out: Any) -> Any:
    torch, name = net.torch, layer.get("activation", "identity")
    if name == "identity":
        return out * 1.0
    return {"tanh": torch.tanh, "silu": net.functional.silu, "sigmoid": torch.sigmoid}[name](out)


def _together(combine: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """Values element by element; the axes of one sample are as many, as PyTorch has it for those of a batch."""

    def found(net: Net, layer: dict[str, Any], *x: Any) -> Any:
        most = max(one.dim() for one in x)
        first, *rest = (one.reshape(len(one), *(1,) * (most - one.dim()), *one.shape[1:]) for one in x)
        for other in rest:
            first = combine(first, other)
        return _activated(net, layer, first)

    return found


def _rms_norm(net: Net, layer: dict[str, Any], x: Any) -> Any:
    return net.functional.rms_norm(x, x.shape[-1:], net.of(layer, "gamma"), layer["epsilon"])


def _group_norm(net: Net, layer: dict[str, Any], x: Any) -> Any:
    gamma, beta = net.of(layer, "gamma"), net.of(layer, "beta")
    return net.functional.group_norm(x, layer["groups"], gamma, beta, layer["epsilon"])


def _instance_norm(net: Net, layer: dict[str, Any], x: Any) -> Any:
    gamma, beta = net.of(layer, "gamma"), net.of(layer, "beta")
    return net.functional.instance_norm(x, weight=gamma, bias=beta, eps=layer["epsilon"])


def _slice(net: Net, layer: dict[str, Any], x: Any) -> Any:
    axis = layer["axis"] if layer["axis"] > 0 else x.dim() + layer["axis"]

    def place(number: int) -> int:
        return number - 1 if number > 0 else int(x.shape[axis]) + number

    if "at" in layer:
        return x.select(axis, place(layer["at"])) * 1.0
    cut = slice(place(layer["first"]), place(layer["last"]) + 1, layer.get("step", 1))
    return x[(slice(None),) * axis + (cut,)] * 1.0


def _along(name: str) -> Callable[..., Any]:
    """A mean or a sum along axes."""

    def found(net: Net, layer: dict[str, Any], x: Any) -> Any:
        axes = [axis if axis > 0 else x.dim() + axis for axis in layer.get("axes", range(1, x.dim()))]
        return getattr(net.torch, name)(x, dim=axes, keepdim=layer.get("keep", False)) * 1.0

    return found


def _recurrent(net: Net, layer: dict[str, Any], x: Any) -> Any:
    """One layer of a recurrent module; and all of those below it as one module, which has to say the same."""
    out = _module(net, [layer], x)
    below = [layer]
    while (one := _before(net, below[0])) is not None:
        below.insert(0, one)
    if len(below) > 1:
        whole = _module(net, below, net.outs[below[0]["inputs"][0]])
        assert net.torch.allclose(out, whole, rtol=1e-11, atol=1e-13)
    return out


def _before(net: Net, layer: dict[str, Any]) -> dict[str, Any] | None:
    """The recurrent layer of the same kind that a layer reads, if it does."""
    found = [one for one in net.layers if one["name"] == layer["inputs"][0] and one.get("kind") == layer["kind"]]
    return found[0] if found else None


def _module(net: Net, layers: list[dict[str, Any]], x: Any) -> Any:
    """What PyTorch's module with so many layers hands on."""
    top, torch = layers[-1], net.torch
    both = top["direction"] == "both"
    kind = getattr(torch.nn, top["kind"].upper())
    module = kind(x.shape[-1], top["units"], len(layers), batch_first=True, bidirectional=both, dtype=torch.float64)
    given = {
        f"{key}_l{number}{'_reverse' if direction else ''}": net.parameters[f"{stem}{direction}_{layer['name']}"]
        for number, layer in enumerate(layers)
        for direction in ("", "r")[: 1 + both]
        for key, stem in {"weight_ih": "W", "weight_hh": "U", "bias_ih": "b", "bias_hh": "bu"}.items()
    }
    out, end = torch.func.functional_call(module, given, (x,))
    if top["outputs"] == "all":
        return out * 1.0
    state = end[0] if top["kind"] == "lstm" else end
    return torch.cat(list(state[-2:] if both else state[-1:]), dim=-1) * 1.0


def _dropout(net: Net, layer: dict[str, Any], x: Any) -> Any:
    mask = net.torch.tensor(layer["mask"], dtype=net.torch.float64)[net.rows]
    # Of channels, or of all values; of a sequence, step by step.
    if layer.get("whole_channels"):
        lead = x.shape[: 3 if layer["inputs"][0] in net.timed else 2]
        mask = mask.reshape(*lead, *(1,) * (x.dim() - len(lead)))
    return x * (mask.reshape(x.shape) if mask.dim() == 2 else mask) / (1.0 - layer["rate"])


def _attention(net: Net, layer: dict[str, Any], x: Any) -> Any:
    torch, functional, heads = net.torch, net.functional, layer["heads"]
    batch, positions, width = x.shape
    q, k, v = (
        functional.linear(x, net.of(layer, f"W{one}"), net.of(layer, f"b{one}"))
        .reshape(batch, positions, heads, -1)
        .transpose(1, 2)
        for one in "qkv"
    )
    seen = torch.tensor(layer.get("mask", [[1] * positions] * positions), dtype=torch.bool)
    seen = seen.tril() if layer["causal"] else seen
    weights = torch.softmax((q @ k.transpose(-1, -2) / (width // heads) ** 0.5).masked_fill(~seen, -torch.inf), dim=-1)
    plain = functional.scaled_dot_product_attention(q, k, v, attn_mask=seen)
    assert torch.allclose(plain, weights @ v, rtol=1e-11, atol=1e-13)
    if "dropout_mask" in layer:
        kept = torch.tensor(layer["dropout_mask"], dtype=torch.float64)[net.rows].reshape(weights.shape)
        weights = weights * kept / (1.0 - layer["dropout"])
    mixed = (weights @ v).transpose(1, 2).reshape(batch, positions, width)
    return functional.linear(mixed, net.of(layer, "Wo"), net.of(layer, "bo")) * 1.0


def _pool(net: Net, layer: dict[str, Any], x: Any) -> Any:
    name = f"{'max' if layer['kind'] == 'max_pool' else 'avg'}_pool{x.dim() - 2}d"
    given = {key: layer[key] for key in ("stride", "padding", "ceil_mode", "count_include_pad") if key in layer}
    return getattr(net.functional, name)(x, layer["kernel"], **given)


def _upsample(net: Net, layer: dict[str, Any], x: Any) -> Any:
    lengths = x.shape[2:]
    size = layer.get("size") or [a * b for a, b in zip(lengths, layer["factor"], strict=True)]
    mode = layer["mode"] if layer["mode"] == "nearest" else ("linear", "bilinear")[len(lengths) - 1]
    corners = layer.get("align_corners", False) if mode != "nearest" else None
    return net.functional.interpolate(x, size=list(size), mode=mode, align_corners=corners)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "dense": _dense,
    "flatten": lambda _net, _layer, x: x.reshape(len(x), -1) * 1.0,
    "linear": _linear,
    "rms_norm": _rms_norm,
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    **dict.fromkeys(RECURRENT, _recurrent),
    "dropout": _dropout,
    "attention": _attention,
    "max_pool": _pool,
    "average_pool": _pool,
    "upsample": _upsample,
    "slice": _slice,
    "mean": _along("mean"),
    "sum": _along("sum"),
    "multiply": _together(lambda a, b: a * b),
    "subtract": _together(lambda a, b: a - b),
    "divide": _together(lambda a, b: a / b),
    "prelu": lambda net, layer, x: net.functional.prelu(x, net.of(layer, "a").reshape(-1)),
}
"""By kind, what computes a layer."""


def reference(text: str) -> dict[str, Any]:
    """What PyTorch computes: outputs and gradients of the first iteration, the losses, the parameters afterwards."""
    spec = tomllib.loads(text)
    net = Net(spec)
    torch = net.torch
    inputs = torch.tensor(spec["data"]["inputs"], dtype=torch.float64)
    goals = torch.tensor(spec["data"]["targets"], dtype=torch.float64)
    size = spec["training"]["batch_size"] or len(inputs)
    trained = {name: value for name, value in net.parameters.items() if value.requires_grad}
    optimizer = torch.optim.SGD(trained.values(), lr=spec["training"]["learning_rate"])
    first: dict[str, Any] = {}
    losses = []
    for update in range(UPDATES):
        start = range(0, len(inputs), size)[update % (len(inputs) // size)]
        out = net.forward(inputs[start : start + size], start)
        loss = net.functional.mse_loss(out, goals[start : start + size])
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        if not update:
            first = {name: value.detach().tolist() for name, value in net.each(net.outs).items()}
            # The gradient of a state has a part from the next step, of which the output of a module says nothing.
            states = {layer["name"] for layer in net.layers if layer.get("kind") in RECURRENT}
            outs = {name: value.grad for name, value in net.outs.items() if name not in states}
            slopes = net.each({name: grad for name, grad in outs.items() if grad is not None})
            slopes |= {name: value.grad for name, value in trained.items()}
            first |= {f"grad({name})": value.tolist() for name, value in slopes.items()}
        optimizer.step()
    after = {name: value.detach().tolist() for name, value in net.parameters.items()}
    return {"text": text, "losses": losses, "first": first, "parameters": after}


def load() -> list[dict[str, Any]]:
    """The committed networks."""
    found: list[dict[str, Any]] = json.loads(gzip.decompress(STORE.read_bytes()))
    return found


def main() -> None:
    """Write the store."""
    found = [reference(recipe.text) for recipe in recipes()]
    # In 13 digits, which tell 1e-9 apart, and without a time in its header.
    text = json.dumps(shorter(found), ensure_ascii=False, separators=(",", ":"))
    STORE.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
