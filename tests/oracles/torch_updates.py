"""Training in PyTorch, float64: what updates, penalties, clipping and learning-rate schedules are compared with.

Run from the root of the repository, where PyTorch is installed, to write ``torch_updates.json.gz`` anew:

    python -m tests.oracles.torch_updates

The network is read from the text of a scenario and trained with ``torch.optim``, ``torch.nn.utils.clip_grad_*`` and
``torch.optim.lr_scheduler``; nothing of the engine takes part.
"""

from __future__ import annotations

import gzip
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.oracles.torch_dense import torch_module
from tests.support.updates import network

STORE = Path(__file__).with_name("torch_updates.json.gz")
UPDATES = 15

SETTINGS: tuple[Mapping[str, Any], ...] = (
    {"optimizer": "sgd"},
    {"optimizer": "sgd", "momentum": 0.9},
    {"optimizer": "sgd", "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.1},
    {"optimizer": "sgd", "momentum": 0.8, "nesterov": True},
    {"optimizer": "adagrad", "lr_decay": 0.1, "initial_accumulator": 0.5},
    {"optimizer": "rmsprop", "weight_decay": 0.05},
    {"optimizer": "rmsprop", "alpha": 0.9, "centered": True, "momentum": 0.5, "weight_decay": 0.01},
    {"optimizer": "adadelta", "rho": 0.8, "eps": 1e-4},
    {"optimizer": "adam"},
    {"optimizer": "adam", "betas": [0.5, 0.9], "amsgrad": True, "weight_decay": 0.1},
    {"optimizer": "adam", "weight_decay": 0.1, "decoupled": True},
    {"optimizer": "amsgrad", "betas": [0.5, 0.7]},
    {"optimizer": "adamw"},
    {"optimizer": "adamw", "weight_decay": 0.2, "decay_biases": False, "amsgrad": True},
    {"optimizer": "adamax", "eps": 1e-3},
    {"optimizer": "nadam", "momentum_decay": 0.05, "weight_decay": 0.1},
    {"optimizer": "nadam", "weight_decay": 0.1, "decoupled": True},
    {"optimizer": "radam", "betas": [0.9, 0.99]},
    {"optimizer": "radam", "weight_decay": 0.1, "decoupled": True},
    {"optimizer": "rprop", "etas": [0.4, 1.3], "step_sizes": [1e-3, 2.0]},
    {"optimizer": "sgd", "l2": 0.1},
    {"optimizer": "sgd", "l2": 0.1, "l2_half": False, "penalise_biases": True},
    {"optimizer": "sgd", "l1": 0.05, "momentum": 0.5},
    {"optimizer": "adam", "l1": 0.05, "l2": 0.1},
    {"optimizer": "adamw", "l1": 0.05, "l2": 0.1, "l2_half": False},
    {"optimizer": "sgd", "clip_norm": 0.5, "momentum": 0.9},
    {"optimizer": "sgd", "clip_norm": 100.0},
    {"optimizer": "sgd", "clip_value": 0.2},
    {"optimizer": "adam", "clip_norm": 0.3, "l2": 0.2, "weight_decay": 0.1},
    {"optimizer": "sgd", "schedule": {"kind": "step", "every": 2, "gamma": 0.5}},
    {"optimizer": "adam", "schedule": {"kind": "exponential", "gamma": 0.8, "unit": "iteration"}},
    {"optimizer": "adamw", "schedule": {"kind": "cosine", "period": 12, "unit": "iteration"}},
    {"optimizer": "adagrad", "lr_decay": 0.2, "schedule": {"kind": "warm_up", "warm_up": 3}},
    {"optimizer": "sgd", "momentum": 0.9, "schedule": {"kind": "one_cycle", "cycle": 15}},
    {"optimizer": "sgd", "schedule": {"kind": "plateau", "patience": 0, "threshold": 0.5, "factor": 0.5}},
)
"""Everything that PyTorch has too."""

RATES: tuple[Mapping[str, Any], ...] = (
    {"kind": "step", "every": 3},
    {"kind": "step", "every": 4, "gamma": 0.7, "unit": "iteration"},
    {"kind": "step", "milestones": [2, 3, 7], "gamma": 0.5},
    {"kind": "exponential", "gamma": 0.9},
    {"kind": "exponential", "gamma": 1.05, "unit": "iteration", "warm_up": 4},
    {"kind": "cosine", "period": 8},
    {"kind": "cosine", "period": 30, "end_factor": 0.1, "unit": "iteration"},
    {"kind": "cosine", "period": 20, "end_factor": 0.2, "unit": "iteration", "warm_up": 5, "start_factor": 0.1},
    {"kind": "step", "every": 6, "unit": "iteration", "warm_up": 7, "start_factor": 0.5},
    {"kind": "warm_up", "warm_up": 4},
    {"kind": "warm_up", "warm_up": 10, "start_factor": 0.01, "unit": "iteration"},
    {"kind": "one_cycle", "cycle": 36},
    {"kind": "one_cycle", "cycle": 40, "peak": 0.25, "div_factor": 10.0, "final_div_factor": 100.0, "anneal": "linear"},
    {"kind": "one_cycle", "cycle": 36, "three_phases": True},
    {"kind": "one_cycle", "cycle": 12, "peak": 0.5, "unit": "epoch"},
    {"kind": "plateau", "patience": 1, "factor": 0.5},
    {"kind": "plateau", "patience": 0, "factor": 0.1, "min_factor": 0.05},
    {"kind": "plateau", "patience": 1, "factor": 0.5, "cooldown": 2, "threshold": 0.1},
)
"""Schedules whose rates are compared alone."""

EPOCHS, PER_EPOCH, RATE = 12, 3, 0.2
LOSSES: tuple[float, ...] = (
    *(3.0, 2.0, 2.5, 2.0, 1.9, 2.1, 2.0, 2.0, 2.0, 2.0, 1.7, 2.3, 1.5, 1.4, 1.6, 1.5, 1.5, 1.5),
    *(1.49, 1.5, 1.51, 1.2, 1.1, 1.3, 1.2, 1.2, 1.3, 1.2, 1.2, 1.4, 1.2, 1.1, 1.3, 1.2, 1.2, 1.19),
)
"""E of each iteration, for what waits on a plateau."""


@contextmanager
def double(torch: Any) -> Iterator[None]:
    """PyTorch keeps numbers such as the product of NAdam's momenta in its default type."""
    usual = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(usual)


def optimiser_of(torch: Any, training: Mapping[str, Any], weights: list[Any], biases: list[Any]) -> Any:
    """The optimiser of PyTorch with the same options."""
    names = {
        "sgd": "SGD",
        "rmsprop": "RMSprop",
        "amsgrad": "Adam",
        "adamw": "AdamW",
        "nadam": "NAdam",
        "radam": "RAdam",
    }
    renamed = {"initial_accumulator": "initial_accumulator_value", "decoupled": "decoupled_weight_decay"}
    ours = {"optimizer", "learning_rate", "update", "batch_size", "decay_biases", "schedule"}
    ours |= {"l1", "l2", "l2_half", "penalise_biases", "clip_norm", "clip_value"}
    name = training["optimizer"]
    words = {renamed.get(key, key): value for key, value in training.items() if key not in ours}
    if name == "amsgrad":
        words["amsgrad"] = True
    groups = [{"params": weights}, {"params": biases}]
    if training.get("decay_biases") is False:
        groups[1]["weight_decay"] = 0.0  # type: ignore[assignment]
    kind = getattr(torch.optim, names.get(name, name.capitalize()))
    return kind(groups, lr=training["learning_rate"], **words)


def scheduler_of(torch: Any, optimiser: Any, table: Mapping[str, Any], rate: float) -> Any:
    """The schedule of PyTorch with the same rates, to be stepped once per unit."""
    kinds = torch.optim.lr_scheduler
    warm = table.get("warm_up", 0)
    rest: Any = None
    match table["kind"]:
        case "step" if "milestones" in table:
            rest = kinds.MultiStepLR(optimiser, table["milestones"], gamma=table.get("gamma", 0.1))
        case "step":
            rest = kinds.StepLR(optimiser, table["every"], gamma=table.get("gamma", 0.1))
        case "exponential":
            rest = kinds.ExponentialLR(optimiser, table["gamma"])
        case "cosine":
            end = rate * table.get("end_factor", 0.0)
            rest = kinds.CosineAnnealingLR(optimiser, table["period"], eta_min=end)
        case "one_cycle":
            words = {"pct_start": table.get("peak", 0.3), "three_phase": table.get("three_phases", False)}
            words |= {key: table[key] for key in ("div_factor", "final_div_factor") if key in table}
            strategy = {"cosine": "cos"}.get(table.get("anneal", "cosine"), "linear")
            return kinds.OneCycleLR(
                optimiser, rate, total_steps=table["cycle"], anneal_strategy=strategy, cycle_momentum=False, **words
            )
        case "plateau":
            words = {"factor": table.get("factor", 0.1), "patience": table.get("patience", 10)}
            words |= {"threshold": table.get("threshold", 1e-4), "cooldown": table.get("cooldown", 0)}
            return kinds.ReduceLROnPlateau(optimiser, min_lr=rate * table.get("min_factor", 0.0), **words)
    if not warm:
        return rest
    first = kinds.LinearLR(optimiser, start_factor=table.get("start_factor", 1 / 3), total_iters=warm)
    return first if rest is None else kinds.SequentialLR(optimiser, [first, rest], [warm])


def trained(setting: Mapping[str, Any]) -> dict[str, Any]:
    """The network of ``updates.network``, trained by PyTorch in batches of two."""
    torch = torch_module()
    text = network(setting, extra="batch_size = 2")
    content = tomllib.loads(text)
    training = content["training"]
    found: dict[str, Any] = {"text": text, "losses": [], "rates": []}
    with double(torch):
        layers = content["network"]["layers"]
        weights = [torch.tensor(layer["weights"], requires_grad=True) for layer in layers]
        biases = [torch.tensor(layer["biases"], requires_grad=True) for layer in layers]
        x, t = torch.tensor(content["data"]["inputs"]), torch.tensor(content["data"]["targets"])
        optimiser = optimiser_of(torch, training, weights, biases)
        table, rate = training.get("schedule"), training["learning_rate"]
        scheduler = None if table is None else scheduler_of(torch, optimiser, table, rate)
        by_iteration = (table is not None and table.get("unit", "epoch") == "iteration") or (table or {}).get("cycle")
        batches = [slice(start, start + 2) for start in range(0, len(x), 2)]
        epoch: list[float] = []
        for update in range(UPDATES):
            rows = batches[update % len(batches)]
            optimiser.zero_grad()
            out = torch.tanh(x[rows] @ weights[0].T + biases[0]) @ weights[1].T + biases[1]
            loss = ((out - t[rows]) ** 2).mean() + penalty(training, weights, biases)
            loss.backward()
            if "clip_value" in training:
                torch.nn.utils.clip_grad_value_([*weights, *biases], training["clip_value"])
            if "clip_norm" in training:
                torch.nn.utils.clip_grad_norm_([*weights, *biases], training["clip_norm"])
            found["losses"].append(loss.item())
            found["rates"].append(optimiser.param_groups[0]["lr"])
            epoch.append(loss.item())
            optimiser.step()
            last = (update + 1) % len(batches) == 0
            if scheduler is not None and (by_iteration or last):
                scheduler.step(*([sum(epoch) / len(epoch)] if table["kind"] == "plateau" else []))
            if last:
                epoch = []
        names = [("W_h", weights[0]), ("b_h", biases[0]), ("W_o", weights[1]), ("b_o", biases[1])]
        found["parameters"] = {name: values.detach().tolist() for name, values in names}
    return found


def penalty(training: Mapping[str, Any], weights: Sequence[Any], biases: Sequence[Any]) -> Any:
    """What the loss has besides."""
    half = 0.5 if training.get("l2_half", True) else 1.0
    every = [*weights, *biases] if training.get("penalise_biases") else weights
    return sum(
        training.get("l1", 0.0) * values.abs().sum() + half * training.get("l2", 0.0) * (values**2).sum()
        for values in every
    )


def rates(table: Mapping[str, Any]) -> list[float]:
    """The learning rate of each iteration."""
    torch = torch_module()
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    scheduler = scheduler_of(torch, optimiser, table, RATE)
    by_iteration = table.get("unit", "iteration" if table["kind"] == "one_cycle" else "epoch") == "iteration"
    found = []
    for iteration in range(EPOCHS * PER_EPOCH):
        found.append(float(optimiser.param_groups[0]["lr"]))
        optimiser.step()
        if iteration + 1 < EPOCHS * PER_EPOCH and (by_iteration or (iteration + 1) % PER_EPOCH == 0):
            losses = LOSSES[iteration + 1 - PER_EPOCH : iteration + 1]
            scheduler.step(*([sum(losses) / PER_EPOCH] if table["kind"] == "plateau" else []))
    return found


def load() -> dict[str, Any]:
    """What is committed."""
    found: dict[str, Any] = json.loads(gzip.decompress(STORE.read_bytes()))
    return found


def main() -> None:
    """Writes the store."""
    content = {"trained": [trained(setting) for setting in SETTINGS], "rates": [rates(table) for table in RATES]}
    STORE.write_bytes(gzip.compress(json.dumps(content).encode(), mtime=0))


if __name__ == "__main__":
    main()
