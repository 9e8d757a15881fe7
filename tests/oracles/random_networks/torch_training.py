"""Optimisers and schedules: those of ``torch.optim``, and from their formulas what it does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.oracles.random_networks.torch_layers import torch_module


def weight_decay(training: Mapping[str, Any]) -> tuple[float, bool]:
    """λ, and whether it is decoupled from the gradient."""
    name = training["optimizer"]
    decay = training.get("weight_decay", 0.01 if name == "adamw" else 0.0)
    return decay, training.get("decoupled", name in {"adamw", "lion"})


class Optimiser:
    """An optimiser with its schedule.

    Args:
        training: the table ``[training]``.
        parameters: what is trained, by name.
        biases: the names of the biases.
        epochs: the epochs of the training.
        per_epoch: iterations in an epoch.
    """

    def __init__(
        self,
        training: Mapping[str, Any],
        parameters: Mapping[str, Any],
        biases: frozenset[str],
        epochs: int,
        per_epoch: int,
    ) -> None:
        self.torch = torch_module()
        self.training, self.per_epoch = training, per_epoch
        self.parameters = list(parameters.values())
        if not parameters:
            return
        decay, decoupled = weight_decay(training)
        groups = []
        for name, value in parameters.items():
            own = 0.0 if name in biases and not training.get("decay_biases", True) else decay
            groups.append({"params": [value], "weight_decay": own})
        make = TORCH[training.get("optimizer", "sgd")]
        self.optimiser = make(self.torch, groups, training, decoupled)
        # The classes of torch.optim decouple the decay themselves where they can.
        self._shrinks = decoupled and not getattr(self.optimiser, "decouples", False)
        if self._shrinks:
            self._decays = [group["weight_decay"] for group in groups]
            for group in self.optimiser.param_groups:
                group["weight_decay"] = 0.0
        self.schedule = schedule_of(self.torch, self.optimiser, training, epochs, per_epoch)
        self.iteration, self.losses = 0, 0.0

    def step(self, loss: float) -> None:
        """Clips the gradients, updates the parameters, and moves the schedule on."""
        if not self.parameters:
            return
        training, clip = self.training, self.torch.nn.utils
        trained = [value for value in self.parameters if value.grad is not None]
        if "clip_norm" in training and trained:
            clip.clip_grad_norm_(trained, training["clip_norm"])
        if "clip_value" in training:
            clip.clip_grad_value_(trained, training["clip_value"])
        if self._shrinks:
            with self.torch.no_grad():
                for group, decay in zip(self.optimiser.param_groups, self._decays, strict=True):
                    for value in group["params"]:
                        if value.grad is not None:
                            value.mul_(1.0 - group["lr"] * decay)
        self.optimiser.step()
        self.iteration += 1
        self.losses += loss
        ended = self.iteration % self.per_epoch == 0
        table = training.get("schedule")
        if table is not None and table["kind"] == "plateau":
            if ended:
                self.schedule.step(self.losses / self.per_epoch)
        elif table is not None:
            by_iteration = table.get("unit", "iteration" if table["kind"] == "one_cycle" else "epoch") == "iteration"
            if by_iteration or ended:
                self.schedule.step()
        if ended:
            self.losses = 0.0


def _native(name: str, *keys: str, **fixed: Any) -> Callable[..., Any]:
    """An optimiser of torch.optim with those of the keys that the scenario states."""

    def make(torch: Any, groups: Any, training: Mapping[str, Any], decoupled: bool) -> Any:
        given = {key: training[key] for key in keys if key in training}
        given = {key: tuple(value) if isinstance(value, list) else value for key, value in given.items()}
        if name in {"NAdam", "RAdam"}:
            given["decoupled_weight_decay"] = decoupled
        chosen = "AdamW" if name == "Adam" and decoupled else name
        if name == "Rprop":
            for group in groups:
                del group["weight_decay"]
        made = getattr(torch.optim, chosen)(groups, lr=training["learning_rate"], foreach=False, **given, **fixed)
        made.decouples = decoupled and chosen in {"AdamW", "NAdam", "RAdam"}
        return made

    return make


def _sgd(torch: Any, groups: Any, training: Mapping[str, Any], decoupled: bool) -> Any:
    if training.get("momentum_form", "accumulated") != "accumulated":
        return _own(torch, groups, training, "sgd")
    return _native("SGD", "momentum", "dampening", "nesterov")(torch, groups, training, decoupled)


def _adagrad(torch: Any, groups: Any, training: Mapping[str, Any], decoupled: bool) -> Any:
    if training.get("eps_inside"):
        return _own(torch, groups, training, "adagrad")
    start = training.get("initial_accumulator", 0.0)
    return _native("Adagrad", "lr_decay", "eps", initial_accumulator_value=start)(torch, groups, training, decoupled)


def _rmsprop(torch: Any, groups: Any, training: Mapping[str, Any], decoupled: bool) -> Any:
    if training.get("eps_inside"):
        return _own(torch, groups, training, "rmsprop")
    return _native("RMSprop", "alpha", "eps", "centered", "momentum")(torch, groups, training, decoupled)


def _lion(torch: Any, groups: Any, training: Mapping[str, Any], decoupled: bool) -> Any:
    del decoupled
    return _own(torch, groups, training, "lion")


TORCH: Mapping[str, Callable[..., Any]] = {
    "sgd": _sgd,
    "adagrad": _adagrad,
    "rmsprop": _rmsprop,
    "adadelta": _native("Adadelta", "rho", "eps"),
    "adam": _native("Adam", "betas", "eps", "amsgrad"),
    "amsgrad": _native("Adam", "betas", "eps", amsgrad=True),
    "adamw": _native("Adam", "betas", "eps", "amsgrad"),
    "adamax": _native("Adamax", "betas", "eps"),
    "nadam": _native("NAdam", "betas", "eps", "momentum_decay"),
    "radam": _native("RAdam", "betas", "eps"),
    "rprop": _native("Rprop", "etas", "step_sizes"),
    "lion": _lion,
}
"""Every optimiser by its word in a scenario file."""


def _own(torch: Any, groups: Any, training: Mapping[str, Any], name: str) -> Any:
    """What torch.optim does not have: the averaged and the stepped momentum, ε inside the root, Lion."""
    mu, alpha, rate = training.get("momentum", 0.0), training.get("alpha", 0.99), training["learning_rate"]
    nesterov = training.get("nesterov", False)

    def zeros(state: dict[str, Any], key: str, w: Any, start: float = 0.0) -> Any:
        return state.setdefault(key, torch.full_like(w, start))

    def sgd(w: Any, g: Any, lr: float, state: dict[str, Any]) -> Any:
        v = zeros(state, "v", w)
        if training["momentum_form"] == "step":
            v.copy_(mu * v - lr * g)
            return w + (mu * v - lr * g if nesterov else v)
        v.copy_(mu * v + (1 - mu) * g)
        return w - lr * ((1 - mu) * g + mu * v if nesterov else v)

    def adagrad(w: Any, g: Any, lr: float, state: dict[str, Any]) -> Any:
        s = zeros(state, "s", w, training.get("initial_accumulator", 0.0))
        state["t"] = state.get("t", 0) + 1
        s.add_(g * g)
        lr /= 1 + (state["t"] - 1) * training.get("lr_decay", 0.0)
        return w - lr * g / torch.sqrt(s + training.get("eps", 1e-10))

    def rmsprop(w: Any, g: Any, lr: float, state: dict[str, Any]) -> Any:
        s, a, v = zeros(state, "s", w), zeros(state, "a", w), zeros(state, "v", w)
        s.copy_(alpha * s + (1 - alpha) * g * g)
        a.copy_(alpha * a + (1 - alpha) * g)
        spread = s - a * a if training.get("centered") else s
        v.copy_(mu * v + g / torch.sqrt(spread + training.get("eps", 1e-8)))
        return w - lr * v

    def lion(w: Any, g: Any, lr: float, state: dict[str, Any]) -> Any:
        first, second = training.get("betas", (0.9, 0.99))
        m = zeros(state, "m", w)
        c = first * m + (1 - first) * g
        m.copy_(second * m + (1 - second) * g)
        return w - lr * torch.sign(c)

    rule = {"sgd": sgd, "adagrad": adagrad, "rmsprop": rmsprop, "lion": lion}[name]

    class Own(torch.optim.Optimizer):  # type: ignore[misc]
        @torch.no_grad()  # type: ignore[untyped-decorator]
        def step(self) -> None:
            for group in self.param_groups:
                for w in group["params"]:
                    if w.grad is not None:
                        g = w.grad + group["weight_decay"] * w
                        w.copy_(rule(w, g, group["lr"], self.state[w]))

    return Own(groups, {"lr": rate, "weight_decay": 0.0})


def schedule_of(torch: Any, optimiser: Any, training: Mapping[str, Any], epochs: int, per_epoch: int) -> Any:
    """The scheduler of torch.optim.lr_scheduler with the rates of a schedule."""
    table = training.get("schedule")
    if table is None:
        return None
    schedulers, rate = torch.optim.lr_scheduler, training["learning_rate"]
    kind = table["kind"]
    unit = table.get("unit", "iteration" if kind == "one_cycle" else "epoch")
    units = epochs * (per_epoch if unit == "iteration" else 1)
    first = table.get("warm_up", 0)
    match kind:
        case "step" if "milestones" in table:
            made = schedulers.MultiStepLR(optimiser, table["milestones"], table.get("gamma", 0.1))
        case "step":
            made = schedulers.StepLR(optimiser, table["every"], table.get("gamma", 0.1))
        case "exponential":
            made = schedulers.ExponentialLR(optimiser, table["gamma"])
        case "cosine":
            period = table.get("period", max(1, units - first))
            made = schedulers.CosineAnnealingLR(optimiser, period, eta_min=rate * table.get("end_factor", 0.0))
        case "warm_up":
            return schedulers.LinearLR(optimiser, table.get("start_factor", 1 / 3), 1.0, total_iters=first)
        case "one_cycle":
            return schedulers.OneCycleLR(
                optimiser,
                rate,
                total_steps=table.get("cycle", units),
                pct_start=table.get("peak", 0.3),
                div_factor=table.get("div_factor", 25.0),
                final_div_factor=table.get("final_div_factor", 1e4),
                anneal_strategy={"cosine": "cos", "linear": "linear"}[table.get("anneal", "cosine")],
                three_phase=table.get("three_phases", False),
                cycle_momentum=False,
            )
        case "plateau":
            return schedulers.ReduceLROnPlateau(
                optimiser,
                factor=table.get("factor", 0.1),
                patience=table.get("patience", 10),
                threshold=table.get("threshold", 1e-4),
                cooldown=table.get("cooldown", 0),
                min_lr=rate * table.get("min_factor", 0.0),
                eps=0.0,
            )
    if not first:
        return made
    for group in optimiser.param_groups:
        group["lr"] = rate
    warm = schedulers.LinearLR(optimiser, table.get("start_factor", 1 / 3), 1.0, total_iters=first)
    return schedulers.SequentialLR(optimiser, [warm, made], milestones=[first])
