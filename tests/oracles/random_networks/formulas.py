"""Optimisers, clipping and schedules from the formulas that PyTorch documents, in NumPy: the updates beside JAX."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from tests.oracles.random_networks.walk import Floats

State = dict[str, Any]


class Formulas:
    """An optimiser with its schedule.

    Args:
        training: the table ``[training]``.
        biases: the names of the biases.
        epochs: the epochs of the training.
        per_epoch: iterations in an epoch.
    """

    def __init__(self, training: Mapping[str, Any], biases: frozenset[str], epochs: int, per_epoch: int) -> None:
        self.training, self.biases, self.epochs, self.per_epoch = training, biases, epochs, per_epoch
        self.name = training.get("optimizer", "sgd")
        self.states: dict[str, State] = {}
        self.iteration, self.losses = 0, 0.0
        self.factor, self.best, self.bad, self.cool = 1.0, math.inf, 0, 0

    def step(self, parameters: dict[str, Floats], slopes: Mapping[str, Floats], loss: float) -> None:
        """Replaces the parameters that have a gradient."""
        rate = self.training["learning_rate"] * self._factor()
        slopes = self._clipped(slopes)
        decay = self.training.get("weight_decay", 0.01 if self.name == "adamw" else 0.0)
        decoupled = self.training.get("decoupled", self.name in {"adamw", "lion"})
        self.iteration += 1
        for name, g in slopes.items():
            w = parameters[name]
            if name not in self.biases or self.training.get("decay_biases", True):
                g = g if decoupled else g + decay * w
                w = w - rate * decay * w if decoupled else w
            parameters[name] = w - self._change(self.states.setdefault(name, {}), g, rate)
        self._note(loss)

    def _clipped(self, slopes: Mapping[str, Floats]) -> Mapping[str, Floats]:
        if "clip_norm" in self.training:
            norm = math.sqrt(sum(float(np.sum(g * g)) for g in slopes.values()))
            share = min(1.0, self.training["clip_norm"] / (norm + 1e-6))
            return {name: g * share for name, g in slopes.items()}
        bound = self.training.get("clip_value", math.inf)
        return {name: np.clip(g, -bound, bound) for name, g in slopes.items()}

    def _change(self, state: State, g: Floats, lr: float) -> Any:
        """What is subtracted from a parameter."""
        get, t = self.training.get, self.iteration

        def average(key: str, share: float, value: Any) -> Any:
            state[key] = share * state.get(key, 0.0) + (1 - share) * value
            return state[key]

        def root(value: Any, eps: float) -> Any:
            return np.sqrt(value + eps) if get("eps_inside") else np.sqrt(value) + eps

        match self.name:
            case "sgd":
                return self._momentum(state, g, lr)
            case "adagrad":
                state["s"] = state.get("s", get("initial_accumulator", 0.0)) + g * g
                return lr / (1 + (t - 1) * get("lr_decay", 0.0)) * g / root(state["s"], get("eps", 1e-10))
            case "rmsprop":
                alpha = get("alpha", 0.99)
                spread = average("s", alpha, g * g)
                if get("centered"):
                    spread = spread - average("a", alpha, g) ** 2
                state["v"] = get("momentum", 0.0) * state.get("v", 0.0) + g / root(spread, get("eps", 1e-8))
                return lr * state["v"]
            case "adadelta":
                rho, eps = get("rho", 0.9), get("eps", 1e-6)
                before = np.sqrt(state.get("u", 0.0) + eps)
                d = before / np.sqrt(average("s", rho, g * g) + eps) * g
                average("u", rho, d * d)
                return lr * d
            case "rprop":
                return self._rprop(state, g)
            case "lion":
                first, second = get("betas", (0.9, 0.99))
                c = first * state.get("m", 0.0) + (1 - first) * g
                average("m", second, g)
                return lr * np.sign(c)
        return self._adam(state, g, lr, average)

    def _momentum(self, state: State, g: Floats, lr: float) -> Any:
        get = self.training.get
        mu, form, nesterov = get("momentum", 0.0), get("momentum_form", "accumulated"), get("nesterov", False)
        if not mu:
            return lr * g
        if form == "step":
            v = state["v"] = mu * state.get("v", 0.0) - lr * g
            return lr * g - mu * v if nesterov else -v
        if form == "averaged":
            v = state["v"] = mu * state.get("v", 0.0) + (1 - mu) * g
            return lr * ((1 - mu) * g + mu * v if nesterov else v)
        # The first gradient enters without the dampening.
        v = state["v"] = mu * state["v"] + (1 - get("dampening", 0.0)) * g if "v" in state else g
        return lr * (g + mu * v if nesterov else v)

    def _rprop(self, state: State, g: Floats) -> Floats:
        get = self.training.get
        (shrink, grow), (least, most) = get("etas", (0.5, 1.2)), get("step_sizes", (1e-6, 50.0))
        turn = np.sign(g * state.get("last", 0.0))
        factor = np.where(turn > 0, grow, np.where(turn < 0, shrink, 1.0))
        state["size"] = np.clip(state.get("size", get("learning_rate")) * factor, least, most)
        state["last"] = np.where(turn < 0, 0.0, g)
        return np.asarray(np.sign(state["last"]) * state["size"])

    def _adam(self, state: State, g: Floats, lr: float, average: Any) -> Any:
        get, t = self.training.get, self.iteration
        (first, second), eps = get("betas", (0.9, 0.999)), get("eps", 1e-8)
        m = average("m", first, g)
        if self.name == "adamax":
            state["u"] = np.maximum(second * state.get("u", 0.0), np.abs(g) + eps)
            return lr / (1 - first**t) * m / state["u"]
        v = average("v", second, g * g)
        if self.name == "amsgrad" or get("amsgrad"):
            v = state["most"] = np.maximum(state.get("most", 0.0), v)
        if self.name == "nadam":
            psi = get("momentum_decay", 4e-3)
            mu, ahead = (first * (1 - 0.5 * 0.96 ** (at * psi)) for at in (t, t + 1))
            state["product"] = state.get("product", 1.0) * mu
            m = ahead * m / (1 - state["product"] * ahead) + (1 - mu) * g / (1 - state["product"])
            return lr * m / (np.sqrt(v / (1 - second**t)) + eps)
        m = m / (1 - first**t)
        if self.name == "radam":
            longest = 2 / (1 - second) - 1
            length = longest - 2 * t * second**t / (1 - second**t)
            if length <= 5:
                return lr * m
            r = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
            return lr * m * math.sqrt(r * (1 - second**t)) / (np.sqrt(v) + eps)
        return lr * m / (np.sqrt(v / (1 - second**t)) + eps)

    # -- schedules

    def _factor(self) -> float:
        """The share of η in this iteration."""
        table = self.training.get("schedule")
        if table is None:
            return 1.0
        kind = table["kind"]
        if kind == "plateau":
            return self.factor
        by_iteration = table.get("unit", "iteration" if kind == "one_cycle" else "epoch") == "iteration"
        t = self.iteration if by_iteration else self.iteration // self.per_epoch
        units = self.epochs * (self.per_epoch if by_iteration else 1)
        first, low = table.get("warm_up", 0), table.get("start_factor", 1 / 3)
        if t < first:
            return float(low + (1 - low) * t / first)
        t -= first
        match kind:
            case "step":
                count = sum(at <= t for at in table["milestones"]) if "milestones" in table else t // table["every"]
                return float(table.get("gamma", 0.1) ** count)
            case "exponential":
                return float(table["gamma"] ** t)
            case "cosine":
                end, period = table.get("end_factor", 0.0), table.get("period", max(1, units - first))
                return float(end + (1 - end) * (1 + math.cos(math.pi * t / period)) / 2)
            case "one_cycle":
                return self._cycle(table, t, table.get("cycle", units))
        return 1.0

    @staticmethod
    def _cycle(table: Mapping[str, Any], t: int, total: int) -> float:
        low = 1 / table.get("div_factor", 25.0)
        end, top = low / table.get("final_div_factor", 1e4), table.get("peak", 0.3) * total - 1
        if table.get("three_phases"):
            corners = [(0.0, low), (top, 1.0), (2 * top, low), (total - 1.0, end)]
        else:
            corners = [(0.0, low), (top, 1.0), (total - 1.0, end)]
        for (start, before), (stop, after) in pairwise(corners):
            if t <= stop:
                share = (t - start) / (stop - start)
                if table.get("anneal", "cosine") == "cosine":
                    share = (1 - math.cos(math.pi * share)) / 2
                return float(before + (after - before) * share)
        return float(end)

    def _note(self, loss: float) -> None:
        """What a schedule on a plateau remembers."""
        self.losses += loss
        if self.iteration % self.per_epoch:
            return
        mean, self.losses = self.losses / self.per_epoch, 0.0
        table = self.training.get("schedule")
        if table is None or table["kind"] != "plateau":
            return
        if mean < self.best * (1 - table.get("threshold", 1e-4)):
            self.best, self.bad = mean, 0
        else:
            self.bad += 1
        if self.cool > 0:
            self.cool, self.bad = self.cool - 1, 0
        if self.bad > table.get("patience", 10):
            self.factor = max(self.factor * table.get("factor", 0.1), table.get("min_factor", 0.0))
            self.cool, self.bad = table.get("cooldown", 0), 0
