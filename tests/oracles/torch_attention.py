"""Networks with attention in PyTorch, float64: what the engine's numbers are compared with.

Run from the root of the repository, where PyTorch is installed, to write ``torch_attention.json.gz`` anew:

    python -m tests.oracles.torch_attention

The networks are read from the texts of scenarios. Every intermediate value has a tensor of its own, so that autograd
has a word on its gradient; and each attention and norm is computed a second time by ``nn.MultiheadAttention``,
``scaled_dot_product_attention`` and ``layer_norm``, which have to agree. Nothing of the engine takes part.
"""

from __future__ import annotations

import gzip
import json
import math
import tomllib
from pathlib import Path
from typing import Any

from tests.oracles.torch_dense import torch_module
from tests.support.attended import Attended

STORE = Path(__file__).with_name("torch_attention.json.gz")
COUNT = 56
UPDATES = 3


def recipe(number: int) -> Attended:
    """Network ``number`` of the store."""
    return Attended(seed=number, explicit=True, rate=0.002, arithmetic="blas" if number % 6 == 5 else "exact")


class Model:
    """The layers of a scenario, with every intermediate value by the engine's name.

    Args:
        spec: the scenario as it is read from its file.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self.torch = torch_module()
        self.functional = self.torch.nn.functional
        self.layers = spec["network"]["layers"]
        self.shape = spec["network"].get("input_shape", [spec["network"]["inputs"]])
        self.parameters: dict[str, Any] = {}
        self.frozen: set[str] = set()
        self.named: dict[str, Any] = {}
        for layer in self.layers:
            for key, name in {
                "weights": "P" if layer["kind"] == "position" else "W",
                "biases": "b",
                "gamma": "gamma",
                "beta": "beta",
                **{letter + one: letter + one for letter in "Wb" for one in "qkvo"},
            }.items():
                if key in layer:
                    frozen = name in layer.get("frozen", [])
                    full = f"{name}_{layer['name']}"
                    self.parameters[full] = self.torch.tensor(
                        layer[key], dtype=self.torch.float64, requires_grad=not frozen
                    )
                    self.frozen |= {full} if frozen else set()
            if layer["kind"] == "layer_norm" and layer.get("affine", True):
                assert f"gamma_{layer['name']}" in self.parameters

    def keep(self, name: str, value: Any) -> Any:
        """A tensor of its own for an intermediate value."""
        value = value * 1.0
        if value.requires_grad:
            value.retain_grad()
        self.named[name] = value
        return value

    def agree(self, value: Any, other: Any) -> None:
        """Two ways to the same values."""
        assert self.torch.allclose(value, other, rtol=1e-11, atol=1e-13), (value, other)

    def forward(self, x: Any) -> None:
        """Computes all layers; the inputs are (batch, inputs)."""
        self.named = {}
        outs = {"i": x.reshape(-1, *self.shape)}
        above = "i"
        for layer in self.layers:
            name = layer["name"]
            sources = [outs[one] for one in layer.get("inputs", [above])]
            outs[name] = getattr(self, f"_{layer['kind']}")(layer, name, *sources)
            above = name

    def _activated(self, layer: dict[str, Any], name: str, net: Any) -> Any:
        torch, functional = self.torch, self.functional
        match layer.get("activation", "identity"):
            case "softmax":
                top = net.amax(dim=-1, keepdim=True).detach()
                e = self.keep(f"e_{name}", torch.exp(net - top))
                total = self.keep(f"S_{name}", e.sum(dim=-1))
                out = e / total[..., None]
                self.agree(out, torch.softmax(net, dim=-1))
            case "tanh":
                out = torch.tanh(net)
            case function:
                out = getattr(functional, function)(net)
        return self.keep(f"out_{name}", out)

    def _linear(self, layer: dict[str, Any], name: str, x: Any) -> Any:
        net = self.functional.linear(x, self.parameters[f"W_{name}"], self.parameters.get(f"b_{name}"))
        if layer.get("activation", "identity") == "identity":
            return self.keep(f"out_{name}", net)
        return self._activated(layer, name, self.keep(f"net_{name}", net))

    def _add(self, layer: dict[str, Any], name: str, *sources: Any) -> Any:
        return self.keep(f"out_{name}", sum(sources[1:], sources[0]))

    def _reshape(self, layer: dict[str, Any], name: str, x: Any) -> Any:
        return self.keep(f"out_{name}", x.reshape(-1, *layer["shape"]))

    def _embedding(self, layer: dict[str, Any], name: str, x: Any) -> Any:
        return self.keep(f"out_{name}", self.functional.embedding(x.long(), self.parameters[f"W_{name}"]))

    def _position(self, layer: dict[str, Any], name: str, x: Any) -> Any:
        torch = self.torch
        if layer.get("encoding") == "learned":
            return self.keep(f"out_{name}", x + self.parameters[f"P_{name}"])
        positions, width = x.shape[1:]
        waves = torch.zeros(positions, width, dtype=torch.float64)
        place = torch.arange(positions, dtype=torch.float64)[:, None]
        rate = torch.exp(torch.arange(0, width, 2, dtype=torch.float64) * (-math.log(10000.0) / width))
        waves[:, 0::2] = torch.sin(place * rate)
        waves[:, 1::2] = torch.cos(place * rate[: width // 2])
        return self.keep(f"out_{name}", x + waves)

    def _layer_norm(self, layer: dict[str, Any], name: str, x: Any) -> Any:
        mean = self.keep(f"mu_{name}", x.mean(dim=-1))
        d = self.keep(f"d_{name}", x - mean[..., None])
        variance = self.keep(f"var_{name}", (d * d).mean(dim=-1))
        r = self.keep(f"rstd_{name}", 1.0 / self.torch.sqrt(variance + layer["epsilon"]))
        scaled = d * r[..., None]
        if not layer.get("affine", True):
            out = self.keep(f"out_{name}", scaled)
            self.agree(out, self.functional.layer_norm(x, x.shape[-1:], eps=layer["epsilon"]))
            return out
        gamma, beta = self.parameters[f"gamma_{name}"], self.parameters[f"beta_{name}"]
        out = self.keep(f"out_{name}", gamma * self.keep(f"xhat_{name}", scaled) + beta)
        self.agree(out, self.functional.layer_norm(x, x.shape[-1:], gamma, beta, layer["epsilon"]))
        return out

    def _attention(self, layer: dict[str, Any], name: str, *sources: Any) -> Any:
        torch, functional = self.torch, self.functional
        inputs = (sources[0], sources[min(1, len(sources) - 1)], sources[-1])
        projections, heads = layer["projections"], layer["heads"]

        def projected(one: str, stem: str, x: Any) -> Any:
            if one not in projections:
                return x
            return self.keep(
                f"{stem}_{name}",
                functional.linear(x, self.parameters[f"W{one}_{name}"], self.parameters.get(f"b{one}_{name}")),
            )

        q, k, v = (projected(one, one, x) for one, x in zip("qkv", inputs, strict=True))

        def split(x: Any) -> Any:
            return x.reshape(*x.shape[:2], heads, -1).transpose(1, 2)

        def joined(stem: str, table: Any) -> Any:
            """A table that has an axis of heads, kept as the engine has it: of one head without."""
            kept = self.keep(f"{stem}_{name}", table if heads > 1 else table[:, 0])
            return kept if heads > 1 else kept[:, None]

        dots = joined("dot", split(q) @ split(k).transpose(-1, -2))
        seen = torch.ones(dots.shape[-2:], dtype=torch.bool).tril() if layer["causal"] else None
        scores = dots / math.sqrt(q.shape[-1] // heads)
        if seen is not None:
            scores = scores.masked_fill(~seen, -math.inf)
        scores = joined("scores", scores)
        e = joined("e", torch.exp(scores - scores.amax(dim=-1, keepdim=True).detach()))
        if seen is not None:
            # Later positions are left out, so that what stands there has no gradient.
            e = e.masked_fill(~seen, 0.0)
        total = joined("S", e.sum(dim=-1))
        weights = joined("a", e / total[..., None])
        mixed = (weights @ split(v)).transpose(1, 2).reshape(q.shape[0], q.shape[1], -1)
        out = self.keep(f"{'z' if 'o' in projections else 'out'}_{name}", mixed)
        plain = functional.scaled_dot_product_attention(split(q), split(k), split(v), attn_mask=seen)
        self.agree(out, plain.transpose(1, 2).reshape(out.shape))
        out = projected("o", "out", out)
        self._multihead(layer, name, inputs, out, weights, seen)
        return out

    def _multihead(
        self, layer: dict[str, Any], name: str, inputs: tuple[Any, ...], out: Any, weights: Any, seen: Any
    ) -> None:
        """The same by ``nn.MultiheadAttention``, where that can have these projections."""
        torch = self.torch
        width, units = inputs[0].shape[-1], out.shape[-1]
        if len(layer["projections"]) < 4 or {layer.get("width", width), units} != {width}:
            return
        biased = layer["bias"] == "neuron"
        kind = {"kdim": inputs[1].shape[-1], "vdim": inputs[2].shape[-1], "bias": biased, "dtype": torch.float64}
        module = torch.nn.MultiheadAttention(width, layer["heads"], batch_first=True, **kind)
        given = {one: self.parameters[f"W{one}_{name}"] for one in "qkvo"}
        with torch.no_grad():
            if module.in_proj_weight is None:
                for one in "qkv":
                    getattr(module, f"{one}_proj_weight").copy_(given[one])
            else:
                module.in_proj_weight.copy_(torch.cat([given[one] for one in "qkv"]))
            module.out_proj.weight.copy_(given["o"])
            if biased:
                module.in_proj_bias.copy_(torch.cat([self.parameters[f"b{one}_{name}"] for one in "qkv"]))
                module.out_proj.bias.copy_(self.parameters[f"bo_{name}"])
        mask = None if seen is None else ~seen
        found, table = module(*inputs, attn_mask=mask, average_attn_weights=False)
        self.agree(out, found)
        self.agree(weights, table)
        self.multihead = getattr(self, "multihead", 0) + 1


def loss_terms(model: Model, spec: dict[str, Any], goal: Any) -> Any:
    """E_o[s, t, i], with the reductions in it; their sum is E."""
    out, functional = model.named["out_o"], model.functional
    batch, positions, units = out.shape
    match spec["loss"]["kind"]:
        case "half_squared_error":
            return 0.5 * (out - goal) ** 2
        case "mean_squared_error":
            return (out - goal) ** 2 / out.numel()
        case _:
            hot = functional.one_hot(goal.long(), units).double()
            terms = -hot * functional.log_softmax(model.named["net_o"], dim=-1) / (batch * positions)
            mean = functional.cross_entropy(model.named["net_o"].reshape(-1, units), goal.long().reshape(-1))
            model.agree(terms.sum(), mean)
            return terms


def reference(text: str) -> dict[str, Any]:
    """What PyTorch computes: the first iteration in full, the losses, the parameters after some updates."""
    spec = tomllib.loads(text)
    model = Model(spec)
    torch = model.torch
    inputs = torch.tensor(spec["data"]["inputs"], dtype=torch.float64)
    goals = torch.tensor(spec["data"]["targets"], dtype=torch.float64)
    size = spec["training"]["batch_size"] or len(inputs)
    starts = range(0, len(inputs), size)
    trained = {name: value for name, value in model.parameters.items() if value.requires_grad}
    optimizer = torch.optim.SGD(trained.values(), lr=spec["training"]["learning_rate"]) if trained else None
    first: dict[str, Any] = {}
    losses = []
    for update in range(UPDATES):
        start = starts[update % len(starts)]
        model.forward(inputs[start : start + size])
        out = model.named["out_o"]
        goal = goals[start : start + size]
        classes = spec["loss"]["kind"] == "cross_entropy"
        terms = loss_terms(model, spec, goal.reshape(out.shape[:2] if classes else out.shape))
        loss = terms.sum()
        losses.append(loss.item())
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
        if not update:
            first = {name: value.detach().tolist() for name, value in {**model.named, "E_o": terms}.items()}
            for name, value in {**model.named, **trained}.items():
                if value.grad is not None:
                    first[f"grad({name})"] = value.grad.tolist()
        if optimizer is not None:
            optimizer.step()
    parameters = {name: value.detach().tolist() for name, value in model.parameters.items()}
    return {
        "text": text,
        "losses": losses,
        "first": first,
        "parameters": parameters,
        "multihead": getattr(model, "multihead", 0),
    }


def shorter(value: Any) -> Any:
    """Numbers with 13 digits, however deep."""
    match value:
        case float():
            return float(f"{value:.13g}")
        case dict():
            return {key: shorter(part) for key, part in value.items()}
        case list():
            return [shorter(part) for part in value]
        case _:
            return value


def load() -> list[dict[str, Any]]:
    """The committed networks."""
    found: list[dict[str, Any]] = json.loads(gzip.decompress(STORE.read_bytes()))
    return found


def main() -> None:
    """Write the store."""
    found = [reference(recipe(number).text) for number in range(COUNT)]
    # Without −∞, which is no JSON, and without a time in its header; in 13 digits, which tell 1e-9 apart.
    text = json.dumps(shorter(found), ensure_ascii=False, separators=(",", ":")).replace("-Infinity", "null")
    STORE.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
