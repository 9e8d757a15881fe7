"""Dense networks in PyTorch, float64: what the engine's numbers are compared with.

Run from the root of the repository, where PyTorch is installed, to write ``torch_dense.json.gz`` anew:

    python -m tests.oracles.torch_dense

The networks are read from the texts of scenarios, and computed with ``torch.nn.functional``, autograd and
``torch.optim.SGD``; nothing of the engine takes part. ``in_place`` has no counterpart in PyTorch: there each layer is
differentiated by itself, the last one first, and the gradient goes on through the weights that were just updated.
"""

from __future__ import annotations

import gzip
import json
import tomllib
import warnings
from pathlib import Path
from random import Random
from typing import Any

from tests.support.networks import Recipe

STORE = Path(__file__).with_name("torch_dense.json.gz")
COUNT = 64
ACTIVATIONS = [
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
    "softmax",
]
LOSSES = [
    "half_squared_error",
    "squared_error",
    "mean_squared_error",
    "mean_absolute_error",
    "huber",
    "binary_cross_entropy",
    "binary_cross_entropy_logits",
    "cross_entropy",
]
"""What the store holds; what came later has stores of its own."""
UPDATES = 3


def recipe(number: int) -> Recipe:
    """Network ``number`` of the store: everything a dense scenario can say comes up several times."""
    random = Random(number)
    loss = LOSSES[number % len(LOSSES)]
    layers = 1 + number // len(LOSSES) % 4
    widths = [random.randint(1, 5) for _ in range(layers + 1)]
    activations = [ACTIVATIONS[(number * 3 + layer) % len(ACTIVATIONS)] for layer in range(layers)]
    match loss:
        case "cross_entropy":
            activations[-1] = "softmax"
        case "binary_cross_entropy":
            activations[-1] = random.choice(("sigmoid", "softmax"))
        case "binary_cross_entropy_logits":
            activations[-1] = "identity"
    if activations[-1] == "softmax":
        widths[-1] = max(2, widths[-1])
    biases = [random.choice(("neuron", "neuron", "shared", "none")) for _ in range(layers)]
    frozen: list[tuple[str, ...]] = [
        random.choice(((), (), (), ("weights",), ("bias",) if bias != "none" else ())) for bias in biases
    ]
    samples = random.randint(1, 6)
    return Recipe(
        widths=tuple(widths),
        activations=tuple(activations),
        biases=tuple(biases),
        frozen=tuple(frozen),
        loss=loss,
        over_outputs=random.choice((None, "sum", "mean")),
        over_batch=random.choice((None, "sum", "mean")),
        samples=samples,
        batch_size=random.choice((0, 1, (samples + 1) // 2, samples)),
        update="in_place" if number % 5 == 4 else "simultaneous",
        arithmetic="blas" if number % 7 == 6 else "exact",
        epochs=UPDATES,
        rate=random.choice((0.05, 0.25, 0.5)),
        scale=random.choice((0.7, 1.0, 1.5)),
        seed=number,
        explicit=True,
    )


def torch_module() -> Any:
    """PyTorch, imported quietly and with one thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch

        torch.set_num_threads(1)
    return torch


class Dense:
    """A layer: net = x·Wᵀ + b, out = activation(net)."""

    def __init__(self, torch: Any, table: dict[str, Any], name: str) -> None:
        def parameter(values: Any, kind: str) -> Any:
            trained = kind not in table.get("frozen", [])
            return torch.tensor(values, dtype=torch.float64, requires_grad=trained)

        self.torch, self.table, self.name = torch, table, name
        self.weights = parameter(table["weights"], "weights")
        self.bias = None if table["bias"] == "none" else parameter(table["biases"], "bias")
        self.x = self.net = self.out = None

    def __call__(self, x: Any) -> Any:
        self.x = x
        self.net = self.torch.nn.functional.linear(x, self.weights)
        if self.bias is not None:
            self.net = self.net + self.bias
        self.out = self._activation(self.net)
        return self.out

    def _activation(self, net: Any) -> Any:
        torch, functional = self.torch, self.torch.nn.functional
        match self.table["activation"]:
            case "identity":
                # A tensor of its own, so that the gradients of net and out are kept apart.
                return net * 1.0
            case "sigmoid" | "tanh" as name:
                return getattr(torch, name)(net)
            case "leaky_relu":
                return functional.leaky_relu(net, self.table["slope"])
            case "elu":
                return functional.elu(net, self.table["alpha"])
            case "gelu_tanh":
                return functional.gelu(net, approximate="tanh")
            case "softmax":
                return torch.softmax(net, dim=1)
            case "log_sigmoid":
                return functional.logsigmoid(net)
            case "hard_tanh":
                return functional.hardtanh(net)
            # PyTorch's own functions have a third and a sixth in single precision.
            case "hard_sigmoid":
                return functional.relu6(net + 3) / 6
            case "hard_swish":
                return net * (functional.relu6(net + 3) / 6)
            case name:
                return getattr(functional, name)(net)

    @property
    def parameters(self) -> dict[str, Any]:
        """W and b by the engine's names."""
        found = {f"W_{self.name}": self.weights}
        return found if self.bias is None else {**found, f"b_{self.name}": self.bias}

    @property
    def trained(self) -> dict[str, Any]:
        """Those that are not frozen."""
        return {name: values for name, values in self.parameters.items() if values.requires_grad}


def loss_terms(torch: Any, table: dict[str, Any], last: Dense, goal: Any) -> Any:
    """E_o[s, i], with the reductions in it; their sum is E."""
    functional = torch.nn.functional
    kind = table["kind"]
    match kind:
        case "half_squared_error":
            terms = 0.5 * functional.mse_loss(last.out, goal, reduction="none")
        case "squared_error" | "mean_squared_error":
            terms = functional.mse_loss(last.out, goal, reduction="none")
        case "mean_absolute_error":
            terms = functional.l1_loss(last.out, goal, reduction="none")
        case "huber":
            terms = functional.huber_loss(last.out, goal, reduction="none", delta=table["delta"])
        case "binary_cross_entropy":
            terms = functional.binary_cross_entropy(last.out, goal, reduction="none")
        case "binary_cross_entropy_logits":
            terms = functional.binary_cross_entropy_with_logits(last.out, goal, reduction="none")
        case "cross_entropy":
            terms = -goal * functional.log_softmax(last.net, dim=1)
    means = kind.startswith(("mean_", "binary_")) or kind == "huber"
    sums = kind in {"half_squared_error", "squared_error"}
    if table.get("over_outputs", "mean" if means else "sum") == "mean":
        terms = terms / goal.shape[1]
    if table.get("over_batch", "sum" if sums else "mean") == "mean":
        terms = terms / goal.shape[0]
    return terms


def together(torch: Any, layers: list[Dense], loss: Any, rate: float) -> dict[str, Any]:
    """All gradients of an iteration, by autograd, and one step of SGD."""
    trained = {name: values for layer in layers for name, values in layer.trained.items()}
    kept = {}
    for layer in layers:
        for name, values in ((f"net_{layer.name}", layer.net), (f"out_{layer.name}", layer.out)):
            if values.requires_grad:
                values.retain_grad()
                kept[name] = values
    if trained:
        optimizer = torch.optim.SGD(trained.values(), lr=rate)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    every = {**trained, **kept}
    return {f"grad({name})": values.grad for name, values in every.items() if values.grad is not None}


def one_by_one(torch: Any, layers: list[Dense], loss: Any, rate: float, joined: bool) -> dict[str, Any]:
    """The same, with each layer updated before the gradient goes on to the layer before it."""
    found = {}
    last = layers[-1]
    wanted = last.net if joined else last.out
    (g,) = torch.autograd.grad(loss, wanted, retain_graph=True)
    for layer in reversed(layers):
        if layer is not last or not joined:
            found[f"grad(out_{layer.name})"] = g
            (g,) = torch.autograd.grad(layer.out, layer.net, g, retain_graph=True)
        found[f"grad(net_{layer.name})"] = g
        slopes = {
            name: torch.autograd.grad(layer.net, values, g, retain_graph=True)[0]
            for name, values in layer.trained.items()
        }
        with torch.no_grad():
            for name, slope in slopes.items():
                found[f"grad({name})"] = slope
                layer.trained[name].sub_(rate * slope)
            g = g @ layer.weights
    return found


def reference(text: str) -> dict[str, Any]:
    """What PyTorch computes: the first iteration in full, the losses, the parameters after some updates."""
    torch = torch_module()
    spec = tomllib.loads(text)
    tables = spec["network"]["layers"]
    hidden = len(tables) - 1
    names = [*(["h"] if hidden == 1 else [f"h{number}" for number in range(1, hidden + 1)]), "o"]
    layers = [Dense(torch, table, name) for table, name in zip(tables, names, strict=True)]
    inputs = torch.tensor(spec["data"]["inputs"], dtype=torch.float64)
    goals = torch.tensor(spec["data"]["targets"], dtype=torch.float64)
    size = spec["training"]["batch_size"] or len(inputs)
    starts = range(0, len(inputs), size)
    rate, in_place = spec["training"]["learning_rate"], spec["training"]["update"] == "in_place"
    first: dict[str, Any] = {}
    losses = []
    for update in range(UPDATES):
        start = starts[update % len(starts)]
        x, goal = inputs[start : start + size], goals[start : start + size]
        for layer in layers:
            # Cut from the layer before, a layer is differentiated by itself.
            x = layer(x.detach().requires_grad_() if in_place else x)
        terms = loss_terms(torch, spec["loss"], layers[-1], goal)
        loss = terms.sum()
        losses.append(loss.item())
        forward = {f"net_{layer.name}": layer.net for layer in layers}
        forward |= {f"out_{layer.name}": layer.out for layer in layers} | {"E_o": terms}
        joined = spec["loss"]["kind"] == "cross_entropy"
        slopes = one_by_one(torch, layers, loss, rate, joined) if in_place else together(torch, layers, loss, rate)
        if not update:
            first = {name: values.detach().tolist() for name, values in {**forward, **slopes}.items()}
    parameters = {name: values.detach().tolist() for layer in layers for name, values in layer.parameters.items()}
    return {"text": text, "losses": losses, "first": first, "parameters": parameters}


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
