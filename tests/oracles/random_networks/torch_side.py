"""The training of a scenario in PyTorch: losses, autograd, ``torch.optim`` and its schedulers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tests.oracles.random_networks import torch_layers, torch_sequences, torch_spatial
from tests.oracles.random_networks.torch_layers import TorchPass, torch_module
from tests.oracles.random_networks.torch_training import Optimiser
from tests.oracles.random_networks.walk import Given, Iteration, Spec, named, share_of, width

KINDS = {**torch_layers.KINDS, **torch_spatial.KINDS, **torch_sequences.KINDS}


def loss_terms(run: TorchPass, loss: dict[str, Any], out: Any, goal: Any) -> Any:
    """E of one output at one time, element by element."""
    functional = run.functional
    match loss["kind"]:
        case "value":
            return out
        case "half_squared_error":
            return 0.5 * functional.mse_loss(out, goal, reduction="none")
        case "squared_error" | "mean_squared_error":
            return functional.mse_loss(out, goal, reduction="none")
        case "mean_absolute_error":
            return functional.l1_loss(out, goal, reduction="none")
        case "huber":
            return functional.huber_loss(out, goal, reduction="none", delta=loss["delta"])
        case "binary_cross_entropy":
            return functional.binary_cross_entropy(out, goal, reduction="none")
        case "binary_cross_entropy_logits":
            return functional.binary_cross_entropy_with_logits(out, goal, reduction="none")
        case "cross_entropy":
            smooth = loss["label_smoothing"]
            goal = (1.0 - smooth) * goal + smooth / goal.shape[-1]
            return -goal * functional.log_softmax(run.logits[id(out)], dim=-1)
    raise AssertionError(loss["kind"])


def total_loss(run: TorchPass, goals: Any) -> Any:
    """E, the sum of all terms of all losses; the terms are noted."""
    total: Any = 0.0
    column = 0
    for loss in run.spec.losses:
        value = run.values[loss["layer"]]
        timed = isinstance(value, list)
        steps = value if timed else [value]
        mask = run.mask(len(steps)) if timed else None
        share = share_of(loss, tuple(steps[0].shape), len(steps) if timed else 0, None if mask is None else run.lengths)
        for number, out in enumerate(steps):
            size = 0 if loss["kind"] == "value" else width(out)
            goal = goals[:, column : column + size]
            column += size
            terms = loss_terms(run, loss, out, goal.reshape(out.shape) if size else goal)
            terms = loss["weight"] * terms / share
            if mask is not None:
                terms = terms * mask[:, number].reshape(-1, *(1,) * (terms.dim() - 1))
            run.kept[named("E", loss["layer"], number + 1 if timed else None)] = terms
            total = total + terms.sum()
    assert column == goals.shape[1]
    return total


def penalty(training: Mapping[str, Any], trained: Mapping[str, Any], biases: frozenset[str]) -> Any:
    """What L1 and L2 add to the loss."""
    total: Any = 0.0
    for name, value in trained.items():
        if name in biases and not training.get("penalise_biases"):
            continue
        if "l1" in training:
            total = total + training["l1"] * value.abs().sum()
        if "l2" in training:
            total = total + (0.5 if training.get("l2_half", True) else 1.0) * training["l2"] * value.square().sum()
    return total


def train(text: str, given: Given) -> list[Iteration]:
    """All iterations of a scenario."""
    torch = torch_module()
    usual = torch.get_default_dtype()
    # NAdam keeps the product of its momenta in the default type, whatever that of the parameters is.
    torch.set_default_dtype(torch.float64)
    try:
        return _trained(torch, text, given)
    finally:
        torch.set_default_dtype(usual)


def _trained(torch: Any, text: str, given: Given) -> list[Iteration]:
    spec = Spec(text)
    parameters = {
        name: torch.tensor(values, dtype=torch.float64, requires_grad=name in given.trainable)
        for name, values in given.parameters.items()
    }
    memory: dict[str, Any] = {}
    trained = {name: parameters[name] for name in given.trainable}
    per_epoch = len(given.rows) // spec.epochs
    optimiser = Optimiser(spec.training, trained, given.biases, spec.epochs, per_epoch)
    inputs, targets = torch.tensor(spec.inputs), torch.tensor(spec.targets)
    found = []
    for rows, masks in zip(given.rows, given.masks, strict=True):
        run = TorchPass(spec, parameters, memory, {name: torch.tensor(mask) for name, mask in masks.items()}, KINDS)
        run.run(inputs[list(rows)], None if spec.lengths is None else torch.tensor(spec.lengths)[list(rows)])
        loss = total_loss(run, targets[list(rows)])
        for value in trained.values():
            value.grad = None
        if loss.requires_grad:
            loss.backward()
        reached = {name: value for name, value in trained.items() if value.grad is not None}
        assert set(reached) == given.reached
        cost = penalty(spec.training, reached, given.biases)
        if isinstance(cost, torch.Tensor):
            cost.backward()
            loss = loss + cost
        now = Iteration({"E": np.array(loss.item())})
        for name, value in run.kept.items():
            now.values[name] = value.detach().numpy()
        for name, value in [*run.kept.items(), *trained.items()]:
            if (value.is_leaf or value.retains_grad) and value.grad is not None:
                now.values[f"grad({name})"] = value.grad.numpy().copy()
        optimiser.step(loss.item())
        for name, value in [*parameters.items(), *memory.items()]:
            now.after[name] = value.detach().numpy().copy()
        found.append(now)
    return found
